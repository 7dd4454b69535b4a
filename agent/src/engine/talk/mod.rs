//! This host's talk with its daemons: what is sent when, what is confirmed, what is given up. Pure.
//!
//! [`Talk::handle`] takes one [`Input`] and gives the [`Effect`]s that it asks for;
//! [`Talk::next_deadline`] says when to call again. A message is told to it once it is safe on the
//! disk, so that nothing is promised or confirmed before. Each daemon has a window of messages under
//! way and a cursor of its own; what comes from a daemon is taken once for each epoch and sequence.

mod inbox;
mod outbox;
#[cfg(test)]
mod tests;
pub mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use systole_common::ids::{DaemonName, SpoolEpoch};
use systole_common::ranges::RangeSet;
use systole_common::time::{Mono, Now};
use systole_common::wire::talk::Message;

use super::input::ConnectionId;
use crate::limits::{
    MESSAGES_IN_FLIGHT_MAX, SPOOL_SEQUENCE_SKIP_MAX, TALK_RECEIPT_WAIT_MAX, TALK_RECEIPT_WAIT_MIN,
};
pub use inbox::Inbox;
use outbox::Outbox;

/// What an earlier life left.
#[derive(Debug, Clone, Default)]
pub struct Left {
    /// This host's messages that some daemon may lack.
    pub messages: Vec<Arc<Message>>,
    /// What each daemon had of them.
    pub settled: BTreeMap<DaemonName, RangeSet>,
    /// What this host had of each daemon's deliveries.
    pub inbox: Inbox,
    /// The last sequence of a message that was used.
    pub newest: u64,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The deadline has come.
    Tick,
    /// These daemons are configured.
    Follow(Vec<DaemonName>),
    /// The daemon has another newest main connection, and its messages stream.
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
    /// The daemon has these messages of the present spool epoch.
    Receipt {
        /// The daemon.
        daemon: DaemonName,
        /// Closed ranges of sequences, ascending.
        ranges: Vec<(u64, u64)>,
    },
    /// Somebody on this host spoke, and it is safe on the disk.
    Said(Arc<Message>),
    /// A delivery is safe on the disk, from now or from before.
    Taken {
        /// Whose.
        daemon: DaemonName,
        /// Its talk epoch.
        epoch: SpoolEpoch,
        /// Its sequence.
        sequence: u64,
    },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a message on the messages stream of that main connection.
    Send {
        /// To whom.
        daemon: DaemonName,
        /// On which connection.
        connection: ConnectionId,
        /// What.
        message: Arc<Message>,
    },
    /// Confirm all deliveries of that epoch up to the highest.
    Confirm {
        /// To whom.
        daemon: DaemonName,
        /// Its talk epoch.
        epoch: SpoolEpoch,
        /// The highest that this host has.
        highest: u64,
    },
    /// What daemons have has changed, and is to be written down soon.
    Save,
    /// Use no sequence up to this one: a daemon has messages under them that this disk does not know.
    SkipTo {
        /// The daemon.
        daemon: DaemonName,
        /// The newest that it has.
        newest: u64,
    },
    /// Messages were given up for daemons that lack them, because newer ones needed the room.
    Crowded {
        /// How many.
        count: usize,
    },
    /// Messages were given up because they waited too long.
    Expired {
        /// How many.
        count: usize,
    },
}

/// All that is said, heard and owed.
#[derive(Debug)]
pub struct Talk {
    outbox: Outbox,
    inbox: Inbox,
    links: BTreeMap<DaemonName, Link>,
}

/// A daemon that is connected.
#[derive(Debug)]
struct Link {
    connection: ConnectionId,
    in_flight: BTreeSet<u64>,
    /// When what is under way counts as lost.
    due: Option<Mono>,
    patience: Duration,
}

impl Talk {
    /// Goes on where an earlier life ended.
    pub fn new(now: Now, left: Left) -> Self {
        let Left { messages, settled, inbox, newest } = left;
        let outbox = Outbox::new(now, messages, settled, newest);
        Self { outbox, inbox, links: BTreeMap::new() }
    }

