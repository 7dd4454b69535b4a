//! The book of messages: those that wait for hosts and the newest ones, what waits for whom in which
//! order, and what is under way. Pure bookkeeping: it writes nothing and tells nobody.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use systole_common::ids::{ConnectionId, DaemonName, HostId, SpoolEpoch};
use systole_common::time::{Mono, Now};

use super::super::limits::MESSAGES_SHOWN;
use super::super::rate::Allowance;
use super::super::state::{KeptMessage, MessageRow, Saved};
use super::entry::{Draft, Entry, Mark, Names};
use super::mailbox::{Confirmed, Mailbox};
use super::marks::Fresh;

/// See the module's words.
#[derive(Debug)]
pub(in crate::engine) struct Talk {
    /// The daemon's name: the sender in the ids of what operators say.
    name: String,
    pub(super) epoch: SpoolEpoch,
    /// How long a message waits for a host.
    pub(super) age: Duration,
    /// The highest number used.
    pub(super) last: u64,
    /// The same at the start: only what is not above it can be known from an earlier run.
    last_at_start: u64,
    /// Numbers above `last_at_start` up to this were given out before it was known that another run had
    /// used them as well.
    suspect: u64,
    messages: BTreeMap<u64, Entry>,
    /// The newest messages, by number.
    shown: VecDeque<u64>,
    /// Of every known host what waits for it.
    boxes: BTreeMap<HostId, Mailbox>,
    /// Hosts that were not known at the start though something waits for them.
    pub(super) strangers: Vec<HostId>,
    /// When messages that wait are too old.
    ages: BTreeSet<(Mono, u64)>,
    waiting: usize,
    waiting_bytes: usize,
    /// What operators may still say.
    pub(super) speakers: BTreeMap<String, Allowance>,
    /// Marks that feeds are told with the next second.
    pub(super) fresh: BTreeMap<u64, Fresh>,
    /// Marks that feeds were told at once since the last second.
    pub(super) told_at_once: usize,
    /// Bytes of hosts' texts that were taken since nothing can be written.
    pub(super) held_bytes: usize,
    /// Hosts whose messages could not be taken meanwhile.
    pub(super) turned_away: BTreeSet<HostId>,
    /// Hosts of which a message was refused, and the log says so.
    refused: BTreeSet<HostId>,
}

/// Loading and writing.
impl Talk {
    /// Takes over what was saved.
    pub(in crate::engine) fn load(
        name: &DaemonName,
        saved: &Saved,
        age: Duration,
        now: Now,
    ) -> Self {
        let last = saved.messages.iter().map(|kept| kept.row.number);
        let last = last.max().unwrap_or(0).max(saved.message_last);
        let mut talk = Self {
            name: name.to_string(),
            epoch: saved.talk_epoch,
            age,
            last,
            last_at_start: last,
            suspect: 0,
            messages: BTreeMap::new(),
            shown: VecDeque::new(),
            boxes: BTreeMap::new(),
            strangers: Vec::new(),
            ages: BTreeSet::new(),
            waiting: 0,
            waiting_bytes: 0,
            speakers: BTreeMap::new(),
            fresh: BTreeMap::new(),
            told_at_once: 0,
            held_bytes: 0,
            turned_away: BTreeSet::new(),
            refused: BTreeSet::new(),
        };
        for row in &saved.hosts {
            talk.appear(&row.host);
        }
        let kept: BTreeMap<u64, &KeptMessage> =
            saved.messages.iter().map(|kept| (kept.row.number, kept)).collect();
        for kept in kept.into_values() {
            talk.take_over(kept, now);
        }
        talk
    }

    fn take_over(&mut self, kept: &KeptMessage, now: Now) {
        let number = kept.row.number;
        let left = kept.row.time.plus(self.age).since(now.wall).min(self.age);
        self.insert(Arc::clone(&kept.row), now.mono.plus(left));
        for host in &kept.waiting {
            if !self.boxes.contains_key(host) {
                self.strangers.push(host.clone());
                self.appear(host);
            }
            self.put(number, host);
        }
        for (mark, hosts) in [(Mark::Delivered, &kept.delivered), (Mark::Failed, &kept.failed)] {
            for host in hosts {
                let known = self.boxes.get(host).map(|own| Arc::clone(own.host()));
                let host = known.unwrap_or_else(|| Arc::new(host.clone()));
                if let Some(entry) = self.messages.get_mut(&number) {
                    entry.mark(mark, &host);
                }
            }
        }
        self.forget_if_over(number);
    }

