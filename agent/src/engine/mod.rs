//! What the agent decides: when to beat, whom to dial, what to announce. Pure: time is an argument.
//!
//! [`Engine::handle`] takes one [`input::Input`] and gives the [`effect::Effect`]s that it asks for;
//! [`Engine::next_deadline`] says when to call again. Heartbeats are one grid for all daemons and are
//! due whatever the links do; each daemon has a `link` of its own. Sentences are made in [`summary`].
//! What of the spool goes to which daemon is decided in [`delivery`], what is said in [`talk`]: engines
//! beside this one.

pub mod collect;
pub mod delivery;
mod demand;
pub mod effect;
pub mod heartbeat;
pub mod input;
mod link;
pub mod offers;
mod presence;
mod random;
pub mod sampling;
mod schedule;
pub mod series;
pub mod status;
pub mod summary;
pub mod talk;
pub mod vitals;

#[cfg(test)]
mod tests;

use std::time::Duration;

use systole_common::time::Mono;
use systole_common::wire::agent::flags;
use systole_common::wire::control::Policy;
use systole_common::wire::hello::{Clocks, CloseCode};

use crate::limits::{
    ECHO_PATIENCE_INTERVALS, ECHO_PATIENCE_MIN, PAUSE_MIN, PAUSE_NOTED_MIN, PING_INTERVAL,
};
use demand::Demand;
use effect::{Beat, Effect, Notice, Sampling};
use input::{ConnectionId, DaemonAddress, Input, RequestId};
use link::{Link, Turn};
use presence::{Pending, Presence};
use random::Random;
use schedule::Schedule;
use status::Report;

/// The monotonic clock of `clocks`.
pub fn moment(clocks: Clocks) -> Mono {
    Mono(clocks.mono_ns)
}

/// Everything that the agent knows and decides about its heartbeats and links.
#[derive(Debug)]
pub struct Engine {
    links: Vec<Link>,
    schedule: Schedule,
    demand: Demand,
    presence: Presence,
    pending: Vec<Pending>,
    certificate: Certificate,
    random: Random,
    attempts: u64,
    sequence: u64,
    ticks_skipped: u32,
    loop_lag_max: Duration,
    ping_at: Mono,
    handled_at: Mono,
    beat_wanted: bool,
    stopped: bool,
}

/// Whether there is a certificate to dial with.
#[derive(Debug)]
enum Certificate {
    /// None was loaded yet.
    Awaited,
    /// There is.
    Ready,
    /// There is one, and it cannot be used.
    Unusable(String),
}

impl Engine {
    /// An engine without daemons that beats from `now` on. `seed` must be random; until a daemon is
    /// heard, `stored` lies between stored samples.
    pub fn new(now: Clocks, seed: u64, stored: Duration) -> Self {
        let demand = Demand::initial(stored);
        Self {
            links: Vec::new(),
            schedule: Schedule::new(moment(now), demand.heartbeat),
            demand,
            presence: Presence::default(),
            pending: Vec::new(),
            certificate: Certificate::Awaited,
            random: Random::new(seed),
            attempts: 0,
            sequence: 0,
            ticks_skipped: 0,
            loop_lag_max: Duration::ZERO,
            ping_at: moment(now),
            handled_at: moment(now),
            beat_wanted: false,
            stopped: false,
        }
    }

    /// Takes in what happened and says what is to be done, in this order.
    pub fn handle(&mut self, now: Clocks, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.notice_pause(moment(now), &mut effects);
        match input {
            Input::Tick => self.tick(now, &mut effects),
            Input::Daemons(daemons) => self.configure(now, daemons, &mut effects),
            Input::CertificateReady => {
                self.certificate = Certificate::Ready;
                self.each_link(now, &mut effects, Link::renew);
            }
            Input::CertificateUnusable { why } => self.certificate = Certificate::Unusable(why),
            Input::HelloChanged => self.each_link(now, &mut effects, Link::renew),
            Input::Leave { request, lease, why } => {
                let lease = self.presence.leave(now, lease, &why);
                effects.push(Effect::Note(Notice::LeaseBegan { lease, why }));
                self.announce(request, now);
            }
            Input::Return { request } => {
                if self.presence.cancel() {
                    effects.push(Effect::Note(Notice::LeaseCancelled));
                }
                self.announce(request, now);
            }
            Input::Stop { why } => self.stop(now, &why, &mut effects),
            Input::Answering { .. }
            | Input::Accepted { .. }
            | Input::Refused { .. }
            | Input::Failed { .. }
            | Input::Lost { .. }
            | Input::Echoed { .. }
            | Input::Intervals { .. }
            | Input::Policy { .. } => self.on_link(now, input, &mut effects),
        }
        self.settle(now, &mut effects);
        effects
    }

    /// When [`Input::Tick`] is due; `None` once all is over.
    pub fn next_deadline(&self) -> Option<Mono> {
        if self.stopped {
            return None;
        }
        let (patience, dialling) = (self.patience(), self.is_dialling());
        let links = self.links.iter().filter_map(|link| link.next_deadline(patience, dialling));
        let ping = self.links.iter().any(Link::is_overdue).then_some(self.ping_at);
        let pending = self.pending.iter().map(|pending| pending.until);
        let stopping = self.presence.stopping().map(|stopping| stopping.until);
        links.chain(ping).chain(pending).chain(stopping).chain([self.schedule.next()]).min()
    }

