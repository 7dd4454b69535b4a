//! The daemon's own certificate at start and at reload. One that is only out of its time is waited for.

use systole_common::ids::{DaemonName, Identity};
use systole_common::net::certificates::{CertificateError, Credentials, TlsPaths};
use systole_common::net::identity::Holder;
use systole_common::time::UnixMs;
use tokio::time::timeout;
use tracing::{error, info};

use super::http::Health;
use super::settings_source::{self, Loaded};
use super::signals::{Asked, Signals};
use super::{clock, watchdog};
use crate::cli::Flags;
use crate::engine::input::OwnCertificate;
use crate::error::DaemonError;
use crate::limits::CERTIFICATE_RETRY;

/// Loads what the `[tls]` section names.
pub(super) fn load(paths: &TlsPaths) -> Result<Credentials, CertificateError> {
    Credentials::load(Holder::Daemon, paths, clock::wall())
}

/// Waits until the own certificate is within its time; every other fault ends the start. `None`: the
/// daemon was asked to stop meanwhile. SIGHUP reads `loaded` anew, for another certificate perhaps.
pub(super) async fn wait(
    flags: &Flags,
    loaded: &mut Loaded,
    health: &Health,
    signals: &mut Signals,
) -> Result<Option<Credentials>, DaemonError> {
    let mut said = None;
    loop {
        let why = match load(&loaded.config.tls) {
            Ok(credentials) => {
                if said.is_some() {
                    info!(file = %credentials.cert.display(), "certificate can be used now");
                }
                return Ok(Some(credentials));
            }
            Err(error) if error.is_about_time() => error,
            Err(error) => return Err(error.into()),
        };
        let what = fault(&why);
        if said.as_ref() != Some(&what) {
            error!(reason = %why, retry_s = CERTIFICATE_RETRY.as_secs(), "waiting for a certificate that can be used");
            said = Some(what);
        }
        health.not_ready(why.to_string());
        watchdog::waiting(&why.to_string(), CERTIFICATE_RETRY);
        match timeout(CERTIFICATE_RETRY, signals.next()).await {
            Ok(Asked::Stop) => return Ok(None),
            Ok(Asked::Reload) => match settings_source::read(flags) {
                Ok(read) => *loaded = read,
                Err(error) => {
                    error!(reason = %error, "configuration is wrong; the old one stays in force");
                }
            },
            Err(_) => {}
        }
    }
}

/// What is wrong without the time of looking, so that the same fault is said once.
fn fault(error: &CertificateError) -> (UnixMs, bool) {
    match error {
        CertificateError::NotYetValid { not_before, .. } => (*not_before, false),
        CertificateError::Expired { not_after, .. } => (*not_after, true),
        _ => (UnixMs(0), false),
    }
}

/// The daemon's name in its certificate; [`load`] has checked that it is a daemon's.
pub(super) fn name(credentials: &Credentials) -> Result<DaemonName, DaemonError> {
    match &credentials.leaf.identity {
        Identity::Daemon(name) => Ok(name.clone()),
        Identity::Agent(_) | Identity::Operator(..) => Err(DaemonError::Bug("certificates")),
    }
}

/// When the own certificates end, for the engine's warnings.
pub(super) fn endings(credentials: &Credentials) -> Vec<OwnCertificate> {
    let own = OwnCertificate { name: "daemon".into(), expires: credentials.leaf.not_after };
    let anchors = credentials.anchors.iter().map(|anchor| OwnCertificate {
        name: format!("{}-ca", anchor.holder),
        expires: anchor.not_after,
    });
    std::iter::once(own).chain(anchors).collect()
}
