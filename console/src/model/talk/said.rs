//! A message as it is known here: who has it, for whom it is, how far it has come.

use std::collections::BTreeSet;
use std::sync::Arc;

use systole_common::wire::talk::MessageRecord;

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// The daemon has it.
    Daemon,
    /// So many of its hosts have it, and others wait.
    Partly(u32, u32),
    /// All of its hosts have it.
    Delivered,
    /// So many of its hosts never will.
    Failed(u32, u32),
}

/// A message and who has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The message; its text may have several lines.
    pub record: MessageRecord,
    /// Hosts that have it, as far as they were named.
    pub delivered_to: BTreeSet<String>,
    /// Hosts that never will.
    pub failed_to: BTreeSet<String>,
    /// All hosts that it is for, where that is known here.
    pub audience: Option<Arc<BTreeSet<String>>>,
    /// Hosts whose chat has it, as the daemon said.
    pub meant_for: BTreeSet<String>,
}

impl Said {
    /// As it came.
    pub fn new(record: MessageRecord) -> Self {
        Self {
            record,
            delivered_to: BTreeSet::new(),
            failed_to: BTreeSet::new(),
            audience: None,
            meant_for: BTreeSet::new(),
        }
    }

    /// Whether it was written to a host, as far as that is known here.
    pub fn is_for(&self, host: &str) -> bool {
        self.delivered_to.contains(host)
            || self.failed_to.contains(host)
            || self.meant_for.contains(host)
            || self.audience.as_ref().is_some_and(|hosts| hosts.contains(host))
    }

    /// For how many hosts it waits.
    pub fn waiting(&self) -> u32 {
        let MessageRecord { targets, delivered, failed, .. } = self.record;
        targets.saturating_sub(delivered.saturating_add(failed))
    }

    /// The hosts that it waits for; `None` where they are not known here. `all` are the known hosts.
    pub fn waits_for<'a>(&'a self, all: impl Iterator<Item = &'a str>) -> Option<Vec<&'a str>> {
        let lacks =
            |host: &&str| !self.delivered_to.contains(*host) && !self.failed_to.contains(*host);
        let names: Vec<&str> = match (&self.audience, self.record.to.strip_prefix('@')) {
            (_, Some(host)) => vec![host],
            (Some(hosts), None) => hosts.iter().map(String::as_str).filter(lacks).collect(),
            (None, None) if self.record.to == super::ALL => all.filter(lacks).collect(),
            (None, None) => self.meant_for.iter().map(String::as_str).filter(lacks).collect(),
        };
        (u32::try_from(names.len()) == Ok(self.waiting())).then_some(names)
    }

    /// How far it has come; `None` for a host's own.
    pub fn tick(&self) -> Option<Tick> {
        let MessageRecord { targets, delivered, failed, .. } = self.record;
        if self.is_of_host() {
            return None;
        }
        Some(match (targets, delivered, failed) {
            (_, _, 1..) => Tick::Failed(failed, targets),
            (0, ..) => Tick::Daemon,
            (_, _, 0) if delivered >= targets => Tick::Delivered,
            (_, 0, 0) => Tick::Daemon,
            (_, _, 0) => Tick::Partly(delivered, targets),
        })
    }

    /// Whether a host wrote it.
    pub fn is_of_host(&self) -> bool {
        self.record.from.contains('/')
    }

    /// Whether it only tells what was decided elsewhere.
    pub fn is_trail(&self) -> bool {
        self.record.thread.is_some() && !self.is_of_host()
    }

    /// Whether each of `words` is in it, in any case.
    pub fn has_words(&self, words: &str) -> bool {
        let text = self.record.text.to_lowercase();
        words.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }
}
