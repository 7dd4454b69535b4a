//! Alerts: what is new, what ended, where the cursor is, when the bell rings.

use systole_common::ids::AlertId;
use systole_common::model::alert::{Overlay, Severity};
use systole_common::wire::console::AlertRecord;

use crate::cmd::Cmd;
use crate::model::Dirty;
use crate::model::screen::View;
use crate::testing::{WALL, alert, resolved};
use crate::update::order;
use crate::update::rig::Rig;

fn warning(id: u64, host: &str) -> AlertRecord {
    AlertRecord { severity: Severity::Warning.into(), ..alert(id, host) }
}

fn rings(cmds: &[Cmd]) -> usize {
    cmds.iter().filter(|cmd| **cmd == Cmd::Bell).count()
}

#[test]
fn critical_ones_come_first_and_what_ended_stays_for_a_minute() {
    let mut rig = Rig::live(&["a"]);
    rig.alert(warning(1, "a"));
    rig.alert(alert(2, "a"));
    rig.alert(alert(3, "a"));
    rig.run(200, true);
    assert_eq!(rig.alerts(), [3, 2, 1]);
    rig.alert(resolved(alert(3, "a"), WALL));
    rig.run(200, true);
    assert_eq!(rig.alerts(), [2, 1, 3]);
    assert!(rig.model.alerts.has_ended(AlertId(3)));
    assert_eq!((rig.model.alerts.len(), rig.model.alerts.count(Severity::Critical)), (2, 1));
    rig.run(59_000, true);
    rig.painted();
    assert_eq!(rig.alerts(), [2, 1, 3]);
    rig.run(1_100, true);
    assert_eq!(rig.alerts(), [2, 1]);
    rig.alert(resolved(alert(9, "a"), WALL));
    rig.run(200, true);
    assert_eq!(rig.alerts(), [2, 1], "what nobody saw does not appear when it is over");
}

#[test]
fn new_alerts_leave_the_cursor_and_the_screen_where_they_are() {
    let old: Vec<AlertRecord> = (1..=40).map(|id| alert(id, "a")).collect();
    let mut rig = Rig::new();
    rig.link("mon-1");
    rig.picture(&["a"], &old);
    rig.tick();
    rig.show(View::Alerts);
    rig.run(200, true);
    rig.alert_cursor(5);
    rig.run(1_000, true);
    let (offset, first) = (rig.model.feed.offset, rig.alerts()[rig.model.feed.offset]);
    assert!(offset > 0);
    for id in 41..=43 {
        rig.alert(alert(id, "a"));
    }
    rig.run(200, true);
    let feed = &rig.model.feed;
    assert_eq!(feed.selected(), Some(AlertId(5)));
    assert_eq!((feed.offset, rig.alerts()[feed.offset]), (offset + 3, first));
    assert_eq!(feed.new_above, 3);
    rig.alert(resolved(alert(42, "a"), WALL));
    rig.run(200, true);
    assert_eq!(rig.model.feed.new_above, 2, "one of them is over");
    rig.model.feed.move_to(0);
    rig.run(1_000, true);
    assert_eq!((rig.model.feed.offset, rig.model.feed.new_above), (0, 0));
    rig.alert(alert(44, "a"));
    rig.run(200, true);
    assert_eq!(rig.model.feed.selected(), Some(AlertId(43)), "the cursor is on an alert");
}

#[test]
fn an_alert_that_vanishes_under_the_cursor_passes_it_on() {
    let mut rig = Rig::live(&["a"]);
    for id in 1..=3 {
        rig.alert(alert(id, "a"));
    }
    rig.run(200, true);
    rig.alert_cursor(2);
    rig.alert(resolved(alert(2, "a"), WALL));
    rig.run(200, true);
    assert_eq!(rig.alerts(), [3, 1, 2]);
    assert_eq!(rig.model.feed.selected(), Some(AlertId(2)), "no other one under the hand");
    rig.run(61_000, true);
    assert_eq!((rig.alerts(), rig.model.feed.selected()), (vec![3, 1], Some(AlertId(1))));
}

#[test]
fn a_filter_holds_for_alerts_as_well() {
    let mut rig = Rig::live(&["a"]);
    rig.alert(alert(1, "a"));
    rig.alert(warning(2, "b"));
    rig.model.feed.filter = Some(("host=b".to_owned(), "host=b".parse().unwrap()));
    order::refresh_alerts(&mut rig.model, crate::testing::at(0));
    assert_eq!(rig.alerts(), [2]);
    rig.alert(alert(3, "b"));
    rig.run(200, true);
    assert_eq!(rig.alerts(), [3, 2]);
    assert_eq!(rig.model.alerts.newest_unacked().map(|one| one.id), Some(AlertId(3)));
}

#[test]
fn the_bell_rings_for_new_critical_ones_and_not_often() {
    let mut rig = Rig::new();
    rig.link("mon-1");
    assert_eq!(rings(&rig.picture(&["a"], &[alert(1, "a")])), 0, "it was there before us");
    rig.tick();
    assert_eq!(rings(&rig.alert(alert(1, "a"))), 0);
    assert_eq!(rings(&rig.alert(warning(2, "a"))), 0);
    assert_eq!(rings(&rig.alert(alert(3, "a"))), 1);
    assert_eq!(rings(&rig.alert(alert(4, "a"))), 0, "it rang just now");
    rig.run(30_000, true);
    let acked = AlertRecord { overlays: vec![Overlay::Acked.into()], ..alert(5, "a") };
    assert_eq!(rings(&rig.alert(acked)), 0, "somebody has it");
    assert_eq!(rings(&rig.alert(alert(5, "a"))), 0, "who gives it back knows of it");
    assert_eq!(rings(&rig.alert(alert(2, "a"))), 1, "the warning became critical");
    rig.run(30_000, true);
    rig.unlink();
    rig.link("mon-1");
    assert_eq!(rings(&rig.picture(&["a"], &[alert(1, "a"), alert(6, "a")])), 1);
    rig.run(30_000, true);
    rig.model.manners.bell = false;
    assert_eq!(rings(&rig.alert(alert(7, "a"))), 0);
}

#[test]
fn an_alert_that_is_as_it_was_paints_nothing() {
    let mut rig = Rig::live(&["a"]);
    rig.alert(alert(1, "a"));
    rig.run(200, true);
    rig.painted();
    rig.alert(alert(1, "a"));
    assert_eq!(rig.painted(), Dirty::No);
}

#[test]
fn a_storm_of_alerts_is_put_in_order_ten_times_a_second() {
    let mut rig = Rig::live(&["a"]);
    let before = rig.model.feed.orderings;
    for id in 1..=5_000 {
        rig.alert(alert(id, "a"));
        if id % 5 == 0 {
            rig.run(1, true);
        }
    }
    rig.run(100, true);
    let count = rig.model.feed.orderings - before;
    assert!((10..=12).contains(&count), "{count} orderings in 1.1 s");
    for id in 1..=5_000 {
        rig.alert(resolved(alert(id, "a"), WALL));
    }
    rig.run(200, true);
    assert_eq!(rig.alerts().len(), crate::limits::ENDED_ALERTS_SHOWN);
}
