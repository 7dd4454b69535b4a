//! Everything that can happen to the console's model: one closed enum, one ordered stream.

use std::time::Duration;

use systole_common::time::UnixMs;
use systole_common::wire::console::{AlertRecord, ConnectionRecord};
use systole_common::wire::feed::{
    FeedFacts, FeedOperators, FeedSnapshot, FeedSummary, FeedTick, FeedValues,
};
use systole_common::wire::file::{FeedFile, FileRecord};
use systole_common::wire::history::HistoryPage;
use systole_common::wire::talk::{FeedMarks, FeedMessage, MessageMarks, MessageRecord};

use crate::keys::KeyPress;
use crate::model::freshness::{Peer, Refused};
use crate::model::host::Host;
use crate::model::requests::RequestId;
use crate::model::screen::Size;

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Msg {
    /// An attempt to reach a daemon begins.
    Dialling {
        /// 1 for the first since the link is down.
        attempt: u32,
    },
    /// A daemon welcomed this console.
    Linked(Peer),
    /// The link is down.
    Unlinked {
        /// Why, for people.
        why: String,
        /// Set when trying again alone cannot help.
        refused: Option<Refused>,
    },
    /// The feed says something.
    Feed(FeedEvent),
    /// The round trip was measured, in microseconds.
    RoundTrip(u64),
    /// A key was pressed.
    Key(KeyPress),
    /// Text was pasted, at most [`crate::limits::PASTE_BYTES_MAX`] of it.
    Paste {
        /// The text.
        text: String,
        /// Bytes that were beyond the limit.
        cut_bytes: usize,
    },
    /// The terminal's size is this now.
    Resize(Size),
    /// A question was answered, or never will be.
    Reply {
        /// The question's number.
        request: RequestId,
        /// The answer, or why there is none.
        answer: Result<Answer, NoAnswer>,
    },
    /// The model's own deadline came.
    Deadline,
    /// The console runs again after a stop.
    Resumed,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoAnswer {
    /// The reason, for people.
    pub why: String,
    /// The daemon may have done it all the same: only its answer is missing.
    pub may_be_done: bool,
    /// When asking again makes sense.
    pub retry_after: Option<Duration>,
}

impl From<String> for NoAnswer {
    /// It was refused, or never asked.
    fn from(why: String) -> Self {
        Self { why, may_be_done: false, retry_after: None }
    }
}

/// What a daemon answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Done; nothing more to say.
    Done,
    /// The alerts that changed, or that were asked for.
    Alerts(Vec<AlertRecord>),
    /// Connects and disconnects, newest first.
    Connections(Vec<ConnectionRecord>),
    /// A stretch of one series.
    History(HistoryPage),
    /// Messages, newest first, each with who has it.
    Messages(Vec<(MessageRecord, Vec<MessageMarks>)>),
    /// Files, newest first, or the one that was decided on.
    Files(Vec<FileRecord>),
}

/// What a feed says, its pages joined.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedEvent {
    /// A fresh picture begins.
    Snapshot(FeedSnapshot),
    /// The picture is complete.
    Complete,
    /// What hosts are; may come before their columns.
    Facts(FeedFacts),
    /// Columns of changed hosts, and hosts that are gone.
    Summary(FeedSummary),
    /// Further columns of hosts, and how old their values are.
    Values(FeedValues),
    /// Who has a feed of this daemon; all of them, each time.
    Operators(FeedOperators),
    /// A whole host.
    Host(Box<HostNews>),
    /// An alert as it is now.
    Alert {
        /// When it became so.
        at: UnixMs,
        /// The alert.
        record: Box<AlertRecord>,
    },
    /// Somebody spoke, or is part of a picture.
    Message(Box<FeedMessage>),
    /// A message came further.
    Marks(FeedMarks),
    /// A file changed, or is part of a picture.
    File(Box<FeedFile>),
    /// One second passed at the daemon.
    Tick(FeedTick),
}

/// A whole host, because it changed or because details were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct HostNews {
    /// When it changed; `None` for a detail of each second.
    pub at: Option<UnixMs>,
    /// Whether it was retired and is gone.
    pub retired: bool,
    /// The host.
    pub host: Host,
}
