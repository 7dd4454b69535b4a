//! A connection to a daemon that welcomed this console, and every way in which it can fail.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use quinn::Connection;
use systole_common::exit::Exit;
use systole_common::model::coded::Growing;
use systole_common::net::endpoint::EndpointError;
use systole_common::net::framed::{FrameError, FrameReader, FrameWriter};
use systole_common::net::handshake::Unconnected;
use systole_common::net::refusal::{Failure, explain};
use systole_common::text::scrub;
use systole_common::wire::codec::{Body, WireError};
use systole_common::wire::hello::{CloseCode, Refusal, RefusalCode, StreamName, StreamOpen};
use tokio::time::{sleep, timeout};

use super::dial::{close_code, is_certificate};
use super::reply::Reply;
use crate::config::DaemonPlace;
use crate::limits::{FAREWELL_LOOK, FAREWELL_MAX};
use crate::model::freshness::Refused;

/// Why there is no link, or why it said no.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The address is no address.
    #[error("{place}: the address is not found ({source}); check `daemons` in the configuration")]
    Resolve {
        /// The daemon.
        place: DaemonPlace,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody answered in time.
    #[error("{} at {address}: no answer within {} ms; check that systoled runs there, the address, and that the firewall lets UDP through", place.name, waited.as_millis())]
    Silent {
        /// The daemon.
        place: DaemonPlace,
        /// Its address.
        address: SocketAddr,
        /// How long it had.
        waited: Duration,
    },
    /// No socket to dial from.
    #[error(transparent)]
    Endpoint(Box<EndpointError>),
    /// The handshake failed.
    #[error(transparent)]
    Unconnected(Box<Unconnected>),
    /// The connection ended.
    #[error("{sentence}")]
    Lost {
        /// What happened, made by `common`.
        sentence: String,
        /// What kind of failure it is.
        failure: Failure,
    },
    /// The daemon refused the hello or a request.
    #[error("{}: {}", place.name, scrub(&refusal.text))]
    Refused {
        /// The daemon.
        place: DaemonPlace,
        /// Why.
        refusal: Refusal,
    },
    /// The daemon chose a protocol version that we did not offer.
    #[error("{}: chose protocol version {version}, which this console does not speak; report this", place.name)]
    Version {
        /// The daemon.
        place: DaemonPlace,
        /// The version.
        version: u8,
    },
    /// A stream broke or held nonsense.
    #[error("{}: {source}; report this if it lasts", place.name)]
    Frame {
        /// The daemon.
        place: DaemonPlace,
        /// What happened.
        source: FrameError,
    },
    /// A reply stopped in the middle.
    #[error("{}: accepted the request and then said nothing for {} s; look at its log", place.name, waited.as_secs())]
    NoReply {
        /// The daemon.
        place: DaemonPlace,
        /// How long it had.
        waited: Duration,
    },
    /// A reply has more than any fleet.
    #[error("{}: the reply has more than {records_max} records; narrow the question", place.name)]
    TooMuch {
        /// The daemon.
        place: DaemonPlace,
        /// The limit.
        records_max: usize,
    },
    /// Several daemons, each with its own reason.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Several(Vec<LinkError>),
}

impl LinkError {
    /// One error from those of all daemons.
    pub fn all(mut errors: Vec<Self>) -> Self {
        if errors.len() > 1 {
            return Self::Several(errors);
        }
        errors.pop().unwrap_or(Self::Several(Vec::new()))
    }

    /// The stream or connection to `place` broke.
    pub fn lost(place: &DaemonPlace, address: SocketAddr, error: FrameError) -> Self {
        match error.connection() {
            Some(cause) => Self::Lost {
                sentence: explain(cause, &format!("{} ({address})", place.name)),
                failure: Failure::of(cause),
            },
            None => Self::Frame { place: place.clone(), source: error },
        }
    }

    /// How a command ends because of it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Resolve { .. }
            | Self::Silent { .. }
            | Self::NoReply { .. }
            | Self::Frame { .. } => Exit::Unreachable,
            Self::Endpoint(_) | Self::TooMuch { .. } => Exit::Failed,
            Self::Unconnected(error) => failure_exit(error.failure()),
            Self::Lost { failure, .. } => failure_exit(*failure),
            Self::Refused { refusal, .. } => refusal_exit(refusal.code),
            Self::Version { .. } => Exit::Bug,
            Self::Several(errors) => errors.iter().map(Self::exit).fold(Exit::Done, Exit::worse),
        }
    }

    /// Whether the daemon knows nothing of the kind that was asked for.
    pub fn is_not_found(&self) -> bool {
        if let Self::Refused { refusal, .. } = self {
            refusal.code == RefusalCode::NotFound.into()
        } else {
            false
        }
    }

    /// Why trying again alone cannot help; `None` if it may. Of several daemons all must have said no.
    pub fn refused(&self) -> Option<Refused> {
        match self {
            Self::Unconnected(error) => certificate(error.failure()),
            Self::Lost { failure, .. } => certificate(*failure),
            Self::Refused { refusal, .. } => refusal.code.known().and_then(refused_for),
            Self::Version { .. } => Some(Refused::Version),
            Self::Several(errors) => {
                let each: Option<Vec<Refused>> = errors.iter().map(Self::refused).collect();
                each.and_then(|each| each.first().copied())
            }
            Self::Resolve { .. }
            | Self::Silent { .. }
            | Self::Endpoint(_)
            | Self::Frame { .. }
            | Self::NoReply { .. }
            | Self::TooMuch { .. } => None,
        }
    }

    /// How long the daemon told us to stay away.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { refusal, .. } if refusal.retry_after_ms > 0 => {
                Some(Duration::from_millis(refusal.retry_after_ms.into()))
            }
            Self::Several(errors) => errors.iter().filter_map(Self::retry_after).min(),
            Self::Refused { .. }
            | Self::Resolve { .. }
            | Self::Silent { .. }
            | Self::Endpoint(_)
            | Self::Unconnected(_)
            | Self::Lost { .. }
            | Self::Version { .. }
            | Self::Frame { .. }
            | Self::NoReply { .. }
            | Self::TooMuch { .. } => None,
        }
    }
}

