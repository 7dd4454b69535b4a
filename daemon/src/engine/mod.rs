//! The daemon's engine: the fleet, its verdicts and its alerts. Told everything, asks for everything.
//!
//! No clock, socket, file, task or randomness: [`Engine::handle`] takes the time and an [`Input`] and
//! returns an [`Outcome`]; [`Engine::next_deadline`] says when to call it with [`Input::Tick`] again.
//!
//! | file | what it decides |
//! |---|---|
//! | `arrivals` | who is a host's agent: hello, takeover, conflict, disconnect |
//! | `beats`, `freshness` | what comes on an agent's connection, and whether it is old |
//! | `liveness` | what silence says: the detector behind one interface |
//! | `verdicts` | what signs of life and silence make of a host |
//! | `absence` | goodbyes and leases |
//! | `alerts` | the book of incidents |
//! | `rules` | thresholds on what hosts measure, and the daemon's own health |
//! | `operators`, `actions`, `storage` | what operators ask and do |
//! | `feeds`, `sessions`, `records`, `columns` | what consoles see |

mod absence;
mod actions;
mod alerts;
mod arrivals;
mod beats;
mod columns;
mod desk;
pub mod effect;
mod feeds;
mod freshness;
pub mod gauges;
mod host;
pub mod input;
pub mod limits;
mod liveness;
mod operators;
mod records;
pub mod rules;
mod sessions;
pub mod settings;
pub mod state;
mod storage;
mod summary;
mod timers;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use systole_common::ids::{ConnectionId, HostId, InstanceId};
use systole_common::time::{Mono, Now};
use systole_common::wire::agent::Heartbeat;
use systole_common::wire::hello::RefusalCode;

use alerts::{AlertKey, Book};
use desk::Desk;
use effect::{Level, Outcome};
use gauges::Gauges;
use host::Host;
use input::{AgentHello, Gone, Input, OwnCertificate};
use limits::{AFTER_PAUSE_SLACK, CERTIFICATE_CHECK, HEARD_CHECKPOINT};
use liveness::Watch;
use sessions::Session;
use settings::Settings;
use state::{Change, Saved};
use timers::Due;

pub use records::alert as alert_record;

type Fleet = BTreeMap<HostId, Host>;

/// See the module's words.
#[derive(Debug)]
pub struct Engine {
    fleet: Fleet,
    desk: Desk,
    connections: BTreeMap<ConnectionId, HostId>,
    own_certificates: Vec<OwnCertificate>,
    heard: BTreeSet<HostId>,
    /// The daemon's loop stood still and the socket has not been emptied since.
    is_blind: bool,
}

impl Engine {
    /// An engine with what was saved. Nothing is judged before [`Input::Ready`].
    pub fn new(settings: Settings, saved: Saved, instance: InstanceId, now: Now) -> Self {
        let book = Book::load(saved.alerts, saved.alert_id_last);
        let watch = Watch::new(now.mono, settings.heartbeat_interval, Duration::ZERO);
        let hosts = saved.hosts.into_iter();
        let fleet = hosts.map(|row| (row.host.clone(), Host::from_row(row, watch))).collect();
        Self {
            fleet,
            desk: Desk::new(settings, book, instance, now),
            connections: BTreeMap::new(),
            own_certificates: Vec::new(),
            heard: BTreeSet::new(),
            is_blind: false,
        }
    }

    /// Takes one input at `now`. Deadlines that are reached are dealt with first.
    pub fn handle(&mut self, now: Now, input: Input) -> Outcome {
        self.desk.now = now;
        match input {
            Input::OwnPause { gap } => self.own_pause(gap),
            Input::SocketDrained => self.drained(),
            other => {
                self.run_timers();
                self.apply(other);
            }
        }
        self.desk.take_outcome()
    }

    /// When to call [`Self::handle`] with [`Input::Tick`] at the latest.
    pub fn next_deadline(&self) -> Option<Mono> {
        self.desk.timers.next()
    }

    /// What `/metrics` shows.
    pub fn gauges(&self) -> Gauges {
        let mut gauges = Gauges {
            sessions: self.desk.sessions.count(),
            counters: self.desk.counters.clone(),
            ..Gauges::default()
        };
        let state = |(id, host): (&HostId, &Host)| (id.clone(), host.shown_state());
        gauges.hosts = self.fleet.iter().map(state).collect();
        for (_, row) in self.desk.book.all_open() {
            *gauges.alerts.entry((row.severity, row.ack.is_some())).or_default() += 1;
        }
        gauges
    }

