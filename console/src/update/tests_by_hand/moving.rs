//! Views, panes, cursors; the order of back, cancel and interrupt.

use super::*;
use crate::model::host_list::SortBy;
use crate::model::screen::{Pane, Popup, Size, View};
use crate::update::lists::Move;
use crate::view::layout::Layout;

fn many() -> Rig {
    let names: Vec<String> = (0..100).map(|at| format!("web-{at:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Rig::live(&names)
}

#[test]
fn moves_end_at_the_ends() {
    let cases = [
        (Move::Down, 0, 1),
        (Move::Down, 9, 9),
        (Move::Up, 0, 0),
        (Move::PageDown, 1, 5),
        (Move::PageDown, 8, 9),
        (Move::PageUp, 3, 0),
        (Move::HalfDown, 0, 2),
        (Move::HalfUp, 5, 3),
        (Move::First, 7, 0),
        (Move::Last, 0, 9),
    ];
    for (way, at, to) in cases {
        assert_eq!(way.from(at, 4, 10), to, "{way:?} from {at}");
    }
    for (way, ..) in cases {
        assert_eq!(way.from(0, 0, 0), 0, "{way:?} in an empty list");
    }
}

#[test]
fn the_cursor_moves_over_hosts_and_stays_on_the_screen() {
    let mut rig = many();
    for keys in ["j", "<PgDn>", "<C-d>", "G", "k", "<PgUp>", "<C-u>", "<Up>", "g", "<End>"] {
        rig.keys(keys);
        let rows = Layout::of(&rig.model).main_rows();
        let list = &rig.model.list;
        let row = list.cursor_row().unwrap();
        assert!((list.offset..list.offset + rows).contains(&row), "{keys}: {row}");
    }
    assert_eq!(rig.model.list.selected(), Some("web-099"));
    rig.keys("gjj");
    assert_eq!(rig.model.list.cursor.as_deref(), Some("web-002"));
    assert!(rig.model.list.moved_at.is_some());
}

#[test]
fn keys_on_an_empty_screen_do_nothing_bad() {
    let mut rig = Rig::new();
    for binding in crate::keys::table::TABLE {
        for key in binding.keys {
            rig.send(Msg::Key(*key));
            rig.send(Msg::Key(*key));
        }
        rig.keys("<Esc><Esc><Esc>");
    }
    rig.send(Msg::Resize(Size { width: 1, height: 1 }));
    rig.keys("jG<Tab>o2jao1/x<Enter>:ack<Enter><Esc>");
    assert!(rig.keys("!u").is_empty());
}

#[test]
fn a_host_that_vanishes_under_the_cursor_gives_its_row_to_the_next() {
    let mut rig = many();
    rig.keys("jjj");
    rig.retire("web-003");
    rig.run(1_000, true);
    assert_eq!(rig.model.list.selected(), Some("web-004"));
    rig.keys("<Enter>");
    assert_eq!(rig.model.host.as_ref().unwrap().host, "web-004");
    rig.retire("web-004");
    rig.run(1_000, true);
    rig.keys("llll<Down>hq");
    assert_eq!((rig.model.screen.view, rig.model.host), (View::Fleet, None));
}

#[test]
fn views_lie_one_above_the_other() {
    let mut rig = rig();
    rig.keys("o2");
    assert_eq!(rig.model.screen.under, [View::Fleet, View::Host]);
    assert!(rig.model.host.is_some());
    rig.keys("q");
    assert_eq!(rig.model.screen.view, View::Host);
    rig.keys("2<Enter>");
    assert_eq!(rig.model.screen.under, [View::Fleet, View::Alerts]);
    rig.keys("1");
    assert_eq!((rig.model.screen.view, rig.model.screen.under.len()), (View::Fleet, 0));
    assert_eq!(rig.model.host, None);
    for _ in 0..20 {
        rig.keys("2o");
    }
    assert_eq!(rig.model.screen.under, [View::Fleet, View::Alerts]);
}

#[test]
fn q_leaves_only_from_the_top_and_only_the_second_time() {
    let mut rig = rig();
    assert_eq!(rig.keys("oq"), []);
    assert_eq!(rig.keys("q"), []);
    assert!(rig.model.screen.leaving_until.is_some());
    assert_eq!(rig.keys("j"), []);
    assert_eq!(
        (rig.model.screen.leaving_until, rig.notice()),
        (None, ""),
        "nothing says it is armed"
    );
    assert_eq!(rig.keys("q"), [], "another key came between");
    rig.run(3_500, true);
    assert_eq!(rig.keys("q"), [], "it was too long ago");
    assert_eq!(rig.keys("q"), [Cmd::Leave]);
}

#[test]
fn esc_goes_back_and_never_leaves() {
    let mut rig = rig();
    assert_eq!(rig.keys("2o<Esc><Esc><Esc><Esc><Esc>"), []);
    assert_eq!(rig.model.screen.view, View::Fleet);
    rig.keys("<Tab><Esc>");
    assert_eq!(rig.model.screen.pane, Pane::Main);
}

#[test]
fn esc_and_interrupt_end_what_is_innermost_first() {
    for key in ["<Esc>", "<C-c>"] {
        let mut rig = rig();
        rig.keys("/web<Enter><Space>:ho");
        assert_eq!(rig.keys(key), [], "{key} closes the line");
        assert!(rig.model.prompt.is_none() && rig.model.frozen.is_some());
        rig.keys("?");
        assert_eq!(rig.keys(key), [], "{key} closes the help");
        assert!(rig.model.screen.popup.is_none() && rig.model.frozen.is_some());
        assert_eq!(rig.keys(key), [], "{key} goes on");
        assert!(rig.model.frozen.is_none() && rig.model.list.filter.is_some());
        assert_eq!(rig.keys(key), [], "{key} ends the filter");
        assert!(rig.model.list.filter.is_none());
        let left = rig.keys(key);
        assert_eq!(left, if key == "<C-c>" { vec![Cmd::Leave] } else { vec![] });
    }
}

#[test]
fn tab_changes_panes_and_goes_to_the_alerts_where_the_feed_has_no_room() {
    let mut rig = rig();
    rig.keys("<Tab>");
    assert_eq!(rig.model.screen.pane, Pane::Feed);
    rig.keys("j<S-Tab>");
    assert_eq!((rig.model.screen.pane, rig.model.feed.selected().unwrap().0), (Pane::Main, 1));
    rig.keys("<Tab>");
    rig.send(Msg::Resize(Size { width: 60, height: 12 }));
    assert_eq!(rig.model.screen.pane, Pane::Main, "the keys do not go to what is not shown");
    rig.keys("<Tab>");
    assert_eq!(rig.model.screen.view, View::Alerts);
}

#[test]
fn the_newest_alert_that_nobody_has_is_jumped_to() {
    let mut rig = rig();
    rig.keys("!");
    assert_eq!((rig.model.screen.pane, rig.model.feed.selected().unwrap().0), (Pane::Feed, 2));
    rig.keys("/host=db-1<Enter>o!");
    assert_eq!((rig.model.screen.view, rig.model.feed.selected().unwrap().0), (View::Alerts, 2));
    assert!(rig.model.feed.filter.is_none(), "what hid it is gone");
}

#[test]
fn the_order_is_turned_sorted_and_held() {
    let mut rig = rig();
    assert_eq!(rig.order()[0], "db-1");
    rig.keys("s");
    assert_eq!(rig.model.list.sort, SortBy::Name);
    rig.keys("S");
    assert_eq!(rig.order(), ["web-2", "web-1", "db-1"]);
    rig.keys("f");
    assert!(rig.model.list.is_held);
    rig.keys("s");
    assert!(!rig.model.list.is_held && !rig.model.list.is_reversed, "another order lets go");
    for _ in 0..SortBy::ALL.len() {
        rig.keys("s");
    }
    assert_eq!(rig.model.list.sort, SortBy::Beat);
}

#[test]
fn the_help_narrows_moves_and_runs() {
    let mut rig = rig();
    rig.keys("?freeze");
    assert_eq!(rig.model.screen.popup, Some(Popup::Help { typed: "freeze".to_owned(), cursor: 0 }));
    rig.keys("<Down><Up><Enter>");
    assert!(rig.model.frozen.is_some() && rig.model.screen.popup.is_none());
    rig.keys("?s<BS><C-u>:sort<Enter>");
    assert_eq!(rig.line(), "sort ", "a command with arguments asks for them");
    rig.keys("<Esc>?zoom out<Enter>");
    let way = "- is for: charts; Enter on a host, then Right to CHARTS leads there";
    assert_eq!(rig.notice(), way);
    rig.keys("?acknow<BS><BS><BS>");
    rig.keys("<C-u>end the incident<Enter>");
    assert_eq!(rig.notice(), "r is for: alerts; 2 or ! leads there");
    rig.keys("?no such thing<Enter>");
    assert!(rig.model.screen.popup.is_some(), "there is nothing to run");
    assert_eq!(rig.keys("<Esc>?:q<Enter>"), [Cmd::Leave]);
}

#[test]
fn the_list_of_people_opens_and_closes() {
    let mut rig = rig();
    for close in ["<Esc>", "q", "w", "<Enter>", "<C-c>"] {
        rig.keys("w");
        assert_eq!(rig.model.screen.popup, Some(Popup::Who));
        rig.keys("j");
        assert_eq!(rig.model.screen.popup, Some(Popup::Who));
        assert_eq!(rig.keys(close), []);
        assert_eq!(rig.model.screen.popup, None, "{close}");
    }
}
