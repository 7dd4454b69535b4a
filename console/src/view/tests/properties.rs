//! What holds for every picture: it fits, it tells states apart without colour, it hides nothing.

use std::collections::BTreeSet;

use ratatui::buffer::CellWidth;
use systole_common::model::coded::{Coded, Growing};
use systole_common::model::host::HostState;
use systole_common::text::is_hidden;

use super::models::{
    add, busy, connecting, crowd, detailed, empty, filtering, frozen, later, live, named, now,
    ordered, summary, talking,
};
use super::{lines, painted};
use crate::model::Model;
use crate::model::freshness::Refused;
use crate::model::screen::{Pane, Popup, View};
use crate::testing::{at, offer};
use crate::view::theme::{Symbols, Theme};

fn mono(symbols: Symbols) -> Theme {
    Theme::plain(symbols)
}

/// Every kind of screen.
fn screens() -> Vec<Model> {
    let mut help = live();
    help.screen.popup = Some(Popup::Help { typed: String::new(), cursor: 40 });
    let mut who = live();
    who.screen.popup = Some(Popup::Who);
    let mut alerts = live();
    alerts.screen.view = View::Alerts;
    let mut feed = named(&["数据库-主服务器-北京", "👍🏽🇩🇪", "evil\u{202e}txt.exe", "ｶﾞ"]);
    feed.screen.pane = Pane::Feed;
    let wide = filtering(named(&["web数据库", "web👍🏽"]));
    let mut screens =
        vec![connecting(), empty(), live(), frozen(live()), help, who, alerts, feed, wide, busy()];
    for view in [View::Chat, View::Files] {
        for mut model in [busy(), talking(empty(), "数据库👍🏽evil\u{202e}txt"), empty()] {
            model.screen.view = view;
            screens.push(model);
        }
    }
    for popup in [Popup::Message { number: 5, offset: 2 }, Popup::File { id: 7, offset: 900 }] {
        let mut model = busy();
        (model.screen.popup, model.talk.cursor) = (Some(popup), Some(2));
        screens.push(model);
    }
    screens
}

#[test]
fn no_size_panics_and_nothing_is_drawn_beyond_it() {
    let theme = mono(Symbols::Block);
    let sizes = (1..=130).flat_map(|width| (1..=45).map(move |height| (width, height)));
    let models = screens();
    for (index, size) in sizes.chain([(300, 80), (1_000, 3), (3, 500)]).enumerate() {
        // All models at small sizes, one after the other at the large ones.
        let all = size.0 <= 44 && size.1 <= 14;
        for (at, model) in models.iter().enumerate() {
            if all || at == index % models.len() {
                let buffer = painted(model, now(), &theme, size);
                assert_eq!((buffer.area.width, buffer.area.height), size);
            }
        }
    }
    painted(&crowd(), now(), &theme, (65, 30));
}

#[test]
fn a_screen_that_is_not_as_big_as_thought_is_drawn_as_far_as_it_goes() {
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    for size in [(10, 3), (79, 23), (0, 0)] {
        let mut buffer = Buffer::empty(Rect::new(0, 0, size.0, size.1));
        crate::view::draw(&live(), now(), &mono(Symbols::Block), &mut buffer);
    }
}

#[test]
fn wide_characters_never_shift_what_stands_beside_them() {
    for size in [(40, 10), (80, 24), (121, 40), (200, 60)] {
        for model in screens() {
            let buffer = painted(&model, now(), &mono(Symbols::Block), size);
            for y in 0..size.1 {
                let mut x = 0;
                while x < size.0 {
                    let width = buffer[(x, y)].symbol().cell_width();
                    assert!(x + width <= size.0, "{size:?}: {:?}", lines(&buffer)[usize::from(y)]);
                    for covered in x + 1..x + width {
                        assert_eq!(buffer[(covered, y)].symbol(), " ");
                    }
                    x += width;
                }
            }
        }
    }
}

#[test]
fn every_state_differs_in_text() {
    let states = HostState::ALL.iter().map(|state| Growing::from(*state));
    for symbols in [Symbols::Block, Symbols::Ascii] {
        for size in [(40, 10), (80, 24), (120, 40), (200, 60)] {
            let mut seen = BTreeSet::new();
            for state in states.clone().chain([Growing::Unknown(77)]) {
                let mut model = empty();
                add(&mut model, summary("web-1", state, 3), at(60_000));
                let buffer = painted(&ordered(model), now(), &mono(symbols), size);
                let row = lines(&buffer).into_iter().find(|line| line.starts_with('>')).unwrap();
                assert!(seen.insert(row.clone()), "{size:?}: {row}");
                let word = state.to_string();
                let is_online = state == HostState::Online.into();
                assert!(is_online || row.contains(&word[..3]), "{size:?}: {word}: {row}");
            }
        }
    }
}

