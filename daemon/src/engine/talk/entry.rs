//! A message in the book, how far it came, and what a message is made of. Knows nobody else's.

use std::sync::Arc;

use systole_common::ids::HostId;
use systole_common::time::{Mono, UnixMs};

use super::super::limits::WAITING_MESSAGE_BYTES;
use super::super::state::MessageRow;

/// A message that somebody waits for, or one of the newest.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) row: Arc<MessageRow>,
    /// When it is too old to wait.
    pub(super) until: Mono,
    pub(super) waiting: u32,
    pub(super) delivered: u32,
    pub(super) failed: u32,
    /// Who has it and who never will, as long as it is one of the newest.
    pub(super) names: Option<Names>,
}

/// Hosts by their marks.
#[derive(Debug, Default, Clone)]
pub(super) struct Names {
    pub(super) delivered: Vec<Arc<HostId>>,
    pub(super) failed: Vec<Arc<HostId>>,
}

/// What became of a message for a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Delivered,
    Failed,
}

/// A message that is to be written.
#[derive(Debug)]
pub(super) struct Draft {
    /// `None` for what operators and the daemon say: the number makes it.
    pub(super) id: Option<String>,
    pub(super) time: UnixMs,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) text: String,
    pub(super) thread: Option<String>,
}

impl Entry {
    /// How many hosts it is for.
    pub(super) fn targets(&self) -> u32 {
        self.waiting.saturating_add(self.delivered).saturating_add(self.failed)
    }

    /// What became of it for one more host.
    pub(super) fn mark(&mut self, mark: Mark, host: &Arc<HostId>) {
        let count = match mark {
            Mark::Delivered => &mut self.delivered,
            Mark::Failed => &mut self.failed,
        };
        *count += 1;
        if let Some(names) = &mut self.names {
            names.of(mark).push(Arc::clone(host));
        }
    }

    /// What it takes while it waits.
    pub(super) fn bytes(&self) -> usize {
        self.row.text.len() + WAITING_MESSAGE_BYTES
    }
}

impl Names {
    /// Those with a mark.
    pub(super) fn of(&mut self, mark: Mark) -> &mut Vec<Arc<HostId>> {
        match mark {
            Mark::Delivered => &mut self.delivered,
            Mark::Failed => &mut self.failed,
        }
    }
}
