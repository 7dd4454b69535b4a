//! Offers: two keys on a card that could be read, and nothing else, decide.

use systole_common::model::file::FileState;
use systole_common::wire::file::FileRecord;

use super::*;
use crate::model::host_view::Tab;
use crate::model::screen::{Focus, Pane, Popup, Size, View};
use crate::testing::{at, offer, receiving};
use crate::update::file_words::decided_words;
use crate::update::files::painted;

/// An offer of `web-1`, in the files view, read.
fn offered() -> Rig {
    let mut rig = rig();
    rig.file(offer(7, "web-1", "core.dump.zst"));
    rig.keys("4");
    rig.read();
    rig
}

fn decided(state: FileState, by: &str) -> FileRecord {
    let record = offer(7, "web-1", "core.dump.zst");
    FileRecord { state: state.into(), decided_by: Some(by.to_owned()), ..record }
}

#[test]
fn y_arms_and_enter_confirms() {
    let mut rig = offered();
    assert_eq!(rig.keys("y"), [], "one key does nothing yet");
    assert_eq!(rig.model.files.armed, Some(7));
    rig.read();
    let cmds = rig.keys("<Enter>");
    let (request, question) = asked(&cmds);
    assert_eq!(question, &Question::Accept { file: 7 });
    assert_eq!(rig.keys("y"), []);
    assert!(rig.notice().contains("still awaited"), "{}", rig.notice());
    rig.reply(request, Ok(Answer::Files(vec![decided(FileState::Accepted, "ann")])));
    assert_eq!(rig.notice(), "accepted core.dump.zst (1.2 GiB)");
    assert_eq!(rig.keys("y<Enter>"), []);
    assert_eq!(rig.model.screen.popup, Some(Popup::File { id: 7, offset: 0 }));
}

#[test]
fn n_asks_for_a_reason_that_may_be_empty() {
    let mut rig = offered();
    assert_eq!(rig.keys("n"), []);
    assert_eq!(rig.keys("<Esc>"), []);
    assert!(rig.model.prompt.is_none());
    rig.keys("ntoo big");
    rig.read();
    let cmds = rig.keys("<Enter>");
    assert_eq!(asked(&cmds).1, &Question::Reject { file: 7, why: "too big".to_owned() });
    let mut rig = offered();
    rig.keys("n");
    rig.read();
    let cmds = rig.keys("<Enter>");
    let (request, question) = asked(&cmds);
    assert_eq!(question, &Question::Reject { file: 7, why: String::new() });
    rig.reply(request, Err("file 7 was withdrawn"));
    assert_eq!(rig.notice(), "not rejected: file 7 was withdrawn");
}

#[test]
fn esc_and_other_keys_disarm() {
    for keys in ["<Esc>", "<C-c>", "1", "j", "n"] {
        let mut rig = offered();
        rig.keys("y");
        rig.keys(keys);
        assert_eq!(rig.model.files.armed, None, "{keys}");
        assert_eq!(rig.keys("<Esc><Enter>"), [], "{keys}");
    }
}

#[test]
fn a_card_that_came_this_moment_takes_no_key() {
    let mut rig = rig();
    rig.keys("4");
    rig.file(offer(7, "web-1", "core.dump.zst"));
    assert_eq!(rig.keys("y<Enter>"), []);
    assert_eq!(rig.model.files.armed, None, "it was never painted");
    rig.keys("<Esc>");
    painted(&mut rig.model, at(rig.ms));
    rig.run(349, false);
    rig.keys("y");
    assert_eq!(rig.model.files.armed, None);
    assert!(rig.notice().contains("look at it first"), "{}", rig.notice());
    rig.run(1, false);
    rig.keys("y");
    assert_eq!(rig.model.files.armed, Some(7));
}

#[test]
fn a_key_never_lands_on_a_card_that_slid_under_the_cursor() {
    let mut rig = offered();
    rig.file(offer(8, "db-1", "other.bin"));
    rig.file(FileRecord {
        offered_at: crate::testing::WALL.minus(std::time::Duration::from_hours(1)),
        ..offer(6, "db-1", "older.bin")
    });
    rig.keys("y");
    assert_eq!(rig.model.files.armed, Some(7), "the cursor stayed on the file that was read");
    // Somebody else decides before Enter: nothing is sent, and nothing else is hit.
    rig.file(decided(FileState::Accepted, "bo"));
    assert!(rig.notice().starts_with("bo accepted core.dump.zst at 04:16:"), "{}", rig.notice());
    assert_eq!(rig.keys("<Enter>"), []);
    rig.keys("<Esc>");
    assert_eq!(rig.keys("y<Enter>"), [], "the cursor is on what was decided");
}

