//! Two agents, one identity.

use std::time::Duration;

use systole_common::ids::{ConnectionId, InstanceId};
use systole_common::model::host::HostState;
use systole_common::wire::hello::CloseCode;
use systole_daemon::engine::input::{Gone, Input};

use crate::sim::{SECOND, Sim, host};

fn online() -> Sim {
    let mut sim = Sim::new();
    sim.start("web-1");
    sim.advance(10 * SECOND);
    sim
}

#[test]
fn a_clone_of_a_living_agent_is_refused_and_named() {
    let mut sim = online();
    let clone = sim.start_clone("web-1");
    assert_eq!(sim.state("web-1"), HostState::Conflict);
    let (refused, text, code) = sim.refused[0].clone();
    assert_eq!((refused, code), (clone, CloseCode::Conflict));
    let incumbent = format!("10.0.0.{}:4000", sim.agents["web-1"].connection.0 % 250);
    assert!(text.contains(&incumbent), "{text}");
    let summary = &sim.firing("conflict").summary;
    assert!(summary.contains(&incumbent), "both addresses: {summary}");
    assert!(summary.contains(&format!("10.0.0.{}:4000", clone.0 % 250)), "{summary}");
    sim.gone(clone, Gone::ByUs(CloseCode::Conflict, String::new()));
    sim.advance(60 * SECOND);
    assert_eq!(sim.state("web-1"), HostState::Conflict, "90 s after the last refusal");
    sim.advance(31 * SECOND);
    assert_eq!(sim.state("web-1"), HostState::Online);
    assert!(sim.open().is_empty());
}

#[test]
fn a_killed_and_restarted_agent_takes_over_after_a_second() {
    let mut sim = online();
    sim.kill("web-1");
    let old = sim.agents["web-1"].connection;
    sim.advance(Duration::from_millis(200));
    sim.start("web-1");
    sim.advance(Duration::from_millis(900));
    assert!(!sim.agents["web-1"].accepted, "the answer waits for the incumbent");
    sim.advance(Duration::from_millis(200));
    assert!(sim.agents["web-1"].accepted);
    assert_eq!(sim.closed, [(old, CloseCode::Replaced)]);
    sim.advance(10 * SECOND);
    assert_eq!(sim.state("web-1"), HostState::Online);
    assert!(sim.disk.alerts.is_empty());
}

#[test]
fn a_slow_but_living_incumbent_is_asked_by_a_probe() {
    let mut sim = online();
    sim.agents.get_mut("web-1").unwrap().interval = 60 * SECOND;
    sim.advance(SECOND);
    let clone = sim.start_clone("web-1");
    sim.advance(SECOND / 2);
    assert_eq!(sim.refused[0].0, clone, "its answer to the probe is enough");
}

#[test]
fn an_incumbent_that_closes_while_a_newcomer_waits_makes_room_at_once() {
    let mut sim = online();
    sim.kill("web-1");
    let old = sim.agents["web-1"].connection;
    sim.start("web-1");
    assert!(!sim.agents["web-1"].accepted);
    sim.gone(old, Gone::Reset);
    assert!(sim.agents["web-1"].accepted);
}

#[test]
fn an_incumbent_that_dies_in_a_conflict_is_down_and_the_clone_may_follow() {
    let mut sim = online();
    let clone = sim.start_clone("web-1");
    sim.gone(clone, Gone::ByUs(CloseCode::Conflict, String::new()));
    sim.kill("web-1");
    sim.advance(6 * SECOND);
    assert_eq!(sim.state("web-1"), HostState::Down);
    sim.start("web-1");
    sim.advance(10 * SECOND);
    assert_eq!(sim.state("web-1"), HostState::Online);
}

#[test]
fn a_bulk_connection_needs_the_main_of_its_instance() {
    let mut sim = online();
    let main = sim.agents["web-1"].instance;
    let bulk = |instance, connection| Input::BulkHello {
        connection: ConnectionId(connection),
        host: host("web-1"),
        instance,
    };
    sim.give(bulk(main, 500));
    assert!(sim.refused.is_empty());
    sim.give(bulk(InstanceId(99_999), 501));
    assert_eq!(sim.refused[0].0, ConnectionId(501));
}
