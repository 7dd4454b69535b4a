//! What each segment of the log holds. Pure.

use std::collections::BTreeMap;

use systole_common::ranges::RangeSet;

/// The slots of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    /// Which sequences.
    pub(super) sequences: RangeSet,
    /// The time of its first slot, milliseconds since 1970.
    pub(super) first_ms: i64,
    /// The latest time of its slots.
    pub(super) newest_ms: i64,
}

/// The slots of all segments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    segments: BTreeMap<u64, Content>,
}

impl Index {
    /// A slot is in `segment`.
    pub(super) fn add(&mut self, segment: u64, sequence: u64, slot_ms: i64) {
        let content = self.segments.entry(segment).or_insert_with(|| Content {
            sequences: RangeSet::new(),
            first_ms: slot_ms,
            newest_ms: slot_ms,
        });
        content.sequences.insert(sequence, sequence);
        content.newest_ms = content.newest_ms.max(slot_ms);
    }

    /// Sequence and time of the oldest slot.
    pub(super) fn oldest(&self) -> Option<(u64, i64)> {
        let (_, content) = self.segments.first_key_value()?;
        Some((content.sequences.first()?, content.first_ms))
    }

    /// The newest sequence.
    pub(super) fn newest(&self) -> Option<u64> {
        self.segments.last_key_value()?.1.sequences.last()
    }

    /// The segment that holds the first slot from `sequence` on.
    pub(super) fn segment_from(&self, sequence: u64) -> Option<u64> {
        let mut segments = self.segments.iter();
        let found = segments.find(|(_, content)| content.sequences.last() >= Some(sequence))?;
        Some(*found.0)
    }

    /// The oldest segment, unless it holds the newest slot.
    pub(super) fn first_but_last(&self) -> Option<(u64, &Content)> {
        let (number, content) = self.segments.first_key_value()?;
        (self.segments.len() > 1).then_some((*number, content))
    }

    /// A segment is gone.
    pub(super) fn remove(&mut self, segment: u64) {
        self.segments.remove(&segment);
    }
}
