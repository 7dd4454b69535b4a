//! What becomes of a line: sent, refused, or nobody knows; what is said about it, and where it stands then.

use std::time::Duration;

use systole_common::wire::talk::MessageRecord;

use super::talk::{said, talking};
use super::*;
use crate::model::prompt::PromptKind;
use crate::model::screen::Size;
use crate::msg::NoAnswer;
use crate::testing::spoken;

impl Rig {
    /// The answer is lost: the request went out.
    fn lose(&mut self, request: RequestId) {
        let why = "mon-1: accepted the request and then said nothing for 10 s".to_owned();
        let no = NoAnswer { why, may_be_done: true, retry_after: None };
        self.send(Msg::Reply { request, answer: Err(no) });
    }

    fn answer(&mut self, request: RequestId, record: MessageRecord) {
        self.reply(request, Ok(Answer::Messages(vec![(record, vec![])])));
    }
}

#[test]
fn a_line_whose_answer_is_lost_is_in_doubt_until_the_feed_brings_it() {
    let mut rig = talking();
    rig.said(true, spoken(6, "ann", "#all", "reboot at noon"));
    let (request, _) = said(rig.keys("3ireboot at noon<Enter>"));
    rig.unlink();
    rig.lose(request);
    assert!(rig.notice().starts_with("it is not known whether it was sent"), "{}", rig.notice());
    assert_eq!(rig.model.talk.draft("#all"), "reboot at noon");
    assert!(rig.model.talk.is_doubtful("#all"));
    rig.link("mon-1");
    rig.snapshot();
    rig.said(false, spoken(6, "ann", "#all", "reboot at noon"));
    assert_eq!(rig.model.talk.draft("#all"), "reboot at noon", "an older one of the same words");
    rig.said(false, spoken(7, "ann", "#all", "reboot at noon"));
    rig.feed(crate::msg::FeedEvent::Complete);
    assert_eq!(rig.model.talk.draft("#all"), "", "Enter would send it twice");
    assert!(rig.notice().starts_with("it was sent after all: reboot at noon"), "{}", rig.notice());
    assert!(!rig.model.talk.is_doubtful("#all"));
}

#[test]
fn a_line_in_doubt_leaves_the_open_line_when_an_answer_brings_it() {
    let mut rig = talking();
    let (request, _) = said(rig.keys("3@web-1<Enter>ihello<Enter>"));
    rig.lose(request);
    rig.tick();
    rig.keys("i");
    assert!(rig.notice().contains("may have been sent already"), "{}", rig.notice());
    assert_eq!(rig.line(), "hello\n");
    rig.unlink();
    rig.link("mon-1");
    let cmds = rig.picture(&["db-1", "web-1", "web-2"], &[]);
    let cmds = [cmds, rig.tick()].concat();
    let asks = |cmd: &Cmd| match cmd {
        Cmd::Ask { request, question: Question::Messages { .. } } => Some(*request),
        _ => None,
    };
    let page = cmds.iter().find_map(asks).unwrap();
    rig.answer(page, spoken(7, "ann", "@web-1", "hello"));
    assert_eq!((rig.line(), rig.model.talk.draft("@web-1")), ("", ""));
    assert!(rig.notice().contains("its draft is gone"), "{}", rig.notice());
}

#[test]
fn a_refusal_says_that_nothing_was_sent_and_when_to_try_again() {
    let mut rig = talking();
    let (request, _) = said(rig.keys("3ihello<Enter>"));
    let why = "mon-1: too many messages: at most 5 a second in the long run (talk.rate)";
    let retry_after = Some(Duration::from_millis(200));
    let no = NoAnswer { why: why.to_owned(), may_be_done: false, retry_after };
    rig.send(Msg::Reply { request, answer: Err(no) });
    let begin = "NOT sent, kept as a draft of #all: try again in 1 s: mon-1: too many";
    assert!(rig.notice().starts_with(begin), "{}", rig.notice());
    assert!(!rig.model.talk.is_doubtful("#all"));
    rig.said(true, spoken(9, "ann", "#all", "hello"));
    assert_eq!(rig.model.talk.draft("#all"), "hello", "a refused line is not taken for another");
    rig.keys("i<Enter>");
    assert_eq!(rig.notice(), "", "what was said about the line before is over");
}

