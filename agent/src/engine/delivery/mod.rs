//! What of the spool goes to which daemon, when, and on which connection. Pure: time is an argument.
//!
//! [`Delivery::handle`] takes one [`Input`] and gives the [`Effect`]s that it asks for;
//! [`Delivery::next_deadline`] says when to call again. The newest slot goes live, on the main
//! connection; what a daemon lacks goes by backfill, on a bulk connection of its own, only as fast as
//! receipts come. Files go on that connection too: it is kept for as long as they want it. It knows
//! sequences, not values: those stay in the spool.

mod courier;
mod flight;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use systole_common::ids::{DaemonName, SpoolEpoch};
use systole_common::ranges::RangeSet;
use systole_common::time::Mono;
use systole_common::wire::control::{Ranges, Receipt, SequenceKind};

use super::input::ConnectionId;
use super::random::Random;
use crate::limits::SPOOL_SEQUENCE_SKIP_MAX;
use courier::{Courier, Turn};

/// One attempt to open a bulk connection, and the connection that came of it. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BulkId(pub u64);

/// Which sequences the spool holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// The first; one more than `newest` if nothing is kept.
    pub oldest: u64,
    /// The newest that was ever made; 0 if none.
    pub newest: u64,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The deadline has come.
    Tick,
    /// These daemons are configured, each with what it has already; the rest of what is known of a
    /// daemon stays.
    Follow(Vec<(DaemonName, RangeSet)>),
    /// A slot is safe in the spool.
    Spooled(Kept),
    /// The daemon has another newest main connection.
    MainUp {
        /// The daemon.
        daemon: DaemonName,
        /// Its newest main connection.
        connection: ConnectionId,
    },
    /// The daemon has no main connection any more.
    MainDown {
        /// The daemon.
        daemon: DaemonName,
    },
    /// The daemon has slots on its disk.
    Receipt {
        /// The daemon.
        daemon: DaemonName,
        /// On which main connection it said so.
        connection: ConnectionId,
        /// The frame.
        receipt: Receipt,
    },
    /// Files are to go to the daemon on its bulk connection, or no more.
    FilesWanted {
        /// The daemon.
        daemon: DaemonName,
        /// Whether there are any.
        wanted: bool,
    },
    /// The bulk connection can be used.
    BulkUp {
        /// The daemon.
        daemon: DaemonName,
        /// The attempt, from here on a connection.
        bulk: BulkId,
    },
    /// The bulk connection did not come to be, or ended.
    BulkDown {
        /// The daemon.
        daemon: DaemonName,
        /// Which.
        bulk: BulkId,
        /// How long the daemon wants to be left alone, if it said so.
        retry_after: Option<Duration>,
    },
    /// What [`Effect::Send`] asked for was handed to the transport, or its first part.
    Sent {
        /// The daemon.
        daemon: DaemonName,
        /// On which connection.
        bulk: BulkId,
        /// The first sequence.
        first: u64,
        /// The last sequence.
        last: u64,
        /// What of them the spool does not have.
        absent: Vec<(u64, u64)>,
        /// The rest needs a fresh stream; the old one is ended.
        is_full: bool,
    },
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send the newest slot on a main connection.
    Live {
        /// The daemon.
        daemon: DaemonName,
        /// Its main connection.
        connection: ConnectionId,
        /// The slot.
        sequence: u64,
    },
    /// Declare on a main connection what will never come.
    Declare {
        /// The daemon.
        daemon: DaemonName,
        /// Its main connection.
        connection: ConnectionId,
        /// What is lost.
        ranges: Ranges,
    },
    /// Use no sequence up to `newest` any more, and say so: the daemon has samples under them that this
    /// spool, a copy of an older state, does not know.
    SkipTo {
        /// The daemon.
        daemon: DaemonName,
        /// The last of them.
        newest: u64,
    },
    /// Move the daemon's cursor in the spool.
    Record {
        /// The daemon.
        daemon: DaemonName,
        /// What it has.
        ranges: Vec<(u64, u64)>,
    },
    /// Open a bulk connection to where the main connection goes.
    OpenBulk {
        /// The daemon.
        daemon: DaemonName,
        /// The new attempt.
        bulk: BulkId,
    },
    /// Read these slots and send them; [`Input::Sent`] says how far that went.
    Send {
        /// The daemon.
        daemon: DaemonName,
        /// On which connection.
        bulk: BulkId,
        /// The first sequence.
        first: u64,
        /// The last sequence.
        last: u64,
    },
    /// Close the bulk connection or give the attempt up; nothing more is wanted of it.
    CloseBulk {
        /// Which.
        bulk: BulkId,
    },
}

/// How far one daemon is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The daemon.
    pub daemon: DaemonName,
    /// Up to here it lacks nothing that the spool still has; 0 if there is nothing.
    pub received_up_to: u64,
    /// Slots in the spool that it has not confirmed.
    pub waiting: u64,
}

/// Everything that is known and decided about the delivery of stored samples.
#[derive(Debug)]
pub struct Delivery {
    epoch: SpoolEpoch,
    kept: Kept,
    /// Sequences between oldest and newest that the spool does not have and never will.
    absent: RangeSet,
    couriers: BTreeMap<DaemonName, Courier>,
    bulks: u64,
    random: Random,
}

impl Delivery {
    /// A delivery without daemons. `seed` must be random.
    pub fn new(epoch: SpoolEpoch, kept: Kept, seed: u64) -> Self {
        Self {
            epoch,
            kept,
            absent: RangeSet::new(),
            couriers: BTreeMap::new(),
            bulks: 0,
            random: Random::new(seed),
        }
    }

