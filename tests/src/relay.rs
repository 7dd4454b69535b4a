//! A UDP relay on loopback that cuts, delays, loses, doubles, reorders and drops what is too long.
//!
//! It knows datagrams and addresses, nothing of what is in them. Each client address has an upstream
//! socket of its own, so that the server tells clients apart. One thread, which ends with the relay.

mod weather;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

pub use self::weather::{Counts, Cut, Weather};
use self::weather::{Dice, Fate, Way};

/// Datagrams that may wait for their time; more are lost as in a full router.
const WAITING_MAX: usize = 8_192;
/// Addresses of clients that are told apart; one more is not served.
const CLIENTS_MAX: usize = 256;
/// Datagrams that are taken from one socket before the others have their turn.
const BURST_MAX: usize = 64;
/// Longest datagram there is, in bytes.
const DATAGRAM_BYTES_MAX: usize = 65_536;
/// How soon the thread sees that it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A relay that forwards to one address until it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    ends: AtomicBool,
    weather: Mutex<Weather>,
    counts: Mutex<Counts>,
}

impl Relay {
    /// Listens on a free port of 127.0.0.1 and forwards to `server`. The same `seed` loses the same
    /// datagrams, counted from the start.
    pub fn start(server: SocketAddr, seed: u64) -> Result<Self> {
        let listen = socket()?;
        let address = listen.local_addr()?;
        let shared = Arc::new(Shared::default());
        let road = Road {
            listen,
            server,
            shared: Arc::clone(&shared),
            dice: Dice::new(seed),
            clients: BTreeMap::new(),
            waiting: BinaryHeap::new(),
            numbered: 0,
            buffer: vec![0; DATAGRAM_BYTES_MAX],
        };
        let thread = thread::Builder::new().name("relay".to_owned()).spawn(move || road.run())?;
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// Where clients send to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What holds from the next datagram on. Those that wait already are delivered, except by a cut.
    pub fn set(&self, weather: Weather) {
        *lock(&self.shared.weather) = weather;
    }

    /// Changes only what is cut.
    pub fn cut(&self, cut: Cut) {
        lock(&self.shared.weather).cut = cut;
    }

    /// Fair weather again.
    pub fn heal(&self) {
        self.set(Weather::default());
    }

    /// What became of the datagrams so far.
    pub fn counts(&self) -> Counts {
        *lock(&self.shared.counts)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// A datagram on its way; ordered by when it is due, then as it was taken.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    due: Instant,
    number: u64,
    client: SocketAddr,
    way: Way,
    bytes: Vec<u8>,
}

/// What the thread owns.
struct Road {
    listen: UdpSocket,
    server: SocketAddr,
    shared: Arc<Shared>,
    dice: Dice,
    clients: BTreeMap<SocketAddr, UdpSocket>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    numbered: u64,
    buffer: Vec<u8>,
}

impl Road {
    fn run(mut self) {
        while !self.shared.ends.load(Ordering::Relaxed) {
            let now = Instant::now();
            let due = self.waiting.peek().map_or(LOOK_EVERY, |Reverse(next)| {
                next.due.saturating_duration_since(now).min(LOOK_EVERY)
            });
            self.rest(due);
            self.take_from_clients();
            self.take_from_server();
            self.deliver(Instant::now());
        }
    }

    /// Sleeps until a datagram comes, for `span` at most.
    fn rest(&self, span: Duration) {
        let sockets = std::iter::once(&self.listen).chain(self.clients.values());
        let mut polled: Vec<PollFd<'_>> =
            sockets.map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
        let nanos = i64::from(span.subsec_nanos());
        let seconds = i64::try_from(span.as_secs()).unwrap_or(0);
        // Interrupted or not: the loop looks again.
        let _ready = poll(&mut polled, Some(&Timespec { tv_sec: seconds, tv_nsec: nanos }));
    }

    fn take_from_clients(&mut self) {
        for _ in 0..BURST_MAX {
            let received = self.listen.recv_from(&mut self.buffer);
            let (length, client) = match received {
                Ok(received) => received,
                // A client that is gone (connection refused) is no end; nothing left is.
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => continue,
            };
            if !self.clients.contains_key(&client) {
                let Ok(socket) = self.upstream() else {
                    lock(&self.shared.counts).overflowed += 1;
                    continue;
                };
                self.clients.insert(client, socket);
            }
            self.judge(client, Way::ToServer, length);
        }
    }

    fn take_from_server(&mut self) {
        let clients: Vec<SocketAddr> = self.clients.keys().copied().collect();
        for client in clients {
            for _ in 0..BURST_MAX {
                let Some(socket) = self.clients.get(&client) else { break };
                match socket.recv(&mut self.buffer) {
                    Ok(length) => self.judge(client, Way::ToClient, length),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    // The server is not there at the moment.
                    Err(_) => {}
                }
            }
        }
    }

    /// Decides what becomes of the `length` bytes in the buffer.
    fn judge(&mut self, client: SocketAddr, way: Way, length: usize) {
        let weather = *lock(&self.shared.weather);
        lock(&self.shared.counts).taken += 1;
        let fate = weather.fate(way, length, &mut self.dice);
        let now = Instant::now();
        let dues = match fate {
            Fate::Lost => {
                lock(&self.shared.counts).lost += 1;
                return;
            }
            Fate::Once(after) => vec![now + after],
            Fate::Twice(after, again) => vec![now + after, now + again],
        };
        let bytes = self.buffer.get(..length).unwrap_or_default();
        for due in dues {
            if self.waiting.len() >= WAITING_MAX {
                lock(&self.shared.counts).overflowed += 1;
                continue;
            }
            self.numbered += 1;
            let number = self.numbered;
            self.waiting.push(Reverse(Waiting { due, number, client, way, bytes: bytes.to_vec() }));
        }
    }

    fn deliver(&mut self, now: Instant) {
        while self.waiting.peek().is_some_and(|Reverse(next)| next.due <= now) {
            let Some(Reverse(next)) = self.waiting.pop() else { return };
            let cut = lock(&self.shared.weather).cut;
            let sent = match next.way {
                _ if cut.stops(next.way) => None,
                Way::ToServer => {
                    self.clients.get(&next.client).map(|socket| socket.send(&next.bytes))
                }
                Way::ToClient => Some(self.listen.send_to(&next.bytes, next.client)),
            };
            let mut counts = lock(&self.shared.counts);
            if sent.is_some_and(|sent| sent.is_ok()) {
                counts.forwarded += 1;
            } else {
                counts.lost += 1;
            }
        }
    }

    fn upstream(&self) -> Result<UdpSocket> {
        ensure!(self.clients.len() < CLIENTS_MAX, "more than {CLIENTS_MAX} clients");
        let socket = socket()?;
        socket.connect(self.server)?;
        Ok(socket)
    }
}

fn socket() -> Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("no free UDP port")?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
