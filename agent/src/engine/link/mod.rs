//! The link to one daemon: dialling, racing a fresh connection, giving up, waiting, coming back.
//!
//! It keeps at most two connections: the one in use and, while that one is silent, a fresh one that
//! takes its place once the daemon has echoed on it. It never drops the old one before. It knows no
//! socket: attempts and connections are numbers, time is an argument.

mod retry;
mod session;
mod trouble;
mod turn;
mod view;

use std::time::Duration;

use systole_common::time::{Mono, UnixMs};
use systole_common::wire::control::{Echo, Intervals, Policy};
use systole_common::wire::hello::{Clocks, CloseCode, Refusal};

use super::effect::{Effect, Notice};
use super::input::{Accepted, ConnectionId, DaemonAddress, Loss};
use super::{moment, summary};
use crate::limits::{ATTEMPT_MAX, HELLO_HOLD_MAX, SLOW_RETRY};
use retry::Retry;
use session::Session;
use trouble::{Kind, Report, Trouble};
pub(super) use turn::Turn;

/// The link to one daemon.
#[derive(Debug)]
pub(super) struct Link {
    daemon: DaemonAddress,
    current: Option<Session>,
    candidate: Option<Session>,
    attempt: Option<Attempt>,
    retry_at: Option<Mono>,
    failures: u32,
    renewal: Renewal,
    trouble: Option<Trouble>,
    connected_since: UnixMs,
    heard: Option<(Mono, UnixMs)>,
    began: (Mono, UnixMs),
}

/// A dial under way.
#[derive(Debug)]
struct Attempt {
    connection: ConnectionId,
    started: Mono,
    give_up_at: Mono,
}

/// Whether the connection in use is to be made anew although it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renewal {
    /// It is as it should be.
    Done,
    /// Its hello or certificate is of yesterday.
    Wanted,
    /// The same, and the log says that it did not work yet.
    Noted,
}

impl Link {
    /// A link that dials at its next tick.
    pub(super) fn new(daemon: DaemonAddress, now: Clocks) -> Self {
        Self {
            daemon,
            current: None,
            candidate: None,
            attempt: None,
            retry_at: Some(moment(now)),
            failures: 0,
            renewal: Renewal::Done,
            trouble: None,
            connected_since: UnixMs(now.wall_ms),
            heard: None,
            began: (moment(now), UnixMs(now.wall_ms)),
        }
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, turn: &mut Turn<'_>) {
        let (now, patience) = (turn.mono(), turn.patience);
        if let Some(attempt) = self.attempt.take_if(|attempt| attempt.give_up_at <= now) {
            turn.effects.push(Effect::Abandon { connection: attempt.connection });
            let waited = now.since(attempt.started);
            let why = summary::no_answer(&self.daemon.address, waited);
            self.set_back(turn, self.kind(), why, Retry::Backoff);
        }
        let silent = |session: &mut Session| session.overdue_at(patience) <= now;
        if let Some(candidate) = self.candidate.take_if(silent) {
            // No goodbye: the host stays.
            turn.close(&candidate, CloseCode::Replaced, summary::NO_ECHO_ON_FRESH);
            let why = summary::no_echo(&candidate.remote, patience);
            self.set_back(turn, self.kind(), why, Retry::Backoff);
        }
        if let Some(current) = self.current.as_mut().filter(|session| !session.overdue)
            && silent(current)
        {
            current.overdue = true;
            let why = summary::no_echo(&current.remote, patience);
            self.race(now);
            self.note(turn, self.kind(), why, Duration::ZERO);
        }
        if turn.dialling && self.may_dial() && self.retry_at.is_some_and(|at| at <= now) {
            self.dial(turn);
        }
    }

    /// The handshake is done: the daemon may take its time for the answer.
    pub(super) fn answering(&mut self, connection: ConnectionId) {
        if let Some(attempt) = self.attempt.as_mut().filter(|a| a.connection == connection) {
            attempt.give_up_at = attempt.started.plus(ATTEMPT_MAX + HELLO_HOLD_MAX);
        }
    }

    /// The hello was accepted: the first connection is used, a second one waits for its echo.
    pub(super) fn accepted(
        &mut self,
        turn: &mut Turn<'_>,
        connection: ConnectionId,
        accepted: Accepted,
    ) {
        if !self.settle_attempt(connection) {
            return;
        }
        self.retry_at = None;
        let session = Session::new(connection, accepted, turn.now);
        if self.current.is_none() {
            self.current = Some(session);
            self.renewal = Renewal::Done;
        } else if let Some(old) = self.candidate.replace(session) {
            turn.close(&old, CloseCode::Replaced, summary::REPLACED);
        }
    }

