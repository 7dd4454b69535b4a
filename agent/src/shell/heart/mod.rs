//! The heartbeat loop: waits, lets the engine decide, does what it says. Nothing here may block.
//!
//! It runs on a thread and a runtime of its own, which also drive the connections: a slow disk, a
//! slow collector or a client of the local socket cannot delay a heartbeat.

pub mod attempt;
pub(super) mod endpoints;
pub(super) mod line;
mod messages;
mod metrics;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use systole_common::net::certificates::Credentials;
use systole_common::net::endpoint::ClientEndpoint;
use systole_common::net::identity::Fingerprint;
use systole_common::net::tls::ClientTls;
use systole_common::time::Mono;
use systole_common::wire::codec::encode_frame;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tracing::{debug, info, warn};

use crate::engine::effect::{Beat, Effect, Notice};
use crate::engine::heartbeat::{Author, Reading, compose};
use crate::engine::input::{ConnectionId, DaemonAddress, Input, RequestId};
use crate::engine::summary::{Weight, sentence};
use crate::engine::{Engine, moment};
use crate::limits::{CLOSE_WAIT, EVENTS_WAITING_MAX};
use crate::shell::clocks::clocks;
use crate::shell::delivery::outlet::{Mains, Receipted};
use crate::shell::notify;
use crate::shell::shared::{Command, Shared, Told};
use crate::shell::stop::StopSignals;
use crate::shell::talk::outlet::Routes;
use crate::shell::vitals::VitalSigns;
use attempt::{Attempt, Introduction, Opened};
use endpoints::Endpoints;
use line::{Line, Reports};

/// What a connection or attempt reports.
#[derive(Debug)]
enum Event {
    /// For the engine.
    Input(Input),
    /// The hello was accepted.
    Opened {
        /// The attempt.
        id: ConnectionId,
        /// What came of it.
        opened: Box<Opened>,
    },
}

/// The heartbeat loop and all that it holds.
#[derive(Debug)]
pub struct Heart {
    engine: Engine,
    shared: Arc<Shared>,
    introduction: Introduction,
    author: Author,
    vitals: VitalSigns,
    certificate: Option<Certificate>,
    attempts: BTreeMap<ConnectionId, AbortHandle>,
    lines: BTreeMap<ConnectionId, Line>,
    endpoints: Arc<Endpoints>,
    closing: Vec<Arc<ClientEndpoint>>,
    replies: BTreeMap<RequestId, oneshot::Sender<Told>>,
    requests: u64,
    reports: Reports,
    events: mpsc::Receiver<Event>,
    commands: mpsc::Receiver<Command>,
    stopped: bool,
}

impl Heart {
    /// A heart that beats once [`Self::beat`] runs. `engine` knows its daemons later; `receipts` go to
    /// the delivery, what comes on the messages streams goes to `routes`.
    pub fn new(
        engine: Engine,
        shared: Arc<Shared>,
        introduction: Introduction,
        commands: mpsc::Receiver<Command>,
        receipts: mpsc::Sender<Receipted>,
        routes: Routes,
    ) -> Self {
        let (sender, events) = mpsc::channel(EVENTS_WAITING_MAX);
        let reports = Reports { events: sender, receipts, routes };
        let instance = introduction.instance;
        let boot = introduction.boot_id.short();
        Self {
            engine,
            shared,
            introduction,
            author: Author { instance, boot },
            vitals: VitalSigns::open(),
            certificate: None,
            attempts: BTreeMap::new(),
            lines: BTreeMap::new(),
            endpoints: Arc::default(),
            closing: Vec::new(),
            replies: BTreeMap::new(),
            requests: 0,
            reports,
            events,
            commands,
            stopped: false,
        }
    }

    /// Beats until a signal or a command ends it and all goodbyes are said.
    pub async fn beat(&mut self, mut signals: StopSignals) {
        let watched = notify::watchdog_timeout();
        let mut watchdog = interval(watched.map_or(Duration::from_hours(1), |time| time / 4));
        watchdog.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut worker_before = u64::MAX;
        while !self.stopped {
            let deadline = self.engine.next_deadline();
            tokio::select! {
                biased;
                () = until(deadline) => self.handle(Input::Tick),
                why = signals.next() => self.stop(why),
                Some(event) = self.events.recv() => self.event(event),
                Some(command) = self.commands.recv() => self.command(command),
                _ = watchdog.tick(), if watched.is_some() => {
                    let worker = self.shared.counters.worker.load(Ordering::Relaxed);
                    if worker != worker_before {
                        notify::watchdog();
                    }
                    worker_before = worker;
                }
            }
        }
        self.drain().await;
    }

