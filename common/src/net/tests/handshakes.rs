//! Real handshakes on loopback: who gets in, who does not, and what both sides are told.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connecting, ConnectionError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, SanType};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::pki::{Pair, Pki, usage, valid};
use crate::ids::DaemonName;
use crate::net::certificates::Credentials;
use crate::net::endpoint::{
    ClientEndpoint, EndpointKeys, ServerEndpoint, client_endpoint, server_endpoint,
};
use crate::net::identity::{Fingerprint, Holder, Leaf, Purpose};
use crate::net::refusal::{Failure, explain};
use crate::net::socket::local_for;
use crate::net::tls::{ClientTls, ServerTls, provider};
use crate::net::verify::{RefusalSlot, Trust};

const DAEMON: &str = "spiffe://systole/daemon/mon-1";
const AGENT: &str = "spiffe://systole/agent/web-1";
const ADMIN: &str = "spiffe://systole/operator/admin/lead";

pub(super) fn certified(pair: &Pair) -> CertifiedKey {
    let chain = CertificateDer::pem_slice_iter(pair.cert.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    CertifiedKey::new(chain, provider().key_provider.load_private_key(key).unwrap())
}

pub(super) fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

pub(super) fn daemon(credentials: &Credentials) -> ServerEndpoint {
    let keys = EndpointKeys::generate().unwrap();
    server_endpoint(loopback(), ServerTls::new(credentials, BTreeSet::new()), &keys).unwrap()
}

pub(super) fn client(server: &ServerEndpoint) -> (ClientEndpoint, SocketAddr) {
    let address = server.endpoint().local_addr().unwrap();
    (client_endpoint(local_for(address)).unwrap(), address)
}

/// How a connection ended, as the daemon's log and the program that dialled say it.
type Ends = (Result<Leaf, String>, (Failure, String));

/// What the daemon concludes about the next connection.
async fn received(server: &ServerEndpoint) -> Result<Leaf, String> {
    let incoming = server.endpoint().accept().await.unwrap();
    let (connection, leaf) =
        server.admit(incoming).await.map_err(|rejected| rejected.to_string())?;
    connection.close(7_u32.into(), b"seen");
    Ok(leaf)
}

/// What an attempt with `tls` ends in, on both sides.
async fn attempt(server: &ServerEndpoint, tls: &ClientTls, name: &str) -> Ends {
    let (client, address) = client(server);
    let name: DaemonName = name.parse().unwrap();
    let dialled = async {
        match client.dial(tls, &name, address, None).await {
            Ok(connection) => ended(&connection.closed().await),
            Err(unconnected) => (unconnected.failure(), unconnected.to_string()),
        }
    };
    both(server, dialled).await
}

fn ended(error: &ConnectionError) -> (Failure, String) {
    (Failure::of(error), explain(error, "mon-1"))
}

async fn both(server: &ServerEndpoint, dialled: impl Future<Output = (Failure, String)>) -> Ends {
    let both = async { tokio::join!(received(server), dialled) };
    tokio::time::timeout(Duration::from_secs(30), both).await.unwrap()
}

/// An attempt by quinn alone.
async fn raw(connecting: Connecting) -> (Failure, String) {
    match connecting.await {
        Ok(connection) => ended(&connection.closed().await),
        Err(error) => ended(&error),
    }
}

fn tls(credentials: &Credentials) -> ClientTls {
    ClientTls::new(credentials, BTreeSet::new())
}

#[tokio::test]
async fn agents_and_operators_are_known_by_their_certificates() {
    let pki = Pki::new();
    let server = daemon(&pki.credentials(DAEMON));
    for uri in [AGENT, ADMIN] {
        let credentials = pki.credentials(uri);
        let (seen, (failure, told)) = attempt(&server, &tls(&credentials), "mon-1").await;
        assert_eq!(seen.unwrap(), credentials.leaf);
        assert_eq!(
            (failure, told.as_str()),
            (Failure::Closed, "mon-1: closed the connection: seen")
        );
    }
    assert!(server.drained().load(Ordering::Acquire) > 0, "an idle socket is seen to be empty");
}

type Spoil = fn(&mut CertificateParams);

/// A certificate with one fault: whom it names, who signed it, the fault, and a part of the line
/// that the daemon logs and of the line that the peer prints.
type Case = (&'static str, Holder, Spoil, &'static str, &'static str);

const BAD_CERTIFICATES: [Case; 11] = {
    use Holder::{Agent, Daemon, Operator};
    const UNREADABLE: &str = "whose it is";
    const KIND: &str = "of this kind";
    const CA: &str = "does not trust the CA";
    const TIME: &str = "expired or not yet valid";
    [
        (AGENT, Agent, |p| valid(p, -9, -1), "agent web-1 ended on", TIME),
        (AGENT, Agent, |p| valid(p, 1, 9), "agent web-1 is valid from", TIME),
        (AGENT, Agent, for_servers, "made for servers", KIND),
        (AGENT, Agent, for_both, "clients only or for servers only", KIND),
        (AGENT, Agent, |p| p.extended_key_usages.clear(), "does not say", KIND),
        (AGENT, Agent, as_ca, "is a CA", UNREADABLE),
        (AGENT, Agent, |p| p.subject_alt_names.clear(), "no URI name", UNREADABLE),
        (AGENT, Agent, also_admin, "2 URI names", UNREADABLE),
        (AGENT, Operator, |_| {}, "signed by the operator CA", CA),
        (ADMIN, Agent, |_| {}, "signed by the agent CA", CA),
        (DAEMON, Daemon, |_| {}, "not accepted here", KIND),
    ]
};

fn for_servers(params: &mut CertificateParams) {
    params.extended_key_usages = vec![usage(Purpose::Server)];
}

fn for_clients(params: &mut CertificateParams) {
    params.extended_key_usages = vec![usage(Purpose::Client)];
}

fn for_both(params: &mut CertificateParams) {
    params.extended_key_usages.push(usage(Purpose::Server));
}

fn as_ca(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

fn also_admin(params: &mut CertificateParams) {
    params.subject_alt_names.push(SanType::URI(ADMIN.try_into().unwrap()));
}

#[tokio::test]
async fn bad_certificates_are_refused_and_both_sides_are_told_why() {
    let pki = Pki::new();
    let server = daemon(&pki.credentials(DAEMON));
    for (uri, signer, spoil, logged, printed) in BAD_CERTIFICATES {
        let credentials = pki.showing(AGENT, &pki.pair(uri, signer, spoil));
        let (seen, (failure, told)) = attempt(&server, &tls(&credentials), "mon-1").await;
        let log = seen.unwrap_err();
        assert!(log.contains(logged), "{logged}: {log}");
        assert!(told.contains(printed), "{logged}: {told}");
        assert_eq!(failure, Failure::Certificate, "{logged}");
        assert_eq!((log.lines().count(), told.lines().count()), (1, 1), "{logged}");
    }
}

#[tokio::test]
async fn a_foreign_ca_of_the_same_name_is_refused() {
    let pki = Pki::new();
    let server = daemon(&pki.credentials(DAEMON));
    let pair = Pki::new().pair(AGENT, Holder::Agent, |_| {});
    let (seen, (failure, told)) = attempt(&server, &tls(&pki.showing(AGENT, &pair)), "mon-1").await;
    assert!(seen.unwrap_err().contains("claims to be agent web-1 was not signed by our CA"));
    assert!(told.contains("does not trust the CA"), "{told}");
    assert_eq!(failure, Failure::Certificate);
}

#[tokio::test]
async fn another_fleet_is_refused() {
    let pki = Pki::new();
    let server = daemon(&pki.credentials(DAEMON));
    let pair = pki.pair("spiffe://other/agent/web-1", Holder::Agent, |_| {});
    let (seen, (_, told)) = attempt(&server, &tls(&pki.showing(AGENT, &pair)), "mon-1").await;
    assert!(seen.unwrap_err().contains("belongs to fleet other, this one is systole"));
    assert!(told.contains("belongs to another fleet"), "{told}");
}

#[tokio::test]
async fn a_client_without_certificate_or_protocol_is_refused() {
    let pki = Pki::new();
    let server = daemon(&pki.credentials(DAEMON));
    let (seen, (failure, told)) = raw_attempt(&server, &pki, crate::wire::ALPN, None).await;
    assert_eq!(seen.unwrap_err(), "no certificate was presented");
    assert_eq!(failure, Failure::Certificate);
    assert!(told.contains("demands a certificate"), "{told}");

    let credentials = pki.credentials(AGENT);
    let (seen, (failure, told)) = raw_attempt(&server, &pki, b"h3", Some(&credentials)).await;
    assert_eq!(seen.unwrap_err(), "the peer does not speak systole/1");
    assert_eq!(failure, Failure::Protocol);
    assert!(told.contains("does not speak systole/1"), "{told}");
}

/// A client of somebody else's making, with session resumption switched on.
fn raw_config(pki: &Pki, alpn: &[u8], credentials: Option<&Credentials>) -> quinn::ClientConfig {
    let trust = Arc::new(Trust::new(&pki.credentials(AGENT), BTreeSet::new()));
    let verifier = crate::net::verify::DaemonVerifier { trust, slot: RefusalSlot::default() };
    let builder = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match credentials {
        None => builder.with_no_client_auth(),
        Some(credentials) => {
            let shown = rustls::sign::SingleCertAndKey::from(credentials.certified.clone());
            builder.with_client_cert_resolver(Arc::new(shown))
        }
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    config.enable_early_data = true;
    quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(config).unwrap()))
}

async fn raw_attempt(
    server: &ServerEndpoint,
    pki: &Pki,
    alpn: &[u8],
    credentials: Option<&Credentials>,
) -> Ends {
    let (client, address) = client(server);
    let config = raw_config(pki, alpn, credentials);
    let connecting = client.endpoint().connect_with(config, address, "mon-1").unwrap();
    both(server, raw(connecting)).await
}

#[tokio::test]
async fn a_revoked_agent_is_refused_even_if_it_tries_to_resume() {
    let pki = Pki::new();
    let daemon_credentials = pki.credentials(DAEMON);
    let server = daemon(&daemon_credentials);
    let credentials = pki.credentials(AGENT);
    let config = raw_config(&pki, crate::wire::ALPN, Some(&credentials));
    let (client, address) = client(&server);
    let dial = || client.endpoint().connect_with(config.clone(), address, "mon-1").unwrap();

    let (seen, _) = both(&server, raw(dial())).await;
    let printed = seen.unwrap().fingerprint.to_string().to_uppercase();
    let revoked: Fingerprint = format!("sha256 Fingerprint={printed}").parse().unwrap();
    assert_eq!(revoked, credentials.leaf.fingerprint);

    server.reload(ServerTls::new(&daemon_credentials, BTreeSet::from([revoked]))).unwrap();
    for _ in 0..3 {
        let dialled = dial().into_0rtt();
        let connecting = dialled.err().expect("there is nothing to resume, so no early data");
        let (seen, (failure, told)) = both(&server, raw(connecting)).await;
        assert!(seen.unwrap_err().contains("is revoked"));
        assert_eq!(failure, Failure::Certificate);
        assert!(told.contains("has revoked this certificate"), "{told}");
    }
}

#[tokio::test]
async fn agents_refuse_daemons_that_are_not_the_one_they_asked_for() {
    let pki = Pki::new();
    let agent = tls(&pki.credentials(AGENT));
    let good = pki.credentials(DAEMON);
    let (seen, (_, told)) = attempt(&daemon(&good), &agent, "mon-2").await;
    assert!(told.contains("asked for daemon mon-2, answered by daemon mon-1"), "{told}");
    assert!(seen.unwrap_err().contains("refused this daemon's certificate"));

    let no_dns: Spoil = |p| p.subject_alt_names.truncate(1);
    let cases: [(&str, Holder, Spoil, &str); 5] = [
        (AGENT, Holder::Agent, |_| {}, "not accepted here"),
        (DAEMON, Holder::Agent, |_| {}, "not signed by our CA"),
        (DAEMON, Holder::Daemon, no_dns, "answered by daemon mon-1"),
        (DAEMON, Holder::Daemon, for_clients, "made for clients"),
        (DAEMON, Holder::Daemon, |p| valid(p, -9, -1), "daemon mon-1 ended on"),
    ];
    for (uri, signer, spoil, printed) in cases {
        let fake = daemon(&pki.showing(DAEMON, &pki.pair(uri, signer, spoil)));
        let (_, (failure, told)) = attempt(&fake, &agent, "mon-1").await;
        assert!(told.contains(printed), "{printed}: {told}");
        assert_eq!(failure, Failure::Certificate, "{printed}");
    }
}
