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
//! | `talk`, `received`, `rate` | messages: where they go, who has them, what came twice, what is too much |
//! | `files` | offers, decisions on them, transfers |

mod absence;
mod actions;
mod alerts;
mod arrivals;
mod beats;
mod columns;
mod desk;
mod dispatch;
pub mod effect;
mod feeds;
mod files;
mod freshness;
pub mod gauges;
mod host;
pub mod input;
pub mod limits;
mod liveness;
mod operators;
mod rate;
mod received;
mod records;
mod resume;
pub mod rules;
mod sessions;
pub mod settings;
pub mod state;
mod storage;
mod summary;
mod talk;
mod timers;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use systole_common::ids::{ConnectionId, DaemonName, HostId, InstanceId};
use systole_common::time::{Mono, Now};
use systole_common::wire::control::SequenceKind;

use alerts::{AlertKey, Book};
use desk::{Books, Desk};
use effect::{Level, Outcome};
use gauges::Gauges;
use host::Host;
use input::{Input, OwnCertificate};
use limits::{AFTER_PAUSE_SLACK, CERTIFICATE_CHECK, HEARD_CHECKPOINT};
use liveness::Watch;
use received::ReceivedBook;
use settings::Settings;
use state::{Change, Saved};
use talk::Talk;
use timers::Due;

pub use files::{file_record, size_words};
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
    /// An engine with what was saved, under the daemon's own name. Nothing is judged before
    /// [`Input::Ready`].
    pub fn new(
        settings: Settings,
        saved: Saved,
        name: &DaemonName,
        instance: InstanceId,
        now: Now,
    ) -> Self {
        let watch = Watch::new(now.mono, settings.heartbeat_interval, Duration::ZERO);
        let hosts = saved.hosts.iter().cloned();
        let fleet = hosts.map(|row| (row.host.clone(), Host::from_row(row, watch))).collect();
        let books = Books {
            talk: Talk::load(name, &saved, settings.talk.waiting_age, now),
            alerts: Book::load(saved.alerts, saved.alert_id_last),
            received: ReceivedBook::load(SequenceKind::Messages, &saved.received),
            files: files::Files::load(saved.files, &saved.received, saved.file_id_last),
        };
        Self {
            fleet,
            desk: Desk::new(settings, books, instance, now),
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
            messages_waiting: self.desk.talk.waiting(),
            ..Gauges::default()
        };
        let state = |(id, host): (&HostId, &Host)| (id.clone(), host.shown_state());
        gauges.hosts = self.fleet.iter().map(state).collect();
        for (_, row) in self.desk.book.all_open() {
            *gauges.alerts.entry((row.severity, row.ack.is_some())).or_default() += 1;
        }
        gauges
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
            Due::MessagesOld => talk::grow_old(desk),
            Due::File(file) => files::due(fleet, desk, file),
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
        talk::settings_changed(&mut self.desk);
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
