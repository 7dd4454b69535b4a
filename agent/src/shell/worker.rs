//! The worker: collects, serves the local socket, reads files anew. It may be slow; heartbeats are not.
//!
//! Its rounds are counted, so that heartbeats and the watchdog tell when it is stuck.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use systole_common::config::Settings;
use systole_common::net::certificates::Credentials;
use systole_common::telemetry::Telemetry;
use systole_common::time::UnixMs;
use systole_common::wire::agent::{ProcessSample, Processes};
use systole_common::wire::hello::Clocks;
use tokio::net::UnixListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tracing::{error, info, warn};

use super::clocks::clocks;
use super::collect::{CollectNote, Collector};
use super::delivery::outlet::Deposit;
use super::local::listener::LocalSocket;
use super::local::server::{Desk, serve};
use super::notify;
use super::settings::{Loader, credentials};
use super::shared::{Command, Shared};
use crate::config::{Config, RESTART_KEYS};
use crate::engine::collect::metrics::is_live_only;
use crate::engine::effect::Sampling;
use crate::engine::sampling::{LiveLook, SamplingPlan};
use crate::engine::series::Reading;
use crate::limits::{CERTIFICATE_RETRY, WORKER_ROUND_MAX};

/// What the worker begins with.
#[derive(Debug)]
pub struct Worker {
    /// Reads the configuration anew.
    pub loader: Loader,
    /// The settings in force.
    pub settings: Settings,
    /// The same, typed.
    pub config: Config,
    /// Changes the level of the log.
    pub telemetry: Option<Telemetry>,
    /// The collectors for what is stored; for those who look no oftener, too.
    pub stored: Collector,
    /// The collectors for those who look oftener, and for the process list.
    pub live: Collector,
    /// Links, counters, newest values.
    pub shared: Arc<Shared>,
    /// What the local socket answers with.
    pub desk: Arc<Desk>,
    /// To the heartbeat loop.
    pub commands: mpsc::Sender<Command>,
    /// To the spool's thread.
    pub deposits: mpsc::Sender<Deposit>,
    /// The certificate in force, or why there is none.
    pub certificate: CertificateState,
}

/// How things stand with the own certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateState {
    /// It is in force until then.
    Good(UnixMs),
    /// It cannot be used.
    Bad(String),
}

/// When each of the collectors was asked last, and whether the spool's thread takes no more.
#[derive(Debug)]
struct Looks {
    stored_ns: u64,
    live_ns: u64,
    is_full: bool,
}

impl Worker {
    /// Works until `end` says so.
    pub async fn run(mut self, socket: LocalSocket, mut end: oneshot::Receiver<()>) {
        self.open_socket(&socket);
        let mut hangup = match signal(SignalKind::hangup()) {
            Ok(hangup) => Some(hangup),
            Err(error) => {
                warn!(%error, "SIGHUP cannot be heard; a change needs a restart");
                None
            }
        };
        let mut wishes = self.shared.sampling.subscribe();
        let begun = clocks();
        let mut plan = SamplingPlan::new(begun, *wishes.borrow());
        let mut looks = Looks { stored_ns: begun.boot_ns, live_ns: begun.boot_ns, is_full: false };
        // What follows are means over the time from here on.
        log_notes(&self.stored.tick(begun.boot_ns).notes);
        let mut certificate_due = interval(CERTIFICATE_RETRY);
        certificate_due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let round_max = notify::watchdog_timeout()
            .map_or(WORKER_ROUND_MAX, |timeout| WORKER_ROUND_MAX.min(timeout / 8));
        loop {
            self.shared.counters.worker.fetch_add(1, Ordering::Relaxed);
            tokio::select! {
                _ = &mut end => break,
                () = until(&plan, round_max) => self.look(&mut plan, &mut looks),
                sampling = changed(&mut wishes) => plan.follow(clocks(), sampling),
                () = heard(&mut hangup) => self.reload(),
                _ = certificate_due.tick() => self.watch_certificate(),
            }
        }
    }