    /// Takes in what happened and says what is to be done, in this order.
    pub fn handle(&mut self, now: Mono, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Tick => {}
            Input::Follow(daemons) => self.follow(daemons, &mut effects),
            Input::Spooled(kept) => self.spooled(now, kept, &mut effects),
            Input::MainUp { daemon, connection } => {
                self.courier(&daemon, |courier| courier.main_up(now, connection));
            }
            Input::MainDown { daemon } => {
                self.courier(&daemon, |courier| courier.main_down(&mut effects));
            }
            Input::Receipt { daemon, connection, receipt } => {
                self.receipt(&daemon, connection, receipt, &mut effects);
            }
            Input::FilesWanted { daemon, wanted } => {
                self.courier(&daemon, |courier| courier.files_wanted(wanted));
            }
            Input::BulkUp { daemon, bulk } => {
                self.courier(&daemon, |courier| courier.bulk_up(bulk));
            }
            Input::BulkDown { daemon, bulk, retry_after } => {
                let random = self.random.draw();
                self.courier(&daemon, |courier| courier.bulk_down(now, bulk, retry_after, random));
            }
            Input::Sent { daemon, bulk, first, last, absent, is_full } => {
                self.absent = self.absent.union(&RangeSet::from_ranges(absent.iter().copied()));
                self.courier(&daemon, |courier| {
                    courier.sent(now, bulk, (first, last), &absent, is_full);
                });
            }
        }
        self.settle(now, &mut effects);
        effects
    }

    /// When [`Input::Tick`] is due, if ever.
    pub fn next_deadline(&self) -> Option<Mono> {
        self.couriers.values().filter_map(Courier::next_deadline).min()
    }

    /// How far each daemon is.
    pub fn cursors(&self) -> Vec<Cursor> {
        let cursor = |(daemon, courier): (&DaemonName, &Courier)| {
            let lacking = courier.lacking(&self.absent, self.kept);
            let first = lacking.first().map(|range| range.0);
            Cursor {
                daemon: daemon.clone(),
                received_up_to: first.map_or(self.kept.newest, |first| first.saturating_sub(1)),
                waiting: RangeSet::from_ranges(lacking).count(),
            }
        };
        self.couriers.iter().map(cursor).collect()
    }

    fn follow(&mut self, daemons: Vec<(DaemonName, RangeSet)>, effects: &mut Vec<Effect>) {
        let mut before = std::mem::take(&mut self.couriers);
        for (daemon, received) in daemons {
            let courier = before.remove(&daemon);
            let courier = courier.unwrap_or_else(|| Courier::new(daemon.clone(), received));
            self.couriers.insert(daemon, courier);
        }
        for courier in before.values_mut() {
            courier.main_down(effects);
        }
    }

    fn spooled(&mut self, now: Mono, kept: Kept, effects: &mut Vec<Effect>) {
        let expected = self.kept.newest.saturating_add(1);
        if expected < kept.newest {
            // Reserved before a crash and never used.
            self.absent.insert(expected, kept.newest.saturating_sub(1));
        }
        self.kept = kept;
        // What is below the oldest is lost anyway.
        let above = self.absent.ranges().iter().filter(|range| range.1 >= kept.oldest).copied();
        self.absent = RangeSet::from_ranges(above);
        self.couriers.values_mut().for_each(|courier| courier.live(now, kept.newest, effects));
    }

    fn receipt(
        &mut self,
        daemon: &DaemonName,
        connection: ConnectionId,
        receipt: Receipt,
        effects: &mut Vec<Effect>,
    ) {
        if receipt.epoch != self.epoch || receipt.kind != SequenceKind::Samples.into() {
            return;
        }
        self.skip(daemon, &receipt.ranges, effects);
        let newest = self.kept.newest;
        let known =
            receipt.ranges.0.into_iter().map(|(first, last)| (first.max(1), last.min(newest)));
        let ranges: Vec<(u64, u64)> = known.filter(|(first, last)| first <= last).collect();
        self.courier(daemon, |courier| courier.receipt(connection, ranges, effects));
    }

    /// A receipt beyond the newest slot: new slots under those sequences would be taken for double ones.
    /// What nobody can ever make is not believed.
    fn skip(&mut self, daemon: &DaemonName, ranges: &Ranges, effects: &mut Vec<Effect>) {
        let before = self.kept.newest;
        let Some(newest) = ranges.0.iter().map(|range| range.1).max() else { return };
        let is_believed = newest > before && newest - before <= SPOOL_SEQUENCE_SKIP_MAX;
        if is_believed && self.couriers.contains_key(daemon) {
            self.absent.insert(before + 1, newest);
            self.kept.newest = newest;
            effects.push(Effect::SkipTo { daemon: daemon.clone(), newest });
        }
    }

    fn settle(&mut self, now: Mono, effects: &mut Vec<Effect>) {
        let (kept, absent, bulks) = (self.kept, &self.absent, &mut self.bulks);
        for courier in self.couriers.values_mut() {
            courier.settle(&mut Turn { now, kept, absent, bulks, effects });
        }
    }

    fn courier(&mut self, daemon: &DaemonName, act: impl FnOnce(&mut Courier)) {
        if let Some(courier) = self.couriers.get_mut(daemon) {
            act(courier);
        }
    }
}
