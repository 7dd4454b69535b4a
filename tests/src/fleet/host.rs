//! One simulated host: dials until it is let in, then beats and sends values until the link breaks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use quinn::Connection;
use systole_common::ids::{BootId, DaemonName, InstanceId, SpoolEpoch};
use systole_common::net::endpoint::ClientEndpoint;
use systole_common::net::framed::{FrameReader, FrameWriter};
use systole_common::net::tls::ClientTls;
use systole_common::wire::VERSION_MAX;
use systole_common::wire::agent::Heartbeat;
use systole_common::wire::codec::decode;
use systole_common::wire::control::{Intervals, Policy};
use systole_common::wire::hello::{Hello, HelloAnswer, Purpose, StreamName, StreamOpen};
use systole_common::wire::kind::Kind;
use tokio::sync::{Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use xtask::demo::stage::DAEMON;

use super::values::Values;
use super::{FleetPlan, Progress};
use crate::machine::clocks;
use crate::rogue::heartbeat;

/// Wait before a host that was not let in tries again.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// An attempt is given up after this.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// The boot of every host.
const BOOT: BootId = BootId([9; 16]);

/// All that a host needs.
pub(super) struct SimulatedHost {
    pub(super) number: u64,
    pub(super) daemon: SocketAddr,
    pub(super) tls: ClientTls,
    pub(super) endpoint: Arc<ClientEndpoint>,
    pub(super) plan: FleetPlan,
    pub(super) is_silent: Arc<AtomicBool>,
    pub(super) progress: Arc<Progress>,
}

impl SimulatedHost {
    /// Runs as long as the fleet.
    pub(super) async fn run(self, gate: Arc<Semaphore>) {
        loop {
            let Ok(permit) = gate.acquire().await else { return };
            let joined = timeout(ATTEMPT_TIMEOUT, self.join()).await;
            drop(permit);
            if let Ok(Ok((connection, version, live_every))) = joined {
                self.progress.online.fetch_add(1, Ordering::Relaxed);
                let _broken = self.live(&connection, version, live_every).await;
                self.progress.online.fetch_sub(1, Ordering::Relaxed);
            }
            self.progress.failures.fetch_add(1, Ordering::Relaxed);
            sleep(RETRY_AFTER).await;
        }
    }

    /// Handshake and hello. The connection, its version, and how often live values are wanted.
    async fn join(&self) -> Result<(Connection, u8, Duration)> {
        let daemon: DaemonName = DAEMON.parse()?;
        let connection = self.endpoint.dial(&self.tls, &daemon, self.daemon, None).await?;
        let (send, receive) = connection.open_bi().await?;
        let (mut writer, mut reader) = (FrameWriter::new(send, 0), FrameReader::new(receive, 0));
        writer.queue(&StreamOpen { stream: StreamName::Hello.into() })?;
        writer.queue(&self.hello())?;
        writer.flush().await?;
        let answer: HelloAnswer = reader.expect().await?;
        if let Some(refusal) = answer.refused {
            bail!("refused: {}", refusal.text);
        }
        let live_every = answer.policy.intervals.live_ms;
        // The stream stays open as long as the connection.
        tokio::spawn(async move {
            let _streams = (writer, reader);
            std::future::pending::<()>().await;
        });
        Ok((connection, answer.version, Duration::from_millis(live_every.into())))
    }

    /// Beats and sends values until the connection breaks.
    async fn live(&self, connection: &Connection, version: u8, every: Duration) -> Result<()> {
        let (wanted, interval) = watch::channel(every);
        tokio::select! {
            result = self.beat(connection, version) => result,
            result = self.listen(connection, version, wanted) => result,
            result = self.measure(connection, version, interval) => result,
        }
    }

    async fn beat(&self, connection: &Connection, version: u8) -> Result<()> {
        let mut writer = open(connection, version, StreamName::Heartbeat).await?;
        let mut ticks = interval(self.plan.beat_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        // Hosts do not beat in step.
        sleep(self.plan.beat_every.mul_f64((self.number % 97) as f64 / 97.0)).await;
        for sequence in 1.. {
            ticks.tick().await;
            if !self.is_silent.load(Ordering::Relaxed) {
                writer.write(&self.heartbeat(sequence)).await?;
                self.progress.heartbeats.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Reads what the daemon wants; echoes are counted.
    async fn listen(
        &self,
        connection: &Connection,
        version: u8,
        wanted: watch::Sender<Duration>,
    ) -> Result<()> {
        let mut reader = FrameReader::new(connection.accept_uni().await?, version);
        while let Some((kind, body)) = reader.read().await? {
            match kind {
                Kind::Echo => {
                    self.progress.echoes.fetch_add(1, Ordering::Relaxed);
                }
                Kind::Intervals => {
                    let intervals: Intervals = decode(&body)?;
                    wanted.send_replace(Duration::from_millis(intervals.live_ms.into()));
                }
                Kind::Policy => {
                    let policy: Policy = decode(&body)?;
                    wanted.send_replace(Duration::from_millis(policy.intervals.live_ms.into()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn measure(
        &self,
        connection: &Connection,
        version: u8,
        mut wanted: watch::Receiver<Duration>,
    ) -> Result<()> {
        let mut writer = open(connection, version, StreamName::Metrics).await?;
        let mut values = Values::new(self.plan.seed ^ self.number);
        writer.write(&values.declare()).await?;
        loop {
            let every = *wanted.borrow_and_update();
            let interval_ms = u32::try_from(every.as_millis()).unwrap_or(u32::MAX);
            if !self.is_silent.load(Ordering::Relaxed) {
                writer.write(&values.live(clocks(), interval_ms)).await?;
            }
            // A new interval counts at once.
            let _changed = timeout(every, wanted.changed()).await;
        }
    }

    fn hello(&self) -> Hello {
        Hello {
            version_min: VERSION_MAX,
            version_max: VERSION_MAX,
            software: env!("CARGO_PKG_VERSION").to_owned(),
            purpose: Purpose::Main.into(),
            instance: self.instance(),
            boot_id: BOOT,
            spool_epoch: SpoolEpoch(self.number + 1),
            clocks: clocks(),
            os: "simulated".to_owned(),
            labels: vec![("rack".to_owned(), format!("r{:02}", self.number / 100))],
        }
    }

    fn instance(&self) -> InstanceId {
        InstanceId(0x51f0_0000_0000 | self.number)
    }

    fn heartbeat(&self, sequence: u64) -> Heartbeat {
        Heartbeat {
            next_in_ms: u32::try_from(self.plan.beat_every.as_millis()).unwrap_or(u32::MAX),
            ..heartbeat(sequence, self.instance(), BOOT)
        }
    }
}

async fn open(connection: &Connection, version: u8, stream: StreamName) -> Result<FrameWriter> {
    let mut writer = FrameWriter::new(connection.open_uni().await?, version);
    writer.write(&StreamOpen { stream: stream.into() }).await?;
    Ok(writer)
}