    fn open_socket(&self, socket: &LocalSocket) {
        match socket.listener().and_then(UnixListener::from_std) {
            Ok(listener) => {
                tokio::spawn(serve(listener, self.desk.clone()));
            }
            Err(error) => error!(%error, "the local socket cannot be served"),
        }
    }

    /// Collects what is due and makes it known. What is live goes ahead of what is stored.
    fn look(&mut self, plan: &mut SamplingPlan, looks: &mut Looks) {
        let at = clocks();
        let due = plan.take(at);
        match due.live {
            LiveLook::None => {}
            LiveLook::Begin => drop(read(&mut self.live, at, &mut looks.live_ns)),
            LiveLook::Now => {
                let reading = read(&mut self.live, at, &mut looks.live_ns);
                self.show(reading);
            }
        }
        if let Some(slot) = due.stored {
            let reading = read(&mut self.stored, at, &mut looks.stored_ns);
            let stored = reading.samples.iter().filter(|one| !is_live_only(one.metric));
            let deposit = Deposit { slot, samples: stored.cloned().collect() };
            if due.stored_is_live {
                self.show(reading);
            }
            self.store(deposit, looks);
        }
        if due.processes {
            match self.live.processes(at.boot_ns) {
                Ok(scan) => {
                    log_notes(&scan.notes);
                    let processes = scan.processes.into_iter().map(on_the_wire).collect();
                    self.shared.processes.send_replace(Arc::new(Processes { processes }));
                }
                Err(error) => warn!(%error, "the process list cannot be read"),
            }
        }
    }

    fn show(&self, reading: Reading) {
        self.shared.reading.send_replace(Arc::new(reading));
        self.shared.counters.collector.fetch_add(1, Ordering::Relaxed);
    }

    /// Hands a slot to the spool's thread, which may hang with its disk: never waits for it.
    fn store(&self, deposit: Deposit, looks: &mut Looks) {
        let is_full = self.deposits.try_send(deposit).is_err();
        if is_full {
            self.shared.counters.unspooled.fetch_add(1, Ordering::Relaxed);
        }
        if is_full != std::mem::replace(&mut looks.is_full, is_full) {
            if is_full {
                warn!("the spool's disk does not answer; samples are given up, live values go on");
            } else {
                info!("the spool's disk answers again");
            }
        }
    }

    /// Tells the delivery which daemons there are.
    fn follow(&self) {
        self.shared.daemons.send_replace(self.config.daemon_names());
    }

    /// Reads configuration and certificates anew. What is broken leaves the old in force.
    fn reload(&mut self) {
        notify::reloading();
        match self.loader.load() {
            Ok((settings, config)) => self.take_over(settings, config),
            Err(errors) => {
                for error in errors.iter() {
                    error!("{error}");
                }
                error!("the configuration is broken; the settings of before stay in force");
            }
        }
        match credentials(&self.config) {
            Ok(credentials) => self.certify(credentials),
            Err(broken) if broken.is_about_time() => self.doubt(broken.to_string()),
            Err(broken) => {
                error!("{broken}");
                error!("the certificate cannot be read anew; the one of before stays in force");
            }
        }
        notify::ready();
    }

    fn take_over(&mut self, settings: Settings, config: Config) {
        let changed = settings.changed(&self.settings);
        let late: Vec<&str> =
            RESTART_KEYS.into_iter().filter(|key| changed.iter().any(|name| name == key)).collect();
        if !late.is_empty() {
            warn!(keys = late.join(", "), "changed settings that need a restart");
        }
        if let Some(telemetry) = &self.telemetry
            && let Err(error) = telemetry.set_level(&config.log_level)
        {
            error!("{error}");
        }
        let (daemons, labels) = (config.daemons.clone(), config.labels.clone());
        self.command(Command::Configure { daemons, labels });
        info!(changed = changed.join(", "), "the configuration is read anew");
        self.settings = settings;
        self.config = config;
        self.follow();
    }

