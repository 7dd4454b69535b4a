//! Online, late, down, back: the life of a host that does not say what it is about to do.

use std::time::Duration;

use systole_common::model::alert::AlertState;
use systole_common::model::host::HostState;
use systole_daemon::engine::input::{Gone, Input};
use systole_daemon::engine::settings::Settings;

use crate::sim::{SECOND, Sim};

#[test]
fn a_new_host_is_online_after_three_heartbeats() {
    let mut sim = Sim::new();
    sim.start("web-1");
    assert_eq!(sim.state("web-1"), HostState::New);
    sim.advance(SECOND);
    assert_eq!(sim.state("web-1"), HostState::New);
    sim.advance(SECOND);
    assert_eq!(sim.state("web-1"), HostState::Online);
    assert_eq!(sim.disk.audit[0].action, "new-host");
}

#[test]
fn a_killed_agent_is_late_then_down_and_online_again() {
    let mut sim = Sim::new();
    sim.start("web-1");
    sim.advance(10 * SECOND);
    sim.kill("web-1");
    sim.advance(2 * SECOND + Duration::from_millis(1));
    assert_eq!(sim.state("web-1"), HostState::Late);
    assert!(sim.open().is_empty());
    sim.advance(3 * SECOND);
    assert_eq!(sim.state("web-1"), HostState::Down);
    assert_eq!(sim.open(), ["host_down/web-1"]);
    let summary = &sim.firing("host_down").summary;
    assert!(
        summary.starts_with("web-1 is down: nothing heard for 5.0 s, limit 5.0 s"),
        "{summary}"
    );

    sim.start("web-1");
    sim.advance(SECOND + Duration::from_millis(1));
    assert_eq!(sim.state("web-1"), HostState::Recovering);
    assert!(sim.open().is_empty(), "resolved at the first heartbeat");
    sim.advance(3 * SECOND);
    assert_eq!(sim.state("web-1"), HostState::Online);
}

#[test]
fn twenty_second_heartbeats_with_a_sixty_second_time_out() {
    let settings =
        Settings { heartbeat_interval: 20 * SECOND, timeout: 60 * SECOND, ..Settings::default() };
    let mut sim = Sim::with(settings);
    sim.start("web-1");
    sim.advance(100 * SECOND);
    sim.kill("web-1");
    sim.advance(59 * SECOND);
    assert_eq!(sim.state("web-1"), HostState::Late);
    sim.advance(2 * SECOND);
    assert_eq!(sim.state("web-1"), HostState::Down);
}

#[test]
fn a_relapse_within_thirty_seconds_reopens_the_incident() {
    let mut sim = Sim::new();
    sim.start("web-1");
    sim.advance(10 * SECOND);
    for _ in 0..2 {
        sim.kill("web-1");
        sim.advance(6 * SECOND);
        sim.start("web-1");
        sim.advance(10 * SECOND);
    }
    let incidents = sim.incidents("host_down");
    assert_eq!(incidents.len(), 1, "one incident, reopened");
    sim.advance(60 * SECOND);
    sim.kill("web-1");
    sim.advance(6 * SECOND);
    assert_eq!(sim.incidents("host_down").len(), 2, "a later one is another incident");
}

#[test]
fn a_lost_connection_alone_is_no_verdict() {
    let mut sim = Sim::new();
    sim.start("web-1");
    sim.advance(10 * SECOND);
    for reason in [Gone::Reset, Gone::TimedOut, Gone::Failed("x".into())] {
        let connection = sim.agents["web-1"].connection;
        sim.gone(connection, reason);
        assert_eq!(sim.state("web-1"), HostState::Online);
        sim.advance(SECOND);
        sim.connect("web-1");
        sim.advance(10 * SECOND);
        assert_eq!(sim.state("web-1"), HostState::Online);
    }
    assert!(sim.disk.alerts.is_empty());
}

