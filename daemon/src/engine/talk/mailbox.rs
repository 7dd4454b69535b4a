//! What waits for one host, in which order, and what of it is under way. Knows numbers, no texts.

use std::collections::VecDeque;
use std::sync::Arc;

use systole_common::ids::{ConnectionId, HostId};

use super::super::limits::DELIVERIES_IN_FLIGHT_MAX;

/// See the module's words.
#[derive(Debug)]
pub(super) struct Mailbox {
    host: Arc<HostId>,
    /// Numbers, ascending.
    waiting: VecDeque<u64>,
    /// How many of them, from the first on, are under way on the newest stream.
    sent: usize,
    /// The highest that was ever sent since the daemon's start.
    sent_max: u64,
    /// Connections with an open messages stream, the newest last; until its first receipt each with what
    /// `sent_max` was when it opened.
    streams: Vec<(ConnectionId, Option<u64>)>,
}

/// What a host's receipt comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Confirmed {
    /// It has these.
    pub(super) delivered: Vec<u64>,
    /// It takes these for others that it had before: they can never be delivered.
    pub(super) mistaken: Vec<u64>,
    /// It confirms so many that were never sent to it.
    pub(super) unsent: u64,
}

impl Mailbox {
    pub(super) fn new(host: &HostId) -> Self {
        Self {
            host: Arc::new(host.clone()),
            waiting: VecDeque::new(),
            sent: 0,
            sent_max: 0,
            streams: Vec::new(),
        }
    }

    pub(super) fn host(&self) -> &Arc<HostId> {
        &self.host
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What waits, ascending.
    pub(super) fn numbers(&self) -> Vec<u64> {
        self.waiting.iter().copied().collect()
    }

    pub(super) fn has(&self, number: u64) -> bool {
        self.waiting.binary_search(&number).is_ok()
    }

    /// Adds a number above all others.
    pub(super) fn put(&mut self, number: u64) {
        self.waiting.push_back(number);
    }

    /// Takes a number out. `false` if it does not wait.
    pub(super) fn take(&mut self, number: u64) -> bool {
        let Ok(at) = self.waiting.binary_search(&number) else { return false };
        self.waiting.remove(at);
        self.sent -= usize::from(at < self.sent);
        true
    }

    /// A messages stream opened. Connections are numbered as they come: a higher one is newer.
    pub(super) fn open(&mut self, connection: ConnectionId) {
        self.streams.retain(|(one, _)| *one != connection);
        let at = self.streams.partition_point(|(one, _)| *one < connection);
        self.streams.insert(at, (connection, Some(self.sent_max)));
        if self.stream() == Some(connection) {
            self.sent = 0;
        }
    }

    /// A connection ended, with the stream on it.
    pub(super) fn close(&mut self, connection: ConnectionId) {
        if self.stream() == Some(connection) {
            self.sent = 0;
        }
        self.streams.retain(|(one, _)| *one != connection);
    }

    /// The connection with the newest open stream.
    pub(super) fn stream(&self) -> Option<ConnectionId> {
        self.streams.last().map(|(connection, _)| *connection)
    }

    /// What may be sent next, and where to.
    pub(super) fn next(&mut self) -> Option<(ConnectionId, u64)> {
        let connection = self.stream()?;
        if self.sent >= DELIVERIES_IN_FLIGHT_MAX {
            return None;
        }
        let number = *self.waiting.get(self.sent)?;
        self.sent += 1;
        self.sent_max = self.sent_max.max(number);
        Some((connection, number))
    }

    /// Whether nothing was confirmed on this stream yet. What a host says first there is what it had before.
    pub(super) fn is_greeting(&self, connection: ConnectionId) -> bool {
        self.streams.iter().any(|(one, before)| *one == connection && before.is_some())
    }

    /// The host says that it has these ranges, ascending. What was not sent since the daemon's start can
    /// only be known to it if an earlier run had used the number, up to `last_at_start`; numbers above that,
    /// up to `suspect`, may have been used for other messages by a run of which nothing is known.
    pub(super) fn confirmed(
        &mut self,
        connection: ConnectionId,
        ranges: &[(u64, u64)],
        (last_at_start, suspect): (u64, u64),
    ) -> Confirmed {
        let mut confirmed = Confirmed::default();
        let stream = self.streams.iter_mut().find(|(one, _)| *one == connection);
        let before = stream.and_then(|(_, before)| before.take());
        let possible = self.sent_max.max(last_at_start);
        let is_mistaken = |number: u64| {
            let had = before.map(|sent_max| sent_max.max(last_at_start));
            had.is_some_and(|had| number > had && number <= suspect)
        };
        for (first, last) in ranges {
            let from = self.waiting.partition_point(|number| number < first);
            let to = self.waiting.partition_point(|number| number <= last).max(from);
            for number in self.waiting.range(from..to).copied() {
                if is_mistaken(number) {
                    confirmed.mistaken.push(number);
                } else if number <= possible {
                    confirmed.delivered.push(number);
                } else {
                    confirmed.unsent += 1;
                }
            }
        }
        confirmed
    }
}
