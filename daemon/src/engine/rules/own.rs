//! The daemon's own health as alerts: what it cannot keep, what is slow, what does not arrive.

use systole_common::ids::HostId;
use systole_common::model::alert::{AlertState, Severity};

use super::super::Fleet;
use super::super::alerts::{AlertKey, Firing, rule};
use super::super::desk::Desk;
use super::super::input::OwnHealth;
use super::super::limits::{COMMIT_SLOW, LOOP_GAP, OWN_EVENT_REPEAT, OWN_HOLD};
use super::super::summary;
use super::super::timers::Due;

/// Fires, settles and clears the alerts about the daemon itself.
pub(in crate::engine) fn judge(fleet: &Fleet, desk: &mut Desk, health: &OwnHealth) {
    let refusing = |subject| AlertKey::own(rule::STORE_REFUSING, subject);
    let critical = |summary: &str| condition(Severity::Critical, summary.to_owned());
    let state = health.state_refusing.then(|| critical(summary::STATE_REFUSING));
    hold(desk, &refusing("state"), state);
    let metrics = health.metrics_refusing.then(|| critical(summary::METRICS_REFUSING));
    hold(desk, &refusing("metrics"), metrics);
    hold(desk, &AlertKey::own(rule::DISK_RESERVE.0, rule::DISK_RESERVE.1), reserve(health));
    if health.commit_longest > COMMIT_SLOW {
        let spans = (health.commit_longest, COMMIT_SLOW);
        happened(desk, rule::COMMIT_SLOW, summary::commit_slow(health.commit_longest), spans);
    }
    if health.loop_gap > LOOP_GAP {
        let spans = (health.loop_gap, LOOP_GAP);
        happened(desk, rule::LOOP_GAP, summary::loop_gap(health.loop_gap), spans);
    }
    backfill(fleet, desk, &health.behind);
}

fn reserve(health: &OwnHealth) -> Option<Firing> {
    let (free, reserve) = (health.free_bytes, health.reserve_bytes);
    let is_low = health.reserve_gone || free < reserve;
    is_low.then(|| Firing {
        value: Some(free as f64),
        threshold: Some(reserve as f64),
        ..condition(Severity::Warning, summary::disk_reserve(free, reserve, health.reserve_gone))
    })
}

fn backfill(fleet: &Fleet, desk: &mut Desk, behind: &[HostId]) {
    let key = |host: &HostId| AlertKey::of(host, rule::BACKFILL_BEHIND);
    // Who is away cannot catch up; that is told by other alerts.
    let is_here = |host: &&HostId| fleet.get(*host).is_some_and(|host| host.link.is_some());
    for host in behind.iter().filter(is_here) {
        let firing = condition(Severity::Warning, summary::backfill_behind(host));
        hold(desk, &key(host), Some(firing));
    }
    let shelves = desk.book.all_open().chain(desk.book.all_held());
    let of_rule = shelves.filter(|(key, _)| *key.rule == *rule::BACKFILL_BEHIND.0);
    let keys: Vec<AlertKey> = of_rule.map(|(key, _)| key.clone()).collect();
    for key in keys {
        if key.host.as_ref().is_none_or(|host| !behind.contains(host)) {
            hold(desk, &key, None);
        }
    }
}

fn condition(severity: Severity, summary: String) -> Firing {
    Firing { severity, summary, value: None, threshold: None, event: false }
}

/// A condition that holds, or no longer does: then its alert is over after [`OWN_HOLD`].
fn hold(desk: &mut Desk, key: &AlertKey, broken: Option<Firing>) {
    let over = Due::OwnOver(key.clone());
    if let Some(firing) = broken {
        desk.timers.cancel(&over);
        desk.fire(key, firing);
        return;
    }
    let open = desk.book.open(key).cloned();
    if open.is_none() && !desk.book.all_held().any(|(held, _)| held == key) {
        return;
    }
    if !desk.timers.is_set(&over) {
        desk.timers.set(over, desk.now.mono.plus(OWN_HOLD));
    }
    if let Some(row) = open.filter(|row| row.state == AlertState::Firing) {
        desk.settle(key, condition(row.severity, row.summary));
    }
}

/// Something happened; while it goes on it is not written down each second.
fn happened(
    desk: &mut Desk,
    named: (&str, &str),
    summary: String,
    (took, limit): (std::time::Duration, std::time::Duration),
) {
    let key = AlertKey::own(named.0, named.1);
    let last = desk.book.open(&key).and_then(|row| row.event_at);
    let now = desk.now.wall;
    if last.is_some_and(|last| last <= now && now.since(last) < OWN_EVENT_REPEAT) {
        return;
    }
    let firing = Firing {
        value: Some(took.as_secs_f64()),
        threshold: Some(limit.as_secs_f64()),
        event: true,
        ..condition(Severity::Warning, summary)
    };
    desk.fire(&key, firing);
}
