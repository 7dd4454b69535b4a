//! The local Unix socket: how commands talk with the running agent, one line of JSON each way.
//!
//! Any user who may open the socket may ask how things stand, talk and send files; only root and the
//! agent's own user may announce an absence. Lines and clients are bounded. [`client`] asks,
//! [`server`] answers; connections that stay are in `chat`.

mod chat;
pub mod client;
pub mod listener;
mod reader;
pub mod server;
mod user;
mod words;

use serde::{Deserialize, Serialize};
use systole_common::exit::Exit;
use systole_common::ids::DaemonName;
use systole_common::time::UnixMs;

use crate::engine::delivery::Cursor;
use crate::engine::status::{DaemonReport, LeaseReport, Report};
use crate::shell::delivery::outlet::DeliveryReport;
pub use words::{
    ChatWords, CountWords, DecisionWords, LinkWords, MessageWords, Offered, SaidWords,
    SendProgress, SendRequest,
};

/// What a command asks of the running agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// How do things stand?
    Status {},
    /// Announce an absence.
    Leave {
        /// How long, in milliseconds.
        for_ms: u64,
        /// Why, for people.
        why: String,
    },
    /// Take an announced absence back.
    Return {},
    /// Write a message.
    Say {
        /// `#ops` or the host's own place; that one if nothing is said.
        to: Option<String>,
        /// As it was typed.
        text: String,
    },
    /// What was written to this host: [`Answer::Message`]s, then [`Answer::End`].
    Inbox {
        /// Not earlier than this, in milliseconds since 1970.
        since_ms: Option<i64>,
        /// The newest, at most so many.
        count: u32,
    },
    /// Messages as they come, as [`Answer::Message`]s; [`Request::Say`] may follow.
    Chat {},
    /// Offer a file and send it.
    Send(SendRequest),
}

/// What the agent answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// How things stand.
    Status(Status),
    /// Who knows of the absence, or of its end.
    Absence(Absence),
    /// The message is safe.
    Said(SaidWords),
    /// A message.
    Message(MessageWords),
    /// There are no more.
    End(CountWords),
    /// The chat is open.
    Chat(ChatWords),
    /// Whether anybody hears what is said in the chat has changed.
    Link(LinkWords),
    /// Messages that a slow chat did not get.
    Missed(CountWords),
    /// The file is offered under this number.
    Offered(Offered),
    /// What became of the offer.
    Decision(DecisionWords),
    /// How far the transfer is.
    Progress(SendProgress),
    /// Not done, and why.
    Error(Fault),
}

/// The agent and its daemons, as `status --json` prints it. Names are a contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The certificate's name; unknown while there is no usable certificate.
    pub host: Option<String>,
    /// This start.
    pub instance: String,
    /// The software's version.
    pub version: String,
    /// Each daemon, in the order of the configuration.
    pub daemons: Vec<DaemonStatus>,
    /// What waits on disk.
    pub spool: SpoolStatus,
    /// Between heartbeats.
    pub heartbeat_interval_ms: u64,
    /// Since the start.
    pub heartbeats_sent: u64,
    /// When the agent started.
    pub started: String,
    /// When its certificate ends.
    pub certificate_expires: Option<String>,
    /// An announced absence.
    pub lease: Option<LeaseStatus>,
}

/// One daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DaemonStatus {
    /// Its name.
    pub name: String,
    /// Its address as configured.
    pub address: String,
    /// `connecting`, `connected`, `gone` or `refused`.
    pub state: String,
    /// Since when; of a daemon that is gone, when it was heard last.
    pub since: String,
    /// Newest round trip.
    pub rtt_ms: Option<f64>,
    /// Why it is not connected.
    pub reason: Option<String>,
    /// It has all stored samples up to this sequence, as far as the spool still has them.
    pub received_up_to: Option<u64>,
    /// Stored samples that it has not confirmed.
    pub waiting: Option<u64>,
}

/// What waits on disk.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SpoolStatus {
    /// Bytes on disk.
    pub bytes: u64,
    /// Time of the oldest sample that is kept.
    pub oldest: Option<String>,
    /// Samples that had to be given up.
    pub dropped: u64,
    /// Sequence of the newest sample; 0 if there is none.
    pub newest_sequence: u64,
}

/// An announced absence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeaseStatus {
    /// When it ends.
    pub until: String,
    /// Why.
    pub why: String,
}

/// Who knows of an absence, or of its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Absence {
    /// The absence in force; none after it was taken back.
    pub lease: Option<LeaseStatus>,
    /// Daemons that confirmed it.
    pub told: Vec<String>,
    /// Daemons that are told as soon as they are heard.
    pub untold: Vec<String>,
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// How the command ends.
    pub exit: u8,
    /// One plain line.
    pub text: String,
}

impl Fault {
    pub(super) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit: exit.code(), text: text.into() }
    }
}

/// What `status` knows beside the engine's report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The certificate's name.
    pub host: Option<String>,
    /// When the certificate ends.
    pub certificate_expires: Option<UnixMs>,
    /// This start.
    pub instance: String,
    /// When it was.
    pub started: UnixMs,
}

/// Puts the status together; `given_up` samples did not even come into the spool.
pub(super) fn status(
    facts: &Facts,
    report: &Report,
    delivery: &DeliveryReport,
    given_up: u64,
) -> Status {
    let cursor = |name: &DaemonName| delivery.cursors.iter().find(|one| one.daemon == *name);
    Status {
        host: facts.host.clone(),
        instance: facts.instance.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        daemons: report.daemons.iter().map(|one| daemon(one, cursor(&one.name))).collect(),
        spool: SpoolStatus {
            bytes: delivery.bytes,
            oldest: delivery.oldest.map(UnixMs::rfc3339),
            dropped: delivery.dropped.saturating_add(given_up),
            newest_sequence: delivery.newest_sequence,
        },
        heartbeat_interval_ms: systole_common::time::millis(report.heartbeat_interval),
        heartbeats_sent: report.heartbeats_sent,
        started: facts.started.rfc3339(),
        certificate_expires: facts.certificate_expires.map(UnixMs::rfc3339),
        lease: report.lease.as_ref().map(lease),
    }
}

pub(super) fn lease(lease: &LeaseReport) -> LeaseStatus {
    LeaseStatus { until: lease.until.rfc3339(), why: lease.why.clone() }
}

fn daemon(daemon: &DaemonReport, cursor: Option<&Cursor>) -> DaemonStatus {
    DaemonStatus {
        name: daemon.name.to_string(),
        address: daemon.address.clone(),
        state: daemon.state.as_str().to_owned(),
        since: daemon.since.rfc3339(),
        rtt_ms: daemon.rtt.map(|rtt| (rtt.as_secs_f64() * 1e6).round() / 1e3),
        reason: daemon.reason.clone(),
        received_up_to: cursor.map(|cursor| cursor.received_up_to),
        waiting: cursor.map(|cursor| cursor.waiting),
    }
}
