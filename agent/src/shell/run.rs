//! `systole-agent run`: sets everything up in an order that leaves nothing half-made, then beats.

use std::sync::{Arc, Mutex, mpsc as std_mpsc};
use std::thread;
use std::time::Instant;

use systole_common::ids::{InstanceId, SpoolEpoch};
use systole_common::net::certificates::{CertificateError, Credentials};
use systole_common::telemetry;
use systole_common::time::UnixMs;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

use super::clocks::clocks;
use super::collect::Collector;
use super::delivery::outlet::Receipted;
use super::delivery::{Keeper, SpoolPlace};
use super::heart::Heart;
use super::heart::attempt::Introduction;
use super::host::{boot_id, os_name, random};
use super::local::Facts;
use super::local::listener::LocalSocket;
use super::local::server::Desk;
use super::notify;
use super::send::{Asked, FileKeeper};
use super::settings::{Loader, credentials};
use super::shared::{Command, Shared};
use super::stop::StopSignals;
use super::talk::ask::{Ask, Door};
use super::talk::outlet::{Arrived, Decided, Routes};
use super::talk::{TalkKeeper, TalkOpened, TalkPlace};
use super::worker::{CertificateState, Worker, host_name};
use crate::config::Config;
use crate::engine::Engine;
use crate::error::AgentError;
use crate::limits::{
    ARRIVALS_WAITING_MAX, COMMANDS_WAITING_MAX, DECISIONS_WAITING_MAX, LOOKUP_STACK_BYTES,
    LOOKUP_THREADS_MAX, READINGS_WAITING_MAX, RECEIPTS_WAITING_MAX, SENDS_WAITING_MAX,
    THREADS_END_WAIT,
};

/// Runs the agent until a signal ends it.
pub fn run(loader: Loader) -> Result<(), AgentError> {
    let (settings, config) = loader.load()?;
    let telemetry = telemetry::start("systole-agent", config.log_format, &config.log_level)?;
    let certificate = usable_or_in_time(credentials(&config))?;
    let place = spool_place(&config);
    let spool = place.open()?;
    let talk_place = TalkPlace { folder: config.spool.join("talk"), epoch: spool.epoch() };
    let talk_opened = talk_place.open()?;
    let socket = LocalSocket::bind(&config.socket)?;
    let collector = || Collector::new().map_err(|source| AgentError::Proc { source });
    let (stored, live) = (collector()?, collector()?);
    let introduction = introduction(&config, spool.epoch())?;
    let engine = Engine::new(clocks(), random()?, spool.interval());
    let (commands, waiting) = mpsc::channel(COMMANDS_WAITING_MAX);
    let (report, sampling) = (engine.report(clocks()), engine.sampling());
    let shared = Arc::new(Shared::new(report, sampling, config.daemon_names()));
    let (to_spool, deposits) = mpsc::channel(READINGS_WAITING_MAX);
    let (to_receipts, receipts) = mpsc::channel(RECEIPTS_WAITING_MAX);
    let (Doors { talk, sends, routes }, inlets) = inlets();
    let desk = Arc::new(Desk {
        shared: shared.clone(),
        commands: commands.clone(),
        facts: Mutex::new(facts(certificate.as_ref().ok(), introduction.instance)),
        talk: talk.clone(),
        sends,
    });
    announce(&config, &introduction, certificate.as_ref().ok());
    let state = first_commands(&commands, &config, certificate);
    let worker = Worker {
        loader,
        settings,
        config,
        telemetry: Some(telemetry),
        stored,
        live,
        shared: shared.clone(),
        desk,
        commands,
        deposits: to_spool,
        certificate: state,
    };
    let hello = introduction.clone();
    let keeper = Keeper { place, shared: shared.clone(), introduction: hello, deposits, receipts };
    let [talk, files] = inlets.start(&shared, talk, talk_place, talk_opened)?;
    let heart = Heart::new(engine, shared, introduction, waiting, to_receipts, routes);
    let worker = Beside::start("worker", |end| worker.run(socket, end))?;
    let spool = Beside::start("spool", |end| keeper.run(spool, end))?;
    beat(heart, [worker, spool, talk, files])
}

/// Where users and daemons hand over what is for the talk and the files.
struct Doors {
    talk: Door,
    sends: mpsc::Sender<Asked>,
    routes: Routes,
}

/// The other ends of [`Doors`].
struct Inlets {
    asks: mpsc::Receiver<Ask>,
    asked: mpsc::Receiver<Asked>,
    arrivals: mpsc::Receiver<Arrived>,
    receipts: mpsc::Receiver<Receipted>,
    decisions: mpsc::Receiver<Decided>,
}

fn inlets() -> (Doors, Inlets) {
    let (talk, asks) = Door::new();
    let (sends, asked) = mpsc::channel(SENDS_WAITING_MAX);
    let (to_arrivals, arrivals) = mpsc::channel(ARRIVALS_WAITING_MAX);
    let (to_receipts, receipts) = mpsc::channel(RECEIPTS_WAITING_MAX);
    let (to_decisions, decisions) = mpsc::channel(DECISIONS_WAITING_MAX);
    let routes = Routes { arrivals: to_arrivals, receipts: to_receipts, decisions: to_decisions };
    let inlets = Inlets { asks, asked, arrivals, receipts, decisions };
    (Doors { talk, sends, routes }, inlets)
}

