//! Decides whether a peer's certificate lets it speak: the two rustls verifiers and their one rule.
//!
//! A leaf must be signed directly by the issuing CA of the kind of holder that it names; there is no
//! crossing. Purpose, fleet, revocation and, for daemons, the name are checked here as well, since
//! webpki does not. Why a peer was refused is kept in a [`RefusalSlot`], one for each connection.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::verify_tls13_signature;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::certificates::Credentials;
use super::identity::{Fingerprint, Holder, Leaf, Purpose, parse_leaf, validity};
use super::limits::ANCHORS_PER_CA_MAX;
use super::refusal::Refusal;
use super::tls::provider;
use crate::ids::{FleetName, Identity};
use crate::time::UnixMs;

/// The issuing CA of one kind of holder, trusted for exactly that kind.
#[derive(Debug, Clone)]
pub struct Anchor {
    /// Whose certificates it signs.
    pub holder: Holder,
    /// Its file.
    pub path: PathBuf,
    /// Last instant of its validity; of several, the latest.
    pub not_after: UnixMs,
    roots: Arc<RootCertStore>,
    clients: Arc<dyn ClientCertVerifier>,
}

/// How a chain fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChainFault {
    /// Signed by another CA.
    Foreign,
    /// Ended.
    Expired,
    /// Not begun.
    NotYetValid,
    /// For another purpose.
    Purpose,
    /// Anything else that webpki finds.
    Other,
}

impl Anchor {
    /// An anchor from a CA file's certificates; `None` if they are none, too many or not readable.
    pub(super) fn new(
        holder: Holder,
        path: PathBuf,
        certificates: &[CertificateDer<'static>],
    ) -> Option<Self> {
        if certificates.len() > ANCHORS_PER_CA_MAX {
            return None;
        }
        let mut roots = RootCertStore::empty();
        let mut not_after = UnixMs(i64::MIN);
        for certificate in certificates {
            roots.add(certificate.clone()).ok()?;
            not_after = not_after.max(validity(certificate).ok()?.1);
        }
        let roots = Arc::new(roots);
        let clients =
            WebPkiClientVerifier::builder_with_provider(roots.clone(), provider()).build().ok()?;
        Some(Self { holder, path, not_after, roots, clients })
    }

    /// Whether this CA signed `leaf` directly, for this holder's purpose and for `now`.
    pub(super) fn check_chain(
        &self,
        leaf: &CertificateDer<'_>,
        now: UnixMs,
    ) -> Result<(), ChainFault> {
        let now_ms = u64::try_from(now.0).unwrap_or(0);
        let at = UnixTime::since_unix_epoch(Duration::from_millis(now_ms));
        let result = match self.holder.purpose() {
            Purpose::Client => self.clients.verify_client_cert(leaf, &[], at).map(|_| ()),
            Purpose::Server => ParsedCertificate::try_from(leaf).and_then(|parsed| {
                let algorithms = provider().signature_verification_algorithms.all;
                verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, &[], at, algorithms)
            }),
        };
        result.map_err(|error| chain_fault(&error))
    }
}

fn chain_fault(error: &Error) -> ChainFault {
    let Error::InvalidCertificate(fault) = error else {
        return ChainFault::Other;
    };
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => ChainFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ChainFault::NotYetValid
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => ChainFault::Foreign,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            ChainFault::Purpose
        }
        _ => ChainFault::Other,
    }
}

/// Why the peer of one connection was refused, if it was. Shared by verifier and endpoint.
#[derive(Debug, Clone, Default)]
pub(super) struct RefusalSlot(Arc<Mutex<Option<Refusal>>>);

impl RefusalSlot {
    /// The refusal, if the certificate was refused.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, refusal: Refusal) -> Error {
        let error = Error::InvalidCertificate(refusal.tls_error());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
        error
    }
}

/// What a program requires of its peers' certificates.
#[derive(Debug)]
pub(super) struct Trust {
    fleet: FleetName,
    anchors: Vec<Anchor>,
    revoked: BTreeSet<Fingerprint>,
}

