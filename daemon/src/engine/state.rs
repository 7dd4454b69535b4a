//! What survives a restart: rows of `state.db` and the changes to them. How they are stored is the shell's.

use systole_common::ids::{AlertId, BootId, HostId, InstanceId};
use systole_common::model::alert::{AlertState, Severity};
use systole_common::model::host::{Cause, Certainty, HostState};
use systole_common::time::UnixMs;

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

/// What is read at start.
#[derive(Debug, Clone, Default)]
pub struct Saved {
    /// All hosts.
    pub hosts: Vec<HostRow>,
    /// Alerts that are open or held, and those resolved within the last ten minutes.
    pub alerts: Vec<AlertRow>,
    /// The highest alert id ever used; 0 if none.
    pub alert_id_last: u64,
}
