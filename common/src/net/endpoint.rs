//! quinn endpoints with Systole's settings: streams, windows, buffers, keys that outlive a restart.
//!
//! It opens sockets and admits or dials connections. What is said on them is not its business.
//! Endpoints must be made inside the tokio runtime that is to drive them.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quinn::congestion::CubicConfig;
use quinn::{
    Connecting, Connection, ConnectionError, Endpoint, EndpointConfig, IdleTimeout, Incoming,
    Runtime, ServerConfig, TokioRuntime, TransportConfig, ValidationTokenConfig, VarInt,
};
use quinn_proto::HashedConnectionIdGenerator;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use super::handshake::{Rejected, Unconnected, peer};
use super::identity::Leaf;
use super::limits::{
    AGENT_BIDI_STREAMS_MAX, AGENT_UNI_STREAMS_MAX, CLIENT_SOCKET_BUFFER_BYTES,
    CONNECTION_WINDOW_BYTES, CONSOLE_BIDI_STREAMS_MAX, DAEMON_BIDI_STREAMS_MAX,
    DAEMON_SOCKET_BUFFER_BYTES, DAEMON_UNI_STREAMS_MAX, DATAGRAM_BUFFER_BYTES, IDLE_TIMEOUT_MS,
    INCOMING_BUFFER_BYTES, INCOMING_BUFFERS_BYTES, INCOMING_MAX, RESET_INTERVAL_MS_MIN,
    SEND_WINDOW_BYTES, STREAM_WINDOW_BYTES,
};
use super::socket::{Buffers, DrainSocket, bind};
use super::tls::{ClientTls, ServerTls, TlsError};
use super::verify::RefusalSlot;
use crate::ids::DaemonName;

/// Why an endpoint could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The address cannot be listened on.
    #[error(
        "cannot use {address} for UDP ({source}); stop the program that has it, or configure another address"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// An attempt could not even begin.
    #[error("cannot dial {daemon} at {address} ({source}); check its entry in the configuration")]
    Dial {
        /// The daemon.
        daemon: DaemonName,
        /// Its address.
        address: SocketAddr,
        /// What quinn said.
        source: quinn::ConnectError,
    },
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers; check /dev/urandom")]
    Random,
}

/// Keys that a daemon keeps on disk, so that peers of its last run learn at once that it restarted.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointKeys {
    /// HMAC key of stateless resets.
    pub reset: [u8; 64],
    /// Key by which the daemon recognises connection ids of its last run.
    pub connection_ids: u64,
}

impl EndpointKeys {
    /// Bytes of [`Self::to_bytes`].
    pub const BYTES: usize = 72;

    /// Fresh random keys.
    pub fn generate() -> Result<Self, EndpointError> {
        let mut bytes = [0; Self::BYTES];
        SystemRandom::new().fill(&mut bytes).map_err(|_| EndpointError::Random)?;
        Self::from_bytes(&bytes).ok_or(EndpointError::Random)
    }

    /// What is kept on disk, in a file that only the daemon may read.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.reset.as_slice(), &self.connection_ids.to_le_bytes()].concat()
    }

    /// Reads what was kept; `None` if it is not exactly that.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (reset, rest) = bytes.split_first_chunk::<64>()?;
        let connection_ids = u64::from_le_bytes(rest.try_into().ok()?);
        Some(Self { reset: *reset, connection_ids })
    }
}

impl std::fmt::Debug for EndpointKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EndpointKeys").finish_non_exhaustive()
    }
}

/// A daemon's endpoint.
#[derive(Debug)]
pub struct ServerEndpoint {
    endpoint: Endpoint,
    drained: Arc<AtomicU64>,
    buffers: Buffers,
    base: ServerConfig,
    tls: Mutex<ServerTls>,
}

/// Opens the endpoint of a daemon on `address`.
pub fn server_endpoint(
    address: SocketAddr,
    tls: ServerTls,
    keys: &EndpointKeys,
) -> Result<ServerEndpoint, EndpointError> {
    let failed = |source| EndpointError::Bind { address, source };
    let base = server_config(&tls)?;
    let (socket, buffers) = bind(address, DAEMON_SOCKET_BUFFER_BYTES).map_err(failed)?;
    let runtime = Arc::new(TokioRuntime);
    let socket = DrainSocket::new(runtime.wrap_udp_socket(socket).map_err(failed)?);
    let drained = socket.drained();
    let endpoint = Endpoint::new_with_abstract_socket(
        endpoint_config(keys),
        Some(base.clone()),
        Arc::new(socket),
        runtime,
    )
    .map_err(failed)?;
    Ok(ServerEndpoint { endpoint, drained, buffers, base, tls: Mutex::new(tls) })
}

impl ServerEndpoint {
    /// quinn's endpoint: accept, close, wait, statistics.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// How often all that had arrived was read; see [`DrainSocket`].
    pub fn drained(&self) -> Arc<AtomicU64> {
        self.drained.clone()
    }

    /// The socket's buffers.
    pub fn buffers(&self) -> Buffers {
        self.buffers
    }

    /// Carries out the handshake of `incoming` and says who the peer is, or why it was refused.
    /// The caller bounds it by [`super::limits::HANDSHAKE_TIMEOUT_MS`]; the future borrows nothing.
    pub fn admit(
        &self,
        incoming: Incoming,
    ) -> impl Future<Output = Result<(Connection, Leaf), Rejected>> + Send + use<> {
        let tls = self.tls.lock().unwrap_or_else(PoisonError::into_inner).connection();
        let mut config = self.base.clone();
        async move {
            let Ok((crypto, slot)) = tls else {
                incoming.refuse();
                return Err(Rejected::new(ConnectionError::LocallyClosed, None));
            };
            config.crypto = crypto;
            let rejected = |error| Rejected::new(error, slot.refusal());
            let connecting = incoming.accept_with(Arc::new(config)).map_err(rejected)?;
            let connection = connecting.await.map_err(rejected)?;
            match peer(&connection) {
                Some(leaf) => Ok((connection, leaf)),
                None => Err(rejected(ConnectionError::LocallyClosed)),
            }
        }
    }

