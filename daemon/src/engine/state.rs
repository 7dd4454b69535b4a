//! What survives a restart: rows of `state.db` and the changes to them. How they are stored is the shell's.

use std::sync::Arc;

use systole_common::ids::{AlertId, BootId, HostId, InstanceId, SpoolEpoch};
use systole_common::model::alert::{AlertState, Severity};
use systole_common::model::file::{FileState, HASH_BYTES};
use systole_common::model::host::{Cause, Certainty, HostState};
use systole_common::time::UnixMs;
use systole_common::wire::control::SequenceKind;

/// A change to `state.db`. Changes of one [`super::effect::Outcome`] are one transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Insert or replace the host of that name.
    Host(Box<HostRow>),
    /// Delete the host; its connection log goes with it.
    RetireHost(HostId),
    /// When hosts were last heard; rows that are gone are skipped.
    Heard(Vec<(HostId, UnixMs)>),
    /// Append to the connection log of a host.
    Connection(HostId, ConnectionRow),
    /// Insert or replace the alert of that id.
    Alert(Box<AlertRow>),
    /// Append to the audit trail.
    Audit(AuditRow),
    /// Append a message, with its marks as they begin.
    Message {
        /// The message.
        row: Arc<MessageRow>,
        /// Hosts that are to get it.
        waiting: Vec<HostId>,
        /// Hosts that never will.
        failed: Vec<HostId>,
    },
    /// A message came further.
    Marks {
        /// Its number.
        number: u64,
        /// Hosts that have it on their disk.
        delivered: Vec<HostId>,
        /// Hosts that never will.
        failed: Vec<HostId>,
    },
    /// What of a host's sequence is safe; takes the place of what was written before.
    Received {
        /// Whose.
        host: HostId,
        /// Messages or offers.
        kind: SequenceKind,
        /// In which life of its spool.
        epoch: SpoolEpoch,
        /// Closed ranges, ascending.
        ranges: Vec<(u64, u64)>,
    },
    /// Insert or replace the file of that id.
    File(Box<FileRow>),
}

/// A host.
#[derive(Debug, Clone, PartialEq)]
pub struct HostRow {
    /// Its name.
    pub host: HostId,
    /// Its state; `late` is never stored.
    pub state: HostState,
    /// Why.
    pub cause: Option<Cause>,
    /// How sure.
    pub certainty: Option<Certainty>,
    /// What it rests on.
    pub evidence: Vec<String>,
    /// Since when.
    pub since: UnixMs,
    /// When it was last heard.
    pub heard_at: Option<UnixMs>,
    /// Its promised heartbeat interval in milliseconds.
    pub heartbeat_interval_ms: Option<u32>,
    /// Its agent's start.
    pub instance: Option<InstanceId>,
    /// Its kernel's boot.
    pub boot_id: Option<BootId>,
    /// Its agent's version.
    pub agent_version: Option<String>,
    /// Its operating system.
    pub os: Option<String>,
    /// Its last address.
    pub address: Option<String>,
    /// When its certificate ends.
    pub certificate_expires: Option<UnixMs>,
    /// The labels that its agent sent.
    pub labels: Vec<(String, String)>,
    /// Until when it announced to be away, and why.
    pub lease: Option<(UnixMs, String)>,
    /// Why it said goodbye, if it did.
    pub goodbye: Option<String>,
    /// When its last agents started, newest last; for the restart warning.
    pub starts: Vec<UnixMs>,
}

/// A connect or disconnect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionRow {
    /// When.
    pub at: UnixMs,
    /// Connected, or disconnected.
    pub connected: bool,
    /// From where.
    pub address: String,
    /// Why.
    pub reason: String,
}

/// An alert.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertRow {
    /// The number of the incident, never reused.
    pub id: AlertId,
    /// The rule.
    pub rule: String,
    /// The host; `None` for the daemon's own.
    pub host: Option<HostId>,
    /// What of the host.
    pub subject: String,
    /// How bad.
    pub severity: Severity,
    /// Where in its life.
    pub state: AlertState,
    /// Since when the condition holds.
    pub since: UnixMs,
    /// When it fired.
    pub fired_at: Option<UnixMs>,
    /// When it was over.
    pub resolved_at: Option<UnixMs>,
    /// Why it was over.
    pub resolved_reason: String,
    /// The value that broke the rule.
    pub value: Option<f64>,
    /// The level that it broke.
    pub threshold: Option<f64>,
    /// What happened.
    pub summary: String,
    /// Who has it, what they said, until when.
    pub ack: Option<AckRow>,
    /// An operator resolved it while its condition held: it waits for the condition to clear.
    pub held: bool,
    /// Its host is not heard: the value is not known and nothing moves.
    pub nodata: bool,
    /// When an event alert was last seen to happen; it resolves 10 min later.
    pub event_at: Option<UnixMs>,
}

