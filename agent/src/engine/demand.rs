//! What several daemons want, made one: the shortest interval asked wins; 0 asks for nothing.

use std::time::Duration;

use systole_common::model::metric::SERIES_PER_AGENT_MAX;
use systole_common::wire::control::Policy;
use systole_common::wire::limits::{HEARTBEAT_INTERVAL_MS_MAX, INTERVAL_MS_MIN};

use super::effect::Sampling;
use crate::limits::{
    HEARTBEAT_INTERVAL_DEFAULT, PROCESSES_INTERVAL_DEFAULT, SAMPLE_INTERVAL_DEFAULT,
    SAMPLE_INTERVAL_MAX,
};

/// Intervals in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Demand {
    /// Between heartbeats.
    pub(super) heartbeat: Duration,
    /// What to sample.
    pub(super) sampling: Sampling,
}

impl Demand {
    /// What is done until a daemon is heard; `stored` lies between stored samples.
    pub(super) fn initial(stored: Duration) -> Self {
        let sampling = Sampling {
            connected: false,
            live: SAMPLE_INTERVAL_DEFAULT,
            stored,
            processes: PROCESSES_INTERVAL_DEFAULT,
            series_max: SERIES_PER_AGENT_MAX,
        };
        Self { heartbeat: HEARTBEAT_INTERVAL_DEFAULT, sampling }
    }

    /// What `policies` want; where they want nothing, things stay as they are.
    pub(super) fn merged(self, policies: &[Policy]) -> Self {
        let shortest = |field: fn(&Policy) -> u32, max: Duration, present: Duration| {
            let asked = policies.iter().map(field).filter(|ms| *ms > 0).min();
            asked.map_or(present, |ms| {
                Duration::from_millis(ms.max(INTERVAL_MS_MIN).into()).min(max)
            })
        };
        let longest = Duration::from_millis(HEARTBEAT_INTERVAL_MS_MAX.into());
        let present = self.sampling;
        let series_max = policies.iter().map(|policy| policy.series_max).filter(|max| *max > 0);
        let series_max = series_max.min().and_then(|max| usize::try_from(max).ok());
        Self {
            heartbeat: shortest(|p| p.intervals.heartbeat_ms, longest, self.heartbeat),
            sampling: Sampling {
                connected: !policies.is_empty(),
                live: shortest(|p| p.intervals.live_ms, SAMPLE_INTERVAL_MAX, present.live),
                stored: shortest(|p| p.intervals.stored_ms, SAMPLE_INTERVAL_MAX, present.stored),
                processes: shortest(
                    |p| p.processes_interval_ms,
                    SAMPLE_INTERVAL_MAX,
                    present.processes,
                ),
                series_max: series_max
                    .map_or(present.series_max, |max| max.min(SERIES_PER_AGENT_MAX)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use systole_common::wire::control::Intervals;

    fn policy(heartbeat_ms: u32, live_ms: u32) -> Policy {
        let intervals = Intervals { heartbeat_ms, live_ms, stored_ms: 0 };
        Policy { intervals, ..Policy::default() }
    }

    #[test]
    fn the_shortest_interval_wins_and_0_asks_for_nothing() {
        let demand = Demand::initial(SAMPLE_INTERVAL_DEFAULT)
            .merged(&[policy(20_000, 0), policy(5_000, 1_000)]);
        assert_eq!(demand.heartbeat, Duration::from_secs(5));
        assert_eq!(demand.sampling.live, Duration::from_secs(1));
        assert_eq!(demand.sampling.stored, SAMPLE_INTERVAL_DEFAULT);
        assert!(demand.sampling.connected);
        let alone = demand.merged(&[]);
        assert_eq!(alone.heartbeat, Duration::from_secs(5));
        assert!(!alone.sampling.connected);
    }

    #[test]
    fn absurd_intervals_are_drawn_to_the_bounds() {
        let fast = Demand::initial(SAMPLE_INTERVAL_DEFAULT).merged(&[policy(1, 1)]);
        assert_eq!(fast.heartbeat, Duration::from_millis(100));
        let slow = Demand::initial(SAMPLE_INTERVAL_DEFAULT).merged(&[policy(u32::MAX, u32::MAX)]);
        assert_eq!(slow.heartbeat, Duration::from_mins(1));
        assert_eq!(slow.sampling.live, SAMPLE_INTERVAL_MAX);
    }
}
