//! Who may send what: one table, default deny, read by the daemon for every frame of every peer.

use crate::ids::{Identity, Role};
use crate::wire::kind::Kind;

/// Who sends, as its certificate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The agent of a host.
    Agent,
    /// An operator in a role.
    Operator(Role),
}

impl Sender {
    /// Every sender that a daemon can have.
    pub const ALL: [Self; 4] = [
        Self::Agent,
        Self::Operator(Role::Viewer),
        Self::Operator(Role::Operator),
        Self::Operator(Role::Admin),
    ];

    /// The sender behind an identity; `None` for another daemon, which may send nothing.
    pub fn of(identity: &Identity) -> Option<Self> {
        match identity {
            Identity::Daemon(_) => None,
            Identity::Agent(_) => Some(Self::Agent),
            Identity::Operator(role, _) => Some(Self::Operator(*role)),
        }
    }
}

/// Whether `sender` may send a frame of `kind` to a daemon.
pub fn may_send(sender: Sender, kind: Kind) -> bool {
    match needed(kind) {
        Needed::Everybody => true,
        Needed::Agent => sender == Sender::Agent,
        Needed::AtLeast(least) => match sender {
            Sender::Agent => false,
            Sender::Operator(role) => role >= least,
        },
        Needed::Nobody => false,
    }
}

/// The least role that may send `kind`, for the sentence that refuses it.
pub fn least_role(kind: Kind) -> Option<Role> {
    match needed(kind) {
        Needed::AtLeast(role) => Some(role),
        Needed::Everybody | Needed::Agent | Needed::Nobody => None,
    }
}

enum Needed {
    Everybody,
    Agent,
    AtLeast(Role),
    Nobody,
}

fn needed(kind: Kind) -> Needed {
    match kind {
        Kind::Hello | Kind::StreamOpen => Needed::Everybody,
        Kind::Heartbeat
        | Kind::Declare
        | Kind::Live
        | Kind::Stored
        | Kind::Dropped
        | Kind::Processes
        | Kind::Message
        | Kind::Offer
        | Kind::Withdraw
        | Kind::Chunk
        | Kind::Receipt
        | Kind::ProbeAnswer => Needed::Agent,
        console_kind => needed_of_operators(console_kind),
    }
}

fn needed_of_operators(kind: Kind) -> Needed {
    match kind {
        Kind::Subscribe
        | Kind::HostsQuery
        | Kind::ConnectionsQuery
        | Kind::AlertsQuery
        | Kind::AuditQuery
        | Kind::LookingAt
        | Kind::SeriesQuery
        | Kind::HistoryQuery
        | Kind::StorageQuery
        | Kind::MessagesQuery
        | Kind::FilesQuery => Needed::AtLeast(Role::Viewer),
        Kind::Ack
        | Kind::Unack
        | Kind::Resolve
        | Kind::Say
        | Kind::Silence
        | Kind::Accept
        | Kind::Reject
        | Kind::Fetch
        | Kind::RollCall
        | Kind::Drill => Needed::AtLeast(Role::Operator),
        Kind::Retire | Kind::ConfigSet | Kind::StorageCleanUp => Needed::AtLeast(Role::Admin),
        // Whatever is not listed is denied: what daemons send, and what is yet to come.
        _ => Needed::Nobody,
    }
}