#[test]
fn every_link_differs_in_text_and_no_number_looks_fresh_unless_it_lives() {
    let down = |refused| {
        let mut model = live();
        model.freshness.unlinked("no answer from mon-1".to_owned(), refused);
        model
    };
    let mut viewer = live();
    if let Some(peer) = &mut viewer.freshness.peer {
        peer.role = "viewer".to_owned();
    }
    let cases = vec![
        ("LIVE mon-1 12ms", live(), now()),
        ("LIVE mon-1 12ms  READ-ONLY role viewer", viewer, now()),
        ("CONNECTING 3s", connecting(), now()),
        ("LAGGING data 2.9s", live(), later(2_500)),
        ("RECONNECTING last good 04:17:07", down(None), now()),
        ("STALE 10s showing 04:17:07", down(None), later(10_000)),
        ("DAEMON GONE 2m00 showing 04:17:07", live(), later(120_000)),
        ("REFUSED no answer from mon-1", down(Some(Refused::Certificate)), now()),
        ("VERSION no answer from mon-1", down(Some(Refused::Version)), now()),
    ];
    for (words, model, now) in cases {
        for size in [(40, 10), (80, 24), (120, 40)] {
            let text = lines(&painted(&model, now, &mono(Symbols::Ascii), size));
            let start = words.split("  ").next().unwrap();
            let wide = start.replace(" 12ms", " rtt 12ms  data 0.4s");
            let start = if size.0 < 110 { start } else { &wide };
            assert!(text[0].starts_with(&format!(" {start}")), "{words}: {}", text[0]);
            let rest = words.split("  ").nth(1).unwrap_or_default();
            assert!(size.0 < 80 || text[0].contains(rest), "{words}: {}", text[0]);
            let is_live = words.starts_with("LIVE");
            for row in text.iter().filter(|line| line.contains("web-0003")) {
                let shares = row.matches('%').count() > 0;
                assert_eq!(shares && !row.contains('~'), shares && is_live, "{words}: {row}");
                assert!(is_live || !row.contains("|."), "a bar of old values: {row}");
            }
        }
    }
}

