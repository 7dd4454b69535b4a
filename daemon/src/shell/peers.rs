//! Who is connected: what the performer needs to reach a peer by its connection's number.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use quinn::{Connection, ConnectionError, VarInt};
use systole_common::ids::{ConnectionId, HostId};
use systole_common::model::coded::{Coded, Growing};
use systole_common::net::identity::{Fingerprint, Leaf};
use systole_common::text::scrub_to;
use systole_common::wire::control::{Echo, Intervals, Policy, Receipt, SequenceKind};
use systole_common::wire::file::{Decision, FileRecord};
use systole_common::wire::hello::{CloseCode, Refusal};
use systole_common::wire::limits::REASON_BYTES_MAX;
use systole_common::wire::talk::Delivery;
use tokio::sync::{Notify, oneshot};

use super::feed_queue::FeedQueue;
use super::metrics::reader::MetricsAnswer;
use super::store::Answer;
use crate::engine::effect::Reply;
use crate::engine::input::Gone;
use crate::limits::{OUTGOING_WAITING_MAX, RECEIPTS_WAITING_MAX};

/// Bytes of a reason inside a close frame: it must fit one packet.
const CLOSE_REASON_BYTES_MAX: usize = 256;

/// A connection whose peer has said hello.
#[derive(Debug)]
pub(super) struct Peer {
    /// Its number.
    pub(super) id: ConnectionId,
    /// quinn's handle.
    pub(super) connection: Connection,
    /// Whose certificate it showed.
    pub(super) leaf: Leaf,
    /// The protocol version of its frames.
    pub(super) version: u8,
    /// From where.
    pub(super) address: String,
    /// What only agents or only consoles have.
    pub(super) side: Side,
    closing: OnceLock<(CloseCode, String)>,
}

/// What only agents or only consoles have.
#[derive(Debug)]
pub(super) enum Side {
    /// An agent's connection, main or bulk.
    Agent(AgentSide),
    /// An operator's connection.
    Console(ConsoleSide),
}

/// The engine's answer to an agent's hello.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Welcome.
    Accepted(Policy),
    /// No; then close with the code.
    Refused(Refusal, CloseCode),
}

/// What an agent's connection waits for.
#[derive(Debug)]
pub(super) struct AgentSide {
    verdict: Mutex<Option<oneshot::Sender<Verdict>>>,
    control: Mutex<Control>,
    wake: Notify,
    outgoing: Mutex<Outgoing>,
    wake_messages: Notify,
}

/// What waits for the messages stream, in its order.
#[derive(Debug, Default)]
struct Outgoing {
    frames: VecDeque<Said>,
    is_over: bool,
}

/// A frame for the messages stream.
#[derive(Debug)]
pub(super) enum Said {
    /// A message for the host.
    Delivery(Box<Delivery>),
    /// What became of an offer.
    Decision(Box<Decision>),
}

/// Frames for the control stream. Of each kind but receipts only the newest matters.
#[derive(Debug, Default)]
pub(super) struct Control {
    /// Heartbeats seen.
    pub(super) echo: Option<Echo>,
    /// Intervals changed.
    pub(super) intervals: Option<Intervals>,
    /// Sequences that are safe. When too many wait the oldest of samples go, for later ones hold them again;
    /// what waits of messages and offers is bounded by what an agent may send without a receipt.
    pub(super) receipts: VecDeque<Receipt>,
}

impl Control {
    /// Puts a receipt behind those that wait.
    pub(super) fn receive(&mut self, receipt: Receipt) {
        if self.receipts.len() >= RECEIPTS_WAITING_MAX {
            let is_of_samples = |one: &Receipt| one.kind == Growing::Known(SequenceKind::Samples);
            let oldest = self.receipts.iter().position(is_of_samples).unwrap_or(0);
            self.receipts.remove(oldest);
        }
        self.receipts.push_back(receipt);
    }

    fn is_empty(&self) -> bool {
        self.echo.is_none() && self.intervals.is_none() && self.receipts.is_empty()
    }
}

impl AgentSide {
    /// A side, and where the engine's verdict will come.
    pub(super) fn new() -> (Self, oneshot::Receiver<Verdict>) {
        let (verdict, later) = oneshot::channel();
        let verdict = Mutex::new(Some(verdict));
        let side = Self {
            verdict,
            control: Mutex::default(),
            wake: Notify::new(),
            outgoing: Mutex::default(),
            wake_messages: Notify::new(),
        };
        (side, later)
    }

