//! Slots that were sent and are not confirmed yet, and until when each is waited for.

use std::collections::BTreeMap;

use systole_common::ranges::RangeSet;
use systole_common::time::Mono;

/// Ranges of sequences under way; they never overlap.
#[derive(Debug, Default)]
pub(super) struct Flight {
    ranges: BTreeMap<u64, Leg>,
}

/// One range that was sent together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Leg {
    last: u64,
    due: Mono,
    is_counted: bool,
}

impl Flight {
    /// Nothing is under way any more.
    pub(super) fn clear(&mut self) {
        self.ranges.clear();
    }

    /// `first..=last` was sent; no receipt until `due` means that it is lost. What of it is under way
    /// already is waited for anew. Live slots are not counted: losing one says nothing of the way.
    pub(super) fn add(&mut self, first: u64, last: u64, due: Mono, is_counted: bool) {
        let below = self.ranges.range(..=last).next_back();
        if below.is_some_and(|(_, leg)| leg.last >= first) {
            self.settle(&RangeSet::from_ranges([(first, last)]));
        }
        if first <= last {
            self.ranges.insert(first, Leg { last, due, is_counted });
        }
    }

    /// Takes out what is in `received`; how many of the counted ones that were.
    pub(super) fn settle(&mut self, received: &RangeSet) -> u64 {
        let before = self.counted();
        let open = |(first, leg): (u64, Leg)| {
            received
                .missing(first, leg.last)
                .into_iter()
                .map(move |(first, last)| (first, Leg { last, ..leg }))
        };
        self.ranges = std::mem::take(&mut self.ranges).into_iter().flat_map(open).collect();
        before.saturating_sub(self.counted())
    }

    /// Takes out what is due; whether any of it is counted.
    pub(super) fn expire(&mut self, now: Mono) -> bool {
        let mut is_counted = false;
        self.ranges.retain(|_, leg| {
            let is_late = leg.due <= now;
            is_counted |= is_late && leg.is_counted;
            !is_late
        });
        is_counted
    }

    /// Counted slots under way.
    pub(super) fn counted(&self) -> u64 {
        let counted = self.ranges.iter().filter(|(_, leg)| leg.is_counted);
        counted.map(|(first, leg)| leg.last.saturating_sub(*first).saturating_add(1)).sum()
    }

    /// Everything under way.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (u64, u64)> {
        self.ranges.iter().map(|(first, leg)| (*first, leg.last))
    }

    /// When the next slot is due.
    pub(super) fn next_due(&self) -> Option<Mono> {
        self.ranges.values().map(|leg| leg.due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_in_the_middle_leaves_both_ends_under_way() {
        let mut flight = Flight::default();
        flight.add(1, 10, Mono(5), true);
        flight.add(20, 20, Mono(9), false);
        assert_eq!(flight.settle(&RangeSet::from_ranges([(4, 6), (20, 20)])), 3);
        assert_eq!(flight.ranges().collect::<Vec<_>>(), [(1, 3), (7, 10)]);
        assert!(!flight.expire(Mono(4)));
        assert!(flight.expire(Mono(5)));
        assert_eq!(flight.next_due(), None);
    }

    #[test]
    fn what_is_sent_again_is_waited_for_anew() {
        let mut flight = Flight::default();
        flight.add(1, 10, Mono(5), false);
        flight.add(3, 4, Mono(9), true);
        assert_eq!(flight.counted(), 2);
        assert!(!flight.expire(Mono(5)));
        assert_eq!(flight.ranges().collect::<Vec<_>>(), [(3, 4)]);
        assert_eq!(flight.next_due(), Some(Mono(9)));
    }
}
