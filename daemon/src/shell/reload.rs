//! SIGHUP: configuration and certificates anew. Whatever is broken leaves its old self in force.

use std::sync::Arc;

use systole_common::net::certificates::Credentials;
use systole_common::net::endpoint::ServerEndpoint;
use systole_common::net::tls::ServerTls;
use systole_common::telemetry::Telemetry;
use tracing::{info, warn};

use super::context::Context;
use super::credentials;
use super::metrics::slot::Intake;
use super::settings_source::{self, Loaded};
use super::watchdog;
use crate::cli::Flags;
use crate::config::RESTART_KEYS;
use crate::engine::input::Input;

/// What is in force and where to read it anew.
pub(super) struct Reloader {
    /// The command line.
    pub(super) flags: Flags,
    /// Settings in force.
    pub(super) loaded: Loaded,
    /// Certificates in force.
    pub(super) credentials: Credentials,
    /// What all tasks share.
    pub(super) context: Arc<Context>,
    /// The endpoint.
    pub(super) endpoint: Arc<ServerEndpoint>,
    /// The log.
    pub(super) telemetry: Option<Telemetry>,
}

impl Reloader {
    /// Reads everything anew. The list of revoked certificates holds even if the certificates are broken.
    pub(super) async fn reload(&mut self) {
        watchdog::reloading();
        match settings_source::read(&self.flags) {
            Ok(loaded) => self.take_settings(loaded).await,
            Err(error) => {
                let reason = error.to_string().replace('\n', "; ");
                warn!(reason, "configuration is wrong; the old one stays in force");
            }
        }
        match credentials::load(&self.loaded.config.tls) {
            Ok(credentials) => self.credentials = credentials,
            Err(error) => {
                warn!(reason = %error, "certificates are wrong; the old ones stay in force");
            }
        }
        let revoked = self.loaded.config.revoked.clone();
        if let Err(error) = self.endpoint.reload(ServerTls::new(&self.credentials, revoked)) {
            warn!(reason = %error, "certificates cannot be used; the old ones stay in force");
        }
        self.cut_revoked();
        self.context.tell(Input::OwnCertificates(credentials::endings(&self.credentials))).await;
        watchdog::ready();
    }

    async fn take_settings(&mut self, loaded: Loaded) {
        let changed = loaded.settings.changed(&self.loaded.settings);
        let later: Vec<&str> =
            changed.iter().map(String::as_str).filter(|key| RESTART_KEYS.contains(key)).collect();
        if !later.is_empty() {
            warn!(keys = later.join(", "), "these settings are taken over by a restart only");
        }
        info!(changed = changed.join(", "), "configuration was read anew");
        let config = &loaded.config;
        self.context.limits.store(Arc::new(config.limits));
        self.context.revoked.store(Arc::new(config.revoked.clone()));
        self.context.talk.store(Arc::new(config.engine.talk));
        self.context.files.set_per_host(config.files.per_host_bytes);
        if let Some(telemetry) = &self.telemetry
            && let Err(error) = telemetry.set_level(&config.log_level)
        {
            warn!(reason = %error, "log level stays as it was");
        }
        self.context.metrics.order(Intake::Retention(config.retention)).await;
        let mut engine = config.engine.clone();
        // Until the restart files are where they were.
        engine.files_path.clone_from(&self.loaded.config.engine.files_path);
        self.context.tell(Input::Settings(Box::new(engine))).await;
        self.loaded = loaded;
    }

    fn cut_revoked(&self) {
        let revoked = self.context.revoked.load();
        for peer in self.context.peers.cut(|fingerprint| revoked.contains(fingerprint)) {
            warn!(
                who = %peer.leaf.identity,
                address = %peer.address,
                fingerprint = %peer.leaf.fingerprint,
                "connection of a revoked certificate is cut"
            );
        }
    }
}
