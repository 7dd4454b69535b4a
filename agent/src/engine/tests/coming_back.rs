//! A daemon that is gone and comes back: one line each, and the same in `status`.

use systole_common::time::UnixMs;
use systole_common::wire::hello::CloseCode;

use super::rig::{Rig, address, closed};
use crate::engine::effect::Notice;
use crate::engine::input::{DaemonAddress, Input, Loss};
use crate::engine::status::LinkState;

#[test]
fn one_line_when_it_is_gone_and_one_when_it_is_back() {
    let (mut rig, old) = Rig::connected();
    rig.advance_echoing(5000, old);
    let last_heard = 1_000_000 + 5000;
    rig.look();
    rig.advance(120_000);
    let notices = rig.notices();
    assert_eq!(notices.len(), 1, "{notices:?}");
    let (at, Notice::Gone { since, why, .. }) = &notices[0] else { panic!("{notices:?}") };
    assert_eq!((*at, *since), (8000, UnixMs(last_heard)));
    assert!(why.contains("10.0.0.5:5001"), "{why}");
    let daemon = rig.daemon();
    assert_eq!((daemon.state, daemon.since), (LinkState::Gone, UnixMs(last_heard)));
    assert!(daemon.reason.is_some() && daemon.rtt.is_none());

    rig.look();
    rig.advance_with(10_000, |rig| {
        if let Some((_, attempt)) = rig.dials().last().copied() {
            rig.accept(attempt);
            rig.echo(attempt);
        }
    });
    let notices: Vec<_> = rig.notices().into_iter().map(|(_, notice)| notice).collect();
    let back = notices.iter().filter(|notice| matches!(notice, Notice::Back { .. })).count();
    assert_eq!(back, 1, "{notices:?}");
    let daemon = rig.daemon();
    assert_eq!((daemon.state, daemon.reason), (LinkState::Connected, None));
    assert!(daemon.since.0 > last_heard + 120_000 - 5000);
}

#[test]
fn a_daemon_never_reached_is_said_once_for_each_reason() {
    let mut rig = Rig::with(&["mon-1"]);
    let mut reasons = ["no such host", "no such host", "no answer", "no such host"].iter().cycle();
    let mut seen = 0;
    rig.advance_with(60_000, |rig| {
        if rig.dials().len() > seen {
            seen = rig.dials().len();
            let connection = rig.last_dial();
            let why = (*reasons.next().unwrap()).to_owned();
            rig.input(Input::Failed { connection, why, refused: false });
        }
    });
    let notices: Vec<_> = rig.notices().into_iter().map(|(_, notice)| notice).collect();
    let reasons: Vec<_> = notices
        .iter()
        .map(|notice| match notice {
            Notice::Unreached { why, .. } => why.split(' ').next_back().unwrap_or_default(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(reasons, ["host", "answer"]);
    let daemon = rig.daemon();
    assert_eq!((daemon.state, daemon.since), (LinkState::Connecting, UnixMs(1_000_000)));
}

#[test]
fn a_daemon_that_only_accepts_and_closes_is_not_hammered() {
    let mut rig = Rig::with(&["mon-1"]);
    let mut seen = 0;
    rig.advance_with(60_000, |rig| {
        if rig.dials().len() > seen {
            seen = rig.dials().len();
            let connection = rig.last_dial();
            rig.accept(connection);
            rig.lose(connection, closed(CloseCode::Goodbye));
        }
    });
    let count = rig.dials().len();
    assert!((12..60).contains(&count), "{count}");
    assert_eq!(rig.notices().len(), 1, "one line for the same reason");
}

#[test]
fn restart_resets_are_followed_at_once_every_time() {
    let (mut rig, mut connection) = Rig::connected();
    for _ in 0..20 {
        rig.advance_echoing(2000, connection);
        rig.look();
        rig.lose(connection, Loss::Reset);
        rig.advance(250);
        assert_eq!(rig.dials().len(), 1);
        connection = rig.last_dial();
        rig.accept(connection);
        rig.echo(connection);
        assert_eq!(rig.daemon().state, LinkState::Connected);
    }
}

#[test]
fn without_a_usable_certificate_nothing_is_dialled_and_status_says_why() {
    let mut rig = Rig::without_certificate(&["mon-1"]);
    rig.input(Input::CertificateUnusable { why: "agent.crt: ended".to_owned() });
    rig.advance(3_600_000);
    assert!(rig.dials().is_empty());
    assert_eq!(rig.daemon().reason.as_deref(), Some("agent.crt: ended"));
    rig.look();
    rig.input(Input::CertificateReady);
    rig.advance(0);
    assert_eq!(rig.dials().len(), 1);
    assert!(rig.notices().is_empty(), "an hour without a certificate is no pause of the loop");
}

#[test]
fn the_configuration_adds_removes_and_moves_daemons() {
    let (mut rig, first) = Rig::connected();
    rig.input(Input::Daemons(vec![address("mon-1"), address("mon-2")]));
    rig.advance(0);
    assert_eq!(rig.dials().len(), 1);
    assert!(rig.closes().is_empty());
    rig.look();
    let moved = DaemonAddress { address: "10.0.0.6:5001".to_owned(), ..address("mon-1") };
    rig.input(Input::Daemons(vec![moved, address("mon-2")]));
    rig.advance(0);
    assert_eq!(rig.dials().len(), 1, "only the one that moved");
    assert!(rig.closes().is_empty(), "the old connection is kept until the new one is confirmed");
    rig.look();
    rig.input(Input::Daemons(vec![address("mon-2")]));
    assert_eq!(rig.closes(), [(first, CloseCode::Goodbye)]);
}
