//! What the agent knows of itself and its daemons, as `status` shows it. Values only.

use std::time::Duration;

use systole_common::ids::DaemonName;
use systole_common::time::UnixMs;

/// How things stand with one daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// It was not reached yet.
    Connecting,
    /// It hears this agent and answers.
    Connected,
    /// It was heard and is not any more.
    Gone,
    /// It answers and refuses this agent.
    Refused,
}

impl LinkState {
    /// Its name in JSON and on screens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Gone => "gone",
            Self::Refused => "refused",
        }
    }
}

/// One daemon and how things stand with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonReport {
    /// Its name.
    pub name: DaemonName,
    /// Its address as configured.
    pub address: String,
    /// How things stand.
    pub state: LinkState,
    /// Since when; of a daemon that is gone, when it was heard last.
    pub since: UnixMs,
    /// Newest round trip.
    pub rtt: Option<Duration>,
    /// Why it is not connected.
    pub reason: Option<String>,
}

/// Which daemons hear this agent, in the order of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hearing {
    /// Those that hear it and answer.
    pub near: Vec<DaemonName>,
    /// All others.
    pub away: Vec<DaemonName>,
}

/// An announced absence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseReport {
    /// When it ends.
    pub until: UnixMs,
    /// Why.
    pub why: String,
}

/// The engine as `status` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Each daemon, in the order of the configuration.
    pub daemons: Vec<DaemonReport>,
    /// The heartbeat interval in force.
    pub heartbeat_interval: Duration,
    /// Heartbeats made since the start.
    pub heartbeats_sent: u64,
    /// An announced absence.
    pub lease: Option<LeaseReport>,
}

impl Report {
    /// Which daemons hear this agent.
    pub fn hearing(&self) -> Hearing {
        let is_near = |one: &&DaemonReport| one.state == LinkState::Connected;
        let (near, away): (Vec<_>, Vec<_>) = self.daemons.iter().partition(is_near);
        let names = |daemons: Vec<&DaemonReport>| {
            daemons.into_iter().map(|daemon| daemon.name.clone()).collect()
        };
        Hearing { near: names(near), away: names(away) }
    }
}
