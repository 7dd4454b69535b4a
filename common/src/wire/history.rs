//! What an operator asks of the metric store, and what it replies: series, history, storage.

use serde::{Deserialize, Serialize};

use super::codec::{Body, WireError, at_most};
use super::kind::Kind;
use super::limits::{HISTORY_PAGE_POINTS_MAX, PAGE_RECORDS_MAX};
use crate::coded_enum;
use crate::model::coded::Growing;
use crate::model::metric::{INSTANCE_BYTES_MAX, METRIC_NAME_BYTES_MAX, MetricKind, Unit};
use crate::time::UnixMs;

coded_enum!(
    /// In which resolution samples are kept.
    Tier {
        /// Every stored sample.
        Raw = 1, "raw";
        /// One point a minute.
        Minute = 2, "minute";
        /// One point an hour.
        Hour = 3, "hour";
    }
);

/// Which series are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesQuery {
    /// Of these hosts; empty for all.
    pub hosts: Vec<String>,
    /// Only of this metric.
    pub metric: Option<String>,
}

/// One stored series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesRecord {
    /// Whose.
    pub host: String,
    /// Metric.
    pub metric: String,
    /// Instance; empty if there is only one.
    pub instance: String,
    /// Its unit.
    pub unit: Growing<Unit>,
    /// How it combines over time.
    pub kind: Growing<MetricKind>,
}

/// A page of series, ordered by host, metric, instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesPage {
    /// The series.
    pub records: Vec<SeriesRecord>,
}

/// The history of one series in `[from, to)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryQuery {
    /// Whose.
    pub host: String,
    /// Metric.
    pub metric: String,
    /// Instance; empty if there is only one.
    pub instance: String,
    /// Inclusive.
    pub from: UnixMs,
    /// Exclusive.
    pub to: UnixMs,
    /// One point for each step that begins at a multiple of this many milliseconds since 1970;
    /// 0 for every raw sample as its own point.
    pub step_ms: u64,
}

/// What a series did within one step. A step without samples has no point.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HistoryPoint {
    /// Begin of the step, or the time of the raw sample.
    pub at: UnixMs,
    /// Lowest value.
    pub min: f64,
    /// Highest value.
    pub max: f64,
    /// Mean of all samples.
    pub mean: f64,
    /// How many samples.
    pub count: u64,
}

/// A page of points, oldest first. At least one page comes, if need be without points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryPage {
    /// The finest resolution that went into it is the same for all pages of a reply.
    pub tier: Growing<Tier>,
    /// The series' unit.
    pub unit: Growing<Unit>,
    /// The step, as asked or 0.
    pub step_ms: u64,
    /// The points.
    pub points: Vec<HistoryPoint>,
}

/// How much is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageQuery {
    /// Only of this host.
    pub host: Option<String>,
    /// Only what a clean-up of everything before this would delete.
    pub before: Option<UnixMs>,
}

/// Delete everything that is older than `before`, rounded down to midnight UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageCleanUp {
    /// Only of this host.
    pub host: Option<String>,
    /// The end of what is deleted, exclusive.
    pub before: UnixMs,
}

/// What one tier holds of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierRecord {
    /// Which tier.
    pub tier: Growing<Tier>,
    /// How many series have something in it.
    pub series: u64,
    /// Samples of the raw tier, points of the others.
    pub records: u64,
    /// Bytes of their encoded data; what waits in the log is not in it.
    pub bytes: u64,
    /// The time of the oldest record.
    pub oldest: Option<UnixMs>,
    /// The time of the newest record.
    pub newest: Option<UnixMs>,
}

/// What is stored of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageRecord {
    /// Whose.
    pub host: String,
    /// The three tiers.
    pub tiers: Vec<TierRecord>,
    /// Sequences that were received, in all epochs.
    pub received: u64,
    /// Sequences between received ones that have not come.
    pub missing: u64,
    /// Sequences that the agent had to drop.
    pub dropped: u64,
    /// The closed ranges of received sequences in the newest epoch, at most 32, newest first.
    pub ranges: Vec<(u64, u64)>,
}

/// A page of hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoragePage {
    /// Bytes of the write-ahead log.
    pub log_bytes: u64,
    /// Bytes of `metrics.db`.
    pub database_bytes: u64,
    /// Bytes that the file system still has for the daemon.
    pub free_bytes: u64,
    /// The end of what is deleted or would be, for a clean-up.
    pub before: Option<UnixMs>,
    /// The hosts.
    pub records: Vec<StorageRecord>,
}

impl Body for SeriesQuery {
    const KIND: Kind = Kind::SeriesQuery;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "hosts", self.hosts.len(), PAGE_RECORDS_MAX)
    }
}

impl Body for SeriesPage {
    const KIND: Kind = Kind::SeriesPage;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "records", self.records.len(), PAGE_RECORDS_MAX)
    }
}

impl Body for HistoryQuery {
    const KIND: Kind = Kind::HistoryQuery;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "bytes in a metric name", self.metric.len(), METRIC_NAME_BYTES_MAX)?;
        at_most(Self::KIND, "bytes in an instance", self.instance.len(), INSTANCE_BYTES_MAX)
    }
}

impl Body for HistoryPage {
    const KIND: Kind = Kind::HistoryPage;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "points", self.points.len(), HISTORY_PAGE_POINTS_MAX)
    }
}

impl Body for StorageQuery {
    const KIND: Kind = Kind::StorageQuery;
}

impl Body for StorageCleanUp {
    const KIND: Kind = Kind::StorageCleanUp;
}

impl Body for StoragePage {
    const KIND: Kind = Kind::StoragePage;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "records", self.records.len(), PAGE_RECORDS_MAX)?;
        let ranges = self.records.iter().map(|record| record.ranges.len()).max().unwrap_or(0);
        at_most(Self::KIND, "ranges of a host", ranges, super::limits::RANGES_MAX)
    }
}
