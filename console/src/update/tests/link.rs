//! The link: trust, its words, what a reconnect leaves as it was.

use std::time::Duration;

use systole_common::ids::AlertId;

use crate::model::Dirty;
use crate::model::fleet::Worth;
use crate::model::freshness::{LinkState, Refused, Trust};
use crate::msg::{FeedEvent, Msg};
use crate::testing::{alert, at, record};
use crate::update::order;
use crate::update::rig::{Rig, columns};

impl Rig {
    fn trust(&self) -> Trust {
        self.model.freshness.trust(at(self.ms).mono)
    }

    fn word(&self) -> &'static str {
        self.model.freshness.state(at(self.ms).mono).word()
    }
}

#[test]
fn silence_on_a_standing_link_is_named_by_its_length() {
    let mut rig = Rig::live(&["a"]);
    for (after_ms, word) in [
        (1_999, "LIVE"),
        (1, "LAGGING"),
        (2_999, "LAGGING"),
        (1, "STALE"),
        (24_999, "STALE"),
        (1, "DAEMON GONE"),
    ] {
        rig.run(after_ms, false);
        assert_eq!(rig.word(), word, "at {}", rig.ms);
    }
    rig.tick();
    assert_eq!(rig.trust(), Trust::Live);
}

#[test]
fn a_link_that_goes_down_is_told_at_once_and_then_by_its_age() {
    let mut rig = Rig::live(&["a"]);
    rig.unlink();
    assert_eq!(rig.painted(), Dirty::Now);
    rig.send(Msg::Dialling { attempt: 3 });
    let shown = at(0).wall;
    let why = Some("it is silent for 3 s");
    let state = rig.model.freshness.state(at(0).mono);
    assert_eq!(state, LinkState::Reconnecting { attempt: 3, last_good: Some(shown), why });
    rig.run(5_000, false);
    let silence = Duration::from_secs(5);
    let state = rig.model.freshness.state(at(rig.ms).mono);
    assert_eq!(state, LinkState::Stale { silence, showing: Some(shown), why });
    rig.run(25_000, false);
    assert_eq!(rig.word(), "DAEMON GONE");
}

#[test]
fn nothing_is_of_now_before_the_new_picture_is_whole() {
    let mut rig = Rig::live(&["a", "b"]);
    rig.unlink();
    rig.run(1_000, false);
    rig.link("mon-1");
    assert_eq!(rig.trust(), Trust::Reconnecting);
    rig.snapshot();
    rig.summaries(vec![columns("a")]);
    rig.tick();
    assert_eq!(rig.trust(), Trust::Reconnecting, "b is as old as it was");
    rig.feed(FeedEvent::Complete);
    assert_eq!(rig.trust(), Trust::Live);
}

#[test]
fn the_first_picture_is_waited_for_however_long_it_takes() {
    let mut rig = Rig::new();
    rig.link("mon-1");
    rig.snapshot();
    rig.summaries(vec![columns("a")]);
    rig.run(3_000, true);
    assert_eq!(rig.word(), "CONNECTING");
    rig.feed(FeedEvent::Complete);
    assert_eq!(rig.word(), "LIVE");
}

#[test]
fn a_picture_for_a_console_that_lagged_is_of_now_when_it_is_whole() {
    let mut rig = Rig::live(&["a", "b"]);
    rig.run(3_000, false);
    rig.snapshot();
    rig.tick();
    assert_eq!(rig.word(), "LAGGING");
    rig.feed(FeedEvent::Complete);
    assert_eq!(rig.word(), "LIVE");
}

#[test]
fn a_picture_in_between_is_no_reconnect() {
    let mut rig = Rig::live(&["a", "b"]);
    rig.run(500, true);
    rig.snapshot();
    assert_eq!(rig.trust(), Trust::Live);
    rig.summaries(vec![columns("a")]);
    assert_eq!(rig.order(), ["a", "b"], "the old picture stays until the new one is whole");
    rig.feed(FeedEvent::Complete);
    rig.run(100, true);
    assert_eq!(rig.order(), ["a"]);
}

#[test]
fn a_link_that_speaks_again_without_a_picture_is_live() {
    let mut rig = Rig::live(&["a"]);
    rig.unlink();
    rig.link("mon-1");
    rig.tick();
    assert_eq!(rig.trust(), Trust::Live);
}