#[test]
fn values_are_withdrawn_after_ten_minutes() {
    let text = lines(&painted(&live(), later(601_000), &mono(Symbols::Ascii), (80, 24)));
    let fleet = text.iter().take_while(|line| !line.contains("ALERTS"));
    let rows: Vec<_> = fleet.filter(|line| line.contains("db-00")).collect();
    assert_eq!(rows.len(), 2);
    let is_value = |row: &str| {
        row.split('~').skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    assert!(rows.iter().all(|row| !row.contains('%') && !is_value(row)), "{rows:?}");
    assert!(rows.iter().any(|row| row.contains("12m04")), "the age counts on: {rows:?}");
}

#[test]
fn what_stands_still_says_so_and_keeps_its_clock() {
    let model = frozen(live());
    let theme = mono(Symbols::Ascii);
    let (early, late) =
        (painted(&model, now(), &theme, (120, 40)), painted(&model, later(900), &theme, (120, 40)));
    assert_eq!(lines(&early), lines(&late));
    assert!(lines(&late)[0].contains("FROZEN since 04:17:07"), "{}", lines(&late)[0]);
}

#[test]
fn ascii_means_ascii() {
    for model in screens() {
        for size in [(40, 10), (80, 24), (120, 40)] {
            let text = lines(&painted(&model, now(), &mono(Symbols::Ascii), size)).join("\n");
            assert!(text.is_ascii(), "{text}");
        }
    }
}

/// Strings that try to hide, move, colour or overflow something.
fn hostile() -> Vec<String> {
    let hidden = ('\0'..='\u{e01ef}').filter(|c| is_hidden(*c));
    let mut strings: Vec<String> = hidden
        .clone()
        .filter(|c| u32::from(*c) < 0x2_0000)
        .step_by(97)
        .take(120)
        .map(|c| format!("a{c}b"))
        .collect();
    let ends = ["\u{1b}[31m", "\u{1b}]0;t\u{7}", "\u{9b}2J", "\u{202e}", "\u{2066}", "\u{200b}"];
    let ends = ends.into_iter().chain(["\u{feff}", "\u{ad}", "\r", "\n", "\t", "\u{fe0f}"]);
    let more = ["\u{e0041}", "\u{200d}", "\u{7f}", "\u{85}", "\u{2028}", "\u{180e}", "\u{3164}"];
    for end in ends.chain(more) {
        for body in ["x", "数据", "e\u{301}", "👍", "\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}"]
        {
            strings.push(format!("{end}{body}{end}"));
        }
    }
    strings.push("z".repeat(4_096));
    strings
}

#[test]
fn nothing_hidden_becomes_a_cell() {
    let strings = hostile();
    assert!(strings.len() > 200, "{}", strings.len());
    let theme = mono(Symbols::Braille);
    for text in &strings {
        // Once as it comes through the gate, once past it.
        let mut model = detailed(named(&[text]), text);
        model.presence.operators = live().presence.operators;
        for one in &mut model.presence.operators {
            (one.operator, one.looking_at) = (text.clone(), text.clone());
        }
        let mut past = model.clone();
        for id in past.feed.order.clone() {
            let mut alert = past.alerts.get(id).unwrap().clone();
            (alert.summary, alert.acked_by) = (text.clone(), Some(text.clone()));
            past.alerts.take(alert, at(60_000).mono);
        }
        past.freshness.unlinked(text.clone(), Some(Refused::Daemon));
        past.list.filter = filtering(live()).list.filter.map(|(_, filter)| (text.clone(), filter));
        past.screen.popup = Some(Popup::Who);
        let mut typing = filtering(past.clone());
        typing.screen.popup = Some(Popup::Help { typed: text.clone(), cursor: 0 });
        if let Some(prompt) = &mut typing.prompt {
            prompt.input = tui_input::Input::new(text.clone());
        }
        let talked = talking(past.clone(), text);
        let mut detail = talked.clone();
        detail.screen.popup = Some(Popup::File { id: 1, offset: 0 });
        let mut spoken = talked.clone();
        spoken.screen.popup = Some(Popup::Message { number: 1, offset: 0 });
        for model in [model, past, typing, talked, detail, spoken] {
            for view in [View::Fleet, View::Alerts, View::Chat, View::Files, View::Host] {
                let mut model = model.clone();
                model.screen.view = view;
                let buffer = painted(&model, now(), &theme, (112, 24));
                let shown = buffer.content().iter().flat_map(|cell| cell.symbol().chars());
                let hidden: Vec<char> = shown.filter(|c| is_hidden(*c)).collect();
                assert!(hidden.is_empty(), "{text:?}: {hidden:?}");
            }
        }
    }
}

#[test]
fn the_fleet_marks_who_said_something_and_the_newest_of_all_waits_above_the_keys() {
    let rows = lines(&painted(&busy(), now(), &mono(Symbols::Ascii), (80, 24)));
    assert!(rows.iter().any(|row| row.starts_with(" r@db-0030")), "{rows:?}");
    assert!(!rows.iter().any(|row| row.contains("@db-0031 ")), "read ones have no mark");
    assert!(rows[0].contains("chat 1 offers 1") || rows[0].contains("ch1 of1"), "{}", rows[0]);
    assert!(
        rows[22].starts_with(" offer: web-0142 core.dump.zst 1.2G [4] decides"),
        "{}",
        rows[22]
    );
}

#[test]
fn a_card_says_all_that_a_decision_needs_down_to_the_smallest_screen() {
    let mut model = busy();
    model.screen.view = View::Files;
    for size in [(40, 10), (80, 24), (120, 40)] {
        let text = lines(&painted(&model, now(), &mono(Symbols::Ascii), size)).join("\n");
        for part in [
            "core.dump.zst",
            "1.2 GiB",
            "y accept",
            "web-0142/root",
            "cert 3b7c",
            "blake3 9f",
            "application/zstd",
            "received_files/",
            "expires",
            "free 52G",
            "note: the core",
        ] {
            assert!(text.contains(part), "{part} at {size:?}:\n{text}");
        }
        assert_eq!(
            crate::view::files::carded(&{
                let mut sized = model.clone();
                sized.screen.size = crate::model::screen::Size { width: size.0, height: size.1 };
                sized
            }),
            Some(7)
        );
    }
    let name = format!("{}.tar.gz", "very-long-".repeat(20));
    model.files.take(offer(8, "a-host", &name), at(0).mono);
    model.files.cursor = Some(8);
    let text = lines(&painted(&model, now(), &mono(Symbols::Ascii), (40, 10))).join("\n");
    assert!(text.contains(".gz  1.2 GiB"), "the end of a name is never cut: {text}");
}

#[test]
fn progress_is_told_as_bar_share_amount_speed_and_time_left() {
    let mut model = busy();
    model.screen.view = View::Files;
    let text = lines(&painted(&model, now(), &mono(Symbols::Ascii), (120, 40))).join("\n");
    assert!(text.contains("[|||||...] 59% 734M/1.2G 18M/s eta 0:27"), "{text}");
    let text = lines(&painted(&model, later(20_000), &mono(Symbols::Ascii), (120, 40))).join("\n");
    assert!(text.contains("~59% 734M/1.2G") && !text.contains(" eta "), "not of now: {text}");
}

#[test]
fn the_answer_of_a_host_stands_beside_its_gauges() {
    let mut model = busy();
    model.host = Some(crate::model::host_view::HostView::new("db-0030"));
    model.screen.view = View::Host;
    for size in [(80, 24), (120, 40)] {
        let rows = lines(&painted(&model, now(), &mono(Symbols::Ascii), size));
        let said = rows.iter().find(|row| row.contains("db-0030/root > 14; it is dark")).unwrap();
        assert!(said.contains("chat") && said.contains("1 unread, 04:14:32"), "{said}");
    }
}
