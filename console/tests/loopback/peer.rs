//! A daemon of a few lines: welcomes consoles, answers requests from a script, feeds what it is told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use quinn::{Connection, RecvStream, SendStream, VarInt};
use systole_common::ids::InstanceId;
use systole_common::net::endpoint::{
    EndpointKeys, ServerEndpoint, server_endpoint, widen_for_console,
};
use systole_common::net::framed::{FrameReader, FrameWriter};
use systole_common::net::tls::ServerTls;
use systole_common::time::UnixMs;
use systole_common::wire::codec::{Body, decode, encode_frame};
use systole_common::wire::console::{
    Ack, AlertPage, AlertRecord, AuditPage, ConnectionPage, ConnectionRecord, Done, HostRecord,
    Refused,
};
use systole_common::wire::control::Policy;
use systole_common::wire::feed::{FeedAlertEvent, FeedDetail, FeedSnapshot, FeedTick};
use systole_common::wire::hello::{
    Clocks, Hello, HelloAnswer, PeerRole, Refusal, RefusalCode, StreamName, StreamOpen,
};
use systole_common::wire::kind::Kind;
use systole_common::wire::pages::{pages, split_host};
use tokio::runtime::Runtime;
use tokio::sync::broadcast;

use super::desk::Desk;
use super::pki::Pki;
use super::store::Store;

/// What the daemon has, and what it was asked.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) hosts: Vec<HostRecord>,
    pub(crate) alerts: Vec<AlertRecord>,
    pub(crate) connections: Vec<ConnectionRecord>,
    /// Refuses every request but those for hosts.
    pub(crate) refusal: Option<(RefusalCode, &'static str)>,
    /// Refuses the hello.
    pub(crate) unwelcome: Option<(RefusalCode, &'static str)>,
    pub(crate) acks: Vec<Ack>,
    /// What it stored of hosts.
    pub(crate) store: Store,
    /// Its messages and files.
    pub(crate) desk: Desk,
    /// Feeds that were opened.
    pub(crate) feeds: usize,
    /// The first so many of them fall silent.
    pub(crate) muted: usize,
}

/// The daemon, on a runtime of its own.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<Mutex<State>>,
    /// Frames for every feed; an empty one cuts all connections.
    feed: broadcast::Sender<Vec<u8>>,
    _runtime: Runtime,
}

impl Peer {
    pub(crate) fn start(pki: &Pki, state: State) -> Self {
        let runtime = Runtime::new().unwrap();
        let tls = ServerTls::new(&pki.credentials(now()), std::collections::BTreeSet::new());
        let keys = EndpointKeys::generate().unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let endpoint = {
            let _entered = runtime.enter();
            server_endpoint(any, tls, &keys).unwrap()
        };
        let address = endpoint.endpoint().local_addr().unwrap();
        let state = Arc::new(Mutex::new(state));
        let feed = broadcast::channel(64).0;
        runtime.spawn(accept(endpoint, state.clone(), feed.clone()));
        Self { address, state, feed, _runtime: runtime }
    }

    /// Sends a frame on every feed.
    pub(crate) fn send(&self, frame: &impl Body) {
        let _ = self.feed.send(encode_frame(1, frame).unwrap());
    }

    /// Lets the feeds that there are fall silent; new ones tick.
    pub(crate) fn mute(&self) {
        let mut state = self.state.lock().unwrap();
        state.muted = state.feeds;
    }

    /// Ends every connection as a restart would.
    pub(crate) fn cut(&self) {
        let _ = self.feed.send(Vec::new());
    }
}

pub(crate) fn now() -> UnixMs {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    UnixMs(i64::try_from(elapsed.as_millis()).unwrap())
}

async fn accept(
    endpoint: ServerEndpoint,
    state: Arc<Mutex<State>>,
    feed: broadcast::Sender<Vec<u8>>,
) {
    while let Some(incoming) = endpoint.endpoint().accept().await {
        let admitted = endpoint.admit(incoming);
        let (state, feed) = (state.clone(), feed.clone());
        tokio::spawn(async move {
            if let Ok((connection, _)) = admitted.await {
                serve(connection, state, feed).await;
            }
        });
    }
}

async fn serve(connection: Connection, state: Arc<Mutex<State>>, feed: broadcast::Sender<Vec<u8>>) {
    widen_for_console(&connection);
    let mut cuts = feed.subscribe();
    let cut = connection.clone();
    tokio::spawn(async move {
        while let Ok(frame) = cuts.recv().await {
            if frame.is_empty() {
                cut.close(VarInt::from_u32(2), b"the daemon restarts");
            }
        }
    });
    let Ok((send, receive)) = connection.accept_bi().await else { return };
    let (mut reader, mut writer) = (FrameReader::new(receive, 0), FrameWriter::new(send, 0));
    let open: StreamOpen = reader.expect().await.unwrap();
    assert_eq!(open.stream, StreamName::Hello.into());
    let _: Hello = reader.expect().await.unwrap();
    writer.write(&answer(&state)).await.unwrap();
    let is_fed = Arc::new(AtomicBool::new(false));
    while let Ok((send, receive)) = connection.accept_bi().await {
        let (state, feed, connection) = (state.clone(), feed.subscribe(), connection.clone());
        tokio::spawn(request(connection, send, receive, state, feed, is_fed.clone()));
    }
}