#[test]
fn the_line_for_the_reason_stays_open_when_the_offer_is_over() {
    for (state, by) in [
        (FileState::Rejected, Some("bo")),
        (FileState::Withdrawn, None),
        (FileState::Expired, None),
    ] {
        let mut rig = offered();
        rig.keys("ntoo b");
        let over = FileRecord { decided_by: by.map(str::to_owned), ..decided(state, "") };
        rig.file(over);
        rig.keys("ig a q4");
        assert_eq!(rig.line(), "too big a q4", "letters are no keys");
        assert!(
            rig.model.screen.view == View::Files && rig.model.requests.pending_file(7).is_none()
        );
        rig.read();
        assert_eq!(rig.keys("<Enter>"), [], "{state:?}");
        assert!(rig.model.prompt.is_none());
        assert!(rig.notice().starts_with("not rejected: "), "{}", rig.notice());
        let mut rig = offered();
        rig.keys("n");
        rig.file(decided(state, "bo"));
        rig.keys("<Esc>");
        assert!(rig.model.prompt.is_none());
    }
}

#[test]
fn enter_that_was_typed_ahead_decides_nothing() {
    let mut rig = offered();
    assert_eq!(rig.keys("y<Enter>"), [], "armed was never on the screen");
    assert!(rig.notice().starts_with("not accepted yet: "), "{}", rig.notice());
    assert_eq!(rig.model.files.armed, Some(7), "it stays armed");
    painted(&mut rig.model, at(rig.ms));
    rig.run(349, true);
    assert_eq!(rig.keys("<Enter>"), []);
    rig.run(1, true);
    assert_eq!(asked(&rig.keys("<Enter>")).1, &Question::Accept { file: 7 });

    let mut rig = offered();
    assert_eq!(rig.keys("n<Enter>"), []);
    assert!(rig.error().starts_with("not rejected yet: "), "{}", rig.error());
    rig.read();
    let question = Question::Reject { file: 7, why: String::new() };
    assert_eq!(asked(&rig.keys("<Enter>")).1, &question);
}

#[test]
fn what_is_armed_anew_is_to_be_read_anew() {
    let mut rig = offered();
    rig.keys("y");
    rig.read();
    assert_eq!(rig.keys("<Esc>y<Enter>"), []);
    rig.keys("<Esc>n<Esc>n");
    assert_eq!(rig.keys("<Enter>"), []);
}

#[test]
fn what_was_said_before_is_not_said_beside_what_is_armed() {
    for key in ["y", "n"] {
        let mut rig = offered();
        rig.keys("y<Esc>");
        assert_eq!(rig.notice(), "nothing was accepted");
        rig.keys(key);
        assert!(rig.model.requests.notice.is_none(), "{key}");
    }
}

#[test]
fn nothing_is_armed_where_its_card_has_no_keys() {
    let mut rig = rig();
    rig.file(offer(7, "web-1", "core.dump.zst"));
    rig.keys(":host web-1<Enter>");
    while rig.model.host.as_ref().is_some_and(|host| host.tab != Tab::Files) {
        rig.keys("<Right>");
    }
    rig.read();
    rig.keys("y");
    assert_eq!(rig.model.files.armed, Some(7));
    rig.read();
    rig.keys("<Right>");
    assert_eq!(rig.model.files.armed, None, "another tab");
    rig.keys("<Left>");
    assert_eq!(rig.keys("<Enter>"), []);
    for keys in ["?", "v", "w", ":", "q"] {
        let mut rig = offered();
        rig.keys("y");
        rig.keys(keys);
        let is_left = keys == ":";
        assert_eq!(rig.model.files.armed.is_some(), is_left, "{keys}");
    }
}

