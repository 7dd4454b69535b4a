//! Questions under way, what can be undone, and the last word about it.

use std::collections::BTreeMap;

use systole_common::ids::AlertId;
use systole_common::time::Mono;

use crate::limits::{NOTICE_SHOWN, UNDO_WITHIN};
use crate::tone::Tone;

/// The console's number of a question. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// What a question is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// An ack of this alert.
    Ack(AlertId),
    /// Its undoing.
    Unack(AlertId),
    /// The end of this incident.
    Resolve(AlertId),
    /// The end of this host.
    Retire(String),
    /// The connects of the open host.
    Connections,
    /// The alerts of the open host.
    PastAlerts,
    /// A chart of the open host, by its place; the one behind them is that below the fleet.
    Chart(usize),
    /// A message to this place.
    Say(String),
    /// A page of messages.
    Messages(PageOf),
    /// The acceptance of this file.
    Accept(u64),
    /// The refusal of this file.
    Reject(u64),
    /// Files.
    Files,
}

/// Which messages were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageOf {
    /// The stream, by its key.
    pub stream: String,
    /// Only those with a lower number.
    pub before: Option<u64>,
    /// Only those with these words; empty for all.
    pub words: String,
    /// Somebody went up from the first one and waits for older ones.
    pub is_older: bool,
}

/// A sentence about what somebody did last; shown until something else happens or it is old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The sentence.
    pub text: String,
    /// What it means.
    pub tone: Tone,
    /// When it was said.
    pub at: Mono,
}

/// Why the newest ack cannot be taken back any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndoGone {
    /// Its time is over.
    Late,
    /// It was taken back.
    Done,
    /// Its alert ended.
    Over,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Requests {
    /// Under way, by number; at most [`crate::limits::REQUESTS_MAX`].
    pub pending: BTreeMap<RequestId, Purpose>,
    /// The last number that was used.
    pub last: u64,
    /// The newest ack of this console and when it was confirmed, while it can be undone.
    pub undo: Option<(AlertId, Mono)>,
    /// Why there is none; `None` as long as this console acknowledged nothing.
    pub undo_gone: Option<UndoGone>,
    /// An alert of somebody else that this console asked for once; a second time takes it.
    pub contested: Option<(AlertId, Mono)>,
    /// The newest ack of somebody else: which alert, who, when it was heard of.
    pub elsewhere: Option<(AlertId, String, Mono)>,
    /// The last word.
    pub notice: Option<Notice>,
}

impl Requests {
    /// Whether something about this alert is under way.
    pub fn is_pending(&self, id: AlertId) -> bool {
        self.pending.values().any(|purpose| match purpose {
            Purpose::Ack(other) | Purpose::Unack(other) | Purpose::Resolve(other) => *other == id,
            Purpose::Retire(_)
            | Purpose::Connections
            | Purpose::PastAlerts
            | Purpose::Chart(_)
            | Purpose::Say(_)
            | Purpose::Messages(_)
            | Purpose::Accept(_)
            | Purpose::Reject(_)
            | Purpose::Files => false,
        })
    }

    /// What is under way about a file, in words.
    pub fn pending_file(&self, id: u64) -> Option<&'static str> {
        self.pending.values().find_map(|purpose| match purpose {
            Purpose::Accept(other) if *other == id => Some("accepting ..."),
            Purpose::Reject(other) if *other == id => Some("rejecting ..."),
            Purpose::Accept(_)
            | Purpose::Reject(_)
            | Purpose::Ack(_)
            | Purpose::Unack(_)
            | Purpose::Resolve(_)
            | Purpose::Retire(_)
            | Purpose::Connections
            | Purpose::PastAlerts
            | Purpose::Chart(_)
            | Purpose::Say(_)
            | Purpose::Messages(_)
            | Purpose::Files => None,
        })
    }

    /// The last word, while it is not old.
    pub fn notice_at(&self, now: Mono) -> Option<&Notice> {
        self.notice.as_ref().filter(|notice| now.since(notice.at) < NOTICE_SHOWN)
    }

    /// The newest ack cannot be taken back any more.
    pub fn no_undo(&mut self, why: UndoGone) {
        (self.undo, self.undo_gone) = (None, Some(why));
    }

    /// The alert whose ack can be undone.
    pub fn undo_at(&self, now: Mono) -> Option<AlertId> {
        self.undo.filter(|(_, at)| now.since(*at) < UNDO_WITHIN).map(|(id, _)| id)
    }
}
