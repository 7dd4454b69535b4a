//! From settings to a running daemon. Whatever can fail comes before whatever leaves a trace, and a
//! start that fails takes back what it has made.

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ring::rand::{SecureRandom, SystemRandom};
use systole_common::ids::InstanceId;
use systole_common::net::certificates::Credentials;
use systole_common::net::endpoint::{EndpointError, ServerEndpoint, server_endpoint};
use systole_common::net::tls::ServerTls;
use systole_common::telemetry::Telemetry;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use super::context::Context;
use super::counters::Counters;
use super::credentials;
use super::engine_loop::EngineLoop;
use super::exposition::Source;
use super::files::{Depot, DepotSettings};
use super::folder::StateFolder;
use super::health_report::HealthReport;
use super::http::{self, Health};
use super::keys::{self, Keys};
use super::lag::LoopLag;
use super::listener::Listener;
use super::metric_queue::MetricQueue;
use super::metrics::health::MetricsNews;
use super::metrics::reader::MetricsReaders;
use super::metrics::slot::Intake;
use super::metrics::writer::MetricsWriter;
use super::metrics::{LOG_FOLDER, METRICS_FILE};
use super::peers::Peers;
use super::perform::Performer;
use super::receipts::Told;
use super::reload::Reloader;
use super::settings_source::Loaded;
use super::signals::{Asked, Signals};
use super::stop::{Running, Written};
use super::store::{self, Batch, Opened, Readers, Reserve, STATE_FILE, Writer, WriterNews};
use super::{clock, watchdog};
use crate::cli::Flags;
use crate::config::Config;
use crate::engine::Engine;
use crate::engine::gauges::Gauges;
use crate::engine::input::Input;
use crate::engine::state::Saved;
use crate::error::DaemonError;
use crate::limits::{BATCHES_MAX, GAUGES_WAITING_MAX, INPUTS_MAX, INTAKES_MAX};

/// Runs the daemon until it is asked to stop.
pub(super) async fn run(
    flags: Flags,
    mut loaded: Loaded,
    telemetry: Option<Telemetry>,
) -> Result<(), DaemonError> {
    let mut signals =
        Signals::take().map_err(|source| DaemonError::Thread { what: "signals", source })?;
    let health = Health::default();
    // A second daemon is told about the folder rather than about the port.
    let locked = StateFolder::reopen(&loaded.config.state)?;
    if let Some(address) = loaded.config.http {
        let listener = http::bind(address).await?;
        tokio::spawn(http::serve(listener, health.clone()));
    }
    let waited = credentials::wait(&flags, &mut loaded, &health, &mut signals).await?;
    let Some(credentials) = waited else { return Ok(()) };
    health.not_ready("starting");
    let mut running = begin(&loaded.config, &credentials, locked, &health).await?;
    let (context, endpoint) = (running.context.clone(), running.endpoint.clone());
    let mut reloader = Reloader { flags, loaded, credentials, context, endpoint, telemetry };
    loop {
        tokio::select! {
            asked = signals.next() => match asked {
                Asked::Reload => reloader.reload().await,
                Asked::Stop => break,
            },
            failure = running.failure() => {
                running.abandon(&failure);
                return Err(failure);
            }
        }
    }
    health.not_ready("stopping");
    running.stop().await
}

/// Begins to run; a start that fails leaves nothing behind. `locked` is the folder if it was used before.
pub(super) async fn begin(
    config: &Config,
    credentials: &Credentials,
    locked: Option<StateFolder>,
    health: &Health,
) -> Result<Running, DaemonError> {
    let ground = Ground::prepare(config, credentials, locked)?;
    let running = launch(config, credentials, ground, health).await?;
    announce(config, &running.context, &running.endpoint);
    health.ready();
    watchdog::ready();
    Ok(running)
}

/// What a daemon stands on: its port, its folder, its state.
struct Ground {
    endpoint: Arc<ServerEndpoint>,
    folder: StateFolder,
    opened: Opened,
    reserve: Reserve,
    saved: Saved,
    metrics: MetricsWriter<Told>,
    told: Told,
}