async fn request(
    connection: Connection,
    send: SendStream,
    receive: RecvStream,
    state: Arc<Mutex<State>>,
    feed: broadcast::Receiver<Vec<u8>>,
    is_fed: Arc<AtomicBool>,
) {
    let (mut reader, mut writer) = (FrameReader::new(receive, 1), FrameWriter::new(send, 1));
    let open: StreamOpen = reader.expect().await.unwrap();
    assert_eq!(open.stream, StreamName::Request.into());
    let (kind, body) = reader.read().await.unwrap().unwrap();
    let has_end = reply(&mut writer, kind, &body, &state);
    // The console may be gone already.
    let _ = writer.flush().await;
    if !has_end {
        connection.closed().await;
        return;
    }
    let _ = writer.stream().finish();
    // A later subscription changes what the feed details, and there is still one feed.
    if kind == Kind::Subscribe && !is_fed.swap(true, Ordering::SeqCst) {
        feed_to(connection, &state, feed).await;
    }
}

/// Queues the reply to one request. Whether it has an end.
fn reply(writer: &mut FrameWriter, kind: Kind, body: &[u8], state: &Mutex<State>) -> bool {
    let mut state = state.lock().unwrap();
    if let (Some((code, text)), false) = (state.refusal, kind == Kind::HostsQuery) {
        writer.queue(&Refused { refusal: refusal(code, text) }).unwrap();
        return true;
    }
    match kind {
        Kind::HostsQuery | Kind::Retire => {
            for host in &state.hosts {
                let (record, more) = split_host(host.clone());
                writer.queue(&record).unwrap();
                for page in &more {
                    writer.queue(page).unwrap();
                }
            }
        }
        Kind::AlertsQuery | Kind::Ack | Kind::Unack | Kind::Resolve => {
            if kind == Kind::Ack {
                state.acks.push(decode(body).unwrap());
            }
            for records in pages(state.alerts.clone()) {
                writer.queue(&AlertPage { records }).unwrap();
            }
        }
        Kind::ConnectionsQuery => {
            let records = state.connections.clone();
            writer.queue(&ConnectionPage { host: "web-1".to_owned(), records }).unwrap();
        }
        Kind::AuditQuery => writer.queue(&AuditPage { records: Vec::new() }).unwrap(),
        Kind::SeriesQuery | Kind::HistoryQuery | Kind::StorageQuery | Kind::StorageCleanUp => {
            if let Err(text) = state.store.reply(writer, kind, body) {
                let refusal = refusal(RefusalCode::NotFound, &text);
                writer.queue(&Refused { refusal }).unwrap();
                return true;
            }
        }
        Kind::Subscribe | Kind::LookingAt => {}
        kind if Desk::answers(kind) => {
            if !state.desk.reply(writer, kind, body) {
                return !state.desk.stalls;
            }
        }
        other => panic!("unexpected {}", other.as_str()),
    }
    writer.queue(&Done { count: 1 }).unwrap();
    true
}

async fn feed_to(
    connection: Connection,
    state: &Mutex<State>,
    mut feed: broadcast::Receiver<Vec<u8>>,
) {
    let Ok(send) = connection.open_uni().await else { return };
    let number = {
        let mut state = state.lock().unwrap();
        state.feeds += 1;
        state.feeds
    };
    let mut writer = FrameWriter::new(send, 1);
    writer.queue(&StreamOpen { stream: StreamName::Feed.into() }).unwrap();
    picture(&mut writer, &state.lock().unwrap());
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(200));
    for sequence in 1.. {
        if writer.flush().await.is_err() {
            return;
        }
        tokio::select! {
            _ = ticks.tick() => {
                let untold = std::mem::take(&mut state.lock().unwrap().desk.untold);
                for marks in untold {
                    writer.queue(&marks).unwrap();
                }
                if state.lock().unwrap().muted < number {
                    writer.queue(&FeedTick { sequence, at: now(), loop_lag_us: 0 }).unwrap();
                }
            }
            frame = feed.recv() => match frame {
                Ok(frame) if !frame.is_empty() => writer.queue_encoded(&frame).unwrap(),
                _ => return,
            }
        }
    }
}

fn picture(writer: &mut FrameWriter, state: &State) {
    let snapshot = FeedSnapshot {
        instance: InstanceId(7),
        at: now(),
        hosts: 0,
        alerts: 0,
        after_overflow: false,
    };
    writer.queue(&snapshot).unwrap();
    for host in &state.hosts {
        let (record, more) = split_host(host.clone());
        writer.queue(&FeedDetail { record }).unwrap();
        for page in &more {
            writer.queue(page).unwrap();
        }
    }
    for record in &state.alerts {
        let event = FeedAlertEvent { at: now(), previous: None, record: record.clone() };
        writer.queue(&event).unwrap();
    }
    state.desk.picture(writer);
}

fn answer(state: &Mutex<State>) -> HelloAnswer {
    let unwelcome = state.lock().unwrap().unwelcome;
    HelloAnswer {
        refused: unwelcome.map(|(code, text)| refusal(code, text)),
        version: u8::from(unwelcome.is_none()),
        daemon: "mon-1".to_owned(),
        software: "9.9.9".to_owned(),
        instance: InstanceId(7),
        clocks: Clocks { wall_ms: now().0, ..Clocks::default() },
        role: PeerRole::Operator.into(),
        policy: Policy::default(),
    }
}

fn refusal(code: RefusalCode, text: &str) -> Refusal {
    Refusal { code: code.into(), text: text.to_owned(), retry_after_ms: 0 }
}
