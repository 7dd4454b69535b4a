//! A simulated fleet: agents that beat in virtual time, a daemon that can be restarted, a disk that
//! keeps what was committed. Deterministic: the same calls give the same effects.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use systole_common::ids::{
    AlertId, BootId, ConnectionId, HostId, InstanceId, OperatorName, Role, SpoolEpoch,
};
use systole_common::model::alert::AlertState;
use systole_common::model::host::HostState;
use systole_common::model::metric::{SeriesKey, split_series};
use systole_common::time::{Mono, Now, UnixMs, millis};
use systole_common::wire::agent::{Heartbeat, Intent, IntentKind, Pressure, ProbeAnswer, Progress};
use systole_common::wire::control::Receipt;
use systole_common::wire::hello::{Clocks, CloseCode};
use systole_common::wire::talk::Delivery;
use systole_daemon::engine::Engine;
use systole_daemon::engine::effect::{Effect, FeedFrame, LogLine, Query, Reply};
use systole_daemon::engine::input::{AgentHello, Gone, Input, Request};
use systole_daemon::engine::settings::Settings;
use systole_daemon::engine::state::{AlertRow, AuditRow, Change, ConnectionRow, HostRow, Saved};

use crate::said::Said;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// The name of the daemon.
pub(crate) const DAEMON: &str = "mon-1";
/// The epoch of its messages.
pub(crate) const TALK_EPOCH: SpoolEpoch = SpoolEpoch(77);

/// The console of these tests.
pub(crate) const CONSOLE: ConnectionId = ConnectionId(1_000_000);

#[derive(Debug, Clone)]
pub(crate) struct Agent {
    pub(crate) connection: ConnectionId,
    pub(crate) instance: InstanceId,
    pub(crate) boot: BootId,
    pub(crate) sequence: u64,
    pub(crate) next_beat: Mono,
    pub(crate) interval: Duration,
    pub(crate) accepted: bool,
    pub(crate) running: bool,
    pub(crate) frozen: bool,
    pub(crate) intent: Intent,
    pub(crate) wall_offset_ms: i64,
    /// For how long its machine stood still, clocks and all.
    pub(crate) stood: Duration,
    pub(crate) promised_ms: Option<u32>,
    /// What it sends with each sample; nothing is sent while this is empty.
    pub(crate) values: BTreeMap<Arc<SeriesKey>, f64>,
    pub(crate) next_sample: Mono,
    pub(crate) sample_interval: Duration,
}

/// What a crash of the daemon leaves.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    pub(crate) hosts: BTreeMap<HostId, HostRow>,
    pub(crate) alerts: BTreeMap<AlertId, AlertRow>,
    pub(crate) audit: Vec<AuditRow>,
    pub(crate) connections: Vec<(HostId, ConnectionRow)>,
    pub(crate) said: Said,
}

pub(crate) struct Sim {
    pub(crate) engine: Engine,
    pub(crate) now: Now,
    pub(crate) disk: Disk,
    pub(crate) agents: BTreeMap<&'static str, Agent>,
    pub(crate) clones: Vec<(ConnectionId, &'static str)>,
    pub(crate) refused: Vec<(ConnectionId, String, CloseCode)>,
    pub(crate) closed: Vec<(ConnectionId, CloseCode)>,
    pub(crate) replies: Vec<Reply>,
    pub(crate) queries: Vec<Query>,
    /// Messages that were sent to hosts.
    pub(crate) deliveries: Vec<(ConnectionId, Delivery)>,
    /// What hosts were told to be safe.
    pub(crate) receipts: Vec<(ConnectionId, Receipt)>,
    /// What was asked for files, whatever it is.
    pub(crate) of_files: Vec<Effect>,
    pub(crate) feed: Vec<FeedFrame>,
    pub(crate) intervals: Vec<(ConnectionId, u32)>,
    pub(crate) log: Vec<LogLine>,
    pub(crate) settings: Settings,
    counter: u64,
}

/// The daemon's wall clock at `mono`.
fn wall_at(mono: Mono) -> UnixMs {
    UnixMs(1_795_000_000_000).plus(Duration::from_nanos(mono.0 - 1_000_000_000_000))
}

pub(crate) fn host(name: &str) -> HostId {
    name.parse().unwrap()
}

impl Sim {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let now = Now { mono: Mono(1_000_000_000_000), wall: UnixMs(1_795_000_000_000) };
        let saved = Saved { talk_epoch: TALK_EPOCH, ..Saved::default() };
        let name = DAEMON.parse().unwrap();
        let engine = Engine::new(settings.clone(), saved, &name, InstanceId(1), now);
        let mut sim = Self {
            engine,
            now,
            disk: Disk::default(),
            agents: BTreeMap::new(),
            clones: Vec::new(),
            refused: Vec::new(),
            closed: Vec::new(),
            replies: Vec::new(),
            queries: Vec::new(),
            deliveries: Vec::new(),
            receipts: Vec::new(),
            of_files: Vec::new(),
            feed: Vec::new(),
            intervals: Vec::new(),
            log: Vec::new(),
            settings,
            counter: 10,
        };
        sim.give(Input::Ready);
        sim
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Starts an agent, or starts it again after it died; the kernel stays the same.
    pub(crate) fn start(&mut self, name: &'static str) {
        let instance = InstanceId(self.number());
        let boot = self.agents.get(name).map_or(BootId([7; 16]), |agent| agent.boot);
        self.start_as(name, instance, boot);
    }

