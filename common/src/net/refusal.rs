//! Why a certificate or a connection was refused, in one plain line, for logs and for people.
//!
//! [`Refusal`] is our own verdict on a peer's certificate. [`explain`] and [`explain_incoming`] turn
//! what quinn reports, on the side that dialled and on the daemon, into a sentence. Remote text in
//! them is scrubbed.

use quinn::ConnectionError;
use rustls::CertificateError;

use super::identity::{Fingerprint, Holder, IdentityError, Purpose};
use crate::ids::{FleetName, Identity};
use crate::text::scrub;
use crate::time::UnixMs;

/// Why a peer's certificate was refused. What it claims is not verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not a leaf of ours at all.
    #[error(transparent)]
    Leaf(#[from] IdentityError),
    /// Its holder has no business on this side.
    #[error(
        "the certificate of {claimed} is not accepted here; a daemon accepts agents and operators, they accept daemons"
    )]
    Role {
        /// Whom it names.
        claimed: Identity,
    },
    /// Its purpose is not its holder's.
    #[error(
        "the certificate of {claimed} is made for {purpose}; make it anew with `cargo xtask certs`"
    )]
    Purpose {
        /// Whom it names.
        claimed: Identity,
        /// What it is made for.
        purpose: Purpose,
    },
    /// Signed by a CA of ours that signs another kind of holder.
    #[error(
        "the certificate of {claimed} was signed by the {signer} CA, which may not name it; remove it and ask who made it"
    )]
    Crossed {
        /// Whom it names.
        claimed: Identity,
        /// The CA that signed it.
        signer: Holder,
    },
    /// Signed by a CA that is not ours.
    #[error(
        "the certificate that claims to be {claimed} was not signed by our CA; both sides need certificates of one and the same `cargo xtask certs` folder"
    )]
    UnknownCa {
        /// Whom it names.
        claimed: Identity,
    },
    /// The chain fails in another way.
    #[error(
        "the certificate of {claimed} cannot be verified; make it anew with `cargo xtask certs`"
    )]
    Chain {
        /// Whom it names.
        claimed: Identity,
    },
    /// It has ended.
    #[error("the certificate of {claimed} ended on {}, and it is {} here; renew it with `cargo xtask certs` or correct this clock", not_after.local(), now.local())]
    Expired {
        /// Whom it names.
        claimed: Identity,
        /// When it ended.
        not_after: UnixMs,
        /// This machine's time.
        now: UnixMs,
    },
    /// It has not begun.
    #[error("the certificate of {claimed} is valid from {}, and it is {} here; compare both clocks", not_before.local(), now.local())]
    NotYetValid {
        /// Whom it names.
        claimed: Identity,
        /// When it begins.
        not_before: UnixMs,
        /// This machine's time.
        now: UnixMs,
    },
    /// The CA itself has ended.
    #[error("the CA that signed the certificate of {claimed} ended on {}; make a new CA and new certificates", not_after.local())]
    CaExpired {
        /// Whom it names.
        claimed: Identity,
        /// When the CA ended.
        not_after: UnixMs,
    },
    /// Another installation's.
    #[error(
        "the certificate of {claimed} belongs to fleet {theirs}, this one is {ours}; copy the certificates of this fleet"
    )]
    Fleet {
        /// Whom it names.
        claimed: Identity,
        /// The fleet in the certificate.
        theirs: FleetName,
        /// The own fleet.
        ours: FleetName,
    },
    /// On the list of revoked fingerprints.
    #[error(
        "the certificate of {claimed} is revoked (tls.revoked has {fingerprint}); make it anew with `cargo xtask certs`"
    )]
    Revoked {
        /// Whom it names.
        claimed: Identity,
        /// Its fingerprint.
        fingerprint: Fingerprint,
    },
    /// A daemon of ours, but not the one that was asked for.
    #[error(
        "asked for daemon {asked}, answered by {found}; correct the name or address in the configuration"
    )]
    Name {
        /// Who answered.
        found: Identity,
        /// The configured daemon name.
        asked: String,
    },
}

impl Refusal {
    /// The rustls error whose alert tells the peer the same in one number.
    pub(super) fn tls_error(&self) -> CertificateError {
        match self {
            Self::Leaf(IdentityError::NoPurpose | IdentityError::MixedPurpose)
            | Self::Role { .. }
            | Self::Purpose { .. } => CertificateError::InvalidPurpose,
            Self::Leaf(
                IdentityError::Unreadable
                | IdentityError::IsCa
                | IdentityError::NoUri
                | IdentityError::ManyUris { .. }
                | IdentityError::Uri(_),
            )
            | Self::Chain { .. } => CertificateError::BadEncoding,
            Self::Crossed { .. } | Self::UnknownCa { .. } => CertificateError::UnknownIssuer,
            Self::Expired { .. } | Self::CaExpired { .. } => CertificateError::Expired,
            Self::NotYetValid { .. } => CertificateError::NotValidYet,
            Self::Fleet { .. } => CertificateError::ApplicationVerificationFailure,
            Self::Revoked { .. } => CertificateError::Revoked,
            Self::Name { .. } => CertificateError::NotValidForName,
        }
    }
}

/// What kind of failure a lost connection is; commands turn it into their exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answered, or the answer stopped.
    Unreachable,
    /// One side refused the other's certificate.
    Certificate,
    /// The peer closed it in the protocol's own words.
    Closed,
    /// The peer is something else or broke the protocol.
    Protocol,
}

