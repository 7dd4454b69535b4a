//! The delivery in virtual time, against a daemon that takes, loses, refuses or stays silent.

use proptest::prelude::*;

use super::*;
use crate::limits::{IN_FLIGHT_FIRST, IN_FLIGHT_MIN, RECEIPT_WAIT_MAX};

const EPOCH: SpoolEpoch = SpoolEpoch(77);
const S: u64 = 1_000_000_000;

fn name() -> DaemonName {
    "mon-1".parse().unwrap()
}

/// One daemon and what it does.
struct Rig {
    now: u64,
    kept: Kept,
    delivery: Delivery,
    /// Every slot that came, in order, twice if it came twice.
    came: Vec<u64>,
    declared: RangeSet,
    recorded: RangeSet,
    told: RangeSet,
    opened: Vec<u64>,
    closed: usize,
    receipts: bool,
    loses_live: bool,
    refuses: Option<Duration>,
    missing_on_disk: RangeSet,
    main: Option<ConnectionId>,
}

impl Rig {
    /// With a spool that has `oldest..=newest`.
    fn new(oldest: u64, newest: u64) -> Self {
        let kept = Kept { oldest, newest };
        let mut rig = Self {
            now: 0,
            kept,
            delivery: Delivery::new(EPOCH, kept, 1),
            came: Vec::new(),
            declared: RangeSet::new(),
            recorded: RangeSet::new(),
            told: RangeSet::new(),
            opened: Vec::new(),
            closed: 0,
            receipts: true,
            loses_live: false,
            refuses: None,
            missing_on_disk: RangeSet::new(),
            main: None,
        };
        rig.input(Input::Follow(vec![(name(), RangeSet::new())]));
        rig
    }

    fn input(&mut self, input: Input) {
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
                self.declared = self.declared.union(&RangeSet::from_ranges(ranges.0));
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
                let kept = self.missing_on_disk.missing(first, last);
                let absent = RangeSet::from_ranges(kept.iter().copied()).missing(first, last);
                self.came.extend(kept.iter().flat_map(|(first, last)| *first..=*last));
                self.input(Input::Sent { daemon, bulk, first, last, absent });
            }
            Effect::CloseBulk { .. } => self.closed += 1,
        }
    }

    fn spool(&mut self) {
        self.kept.newest += 1;
        self.input(Input::Spooled(self.kept));
    }

    fn up(&mut self, connection: u64) {
        self.main = Some(ConnectionId(connection));
        self.input(Input::MainUp { daemon: name(), connection: ConnectionId(connection) });
    }

    fn down(&mut self) {
        self.main = None;
        self.input(Input::MainDown { daemon: name() });
    }

    fn receipt_of(&mut self, epoch: SpoolEpoch, ranges: Vec<(u64, u64)>) {
        let Some(connection) = self.main else { return };
        let kind = SequenceKind::Samples.into();
        let receipt = Receipt { kind, epoch, ranges: Ranges(ranges) };
        self.input(Input::Receipt { daemon: name(), connection, receipt });
    }

    /// What the daemon says of all that came so far.
    fn receipt(&mut self) {
        self.told = RangeSet::from_ranges(self.came.iter().map(|one| (*one, *one)));
        self.receipt_of(EPOCH, self.told.ranges().to_vec());
    }

    /// Time passes; the daemon gives a receipt each second if it gives any.
    fn pass(&mut self, seconds: u64) {
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

    fn cursor(&self) -> Cursor {
        self.delivery.cursors().remove(0)
    }
}

#[test]
fn a_link_that_comes_back_gets_exactly_what_is_missing() {
    let mut rig = Rig::new(1, 0);
    rig.up(1);
    rig.receipt();
    for _ in 0..10 {
        rig.spool();
        rig.pass(5);
    }
    rig.down();
    for _ in 0..120 {
        rig.spool();
        rig.pass(5);
    }
    assert_eq!(rig.came.len(), 10);
    assert!(rig.opened.is_empty());
    assert_eq!((rig.cursor().received_up_to, rig.cursor().waiting), (10, 120));
    rig.up(2);
    rig.receipt();
    rig.spool();
    rig.pass(5);
    let mut came = rig.came.clone();
    came.sort_unstable();
    assert_eq!(came, (1..=131).collect::<Vec<_>>(), "nothing missing, nothing twice");
    assert_eq!(rig.recorded.ranges(), [(1, 131)]);
    assert_eq!((rig.cursor().received_up_to, rig.cursor().waiting), (131, 0));
    rig.pass(20);
    assert_eq!((rig.opened.len(), rig.closed), (1, 1), "an idle bulk connection is closed");
}

