//! One daemon that takes, loses, refuses or stays silent, in virtual time.

use super::*;

pub(super) const EPOCH: SpoolEpoch = SpoolEpoch(77);
pub(super) const S: u64 = 1_000_000_000;

pub(super) fn name() -> DaemonName {
    "mon-1".parse().unwrap()
}

/// One daemon and what it does.
pub(super) struct Rig {
    pub(super) now: u64,
    pub(super) kept: Kept,
    pub(super) delivery: Delivery,
    /// Every slot that came, in order, twice if it came twice.
    pub(super) came: Vec<u64>,
    pub(super) declared: RangeSet,
    /// When something was declared.
    pub(super) declared_at: Vec<u64>,
    pub(super) recorded: RangeSet,
    pub(super) told: RangeSet,
    pub(super) opened: Vec<u64>,
    pub(super) closed: usize,
    pub(super) receipts: bool,
    pub(super) loses_live: bool,
    pub(super) loses_declarations: bool,
    /// The stream of the backfill takes so many slots.
    pub(super) stream_slots: u64,
    /// Sequences that the spool was told to leave out.
    pub(super) skipped_to: u64,
    pub(super) refuses: Option<Duration>,
    pub(super) missing_on_disk: RangeSet,
    pub(super) main: Option<ConnectionId>,
}

impl Rig {
    /// With a spool that has `oldest..=newest`.
    pub(super) fn new(oldest: u64, newest: u64) -> Self {
        let kept = Kept { oldest, newest };
        let mut rig = Self {
            now: 0,
            kept,
            delivery: Delivery::new(EPOCH, kept, 1),
            came: Vec::new(),
            declared: RangeSet::new(),
            declared_at: Vec::new(),
            recorded: RangeSet::new(),
            told: RangeSet::new(),
            opened: Vec::new(),
            closed: 0,
            receipts: true,
            loses_live: false,
            loses_declarations: false,
            stream_slots: u64::MAX,
            skipped_to: 0,
            refuses: None,
            missing_on_disk: RangeSet::new(),
            main: None,
        };
        rig.input(Input::Follow(vec![(name(), RangeSet::new())]));
        rig
    }

    pub(super) fn input(&mut self, input: Input) {
        let effects = self.delivery.handle(Mono(self.now), input);
        for effect in effects {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        let daemon = name();
        match effect {
            Effect::Live { connection, sequence, .. } => {
                assert_eq!(Some(connection), self.main);
                if !self.loses_live {
                    self.came.push(sequence);
                }
            }
            Effect::Declare { ranges, connection, .. } => {
                assert_eq!(Some(connection), self.main);
                assert!(ranges.0.len() <= 32);
                self.declared_at.push(self.now);
                if !self.loses_declarations {
                    self.declared = self.declared.union(&RangeSet::from_ranges(ranges.0));
                }
            }
            Effect::SkipTo { newest, .. } => {
                self.skipped_to = newest;
                self.kept.newest = newest;
            }
            Effect::Record { ranges, .. } => {
                self.recorded = self.recorded.union(&RangeSet::from_ranges(ranges));
            }
            Effect::OpenBulk { bulk, .. } => {
                self.opened.push(self.now);
                match self.refuses {
                    Some(wait) => {
                        let retry_after = Some(wait);
                        self.input(Input::BulkDown { daemon, bulk, retry_after });
                    }
                    None => self.input(Input::BulkUp { daemon, bulk }),
                }
            }
            Effect::Send { bulk, first, last, .. } => {
                assert!(last - first < 64);
                let is_full = last - first >= self.stream_slots;
                let last = last.min(first.saturating_add(self.stream_slots - 1));
                let kept = self.missing_on_disk.missing(first, last);
                let absent = RangeSet::from_ranges(kept.iter().copied()).missing(first, last);
                self.came.extend(kept.iter().flat_map(|(first, last)| *first..=*last));
                self.input(Input::Sent { daemon, bulk, first, last, absent, is_full });
            }
            Effect::CloseBulk { .. } => self.closed += 1,
        }
    }

    pub(super) fn spool(&mut self) {
        self.kept.newest += 1;
        self.input(Input::Spooled(self.kept));
    }

    pub(super) fn up(&mut self, connection: u64) {
        self.main = Some(ConnectionId(connection));
        self.input(Input::MainUp { daemon: name(), connection: ConnectionId(connection) });
    }

    pub(super) fn down(&mut self) {
        self.main = None;
        self.input(Input::MainDown { daemon: name() });
    }

    pub(super) fn receipt_of(&mut self, epoch: SpoolEpoch, ranges: Vec<(u64, u64)>) {
        let Some(connection) = self.main else { return };
        let kind = SequenceKind::Samples.into();
        let receipt = Receipt { kind, epoch, ranges: Ranges(ranges) };
        self.input(Input::Receipt { daemon: name(), connection, receipt });
    }

    /// What the daemon says of all that came or was declared so far.
    pub(super) fn receipt(&mut self) {
        let came = RangeSet::from_ranges(self.came.iter().map(|one| (*one, *one)));
        self.told = came.union(&self.declared);
        self.receipt_of(EPOCH, self.told.ranges().to_vec());
    }

    /// Time passes; the daemon gives a receipt each second if it gives any.
    pub(super) fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            let end = self.now + S;
            let mut calls = 0;
            while let Some(due) = self.delivery.next_deadline().filter(|due| due.0 <= end) {
                self.now = self.now.max(due.0);
                self.input(Input::Tick);
                calls += 1;
                assert!(calls < 200, "it spins");
            }
            self.now = end;
            if self.receipts {
                self.receipt();
            }
        }
    }

    pub(super) fn cursor(&self) -> Cursor {
        self.delivery.cursors().remove(0)
    }
}
