//! The delivery to one daemon: what it has, what is under way to it, and its bulk connection.

use std::time::Duration;

use systole_common::backoff::Backoff;
use systole_common::ids::DaemonName;
use systole_common::ranges::RangeSet;
use systole_common::time::Mono;
use systole_common::wire::control::Ranges;
use systole_common::wire::limits::RANGES_MAX;

use super::flight::Flight;
use super::{BulkId, Effect, Kept};
use crate::engine::input::ConnectionId;
use crate::limits::{
    BATCH_SLOTS_MAX, BULK_IDLE_MAX, DECLARED_RANGES_MAX, FIRST_RECEIPT_WAIT, IN_FLIGHT_FIRST,
    IN_FLIGHT_MAX, IN_FLIGHT_MIN, RECEIPT_WAIT_MAX, RECEIPT_WAIT_MIN, RETRY_AFTER_MAX,
};

/// What a decision needs beside the courier itself.
pub(super) struct Turn<'a> {
    pub(super) now: Mono,
    pub(super) kept: Kept,
    pub(super) absent: &'a RangeSet,
    pub(super) bulks: &'a mut u64,
    pub(super) effects: &'a mut Vec<Effect>,
}

/// The delivery to one daemon.
#[derive(Debug)]
pub(super) struct Courier {
    daemon: DaemonName,
    received: RangeSet,
    main: Option<Main>,
    flight: Flight,
    bulk: Bulk,
    /// Whether files need the bulk connection.
    files_wanted: bool,
    /// Most slots under way by backfill: grows with receipts, shrinks without.
    window: u64,
    /// How long a receipt is waited for.
    receipt_wait: Duration,
    /// No further loss is counted until then: what was sent together is lost together.
    setback_until: Mono,
    failures: u32,
}

/// The newest main connection.
#[derive(Debug)]
struct Main {
    connection: ConnectionId,
    /// Until then the daemon may say what it has; `None` once it did.
    asked_until: Option<Mono>,
    /// What was declared on it as lost and is not confirmed.
    declared: Flight,
    /// How long a receipt for a declaration is waited for.
    declare_wait: Duration,
}

