//! The daemon's own health as alerts.

use std::time::Duration;

use systole_daemon::engine::input::{Input, OwnHealth};

use crate::rules::calm;
use crate::sim::{SECOND, Sim, host};

fn healthy() -> OwnHealth {
    OwnHealth { free_bytes: 1 << 40, reserve_bytes: 16 << 20, ..OwnHealth::default() }
}

/// Tells it once a second for so long.
fn tell(sim: &mut Sim, health: &OwnHealth, seconds: u32) {
    for _ in 0..seconds {
        sim.give(Input::Health(Box::new(health.clone())));
        sim.advance(SECOND);
    }
}

#[test]
fn a_healthy_daemon_says_nothing() {
    let mut sim = calm();
    tell(&mut sim, &healthy(), 100);
    assert!(sim.disk.alerts.is_empty());
}

#[test]
fn a_full_disk_is_critical_and_settles() {
    let mut sim = calm();
    let full = OwnHealth {
        state_refusing: true,
        metrics_refusing: true,
        reserve_gone: true,
        free_bytes: 0,
        ..healthy()
    };
    tell(&mut sim, &full, 5);
    let shown = [
        "disk_reserve/-/disk warning firing",
        "store_refusing/-/metrics critical firing",
        "store_refusing/-/state critical firing",
    ];
    assert_eq!(sim.shown(), shown);
    assert!(sim.firing("disk_reserve").summary.contains("has 0 B free, 16 MiB are to stay free"));
    for _ in 0..20 {
        tell(&mut sim, &healthy(), 1);
        tell(&mut sim, &full, 1);
    }
    assert_eq!(sim.shown(), shown);
    tell(&mut sim, &healthy(), 29);
    assert!(sim.shown().iter().all(|alert| alert.ends_with("settling")), "{:?}", sim.shown());
    tell(&mut sim, &healthy(), 2);
    assert!(sim.shown().is_empty());
    assert_eq!(sim.disk.alerts.len(), 3, "each one incident");
}

#[test]
fn slow_commits_and_late_loops_are_events() {
    let mut sim = calm();
    let slow = OwnHealth {
        commit_longest: Duration::from_millis(1_200),
        loop_gap: Duration::from_millis(700),
        ..healthy()
    };
    tell(&mut sim, &slow, 100);
    let shown = ["commit_slow/-/store warning firing", "loop_gap/-/loop warning firing"];
    assert_eq!(sim.shown(), shown);
    assert!(sim.firing("commit_slow").summary.contains("took 1.2 s"));
    tell(&mut sim, &healthy(), 560);
    assert_eq!(sim.shown(), shown);
    tell(&mut sim, &healthy(), 50);
    assert!(sim.shown().is_empty(), "ten quiet minutes");
    let at_limit = OwnHealth { commit_longest: SECOND, loop_gap: SECOND / 2, ..healthy() };
    tell(&mut sim, &at_limit, 10);
    assert!(sim.shown().is_empty());
}

#[test]
fn a_host_whose_backfill_is_behind_is_named() {
    let mut sim = calm();
    let behind = OwnHealth { behind: vec![host("web-1"), host("gone-1")], ..healthy() };
    tell(&mut sim, &behind, 5);
    assert_eq!(sim.shown(), ["backfill_behind/web-1/samples warning firing"]);
    sim.restart_daemon(SECOND, SECOND);
    tell(&mut sim, &behind, 5);
    assert_eq!(sim.incidents("backfill_behind").len(), 1);
    tell(&mut sim, &healthy(), 31);
    assert!(sim.shown().is_empty());
}