    fn stop(&mut self, why: &str) {
        info!(why, "stopping");
        notify::stopping();
        self.handle(Input::Stop { why: why.to_owned() });
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Input(input) => {
                if let Some(ended) = input.connection().filter(|_| ends_attempt(&input)) {
                    self.attempts.remove(&ended);
                }
                if let Input::Lost { connection, .. } = &input {
                    self.lines.remove(connection);
                    self.publish_mains();
                }
                self.handle(input);
            }
            Event::Opened { id, opened } => {
                // An attempt that was given up meanwhile is dropped, which closes it.
                if self.attempts.remove(&id).is_some() {
                    let accepted = opened.accepted.clone();
                    let (shared, reports) = (self.shared.clone(), self.reports.clone());
                    let line = Line::start(id, *opened, self.author.instance, shared, reports);
                    self.lines.insert(id, line);
                    self.publish_mains();
                    self.handle(Input::Accepted { connection: id, accepted });
                }
            }
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Credentials(credentials) => self.take_credentials(&credentials),
            Command::CertificateUnusable(why) => {
                if let Some(certificate) = &mut self.certificate {
                    certificate.usable = false;
                }
                self.handle(Input::CertificateUnusable { why });
            }
            Command::Configure { daemons, labels } => {
                self.handle(Input::Daemons(daemons));
                if labels != self.introduction.labels {
                    self.introduction.labels = labels;
                    self.handle(Input::HelloChanged);
                }
            }
            Command::Leave { lease, why, reply } => {
                let request = self.request(reply);
                self.handle(Input::Leave { request, lease, why });
            }
            Command::Return { reply } => {
                let request = self.request(reply);
                self.handle(Input::Return { request });
            }
            Command::Stop(why) => self.stop(&why),
        }
    }

    /// Dials with `credentials` from now on. Only another certificate makes live links anew.
    fn take_credentials(&mut self, credentials: &Credentials) {
        let fingerprint = credentials.leaf.fingerprint;
        let same = self
            .certificate
            .as_ref()
            .is_some_and(|before| before.usable && before.fingerprint == fingerprint);
        let tls = ClientTls::new(credentials, BTreeSet::new());
        self.certificate = Some(Certificate { fingerprint, tls, usable: true });
        if !same {
            self.handle(Input::CertificateReady);
        }
    }

    /// Tells the delivery which connection to each daemon is the newest.
    fn publish_mains(&self) {
        let newest = self.lines.values().map(Line::main);
        let mains: Mains = newest.map(|(daemon, main)| (daemon.clone(), main.clone())).collect();
        self.shared.mains.send_replace(Arc::new(mains));
    }

    fn request(&mut self, reply: oneshot::Sender<Told>) -> RequestId {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.replies.insert(request, reply);
        request
    }

    fn handle(&mut self, input: Input) {
        let now = clocks();
        for effect in self.engine.handle(now, input) {
            self.perform(effect);
        }
        self.shared.publish(self.engine.report(now));
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Dial { connection, daemon } => self.dial(connection, daemon),
            Effect::Abandon { connection } => {
                if let Some(attempt) = self.attempts.remove(&connection) {
                    attempt.abort();
                }
            }
            Effect::Close { connection, code, reason } => {
                if let Some(line) = self.lines.remove(&connection) {
                    self.closing.retain(|endpoint| endpoint.endpoint().open_connections() > 0);
                    self.closing.push(line.close(code, &reason));
                    self.publish_mains();
                }
            }
            Effect::Beat(beat) => self.write(&beat),
            Effect::Sample(sampling) => {
                self.shared.sampling.send_replace(sampling);
            }
            Effect::Told { request, told, untold } => {
                if let Some(reply) = self.replies.remove(&request) {
                    // Whoever asked may have hung up.
                    let _ = reply.send(Told { told, untold });
                }
            }
            Effect::Note(notice) => log(&notice),
            Effect::Stopped => self.stopped = true,
        }
    }

    fn dial(&mut self, id: ConnectionId, daemon: DaemonAddress) {
        // The engine dials only once there is a certificate.
        let Some(certificate) = &self.certificate else { return };
        let attempt = Attempt {
            id,
            daemon,
            tls: certificate.tls.clone(),
            introduction: self.introduction.clone(),
            endpoints: self.endpoints.clone(),
            events: self.reports.events.clone(),
        };
        self.attempts.insert(id, tokio::spawn(attempt.run()).abort_handle());
    }

    fn write(&mut self, beat: &Beat) {
        self.shared.counters.heartbeat.store(beat.sequence, Ordering::Relaxed);
        let counters = &self.shared.counters;
        let reading = Reading {
            vitals: self.vitals.read(),
            progress: counters.progress(),
            datagrams_dropped: counters.datagrams_dropped.load(Ordering::Relaxed),
            clocks: clocks(),
        };
        for target in &beat.targets {
            let Some(line) = self.lines.get(&target.connection) else { continue };
            let heartbeat = compose(self.author, beat, target, &reading);
            let sent = encode_frame(line.version(), &heartbeat).is_ok_and(|frame| line.beat(frame));
            if !sent {
                debug!(sequence = beat.sequence, "a heartbeat found no room");
            }
        }
    }

    /// Gives the transport a moment to send its last packets.
    async fn drain(&mut self) {
        let closing = std::mem::take(&mut self.closing);
        let idle = async {
            for endpoint in &closing {
                endpoint.endpoint().wait_idle().await;
            }
        };
        if timeout(CLOSE_WAIT, idle).await.is_err() {
            debug!("some daemon did not confirm the end of its connection");
        }
    }
}

/// What is dialled with.
#[derive(Debug)]
struct Certificate {
    fingerprint: Fingerprint,
    tls: ClientTls,
    usable: bool,
}

fn ends_attempt(input: &Input) -> bool {
    matches!(input, Input::Refused { .. } | Input::Failed { .. })
}

async fn until(deadline: Option<Mono>) {
    match deadline {
        Some(deadline) => {
            let wait = deadline.since(moment(clocks()));
            sleep_until(Instant::now() + wait).await;
        }
        None => std::future::pending().await,
    }
}

fn log(notice: &Notice) {
    let (weight, text) = sentence(notice);
    match weight {
        Weight::Warning => warn!("{text}"),
        Weight::Information => info!("{text}"),
        Weight::Detail => debug!("{text}"),
    }
}
