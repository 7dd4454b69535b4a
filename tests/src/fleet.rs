//! A fleet in one process: thousands of agents over real QUIC, each with a certificate of its own, on few
//! sockets.
//!
//! They say hello, beat, and send the live values that a small host would send. What they measure is
//! made up, the same for the same seed. They spool nothing and read no more than they must.

mod host;
mod values;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use systole_common::ids::{HostId, Identity};
use systole_common::net::certificates::{Credentials, TlsPaths};
use systole_common::net::endpoint::{ClientEndpoint, client_endpoint};
use systole_common::net::identity::Holder;
use systole_common::net::tls::ClientTls;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use xtask::certs::{self, Plan, leaf_files};
use xtask::demo::stage::Stage;

use self::host::SimulatedHost;
use crate::machine::now;

/// Most hosts of a fleet.
pub const HOSTS_MAX: usize = 10_000;
/// Hosts that one socket carries. The daemon bounds handshakes by address: each socket has its own.
const HOSTS_PER_SOCKET: usize = 160;
/// Handshakes that are under way at once.
const HANDSHAKES_MAX: usize = 48;

/// What a fleet is to be.
#[derive(Debug, Clone, Copy)]
pub struct FleetPlan {
    /// How many hosts, `sim-0000` and so on.
    pub hosts: usize,
    /// How often each beats.
    pub beat_every: Duration,
    /// Values differ for each seed.
    pub seed: u64,
}

/// A fleet that runs until it is dropped.
#[derive(Debug)]
pub struct SimulatedFleet {
    /// Its hosts run as long as this lives.
    _runtime: Runtime,
    names: Vec<HostId>,
    progress: Arc<Progress>,
    silent: Vec<Arc<AtomicBool>>,
}

/// What the hosts have reached together.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Hosts whose hello was accepted and whose connection stands.
    pub(crate) online: AtomicUsize,
    /// Connections that ended or never came to be.
    pub(crate) failures: AtomicUsize,
    /// Heartbeats that were written.
    pub(crate) heartbeats: AtomicUsize,
    /// Heartbeats that the daemon echoed.
    pub(crate) echoes: AtomicUsize,
}

impl SimulatedFleet {
    /// Makes the hosts' certificates and lets them dial the stage's daemon.
    pub fn start(stage: &Stage, plan: FleetPlan) -> Result<Self> {
        ensure!((1..=HOSTS_MAX).contains(&plan.hosts), "1 to {HOSTS_MAX} hosts, not {plan:?}");
        let names = names(plan.hosts)?;
        issue(stage, &names)?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let progress = Arc::new(Progress::default());
        let gate = Arc::new(Semaphore::new(HANDSHAKES_MAX));
        let endpoints = runtime.block_on(async { sockets(plan.hosts) })?;
        let mut silent = Vec::new();
        for (number, name) in names.iter().enumerate() {
            let endpoint = endpoints.get(number / HOSTS_PER_SOCKET).context("too few sockets")?;
            let is_silent = Arc::new(AtomicBool::new(false));
            silent.push(is_silent.clone());
            let host = SimulatedHost {
                number: u64::try_from(number)?,
                daemon: (Ipv4Addr::LOCALHOST, stage.port).into(),
                tls: tls(stage, name)?,
                endpoint: endpoint.clone(),
                plan,
                is_silent,
                progress: progress.clone(),
            };
            runtime.spawn(host.run(gate.clone()));
        }
        Ok(Self { _runtime: runtime, names, progress, silent })
    }

    /// The hosts' names.
    pub fn names(&self) -> &[HostId] {
        &self.names
    }

    /// Hosts whose connection stands.
    pub fn online(&self) -> usize {
        self.progress.online.load(Ordering::Relaxed)
    }

    /// Connections that ended or never came to be.
    pub fn failures(&self) -> usize {
        self.progress.failures.load(Ordering::Relaxed)
    }

    /// Heartbeats written, and those that the daemon echoed.
    pub fn heartbeats(&self) -> (usize, usize) {
        let load = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (load(&self.progress.heartbeats), load(&self.progress.echoes))
    }

    /// The host falls silent, or beats again: its connection stands all the while.
    pub fn hush(&self, host: usize, is_silent: bool) {
        if let Some(flag) = self.silent.get(host) {
            flag.store(is_silent, Ordering::Relaxed);
        }
    }

    /// Waits until all are online.
    pub fn until_online(&self, limit: Duration) -> Result<()> {
        let end = Instant::now() + limit;
        while self.online() < self.names.len() {
            ensure!(
                Instant::now() < end,
                "{} of {} hosts are online, {} attempts failed",
                self.online(),
                self.names.len(),
                self.failures()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

fn names(hosts: usize) -> Result<Vec<HostId>> {
    (0..hosts).map(|number| Ok(format!("sim-{number:04}").parse::<HostId>()?)).collect()
}

/// Certificates for all that have none yet.
fn issue(stage: &Stage, names: &[HostId]) -> Result<()> {
    let mut plan = Plan::new(stage.dir.join("certs"), "demo".parse()?);
    plan.holders.extend(names.iter().cloned().map(Identity::Agent));
    certs::issue(&plan).map(drop)
}

fn tls(stage: &Stage, name: &HostId) -> Result<ClientTls> {
    let certs = stage.dir.join("certs");
    let identity = Identity::Agent(name.clone());
    let (cert, key) = leaf_files(&certs, &identity);
    let paths = TlsPaths { cert: Some(cert), key: Some(key), ca: certs };
    let credentials = Credentials::load(Holder::of(&identity), &paths, now())?;
    Ok(ClientTls::new(&credentials, [].into()))
}

/// A socket for each so many hosts, each on a loopback address of its own.
fn sockets(hosts: usize) -> Result<Vec<Arc<ClientEndpoint>>> {
    let count = u8::try_from(hosts.div_ceil(HOSTS_PER_SOCKET))?;
    let socket = |number: u8| {
        let local = SocketAddr::from((Ipv4Addr::new(127, 42, 0, number.saturating_add(1)), 0));
        Ok(Arc::new(client_endpoint(local)?))
    };
    (0..count).map(socket).collect()
}
