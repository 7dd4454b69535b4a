//! What a crash leaves of messages, what came of hosts, and files: the store, in memory.

use std::collections::BTreeMap;

use systole_common::ids::HostId;
use systole_daemon::engine::limits::{FILES_SHOWN, MESSAGES_SHOWN, RECEIVED_EPOCHS_MAX};
use systole_daemon::engine::state::{Change, FileRow, KeptMessage, Saved, SavedRanges};

use crate::sim::TALK_EPOCH;

/// See the module's words.
#[derive(Debug, Default, Clone)]
pub(crate) struct Said {
    pub(crate) messages: BTreeMap<u64, KeptMessage>,
    pub(crate) files: BTreeMap<u64, FileRow>,
    /// By the order in which they were written last.
    received: Vec<SavedRanges>,
}

impl Said {
    /// Writes a change down as `state.db` does.
    pub(crate) fn commit(&mut self, change: Change) {
        match change {
            Change::Message { row, waiting, failed } => {
                let number = row.number;
                let kept = KeptMessage { row, waiting, delivered: Vec::new(), failed };
                let before = self.messages.insert(number, kept);
                assert!(before.is_none(), "number {number} is used twice");
            }
            Change::Marks { number, delivered, failed } => {
                let kept = self.messages.get_mut(&number).unwrap();
                for host in delivered.iter().chain(&failed) {
                    let at = kept.waiting.iter().position(|one| one == host);
                    let at = at.unwrap_or_else(|| panic!("{host} does not wait for {number}"));
                    kept.waiting.remove(at);
                }
                kept.delivered.extend(delivered);
                kept.failed.extend(failed);
            }
            Change::Received { host, kind, epoch, ranges } => {
                let is_same = |row: &SavedRanges| row.0 == host && row.1 == kind && row.2 == epoch;
                self.received.retain(|row| !is_same(row));
                self.received.push((host.clone(), kind, epoch, ranges));
                let of_host = |row: &SavedRanges| row.0 == host && row.1 == kind;
                let lives = self.received.iter().filter(|row| of_host(row)).count();
                let mut surplus = lives.saturating_sub(RECEIVED_EPOCHS_MAX);
                self.received.retain(|row| {
                    let goes = surplus > 0 && of_host(row);
                    surplus -= usize::from(goes);
                    !goes
                });
            }
            Change::File(row) => {
                self.files.insert(row.id, *row);
            }
            other => panic!("not about what is said: {other:?}"),
        }
    }

    /// What is read at start.
    pub(crate) fn saved(&self) -> Saved {
        let newest = self.messages.keys().rev().nth(MESSAGES_SHOWN - 1).copied().unwrap_or(0);
        let is_loaded = |kept: &&KeptMessage| kept.row.number >= newest || !kept.waiting.is_empty();
        let over = self.files.values().rev().filter(|row| !row.state.is_open());
        let oldest_over = over.map(|row| row.id).nth(FILES_SHOWN - 1).unwrap_or(0);
        let is_shown = |row: &&FileRow| row.state.is_open() || row.id >= oldest_over;
        Saved {
            talk_epoch: TALK_EPOCH,
            message_last: self.messages.keys().last().copied().unwrap_or(0),
            messages: self.messages.values().filter(is_loaded).cloned().collect(),
            received: self.received.clone(),
            files: self.files.values().filter(is_shown).cloned().collect(),
            file_id_last: self.files.keys().last().copied().unwrap_or(0),
            ..Saved::default()
        }
    }

    /// How far a message came: `waits a b | has c | never d`.
    pub(crate) fn marks(&self, number: u64) -> String {
        let kept = &self.messages[&number];
        let lists = [("waits", &kept.waiting), ("has", &kept.delivered), ("never", &kept.failed)];
        let lists = lists.map(|(word, hosts)| {
            let mut words: Vec<&str> = hosts.iter().map(HostId::as_str).collect();
            words.sort_unstable();
            words.insert(0, word);
            words.join(" ")
        });
        lists.join(" | ")
    }
}
