//! Lies on an agent's connection: bounded by a written rule, counted, never a false verdict.

use systole_common::ids::ConnectionId;
use systole_common::model::host::HostState;
use systole_common::wire::hello::Clocks;
use systole_daemon::engine::input::{Gone, Input};

use crate::sim::{SECOND, Sim};

fn online() -> Sim {
    let mut sim = Sim::new();
    sim.start("web-1");
    sim.advance(10 * SECOND);
    sim
}

fn assert_well(sim: &Sim) {
    assert_eq!(sim.state("web-1"), HostState::Online);
    let down = sim.incidents("host_down").len();
    assert_eq!(down, 0, "no false verdict");
}

#[test]
fn clocks_of_1970_and_9999_are_a_warning_and_no_verdict() {
    for offset_ms in [-1_795_000_000_000, 251_000_000_000_000, i64::MIN, i64::MAX, 3_600_000] {
        let mut sim = online();
        sim.agents.get_mut("web-1").unwrap().wall_offset_ms = offset_ms;
        sim.advance(30 * SECOND);
        assert_well(&sim);
        assert_eq!(sim.open(), ["clock_offset/web-1"], "{offset_ms}");
        sim.agents.get_mut("web-1").unwrap().wall_offset_ms = 0;
        sim.advance(30 * SECOND);
        assert!(sim.open().is_empty(), "{offset_ms}");
    }
}

#[test]
fn sequences_that_repeat_run_back_or_jump_are_counted() {
    let mut sim = online();
    for sequence in [10, 10, 3, u64::MAX / 2, 11, u64::MAX - 1, 0] {
        sim.agents.get_mut("web-1").unwrap().sequence = sequence;
        sim.advance(SECOND);
    }
    sim.advance(30 * SECOND);
    assert_well(&sim);
    let counters = sim.engine.gauges().counters;
    assert!(counters.count("heartbeat_sequence_back") >= 2);
    assert!(counters.count("heartbeat_sequence_jumped") >= 2);
    assert_eq!(counters.count("heartbeats_missed"), 0);
}

#[test]
fn a_promised_interval_of_nothing_or_a_year_is_clamped() {
    let mut sim = online();
    sim.agents.get_mut("web-1").unwrap().promised_ms = Some(0);
    sim.advance(10 * SECOND);
    assert!(sim.incidents("host_down").is_empty(), "promised too much, still alive");
    sim.agents.get_mut("web-1").unwrap().promised_ms = Some(u32::MAX);
    sim.advance(10 * SECOND);
    assert_well(&sim);
    sim.kill("web-1");
    sim.advance(149 * SECOND);
    assert!(sim.open().is_empty());
    sim.advance(3 * SECOND);
    assert_eq!(sim.open(), ["host_down/web-1"], "a year is taken for a minute");
    assert!(sim.engine.gauges().counters.count("heartbeat_interval_clamped") >= 20);
}

#[test]
fn frames_of_connections_that_nobody_knows_do_nothing() {
    let mut sim = online();
    let foreign = ConnectionId(424_242);
    sim.give(Input::Samples { connection: foreign, at: Clocks::default(), values: Vec::new() });
    sim.give(Input::AgentGone { connection: foreign, reason: Gone::Reset });
    assert_well(&sim);
    assert_eq!(sim.engine.gauges().counters.count("frames_of_unknown_connections"), 2);
}