#[test]
fn a_refusal_is_told_with_its_reason_and_ends_with_a_link() {
    let mut rig = Rig::new();
    rig.send(Msg::Dialling { attempt: 1 });
    assert_eq!(rig.word(), "CONNECTING");
    let why = "the certificate\x1b[2J ended".to_owned();
    rig.send(Msg::Unlinked { why, refused: Some(Refused::Certificate) });
    let state = rig.model.freshness.state(at(0).mono);
    let why = r"the certificate\x1b[2J ended";
    assert_eq!(state, LinkState::Refused { why, silence: Duration::ZERO, showing: None });
    rig.send(Msg::Unlinked { why: "2 and 1".to_owned(), refused: Some(Refused::Version) });
    assert_eq!(rig.word(), "VERSION");
    rig.link("mon-1");
    assert_eq!(rig.word(), "CONNECTING");
    assert!(!rig.model.freshness.is_read_only());
}

#[test]
fn time_alone_paints_each_second_and_when_trust_changes() {
    let mut rig = Rig::live(&["a"]);
    assert_eq!(rig.run(1_000, true), []);
    assert_eq!(rig.painted(), Dirty::Data);
    rig.run(999, false);
    assert_eq!(rig.painted(), Dirty::No, "the tick may still come");
    rig.run(251, false);
    assert_eq!(rig.painted(), Dirty::Data);
    rig.run(750, false);
    assert_eq!(rig.painted(), Dirty::Now, "it lags since now");
    for _ in 0..2 {
        rig.run(1_000, false);
        assert_eq!(rig.painted(), Dirty::Data, "its age counts");
    }
}

#[test]
fn nothing_is_twice_there_after_a_reconnect_and_the_view_stays() {
    let mut rig = Rig::live(&["a", "b", "c"]);
    rig.alert(alert(1, "a"));
    rig.alert(alert(2, "b"));
    rig.cursor("b");
    rig.model.list.filter = Some(("b or c".to_owned(), "b or c".parse().unwrap()));
    order::refresh(&mut rig.model, at(0));
    rig.unlink();
    rig.run(3_000, false);
    assert_eq!(rig.order(), ["b", "c"], "what was known stays on the screen");
    rig.link("mon-1");
    rig.picture(&["b", "c", "d"], &[alert(2, "b"), alert(3, "c")]);
    rig.tick();
    rig.run(100, true);
    assert_eq!(rig.model.fleet.len(), 3);
    assert_eq!(rig.order(), ["b", "c"]);
    assert_eq!(rig.model.list.selected(), Some("b"));
    assert_eq!(rig.alerts(), [3, 2, 1], "the one that ended meanwhile is dimmed at the end");
    assert!(rig.model.alerts.has_ended(AlertId(1)));
}

#[test]
fn another_daemon_starts_over() {
    let mut rig = Rig::live(&["a"]);
    rig.alert(alert(1, "a"));
    rig.link("mon-2");
    assert_eq!((rig.order().len(), rig.alerts().len()), (0, 0));
    assert_eq!(rig.trust(), Trust::Connecting);
    rig.alert(alert(1, "z"));
    assert_eq!(rig.model.alerts.len(), 1);
}

#[test]
fn old_values_are_never_worth_as_much_as_new_ones() {
    let mut rig = Rig::live(&["a"]);
    rig.detail(record("a"));
    let worth =
        |rig: &Rig, ms, is_live| rig.model.fleet.get("a").unwrap().worth(at(ms).mono, is_live);
    assert_eq!(worth(&rig, 0, true), Worth::Fresh);
    assert_eq!(worth(&rig, 0, false), Worth::Old, "the daemon is not heard");
    assert_eq!(worth(&rig, 5_000, true), Worth::Fresh);
    assert_eq!(worth(&rig, 5_200, true), Worth::Old, "older than three intervals");
    assert_eq!(worth(&rig, 599_200, true), Worth::Withdrawn);
    rig.detail(crate::testing::down("a"));
    assert_eq!(worth(&rig, 0, true), Worth::Old, "its agent is not heard");
}
