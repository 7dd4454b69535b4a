//! The messages stream of one connection: what this host says and offers, what it is told.
//!
//! Both directions go on independently of the heartbeats and below their priority. Whoever takes what
//! comes may be slow: then only this stream waits.

use quinn::{Connection, ReadError, RecvStream, WriteError};
use systole_common::ids::DaemonName;
use systole_common::net::framed::{FrameError, FrameReader, FrameWriter};
use systole_common::wire::codec::{WireError, decode};
use systole_common::wire::hello::{StreamName, StreamOpen};
use systole_common::wire::kind::Kind;
use tokio::sync::mpsc;
use tracing::debug;

use crate::engine::input::ConnectionId;
use crate::shell::talk::outlet::{Arrived, Decided, Outgoing, Routes, Word};

/// Priority of the messages stream: after heartbeats (10) and metrics (0).
const MESSAGES_PRIORITY: i32 = -1;

/// The messages stream of a connection.
pub(super) struct Messages<'a> {
    pub(super) connection: &'a Connection,
    pub(super) version: u8,
    pub(super) id: ConnectionId,
    pub(super) daemon: &'a DaemonName,
    pub(super) routes: &'a Routes,
}

impl Messages<'_> {
    /// Sends and receives until the connection breaks.
    pub(super) async fn run(self, outgoing: mpsc::Receiver<Outgoing>) -> FrameError {
        let fault = match self.open().await {
            Ok((writer, receive)) => {
                let reader = FrameReader::new(receive, self.version);
                tokio::select! {
                    fault = send(writer, outgoing) => fault,
                    fault = self.receive(reader) => fault,
                }
            }
            Err(fault) => fault,
        };
        if is_only_the_stream(&fault) {
            // A daemon that takes no messages is no reason to lose its heartbeats.
            debug!(daemon = %self.daemon, %fault, "the messages stream ended");
            std::future::pending::<()>().await;
        }
        fault
    }

    async fn open(&self) -> Result<(FrameWriter, RecvStream), FrameError> {
        let opened = self.connection.open_bi().await;
        let lost = |error| FrameError::Write(WriteError::ConnectionLost(error));
        let (send, receive) = opened.map_err(lost)?;
        let mut writer = FrameWriter::new(send, self.version);
        // Fails only on a stream that is finished, which this one is not.
        let _ = writer.stream().set_priority(MESSAGES_PRIORITY);
        writer.write(&StreamOpen { stream: StreamName::Messages.into() }).await?;
        Ok((writer, receive))
    }

    async fn receive(&self, mut reader: FrameReader) -> FrameError {
        loop {
            let taken = match reader.read().await {
                Ok(Some((kind, body))) => self.take(kind, &body).await,
                Ok(None) => Err(FrameError::Ended { expected: "delivery" }),
                Err(fault) => Err(fault),
            };
            if let Err(fault) = taken {
                return fault;
            }
        }
    }

    /// Hands a frame on, and waits until there is room for it.
    async fn take(&self, kind: Kind, body: &[u8]) -> Result<(), FrameError> {
        let daemon = self.daemon.clone();
        // The other threads are gone only at the end of the program.
        if kind == Kind::Delivery {
            let arrived = Arrived { daemon, delivery: decode(body)? };
            let _ = self.routes.arrivals.send(arrived).await;
            Ok(())
        } else if kind == Kind::Decision {
            let word = Word::Decision(decode(body)?);
            let decided = Decided { daemon, connection: self.id, word };
            let _ = self.routes.decisions.send(decided).await;
            Ok(())
        } else {
            Err(WireError::Kind { expected: "messages", found: kind.as_str() }.into())
        }
    }
}

async fn send(mut writer: FrameWriter, mut outgoing: mpsc::Receiver<Outgoing>) -> FrameError {
    while let Some(frame) = outgoing.recv().await {
        let sent = match frame.queue(&mut writer) {
            Ok(()) => writer.flush().await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = sent {
            return fault;
        }
    }
    std::future::pending().await
}

/// Whether the daemon ended this stream, and nothing else is wrong.
fn is_only_the_stream(fault: &FrameError) -> bool {
    match fault {
        FrameError::Ended { .. }
        | FrameError::Read(ReadError::Reset(_))
        | FrameError::Write(WriteError::Stopped(_)) => true,
        FrameError::Wire(_)
        | FrameError::CutShort
        | FrameError::Read(_)
        | FrameError::Write(_)
        | FrameError::Full => false,
    }
}