    fn apply(&mut self, input: Input) {
        let (fleet, desk) = (&mut self.fleet, &mut self.desk);
        match input {
            Input::Ready => self.ready(),
            Input::AgentHello(hello) => self.agent_hello(hello),
            Input::BulkHello { connection, host, instance } => {
                arrivals::bulk(fleet.get(&host), desk, connection, instance);
            }
            Input::Heartbeat { connection, beat } => self.heartbeat(connection, &beat),
            Input::Samples { connection, at, values } => {
                self.with_host(connection, |host, desk| {
                    beats::samples(host, desk, connection, (at, values));
                });
            }
            Input::Processes { connection, processes } => {
                self.with_host(connection, |host, desk| beats::processes(host, desk, processes));
            }
            Input::ProbeAnswer { connection, answer } => {
                self.with_host(connection, |host, desk| {
                    beats::probe_answer(host, desk, connection, answer);
                });
            }
            Input::Received { host, epoch, ranges } => {
                storage::received(fleet, desk, &host, epoch, &ranges);
            }
            Input::Health(health) => rules::own::judge(fleet, desk, &health),
            Input::AgentGone { connection, reason } => self.agent_gone(connection, &reason),
            Input::ConsoleOpened { session, operator, role, address: _ } => {
                let (since, looking_at) = (desk.now.wall, String::new());
                let session_of = Session { operator, role, since, looking_at, subscription: None };
                desk.sessions.open(session, session_of);
            }
            Input::ConsoleGone { session } => feeds::close(fleet, desk, session),
            Input::Request { session, request, body } => {
                operators::request(fleet, desk, session, request, body);
            }
            Input::Denied { session, action, reason } => {
                actions::denied(desk, session, action, &reason);
            }
            Input::FeedOverflowed { session } => feeds::picture(fleet, desk, session, true),
            Input::Settings(settings) => self.change_settings(*settings),
            Input::OwnCertificates(certificates) => {
                self.own_certificates = certificates;
                self.check_certificates();
            }
            Input::StoreRefusing(refusing) => desk.store_refusing = refusing,
            Input::OwnPause { .. } | Input::SocketDrained | Input::Tick => {}
        }
    }

    fn heartbeat(&mut self, connection: ConnectionId, beat: &Heartbeat) {
        self.with_host(connection, |host, desk| beats::heartbeat(host, desk, connection, beat));
        self.heard.extend(self.connections.get(&connection).cloned());
    }

    fn agent_gone(&mut self, connection: ConnectionId, reason: &Gone) {
        self.with_host(connection, |host, desk| arrivals::gone(host, desk, connection, reason));
        self.connections.remove(&connection);
    }

    /// Runs `act` on the host behind a connection; what comes on an unknown one is counted.
    fn with_host(&mut self, connection: ConnectionId, act: impl FnOnce(&mut Host, &mut Desk)) {
        let id = self.connections.get(&connection);
        match id.and_then(|id| self.fleet.get_mut(id)) {
            Some(host) => act(host, &mut self.desk),
            None => self.desk.counters.add("frames_of_unknown_connections"),
        }
    }

    fn agent_hello(&mut self, hello: AgentHello) {
        let (connection, id) = (hello.connection, hello.host.clone());
        if !self.fleet.contains_key(&id) {
            if self.fleet.len() >= self.desk.settings.hosts_max {
                let text = "this daemon knows as many hosts as `hosts.max` allows; \
                            retire some or raise it";
                let text = text.to_owned();
                arrivals::refuse(&mut self.desk, connection, RefusalCode::Overload, text);
                return;
            }
            let mut host = arrivals::appear(&mut self.desk, &id);
            rules::adopt(&mut host, &mut self.desk);
            self.fleet.insert(id.clone(), host);
        }
        self.connections.insert(connection, id);
        self.with_host(connection, |host, desk| arrivals::hello(host, desk, hello));
    }

    fn ready(&mut self) {
        let now = self.desk.now.mono;
        let grace = self.desk.settings.start_grace;
        for host in self.fleet.values_mut() {
            let interval_ms = host.row.heartbeat_interval_ms.unwrap_or(1_000);
            if host.unheard {
                host.watch = Watch::new(now, Duration::from_millis(interval_ms.into()), grace);
            }
            absence::resume(host, &mut self.desk);
            verdicts::schedule(host, &mut self.desk);
        }
        self.forget_strangers();
        self.resume_alerts();
        for host in self.fleet.values_mut() {
            rules::adopt(host, &mut self.desk);
        }
        self.desk.timers.set(Due::HeardCheckpoint, now.plus(HEARD_CHECKPOINT));
        self.check_certificates();
    }

    /// Ends what waits to be clear of hosts that are not known any more.
    fn forget_strangers(&mut self) {
        let is_stranger =
            |key: &&AlertKey| key.host.as_ref().is_some_and(|host| !self.fleet.contains_key(host));
        let held = self.desk.book.all_held().map(|(key, _)| key);
        for key in held.filter(is_stranger).cloned().collect::<Vec<_>>() {
            self.desk.clear(&key, "the host was retired");
        }
    }