    /// The daemon's name.
    pub(in crate::engine) fn name(&self) -> &str {
        &self.name
    }

    /// A host is known from now on.
    pub(super) fn appear(&mut self, host: &HostId) {
        self.boxes.entry(host.clone()).or_insert_with(|| Mailbox::new(host));
    }

    /// Writes a message, and puts it into the boxes of those `hosts` for which fewer than `waiting_max`
    /// wait. The others fail.
    pub(super) fn write(
        &mut self,
        draft: Draft,
        hosts: &[HostId],
        (now, waiting_max): (Mono, usize),
    ) -> (Arc<MessageRow>, Vec<HostId>, Vec<HostId>) {
        self.last = self.last.saturating_add(1);
        let number = self.last;
        let id = draft.id.unwrap_or_else(|| format!("{}-{}-{number}", self.name, self.epoch));
        let Draft { time, from, to, text, thread, .. } = draft;
        let row = Arc::new(MessageRow { number, id, time, from, to, text, thread });
        self.insert(Arc::clone(&row), now.plus(self.age));
        let has_room =
            |host: &&HostId| self.boxes.get(*host).is_some_and(|own| own.waiting() < waiting_max);
        let (waiting, failed): (Vec<&HostId>, Vec<&HostId>) = hosts.iter().partition(has_room);
        for host in &waiting {
            self.put(number, host);
        }
        for host in &failed {
            self.fail_at_once(number, host);
        }
        self.forget_if_over(number);
        let owned = |hosts: Vec<&HostId>| hosts.into_iter().cloned().collect();
        (row, owned(waiting), owned(failed))
    }

    fn insert(&mut self, row: Arc<MessageRow>, until: Mono) {
        let number = row.number;
        let names = Some(Names::default());
        let entry = Entry { row, until, waiting: 0, delivered: 0, failed: 0, names };
        self.messages.insert(number, entry);
        self.shown.push_back(number);
        if self.shown.len() > MESSAGES_SHOWN
            && let Some(oldest) = self.shown.pop_front()
        {
            if let Some(entry) = self.messages.get_mut(&oldest) {
                entry.names = None;
            }
            self.forget_if_over(oldest);
        }
    }

    fn put(&mut self, number: u64, host: &HostId) {
        let (Some(own), Some(entry)) = (self.boxes.get_mut(host), self.messages.get_mut(&number))
        else {
            return;
        };
        own.put(number);
        self.waiting += 1;
        entry.waiting += 1;
        if entry.waiting == 1 {
            self.waiting_bytes += entry.bytes();
            self.ages.insert((entry.until, number));
        }
    }

    fn fail_at_once(&mut self, number: u64, host: &HostId) {
        let known = self.boxes.get(host).map(|own| Arc::clone(own.host()));
        let host = known.unwrap_or_else(|| Arc::new(host.clone()));
        if let Some(entry) = self.messages.get_mut(&number) {
            entry.mark(Mark::Failed, &host);
        }
    }

    fn forget_if_over(&mut self, number: u64) {
        let is_over = |entry: &Entry| entry.waiting == 0 && entry.names.is_none();
        if self.messages.get(&number).is_some_and(is_over) {
            self.messages.remove(&number);
        }
    }
}

/// What waits.
impl Talk {
    /// Messages that wait, each counted once for each host.
    pub(in crate::engine) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Bytes of messages that wait for somebody.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    pub(super) fn entry(&self, number: u64) -> Option<&Entry> {
        self.messages.get(&number)
    }