#[test]
fn a_daemon_that_does_not_say_what_it_has_gets_all_after_a_moment() {
    let mut rig = Rig::new(5, 30);
    rig.receipts = false;
    rig.up(1);
    rig.pass(1);
    assert!(rig.came.is_empty());
    rig.pass(1);
    assert_eq!(rig.came, (5..=30).collect::<Vec<_>>());
    assert_eq!(rig.declared.ranges(), [(1, 4)]);
}

#[test]
fn a_lost_live_slot_or_receipt_is_repaired_by_backfill() {
    let mut rig = Rig::new(1, 0);
    rig.up(1);
    rig.receipt();
    rig.loses_live = true;
    rig.spool();
    rig.loses_live = false;
    rig.spool();
    rig.pass(9);
    assert_eq!(rig.came, [2]);
    rig.pass(2);
    assert_eq!(rig.came, [2, 1]);
    rig.receipts = false;
    rig.spool();
    rig.pass(11);
    assert_eq!(rig.came, [2, 1, 3, 3], "its receipt got lost, so it comes again");
    rig.receipt();
    rig.pass(100);
    assert_eq!(rig.came.len(), 4);
}

#[test]
fn a_daemon_that_never_confirms_gets_little_and_ever_more_seldom() {
    let mut rig = Rig::new(1, 5000);
    rig.receipts = false;
    rig.up(1);
    rig.pass(3);
    assert_eq!(rig.came.len() as u64, IN_FLIGHT_FIRST);
    rig.pass(600);
    rig.came.clear();
    rig.pass(600);
    let rounds = 600 / RECEIPT_WAIT_MAX.as_secs() + 1;
    assert!(rig.came.len() as u64 <= rounds * IN_FLIGHT_MIN, "{}", rig.came.len());
    assert_eq!(rig.opened.len(), 1);
    rig.receipts = true;
    rig.pass(40 + RECEIPT_WAIT_MAX.as_secs());
    assert_eq!(rig.recorded.ranges(), [(1, 5000)], "caught up once it confirms");
}

#[test]
fn no_more_than_2048_slots_are_under_way() {
    let mut rig = Rig::new(1, 100_000);
    rig.up(1);
    let mut before = 0;
    for _ in 0..60 {
        rig.pass(1);
        assert!(rig.came.len() - before <= 2048);
        before = rig.came.len();
    }
    assert_eq!(rig.came.len(), 100_000);
    assert_eq!(rig.recorded.ranges(), [(1, 100_000)]);
}

#[test]
fn a_refused_bulk_connection_backs_off_and_live_goes_on() {
    let mut rig = Rig::new(1, 10);
    rig.refuses = Some(Duration::from_secs(30));
    rig.up(1);
    rig.pass(95);
    let gaps: Vec<u64> = rig.opened.windows(2).map(|pair| (pair[1] - pair[0]) / S).collect();
    assert_eq!(gaps, [30, 30, 30]);
    rig.spool();
    assert_eq!(rig.came, [11]);
    rig.refuses = Some(Duration::ZERO);
    rig.opened.clear();
    rig.pass(600);
    assert!((20..60).contains(&rig.opened.len()), "{}", rig.opened.len());
    rig.refuses = None;
    rig.pass(40);
    assert_eq!(rig.recorded.ranges(), [(1, 11)]);
}

#[test]
fn what_the_spool_lost_is_declared_once_on_each_connection_and_never_waited_for() {
    let mut rig = Rig::new(1, 100);
    rig.kept.oldest = 41;
    rig.missing_on_disk.insert(60, 69);
    rig.up(1);
    rig.spool();
    rig.pass(3);
    assert_eq!(rig.declared.ranges(), [(1, 40), (60, 69)]);
    assert_eq!(rig.cursor().waiting, 0);
    rig.declared = RangeSet::new();
    rig.pass(60);
    assert!(rig.declared.is_empty());
    rig.down();
    rig.up(2);
    rig.receipt_of(EPOCH, vec![(1, 40)]);
    assert_eq!(rig.declared.ranges(), [(60, 69)], "the daemon knows of the others");
    rig.kept.newest += 4000;
    rig.spool();
    assert_eq!(rig.declared.ranges(), [(60, 69), (102, 4101)], "reserved and never used");
}