    /// The hello was refused.
    pub(super) fn refused(
        &mut self,
        turn: &mut Turn<'_>,
        connection: ConnectionId,
        refusal: Refusal,
    ) {
        if !self.settle_attempt(connection) {
            return;
        }
        let retry = Retry::after_refusal(&refusal);
        self.set_back(turn, Kind::Refused, refusal.text, retry);
    }

    /// The attempt came to nothing; `refused` if a certificate was the reason.
    pub(super) fn failed(
        &mut self,
        turn: &mut Turn<'_>,
        connection: ConnectionId,
        why: String,
        refused: bool,
    ) {
        if !self.settle_attempt(connection) {
            return;
        }
        if refused {
            self.set_back(turn, Kind::Refused, why, Retry::After(SLOW_RETRY));
        } else {
            self.set_back(turn, self.kind(), why, Retry::Backoff);
        }
    }

    /// A connection ended by itself.
    pub(super) fn lost(&mut self, turn: &mut Turn<'_>, connection: ConnectionId, loss: &Loss) {
        if let Some(fresh) = self.candidate.take_if(|s| s.connection == connection) {
            let why = summary::lost(&fresh.remote, loss);
            self.set_back(turn, self.kind(), why, Retry::after_loss(loss, false));
            return;
        }
        let Some(lost) = self.current.take_if(|s| s.connection == connection) else {
            return;
        };
        self.current = self.candidate.take();
        if self.current.is_some() {
            self.renewal = Renewal::Done;
            self.retry_at = None;
            return;
        }
        let why = summary::lost(&lost.remote, loss);
        let retry = Retry::after_loss(loss, lost.is_confirmed());
        let kind = if is_refusal(loss) { Kind::Refused } else { self.kind() };
        if retry == Retry::AtOnce {
            // A reset says that the daemon is there again; an attempt from before may wait for long.
            self.give_up_attempt(turn);
        }
        if self.attempt.is_none() {
            self.set_back(turn, kind, why, retry);
        } else {
            self.note(turn, kind, why, Duration::ZERO);
        }
    }

    /// The daemon echoed a heartbeat: the connection works.
    pub(super) fn echoed(&mut self, turn: &mut Turn<'_>, connection: ConnectionId, echo: &Echo) {
        if let Some(fresh) = self.candidate.take_if(|s| s.connection == connection) {
            let remote = fresh.remote.clone();
            self.renewal = Renewal::Done;
            if let Some(old) = self.current.replace(fresh) {
                turn.close(&old, CloseCode::Replaced, summary::REPLACED);
                let daemon = self.daemon.name.clone();
                turn.effects.push(Effect::Note(Notice::Replaced { daemon, remote }));
            }
        }
        if let Some(current) = self.current.as_mut().filter(|s| s.connection == connection) {
            current.echoed(turn.now, echo);
            self.confirmed(turn);
        }
    }

    /// The daemon wants other intervals.
    pub(super) fn ask(&mut self, connection: ConnectionId, intervals: Intervals) {
        if let Some(session) = self.session(connection) {
            session.ask(intervals);
        }
    }

    /// The daemon has another policy.
    pub(super) fn set_policy(&mut self, connection: ConnectionId, policy: Policy) {
        if let Some(session) = self.session(connection) {
            let intervals = session.policy.intervals;
            session.policy = Policy { intervals, ..policy };
            session.ask(policy.intervals);
        }
    }

    /// Makes the connection anew, keeping the old one until the new one is confirmed.
    pub(super) fn renew(&mut self, turn: &mut Turn<'_>) {
        if let Some(fresh) = self.candidate.take() {
            turn.close(&fresh, CloseCode::Replaced, summary::REPLACED);
        }
        self.give_up_attempt(turn);
        if self.current.is_some() {
            self.renewal = Renewal::Wanted;
        }
        self.race(turn.mono());
    }

    /// Follows the configuration to another address.
    pub(super) fn readdress(&mut self, turn: &mut Turn<'_>, address: &str) {
        if self.daemon.address != address {
            address.clone_into(&mut self.daemon.address);
            self.renew(turn);
        }
    }

    /// Ends everything, with the same reason on each connection.
    pub(super) fn end(&mut self, turn: &mut Turn<'_>, code: CloseCode, reason: &str) {
        self.give_up_attempt(turn);
        self.retry_at = None;
        for session in self.current.take().into_iter().chain(self.candidate.take()) {
            turn.close(&session, code, reason);
        }
    }

