//! A connection in use: heartbeats out, echoes and wishes in, probes answered, the end noticed.
//!
//! All of it is one task on the heartbeat thread, so that a probe is answered by whoever beats; the
//! messages stream is in `messages`, the metrics stream in `metrics`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use quinn::{Connection, ConnectionError, VarInt, WriteError};
use systole_common::ids::{DaemonName, InstanceId};
use systole_common::model::coded::{Coded, Growing};
use systole_common::net::endpoint::ClientEndpoint;
use systole_common::net::framed::{FrameError, FrameReader, FrameWriter};
use systole_common::net::refusal::explain;
use systole_common::text::scrub;
use systole_common::wire::agent::ProbeAnswer;
use systole_common::wire::codec::{WireError, decode, decode_datagram, encode_frame};
use systole_common::wire::control::{Probe, Receipt, SequenceKind};
use systole_common::wire::hello::{CloseCode, StreamName, StreamOpen};
use systole_common::wire::kind::Kind;
use tokio::sync::mpsc;
use tracing::debug;

use super::attempt::Opened;
use super::messages::Messages;
use super::{Event, metrics};
use crate::engine::input::{ConnectionId, Input, Loss};
use crate::limits::{HEARTBEATS_WAITING_MAX, MESSAGES_OUTLET_MAX, OUTLET_WAITING_MAX};
use crate::shell::clocks::clocks;
use crate::shell::delivery::outlet::{Main, Receipted};
use crate::shell::shared::Shared;
use crate::shell::talk::outlet::{Decided, Outgoing, Routes, Word};

/// Priority of the heartbeat stream; other streams have 0.
const HEARTBEAT_PRIORITY: i32 = 10;

/// The heartbeat loop's end of a connection.
#[derive(Debug)]
pub(super) struct Line {
    connection: Connection,
    endpoint: Arc<ClientEndpoint>,
    version: u8,
    heartbeats: mpsc::Sender<Vec<u8>>,
    daemon: DaemonName,
    main: Main,
}

impl Line {
    /// Takes a fresh connection into use.
    pub(super) fn start(
        id: ConnectionId,
        opened: Opened,
        instance: InstanceId,
        shared: Arc<Shared>,
        reports: Reports,
    ) -> Self {
        let Opened { daemon, address, tls, connection, endpoint, version, peer, .. } = opened;
        let connection = connection.take();
        let (heartbeats, waiting) = mpsc::channel(HEARTBEATS_WAITING_MAX);
        let (outlet, outgoing) = mpsc::channel(OUTLET_WAITING_MAX);
        let (messages, said) = mpsc::channel(MESSAGES_OUTLET_MAX);
        let main = Main { connection: id, address, tls, outlet, messages };
        let newest = metrics::Newest::of(&shared, outgoing);
        let task = Task {
            id,
            daemon: daemon.clone(),
            connection: connection.clone(),
            version,
            peer,
            instance,
            shared,
            reports,
        };
        tokio::spawn(task.run(waiting, newest, said));
        Self { connection, endpoint, version, heartbeats, daemon, main }
    }

    /// The daemon, and what the delivery needs of this connection.
    pub(super) fn main(&self) -> (&DaemonName, &Main) {
        (&self.daemon, &self.main)
    }

    /// The negotiated version.
    pub(super) fn version(&self) -> u8 {
        self.version
    }

    /// Hands a heartbeat over; whether there was room. Never waits.
    pub(super) fn beat(&self, frame: Vec<u8>) -> bool {
        self.heartbeats.try_send(frame).is_ok()
    }

    /// Closes the connection with a reason; its endpoint still has that to send.
    pub(super) fn close(self, code: CloseCode, reason: &str) -> Arc<ClientEndpoint> {
        self.connection.close(VarInt::from_u32(code.code().into()), reason.as_bytes());
        self.endpoint
    }
}

/// Where a connection tells what happens on it.
#[derive(Debug, Clone)]
pub(super) struct Reports {
    /// To the heartbeat loop.
    pub(super) events: mpsc::Sender<Event>,
    /// To the delivery.
    pub(super) receipts: mpsc::Sender<Receipted>,
    /// To the talk and the offers.
    pub(super) routes: Routes,
}

struct Task {
    id: ConnectionId,
    daemon: DaemonName,
    connection: Connection,
    version: u8,
    peer: String,
    instance: InstanceId,
    shared: Arc<Shared>,
    reports: Reports,
}

impl Task {
    async fn run(
        self,
        waiting: mpsc::Receiver<Vec<u8>>,
        newest: metrics::Newest,
        said: mpsc::Receiver<Outgoing>,
    ) {
        let messages = Messages {
            connection: &self.connection,
            version: self.version,
            id: self.id,
            daemon: &self.daemon,
            routes: &self.reports.routes,
        };
        let fault = tokio::select! {
            error = self.connection.closed() => FrameError::Read(error.into()),
            fault = self.heartbeats(waiting) => fault,
            fault = self.control() => fault,
            fault = self.probes() => fault,
            fault = metrics::send(&self.connection, self.version, &self.shared, newest) => fault,
            fault = messages.run(said) => fault,
        };
        let loss = match self.connection.close_reason() {
            Some(error) => loss(&error, &self.peer),
            None => self.break_off(&fault),
        };
        let _ =
            self.reports.events.send(Event::Input(Input::Lost { connection: self.id, loss })).await;
    }

    fn break_off(&self, fault: &FrameError) -> Loss {
        let code = VarInt::from_u32(CloseCode::Protocol.code().into());
        let text = fault.to_string();
        self.connection.close(code, text.as_bytes());
        Loss::Broken { why: format!("{}: broke the protocol ({})", self.peer, scrub(&text)) }
    }

