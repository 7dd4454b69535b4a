//! The open line: editing, recalling, filters as they are typed, pastes.

use super::*;
use crate::limits::{LINE_BYTES_MAX, LINES_RECALLED_MAX};

fn paste(rig: &mut Rig, text: &str, cut_bytes: usize) -> Vec<Cmd> {
    let mut cmds = rig.send(Msg::Paste { text: text.to_owned(), cut_bytes });
    cmds.retain(|cmd| !matches!(cmd, Cmd::Interest(_) | Cmd::LookingAt(_)));
    cmds
}

#[test]
fn a_filter_holds_as_it_is_typed() {
    let mut rig = rig();
    rig.keys("/web-");
    assert_eq!(rig.order(), ["web-1", "web-2"], "before Enter");
    rig.keys(" !(");
    assert_eq!(rig.order(), ["web-1", "web-2"], "the last valid one stays on");
    assert!(rig.error().starts_with("filter, column"), "{}", rig.error());
    assert_eq!(rig.keys("<Enter>"), []);
    assert!(rig.model.prompt.is_some(), "a wrong one is not left");
    rig.keys("web-1)<Enter>");
    assert!(rig.model.prompt.is_none());
    assert_eq!(rig.order(), ["web-2"]);
    assert_eq!(rig.model.list.filter.as_ref().unwrap().0, "web- !(web-1)");
    rig.keys("<Esc>");
    assert_eq!((rig.order().len(), rig.model.list.filter.is_none()), (3, true));
}

#[test]
fn esc_brings_the_filter_before_back() {
    let mut rig = rig();
    rig.keys("/web<Enter>/");
    assert_eq!(rig.line(), "web ", "it is there to be narrowed");
    rig.keys("<C-u>db");
    assert_eq!(rig.order(), ["db-1"]);
    rig.keys("<Esc>");
    assert_eq!((rig.order().len(), rig.model.list.filter.as_ref().unwrap().0.as_str()), (2, "web"));
    rig.keys("/<C-u><Enter>");
    assert!(rig.model.list.filter.is_none(), "an empty one is none");
}

#[test]
fn the_wrong_part_of_a_filter_is_marked_in_characters() {
    let mut rig = rig();
    rig.keys("/ä cpu>viel");
    let error = rig.model.prompt.as_ref().unwrap().error.clone().unwrap();
    assert_eq!((error.from, error.to), (6, 10), "{}", error.text);
    rig.keys("<Esc><Tab>/ä cpu>8");
    let error = rig.model.prompt.as_ref().unwrap().error.clone().unwrap();
    assert_eq!((error.from, error.to), (2, 5), "{}", error.text);
    assert!(rig.model.feed.filter.as_ref().is_some_and(|(text, _)| text == "ä"));
}

#[test]
fn lines_are_edited_as_in_a_shell() {
    let mut rig = rig();
    for (typed, line, cursor) in [
        (":abc<Left><Left>x", "axbc", 2),
        (":abc<C-a>x<C-e>y", "xabcy", 5),
        (":one two<C-w>", "one ", 4),
        (":one two<Left><C-u>", "o", 0),
        (":one two<Home><Right><C-k>", "o", 1),
        (":abc<BS><Left><Del>", "a", 1),
        (":größe<Left><Left><BS>", "grße", 2),
        (":日本語<BS>x", "日本x", 3),
        (":e\u{301}a<Left><Left><Del>", "a", 0),
        (":a<C-x><A-b><F1><PgUp>b", "ab", 2),
        (":a\u{202e}\u{7}b", "ab", 2),
    ] {
        rig.keys(typed);
        let prompt = rig.model.prompt.as_ref().unwrap();
        assert_eq!((prompt.input.value(), prompt.input.cursor()), (line, cursor), "{typed}");
        rig.keys("<Esc>");
    }
}

#[test]
fn older_lines_are_recalled_by_kind_and_the_draft_comes_back() {
    let mut rig = rig();
    rig.keys(":sort name<Enter>:sort cpu<Enter>/web<Enter>");
    rig.keys(":dra<Up>");
    assert_eq!(rig.line(), "sort cpu");
    rig.keys("<Up><Up><Up>");
    assert_eq!(rig.line(), "sort name");
    rig.keys("<Down>");
    assert_eq!(rig.line(), "sort cpu");
    rig.keys("<Down>");
    assert_eq!(rig.line(), "dra");
    rig.keys("<Down><Esc>/<C-u>db<Up>");
    assert_eq!(rig.line(), "web");
    assert_eq!(rig.order(), ["web-1", "web-2"], "a recalled filter holds like a typed one");
    rig.keys("<Esc>");
    for count in 0..LINES_RECALLED_MAX + 5 {
        rig.keys(&format!(":filter w{count}<Enter>"));
    }
    let typed = rig.model.screen.typed.clone();
    let kind = crate::model::prompt::PromptKind::Command;
    assert_eq!(typed.lines(&kind).len(), LINES_RECALLED_MAX);
}

