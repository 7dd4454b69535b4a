//! What is due when: one deadline a key, the earliest first. Knows keys, not what they mean.

use std::collections::{BTreeMap, BTreeSet};

use systole_common::ids::HostId;
use systole_common::time::Mono;

use super::alerts::AlertKey;

/// What a deadline is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// Judge a host by its silence.
    Judge(HostId),
    /// A newcomer with a host's identity has waited for its incumbent long enough.
    Takeover(HostId),
    /// No second agent with a host's identity for long enough.
    ConflictEnd(HostId),
    /// A host's announced absence is over.
    LeaseEnd(HostId),
    /// A host that said goodbye is away for long.
    LeftLong(HostId),
    /// Something about a host's values can change by time alone.
    Rules(HostId),
    /// The daemon's own trouble has been over for long enough.
    OwnOver(AlertKey),
    /// An event alert has been quiet for long enough.
    EventEnd(AlertKey),
    /// An acknowledgement ends.
    AckEnd(AlertKey),
    /// Messages have waited for hosts for too long.
    MessagesOld,
    /// Something about a file can change by time alone.
    File(u64),
    /// An own pause is over even if nothing came to read.
    BlindEnd,
    /// The feeds' second.
    FeedSecond,
    /// Write down when hosts were last heard.
    HeardCheckpoint,
    /// Look at the certificates' ends.
    Certificates,
}

/// All deadlines of the engine.
#[derive(Debug, Default)]
pub(super) struct Timers {
    at: BTreeMap<Due, Mono>,
    order: BTreeSet<(Mono, Due)>,
}

impl Timers {
    /// Sets or moves the deadline of `due`.
    pub(super) fn set(&mut self, due: Due, at: Mono) {
        self.cancel(&due);
        self.at.insert(due.clone(), at);
        self.order.insert((at, due));
    }

    /// Forgets the deadline of `due`.
    pub(super) fn cancel(&mut self, due: &Due) {
        if let Some(at) = self.at.remove(due) {
            self.order.remove(&(at, due.clone()));
        }
    }

    /// Whether `due` has a deadline.
    pub(super) fn is_set(&self, due: &Due) -> bool {
        self.at.contains_key(due)
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Mono> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes the earliest deadline that is reached.
    pub(super) fn take_due(&mut self, now: Mono) -> Option<Due> {
        let (at, due) = self.order.first()?;
        if *at > now {
            return None;
        }
        let due = due.clone();
        self.cancel(&due);
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_come_in_order_and_move() {
        let mut timers = Timers::default();
        timers.set(Due::FeedSecond, Mono(5));
        timers.set(Due::Certificates, Mono(3));
        timers.set(Due::FeedSecond, Mono(2));
        assert_eq!(timers.next(), Some(Mono(2)));
        assert_eq!(timers.take_due(Mono(1)), None);
        assert_eq!(timers.take_due(Mono(9)), Some(Due::FeedSecond));
        assert_eq!(timers.take_due(Mono(9)), Some(Due::Certificates));
        assert_eq!(timers.take_due(Mono(9)), None);
    }
}
