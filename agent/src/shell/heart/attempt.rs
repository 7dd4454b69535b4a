//! One attempt: look the address up, dial from a new socket, say hello, read the answer.
//!
//! It ends with exactly one event. It is bounded by the engine, which gives it up by dropping it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use quinn::{Connection, VarInt, WriteError};
use systole_common::ids::{BootId, DaemonName, InstanceId, SpoolEpoch};
use systole_common::model::coded::Coded;
use systole_common::net::endpoint::{ClientEndpoint, EndpointError};
use systole_common::net::framed::{FrameError, FrameReader, FrameWriter};
use systole_common::net::handshake::Unconnected;
use systole_common::net::refusal::{Failure, explain};
use systole_common::net::tls::ClientTls;
use systole_common::text::scrub;
use systole_common::wire::hello::{
    CloseCode, Hello, HelloAnswer, Purpose, Refusal, StreamName, StreamOpen,
};
use systole_common::wire::{VERSION_MAX, VERSION_MIN};
use tokio::net::lookup_host;
use tokio::sync::mpsc;

use super::Event;
use super::endpoints::Endpoints;
use crate::engine::input::{Accepted, ConnectionId, DaemonAddress, Input};
use crate::engine::summary::ABANDONED;
use crate::limits::KEEP_ALIVE;
use crate::shell::clocks::clocks;

/// What a hello says of this start of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introduction {
    /// This start.
    pub instance: InstanceId,
    /// This boot.
    pub boot_id: BootId,
    /// The spool's epoch.
    pub spool_epoch: SpoolEpoch,
    /// The system's name.
    pub os: String,
    /// The labels, by their keys.
    pub labels: Vec<(String, String)>,
}

impl Introduction {
    /// What is said now on a connection of this purpose.
    pub(in crate::shell) fn hello(&self, purpose: Purpose) -> Hello {
        Hello {
            version_min: VERSION_MIN,
            version_max: VERSION_MAX,
            software: env!("CARGO_PKG_VERSION").to_owned(),
            purpose: purpose.into(),
            instance: self.instance,
            boot_id: self.boot_id,
            spool_epoch: self.spool_epoch,
            clocks: clocks(),
            os: self.os.clone(),
            labels: self.labels.clone(),
        }
    }
}

/// What an attempt needs.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) id: ConnectionId,
    pub(super) daemon: DaemonAddress,
    pub(super) tls: ClientTls,
    pub(super) introduction: Introduction,
    pub(super) endpoints: Arc<Endpoints>,
    pub(super) events: mpsc::Sender<Event>,
}

/// A connection whose hello was accepted.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) daemon: DaemonName,
    pub(super) address: SocketAddr,
    pub(super) tls: ClientTls,
    pub(super) connection: Unused,
    pub(super) endpoint: Arc<ClientEndpoint>,
    /// The negotiated version.
    pub(super) version: u8,
    /// The daemon and its address, for messages.
    pub(super) peer: String,
    pub(super) accepted: Accepted,
}

/// A connection that is closed with a reason unless somebody takes it into use.
#[derive(Debug)]
pub(super) struct Unused {
    connection: Connection,
    is_used: bool,
}

impl Unused {
    /// Takes the connection into use.
    pub(super) fn take(mut self) -> Connection {
        self.is_used = true;
        self.connection.clone()
    }
}

impl Drop for Unused {
    fn drop(&mut self) {
        if !self.is_used {
            // No goodbye: that would say that the host leaves.
            let code = VarInt::from_u32(CloseCode::Replaced.code().into());
            self.connection.close(code, ABANDONED.as_bytes());
        }
    }
}

/// Why an attempt came to nothing.
#[derive(Debug, thiserror::Error)]
pub(in crate::shell) enum AttemptError {
    #[error(
        "the name in {address} cannot be looked up ({source}); check `daemons` and the name server"
    )]
    LookUp { address: String, source: io::Error },
    #[error("the name in {address} has no address; check `daemons`")]
    NoAddress { address: String },
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error(transparent)]
    Unconnected(#[from] Unconnected),
    #[error("{text}")]
    Lost { text: String, refused: bool },
    #[error("{peer}: broke the protocol ({source})")]
    Frame { peer: String, source: FrameError },
    #[error(
        "{peer}: chose protocol version {version}, this agent speaks {VERSION_MIN} to {VERSION_MAX}; update one of both"
    )]
    Version { peer: String, version: u8 },
}

