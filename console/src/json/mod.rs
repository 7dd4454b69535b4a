//! What `--json` prints: wire to JSON, in this folder and nowhere else.
//!
//! Names are a contract: add, never rename. What is unknown is null, never absent. Text stays as it
//! was sent; hidden characters in it are escaped when the line is made ([`line`]).

mod history;
mod host;
mod storage;
mod talk;

use serde::Serialize;
use systole_common::model::coded::{Coded, Growing};
use systole_common::text::to_json_line;
use systole_common::time::UnixMs;
use systole_common::wire::console::{AlertRecord, AuditRecord, ConnectionRecord};
use systole_common::wire::feed::OperatorPresence;

pub use history::{HISTORY_END, history_begin, history_point};
pub use host::{HostJson, MetricsJson};
pub use storage::{CleanedJson, StorageJson};
pub use talk::{FetchedJson, FileJson, MessageJson};

/// `value` as one line without its end.
pub fn line(value: &(impl Serialize + ?Sized)) -> serde_json::Result<String> {
    to_json_line(value)
}

/// An alert.
#[derive(Debug, Serialize)]
pub struct AlertJson {
    id: u64,
    key: String,
    host: Option<String>,
    rule: String,
    subject: String,
    severity: String,
    state: String,
    overlays: Vec<String>,
    since: String,
    fired_at: Option<String>,
    resolved_at: Option<String>,
    value: Option<f64>,
    threshold: Option<f64>,
    summary: String,
    acked_by: Option<String>,
    acked_note: Option<String>,
    acked_until: Option<String>,
}

impl From<&AlertRecord> for AlertJson {
    fn from(alert: &AlertRecord) -> Self {
        Self {
            id: alert.id.0,
            key: alert.key.clone(),
            host: alert.host.clone(),
            rule: alert.rule.clone(),
            subject: alert.subject.clone(),
            severity: name(alert.severity),
            state: name(alert.state),
            overlays: alert.overlays.iter().copied().map(name).collect(),
            since: alert.since.rfc3339(),
            fired_at: time(alert.fired_at),
            resolved_at: time(alert.resolved_at),
            value: alert.value,
            threshold: alert.threshold,
            summary: alert.summary.clone(),
            acked_by: alert.acked_by.clone(),
            acked_note: alert.acked_note.clone(),
            acked_until: time(alert.acked_until),
        }
    }
}

/// A line of the audit trail.
#[derive(Debug, Serialize)]
pub struct AuditJson {
    id: u64,
    time: String,
    operator: String,
    role: String,
    action: String,
    target: String,
    outcome: String,
    reason: Option<String>,
}

impl From<&AuditRecord> for AuditJson {
    fn from(line: &AuditRecord) -> Self {
        Self {
            id: line.id,
            time: line.time.rfc3339(),
            operator: line.operator.clone(),
            role: line.role.clone(),
            action: line.action.clone(),
            target: line.target.clone(),
            outcome: line.outcome.clone(),
            reason: said(&line.reason),
        }
    }
}

/// An operator who has a feed, or had one.
#[derive(Debug, Serialize)]
pub struct OperatorJson {
    session: u64,
    operator: String,
    role: String,
    since: String,
    looking_at: Option<String>,
    attached: bool,
}

impl OperatorJson {
    /// Who it is, and whether they are still attached.
    pub fn new(presence: &OperatorPresence, attached: bool) -> Self {
        Self {
            session: presence.session,
            operator: presence.operator.clone(),
            role: presence.role.clone(),
            since: presence.since.rfc3339(),
            looking_at: said(&presence.looking_at),
            attached,
        }
    }
}

/// A connect or disconnect of a host.
#[derive(Debug, Serialize)]
pub struct ConnectionJson {
    time: String,
    event: &'static str,
    address: String,
    reason: Option<String>,
}

impl From<&ConnectionRecord> for ConnectionJson {
    fn from(record: &ConnectionRecord) -> Self {
        Self {
            time: record.at.rfc3339(),
            event: if record.connected { "connect" } else { "disconnect" },
            address: record.address.clone(),
            reason: said(&record.reason),
        }
    }
}

/// A host with its log of connects and disconnects, newest first.
#[derive(Debug, Serialize)]
pub struct HostWithLog {
    #[serde(flatten)]
    host: HostJson,
    connections: Vec<ConnectionJson>,
}

impl HostWithLog {
    /// Both together.
    pub fn new(host: HostJson, log: &[ConnectionRecord]) -> Self {
        Self { host, connections: log.iter().map(ConnectionJson::from).collect() }
    }
}

fn name<T: Coded>(member: Growing<T>) -> String {
    member.to_string()
}

fn time(at: Option<UnixMs>) -> Option<String> {
    at.map(UnixMs::rfc3339)
}

/// Empty text on the wire means that nothing was said.
fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
