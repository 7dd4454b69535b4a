//! What of the hosts' numbered messages or offers has come: so that each is taken once, whatever is
//! repeated.
//!
//! Ranges for each life of a host's spool, within bounds. Knows no message and no offer.

use std::collections::BTreeMap;

use systole_common::ids::{HostId, SpoolEpoch};
use systole_common::ranges::RangeSet;
use systole_common::wire::control::SequenceKind;

use super::limits::{RECEIVED_EPOCHS_MAX, RECEIVED_RANGES_MAX};
use super::state::{Change, SavedRanges};

/// See the module's words.
#[derive(Debug)]
pub(super) struct ReceivedBook {
    /// Messages or offers.
    kind: SequenceKind,
    /// Of each host the lives of its spool, the one used last at the end.
    hosts: BTreeMap<HostId, Vec<(SpoolEpoch, RangeSet)>>,
}

impl ReceivedBook {
    /// Nothing has come yet.
    pub(super) fn new(kind: SequenceKind) -> Self {
        Self { kind, hosts: BTreeMap::new() }
    }

    /// What was saved of one kind. What the spools of a host's lives hold is drawn together to the
    /// bounds.
    pub(super) fn load(kind: SequenceKind, saved: &[SavedRanges]) -> Self {
        let mut book = Self::new(kind);
        for (host, _, epoch, ranges) in saved.iter().filter(|(_, own, ..)| *own == kind) {
            if !ranges.is_empty() {
                let own = book.of(host, *epoch);
                *own = bounded(RangeSet::from_ranges(ranges.iter().copied()));
            }
        }
        book
    }

    /// Whether it came before.
    pub(super) fn has(&self, host: &HostId, epoch: SpoolEpoch, sequence: u64) -> bool {
        let lives = self.hosts.get(host);
        let own = lives.and_then(|lives| lives.iter().find(|(own, _)| *own == epoch));
        own.is_some_and(|(_, ranges)| ranges.contains(sequence))
    }

    /// What came of one life of a host's spool: closed ranges, ascending.
    pub(super) fn ranges(&self, host: &HostId, epoch: SpoolEpoch) -> &[(u64, u64)] {
        let lives = self.hosts.get(host);
        let own = lives.and_then(|lives| lives.iter().find(|(own, _)| *own == epoch));
        own.map_or(&[], |(_, ranges)| ranges.ranges())
    }

    /// Notes one, and returns what is to be written down. Of the lives of a spool the store keeps as many
    /// as are kept here, those written last.
    pub(super) fn insert(&mut self, host: &HostId, epoch: SpoolEpoch, sequence: u64) -> Change {
        let own = self.of(host, epoch);
        own.insert(sequence, sequence);
        *own = bounded(std::mem::take(own));
        let ranges = own.ranges().to_vec();
        Change::Received { host: host.clone(), kind: self.kind, epoch, ranges }
    }

    /// The ranges of a life; the one used first is forgotten when there are too many.
    fn of(&mut self, host: &HostId, epoch: SpoolEpoch) -> &mut RangeSet {
        let lives = self.hosts.entry(host.clone()).or_default();
        let at = lives.iter().position(|(own, _)| *own == epoch);
        let own = at.map_or_else(|| (epoch, RangeSet::new()), |at| lives.remove(at));
        if lives.len() >= RECEIVED_EPOCHS_MAX {
            lives.remove(0);
        }
        &mut lives.push_mut(own).1
    }
}

/// Of too many ranges the lowest become one: agents send ascending, what is missing there never comes.
fn bounded(mut ranges: RangeSet) -> RangeSet {
    let surplus = ranges.len().saturating_sub(RECEIVED_RANGES_MAX);
    let ends = (ranges.first(), ranges.ranges().get(surplus).copied());
    if let (1.., (Some(first), Some((_, last)))) = (surplus, ends) {
        ranges.insert(first, last);
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web() -> HostId {
        "web-1".parse().unwrap()
    }

    #[test]
    fn each_number_is_news_once_also_after_a_jump() {
        let mut book = ReceivedBook::new(SequenceKind::Messages);
        let epoch = SpoolEpoch(9);
        for sequence in [1, 2, 1 << 63, u64::MAX] {
            assert!(!book.has(&web(), epoch, sequence));
            book.insert(&web(), epoch, sequence);
            assert!(book.has(&web(), epoch, sequence));
        }
        assert!(!book.has(&web(), epoch, 3), "a jump says nothing about what it left out");
        assert!(!book.has(&web(), SpoolEpoch(8), 1), "another life has its own numbers");
    }

    #[test]
    fn memory_is_bounded_and_what_was_written_reads_back() {
        let mut book = ReceivedBook::new(SequenceKind::Messages);
        let mut rows = Vec::new();
        for epoch in 0..20 {
            for sequence in (0..400).step_by(2) {
                let change = book.insert(&web(), SpoolEpoch(epoch), sequence);
                let Change::Received { epoch, ranges, kind, host } = change else {
                    panic!("{change:?}");
                };
                assert!(ranges.len() <= RECEIVED_RANGES_MAX);
                rows.retain(|(_, _, own, _)| *own != epoch);
                rows.push((host, kind, epoch, ranges));
            }
        }
        assert!(book.hosts.values().all(|lives| lives.len() == RECEIVED_EPOCHS_MAX));
        // The store keeps as many.
        rows.drain(..rows.len() - RECEIVED_EPOCHS_MAX);
        let again = ReceivedBook::load(SequenceKind::Messages, &rows);
        let others = ReceivedBook::load(SequenceKind::Offers, &rows);
        assert!(!others.has(&web(), SpoolEpoch(19), 398), "offers have numbers of their own");
        assert!(again.has(&web(), SpoolEpoch(19), 398) && !again.has(&web(), SpoolEpoch(19), 397));
        assert!(!again.has(&web(), SpoolEpoch(1), 0));
    }
}
