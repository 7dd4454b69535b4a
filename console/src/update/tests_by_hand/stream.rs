//! Which messages a chat shows: no gap looks like history, nothing is shown that was not for its host.

use systole_common::wire::talk::{MessageMarks, MessageRecord};

use super::talk::talking;
use super::*;
use crate::model::talk::Stream;
use crate::msg::FeedEvent;
use crate::testing::spoken;

type Messages = Vec<(MessageRecord, Vec<MessageMarks>)>;

/// A page of `to` with these numbers, the newest first.
fn page(to: &str, numbers: impl DoubleEndedIterator<Item = u64>) -> Messages {
    numbers.rev().map(|n| (spoken(n, "ann", to, &format!("history {n}")), vec![])).collect()
}

fn shown(rig: &Rig, place: &str) -> Vec<u64> {
    rig.model.talk.stream(Stream::Of(place)).map(|said| said.record.number).collect()
}

fn range(numbers: std::ops::RangeInclusive<u64>) -> Vec<u64> {
    numbers.collect()
}

#[test]
fn messages_of_another_place_are_not_taken_for_older_ones() {
    let mut rig = talking();
    let cmds = rig.keys("3");
    // All was said before the host said 400 lines.
    rig.reply(asked(&cmds).0, Ok(Answer::Messages(page("#all", 1..=9))));
    let cmds = rig.keys("@web-1<Enter>");
    let mut newest = page("@web-1", 310..=409);
    for (record, _) in &mut newest {
        record.from = "web-1/root".to_owned();
    }
    rig.reply(asked(&cmds).0, Ok(Answer::Messages(newest)));
    rig.model.talk.is_for_host(5, "web-1");
    assert_eq!(shown(&rig, "@web-1"), range(310..=409));
    let cmds = rig.keys("<Home>K");
    let (request, question) = asked(&cmds);
    assert!(matches!(question, Question::Messages { before: Some(310), .. }), "{question:?}");
    rig.reply(request, Ok(Answer::Messages(page("@web-1", 210..=309))));
    assert_eq!(shown(&rig, "@web-1"), range(210..=409));
    let cmds = rig.keys("<Home>K");
    let mut rest = page("@web-1", 110..=209);
    rest.truncate(50);
    rig.reply(asked(&cmds).0, Ok(Answer::Messages(rest)));
    assert_eq!(shown(&rig, "@web-1"), [vec![5], range(160..=409)].concat(), "now it is its turn");
    rig.keys("<Home>K");
    assert_eq!(rig.notice(), "this is the first message");
}

#[test]
fn what_a_search_found_is_no_history() {
    let mut rig = talking();
    let cmds = rig.keys("3");
    rig.reply(asked(&cmds).0, Ok(Answer::Messages(page("#all", 301..=400))));
    let cmds = rig.keys("/history 5<Enter>");
    let found: Messages = page("#all", (1..=399).filter(|n| n % 10 == 5)).into_iter().collect();
    rig.reply(asked(&cmds).0, Ok(Answer::Messages(found)));
    assert!(shown(&rig, "#all").contains(&5) && shown(&rig, "#all").contains(&295));
    rig.keys("<Esc>");
    assert_eq!(shown(&rig, "#all"), range(301..=400));
    let cmds = rig.keys("<Home>K");
    let question = asked(&cmds).1;
    assert!(matches!(question, Question::Messages { before: Some(301), .. }), "{question:?}");
}

#[test]
fn the_answer_to_a_search_that_is_over_is_not_taken_for_the_end() {
    let mut rig = talking();
    let cmds = rig.keys("3");
    rig.reply(asked(&cmds).0, Ok(Answer::Messages(page("#all", 301..=400))));
    let cmds = rig.keys("/nothing<Enter>");
    let request = asked(&cmds).0;
    rig.keys("<Esc>");
    rig.reply(request, Ok(Answer::Messages(vec![])));
    let cmds = rig.keys("<Home>K");
    assert!(matches!(asked(&cmds).1, Question::Messages { before: Some(301), .. }));
}

#[test]
fn what_was_missed_without_a_link_is_asked_for_before_what_is_older() {
    let mut rig = talking();
    let cmds = rig.keys("3");
    rig.reply(asked(&cmds).0, Ok(Answer::Messages(page("#all", 1..=50))));
    rig.said(true, spoken(51, "bo", "#all", "x"));
    rig.unlink();
    rig.link("mon-1");
    rig.snapshot();
    for number in 900..=910 {
        rig.said(false, spoken(number, "bo", "#all", "x"));
    }
    let cmds = rig.feed(FeedEvent::Complete);
    let cmds = [cmds, rig.tick()].concat();
    assert_eq!(shown(&rig, "#all"), range(900..=910));
    let asks = |cmd: &Cmd| match cmd {
        Cmd::Ask { request, question: Question::Messages { .. } } => Some(*request),
        _ => None,
    };
    let request = cmds.iter().find_map(asks).unwrap();
    rig.reply(request, Ok(Answer::Messages(page("#all", 811..=910))));
    assert_eq!(shown(&rig, "#all"), range(811..=910));
    let cmds = rig.keys("<Home>K");
    assert!(matches!(asked(&cmds).1, Question::Messages { before: Some(811), .. }));
}

#[test]
fn an_unread_place_comes_before_the_choice_of_another() {
    let mut rig = talking();
    rig.said(true, spoken(1, "web-1/root", "@web-1", "x"));
    rig.keys("3");
    assert_eq!(rig.model.talk.place, "@web-1", "for the first time there");
    rig.said(true, spoken(2, "db-1/root", "@db-1", "y"));
    rig.keys("13");
    assert_eq!(rig.model.talk.place, "@web-1", "then where one was");
    rig.keys("@");
    assert_eq!((rig.model.talk.place.as_str(), rig.line()), ("@db-1", ""));
    assert!(rig.model.prompt.is_none());
    rig.keys("@");
    assert_eq!(rig.line(), "@", "nothing is unread: whom to talk to");
}

#[test]
fn tab_goes_as_far_as_all_names_agree_and_says_how_many_there_are() {
    let names: Vec<String> =
        (1..=9).map(|n| format!("db-{n:02}")).chain((1..=6).map(|n| format!("web-{n}"))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut rig = Rig::live(&names);
    rig.keys("3@<Tab>");
    assert_eq!(rig.line(), "@");
    let shown = rig.model.prompt.as_ref().unwrap().completions.clone();
    assert_eq!((shown.len(), shown[0].as_str(), shown[8].as_str()), (9, "@db-01", "and 7 more"));
    rig.keys("d<Tab>");
    assert_eq!(rig.line(), "@db-0");
}

#[test]
fn a_message_in_full_is_gone_through_from_both_ends() {
    let mut rig = talking();
    let text = (0..40).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
    rig.said(true, spoken(7, "web-1/root", "@web-1", &text));
    rig.keys("@<Enter>");
    let offset = |rig: &Rig| match rig.model.screen.popup {
        Some(crate::model::screen::Popup::Message { offset, .. }) => offset,
        _ => panic!("no message is open"),
    };
    rig.keys("<End>");
    let end = offset(&rig);
    assert!(end > 20, "{end}");
    rig.keys("g");
    assert_eq!(offset(&rig), 0);
    rig.keys("G");
    assert_eq!(offset(&rig), end);
}