    /// Gives the attempt under way up without a verdict on it.
    pub(super) fn give_up_attempt(&mut self, turn: &mut Turn<'_>) {
        if let Some(attempt) = self.attempt.take() {
            turn.effects.push(Effect::Abandon { connection: attempt.connection });
            self.retry_at.get_or_insert(turn.mono());
        }
    }

    /// Does not hold a pause of our own against the daemon.
    pub(super) fn forgive(&mut self, pause: Duration) {
        self.sessions_mut().for_each(|session| session.forgive(pause));
        if let Some(attempt) = &mut self.attempt {
            attempt.give_up_at = attempt.give_up_at.plus(pause);
        }
    }

    /// Counts silence anew: the interval changed.
    pub(super) fn count_from(&mut self, now: Mono) {
        self.sessions_mut().for_each(|session| session.count_from(now));
    }

    /// Remembers that a heartbeat was written on each of its connections.
    pub(super) fn beat(&mut self, sequence: u64, now: Mono) {
        self.sessions_mut().for_each(|session| session.beat(sequence, now));
    }

    /// Forgets the attempt under way if it is `connection`; whether it was.
    fn settle_attempt(&mut self, connection: ConnectionId) -> bool {
        self.attempt.take_if(|attempt| attempt.connection == connection).is_some()
    }

    fn race(&mut self, now: Mono) {
        let at = self.retry_at.map_or(now, |at| at.min(now));
        self.retry_at = Some(at);
    }

    fn dial(&mut self, turn: &mut Turn<'_>) {
        self.retry_at = None;
        let connection = turn.next_connection();
        let started = turn.mono();
        let give_up_at = started.plus(ATTEMPT_MAX);
        self.attempt = Some(Attempt { connection, started, give_up_at });
        turn.effects.push(Effect::Dial { connection, daemon: self.daemon.clone() });
    }

    fn set_back(&mut self, turn: &mut Turn<'_>, kind: Kind, why: String, retry: Retry) {
        if retry != Retry::AtOnce {
            self.failures = self.failures.saturating_add(1);
        }
        let delay = retry.delay(self.failures, turn.random);
        self.retry_at = Some(turn.mono().plus(delay));
        self.note(turn, kind, why, delay);
    }

    fn note(&mut self, turn: &mut Turn<'_>, kind: Kind, why: String, retry_in: Duration) {
        if self.current.as_ref().is_some_and(|session| !session.overdue) {
            // The connection in use works: only its renewal is in trouble.
            if std::mem::replace(&mut self.renewal, Renewal::Noted) == Renewal::Wanted {
                let daemon = self.daemon.name.clone();
                turn.effects.push(Effect::Note(Notice::NotRenewed { daemon, why, retry_in }));
            }
            return;
        }
        let heard_at = self.heard.unwrap_or(self.began).1;
        let report = Report { daemon: &self.daemon.name, kind, why, retry_in, heard_at };
        if let Some(notice) = trouble::note(&mut self.trouble, &report, turn.wall()) {
            turn.effects.push(Effect::Note(notice));
        }
    }

    fn confirmed(&mut self, turn: &mut Turn<'_>) {
        if self.renewal == Renewal::Done {
            self.give_up_attempt(turn);
            self.retry_at = None;
            self.failures = 0;
        }
        let heard = self.heard.replace((turn.mono(), turn.wall()));
        let trouble = self.trouble.take();
        let daemon = self.daemon.name.clone();
        let remote = || self.current.as_ref().map(|s| s.remote.clone()).unwrap_or_default();
        let notice = match (heard, trouble) {
            (None, _) => Notice::Connected { daemon, remote: remote() },
            (Some((last, _)), Some(_)) => {
                let silent = turn.mono().since(last);
                Notice::Back { daemon, remote: remote(), silent }
            }
            (Some(_), None) => return,
        };
        self.connected_since = turn.wall();
        turn.effects.push(Effect::Note(notice));
    }

    fn session(&mut self, connection: ConnectionId) -> Option<&mut Session> {
        self.sessions_mut().find(|session| session.connection == connection)
    }

    fn sessions_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.current.iter_mut().chain(&mut self.candidate)
    }
}

fn is_refusal(loss: &Loss) -> bool {
    match loss {
        Loss::Closed { code, .. } => matches!(
            code.known(),
            Some(
                CloseCode::Refused | CloseCode::Conflict | CloseCode::Revoked | CloseCode::Retired
            )
        ),
        Loss::Reset | Loss::TimedOut | Loss::Broken { .. } => false,
    }
}
