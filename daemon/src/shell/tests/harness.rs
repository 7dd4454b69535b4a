//! A whole daemon in this process, and clients that say exactly what a test wants them to say.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use quinn::{Connection, ConnectionError};
use systole_common::ids::{BootId, InstanceId, SpoolEpoch};
use systole_common::model::coded::Coded;
use systole_common::net::endpoint::{ClientEndpoint, client_endpoint};
use systole_common::net::framed::{FrameReader, FrameWriter};
use systole_common::net::identity::Fingerprint;
use systole_common::net::socket::local_for;
use systole_common::net::tls::ClientTls;
use systole_common::wire::agent::{Heartbeat, Intent, Pressure, Progress};
use systole_common::wire::codec::{Body, encode_frame};
use systole_common::wire::header::Header;
use systole_common::wire::hello::{CloseCode, Hello, HelloAnswer, Purpose, StreamName, StreamOpen};
use systole_common::wire::kind::Kind;
use tempfile::TempDir;
use tokio::time::timeout;

use super::pki::Pki;
use crate::cli::Flags;
use crate::error::DaemonError;
use crate::shell::http::Health;
use crate::shell::reload::Reloader;
use crate::shell::stop::Running;
use crate::shell::{clock, credentials, settings_source, start};

/// Nothing in these tests takes longer than this, unless it is broken.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits, but not for ever.
pub(super) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it happens soon")
}

pub(super) struct Daemon {
    pub(super) folder: TempDir,
    pub(super) pki: Pki,
    pub(super) running: Running,
    pub(super) address: SocketAddr,
}

impl Daemon {
    pub(super) async fn start() -> Self {
        Self::start_with("").await
    }

    /// A daemon whose file says `more` besides what every test needs.
    pub(super) async fn start_with(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::new(&folder.path().join("certs"));
        configure(folder.path(), more);
        Self::begin(folder, pki).await.map_err(|(error, _)| error).unwrap()
    }

    async fn begin(folder: TempDir, pki: Pki) -> Result<Self, (DaemonError, TempDir)> {
        match begin_in(folder.path()).await {
            Ok(running) => {
                let address = running.endpoint.endpoint().local_addr().unwrap();
                Ok(Self { folder, pki, running, address })
            }
            Err(error) => Err((error, folder)),
        }
    }

    /// Stops in order and starts again on the same state.
    pub(super) async fn restart(self) -> Self {
        let Self { folder, pki, running, .. } = self;
        running.stop().await.unwrap();
        Self::begin(folder, pki).await.map_err(|(error, _)| error).unwrap()
    }

    /// What SIGHUP does, with `more` in the file.
    pub(super) async fn reload(&self, more: &str) {
        let flags = configure(self.folder.path(), more);
        let loaded = settings_source::read(&flags).unwrap_or_else(|_| {
            configure(self.folder.path(), "");
            let good = settings_source::read(&flags).unwrap();
            configure(self.folder.path(), more);
            good
        });
        let credentials = credentials::load(&loaded.config.tls).unwrap();
        let (context, endpoint) = (self.running.context.clone(), self.running.endpoint.clone());
        let mut reloader =
            Reloader { flags, loaded, credentials, context, endpoint, telemetry: None };
        reloader.reload().await;
    }

    pub(super) fn certs(&self) -> PathBuf {
        self.folder.path().join("certs")
    }

    pub(super) fn client(&self, uri: &str) -> Client {
        let (tls, credentials) = self.pki.client(&self.certs(), uri);
        let endpoint = client_endpoint(local_for(self.address)).unwrap();
        Client { tls, endpoint, address: self.address, fingerprint: credentials.leaf.fingerprint }
    }

    pub(super) fn agent(&self, host: &str) -> Client {
        self.client(&format!("spiffe://systole/agent/{host}"))
    }

    pub(super) fn operator(&self, role: &str, name: &str) -> Client {
        self.client(&format!("spiffe://systole/operator/{role}/{name}"))
    }

    pub(super) fn count(&self, name: &str) -> u64 {
        self.running.context.counters.rare_sum(name)
    }
}

/// Writes the file of a test and says how to read it.
fn configure(folder: &Path, more: &str) -> Flags {
    let path = folder.join("daemon.toml");
    let text = format!(
        "listen = \"127.0.0.1:0\"\nhttp.listen = \"off\"\nstate.path = \"state\"\nstorage.reserve = \"4MiB\"\n{more}\n"
    );
    fs::write(&path, text).unwrap();
    Flags { config: Some(path), ..Flags::default() }
}

/// Begins a daemon on what is in `folder`.
pub(super) async fn begin_in(folder: &Path) -> Result<Running, DaemonError> {
    let flags = Flags { config: Some(folder.join("daemon.toml")), ..Flags::default() };
    let loaded = settings_source::read(&flags)?;
    let credentials = credentials::load(&loaded.config.tls)?;
    start::begin(&loaded.config, &credentials, None, &Health::default()).await
}

