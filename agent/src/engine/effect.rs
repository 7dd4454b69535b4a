//! What the agent's engine asks of the shell: one closed list. Values only; nothing here decides.

use std::time::Duration;

use systole_common::ids::DaemonName;
use systole_common::time::{Mono, UnixMs};
use systole_common::wire::agent::Intent;
use systole_common::wire::hello::CloseCode;

use super::input::{ConnectionId, DaemonAddress, RequestId};

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Dial the daemon from a new socket; the result comes back under `connection`.
    Dial {
        /// The new attempt.
        connection: ConnectionId,
        /// Whom.
        daemon: DaemonAddress,
    },
    /// Give the attempt up; nothing more is wanted of it.
    Abandon {
        /// Which.
        connection: ConnectionId,
    },
    /// Close the connection; nothing more is wanted of it.
    Close {
        /// Which.
        connection: ConnectionId,
        /// Why, for programs.
        code: CloseCode,
        /// Why, for people.
        reason: String,
    },
    /// Write a heartbeat on each of its targets now.
    Beat(Beat),
    /// Sample like this from now on.
    Sample(Sampling),
    /// Answer a `leave`.
    Told {
        /// The request.
        request: RequestId,
        /// Daemons that confirmed it.
        told: Vec<DaemonName>,
        /// Daemons that did not, in time.
        untold: Vec<DaemonName>,
    },
    /// Log a line.
    Note(Notice),
    /// All goodbyes are said or given up: end.
    Stopped,
}

/// The engine's part of a heartbeat; clocks, pressure and progress are added when it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// Grows by one each heartbeat.
    pub sequence: u64,
    /// Bits of `wire::agent::flags`.
    pub flags: u16,
    /// When the next one comes, in milliseconds.
    pub next_in_ms: u32,
    /// Longest delay of the loop since the one before, in microseconds.
    pub loop_lag_max_us: u32,
    /// Heartbeats that the loop had no time for since the one before.
    pub ticks_skipped: u32,
    /// Heartbeats made since the start, this one included.
    pub heartbeats_sent: u64,
    /// Announced absence or end.
    pub intent: Intent,
    /// Where it is written.
    pub targets: Vec<Target>,
}

/// A connection that a heartbeat is written on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Which.
    pub connection: ConnectionId,
    /// Sequence of the newest echo seen on it; 0 if none.
    pub echo_sequence: u64,
    /// When that echo was seen.
    pub echo_at: Mono,
}

/// How often to look at what, as the daemons want it: the shortest interval wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// Whether any daemon is connected; if not, live samples are dropped.
    pub connected: bool,
    /// Between live samples.
    pub live: Duration,
    /// Between stored samples.
    pub stored: Duration,
    /// Between looks at the processes.
    pub processes: Duration,
    /// Most series that are sent.
    pub series_max: usize,
}

/// Something that belongs in the log; `summary` has the sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// First connection to a daemon since the start.
    Connected {
        /// The daemon.
        daemon: DaemonName,
        /// Address and port that were dialled.
        remote: String,
    },
    /// A daemon was never reached since the start.
    Unreached {
        /// The daemon.
        daemon: DaemonName,
        /// Why.
        why: String,
    },
    /// A daemon refuses this agent.
    Refused {
        /// The daemon.
        daemon: DaemonName,
        /// Why.
        why: String,
        /// When the next attempt comes.
        retry_in: Duration,
    },
    /// A daemon that was heard is not heard any more.
    Gone {
        /// The daemon.
        daemon: DaemonName,
        /// When it was heard last.
        since: UnixMs,
        /// Why.
        why: String,
    },
    /// A daemon is heard again.
    Back {
        /// The daemon.
        daemon: DaemonName,
        /// Address and port that were dialled.
        remote: String,
        /// How long it was not heard.
        silent: Duration,
    },
    /// A fresh connection took the place of the old one.
    Replaced {
        /// The daemon.
        daemon: DaemonName,
        /// Address and port that were dialled.
        remote: String,
    },
    /// A working connection could not be made anew.
    NotRenewed {
        /// The daemon.
        daemon: DaemonName,
        /// Why.
        why: String,
        /// When the next attempt comes.
        retry_in: Duration,
    },
    /// The heartbeat interval changed.
    Interval {
        /// The new one.
        heartbeat: Duration,
    },
    /// The heartbeat loop stood still.
    Paused {
        /// How long.
        paused: Duration,
    },
    /// An absence was announced.
    LeaseBegan {
        /// How long.
        lease: Duration,
        /// Why.
        why: String,
    },
    /// An announced absence was taken back.
    LeaseCancelled,
    /// An announced absence is over and the agent is still here.
    LeaseEnded,
}