impl Inlets {
    /// Starts the talk's and the files' thread.
    fn start(
        self,
        shared: &Arc<Shared>,
        talk: Door,
        place: TalkPlace,
        opened: TalkOpened,
    ) -> Result<[Beside; 2], AgentError> {
        let Self { asks, asked, arrivals, receipts, decisions } = self;
        let (shared, epoch) = (shared.clone(), place.epoch);
        let talker = TalkKeeper::new(place, shared.clone(), asks, arrivals, receipts);
        let sender = FileKeeper { shared, talk, epoch, asked, decisions };
        Ok([
            Beside::start("talk", |end| talker.run(opened, end))?,
            Beside::start("files", |end| sender.run(end))?,
        ])
    }
}

fn spool_place(config: &Config) -> SpoolPlace {
    SpoolPlace {
        folder: config.spool.clone(),
        bounds: config.spool_bounds,
        ledger: config.spool_ledger.clone(),
    }
}

fn introduction(config: &Config, spool_epoch: SpoolEpoch) -> Result<Introduction, AgentError> {
    Ok(Introduction {
        instance: InstanceId(random()?),
        boot_id: boot_id(),
        spool_epoch,
        os: os_name(),
        labels: config.labels.clone(),
    })
}

/// A thread beside the heartbeat's, with an event loop of its own.
struct Beside {
    name: &'static str,
    end: oneshot::Sender<()>,
    finished: std_mpsc::Receiver<()>,
}

impl Beside {
    /// Starts `work` on a thread; it ends soon after it is told.
    fn start<W: Future<Output = ()> + Send + 'static>(
        name: &'static str,
        work: impl FnOnce(oneshot::Receiver<()>) -> W,
    ) -> Result<Self, AgentError> {
        let runtime = runtime()?;
        let (end, ended) = oneshot::channel();
        let work = work(ended);
        let (done, finished) = std_mpsc::channel();
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                runtime.block_on(work);
                // Nobody waits any more if this took too long.
                let _ = done.send(());
            })
            .map_err(AgentError::system("thread"))?;
        Ok(Self { name, end, finished })
    }
}

/// The heartbeat loop on this thread until its end, then the end of the others.
fn beat<const N: usize>(mut heart: Heart, beside: [Beside; N]) -> Result<(), AgentError> {
    let runtime = runtime()?;
    let signals = runtime
        .block_on(async { StopSignals::listen() })
        .map_err(AgentError::system("signal handlers"))?;
    notify::ready();
    runtime.block_on(heart.beat(signals));
    let waits = beside.map(|Beside { name, end, finished }| {
        // It may have ended by itself.
        let _ = end.send(());
        (name, finished)
    });
    let until = Instant::now() + THREADS_END_WAIT;
    for (name, finished) in waits {
        let left = until.saturating_duration_since(Instant::now());
        if finished.recv_timeout(left).is_err() {
            warn!("the {name} thread is stuck and is left behind");
        }
    }
    runtime.shutdown_background();
    info!("stopped");
    Ok(())
}

/// A runtime of one thread; name look-ups get a few small ones beside it.
fn runtime() -> Result<Runtime, AgentError> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(LOOKUP_THREADS_MAX)
        .thread_stack_size(LOOKUP_STACK_BYTES)
        .build()
        .map_err(AgentError::system("event loop"))
}

/// A certificate that time alone can mend keeps nobody from starting; any other fault does.
fn usable_or_in_time(
    loaded: Result<Credentials, CertificateError>,
) -> Result<Result<Credentials, String>, AgentError> {
    match loaded {
        Ok(credentials) => Ok(Ok(credentials)),
        Err(error) if error.is_about_time() => {
            warn!("{error}");
            warn!(
                "no daemon is dialled until the certificate can be used; it is tried again each 10 s"
            );
            Ok(Err(error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

fn facts(certificate: Option<&Credentials>, instance: InstanceId) -> Facts {
    Facts {
        host: certificate.map(|credentials| host_name(&credentials.leaf.identity)),
        certificate_expires: certificate.map(|credentials| credentials.leaf.not_after),
        instance: instance.to_string(),
        started: UnixMs(clocks().wall_ms),
    }
}

fn announce(config: &Config, introduction: &Introduction, certificate: Option<&Credentials>) {
    let names: Vec<String> = config.daemon_names().iter().map(ToString::to_string).collect();
    let host = certificate.map(|credentials| host_name(&credentials.leaf.identity));
    info!(
        version = env!("CARGO_PKG_VERSION"),
        host = host.as_deref().unwrap_or("unknown"),
        instance = %introduction.instance,
        daemons = names.join(", "),
        socket = %config.socket.display(),
        "systole-agent runs"
    );
}

/// What the heartbeat loop finds when it begins; the queue has room for it.
fn first_commands(
    commands: &mpsc::Sender<Command>,
    config: &Config,
    certificate: Result<Credentials, String>,
) -> CertificateState {
    let (daemons, labels) = (config.daemons.clone(), config.labels.clone());
    let (state, command) = match certificate {
        Ok(credentials) => {
            let state = CertificateState::Good(credentials.leaf.not_after);
            (state, Command::Credentials(Box::new(credentials)))
        }
        Err(why) => (CertificateState::Bad(why.clone()), Command::CertificateUnusable(why)),
    };
    for command in [Command::Configure { daemons, labels }, command] {
        if let Err(error) = commands.try_send(command) {
            warn!(%error, "the heartbeat loop takes no commands");
        }
    }
    state
}
