//! Which sequences of each host are safe, and which of them the database already knows.
//!
//! A sequence is received once its log record is synced; it is stored once the chunk that holds it, or
//! the row that says it needs none, is committed. What is received and not stored must stay in the log.

use systole_common::ids::{HostId, SpoolEpoch};
use systole_common::ranges::RangeSet;
use systole_common::time::UnixMs;
use systole_common::wire::limits::RANGES_MAX;

use crate::limits::{EPOCHS_PER_HOST_MAX, RANGES_PER_EPOCH_MAX};

/// What the database keeps of one life of an agent's spool.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedRow {
    /// Whose.
    pub host: HostId,
    /// Which life of its spool.
    pub epoch: SpoolEpoch,
    /// The sequences that need no log any more.
    pub ranges: RangeSet,
    /// How many of them the agent had to give up.
    pub dropped: u64,
    /// When something of it came last.
    pub used_at: UnixMs,
}

/// What is received of one host in all lives of its spool, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceivedSummary {
    /// How many sequences.
    pub received: u64,
    /// How many between them have not come.
    pub missing: u64,
    /// How many of the received ones the agent had to give up.
    pub dropped: u64,
    /// The closed ranges of the newest life, newest first, at most 32.
    pub ranges: Vec<(u64, u64)>,
}

/// What became of a sequence that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    /// It is new.
    Fresh,
    /// It is safe already; the agent may be told again.
    Known,
    /// It came before in this very turn.
    Waiting,
    /// It would open one range more than an epoch may have.
    TooMany,
}

/// One life of an agent's spool.
#[derive(Debug)]
pub(super) struct Epoch {
    pub(super) id: SpoolEpoch,
    /// All that is safe.
    pub(super) received: RangeSet,
    /// How many of them the agent had to give up.
    pub(super) dropped: u64,
    pub(super) used_at: UnixMs,
    /// Since when there have been holes.
    pub(super) holes_since: Option<UnixMs>,
    /// Those of `received` that the database has.
    stored: RangeSet,
    /// Those that need no chunk and are not stored yet, with the log segment of the oldest.
    skipped: RangeSet,
    skipped_segment: Option<u64>,
    turn: Turn,
}

/// What one turn brought; it counts only after the log is synced.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// All that is new.
    pub(super) fresh: RangeSet,
    /// Safe before, and to be told again.
    pub(super) again: RangeSet,
    /// Those of `fresh` that need no chunk.
    pub(super) skipped: RangeSet,
    /// Those of `fresh` that the agent had to give up.
    pub(super) dropped: RangeSet,
}

impl Epoch {
    pub(super) fn new(epoch: SpoolEpoch, now: UnixMs) -> Self {
        Self::loaded(epoch, RangeSet::new(), 0, now)
    }

    /// As the database has it.
    pub(super) fn loaded(epoch: SpoolEpoch, stored: RangeSet, dropped: u64, at: UnixMs) -> Self {
        Self {
            id: epoch,
            received: stored.clone(),
            dropped,
            used_at: at,
            holes_since: None,
            stored,
            skipped: RangeSet::new(),
            skipped_segment: None,
            turn: Turn::default(),
        }
    }

    /// What [`Epoch::offer`] would say, without taking anything but the wish to be told again.
    pub(super) fn look(&mut self, sequence: u64) -> Offer {
        if self.received.contains(sequence) {
            self.turn.again.insert(sequence, sequence);
            return Offer::Known;
        }
        if self.turn.fresh.contains(sequence) {
            return Offer::Waiting;
        }
        if self.has_room(sequence, sequence) { Offer::Fresh } else { Offer::TooMany }
    }

    /// Takes a sequence that [`Epoch::look`] called fresh; `skip` if it needs no chunk.
    pub(super) fn accept(&mut self, sequence: u64, skip: bool) {
        self.turn.fresh.insert(sequence, sequence);
        if skip {
            self.turn.skipped.insert(sequence, sequence);
        }
    }

