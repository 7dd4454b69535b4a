//! Everything the engine can ask of the shell: one closed enum.
//!
//! [`Outcome`] says what must be committed first: `after_commit` waits for `changes`, `at_once` does not.

use systole_common::ids::{ConnectionId, HostId};
use systole_common::model::message::Place;
use systole_common::model::metric::SeriesKey;
use systole_common::time::UnixMs;
use systole_common::wire::console::{AlertRecord, HostRecord};
use systole_common::wire::control::{Echo, Intervals, Policy, Receipt};
use systole_common::wire::feed::{
    FeedAlertEvent, FeedComplete, FeedDetail, FeedFacts, FeedHostEvent, FeedOperators,
    FeedSnapshot, FeedSummary, FeedTick, FeedValues,
};
use systole_common::wire::file::{Decision, FeedFile, FileRecord};
use systole_common::wire::hello::{CloseCode, Refusal};
use systole_common::wire::talk::{Delivery, FeedMarks, FeedMessage, MessageMarks, MessageRecord};

use super::state::{Change, FileRow};

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
    /// Write a message for the host on its messages stream.
    Deliver {
        /// Whose.
        connection: ConnectionId,
        /// The frame.
        delivery: Box<Delivery>,
    },
    /// Write what became of an offer on the messages stream.
    Decide {
        /// Whose.
        connection: ConnectionId,
        /// The frame.
        decision: Box<Decision>,
    },
    /// Take room for a file: the quota of its host, the disk, its partial file. Answered by
    /// [`super::input::Input::Reserved`].
    Reserve {
        /// Which file.
        file: u64,
        /// Whose.
        host: HostId,
        /// How much.
        size_bytes: u64,
    },
    /// A file stream may begin, or not.
    Transfer {
        /// The stream.
        transfer: u64,
        /// What to receive.
        verdict: Box<TransferVerdict>,
    },
    /// The name is written down: the file may get it. Answered by
    /// [`super::input::Input::TransferPlaced`], or `TransferWhole` with another name.
    Place {
        /// The stream.
        transfer: u64,
    },
    /// The last word on a file stream: it is written there, and the stream ends.
    TransferOver {
        /// The stream.
        transfer: u64,
        /// The frame.
        decision: Box<Decision>,
    },
    /// A partial file is of no use any more.
    Discard {
        /// Which file.
        file: u64,
    },
    /// All partial files but these are of no use any more; told once, when the daemon is ready. Each
    /// with its host and the bytes that it is to have.
    KeepPartials(Vec<(u64, HostId, u64)>),
    /// A file was about to get its name when the daemon stopped: see whether it has it. The answer is
    /// `TransferPlaced` or `TransferEnded` of the stream [`TRANSFER_AT_START`].
    ///
    /// [`TRANSFER_AT_START`]: super::limits::TRANSFER_AT_START
    FindPlaced(Box<FileRow>),
    /// Reply to a request with a received file: its record, then its bytes.
    Fetch {
        /// Whom.
        session: ConnectionId,
        /// Which stream.
        request: u64,
        /// Below the folder of which host.
        host: HostId,
        /// Under which name.
        name: String,
        /// The file, which is verified.
        record: Box<FileRecord>,
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

/// What a file stream is told when it opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferVerdict {
    /// Receive it.
    Receive {
        /// The file as it is.
        row: Box<FileRow>,
        /// What the stream is answered, but for its offset: that is known once the partial was read.
        decision: Decision,
    },
    /// Not wanted: the frame says why, and the stream ends.
    Refuse(Decision),
}

/// A reply that the engine has.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A message with its marks; then done.
    Message(Box<MessageRecord>, Vec<MessageMarks>),
    /// Files; then done.
    Files(Vec<FileRecord>),
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
    /// Messages, newest first, each with its marks.
    Messages {
        /// Only those of this place; for a host also what else reached it.
        place: Option<Place>,
        /// Only those written after this.
        since: Option<UnixMs>,
        /// Only those with a lower number.
        before: Option<u64>,
        /// Only those that hold each of these words, in any case.
        words: Vec<String>,
        /// At most so many.
        count_max: u32,
    },
    /// Files, newest first: the open ones as the engine has them, then those that are over.
    Files {
        /// The open ones that were asked for.
        open: Vec<FileRecord>,
        /// Only of this host.
        host: Option<HostId>,
        /// Only those offered after this.
        since: Option<UnixMs>,
        /// Only this one.
        file: Option<u64>,
        /// At most so many.
        count_max: u32,
    },
    /// A file that is over, to be fetched: answered like [`Effect::Fetch`] if it is verified.
    Fetch {
        /// Which file.
        file: u64,
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
    /// Somebody spoke, or it belongs to the picture.
    Message(Box<FeedMessage>),
    /// A message came further.
    Marks(FeedMarks),
    /// A file changed, or belongs to the picture.
    File(Box<FeedFile>),
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
