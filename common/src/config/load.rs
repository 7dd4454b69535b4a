//! The thin shell around [`resolve`]: finds and reads the file, collects the variables.
//!
//! The only part of this folder that touches the world. The file is the one of `--config`, else of
//! `SYSTOLE_CONFIG`, else `$XDG_CONFIG_HOME/systole/NAME.toml` (not as root), else
//! `/etc/systole/NAME.toml`. One that was named must exist; the two usual places may be empty.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::FILE_BYTES_MAX;
use super::error::{ConfigError, ConfigErrors};
use super::resolve::{FileText, Inputs, Override, resolve};
use super::schema::Schema;
use super::settings::{Settings, Source};
use crate::time::use_zone;

/// The variable that names the file.
const FILE_VARIABLE: &str = "SYSTOLE_CONFIG";
/// Where the system's configuration is.
const SYSTEM_FOLDER: &str = "/etc/systole";
/// Our folder in a user's configuration.
const USER_SUBFOLDER: &str = "systole";

/// What the loader takes from its surroundings.
#[derive(Debug, Clone)]
pub struct World {
    /// All environment variables.
    pub variables: Vec<(OsString, OsString)>,
    /// Whether this is root, who has no configuration folder of its own.
    pub is_root: bool,
    /// Where relative paths of flags and variables start.
    pub current_folder: PathBuf,
    /// `/etc/systole`, elsewhere in tests.
    pub system_folder: PathBuf,
}

impl World {
    /// The surroundings of this process.
    pub fn here() -> Self {
        Self {
            variables: env::vars_os().collect(),
            is_root: rustix::process::geteuid().is_root(),
            current_folder: env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            system_folder: PathBuf::from(SYSTEM_FOLDER),
        }
    }

    fn variable(&self, name: &str) -> Option<&OsString> {
        let found = self.variables.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value).filter(|value| !value.is_empty())
    }

    /// `$XDG_CONFIG_HOME/systole`, or `~/.config/systole`; none for root.
    fn user_folder(&self) -> Option<PathBuf> {
        let set = self.variable("XDG_CONFIG_HOME").map(PathBuf::from);
        let home = || Some(PathBuf::from(self.variable("HOME")?).join(".config"));
        let base = set.filter(|path| path.is_absolute()).or_else(home)?;
        (!self.is_root).then(|| base.join(USER_SUBFOLDER))
    }
}

/// The settings of this process: `config` is the value of `--config`. Call it again to reload; an
/// error leaves whatever was loaded before as it is. The first call also tells [`crate::time`] in
/// which zone this process's people live.
pub fn load(
    schema: &'static Schema,
    config: Option<&Path>,
    overrides: &[Override],
) -> Result<Settings, ConfigErrors> {
    use_zone(TimeZone::system());
    load_in(schema, config, overrides, &World::here())
}

/// The settings in given surroundings.
pub fn load_in(
    schema: &'static Schema,
    config: Option<&Path>,
    overrides: &[Override],
    world: &World,
) -> Result<Settings, ConfigErrors> {
    let (file, default_folder) = find_file(schema, config, world)?;
    let mut errors = ConfigErrors::default();
    let inputs = Inputs {
        file,
        default_folder,
        current_folder: world.current_folder.clone(),
        variables: texts(&world.variables, &mut errors),
        overrides: overrides.to_vec(),
    };
    match resolve(schema, &inputs) {
        Ok(settings) if errors.is_empty() => Ok(settings),
        Ok(_) => Err(errors),
        Err(more) => Err(more.after(errors)),
    }
}

/// Our variables as text.
fn texts(variables: &[(OsString, OsString)], errors: &mut ConfigErrors) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with("SYSTOLE_")) else {
            continue;
        };
        match value.to_str() {
            Some(value) => found.push((name.to_owned(), value.to_owned())),
            None if name == FILE_VARIABLE => {}
            None => errors.push(ConfigError::VariableNotText { name: name.to_owned() }),
        }
    }
    found.sort();
    found
}

/// The file, and the folder where it would be.
fn find_file(
    schema: &Schema,
    config: Option<&Path>,
    world: &World,
) -> Result<(Option<FileText>, PathBuf), ConfigError> {
    let variable = world.variable(FILE_VARIABLE).map(PathBuf::from);
    if let Some(path) = config.map(Path::to_path_buf).or(variable) {
        let path = world.current_folder.join(path);
        let file = read(&path)?;
        return Ok((Some(file), world.current_folder.clone()));
    }
    let name = format!("{}.toml", schema.program);
    let user_folder = world.user_folder();
    for folder in user_folder.iter().chain([&world.system_folder]) {
        match read(&folder.join(&name)) {
            Ok(file) => return Ok((Some(file), folder.clone())),
            Err(ConfigError::Unreadable { source, .. }) if is_absent(&source) => {}
            Err(error) => return Err(error),
        }
    }
    Ok((None, user_folder.unwrap_or_else(|| world.system_folder.clone())))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Reads a regular file of a bounded length; never waits for a pipe.
fn read(path: &Path) -> Result<FileText, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_path_buf(), source };
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(ConfigError::NotAFile { path: path.to_path_buf() });
    }
    let mut bytes = Vec::new();
    let limit = FILE_BYTES_MAX as u64 + 1;
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(ConfigError::TooLong { path: path.to_path_buf() });
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = 1 + valid.filter(|byte| **byte == b'\n').count();
        ConfigError::NotText { place: Source::File { path: Arc::from(path), line } }
    })?;
    Ok(FileText { path: path.to_path_buf(), text })
}