    /// The newest messages, the newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = &Entry> {
        self.shown.iter().rev().filter_map(|number| self.messages.get(number))
    }

    /// The hosts for which a message waits.
    fn awaited_by(&self, number: u64) -> Vec<HostId> {
        let waits = |own: &&Mailbox| own.has(number);
        self.boxes.values().filter(waits).map(|own| HostId::clone(own.host())).collect()
    }

    /// When the first message is too old to wait.
    pub(super) fn next_old(&self) -> Option<Mono> {
        self.ages.first().map(|(at, _)| *at)
    }

    /// The next message that is too old at `now`, and who still waits for it.
    pub(super) fn take_old(&self, now: Mono) -> Option<(u64, Vec<HostId>)> {
        let (_, number) = self.ages.first().filter(|(until, _)| *until <= now)?;
        Some((*number, self.awaited_by(*number)))
    }

    /// Messages wait for so long from now on.
    pub(super) fn change_age(&mut self, age: Duration, now: Now) {
        self.age = age;
        let numbers = self.ages.iter().map(|(_, number)| *number).collect::<Vec<_>>();
        self.ages.clear();
        for number in numbers {
            if let Some(entry) = self.messages.get_mut(&number) {
                let left = entry.row.time.plus(age).since(now.wall).min(age);
                entry.until = now.mono.plus(left);
                self.ages.insert((entry.until, number));
            }
        }
    }

    /// One message no longer waits for one host. `None` if it did not.
    pub(super) fn settle(&mut self, number: u64, host: &HostId, mark: Mark) -> Option<Arc<HostId>> {
        let own = self.boxes.get_mut(host)?;
        if !own.take(number) {
            return None;
        }
        let host = Arc::clone(own.host());
        self.waiting -= 1;
        if let Some(entry) = self.messages.get_mut(&number) {
            entry.waiting -= 1;
            entry.mark(mark, &host);
            if entry.waiting == 0 {
                self.waiting_bytes -= entry.bytes();
                self.ages.remove(&(entry.until, number));
            }
        }
        Some(host)
    }

    /// Forgets a message if nobody waits for it and it is none of the newest.
    pub(super) fn tidy(&mut self, number: u64) {
        self.forget_if_over(number);
    }

    /// What waits for a host.
    pub(super) fn waiting_for(&self, host: &HostId) -> Vec<u64> {
        self.boxes.get(host).map(Mailbox::numbers).unwrap_or_default()
    }

    /// A host is no longer known.
    pub(super) fn disappear(&mut self, host: &HostId) {
        self.boxes.remove(host);
        self.turned_away.remove(host);
        self.refused.remove(host);
    }

    /// Whether no message of a host was refused before.
    pub(super) fn is_first_refusal(&mut self, host: &HostId) -> bool {
        self.refused.insert(host.clone())
    }
}

/// What is under way.
impl Talk {
    /// A messages stream opened; everything that waits is sent anew if it is the newest.
    pub(super) fn open(&mut self, host: &HostId, connection: ConnectionId) {
        self.boxes.get_mut(host).into_iter().for_each(|own| own.open(connection));
    }

    /// A connection ended, with the stream on it.
    pub(super) fn close(&mut self, host: &HostId, connection: ConnectionId) {
        self.boxes.get_mut(host).into_iter().for_each(|own| own.close(connection));
    }

    /// The connection with the newest open messages stream.
    pub(super) fn stream(&self, host: &HostId) -> Option<ConnectionId> {
        self.boxes.get(host)?.stream()
    }

    /// What may be sent to a host next, and where to.
    pub(super) fn next(&mut self, host: &HostId) -> Option<(ConnectionId, Arc<MessageRow>)> {
        let (connection, number) = self.boxes.get_mut(host)?.next()?;
        let row = Arc::clone(&self.messages.get(&number)?.row);
        Some((connection, row))
    }

    /// A host says that it has these ranges, ascending. Nothing is settled yet.
    pub(super) fn confirmed(
        &mut self,
        host: &HostId,
        connection: ConnectionId,
        ranges: &[(u64, u64)],
    ) -> Confirmed {
        let own = self.boxes.get_mut(host);
        let numbers = (self.last_at_start, self.suspect);
        own.map(|own| own.confirmed(connection, ranges, numbers)).unwrap_or_default()
    }

    /// Whether a receipt of a host on this connection is the first there.
    pub(super) fn is_greeting(&self, host: &HostId, connection: ConnectionId) -> bool {
        self.boxes.get(host).is_some_and(|own| own.is_greeting(connection))
    }

    /// Another run of the daemon has used the numbers up to this one: they are not used again.
    pub(super) fn go_on_behind(&mut self, number: u64) {
        self.suspect = self.last;
        self.last = number;
    }
}