    /// Answers the hello; a second answer is ignored.
    pub(super) fn answer(&self, verdict: Verdict) {
        if let Some(waiting) = lock(&self.verdict).take() {
            let _ = waiting.send(verdict);
        }
    }

    /// Puts frames for the control stream.
    pub(super) fn tell(&self, put: impl FnOnce(&mut Control)) {
        put(&mut lock(&self.control));
        self.wake.notify_one();
    }

    /// The frames that wait; waits for some.
    pub(super) async fn told(&self) -> Control {
        loop {
            let control = std::mem::take(&mut *lock(&self.control));
            if !control.is_empty() {
                return control;
            }
            self.wake.notified().await;
        }
    }

    /// Puts a frame behind those that wait for the messages stream; a decision takes the place of an
    /// earlier one on the same offer. `false` if too many wait: the agent takes none. After the end of
    /// the stream nothing is kept, for on the next connection everything is said again.
    #[must_use]
    pub(super) fn say(&self, said: Said) -> bool {
        let mut outgoing = lock(&self.outgoing);
        if outgoing.is_over {
            return true;
        }
        if let Said::Decision(new) = &said {
            let is_same = |one: &Said| match one {
                Said::Decision(old) => (old.epoch, old.sequence) == (new.epoch, new.sequence),
                Said::Delivery(_) => false,
            };
            outgoing.frames.retain(|one| !is_same(one));
        }
        if outgoing.frames.len() >= OUTGOING_WAITING_MAX {
            return false;
        }
        outgoing.frames.push_back(said);
        drop(outgoing);
        self.wake_messages.notify_one();
        true
    }

    /// The frames that wait for the messages stream; waits for some.
    pub(super) async fn said(&self) -> VecDeque<Said> {
        loop {
            let frames = std::mem::take(&mut lock(&self.outgoing).frames);
            if !frames.is_empty() {
                return frames;
            }
            self.wake_messages.notified().await;
        }
    }

    /// The messages stream is over.
    pub(super) fn hush(&self) {
        *lock(&self.outgoing) = Outgoing { frames: VecDeque::new(), is_over: true };
    }
}

/// What answers a request.
#[derive(Debug)]
pub(super) enum Response {
    /// The engine.
    Engine(Reply),
    /// `state.db`.
    Store(Answer),
    /// The metric store.
    Metrics(MetricsAnswer),
    /// A received file: its record, then its bytes.
    Fetch {
        /// Below the folder of which host.
        host: HostId,
        /// Under which name.
        name: String,
        /// The file, which is verified.
        record: Box<FileRecord>,
    },
    /// `state.db` or the metric store cannot be read; why.
    Unreadable(String),
}

/// What a console's connection waits for.
#[derive(Debug, Default)]
pub(super) struct ConsoleSide {
    /// Its feed.
    pub(super) feed: FeedQueue,
    requests: Mutex<BTreeMap<u64, oneshot::Sender<Response>>>,
}

impl ConsoleSide {
    /// Where the response to request number `request` will come.
    pub(super) fn expect(&self, request: u64) -> oneshot::Receiver<Response> {
        let (response, later) = oneshot::channel();
        lock(&self.requests).insert(request, response);
        later
    }

    /// Nobody waits for request number `request` any more.
    pub(super) fn forget(&self, request: u64) {
        lock(&self.requests).remove(&request);
    }

    /// Answers request number `request`, if somebody still waits.
    pub(super) fn respond(&self, request: u64, response: Response) {
        if let Some(waiting) = lock(&self.requests).remove(&request) {
            let _ = waiting.send(response);
        }
    }
}

impl Peer {
    /// A peer with number `id`, connected and said hello.
    pub(super) fn new(
        id: ConnectionId,
        connection: Connection,
        leaf: Leaf,
        version: u8,
        side: Side,
    ) -> Arc<Self> {
        let address = connection.remote_address().to_string();
        Arc::new(Self { id, connection, leaf, version, address, side, closing: OnceLock::new() })
    }

