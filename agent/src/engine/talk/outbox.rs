//! This host's messages that some daemon still lacks. It knows no clock but the one it is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use systole_common::ids::DaemonName;
use systole_common::ranges::RangeSet;
use systole_common::time::{Mono, Now};
use systole_common::wire::talk::Message;

use crate::limits::{OUTBOX_AGE_MAX, OUTBOX_MESSAGES_MAX};

/// Messages by their sequence, and what each daemon has of them.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    items: BTreeMap<u64, Item>,
    /// What each configured daemon has, or what is not owed to it any more.
    settled: BTreeMap<DaemonName, RangeSet>,
    newest: u64,
}

#[derive(Debug)]
struct Item {
    message: Arc<Message>,
    expires: Mono,
}

impl Outbox {
    /// What an earlier life left: messages, what the daemons had of them, the last sequence used.
    pub(super) fn new(
        now: Now,
        messages: Vec<Arc<Message>>,
        settled: BTreeMap<DaemonName, RangeSet>,
        newest: u64,
    ) -> Self {
        let mut outbox = Self { settled, newest, ..Self::default() };
        for message in messages {
            let age = now.wall.since(message.time);
            outbox.insert(now.mono, message, OUTBOX_AGE_MAX.saturating_sub(age));
        }
        outbox
    }

    /// The last sequence that was used.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// No sequence up to `newest` is used any more.
    pub(super) fn skip_to(&mut self, newest: u64) {
        self.newest = self.newest.max(newest);
    }

    /// The messages that are kept, ascending.
    pub(super) fn messages(&self) -> impl Iterator<Item = &Arc<Message>> {
        self.items.values().map(|item| &item.message)
    }

    /// The message of a sequence, while it is kept.
    pub(super) fn message(&self, sequence: u64) -> Option<&Arc<Message>> {
        self.items.get(&sequence).map(|item| &item.message)
    }

    /// What each daemon has, or what is not owed to it any more.
    pub(super) fn settled(&self) -> &BTreeMap<DaemonName, RangeSet> {
        &self.settled
    }

    /// Whether `daemon` has it, or it is not owed to it any more.
    pub(super) fn is_settled(&self, daemon: &DaemonName, sequence: u64) -> bool {
        self.settled.get(daemon).is_some_and(|settled| settled.contains(sequence))
    }

    /// Whether `more` messages find room, if need be in the place of some that one daemon has.
    pub(super) fn has_room(&self, more: usize) -> bool {
        let nobody_has =
            |sequence: &&u64| !self.settled.values().any(|settled| settled.contains(**sequence));
        let waiting = self.items.keys().filter(nobody_has).count();
        waiting.saturating_add(more) <= OUTBOX_MESSAGES_MAX
    }

    /// Follows the configuration. A new daemon is owed what is kept now.
    pub(super) fn follow(&mut self, daemons: &[DaemonName]) {
        self.settled.retain(|daemon, _| daemons.contains(daemon));
        for daemon in daemons {
            self.settled.entry(daemon.clone()).or_default();
        }
        self.forget();
    }

    /// Keeps a message that is safe on the disk. How many others are given up for some daemon.
    pub(super) fn keep(&mut self, now: Mono, message: Arc<Message>) -> usize {
        self.insert(now, message, OUTBOX_AGE_MAX);
        let mut given_up = 0;
        while self.items.len() > OUTBOX_MESSAGES_MAX {
            let has = |sequence: &u64| self.settled.values().any(|one| one.contains(*sequence));
            let oldest = self.items.keys().copied();
            let Some(sequence) = oldest.into_iter().find(has) else { break };
            self.give_up(sequence);
            given_up += 1;
        }
        given_up
    }

    /// Gives up what nobody took in time; how many.
    pub(super) fn expire(&mut self, now: Mono) -> usize {
        let old = self.items.iter().filter(|(_, item)| item.expires <= now);
        let old: Vec<u64> = old.map(|(sequence, _)| *sequence).collect();
        for sequence in &old {
            self.give_up(*sequence);
        }
        old.len()
    }

    /// When the next message is too old.
    pub(super) fn next_deadline(&self) -> Option<Mono> {
        self.items.values().map(|item| item.expires).min()
    }

    /// `daemon` has these; whether that is news.
    pub(super) fn receipt(&mut self, daemon: &DaemonName, ranges: &[(u64, u64)]) -> bool {
        let first_kept = self.items.keys().next().copied();
        let below = first_kept.unwrap_or(self.newest.saturating_add(1)).saturating_sub(1);
        let newest = self.newest;
        let Some(settled) = self.settled.get_mut(daemon) else { return false };
        let mut news = 0;
        for (first, last) in ranges {
            let (first, last) = ((*first).max(1), (*last).min(newest));
            if first <= last {
                news += settled.insert(first, last);
            }
        }
        // What is not kept is owed to nobody: the ranges stay few.
        if below > 0 {
            settled.insert(1, below);
        }
        if news > 0 {
            self.forget();
        }
        news > 0
    }

    /// What `daemon` lacks, ascending.
    pub(super) fn lacking(&self, daemon: &DaemonName) -> impl Iterator<Item = u64> {
        let settled = self.settled.get(daemon);
        let lacks = move |sequence: &u64| settled.is_some_and(|one| !one.contains(*sequence));
        self.items.keys().copied().filter(lacks)
    }

    fn insert(&mut self, now: Mono, message: Arc<Message>, left: Duration) {
        let sequence = message.sequence;
        self.newest = self.newest.max(sequence);
        self.items.insert(sequence, Item { message, expires: now.plus(left) });
    }

    fn give_up(&mut self, sequence: u64) {
        self.items.remove(&sequence);
        self.settled.values_mut().for_each(|settled| {
            settled.insert(sequence, sequence);
        });
    }

    /// Forgets what every daemon has.
    fn forget(&mut self) {
        if self.settled.is_empty() {
            return;
        }
        let all_have = |sequence: &u64| self.settled.values().all(|one| one.contains(*sequence));
        self.items.retain(|sequence, _| !all_have(sequence));
    }
}
