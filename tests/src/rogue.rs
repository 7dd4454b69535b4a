//! An agent with a valid certificate that says whatever a test wants, byte by byte if need be.
//!
//! It has a thread of its own for the connection, so that its packets flow while a test waits.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use quinn::{Connection, ConnectionError, SendStream};
use systole_common::ids::{BootId, DaemonName, HostId, Identity, InstanceId, Role, SpoolEpoch};
use systole_common::model::coded::{Coded, Growing};
use systole_common::net::certificates::{Credentials, TlsPaths};
use systole_common::net::endpoint::client_endpoint;
use systole_common::net::framed::FrameReader;
use systole_common::net::identity::{Fingerprint, Holder};
use systole_common::net::tls::ClientTls;
use systole_common::wire::VERSION_MAX;
use systole_common::wire::agent::{Heartbeat, Intent, Pressure, Progress};
use systole_common::wire::codec::{Body, decode, encode_frame};
use systole_common::wire::control::Echo;
use systole_common::wire::hello::{CloseCode, Hello, HelloAnswer, Purpose, StreamName, StreamOpen};
use systole_common::wire::kind::Kind;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use xtask::certs::leaf_files;
use xtask::demo::stage::{DAEMON, Stage};

use crate::PATIENCE;
use crate::machine::{clocks, now};

/// Its boot, the same for all.
const BOOT: BootId = BootId([7; 16]);

/// An agent that says what a test wants.
#[derive(Debug)]
pub struct Rogue {
    runtime: Runtime,
    tls: ClientTls,
    daemon: SocketAddr,
    /// Of its certificate.
    pub fingerprint: Fingerprint,
    /// Its start, the same in all of its connections.
    pub instance: InstanceId,
    purpose: Purpose,
}

impl Rogue {
    /// One with the certificate of the agent `name`.
    pub fn new(stage: &Stage, name: &str) -> Result<Self> {
        Self::with(stage, &Identity::Agent(name.parse::<HostId>()?), Purpose::Main)
    }

    /// One with the certificate of the operator `name`, which must be that of `role`.
    pub fn operator(stage: &Stage, role: Role, name: &str) -> Result<Self> {
        Self::with(stage, &Identity::Operator(role, name.parse()?), Purpose::Console)
    }

    fn with(stage: &Stage, identity: &Identity, purpose: Purpose) -> Result<Self> {
        let certs = stage.dir.join("certs");
        let (cert, key) = leaf_files(&certs, identity);
        let paths = TlsPaths { cert: Some(cert), key: Some(key), ca: certs };
        let credentials = Credentials::load(Holder::of(identity), &paths, now())?;
        ensure!(
            &credentials.leaf.identity == identity,
            "not {identity} but {:?}",
            credentials.leaf
        );
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self {
            runtime,
            tls: ClientTls::new(&credentials, [].into()),
            daemon: (Ipv4Addr::LOCALHOST, stage.port).into(),
            fingerprint: credentials.leaf.fingerprint,
            instance: InstanceId(u64::from(std::process::id()) << 32 | u64::from(stage.port)),
            purpose,
        })
    }

    /// The handshake, and nothing after it. The daemon's verdict on the certificate comes later.
    pub fn dial(&self) -> Result<Contact<'_>> {
        self.dial_from(Ipv4Addr::LOCALHOST.into())
    }

    /// [`Self::dial`] from another loopback address, for the daemon's log lines by address.
    pub fn dial_from(&self, local: IpAddr) -> Result<Contact<'_>> {
        self.runtime.block_on(async {
            let endpoint = client_endpoint((local, 0).into())?;
            let address = endpoint.endpoint().local_addr()?;
            let daemon: DaemonName = DAEMON.parse()?;
            let dialled = endpoint.dial(&self.tls, &daemon, self.daemon, None);
            let connection = timeout(PATIENCE, dialled).await??;
            Ok(Contact { rogue: self, connection, address, hello: None })
        })
    }

    /// A connection whose hello was accepted.
    pub fn connect(&self) -> Result<Contact<'_>> {
        let mut contact = self.dial()?;
        let answer = contact.greet(&self.hello())?;
        match answer.refused {
            None => Ok(contact),
            Some(refusal) => bail!("the hello was refused: {refusal:?}"),
        }
    }

    /// What an honest agent would say first.
    pub fn hello(&self) -> Hello {
        Hello {
            version_min: VERSION_MAX,
            version_max: VERSION_MAX,
            software: "0.1.0".to_owned(),
            purpose: self.purpose.into(),
            instance: self.instance,
            boot_id: BOOT,
            spool_epoch: SpoolEpoch(1),
            clocks: clocks(),
            os: "an operating system".to_owned(),
            labels: vec![("role".to_owned(), "rogue".to_owned())],
        }
    }

    /// What an honest agent would beat.
    pub fn beat(&self, sequence: u64) -> Heartbeat {
        heartbeat(sequence, self.instance, BOOT)
    }
}

