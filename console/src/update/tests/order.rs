//! The order of the hosts, and the cursor in it.

use systole_common::model::host::HostState;
use systole_common::wire::feed::{FeedFacts, HostFacts, HostSummary, HostValues};

use crate::model::host_list::SortBy;
use crate::model::screen::Size;
use crate::model::{Dirty, Model};
use crate::msg::{FeedEvent, Msg};
use crate::testing::at;
use crate::update::order;
use crate::update::rig::{Rig, columns, names};
use crate::view::layout::Layout;

impl Rig {
    fn sort(&mut self, sort: SortBy) {
        self.model.list.sort = sort;
        order::refresh(&mut self.model, at(self.ms));
    }

    fn filter(&mut self, text: &str) {
        self.model.list.filter = Some((text.to_owned(), text.parse().unwrap()));
        order::refresh(&mut self.model, at(self.ms));
    }
}

fn selected(model: &Model) -> Option<&str> {
    model.list.selected()
}

#[test]
fn a_host_that_goes_down_is_on_top_at_once() {
    let mut rig = Rig::live(&["a", "b", "c"]);
    rig.run(1_500, true);
    rig.painted();
    rig.state("b", HostState::Down);
    assert_eq!(rig.order(), ["b", "a", "c"]);
    assert_eq!(rig.painted(), Dirty::Now);
    assert_eq!(selected(&rig.model), Some("b"), "nobody moved the cursor: it is on the worst");
    assert_eq!(rig.model.list.offset, 0);
}

#[test]
fn the_cursor_follows_its_host() {
    let mut rig = Rig::live(&["a", "b", "c", "d"]);
    rig.cursor("c");
    rig.state("d", HostState::Down);
    rig.run(100, true);
    assert_eq!(rig.order(), ["d", "a", "b", "c"]);
    assert_eq!((selected(&rig.model), rig.model.list.cursor_row()), (Some("c"), Some(3)));
    rig.state("c", HostState::Down);
    rig.run(100, true);
    assert_eq!((selected(&rig.model), rig.model.list.cursor_row()), (Some("c"), Some(0)));
}