    /// Starts an agent after a reboot.
    pub(crate) fn start_rebooted(&mut self, name: &'static str) {
        let number = self.number();
        self.start_as(name, InstanceId(number), BootId(u128::from(number).to_be_bytes()));
    }

    fn start_as(&mut self, name: &'static str, instance: InstanceId, boot: BootId) {
        let agent = Agent {
            connection: ConnectionId(0),
            instance,
            boot,
            sequence: 0,
            next_beat: self.now.mono,
            interval: self.settings.heartbeat_interval,
            accepted: false,
            running: true,
            frozen: false,
            intent: Intent::default(),
            wall_offset_ms: 0,
            stood: Duration::ZERO,
            promised_ms: None,
            values: self.agents.get(name).map(|old| old.values.clone()).unwrap_or_default(),
            next_sample: self.now.mono,
            sample_interval: self.settings.stored_interval,
        };
        self.agents.insert(name, agent);
        self.connect(name);
    }

    /// Dials a (further) main connection of a running agent.
    pub(crate) fn connect(&mut self, name: &'static str) {
        let connection = ConnectionId(self.number());
        let agent = self.agents.get_mut(name).unwrap();
        agent.connection = connection;
        agent.accepted = false;
        let (instance, boot) = (agent.instance, agent.boot);
        let hello = self.hello(name, connection, instance, boot);
        self.give(Input::AgentHello(hello));
    }

    pub(crate) fn hello(
        &self,
        name: &str,
        connection: ConnectionId,
        instance: InstanceId,
        boot_id: BootId,
    ) -> AgentHello {
        AgentHello {
            connection,
            host: host(name),
            instance,
            boot_id,
            clocks: Clocks::default(),
            software: "0.1.0".into(),
            os: "Debian 12".into(),
            labels: vec![("role".into(), "web".into())],
            address: format!("10.0.0.{}:4000", connection.0 % 250),
            certificate_expires: self.now.wall.plus(Duration::from_hours(397 * 24)),
        }
    }

    /// A cloned image dials with the host's certificate. Returns its connection.
    pub(crate) fn start_clone(&mut self, name: &'static str) -> ConnectionId {
        let connection = ConnectionId(self.number());
        let instance = InstanceId(self.number());
        self.clones.push((connection, name));
        let hello = self.hello(name, connection, instance, BootId([9; 16]));
        self.give(Input::AgentHello(hello));
        connection
    }

    /// kill -9: nothing more is sent, nothing is closed.
    pub(crate) fn kill(&mut self, name: &str) {
        self.agents.get_mut(name).unwrap().running = false;
    }

    /// SIGTERM: a stopping heartbeat, its echo, a close with goodbye.
    pub(crate) fn stop(&mut self, name: &'static str, why: &str) {
        let intent = Intent { kind: IntentKind::Stopping.into(), lease_ms: 0, why: why.to_owned() };
        self.agents.get_mut(name).unwrap().intent = intent;
        self.beat(name);
        let agent = self.agents.get_mut(name).unwrap();
        agent.running = false;
        let connection = agent.connection;
        self.gone(connection, Gone::Closed(Some(CloseCode::Goodbye), why.to_owned()));
    }