    /// Whether any daemon has a connection.
    pub fn is_connected(&self) -> bool {
        self.links.iter().any(Link::is_connected)
    }

    /// Heartbeats made since the start; the sequence of the newest.
    pub fn heartbeats_sent(&self) -> u64 {
        self.sequence
    }

    /// What is to be sampled.
    pub fn sampling(&self) -> Sampling {
        self.demand.sampling
    }

    /// What `status` shows.
    pub fn report(&self, now: Clocks) -> Report {
        let unusable = match &self.certificate {
            Certificate::Awaited | Certificate::Ready => None,
            Certificate::Unusable(why) => Some(why.as_str()),
        };
        Report {
            daemons: self.links.iter().map(|link| link.report(unusable)).collect(),
            heartbeat_interval: self.schedule.interval(),
            heartbeats_sent: self.sequence,
            lease: self.presence.report(now),
        }
    }

    /// Measures how late this call is, and holds a pause of our own against no daemon.
    fn notice_pause(&mut self, now: Mono, effects: &mut Vec<Effect>) {
        let due = self.next_deadline().map(|due| due.max(self.handled_at));
        let lag = due.map_or(Duration::ZERO, |due| now.since(due));
        self.handled_at = now;
        self.loop_lag_max = self.loop_lag_max.max(lag);
        if lag >= PAUSE_MIN {
            self.links.iter_mut().for_each(|link| link.forgive(lag));
        }
        if lag >= PAUSE_NOTED_MIN {
            effects.push(Effect::Note(Notice::Paused { paused: lag }));
        }
    }

    fn tick(&mut self, now: Clocks, effects: &mut Vec<Effect>) {
        let mono = moment(now);
        if self.schedule.next() <= mono {
            let missed = self.schedule.step(mono);
            self.ticks_skipped = self.ticks_skipped.saturating_add(missed);
            self.beat_wanted = true;
        }
        self.each_link(now, effects, Link::tick);
        if self.links.iter().any(Link::is_overdue) && self.ping_at <= mono {
            self.beat_wanted = true;
        }
    }

    fn configure(&mut self, now: Clocks, daemons: Vec<DaemonAddress>, effects: &mut Vec<Effect>) {
        let mut before = std::mem::take(&mut self.links);
        for daemon in daemons {
            let known = before.iter().position(|link| *link.name() == daemon.name);
            let mut link = match known {
                Some(index) => before.swap_remove(index),
                None => Link::new(daemon.clone(), now),
            };
            self.turn(now, effects, |turn| link.readdress(turn, &daemon.address));
            self.links.push(link);
        }
        for mut link in before {
            let reason = summary::NOT_CONFIGURED;
            self.turn(now, effects, |turn| link.end(turn, CloseCode::Goodbye, reason));
        }
    }

    fn on_link(&mut self, now: Clocks, input: Input, effects: &mut Vec<Effect>) {
        let Some(connection) = input.connection() else { return };
        let Some(index) = self.links.iter().position(|link| link.owns(connection)) else {
            if matches!(input, Input::Accepted { .. }) {
                let reason = summary::ABANDONED.to_owned();
                effects.push(Effect::Close { connection, code: CloseCode::Replaced, reason });
            }
            return;
        };
        self.beat_wanted |= matches!(input, Input::Accepted { .. });
        let mut links = std::mem::take(&mut self.links);
        if let Some(link) = links.get_mut(index) {
            self.turn(now, effects, |turn| deliver(link, turn, connection, input));
        }
        self.links = links;
    }

    /// Begins the end; a second request ends it at once.
    fn stop(&mut self, now: Clocks, why: &str, effects: &mut Vec<Effect>) {
        if let Some(reason) = self.presence.stopping().map(|stopping| stopping.why.clone()) {
            self.each_link(now, effects, |link, turn| {
                link.end(turn, CloseCode::Goodbye, &reason);
            });
            return;
        }
        self.presence.stop(why, self.sequence + 1, now);
        self.each_link(now, effects, Link::give_up_attempt);
        self.beat_wanted = true;
    }

    fn announce(&mut self, request: RequestId, now: Clocks) {
        self.pending.push(Pending::new(request, self.sequence + 1, now));
        self.beat_wanted = true;
    }

    /// What follows from everything: intervals, the heartbeat that is wanted, answers, the end.
    fn settle(&mut self, now: Clocks, effects: &mut Vec<Effect>) {
        if self.presence.expire(now) {
            effects.push(Effect::Note(Notice::LeaseEnded));
        }
        self.follow_demand(now, effects);
        if std::mem::take(&mut self.beat_wanted) && !self.stopped {
            self.beat(now, effects);
        }
        self.answer(now, effects);
        self.finish(now, effects);
    }

