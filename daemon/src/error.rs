//! Every way in which systoled ends other than well: one plain line, one exit code.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use systole_common::config::ConfigErrors;
use systole_common::exit::Exit;
use systole_common::net::certificates::CertificateError;
use systole_common::net::endpoint::EndpointError;
use systole_common::telemetry::TelemetryError;

use crate::config::SetError;
use crate::shell::store::StoreError;

/// See the module's words.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration is wrong; one line each.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// A flag is wrong.
    #[error(transparent)]
    Flag(#[from] SetError),
    /// The own certificate or a CA cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The UDP port is taken, or TLS cannot be set up.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The HTTP port is taken.
    #[error(
        "cannot listen on http.listen {address} ({source}); stop the program that has it, or set http.listen to another address or \"off\""
    )]
    Http {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The state folder cannot be made or written.
    #[error("{}: {what} failed ({source}); set state.path to a folder that this user may write, or mend its owner and mode", path.display())]
    Folder {
        /// The folder or a file in it.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Another daemon has the state folder.
    #[error("{}: another systoled{pid} uses this folder; stop it, or set state.path to another folder", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
        /// ` (process N)` if it is known.
        pid: String,
    },
    /// `state.db` cannot be opened or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stop took too long.
    #[error("the stop took longer than {} s: what was not yet acknowledged may be lost; look for a slow disk", .0.as_secs())]
    Drain(std::time::Duration),
    /// Logging cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// Threads cannot be started.
    #[error("{what} cannot be started ({source}); raise the limit of threads and processes")]
    Thread {
        /// Which part.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// `check-config --connect` found something wrong; it has said what.
    #[error("not everything is as it must be; see the lines above")]
    Checked(Exit),
    /// A fault of ours.
    #[error("{0} ended by a fault of this program; please report this with the log")]
    Bug(&'static str),
}

impl DaemonError {
    /// The exit code of the contract.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(errors) => errors.exit(),
            Self::Flag(_) | Self::Certificate(_) | Self::Telemetry(_) => Exit::Usage,
            Self::Endpoint(_)
            | Self::Http { .. }
            | Self::Folder { .. }
            | Self::Locked { .. }
            | Self::Store(_)
            | Self::Drain(_)
            | Self::Thread { .. } => Exit::Failed,
            Self::Checked(exit) => *exit,
            Self::Bug(_) => Exit::Bug,
        }
    }
}
