//! How fast somebody may do something: so much in one go, so much in the long run. Knows neither who nor
//! what.

use std::time::Duration;

use systole_common::time::Mono;

/// Nobody is told to wait longer, however slow the rate.
const WAIT_MAX: Duration = Duration::from_hours(1);

/// What somebody has left; filled up with time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    left: f64,
    at: Mono,
}

impl Allowance {
    /// A full one.
    pub(super) fn new(burst: f64, now: Mono) -> Self {
        Self { left: burst.max(1.0), at: now }
    }

    /// Takes one of `burst`, refilled at `per_s`; otherwise how long to wait for it.
    pub(super) fn take(&mut self, now: Mono, burst: f64, per_s: f64) -> Result<(), Duration> {
        let gained = now.since(self.at).as_secs_f64() * per_s;
        self.left = (self.left + gained).min(burst.max(1.0));
        self.at = self.at.max(now);
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        let wait = Duration::try_from_secs_f64((1.0 - self.left) / per_s).unwrap_or(WAIT_MAX);
        Err(wait.min(WAIT_MAX))
    }

    /// When it was last asked.
    pub(super) fn asked_at(&self) -> Mono {
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono(ms * 1_000_000)
    }

    #[test]
    fn gives_the_burst_at_once_and_the_rest_in_time() {
        let mut allowance = Allowance::new(2.0, at(0));
        assert_eq!(allowance.take(at(0), 2.0, 10.0), Ok(()));
        assert_eq!(allowance.take(at(0), 2.0, 10.0), Ok(()));
        assert_eq!(allowance.take(at(50), 2.0, 10.0), Err(Duration::from_millis(50)));
        assert_eq!(allowance.take(at(100), 2.0, 10.0), Ok(()));
        assert_eq!(allowance.take(at(1_000_000), 2.0, 10.0), Ok(()));
        assert_eq!(allowance.take(at(1_000_000), 2.0, 10.0), Ok(()));
        assert!(allowance.take(at(1_000_000), 2.0, 10.0).is_err(), "never more than the burst");
    }

    #[test]
    fn odd_rates_are_no_trap() {
        let mut allowance = Allowance::new(0.0, at(0));
        assert_eq!(allowance.take(at(0), 0.0, 0.0), Ok(()), "one can always be said");
        assert_eq!(allowance.take(at(1), 0.0, 0.0), Err(WAIT_MAX));
    }
}