impl Trust {
    pub(super) fn new(credentials: &Credentials, revoked: BTreeSet<Fingerprint>) -> Self {
        Self {
            fleet: credentials.leaf.fleet.clone(),
            anchors: credentials.anchors.clone(),
            revoked,
        }
    }

    /// The one rule. What it returns is no longer a claim.
    fn judge(&self, der: &CertificateDer<'_>, now: UnixMs) -> Result<Leaf, Refusal> {
        let leaf = parse_leaf(der)?;
        let claimed = leaf.identity.clone();
        let holder = Holder::of(&claimed);
        let Some(anchor) = self.anchors.iter().find(|anchor| anchor.holder == holder) else {
            return Err(Refusal::Role { claimed });
        };
        if leaf.purpose != holder.purpose() {
            return Err(Refusal::Purpose { claimed, purpose: leaf.purpose });
        }
        anchor.check_chain(der, now).map_err(|fault| match fault {
            ChainFault::Expired => {
                Refusal::Expired { claimed: claimed.clone(), not_after: leaf.not_after, now }
            }
            ChainFault::NotYetValid => {
                Refusal::NotYetValid { claimed: claimed.clone(), not_before: leaf.not_before, now }
            }
            ChainFault::Foreign => self.foreign(der, now, claimed.clone()),
            ChainFault::Purpose | ChainFault::Other => Refusal::Chain { claimed: claimed.clone() },
        })?;
        if now > anchor.not_after {
            return Err(Refusal::CaExpired { claimed, not_after: anchor.not_after });
        }
        if leaf.fleet != self.fleet {
            return Err(Refusal::Fleet { claimed, theirs: leaf.fleet, ours: self.fleet.clone() });
        }
        if self.revoked.contains(&leaf.fingerprint) {
            return Err(Refusal::Revoked { claimed, fingerprint: leaf.fingerprint });
        }
        Ok(leaf)
    }

    /// Tells a CA that is ours but for another role from one that is not ours.
    fn foreign(&self, der: &CertificateDer<'_>, now: UnixMs, claimed: Identity) -> Refusal {
        let signer = self.anchors.iter().find(|anchor| anchor.check_chain(der, now).is_ok());
        match signer {
            Some(signer) => Refusal::Crossed { claimed, signer: signer.holder },
            None => Refusal::UnknownCa { claimed },
        }
    }
}

/// What the daemon asks of agents and operators.
#[derive(Debug)]
pub(super) struct PeerVerifier {
    pub(super) trust: Arc<Trust>,
    pub(super) slot: RefusalSlot,
}

impl ClientCertVerifier for PeerVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match self.trust.judge(end_entity, unix_ms(now)) {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(refusal) => Err(self.slot.put(refusal)),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(only_tls13())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// What agents and consoles ask of a daemon; the TLS server name is the daemon's configured name.
#[derive(Debug)]
pub(super) struct DaemonVerifier {
    pub(super) trust: Arc<Trust>,
    pub(super) slot: RefusalSlot,
}

impl DaemonVerifier {
    fn judge(
        &self,
        der: &CertificateDer<'_>,
        server_name: &ServerName<'_>,
        now: UnixMs,
    ) -> Result<(), Refusal> {
        let leaf = self.trust.judge(der, now)?;
        let asked = server_name.to_str();
        let is_named = matches!(&leaf.identity, Identity::Daemon(name) if name.as_str() == asked);
        let parsed = ParsedCertificate::try_from(der);
        let has_dns = parsed.is_ok_and(|parsed| verify_server_name(&parsed, server_name).is_ok());
        if is_named && has_dns {
            return Ok(());
        }
        Err(Refusal::Name { found: leaf.identity, asked: asked.into_owned() })
    }
}

impl ServerCertVerifier for DaemonVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.judge(end_entity, server_name, unix_ms(now)) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(refusal) => Err(self.slot.put(refusal)),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(only_tls13())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

fn only_tls13() -> Error {
    Error::General("only TLS 1.3 is spoken".to_owned())
}

fn unix_ms(now: UnixTime) -> UnixMs {
    UnixMs(i64::try_from(now.as_secs().saturating_mul(1_000)).unwrap_or(i64::MAX))
}
