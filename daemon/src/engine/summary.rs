//! The sentences that people read about hosts: alert summaries and evidence. Pure wording.

use std::time::Duration;

use systole_common::ids::HostId;
use systole_common::model::alert::Severity;
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

/// A value that breaks a rule, or did until a level was clear.
#[derive(Debug)]
pub(super) struct Broken<'a> {
    pub(super) host: &'a HostId,
    pub(super) subject: &'a str,
    pub(super) metric: &'a str,
    pub(super) value: f64,
    pub(super) severity: Severity,
    /// The level and where it is clear, in the unit of the value.
    pub(super) level: Option<(f64, f64)>,
    /// The cores that the level was multiplied by.
    pub(super) cores: Option<f64>,
    pub(super) is_below: bool,
    /// How long the level is reached; `None` if it is not now.
    pub(super) lasted: Option<Duration>,
}

/// A rule is broken.
pub(super) fn broken(broken: &Broken<'_>) -> String {
    let Broken { host, subject, metric, severity, .. } = broken;
    let value = measured(metric, broken.value);
    let Some((raise, clear)) = broken.level else {
        return format!("{host}: {subject} is {value}");
    };
    let cores = match broken.cores {
        Some(cores) => format!(", {} for each of {cores} cores", decimals(raise / cores, 2)),
        None => String::new(),
    };
    let until = match broken.lasted {
        Some(_) => String::new(),
        None if broken.is_below => format!(", until it is above {}", measured(metric, clear)),
        None => format!(", until it is below {}", measured(metric, clear)),
    };
    let lasted = match broken.lasted {
        Some(lasted) if lasted >= Duration::from_secs(1) => format!(" for {}", span(lasted)),
        Some(_) | None => String::new(),
    };
    let side = if broken.is_below { "at or below" } else { "at" };
    let raise = measured(metric, raise);
    format!("{host}: {subject} is {value} ({severity} {side} {raise}{cores}{until}){lasted}")
}

/// Why an alert about values is over.
pub(super) fn values_clear(hold: Duration) -> String {
    if hold.is_zero() {
        return "it is clear".to_owned();
    }
    format!("it has been clear for {}", span(hold))
}

/// `state.db` takes no writes.
pub(super) const STATE_REFUSING: &str = "the daemon's disk is full: nothing is written down, \
    operators' commands are refused; free space in its state folder";
/// The metric store takes no samples.
pub(super) const METRICS_REFUSING: &str = "the daemon's disk is full: samples are not stored, \
    agents keep them for up to a day; free space in its state folder";

/// The file system of the state folder is nearly full.
pub(super) fn disk_reserve(free: u64, reserve: u64, is_gone: bool) -> String {
    let gone = if is_gone { ", and the reserve was given up" } else { "" };
    format!(
        "the daemon's disk has {} free, {} are to stay free{gone}; free space in its state folder",
        bytes(free as f64),
        bytes(reserve as f64)
    )
}

/// A commit took long.
pub(super) fn commit_slow(took: Duration) -> String {
    format!("a commit of the daemon took {}; look at the load of its disk", span(took))
}

/// The daemon's own loop was late.
pub(super) fn loop_gap(gap: Duration) -> String {
    format!("the daemon's own loop was late by {}; look at the load of its machine", span(gap))
}

/// What a host kept does not arrive.
pub(super) fn backfill_behind(host: &HostId) -> String {
    format!("{host} has samples that have not arrived for minutes; look at its link and its agent")
}

/// A value in the unit that the name of its series ends with.
fn measured(metric: &str, value: f64) -> String {
    let ends = |unit: &str| metric.ends_with(unit);
    if ends("_percent") {
        format!("{} %", decimals(value, 1))
    } else if ends("_bytes") {
        bytes(value)
    } else if ends("_bytes_per_s") {
        format!("{}/s", bytes(value))
    } else if ends("_celsius") {
        format!("{} °C", decimals(value, 1))
    } else {
        decimals(value, 2)
    }
}

/// `1.5 GiB`.
fn bytes(bytes: f64) -> String {
    const UNITS: [(&str, f64); 4] = [
        ("TiB", 1_099_511_627_776.0),
        ("GiB", 1_073_741_824.0),
        ("MiB", 1_048_576.0),
        ("KiB", 1_024.0),
    ];
    let unit = UNITS.into_iter().find(|(_, size)| bytes.abs() >= *size);
    let (name, size) = unit.unwrap_or(("B", 1.0));
    format!("{} {name}", decimals(bytes / size, 1))
}

/// At most so many decimals, none of them for show.
fn decimals(value: f64, count: usize) -> String {
    let text = format!("{value:.count$}");
    let short = match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.'),
        None => &text,
    };
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
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

    #[test]
    fn a_broken_rule_says_value_level_and_span() {
        let host: HostId = "web-1".parse().unwrap();
        let disk = Broken {
            host: &host,
            subject: "disk_used_percent[/var]",
            metric: "disk_used_percent",
            value: 96.24,
            severity: Severity::Critical,
            level: Some((95.0, 90.0)),
            cores: None,
            is_below: false,
            lasted: Some(Duration::from_secs(30)),
        };
        let text = "web-1: disk_used_percent[/var] is 96.2 % (critical at 95 %) for 30 s";
        assert_eq!(broken(&disk), text);
        let settling = Broken { lasted: None, value: 91.0, ..disk };
        let text =
            "web-1: disk_used_percent[/var] is 91 % (critical at 95 %, until it is below 90 %)";
        assert_eq!(broken(&settling), text);
        let load = Broken {
            subject: "load1",
            metric: "load1",
            value: 9.125,
            level: Some((8.0, 7.0)),
            cores: Some(4.0),
            lasted: Some(Duration::from_mins(5)),
            ..settling
        };
        let text = "web-1: load1 is 9.12 (critical at 8, 2 for each of 4 cores) for 5 min";
        assert_eq!(broken(&load), text);
        assert_eq!(measured("memory_used_bytes", 1.5 * 1024.0 * 1024.0), "1.5 MiB");
        assert_eq!(measured("network_rx_bytes_per_s", 900.0), "900 B/s");
        assert_eq!(measured("procs", -0.0), "0");
    }
}
