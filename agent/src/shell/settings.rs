//! Reads the configuration and the certificates; again on SIGHUP, with the same flags.

use std::path::PathBuf;

use systole_common::config::{ConfigErrors, Override, Settings, load};
use systole_common::net::certificates::{CertificateError, Credentials};
use systole_common::net::identity::Holder;
use systole_common::time::UnixMs;

use super::clocks::clocks;
use super::host::place;
use crate::config::{Config, SCHEMA};

/// Where the settings come from, beside the environment.
#[derive(Debug, Clone, Default)]
pub struct Loader {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// What other flags say.
    pub overrides: Vec<Override>,
}

impl Loader {
    /// The settings as they are now.
    pub fn load(&self) -> Result<(Settings, Config), ConfigErrors> {
        let settings = load(&SCHEMA, self.file.as_deref(), &self.overrides)?;
        let config = Config::new(&settings, &place(Some(&settings)))?;
        Ok((settings, config))
    }
}

/// The agent's certificate, key and CAs as they are now.
pub fn credentials(config: &Config) -> Result<Credentials, CertificateError> {
    Credentials::load(Holder::Agent, &config.tls, UnixMs(clocks().wall_ms))
}
