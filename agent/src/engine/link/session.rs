//! One accepted connection and how long its daemon has been silent on it.

use std::collections::VecDeque;
use std::time::Duration;

use systole_common::time::Mono;
use systole_common::wire::control::{Echo, Intervals, Policy};
use systole_common::wire::hello::Clocks;

use crate::engine::input::{Accepted, ConnectionId};
use crate::engine::moment;
use crate::limits::SENT_REMEMBERED;

/// A connection whose hello was accepted.
#[derive(Debug)]
pub(super) struct Session {
    /// Which.
    pub(super) connection: ConnectionId,
    /// Address and port that were dialled.
    pub(super) remote: String,
    /// What the daemon wants.
    pub(super) policy: Policy,
    /// Sequence of the newest echo; 0 if none came yet.
    pub(super) echo_sequence: u64,
    /// Newest heartbeat that was echoed; 0 if none.
    pub(super) echoed_heartbeat: u64,
    /// When the newest echo came.
    pub(super) echo_at: Mono,
    /// Round trip of the newest echo that gives one.
    pub(super) rtt: Option<Duration>,
    /// Whether the silence was found too long.
    pub(super) overdue: bool,
    /// From when silence is counted.
    silent_from: Mono,
    /// Send times of the newest heartbeats.
    sent: VecDeque<(u64, Mono)>,
}

impl Session {
    pub(super) fn new(connection: ConnectionId, accepted: Accepted, now: Clocks) -> Self {
        Self {
            connection,
            remote: accepted.remote,
            policy: accepted.policy,
            echo_sequence: 0,
            echoed_heartbeat: 0,
            echo_at: moment(now),
            rtt: None,
            overdue: false,
            silent_from: moment(now),
            sent: VecDeque::with_capacity(SENT_REMEMBERED),
        }
    }

    /// Whether the daemon has echoed anything on it.
    pub(super) fn is_confirmed(&self) -> bool {
        self.echo_sequence > 0
    }

    /// When the silence becomes too long.
    pub(super) fn overdue_at(&self, patience: Duration) -> Mono {
        self.silent_from.plus(patience)
    }

    /// Takes an echo in. One that is older than the newest is ignored.
    pub(super) fn echoed(&mut self, now: Clocks, echo: &Echo) {
        if echo.sequence <= self.echo_sequence {
            return;
        }
        self.echo_sequence = echo.sequence;
        self.echo_at = moment(now);
        self.silent_from = moment(now);
        self.overdue = false;
        self.measure(moment(now), echo);
        self.echoed_heartbeat = self.echoed_heartbeat.max(echo.heartbeat_sequence);
        self.policy.intervals.heartbeat_ms =
            wanted(self.policy.intervals.heartbeat_ms, echo.wanted_interval_ms);
    }

    fn measure(&mut self, now: Mono, echo: &Echo) {
        let sent = self.sent.iter().find(|(sequence, _)| *sequence == echo.heartbeat_sequence);
        if let Some((_, at)) = sent
            && echo.heartbeat_sequence > self.echoed_heartbeat
        {
            let hold = Duration::from_micros(echo.hold_us);
            self.rtt = Some(now.since(*at).saturating_sub(hold));
        }
    }

    /// Remembers when a heartbeat was written.
    pub(super) fn beat(&mut self, sequence: u64, now: Mono) {
        if self.sent.len() == SENT_REMEMBERED {
            self.sent.pop_front();
        }
        self.sent.push_back((sequence, now));
    }

    /// Takes new intervals in; 0 leaves one as it is.
    pub(super) fn ask(&mut self, asked: Intervals) {
        let mine = &mut self.policy.intervals;
        mine.heartbeat_ms = wanted(mine.heartbeat_ms, asked.heartbeat_ms);
        mine.live_ms = wanted(mine.live_ms, asked.live_ms);
        mine.stored_ms = wanted(mine.stored_ms, asked.stored_ms);
    }

    /// Counts silence anew from `now`: the interval changed.
    pub(super) fn count_from(&mut self, now: Mono) {
        self.silent_from = self.silent_from.max(now);
    }

    /// Does not count `pause`, in which this agent could not have heard.
    pub(super) fn forgive(&mut self, pause: Duration) {
        self.silent_from = self.silent_from.plus(pause);
    }
}

fn wanted(present: u32, asked: u32) -> u32 {
    if asked == 0 { present } else { asked }
}
