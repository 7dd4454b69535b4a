//! A silent daemon: a fresh connection is raced, the old one kept until the new one is confirmed.

use systole_common::wire::control::Intervals;
use systole_common::wire::hello::CloseCode;

use super::rig::{Rig, closed};
use crate::engine::effect::Notice;
use crate::engine::input::{Input, Loss};
use crate::engine::status::LinkState;

#[test]
fn three_seconds_of_silence_race_a_fresh_connection_and_keep_the_old_one() {
    let (mut rig, old) = Rig::connected();
    rig.advance(2999);
    assert!(rig.dials().is_empty());
    rig.advance(1);
    assert_eq!(rig.dials().len(), 1);
    let fresh = rig.last_dial();
    assert_ne!(fresh, old);
    assert!(rig.closes().is_empty(), "the old one is kept");
    rig.accept(fresh);
    let targets = rig.beats().last().unwrap().1.targets.clone();
    let both: Vec<_> = targets.iter().map(|target| target.connection).collect();
    assert_eq!(both, [old, fresh], "both are written on");
    assert!(rig.closes().is_empty(), "accepted is not confirmed");
    rig.echo(fresh);
    assert_eq!(rig.closes(), [(old, CloseCode::Replaced)]);
    rig.look();
    rig.advance_echoing(30_000, fresh);
    assert!(rig.dials().is_empty() && rig.closes().is_empty() && rig.notices().is_empty());
}

#[test]
fn an_echo_on_the_old_one_ends_the_race() {
    let (mut rig, old) = Rig::connected();
    rig.advance(3000);
    let fresh = rig.last_dial();
    rig.echo(old);
    assert_eq!(rig.abandons(), [fresh]);
    assert!(rig.closes().is_empty());
    let back = rig.notices().into_iter().any(|(_, notice)| matches!(notice, Notice::Back { .. }));
    assert!(back);
    rig.look();
    rig.advance_echoing(10_000, old);
    assert!(rig.dials().is_empty());
}

#[test]
fn a_fresh_one_without_echo_is_dropped_and_the_old_one_kept() {
    let (mut rig, old) = Rig::connected();
    rig.advance(3000);
    let fresh = rig.last_dial();
    rig.accept(fresh);
    rig.look();
    rig.advance(3000);
    assert_eq!(
        rig.closes(),
        [(fresh, CloseCode::Replaced)],
        "a goodbye would say that the host leaves"
    );
    rig.advance(6000);
    assert!(!rig.dials().is_empty(), "the next one is raced");
    assert!(rig.closes().iter().all(|(connection, _)| *connection != old));
}

#[test]
fn the_old_one_is_pinged_each_second_while_attempts_fail() {
    let mut rig = Rig::with(&["mon-1"]);
    rig.advance(0);
    let old = rig.last_dial();
    rig.accept_with(old, Intervals { heartbeat_ms: 20_000, live_ms: 0, stored_ms: 0 });
    rig.echo(old);
    rig.advance(59_999);
    assert!(rig.dials().len() == 1, "three intervals of 20 s are 60 s");
    rig.look();
    rig.advance_with(30_000, |rig| {
        if let Some((_, fresh)) = rig.dials().last().copied() {
            rig.fail(fresh);
        }
    });
    let beats = rig.beats();
    assert!((29..=33).contains(&beats.len()), "one each second: {}", beats.len());
    assert!(beats.iter().all(|(_, beat)| beat.targets.iter().any(|t| t.connection == old)));
    let promised = beats.iter().map(|(at, beat)| at + u64::from(beat.next_in_ms));
    assert!(promised.clone().all(|at| at % 20_000 == 0 || at % 20_000 == 1000), "grid is promised");
}

#[test]
fn attempts_are_given_up_after_3_s_and_back_off_at_most_5_s() {
    let mut rig = Rig::with(&["mon-1"]);
    rig.advance(600_000);
    let dials = rig.dials();
    assert!(dials.len() > 60, "{}", dials.len());
    let abandons = rig.abandons();
    assert!(abandons.len() >= dials.len() - 1);
    let mut longest = 0;
    for pair in dials.windows(2) {
        let gap = pair[1].0 - pair[0].0;
        assert!((3000..=8000).contains(&gap), "{gap}");
        longest = longest.max(gap);
    }
    assert!(longest > 6000, "the jitter is full: {longest}");
}

