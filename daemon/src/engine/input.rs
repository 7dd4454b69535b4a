//! Everything that can happen to the engine: one closed enum, told with the time by the shell.

use std::sync::Arc;
use std::time::Duration;

use systole_common::ids::{
    BootId, ConnectionId, HostId, InstanceId, OperatorName, Role, SpoolEpoch,
};
use systole_common::model::metric::SeriesKey;
use systole_common::time::UnixMs;
use systole_common::wire::agent::{Heartbeat, ProbeAnswer, ProcessSample};
use systole_common::wire::console::{
    Ack, AlertsQuery, AuditQuery, ConnectionsQuery, HostsQuery, LookingAt, Resolve, Retire,
    Subscribe, Unack,
};
use systole_common::wire::control::Receipt;
use systole_common::wire::file::{Accept, Fetch, FilesQuery, Offer, Reject, Withdraw};
use systole_common::wire::hello::{Clocks, CloseCode};
use systole_common::wire::history::{HistoryQuery, SeriesQuery, StorageCleanUp, StorageQuery};
use systole_common::wire::talk::{Message, MessagesQuery, Say};

use super::settings::Settings;

/// Something happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// State is loaded, sockets listen: the start grace begins.
    Ready,
    /// An agent's main connection said hello; it waits for [`super::effect::Effect::Accept`] or `Refuse`.
    AgentHello(AgentHello),
    /// An agent's bulk connection said hello; it waits likewise.
    BulkHello {
        /// The new connection.
        connection: ConnectionId,
        /// Whose, by certificate.
        host: HostId,
        /// The instance that it claims to belong to.
        instance: InstanceId,
    },
    /// A heartbeat came on a main connection.
    Heartbeat {
        /// On which.
        connection: ConnectionId,
        /// The frame, already scrubbed and within its limits.
        beat: Box<Heartbeat>,
    },
    /// Live values came; they replace the ones before unless they are old.
    Samples {
        /// On which connection.
        connection: ConnectionId,
        /// The agent's clocks when they were read.
        at: Clocks,
        /// The values by series.
        values: Vec<(Arc<SeriesKey>, f64)>,
    },
    /// The top processes came.
    Processes {
        /// On which connection.
        connection: ConnectionId,
        /// At most 20, names scrubbed.
        processes: Vec<ProcessSample>,
    },
    /// An agent answered a probe.
    ProbeAnswer {
        /// On which connection.
        connection: ConnectionId,
        /// The datagram.
        answer: ProbeAnswer,
    },
    /// A connection of an agent, main or bulk, ended. Also sent for one that was refused.
    AgentGone {
        /// Which.
        connection: ConnectionId,
        /// How.
        reason: Gone,
    },
    /// Stored samples of a host are safe on the disk, or have been for long.
    Received {
        /// Whose.
        host: HostId,
        /// In which life of its spool.
        epoch: SpoolEpoch,
        /// Closed ranges of sequences, ascending.
        ranges: Vec<(u64, u64)>,
    },
    /// An agent opened its messages stream: messages and decisions for its host may go there. A later
    /// stream takes the place of one before.
    MessagesOpen {
        /// On which main connection.
        connection: ConnectionId,
        /// The spool epoch of its hello.
        epoch: SpoolEpoch,
    },
    /// A host or one of its users spoke.
    Message {
        /// On which connection.
        connection: ConnectionId,
        /// The spool epoch of its hello.
        epoch: SpoolEpoch,
        /// The frame, its text as sent.
        message: Box<Message>,
    },
    /// An agent has deliveries on its disk.
    Delivered {
        /// On which connection.
        connection: ConnectionId,
        /// The frame.
        receipt: Receipt,
    },
    /// An agent offers a file, or repeats that it does.
    Offer {
        /// On which connection.
        connection: ConnectionId,
        /// The spool epoch of its hello.
        epoch: SpoolEpoch,
        /// The frame, as sent.
        offer: Box<Offer>,
        /// Fingerprint of the agent's certificate.
        certificate: String,
        /// Room that there is for files, beyond the reserve.
        free_bytes: u64,
    },
    /// An agent takes an offer back.
    Withdraw {
        /// On which connection.
        connection: ConnectionId,
        /// The spool epoch of its hello.
        epoch: SpoolEpoch,
        /// The frame, as sent.
        withdraw: Withdraw,
    },
    /// What [`super::effect::Effect::Reserve`] came to: the room is taken, or why not.
    Reserved {
        /// Which file.
        file: u64,
        /// Nothing, or a sentence for its sender and the operators.
        result: Result<(), String>,
    },
    /// An agent opened a file stream and waits for [`super::effect::Effect::Transfer`].
    TransferOpen {
        /// Whose stream, by certificate.
        host: HostId,
        /// The stream's number.
        transfer: u64,
        /// Which file.
        file: u64,
    },
    /// Bytes came: at most once a second, and whenever some were synced.
    TransferProgress {
        /// The stream.
        transfer: u64,
        /// Which file.
        file: u64,
        /// Bytes that came.
        received_bytes: u64,
        /// Bytes of them that are synced.
        synced_bytes: u64,
    },
    /// All bytes came, the hash is right: it is to get this name below the host's folder. Waits for
    /// [`super::effect::Effect::Place`].
    TransferWhole {
        /// The stream.
        transfer: u64,
        /// Which file.
        file: u64,
        /// A free name.
        name: String,
    },
    /// The file has its name.
    TransferPlaced {
        /// The stream.
        transfer: u64,
        /// Which file.
        file: u64,
        /// Its type by content.
        content: String,
    },
    /// A transfer ended before that.
    TransferEnded {
        /// The stream.
        transfer: u64,
        /// Which file.
        file: u64,
        /// A sentence if it can never succeed; `None` if it may go on later on another stream.
        fatal: Option<String>,
    },
    /// How the daemon itself is, once a second.
    Health(Box<OwnHealth>),
    /// An operator's connection was accepted.
    ConsoleOpened {
        /// The connection.
        session: ConnectionId,
        /// Who.
        operator: OperatorName,
        /// In which role.
        role: Role,
        /// From where.
        address: String,
    },
    /// An operator's connection ended.
    ConsoleGone {
        /// Which.
        session: ConnectionId,
    },
    /// An operator asks or acts. The role table has let it through.
    Request {
        /// On which connection.
        session: ConnectionId,
        /// Which stream of it; comes back in the reply.
        request: u64,
        /// What.
        body: Request,
    },
    /// An operator's request was refused by the role table; the trail is to say so.
    Denied {
        /// On which connection.
        session: ConnectionId,
        /// The name of the frame's kind.
        action: &'static str,
        /// What was asked, if it was of a kind that is answered.
        body: Option<Request>,
        /// Why.
        reason: String,
    },
    /// A slow console lost events and has drained its queue: it needs a fresh picture.
    FeedOverflowed {
        /// Which.
        session: ConnectionId,
    },
    /// SIGHUP: new settings are in force.
    Settings(Box<Settings>),
    /// The daemon's own certificate and its CAs, at start and after each reload.
    OwnCertificates(Vec<OwnCertificate>),
    /// The daemon's loop stood still for so long.
    OwnPause {
        /// The gap.
        gap: Duration,
    },
    /// Since the pause the socket has been read until it was empty.
    SocketDrained,
    /// The state file takes no more writes, or takes them again.
    StoreRefusing(bool),
    /// Time passed; sent when [`super::Engine::next_deadline`] is reached.
    Tick,
}