    /// Takes in what happened and says what is to be done, in this order.
    pub fn handle(&mut self, now: Now, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Tick => self.tick(now.mono, &mut effects),
            Input::Follow(daemons) => {
                self.outbox.follow(&daemons);
                self.links.retain(|daemon, _| daemons.contains(daemon));
                effects.push(Effect::Save);
            }
            Input::MainUp { daemon, connection } => self.greet(daemon, connection, &mut effects),
            Input::MainDown { daemon } => drop(self.links.remove(&daemon)),
            Input::Receipt { daemon, ranges } => {
                self.receipt(&daemon, &ranges, &mut effects);
            }
            Input::Said(message) => {
                let count = self.outbox.keep(now.mono, message);
                if count > 0 {
                    effects.extend([Effect::Crowded { count }, Effect::Save]);
                }
            }
            Input::Taken { daemon, epoch, sequence } => {
                self.inbox.take(&daemon, epoch, sequence);
                let epochs = self.inbox.epochs(&daemon).iter();
                let highest = epochs.rev().find(|known| known.0 == epoch).map_or(0, |one| one.1);
                effects.push(Effect::Confirm { daemon, epoch, highest });
            }
        }
        self.fill(now.mono, &mut effects);
        effects
    }

    /// When [`Input::Tick`] is due.
    pub fn next_deadline(&self) -> Option<Mono> {
        let receipts = self.links.values().filter_map(|link| link.due);
        receipts.chain(self.outbox.next_deadline()).min()
    }

    /// What this host has of the deliveries.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Whether `more` messages can be taken now.
    pub fn has_room(&self, more: usize) -> bool {
        self.outbox.has_room(more)
    }

    /// The last sequence of a message that was used.
    pub fn newest(&self) -> u64 {
        self.outbox.newest()
    }

    /// This host's messages that some daemon lacks, ascending.
    pub fn waiting(&self) -> impl Iterator<Item = &Arc<Message>> {
        self.outbox.messages()
    }

    /// What each daemon has of this host's messages, or what is not owed to it any more.
    pub fn settled(&self) -> &BTreeMap<DaemonName, RangeSet> {
        self.outbox.settled()
    }

    /// Daemons that have a message, and those that lack it.
    pub fn reached(&self, sequence: u64) -> (Vec<&DaemonName>, Vec<&DaemonName>) {
        self.settled().keys().partition(|daemon| self.outbox.is_settled(daemon, sequence))
    }

    /// How many messages `daemon` lacks that go to it before this one.
    pub fn before(&self, daemon: &DaemonName, sequence: u64) -> u64 {
        self.outbox.lacking(daemon).take_while(|other| *other < sequence).count() as u64
    }

    /// Whether some daemon is connected that has yet to confirm the message.
    pub fn is_under_way(&self, sequence: u64) -> bool {
        self.links.keys().any(|daemon| !self.outbox.is_settled(daemon, sequence))
    }

    fn tick(&mut self, now: Mono, effects: &mut Vec<Effect>) {
        let count = self.outbox.expire(now);
        if count > 0 {
            effects.extend([Effect::Expired { count }, Effect::Save]);
        }
        for link in self.links.values_mut().filter(|link| link.due.is_some_and(|due| due <= now)) {
            link.in_flight.clear();
            link.due = None;
            link.patience = (link.patience * 2).min(TALK_RECEIPT_WAIT_MAX);
        }
    }

    /// Says what this host has, and begins to send what the daemon lacks.
    fn greet(&mut self, daemon: DaemonName, connection: ConnectionId, effects: &mut Vec<Effect>) {
        for (epoch, highest) in self.inbox.epochs(&daemon).iter().copied() {
            effects.push(Effect::Confirm { daemon: daemon.clone(), epoch, highest });
        }
        let (in_flight, patience) = (BTreeSet::new(), TALK_RECEIPT_WAIT_MIN);
        self.links.insert(daemon, Link { connection, in_flight, due: None, patience });
    }

    fn receipt(&mut self, daemon: &DaemonName, ranges: &[(u64, u64)], effects: &mut Vec<Effect>) {
        let (known, newest) = (self.outbox.newest(), ranges.last().map_or(0, |last| last.1));
        if newest > known && newest - known <= SPOOL_SEQUENCE_SKIP_MAX {
            effects.push(Effect::SkipTo { daemon: daemon.clone(), newest });
            self.outbox.skip_to(newest);
        }
        let is_news = self.outbox.receipt(daemon, ranges);
        if !is_news {
            return;
        }
        effects.push(Effect::Save);
        if let Some(link) = self.links.get_mut(daemon) {
            let outbox = &self.outbox;
            link.in_flight.retain(|sequence| !outbox.is_settled(daemon, *sequence));
            link.due = None;
            link.patience = TALK_RECEIPT_WAIT_MIN;
        }
    }

    /// Sends what finds room in the windows.
    fn fill(&mut self, now: Mono, effects: &mut Vec<Effect>) {
        for (daemon, link) in &mut self.links {
            let connection = link.connection;
            for sequence in self.outbox.lacking(daemon) {
                if link.in_flight.len() >= MESSAGES_IN_FLIGHT_MAX {
                    break;
                }
                if let Some(message) = self.outbox.message(sequence)
                    && link.in_flight.insert(sequence)
                {
                    let (daemon, message) = (daemon.clone(), message.clone());
                    effects.push(Effect::Send { daemon, connection, message });
                }
            }
            if link.in_flight.is_empty() {
                link.due = None;
            } else if link.due.is_none() {
                link.due = Some(now.plus(link.patience));
            }
        }
    }
}
