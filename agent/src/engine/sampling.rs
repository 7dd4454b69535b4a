//! When the host is looked at next: a grid for the metrics, a grid for the process list.
//!
//! A shorter interval takes effect at once, so that whoever begins to look sees fresh values. Two looks
//! are never so close that shares of the time between them would be a matter of chance.

use std::time::Duration;

use systole_common::time::Mono;

use super::effect::Sampling;
use crate::limits::LOOKS_APART_MIN;

/// What is due, and when the next is.
#[derive(Debug)]
pub struct SamplingPlan {
    sampling: Sampling,
    looked_at: Option<Mono>,
    live_at: Mono,
    processes_at: Mono,
}

/// What is to be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The metrics.
    pub live: bool,
    /// The process list.
    pub processes: bool,
}

impl SamplingPlan {
    /// A plan that looks at once.
    pub fn new(now: Mono, sampling: Sampling) -> Self {
        Self { sampling, looked_at: None, live_at: now, processes_at: now }
    }

    /// Follows what the daemons want. With the first daemon a look is due at once, or as soon as the
    /// last one is long enough ago.
    pub fn follow(&mut self, now: Mono, sampling: Sampling) {
        let connects = sampling.connected && !self.sampling.connected;
        if connects || sampling.live < self.sampling.live {
            let apart = self.looked_at.map_or(now, |looked_at| looked_at.plus(LOOKS_APART_MIN));
            self.live_at = now.max(apart);
        }
        if connects || sampling.processes < self.sampling.processes {
            self.processes_at = now;
        }
        self.live_at = self.live_at.min(now.plus(sampling.live));
        self.processes_at = self.processes_at.min(now.plus(sampling.processes));
        self.sampling = sampling;
    }

    /// When something is due next. The process list is left alone while nobody is connected.
    pub fn next(&self) -> Mono {
        if self.sampling.connected { self.live_at.min(self.processes_at) } else { self.live_at }
    }

    /// What is due at `now`; the plan moves on.
    pub fn take(&mut self, now: Mono) -> Due {
        let due = Due {
            live: self.live_at <= now,
            processes: self.sampling.connected && self.processes_at <= now,
        };
        if due.live {
            self.looked_at = Some(now);
            self.live_at = after(self.live_at, now, self.sampling.live);
        }
        if due.processes {
            self.processes_at = after(self.processes_at, now, self.sampling.processes);
        }
        due
    }
}

/// The first point of the grid through `from` that lies after `now`.
fn after(from: Mono, now: Mono, interval: Duration) -> Mono {
    let step = interval.as_nanos().max(1);
    let steps = now.since(from).as_nanos() / step + 1;
    let onward = u64::try_from(step.saturating_mul(steps)).unwrap_or(u64::MAX);
    from.plus(Duration::from_nanos(onward))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(connected: bool, live_ms: u64) -> Sampling {
        Sampling {
            connected,
            live: Duration::from_millis(live_ms),
            stored: Duration::from_secs(5),
            processes: Duration::from_secs(5),
            series_max: 1024,
        }
    }

    fn at(ms: u64) -> Mono {
        Mono(ms * 1_000_000)
    }

    #[test]
    fn somebody_who_looks_gets_fresh_values_at_once_and_each_second() {
        let mut plan = SamplingPlan::new(at(0), sampling(true, 5000));
        assert_eq!(plan.take(at(0)), Due { live: true, processes: true });
        assert_eq!(plan.next(), at(5000));
        plan.follow(at(1300), sampling(true, 1000));
        assert_eq!(plan.next(), at(1300));
        assert_eq!(plan.take(at(1300)), Due { live: true, processes: false });
        assert_eq!(plan.next(), at(2300));
        plan.follow(at(1400), sampling(true, 5000));
        assert_eq!(plan.next(), at(2300), "the sample that was planned still comes");
    }

    #[test]
    fn late_looks_are_not_made_up_for() {
        let mut plan = SamplingPlan::new(at(0), sampling(true, 1000));
        plan.take(at(0));
        plan.take(at(7600));
        assert_eq!(plan.next(), at(8000));
    }

    #[test]
    fn without_a_daemon_the_process_list_is_left_alone() {
        let mut plan = SamplingPlan::new(at(0), sampling(false, 5000));
        assert_eq!(plan.take(at(0)), Due { live: true, processes: false });
        plan.follow(at(100), sampling(true, 5000));
        assert_eq!(plan.take(at(100)), Due { live: false, processes: true });
    }

    #[test]
    fn two_looks_are_never_too_close_for_shares_of_the_time_between_them() {
        let mut plan = SamplingPlan::new(at(0), sampling(false, 5000));
        plan.take(at(0));
        plan.follow(at(10), sampling(true, 5000));
        assert_eq!(plan.take(at(10)), Due { live: false, processes: true });
        assert_eq!(plan.next(), at(0).plus(LOOKS_APART_MIN));
        plan.follow(at(20), sampling(true, 1000));
        assert_eq!(plan.next(), at(0).plus(LOOKS_APART_MIN));
        assert!(plan.take(plan.next()).live);
    }
}
