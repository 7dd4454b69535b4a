//! Writing and reading: who is meant, what is sent, what comes of it, what is unread.

use systole_common::wire::feed::{FeedOperators, OperatorPresence};
use systole_common::wire::talk::FeedMarks;

use super::*;
use crate::model::screen::{Popup, View};
use crate::model::talk::Stream;
use crate::msg::FeedEvent;
use crate::testing::{WALL, spoken};
use crate::update::rig::names;

/// The rig, whose operator is `ann`.
pub(super) fn talking() -> Rig {
    let mut rig = rig();
    let ann = OperatorPresence {
        session: 1,
        operator: "ann".to_owned(),
        role: "operator".to_owned(),
        since: WALL,
        looking_at: String::new(),
    };
    rig.feed(FeedEvent::Operators(FeedOperators { operators: vec![ann], own: 1 }));
    rig.painted();
    rig
}

fn say(to: &str, text: &str) -> Question {
    Question::Say { to: to.to_owned(), text: text.to_owned(), hosts: Vec::new() }
}

/// What was asked, without the messages of the chat that was opened.
pub(super) fn said(mut cmds: Vec<Cmd>) -> (RequestId, Question) {
    cmds.retain(|cmd| {
        !matches!(
            cmd,
            Cmd::Ask { question: Question::Messages { .. } | Question::Files { .. }, .. }
        )
    });
    let (request, question) = asked(&cmds);
    (request, question.clone())
}

#[test]
fn a_line_goes_to_the_target_in_the_prompt_and_is_ticked() {
    let mut rig = talking();
    rig.keys("3@web-1<Enter>");
    assert_eq!((rig.model.screen.view, rig.model.talk.place.as_str()), (View::Chat, "@web-1"));
    let (request, question) = said(rig.keys("ihello<A-x><Enter>"));
    assert_eq!(question, say("@web-1", "hello"));
    assert_eq!(rig.model.talk.sending.len(), 1, "it is shown before it is confirmed");
    assert!(rig.model.prompt.is_none());
    // The feed may be faster than the answer.
    rig.said(true, spoken(7, "ann", "@web-1", "hello"));
    assert_eq!(rig.model.talk.sending[0].is_here, Some(7));
    rig.reply(request, Ok(Answer::Messages(vec![(spoken(7, "ann", "@web-1", "hello"), vec![])])));
    assert!(rig.model.talk.sending.is_empty());
    assert_eq!(rig.model.talk.stream(Stream::All).count(), 1);
    rig.feed(FeedEvent::Marks(FeedMarks {
        number: 7,
        delivered: 1,
        failed: 0,
        delivered_to: vec!["web-1".to_owned()],
        failed_to: Vec::new(),
    }));
    rig.keys("<Enter>");
    assert_eq!(rig.model.screen.popup, Some(Popup::Message { number: 7, offset: 0 }));
    assert_eq!(rig.model.talk.unread(), 0, "one's own is read");
}

#[test]
fn a_host_is_written_to_from_where_it_is_seen() {
    let mut rig = talking();
    rig.cursor("web-2");
    assert_eq!(said(rig.keys("chow are you?<Enter>")).1, say("@web-2", "how are you?"));
    rig.keys(":host web-1<Enter>");
    assert_eq!(said(rig.keys("iand you?<Enter>")).1, say("@web-1", "and you?"));
    assert_eq!(said(rig.keys(":say #ops we are fine<Enter>")).1, say("#ops", "we are fine"));
    rig.keys(":say web-1 x<Enter>");
    assert!(rig.error().contains("no place to write to"), "{}", rig.error());
    rig.keys("<C-u>say @web-9 x<Enter>");
    assert!(
        rig.error().contains("no host is named `web-9`; did you mean `web-1`"),
        "{}",
        rig.error()
    );
}

