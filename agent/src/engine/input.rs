//! What can happen to the agent's engine: one closed list. Values only; nothing here decides.

use std::time::Duration;

use systole_common::ids::{DaemonName, InstanceId};
use systole_common::model::coded::Growing;
use systole_common::wire::control::{Echo, Intervals, Policy};
use systole_common::wire::hello::{CloseCode, Refusal};

/// One attempt to reach one daemon, and the connection that came of it. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// A request that waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// A daemon as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonAddress {
    /// Its TLS name.
    pub name: DaemonName,
    /// `HOST:PORT`, resolved anew at each attempt.
    pub address: String,
}

/// A hello that the daemon accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The daemon's start.
    pub daemon: InstanceId,
    /// What the daemon wants.
    pub policy: Policy,
    /// Address and port that were dialled, for people.
    pub remote: String,
}

/// How a connection ended without our doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// The daemon does not know it any more: it was restarted.
    Reset,
    /// Nothing was heard for the transport's idle time.
    TimedOut,
    /// The daemon closed it.
    Closed {
        /// Why, for programs.
        code: Growing<CloseCode>,
        /// Why, for people.
        text: String,
    },
    /// The transport or a frame broke.
    Broken {
        /// One plain line.
        why: String,
    },
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The deadline has come.
    Tick,
    /// These daemons are configured, in this order; links to others end.
    Daemons(Vec<DaemonAddress>),
    /// A usable certificate is loaded: dial. Live links are made anew so that it is shown.
    CertificateReady,
    /// The certificate cannot be used; links that exist go on.
    CertificateUnusable {
        /// One plain line.
        why: String,
    },
    /// What a hello says has changed: live links are made anew.
    HelloChanged,
    /// The handshake is done; the hello's answer is awaited.
    Answering {
        /// The attempt.
        connection: ConnectionId,
    },
    /// The hello was accepted.
    Accepted {
        /// The attempt, from here on a connection.
        connection: ConnectionId,
        /// What the daemon said.
        accepted: Accepted,
    },
    /// The hello was refused.
    Refused {
        /// The attempt.
        connection: ConnectionId,
        /// What the daemon said.
        refusal: Refusal,
    },
    /// The attempt came to nothing.
    Failed {
        /// The attempt.
        connection: ConnectionId,
        /// One plain line.
        why: String,
        /// Whether one side refused the other's certificate: time alone does not mend that.
        refused: bool,
    },
    /// The connection ended.
    Lost {
        /// Which.
        connection: ConnectionId,
        /// How.
        loss: Loss,
    },
    /// The daemon echoed a heartbeat.
    Echoed {
        /// On which connection.
        connection: ConnectionId,
        /// The frame.
        echo: Echo,
    },
    /// The daemon wants other intervals.
    Intervals {
        /// On which connection.
        connection: ConnectionId,
        /// The frame.
        intervals: Intervals,
    },
    /// The daemon has another policy.
    Policy {
        /// On which connection.
        connection: ConnectionId,
        /// The frame.
        policy: Policy,
    },
    /// Announce an absence.
    Leave {
        /// Whom to tell how it went.
        request: RequestId,
        /// How long.
        lease: Duration,
        /// Why, for people.
        why: String,
    },
    /// Take an announced absence back.
    Return {
        /// Whom to tell how it went.
        request: RequestId,
    },
    /// Say goodbye and end.
    Stop {
        /// Why, for people.
        why: String,
    },
}

impl Input {
    /// The attempt or connection that it is about.
    pub fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Answering { connection }
            | Self::Accepted { connection, .. }
            | Self::Refused { connection, .. }
            | Self::Failed { connection, .. }
            | Self::Lost { connection, .. }
            | Self::Echoed { connection, .. }
            | Self::Intervals { connection, .. }
            | Self::Policy { connection, .. } => Some(*connection),
            Self::Tick
            | Self::Daemons(_)
            | Self::CertificateReady
            | Self::CertificateUnusable { .. }
            | Self::HelloChanged
            | Self::Leave { .. }
            | Self::Return { .. }
            | Self::Stop { .. } => None,
        }
    }
}
