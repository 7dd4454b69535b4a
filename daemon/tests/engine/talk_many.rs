//! Messages in numbers: windows, full boxes, old age, a fleet of thousands, a flood.

use std::time::Duration;

use systole_common::ids::{BootId, ConnectionId, InstanceId, Role};
use systole_common::wire::console::Subscribe;
use systole_common::wire::control::{Ranges, Receipt, SequenceKind};
use systole_daemon::engine::effect::{FeedFrame, Reply};
use systole_daemon::engine::input::{Input, Request};
use systole_daemon::engine::settings::{Settings, TalkSettings};

use crate::sim::{SECOND, Sim};

fn unbounded() -> TalkSettings {
    TalkSettings { rate_per_s: 1e6, burst: 1e6, ..TalkSettings::default() }
}

#[test]
fn at_most_sixteen_are_under_way_and_the_rest_follows_receipts() {
    let mut sim = Sim::talking_with(unbounded());
    for _ in 0..40 {
        sim.say("@web-1", "x");
    }
    assert_eq!(sim.sent_to("web-1"), (1..=16).collect::<Vec<u64>>());
    sim.confirm("web-1", &[(1, 1)]);
    assert_eq!(sim.sent_to("web-1"), [17]);
    sim.confirm("web-1", &[(3, 5), (7, 7)]);
    assert_eq!(sim.sent_to("web-1"), [18, 19, 20, 21]);
    sim.cut("web-1");
    sim.connect("web-1");
    sim.listen_from("web-1", 5);
    let sent = sim.sent_to("web-1");
    let again: Vec<u64> = [6].into_iter().chain(8..=22).collect();
    assert!(sent.ends_with(&[22]) && again.iter().all(|number| sent.contains(number)), "{sent:?}");
}

#[test]
fn a_thousand_wait_for_a_host_and_no_more() {
    let mut sim = Sim::talking_with(unbounded());
    sim.cut("web-1");
    for _ in 0..1_003 {
        sim.say("#all", "x");
    }
    assert_eq!(sim.engine.gauges().messages_waiting, 3_000);
    assert_eq!(sim.marks(1_000), "waits web-1 web-2 web-3 | has | never");
    assert_eq!(sim.marks(1_001), "waits | has | never web-1 web-2 web-3");
    sim.restart_daemon(SECOND, SECOND);
    assert_eq!(sim.engine.gauges().messages_waiting, 3_000, "all of them are still known");
    sim.listen_from("web-1", 0);
    let mut have = 0;
    while sim.engine.gauges().messages_waiting > 2_000 {
        let sent = sim.sent_to("web-1");
        assert_eq!(sent.first(), Some(&(have + 1)), "in order");
        have = *sent.last().unwrap();
        sim.confirm("web-1", &[(1, have)]);
    }
    assert_eq!(have, 1_000);
}

#[test]
fn messages_wait_for_a_week_also_across_restarts() {
    let mut sim = Sim::talking();
    sim.cut("web-1");
    sim.kill("web-1");
    sim.say("@web-1", "old");
    let day = Duration::from_hours(24);
    sim.restart_daemon(3 * day, SECOND);
    sim.open_console(Role::Operator);
    sim.say("@web-1", "younger");
    sim.restart_daemon(Duration::from_mins(4 * 24 * 60 - 10), SECOND);
    assert_eq!(sim.marks(1), "waits web-1 | has | never");
    for name in ["web-2", "web-3"] {
        sim.kill(name);
    }
    sim.advance(Duration::from_mins(10));
    assert_eq!(sim.marks(1), "waits | has | never web-1");
    assert_eq!(sim.marks(2), "waits web-1 | has | never");
    assert!(sim.log.iter().any(|line| line.event == "message is too old to wait"));
    let talk = TalkSettings { waiting_age: day, ..TalkSettings::default() };
    sim.reload(Settings { talk, ..Settings::default() });
    sim.give(Input::Tick);
    assert_eq!(sim.marks(2), "waits | has | never web-1", "new settings hold for what waits");
    assert_eq!(sim.engine.gauges().messages_waiting, 0);
}

#[test]
fn what_waits_for_a_host_that_nobody_knows_any_more_fails_at_the_start() {
    let mut sim = Sim::talking();
    sim.say("#all", "x");
    sim.disk.hosts.remove(&crate::sim::host("web-2"));
    sim.kill("web-2");
    sim.restart_daemon(SECOND, SECOND);
    assert_eq!(sim.marks(1), "waits web-1 web-3 | has | never web-2");
}