#[test]
fn a_daemon_may_hold_its_answer_for_a_second() {
    let mut rig = Rig::with(&["mon-1"]);
    rig.advance(2900);
    let connection = rig.last_dial();
    rig.input(Input::Answering { connection });
    rig.advance(1000);
    assert!(rig.abandons().is_empty());
    rig.advance(100);
    assert_eq!(rig.abandons(), [connection]);
}

#[test]
fn a_reset_is_followed_by_an_attempt_within_250_ms() {
    for code in 0..20 {
        let (mut rig, old) = Rig::connected();
        rig.advance_echoing(1000 + code * 37, old);
        rig.look();
        rig.lose(old, Loss::Reset);
        let lost_at = rig.now_ms;
        rig.advance(300);
        let dials = rig.dials();
        assert_eq!(dials.len(), 1);
        assert!(dials[0].0 - lost_at <= 251);
    }
}

#[test]
fn a_reset_ends_the_attempt_that_was_sent_into_the_void() {
    let (mut rig, old) = Rig::connected();
    rig.advance(4000);
    let stuck = rig.last_dial();
    rig.look();
    rig.lose(old, Loss::Reset);
    assert_eq!(rig.abandons(), [stuck]);
    rig.advance(250);
    assert_eq!(rig.dials().len(), 1);
}

#[test]
fn a_reset_ends_a_back_off() {
    let (mut rig, old) = Rig::connected();
    rig.advance(3000);
    for _ in 0..8 {
        let attempt = rig.last_dial();
        rig.fail(attempt);
        rig.advance(5100);
    }
    let attempt = rig.last_dial();
    rig.fail(attempt);
    rig.look();
    rig.lose(old, Loss::Reset);
    rig.advance(250);
    assert_eq!(rig.dials().len(), 1);
}

#[test]
fn losing_the_old_one_leaves_the_fresh_one_in_use() {
    let (mut rig, old) = Rig::connected();
    rig.advance(3000);
    let fresh = rig.last_dial();
    rig.accept(fresh);
    rig.look();
    rig.lose(old, closed(CloseCode::Replaced));
    rig.echo(fresh);
    assert_eq!(rig.daemon().state, LinkState::Connected);
    rig.advance_echoing(10_000, fresh);
    assert!(rig.dials().is_empty() && rig.closes().is_empty());
}

#[test]
fn losing_the_fresh_one_leaves_the_old_one_in_use() {
    let (mut rig, old) = Rig::connected();
    rig.advance(3000);
    let fresh = rig.last_dial();
    rig.accept(fresh);
    rig.look();
    rig.lose(fresh, Loss::TimedOut);
    rig.echo(old);
    assert_eq!(rig.daemon().state, LinkState::Connected);
    rig.advance_echoing(10_000, old);
    assert!(rig.dials().is_empty());
}

#[test]
fn a_changed_certificate_or_hello_makes_the_link_anew_without_a_gap() {
    for change in [Input::CertificateReady, Input::HelloChanged] {
        let (mut rig, old) = Rig::connected();
        rig.input(change);
        rig.advance_echoing(500, old);
        let fresh = rig.last_dial();
        rig.accept(fresh);
        rig.advance_echoing(500, old);
        assert!(rig.closes().is_empty(), "echoes of the old one do not end it");
        rig.echo(fresh);
        assert_eq!(rig.closes(), [(old, CloseCode::Replaced)]);
        assert_eq!(rig.daemon().state, LinkState::Connected);
    }
}

#[test]
fn a_renewal_that_fails_is_said_once_and_tried_on() {
    let (mut rig, old) = Rig::connected();
    rig.input(Input::CertificateReady);
    let mut seen = 0;
    rig.advance_with(60_000, |rig| {
        rig.echo(old);
        if rig.dials().len() > seen {
            seen = rig.dials().len();
            let attempt = rig.last_dial();
            rig.fail(attempt);
        }
    });
    assert!(rig.dials().len() > 10);
    let notices = rig.notices();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(matches!(notices[0].1, Notice::NotRenewed { .. }));
    assert_eq!(rig.daemon().state, LinkState::Connected);
}
