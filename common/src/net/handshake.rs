//! How a handshake ends when it fails: on the daemon, and on the side that dialled.
//!
//! Both carry the reason for people; which messages the peer may then send is decided elsewhere.

use std::fmt;

use quinn::{Connection, ConnectionError};
use rustls_pki_types::CertificateDer;

use super::endpoint::EndpointError;
use super::identity::{Leaf, parse_leaf};
use super::refusal::{Failure, Refusal, explain, explain_incoming};

/// An incoming connection that came to nothing. Prints as the one line for the daemon's log.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// What quinn reports.
    pub error: ConnectionError,
    /// Our verdict on the peer's certificate, if that was it.
    pub refusal: Option<Refusal>,
}

impl Rejected {
    pub(super) fn new(error: ConnectionError, refusal: Option<Refusal>) -> Self {
        Self { error, refusal }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.refusal {
            Some(refusal) => refusal.fmt(f),
            None => f.write_str(&explain_incoming(&self.error)),
        }
    }
}

impl std::error::Error for Rejected {}

/// An attempt that came to nothing. Prints as one line that names the daemon.
#[derive(Debug)]
pub enum Unconnected {
    /// It could not even begin.
    Local(EndpointError),
    /// The daemon was not reached, refused us, or was refused.
    Peer {
        /// What quinn reports.
        error: ConnectionError,
        /// Our verdict on the daemon's certificate, if that was it.
        refusal: Option<Refusal>,
        /// The daemon and its address.
        peer: String,
    },
}

impl Unconnected {
    /// What kind of failure it is; commands turn it into their exit code.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Local(_) => Failure::Unreachable,
            Self::Peer { error, .. } => Failure::of(error),
        }
    }
}

impl fmt::Display for Unconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(error) => error.fmt(f),
            Self::Peer { refusal: Some(refusal), peer, .. } => write!(f, "{peer}: {refusal}"),
            Self::Peer { error, peer, refusal: None } => f.write_str(&explain(error, peer)),
        }
    }
}

impl std::error::Error for Unconnected {}

/// Who is at the other end, from the certificate that the handshake verified.
pub fn peer(connection: &Connection) -> Option<Leaf> {
    let chain = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    parse_leaf(chain.first()?).ok()
}
