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
    assert_eq!(numbers(&talk, Stream::Of("@web-1")), [2], "not what all others were told");
    talk.mark(marks(3, 1, 0, &["web-1"]));
    assert_eq!(numbers(&talk, Stream::Of("@web-1")), [2, 3], "but what reached it");
    let all = ["db-1", "web-1"].map(str::to_owned).into_iter().collect();
    talk.is_for_everyone(1, all);
    assert_eq!(numbers(&talk, Stream::Of("@web-1")), [1, 2, 3], "and what waits for it");
    assert_eq!(numbers(&talk, Stream::Of("@new-1")), [0; 0], "which was enrolled later");
    talk.is_for_host(3, "web-2");
    assert_eq!(numbers(&talk, Stream::Of("@web-2")), [3], "as the daemon said");
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

#[test]
fn what_comes_while_it_is_read_has_no_rule_above_it() {
    let mut talk = Talk::default();
    talk.take(spoken(1, "web-1/root", "@web-1", "x"), false);
    talk.look(Some("@web-1"));
    talk.take(spoken(2, "web-1/root", "@web-1", "y"), true);
    let spot = talk.spot("@web-1").unwrap();
    assert_eq!((spot.unread(), spot.rule), (0, None), "it is seen as it comes");
    talk.cursor = Some(1);
    talk.take(spoken(3, "web-1/root", "@web-1", "z"), true);
    let spot = talk.spot("@web-1").unwrap();
    assert_eq!((spot.unread(), spot.rule), (1, Some(3)), "below the screen it is not");
}

#[test]
fn what_was_found_by_words_leaves_with_the_search() {
    let mut talk = Talk::default();
    for number in 90..=99 {
        talk.hear(number, false);
        talk.take(spoken(number, "ann", "#ops", &format!("history {number}")), false);
    }
    talk.end_picture();
    talk.search = Some("5".to_owned());
    let found =
        [55, 45, 5].map(|number| spoken(number, "ann", "#ops", &format!("history {number}")));
    talk.find("#ops", "5", found.to_vec(), true);
    assert_eq!(numbers(&talk, Stream::Of("#ops")), [5, 45, 55, 95]);
    assert_eq!(talk.len(), 10, "they are no history");
    talk.forget_found();
    talk.search = None;
    assert_eq!(numbers(&talk, Stream::Of("#ops")), (90..=99).collect::<Vec<u64>>());
    talk.find("#ops", "5", found.to_vec(), true);
    assert_eq!(talk.get(5), None, "an answer to what nobody looks for any more");
}

#[test]
fn who_a_message_waits_for_is_named_only_where_it_is_certain() {
    let mut talk = Talk::default();
    talk.take(MessageRecord { targets: 3, ..spoken(1, "ann", "#all", "x") }, false);
    talk.mark(marks(1, 1, 0, &["a"]));
    let waits = |talk: &Talk, all: &[&str]| {
        let waits = talk.get(1).unwrap().waits_for(all.iter().copied())?;
        Some(waits.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    assert_eq!(waits(&talk, &["a", "b", "c"]).unwrap(), ["b", "c"]);
    assert_eq!(waits(&talk, &["a", "b", "c", "new"]), None, "one came since");
    talk.is_for_these(1, ["a", "b", "c"].map(str::to_owned).to_vec());
    assert_eq!(waits(&talk, &["a", "b", "c", "new"]).unwrap(), ["b", "c"]);
}
