//! What each segment of the log holds. Pure.

use std::collections::BTreeMap;

use systole_common::ranges::RangeSet;

use super::record::SpooledSlot;

/// The slots of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    /// Which sequences.
    pub(super) sequences: RangeSet,
    /// The time of its first slot, milliseconds since 1970.
    pub(super) first_ms: i64,
    /// How long all its slots are together, in milliseconds.
    pub(super) recorded_ms: u64,
}

/// The slots of all segments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    segments: BTreeMap<u64, Content>,
    /// The same of all segments.
    recorded_ms: u64,
}

impl Index {
    /// A slot is in `segment`.
    pub(super) fn add(&mut self, segment: u64, slot: &SpooledSlot) {
        let content = self.segments.entry(segment).or_insert_with(|| Content {
            sequences: RangeSet::new(),
            first_ms: slot.slot_ms,
            recorded_ms: 0,
        });
        content.sequences.insert(slot.sequence, slot.sequence);
        let interval_ms = u64::from(slot.interval_ms);
        content.recorded_ms = content.recorded_ms.saturating_add(interval_ms);
        self.recorded_ms = self.recorded_ms.saturating_add(interval_ms);
    }

    /// Every sequence that is there.
    pub(super) fn sequences(&self) -> RangeSet {
        let ranges = self.segments.values().flat_map(|content| content.sequences.ranges());
        RangeSet::from_ranges(ranges.copied())
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

    /// The oldest segment, unless it holds the newest slot, and how many milliseconds were recorded
    /// after it.
    pub(super) fn first_but_last(&self) -> Option<(u64, &Content, u64)> {
        let (number, content) = self.segments.first_key_value()?;
        let after_ms = self.recorded_ms.saturating_sub(content.recorded_ms);
        (self.segments.len() > 1).then_some((*number, content, after_ms))
    }

    /// A segment is gone.
    pub(super) fn remove(&mut self, segment: u64) {
        let gone_ms = self.segments.remove(&segment).map_or(0, |content| content.recorded_ms);
        self.recorded_ms = self.recorded_ms.saturating_sub(gone_ms);
    }
}