    fn follow_demand(&mut self, now: Clocks, effects: &mut Vec<Effect>) {
        let policies: Vec<Policy> = self.links.iter().flat_map(Link::policies).copied().collect();
        let demand = self.demand.merged(&policies);
        if demand.heartbeat != self.demand.heartbeat {
            self.schedule.change(moment(now), demand.heartbeat);
            self.links.iter_mut().for_each(|link| link.count_from(moment(now)));
            effects.push(Effect::Note(Notice::Interval { heartbeat: demand.heartbeat }));
        }
        if demand.sampling != self.demand.sampling {
            effects.push(Effect::Sample(demand.sampling));
        }
        self.demand = demand;
    }

    fn beat(&mut self, now: Clocks, effects: &mut Vec<Effect>) {
        let mono = moment(now);
        self.sequence += 1;
        self.ping_at = mono.plus(PING_INTERVAL);
        let overloaded = self.ticks_skipped > 0 || self.loop_lag_max >= PAUSE_MIN;
        let stopping = self.presence.stopping().is_some();
        let remaining_ns = self.schedule.remaining(mono).as_nanos();
        let beat = Beat {
            sequence: self.sequence,
            flags: if overloaded { flags::OVERLOADED } else { 0 }
                | if stopping { flags::STOPPING } else { 0 },
            next_in_ms: u32::try_from(remaining_ns.div_ceil(1_000_000)).unwrap_or(u32::MAX).max(1),
            loop_lag_max_us: u32::try_from(self.loop_lag_max.as_micros()).unwrap_or(u32::MAX),
            ticks_skipped: std::mem::take(&mut self.ticks_skipped),
            heartbeats_sent: self.sequence,
            intent: self.presence.intent(now),
            targets: self.links.iter().flat_map(Link::targets).collect(),
        };
        self.loop_lag_max = Duration::ZERO;
        self.links.iter_mut().for_each(|link| link.beat(self.sequence, mono));
        effects.push(Effect::Beat(beat));
    }

    fn answer(&mut self, now: Clocks, effects: &mut Vec<Effect>) {
        let links = &self.links;
        self.pending.retain(|pending| {
            let waiting =
                links.iter().any(|link| link.is_connected() && !link.has_heard(pending.sequence));
            if waiting && moment(now) < pending.until {
                return true;
            }
            let (told, untold): (Vec<&Link>, Vec<&Link>) =
                links.iter().partition(|link| link.has_heard(pending.sequence));
            let names = |links: Vec<&Link>| links.iter().map(|link| link.name().clone()).collect();
            let (told, untold) = (names(told), names(untold));
            effects.push(Effect::Told { request: pending.request, told, untold });
            false
        });
    }

    fn finish(&mut self, now: Clocks, effects: &mut Vec<Effect>) {
        let Some(stopping) = self.presence.stopping().filter(|_| !self.stopped) else { return };
        let (why, sequence) = (stopping.why.clone(), stopping.sequence);
        let late = stopping.until <= moment(now);
        self.each_link(now, effects, |link, turn| {
            if late || link.has_heard(sequence) {
                link.end(turn, CloseCode::Goodbye, &why);
            }
        });
        if !self.is_connected() {
            self.stopped = true;
            effects.push(Effect::Stopped);
        }
    }

    fn patience(&self) -> Duration {
        ECHO_PATIENCE_MIN.max(self.schedule.interval() * ECHO_PATIENCE_INTERVALS)
    }

    fn is_dialling(&self) -> bool {
        matches!(self.certificate, Certificate::Ready) && self.presence.stopping().is_none()
    }

    fn each_link(
        &mut self,
        now: Clocks,
        effects: &mut Vec<Effect>,
        mut act: impl FnMut(&mut Link, &mut Turn<'_>),
    ) {
        let mut links = std::mem::take(&mut self.links);
        self.turn(now, effects, |turn| links.iter_mut().for_each(|link| act(link, turn)));
        self.links = links;
    }

    fn turn(&mut self, now: Clocks, effects: &mut Vec<Effect>, act: impl FnOnce(&mut Turn<'_>)) {
        let (patience, dialling) = (self.patience(), self.is_dialling());
        let (random, attempts) = (&mut self.random, &mut self.attempts);
        act(&mut Turn { now, patience, dialling, random, attempts, effects });
    }
}

fn deliver(link: &mut Link, turn: &mut Turn<'_>, connection: ConnectionId, input: Input) {
    match input {
        Input::Answering { .. } => link.answering(connection),
        Input::Accepted { accepted, .. } => link.accepted(turn, connection, accepted),
        Input::Refused { refusal, .. } => link.refused(turn, connection, refusal),
        Input::Failed { why, refused, .. } => link.failed(turn, connection, why, refused),
        Input::Lost { loss, .. } => link.lost(turn, connection, &loss),
        Input::Echoed { echo, .. } => link.echoed(turn, connection, &echo),
        Input::Intervals { intervals, .. } => link.ask(connection, intervals),
        Input::Policy { policy, .. } => link.set_policy(connection, policy),
        Input::Tick
        | Input::Daemons(_)
        | Input::CertificateReady
        | Input::CertificateUnusable { .. }
        | Input::HelloChanged
        | Input::Leave { .. }
        | Input::Return { .. }
        | Input::Stop { .. } => {}
    }
}
