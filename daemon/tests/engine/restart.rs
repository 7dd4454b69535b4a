//! The daemon dies and comes back: nothing is forgotten, nothing is said twice.

use systole_common::model::host::HostState;

use crate::sim::{SECOND, Sim};

fn fleet() -> Sim {
    let mut sim = Sim::new();
    for name in ["web-1", "web-2", "web-3"] {
        sim.start(name);
    }
    sim.advance(10 * SECOND);
    sim
}

#[test]
fn twenty_restarts_raise_nothing() {
    let mut sim = fleet();
    for _ in 0..20 {
        sim.restart_daemon(2 * SECOND, SECOND);
        sim.advance(SECOND / 10);
        for name in ["web-1", "web-2", "web-3"] {
            assert_eq!(sim.state(name), HostState::Online, "at its first heartbeat");
        }
        sim.advance(20 * SECOND);
    }
    assert!(sim.disk.alerts.is_empty());
}

#[test]
fn a_host_that_died_meanwhile_is_one_alert_after_the_grace() {
    let mut sim = fleet();
    sim.kill("web-2");
    sim.restart_daemon(60 * SECOND, SECOND);
    sim.advance(8 * SECOND);
    assert!(sim.disk.alerts.is_empty(), "not before the start grace");
    sim.advance(2 * SECOND);
    assert_eq!(sim.open(), ["host_down/web-2"]);
    assert!(sim.firing("host_down").summary.contains("not heard since the daemon started"));
    for _ in 0..5 {
        sim.restart_daemon(3 * SECOND, SECOND);
        sim.advance(30 * SECOND);
    }
    assert_eq!(sim.incidents("host_down").len(), 1, "said once");
    sim.start("web-2");
    sim.advance(5 * SECOND);
    assert!(sim.open().is_empty());
    assert_eq!(sim.state("web-2"), HostState::Online);
}

#[test]
fn a_host_heard_after_a_restart_is_judged_at_once_not_after_the_grace() {
    let mut sim = fleet();
    sim.restart_daemon(SECOND, SECOND);
    sim.advance(SECOND);
    sim.kill("web-1");
    sim.advance(6 * SECOND);
    assert_eq!(sim.open(), ["host_down/web-1"]);
}

#[test]
fn alert_numbers_are_never_used_again() {
    let mut sim = fleet();
    let mut last = 0;
    for _ in 0..4 {
        sim.kill("web-1");
        sim.advance(10 * SECOND);
        let id = sim.firing("host_down").id.0;
        assert!(id > last);
        last = id;
        sim.start("web-1");
        sim.advance(700 * SECOND);
        sim.restart_daemon(SECOND, SECOND);
    }
}

#[test]
fn a_goodbye_said_before_the_daemon_died_still_holds() {
    let mut sim = fleet();
    sim.stop("web-1", "service stop");
    sim.restart_daemon(SECOND, SECOND);
    sim.advance(60 * SECOND);
    assert_eq!(sim.state("web-1"), HostState::Left);
    assert!(sim.disk.alerts.is_empty());
}