#[test]
fn a_paste_goes_into_the_line_and_runs_nothing() {
    let mut rig = rig();
    rig.keys(":ac<Left>");
    let text = "x\u{1b}[31mq\r\nq\n:q\n";
    assert_eq!(paste(&mut rig, text, 0), []);
    let line = rig.line().to_owned();
    assert!(line.starts_with("ax\\x1b[31mq"), "{line}");
    assert!(line.ends_with(":qc") && !line.contains('\n') && !line.contains('\u{1b}'), "{line}");
}

#[test]
fn a_paste_without_a_line_runs_nothing_and_is_said() {
    for place in ["", "w", "?"] {
        let mut rig = rig();
        rig.keys(place);
        let before = format!("{:?}", rig.model.screen);
        assert_eq!(paste(&mut rig, "qq:q\naaa1<Esc>", 0), []);
        assert_eq!(format!("{:?}", rig.model.screen), before);
        assert!(rig.model.requests.pending.is_empty());
        assert!(rig.notice().contains("a paste goes into an open line only"));
    }
}

#[test]
fn a_long_paste_is_cut_between_characters_and_that_is_said() {
    let mut rig = rig();
    rig.keys(":xyz");
    paste(&mut rig, &"語".repeat(2_000), 1_000_000);
    assert!(rig.line().len() <= LINE_BYTES_MAX && rig.line().len() > LINE_BYTES_MAX - 3);
    let left_out = 1_000_000 + 6_000 - (rig.line().len() - 3);
    assert_eq!(
        rig.notice(),
        format!("{left_out} bytes of the paste were left out: it is too long")
    );
    let before = rig.line().to_owned();
    rig.keys("語");
    assert_eq!(rig.line(), before);
    assert!(rig.notice().contains("at most 4096 bytes"), "{}", rig.notice());
}

#[test]
fn a_pasted_filter_holds_at_once_but_a_pasted_command_waits_for_enter() {
    let mut rig = rig();
    rig.keys("/");
    paste(&mut rig, "db", 0);
    assert_eq!(rig.order(), ["db-1"]);
    rig.keys("<Esc>:");
    assert_eq!(paste(&mut rig, "q", 0), []);
    assert_eq!(rig.keys("<Enter>"), [Cmd::Leave]);
}

#[test]
fn half_a_word_does_not_empty_the_list() {
    let mut rig = rig();
    rig.keys("/web-<Enter>/memo");
    assert_eq!(rig.order(), ["web-1", "web-2"], "the last valid one stays on");
    assert!(rig.model.prompt.as_ref().unwrap().is_waiting && rig.error().is_empty());
    rig.keys("<C-u>db");
    assert_eq!(rig.order(), ["db-1"], "a word that leaves something narrows");
    rig.keys("<C-u>memo<Enter>");
    assert_eq!(rig.order(), Vec::<&str>::new(), "Enter means it");
    assert_eq!(rig.model.list.filter.as_ref().unwrap().0, "memo");
}

#[test]
fn a_state_that_no_host_has_is_wrong_and_the_last_filter_stays_on() {
    let mut rig = rig();
    rig.keys("/web ");
    for (value, from) in [("onlin", 10), ("firing", 10), ("d", 10)] {
        rig.keys(&format!("state={value}"));
        assert_eq!(rig.order(), ["web-1", "web-2"], "{value}");
        let error = rig.model.prompt.as_ref().unwrap().error.clone().unwrap();
        assert!(error.text.contains(&format!("`{value}`")), "{}", error.text);
        assert_eq!((error.from, error.to), (from, from + value.len()));
        rig.keys("<C-w><C-w><C-w>");
        rig.keys("<C-u>web ");
    }
    rig.keys("state=down");
    assert_eq!(rig.order(), Vec::<&str>::new(), "what is right holds");
}

#[test]
fn errors_quote_the_wrong_word_and_guess_only_what_is_near() {
    let mut rig = rig();
    for (typed, part, guesses) in [
        (":sort mmeory<Enter>", "`mmeory` is none; give one of", true),
        (":sort xy<Enter>", "`xy` is none; give one of", false),
        (":x<Enter>", "no command is named `x`", false),
        (":host we<Enter>", "no host is named `we`", false),
        (":host web-3<Enter>", "no host is named `web-3`", true),
        (":unack seven<Enter>", "`seven` is no number of an alert", false),
    ] {
        rig.keys(typed);
        assert!(rig.error().contains(part), "{typed}: {}", rig.error());
        assert_eq!(rig.error().contains("did you mean"), guesses, "{typed}: {}", rig.error());
        rig.keys("<Esc>");
    }
}