/// The heartbeat of an agent that is well; the next one is due in a second.
pub fn heartbeat(sequence: u64, instance: InstanceId, boot: BootId) -> Heartbeat {
    Heartbeat {
        sequence,
        instance,
        boot: boot.short(),
        flags: 0,
        next_in_ms: 1_000,
        sent: clocks(),
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

/// One connection of a rogue.
#[derive(Debug)]
pub struct Contact<'a> {
    rogue: &'a Rogue,
    connection: Connection,
    address: SocketAddr,
    /// Kept open: to drop it would be to end the stream.
    hello: Option<SendStream>,
}

impl Contact<'_> {
    /// From where it speaks, as the daemon's log names it.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Says `hello` on its stream and reads the answer.
    pub fn greet(&mut self, hello: &Hello) -> Result<HelloAnswer> {
        let frame = encode_frame(0, hello)?;
        self.greet_with(&frame)?.context("the daemon closed the connection without an answer")
    }

    /// Says `frame` in place of a hello and reads the answer; `None` if the connection is closed.
    pub fn greet_with(&mut self, frame: &[u8]) -> Result<Option<HelloAnswer>> {
        let bytes = [open_frame(0, StreamName::Hello)?, frame.to_vec()].concat();
        let connection = self.connection.clone();
        let talk = async move {
            let Ok((mut send, receive)) = connection.open_bi().await else { return None };
            send.write_all(&bytes).await.ok()?;
            let answer = FrameReader::new(receive, 0).expect::<HelloAnswer>().await.ok()?;
            Some((send, answer))
        };
        let said = self.rogue.runtime.block_on(async { timeout(PATIENCE, talk).await })?;
        Ok(said.map(|(send, answer)| {
            self.hello = Some(send);
            answer
        }))
    }

    /// Opens a stream to the daemon and writes `bytes`, the naming frame included.
    pub fn uni(&self, bytes: &[u8]) -> Result<SendStream> {
        self.rogue.runtime.block_on(async {
            let mut send = timeout(PATIENCE, self.connection.open_uni()).await??;
            send.write_all(bytes).await?;
            Ok(send)
        })
    }

    /// Opens a stream in both directions and writes `bytes`; the answer is not read.
    pub fn bidi(&self, bytes: &[u8]) -> Result<SendStream> {
        self.rogue.runtime.block_on(async {
            let (mut send, receive) = timeout(PATIENCE, self.connection.open_bi()).await??;
            send.write_all(bytes).await?;
            std::mem::forget(receive);
            Ok(send)
        })
    }

    /// Asks as a console does: one frame out, the reply's frames in. What came until the daemon closed
    /// the connection, if it did.
    pub fn ask(&self, frame: &[u8]) -> Result<Vec<(Kind, Vec<u8>)>> {
        let bytes = [open_frame(VERSION_MAX, StreamName::Request)?, frame.to_vec()].concat();
        let connection = self.connection.clone();
        let talk = async move {
            let mut frames = Vec::new();
            let Ok((mut send, receive)) = connection.open_bi().await else { return frames };
            let mut reader = FrameReader::new(receive, VERSION_MAX);
            if send.write_all(&bytes).await.is_ok() {
                while let Ok(Some((kind, body))) = reader.read().await {
                    frames.push((kind, body.to_vec()));
                }
            }
            frames
        };
        Ok(self.rogue.runtime.block_on(async { timeout(PATIENCE, talk).await })?)
    }

    /// Opens the stream `name` in both directions.
    pub fn both(&self, name: StreamName) -> Result<(SendStream, FrameReader)> {
        let bytes = open_frame(VERSION_MAX, name)?;
        self.rogue.runtime.block_on(async {
            let (mut send, receive) = timeout(PATIENCE, self.connection.open_bi()).await??;
            send.write_all(&bytes).await?;
            Ok((send, FrameReader::new(receive, VERSION_MAX)))
        })
    }

    /// The next frame of `reader`; `None` if the stream or the connection ends.
    pub fn next(&self, reader: &mut FrameReader) -> Result<Option<(Kind, Vec<u8>)>> {
        let read = async { timeout(PATIENCE, reader.read()).await };
        let frame = self.rogue.runtime.block_on(read).context("nothing comes")?;
        Ok(frame.ok().flatten().map(|(kind, body)| (kind, body.to_vec())))
    }

    /// Opens the stream `name` in the direction that it should have.
    pub fn stream(&self, name: StreamName) -> Result<SendStream> {
        self.uni(&open_frame(VERSION_MAX, name)?)
    }

    /// Writes more on a stream. A stream that the daemon has closed already takes nothing; no error.
    pub fn write(&self, stream: &mut SendStream, bytes: &[u8]) {
        let _closed = self.rogue.runtime.block_on(stream.write_all(bytes));
    }

    /// Writes one message on a stream.
    pub fn say<B: Body>(&self, stream: &mut SendStream, message: &B) -> Result<()> {
        self.write(stream, &encode_frame(VERSION_MAX, message)?);
        Ok(())
    }

    /// Reads what the daemon says on the control stream.
    pub fn control(&self) -> Control {
        let (sender, frames) = mpsc::channel();
        let connection = self.connection.clone();
        self.rogue.runtime.spawn(async move {
            let Ok(stream) = connection.accept_uni().await else { return };
            let mut reader = FrameReader::new(stream, VERSION_MAX);
            while let Ok(Some((kind, body))) = reader.read().await {
                if kind == Kind::Echo
                    && let Ok(echo) = decode::<Echo>(&body)
                    && sender.send(echo).is_err()
                {
                    break;
                }
            }
        });
        Control { echoes: frames }
    }

    /// Waits until the daemon closes the connection; with which code and why.
    pub fn closed(&self) -> Result<(CloseCode, String)> {
        let closed = async { timeout(PATIENCE, self.connection.closed()).await };
        let error = self.rogue.runtime.block_on(closed).context("the daemon keeps it")?;
        match error {
            ConnectionError::ApplicationClosed(close) => {
                let code = u16::try_from(close.error_code.into_inner())?;
                let code = CloseCode::from_code(code).with_context(|| format!("code {code}"))?;
                Ok((code, String::from_utf8_lossy(&close.reason).into_owned()))
            }
            other => bail!("closed in another way: {other}"),
        }
    }

    /// How the connection ended in the handshake: the error, for people.
    pub fn refused(&self) -> Result<ConnectionError> {
        let closed = async { timeout(PATIENCE, self.connection.closed()).await };
        self.rogue.runtime.block_on(closed).context("the daemon keeps it")
    }

    /// Closes the connection with `code` and any words.
    pub fn close(&self, code: CloseCode, words: &str) {
        self.connection.close(u32::from(code.code()).into(), words.as_bytes());
    }

    /// Whether the daemon has closed the connection.
    pub fn is_closed(&self) -> bool {
        self.connection.close_reason().is_some()
    }
}

/// What the daemon says on a control stream.
#[derive(Debug)]
pub struct Control {
    echoes: Receiver<Echo>,
}

impl Control {
    /// Waits for the echo of the heartbeat with `sequence`, or of a later one in its place.
    pub fn echo(&self, sequence: u64) -> Result<Echo> {
        let end = Instant::now() + PATIENCE;
        loop {
            let left: Duration = end.saturating_duration_since(Instant::now());
            let echo = self.echoes.recv_timeout(left);
            let echo = echo.map_err(|_| anyhow!("no echo of heartbeat {sequence}"))?;
            if echo.heartbeat_sequence == sequence {
                return Ok(echo);
            }
        }
    }
}

/// The frame that names a stream.
pub fn open_frame(version: u8, name: StreamName) -> Result<Vec<u8>> {
    Ok(encode_frame(version, &StreamOpen { stream: Growing::from(name) })?)
}