#[test]
fn alt_enter_is_a_new_line_and_a_paste_keeps_its_lines() {
    let mut rig = talking();
    rig.keys("3i");
    rig.keys("one");
    rig.send(Msg::Key(crate::keys::KeyPress {
        code: crate::keys::KeyCode::Enter,
        ctrl: false,
        alt: true,
    }));
    rig.send(Msg::Paste { text: "two\r\nthr\u{1b}ee\n".to_owned(), cut_bytes: 0 });
    assert_eq!(rig.line(), "one\ntwo\nthr\\x1bee");
    let (_, question) = said(rig.keys("<Enter>"));
    assert_eq!(question, say("#all", "one\ntwo\nthr\\x1bee"));
}

#[test]
fn drafts_stay_with_their_target() {
    let mut rig = talking();
    rig.keys("3@web-1<Enter>ihalf<Esc>@db-1<Enter>iother<Esc>@web-1<Enter>i");
    assert_eq!(rig.line(), "half");
    rig.keys("<Esc>@db-1<Enter>i");
    assert_eq!(rig.line(), "other");
    rig.keys("<C-u><Enter>i");
    assert_eq!(rig.line(), "", "an empty one is none");
}

#[test]
fn a_line_that_is_not_sent_is_kept_and_the_reason_is_said() {
    let mut rig = talking();
    rig.keys("3@web-1<Enter>");
    rig.unlink();
    assert_eq!(rig.keys("ihello<Enter>"), []);
    assert!(rig.error().contains("not sent: the daemon is not heard"), "{}", rig.error());
    assert_eq!(rig.line(), "hello", "it stays in the line");
    rig.keys("<Esc>");
    assert_eq!(rig.model.talk.draft("@web-1"), "hello");
    rig.link("mon-1");
    rig.picture(&["db-1", "web-1", "web-2"], &[]);
    rig.tick();
    let (request, _) = said(rig.keys("i<Enter>"));
    assert_eq!(rig.model.talk.draft("@web-1"), "");
    rig.keys("imeanwhile<Esc>");
    rig.reply(request, Err("talk.rate: 5 messages a second; again in 2 s"));
    assert_eq!(rig.model.talk.draft("@web-1"), "hello\nmeanwhile");
    assert!(rig.notice().contains("talk.rate"), "{}", rig.notice());
    let mut viewer = rig_as("viewer");
    viewer.keys("3ihello<Enter>");
    assert!(viewer.error().contains("it needs the role operator"), "{}", viewer.error());
}

#[test]
fn many_hosts_are_asked_about_once_more() {
    let names = names(7);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut rig = Rig::live(&names);
    assert_eq!(rig.keys(":say #all reboot<Enter>"), []);
    assert!(rig.error().contains("Enter again sends it to 7 hosts"), "{}", rig.error());
    assert_eq!(said(rig.keys("<Enter>")).1, say("#all", "reboot"));
    assert_eq!(rig.keys("3@<C-u>{host=web-0001}<Enter>ihi<Enter>").len(), 3, "few need one Enter");
    rig.keys(":say {web} hi<Enter>");
    assert!(rig.error().contains("to 7 hosts"), "{}", rig.error());
    rig.retire("web-0006");
    rig.keys("<Enter>");
    assert!(rig.error().contains("to 6 hosts"), "others than those that were counted");
    let (_, question) = said(rig.keys("<Enter>"));
    let Question::Say { hosts, to, .. } = question else { panic!("{question:?}") };
    assert_eq!((hosts.len(), to.as_str()), (6, "{web}"), "the count shown is the count sent");
    rig.keys(":say {rack=99} x<Enter>");
    assert!(rig.error().contains("not sent: no host matches"), "{}", rig.error());
}

#[test]
fn an_answer_is_unread_until_it_is_looked_at() {
    let mut rig = talking();
    rig.said(true, spoken(1, "web-1/root", "@web-1", "the fan is loud"));
    assert_eq!(rig.model.talk.unread(), 1);
    let mut trail = spoken(2, "bo", "@web-1", "accepted core.dump");
    trail.thread = Some("file 3".to_owned());
    rig.said(true, trail);
    assert_eq!(rig.model.talk.unread(), 1, "what only tells of a decision waits for nobody");
    rig.keys("@");
    assert_eq!((rig.model.screen.view, rig.model.talk.place.as_str()), (View::Chat, "@web-1"));
    assert_eq!(rig.model.talk.unread(), 0);
    assert_eq!(rig.model.talk.spot("@web-1").unwrap().rule, Some(1));
    rig.keys("KU");
    assert_eq!(rig.model.talk.unread(), 2);
    rig.keys("1@");
    assert_eq!(rig.model.talk.unread(), 0);
}

