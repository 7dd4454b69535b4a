//! A minimal daemon made of common's parts: it reports what it sees and answers as a test says.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use quinn::{Connection, ConnectionError, VarInt};
use systole_common::ids::{InstanceId, SpoolEpoch};
use systole_common::model::coded::Coded;
use systole_common::net::certificates::Credentials;
use systole_common::net::endpoint::{EndpointKeys, ServerEndpoint, server_endpoint};
use systole_common::net::framed::{FrameReader, FrameWriter};
use systole_common::net::tls::ServerTls;
use systole_common::ranges::RangeSet;
use systole_common::wire::agent::{
    Declare, Dropped, Heartbeat, Live, ProbeAnswer, Processes, Stored,
};
use systole_common::wire::codec::{decode, decode_datagram, encode_frame};
use systole_common::wire::control::{
    Echo, Intervals, Policy, Probe, Ranges, Receipt, SequenceKind,
};
use systole_common::wire::hello::{
    Clocks, CloseCode, Hello, HelloAnswer, PeerRole, Purpose, Refusal, RefusalCode, StreamName,
    StreamOpen,
};
use systole_common::wire::kind::Kind;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::certificates::now;
use crate::clerk::Clerk;

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the daemon saw, on its connection number so and so.
#[derive(Debug, Clone)]
pub(crate) enum Seen {
    Hello(usize, Hello, SocketAddr),
    Beat(usize, Heartbeat),
    Declare(Declare),
    Live(Live),
    Processes(Processes),
    ProbeAnswer(ProbeAnswer),
    Closed(usize, u64, String),
}

/// How the daemon behaves.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    pub(crate) echoes: bool,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) bulk_refusal: Option<Refusal>,
    /// Whether it says which stored samples and messages it has.
    pub(crate) receipts: bool,
    pub(crate) ahead: Duration,
    pub(crate) policy: Policy,
}

/// The stored samples that came; survives the daemon.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    /// In the order in which they came, and whether on a bulk connection.
    pub(crate) slots: Vec<(bool, Stored)>,
    /// What will never come.
    pub(crate) dropped: RangeSet,
    /// The spool's epoch in the newest hello.
    pub(crate) epoch: SpoolEpoch,
    pub(crate) clerk: Clerk,
}

impl Store {
    /// All that came, each once.
    pub(crate) fn received(&self) -> RangeSet {
        RangeSet::from_ranges(self.slots.iter().map(|(_, slot)| (slot.sequence, slot.sequence)))
    }
}

/// A running daemon, on a thread of its own.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<Mutex<Store>>,
    manner: Arc<Mutex<Manner>>,
    seen: mpsc::UnboundedReceiver<Seen>,
    passed: VecDeque<Seen>,
    connections: Arc<Mutex<Vec<Connection>>>,
    end: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Peer {
    /// A daemon on a free port, or on the one of an earlier run with the same `keys`.
    pub(crate) fn start(credentials: &Credentials, keys: &EndpointKeys, port: u16) -> Self {
        Self::start_with(credentials, keys, port, Store::default(), |_| {})
    }

    /// The same with what an earlier run stored, behaving differently from the start.
    pub(crate) fn start_with(
        credentials: &Credentials,
        keys: &EndpointKeys,
        port: u16,
        store: Store,
        change: impl FnOnce(&mut Manner),
    ) -> Self {
        let intervals = Intervals { heartbeat_ms: 200, live_ms: 5000, stored_ms: 5000 };
        let policy = Policy { intervals, processes_interval_ms: 5000, ..Policy::default() };
        let mut manner = Manner {
            echoes: true,
            refusal: None,
            bulk_refusal: None,
            receipts: true,
            ahead: Duration::ZERO,
            policy,
        };
        change(&mut manner);
        let (manner, store) = (Arc::new(Mutex::new(manner)), Arc::new(Mutex::new(store)));
        let (sender, seen) = mpsc::unbounded_channel();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let host = Host {
            manner: manner.clone(),
            sender,
            connections: connections.clone(),
            store: store.clone(),
        };
        let (end, ended) = oneshot::channel();
        let (started, address) = std::sync::mpsc::channel();
        let (tls, keys) = (ServerTls::new(credentials, BTreeSet::new()), keys.clone());
        let thread = std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let server = server_endpoint(([127, 0, 0, 1], port).into(), tls, &keys).unwrap();
                started.send(server.endpoint().local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = host.accept(server) => {}
                    _ = ended => {}
                }
            });
        });
        let address = address.recv().unwrap();
        Self { address, store, manner, seen, passed: VecDeque::new(), connections, end, thread }
    }

    /// The first thing seen for which `wanted` gives something; it is not seen again.
    pub(crate) async fn see<T>(&mut self, wanted: impl Fn(&Seen) -> Option<T>) -> T {
        let mut old = self.passed.iter().enumerate();
        if let Some((at, found)) = old.find_map(|(at, seen)| Some((at, wanted(seen)?))) {
            self.passed.remove(at);
            return found;
        }
        let found = async {
            loop {
                let seen = self.seen.recv().await.expect("the daemon runs");
                match wanted(&seen) {
                    Some(found) => return found,
                    None => self.passed.push_back(seen),
                }
            }
        };
        timeout(PATIENCE, found).await.expect("the agent did not do it")
    }

    pub(crate) async fn hello(&mut self) -> (usize, Hello, SocketAddr) {
        self.see(|seen| match seen {
            Seen::Hello(number, hello, from) => Some((*number, hello.clone(), *from)),
            _ => None,
        })
        .await
    }

    pub(crate) async fn beat(&mut self) -> (usize, Heartbeat) {
        self.see(|seen| match seen {
            Seen::Beat(number, beat) => Some((*number, beat.clone())),
            _ => None,
        })
        .await
    }

    pub(crate) async fn closed(&mut self) -> (usize, u64, String) {
        self.see(|seen| match seen {
            Seen::Closed(number, code, reason) => Some((*number, *code, reason.clone())),
            _ => None,
        })
        .await
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Manner)) {
        change(&mut self.manner.lock().unwrap());
    }

    /// Sends a probe on connection `number`.
    pub(crate) fn probe(&self, number: usize, nonce: u64) {
        let frame = encode_frame(1, &Probe { nonce }).unwrap();
        self.connections.lock().unwrap()[number].send_datagram(frame.into()).unwrap();
    }

    /// Closes connection `number`.
    pub(crate) fn close(&self, number: usize, code: CloseCode, reason: &str) {
        let code = VarInt::from_u32(code.code().into());
        self.connections.lock().unwrap()[number].close(code, reason.as_bytes());
    }

    /// Ends like after kill -9: not a packet more, and the port is free.
    pub(crate) fn kill(self) {
        let _ = self.end.send(());
        self.thread.join().unwrap();
    }
}

