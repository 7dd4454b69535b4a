//! Where settings are read from, at start and at each SIGHUP: flags, variables, the file.

use std::env;
use std::path::PathBuf;

use systole_common::config::{Settings, load};

use crate::cli::Flags;
use crate::config::{Config, Place, SCHEMA, overrides};
use crate::error::DaemonError;

/// Settings as written, and typed.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    /// Every key with its value and source.
    pub(super) settings: Settings,
    /// The same in types.
    pub(super) config: Config,
}

/// Reads all layers. Called again it reads them anew.
pub(super) fn read(flags: &Flags) -> Result<Loaded, DaemonError> {
    let overrides = overrides(
        flags.listen.as_deref(),
        flags.http.as_deref(),
        flags.state.as_deref(),
        &flags.set,
    )?;
    let settings = load(&SCHEMA, flags.config.as_deref(), &overrides)?;
    let config = Config::new(&settings, &place(&settings))?;
    Ok(Loaded { settings, config })
}

fn place(settings: &Settings) -> Place {
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
    let state_folder =
        folder("XDG_STATE_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/state")));
    let is_root = rustix::process::geteuid().is_root();
    let is_system = is_root || settings.file().is_some_and(|file| file.starts_with("/etc/systole"));
    Place { is_system, state_folder }
}
