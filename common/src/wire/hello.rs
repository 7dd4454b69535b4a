//! The first exchange of every connection. Frozen for ever, in all versions of the protocol.

use serde::{Deserialize, Serialize};

use super::codec::{Body, WireError, at_most};
use super::control::Policy;
use super::kind::Kind;
use super::limits::{FACT_BYTES_MAX, LABEL_BYTES_MAX, LABELS_MAX, REASON_BYTES_MAX};
use crate::coded_enum;
use crate::ids::{BootId, InstanceId, Role, SpoolEpoch};
use crate::model::coded::Growing;

coded_enum!(
    /// What a connection is for.
    Purpose {
        /// Heartbeats, metrics, control, messages of one agent.
        Main = 1, "main";
        /// Files and backfill of an agent that has a main connection.
        Bulk = 2, "bulk";
        /// An operator.
        Console = 3, "console";
    }
);

coded_enum!(
    /// What a stream carries; its first frame says so.
    StreamName {
        /// Bidi, dialler: hello and answer.
        Hello = 1, "hello";
        /// Uni, agent: heartbeats and nothing else.
        Heartbeat = 2, "heartbeat";
        /// Uni, agent: declarations and samples.
        Metrics = 3, "metrics";
        /// Uni, daemon: policy, intervals, echo, receipts.
        Control = 4, "control";
        /// Bidi, agent: messages both ways.
        Messages = 5, "messages";
        /// Bidi, agent, on a bulk connection: one transfer.
        File = 6, "file";
        /// Bidi, console: one request and its reply.
        Request = 7, "request";
        /// Uni, daemon: the feed of a console.
        Feed = 8, "feed";
    }
);

coded_enum!(
    /// What the peer's certificate makes of it.
    PeerRole {
        /// An agent.
        Agent = 1, "agent";
        /// An operator who may look.
        Viewer = 2, "viewer";
        /// An operator who may act.
        Operator = 3, "operator";
        /// An operator who may also change and retire.
        Admin = 4, "admin";
    }
);

impl From<Role> for PeerRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Operator => Self::Operator,
            Role::Admin => Self::Admin,
        }
    }
}

coded_enum!(
    /// Why a hello or a request was refused.
    RefusalCode {
        /// No common protocol version.
        Version = 1, "version";
        /// This certificate may not do that.
        Role = 2, "role";
        /// Another live agent has this identity.
        Conflict = 3, "conflict";
        /// The certificate's fingerprint is revoked.
        Revoked = 4, "revoked";
        /// A bulk connection without its main.
        Instance = 5, "instance";
        /// The daemon has reached a limit.
        Overload = 6, "overload";
        /// The frames make no sense.
        Protocol = 7, "protocol";
        /// The daemon stops.
        Stopping = 8, "stopping";
        /// No such host, alert or file.
        NotFound = 9, "not-found";
        /// It is in a state in which that cannot be done.
        State = 10, "state";
        /// A word of the request is not valid.
        Invalid = 11, "invalid";
        /// The daemon cannot write it down.
        Storage = 12, "storage";
    }
);

coded_enum!(
    /// Application close codes of a connection.
    CloseCode {
        /// A planned end.
        Goodbye = 1, "goodbye";
        /// The daemon restarts.
        Restart = 2, "restart";
        /// The hello was refused.
        Refused = 3, "refused";
        /// Another live agent has this identity.
        Conflict = 4, "conflict";
        /// A newer connection of the same instance took over.
        Replaced = 5, "replaced";
        /// The certificate was revoked.
        Revoked = 6, "revoked";
        /// The host was retired.
        Retired = 7, "retired";
        /// The peer broke the protocol.
        Protocol = 8, "protocol";
        /// A limit was reached.
        Overload = 9, "overload";
    }
);

/// The three clocks of a machine at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Clocks {
    /// `CLOCK_MONOTONIC` in nanoseconds: stands still in suspend.
    pub mono_ns: u64,
    /// `CLOCK_BOOTTIME` in nanoseconds: goes on in suspend.
    pub boot_ns: u64,
    /// Wall clock, milliseconds since 1970.
    pub wall_ms: i64,
}

/// The dialler's first frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Lowest version that it speaks.
    pub version_min: u8,
    /// Highest version that it speaks.
    pub version_max: u8,
    /// Its software version.
    pub software: String,
    /// What the connection is for.
    pub purpose: Growing<Purpose>,
    /// Its start.
    pub instance: InstanceId,
    /// Its kernel's boot.
    pub boot_id: BootId,
    /// Its spool's life; 0 for a console.
    pub spool_epoch: SpoolEpoch,
    /// Its clocks when the frame was made.
    pub clocks: Clocks,
    /// Its operating system, for people.
    pub os: String,
    /// Its labels, key and value.
    pub labels: Vec<(String, String)>,
}

impl Body for Hello {
    const KIND: Kind = Kind::Hello;

    fn check(&self) -> Result<(), WireError> {
        at_most(Self::KIND, "labels", self.labels.len(), LABELS_MAX)?;
        let longest = self.labels.iter().map(|(key, value)| key.len().max(value.len())).max();
        at_most(Self::KIND, "bytes in a label", longest.unwrap_or(0), LABEL_BYTES_MAX)?;
        let facts = self.software.len().max(self.os.len());
        at_most(Self::KIND, "bytes in a fact", facts, FACT_BYTES_MAX)
    }
}

/// What the daemon says to a hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloAnswer {
    /// `None` if accepted.
    pub refused: Option<Refusal>,
    /// The version of all further frames; 0 if refused.
    pub version: u8,
    /// The daemon's name.
    pub daemon: String,
    /// The daemon's software version.
    pub software: String,
    /// The daemon's start.
    pub instance: InstanceId,
    /// The daemon's clocks when the frame was made.
    pub clocks: Clocks,
    /// What the peer is to the daemon.
    pub role: Growing<PeerRole>,
    /// What an agent is to do.
    pub policy: Policy,
}

impl Body for HelloAnswer {
    const KIND: Kind = Kind::HelloAnswer;

    fn check(&self) -> Result<(), WireError> {
        let text = self.refused.as_ref().map_or(0, |refusal| refusal.text.len());
        at_most(Self::KIND, "bytes in a reason", text, REASON_BYTES_MAX)?;
        let facts = self.daemon.len().max(self.software.len());
        at_most(Self::KIND, "bytes in a fact", facts, FACT_BYTES_MAX)
    }
}

/// No, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why, for programs.
    pub code: Growing<RefusalCode>,
    /// Why and what to do, for people.
    pub text: String,
    /// How long to wait before the next attempt, in milliseconds.
    pub retry_after_ms: u32,
}

/// The first frame of every stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamOpen {
    /// What the stream carries.
    pub stream: Growing<StreamName>,
}

impl Body for StreamOpen {
    const KIND: Kind = Kind::StreamOpen;
}