#[test]
fn four_leads_to_the_offer_that_is_named_above_the_keys() {
    let mut rig = offered();
    rig.file(offer(8, "db-1", "next.bin"));
    rig.file(offer(9, "db-1", "third.bin"));
    rig.read();
    rig.file(decided(FileState::Verified, "ann"));
    assert_eq!(rig.model.files.cursor, Some(7), "it stays on what was decided");
    assert_eq!(rig.keys("y"), []);
    assert_eq!(rig.model.files.armed, None);
    rig.keys("4");
    assert_eq!(rig.model.files.cursor, Some(8), "also from the files themselves");
    assert_eq!(rig.keys("y"), [], "a card that came this moment");
    assert_eq!(rig.model.files.armed, None);
    rig.read();
    rig.keys("y");
    assert_eq!(rig.model.files.armed, Some(8));
    rig.keys("<Esc>j1");
    rig.keys("4");
    assert_eq!(rig.model.files.cursor, Some(8), "not where the cursor was left");
    rig.file(FileRecord { state: FileState::Withdrawn.into(), ..offer(8, "db-1", "next.bin") });
    rig.keys("1:files<Enter>");
    assert_eq!(rig.model.files.cursor, Some(9));
}

#[test]
fn a_slash_says_where_to_look_for_a_file() {
    let mut rig = offered();
    rig.keys("/");
    assert!(rig.notice().starts_with("files have no filter here"), "{}", rig.notice());
    assert!(rig.model.prompt.is_none());
}

#[test]
fn a_cursor_on_what_is_over_is_forgotten_when_the_view_is_left() {
    let mut rig = offered();
    rig.file(decided(FileState::Verified, "ann"));
    rig.keys("1");
    assert_eq!(rig.model.files.cursor, None);
}

#[test]
fn the_pane_goes_on_with_the_next_offer() {
    let mut rig = rig();
    rig.send(Msg::Resize(Size { width: 120, height: 40 }));
    rig.file(offer(7, "web-1", "core.dump.zst"));
    rig.file(offer(8, "db-1", "next.bin"));
    rig.keys("<S-Tab>");
    rig.read();
    rig.keys("y");
    rig.read();
    let (request, _) = asked(&rig.keys("<Enter>"));
    rig.reply(request, Ok(Answer::Files(vec![decided(FileState::Verified, "ann")])));
    rig.keys("y");
    assert_eq!(rig.model.files.armed, None, "the next card came this moment");
    rig.read();
    rig.keys("y");
    assert_eq!(rig.model.files.armed, Some(8));
    rig.file(FileRecord { state: FileState::Expired.into(), ..offer(8, "db-1", "next.bin") });
    assert_eq!(rig.keys("<Enter>"), []);
}

#[test]
fn what_the_sender_or_the_daemon_ends_is_said_of_no_operator() {
    let words = |state: FileState, by: &str| {
        let mut rig = offered();
        rig.file(FileRecord { finished_at: Some(crate::testing::WALL), ..decided(state, by) });
        rig.run(20_000, true);
        let known = rig.model.files.get(7).unwrap();
        decided_words(known, at(rig.ms))
    };
    assert_eq!(words(FileState::Withdrawn, "ann"), "core.dump.zst was withdrawn at 04:16:07");
    assert_eq!(words(FileState::Verified, "ann"), "core.dump.zst is verified at 04:16:07");
    assert_eq!(words(FileState::Rejected, "ann"), "ann rejected core.dump.zst at 04:16:07");
    assert!(words(FileState::Accepted, "policy").starts_with("policy accepted core.dump.zst at "));
}

#[test]
fn what_a_host_that_is_down_offered_does_not_come_now() {
    let mut rig = rig();
    rig.file(offer(7, "db-1", "core.dump.zst"));
    rig.keys("4");
    rig.read();
    rig.keys("y");
    rig.read();
    let (request, _) = asked(&rig.keys("<Enter>"));
    let accepted = FileRecord {
        state: FileState::Accepted.into(),
        decided_by: Some("ann".to_owned()),
        expires_at: crate::testing::WALL.plus(std::time::Duration::from_hours(24)),
        ..offer(7, "db-1", "core.dump.zst")
    };
    rig.reply(request, Ok(Answer::Files(vec![accepted])));
    assert_eq!(
        rig.notice(),
        "accepted core.dump.zst (1.2 GiB); db-1 is down: it comes when it is back, \
         until tomorrow 04:16"
    );
}