    /// `leave --for`.
    pub(crate) fn leave(&mut self, name: &'static str, span: Duration, why: &str) {
        let lease_ms = millis(span);
        let intent = Intent { kind: IntentKind::Lease.into(), lease_ms, why: why.to_owned() };
        self.agents.get_mut(name).unwrap().intent = intent;
        self.beat(name);
    }

    pub(crate) fn gone(&mut self, connection: ConnectionId, reason: Gone) {
        self.give(Input::AgentGone { connection, reason });
    }

    /// One heartbeat now.
    pub(crate) fn beat(&mut self, name: &'static str) {
        self.beat_from(name, self.now.mono);
    }

    /// One heartbeat comes now that was written at `written`.
    pub(crate) fn beat_from(&mut self, name: &'static str, written: Mono) {
        let sent = self.clocks(name, written);
        let agent = self.agents.get_mut(name).unwrap();
        agent.sequence += 1;
        let next_in_ms =
            agent.promised_ms.unwrap_or(u32::try_from(millis(agent.interval)).unwrap());
        let beat = Heartbeat {
            sequence: agent.sequence,
            instance: agent.instance,
            boot: agent.boot.short(),
            flags: 0,
            next_in_ms,
            sent,
            loop_lag_max_us: 0,
            ticks_skipped: 0,
            heartbeats_sent: agent.sequence,
            datagrams_dropped: 0,
            echo_sequence: 0,
            echo_hold_us: 0,
            pressure: Pressure::default(),
            steal_us: 0,
            progress: Progress::default(),
            intent: agent.intent.clone(),
        };
        agent.next_beat = self.now.mono.plus(agent.interval);
        let connection = agent.connection;
        self.give(Input::Heartbeat { connection, beat: Box::new(beat) });
    }

    /// What the agent's clocks said at `moment`.
    pub(crate) fn clocks(&self, name: &str, moment: Mono) -> Clocks {
        let agent = &self.agents[name];
        let shown = moment.minus(agent.stood).0;
        let wall = wall_at(moment).0;
        let wall_ms = wall.saturating_add(agent.wall_offset_ms);
        Clocks { mono_ns: shown, boot_ns: shown, wall_ms }
    }

    /// Lets time pass: agents beat, deadlines are kept to the nanosecond.
    pub(crate) fn advance(&mut self, span: Duration) {
        let end = self.now.mono.plus(span);
        loop {
            let frame = self.next_frame();
            let deadline = self.engine.next_deadline();
            let frame_first = match (frame, deadline) {
                (Some((at, ..)), Some(deadline)) => at <= deadline,
                (Some(_), None) => true,
                (None, _) => false,
            };
            if let (true, Some((at, name, is_beat))) = (frame_first, frame) {
                if at > end {
                    break;
                }
                self.move_to(at);
                if is_beat {
                    self.beat(name);
                } else {
                    self.sample(name);
                }
            } else if let Some(at) = deadline {
                if at > end {
                    break;
                }
                self.move_to(at);
                self.give(Input::Tick);
            } else {
                break;
            }
        }
        self.move_to(end);
    }

    /// What an agent sends next: when, which agent, whether it is a heartbeat.
    fn next_frame(&self) -> Option<(Mono, &'static str, bool)> {
        let lively = |agent: &Agent| agent.running && agent.accepted && !agent.frozen;
        let agents = self.agents.iter().filter(|(_, agent)| lively(agent));
        let frames = agents.flat_map(|(name, agent)| {
            let sample = (!agent.values.is_empty()).then_some((agent.next_sample, *name, false));
            [Some((agent.next_beat, *name, true)), sample]
        });
        frames.flatten().min()
    }

    pub(crate) fn move_to(&mut self, at: Mono) {
        let span = at.since(self.now.mono);
        let mono = self.now.mono.plus(span);
        self.now = Now { mono, wall: wall_at(mono) };
    }

    pub(crate) fn give(&mut self, input: Input) {
        let outcome = self.engine.handle(self.now, input);
        for change in outcome.changes {
            self.commit(change);
        }
        let effects: Vec<Effect> =
            outcome.at_once.into_iter().chain(outcome.after_commit).collect();
        for effect in effects {
            self.perform(effect);
        }
    }