#[derive(Clone)]
struct Host {
    manner: Arc<Mutex<Manner>>,
    sender: mpsc::UnboundedSender<Seen>,
    connections: Arc<Mutex<Vec<Connection>>>,
    store: Arc<Mutex<Store>>,
}

impl Host {
    async fn accept(self, server: ServerEndpoint) {
        while let Some(incoming) = server.endpoint().accept().await {
            let (host, admitted) = (self.clone(), server.admit(incoming));
            tokio::spawn(async move {
                if let Ok((connection, _)) = admitted.await {
                    host.serve(connection).await;
                }
            });
        }
    }

    async fn serve(self, connection: Connection) {
        let number = {
            let mut connections = self.connections.lock().unwrap();
            connections.push(connection.clone());
            connections.len() - 1
        };
        let conversation = async {
            self.converse(number, &connection).await;
            std::future::pending::<()>().await;
        };
        let error = tokio::select! {
            error = connection.closed() => error,
            () = conversation => return,
        };
        let (code, reason) = match error {
            ConnectionError::ApplicationClosed(close) => {
                (close.error_code.into_inner(), String::from_utf8_lossy(&close.reason).into())
            }
            other => (u64::MAX, other.to_string()),
        };
        self.tell(Seen::Closed(number, code, reason));
    }

    fn tell(&self, seen: Seen) {
        let _ = self.sender.send(seen);
    }