    /// A certificate that time made unusable may be renewed, or the clock be set, at any moment.
    fn watch_certificate(&mut self) {
        let is_due = match &self.certificate {
            CertificateState::Good(not_after) => clocks().wall_ms > not_after.0,
            CertificateState::Bad(_) => true,
        };
        if !is_due {
            return;
        }
        match credentials(&self.config) {
            Ok(credentials) => {
                info!("the certificate can be used");
                self.certify(credentials);
            }
            Err(error) => self.doubt(error.to_string()),
        }
    }

    fn certify(&mut self, credentials: Credentials) {
        let leaf = &credentials.leaf;
        let (host, ends) = (leaf.identity.clone(), leaf.not_after);
        self.certificate = CertificateState::Good(ends);
        self.desk.update(|facts| {
            facts.host = Some(host_name(&host));
            facts.certificate_expires = Some(ends);
        });
        self.command(Command::Credentials(Box::new(credentials)));
    }

    fn doubt(&mut self, why: String) {
        let state = CertificateState::Bad(why.clone());
        if self.certificate != state {
            warn!("{why}");
            warn!(
                "no daemon is dialled until the certificate can be used; it is tried again each 10 s"
            );
            self.certificate = state;
        }
        self.command(Command::CertificateUnusable(why));
    }

    fn command(&self, command: Command) {
        if self.commands.try_send(command).is_err() {
            error!("the heartbeat loop takes no commands; restart the agent");
        }
    }
}

/// The name in an agent's certificate.
pub fn host_name(identity: &systole_common::ids::Identity) -> String {
    use systole_common::ids::Identity;
    match identity {
        Identity::Agent(host) => host.to_string(),
        Identity::Daemon(_) | Identity::Operator(..) => identity.to_string(),
    }
}

fn on_the_wire(process: crate::engine::collect::process::ProcessSample) -> ProcessSample {
    ProcessSample {
        pid: process.pid,
        name: process.name,
        cpu_percent: narrowed(process.cpu_percent),
        memory_bytes: process.memory_bytes,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a share of 0 to 100; the rest is noise")]
fn narrowed(percent: f64) -> f32 {
    percent as f32
}

fn log_notes(notes: &[CollectNote]) {
    for note in notes {
        match note {
            CollectNote::Unreadable { .. }
            | CollectNote::FileSystemFailed { .. }
            | CollectNote::FileSystemSilent { .. } => warn!("{note}"),
            CollectNote::ReadableAgain { .. } | CollectNote::FileSystemAnswers { .. } => {
                info!("{note}");
            }
        }
    }
}

/// Reads the host; rates are means since the same collector was asked before.
fn read(collector: &mut Collector, at: Clocks, before_ns: &mut u64) -> Reading {
    let tick = collector.tick(at.boot_ns);
    log_notes(&tick.notes);
    let interval_ms = at.boot_ns.saturating_sub(*before_ns) / 1_000_000;
    *before_ns = at.boot_ns;
    let interval_ms = u32::try_from(interval_ms).unwrap_or(u32::MAX);
    Reading { at, interval_ms, samples: tick.samples }
}

async fn until(plan: &SamplingPlan, round_max: Duration) {
    let wait = plan.wait(clocks()).min(round_max);
    sleep_until(Instant::now() + wait).await;
}

async fn changed(wishes: &mut watch::Receiver<Sampling>) -> Sampling {
    match wishes.changed().await {
        Ok(()) => *wishes.borrow_and_update(),
        Err(_) => std::future::pending().await,
    }
}

async fn heard(hangup: &mut Option<Signal>) {
    let signal = match hangup {
        Some(hangup) => hangup.recv().await,
        None => None,
    };
    if signal.is_none() {
        std::future::pending::<()>().await;
    }
}