    /// Sets the timers of saved alerts, and resolves those whose rule is gone.
    fn resume_alerts(&mut self) {
        let rows = self.desk.book.all_open().chain(self.desk.book.all_held());
        let rows: Vec<_> = rows.map(|(key, row)| (key.clone(), row.clone())).collect();
        let now = self.desk.now;
        for (key, row) in rows {
            let rules = &self.desk.settings.rules;
            if !alerts::rule::ALL.contains(&&*key.rule) && rules.find(&key.rule).is_none() {
                let reason = rules.why_gone(&key.rule);
                self.desk.clear(&key, &reason);
                continue;
            }
            if !row.state.is_open() {
                continue;
            }
            if let Some(at) = row.event_at {
                let left = at.plus(limits::EVENT_ALERT_QUIET).since(now.wall);
                self.desk.timers.set(Due::EventEnd(key.clone()), now.mono.plus(left));
            }
            if let Some(ack) = row.ack {
                let left = ack.until.since(now.wall);
                self.desk.timers.set(Due::AckEnd(key.clone()), now.mono.plus(left));
            }
            if let (rule, Some(host)) = (&*key.rule, &key.host)
                && rule == alerts::rule::CONFLICT.0
            {
                let end = now.mono.plus(limits::CONFLICT_END);
                self.desk.timers.set(Due::ConflictEnd(host.clone()), end);
            }
        }
    }

    fn run_timers(&mut self) {
        while let Some(due) = self.desk.timers.take_due(self.desk.now.mono) {
            self.due(due);
        }
    }

    fn due(&mut self, due: Due) {
        let desk = &mut self.desk;
        let fleet = &mut self.fleet;
        let mut on = |id: &HostId, act: fn(&mut Host, &mut Desk)| {
            if let Some(host) = fleet.get_mut(id) {
                act(host, desk);
            }
        };
        match due {
            // What is due while nobody can be heard is looked at again when that is over.
            Due::Judge(_) | Due::Rules(_) if self.is_blind => {}
            Due::Judge(id) => on(&id, verdicts::judge),
            Due::Takeover(id) if self.is_blind => {
                let later = desk.now.mono.plus(limits::TAKEOVER_WAIT);
                desk.timers.set(Due::Takeover(id), later);
            }
            Due::Takeover(id) => on(&id, arrivals::take_over),
            Due::ConflictEnd(id) => on(&id, arrivals::conflict_ends),
            Due::LeaseEnd(id) => on(&id, absence::lease_ends),
            Due::LeftLong(id) => on(&id, |host, desk| absence::left_long(host, desk)),
            Due::Rules(id) => on(&id, rules::look),
            Due::OwnOver(key) => desk.clear(&key, "it is over"),
            Due::EventEnd(key) => desk.clear(&key, "it did not happen again"),
            Due::AckEnd(key) => actions::ack_ends(desk, &key),
            Due::BlindEnd => self.drained(),
            Due::FeedSecond => feeds::second(&self.fleet, desk),
            Due::HeardCheckpoint => self.heard_checkpoint(),
            Due::Certificates => self.check_certificates(),
        }
    }

    fn heard_checkpoint(&mut self) {
        let heard = std::mem::take(&mut self.heard);
        let time = |id: HostId| {
            let at = self.fleet.get(&id).and_then(|host| host.row.heard_at)?;
            Some((id, at))
        };
        let times: Vec<_> = heard.into_iter().filter_map(time).collect();
        if !times.is_empty() {
            self.desk.change(Change::Heard(times));
        }
        let next = self.desk.now.mono.plus(HEARD_CHECKPOINT);
        self.desk.timers.set(Due::HeardCheckpoint, next);
    }

    fn check_certificates(&mut self) {
        for own in &self.own_certificates {
            let key = AlertKey::own(alerts::rule::CERTIFICATE, &own.name);
            let whose = format!("this daemon ({})", own.name);
            verdicts::certificate_of(&mut self.desk, &key, &whose, own.expires);
        }
        for host in self.fleet.values() {
            verdicts::certificate(host, &mut self.desk);
        }
        let next = self.desk.now.mono.plus(CERTIFICATE_CHECK);
        self.desk.timers.set(Due::Certificates, next);
    }

    fn change_settings(&mut self, settings: Settings) {
        let old = std::mem::replace(&mut self.desk.settings, settings);
        for host in self.fleet.values_mut() {
            if old.labels.get(host.id()) != self.desk.settings.labels.get(host.id()) {
                self.desk.sessions.touch_facts(host.id());
            }
            let watched = self.desk.sessions.is_watched(host.id());
            feeds::send_intervals(host, &mut self.desk, watched);
            rules::apply(host, &mut self.desk);
            verdicts::schedule(host, &mut self.desk);
        }
    }

    /// The daemon's own loop stood still: nobody is judged until it has heard again.
    fn own_pause(&mut self, gap: Duration) {
        self.is_blind = true;
        self.desk.timers.set(Due::BlindEnd, self.desk.now.mono.plus(limits::BLIND_MAX));
        self.desk.counters.add("own_pauses");
        let text = format!("own loop stood still for {}", summary::span(gap));
        self.desk.log(Level::Warning, "own pause, nobody is judged", None, None, text);
    }

    fn drained(&mut self) {
        if !self.is_blind {
            return;
        }
        self.is_blind = false;
        self.desk.timers.cancel(&Due::BlindEnd);
        let now = self.desk.now.mono;
        for host in self.fleet.values_mut() {
            host.watch.hold_until(now.plus(host.watch.interval()).plus(AFTER_PAUSE_SLACK));
            verdicts::schedule(host, &mut self.desk);
            rules::hear_again(host, &mut self.desk);
        }
        self.run_timers();
    }
}