#[test]
fn lines_come_back_in_the_order_in_which_they_were_typed() {
    let mut rig = talking();
    rig.keys(":chat #ops<Enter>");
    let requests = ["AAA", "BBB", "CCC"].map(|line| said(rig.keys(&format!("i{line}<Enter>"))).0);
    for at in [2, 0, 1] {
        rig.lose(requests[at]);
    }
    assert_eq!(rig.model.talk.draft("#ops"), "AAA\nBBB\nCCC");
    rig.keys("iDDD");
    assert_eq!(rig.line(), "AAA\nBBB\nCCC\nDDD", "what is typed next is a line of its own");
}

#[test]
fn what_comes_back_into_the_open_line_is_set_apart_from_what_is_typed() {
    let mut rig = talking();
    let (first, _) = said(rig.keys("3iburst 23<Enter>"));
    let (second, _) = said(rig.keys("iburst 24<Enter>"));
    rig.keys("i");
    rig.reply(first, Err("too many"));
    rig.keys("burst 25");
    assert_eq!(rig.line(), "burst 23\nburst 25");
    rig.reply(second, Err("too many"));
    rig.keys("!");
    assert_eq!(rig.line(), "burst 23\nburst 24\nburst 25!");
    rig.keys("<Esc>:say #all another<Enter>");
    assert_eq!(rig.model.talk.draft("#all"), "burst 23\nburst 24\nburst 25!", "it is another");
}

#[test]
fn a_paste_keeps_its_lines_whatever_the_terminal_makes_of_their_ends() {
    let mut rig = talking();
    rig.keys("3i");
    rig.send(Msg::Paste { text: "one\rtwo\r\nthree\nfour\r".to_owned(), cut_bytes: 0 });
    assert_eq!(rig.line(), "one\ntwo\nthree\nfour");
}

/// Sends from the fleet view and gets this answer; what is said then.
fn told(rig: &mut Rig, to: &str, change: impl FnOnce(MessageRecord) -> MessageRecord) -> String {
    let mut cmds = rig.keys(&format!(":say {to} text<Enter>"));
    if cmds.is_empty() {
        cmds = rig.keys("<Enter>");
    }
    let (request, _) = said(cmds);
    let record = spoken(request.0 + 100, "ann", to, "text");
    rig.answer(request, change(record));
    rig.notice().to_owned()
}

#[test]
fn what_became_of_a_line_is_said_where_its_chat_is_not_on_the_screen() {
    let mut rig = talking();
    assert_eq!(told(&mut rig, "@web-1", |record| record), "sent to 1 host");
    let words = "db-1 is away (down), gets it when it is back";
    assert_eq!(told(&mut rig, "@db-1", |record| record), words);
    let full = |record| MessageRecord { failed: 1, ..record };
    assert_eq!(told(&mut rig, "@db-1", full), "@db-1 never gets it: too much waits for it");
    assert_eq!(told(&mut rig, "#ops", |record| record), "sent to the operators");
    let three = |record| MessageRecord { targets: 3, ..record };
    let words = "sent to 3 hosts; 1 away, to get it when back";
    assert_eq!(told(&mut rig, "#all", three), words);
    rig.keys("3@web-1<Enter>");
    let (request, _) = said(rig.keys("ihi<Enter>"));
    rig.answer(request, spoken(900, "ann", "@web-1", "hi"));
    assert_eq!(rig.notice(), "", "its chat shows it");
    rig.keys("1");
    rig.send(Msg::Resize(Size { width: 120, height: 40 }));
    assert_eq!(told(&mut rig, "@web-1", |record| record), "", "so does the pane");
}

#[test]
fn a_line_goes_to_the_place_of_the_message_under_the_cursor_of_the_pane() {
    let mut rig = talking();
    rig.send(Msg::Resize(Size { width: 120, height: 40 }));
    rig.said(true, spoken(1, "db-1/root", "@db-1", "help"));
    rig.said(true, spoken(2, "web-1/root", "@web-1", "x"));
    rig.keys("<Tab><Tab>i");
    assert_eq!(rig.model.prompt.as_ref().unwrap().kind, PromptKind::Say("#all".to_owned()));
    rig.keys("<Esc>Ki");
    assert_eq!(rig.model.prompt.as_ref().unwrap().kind, PromptKind::Say("@db-1".to_owned()));
}