/// An agent's main hello.
#[derive(Debug, Clone)]
pub struct AgentHello {
    /// The new connection.
    pub connection: ConnectionId,
    /// Whose, by certificate.
    pub host: HostId,
    /// The agent's start.
    pub instance: InstanceId,
    /// The kernel's boot.
    pub boot_id: BootId,
    /// Its clocks when it said hello.
    pub clocks: Clocks,
    /// Its version, scrubbed.
    pub software: String,
    /// Its operating system, scrubbed.
    pub os: String,
    /// Its labels, scrubbed.
    pub labels: Vec<(String, String)>,
    /// Where it dials from.
    pub address: String,
    /// When its certificate ends.
    pub certificate_expires: UnixMs,
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gone {
    /// The peer closed it with a code and a reason (scrubbed).
    Closed(Option<CloseCode>, String),
    /// We closed it.
    ByUs(CloseCode, String),
    /// The peer forgot it: a stateless reset.
    Reset,
    /// Nothing came for the idle time-out.
    TimedOut,
    /// The transport failed.
    Failed(String),
}

/// What an operator asks or does.
#[derive(Debug, Clone)]
pub enum Request {
    /// Open the feed or change its details.
    Subscribe(Subscribe),
    /// What its operator looks at, scrubbed.
    LookingAt(LookingAt),
    /// Hosts with values.
    Hosts(HostsQuery),
    /// Connects and disconnects of a host.
    Connections(ConnectionsQuery),
    /// Alerts.
    Alerts(AlertsQuery),
    /// The trail.
    Audit(AuditQuery),
    /// I have it.
    Ack(Ack),
    /// I no longer have it.
    Unack(Unack),
    /// It is over.
    Resolve(Resolve),
    /// Forget a host.
    Retire(Retire),
    /// Which series are stored.
    Series(SeriesQuery),
    /// The history of a series.
    History(HistoryQuery),
    /// How much is stored.
    Storage(StorageQuery),
    /// Delete what is old.
    CleanUp(StorageCleanUp),
    /// Messages.
    Messages(MessagesQuery),
    /// Write a message, its text as sent.
    Say(Box<Say>),
    /// Offered and received files.
    Files(FilesQuery),
    /// Take a file.
    Accept(Accept),
    /// Refuse a file, the reason scrubbed.
    Reject(Reject),
    /// Bring a received file.
    Fetch(Fetch),
}

/// How the daemon itself is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnHealth {
    /// `state.db` takes no writes: the disk is full.
    pub state_refusing: bool,
    /// Stored samples are not taken: the disk is full or below the reserve. Agents keep them.
    pub metrics_refusing: bool,
    /// Bytes that the file system still has for the daemon.
    pub free_bytes: u64,
    /// Bytes that are to stay free or in the reserve.
    pub reserve_bytes: u64,
    /// Whether the reserve of `state.db` was given up.
    pub reserve_gone: bool,
    /// The longest commit since the last report, to `state.db` or the log of the metric store.
    pub commit_longest: Duration,
    /// The longest delay of the engine's loop since the last report.
    pub loop_gap: Duration,
    /// Hosts whose stored samples have had holes for minutes though they are connected or not; at most 64.
    pub behind: Vec<HostId>,
}

/// A certificate of the daemon's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCertificate {
    /// `daemon`, `agent-ca`, `operator-ca`.
    pub name: String,
    /// When it ends.
    pub expires: UnixMs,
}
