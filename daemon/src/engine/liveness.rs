//! The detector in its plain form: silence against the promised interval. One [`Watch`] a host.
//!
//! This is the whole interface that a better detector has to offer: signs of life go in, a
//! [`Judgement`] and the next moment to judge come out. It knows no host, no alert and no reason.

use std::time::Duration;

use systole_common::time::Mono;

use super::limits::LATE_SLACK;

/// What silence says about a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// Heard in time.
    Alive,
    /// A heartbeat is overdue.
    Late,
    /// Silent for longer than is allowed.
    Silent,
}

/// What is known of one host's signs of life.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    heard_at: Mono,
    interval: Duration,
    not_before: Mono,
}

impl Watch {
    /// A host that has to be heard from `now` on, but is judged only after `grace`.
    pub(super) fn new(now: Mono, interval: Duration, grace: Duration) -> Self {
        Self { heard_at: now, interval, not_before: now.plus(grace) }
    }

    /// A sign of life. The sender promises the next one after `interval`. Whatever held judgement
    /// back is over for this host: it was heard.
    pub(super) fn heard(&mut self, now: Mono, interval: Duration) {
        self.heard_at = self.heard_at.max(now);
        self.not_before = Mono(0);
        self.interval = interval;
    }

    /// Nothing is judged before `at`: the daemon itself was not able to hear.
    pub(super) fn hold_until(&mut self, at: Mono) {
        self.not_before = self.not_before.max(at);
    }

    /// Time since the last sign of life.
    pub(super) fn silence(&self, now: Mono) -> Duration {
        now.since(self.heard_at)
    }

    /// The promised interval.
    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// Silence from which on the host is silent: `max(timeout, 2.5 × interval)`.
    pub(super) fn timeout(&self, timeout: Duration) -> Duration {
        timeout.max(self.interval.saturating_mul(5) / 2)
    }

    /// Silence from which on a heartbeat is overdue: `max(2 × interval, interval + 500 ms)`.
    pub(super) fn late_after(&self) -> Duration {
        self.interval.saturating_mul(2).max(self.interval.saturating_add(LATE_SLACK))
    }

    /// What the silence up to `now` says.
    pub(super) fn judge(&self, now: Mono, timeout: Duration) -> Judgement {
        let silence = self.silence(now);
        if now < self.not_before {
            Judgement::Alive
        } else if silence > self.timeout(timeout) {
            Judgement::Silent
        } else if silence > self.late_after() {
            Judgement::Late
        } else {
            Judgement::Alive
        }
    }

    /// When the judgement can change next without a sign of life.
    pub(super) fn next_judgement(&self, now: Mono, timeout: Duration) -> Mono {
        let just_after = |span: Duration| Mono(self.heard_at.plus(span).0.saturating_add(1));
        let silent = just_after(self.timeout(timeout));
        let late = just_after(self.late_after()).min(silent);
        let changes = [self.not_before, late, silent];
        let next = changes.into_iter().filter(|at| *at > now && *at >= self.not_before).min();
        next.unwrap_or(silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);
    const TIMEOUT: Duration = Duration::from_secs(5);

    fn at(ms: u64) -> Mono {
        Mono(ms * 1_000_000)
    }

    #[test]
    fn one_second_beats_are_late_after_two_and_silent_after_five() {
        let mut watch = Watch::new(at(0), SECOND, Duration::ZERO);
        watch.heard(at(10_000), SECOND);
        assert_eq!(watch.judge(at(12_000), TIMEOUT), Judgement::Alive);
        assert_eq!(watch.judge(at(12_001), TIMEOUT), Judgement::Late);
        assert_eq!(watch.judge(at(15_000), TIMEOUT), Judgement::Late);
        assert_eq!(watch.judge(at(15_001), TIMEOUT), Judgement::Silent);
    }

    #[test]
    fn slow_beats_stretch_the_time_out_and_fast_ones_get_slack() {
        let mut watch = Watch::new(at(0), 20 * SECOND, Duration::ZERO);
        assert_eq!(watch.judge(at(49_000), TIMEOUT), Judgement::Late);
        assert_eq!(watch.judge(at(50_001), TIMEOUT), Judgement::Silent);
        assert_eq!(watch.judge(at(59_000), 60 * SECOND), Judgement::Late);
        watch.heard(at(0), Duration::from_millis(100));
        assert_eq!(watch.judge(at(600), TIMEOUT), Judgement::Alive);
        assert_eq!(watch.judge(at(601), TIMEOUT), Judgement::Late);
    }

    #[test]
    fn nothing_is_judged_while_held() {
        let mut watch = Watch::new(at(0), SECOND, 10 * SECOND);
        assert_eq!(watch.judge(at(9_999), TIMEOUT), Judgement::Alive);
        assert_eq!(watch.judge(at(10_000), TIMEOUT), Judgement::Silent);
        watch.hold_until(at(30_000));
        assert_eq!(watch.next_judgement(at(10_000), TIMEOUT), at(30_000));
        watch.heard(at(20_000), SECOND);
        assert_eq!(watch.judge(at(25_001), TIMEOUT), Judgement::Silent, "heard: nothing is held");
    }

    proptest! {
        #[test]
        fn the_next_judgement_is_never_missed(
            heard in 0u64..100_000, interval in 100u64..60_000, grace in 0u64..20_000,
            timeout in 1_000u64..120_000, look in 0u64..400_000,
        ) {
            let mut watch = Watch::new(at(0), SECOND, Duration::ZERO);
            watch.heard(at(heard), Duration::from_millis(interval));
            watch.hold_until(at(heard + grace));
            let timeout = Duration::from_millis(timeout);
            let now = at(heard + look);
            let next = watch.next_judgement(now, timeout);
            if next > now {
                let before = Mono(next.0 - 1);
                prop_assert_eq!(watch.judge(now, timeout), watch.judge(before, timeout));
            } else {
                prop_assert_eq!(watch.judge(now, timeout), Judgement::Silent);
            }
        }
    }
}
