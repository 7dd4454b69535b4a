//! What the lines say: what waits for a human, what is old, which keys end what.

use std::time::Duration;

use ratatui::style::Modifier;
use systole_common::ids::AlertId;
use systole_common::model::metric::Unit;
use systole_common::time::{Mono, UnixMs};
use systole_common::wire::history::{HistoryPage, HistoryPoint, Tier};

use super::models::{crowd, frozen, later, live, now};
use super::{lines, painted};
use crate::model::Model;
use crate::model::host_view::Loaded;
use crate::model::peek::{Peek, SPAN};
use crate::model::prompt::{Prompt, PromptKind};
use crate::model::range::{Range, Step};
use crate::model::requests::{Notice, Purpose, RequestId};
use crate::model::screen::{Popup, View};
use crate::testing::{alert, at};
use crate::tone::Tone;
use crate::view::theme::{Looks, Symbols, Theme};

fn shown(model: &Model, ms: u64, size: (u16, u16)) -> Vec<String> {
    lines(&painted(model, later(ms), &Theme::plain(Symbols::Ascii), size))
}

fn waiting(model: &Model, size: (u16, u16)) -> String {
    shown(model, 0, size)[usize::from(size.1) - 2].clone()
}

fn hints(model: &Model, size: (u16, u16)) -> String {
    shown(model, 0, size)[usize::from(size.1) - 1].clone()
}

fn said(text: &str) -> Model {
    let mut model = live();
    let notice = Notice { text: text.to_owned(), tone: Tone::Plain, at: at(59_000).mono };
    model.requests.notice = Some(notice);
    model
}

#[test]
fn a_critical_alert_takes_the_place_of_what_was_said_before() {
    let mut model = said("nothing to take back: you acknowledged nothing yet");
    let line = waiting(&model, (120, 40));
    assert!(line.starts_with(" nothing to take back"), "{line}");
    assert!(line.contains("! C 1m07 db-0031"), "what waits stands behind it: {line}");
    model.alerts.take(alert(9, "web-0003"), at(60_000).mono);
    model.attention.alarm = Some(AlertId(9));
    for size in [(40, 10), (80, 24), (120, 40)] {
        let line = waiting(&model, size);
        assert!(line.starts_with(" ! C 1m07 web-0003"), "{line}");
    }
    model.prompt = Some(Prompt::new(PromptKind::Command, "fr"));
    model.prompt.as_mut().unwrap().completions = vec!["freeze".to_owned()];
    assert!(waiting(&model, (80, 24)).starts_with(" ! C"), "over a line that is typed too");
}

#[test]
fn counts_and_states_look_old_unless_the_link_lives() {
    let theme = Theme::named("auto", Symbols::Block, &Looks::default());
    for (ms, size) in [(2_500, (80, 24)), (2_500, (120, 40)), (10_000, (200, 60))] {
        let buffer = painted(&live(), later(ms), &theme, size);
        let text = lines(&buffer);
        assert!(text[0].contains("~11 hosts") && text[0].contains("~C2 ~W4 ~ack1"), "{}", text[0]);
        let row = text.iter().position(|line| line.starts_with(" . web-0003")).unwrap();
        let letter = &buffer[(1, u16::try_from(row).unwrap())];
        assert!(letter.symbol() == "." && letter.modifier.contains(Modifier::DIM), "{letter:?}");
        assert!(text.iter().any(|line| line.contains("db-0031") && line.contains("~down")));
    }
    let wide = shown(&live(), 2_500, (200, 60));
    assert!(wide[0].contains("~1 down ~1 unreachable"), "{}", wide[0]);
    assert!(!shown(&live(), 0, (200, 60))[0].contains('~'));
}

#[test]
fn the_note_of_an_ack_stands_before_what_happened() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        let text = shown(&live(), 0, size);
        assert!(text.iter().any(|line| line.contains("ack bo: on it; web-01")), "{size:?}");
    }
}

