//! What an agent sends: heartbeats, declarations, samples, what it had to drop, probe answers.

use serde::{Deserialize, Serialize};

use super::codec::{Body, WireError, at_most};
use super::control::{Ranges, SequenceKind};
use super::hello::Clocks;
use super::kind::Kind;
use super::limits::{
    PROCESS_NAME_BYTES_MAX, PROCESSES_MAX, REASON_BYTES_MAX, SERIES_PER_FRAME_MAX,
};
use crate::coded_enum;
use crate::ids::{InstanceId, SpoolEpoch};
use crate::model::coded::Growing;
use crate::model::metric::{INSTANCE_BYTES_MAX, METRIC_NAME_BYTES_MAX, MetricKind, Unit};

/// Bits of [`Heartbeat::flags`].
pub mod flags {
    /// The agent finishes what it has and takes nothing new.
    pub const DRAINING: u16 = 1;
    /// The agent is about to stop.
    pub const STOPPING: u16 = 2;
    /// The host is about to sleep.
    pub const SUSPENDING: u16 = 4;
    /// The host has no time for its agent.
    pub const OVERLOADED: u16 = 8;
}

coded_enum!(
    /// What the agent announces about its presence.
    IntentKind {
        /// It stays.
        None = 1, "none";
        /// It will be away for a while and come back.
        Lease = 2, "lease";
        /// It stops now.
        Stopping = 3, "stopping";
    }
);

/// An announced absence or end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// What is announced.
    pub kind: Growing<IntentKind>,
    /// How long a lease lasts from the receipt of this frame, in milliseconds.
    pub lease_ms: u64,
    /// Why, for people.
    pub why: String,
}

impl Default for Intent {
    fn default() -> Self {
        Self { kind: IntentKind::None.into(), lease_ms: 0, why: String::new() }
    }
}

/// Stall time since the heartbeat before, from `/proc/pressure`, in microseconds. 0 if not measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pressure {
    /// Some task waited for a processor.
    pub cpu_some_us: u32,
    /// All tasks waited for a processor.
    pub cpu_full_us: u32,
    /// Some task waited for memory.
    pub memory_some_us: u32,
    /// All tasks waited for memory.
    pub memory_full_us: u32,
    /// Some task waited for a disk.
    pub io_some_us: u32,
    /// All tasks waited for a disk.
    pub io_full_us: u32,
}

/// Counters that grow while the agent's parts work. A part that stands still is stuck. 0 if not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Samples collected.
    pub collector: u64,
    /// Frames given to the metrics stream.
    pub sender: u64,
    /// Steps of file transfers.
    pub file_worker: u64,
    /// Test writes to the spool's disk.
    pub disk_check: u64,
}

/// I am alive. Written each interval, whatever the link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Grows by one each heartbeat of this instance.
    pub sequence: u64,
    /// The agent's start, as in its hello.
    pub instance: InstanceId,
    /// The first eight bytes of the boot id.
    pub boot: u64,
    /// Bits of [`flags`].
    pub flags: u16,
    /// When the next one comes, in milliseconds from this one.
    pub next_in_ms: u32,
    /// The agent's clocks at the moment of writing.
    pub sent: Clocks,
    /// Longest delay of the heartbeat loop since the one before, in microseconds.
    pub loop_lag_max_us: u32,
    /// Heartbeats that the loop had no time for since the one before.
    pub ticks_skipped: u32,
    /// Heartbeats written since the start.
    pub heartbeats_sent: u64,
    /// Datagrams that found no room since the start.
    pub datagrams_dropped: u64,
    /// Sequence of the newest echo seen; 0 if none.
    pub echo_sequence: u64,
    /// How long ago that echo was seen, in microseconds.
    pub echo_hold_us: u64,
    /// Pressure of the host.
    pub pressure: Pressure,
    /// Time stolen by the hypervisor since the one before, in microseconds.
    pub steal_us: u32,
    /// Whether the agent's parts work.
    pub progress: Progress,
    /// Announced absence or end.
    pub intent: Intent,
}