impl Failure {
    /// The kind of `error`.
    pub fn of(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::TimedOut | ConnectionError::Reset => Self::Unreachable,
            ConnectionError::ApplicationClosed(_) | ConnectionError::LocallyClosed => Self::Closed,
            ConnectionError::TransportError(_)
            | ConnectionError::ConnectionClosed(_)
            | ConnectionError::VersionMismatch
            | ConnectionError::CidsExhausted => match alert(error) {
                Some(42..=49 | 51 | 116) => Self::Certificate,
                None if is_busy(error) => Self::Unreachable,
                Some(_) | None => Self::Protocol,
            },
        }
    }
}

/// One line for the program that dialled. `peer` names the daemon as people know it,
/// `mon-1 (10.0.0.5:5001)`.
pub fn explain(error: &ConnectionError, peer: &str) -> String {
    match error {
        ConnectionError::TimedOut => format!(
            "{peer}: no answer; check that systoled runs there, the address, and that the firewall lets UDP through"
        ),
        ConnectionError::ConnectionClosed(_) if is_busy(error) => {
            format!("{peer}: takes no new connections at the moment; try again in a few seconds")
        }
        ConnectionError::ConnectionClosed(_) => {
            format!("{peer}: {}", refused_by_daemon(alert(error)))
        }
        ConnectionError::TransportError(_) if alert(error) == Some(NO_APPLICATION_PROTOCOL) => {
            format!("{peer}: {}", refused_by_daemon(Some(NO_APPLICATION_PROTOCOL)))
        }
        _ => format!("{peer}: {}", plain(error)),
    }
}

/// One line for the daemon's log: why an incoming connection came to nothing.
pub fn explain_incoming(error: &ConnectionError) -> String {
    match (error, alert(error)) {
        (ConnectionError::TransportError(_), Some(CERTIFICATE_REQUIRED)) => {
            "no certificate was presented".to_owned()
        }
        (ConnectionError::TransportError(_), Some(NO_APPLICATION_PROTOCOL)) => {
            "the peer does not speak systole/1".to_owned()
        }
        (ConnectionError::ConnectionClosed(_), Some(number @ (42..=49 | 51))) => {
            format!(
                "the peer refused this daemon's certificate (TLS alert {number}); its own log says why"
            )
        }
        _ => plain(error),
    }
}

const CERTIFICATE_REQUIRED: u8 = 116;
const NO_APPLICATION_PROTOCOL: u8 = 120;

/// What the daemon's TLS alert means for the one who dialled.
fn refused_by_daemon(alert: Option<u8>) -> String {
    let text = match alert {
        Some(42) => {
            "cannot read from this certificate whose it is; make it anew with `cargo xtask certs`"
        }
        Some(43) => {
            "does not accept a certificate of this kind; use one that was made for this program"
        }
        Some(44) => "has revoked this certificate; make a new one with `cargo xtask certs`",
        Some(45) => {
            "finds this certificate expired or not yet valid; compare both clocks, else renew it with `cargo xtask certs`"
        }
        Some(46 | 51) => "refused this certificate; its log says why",
        Some(48) => {
            "does not trust the CA of this certificate; both sides need certificates of one and the same `cargo xtask certs` folder"
        }
        Some(49) => {
            "belongs to another fleet than this certificate; copy the certificates of its fleet"
        }
        Some(CERTIFICATE_REQUIRED) => {
            "demands a certificate and got none; set tls.cert and tls.key"
        }
        Some(NO_APPLICATION_PROTOCOL) => {
            "does not speak systole/1; check that systoled listens on that port"
        }
        Some(number) => {
            return format!("ended the TLS handshake (alert {number}); its log says why");
        }
        None => "ended the connection; its log says why",
    };
    text.to_owned()
}

fn plain(error: &ConnectionError) -> String {
    match error {
        ConnectionError::VersionMismatch => "speaks another version of QUIC".to_owned(),
        ConnectionError::TransportError(error) => {
            format!("broke the protocol ({})", scrub(&error.to_string()))
        }
        ConnectionError::ConnectionClosed(close) => {
            format!("ended the connection ({})", scrub(&close.to_string()))
        }
        ConnectionError::ApplicationClosed(close) => {
            let reason = String::from_utf8_lossy(&close.reason);
            if reason.is_empty() {
                format!("closed the connection (code {})", close.error_code)
            } else {
                format!("closed the connection: {}", scrub(&reason))
            }
        }
        ConnectionError::Reset => "no longer knows this connection; it was restarted".to_owned(),
        ConnectionError::TimedOut => "stopped answering".to_owned(),
        ConnectionError::LocallyClosed => "the connection was closed here".to_owned(),
        ConnectionError::CidsExhausted => "has no connection ids left".to_owned(),
    }
}

/// The TLS alert in a QUIC error code, ours or the peer's.
fn alert(error: &ConnectionError) -> Option<u8> {
    let code = match error {
        ConnectionError::TransportError(error) => u64::from(error.code),
        ConnectionError::ConnectionClosed(close) => u64::from(close.error_code),
        _ => return None,
    };
    code.checked_sub(0x100).and_then(|alert| u8::try_from(alert).ok())
}

fn is_busy(error: &ConnectionError) -> bool {
    matches!(error, ConnectionError::ConnectionClosed(close)
        if close.error_code == quinn::TransportErrorCode::CONNECTION_REFUSED)
}
