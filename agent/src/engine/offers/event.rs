//! What happens to offers, and what is to be done about it.

use systole_common::ids::DaemonName;
use systole_common::model::file::FileState;
use systole_common::time::UnixMs;
use systole_common::wire::file::{Decision, Withdraw};

use crate::engine::input::ConnectionId;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The deadline has come.
    Tick,
    /// These daemons are configured, in this order.
    Follow(Vec<DaemonName>),
    /// The daemon has another newest main connection.
    MainUp {
        /// The daemon.
        daemon: DaemonName,
        /// Its newest main connection.
        connection: ConnectionId,
    },
    /// The daemon has no main connection any more.
    MainDown {
        /// The daemon.
        daemon: DaemonName,
    },
    /// A user offers a file under this sequence, which [`super::Offers::is_free`].
    Offered {
        /// The offer.
        sequence: u64,
    },
    /// The user does not wait any more.
    Left {
        /// The offer.
        sequence: u64,
    },
    /// The file is not any more what was offered, or cannot be read.
    Spoiled {
        /// The offer.
        sequence: u64,
        /// Why, for people.
        reason: String,
    },
    /// A daemon's word on an offer, on a messages stream.
    Decided {
        /// The daemon.
        daemon: DaemonName,
        /// The frame.
        decision: Decision,
    },
    /// What [`Effect::Transfer`] began is over.
    Transferred {
        /// The offer.
        sequence: u64,
        /// Which try.
        attempt: u64,
        /// How it ended.
        end: TransferEnd,
    },
}

/// How a try to transfer a file ended.
#[derive(Debug, Clone, PartialEq)]
pub enum TransferEnd {
    /// With the daemon's last word on that stream.
    Word(Decision),
    /// Without one.
    Broken {
        /// Whether bytes went.
        has_moved: bool,
    },
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Offer the file on a main connection, perhaps again.
    Offer {
        /// The daemon.
        daemon: DaemonName,
        /// Its main connection.
        connection: ConnectionId,
        /// The offer.
        sequence: u64,
    },
    /// Take an offer back on a main connection.
    Withdraw {
        /// The daemon.
        daemon: DaemonName,
        /// Its main connection.
        connection: ConnectionId,
        /// The frame.
        withdraw: Withdraw,
    },
    /// Send the file's bytes on a bulk connection; [`Input::Transferred`] says how that ended.
    Transfer {
        /// The daemon.
        daemon: DaemonName,
        /// The offer.
        sequence: u64,
        /// The daemon's number for it.
        file: u64,
        /// Which try; never used twice.
        attempt: u64,
    },
    /// Give the running transfer up; nothing more is heard of it.
    Stop {
        /// The offer.
        sequence: u64,
    },
    /// Tell the user.
    Tell {
        /// The offer.
        sequence: u64,
        /// What.
        told: Told,
    },
    /// Tell the user the last word, and forget the offer.
    Over {
        /// The offer.
        sequence: u64,
        /// What.
        told: Told,
    },
}

/// What a user is told of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Where it is.
    pub state: FileState,
    /// Why, for people; may be empty.
    pub reason: String,
    /// Who decided; empty while nobody has.
    pub by: String,
    /// Where it is saved, once it is.
    pub path: String,
    /// The daemon's number for it; 0 if it has none.
    pub file: u64,
    /// When it expires.
    pub expires_at: UnixMs,
}

impl Told {
    pub(super) fn of(state: FileState, decision: Decision) -> Self {
        let Decision { reason, by, path, file, expires_at, .. } = decision;
        Self { state, reason, by, path, file, expires_at }
    }

    pub(super) fn own(state: FileState, reason: String) -> Self {
        let (by, path) = (String::new(), String::new());
        Self { state, reason, by, path, file: 0, expires_at: UnixMs(0) }
    }
}
