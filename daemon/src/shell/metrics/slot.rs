//! What the metric store takes in: the values of one stored slot of one host, and what else is told it.

use std::sync::Arc;

use systole_common::ids::{HostId, SpoolEpoch};
use systole_common::model::coded::Growing;
use systole_common::model::metric::{MetricKind, SeriesKey, Unit};
use systole_common::time::UnixMs;
use tokio::sync::oneshot;

use super::super::store::StoreError;
use systole_common::wire::history::StorageRecord;

/// A series as it was declared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Series {
    /// Its name.
    pub key: Arc<SeriesKey>,
    /// Its unit.
    pub unit: Growing<Unit>,
    /// How it combines over time.
    pub kind: Growing<MetricKind>,
}

/// The series whose values a slot has, in the order of the values. Shared by all slots that have the
/// same, so that whoever takes them compares a pointer; names are unique in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    /// The series.
    pub series: Vec<Series>,
}

/// On which way a slot came. The two fill separate windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// On the main connection, fresh.
    Live,
    /// On a bulk connection, late.
    Backfill,
}

/// The values of one stored slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// Whose, by certificate.
    pub host: HostId,
    /// The life of the spool in which the sequence counts.
    pub epoch: SpoolEpoch,
    /// Its number.
    pub sequence: u64,
    /// Begin of the slot, milliseconds since 1970 by the agent's wall clock.
    pub slot_ms: i64,
    /// On which way it came.
    pub origin: Origin,
    /// Which series.
    pub shape: Arc<Shape>,
    /// Their values, all finite, one for each series of the shape.
    pub values: Vec<f64>,
}

/// What the writer is told.
#[derive(Debug)]
pub enum Intake {
    /// A slot came.
    Slot(Slot),
    /// An agent had to give sequences up; they count as received.
    Dropped {
        /// Whose.
        host: HostId,
        /// In which life of the spool.
        epoch: SpoolEpoch,
        /// Closed ranges, ascending.
        ranges: Vec<(u64, u64)>,
    },
    /// An agent connected: it is to be told what was received.
    Greet {
        /// Whose.
        host: HostId,
        /// Its spool's life.
        epoch: SpoolEpoch,
    },
    /// Delete what is older than `before`, rounded down to midnight UTC.
    CleanUp {
        /// Only of this host.
        host: Option<HostId>,
        /// Exclusive.
        before: UnixMs,
        /// What was deleted.
        reply: oneshot::Sender<Result<Vec<StorageRecord>, StoreError>>,
    },
    /// SIGHUP: other retention times.
    Retention(Retention),
    /// The daemon stops: everything that came before is committed, then the writer ends.
    Stop,
}

/// How long each tier is kept, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Every sample.
    pub raw_ms: i64,
    /// One point a minute.
    pub minute_ms: i64,
    /// One point an hour.
    pub hour_ms: i64,
}

impl Default for Retention {
    fn default() -> Self {
        let day = 86_400_000;
        Self { raw_ms: 30 * day, minute_ms: 90 * day, hour_ms: 730 * day }
    }
}
