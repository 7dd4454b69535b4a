//! Announced absence: goodbyes, leases, and what happens when a host does not keep its word.

use std::time::Duration;

use systole_common::model::alert::Severity;
use systole_common::model::host::{Cause, Certainty, HostState};
use systole_common::time::UnixMs;
use systole_common::wire::agent::{Intent, IntentKind};
use systole_common::wire::limits::LEASE_MS_MAX;

use super::alerts::{AlertKey, Firing, rule};
use super::desk::Desk;
use super::effect::Level;
use super::host::{Host, Standing};
use super::summary;
use super::timers::Due;

/// A lease that moves by less than this is the same lease, repeated.
const LEASE_SAME_WITHIN: Duration = Duration::from_secs(2);

/// A heartbeat says what its agent intends.
pub(super) fn intent(host: &mut Host, desk: &mut Desk, intent: &Intent) {
    match intent.kind.known() {
        Some(IntentKind::Lease) => lease(host, desk, intent),
        Some(IntentKind::Stopping) => {
            if host.row.goodbye.is_none() {
                host.row.goodbye = Some(intent.why.clone());
                host.save(desk);
            }
        }
        Some(IntentKind::None) | None => {
            if host.row.lease.is_some() || host.row.goodbye.is_some() {
                returned(host, desk);
                host.save(desk);
            }
        }
    }
}

fn lease(host: &mut Host, desk: &mut Desk, intent: &Intent) {
    let span = Duration::from_millis(intent.lease_ms.min(LEASE_MS_MAX));
    let until = desk.now.wall.plus(span);
    let same = host.row.lease.as_ref().is_some_and(|(known, why)| {
        let moved = if *known > until { known.since(until) } else { until.since(*known) };
        moved < LEASE_SAME_WITHIN && *why == intent.why
    });
    if same {
        return;
    }
    host.row.lease = Some((until, intent.why.clone()));
    start_lease(host, desk, span);
    let text = format!("away until {}: {}", until.rfc3339(), intent.why);
    desk.log(Level::Info, "host announces its absence", Some(host.id()), None, text);
    desk.sessions.touch(host.id());
    host.save(desk);
}

fn start_lease(host: &mut Host, desk: &mut Desk, span: Duration) {
    let until = desk.now.mono.plus(span);
    host.lease_until = Some(until);
    desk.timers.set(Due::LeaseEnd(host.id().clone()), until);
}

/// The host is there again: nothing announced holds any more.
pub(super) fn returned(host: &mut Host, desk: &mut Desk) {
    host.row.lease = None;
    host.row.goodbye = None;
    host.lease_until = None;
    desk.timers.cancel(&Due::LeaseEnd(host.id().clone()));
    desk.timers.cancel(&Due::LeftLong(host.id().clone()));
}

/// The last connection of the host ended, with or without a goodbye.
pub(super) fn disconnected(host: &mut Host, desk: &mut Desk, goodbye: Option<String>) {
    if let Some(why) = goodbye
        && host.row.goodbye.is_none()
    {
        host.row.goodbye = Some(why);
    }
    if is_announced(host, desk) && host.row.state != HostState::Left {
        leave(host, desk);
    }
}

/// Whether silence was announced and the announcement still holds.
pub(super) fn is_announced(host: &Host, desk: &Desk) -> bool {
    let lease = host.lease_until.is_some_and(|until| until > desk.now.mono);
    lease || (host.row.goodbye.is_some() && host.row.lease.is_none())
}

/// The host is away as it said.
pub(super) fn leave(host: &mut Host, desk: &mut Desk) {
    let evidence = match (&host.row.lease, &host.row.goodbye) {
        (Some((until, why)), _) => {
            format!("announced to be away until {} ({why})", until.rfc3339())
        }
        (None, Some(why)) => format!("said goodbye ({why})"),
        (None, None) => "left".to_owned(),
    };
    if host.row.lease.is_none() {
        let long = desk.now.mono.plus(desk.settings.left_max);
        desk.timers.set(Due::LeftLong(host.id().clone()), long);
    }
    desk.clear(&AlertKey::of(host.id(), rule::HOST_DOWN), "the host announced its absence");
    host.settle(
        desk,
        Standing {
            state: HostState::Left,
            cause: Some(Cause::Goodbye),
            certainty: Some(Certainty::Certain),
            evidence: vec![evidence],
        },
    );
}

/// The time that the host announced is over.
pub(super) fn lease_ends(host: &mut Host, desk: &mut Desk) {
    let Some((until, why)) = host.row.lease.take() else {
        return;
    };
    host.lease_until = None;
    if host.row.state != HostState::Left {
        host.save(desk);
        return;
    }
    let sentence = summary::lease_over(host.id(), until, &why);
    host.settle(
        desk,
        Standing {
            state: HostState::Down,
            cause: Some(Cause::Goodbye),
            certainty: Some(Certainty::Certain),
            evidence: vec![sentence.clone()],
        },
    );
    let firing = Firing {
        severity: Severity::Critical,
        summary: sentence,
        value: None,
        threshold: None,
        event: false,
    };
    desk.fire(&AlertKey::of(host.id(), rule::HOST_DOWN), firing);
}

/// A goodbye without a lease has lasted long.
pub(super) fn left_long(host: &Host, desk: &mut Desk) {
    if host.row.state != HostState::Left {
        return;
    }
    let why = host.row.goodbye.clone().unwrap_or_default();
    let away = desk.now.wall.since(host.row.since).max(desk.settings.left_max);
    let firing = Firing {
        severity: Severity::Warning,
        summary: summary::left_long(host.id(), away, &why),
        value: None,
        threshold: None,
        event: false,
    };
    desk.fire(&AlertKey::of(host.id(), rule::LEFT), firing);
}

/// Sets the timers of an absence that was going on when the daemon stopped. What ended meanwhile
/// is given the start grace: the host may be back already.
pub(super) fn resume(host: &mut Host, desk: &mut Desk) {
    let (now, grace) = (desk.now.wall, desk.settings.start_grace);
    let remaining = |until: UnixMs| until.since(now).max(grace);
    if let Some((until, _)) = host.row.lease {
        start_lease(host, desk, remaining(until).min(Duration::from_millis(LEASE_MS_MAX)));
    } else if host.row.state == HostState::Left {
        let long = remaining(host.row.since.plus(desk.settings.left_max));
        desk.timers.set(Due::LeftLong(host.id().clone()), desk.now.mono.plus(long));
    }
}
