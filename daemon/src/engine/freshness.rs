//! Whether live values are fresh: how old they were when they came, told from the agent's own clock.
//!
//! Clocks of two machines share nothing but their pace. The daemon's clock at a heartbeat's arrival less
//! the agent's at its writing is the same each time but for the delay, so the least of the last few is
//! what the way takes at its best; values that come later than that are old by the difference. What an
//! agent says of its clocks decides about its own live values and about nothing else.

use std::collections::VecDeque;
use std::time::Duration;

use systole_common::time::Mono;
use systole_common::wire::hello::Clocks;

use super::limits::CLOCK_OFFSET_BEATS;

/// What live values are when they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// They say how the host is.
    Fresh,
    /// They were on their way for too long.
    Late,
    /// Newer ones were here before them.
    Overtaken,
}

/// The way from one start of an agent to here.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// Our clock less the agent's, in nanoseconds: the least of each stretch of heartbeats, and when the
    /// stretch began.
    beats: VecDeque<(Mono, i128)>,
    /// The newest values taken: the agent's monotonic clock, and when they came.
    newest: Option<(u64, Mono)>,
}

impl Way {
    /// A heartbeat came. Those within one `stretch` count as one: what was held up comes in a heap, and
    /// must not push out what is known of the way.
    pub(super) fn beat(&mut self, now: Mono, stretch: Duration, sent: Clocks) {
        let apart = i128::from(now.0) - i128::from(sent.boot_ns);
        match self.beats.back_mut() {
            Some((begun, least)) if now.since(*begun) < stretch => *least = apart.min(*least),
            Some(_) | None => {
                self.beats.push_back((now, apart));
                if self.beats.len() > CLOCK_OFFSET_BEATS {
                    self.beats.pop_front();
                }
            }
        }
    }

    /// Values that were read `at` came; what is older than `limit` is late. Before the first heartbeat
    /// nothing is. Fresh ones are the newest from now on.
    pub(super) fn judge(&mut self, now: Mono, at: Clocks, limit: Duration) -> Freshness {
        let limit_ns = i128::try_from(limit.as_nanos()).unwrap_or(i128::MAX);
        let base = self.beats.iter().map(|(_, apart)| *apart).min();
        let age = base.map(|base| i128::from(now.0) - i128::from(at.boot_ns) - base);
        if age.is_some_and(|age| age > limit_ns) {
            return Freshness::Late;
        }
        // A clock that once leapt ahead shuts its agent out only until those values are old themselves.
        let is_before =
            |(mono_ns, came): (u64, Mono)| at.mono_ns < mono_ns && now.since(came) <= limit;
        if self.newest.is_some_and(is_before) {
            return Freshness::Overtaken;
        }
        self.newest = Some((at.mono_ns, now));
        Freshness::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STRETCH: Duration = Duration::from_millis(500);
    const LIMIT: Duration = Duration::from_secs(3);

    fn ours(ms: u64) -> Mono {
        Mono(ms * 1_000_000)
    }

    /// The agent's clocks; it started an hour before the daemon.
    fn theirs(ms: u64) -> Clocks {
        let ns = (3_600_000 + ms) * 1_000_000;
        Clocks { mono_ns: ns, boot_ns: ns, wall_ms: 0 }
    }

    /// Beats once a second over a way of 20 ms, the last one sent at `until` seconds.
    fn steady(until: u64) -> Way {
        let mut way = Way::default();
        for second in 0..=until {
            way.beat(ours(second * 1_000 + 20), STRETCH, theirs(second * 1_000));
        }
        way
    }

    #[test]
    fn values_are_as_old_as_the_way_was_long() {
        let mut way = steady(10);
        let mut judge = |now, at| way.judge(ours(now), theirs(at), LIMIT);
        assert_eq!(judge(11_020, 11_000), Freshness::Fresh);
        assert_eq!(judge(14_020, 11_000), Freshness::Fresh);
        assert_eq!(judge(14_021, 11_000), Freshness::Late);
        assert_eq!(judge(14_000, 99_000), Freshness::Fresh, "ahead is not old");
    }

    #[test]
    fn a_heap_of_old_heartbeats_does_not_hide_how_old_values_are() {
        let mut way = steady(10);
        for second in 11..40 {
            assert_eq!(way.judge(ours(40_000), theirs(11_000), LIMIT), Freshness::Late, "{second}");
            way.beat(ours(40_000 + second), STRETCH, theirs(second * 1_000));
        }
        assert_eq!(way.judge(ours(40_100), theirs(11_000), LIMIT), Freshness::Late);
        assert_eq!(way.judge(ours(40_120), theirs(40_000), LIMIT), Freshness::Fresh);
    }

    #[test]
    fn a_clock_that_stood_is_believed_again_after_as_many_beats_as_are_kept() {
        let mut way = steady(10);
        let stood = 60_000;
        for second in 11..=18 {
            let now = ours(second * 1_000 + stood + 20);
            let at = theirs(second * 1_000);
            assert_eq!(way.judge(now, at, LIMIT), Freshness::Late);
            way.beat(now, STRETCH, at);
        }
        let at = theirs(18_500);
        assert_eq!(way.judge(ours(18_520 + stood), at, LIMIT), Freshness::Fresh);
    }

    #[test]
    fn what_newer_values_overtook_is_not_taken_but_a_leap_is_forgiven() {
        let mut way = Way::default();
        assert_eq!(way.judge(ours(0), theirs(2_000), LIMIT), Freshness::Fresh);
        assert_eq!(way.judge(ours(1), theirs(2_000), LIMIT), Freshness::Fresh);
        assert_eq!(way.judge(ours(2), theirs(1_999), LIMIT), Freshness::Overtaken);
        let leap = Clocks { mono_ns: u64::MAX, ..theirs(0) };
        assert_eq!(way.judge(ours(10), leap, LIMIT), Freshness::Fresh);
        assert_eq!(way.judge(ours(3_010), theirs(3_000), LIMIT), Freshness::Overtaken);
        assert_eq!(way.judge(ours(3_011), theirs(3_001), LIMIT), Freshness::Fresh);
    }

    proptest! {
        #[test]
        fn whatever_a_clock_said_honest_beats_mend_it(
            lies in prop::collection::vec((0u64..5_000, any::<u64>(), any::<u64>()), 0..30),
        ) {
            let mut way = Way::default();
            let mut now_ms = 0;
            for (gap_ms, boot_ns, mono_ns) in lies {
                now_ms += gap_ms;
                let at = Clocks { mono_ns, boot_ns, wall_ms: i64::MAX };
                way.beat(ours(now_ms), STRETCH, at);
                way.judge(ours(now_ms), at, LIMIT);
                way.judge(ours(now_ms), Clocks { mono_ns: boot_ns, ..theirs(0) }, Duration::MAX);
            }
            for _ in 0..CLOCK_OFFSET_BEATS {
                now_ms += 1_000;
                way.beat(ours(now_ms), STRETCH, theirs(now_ms));
            }
            let last = way.judge(ours(now_ms), theirs(now_ms), LIMIT);
            prop_assert_eq!(last, Freshness::Fresh);
        }
    }
}
