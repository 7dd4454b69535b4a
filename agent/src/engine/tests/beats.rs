//! Heartbeats: each interval whatever the link, on a grid, with honest promises.

use systole_common::wire::agent::flags;
use systole_common::wire::control::{Intervals, Policy};

use super::rig::Rig;
use crate::engine::effect::{Effect, Notice};
use crate::engine::input::{ConnectionId, Input};

fn intervals(heartbeat_ms: u32, live_ms: u32) -> Intervals {
    Intervals { heartbeat_ms, live_ms, stored_ms: 5000 }
}

#[test]
fn they_go_on_each_interval_without_any_link() {
    let mut rig = Rig::without_certificate(&["mon-1"]);
    rig.advance(10_000);
    let beats = rig.beats();
    let times: Vec<u64> = beats.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, (0..=10).map(|s| s * 1000).collect::<Vec<_>>());
    let sequences: Vec<u64> = beats.iter().map(|(_, beat)| beat.sequence).collect();
    assert_eq!(sequences, (1..=11).collect::<Vec<_>>());
    assert!(beats.iter().all(|(_, beat)| beat.targets.is_empty() && beat.next_in_ms == 1000));
    assert!(rig.dials().is_empty(), "nothing to dial with");
}

#[test]
fn a_fresh_connection_gets_one_at_once_and_the_grid_stays() {
    let mut rig = Rig::with(&["mon-1"]);
    rig.advance(300);
    let connection = rig.last_dial();
    rig.look();
    rig.accept(connection);
    let (at, beat) = rig.beats().remove(0);
    assert_eq!((at, beat.next_in_ms), (300, 700));
    assert_eq!(beat.targets[0].connection, connection);
    rig.look();
    rig.advance(2000);
    let times: Vec<u64> = rig.beats().iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [1000, 2000]);
}

#[test]
fn a_stopped_loop_counts_what_it_skipped_and_sends_no_burst() {
    let (mut rig, _) = Rig::connected();
    rig.advance(1000);
    rig.look();
    rig.freeze(10_400);
    let beats = rig.beats();
    assert_eq!(beats.len(), 1);
    let beat = &beats[0].1;
    assert_eq!(beat.ticks_skipped, 9);
    assert_eq!(beat.loop_lag_max_us, 9_400_000);
    assert_eq!(beat.next_in_ms, 600);
    assert_ne!(beat.flags & flags::OVERLOADED, 0);
    rig.look();
    rig.advance(600);
    let beat = rig.beats().remove(0).1;
    assert_eq!((beat.ticks_skipped, beat.loop_lag_max_us, beat.flags), (0, 0, 0));
}

#[test]
fn a_pause_of_our_own_is_not_held_against_the_daemon() {
    let (mut rig, connection) = Rig::connected();
    rig.freeze(20_000);
    assert!(rig.dials().is_empty());
    assert!(rig.notices().iter().any(|(_, notice)| matches!(notice, Notice::Paused { .. })));
    rig.advance(1900);
    assert!(rig.dials().is_empty());
    rig.echo(connection);
    rig.advance_echoing(60_000, connection);
    assert!(rig.dials().is_empty());
}

#[test]
fn the_shortest_interval_asked_wins() {
    let mut rig = Rig::with(&["mon-1", "mon-2"]);
    rig.advance(0);
    let dials = rig.dials();
    rig.accept_with(dials[0].1, intervals(20_000, 5000));
    rig.accept_with(dials[1].1, intervals(5000, 1000));
    let report = rig.engine.report(super::rig::clocks(0));
    assert_eq!(report.heartbeat_interval.as_secs(), 5);
    let sampling = rig.effects.iter().rev().find_map(|(_, effect)| match effect {
        Effect::Sample(sampling) => Some(*sampling),
        _ => None,
    });
    let sampling = sampling.unwrap();
    assert_eq!((sampling.live.as_secs(), sampling.connected), (1, true));
    rig.lose(dials[1].1, super::rig::closed(systole_common::wire::hello::CloseCode::Restart));
    assert_eq!(rig.engine.report(super::rig::clocks(0)).heartbeat_interval.as_secs(), 20);
}

#[test]
fn an_interval_changed_live_breaks_no_promise() {
    let (mut rig, connection) = Rig::connected();
    rig.advance(400);
    rig.look();
    rig.input(Input::Intervals { connection, intervals: intervals(60_000, 0) });
    rig.advance(70_000);
    let beats = rig.beats();
    assert_eq!((beats[0].0, beats[0].1.next_in_ms), (1000, 60_000));
    assert_eq!(beats[1].0, 61_000);
    rig.look();
    rig.input(Input::Policy {
        connection,
        policy: Policy { intervals: intervals(100, 0), ..Policy::default() },
    });
    rig.advance(300);
    let times: Vec<u64> = rig.beats().iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [70_500, 70_600, 70_700]);
}

#[test]
fn the_interval_wanted_by_an_echo_is_followed() {
    let (mut rig, connection) = Rig::connected();
    let echo = systole_common::wire::control::Echo {
        epoch: systole_common::ids::InstanceId(1),
        sequence: 99,
        heartbeat_sequence: 1,
        hold_us: 0,
        loop_lag_us: 0,
        wanted_interval_ms: 250,
    };
    rig.input(Input::Echoed { connection, echo });
    assert_eq!(rig.engine.report(super::rig::clocks(0)).heartbeat_interval.as_millis(), 250);
}

#[test]
fn the_round_trip_is_that_of_the_heartbeat_without_the_daemons_hold() {
    let (mut rig, connection) = Rig::connected();
    rig.advance(1000);
    let sequence = rig.engine.heartbeats_sent();
    rig.now_ms += 30;
    let echo = systole_common::wire::control::Echo {
        epoch: systole_common::ids::InstanceId(1),
        sequence: 99,
        heartbeat_sequence: sequence,
        hold_us: 10_000,
        loop_lag_us: 0,
        wanted_interval_ms: 0,
    };
    rig.input(Input::Echoed { connection, echo });
    assert_eq!(rig.daemon().rtt.unwrap().as_millis(), 20);
    rig.advance(1000);
    let target = rig.beats().last().unwrap().1.targets[0];
    assert_eq!((target.echo_sequence, target.echo_at.0), (99, 1_030_000_000));
}

#[test]
fn frames_of_connections_that_are_not_ours_change_nothing() {
    let (mut rig, _) = Rig::connected();
    let stray = ConnectionId(999);
    rig.echo(stray);
    rig.fail(stray);
    rig.lose(stray, crate::engine::input::Loss::Reset);
    assert!(rig.dials().is_empty());
    rig.accept(stray);
    assert_eq!(rig.closes().len(), 1, "an attempt that was given up is closed when it succeeds");
}
