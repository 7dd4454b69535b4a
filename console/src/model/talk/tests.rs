//! Messages: kept once, bounded, unread until they are looked at, ticks that are true.

use systole_common::wire::talk::FeedMarks;

use super::*;
use crate::testing::spoken;

fn numbers(talk: &Talk, stream: Stream<'_>) -> Vec<u64> {
    talk.stream(stream).map(|said| said.record.number).collect()
}

fn marks(number: u64, delivered: u32, failed: u32, delivered_to: &[&str]) -> FeedMarks {
    let delivered_to = delivered_to.iter().map(|host| (*host).to_owned()).collect();
    FeedMarks { number, delivered, failed, delivered_to, failed_to: Vec::new() }
}

#[test]
fn a_message_is_there_once_and_in_its_places() {
    let mut talk = Talk::default();
    assert!(talk.take(spoken(1, "ann", "#all", "hello"), false));
    assert!(talk.take(spoken(2, "ann", "@web-1", "are you well?"), false));
    assert!(talk.take(spoken(3, "ann", "{rack=7}", "reboot at noon"), false));
    assert!(!talk.take(spoken(2, "ann", "@web-1", "are you well?"), true), "known");
    assert_eq!(numbers(&talk, Stream::All), [1, 2, 3]);
    assert_eq!(numbers(&talk, Stream::Of("@web-1")), [1, 2], "what reached all reached it");
    talk.mark(marks(3, 1, 0, &["web-1"]));
    assert_eq!(numbers(&talk, Stream::Of("@web-1")), [1, 2, 3], "and what a filter found");
    assert_eq!(numbers(&talk, Stream::Of("{rack=7}")), [3]);
    assert_eq!(talk.unread(), 0, "a picture told it again");
    talk.search = Some("REBOOT noon".to_owned());
    assert_eq!(numbers(&talk, Stream::All), [3]);
}

#[test]
fn ticks_say_how_far_it_came() {
    let tick = |from: &str, targets, delivered, failed| {
        let mut talk = Talk::default();
        talk.take(MessageRecord { targets, ..spoken(1, from, "#all", "x") }, false);
        talk.mark(marks(1, delivered, failed, &[]));
        talk.get(1).unwrap().tick()
    };
    assert_eq!(tick("ann", 0, 0, 0), Some(Tick::Daemon));
    assert_eq!(tick("ann", 3, 0, 0), Some(Tick::Daemon));
    assert_eq!(tick("ann", 3, 2, 0), Some(Tick::Partly(2, 3)));
    assert_eq!(tick("ann", 3, 3, 0), Some(Tick::Delivered));
    assert_eq!(tick("ann", 31, 29, 2), Some(Tick::Failed(2, 31)));
    assert_eq!(tick("web-1/root", 0, 0, 0), None, "a host's own");
}

#[test]
fn what_is_looked_at_is_read_and_the_rule_stays_until_it_is_left() {
    let mut talk = Talk::default();
    for number in 1..=3 {
        talk.take(spoken(number, "web-1/root", "@web-1", "x"), number > 1);
    }
    talk.take(spoken(4, "db-1/root", "@db-1", "y"), true);
    assert_eq!(talk.hotlist(), [("@db-1", 1), ("@web-1", 2)], "who spoke last comes first");
    talk.look(Some("@web-1"));
    let spot = talk.spot("@web-1").unwrap();
    assert_eq!((spot.unread(), spot.rule), (0, Some(2)));
    talk.take(spoken(5, "web-1/root", "@web-1", "seen as it came"), true);
    talk.look(Some("@web-1"));
    assert_eq!(talk.spot("@web-1").unwrap().unread(), 0);
    talk.look(None);
    assert_eq!(talk.spot("@web-1").unwrap().rule, None);
    assert_eq!(talk.hotlist(), [("@db-1", 1)], "a peek elsewhere reads nothing");
    talk.look(Some("@web-1"));
    talk.set_unread(3);
    talk.look(Some("@web-1"));
    assert_eq!(talk.spot("@web-1").unwrap().unread(), 2, "set unread while it is looked at");
    talk.look(None);
    talk.look(Some("@web-1"));
    assert_eq!(talk.spot("@web-1").unwrap().unread(), 0);
}

#[test]
fn nothing_grows_without_end() {
    let mut talk = Talk::default();
    for number in 0..MESSAGES_OF_PLACE_MAX as u64 + 10 {
        talk.take(spoken(number, "web-1/root", "@web-1", "x"), true);
    }
    talk.take(spoken(900_000, "db-1/root", "@db-1", "y"), true);
    assert_eq!(talk.len(), MESSAGES_OF_PLACE_MAX + 1);
    assert_eq!(talk.spot("@web-1").unwrap().unread(), MESSAGES_OF_PLACE_MAX);
    for place in 0..2 * PLACES_MAX {
        talk.keep_draft(&format!("@host-{place}"), "");
    }
    for number in 0..MESSAGES_MAX as u64 + 10 {
        let place = format!("@host-{}", number % 100);
        talk.take(spoken(1_000_000 + number, "ann", &place, "x"), false);
    }
    assert_eq!(talk.len(), MESSAGES_MAX);
    assert!(talk.places().len() <= PLACES_MAX + 3);
}

#[test]
fn another_daemon_starts_over_but_drafts_stay() {
    let mut talk = Talk::default();
    talk.take(spoken(1, "web-1/root", "@web-1", "x"), true);
    talk.keep_draft("@web-1", "half a line");
    talk.start_over();
    assert_eq!((talk.len(), talk.unread(), talk.draft("@web-1")), (0, 0, "half a line"));
}