fn failure_exit(failure: Failure) -> Exit {
    if is_certificate(failure) { Exit::Refused } else { Exit::Unreachable }
}

fn certificate(failure: Failure) -> Option<Refused> {
    is_certificate(failure).then_some(Refused::Certificate)
}

fn refused_for(code: RefusalCode) -> Option<Refused> {
    match code {
        RefusalCode::Version => Some(Refused::Version),
        RefusalCode::Revoked => Some(Refused::Certificate),
        RefusalCode::Role
        | RefusalCode::Conflict
        | RefusalCode::Instance
        | RefusalCode::Protocol
        | RefusalCode::NotFound
        | RefusalCode::State
        | RefusalCode::Invalid
        | RefusalCode::Storage => Some(Refused::Daemon),
        RefusalCode::Stopping | RefusalCode::Overload => None,
    }
}

fn refusal_exit(code: Growing<RefusalCode>) -> Exit {
    match code {
        Growing::Known(RefusalCode::Role | RefusalCode::Revoked) => Exit::Refused,
        Growing::Known(RefusalCode::Stopping) => Exit::Unreachable,
        Growing::Known(
            RefusalCode::Version
            | RefusalCode::Conflict
            | RefusalCode::Instance
            | RefusalCode::Overload
            | RefusalCode::Protocol
            | RefusalCode::NotFound
            | RefusalCode::State
            | RefusalCode::Invalid
            | RefusalCode::Storage,
        )
        | Growing::Unknown(_) => Exit::Failed,
    }
}

/// What a daemon said when it welcomed us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// Its name, from its certificate.
    pub daemon: String,
    /// The address it was reached at.
    pub address: String,
    /// The own role there.
    pub role: String,
    /// Its software version.
    pub software: String,
    /// The protocol version.
    pub version: u8,
}

/// A connection to a daemon that welcomed us.
#[derive(Debug)]
pub struct Link {
    connection: Connection,
    place: DaemonPlace,
    /// What the daemon said.
    pub welcome: Welcome,
}

impl Link {
    pub(super) fn new(connection: Connection, place: DaemonPlace, welcome: Welcome) -> Self {
        Self { connection, place, welcome }
    }

    /// Asks, on a stream of its own.
    pub async fn ask<B: Body>(&self, request: &B) -> Result<Reply<'_>, LinkError> {
        let lost = |error| self.lost(error);
        let opened = self.connection.open_bi().await;
        let (send, receive) =
            opened.map_err(|error| lost(quinn::WriteError::from(error).into()))?;
        let mut writer = FrameWriter::new(send, self.welcome.version);
        let reader = FrameReader::new(receive, self.welcome.version);
        writer.queue(&StreamOpen { stream: StreamName::Request.into() }).map_err(lost)?;
        writer.queue(request).map_err(lost)?;
        writer.flush().await.map_err(lost)?;
        // The daemon may have closed it already; then its reply says why.
        let _ = writer.stream().finish();
        Ok(Reply::new(self, reader))
    }

    /// Waits for the stream that the daemon opens for the feed.
    pub async fn feed_stream(&self) -> Result<FrameReader, LinkError> {
        let accepted = self.connection.accept_uni().await;
        let receive = accepted.map_err(|error| self.lost(quinn::ReadError::from(error).into()))?;
        let mut reader = FrameReader::new(receive, self.welcome.version);
        let open: StreamOpen = reader.expect().await.map_err(|error| self.lost(error))?;
        match open.stream {
            Growing::Known(StreamName::Feed) => Ok(reader),
            Growing::Known(_) | Growing::Unknown(_) => {
                let fault = WireError::Kind { expected: "feed stream", found: "other stream" };
                Err(self.lost(fault.into()))
            }
        }
    }

    /// Smoothed round trip.
    pub fn rtt(&self) -> Duration {
        self.connection.rtt()
    }

    /// The daemon, for errors.
    pub fn place(&self) -> &DaemonPlace {
        &self.place
    }

    /// What a broken stream means.
    pub fn lost(&self, error: FrameError) -> LinkError {
        LinkError::lost(&self.place, self.connection.remote_address(), error)
    }

    /// Says goodbye, so that the daemon need not wait for a time-out.
    pub async fn farewell(&self) {
        let sent = || self.connection.stats().udp_tx.datagrams;
        self.connection.close(close_code(CloseCode::Goodbye), b"");
        // From here on nothing is sent but the goodbye. If it was quicker than this, that costs a moment.
        let before = sent();
        let gone = async {
            while sent() == before {
                sleep(FAREWELL_LOOK).await;
            }
            // It is counted just before it is handed to the system.
            sleep(FAREWELL_LOOK).await;
        };
        let _ = timeout(FAREWELL_MAX, gone).await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.connection.close(close_code(CloseCode::Goodbye), b"");
    }
}