#[test]
fn many_losses_are_declared_in_frames_that_may_be_sent() {
    let mut rig = Rig::new(1000, 1000);
    rig.up(1);
    rig.receipt_of(EPOCH, (1..400).map(|one| (2 * one, 2 * one)).collect());
    assert_eq!(rig.declared.len(), 400);
    assert_eq!(rig.declared.last(), Some(999));
}

#[test]
fn receipts_of_another_epoch_or_of_slots_never_made_change_nothing() {
    let mut rig = Rig::new(1, 10);
    rig.receipts = false;
    rig.up(1);
    rig.receipt_of(SpoolEpoch(78), vec![(1, 10)]);
    assert!(rig.recorded.is_empty());
    rig.receipt_of(EPOCH, vec![(0, 0), (5, u64::MAX)]);
    assert_eq!(rig.recorded.ranges(), [(5, 10)]);
    assert_eq!(rig.came, [1, 2, 3, 4]);
    rig.spool();
    assert_eq!(rig.came, [1, 2, 3, 4, 11], "what is new is not confirmed yet");
}

#[test]
fn a_daemon_that_is_configured_no_more_is_let_go() {
    let mut rig = Rig::new(1, 10);
    rig.receipts = false;
    rig.up(1);
    rig.pass(3);
    rig.input(Input::Follow(Vec::new()));
    assert_eq!(rig.closed, 1);
    assert!(rig.delivery.cursors().is_empty());
    assert_eq!(rig.delivery.next_deadline(), None);
    rig.spool();
    assert_eq!(rig.came.len(), 10);
    rig.input(Input::Follow(vec![(name(), RangeSet::from_ranges([(1, 9)]))]));
    assert_eq!(rig.cursor().waiting, 2);
}

#[test]
fn a_connection_that_is_replaced_keeps_its_backfill() {
    let mut rig = Rig::new(1, 10);
    rig.up(1);
    rig.pass(1);
    rig.up(2);
    rig.receipt();
    rig.pass(1);
    assert_eq!(rig.recorded.ranges(), [(1, 10)]);
    assert_eq!((rig.opened.len(), rig.closed), (1, 0));
}

#[derive(Debug, Clone)]
enum Step {
    Spool,
    Up,
    Down,
    Receipts(bool),
    LosesLive(bool),
    Refuses(Option<u64>),
    Expire(u64),
    Hole(u64),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => Just(Step::Spool),
        2 => Just(Step::Up),
        1 => Just(Step::Down),
        1 => any::<bool>().prop_map(Step::Receipts),
        1 => any::<bool>().prop_map(Step::LosesLive),
        1 => proptest::option::of(0_u64..40).prop_map(Step::Refuses),
        1 => (0_u64..20).prop_map(Step::Expire),
        1 => (0_u64..300).prop_map(Step::Hole),
        4 => (1_u64..30).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..100)
}

proptest! {
    #[test]
    fn whatever_happens_all_that_is_kept_comes_and_the_rest_is_declared(steps in steps()) {
        let mut rig = Rig::new(1, 200);
        let mut connections = 0;
        for step in steps {
            match step {
                Step::Spool => rig.spool(),
                Step::Up => {
                    connections += 1;
                    rig.up(connections);
                }
                Step::Down => rig.down(),
                Step::Receipts(gives) => rig.receipts = gives,
                Step::LosesLive(loses) => rig.loses_live = loses,
                Step::Refuses(seconds) => rig.refuses = seconds.map(Duration::from_secs),
                Step::Expire(slots) => rig.kept.oldest = (rig.kept.oldest + slots).min(rig.kept.newest + 1),
                Step::Hole(at) => {
                    rig.missing_on_disk.insert(at, at + 3);
                }
                Step::Pass(seconds) => rig.pass(seconds),
            }
        }
        (rig.receipts, rig.loses_live, rig.refuses) = (true, false, None);
        rig.up(connections + 1);
        rig.spool();
        rig.pass(200);
        prop_assert_eq!(rig.cursor().waiting, 0);
        let settled = rig.recorded.union(&rig.declared);
        prop_assert_eq!(settled.ranges(), [(1, rig.kept.newest)]);
    }
}
