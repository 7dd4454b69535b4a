//! rustls set up for Systole: TLS 1.3 with ring, mutual certificates, nothing that could be resumed.
//!
//! A resumed session would skip the check of the client's certificate, so there are no tickets, no
//! session store and no early data. Each connection gets a verifier of its own, which keeps the
//! reason of a refusal; all else is shared, so that costs next to nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;

use super::certificates::Credentials;
use super::identity::Fingerprint;
use super::verify::{DaemonVerifier, PeerVerifier, RefusalSlot, Trust};
use crate::wire::ALPN;

/// TLS could not be set up. Cannot happen with the built-in provider.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up; report this")]
pub struct TlsError {
    /// What rustls or quinn said.
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl TlsError {
    fn new(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { source: Box::new(source) }
    }
}

/// The one crypto provider of the whole tree.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));
    PROVIDER.clone()
}

/// TLS of a daemon: shows its certificate, demands an agent's or operator's.
#[derive(Debug, Clone)]
pub struct ServerTls {
    shown: Arc<SingleCertAndKey>,
    trust: Arc<Trust>,
}

impl ServerTls {
    /// TLS with `credentials`, refusing the `revoked`.
    pub fn new(credentials: &Credentials, revoked: BTreeSet<Fingerprint>) -> Self {
        Self { shown: shown(credentials), trust: Arc::new(Trust::new(credentials, revoked)) }
    }

    /// The settings of one connection and the place where its refusal is kept.
    pub(super) fn connection(&self) -> Result<(Arc<QuicServerConfig>, RefusalSlot), TlsError> {
        let slot = RefusalSlot::default();
        let verifier = PeerVerifier { trust: self.trust.clone(), slot: slot.clone() };
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(TlsError::new)?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_cert_resolver(self.shown.clone());
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        let config = QuicServerConfig::try_from(config).map_err(TlsError::new)?;
        Ok((Arc::new(config), slot))
    }
}

/// TLS of an agent or console: shows its certificate, accepts only the daemon that was asked for.
#[derive(Debug, Clone)]
pub struct ClientTls {
    shown: Arc<SingleCertAndKey>,
    trust: Arc<Trust>,
}

impl ClientTls {
    /// TLS with `credentials`, refusing the `revoked`.
    pub fn new(credentials: &Credentials, revoked: BTreeSet<Fingerprint>) -> Self {
        Self { shown: shown(credentials), trust: Arc::new(Trust::new(credentials, revoked)) }
    }

    /// The settings of one attempt and the place where its refusal is kept.
    pub(super) fn connection(&self) -> Result<(Arc<QuicClientConfig>, RefusalSlot), TlsError> {
        let slot = RefusalSlot::default();
        let verifier = DaemonVerifier { trust: self.trust.clone(), slot: slot.clone() };
        let mut config = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(TlsError::new)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(self.shown.clone());
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_early_data = false;
        let config = QuicClientConfig::try_from(config).map_err(TlsError::new)?;
        Ok((Arc::new(config), slot))
    }
}

fn shown(credentials: &Credentials) -> Arc<SingleCertAndKey> {
    Arc::new(SingleCertAndKey::from(credentials.certified.clone()))
}
