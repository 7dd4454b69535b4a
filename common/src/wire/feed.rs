//! What a subscribed console is sent: a picture of everything, then what changes, and a tick each second.

use serde::{Deserialize, Serialize};

use super::codec::{Body, WireError, at_most};
use super::console::{AlertRecord, HostRecord};
use super::kind::Kind;
use super::limits::{LABELS_MAX, LOOKING_AT_BYTES_MAX, PAGE_RECORDS_MAX};
use crate::ids::InstanceId;
use crate::model::alert::{AlertState, Overlay, Severity};
use crate::model::coded::Growing;
use crate::model::host::{Cause, Certainty, HostState};
use crate::time::UnixMs;

/// Forget what you have: a fresh picture begins. Summaries, details and open alerts follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedSnapshot {
    /// The daemon's start.
    pub instance: InstanceId,
    /// When the picture was taken.
    pub at: UnixMs,
    /// How many hosts it has.
    pub hosts: u32,
    /// How many open alerts it has.
    pub alerts: u32,
    /// Whether events were lost before it because the console was too slow.
    pub after_overflow: bool,
}

/// The picture is complete; from here on only changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FeedComplete {
    /// Grows by one each picture on this feed.
    pub picture: u64,
}

/// The columns of a host in the fleet table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostSummary {
    /// The host.
    pub host: String,
    /// Its state.
    pub state: Growing<HostState>,
    /// Why.
    pub cause: Option<Growing<Cause>>,
    /// Since when.
    pub since: UnixMs,
    /// Age of the last heartbeat in milliseconds.
    pub heartbeat_age_ms: Option<u64>,
    /// Promised interval in milliseconds.
    pub heartbeat_interval_ms: Option<u32>,
    /// Round trip in microseconds.
    pub rtt_us: Option<u64>,
    /// Processor use in percent.
    pub cpu_percent: Option<f32>,
    /// Used memory in percent.
    pub memory_percent: Option<f32>,
    /// Used swap in percent.
    pub swap_percent: Option<f32>,
    /// Fullest file system in percent.
    pub disk_percent: Option<f32>,
    /// Load of the last minute.
    pub load1: Option<f32>,
    /// Open critical alerts.
    pub alerts_critical: u32,
    /// Open warnings.
    pub alerts_warning: u32,
}

/// Columns of hosts that changed since the last one; at most one a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedSummary {
    /// Changed hosts.
    pub hosts: Vec<HostSummary>,
    /// Hosts that are gone.
    pub retired: Vec<String>,
}

/// The whole of a subscribed host. `HostSeries` frames may follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedDetail {
    /// The host.
    pub record: HostRecord,
}

/// One second passed and the daemon is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedTick {
    /// Grows by one each tick of this feed.
    pub sequence: u64,
    /// The daemon's wall clock.
    pub at: UnixMs,
    /// Longest delay of the daemon's own loop since the tick before, in microseconds.
    pub loop_lag_us: u32,
}

/// What a host was before an event; `None` for what did not change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostBefore {
    /// The state before.
    pub state: Option<Growing<HostState>>,
    /// The cause before; the inner `None` is "no cause".
    pub cause: Option<Option<Growing<Cause>>>,
    /// The certainty before.
    pub certainty: Option<Option<Growing<Certainty>>>,
    /// The time before.
    pub since: Option<UnixMs>,
}

/// A host changed its state. `HostSeries` frames may follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedHostEvent {
    /// When.
    pub at: UnixMs,
    /// What it was; `None` if it was not known.
    pub previous: Option<HostBefore>,
    /// Whether it was retired and is gone.
    pub retired: bool,
    /// What it is.
    pub record: HostRecord,
}

/// What an alert was before an event; `None` for what did not change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AlertBefore {
    /// The state before.
    pub state: Option<Growing<AlertState>>,
    /// The severity before.
    pub severity: Option<Growing<Severity>>,
    /// The overlays before.
    pub overlays: Option<Vec<Growing<Overlay>>>,
    /// The summary before.
    pub summary: Option<String>,
}

/// An alert changed, or is part of a picture (`previous` is `None`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedAlertEvent {
    /// When.
    pub at: UnixMs,
    /// What it was; `None` if it was not known.
    pub previous: Option<AlertBefore>,
    /// What it is.
    pub record: AlertRecord,
}

/// What a host is: what filters ask for and columns have no room for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// The host.
    pub host: String,
    /// How sure its cause is.
    pub certainty: Option<Growing<Certainty>>,
    /// Its agent's version.
    pub agent_version: Option<String>,
    /// Its operating system.
    pub os: Option<String>,
    /// Its address as the daemon sees it.
    pub address: Option<String>,
    /// Its labels.
    pub labels: Vec<(String, String)>,
}