    /// Uses `tls` for connections from now on; those that exist are not touched.
    pub fn reload(&self, tls: ServerTls) -> Result<(), EndpointError> {
        let mut config = self.base.clone();
        config.crypto = tls.connection()?.0;
        self.endpoint.set_server_config(Some(config));
        *self.tls.lock().unwrap_or_else(PoisonError::into_inner) = tls;
        Ok(())
    }
}

/// Lets a connection open as many requests as a console may; it begins with an agent's few.
pub fn widen_for_console(connection: &Connection) {
    connection.set_max_concurrent_bi_streams(VarInt::from_u32(CONSOLE_BIDI_STREAMS_MAX));
}

/// An agent's or console's endpoint.
#[derive(Debug)]
pub struct ClientEndpoint {
    endpoint: Endpoint,
    buffers: Buffers,
}

/// Opens an endpoint to dial from; [`super::socket::local_for`] gives the `local` address.
pub fn client_endpoint(local: SocketAddr) -> Result<ClientEndpoint, EndpointError> {
    let failed = |source| EndpointError::Bind { address: local, source };
    let (socket, buffers) = bind(local, CLIENT_SOCKET_BUFFER_BYTES).map_err(failed)?;
    let config = endpoint_config(&EndpointKeys::generate()?);
    let endpoint = Endpoint::new(config, None, socket, Arc::new(TokioRuntime)).map_err(failed)?;
    Ok(ClientEndpoint { endpoint, buffers })
}

impl ClientEndpoint {
    /// quinn's endpoint: close, wait, statistics.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The socket's buffers.
    pub fn buffers(&self) -> Buffers {
        self.buffers
    }

    /// Dials `daemon` at `address`. The caller bounds it by its attempt time-out; the future borrows
    /// nothing. `keep_alive` is for peers that are silent for long; heartbeats need none.
    ///
    /// The daemon checks our certificate after this is done: a refusal by it comes as the
    /// connection's error, see [`super::refusal::explain`].
    pub fn dial(
        &self,
        tls: &ClientTls,
        daemon: &DaemonName,
        address: SocketAddr,
        keep_alive: Option<Duration>,
    ) -> impl Future<Output = Result<Connection, Unconnected>> + Send + use<> {
        let peer = format!("{daemon} ({address})");
        let begun = self.begin(tls, daemon, address, keep_alive);
        async move {
            let (connecting, slot) = match begun {
                Ok(begun) => begun,
                Err(error) => return Err(Unconnected::Local(error)),
            };
            connecting.await.map_err(|error| Unconnected::Peer {
                refusal: slot.refusal(),
                error,
                peer,
            })
        }
    }

    fn begin(
        &self,
        tls: &ClientTls,
        daemon: &DaemonName,
        address: SocketAddr,
        keep_alive: Option<Duration>,
    ) -> Result<(Connecting, RefusalSlot), EndpointError> {
        let (crypto, slot) = tls.connection()?;
        let mut config = quinn::ClientConfig::new(crypto);
        config.transport_config(Arc::new(client_transport(keep_alive)));
        let connecting = self
            .endpoint
            .connect_with(config, address, daemon.as_str())
            .map_err(|source| EndpointError::Dial { daemon: daemon.clone(), address, source })?;
        Ok((connecting, slot))
    }
}

fn endpoint_config(keys: &EndpointKeys) -> EndpointConfig {
    let mut config = EndpointConfig::new(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &keys.reset)));
    let connection_ids = keys.connection_ids;
    config
        .cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(connection_ids)))
        .min_reset_interval(Duration::from_millis(RESET_INTERVAL_MS_MIN))
        .supported_versions(vec![QUIC_V1]);
    config
}

/// RFC 9000.
const QUIC_V1: u32 = 1;

fn server_config(tls: &ServerTls) -> Result<ServerConfig, TlsError> {
    let mut validation = ValidationTokenConfig::default();
    validation.sent(0);
    let mut config = ServerConfig::with_crypto(tls.connection()?.0);
    config
        .transport_config(Arc::new(server_transport()))
        .validation_token_config(validation)
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_BUFFER_BYTES)
        .incoming_buffer_size_total(INCOMING_BUFFERS_BYTES)
        .migration(true);
    Ok(config)
}

fn server_transport() -> TransportConfig {
    let mut transport = transport();
    transport
        .max_concurrent_uni_streams(VarInt::from_u32(AGENT_UNI_STREAMS_MAX))
        .max_concurrent_bidi_streams(VarInt::from_u32(AGENT_BIDI_STREAMS_MAX));
    transport
}

fn client_transport(keep_alive: Option<Duration>) -> TransportConfig {
    let mut transport = transport();
    transport
        .max_concurrent_uni_streams(VarInt::from_u32(DAEMON_UNI_STREAMS_MAX))
        .max_concurrent_bidi_streams(VarInt::from_u32(DAEMON_BIDI_STREAMS_MAX))
        .keep_alive_interval(keep_alive);
    transport
}

/// What both sides have in common.
fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW_BYTES))
        .send_window(SEND_WINDOW_BYTES)
        .datagram_receive_buffer_size(Some(DATAGRAM_BUFFER_BYTES))
        .datagram_send_buffer_size(DATAGRAM_BUFFER_BYTES)
        .congestion_controller_factory(Arc::new(CubicConfig::default()))
        .keep_alive_interval(None);
    transport
}
