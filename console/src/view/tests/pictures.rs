//! The pictures: each state of the console at four sizes, kept beside this file.

use systole_common::time::Now;

use super::models::{busy, connecting, crowd, empty, filtering, frozen, later, live, named, now};
use super::{painted, picture};
use crate::model::Model;
use crate::model::prompt::{Prompt, PromptKind};
use crate::model::screen::{Pane, Popup, View};
use crate::view::theme::{Looks, Symbols, Theme};

const SIZES: [(u16, u16); 4] = [(40, 10), (80, 24), (120, 40), (200, 60)];

fn check(name: &str, model: &Model, now: Now, theme: &Theme) {
    for size in SIZES {
        let buffer = painted(model, now, theme, size);
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), picture(&buffer));
        });
    }
}

fn auto() -> Theme {
    Theme::named("auto", Symbols::Block, &Looks::default())
}

#[test]
fn a_link_that_lives() {
    check("live", &live(), now(), &auto());
}

#[test]
fn without_colour_and_without_unicode() {
    check("live_mono_ascii", &live(), now(), &Theme::plain(Symbols::Ascii));
}

#[test]
fn values_that_are_old() {
    check("stale", &live(), later(10_000), &auto());
}

#[test]
fn a_daemon_that_is_gone() {
    let mut model = live();
    let why = "no answer from mon-1 (10.0.0.5:5001); is systoled running there?".to_owned();
    model.freshness.unlinked(why, None);
    check("gone", &model, later(700_000), &auto());
}

#[test]
fn nothing_heard_yet() {
    check("connecting", &connecting(), now(), &auto());
}

#[test]
fn no_host_and_no_alert() {
    check("empty", &empty(), now(), &auto());
}

#[test]
fn five_thousand_hosts() {
    check("crowd", &crowd(), now(), &auto());
}

#[test]
fn long_names() {
    let names = [
        "a-host-with-a-name-that-nobody-can-remember-01.rack-7.example",
        "a-host-with-a-name-that-nobody-can-remember-02.rack-7.example",
        &"x".repeat(60),
    ];
    check("long_names", &named(&names), now(), &auto());
}

#[test]
fn names_from_everywhere() {
    let names = [
        "数据库-主服务器-北京",
        "データベース",
        "ｶﾞｷﾞｸﾞ",
        "مضيف-قاعدة",
        "evil\u{202e}txt.exe",
        "cafe\u{301}",
        "👍🏽🇩🇪👨\u{200d}👩\u{200d}👧",
        "a\u{1b}[2Jb\u{7}",
        "zero\u{200b}width",
    ];
    check("names_from_everywhere", &named(&names), now(), &auto());
}

#[test]
fn values_that_stand_still() {
    check("frozen", &frozen(live()), later(1_000), &auto());
}

#[test]
fn a_filter_with_an_error() {
    check("filter_error", &filtering(live()), now(), &auto());
}

#[test]
fn the_help() {
    let mut model = live();
    model.screen.popup = Some(Popup::Help { typed: "alert".to_owned(), cursor: 1 });
    check("help", &model, now(), &auto());
}

#[test]
fn who_is_here() {
    let mut model = live();
    model.screen.popup = Some(Popup::Who);
    check("who", &model, now(), &auto());
}

#[test]
fn the_alerts() {
    let mut model = live();
    model.screen.view = View::Alerts;
    check("alerts", &model, now(), &auto());
}

#[test]
fn the_feed_has_the_keys() {
    let mut model = live();
    model.screen.pane = Pane::Feed;
    model.feed.move_to(2);
    check("feed", &model, now(), &auto());
}

/// Three sizes are enough for what is no list of hosts.
fn check_small(name: &str, model: &Model) {
    for size in [(40, 10), (80, 24), (120, 40)] {
        let buffer = painted(model, now(), &auto(), size);
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), picture(&buffer));
        });
    }
}

#[test]
fn people_talk_and_hosts_offer_files() {
    check_small("busy", &busy());
}

#[test]
fn the_chat_of_a_host() {
    let mut model = busy();
    model.screen.show(View::Chat);
    model.talk.go_to("@db-0030");
    check_small("chat", &model);
    model.prompt = Some(Prompt::new(PromptKind::Say("@db-0030".to_owned()), "is it\nthe fan?"));
    model.talk.cursor = Some(3);
    check_small("chat_writing", &model);
}

#[test]
fn who_has_a_message() {
    let mut model = busy();
    model.screen.popup = Some(Popup::Message { number: 1, offset: 0 });
    check_small("message", &model);
}

#[test]
fn the_files() {
    let mut model = busy();
    model.screen.show(View::Files);
    check_small("files", &model);
    model.files.armed = Some(7);
    check_small("files_armed", &model);
    model.files.armed = None;
    model.files.cursor = Some(4);
    check_small("files_receiving", &model);
    model.screen.popup = Some(Popup::File { id: 7, offset: 0 });
    check_small("file", &model);
}

#[test]
fn chat_and_files_without_colour_and_without_unicode() {
    for (name, view) in [("chat", View::Chat), ("files", View::Files), ("busy", View::Fleet)] {
        let mut model = busy();
        model.screen.show(view);
        let buffer = painted(&model, now(), &Theme::plain(Symbols::Ascii), (120, 40));
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{name}_mono_ascii_120x40"), picture(&buffer));
        });
    }
}