#[test]
fn all_of_five_thousand_hosts_are_reached_and_memory_is_given_back() {
    const HOSTS: u64 = 5_000;
    let mut sim = Sim::with(Settings { talk: unbounded(), ..Settings::default() });
    sim.open_console(Role::Operator);
    let connection = |host: u64| ConnectionId(10_000 + host);
    for host in 0..HOSTS {
        let name = format!("host-{host}");
        let hello = sim.hello(&name, connection(host), InstanceId(host), BootId([7; 16]));
        sim.give(Input::AgentHello(hello));
        let epoch = crate::talk::SPOOL;
        sim.give(Input::MessagesOpen { connection: connection(host), epoch });
    }
    sim.watch_feed();
    assert_eq!(sim.say("#all", "everybody out").targets, 5_000);
    assert_eq!(sim.deliveries.len(), 5_000);
    assert_eq!(sim.engine.gauges().messages_waiting, 5_000);
    sim.feed.clear();
    for (to, delivery) in std::mem::take(&mut sim.deliveries) {
        let receipt = Receipt {
            kind: SequenceKind::Messages.into(),
            epoch: delivery.epoch,
            ranges: Ranges(vec![(1, 1)]),
        };
        sim.give(Input::Delivered { connection: to, receipt });
    }
    assert!(sim.feed.is_empty(), "marks of a message for many are not told one by one");
    assert_eq!(sim.engine.gauges().messages_waiting, 0);
    sim.advance(SECOND);
    let marks = sim.feed.iter().filter_map(|frame| match frame {
        FeedFrame::Marks(marks) => Some(marks),
        _ => None,
    });
    let marks: Vec<_> = marks.collect();
    assert_eq!(marks.len(), 20, "as many as a page takes at once");
    assert_eq!(marks.iter().map(|marks| marks.delivered_to.len()).sum::<usize>(), 5_000);
    assert!(marks.iter().all(|marks| marks.delivered == 5_000 && marks.delivered_to.len() <= 256));
    assert_eq!(sim.disk.said.messages[&1].delivered.len(), 5_000);
    // Messages for many do not make a picture endless: old ones have counts alone.
    for _ in 0..10 {
        sim.say("#all", "again");
        for (to, delivery) in std::mem::take(&mut sim.deliveries) {
            let number = delivery.sequence;
            let receipt = Receipt {
                kind: SequenceKind::Messages.into(),
                epoch: delivery.epoch,
                ranges: Ranges(vec![(number, number)]),
            };
            sim.give(Input::Delivered { connection: to, receipt });
        }
    }
    sim.give(Input::FeedOverflowed { session: crate::sim::CONSOLE });
    sim.feed.clear();
    sim.give(Input::FeedOverflowed { session: crate::sim::CONSOLE });
    let mut named = 0;
    for frame in &sim.feed {
        if let FeedFrame::Marks(marks) = frame {
            assert_eq!(marks.delivered, 5_000, "counts are always whole");
            named += marks.delivered_to.len();
        }
    }
    assert_eq!(named, 6 * 5_000, "the newest by name");
}

#[test]
fn a_flood_of_marks_is_merged_to_one_a_second_for_each_message() {
    let mut sim = Sim::talking_with(unbounded());
    let all = Subscribe { all: false, hosts: Vec::new() };
    assert!(matches!(sim.ask(Request::Subscribe(all)), Reply::Done));
    for number in 1..=1_000 {
        sim.say("#all", "x");
        sim.feed.clear();
        for name in ["web-1", "web-2", "web-3"] {
            sim.confirm(name, &[(number, number)]);
        }
    }
    assert!(sim.feed.is_empty());
    sim.advance(SECOND);
    let marks = sim.feed.iter().filter_map(|frame| match frame {
        FeedFrame::Marks(marks) => Some((marks.number, marks.delivered, marks.delivered_to.len())),
        _ => None,
    });
    let marks: Vec<_> = marks.collect();
    assert!(marks.len() < 1_000 && marks.contains(&(1_000, 3, 3)), "{}", marks.len());
}

#[test]
fn texts_that_wait_are_bounded_all_together() {
    let talk = TalkSettings { waiting_max: 1_000_000, ..unbounded() };
    let mut sim = Sim::talking_with(talk);
    sim.cut("web-1");
    let text = "x".repeat(4_096);
    let mut said = 0_usize;
    let refused = loop {
        match sim.say_to("@web-1", &text, &[]) {
            Reply::Message(..) => said += 1,
            Reply::Refused(refused) => break refused,
            other => panic!("{other:?}"),
        }
    };
    assert!((10_000..16_384).contains(&said), "{said}");
    assert!(refused.text.contains("nothing was sent"), "{}", refused.text);
    assert_eq!(sim.say("#ops", "operators still talk").targets, 0);
}