/// An acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckRow {
    /// Who.
    pub by: String,
    /// What they said.
    pub note: String,
    /// Until when.
    pub until: UnixMs,
}

/// A line of the audit trail; the store numbers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// When.
    pub time: UnixMs,
    /// Who: an operator's name, or `daemon`.
    pub operator: String,
    /// In which role; `daemon` for its own.
    pub role: String,
    /// What.
    pub action: String,
    /// On what.
    pub target: String,
    /// `done` or `refused`.
    pub outcome: String,
    /// Why refused, or the note given.
    pub reason: String,
}

/// A message. Its text is as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// Grows with each message; the sequence of its deliveries, never used again.
    pub number: u64,
    /// `SENDER-EPOCH-SEQUENCE`.
    pub id: String,
    /// When.
    pub time: UnixMs,
    /// An operator, `host/user`, or the daemon's own name.
    pub from: String,
    /// Where it was written to.
    pub to: String,
    /// As it was typed.
    pub text: String,
    /// What it belongs to, such as `file 12`.
    pub thread: Option<String>,
}

/// A message and how far it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMessage {
    /// The message.
    pub row: Arc<MessageRow>,
    /// Hosts that are yet to get it.
    pub waiting: Vec<HostId>,
    /// Hosts that have it.
    pub delivered: Vec<HostId>,
    /// Hosts that never will.
    pub failed: Vec<HostId>,
}

/// An offered file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// The daemon's number, never used again.
    pub id: u64,
    /// Who offers it.
    pub host: HostId,
    /// The offer, in the spool epoch of the host.
    pub epoch: SpoolEpoch,
    /// The same.
    pub sequence: u64,
    /// Under which name.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// BLAKE3 of the whole file.
    pub blake3: [u8; HASH_BYTES],
    /// Its type by content.
    pub content: String,
    /// What its sender says about it, scrubbed.
    pub note: String,
    /// `host/user`, scrubbed.
    pub sender: String,
    /// Fingerprint of the certificate that the host showed.
    pub certificate: String,
    /// Where it is.
    pub state: FileState,
    /// Why.
    pub reason: String,
    /// Who decided.
    pub decided_by: Option<String>,
    /// Bytes that are synced.
    pub synced_bytes: u64,
    /// The name that it gets, below the host's folder: chosen before the last rename.
    pub placed: Option<String>,
    /// Room for files when the offer came.
    pub free_bytes: u64,
    /// When it was offered.
    pub offered_at: UnixMs,
    /// When it expires.
    pub expires_at: UnixMs,
    /// When it was over.
    pub finished_at: Option<UnixMs>,
}

/// What of one sequence of a host is safe: closed ranges, ascending.
pub type SavedRanges = (HostId, SequenceKind, SpoolEpoch, Vec<(u64, u64)>);

/// What is read at start.
#[derive(Debug, Clone, Default)]
pub struct Saved {
    /// All hosts.
    pub hosts: Vec<HostRow>,
    /// Alerts that are open or held, and those resolved within the last ten minutes.
    pub alerts: Vec<AlertRow>,
    /// The highest alert id ever used; 0 if none.
    pub alert_id_last: u64,
    /// The epoch of this daemon's messages: random, made with `state.db`.
    pub talk_epoch: SpoolEpoch,
    /// The highest number of a message ever used; 0 if none.
    pub message_last: u64,
    /// All messages that some host is yet to get, and the newest [`super::limits::MESSAGES_SHOWN`], by
    /// number.
    pub messages: Vec<KeptMessage>,
    /// What of the hosts' messages and offers is known already.
    pub received: Vec<SavedRanges>,
    /// Open files, and the newest [`super::limits::FILES_SHOWN`] that are over, by id.
    pub files: Vec<FileRow>,
    /// The highest id of a file ever used; 0 if none.
    pub file_id_last: u64,
}
