//! How long to wait before the next attempt: exponential, capped, with full jitter.
//!
//! Pure: randomness is an argument. An attempt that has not failed before is not delayed, only
//! spread, so that a fleet that lost its daemon does not return in one instant.

use std::time::Duration;

/// Longest delay of the attempt that follows a loss at once.
pub const IMMEDIATE_JITTER_MAX: Duration = Duration::from_millis(250);

/// The bounds of one kind of peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// No delay is longer.
    pub cap: Duration,
    /// Longest delay after the first failure; doubles with each further one.
    pub base: Duration,
}

impl Backoff {
    /// Agents: 0 to 5 s.
    pub const AGENT: Self = Self { cap: Duration::from_secs(5), base: Duration::from_millis(500) };

    /// Console: 0 to 1 s; a person is waiting.
    pub const CONSOLE: Self =
        Self { cap: Duration::from_secs(1), base: Duration::from_millis(250) };

    /// The wait before an attempt. `attempt` counts the failures since the last success: 0 is the
    /// attempt right after a loss. `random` is any evenly spread number; all of its bits are used.
    pub fn delay(&self, attempt: u32, random: u64) -> Duration {
        scaled(self.ceiling(attempt), random)
    }

    /// The longest wait that [`Backoff::delay`] gives for `attempt`.
    pub fn ceiling(&self, attempt: u32) -> Duration {
        match attempt {
            0 => IMMEDIATE_JITTER_MAX.min(self.cap),
            failures => {
                let factor = 1_u32.checked_shl(failures - 1).unwrap_or(u32::MAX);
                self.base.saturating_mul(factor).min(self.cap)
            }
        }
    }

    /// The wait when the peer said how long to stay away: at least that, spread by the jitter of an
    /// immediate attempt.
    pub fn told(&self, retry_after: Duration, random: u64) -> Duration {
        retry_after.saturating_add(scaled(IMMEDIATE_JITTER_MAX, random))
    }
}

/// `ceiling` x `random` / 2^64, up to and including the ceiling itself.
fn scaled(ceiling: Duration, random: u64) -> Duration {
    let nanos = u64::try_from(ceiling.as_nanos()).unwrap_or(u64::MAX);
    let part = ((u128::from(nanos) + 1) * u128::from(random)) >> 64;
    Duration::from_nanos(u64::try_from(part).unwrap_or(nanos))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KINDS: [Backoff; 2] = [Backoff::AGENT, Backoff::CONSOLE];

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let ceilings: Vec<u128> =
            (0..7).map(|attempt| Backoff::AGENT.ceiling(attempt).as_millis()).collect();
        assert_eq!(ceilings, [250, 500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(Backoff::CONSOLE.ceiling(u32::MAX), Duration::from_secs(1));
    }

    #[test]
    fn the_jitter_is_full() {
        for kind in KINDS {
            for attempt in [0, 1, 9] {
                assert_eq!(kind.delay(attempt, 0), Duration::ZERO);
                assert_eq!(kind.delay(attempt, u64::MAX), kind.ceiling(attempt));
                let half = kind.delay(attempt, 1 << 63);
                assert!(half.abs_diff(kind.ceiling(attempt) / 2) <= Duration::from_nanos(1));
            }
        }
    }

    proptest! {
        #[test]
        fn a_delay_never_leaves_its_bounds(attempt: u32, random: u64) {
            for kind in KINDS {
                prop_assert!(kind.delay(attempt, random) <= kind.cap);
                prop_assert!(kind.delay(0, random) <= IMMEDIATE_JITTER_MAX);
                prop_assert!(kind.ceiling(attempt) <= kind.ceiling(attempt.saturating_add(1)));
            }
        }

        #[test]
        fn what_the_peer_said_is_never_undercut(secs in 0_u64..4_000_000_000, random: u64) {
            let told = Duration::from_secs(secs);
            let wait = Backoff::AGENT.told(told, random);
            prop_assert!(wait >= told && wait <= told + IMMEDIATE_JITTER_MAX);
        }

        #[test]
        fn odd_bounds_are_no_trap(cap: u64, base: u64, attempt: u32, random: u64) {
            let kind = Backoff { cap: Duration::from_nanos(cap), base: Duration::from_nanos(base) };
            prop_assert!(kind.delay(attempt, random) <= kind.cap);
        }
    }
}
