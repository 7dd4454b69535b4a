//! What others may know of the metric writer without asking it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};

use systole_common::ids::HostId;

/// Counters and states; written by the writer's thread, read by `/metrics` and the health alerts.
#[derive(Debug, Default)]
pub struct MetricsNews {
    /// Turns of its loop; stands still while it is stuck.
    pub turns: AtomicU64,
    /// Group commits: log written and synced.
    pub commits: AtomicU64,
    /// Time spent in them, in microseconds.
    pub commit_us: AtomicU64,
    /// The longest since it was last taken (swapped with 0 by whoever looks), in microseconds.
    pub commit_us_max: AtomicU64,
    /// Samples (values) committed.
    pub samples: AtomicU64,
    /// Slots committed.
    pub slots: AtomicU64,
    /// Slots whose sequence was received before.
    pub duplicates: AtomicU64,
    /// Slots outside of [now - retention, now + 5 min].
    pub slots_out_of_time: AtomicU64,
    /// Second samples in one slot.
    pub slots_taken: AtomicU64,
    /// Slots not taken because the disk is full; agents keep them.
    pub slots_refused: AtomicU64,
    /// Sequences not taken because they would open more ranges, or lives of a spool, than are kept.
    pub sequences_refused: AtomicU64,
    /// Values of series beyond what a host may have.
    pub series_refused: AtomicU64,
    /// Sequences that agents had to drop.
    pub dropped: AtomicU64,
    /// Chunks or log records that were damaged.
    pub damaged: AtomicU64,
    /// Bytes of the log.
    pub log_bytes: AtomicU64,
    /// Bytes of `metrics.db` with its own log.
    pub database_bytes: AtomicU64,
    /// Bytes that the file system still has for the daemon.
    pub free_bytes: AtomicU64,
    /// Whether slots are refused because the disk is full or below the reserve.
    pub refusing: AtomicBool,
    /// Hosts whose received sequences have had holes for longer than five minutes; at most 64.
    pub behind: Mutex<Vec<HostId>>,
}
