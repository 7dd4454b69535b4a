//! What a subscribed console is sent: a picture of everything, then what changes, and a tick each second.

use serde::{Deserialize, Serialize};

use super::codec::{Body, WireError, at_most};
use super::console::{AlertRecord, HostRecord};
use super::kind::Kind;
use super::limits::PAGE_RECORDS_MAX;
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
