//! Lets connections in: so many handshakes at a time, unproven addresses last, each within its time.
//!
//! What happens after the handshake is the matter of [`super::handshake`]. UDP needs no descriptor for
//! a connection, so running out of them does not touch it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quinn::{Connection, ConnectionError, Incoming, TransportErrorCode};
use systole_common::net::endpoint::ServerEndpoint;
use systole_common::net::handshake::Rejected;
use systole_common::net::identity::Leaf;
use systole_common::net::limits::{
    HANDSHAKE_TIMEOUT_MS, HANDSHAKES_IN_FLIGHT_MAX, UNVALIDATED_MAX,
};
use systole_common::wire::hello::CloseCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::addresses::Addresses;
use super::clock;
use super::context::Context;
use super::counters::rare;
use super::handshake;
use super::peers;
use crate::limits::INCOMING_WAITING_MAX;

/// The listener. Cheap to clone: all share the same.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    context: Arc<Context>,
    endpoint: Arc<ServerEndpoint>,
    addresses: Arc<Mutex<Addresses>>,
    tasks: TaskTracker,
}

impl Listener {
    /// A listener on `endpoint`.
    pub(super) fn new(context: Arc<Context>, endpoint: Arc<ServerEndpoint>) -> Self {
        Self { context, endpoint, addresses: Arc::default(), tasks: TaskTracker::new() }
    }

    /// The tasks of all connections.
    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Lets connections in until the daemon stops.
    pub(super) async fn run(self) {
        let permits = Arc::new(Semaphore::new(HANDSHAKES_IN_FLIGHT_MAX));
        let mut waiting: VecDeque<Incoming> = VecDeque::new();
        loop {
            tokio::select! {
                biased;
                () = self.context.stopping.cancelled() => break,
                Ok(permit) = permits.clone().acquire_owned(), if !waiting.is_empty() => {
                    if let Some(incoming) = waiting.pop_front() {
                        self.admit(incoming, permit);
                    }
                }
                incoming = self.endpoint.endpoint().accept() => match incoming {
                    Some(incoming) => self.queue(&mut waiting, incoming),
                    None => break,
                },
            }
        }
        self.tasks.close();
    }

    /// Queues an attempt, asks it to prove its address first, or turns it away.
    fn queue(&self, waiting: &mut VecDeque<Incoming>, incoming: Incoming) {
        let address = incoming.remote_address();
        let is_proven = incoming.remote_address_validated();
        let is_burdened = self.addresses().is_burdened(address.ip(), clock::mono());
        let unproven = waiting.iter().filter(|one| !one.remote_address_validated()).count();
        if is_burdened && is_proven {
            incoming.refuse();
            self.refused(
                address,
                "too many failed attempts",
                "too many attempts from this address failed",
            );
        } else if !is_proven && (is_burdened || unproven >= UNVALIDATED_MAX) {
            // Cannot fail: whoever is not proven may be asked.
            drop(incoming.retry());
        } else if waiting.len() >= INCOMING_WAITING_MAX {
            incoming.refuse();
            self.refused(address, "too many attempts", "too many connection attempts at once");
        } else {
            waiting.push_back(incoming);
        }
    }

    fn admit(&self, incoming: Incoming, permit: OwnedSemaphorePermit) {
        let listener = self.clone();
        self.tasks.spawn(async move {
            let context = listener.context.clone();
            context.contain("connection", listener.connect(incoming, permit)).await;
        });
    }

    async fn connect(self, incoming: Incoming, permit: OwnedSemaphorePermit) {
        let address = incoming.remote_address();
        let is_proven = incoming.remote_address_validated();
        if !is_proven {
            self.addresses().begin(address.ip(), clock::mono());
        }
        let admitted = self.handshake(incoming).await;
        drop(permit);
        if !is_proven {
            self.addresses().end(address.ip());
        }
        if let Some((connection, leaf)) = admitted
            && let Err(refusal) = handshake::serve(&self.context, connection, leaf).await
        {
            let address = refusal.address;
            self.note(rare::HELLOS_REFUSED, address, refusal.label, &refusal.text);
        }
    }

    async fn handshake(&self, incoming: Incoming) -> Option<(Connection, Leaf)> {
        let address = incoming.remote_address();
        let limit = Duration::from_millis(HANDSHAKE_TIMEOUT_MS);
        match tokio::time::timeout(limit, self.endpoint.admit(incoming)).await {
            Ok(Ok((connection, leaf))) => {
                self.within_limits(connection).map(|connection| (connection, leaf))
            }
            // It gave up before we came to it; after a pause of ours that is nobody's fault.
            Ok(Err(rejected)) if has_given_up(&rejected) => {
                self.context.counters.add(rare::HANDSHAKES_GIVEN_UP, "");
                debug!(%address, "the peer gave its attempt up");
                None
            }
            Ok(Err(rejected)) => {
                let label = if rejected.refusal.is_some() { "certificate" } else { "handshake" };
                self.refused(address, label, &rejected.to_string());
                None
            }
            Err(_) => {
                self.refused(address, "time-out", "the handshake was not finished in time");
                None
            }
        }
    }

    fn within_limits(&self, connection: Connection) -> Option<Connection> {
        let connections_max = self.context.limits.load().connections;
        if self.endpoint.endpoint().open_connections() <= connections_max {
            return Some(connection);
        }
        let text = "this daemon has as many connections as limits.connections allows";
        peers::close(&connection, CloseCode::Overload, text);
        let address = connection.remote_address();
        self.note(rare::HANDSHAKES_REFUSED, address, "limits.connections", text);
        None
    }

    fn refused(&self, address: SocketAddr, label: &'static str, reason: &str) {
        self.addresses().fail(address.ip(), clock::mono());
        self.note(rare::HANDSHAKES_REFUSED, address, label, reason);
    }

    /// Counts a refusal; one line a while for each address says why and how many it stands for.
    fn note(&self, name: &'static str, address: SocketAddr, label: &'static str, reason: &str) {
        self.context.counters.add(name, label);
        let told = self.addresses().log(address.ip(), clock::mono());
        match told {
            Some(0) => warn!(%address, reason, "connection refused"),
            Some(earlier) => warn!(%address, reason, earlier, "connection refused"),
            None => {}
        }
    }

    fn addresses(&self) -> MutexGuard<'_, Addresses> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the peer itself ended its attempt, without finding fault with us.
fn has_given_up(rejected: &Rejected) -> bool {
    match &rejected.error {
        ConnectionError::ApplicationClosed(_) => true,
        ConnectionError::ConnectionClosed(close) => {
            matches!(
                close.error_code,
                TransportErrorCode::APPLICATION_ERROR | TransportErrorCode::NO_ERROR
            )
        }
        ConnectionError::VersionMismatch
        | ConnectionError::TransportError(_)
        | ConnectionError::Reset
        | ConnectionError::TimedOut
        | ConnectionError::LocallyClosed
        | ConnectionError::CidsExhausted => false,
    }
}
