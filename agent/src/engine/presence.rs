//! What the agent announces about itself: an absence, its end, and who waits for the daemons' word.

use std::time::Duration;

use systole_common::time::{Mono, UnixMs};
use systole_common::wire::agent::{Intent, IntentKind};
use systole_common::wire::hello::Clocks;
use systole_common::wire::limits::{LEASE_MS_MAX, REASON_BYTES_MAX};

use super::input::RequestId;
use super::moment;
use super::status::LeaseReport;
use crate::limits::{INTENT_ECHO_WAIT, LEASE_MIN};

/// Announced absence and end.
#[derive(Debug, Default)]
pub(super) struct Presence {
    lease: Option<Lease>,
    stopping: Option<Stopping>,
}

/// An announced absence. It ends by the clock that goes on in suspend.
#[derive(Debug)]
struct Lease {
    ends_boot_ns: u64,
    why: String,
}

/// The end of the program.
#[derive(Debug)]
pub(super) struct Stopping {
    /// Why, for people.
    pub(super) why: String,
    /// The first heartbeat that says so.
    pub(super) sequence: u64,
    /// When its echo is waited for no longer.
    pub(super) until: Mono,
}

/// A `leave` whose heartbeat is under way.
#[derive(Debug)]
pub(super) struct Pending {
    /// Whom to answer.
    pub(super) request: RequestId,
    /// The first heartbeat that carries it.
    pub(super) sequence: u64,
    /// When its echo is waited for no longer.
    pub(super) until: Mono,
}

impl Pending {
    pub(super) fn new(request: RequestId, sequence: u64, now: Clocks) -> Self {
        Self { request, sequence, until: moment(now).plus(INTENT_ECHO_WAIT) }
    }
}

impl Presence {
    /// Announces an absence; the length in force.
    pub(super) fn leave(&mut self, now: Clocks, lease: Duration, why: &str) -> Duration {
        let lease = lease.clamp(LEASE_MIN, Duration::from_millis(LEASE_MS_MAX));
        let lease_ns = u64::try_from(lease.as_nanos()).unwrap_or(u64::MAX);
        let ends_boot_ns = now.boot_ns.saturating_add(lease_ns);
        self.lease = Some(Lease { ends_boot_ns, why: shortened(why) });
        lease
    }

    /// Takes an absence back; whether there was one.
    pub(super) fn cancel(&mut self) -> bool {
        self.lease.take().is_some()
    }

    /// Forgets an absence that is over; whether there was one.
    pub(super) fn expire(&mut self, now: Clocks) -> bool {
        self.lease.take_if(|lease| lease.ends_boot_ns <= now.boot_ns).is_some()
    }

    /// Begins the end.
    pub(super) fn stop(&mut self, why: &str, sequence: u64, now: Clocks) {
        let until = moment(now).plus(INTENT_ECHO_WAIT);
        self.stopping = Some(Stopping { why: shortened(why), sequence, until });
    }

    /// The end, if it has begun.
    pub(super) fn stopping(&self) -> Option<&Stopping> {
        self.stopping.as_ref()
    }

    /// What a heartbeat written at `now` says.
    pub(super) fn intent(&self, now: Clocks) -> Intent {
        let lease_ms = self
            .remaining(now)
            .map_or(0, |left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1));
        let (kind, why) = match (&self.stopping, &self.lease) {
            (Some(stopping), _) => (IntentKind::Stopping, stopping.why.clone()),
            (None, Some(lease)) if lease_ms > 0 => (IntentKind::Lease, lease.why.clone()),
            (None, _) => (IntentKind::None, String::new()),
        };
        Intent { kind: kind.into(), lease_ms, why }
    }

    /// The absence as `status` shows it.
    pub(super) fn report(&self, now: Clocks) -> Option<LeaseReport> {
        let left = self.remaining(now)?;
        let why = self.lease.as_ref()?.why.clone();
        Some(LeaseReport { until: UnixMs(now.wall_ms).plus(left), why })
    }

    fn remaining(&self, now: Clocks) -> Option<Duration> {
        let left_ns = self.lease.as_ref()?.ends_boot_ns.checked_sub(now.boot_ns)?;
        (left_ns > 0).then(|| Duration::from_nanos(left_ns))
    }
}

/// `text` cut to what a reason may have, at the end of a character.
fn shortened(text: &str) -> String {
    let end = (0..=REASON_BYTES_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(boot_s: u64) -> Clocks {
        Clocks { mono_ns: 0, boot_ns: boot_s * 1_000_000_000, wall_ms: 0 }
    }

    #[test]
    fn a_lease_runs_down_and_goes_on_in_suspend() {
        let mut presence = Presence::default();
        presence.leave(at(100), Duration::from_mins(1), "kernel update");
        let intent = presence.intent(at(130));
        assert_eq!(intent.kind, IntentKind::Lease.into());
        assert_eq!((intent.lease_ms, intent.why.as_str()), (30_000, "kernel update"));
        assert_eq!(presence.intent(at(160)), Intent::default());
        assert!(presence.expire(at(160)));
        assert!(!presence.expire(at(161)));
    }

    #[test]
    fn a_goodbye_hides_the_lease_and_keeps_its_rest() {
        let mut presence = Presence::default();
        presence.leave(at(0), Duration::from_mins(1), "");
        presence.stop("service stop", 7, at(20));
        let intent = presence.intent(at(20));
        assert_eq!(intent.kind, IntentKind::Stopping.into());
        assert_eq!((intent.lease_ms, intent.why.as_str()), (40_000, "service stop"));
    }

    #[test]
    fn absurd_leases_and_reasons_are_bounded() {
        let mut presence = Presence::default();
        let long = presence.leave(at(0), Duration::MAX, &"ä".repeat(1000));
        assert_eq!(long, Duration::from_millis(LEASE_MS_MAX));
        assert_eq!(presence.intent(at(0)).why.len(), REASON_BYTES_MAX);
        assert_eq!(presence.leave(at(0), Duration::ZERO, ""), LEASE_MIN);
    }
}