    async fn converse(&self, number: usize, connection: &Connection) -> Option<()> {
        let (send, receive) = connection.accept_bi().await.ok()?;
        let mut reader = FrameReader::new(receive, 0);
        let open: StreamOpen = reader.expect().await.ok()?;
        assert_eq!(open.stream, StreamName::Hello.into());
        let hello: Hello = reader.expect().await.ok()?;
        self.tell(Seen::Hello(number, hello.clone(), connection.remote_address()));
        let mut manner = self.manner.lock().unwrap().clone();
        if hello.version_max == 0 {
            let text = "no version in common".to_owned();
            let code = RefusalCode::Version.into();
            manner.refusal = Some(Refusal { code, text, retry_after_ms: 0 });
        }
        let is_bulk = hello.purpose == Purpose::Bulk.into();
        if is_bulk {
            manner.refusal = manner.bulk_refusal.clone();
        }
        self.store.lock().unwrap().epoch = hello.spool_epoch;
        let mut writer = FrameWriter::new(send, 0);
        writer.write(&answer(&manner)).await.ok()?;
        if manner.refusal.is_some() {
            return None;
        }
        let mut control = FrameWriter::new(connection.open_uni().await.ok()?, 1);
        if !is_bulk {
            control.queue(&StreamOpen { stream: StreamName::Control.into() }).ok()?;
            if manner.receipts {
                control.queue(&self.receipt()).ok()?;
            }
            control.flush().await.ok()?;
        }
        let (echoes, mut heard) = mpsc::unbounded_channel();
        let host = self.clone();
        let streams = async {
            while let Ok(stream) = connection.accept_uni().await {
                let (host, echoes) = (host.clone(), echoes.clone());
                tokio::spawn(host.listen(number, is_bulk, FrameReader::new(stream, 1), echoes));
            }
        };
        let datagrams = async {
            while let Ok(datagram) = connection.read_datagram().await {
                let answer: ProbeAnswer = decode_datagram(1, &datagram).unwrap();
                self.tell(Seen::ProbeAnswer(answer));
            }
        };
        let control = async {
            let (mut sequence, mut confirmed, mut talked) = (0, self.receipt(), self.messages());
            let mut told = manner.policy.intervals;
            while let Some(heartbeat_sequence) = heard.recv().await {
                let manner = self.manner.lock().unwrap().clone();
                if manner.policy.intervals != told {
                    told = manner.policy.intervals;
                    control.write(&told).await.ok()?;
                }
                if manner.receipts && self.receipt() != confirmed {
                    confirmed = self.receipt();
                    control.write(&confirmed).await.ok()?;
                }
                if manner.receipts && self.messages() != talked {
                    talked = self.messages();
                    control.write(&talked).await.ok()?;
                }
                if manner.echoes {
                    sequence += 1;
                    control.write(&echo(sequence, heartbeat_sequence)).await.ok()?;
                }
            }
            Some(())
        };
        let files = self.store.lock().unwrap().clerk.clone();
        let files = files.serve(connection, hello.spool_epoch);
        tokio::join!(streams, datagrams, control, files).2
    }

    /// What is stored; a daemon would not say it before its disk has it.
    fn receipt(&self) -> Receipt {
        let store = self.store.lock().unwrap();
        let received = store.received().union(&store.dropped);
        let newest = received.len().saturating_sub(32);
        let ranges = Ranges(received.ranges()[newest..].to_vec());
        Receipt { kind: SequenceKind::Samples.into(), epoch: store.epoch, ranges }
    }

    /// The messages that came.
    fn messages(&self) -> Receipt {
        let store = self.store.lock().unwrap();
        let book = store.clerk.book();
        let came = book.messages.iter().map(|one| (one.sequence, one.sequence));
        let ranges = Ranges(RangeSet::from_ranges(came).ranges().to_vec());
        Receipt { kind: SequenceKind::Messages.into(), epoch: store.epoch, ranges }
    }

    async fn listen(
        self,
        number: usize,
        is_bulk: bool,
        mut reader: FrameReader,
        echoes: mpsc::UnboundedSender<u64>,
    ) -> Option<()> {
        let open: StreamOpen = reader.expect().await.ok()?;
        let name = open.stream.known()?;
        while let Ok(Some((kind, body))) = reader.read().await {
            match (name, kind) {
                (StreamName::Heartbeat, Kind::Heartbeat) if !is_bulk => {
                    let beat: Heartbeat = decode(&body).unwrap();
                    let sequence = beat.sequence;
                    self.tell(Seen::Beat(number, beat));
                    echoes.send(sequence).ok()?;
                }
                (StreamName::Metrics, Kind::Declare) => {
                    self.tell(Seen::Declare(decode(&body).unwrap()));
                }
                (StreamName::Metrics, Kind::Stored) => {
                    let slot: Stored = decode(&body).unwrap();
                    self.store.lock().unwrap().slots.push((is_bulk, slot));
                }
                (StreamName::Metrics, Kind::Dropped) if !is_bulk => {
                    let dropped: Dropped = decode(&body).unwrap();
                    let mut store = self.store.lock().unwrap();
                    store.dropped = store.dropped.union(&RangeSet::from_ranges(dropped.ranges.0));
                }
                (StreamName::Metrics, Kind::Live) => self.tell(Seen::Live(decode(&body).unwrap())),
                (StreamName::Metrics, Kind::Processes) => {
                    self.tell(Seen::Processes(decode(&body).unwrap()));
                }
                (name, kind) => panic!("{kind:?} on the {name} stream"),
            }
        }
        Some(())
    }
}

fn answer(manner: &Manner) -> HelloAnswer {
    HelloAnswer {
        refused: manner.refusal.clone(),
        version: u8::from(manner.refusal.is_none()),
        daemon: "mon-1".to_owned(),
        software: "test".to_owned(),
        instance: InstanceId(1),
        clocks: Clocks { wall_ms: now().plus(manner.ahead).0, ..Clocks::default() },
        role: PeerRole::Agent.into(),
        policy: manner.policy,
    }
}

fn echo(sequence: u64, heartbeat_sequence: u64) -> Echo {
    Echo {
        epoch: InstanceId(1),
        sequence,
        heartbeat_sequence,
        hold_us: 0,
        loop_lag_us: 0,
        wanted_interval_ms: 0,
    }
}