impl Ground {
    /// Checks first, then takes the port, and only then makes files.
    fn prepare(
        config: &Config,
        credentials: &Credentials,
        locked: Option<StateFolder>,
    ) -> Result<Self, DaemonError> {
        // SIGHUP may have named another one while the certificate was waited for.
        let locked = match locked.filter(|folder| folder.path() == config.state) {
            Some(folder) => Some(folder),
            None => StateFolder::reopen(&config.state)?,
        };
        store::refuse_newer(&config.state)?;
        let keys = Keys::load(&config.state)?;
        let tls = ServerTls::new(credentials, config.revoked.clone());
        let endpoint = Arc::new(server_endpoint(config.listen, tls, &keys.endpoint)?);
        let mut folder = match locked {
            Some(folder) => folder,
            None => StateFolder::create(&config.state)?,
        };
        for name in [STATE_FILE, "state.db-wal", "state.db-shm", "reserve", keys::FILE] {
            folder.will_make(name);
        }
        for name in [METRICS_FILE, "metrics.db-wal", "metrics.db-shm", LOG_FOLDER] {
            folder.will_make(name);
        }
        let now = clock::wall();
        let reserve = Reserve::open(folder.path(), config.reserve)?;
        let opened = store::open(folder.path(), now)?;
        let read = store::load(&opened, now)?;
        let told = Told::default();
        let (path, room, kept) = (folder.path(), reserve.bytes(), config.retention);
        let (metrics, losses) = MetricsWriter::open(path, room, kept, told.clone(), clock::wall)?;
        keys.keep(folder.path())?;
        folder.keep();
        for loss in &losses {
            error!(reason = loss, "stored samples were damaged");
        }
        for loss in &read.losses {
            error!(reason = loss, "state was damaged");
        }
        if read.unreadable > 0 {
            warn!(rows = read.unreadable, "rows of state.db make no sense and are left out");
        }
        if let Some(backup) = &opened.backup {
            info!(copy = %backup.display(), "state.db was brought up to date; this is what it was before");
        }
        Ok(Self { endpoint, folder, opened, reserve, saved: read.saved, metrics, told })
    }
}

/// Starts all parts; from its return on agents are judged.
async fn launch(
    config: &Config,
    credentials: &Credentials,
    ground: Ground,
    health: &Health,
) -> Result<Running, DaemonError> {
    let (inputs_sender, inputs) = mpsc::channel(INPUTS_MAX);
    let (batches, queue) = mpsc::channel(BATCHES_MAX);
    let (asked, gauges) = mpsc::channel(GAUGES_WAITING_MAX);
    let (refusing_sender, refusing) = watch::channel(false);
    let (metrics, intakes) = mpsc::channel(INTAKES_MAX);
    let context = context(config, credentials, inputs_sender, metrics, ground.reserve.bytes())?;
    let performer = performer(config, &context, &ground);
    let samples = ground.metrics.news();
    let reserve_bytes = ground.reserve.bytes();
    let engine = judge(config, ground.saved, &context);
    let (news, written) =
        begin_writing(ground.opened, ground.reserve, performer.clone(), refusing_sender, queue)?;
    let kept = begin_keeping(ground.metrics, intakes)?;
    let watched = Watched { state: news.clone(), metrics: samples, reserve_bytes };
    begin_reporting(&context, watched, &refusing, asked, health);
    context.tell(Input::OwnCertificates(credentials::endings(credentials))).await;
    context.tell(Input::Ready).await;
    let end = CancellationToken::new();
    let engine_loop = EngineLoop {
        engine,
        context: context.clone(),
        performer,
        inputs,
        batches,
        writer: news,
        refusing,
        gauges,
        drained: ground.endpoint.drained(),
        watchdog: watchdog::Watchdog::from_unit(),
    };
    let engine = tokio::spawn(engine_loop.run(end.clone()));
    let (tasks, listener) = begin_listening(&context, &ground.endpoint);
    Ok(Running {
        context,
        endpoint: ground.endpoint,
        tasks,
        listener,
        engine,
        end,
        written,
        kept,
        folder: ground.folder,
    })
}

/// The engine, with what it is to know again.
fn judge(config: &Config, saved: Saved, context: &Context) -> Engine {
    Engine::new(config.engine.clone(), saved, &context.name, context.instance, clock::now())
}

/// Lets peers in from now on.
fn begin_listening(
    context: &Arc<Context>,
    endpoint: &Arc<ServerEndpoint>,
) -> (TaskTracker, JoinHandle<()>) {
    let listener = Listener::new(context.clone(), endpoint.clone());
    (listener.tasks().clone(), tokio::spawn(listener.run()))
}