    fn commit(&mut self, change: Change) {
        match change {
            Change::Host(row) => {
                assert_ne!(row.state, HostState::Late, "late is never stored");
                self.disk.hosts.insert(row.host.clone(), *row);
            }
            Change::RetireHost(host) => {
                self.disk.hosts.remove(&host);
                self.disk.connections.retain(|(of, _)| *of != host);
            }
            Change::Heard(times) => {
                for (host, at) in times {
                    if let Some(row) = self.disk.hosts.get_mut(&host) {
                        row.heard_at = Some(at);
                    }
                }
            }
            Change::Connection(host, row) => self.disk.connections.push((host, row)),
            Change::Alert(row) => {
                self.disk.alerts.insert(row.id, *row);
            }
            Change::Audit(row) => self.disk.audit.push(row),
            said @ (Change::Message { .. }
            | Change::Marks { .. }
            | Change::Received { .. }
            | Change::File(_)) => self.disk.said.commit(said),
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Accept { connection, policy } => {
                for agent in self.agents.values_mut() {
                    if agent.connection == connection {
                        agent.accepted = true;
                        agent.next_beat = self.now.mono;
                        agent.next_sample = self.now.mono;
                        let live_ms = policy.intervals.live_ms;
                        agent.sample_interval = Duration::from_millis(live_ms.into());
                    }
                }
            }
            Effect::Refuse { connection, refusal, code } => {
                self.refused.push((connection, refusal.text, code));
            }
            Effect::Close { connection, code, .. } => self.closed.push((connection, code)),
            Effect::Probe { connection, nonce } => self.answer_probe(connection, nonce),
            Effect::Reply { reply, .. } => self.replies.push(reply),
            Effect::Feed { frame, .. } => self.feed.push(frame),
            Effect::Intervals { connection, intervals } => {
                self.intervals.push((connection, intervals.live_ms));
                for agent in self.agents.values_mut() {
                    if agent.connection == connection {
                        agent.sample_interval = Duration::from_millis(intervals.live_ms.into());
                        agent.next_sample = self.now.mono.plus(agent.sample_interval);
                    }
                }
            }
            Effect::Log(line) => self.log.push(line),
            Effect::Deliver { connection, delivery } => {
                self.deliveries.push((connection, *delivery));
            }
            Effect::Receipt { connection, receipt } => self.receipts.push((connection, receipt)),
            Effect::Query { query, .. } => self.queries.push(query),
            of_files @ (Effect::Decide { .. }
            | Effect::Reserve { .. }
            | Effect::Transfer { .. }
            | Effect::Place { .. }
            | Effect::TransferOver { .. }
            | Effect::Discard { .. }
            | Effect::KeepPartials(_)
            | Effect::FindPlaced(_)
            | Effect::Fetch { .. }) => self.of_files.push(of_files),
            Effect::Echo { .. } | Effect::MetricsQuery { .. } | Effect::CleanUp { .. } => {}
        }
    }

    fn answer_probe(&mut self, connection: ConnectionId, nonce: u64) {
        let alive = self
            .agents
            .values()
            .find(|agent| agent.connection == connection && agent.running && !agent.frozen)
            .cloned();
        if let Some(agent) = alive {
            let answer = ProbeAnswer {
                nonce,
                instance: agent.instance,
                clocks: Clocks::default(),
                heartbeat_sequence: agent.sequence,
            };
            self.give(Input::ProbeAnswer { connection, answer });
        }
    }

    /// kill -9 of the daemon, `away`, and its start on the same disk. Agents that run come back after
    /// `back`, those that do not stay silent.
    pub(crate) fn restart_daemon(&mut self, away: Duration, back: Duration) {
        let at = self.now.mono.plus(away);
        self.move_to(at);
        let saved = Saved {
            hosts: self.disk.hosts.values().cloned().collect(),
            alerts: self
                .disk
                .alerts
                .values()
                .filter(|row| {
                    let recent = row
                        .resolved_at
                        .is_some_and(|at| self.now.wall.since(at) < Duration::from_mins(10));
                    row.state.is_open() || row.held || recent
                })
                .cloned()
                .collect(),
            alert_id_last: self.disk.alerts.keys().last().map_or(0, |id| id.0),
            ..self.disk.said.saved()
        };
        let instance = InstanceId(self.number());
        let name = DAEMON.parse().unwrap();
        self.engine = Engine::new(self.settings.clone(), saved, &name, instance, self.now);
        for agent in self.agents.values_mut() {
            agent.accepted = false;
        }
        self.give(Input::Ready);
        self.advance(back);
        let running: Vec<_> =
            self.agents.iter().filter(|(_, agent)| agent.running).map(|(name, _)| *name).collect();
        for name in running {
            self.connect(name);
        }
    }