    /// Closes the connection; the first reason given is the one that is remembered.
    pub(super) fn close(&self, code: CloseCode, reason: &str) {
        let (code, reason) = self.closing.get_or_init(|| (code, reason.to_owned()));
        close(&self.connection, *code, reason);
    }

    /// How the connection ended; `None` is a fault of ours, after which it is closed.
    pub(super) fn ended(&self, error: Option<ConnectionError>) -> Gone {
        if let Some(error) = error {
            return self.gone(&error);
        }
        self.close(CloseCode::Goodbye, "a fault of the daemon; its log says more");
        Gone::Failed("a fault of the daemon".to_owned())
    }

    fn gone(&self, error: &ConnectionError) -> Gone {
        match error {
            ConnectionError::ApplicationClosed(close) => {
                let code = u16::try_from(close.error_code.into_inner()).ok();
                let reason = String::from_utf8_lossy(&close.reason);
                let reason = scrub_to(&reason, REASON_BYTES_MAX / 4).into_owned();
                Gone::Closed(code.and_then(CloseCode::from_code), reason)
            }
            ConnectionError::LocallyClosed => match self.closing.get() {
                Some((code, reason)) => Gone::ByUs(*code, reason.clone()),
                None => Gone::ByUs(CloseCode::Restart, "the daemon stops".to_owned()),
            },
            ConnectionError::Reset => Gone::Reset,
            ConnectionError::TimedOut => Gone::TimedOut,
            ConnectionError::VersionMismatch
            | ConnectionError::TransportError(_)
            | ConnectionError::ConnectionClosed(_)
            | ConnectionError::CidsExhausted => {
                let text = error.to_string();
                Gone::Failed(scrub_to(&text, REASON_BYTES_MAX / 4).into_owned())
            }
        }
    }
}

/// Closes a connection with a code of ours and a reason that fits a packet.
pub(super) fn close(connection: &Connection, code: CloseCode, reason: &str) {
    let end = reason.floor_char_boundary(CLOSE_REASON_BYTES_MAX);
    let reason = reason.get(..end).unwrap_or_default();
    connection.close(VarInt::from_u32(code.code().into()), reason.as_bytes());
}

/// All connections whose peers have said hello.
#[derive(Debug, Default)]
pub(super) struct Peers {
    all: Mutex<BTreeMap<ConnectionId, Arc<Peer>>>,
    last: AtomicU64,
}

impl Peers {
    /// A number for a connection.
    pub(super) fn number(&self) -> ConnectionId {
        ConnectionId(self.last.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Adds a peer, unless there are `consoles_max` consoles already and it is one more.
    pub(super) fn add(&self, peer: &Arc<Peer>, consoles_max: usize) -> bool {
        let mut all = lock(&self.all);
        let is_console = |peer: &Arc<Peer>| matches!(peer.side, Side::Console(_));
        if is_console(peer) && all.values().filter(|peer| is_console(peer)).count() >= consoles_max
        {
            return false;
        }
        all.insert(peer.id, peer.clone());
        true
    }

    /// Forgets a peer.
    pub(super) fn remove(&self, id: ConnectionId) {
        lock(&self.all).remove(&id);
    }

    /// The peer with number `id`.
    pub(super) fn find(&self, id: ConnectionId) -> Option<Arc<Peer>> {
        lock(&self.all).get(&id).cloned()
    }

    /// How many agents' and how many consoles' connections there are.
    pub(super) fn counts(&self) -> (usize, usize) {
        let all = lock(&self.all);
        let consoles = all.values().filter(|peer| matches!(peer.side, Side::Console(_))).count();
        (all.len() - consoles, consoles)
    }

    /// Closes every connection whose certificate is revoked. Returns whose they were.
    pub(super) fn cut(&self, is_revoked: impl Fn(&Fingerprint) -> bool) -> Vec<Arc<Peer>> {
        let peers: Vec<_> = lock(&self.all)
            .values()
            .filter(|peer| is_revoked(&peer.leaf.fingerprint))
            .cloned()
            .collect();
        for peer in &peers {
            peer.close(CloseCode::Revoked, "the certificate was revoked");
        }
        peers
    }

    /// Closes every connection.
    pub(super) fn close_all(&self, code: CloseCode, reason: &str) {
        let peers: Vec<_> = lock(&self.all).values().cloned().collect();
        for peer in peers {
            peer.close(code, reason);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