    /// Takes a range that the agent gave up. What came before keeps what it is. `false` if a part of
    /// it would open one range more than an epoch may have; that part is not taken.
    pub(super) fn give_up(&mut self, first: u64, last: u64) -> bool {
        let mut is_taken = true;
        for (from, to) in self.received.missing(first, last) {
            for (from, to) in self.turn.fresh.missing(from, to) {
                if self.has_room(from, to) {
                    self.turn.fresh.insert(from, to);
                    self.turn.dropped.insert(from, to);
                } else {
                    is_taken = false;
                }
            }
        }
        for range in self.received.ranges() {
            if range.0 <= last && first <= range.1 {
                self.turn.again.insert(range.0.max(first), range.1.min(last));
            }
        }
        is_taken
    }

    /// Whether `from..=to`, of which nothing is there, continues a range or may open one.
    fn has_room(&self, from: u64, to: u64) -> bool {
        let touches = |set: &RangeSet| {
            from.checked_sub(1).is_some_and(|before| set.contains(before))
                || to.checked_add(1).is_some_and(|after| set.contains(after))
        };
        self.received.len() + self.turn.fresh.len() < RANGES_PER_EPOCH_MAX
            || touches(&self.received)
            || touches(&self.turn.fresh)
    }

    /// What this turn brought.
    pub(super) fn turn(&self) -> &Turn {
        &self.turn
    }

    /// Whether this turn brought anything.
    pub(super) fn has_news(&self) -> bool {
        !self.turn.fresh.is_empty() || !self.turn.again.is_empty()
    }

    /// The log is synced; what needs no chunk is in `segment`. Returns the received ranges that hold
    /// what this turn brought.
    pub(super) fn safe(&mut self, segment: u64, now: UnixMs) -> Vec<(u64, u64)> {
        let turn = std::mem::take(&mut self.turn);
        for (first, last) in turn.fresh.ranges() {
            self.received.insert(*first, *last);
        }
        self.dropped = self.dropped.saturating_add(turn.dropped.count());
        self.skip(&turn.skipped, segment);
        self.skip(&turn.dropped, segment);
        self.used_at = self.used_at.max(now);
        self.watch_holes(now);
        self.tell(&turn.fresh.union(&turn.again))
    }

    /// The log could not be written: only what was safe before is told.
    pub(super) fn not_safe(&mut self) -> Vec<(u64, u64)> {
        let turn = std::mem::take(&mut self.turn);
        self.tell(&turn.again)
    }

    fn skip(&mut self, ranges: &RangeSet, segment: u64) {
        for (first, last) in ranges.ranges() {
            self.skipped.insert(*first, *last);
            self.skipped_segment = Some(self.skipped_segment.map_or(segment, |it| it.min(segment)));
        }
    }

    fn watch_holes(&mut self, now: UnixMs) {
        let has_holes = self.received.len() > 1;
        self.holes_since = has_holes.then(|| self.holes_since.unwrap_or(now));
    }

    /// The received ranges that hold `news`, each once.
    fn tell(&self, news: &RangeSet) -> Vec<(u64, u64)> {
        let all = self.received.ranges();
        let mut told = Vec::new();
        for (first, _) in news.ranges() {
            let at = all.partition_point(|range| range.1 < *first);
            let Some(range) = all.get(at) else { continue };
            if told.last() != Some(range) {
                told.push(*range);
            }
        }
        told
    }

    /// The newest received ranges, at most `count`, ascending.
    pub(super) fn newest_ranges(&self, count: usize) -> Vec<(u64, u64)> {
        let all = self.received.ranges();
        all.get(all.len().saturating_sub(count)..).unwrap_or_default().to_vec()
    }

    /// A slot's record from the log. `false` if it is stored or was there before.
    pub(super) fn replay_slot(&mut self, sequence: u64) -> bool {
        self.received.insert(sequence, sequence) > 0
    }

    /// The slot that was just replayed needs no chunk.
    pub(super) fn replay_taken(&mut self, sequence: u64, segment: u64) {
        self.skip(&RangeSet::from_ranges([(sequence, sequence)]), segment);
    }

