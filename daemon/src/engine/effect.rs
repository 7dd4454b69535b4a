//! Everything the engine can ask of the shell: one closed enum.
//!
//! [`Outcome`] says what must be committed first: `after_commit` waits for `changes`, `at_once` does not.

use systole_common::ids::{ConnectionId, HostId};
use systole_common::model::metric::SeriesKey;
use systole_common::time::UnixMs;
use systole_common::wire::console::{AlertRecord, HostRecord};
use systole_common::wire::control::{Echo, Intervals, Policy, Receipt};
use systole_common::wire::feed::{
    FeedAlertEvent, FeedComplete, FeedDetail, FeedFacts, FeedHostEvent, FeedOperators,
    FeedSnapshot, FeedSummary, FeedTick, FeedValues,
};
use systole_common::wire::hello::{CloseCode, Refusal};

use super::state::Change;

/// What one input leads to.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// To be written to `state.db` in one transaction.
    pub changes: Vec<Change>,
    /// To be done now.
    pub at_once: Vec<Effect>,
    /// To be done, in this order, once `changes` are committed.
    pub after_commit: Vec<Effect>,
}

/// Something to do.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Answer the hello: welcome. The shell adds the daemon's name, instance and clocks.
    Accept {
        /// Whom.
        connection: ConnectionId,
        /// What the agent is to do.
        policy: Policy,
    },
    /// Answer the hello: no. Then close with `code`.
    Refuse {
        /// Whom.
        connection: ConnectionId,
        /// Why.
        refusal: Refusal,
        /// The close code that follows.
        code: CloseCode,
    },
    /// Close a connection.
    Close {
        /// Which.
        connection: ConnectionId,
        /// Why, for programs.
        code: CloseCode,
        /// Why, for people.
        reason: String,
    },
    /// Write an echo on the control stream.
    Echo {
        /// Whose.
        connection: ConnectionId,
        /// The frame.
        echo: Echo,
    },
    /// Write new intervals on the control stream.
    Intervals {
        /// Whose.
        connection: ConnectionId,
        /// The frame.
        intervals: Intervals,
    },
    /// Write a receipt on the control stream.
    Receipt {
        /// Whose.
        connection: ConnectionId,
        /// The frame.
        receipt: Receipt,
    },
    /// Send a probe datagram.
    Probe {
        /// Whom.
        connection: ConnectionId,
        /// Comes back in the answer.
        nonce: u64,
    },
    /// Reply to a request.
    Reply {
        /// Whom.
        session: ConnectionId,
        /// Which stream.
        request: u64,
        /// With what.
        reply: Reply,
    },
    /// Reply to a request from `state.db`, on a reader's connection.
    Query {
        /// Whom.
        session: ConnectionId,
        /// Which stream.
        request: u64,
        /// With what.
        query: Query,
    },
    /// Reply to a request from the metric store, on a reader's connection.
    MetricsQuery {
        /// Whom.
        session: ConnectionId,
        /// Which stream.
        request: u64,
        /// With what.
        query: MetricsQuery,
    },
    /// Delete what is old from the metric store, and reply with what that was.
    CleanUp {
        /// Whom.
        session: ConnectionId,
        /// Which stream.
        request: u64,
        /// Only of this host.
        host: Option<HostId>,
        /// The end of what is deleted; the store rounds it down to midnight UTC.
        before: UnixMs,
    },
    /// Send a frame on the feeds of these sessions.
    Feed {
        /// Whom.
        sessions: Vec<ConnectionId>,
        /// What.
        frame: FeedFrame,
    },
    /// Write a log line.
    Log(LogLine),
}

/// A reply that the engine has.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Hosts, each whole; then done.
    Hosts(Vec<HostRecord>),
    /// Alerts; then done.
    Alerts(Vec<AlertRecord>),
    /// Done; nothing to show.
    Done,
    /// No.
    Refused(Refusal),
}

/// A reply that `state.db` has.
#[derive(Debug, Clone)]
pub enum Query {
    /// Connects and disconnects, newest first.
    Connections {
        /// Of which host.
        host: HostId,
        /// At most so many.
        count_max: u32,
    },
    /// `open` and, after them, the resolved ones, newest first.
    Alerts {
        /// The open ones, from the engine.
        open: Vec<AlertRecord>,
        /// Only those resolved after this.
        since: Option<UnixMs>,
        /// Only of this host.
        host: Option<HostId>,
    },
    /// The audit trail, newest first.
    Audit {
        /// Only lines after this.
        since: Option<UnixMs>,
        /// At most so many.
        count_max: u32,
    },
}

/// A reply that the metric store has.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricsQuery {
    /// Which series are stored.
    Series {
        /// Of these hosts; empty for all.
        hosts: Vec<HostId>,
        /// Only of this metric.
        metric: Option<String>,
    },
    /// The history of a series in `[from, to)`.
    History {
        /// Whose.
        host: HostId,
        /// Which series.
        key: SeriesKey,
        /// Inclusive.
        from: UnixMs,
        /// Exclusive.
        to: UnixMs,
        /// Length of a step in milliseconds; 0 for every raw sample.
        step_ms: u64,
    },
    /// How much is stored.
    Storage {
        /// Only of this host.
        host: Option<HostId>,
        /// Only what a clean-up of everything before this would delete.
        before: Option<UnixMs>,
    },
}

/// A frame of the feed.
#[derive(Debug, Clone)]
pub enum FeedFrame {
    /// A fresh picture begins.
    Snapshot(FeedSnapshot),
    /// It is complete.
    Complete(FeedComplete),
    /// What hosts are, within one page.
    Facts(FeedFacts),
    /// Columns of changed hosts, within one page.
    Summary(FeedSummary),
    /// Further columns of hosts, within one page.
    Values(FeedValues),
    /// A whole host; the shell splits it into pages.
    Detail(Box<FeedDetail>),
    /// One second passed.
    Tick(FeedTick),
    /// A host changed; the shell splits it into pages.
    Host(Box<FeedHostEvent>),
    /// An alert changed, or belongs to the picture.
    Alert(Box<FeedAlertEvent>),
    /// Who has a feed.
    Operators(FeedOperators),
}

/// How loud a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Somebody should look.
    Warning,
    /// Something changed.
    Info,
    /// For those who look for a fault.
    Debug,
}

/// A log line: a fixed sentence and fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How loud.
    pub level: Level,
    /// What happened; never has data in it.
    pub event: &'static str,
    /// Which host.
    pub host: Option<HostId>,
    /// Which address.
    pub address: Option<String>,
    /// Why, scrubbed.
    pub reason: String,
}
