//! What an operator asks and what the daemon replies. One request a stream; a reply ends with
//! [`Done`] or [`Refused`].

use serde::{Deserialize, Serialize};

use super::codec::{Body, WireError, at_most};
use super::hello::Refusal;
use super::kind::Kind;
use super::limits::{
    EVIDENCE_MAX, FACT_BYTES_MAX, LABELS_MAX, LOOKING_AT_BYTES_MAX, PAGE_RECORDS_MAX,
    REASON_BYTES_MAX, SERIES_PER_FRAME_MAX, TARGETS_MAX,
};
use crate::ids::{AlertId, BootId, InstanceId};
use crate::model::alert::{AlertState, Overlay, Severity};
use crate::model::coded::Growing;
use crate::model::host::{Cause, Certainty, HostState};
use crate::time::UnixMs;
use crate::wire::agent::ProcessSample;

/// Open the feed, or change what it details. The reply is [`Done`]; the feed comes on its own stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribe {
    /// Details of every host.
    pub all: bool,
    /// Details of these hosts.
    pub hosts: Vec<String>,
}

/// Hosts with their values: the named ones, or all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostsQuery {
    /// Empty for all.
    pub hosts: Vec<String>,
}

/// Connects and disconnects of one host, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionsQuery {
    /// The host.
    pub host: String,
    /// At most so many.
    pub count_max: u32,
}

/// Alerts, newest first. Filters of words run in the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertsQuery {
    /// Only open ones.
    pub open_only: bool,
    /// Only those that began or ended after this.
    pub since: Option<UnixMs>,
    /// Only of this host.
    pub host: Option<String>,
}

/// The audit trail, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditQuery {
    /// Only lines after this.
    pub since: Option<UnixMs>,
    /// At most so many.
    pub count_max: u32,
}

/// Which alerts a command means: ids, or all open ones of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertTargets {
    /// By number.
    pub ids: Vec<AlertId>,
    /// All open ones of this host.
    pub host: Option<String>,
}

/// I have these alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// Which.
    pub targets: AlertTargets,
    /// What is to be known about it.
    pub note: String,
    /// For how long, in milliseconds.
    pub for_ms: u64,
}

/// I no longer have them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unack {
    /// Which.
    pub targets: AlertTargets,
}

/// These incidents are over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolve {
    /// Which.
    pub targets: AlertTargets,
    /// Why, for the trail.
    pub note: String,
}

/// Forget a host and resolve its alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retire {
    /// The host.
    pub host: String,
}

/// What this operator looks at, for the others to see. The reply is [`Done`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookingAt {
    /// In the console's words, such as `fleet` or `host web-1`; at most [`LOOKING_AT_BYTES_MAX`] bytes.
    pub what: String,
}

/// A series with its latest value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedValue {
    /// Metric.
    pub metric: String,
    /// Instance; empty if there is only one.
    pub instance: String,
    /// Value in the series' unit.
    pub value: f64,
}

/// A host as the daemon knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostRecord {
    /// Its name.
    pub host: String,
    /// Its state.
    pub state: Growing<HostState>,
    /// Why; `None` while all is well.
    pub cause: Option<Growing<Cause>>,
    /// How sure that is.
    pub certainty: Option<Growing<Certainty>>,
    /// What the verdict rests on, for people.
    pub evidence: Vec<String>,
    /// Since when it is in its state.
    pub since: UnixMs,
    /// Age of its last heartbeat in milliseconds when this was written.
    pub heartbeat_age_ms: Option<u64>,
    /// Its promised interval in milliseconds.
    pub heartbeat_interval_ms: Option<u32>,
    /// Round trip in microseconds.
    pub rtt_us: Option<u64>,
    /// Its wall clock minus the daemon's, in milliseconds.
    pub clock_offset_ms: Option<i64>,
    /// When its certificate ends.
    pub certificate_expires: Option<UnixMs>,
    /// Its agent's version.
    pub agent_version: Option<String>,
    /// Its operating system.
    pub os: Option<String>,
    /// Its address as the daemon sees it.
    pub address: Option<String>,
    /// Its agent's start.
    pub instance: Option<InstanceId>,
    /// Its kernel's boot.
    pub boot_id: Option<BootId>,
    /// Until when it announced to be away.
    pub lease_until: Option<UnixMs>,
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// Open critical alerts.
    pub alerts_critical: u32,
    /// Open warnings.
    pub alerts_warning: u32,
    /// Age of its values in milliseconds when this was written.
    pub metrics_age_ms: Option<u64>,
    /// Its top processes.
    pub processes: Vec<ProcessSample>,
    /// Its values, the first page.
    pub series: Vec<NamedValue>,
    /// Whether [`HostSeries`] frames follow.
    pub more: bool,
}

/// More series of the host record before it on this stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostSeries {
    /// The host.
    pub host: String,
    /// The next page.
    pub series: Vec<NamedValue>,
    /// Whether more follow.
    pub more: bool,
}

