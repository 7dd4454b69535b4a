//! Leases and goodbyes: said at once, echoed, repeated, and never waited for longer than a second.

use systole_common::ids::DaemonName;
use systole_common::wire::agent::{IntentKind, flags};
use systole_common::wire::hello::CloseCode;

use super::rig::{Rig, clocks, seconds};
use crate::engine::effect::{Effect, Notice};
use crate::engine::input::{Input, RequestId};

fn leave(lease_s: u64) -> Input {
    Input::Leave { request: RequestId(1), lease: seconds(lease_s), why: "update".to_owned() }
}

fn told(rig: &Rig) -> Option<(Vec<DaemonName>, Vec<DaemonName>)> {
    rig.effects.iter().find_map(|(_, effect)| match effect {
        Effect::Told { request: RequestId(1), told, untold } => {
            Some((told.clone(), untold.clone()))
        }
        _ => None,
    })
}

fn stopped_at(rig: &Rig) -> Option<u64> {
    rig.effects.iter().find(|(_, effect)| *effect == Effect::Stopped).map(|(at, _)| *at)
}

#[test]
fn a_lease_goes_out_at_once_and_is_confirmed_by_its_echo() {
    let (mut rig, connection) = Rig::connected();
    rig.advance(300);
    rig.look();
    rig.input(leave(60));
    let (at, beat) = rig.beats().remove(0);
    assert_eq!(at, 300);
    assert_eq!(beat.intent.kind, IntentKind::Lease.into());
    assert_eq!((beat.intent.lease_ms, beat.intent.why.as_str()), (60_000, "update"));
    assert_eq!(told(&rig), None);
    rig.echo_of(connection, beat.sequence - 1);
    assert_eq!(told(&rig), None, "the echo of an earlier heartbeat confirms nothing");
    rig.echo_of(connection, beat.sequence);
    assert_eq!(told(&rig), Some((vec!["mon-1".parse().unwrap()], vec![])));
}

#[test]
fn a_lease_is_repeated_until_it_ends() {
    let (mut rig, connection) = Rig::connected();
    rig.input(leave(5));
    rig.look();
    rig.advance_echoing(8000, connection);
    let lease: Vec<_> = rig
        .beats()
        .into_iter()
        .map(|(at, beat)| (at, beat.intent.lease_ms, beat.intent.kind.known().unwrap()))
        .collect();
    assert_eq!(lease[0], (1000, 4000, IntentKind::Lease));
    assert_eq!(lease[3], (4000, 1000, IntentKind::Lease));
    assert_eq!(lease[4], (5000, 0, IntentKind::None));
    assert!(rig.notices().iter().any(|(_, notice)| *notice == Notice::LeaseEnded));
}

#[test]
fn a_cancelled_lease_is_taken_back_at_once() {
    let (mut rig, connection) = Rig::connected();
    rig.input(leave(600));
    assert_eq!(rig.engine.report(clocks(0)).lease.unwrap().until.0, 1_000_000 + 600_000);
    rig.look();
    rig.input(Input::Return { request: RequestId(1) });
    let beat = rig.beats().remove(0).1;
    assert_eq!(beat.intent.kind, IntentKind::None.into());
    rig.echo(connection);
    assert_eq!(told(&rig).unwrap().0.len(), 1);
    assert_eq!(rig.engine.report(clocks(0)).lease, None);
}

#[test]
fn a_lease_that_nobody_confirms_is_answered_after_a_second_and_told_later() {
    let (mut rig, _) = Rig::connected();
    rig.input(leave(60));
    rig.advance(999);
    assert_eq!(told(&rig), None);
    rig.advance(1);
    assert_eq!(told(&rig), Some((vec![], vec!["mon-1".parse().unwrap()])));
    let mut alone = Rig::with(&["mon-1"]);
    alone.input(leave(60));
    assert_eq!(told(&alone).unwrap().1.len(), 1, "nothing to wait for");
    alone.advance(1000);
    let connection = alone.last_dial();
    alone.look();
    alone.accept(connection);
    assert_eq!(alone.beats()[0].1.intent.kind, IntentKind::Lease.into());
}

#[test]
fn a_goodbye_waits_for_its_echo_and_closes_with_the_reason() {
    let (mut rig, connection) = Rig::connected();
    rig.advance(400);
    rig.look();
    rig.input(Input::Stop { why: "service stop".to_owned() });
    let (at, beat) = rig.beats().remove(0);
    assert_eq!(at, 400);
    assert_eq!(beat.intent.kind, IntentKind::Stopping.into());
    assert_ne!(beat.flags & flags::STOPPING, 0);
    assert_eq!(stopped_at(&rig), None);
    rig.now_ms += 20;
    rig.echo(connection);
    let close = rig.look().into_iter().find_map(|(_, effect)| match effect {
        Effect::Close { code, reason, .. } => Some((code, reason)),
        _ => None,
    });
    assert_eq!(close, Some((CloseCode::Goodbye, "service stop".to_owned())));
    assert_eq!(rig.engine.next_deadline(), None, "nothing is left to do");
}

#[test]
fn a_goodbye_that_nobody_echoes_ends_after_a_second() {
    let (mut rig, connection) = Rig::connected();
    rig.input(Input::Stop { why: "service stop".to_owned() });
    rig.advance(2000);
    assert_eq!(stopped_at(&rig), Some(1000));
    assert_eq!(rig.closes(), [(connection, CloseCode::Goodbye)]);
}

#[test]
fn without_a_connection_the_end_is_at_once_and_no_attempt_is_left() {
    let mut rig = Rig::with(&["mon-1"]);
    rig.advance(100);
    let attempt = rig.last_dial();
    rig.input(Input::Stop { why: "service stop".to_owned() });
    assert_eq!(stopped_at(&rig), Some(100));
    assert_eq!(rig.abandons(), [attempt]);
}

#[test]
fn a_second_signal_ends_at_once() {
    let (mut rig, _) = Rig::connected();
    rig.input(Input::Stop { why: "service stop".to_owned() });
    rig.now_ms += 10;
    rig.input(Input::Stop { why: "again".to_owned() });
    assert_eq!(stopped_at(&rig), Some(10));
}

#[test]
fn a_goodbye_keeps_the_rest_of_the_lease() {
    let (mut rig, _) = Rig::connected();
    rig.input(leave(60));
    rig.advance(1000);
    rig.look();
    rig.input(Input::Stop { why: "service stop".to_owned() });
    let intent = rig.beats().remove(0).1.intent;
    assert_eq!(intent.kind, IntentKind::Stopping.into());
    assert_eq!(intent.lease_ms, 59_000);
}
