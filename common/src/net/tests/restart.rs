//! A daemon that dies without a word and comes back with its keys, and the counted socket.

use std::collections::BTreeSet;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, ConnectionError, UdpPoller};
use tokio::runtime::Builder;

use super::handshakes::loopback;
use super::pki::Pki;
use crate::net::endpoint::{
    EndpointError, EndpointKeys, ServerEndpoint, client_endpoint, server_endpoint,
};
use crate::net::socket::{Buffers, DrainSocket, local_for};
use crate::net::tls::{ClientTls, ServerTls};

#[test]
fn keys_survive_the_disk_and_do_not_print() {
    let keys = EndpointKeys::generate().unwrap();
    let bytes = keys.to_bytes();
    assert_eq!(bytes.len(), EndpointKeys::BYTES);
    assert!(EndpointKeys::from_bytes(&bytes) == Some(keys.clone()));
    assert!(EndpointKeys::from_bytes(&bytes[1..]).is_none());
    assert_eq!(format!("{keys:?}"), "EndpointKeys { .. }");
}

#[test]
fn a_restarted_daemon_resets_its_old_connections_at_once() {
    let pki = Pki::new();
    let credentials = pki.credentials("spiffe://systole/daemon/mon-1");
    let agent = ClientTls::new(&pki.credentials("spiffe://systole/agent/web-1"), BTreeSet::new());
    let keys = EndpointKeys::generate().unwrap();
    let start = |address| {
        server_endpoint(address, ServerTls::new(&credentials, BTreeSet::new()), &keys).unwrap()
    };

    let agent_runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let first_life = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (first, address) = first_life.block_on(async {
        let server = start(loopback());
        let address = server.endpoint().local_addr().unwrap();
        (server, address)
    });
    let accepting = first_life.spawn(accept(first));
    let connection = agent_runtime.block_on(async {
        let client = client_endpoint(local_for(address)).unwrap();
        client.dial(&agent, &"mon-1".parse().unwrap(), address, None).await.unwrap()
    });
    let kept = first_life.block_on(accepting).unwrap();
    // The runtime goes first: whatever the connection would say on its way out is never sent.
    first_life.shutdown_timeout(Duration::from_secs(5));
    drop(kept);

    let second_life = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _second = second_life.block_on(async { start(address) });
    let error = agent_runtime.block_on(async {
        let mut stream = connection.open_uni().await.unwrap();
        stream.write_all(b"beat").await.unwrap();
        tokio::time::timeout(Duration::from_secs(10), connection.closed()).await.unwrap()
    });
    assert_eq!(error, ConnectionError::Reset);
}

async fn accept(server: ServerEndpoint) -> (ServerEndpoint, quinn::Connection) {
    let incoming = server.endpoint().accept().await.unwrap();
    let (connection, _) = server.admit(incoming).await.unwrap();
    (server, connection)
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let pki = Pki::new();
    let tls = ServerTls::new(&pki.credentials("spiffe://systole/daemon/mon-1"), BTreeSet::new());
    let keys = EndpointKeys::generate().unwrap();
    let first = server_endpoint(loopback(), tls.clone(), &keys).unwrap();
    let address = first.endpoint().local_addr().unwrap();
    let error = server_endpoint(address, tls, &keys).unwrap_err();
    assert!(matches!(error, EndpointError::Bind { .. }));
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn short_buffers_are_a_warning() {
    let buffers = |receive, send| Buffers { asked: 4096, receive, send };
    assert_eq!(buffers(4096, 8192).warning(), None);
    let warning = buffers(2048, 4096).warning().unwrap();
    assert!(warning.contains("2 KiB for receiving") && warning.contains("net.core.rmem_max=4096"));
}

/// A socket with so many datagrams left to read.
#[derive(Debug)]
struct Queue(AtomicU64);

impl AsyncUdpSocket for Queue {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        unreachable!("nothing is sent")
    }

    fn try_send(&self, _: &Transmit<'_>) -> io::Result<()> {
        Ok(())
    }

    fn poll_recv(
        &self,
        _: &mut Context<'_>,
        _: &mut [IoSliceMut<'_>],
        _: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let left = self.0.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Pending;
        }
        self.0.store(left - 1, Ordering::Relaxed);
        Poll::Ready(Ok(1))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(loopback())
    }
}

#[test]
fn only_an_empty_socket_counts_as_drained() {
    let queue = Arc::new(Queue(AtomicU64::new(2)));
    let socket = DrainSocket::new(queue.clone());
    let drained = socket.drained();
    let poll = || {
        let mut context = Context::from_waker(Waker::noop());
        let _ = socket.poll_recv(&mut context, &mut [], &mut []);
        drained.load(Ordering::Acquire)
    };
    assert_eq!([poll(), poll(), poll(), poll()], [0, 0, 1, 2]);
    queue.0.store(1, Ordering::Relaxed);
    assert_eq!([poll(), poll()], [2, 3]);
}