/// One connect or disconnect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionRecord {
    /// When.
    pub at: UnixMs,
    /// Connected, or disconnected.
    pub connected: bool,
    /// From where.
    pub address: String,
    /// Why it ended or how it began, for people.
    pub reason: String,
}

/// A page of connects and disconnects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionPage {
    /// The host.
    pub host: String,
    /// Newest first.
    pub records: Vec<ConnectionRecord>,
}

/// An alert as the daemon knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertRecord {
    /// The daemon's number for the incident.
    pub id: AlertId,
    /// `rule/host/subject`.
    pub key: String,
    /// The host; `None` for the daemon's own.
    pub host: Option<String>,
    /// The rule.
    pub rule: String,
    /// What of the host it is about; empty if the host itself.
    pub subject: String,
    /// How bad.
    pub severity: Growing<Severity>,
    /// Where in its life.
    pub state: Growing<AlertState>,
    /// What lies over it.
    pub overlays: Vec<Growing<Overlay>>,
    /// Since when the condition holds.
    pub since: UnixMs,
    /// When it fired.
    pub fired_at: Option<UnixMs>,
    /// When it was over.
    pub resolved_at: Option<UnixMs>,
    /// The value that broke the rule.
    pub value: Option<f64>,
    /// The level that it broke.
    pub threshold: Option<f64>,
    /// What happened, for people.
    pub summary: String,
    /// Who has it.
    pub acked_by: Option<String>,
    /// What they said.
    pub acked_note: Option<String>,
    /// Until when.
    pub acked_until: Option<UnixMs>,
}

/// A page of alerts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertPage {
    /// In the order asked for.
    pub records: Vec<AlertRecord>,
}

/// One action of an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// The daemon's number for it.
    pub id: u64,
    /// When.
    pub time: UnixMs,
    /// Who.
    pub operator: String,
    /// In which role.
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

/// A page of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    /// Newest first.
    pub records: Vec<AuditRecord>,
}

/// The reply is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Done {
    /// How many records were sent or changed.
    pub count: u64,
}

/// The request was refused; nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
}

macro_rules! bodies {
    ($($name:ident: $(|$it:ident| $check:expr)?;)+) => {
        $(impl Body for $name {
            const KIND: Kind = Kind::$name;
            $(fn check(&self) -> Result<(), WireError> {
                let $it = self;
                $check
            })?
        })+
    };
}

bodies! {
    Subscribe: |it| at_most(Kind::Subscribe, "hosts", it.hosts.len(), PAGE_RECORDS_MAX);
    HostsQuery: |it| at_most(Kind::HostsQuery, "hosts", it.hosts.len(), PAGE_RECORDS_MAX);
    ConnectionsQuery: ;
    AlertsQuery: ;
    AuditQuery: ;
    Ack: |it| it.targets.check(Kind::Ack).and_then(|()| note(Kind::Ack, &it.note));
    Unack: |it| it.targets.check(Kind::Unack);
    Resolve: |it| it.targets.check(Kind::Resolve).and_then(|()| note(Kind::Resolve, &it.note));
    Retire: ;
    LookingAt: |it| at_most(Kind::LookingAt, "bytes in what", it.what.len(), LOOKING_AT_BYTES_MAX);
    HostRecord: |it| it.check_lists(Kind::HostRecord);
    HostSeries: |it| at_most(Kind::HostSeries, "series", it.series.len(), SERIES_PER_FRAME_MAX);
    ConnectionPage: |it| page(Kind::ConnectionPage, it.records.len());
    AlertPage: |it| page(Kind::AlertPage, it.records.len());
    AuditPage: |it| page(Kind::AuditPage, it.records.len());
    Done: ;
    Refused: |it| note(Kind::Refused, &it.refusal.text);
}

fn page(kind: Kind, records: usize) -> Result<(), WireError> {
    at_most(kind, "records", records, PAGE_RECORDS_MAX)
}

fn note(kind: Kind, text: &str) -> Result<(), WireError> {
    at_most(kind, "bytes in a note", text.len(), REASON_BYTES_MAX)
}

impl AlertTargets {
    fn check(&self, kind: Kind) -> Result<(), WireError> {
        at_most(kind, "alert ids", self.ids.len(), TARGETS_MAX)
    }
}

impl HostRecord {
    pub(crate) fn check_lists(&self, kind: Kind) -> Result<(), WireError> {
        at_most(kind, "lines of evidence", self.evidence.len(), EVIDENCE_MAX)?;
        at_most(kind, "labels", self.labels.len(), LABELS_MAX)?;
        at_most(kind, "series", self.series.len(), SERIES_PER_FRAME_MAX)?;
        let address = self.address.as_ref().map_or(0, String::len);
        at_most(kind, "bytes in an address", address, FACT_BYTES_MAX)
    }
}