impl Body for Heartbeat {
    const KIND: Kind = Kind::Heartbeat;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "bytes in a reason", self.intent.why.len(), REASON_BYTES_MAX)
    }
}

/// One series and the id that stands for it on this stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesDeclaration {
    /// Valid for this stream only.
    pub id: u32,
    /// `[a-z0-9_]+`.
    pub metric: String,
    /// What is measured; empty if there is only one.
    pub instance: String,
    /// Its unit.
    pub unit: Growing<Unit>,
    /// How it combines over time.
    pub kind: Growing<MetricKind>,
}

/// Ids for series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declare {
    /// The series; those declared before on this stream stay valid.
    pub series: Vec<SeriesDeclaration>,
}

impl Body for Declare {
    const KIND: Kind = Kind::Declare;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "series", self.series.len(), SERIES_PER_FRAME_MAX)?;
        for one in &self.series {
            at_most(Self::KIND, "bytes in a metric name", one.metric.len(), METRIC_NAME_BYTES_MAX)?;
            at_most(Self::KIND, "bytes in an instance", one.instance.len(), INSTANCE_BYTES_MAX)?;
        }
        Ok(())
    }
}

/// A value of a declared series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SeriesValue {
    /// The id that was declared.
    pub id: u32,
    /// The value in the series' unit.
    pub value: f64,
}

/// Latest values. Neither sequenced nor kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// The agent's clocks when they were read.
    pub at: Clocks,
    /// The time over which rates are means, in milliseconds.
    pub interval_ms: u32,
    /// The values.
    pub values: Vec<SeriesValue>,
}

impl Body for Live {
    const KIND: Kind = Kind::Live;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "values", self.values.len(), SERIES_PER_FRAME_MAX)
    }
}

/// The values of one stored slot. Kept by the agent until the daemon's receipt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// Sequence of samples in the spool epoch of the hello.
    pub sequence: u64,
    /// Start of the slot, milliseconds since 1970 by the agent's wall clock.
    pub slot_ms: i64,
    /// Length of the slot in milliseconds.
    pub interval_ms: u32,
    /// All series of the slot.
    pub values: Vec<SeriesValue>,
}

impl Body for Stored {
    const KIND: Kind = Kind::Stored;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "values", self.values.len(), SERIES_PER_FRAME_MAX)
    }
}

/// Sequences that the agent had to give up and will never send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Of which sequence.
    pub kind: Growing<SequenceKind>,
    /// In which life of the spool.
    pub epoch: SpoolEpoch,
    /// What is lost.
    pub ranges: Ranges,
}

impl Body for Dropped {
    const KIND: Kind = Kind::Dropped;

    fn check(&self) -> Result<(), WireError> {
        self.ranges.check(Self::KIND)
    }
}

/// One process of the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessSample {
    /// Its id.
    pub pid: u32,
    /// Its name, at most 64 bytes.
    pub name: String,
    /// Processor use in percent of the whole machine.
    pub cpu_percent: f32,
    /// Resident memory in bytes.
    pub memory_bytes: u64,
}

/// The processes with the highest processor and memory use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Processes {
    /// At most 20, highest processor use first.
    pub processes: Vec<ProcessSample>,
}

impl Body for Processes {
    const KIND: Kind = Kind::Processes;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "processes", self.processes.len(), PROCESSES_MAX)?;
        let longest = self.processes.iter().map(|one| one.name.len()).max().unwrap_or(0);
        at_most(Self::KIND, "bytes in a process name", longest, PROCESS_NAME_BYTES_MAX)
    }
}

/// Answer to a probe, sent at once by the heartbeat thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeAnswer {
    /// The probe's number.
    pub nonce: u64,
    /// The agent's start.
    pub instance: InstanceId,
    /// The agent's clocks.
    pub clocks: Clocks,
    /// Sequence of its newest heartbeat.
    pub heartbeat_sequence: u64,
}

impl Body for ProbeAnswer {
    const KIND: Kind = Kind::ProbeAnswer;
}
