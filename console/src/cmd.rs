//! Everything that the console's model asks of the shell around it: one closed enum.

use std::time::Duration;

use systole_common::ids::AlertId;
use systole_common::model::metric::SeriesKey;

use crate::model::range::{Range, Step};
use crate::model::requests::RequestId;

/// Something to do. Painting is not in it: the shell paints when [`crate::model::Model::is_dirty`]
/// says so.
#[derive(Debug, Clone, PartialEq)]
pub enum Cmd {
    /// Ask the daemon; the answer comes as `Msg::Reply` with the same number, always.
    Ask {
        /// The number.
        request: RequestId,
        /// The question.
        question: Question,
    },
    /// Have the feed detail these hosts and no others. The newest takes the place of those that wait.
    Interest(Vec<String>),
    /// Tell the daemon what this console looks at, for others to see.
    LookingAt(String),
    /// Leave the link and dial anew at once.
    Reconnect,
    /// Ring the terminal's bell.
    Bell,
    /// Use a theme or symbols by their name; the model has checked it.
    Theme(&'static str),
    /// Use symbols by their name; the model has checked it.
    Symbols(&'static str),
    /// Clear the screen and paint all of it.
    Repaint,
    /// Give the terminal back and stop, as Ctrl-z does; on return paint all.
    Suspend,
    /// Restore the terminal and end with 0.
    Leave,
}

/// A question to the daemon.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// I have this alert.
    Ack {
        /// Which.
        id: AlertId,
        /// What is to be known.
        note: String,
        /// For how long.
        span: Duration,
    },
    /// I no longer have it.
    Unack {
        /// Which.
        id: AlertId,
    },
    /// The incident is over.
    Resolve {
        /// Which.
        id: AlertId,
        /// Why.
        note: String,
    },
    /// Forget this host.
    Retire {
        /// Which.
        host: String,
    },
    /// Connects and disconnects of a host.
    Connections {
        /// Which.
        host: String,
    },
    /// Alerts of a host, those that ended as well.
    Alerts {
        /// Which.
        host: String,
    },
    /// A message.
    Say {
        /// `#all`, `#ops`, `@host` or `{filter}`.
        to: String,
        /// As it was typed.
        text: String,
        /// The hosts that a filter finds.
        hosts: Vec<String>,
    },
    /// Messages, newest first.
    Messages {
        /// Only those of this place; `None` for all.
        place: Option<String>,
        /// Only those with a lower number.
        before: Option<u64>,
        /// Only those with these words.
        words: String,
    },
    /// Take a file.
    Accept {
        /// Which.
        file: u64,
    },
    /// Refuse a file.
    Reject {
        /// Which.
        file: u64,
        /// Why.
        why: String,
    },
    /// Files, newest first.
    Files {
        /// Only of this host; `None` for all.
        host: Option<String>,
    },
    /// A stretch of one series.
    History {
        /// Whose.
        host: String,
        /// Which series.
        key: SeriesKey,
        /// When.
        range: Range,
        /// One point for how long.
        step: Step,
    },
}