#[test]
fn a_picture_after_a_break_makes_unread_only_what_is_new() {
    let mut rig = Rig::new();
    rig.link("mon-1");
    rig.snapshot();
    rig.said(false, spoken(1, "web-1/root", "@web-1", "old"));
    rig.feed(FeedEvent::Complete);
    assert_eq!(rig.model.talk.unread(), 0, "it was there before the console");
    rig.unlink();
    rig.link("mon-1");
    rig.snapshot();
    for number in 1..=2 {
        rig.said(false, spoken(number, "web-1/root", "@web-1", "x"));
    }
    rig.feed(FeedEvent::Complete);
    assert_eq!((rig.model.talk.len(), rig.model.talk.unread()), (2, 1));
}

#[test]
fn older_messages_are_asked_for_from_the_first_on() {
    let mut rig = talking();
    let cmds = rig.keys("3");
    let (request, question) = asked(&cmds);
    let first =
        Question::Messages { place: Some("#all".to_owned()), before: None, words: String::new() };
    assert_eq!(question, &first, "a chat that is opened is asked for once");
    let page = (101..=200).rev().map(|n| (spoken(n, "ann", "#all", "x"), vec![])).collect();
    rig.reply(request, Ok(Answer::Messages(page)));
    let cmds = rig.keys("gK");
    let (request, question) = asked(&cmds);
    let before = Question::Messages {
        place: Some("#all".to_owned()),
        before: Some(101),
        words: String::new(),
    };
    assert_eq!(question, &before);
    rig.reply(request, Ok(Answer::Messages(vec![(spoken(100, "ann", "#all", "x"), vec![])])));
    assert_eq!(rig.model.talk.cursor, Some(100), "it goes on to the older one");
    assert_eq!(rig.keys("K"), []);
    assert_eq!(rig.notice(), "this is the first message");
    rig.keys("G");
    assert_eq!(rig.model.talk.cursor, None);
    rig.unlink();
    rig.model.talk.whole.clear();
    assert_eq!(rig.keys("gK"), []);
    assert!(rig.notice().contains("not heard"), "{}", rig.notice());
}

#[test]
fn words_are_looked_for_here_and_with_the_daemon() {
    let mut rig = talking();
    rig.keys("3");
    for (number, text) in [(1, "the fan is loud"), (2, "all quiet")] {
        rig.said(true, spoken(number, "ann", "#all", text));
    }
    rig.keys("/FAN");
    let left = |rig: &Rig| rig.model.talk.stream(Stream::Of("#all")).count();
    assert_eq!(left(&rig), 1, "before Enter");
    let cmds = rig.keys("<Enter>");
    assert!(matches!(asked(&cmds).1, Question::Messages { words, .. } if words == "FAN"));
    rig.keys("<Esc>");
    assert_eq!((left(&rig), rig.model.screen.view), (2, View::Chat));
    rig.keys("/quiet<Esc>");
    assert_eq!(left(&rig), 2, "Esc brings back what was before");
}

#[test]
fn tab_completes_targets_and_hosts_that_are_named() {
    let mut rig = talking();
    rig.keys("3@d<Tab>");
    assert_eq!(rig.line(), "@db-1");
    rig.keys("<C-u>#o<Tab><Enter>");
    assert_eq!(rig.model.talk.place, "#ops");
    rig.keys("iask @d<Tab>why");
    assert_eq!(rig.line(), "ask @db-1 why");
    rig.keys("<Esc>@<C-u>nobody<Enter>");
    assert!(rig.error().contains("is no place to write to"), "{}", rig.error());
    rig.keys("<Esc>");
    rig.said(true, spoken(1, "web-1/root", "@web-1", "x"));
    rig.keys("<Tab>");
    assert_eq!(rig.model.talk.place, "@web-1");
    rig.keys("<S-Tab><S-Tab>");
    assert_eq!(rig.model.talk.place, "#all");
}