impl Main {
    fn new(connection: ConnectionId, asked_until: Mono) -> Self {
        let (declared, declare_wait) = (Flight::default(), RECEIPT_WAIT_MIN);
        Self { connection, asked_until: Some(asked_until), declared, declare_wait }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Bulk {
    None,
    Waiting { until: Mono },
    Opening { bulk: BulkId },
    Open(OpenBulk),
}

#[derive(Debug, PartialEq, Eq)]
struct OpenBulk {
    bulk: BulkId,
    sending: bool,
    /// Its stream takes no more series. A daemon reads one stream at a time: a fresh one begins once
    /// all of this one is confirmed.
    is_full: bool,
    idle_since: Option<Mono>,
}

impl Courier {
    pub(super) fn new(daemon: DaemonName, received: RangeSet) -> Self {
        Self {
            daemon,
            received,
            main: None,
            flight: Flight::default(),
            bulk: Bulk::None,
            files_wanted: false,
            window: IN_FLIGHT_FIRST,
            receipt_wait: RECEIPT_WAIT_MIN,
            setback_until: Mono(0),
            failures: 0,
        }
    }

    /// A main connection: the daemon is given a moment to say what it has.
    pub(super) fn main_up(&mut self, now: Mono, connection: ConnectionId) {
        self.flight.clear();
        self.main = Some(Main::new(connection, now.plus(FIRST_RECEIPT_WAIT)));
    }

    /// No main connection: without it there are no receipts, so nothing is sent.
    pub(super) fn main_down(&mut self, effects: &mut Vec<Effect>) {
        self.main = None;
        self.flight.clear();
        match std::mem::replace(&mut self.bulk, Bulk::None) {
            Bulk::Opening { bulk } | Bulk::Open(OpenBulk { bulk, .. }) => {
                effects.push(Effect::CloseBulk { bulk });
            }
            waiting @ Bulk::Waiting { .. } => self.bulk = waiting,
            Bulk::None => {}
        }
    }

    /// A slot is fresh: it goes at once, ahead of all that waits.
    pub(super) fn live(&mut self, now: Mono, sequence: u64, effects: &mut Vec<Effect>) {
        let Some(main) = &self.main else { return };
        self.flight.add(sequence, sequence, now.plus(self.receipt_wait), false);
        let (daemon, connection) = (self.daemon.clone(), main.connection);
        effects.push(Effect::Live { daemon, connection, sequence });
    }

    pub(super) fn receipt(
        &mut self,
        connection: ConnectionId,
        ranges: Vec<(u64, u64)>,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(main) = self.main.as_mut().filter(|main| main.connection == connection) {
            main.asked_until = None;
        }
        let news = ranges.iter().map(|(first, last)| self.received.insert(*first, *last));
        if news.fold(0, u64::saturating_add) > 0 {
            effects.push(Effect::Record { daemon: self.daemon.clone(), ranges });
        }
        if let Some(main) = &mut self.main
            && main.declared.settle(&self.received) > 0
        {
            main.declare_wait = RECEIPT_WAIT_MIN;
        }
        if self.flight.settle(&self.received) > 0 {
            self.receipt_wait = RECEIPT_WAIT_MIN;
            self.window = self.window.saturating_mul(2).min(IN_FLIGHT_MAX);
            self.failures = 0;
        }
    }

    pub(super) fn files_wanted(&mut self, wanted: bool) {
        self.files_wanted = wanted;
    }

    pub(super) fn bulk_up(&mut self, bulk: BulkId) {
        if self.bulk == (Bulk::Opening { bulk }) {
            let open = OpenBulk { bulk, sending: false, is_full: false, idle_since: None };
            self.bulk = Bulk::Open(open);
        }
    }

    /// Without a receipt since the last failure the next attempt comes later.
    pub(super) fn bulk_down(
        &mut self,
        now: Mono,
        ended: BulkId,
        retry_after: Option<Duration>,
        random: u64,
    ) {
        match self.bulk {
            Bulk::Opening { bulk } | Bulk::Open(OpenBulk { bulk, .. }) if bulk == ended => {}
            Bulk::None | Bulk::Waiting { .. } | Bulk::Opening { .. } | Bulk::Open(_) => return,
        }
        self.failures = self.failures.saturating_add(1);
        let delay = match retry_after.filter(|wait| !wait.is_zero()) {
            Some(wait) => Backoff::AGENT.told(wait.min(RETRY_AFTER_MAX), random),
            None => RETRY.delay(self.failures, random),
        };
        self.bulk = Bulk::Waiting { until: now.plus(delay) };
    }

    pub(super) fn sent(
        &mut self,
        now: Mono,
        on: BulkId,
        (first, last): (u64, u64),
        absent: &[(u64, u64)],
        is_full: bool,
    ) {
        let Bulk::Open(open) = &mut self.bulk else { return };
        if open.bulk != on {
            return;
        }
        open.sending = false;
        open.is_full = is_full;
        let due = now.plus(self.receipt_wait);
        let absent = RangeSet::from_ranges(absent.iter().copied());
        for (first, last) in self.received.union(&absent).missing(first, last) {
            self.flight.add(first, last, due, true);
        }
    }

    /// What of the spool the daemon has not confirmed.
    pub(super) fn lacking(&self, absent: &RangeSet, kept: Kept) -> Vec<(u64, u64)> {
        self.received.union(absent).missing(kept.oldest.max(1), kept.newest)
    }

    pub(super) fn next_deadline(&self) -> Option<Mono> {
        let main = self.main.as_ref()?;
        let bulk = match &self.bulk {
            Bulk::Waiting { until } => Some(*until),
            Bulk::Open(open) => open.idle_since.map(|since| since.plus(BULK_IDLE_MAX)),
            Bulk::None | Bulk::Opening { .. } => None,
        };
        // While the daemon is asked what it has, the bulk connection is left as it is.
        let next = main.asked_until.or(bulk);
        [next, self.flight.next_due(), main.declared.next_due()].into_iter().flatten().min()
    }

    /// What follows from everything.
    pub(super) fn settle(&mut self, turn: &mut Turn<'_>) {
        let Some(main) = &mut self.main else { return };
        main.asked_until = main.asked_until.filter(|until| turn.now < *until);
        if main.declared.expire(turn.now) {
            main.declare_wait = main.declare_wait.saturating_mul(2).min(RECEIPT_WAIT_MAX);
        }
        if self.flight.expire(turn.now) {
            self.set_back(turn.now);
        }
        if matches!(self.bulk, Bulk::Waiting { until } if until <= turn.now) {
            self.bulk = Bulk::None;
        }
        if self.main.as_ref().is_some_and(|main| main.asked_until.is_some()) {
            return;
        }
        self.declare(turn);
        match self.next_batch(turn) {
            Some((first, last)) => self.work(turn, first, last),
            None => self.rest(turn),
        }
    }

    /// Slots got lost, or the daemon takes none: fewer at a time, and more patience.
    fn set_back(&mut self, now: Mono) {
        if now < self.setback_until {
            return;
        }
        self.setback_until = now.plus(self.receipt_wait);
        self.receipt_wait = self.receipt_wait.saturating_mul(2).min(RECEIPT_WAIT_MAX);
        self.window = (self.window / 2).max(IN_FLIGHT_MIN);
    }

    /// The first slots that the daemon lacks and that are not under way, as many as may go now.
    fn next_batch(&self, turn: &Turn<'_>) -> Option<(u64, u64)> {
        let room = self.window.saturating_sub(self.flight.counted()).min(BATCH_SLOTS_MAX);
        let settled = self.received.union(turn.absent);
        let settled = self.flight.ranges().fold(settled, |mut settled, (first, last)| {
            settled.insert(first, last);
            settled
        });
        let lacking = settled.missing(turn.kept.oldest.max(1), turn.kept.newest);
        let (first, last) = *lacking.first().filter(|_| room > 0)?;
        Some((first, last.min(first.saturating_add(room - 1))))
    }

    fn open_bulk(&mut self, turn: &mut Turn<'_>) {
        *turn.bulks += 1;
        let bulk = BulkId(*turn.bulks);
        self.bulk = Bulk::Opening { bulk };
        turn.effects.push(Effect::OpenBulk { daemon: self.daemon.clone(), bulk });
    }

    fn work(&mut self, turn: &mut Turn<'_>, first: u64, last: u64) {
        let daemon = self.daemon.clone();
        match &mut self.bulk {
            Bulk::None => self.open_bulk(turn),
            Bulk::Open(open) => {
                open.idle_since = None;
                open.is_full &= self.flight.counted() > 0;
                if !open.sending && !open.is_full {
                    open.sending = true;
                    turn.effects.push(Effect::Send { daemon, bulk: open.bulk, first, last });
                }
            }
            Bulk::Waiting { .. } | Bulk::Opening { .. } => {}
        }
    }

    /// Nothing to send: an open connection is closed once it was idle for long enough, unless files want
    /// it.
    fn rest(&mut self, turn: &mut Turn<'_>) {
        if self.files_wanted && self.bulk == Bulk::None {
            self.open_bulk(turn);
        }
        let Bulk::Open(open) = &mut self.bulk else { return };
        if open.sending || self.files_wanted || self.flight.counted() > 0 {
            open.idle_since = None;
            return;
        }
        let since = *open.idle_since.get_or_insert(turn.now);
        if since.plus(BULK_IDLE_MAX) <= turn.now {
            turn.effects.push(Effect::CloseBulk { bulk: open.bulk });
            self.bulk = Bulk::None;
        }
    }

    /// Declares what the spool lost, on each main connection, until the daemon confirms it.
    fn declare(&mut self, turn: &mut Turn<'_>) {
        let Some(main) = &mut self.main else { return };
        let known = self.received.union(&RangeSet::from_ranges(main.declared.ranges()));
        let mut lost = known.missing(1, turn.kept.oldest.saturating_sub(1));
        let absent = turn.absent.ranges().iter();
        lost.extend(absent.flat_map(|(first, last)| known.missing(*first, *last)));
        let lost = RangeSet::from_ranges(lost);
        let lost = lost.ranges().get(..lost.len().min(DECLARED_RANGES_MAX)).unwrap_or_default();
        let due = turn.now.plus(main.declare_wait);
        for ranges in lost.chunks(RANGES_MAX) {
            for (first, last) in ranges {
                main.declared.add(*first, *last, due, true);
            }
            turn.effects.push(Effect::Declare {
                daemon: self.daemon.clone(),
                connection: main.connection,
                ranges: Ranges(ranges.to_vec()),
            });
        }
    }
}

/// A bulk connection that fails is not urgent: up to half a minute.
const RETRY: Backoff = Backoff { cap: Duration::from_secs(30), base: Duration::from_millis(500) };
