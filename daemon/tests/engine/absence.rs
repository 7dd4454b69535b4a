//! Goodbyes and leases.

use std::time::Duration;

use systole_common::model::host::HostState;
use systole_common::wire::agent::Intent;
use systole_daemon::engine::input::Gone;

use crate::sim::{SECOND, Sim};

const MINUTE: Duration = Duration::from_mins(1);

fn online() -> Sim {
    let mut sim = Sim::new();
    sim.start("web-1");
    sim.advance(10 * SECOND);
    sim
}

#[test]
fn a_goodbye_is_left_without_an_alert_and_a_warning_after_half_an_hour() {
    let mut sim = online();
    sim.stop("web-1", "service stop");
    assert_eq!(sim.state("web-1"), HostState::Left);
    sim.advance(29 * MINUTE);
    assert!(sim.disk.alerts.is_empty());
    sim.advance(2 * MINUTE);
    assert_eq!(sim.open(), ["left/web-1"]);
    sim.start("web-1");
    sim.advance(4 * SECOND);
    assert!(sim.open().is_empty());
    assert_eq!(sim.state("web-1"), HostState::Online);
}

#[test]
fn a_goodbye_whose_close_is_lost_is_left_all_the_same() {
    let mut sim = online();
    let connection = sim.agents["web-1"].connection;
    sim.stop("web-1", "host shutdown");
    sim.gone(connection, Gone::TimedOut);
    sim.advance(MINUTE);
    assert_eq!(sim.state("web-1"), HostState::Left);
    assert!(sim.disk.alerts.is_empty());
}

#[test]
fn a_lease_ends_nothing_and_the_next_disconnect_within_it_is_left() {
    let mut sim = online();
    sim.leave("web-1", 20 * MINUTE, "kernel update");
    sim.advance(MINUTE);
    assert_eq!(sim.state("web-1"), HostState::Online);
    sim.kill("web-1");
    sim.advance(MINUTE);
    assert_eq!(sim.state("web-1"), HostState::Left, "silence within the lease");
    assert!(sim.disk.alerts.is_empty());
    sim.start_rebooted("web-1");
    sim.advance(MINUTE);
    assert_eq!(sim.state("web-1"), HostState::Online);
    assert!(sim.disk.alerts.is_empty(), "an announced reboot is no warning");
    sim.advance(30 * MINUTE);
    assert!(sim.disk.alerts.is_empty(), "the lease is closed by the return");
}

#[test]
fn past_the_lease_there_is_an_alert() {
    let mut sim = online();
    sim.leave("web-1", MINUTE, "disk swap");
    sim.stop("web-1", "service stop");
    assert_eq!(sim.state("web-1"), HostState::Left);
    sim.advance(59 * SECOND);
    assert!(sim.disk.alerts.is_empty());
    sim.advance(2 * SECOND);
    assert_eq!(sim.state("web-1"), HostState::Down);
    assert_eq!(sim.open(), ["host_down/web-1"]);
    let summary = &sim.firing("host_down").summary;
    assert!(summary.contains("is not back") && summary.contains("disk swap"), "{summary}");
    sim.start("web-1");
    sim.advance(5 * SECOND);
    assert!(sim.open().is_empty());
}

#[test]
fn a_cancelled_lease_holds_no_longer() {
    let mut sim = online();
    sim.leave("web-1", 20 * MINUTE, "maybe");
    sim.agents.get_mut("web-1").unwrap().intent = Intent::default();
    sim.advance(2 * SECOND);
    sim.kill("web-1");
    sim.advance(10 * SECOND);
    assert_eq!(sim.state("web-1"), HostState::Down);
}

#[test]
fn a_lease_survives_a_restart_of_the_daemon() {
    let mut sim = online();
    sim.leave("web-1", 5 * MINUTE, "move");
    sim.stop("web-1", "service stop");
    sim.restart_daemon(MINUTE, SECOND);
    sim.advance(3 * MINUTE);
    assert_eq!(sim.state("web-1"), HostState::Left);
    assert!(sim.disk.alerts.is_empty());
    sim.advance(2 * MINUTE);
    assert_eq!(sim.open(), ["host_down/web-1"]);
}

#[test]
fn a_lease_that_ended_while_the_daemon_was_away_waits_for_the_start_grace() {
    let mut sim = online();
    sim.leave("web-1", MINUTE, "move");
    sim.stop("web-1", "service stop");
    sim.start_later("web-1");
    sim.restart_daemon(10 * MINUTE, 3 * SECOND);
    sim.advance(30 * SECOND);
    assert_eq!(sim.state("web-1"), HostState::Online);
    assert!(sim.disk.alerts.is_empty(), "it was back already");
}
