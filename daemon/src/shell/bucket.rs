//! A token bucket: what may come in one go, and what may come in the long run.

use std::time::Duration;

use systole_common::time::Mono;

/// Tokens that fill up with time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    level: f64,
    burst: f64,
    per_second: f64,
    at: Mono,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(burst: f64, per_second: f64, now: Mono) -> Self {
        Self { level: burst, burst, per_second, at: now }
    }

    /// Takes `tokens` if there are so many.
    pub(super) fn take(&mut self, tokens: f64, now: Mono) -> bool {
        self.fill(now);
        let enough = self.level >= tokens;
        if enough {
            self.level -= tokens;
        }
        enough
    }

    /// Takes `tokens`, going into debt if need be, and says how long to wait until it is paid.
    pub(super) fn borrow(&mut self, tokens: f64, now: Mono) -> Duration {
        self.fill(now);
        self.level -= tokens;
        Duration::try_from_secs_f64((-self.level / self.per_second).max(0.0)).unwrap_or_default()
    }

    fn fill(&mut self, now: Mono) {
        let gained = now.since(self.at).as_secs_f64() * self.per_second;
        self.level = (self.level + gained).min(self.burst);
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono(ms * 1_000_000)
    }

    #[test]
    fn takes_the_burst_at_once_and_the_rest_in_time() {
        let mut bucket = Bucket::new(2.0, 10.0, at(0));
        assert!(bucket.take(2.0, at(0)));
        assert!(!bucket.take(1.0, at(99)));
        assert!(bucket.take(1.0, at(100)));
        assert!(!bucket.take(3.0, at(1_000_000)), "never more than the burst");
    }

    #[test]
    fn a_debt_is_paid_by_waiting() {
        let mut bucket = Bucket::new(1.0, 10.0, at(0));
        assert_eq!(bucket.borrow(1.0, at(0)), Duration::ZERO);
        assert_eq!(bucket.borrow(5.0, at(0)), Duration::from_millis(500));
    }
}
