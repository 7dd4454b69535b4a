//! A daemon that says no: how long the agent waits, and what it says meanwhile.

use systole_common::model::coded::Coded;
use systole_common::wire::hello::{CloseCode, RefusalCode};

use super::rig::{Rig, closed};
use crate::engine::effect::Notice;
use crate::engine::input::Input;
use crate::engine::status::LinkState;

/// Milliseconds from the refusal of the first attempt to the second attempt.
fn wait_after(code: RefusalCode, retry_after_ms: u32) -> u64 {
    let mut rig = Rig::with(&["mon-1"]);
    rig.advance(0);
    let connection = rig.last_dial();
    rig.refuse(connection, code, retry_after_ms);
    rig.look();
    rig.advance(3_600_000);
    rig.dials()[0].0
}

#[test]
fn the_time_asked_for_is_waited() {
    assert!((30_000..=30_251).contains(&wait_after(RefusalCode::Conflict, 30_000)));
    assert!((1000..=1251).contains(&wait_after(RefusalCode::Overload, 1000)));
    assert!((600_000..=600_251).contains(&wait_after(RefusalCode::Conflict, u32::MAX)), "bounded");
}

#[test]
fn a_refusal_without_a_time_waits_by_its_code() {
    for code in RefusalCode::ALL {
        let waited = wait_after(*code, 0);
        let soon =
            matches!(code, RefusalCode::Stopping | RefusalCode::Overload | RefusalCode::Storage);
        let bounds = if soon { 0..=5001 } else { 30_000..=30_251 };
        assert!(bounds.contains(&waited), "{code}: {waited}");
    }
}

#[test]
fn closes_are_retried_by_their_code() {
    for code in CloseCode::ALL {
        let (mut rig, connection) = Rig::connected();
        rig.lose(connection, closed(*code));
        rig.advance(40_000);
        let waited = rig.dials()[0].0;
        let bounds = match code {
            CloseCode::Goodbye | CloseCode::Restart => 0..=251,
            CloseCode::Replaced | CloseCode::Protocol | CloseCode::Overload => 0..=5001,
            CloseCode::Refused | CloseCode::Conflict | CloseCode::Revoked | CloseCode::Retired => {
                30_000..=30_251
            }
        };
        assert!(bounds.contains(&waited), "{code}: {waited}");
    }
}

#[test]
fn a_refusal_is_said_once_and_stays_in_status() {
    let mut rig = Rig::with(&["mon-1"]);
    for _ in 0..5 {
        rig.advance(0);
        let connection = rig.last_dial();
        rig.refuse(connection, RefusalCode::Conflict, 30_000);
        rig.advance(30_251);
    }
    assert!(rig.dials().len() >= 5);
    let notices = rig.notices();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(matches!(&notices[0].1, Notice::Refused { why, .. } if why == "refused: conflict"));
    let daemon = rig.daemon();
    assert_eq!(daemon.state, LinkState::Refused);
    assert_eq!(daemon.since.0, 1_000_000);
    let connection = rig.last_dial();
    rig.accept(connection);
    rig.echo(connection);
    assert_eq!(rig.daemon().state, LinkState::Connected);
}

#[test]
fn a_refused_fresh_connection_leaves_the_old_one_in_use() {
    let (mut rig, old) = Rig::connected();
    rig.advance(3000);
    let fresh = rig.last_dial();
    rig.refuse(fresh, RefusalCode::Overload, 10_000);
    rig.look();
    rig.echo(old);
    assert_eq!(rig.daemon().state, LinkState::Connected);
    rig.advance_echoing(60_000, old);
    assert!(rig.dials().is_empty() && rig.closes().is_empty());
}

#[test]
fn a_retired_host_says_so_and_comes_back_slowly() {
    let (mut rig, connection) = Rig::connected();
    rig.lose(connection, closed(CloseCode::Retired));
    let daemon = rig.daemon();
    assert_eq!(daemon.state, LinkState::Refused);
    assert!(daemon.reason.unwrap().contains("retired this host"));
    rig.advance(29_999);
    assert!(rig.dials().is_empty());
    rig.advance(252);
    assert_eq!(rig.dials().len(), 1);
}

#[test]
fn a_refused_certificate_is_tried_again_slowly_and_said_once() {
    let mut rig = Rig::with(&["mon-1"]);
    let mut seen = 0;
    rig.advance_with(100_000, |rig| {
        if rig.dials().len() > seen {
            seen = rig.dials().len();
            let connection = rig.last_dial();
            let why = "has revoked this certificate".to_owned();
            rig.input(Input::Failed { connection, why, refused: true });
        }
    });
    assert_eq!(rig.dials().len(), 4);
    assert_eq!(rig.notices().len(), 1);
    assert_eq!(rig.daemon().state, LinkState::Refused);
}
