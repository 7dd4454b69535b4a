//! What the daemon tells an agent: policy, intervals, echoes, receipts, probes.

use serde::{Deserialize, Serialize};

use super::codec::{Body, WireError, at_most};
use super::kind::Kind;
use super::limits::RANGES_MAX;
use crate::coded_enum;
use crate::ids::{InstanceId, SpoolEpoch};
use crate::model::coded::Growing;

coded_enum!(
    /// What is numbered; one sequence for each in a spool epoch.
    SequenceKind {
        /// Stored samples.
        Samples = 1, "samples";
        /// Messages.
        Messages = 2, "messages";
        /// Offers of files.
        Offers = 3, "offers";
    }
);

/// Closed ranges of sequences, first and last inclusive, ascending, at most 32.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ranges(pub Vec<(u64, u64)>);

impl Ranges {
    pub(crate) fn check(&self, kind: Kind) -> Result<(), WireError> {
        at_most(kind, "ranges", self.0.len(), RANGES_MAX)?;
        let backwards = self.0.iter().filter(|(first, last)| first > last).count();
        at_most(kind, "ranges that run backwards", backwards, 0)?;
        let pairs = self.0.iter().zip(self.0.iter().skip(1));
        let overlapping = pairs.filter(|((_, last), (first, _))| first <= last).count();
        at_most(kind, "ranges that overlap or are out of order", overlapping, 0)
    }
}

/// How an agent is to behave. Part of the frozen hello answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    /// How often to beat, and how often to sample.
    pub intervals: Intervals,
    /// How often to look at processes, in milliseconds.
    pub processes_interval_ms: u32,
    /// Most series that the daemon takes.
    pub series_max: u32,
    /// Longest text of a message, in bytes.
    pub text_bytes_max: u32,
    /// Largest file that may be offered, in bytes.
    pub file_bytes_max: u64,
}

impl Body for Policy {
    const KIND: Kind = Kind::Policy;
}

/// How often to beat and to sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Intervals {
    /// Between heartbeats, in milliseconds.
    pub heartbeat_ms: u32,
    /// Between live samples, in milliseconds.
    pub live_ms: u32,
    /// Between stored samples, in milliseconds.
    pub stored_ms: u32,
}

impl Body for Intervals {
    const KIND: Kind = Kind::Intervals;
}

/// The daemon saw heartbeats up to here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// The daemon's start.
    pub epoch: InstanceId,
    /// Grows by one each echo of this connection.
    pub sequence: u64,
    /// Sequence of the newest heartbeat seen.
    pub heartbeat_sequence: u64,
    /// How long ago it was seen, in microseconds.
    pub hold_us: u64,
    /// Longest delay of the daemon's own loop of late, in microseconds.
    pub loop_lag_us: u32,
    /// The heartbeat interval that the daemon wants, in milliseconds.
    pub wanted_interval_ms: u32,
}

impl Body for Echo {
    const KIND: Kind = Kind::Echo;
}

/// Sequences that are safe on the receiver's disk and may be forgotten by the sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Of which sequence.
    pub kind: Growing<SequenceKind>,
    /// In which life of the spool.
    pub epoch: SpoolEpoch,
    /// What is safe.
    pub ranges: Ranges,
}

impl Body for Receipt {
    const KIND: Kind = Kind::Receipt;

    fn check(&self) -> Result<(), WireError> {
        self.ranges.check(Self::KIND)
    }
}

/// Are you there? A datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Comes back in the answer.
    pub nonce: u64,
}

impl Body for Probe {
    const KIND: Kind = Kind::Probe;
}