    /// A record from the log that `ranges` need no chunk.
    pub(super) fn replay_skipped(&mut self, ranges: &[(u64, u64)], dropped: bool, segment: u64) {
        for (first, last) in ranges {
            for (from, to) in self.received.missing(*first, *last) {
                let count = self.received.insert(from, to);
                self.dropped = self.dropped.saturating_add(if dropped { count } else { 0 });
                self.skip(&RangeSet::from_ranges([(from, to)]), segment);
            }
        }
    }

    /// The oldest log segment that tells of sequences without a chunk which are not stored.
    pub(super) fn skipped_segment(&self) -> Option<u64> {
        self.skipped_segment
    }

    /// Whether the log holds nothing of it that the database lacks, and nothing is on its way.
    fn is_idle(&self) -> bool {
        self.turn.fresh.is_empty() && self.received == self.stored
    }

    /// The row that says that `chunks` are stored too.
    pub(super) fn row(&self, host: &HostId, chunks: Option<&RangeSet>) -> ReceivedRow {
        let mut ranges = self.stored.union(&self.skipped);
        for (first, last) in chunks.into_iter().flat_map(RangeSet::ranges) {
            ranges.insert(*first, *last);
        }
        ReceivedRow {
            host: host.clone(),
            epoch: self.id,
            ranges,
            dropped: self.dropped,
            used_at: self.used_at,
        }
    }

    /// [`Epoch::row`] is committed.
    pub(super) fn is_stored(&mut self, ranges: RangeSet) {
        self.stored = ranges;
        self.skipped = RangeSet::new();
        self.skipped_segment = None;
    }
}

/// An agent has more lives of its spool at once than can be told apart; some must be stored first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crowded;

/// The lives of one agent's spool, least recently used first.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    epochs: Vec<Epoch>,
}

impl Epochs {
    /// Puts one in as the most recently used, whatever their number.
    pub(super) fn push(&mut self, epoch: Epoch) {
        self.epochs.push(epoch);
    }

    /// Makes room for one more; returns those that had to go. One of which the log still holds
    /// something cannot go: a replay could no longer tell what is stored.
    pub(super) fn make_room(&mut self) -> Result<Vec<SpoolEpoch>, Crowded> {
        let mut gone = Vec::new();
        while self.epochs.len() >= EPOCHS_PER_HOST_MAX {
            let Some(at) = self.epochs.iter().position(Epoch::is_idle) else {
                return if gone.is_empty() { Err(Crowded) } else { Ok(gone) };
            };
            gone.push(self.epochs.remove(at).id);
        }
        Ok(gone)
    }

    /// That with `epoch`, which becomes the most recently used.
    pub(super) fn used(&mut self, epoch: SpoolEpoch) -> Option<&mut Epoch> {
        let at = self.epochs.iter().rposition(|one| one.id == epoch)?;
        if at + 1 < self.epochs.len() {
            let moved = self.epochs.remove(at);
            self.epochs.push(moved);
        }
        self.epochs.last_mut()
    }

    /// That with `epoch`.
    pub(super) fn find(&mut self, epoch: SpoolEpoch) -> Option<&mut Epoch> {
        self.epochs.iter_mut().find(|one| one.id == epoch)
    }

    /// The most recently used one.
    pub(super) fn newest(&mut self) -> Option<&mut Epoch> {
        self.epochs.last_mut()
    }

    /// All of them together.
    pub(super) fn summary(&self) -> ReceivedSummary {
        let mut summary = ReceivedSummary::default();
        for epoch in &self.epochs {
            summary.received = summary.received.saturating_add(epoch.received.count());
            summary.missing = summary.missing.saturating_add(epoch.received.holes());
            summary.dropped = summary.dropped.saturating_add(epoch.dropped);
        }
        let newest = self.epochs.last().map_or(&[][..], |epoch| epoch.received.ranges());
        summary.ranges = newest.iter().rev().take(RANGES_MAX).copied().collect();
        summary
    }

    /// All of them, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Epoch> {
        self.epochs.iter_mut()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Epoch> {
        self.epochs.iter()
    }
}
