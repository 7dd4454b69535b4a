//! What goes in and out of the delivery: readings in, slots and declarations out, receipts back in.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use quinn::Connection;
use systole_common::ids::DaemonName;
use systole_common::net::tls::ClientTls;
use systole_common::time::UnixMs;
use systole_common::wire::agent::Dropped;
use systole_common::wire::control::Receipt;
use tokio::sync::mpsc;

use crate::engine::collect::Sample;
use crate::engine::delivery::{BulkId, Cursor};
use crate::engine::input::ConnectionId;
use crate::engine::sampling::Slot;
use crate::shell::talk::outlet as talk;

/// Values of one slot on their way into the spool.
#[derive(Debug)]
pub struct Deposit {
    /// When.
    pub slot: Slot,
    /// What is stored of a reading.
    pub samples: Vec<Sample>,
}

/// A slot that is safe in the spool.
#[derive(Debug)]
pub struct StoredSlot {
    /// Its sequence.
    pub sequence: u64,
    /// Its time and values.
    pub deposit: Deposit,
}

/// What the delivery wants on the metrics stream of a main connection.
#[derive(Debug)]
pub enum Outgoing {
    /// The newest slot.
    Stored(Arc<StoredSlot>),
    /// What will never come.
    Dropped(Dropped),
}

/// The newest main connection to a daemon, as far as the delivery needs it.
#[derive(Debug, Clone)]
pub struct Main {
    /// Which.
    pub connection: ConnectionId,
    /// Where it goes; a bulk connection goes there too.
    pub address: SocketAddr,
    /// What it was dialled with.
    pub tls: ClientTls,
    /// Into its metrics stream.
    pub outlet: mpsc::Sender<Outgoing>,
    /// Into its messages stream.
    pub messages: mpsc::Sender<talk::Outgoing>,
}

/// The main connections that there are.
pub type Mains = BTreeMap<DaemonName, Main>;

/// A bulk connection that can be used for files too.
#[derive(Debug, Clone)]
pub struct BulkLink {
    /// Which.
    pub bulk: BulkId,
    /// It is driven by the spool's thread.
    pub connection: Connection,
    /// The negotiated version.
    pub version: u8,
}

/// The bulk connections that there are.
pub type BulkLinks = BTreeMap<DaemonName, BulkLink>;

/// A daemon's receipt.
#[derive(Debug)]
pub struct Receipted {
    /// The daemon.
    pub daemon: DaemonName,
    /// On which main connection it came.
    pub connection: ConnectionId,
    /// The frame.
    pub receipt: Receipt,
}

/// The spool and the delivery as `status` shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Bytes on disk.
    pub bytes: u64,
    /// Time of the oldest slot that is kept.
    pub oldest: Option<UnixMs>,
    /// Slots that were given up although some daemon had not confirmed them.
    pub dropped: u64,
    /// Sequence of the newest slot; 0 if there is none.
    pub newest_sequence: u64,
    /// How far each daemon is.
    pub cursors: Vec<Cursor>,
}