pub(super) struct Client {
    pub(super) tls: ClientTls,
    endpoint: ClientEndpoint,
    address: SocketAddr,
    pub(super) fingerprint: Fingerprint,
}

impl Client {
    pub(super) async fn dial(&self) -> Result<Connection, String> {
        let name = "mon-1".parse().unwrap();
        let dialled = self.endpoint.dial(&self.tls, &name, self.address, None);
        soon(dialled).await.map_err(|error| error.to_string())
    }

    /// Dials and says hello; what the daemon answers.
    pub(super) async fn greet(&self, hello: &Hello) -> (Connection, HelloAnswer) {
        let connection = self.dial().await.unwrap();
        let (send, receive) = connection.open_bi().await.unwrap();
        let mut writer = FrameWriter::new(send, 0);
        writer.write(&StreamOpen { stream: StreamName::Hello.into() }).await.unwrap();
        writer.write(hello).await.unwrap();
        let answer = soon(FrameReader::new(receive, 0).expect()).await.unwrap();
        (connection, answer)
    }

    /// A connection for `purpose` that the daemon accepts.
    pub(super) async fn connect(&self, purpose: Purpose) -> Connection {
        let (connection, answer) = self.greet(&hello(purpose)).await;
        assert_eq!(answer.refused, None);
        connection
    }
}

pub(super) fn hello(purpose: Purpose) -> Hello {
    Hello {
        version_min: 1,
        version_max: 1,
        software: "test 1".into(),
        purpose: purpose.into(),
        instance: InstanceId(11),
        boot_id: BootId([3; 16]),
        spool_epoch: SpoolEpoch(5),
        clocks: clock::clocks(),
        os: "test".into(),
        labels: vec![("role".into(), "\u{1b}[31mdb".into())],
    }
}

pub(super) fn beat(sequence: u64) -> Heartbeat {
    Heartbeat {
        sequence,
        instance: InstanceId(11),
        boot: BootId([3; 16]).short(),
        flags: 0,
        next_in_ms: 1_000,
        sent: clock::clocks(),
        loop_lag_max_us: 0,
        ticks_skipped: 0,
        heartbeats_sent: sequence,
        datagrams_dropped: 0,
        echo_sequence: 0,
        echo_hold_us: 0,
        pressure: Pressure::default(),
        steal_us: 0,
        progress: Progress::default(),
        intent: Intent::default(),
    }
}

/// A frame with any body, right or wrong.
pub(super) fn raw(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    let header = Header { kind, version: 1, flags: 0, length };
    [header.to_bytes().as_slice(), body].concat()
}

pub(super) fn frame(body: &impl Body) -> Vec<u8> {
    encode_frame(1, body).unwrap()
}

/// A stream of an agent that begins with its name; it stays open as long as the writer lives.
pub(super) async fn open(connection: &Connection, stream: StreamName) -> FrameWriter {
    let mut writer = FrameWriter::new(connection.open_uni().await.unwrap(), 1);
    writer.write(&StreamOpen { stream: stream.into() }).await.unwrap();
    writer
}

/// The next stream that the daemon opens, which must be `stream`.
pub(super) async fn accept(connection: &Connection, stream: StreamName) -> FrameReader {
    let receive = soon(connection.accept_uni()).await.unwrap();
    let mut reader = FrameReader::new(receive, 1);
    let open: StreamOpen = soon(reader.expect()).await.unwrap();
    assert_eq!(open.stream, stream.into());
    reader
}

/// A request and all frames of its reply.
pub(super) async fn ask_raw(connection: &Connection, request: &[u8]) -> Vec<(Kind, bytes::Bytes)> {
    let (send, receive) = connection.open_bi().await.unwrap();
    let mut writer = FrameWriter::new(send, 1);
    writer.queue(&StreamOpen { stream: StreamName::Request.into() }).unwrap();
    writer.queue_encoded(request).unwrap();
    writer.flush().await.unwrap();
    writer.stream().finish().unwrap();
    let mut reader = FrameReader::new(receive, 1);
    let mut frames = Vec::new();
    while let Some(frame) = soon(reader.read()).await.unwrap() {
        frames.push(frame);
    }
    frames
}

pub(super) async fn ask(connection: &Connection, request: &impl Body) -> Vec<(Kind, bytes::Bytes)> {
    ask_raw(connection, &frame(request)).await
}

/// How the daemon closed the connection: code and reason.
pub(super) async fn closed(connection: &Connection) -> (CloseCode, String) {
    match soon(connection.closed()).await {
        ConnectionError::ApplicationClosed(close) => {
            let code = u16::try_from(close.error_code.into_inner()).unwrap();
            let reason = String::from_utf8(close.reason.to_vec()).unwrap();
            (CloseCode::from_code(code).unwrap(), reason)
        }
        other => panic!("{other}"),
    }
}