#[test]
fn a_paste_never_answers_and_an_offer_takes_nothing() {
    let mut rig = offered();
    for text in ["y\n", "n\n\n", "y\r"] {
        assert_eq!(rig.send(Msg::Paste { text: text.to_owned(), cut_bytes: 0 }), []);
        assert_eq!(rig.model.files.armed, None);
    }
    rig.keys("1:hos");
    rig.file(offer(9, "db-1", "x.bin"));
    rig.keys("t");
    assert_eq!((rig.line(), rig.model.screen.focus()), ("host", Focus::Fleet));
    rig.keys("<Esc>y<Enter>");
    assert_eq!(rig.model.files.armed, None, "keys elsewhere are not for a card");
}

#[test]
fn the_pane_beside_the_fleet_answers_only_with_the_keys_in_it() {
    let mut rig = rig();
    rig.send(Msg::Resize(Size { width: 120, height: 40 }));
    rig.file(offer(7, "web-1", "core.dump.zst"));
    rig.read();
    rig.keys("y");
    assert_eq!(rig.model.files.armed, None);
    rig.keys("<Tab><Tab><Tab>");
    assert_eq!(rig.model.screen.pane, Pane::Offers);
    rig.keys("y");
    rig.read();
    assert_eq!(asked(&rig.keys("<Enter>")).1, &Question::Accept { file: 7 });
    rig.keys("<Tab>");
    assert_eq!(rig.model.screen.pane, Pane::Main);
    rig.keys("<S-Tab>");
    rig.send(Msg::Resize(Size { width: 80, height: 24 }));
    assert_eq!(rig.model.screen.pane, Pane::Main, "a pane that is not there has no keys");
}

#[test]
fn a_decision_needs_a_live_link_and_the_role() {
    let mut rig = offered();
    rig.unlink();
    assert_eq!(rig.keys("y"), []);
    assert!(rig.notice().contains("not accepted: the daemon is not heard"), "{}", rig.notice());
    assert_eq!(rig.keys(":reject 7 no<Enter>"), []);
    assert!(rig.error().contains("not rejected: the daemon is not heard"), "{}", rig.error());
    let mut viewer = rig_as("viewer");
    viewer.file(offer(7, "web-1", "core.dump.zst"));
    viewer.keys("4");
    viewer.read();
    viewer.keys("y");
    assert!(viewer.notice().contains("it needs the role operator"), "{}", viewer.notice());
}

#[test]
fn commands_decide_by_number() {
    let mut rig = offered();
    assert_eq!(asked(&rig.keys(":accept 7<Enter>")).1, &Question::Accept { file: 7 });
    let mut rig = offered();
    let question = Question::Reject { file: 7, why: "not now".to_owned() };
    assert_eq!(asked(&rig.keys(":reject #7 not now<Enter>")).1, &question);
    let mut rig = offered();
    assert_eq!(rig.keys(":accept 99<Enter>"), []);
    assert!(rig.error().contains("no file has the number 99"), "{}", rig.error());
    rig.keys("<C-u>accept x<Enter>");
    assert!(rig.error().contains("which file? give its number"), "{}", rig.error());
}

#[test]
fn the_sender_is_asked_in_chat_and_details_are_shown() {
    let mut rig = offered();
    rig.keys("m");
    assert_eq!((rig.model.screen.view, rig.model.talk.place.as_str()), (View::Chat, "@web-1"));
    let cmds = rig.keys("what is in it?<Enter>");
    let is_said = |cmd: &Cmd| matches!(cmd, Cmd::Ask { question: Question::Say { to, .. }, .. } if to == "@web-1");
    assert!(cmds.iter().any(is_said), "{cmds:?}");
    rig.keys("4v");
    assert_eq!(rig.model.screen.popup, Some(Popup::File { id: 7, offset: 0 }));
    rig.keys("qj");
    assert!(rig.model.screen.popup.is_none());
}

#[test]
fn a_list_is_asked_for_once_a_link_and_of_a_host_by_itself() {
    let mut rig = rig();
    assert_eq!(asked(&rig.keys("4")).1, &Question::Files { host: None });
    assert_eq!(rig.keys("14"), []);
    let question = Question::Files { host: Some("web-1".to_owned()) };
    assert_eq!(asked(&rig.keys(":host web-1<Enter>h")).1, &question);
    rig.file(receiving(3, "web-1", 1 << 20));
    rig.painted();
    rig.file(receiving(3, "web-1", 2 << 20));
    assert_eq!(rig.painted(), crate::model::Dirty::Data, "bytes alone are painted once a second");
}