/// Does what the engine asks for, with readers of both files.
fn performer(config: &Config, context: &Arc<Context>, ground: &Ground) -> Performer {
    ground.told.bind(context.inputs.clone());
    let state = Readers::new(&ground.opened.path, &config.engine.files_path);
    let store = &ground.metrics;
    let metrics = MetricsReaders::new(&store.database_path(), store.open_windows(), store.news());
    Performer::new(context.clone(), state, metrics, Handle::current())
}

/// What is looked at to tell how the daemon itself is.
struct Watched {
    state: Arc<WriterNews>,
    metrics: Arc<MetricsNews>,
    reserve_bytes: u64,
}

/// Shows the daemon's own numbers to `/metrics`, and its health to the engine once a second.
fn begin_reporting(
    context: &Arc<Context>,
    watched: Watched,
    refusing: &watch::Receiver<bool>,
    gauges: mpsc::Sender<oneshot::Sender<Gauges>>,
    health: &Health,
) {
    let Watched { state, metrics, reserve_bytes } = watched;
    health.measure(Source {
        context: context.clone(),
        writer: state.clone(),
        metrics: metrics.clone(),
        refusing: refusing.clone(),
        gauges,
        started: clock::mono(),
    });
    let (context, refusing) = (context.clone(), refusing.clone());
    tokio::spawn(HealthReport { context, state, refusing, metrics, reserve_bytes }.run());
}

/// Starts the writer's thread; how it ends comes on the channel.
fn begin_writing(
    opened: Opened,
    reserve: Reserve,
    performer: Performer,
    refusing: watch::Sender<bool>,
    mut queue: mpsc::Receiver<Batch>,
) -> Result<(Arc<WriterNews>, Written), DaemonError> {
    let writer = Writer::new(opened, reserve, performer, refusing, clock::wall);
    let news = writer.news();
    let handle = Handle::current();
    let (sender, written) = oneshot::channel();
    std::thread::Builder::new()
        .name("state-writer".into())
        .spawn(move || drop(sender.send(writer.run(&handle, &mut queue))))
        .map_err(|source| DaemonError::Thread { what: "the writer of state.db", source })?;
    Ok((news, written))
}

/// Starts the thread of the metric store; how it ends comes on the channel.
fn begin_keeping(
    writer: MetricsWriter<Told>,
    mut intakes: mpsc::Receiver<Intake>,
) -> Result<Written, DaemonError> {
    let handle = Handle::current();
    let (sender, kept) = oneshot::channel();
    std::thread::Builder::new()
        .name("metrics-writer".into())
        .spawn(move || drop(sender.send(writer.run(&handle, &mut intakes))))
        .map_err(|source| DaemonError::Thread { what: "the writer of metrics.db", source })?;
    Ok(kept)
}

fn context(
    config: &Config,
    credentials: &Credentials,
    inputs: mpsc::Sender<Input>,
    metrics: mpsc::Sender<Intake>,
    reserve_bytes: u64,
) -> Result<Arc<Context>, DaemonError> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| EndpointError::Random)?;
    let revoked: BTreeSet<_> = config.revoked.clone();
    let settings = DepotSettings {
        path: config.files.path.clone(),
        per_host_bytes: config.files.per_host_bytes,
        reserve_bytes,
    };
    Ok(Arc::new(Context {
        name: credentials::name(credentials)?,
        fleet: credentials.leaf.fleet.clone(),
        instance: InstanceId(u64::from_le_bytes(bytes)),
        peers: Peers::default(),
        files: Arc::new(Depot::new(settings, inputs.clone(), Handle::current())),
        talk: ArcSwap::from_pointee(config.engine.talk),
        inputs,
        metrics: MetricQueue::new(metrics),
        counters: Counters::default(),
        lag: LoopLag::default(),
        limits: ArcSwap::from_pointee(config.limits),
        revoked: ArcSwap::from_pointee(revoked),
        stopping: CancellationToken::new(),
    }))
}

fn announce(config: &Config, context: &Context, endpoint: &ServerEndpoint) {
    if let Some(warning) = endpoint.buffers().warning() {
        warn!("{warning}");
    }
    let listen = endpoint.endpoint().local_addr().unwrap_or(config.listen);
    let http = config.http.map_or_else(|| "off".to_owned(), |address| address.to_string());
    info!(
        name = %context.name,
        fleet = %context.fleet,
        %listen,
        http,
        state = %config.state.display(),
        "ready"
    );
}
