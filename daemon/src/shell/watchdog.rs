//! What systemd is told: ready, reloading, stopping, and that both engine loop and writer move.

use std::time::Duration;

use sd_notify::NotifyState;
use systole_common::time::Mono;

use crate::limits::WRITER_STALL;

/// Pings systemd's watchdog while the writer moves; the engine loop itself calls it.
#[derive(Debug)]
pub(super) struct Watchdog {
    every: Option<Duration>,
    pinged: Option<Mono>,
    writer_turns: u64,
    writer_moved: Option<Mono>,
}

impl Watchdog {
    /// The watchdog that the unit asks for, if it does.
    pub(super) fn from_unit() -> Self {
        Self::new(sd_notify::watchdog_enabled())
    }

    /// A watchdog that must be pinged within `limit`.
    pub(super) fn new(limit: Option<Duration>) -> Self {
        let every = limit.map(|limit| limit / 2);
        Self { every, pinged: None, writer_turns: 0, writer_moved: None }
    }

    /// About once a second: the engine loop moves, and the writer has made so many turns.
    pub(super) fn turn(&mut self, writer_turns: u64, now: Mono) {
        if self.is_due(writer_turns, now) {
            tell(&[NotifyState::Watchdog]);
        }
    }

    fn is_due(&mut self, writer_turns: u64, now: Mono) -> bool {
        if self.writer_moved.is_none() || writer_turns != self.writer_turns {
            self.writer_turns = writer_turns;
            self.writer_moved = Some(now);
        }
        let is_stuck = self.writer_moved.is_some_and(|at| now.since(at) > WRITER_STALL);
        let Some(every) = self.every else { return false };
        let is_due = self.pinged.is_none_or(|at| now.since(at) >= every);
        if is_due && !is_stuck {
            self.pinged = Some(now);
        }
        is_due && !is_stuck
    }
}

/// Start is complete.
pub(super) fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("watching")]);
}

/// Start waits for something that only time or a person can mend.
pub(super) fn waiting(why: &str, retry: Duration) {
    let us = u32::try_from(retry.as_micros()).unwrap_or(u32::MAX).saturating_mul(3);
    tell(&[NotifyState::Status(why), NotifyState::ExtendTimeoutUsec(us)]);
}

/// SIGHUP begins to be dealt with.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(at) => tell(&[NotifyState::Reloading, at]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// An orderly end begins.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// Without systemd there is nobody to tell.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(reason = %error, "systemd cannot be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono(seconds * 1_000_000_000)
    }

    #[test]
    fn pings_twice_within_the_limit_and_never_without_one() {
        let mut watchdog = Watchdog::new(Some(Duration::from_secs(10)));
        let pings = (0..20).filter(|second| watchdog.is_due(*second, at(*second))).count();
        assert_eq!(pings, 4);
        let mut none = Watchdog::new(None);
        assert!(!none.is_due(1, at(1)));
    }

    #[test]
    fn a_stuck_writer_stops_the_pings_until_it_moves() {
        let mut watchdog = Watchdog::new(Some(Duration::from_secs(2)));
        assert!(watchdog.is_due(1, at(1)));
        assert!(watchdog.is_due(1, at(30)));
        assert!(!watchdog.is_due(1, at(32)));
        assert!(watchdog.is_due(2, at(33)));
    }
}
