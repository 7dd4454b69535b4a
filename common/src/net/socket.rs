//! The UDP socket: its buffers, and a count of how often it was found empty.
//!
//! After a pause of its own the daemon may judge hosts only once all that had arrived meanwhile is
//! read: when [`DrainSocket`] has seen the socket empty since. It knows nothing of packets.

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use rustix::net::sockopt;

/// A socket that counts how often a read found nothing more.
#[derive(Debug)]
pub struct DrainSocket {
    inner: Arc<dyn AsyncUdpSocket>,
    drained: Arc<AtomicU64>,
}

impl DrainSocket {
    /// Wraps the socket of quinn's runtime.
    pub fn new(inner: Arc<dyn AsyncUdpSocket>) -> Self {
        Self { inner, drained: Arc::new(AtomicU64::new(0)) }
    }

    /// The counter: it only rises, each time that nothing was left to read.
    pub fn drained(&self) -> Arc<AtomicU64> {
        self.drained.clone()
    }
}

impl AsyncUdpSocket for DrainSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.inner.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.inner.try_send(transmit)
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let outcome = self.inner.poll_recv(context, buffers, meta);
        if outcome.is_pending() {
            self.drained.fetch_add(1, Ordering::Release);
        }
        outcome
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.inner.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.inner.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.inner.may_fragment()
    }
}

/// What the kernel granted of the buffers that were asked for, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffers {
    /// Asked for, each direction.
    pub asked: usize,
    /// Granted for receiving.
    pub receive: usize,
    /// Granted for sending.
    pub send: usize,
}

impl Buffers {
    /// A line for the log if less was granted than asked for.
    pub fn warning(&self) -> Option<String> {
        let short = self.receive < self.asked || self.send < self.asked;
        short.then(|| {
            format!(
                "UDP buffers are {} KiB for receiving and {} KiB for sending instead of {} KiB: bursts may lose packets; raise them with `sysctl -w net.core.rmem_max={asked} net.core.wmem_max={asked}`",
                self.receive / 1024,
                self.send / 1024,
                self.asked / 1024,
                asked = self.asked,
            )
        })
    }
}

/// Opens a UDP socket on `address` and asks for buffers of `bytes`, each direction.
pub fn bind(address: SocketAddr, bytes: usize) -> io::Result<(UdpSocket, Buffers)> {
    let socket = UdpSocket::bind(address)?;
    sockopt::set_socket_recv_buffer_size(&socket, bytes)?;
    sockopt::set_socket_send_buffer_size(&socket, bytes)?;
    // The kernel reports twice what it grants: it counts its own book-keeping.
    let receive = sockopt::socket_recv_buffer_size(&socket)? / 2;
    let send = sockopt::socket_send_buffer_size(&socket)? / 2;
    Ok((socket, Buffers { asked: bytes, receive, send }))
}

/// The local address from which `remote` is dialled: its family, loopback for loopback, any port.
pub fn local_for(remote: SocketAddr) -> SocketAddr {
    match (remote, remote.ip().is_loopback()) {
        (SocketAddr::V4(_), true) => (Ipv4Addr::LOCALHOST, 0).into(),
        (SocketAddr::V4(_), false) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        (SocketAddr::V6(_), true) => (Ipv6Addr::LOCALHOST, 0).into(),
        (SocketAddr::V6(_), false) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}
