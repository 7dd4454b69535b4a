//! Which deliveries of each daemon this host has: each is taken once, whatever is sent again.
//!
//! A daemon's deliveries ascend in its talk epoch, and begin again from the lowest that it has no
//! receipt for; the highest of an epoch therefore says all.

use std::collections::BTreeMap;

use systole_common::ids::{DaemonName, SpoolEpoch};

use crate::limits::{INBOX_DAEMONS_MAX, INBOX_EPOCHS_MAX};

/// The highest delivery of each daemon and epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inbox {
    /// The epoch that was heard last is the last of its daemon.
    heard: BTreeMap<DaemonName, Vec<(SpoolEpoch, u64)>>,
}

impl Inbox {
    /// Whether this host has it.
    pub fn has(&self, daemon: &DaemonName, epoch: SpoolEpoch, sequence: u64) -> bool {
        self.epochs(daemon).iter().any(|(known, highest)| *known == epoch && sequence <= *highest)
    }

    /// The epochs of a daemon, each with the highest delivery that this host has.
    pub fn epochs(&self, daemon: &DaemonName) -> &[(SpoolEpoch, u64)] {
        self.heard.get(daemon).map(Vec::as_slice).unwrap_or_default()
    }

    /// All of them, by daemon.
    pub fn all(&self) -> impl Iterator<Item = (&DaemonName, SpoolEpoch, u64)> {
        let epochs = |(daemon, epochs): (_, &'_ Vec<(SpoolEpoch, u64)>)| {
            epochs
                .iter()
                .map(move |(epoch, highest)| (daemon, *epoch, *highest))
                .collect::<Vec<_>>()
        };
        self.heard.iter().flat_map(epochs)
    }

    /// This host has it now.
    pub fn take(&mut self, daemon: &DaemonName, epoch: SpoolEpoch, sequence: u64) {
        if !self.heard.contains_key(daemon) && self.heard.len() >= INBOX_DAEMONS_MAX {
            self.heard.pop_first();
        }
        let epochs = self.heard.entry(daemon.clone()).or_default();
        let known = epochs.iter().position(|(known, _)| *known == epoch);
        let before = known.map_or(0, |at| epochs.remove(at).1);
        epochs.push((epoch, before.max(sequence)));
        if epochs.len() > INBOX_EPOCHS_MAX {
            epochs.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_delivery_counts_once_in_its_epoch_and_the_oldest_epochs_go() {
        let (one, other): (DaemonName, DaemonName) =
            ("mon-1".parse().unwrap(), "mon-2".parse().unwrap());
        let mut inbox = Inbox::default();
        inbox.take(&one, SpoolEpoch(7), 5);
        inbox.take(&one, SpoolEpoch(7), 3);
        assert!(inbox.has(&one, SpoolEpoch(7), 5) && inbox.has(&one, SpoolEpoch(7), 1));
        assert!(!inbox.has(&one, SpoolEpoch(7), 6) && !inbox.has(&one, SpoolEpoch(8), 1));
        assert!(!inbox.has(&other, SpoolEpoch(7), 5));
        for epoch in 8..=10 {
            inbox.take(&one, SpoolEpoch(epoch), 1);
        }
        inbox.take(&one, SpoolEpoch(7), 6);
        inbox.take(&one, SpoolEpoch(11), 1);
        assert!(inbox.has(&one, SpoolEpoch(7), 6), "it was heard lately");
        assert!(!inbox.has(&one, SpoolEpoch(8), 1));
        assert_eq!(inbox.epochs(&one).len(), INBOX_EPOCHS_MAX);
    }
}