impl AttemptError {
    /// Whether one side refused the other's certificate.
    fn is_refusal(&self) -> bool {
        match self {
            Self::Unconnected(error) => error.failure() == Failure::Certificate,
            Self::Lost { refused, .. } => *refused,
            Self::LookUp { .. }
            | Self::NoAddress { .. }
            | Self::Endpoint(_)
            | Self::Frame { .. }
            | Self::Version { .. } => false,
        }
    }

    /// What a frame that did not come or go means for the attempt.
    pub(in crate::shell) fn frame(peer: &str, source: FrameError) -> Self {
        match source.connection() {
            Some(error) => Self::Lost {
                text: explain(error, peer),
                refused: Failure::of(error) == Failure::Certificate,
            },
            None => Self::Frame { peer: peer.to_owned(), source },
        }
    }
}

impl Attempt {
    /// Carries the attempt out and reports it.
    pub(super) async fn run(self) {
        let connection = self.id;
        let event = match self.connect().await {
            Ok(Ok(opened)) => Event::Opened { id: connection, opened: Box::new(opened) },
            Ok(Err(refusal)) => Event::Input(Input::Refused { connection, refusal }),
            Err(error) => {
                let refused = error.is_refusal();
                Event::Input(Input::Failed { connection, why: error.to_string(), refused })
            }
        };
        // The loop is gone only at the end of the program, when nobody cares any more.
        let _ = self.events.send(event).await;
    }

    async fn connect(&self) -> Result<Result<Opened, Refusal>, AttemptError> {
        let address = self.look_up().await?;
        let endpoint = self.endpoints.fresh(address)?;
        let name = &self.daemon.name;
        let dialled = endpoint.dial(&self.tls, name, address, Some(KEEP_ALIVE)).await?;
        let connection = Unused { connection: dialled, is_used: false };
        let _ = self.events.send(Event::Input(Input::Answering { connection: self.id })).await;
        let peer = format!("{name} ({address})");
        let hello = self.introduction.hello(Purpose::Main);
        let answer = say_hello(&connection.connection, &hello)
            .await
            .map_err(|error| AttemptError::frame(&peer, error))?;
        let answer = match checked(answer)
            .map_err(|version| AttemptError::Version { peer: peer.clone(), version })?
        {
            Ok(answer) => answer,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let accepted = Accepted {
            daemon: answer.instance,
            policy: answer.policy,
            remote: address.to_string(),
        };
        let (daemon, tls, version) = (name.clone(), self.tls.clone(), answer.version);
        Ok(Ok(Opened { daemon, address, tls, connection, endpoint, version, peer, accepted }))
    }

    /// One of the name's addresses, another one at each attempt.
    async fn look_up(&self) -> Result<SocketAddr, AttemptError> {
        let address = &self.daemon.address;
        let found = lookup_host(address.as_str()).await;
        let found: Vec<SocketAddr> = found
            .map_err(|source| AttemptError::LookUp { address: address.clone(), source })?
            .collect();
        let turn = usize::try_from(self.id.0).unwrap_or(0).checked_rem(found.len());
        turn.and_then(|turn| found.get(turn))
            .copied()
            .ok_or_else(|| AttemptError::NoAddress { address: address.clone() })
    }
}

/// Says hello on a fresh connection; the daemon's answer.
pub(in crate::shell) async fn say_hello(
    connection: &Connection,
    hello: &Hello,
) -> Result<HelloAnswer, FrameError> {
    let (send, receive) = connection
        .open_bi()
        .await
        .map_err(|error| FrameError::Write(WriteError::ConnectionLost(error)))?;
    let mut writer = FrameWriter::new(send, 0);
    writer.queue(&StreamOpen { stream: StreamName::Hello.into() })?;
    writer.queue(hello)?;
    writer.flush().await?;
    let mut reader = FrameReader::new(receive, 0);
    let answer: HelloAnswer = reader.expect().await?;
    match writer.stream().finish() {
        Ok(()) | Err(_) => Ok(answer),
    }
}

/// The answer, or the refusal; an error is a version that we do not speak.
pub(in crate::shell) fn checked(answer: HelloAnswer) -> Result<Result<HelloAnswer, Refusal>, u8> {
    if let Some(refusal) = answer.refused {
        let text = scrub(&refusal.text).into_owned();
        return Ok(Err(Refusal { text, ..refusal }));
    }
    let is_spoken = (VERSION_MIN..=VERSION_MAX).contains(&answer.version);
    if is_spoken { Ok(Ok(answer)) } else { Err(answer.version) }
}