/// What hosts are, where that is new: all of a picture; afterwards those that said hello or whose
/// labels changed, at most once a second. A host's events carry the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedFacts {
    /// The next page.
    pub hosts: Vec<HostFacts>,
}

/// Values of a host beyond its [`HostSummary`], from its latest live sample; the formulas are those of
/// the series that they come from. `None`: not measured there.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct HostValues {
    /// The host.
    pub host: String,
    /// Age of the sample in milliseconds when this was written; also of the summary's values.
    pub metrics_age_ms: Option<u64>,
    /// `network_rx_bytes_per_s`, summed as [`crate::model::interface::Total`] does: what came in
    /// through the host's own ports, each byte once.
    pub rx_bytes_per_s: Option<f32>,
    /// `network_tx_bytes_per_s`, summed likewise.
    pub tx_bytes_per_s: Option<f32>,
    /// `network_rx_bytes_per_s`, the highest of all interfaces.
    pub rx_bytes_per_s_max: Option<f32>,
    /// `network_tx_bytes_per_s`, the highest of all interfaces.
    pub tx_bytes_per_s_max: Option<f32>,
    /// `block_read_bytes_per_s`, the highest of the disks.
    pub read_bytes_per_s_max: Option<f32>,
    /// `block_write_bytes_per_s`, the highest of the disks.
    pub write_bytes_per_s_max: Option<f32>,
    /// `block_busy_percent`, the highest of the disks.
    pub busy_percent_max: Option<f32>,
    /// `disk_inodes_used_percent`, the highest of the file systems.
    pub inodes_percent_max: Option<f32>,
    /// `iowait_percent`: processor time spent waiting for disks.
    pub iowait_percent: Option<f32>,
    /// `steal_percent`: processor time taken by other guests.
    pub steal_percent: Option<f32>,
    /// `load5`.
    pub load5: Option<f32>,
    /// `load15`.
    pub load15: Option<f32>,
    /// `cores`.
    pub cores: Option<f32>,
    /// `uptime_s`: seconds since it started.
    pub uptime_s: Option<f32>,
    /// Its wall clock minus the daemon's, in milliseconds.
    pub clock_offset_ms: Option<i64>,
}

/// More columns of hosts that sent a sample since the last one; beside [`FeedSummary`], at most one a
/// second. A picture has those of all hosts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedValues {
    /// The hosts.
    pub hosts: Vec<HostValues>,
}

/// An operator's console, or a command that follows the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorPresence {
    /// The daemon's number for the connection.
    pub session: u64,
    /// Who.
    pub operator: String,
    /// In which role.
    pub role: String,
    /// Since when.
    pub since: UnixMs,
    /// What they look at, in the console's words; empty if it was not said.
    pub looking_at: String,
}

/// Everybody who has a feed, in the order in which they came: part of a picture, and sent again when
/// it changes, at most once a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedOperators {
    /// All of them, the receiver included; of more than [`PAGE_RECORDS_MAX`] those that came first.
    pub operators: Vec<OperatorPresence>,
    /// The receiver's own session.
    pub own: u64,
}

macro_rules! feed_bodies {
    ($($name:ident)+) => { $(impl Body for $name { const KIND: Kind = Kind::$name; })+ };
}

feed_bodies! { FeedSnapshot FeedComplete FeedTick FeedAlertEvent }

impl Body for FeedSummary {
    const KIND: Kind = Kind::FeedSummary;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "hosts", self.hosts.len() + self.retired.len(), PAGE_RECORDS_MAX)
    }
}

impl Body for FeedFacts {
    const KIND: Kind = Kind::FeedFacts;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "hosts", self.hosts.len(), PAGE_RECORDS_MAX)?;
        let labels = self.hosts.iter().map(|host| host.labels.len()).max().unwrap_or(0);
        at_most(Self::KIND, "labels", labels, LABELS_MAX)
    }
}

impl Body for FeedValues {
    const KIND: Kind = Kind::FeedValues;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "hosts", self.hosts.len(), PAGE_RECORDS_MAX)
    }
}

impl Body for FeedOperators {
    const KIND: Kind = Kind::FeedOperators;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "operators", self.operators.len(), PAGE_RECORDS_MAX)?;
        let words = self.operators.iter().map(|one| one.looking_at.len()).max().unwrap_or(0);
        at_most(Self::KIND, "bytes in looking_at", words, LOOKING_AT_BYTES_MAX)
    }
}

impl Body for FeedDetail {
    const KIND: Kind = Kind::FeedDetail;

    fn check(&self) -> Result<(), WireError> {
        self.record.check_lists(Self::KIND)
    }
}

impl Body for FeedHostEvent {
    const KIND: Kind = Kind::FeedHostEvent;

    fn check(&self) -> Result<(), WireError> {
        self.record.check_lists(Self::KIND)
    }
}