#[test]
fn the_medium_screen_shows_what_the_small_one_does() {
    let text = shown(&live(), 0, (120, 40));
    assert!(text[0].starts_with(" LIVE mon-1 rtt 12ms  data 0.4s"), "{}", text[0]);
    assert!(text[2].contains("RX/s  TX/s"), "{}", text[2]);
    for word in ["unreachable", "recovering", "conflict"] {
        assert!(text.iter().any(|line| line.contains(&format!(" {word} "))), "{word}");
    }
    for part in ["host-down", "disk-used /var", "NEW flap nodata", "/var is 93% full, limit 90%"] {
        assert!(text.iter().any(|line| line.contains(part)), "{part}");
    }
    assert!(text.iter().any(|line| line.contains("db-0031  cpu, last 10 min")));
    assert!(text.iter().any(|line| line.contains("gap = no data")));
    let hosts = shown(&crowd(), 0, (120, 40));
    assert!(hosts.iter().filter(|line| line.contains("node-")).count() > 20);
}

#[test]
fn the_chart_below_the_fleet_is_of_the_host_under_the_cursor() {
    let mut model = live();
    let to = UnixMs(crate::testing::WALL.0 / 10_000 * 10_000 + 60_000);
    let range = Range { from: to.minus(SPAN), to };
    let point = |back: u64| HistoryPoint {
        at: to.minus(Duration::from_secs(10 * (back + 1))),
        min: 20.0,
        max: 90.0,
        mean: 60.0,
        count: 10,
    };
    let points = (0..60).rev().filter(|back| !(20..30).contains(back)).map(point).collect();
    let (tier, unit) = (Tier::Raw.into(), Unit::Percent.into());
    let mut peek = Peek::new("web-0003");
    peek.chart.asked = Some((range, Step::EveryMs(10_000)));
    let page = HistoryPage { tier, unit, step_ms: 10_000, points };
    peek.chart.points = Loaded::Here(page, to);
    model.peek = Some(peek);
    let drawn = |model: &Model| {
        let text = shown(model, 0, (120, 40));
        let left = |line: &String| line.chars().take(78).collect::<String>().trim_end().to_owned();
        text[28..38].iter().map(left).collect::<Vec<_>>()
    };
    assert!(drawn(&model)[1].contains("asked ..."), "not of another host: {:#?}", drawn(&model));
    let row = model.list.order.iter().position(|name| name == "web-0003").unwrap();
    model.list.move_to(row, at(60_000).mono);
    let text = drawn(&model);
    assert!(text[0].contains("web-0003  cpu, last 10 min  now 33%"), "{text:#?}");
    assert!(text[1].contains("100%|") && text[8].contains("0%|"), "{text:#?}");
    let line = text.iter().map(|line| line.matches('*').count()).max();
    assert!(line.is_some_and(|cells| cells > 40 && cells < 65), "a gap stays one: {text:#?}");
}

#[test]
fn hints_say_what_ends_what_is_on() {
    let mut model = frozen(live());
    model.list.is_held = true;
    assert!(hints(&model, (80, 24)).contains("f let go"));
    assert!(hints(&model, (80, 24)).contains("Space go on"));
    model.requests.undo = Some((AlertId(1), Mono(now().mono.0)));
    assert!(hints(&model, (80, 24)).contains("u undo"));
    model.requests.pending.insert(RequestId(1), Purpose::Resolve(AlertId(1)));
    assert!(!hints(&model, (80, 24)).contains("u undo"));
    model.prompt = Some(Prompt::new(PromptKind::Command, "fr"));
    assert!(hints(&model, (80, 24)).contains("Enter runs  Esc cancels  Tab completes"));
    assert_eq!(hints(&model, (40, 10)), ":fr", "not where there is no room");
}

#[test]
fn the_help_shows_what_holds_first_and_names_the_way_to_the_others() {
    let mut model = live();
    model.screen.popup = Some(Popup::Help { typed: "end the incident".to_owned(), cursor: 0 });
    let line = |model: &Model| {
        let text = shown(model, 0, (80, 24));
        text.into_iter().find(|line| line.contains("with a reason")).unwrap()
    };
    assert!(line(&model).contains("2 !: alerts"), "{}", line(&model));
    model.screen.view = View::Alerts;
    assert!(!line(&model).contains("2 !:"), "{}", line(&model));
}