#[test]
fn a_raced_connection_of_the_same_instance_is_no_conflict() {
    let mut sim = Sim::new();
    sim.start("web-1");
    sim.advance(10 * SECOND);
    let old = sim.agents["web-1"].connection;
    sim.connect("web-1");
    sim.advance(SECOND);
    sim.gone(old, Gone::Closed(None, String::new()));
    sim.advance(60 * SECOND);
    assert_eq!(sim.state("web-1"), HostState::Online);
    assert!(sim.disk.alerts.is_empty() && sim.refused.is_empty());
}

#[test]
fn after_an_own_pause_nobody_is_judged_before_the_socket_was_read_and_an_interval_passed() {
    let mut sim = Sim::new();
    sim.start("web-1");
    sim.start("web-2");
    sim.advance(10 * SECOND);
    sim.kill("web-2");
    let later = sim.now.mono.plus(30 * SECOND);
    sim.move_to(later);
    sim.give(Input::OwnPause { gap: 30 * SECOND });
    sim.give(Input::Tick);
    sim.agents.get_mut("web-1").unwrap().frozen = true;
    sim.advance(SECOND);
    assert!(sim.disk.alerts.is_empty(), "blind: no verdict");
    sim.agents.get_mut("web-1").unwrap().frozen = false;
    sim.agents.get_mut("web-1").unwrap().next_beat = sim.now.mono.plus(SECOND);
    sim.give(Input::SocketDrained);
    sim.advance(5 * SECOND);
    assert_eq!(sim.state("web-1"), HostState::Online);
    assert_eq!(sim.open(), ["host_down/web-2"], "what really died is noticed");
}

#[test]
fn a_pause_after_which_nothing_comes_to_read_does_not_blind_for_ever() {
    let mut sim = Sim::new();
    sim.start("web-1");
    sim.advance(10 * SECOND);
    sim.kill("web-1");
    let later = sim.now.mono.plus(10 * SECOND);
    sim.move_to(later);
    sim.give(Input::OwnPause { gap: 10 * SECOND });
    sim.advance(10 * SECOND);
    assert_eq!(sim.open(), ["host_down/web-1"]);
}

#[test]
fn a_reboot_shorter_than_the_time_out_is_still_a_warning() {
    let mut sim = Sim::new();
    sim.start("web-1");
    sim.advance(10 * SECOND);
    let connection = sim.agents["web-1"].connection;
    sim.kill("web-1");
    sim.advance(SECOND);
    sim.gone(connection, Gone::Reset);
    sim.start_rebooted("web-1");
    sim.advance(SECOND);
    assert_eq!(sim.open(), ["rebooted/web-1"]);
    sim.advance(Duration::from_secs(598));
    assert_eq!(sim.open().len(), 1);
    sim.advance(2 * SECOND);
    assert_eq!(sim.incidents("rebooted")[0].state, AlertState::Resolved);
}

#[test]
fn three_starts_within_ten_minutes_are_a_warning() {
    let mut sim = Sim::new();
    for start in 0..3 {
        assert!(sim.open().is_empty(), "start {start}");
        sim.start("web-1");
        sim.advance(3 * SECOND);
        let connection = sim.agents["web-1"].connection;
        sim.kill("web-1");
        sim.gone(connection, Gone::Reset);
    }
    assert_eq!(sim.open(), ["restarting/web-1"]);
}

#[test]
fn a_shorter_interval_from_settings_reaches_the_agents() {
    let mut sim = Sim::new();
    sim.start("web-1");
    sim.advance(5 * SECOND);
    let settings =
        Settings { stored_interval: 7 * SECOND, timeout: 60 * SECOND, ..Settings::default() };
    sim.give(Input::Settings(Box::new(settings)));
    assert_eq!(sim.intervals.last().unwrap().1, 7_000);
    sim.kill("web-1");
    sim.advance(30 * SECOND);
    assert_eq!(sim.state("web-1"), HostState::Late, "the new time-out holds at once");
}
