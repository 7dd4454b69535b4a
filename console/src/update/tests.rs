//! What events make of the live table's model.

use systole_common::ids::InstanceId;
use systole_common::wire::feed::{FeedSnapshot, FeedSummary, FeedTick};

use super::*;
use crate::model::freshness::{Freshness, Peer, Trust};
use crate::msg::HostNews;
use crate::testing::{WALL, alert, at, host, record, resolved};

fn model() -> Model {
    Model::new(Freshness::waiting(at(0)), None)
}

fn snapshot() -> Msg {
    let snapshot = FeedSnapshot {
        instance: InstanceId(1),
        at: WALL,
        hosts: 0,
        alerts: 0,
        after_overflow: false,
    };
    Msg::Feed(FeedEvent::Snapshot(snapshot))
}

fn detail(name: &str) -> Msg {
    let news = HostNews { at: None, retired: false, host: host(record(name), 0) };
    Msg::Feed(FeedEvent::Host(Box::new(news)))
}

fn open(id: u64) -> Msg {
    Msg::Feed(FeedEvent::Alert { at: WALL, record: Box::new(alert(id, "web-1")) })
}

fn tick() -> Msg {
    Msg::Feed(FeedEvent::Tick(FeedTick { sequence: 1, at: WALL, loop_lag_us: 0 }))
}

fn names(model: &Model) -> Vec<&str> {
    model.fleet.worst_first().iter().map(|row| row.summary.host.as_str()).collect()
}

#[test]
fn a_picture_replaces_what_it_does_not_name() {
    let mut model = model();
    for msg in [snapshot(), detail("a"), detail("b"), open(1), Msg::Feed(FeedEvent::Complete)] {
        update(&mut model, at(0), msg);
    }
    assert_eq!(names(&model), ["a", "b"]);
    update(&mut model, at(1_000), snapshot());
    update(&mut model, at(1_000), detail("b"));
    assert_eq!(names(&model), ["a", "b"], "the old picture stays until the new one is whole");
    update(&mut model, at(1_000), Msg::Feed(FeedEvent::Complete));
    assert_eq!(names(&model), ["b"]);
    assert!(model.alerts.worst_first().is_empty());
}

#[test]
fn half_a_picture_is_not_painted() {
    let mut model = model();
    assert_eq!(update(&mut model, at(0), snapshot()), []);
    assert_eq!(update(&mut model, at(0), detail("a")), []);
    assert_eq!(update(&mut model, at(0), Msg::Feed(FeedEvent::Complete)), [Cmd::Paint]);
}

#[test]
fn silence_is_named_by_its_length() {
    let mut model = model();
    let trust = |model: &Model, ms| model.freshness.trust(at(ms).mono);
    assert_eq!(trust(&model, 1_000), Trust::Connecting);
    assert_eq!(trust(&model, 30_000), Trust::Gone);
    update(&mut model, at(1_000), tick());
    for (ms, expected) in [
        (1_000, Trust::Live),
        (2_999, Trust::Live),
        (3_000, Trust::Lagging),
        (5_999, Trust::Lagging),
        (6_000, Trust::Stale),
        (30_999, Trust::Stale),
        (31_000, Trust::Gone),
    ] {
        assert_eq!(trust(&model, ms), expected, "{ms}");
    }
    update(&mut model, at(40_000), tick());
    assert_eq!(trust(&model, 40_000), Trust::Live);
}

#[test]
fn alerts_that_are_over_and_hosts_that_are_retired_go() {
    let mut model = model();
    for msg in [detail("a"), detail("b"), open(1)] {
        update(&mut model, at(0), msg);
    }
    let over = resolved(alert(1, "web-1"), WALL);
    let over = FeedEvent::Alert { at: WALL, record: Box::new(over) };
    assert_eq!(update(&mut model, at(1), Msg::Feed(over)), [Cmd::Paint]);
    assert!(model.alerts.worst_first().is_empty());
    let retired = HostNews { at: Some(WALL), retired: true, host: host(record("a"), 0) };
    update(&mut model, at(1), Msg::Feed(FeedEvent::Host(Box::new(retired))));
    let gone = FeedSummary { hosts: Vec::new(), retired: vec!["b".to_owned()] };
    update(&mut model, at(1), Msg::Feed(FeedEvent::Summary(gone)));
    assert!(model.fleet.is_empty());
}

#[test]
fn trouble_is_kept_until_the_daemon_is_heard_again() {
    let mut model = model();
    let peer = Peer { daemon: "mon-1".into(), address: "h:1".into(), role: "viewer".into() };
    update(&mut model, at(0), Msg::Linked(peer));
    update(&mut model, at(0), tick());
    update(&mut model, at(1), Msg::Unlinked { why: "gone".into() });
    update(&mut model, at(2), Msg::Dialling { attempt: 3 });
    assert_eq!(model.freshness.trouble.as_deref(), Some("gone"));
    assert_eq!(model.freshness.attempts, 3);
    update(&mut model, at(3), tick());
    assert_eq!((model.freshness.trouble, model.freshness.attempts), (None, 0));
}

#[test]
fn keys_leave_and_redraw() {
    let mut model = model();
    assert_eq!(update(&mut model, at(0), Msg::Key(Key::Leave)), [Cmd::Leave]);
    assert_eq!(update(&mut model, at(0), Msg::Key(Key::Redraw)), [Cmd::Repaint]);
}
