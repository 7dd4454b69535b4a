//! The kinds of frames: one number each, its name, and the limit of its body. Append-only.

use super::limits::{LARGE_BODY_BYTES_MAX, MEDIUM_BODY_BYTES_MAX, SMALL_BODY_BYTES_MAX};

/// The size class of a kind's body; each class is one limit, given to the codec as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// At most [`SMALL_BODY_BYTES_MAX`].
    Small,
    /// At most [`MEDIUM_BODY_BYTES_MAX`].
    Medium,
    /// At most [`LARGE_BODY_BYTES_MAX`].
    Large,
}

impl Size {
    /// The limit in bytes.
    pub const fn bytes_max(self) -> u32 {
        match self {
            Self::Small => SMALL_BODY_BYTES_MAX,
            Self::Medium => MEDIUM_BODY_BYTES_MAX,
            Self::Large => LARGE_BODY_BYTES_MAX,
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal, $size:ident;)+) => {
        /// What a frame is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $name,)+ }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The number in the header.
            pub const fn number(self) -> u8 {
                match self { $(Self::$name => $number,)+ }
            }

            /// The kind with `number`, if this program knows it.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$name),)+ _ => None }
            }

            /// Its name in logs, counters and the role table.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The size class of its body.
            pub const fn size(self) -> Size {
                match self { $(Self::$name => Size::$size,)+ }
            }
        }
    };
}

kinds! {
    /// First frame of a connection.
    Hello = 1, "hello", Medium;
    /// Its answer.
    HelloAnswer = 2, "hello-answer", Medium;
    /// First frame of a stream: names it.
    StreamOpen = 3, "stream-open", Small;

    /// Agent: I am alive.
    Heartbeat = 16, "heartbeat", Small;
    /// Agent: ids of series on this stream.
    Declare = 17, "declare", Large;
    /// Agent: latest values, not kept.
    Live = 18, "live", Large;
    /// Agent: values of one stored slot, sequenced.
    Stored = 19, "stored", Large;
    /// Agent: sequences that will never come.
    Dropped = 20, "dropped", Small;
    /// Agent: top processes.
    Processes = 21, "processes", Medium;
    /// Agent: a message of its host or one of its users.
    Message = 22, "message", Medium;
    /// Agent: a file on offer.
    Offer = 23, "offer", Medium;
    /// Agent: the offer ends.
    Withdraw = 24, "withdraw", Small;
    /// Agent: header of a file chunk; its raw bytes follow the frame.
    Chunk = 25, "chunk", Small;
    /// Agent, datagram: answer to a probe.
    ProbeAnswer = 26, "probe-answer", Small;

    /// Daemon: what the agent may do and how often.
    Policy = 48, "policy", Small;
    /// Daemon: intervals changed.
    Intervals = 49, "intervals", Small;
    /// Daemon: heartbeat seen.
    Echo = 50, "echo", Small;
    /// Either: sequences that are safe on disk.
    Receipt = 51, "receipt", Small;
    /// Daemon, datagram: are you there?
    Probe = 52, "probe", Small;
    /// Daemon: a message for the host.
    Delivery = 53, "delivery", Medium;
    /// Daemon: what was decided on an offer.
    Decision = 54, "decision", Medium;

    /// Console: open the feed, or change what it details.
    Subscribe = 80, "subscribe", Large;
    /// Console: hosts with their values.
    HostsQuery = 81, "hosts", Large;
    /// Console: connects and disconnects of one host.
    ConnectionsQuery = 82, "connections", Small;
    /// Console: alerts.
    AlertsQuery = 83, "alerts", Small;
    /// Console: the audit trail.
    AuditQuery = 84, "audit", Small;
    /// Console: I have these alerts.
    Ack = 85, "ack", Medium;
    /// Console: I no longer have them.
    Unack = 86, "unack", Medium;
    /// Console: these incidents are over.
    Resolve = 87, "resolve", Medium;
    /// Console: forget a host.
    Retire = 88, "retire", Small;
    /// Console: which series are stored.
    SeriesQuery = 89, "series", Large;
    /// Console: the history of a series.
    HistoryQuery = 90, "history", Small;
    /// Console: how much is stored.
    StorageQuery = 91, "storage", Small;
    /// Console: what its operator looks at, for the others to see.
    LookingAt = 92, "looking-at", Small;
    /// Console: messages.
    MessagesQuery = 93, "messages", Medium;
    /// Console: offered and received files.
    FilesQuery = 94, "files", Small;
    /// Console: a message.
    Say = 96, "say", Large;
    /// Console: hush alerts.
    Silence = 97, "silence", Medium;
    /// Console: take a file.
    Accept = 98, "accept", Small;
    /// Console: refuse a file.
    Reject = 99, "reject", Medium;
    /// Console: bring a file.
    Fetch = 100, "fetch", Small;
    /// Console: everybody answer now.
    RollCall = 101, "roll-call", Medium;
    /// Console: a failure drill.
    Drill = 102, "drill", Medium;
    /// Console: change a setting.
    ConfigSet = 103, "config-set", Medium;
    /// Console: delete old samples.
    StorageCleanUp = 104, "storage-clean-up", Medium;

    /// Reply: one host with its first series.
    HostRecord = 128, "host-record", Large;
    /// Reply and feed: more series of the host before.
    HostSeries = 129, "host-series", Large;
    /// Reply: a page of connects and disconnects.
    ConnectionPage = 130, "connection-page", Large;
    /// Reply: a page of alerts.
    AlertPage = 131, "alert-page", Large;
    /// Reply: a page of the audit trail.
    AuditPage = 132, "audit-page", Large;
    /// Reply: complete; nothing follows.
    Done = 133, "done", Small;
    /// Reply: not done, and why.
    Refused = 134, "refused", Medium;
    /// Reply: a page of series.
    SeriesPage = 135, "series-page", Large;
    /// Reply: a page of a series' history.
    HistoryPage = 136, "history-page", Large;
    /// Reply: a page of what is stored.
    StoragePage = 137, "storage-page", Large;
    /// Reply: a page of messages.
    MessagePage = 138, "message-page", Large;
    /// Reply: which hosts have a message of the page before.
    MessageMarks = 139, "message-marks", Large;
    /// Reply: a page of files.
    FilePage = 140, "file-page", Large;
    /// Reply: bytes of a file.
    FilePiece = 141, "file-piece", Large;

    /// Feed: a fresh picture begins; forget the old one.
    FeedSnapshot = 160, "feed-snapshot", Small;
    /// Feed: the picture is complete.
    FeedComplete = 161, "feed-complete", Small;
    /// Feed: columns of changed hosts.
    FeedSummary = 162, "feed-summary", Large;
    /// Feed: the whole of a subscribed host.
    FeedDetail = 163, "feed-detail", Large;
    /// Feed: one second passed.
    FeedTick = 164, "feed-tick", Small;
    /// Feed: a host changed its state.
    FeedHostEvent = 165, "feed-host-event", Large;
    /// Feed: an alert changed.
    FeedAlertEvent = 166, "feed-alert-event", Large;
    /// Feed: what hosts are; part of a picture.
    FeedFacts = 167, "feed-facts", Large;
    /// Feed: more columns of changed hosts.
    FeedValues = 168, "feed-values", Large;
    /// Feed: who is attached now.
    FeedOperators = 169, "feed-operators", Large;
    /// Feed: somebody spoke.
    FeedMessage = 170, "feed-message", Medium;
    /// Feed: a message came further.
    FeedMarks = 171, "feed-marks", Large;
    /// Feed: a file changed.
    FeedFile = 172, "feed-file", Large;
}