    pub(crate) fn state(&self, name: &str) -> HostState {
        let gauges = self.engine.gauges();
        let found = gauges.hosts.into_iter().find(|(id, _)| *id == host(name));
        found.unwrap_or_else(|| panic!("{name} is not known")).1
    }

    /// Open alerts as `rule/host`.
    pub(crate) fn open(&self) -> Vec<String> {
        let open = self.disk.alerts.values().filter(|row| row.state.is_open());
        open.map(|row| format!("{}/{}", row.rule, row.host.as_ref().map_or("-", HostId::as_str)))
            .collect()
    }

    /// All incidents of a rule, open or not.
    pub(crate) fn incidents(&self, rule: &str) -> Vec<&AlertRow> {
        self.disk.alerts.values().filter(|row| row.rule == rule).collect()
    }

    pub(crate) fn open_console(&mut self, role: Role) {
        let operator: OperatorName = "alex".parse().unwrap();
        self.give(Input::ConsoleOpened {
            session: CONSOLE,
            operator,
            role,
            address: "10.0.0.9:1".into(),
        });
    }

    pub(crate) fn ask(&mut self, body: Request) -> Reply {
        self.replies.clear();
        self.give(Input::Request { session: CONSOLE, request: 4, body });
        assert_eq!(self.replies.len(), 1, "one reply a request");
        self.replies.remove(0)
    }

    pub(crate) fn firing(&self, rule: &str) -> &AlertRow {
        let mut rows = self
            .disk
            .alerts
            .values()
            .filter(|row| row.rule == rule && row.state == AlertState::Firing);
        let row = rows.next().unwrap_or_else(|| panic!("{rule} does not fire"));
        assert!(rows.next().is_none(), "{rule} fires twice");
        row
    }
}

impl Sim {
    /// The agent starts while no daemon is there to hear it.
    pub(crate) fn start_later(&mut self, name: &'static str) {
        let instance = InstanceId(self.number());
        let agent = self.agents.get_mut(name).unwrap();
        agent.instance = instance;
        agent.running = true;
        agent.accepted = false;
        agent.sequence = 0;
        agent.intent = Intent::default();
    }
}

/// Values.
impl Sim {
    /// What the host measures from now on, as `metric` or `metric[instance]`; other series stay.
    pub(crate) fn measure(&mut self, name: &str, values: &[(&str, f64)]) {
        let agent = self.agents.get_mut(name).unwrap();
        for (series, value) in values {
            let (metric, instance) = split_series(series).unwrap();
            agent.values.insert(Arc::new(SeriesKey::new(metric, instance)), *value);
        }
    }

    /// The host no longer measures this.
    pub(crate) fn forget(&mut self, name: &str, series: &str) {
        let (metric, instance) = split_series(series).unwrap();
        let values = &mut self.agents.get_mut(name).unwrap().values;
        values.remove(&SeriesKey::new(metric, instance)).unwrap();
    }

    /// One sample now.
    pub(crate) fn sample(&mut self, name: &str) {
        let at = self.clocks(name, self.now.mono);
        self.sample_of(name, at);
    }

    /// One sample now, read when the agent's clocks said `at`.
    pub(crate) fn sample_of(&mut self, name: &str, at: Clocks) {
        let agent = self.agents.get_mut(name).unwrap();
        agent.next_sample = self.now.mono.plus(agent.sample_interval);
        let connection = agent.connection;
        let values = agent.values.iter().map(|(key, value)| (Arc::clone(key), *value)).collect();
        self.give(Input::Samples { connection, at, values });
    }

    /// SIGHUP with these settings.
    pub(crate) fn reload(&mut self, settings: Settings) {
        self.settings = settings.clone();
        self.give(Input::Settings(Box::new(settings)));
    }

    /// Open alerts as people see them: `rule/host/subject severity state`, and `nodata`.
    pub(crate) fn shown(&self) -> Vec<String> {
        let open = self.disk.alerts.values().filter(|row| row.state.is_open());
        let mut shown: Vec<String> = open
            .map(|row| {
                let host = row.host.as_ref().map_or("-", HostId::as_str);
                let nodata = if row.nodata { " nodata" } else { "" };
                let AlertRow { rule, subject, severity, state, .. } = row;
                format!("{rule}/{host}/{subject} {severity} {state}{nodata}")
            })
            .collect();
        shown.sort();
        shown
    }
}
