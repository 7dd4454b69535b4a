//! What signs of life and their absence make of a host: online, late, down, and the alerts about it.

use systole_common::model::alert::Severity;
use systole_common::model::host::{Cause, Certainty, HostState};

use super::absence;
use super::alerts::{AlertKey, Firing, rule};
use super::desk::Desk;
use super::host::{Host, Over, Standing};
use super::limits::{
    CERTIFICATE_WARNING, CLOCK_OFFSET_CLEAR_MS, CLOCK_OFFSET_WARNING_MS, STEADY_BEATS,
};
use super::liveness::Judgement;
use super::records;
use super::summary;
use super::timers::Due;

/// The host beats: it is alive, whatever it was.
pub(super) fn alive(host: &mut Host, desk: &mut Desk, stopping: bool) {
    host.unheard = false;
    if host.over.as_ref().is_some_and(|over| over.state == HostState::Late) {
        host.lay_over(desk, None);
    }
    if stopping {
        return;
    }
    match host.row.state {
        HostState::Online => {}
        HostState::New | HostState::Recovering => {
            host.steady_beats += 1;
            if host.steady_beats >= STEADY_BEATS {
                host.settle(desk, Standing::plain(HostState::Online));
            }
        }
        HostState::Left => back(host, desk, HostState::Online, "it beats again"),
        HostState::Down
        | HostState::Late
        | HostState::Stalled
        | HostState::Unreachable
        | HostState::Conflict => back(host, desk, HostState::Recovering, "it beats again"),
    }
}

fn back(host: &mut Host, desk: &mut Desk, state: HostState, reason: &str) {
    absence::returned(host, desk);
    desk.clear(&AlertKey::of(host.id(), rule::HOST_DOWN), reason);
    desk.clear(&AlertKey::of(host.id(), rule::LEFT), reason);
    host.settle(desk, Standing::plain(state));
    host.steady_beats = 1;
}

/// Sets the moment at which the host is to be judged next.
pub(super) fn schedule(host: &Host, desk: &mut Desk) {
    if host.is_expected() {
        let at = host.watch.next_judgement(desk.now.mono, desk.settings.timeout);
        desk.timers.set(Due::Judge(host.id().clone()), at);
    } else {
        desk.timers.cancel(&Due::Judge(host.id().clone()));
    }
}

/// The moment has come.
pub(super) fn judge(host: &mut Host, desk: &mut Desk) {
    if !host.is_expected() {
        return;
    }
    match host.watch.judge(desk.now.mono, desk.settings.timeout) {
        Judgement::Alive => {}
        Judgement::Late => late(host, desk),
        Judgement::Silent => silent(host, desk),
    }
    if host.is_expected() {
        schedule(host, desk);
    }
}

fn late(host: &mut Host, desk: &mut Desk) {
    if host.over.is_some() {
        return;
    }
    let evidence = vec![evidence(host, desk)];
    let over = Over {
        state: HostState::Late,
        cause: Cause::Silent,
        certainty: Certainty::Unknown,
        evidence,
        since: desk.now.wall,
    };
    host.lay_over(desk, Some(over));
}

fn silent(host: &mut Host, desk: &mut Desk) {
    if absence::is_announced(host, desk) {
        absence::leave(host, desk);
        return;
    }
    let first = evidence(host, desk);
    let mut lines = vec![first.clone()];
    lines.extend(host.last_disconnect.as_ref().map(|text| format!("last connection: {text}")));
    let firing = Firing {
        severity: Severity::Critical,
        summary: summary::down(host.id(), &first, host.row.address.as_deref()),
        value: Some(host.watch.silence(desk.now.mono).as_secs_f64()),
        threshold: Some(host.watch.timeout(desk.settings.timeout).as_secs_f64()),
        event: false,
    };
    host.settle(
        desk,
        Standing {
            state: HostState::Down,
            cause: Some(Cause::Silent),
            certainty: Some(Certainty::Unknown),
            evidence: lines,
        },
    );
    desk.fire(&AlertKey::of(host.id(), rule::HOST_DOWN), firing);
}

fn evidence(host: &Host, desk: &Desk) -> String {
    let silence = host.watch.silence(desk.now.mono);
    if host.unheard {
        return summary::not_heard_since_start(silence);
    }
    let limit = host.watch.timeout(desk.settings.timeout);
    summary::silence(silence, limit, host.watch.interval())
}

/// Looks at the offset between the host's wall clock and ours.
pub(super) fn clock(host: &Host, desk: &mut Desk) {
    let Some(offset_ms) = records::clock_offset_ms(host) else {
        return;
    };
    let key = AlertKey::of(host.id(), rule::CLOCK);
    if offset_ms.saturating_abs() > CLOCK_OFFSET_WARNING_MS {
        let seconds = |ms: i64| ms as f64 / 1_000.0;
        let firing = Firing {
            severity: Severity::Warning,
            summary: summary::clock_offset(host.id(), offset_ms),
            value: Some(seconds(offset_ms)),
            threshold: Some(seconds(CLOCK_OFFSET_WARNING_MS)),
            event: false,
        };
        desk.fire(&key, firing);
    } else if offset_ms.saturating_abs() < CLOCK_OFFSET_CLEAR_MS {
        desk.clear(&key, "the clocks agree again");
    }
}

/// Looks at the end of the host's certificate.
pub(super) fn certificate(host: &Host, desk: &mut Desk) {
    let Some(expires) = host.row.certificate_expires else {
        return;
    };
    let key = AlertKey::of(host.id(), (rule::CERTIFICATE, "agent"));
    certificate_of(desk, &key, &format!("agent {}", host.id()), expires);
}

/// Fires or clears the alert of one certificate.
pub(super) fn certificate_of(
    desk: &mut Desk,
    key: &AlertKey,
    whose: &str,
    expires: systole_common::time::UnixMs,
) {
    let now = desk.now.wall;
    let left = expires.since(now);
    if left > CERTIFICATE_WARNING {
        desk.clear(key, "the certificate was renewed");
        return;
    }
    let day = 86_400.0;
    let firing = Firing {
        severity: Severity::Warning,
        summary: summary::certificate(whose, expires, now),
        value: Some(left.as_secs_f64() / day),
        threshold: Some(CERTIFICATE_WARNING.as_secs_f64() / day),
        event: false,
    };
    desk.fire(key, firing);
}
