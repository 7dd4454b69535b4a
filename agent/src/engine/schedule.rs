//! When the next heartbeat is due: a grid, so that a late one moves none of those that follow.
//!
//! A promise once made is kept: a longer interval begins only after the heartbeat promised before.

use std::time::Duration;

use systole_common::time::Mono;

/// The grid of heartbeats.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    interval: Duration,
    next: Mono,
}

impl Schedule {
    /// A grid that begins at `now`.
    pub(super) fn new(now: Mono, interval: Duration) -> Self {
        Self { interval, next: now }
    }

    /// The interval in force.
    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// When the next heartbeat of the grid is due.
    pub(super) fn next(&self) -> Mono {
        self.next
    }

    /// Moves on from the heartbeat that is due at `now`; how many of the grid were missed besides.
    pub(super) fn step(&mut self, now: Mono) -> u32 {
        let step = self.interval.as_nanos().max(1);
        let behind = now.since(self.next).as_nanos();
        let missed = behind / step;
        let onward = step.saturating_mul(missed + 1);
        let onward = Duration::from_nanos(u64::try_from(onward).unwrap_or(u64::MAX));
        self.next = self.next.plus(onward);
        u32::try_from(missed).unwrap_or(u32::MAX)
    }

    /// Time from `now` until the next heartbeat of the grid.
    pub(super) fn remaining(&self, now: Mono) -> Duration {
        self.next.since(now)
    }

    /// Changes the interval at `now`. The next heartbeat never comes later than promised before.
    pub(super) fn change(&mut self, now: Mono, interval: Duration) {
        self.interval = interval;
        self.next = self.next.min(now.plus(interval));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn at(ms: u64) -> Mono {
        Mono(ms * 1_000_000)
    }

    #[test]
    fn a_late_heartbeat_moves_none_that_follow() {
        let mut grid = Schedule::new(at(0), S);
        assert_eq!(grid.step(at(0)), 0);
        assert_eq!(grid.step(at(1400)), 0);
        assert_eq!(grid.next(), at(2000));
    }

    #[test]
    fn missed_heartbeats_are_counted_and_never_sent_in_a_burst() {
        let mut grid = Schedule::new(at(0), S);
        assert_eq!(grid.step(at(0)), 0);
        assert_eq!(grid.step(at(61_300)), 60);
        assert_eq!(grid.next(), at(62_000));
        let far = Mono(u64::MAX);
        assert_eq!(grid.step(far), u32::MAX);
    }

    #[test]
    fn a_change_keeps_the_promise_made_before() {
        let mut grid = Schedule::new(at(0), S);
        grid.step(at(0));
        grid.change(at(300), 60 * S);
        assert_eq!(grid.next(), at(1000));
        grid.step(at(1000));
        assert_eq!(grid.next(), at(61_000));
        grid.change(at(5000), Duration::from_millis(100));
        assert_eq!(grid.next(), at(5100));
    }
}
