//! Rows, pictures, what stands still and what is worth how much.

use super::*;
use crate::testing::{at, down, host, record};

fn columns(name: &str) -> HostSummary {
    host(record(name), 0).summary()
}

fn values(name: &str, age_ms: u64) -> HostValues {
    let host = name.to_owned();
    let (rx, tx) = (Some(3.0), Some(4.0));
    HostValues {
        host,
        rx_bytes_per_s: rx,
        tx_bytes_per_s: tx,
        metrics_age_ms: Some(age_ms),
        ..HostValues::default()
    }
}

#[test]
fn what_changed_is_told_by_how_much() {
    let mut fleet = Fleet::default();
    let now = at(0).mono;
    assert_eq!(fleet.summarise(columns("a"), now), Change::Members);
    assert_eq!(fleet.summarise(columns("a"), now), Change::Values);
    let alerts = HostSummary { alerts_warning: 1, ..columns("a") };
    assert_eq!(fleet.summarise(alerts, now), Change::State);
    assert_eq!(fleet.detail(host(down("a"), 0), true), Change::State);
    assert_eq!(fleet.detail(host(down("a"), 0), true), Change::Values);
    assert_eq!(fleet.detail(host(record("b"), 0), false), Change::Members);
    assert_eq!(fleet.forget("nobody"), Change::Nothing);
    assert_eq!(fleet.forget("b"), Change::Members);
    fleet.begin_picture();
    assert_eq!(fleet.end_picture(), Change::Members);
    assert!(fleet.is_empty());
}

#[test]
fn columns_keep_what_came_beside_them() {
    let mut fleet = Fleet::default();
    let now = at(0).mono;
    fleet.summarise(columns("a"), now);
    fleet.measure(values("a", 0), now);
    fleet.measure(values("nobody", 0), now);
    fleet.detail(host(record("a"), 0), true);
    fleet.summarise(columns("a"), now);
    let row = fleet.get("a").unwrap();
    assert!(row.detail.is_some() && row.facts.is_some());
    assert_eq!(row.network_bytes_per_s(), Some(7.0), "the daemon's own sums are kept");
    assert_eq!(fleet.len(), 1);
    fleet.unwatch_all_but(&BTreeSet::new());
    assert!(fleet.get("a").unwrap().detail.is_none());
}

#[test]
fn traffic_of_a_whole_host_adds_up_over_its_ports() {
    let row = Row::of(host(record("a"), 0));
    assert_eq!(row.network_bytes_per_s(), Some(41_000_512.0));
}

#[test]
fn the_age_of_values_is_what_the_daemon_says_it_is() {
    let mut fleet = Fleet::default();
    fleet.summarise(columns("a"), at(0).mono);
    let age = |fleet: &Fleet, ms| fleet.get("a").unwrap().values_age(at(ms).mono);
    assert_eq!(age(&fleet, 100), Duration::from_millis(500), "that of the heartbeat");
    fleet.measure(values("a", 4_000), at(100).mono);
    assert_eq!(age(&fleet, 200), Duration::from_millis(4_100));
    fleet.detail(host(record("a"), 200), true);
    assert_eq!(age(&fleet, 300), Duration::from_secs(1), "the newer of both");
}

#[test]
fn a_long_interval_makes_values_old_later() {
    let mut slow = record("a");
    slow.heartbeat_interval_ms = Some(10_000);
    slow.metrics_age_ms = Some(0);
    let row = Row::of(host(slow, 0));
    assert_eq!(row.worth(at(30_000).mono, true), Worth::Fresh);
    assert_eq!(row.worth(at(30_001).mono, true), Worth::Old);
}

#[test]
fn states_are_counted_worst_first() {
    let mut fleet = Fleet::default();
    for one in [record("a"), record("b"), down("c")] {
        fleet.detail(host(one, 0), false);
    }
    let (down, online) = (HostState::Down.into(), HostState::Online.into());
    assert_eq!(fleet.counts(), [(down, 1), (online, 2)]);
    let first: Vec<&str> =
        fleet.worst_first().iter().map(|row| row.summary.host.as_str()).collect();
    assert_eq!(first, ["c", "a", "b"]);
}
