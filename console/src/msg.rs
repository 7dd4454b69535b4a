//! Everything that can happen to the console's model: one closed enum.

use systole_common::time::UnixMs;
use systole_common::wire::console::AlertRecord;
use systole_common::wire::feed::{FeedSnapshot, FeedSummary, FeedTick};

use crate::model::freshness::Peer;
use crate::model::host::Host;

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
    },
    /// The feed says something.
    Feed(FeedEvent),
    /// The round trip was measured, in microseconds.
    RoundTrip(u64),
    /// A key was pressed.
    Key(Key),
}

/// What a feed says, its pages joined.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedEvent {
    /// A fresh picture begins.
    Snapshot(FeedSnapshot),
    /// The picture is complete.
    Complete,
    /// Columns of changed hosts, and hosts that are gone.
    Summary(FeedSummary),
    /// A whole host.
    Host(Box<HostNews>),
    /// An alert as it is now.
    Alert {
        /// When it became so.
        at: UnixMs,
        /// The alert.
        record: Box<AlertRecord>,
    },
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

/// A key that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// `q`, Esc, Ctrl-c.
    Leave,
    /// Ctrl-l.
    Redraw,
}
