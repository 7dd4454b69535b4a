//! What the chat, its line and a message in full say where there is little room.

use systole_common::wire::talk::MessageRecord;

use super::models::{busy, live, now};
use super::{lines, painted};
use crate::model::Model;
use crate::model::prompt::{Prompt, PromptKind};
use crate::model::screen::{Popup, View};
use crate::testing::spoken;
use crate::view::theme::{Symbols, Theme};

const FILTER: &str =
    "{role=db and (rack=7 or rack=8 or rack=9) and state!=online and cpu>80 and x}";

fn shown(model: &Model, size: (u16, u16)) -> Vec<String> {
    lines(&painted(model, now(), &Theme::plain(Symbols::Ascii), size))
}

#[test]
fn a_long_target_leaves_room_for_what_is_typed_and_for_the_count() {
    let mut model = live();
    let count = crate::update::say::audience(&model, now(), "#all");
    assert_eq!(count, "11 hosts");
    let long = "{host=web and host=web and host=web and host=web and host=web and host=web}";
    for (to, size) in [(long, (80, 24)), (long, (40, 10)), ("#all", (40, 10))] {
        let kind = PromptKind::Say(to.to_owned());
        model.prompt = Some(Prompt::new(kind, "shut it down"));
        let line = shown(&model, size).pop().unwrap();
        assert!(line.starts_with("to "), "{line}");
        assert!(line.contains("down"), "{line}");
        assert!(line.trim_end().ends_with(" hosts") || line.ends_with(" host"), "{line}");
    }
}

#[test]
fn the_heading_of_a_long_place_still_names_the_draft_and_what_is_unread() {
    let mut model = busy();
    model.screen.show(View::Chat);
    model.talk.go_to(FILTER);
    model.talk.keep_draft(FILTER, "half");
    let heading = shown(&model, (80, 24))[2].clone();
    assert!(heading.contains("CHAT to {role=db") && heading.contains("(draft)"), "{heading}");
    assert!(heading.contains("@db-0030 1"), "{heading}");
}

#[test]
fn a_line_about_a_file_names_it() {
    let mut model = busy();
    model.screen.show(View::Chat);
    model.talk.go_to("@db-0031");
    let thread = Some("file 12".to_owned());
    let record = MessageRecord { thread, ..spoken(9, "bo", "@db-0031", "accepted core.zst") };
    model.talk.take(record, false);
    let text = shown(&model, (80, 24)).join("\n");
    assert!(text.contains("accepted core.zst  [file 12]"), "{text}");
}

#[test]
fn who_has_a_message_stands_before_its_text_and_more_below_is_said() {
    let mut model = busy();
    let text = (0..30).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
    let record =
        MessageRecord { targets: 2, delivered: 0, failed: 1, ..spoken(9, "bo", "#all", &text) };
    model.talk.take(record, false);
    let marks = systole_common::wire::talk::FeedMarks {
        number: 9,
        delivered: 0,
        failed: 1,
        delivered_to: Vec::new(),
        failed_to: vec!["db-0031".to_owned()],
    };
    model.talk.mark(marks);
    model.talk.is_for_these(9, vec!["db-0031".to_owned(), "web-0142".to_owned()]);
    model.screen.popup = Some(Popup::Message { number: 9, offset: 0 });
    let rows = shown(&model, (80, 24));
    let text = rows.join("\n");
    let at = |words: &str| {
        rows.iter().position(|row| row.contains(words)).unwrap_or_else(|| panic!("{words}\n{text}"))
    };
    assert!(at("waiting: web-0142") < at("line 0"));
    assert!(at("too much waited for it") < at("line 0") && at("db-0031") < at("line 0"));
    assert!(text.contains(" more below"), "{text}");
    model.screen.popup = Some(Popup::Message { number: 9, offset: 900 });
    let rows = shown(&model, (80, 24));
    assert!(!rows.join("\n").contains("more below"), "{rows:?}");
    model.screen.popup = Some(Popup::Message { number: 5, offset: 0 });
    let rows = shown(&model, (80, 24)).join("\n");
    assert!(rows.contains("all operators can read it"), "{rows}");
}
