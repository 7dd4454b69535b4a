//! Everything that can end the program early: one line each, and how the program ends.

use std::io;

use systole_common::config::ConfigErrors;
use systole_common::exit::Exit;
use systole_common::net::certificates::CertificateError;
use systole_common::telemetry::TelemetryError;

use crate::commands::{SayError, SendError};
use crate::config::SetError;
use crate::shell::host::NoRandom;
use crate::shell::local::client::ClientError;
use crate::shell::local::listener::SocketError;
use crate::shell::spool::SpoolError;

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The configuration is not right.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// A `--set` sets nothing.
    #[error(transparent)]
    Set(#[from] SetError),
    /// The own certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Logging cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The spool cannot be used.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The local socket cannot be made.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The running agent did not do it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There is nothing to say.
    #[error(transparent)]
    Say(#[from] SayError),
    /// The file is not even offered.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The system gives no random numbers.
    #[error(transparent)]
    Random(#[from] NoRandom),
    /// `/proc` cannot be read.
    #[error("/proc cannot be read ({source}); the agent needs it mounted")]
    Proc {
        /// What the system said.
        source: io::Error,
    },
    /// A thread, signal handler or runtime cannot be made.
    #[error("the system gives no {what} ({source}); look at the limits of the agent's user")]
    System {
        /// What is missing.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The answer cannot be printed as JSON.
    #[error("the answer cannot be printed as JSON ({0}); report this")]
    Json(#[from] serde_json::Error),
    /// Nobody reads the output any more.
    #[error("the output cannot be written ({source})")]
    Output {
        /// What the system said.
        source: io::Error,
    },
}

impl AgentError {
    /// Turns a failure of the system into an error that says what is missing.
    pub fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }

    /// How the program ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(errors) => errors.exit(),
            Self::Set(_)
            | Self::Certificate(_)
            | Self::Say(SayError::Text(_) | SayError::NotText) => Exit::Usage,
            Self::Say(SayError::Place(refused)) => refused.exit(),
            Self::Telemetry(error) => error.exit(),
            Self::Spool(error) => error.exit(),
            Self::Socket(error) => error.exit(),
            Self::Client(error) => error.exit(),
            Self::Send(error) => error.exit(),
            Self::Say(SayError::Input { .. })
            | Self::Random(_)
            | Self::Proc { .. }
            | Self::System { .. }
            | Self::Output { .. } => Exit::Failed,
            Self::Json(_) => Exit::Bug,
        }
    }
}