#[test]
fn the_screen_follows_the_cursor_and_no_further_than_needed() {
    let many = names(40);
    let mut rig = Rig::live(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let rows = Layout::of(&rig.model).main_rows();
    assert!((5..40).contains(&rows), "{rows}");
    rig.model.list.move_to(rows, at(0).mono);
    rig.run(10, true);
    rig.send(Msg::Deadline);
    assert_eq!(rig.model.list.offset, 1);
    rig.state("web-0039", HostState::Down);
    rig.run(200, true);
    assert_eq!((selected(&rig.model), rig.model.list.offset), (Some(many[rows].as_str()), 2));
    rig.send(Msg::Resize(Size { width: 80, height: 10 }));
    let rows = Layout::of(&rig.model).main_rows();
    let list = &rig.model.list;
    assert!(list.visible(rows).contains(&list.selected().unwrap().to_owned()));
    rig.send(Msg::Resize(Size { width: 80, height: 200 }));
    assert_eq!(rig.model.list.offset, 0, "no row is empty while there are hosts");
    rig.send(Msg::Resize(Size { width: 1, height: 1 }));
}

#[test]
fn when_a_host_vanishes_the_next_one_has_the_cursor() {
    let mut rig = Rig::live(&["a", "b", "c"]);
    rig.cursor("b");
    rig.retire("b");
    rig.run(200, true);
    assert_eq!(selected(&rig.model), Some("c"));
    rig.retire("c");
    rig.run(200, true);
    assert_eq!(selected(&rig.model), Some("a"), "there is none behind it");
    rig.retire("a");
    rig.run(200, true);
    assert_eq!((selected(&rig.model), rig.model.list.cursor.clone()), (None, None));
    rig.summaries(vec![columns("x")]);
    rig.run(200, true);
    assert_eq!(selected(&rig.model), Some("x"));
}

#[test]
fn when_it_vanishes_by_a_picture_and_the_order_changes_as_well() {
    let mut rig = Rig::live(&["a", "b", "c", "d"]);
    rig.cursor("b");
    rig.snapshot();
    let down = HostState::Down.into();
    let d = HostSummary { state: down, ..columns("d") };
    rig.summaries(vec![columns("a"), columns("c"), d]);
    rig.feed(FeedEvent::Complete);
    rig.run(200, true);
    assert_eq!(rig.order(), ["d", "a", "c"]);
    assert_eq!(selected(&rig.model), Some("c"), "who was below it, wherever that is now");
}

#[test]
fn the_cursor_waits_for_a_host_that_is_filtered_away() {
    let mut rig = Rig::live(&["a", "b", "c"]);
    rig.cursor("b");
    rig.filter("host!=b");
    assert_eq!((rig.order().len(), selected(&rig.model)), (2, Some("c")));
    rig.model.list.filter = None;
    order::refresh(&mut rig.model, at(0));
    assert_eq!(selected(&rig.model), Some("b"));
    rig.filter("host!=b");
    rig.retire("b");
    rig.run(200, true);
    assert_eq!(selected(&rig.model), Some("c"));
    rig.filter("host=nobody");
    assert_eq!(selected(&rig.model), None);
}

#[test]
fn measured_values_change_the_order_seldom_and_not_under_the_hand() {
    let mut rig = Rig::live(&["a", "b"]);
    rig.sort(SortBy::Cpu);
    rig.run(4_000, true);
    rig.cpu(&[("a", 10.0), ("b", 20.0)]);
    assert_eq!(rig.order(), ["a", "b"]);
    rig.run(1_000, true);
    assert_eq!(rig.order(), ["b", "a"], "5 s have passed");
    rig.cpu(&[("a", 30.0)]);
    rig.run(4_900, true);
    assert_eq!(rig.order(), ["b", "a"]);
    rig.cursor("a");
    rig.run(2_900, true);
    assert_eq!(rig.order(), ["b", "a"], "the cursor was moved");
    rig.run(1_000, true);
    assert_eq!((rig.order(), selected(&rig.model)), (vec!["a", "b"], Some("a")));
}

#[test]
fn with_a_measured_order_states_only_add_and_take_away() {
    let mut rig = Rig::live(&["a", "b", "c"]);
    rig.sort(SortBy::Cpu);
    rig.cpu(&[("c", 99.0)]);
    rig.state("b", HostState::Down);
    rig.summaries(vec![columns("z")]);
    rig.retire("a");
    rig.run(300, true);
    assert_eq!(rig.order(), ["b", "c", "z"]);
}

#[test]
fn every_order_puts_the_highest_first_and_the_unknown_last() {
    let mut rig = Rig::live(&["a", "b", "c"]);
    let mut none = columns("b");
    (none.cpu_percent, none.memory_percent, none.disk_percent) = (None, None, None);
    (none.load1, none.heartbeat_age_ms) = (None, None);
    let mut high = columns("c");
    (high.cpu_percent, high.memory_percent, high.disk_percent) =
        (Some(99.0), Some(99.0), Some(99.0));
    (high.load1, high.heartbeat_age_ms) = (Some(9.0), Some(900));
    rig.summaries(vec![none, high]);
    for (name, rx) in [("a", 1.0), ("c", 2.0)] {
        let (host, rx) = (name.to_owned(), Some(rx));
        let values =
            HostValues { host, rx_bytes_per_s: rx, metrics_age_ms: Some(0), ..Default::default() };
        rig.values(values);
    }
    for sort in SortBy::ALL {
        rig.model.list.is_reversed = false;
        rig.sort(sort);
        let expected = if sort.is_measured() { ["c", "a", "b"] } else { ["a", "b", "c"] };
        assert_eq!(rig.order(), expected, "{}", sort.title());
        rig.model.list.is_reversed = true;
        rig.sort(sort);
        let expected = if sort.is_measured() { ["a", "c", "b"] } else { ["c", "b", "a"] };
        assert_eq!(rig.order(), expected, "{} reversed", sort.title());
    }
}

#[test]
fn a_held_order_keeps_every_place() {
    let mut rig = Rig::live(&["b", "c", "d"]);
    rig.model.list.is_held = true;
    rig.state("d", HostState::Down);
    rig.summaries(vec![columns("a")]);
    rig.retire("c");
    rig.run(6_000, true);
    assert_eq!(rig.order(), ["b", "d", "a"]);
    rig.model.list.is_held = false;
    order::refresh(&mut rig.model, at(rig.ms));
    assert_eq!(rig.order(), ["d", "a", "b"]);
}

#[test]
fn a_filter_on_measured_values_is_looked_at_again() {
    let mut rig = Rig::live(&["a", "b"]);
    rig.filter("cpu>80");
    assert!(rig.order().is_empty());
    rig.cpu(&[("b", 90.0)]);
    rig.run(6_000, true);
    assert_eq!(rig.order(), ["b"]);
}

#[test]
fn filters_know_all_hosts_without_their_details() {
    let mut rig = Rig::live(&["a", "b"]);
    let labels = vec![("rack".to_owned(), "7".to_owned())];
    let facts = HostFacts {
        host: "b".to_owned(),
        certainty: None,
        agent_version: Some("0.1.0".to_owned()),
        os: Some("Debian 12".to_owned()),
        address: None,
        labels,
    };
    let mut late = facts.clone();
    "c".clone_into(&mut late.host);
    let hosts = vec![facts, late];
    rig.feed(FeedEvent::Facts(FeedFacts { hosts }));
    rig.summaries(vec![columns("c")]);
    rig.values(HostValues {
        host: "b".to_owned(),
        rx_bytes_per_s_max: Some(2e7),
        ..Default::default()
    });
    rig.filter("rack=7 version=0.1.0 os=debian*");
    assert_eq!(rig.order(), ["b", "c"], "facts may come before columns");
    rig.filter("rx>10MB");
    assert_eq!(rig.order(), ["b"]);
    assert!(rig.model.fleet.rows().all(|row| row.detail.is_none()));
}

#[test]
fn a_storm_over_5000_hosts_orders_ten_times_a_second() {
    let many = names(5_000);
    let mut rig = Rig::live(&many.iter().map(String::as_str).collect::<Vec<_>>());
    rig.run(1_000, true);
    rig.cursor("web-2500");
    let before = rig.model.list.orderings;
    for (n, name) in many.iter().enumerate() {
        rig.state(name, HostState::Late);
        if n % 5 == 4 {
            rig.run(1, true);
        }
    }
    rig.run(100, true);
    let count = rig.model.list.orderings - before;
    assert!((10..=12).contains(&count), "{count} orderings in 1.1 s");
    assert_eq!(selected(&rig.model), Some("web-2500"));
    let mut before = rig.model.list.orderings;
    for second in 0..10 {
        if second == 1 {
            before = rig.model.list.orderings;
        }
        rig.cpu(&many.iter().map(|name| (name.as_str(), 50.0)).collect::<Vec<_>>());
        rig.run(1_000, true);
    }
    assert_eq!(rig.model.list.orderings, before, "values are nothing to the worst-first order");
}