    async fn heartbeats(&self, mut waiting: mpsc::Receiver<Vec<u8>>) -> FrameError {
        let opened = open(&self.connection, self.version, StreamName::Heartbeat).await;
        let mut writer = match opened {
            Ok(writer) => writer,
            Err(fault) => return fault,
        };
        // Fails only on a stream that is finished, which this one is not.
        let _ = writer.stream().set_priority(HEARTBEAT_PRIORITY);
        while let Some(frame) = waiting.recv().await {
            let sent = match writer.queue_encoded(&frame) {
                Ok(()) => writer.flush().await,
                Err(fault) => Err(fault),
            };
            if let Err(fault) = sent {
                return fault;
            }
        }
        std::future::pending().await
    }

    async fn control(&self) -> FrameError {
        loop {
            let stream = match self.connection.accept_uni().await {
                Ok(stream) => stream,
                Err(error) => return FrameError::Read(error.into()),
            };
            let mut reader = FrameReader::new(stream, self.version);
            match reader.expect::<StreamOpen>().await {
                Ok(open) if open.stream == StreamName::Control.into() => {}
                Ok(_) => {
                    // A newer daemon's stream: not for this agent.
                    let _ = reader.stream().stop(VarInt::from_u32(0));
                    continue;
                }
                Err(fault) => return fault,
            }
            if let Err(fault) = self.follow(&mut reader).await {
                return fault;
            }
        }
    }

    async fn follow(&self, reader: &mut FrameReader) -> Result<(), FrameError> {
        while let Some((kind, body)) = reader.read().await? {
            if let Some(input) = self.understood(kind, &body)? {
                let _ = self.reports.events.send(Event::Input(input)).await;
            }
        }
        Ok(())
    }

    fn understood(&self, kind: Kind, body: &[u8]) -> Result<Option<Input>, WireError> {
        let connection = self.id;
        if kind == Kind::Echo {
            Ok(Some(Input::Echoed { connection, echo: decode(body)? }))
        } else if kind == Kind::Intervals {
            Ok(Some(Input::Intervals { connection, intervals: decode(body)? }))
        } else if kind == Kind::Policy {
            Ok(Some(Input::Policy { connection, policy: decode(body)? }))
        } else if kind == Kind::Receipt {
            self.pass_on(decode(body)?);
            Ok(None)
        } else {
            Err(WireError::Kind { expected: "control", found: kind.as_str() })
        }
    }

    /// Hands a receipt to whoever sent what it confirms. One that finds no room is as good as lost on
    /// the way: what it confirms is sent again.
    fn pass_on(&self, receipt: Receipt) {
        let (daemon, connection) = (self.daemon.clone(), self.id);
        let routes = &self.reports.routes;
        let is_passed = match receipt.kind.known() {
            Some(SequenceKind::Samples) => {
                self.reports.receipts.try_send(Receipted { daemon, connection, receipt }).is_ok()
            }
            Some(SequenceKind::Messages) => {
                routes.receipts.try_send(Receipted { daemon, connection, receipt }).is_ok()
            }
            Some(SequenceKind::Offers) => {
                let word = Word::Receipt(receipt);
                routes.decisions.try_send(Decided { daemon, connection, word }).is_ok()
            }
            // A newer daemon's kind: not for this agent.
            None => true,
        };
        if !is_passed {
            debug!(daemon = %self.daemon, "a receipt found no room");
        }
    }

    async fn probes(&self) -> FrameError {
        loop {
            let datagram = match self.connection.read_datagram().await {
                Ok(datagram) => datagram,
                Err(error) => return FrameError::Read(error.into()),
            };
            // What is no probe is dropped: datagrams promise nothing.
            if let Ok(probe) = decode_datagram::<Probe>(self.version, &datagram) {
                self.answer(probe);
            }
        }
    }

    fn answer(&self, probe: Probe) {
        let answer = ProbeAnswer {
            nonce: probe.nonce,
            instance: self.instance,
            clocks: clocks(),
            heartbeat_sequence: self.shared.counters.heartbeat.load(Ordering::Relaxed),
        };
        let sent = encode_frame(self.version, &answer).is_ok_and(|frame| {
            self.connection.datagram_send_buffer_space() >= frame.len()
                && self.connection.send_datagram(Bytes::from(frame)).is_ok()
        });
        if !sent {
            self.shared.counters.datagrams_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Opens a stream of ours and names it.
pub(in crate::shell) async fn open(
    connection: &Connection,
    version: u8,
    name: StreamName,
) -> Result<FrameWriter, FrameError> {
    let stream = connection
        .open_uni()
        .await
        .map_err(|error| FrameError::Write(WriteError::ConnectionLost(error)))?;
    let mut writer = FrameWriter::new(stream, version);
    writer.queue(&StreamOpen { stream: name.into() })?;
    Ok(writer)
}

fn loss(error: &ConnectionError, peer: &str) -> Loss {
    match error {
        ConnectionError::Reset => Loss::Reset,
        ConnectionError::TimedOut => Loss::TimedOut,
        ConnectionError::ApplicationClosed(close) => {
            let code = u16::try_from(close.error_code.into_inner()).unwrap_or(u16::MAX);
            let text = scrub(&String::from_utf8_lossy(&close.reason)).into_owned();
            Loss::Closed { code: Growing::from_code(code), text }
        }
        ConnectionError::VersionMismatch
        | ConnectionError::TransportError(_)
        | ConnectionError::ConnectionClosed(_)
        | ConnectionError::LocallyClosed
        | ConnectionError::CidsExhausted => Loss::Broken { why: explain(error, peer) },
    }
}
