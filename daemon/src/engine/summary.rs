//! The sentences that people read about hosts: alert summaries and evidence. Pure wording.

use std::time::Duration;

use systole_common::ids::HostId;
use systole_common::time::UnixMs;

/// `0.4 s`, `12 s`, `3 min`, `2 h`, `5 d`: a span for people.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..=9 => format!("{:.1} s", span.as_secs_f64()),
        10..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Evidence of silence.
pub(super) fn silence(silence: Duration, limit: Duration, interval: Duration) -> String {
    format!(
        "nothing heard for {}, limit {}, heartbeats promised every {}",
        self::span(silence),
        self::span(limit),
        self::span(interval)
    )
}

/// Evidence that a host was not heard since the daemon started.
pub(super) fn not_heard_since_start(since_start: Duration) -> String {
    format!("not heard since the daemon started {} ago", span(since_start))
}

/// A host is down.
pub(super) fn down(host: &HostId, evidence: &str, address: Option<&str>) -> String {
    match address {
        Some(address) => format!("{host} is down: {evidence}; last seen at {address}"),
        None => format!("{host} is down: {evidence}"),
    }
}

/// An announced absence is over.
pub(super) fn lease_over(host: &HostId, until: UnixMs, why: &str) -> String {
    let why = reason_in_brackets(why);
    format!("{host} is not back: its announced absence{why} ended {}", until.rfc3339())
}

/// A goodbye without an end.
pub(super) fn left_long(host: &HostId, away: Duration, why: &str) -> String {
    format!("{host} said goodbye{} {} ago and is not back", reason_in_brackets(why), span(away))
}

/// Two agents claim one identity.
pub(super) fn conflict(host: &HostId, incumbent: &str, newcomer: &str) -> String {
    format!(
        "two agents claim to be {host}: {incumbent} is kept, {newcomer} is refused; \
         give the clone a certificate of its own"
    )
}

/// What a refused newcomer is told.
pub(super) fn conflict_refusal(host: &HostId, incumbent: &str) -> String {
    format!(
        "another agent at {incumbent} is {host} and alive; stop it, or give this host \
         a certificate of its own"
    )
}

/// A reboot without a goodbye.
pub(super) fn rebooted(host: &HostId) -> String {
    format!("{host} rebooted without a goodbye")
}

/// An agent that starts again and again.
pub(super) fn restarting(host: &HostId, starts: usize, window: Duration) -> String {
    format!("the agent of {host} started {starts} times within {}", span(window))
}

/// A wall clock that is off.
pub(super) fn clock_offset(host: &HostId, offset_ms: i64) -> String {
    let direction = if offset_ms < 0 { "behind" } else { "ahead of" };
    let offset = span(Duration::from_millis(offset_ms.unsigned_abs()));
    format!(
        "the clock of {host} is {offset} {direction} the daemon's; check time synchronisation on both"
    )
}

/// A certificate that ends soon or has ended.
pub(super) fn certificate(whose: &str, expires: UnixMs, now: UnixMs) -> String {
    if expires <= now {
        return format!("the certificate of {whose} ended {}; make a new one", expires.rfc3339());
    }
    format!(
        "the certificate of {whose} ends in {}, {}; make a new one",
        span(expires.since(now)),
        expires.rfc3339()
    )
}

fn reason_in_brackets(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(" ({why})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_like_speech() {
        let cases = [(400, "0.4 s"), (9_960, "10.0 s"), (12_400, "12 s"), (180_000, "3 min")];
        for (ms, text) in cases {
            assert_eq!(span(Duration::from_millis(ms)), text);
        }
        assert_eq!(span(Duration::from_hours(72)), "3 d");
    }
}
