//! Pictures of the open host, and what holds for every one of them.

use std::time::Duration;

use ratatui::buffer::CellWidth;
use systole_common::model::alert::{AlertState, Overlay, Severity};
use systole_common::model::coded::Coded;
use systole_common::model::host::{Cause, Certainty, HostState};
use systole_common::model::metric::{SeriesKey, Unit};
use systole_common::text::is_hidden;
use systole_common::time::{Now, UnixMs};
use systole_common::wire::agent::ProcessSample;
use systole_common::wire::console::{AlertRecord, ConnectionRecord, HostRecord, NamedValue};
use systole_common::wire::history::{HistoryPage, HistoryPoint, Tier};

use super::super::tests::{lines, painted, picture};
use crate::model::freshness::Peer;
use crate::model::host_view::{Chart, ChartSpan, HostView, Loaded, Tab};
use crate::model::range::{Range, Step};
use crate::model::requests::RequestId;
use crate::model::screen::{Size, View};
use crate::model::{Frozen, Manners, Model, entry};
use crate::testing::{WALL, alert, at, down, host, record, resolved};
use crate::view::layout::Layout;
use crate::view::theme::{Looks, SYMBOL_NAMES, Symbols, THEME_NAMES, Theme};

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];
const NAME: &str = "db-1";

/// When the picture is taken: 400 ms after a tick.
fn now() -> Now {
    at(60_400)
}

fn later(ms: u64) -> Now {
    at(60_400 + ms)
}

fn auto(symbols: Symbols) -> Theme {
    Theme::named("auto", symbols, &Looks::default())
}

fn check(name: &str, model: &Model, now: Now, symbols: Symbols, sizes: &[(u16, u16)]) {
    for size in sizes {
        let buffer = painted(model, now, &auto(symbols), *size);
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), picture(&buffer));
        });
    }
}

/// A host with more than one of everything.
fn rich(name: &str) -> HostRecord {
    let mut one = record(name);
    let more = [
        ("pressure_cpu_some_percent", "", 3.4),
        ("pressure_memory_some_percent", "", 0.0),
        ("pressure_io_some_percent", "", 12.0),
        ("temperature_celsius", "coretemp", 61.0),
        ("temperature_celsius", "nvme", 48.0),
        ("disk_used_percent", "/srv/with/a/rather/long/name/of/a/mount/point/for/a/table", 12.0),
        ("disk_total_bytes", "/srv/with/a/rather/long/name/of/a/mount/point/for/a/table", 4e12),
        ("block_read_bytes_per_s", "nvme0n1", 81_000_000.0),
        ("block_busy_percent", "nvme0n1", 97.0),
        ("network_rx_bytes_per_s", "wlan0", 12_000.0),
    ];
    let cores = ["1", "3", "4", "5", "6", "7", "8", "9", "11"];
    let cores = cores.into_iter().zip([99.0, 0.0, 7.0, 51.0, 64.0, 3.0, 88.0, 91.0, 12.0]);
    let cores = cores.map(|(core, value)| ("cpu_core_percent", core, value));
    one.series.extend(more.into_iter().chain(cores).map(|(metric, instance, value)| NamedValue {
        metric: metric.to_owned(),
        instance: instance.to_owned(),
        value,
    }));
    for (pid, name, cpu_percent, memory_bytes) in [
        (1, "systemd", 0.1, 12 << 20),
        (77, "systole-agent", 0.3, 9 << 20),
        (40_112, "a-process-with-a-name-that-is-quite-long", 88.0, 3 << 30),
    ] {
        one.processes.push(ProcessSample { pid, name: name.to_owned(), cpu_percent, memory_bytes });
    }
    one
}

/// `record` opened on `tab`, on a link that lives.
fn opened(record: HostRecord, tab: Tab) -> Model {
    let manners =
        Manners { bell: true, themes: THEME_NAMES.to_vec(), symbols: SYMBOL_NAMES.to_vec() };
    let mut model = Model::new(at(57_400), Size { width: 80, height: 24 }, manners, None);
    model.freshness.linked(Peer {
        daemon: "mon-1".to_owned(),
        address: "10.0.0.5:5001".to_owned(),
        role: "operator".to_owned(),
    });
    model.freshness.tick(at(60_000));
    let name = record.host.clone();
    model.fleet.detail(entry::host(host(record, 60_000)), true);
    let mut view = HostView::new(&name);
    view.tab = tab;
    view.charts = charts(0);
    view.connections = Loaded::Here(connections(), WALL);
    view.past_alerts = Loaded::Here(past_alerts(&name), WALL);
    model.host = Some(view);
    model.screen.under = vec![View::Fleet];
    model.screen.view = View::Host;
    model
}

fn live(tab: Tab) -> Model {
    opened(rich(NAME), tab)
}

/// A host that is down, with an alert.
fn lost(tab: Tab) -> Model {
    let mut one = rich(NAME);
    let away = down(NAME);
    (one.state, one.cause, one.certainty) = (away.state, away.cause, away.certainty);
    (one.evidence, one.since) = (away.evidence, away.since);
    one.heartbeat_age_ms = away.heartbeat_age_ms;
    let mut model = opened(one, tab);
    let mut acked = alert(2, NAME);
    acked.rule = "disk-used".to_owned();
    acked.subject = "/var".to_owned();
    acked.severity = Severity::Warning.into();
    acked.summary = "/var is 93% full, limit 90%".to_owned();
    acked.overlays.push(Overlay::Acked.into());
    acked.acked_by = Some("bo".to_owned());
    for one in [alert(1, NAME), acked, alert(3, "web-9")] {
        model.alerts.take(entry::alert(one), at(60_000).mono);
    }
    model
}

fn past_alerts(name: &str) -> Vec<AlertRecord> {
    let mut acked = alert(2, name);
    acked.overlays.push(Overlay::Acked.into());
    (acked.acked_by, acked.acked_note) = (Some("bo".to_owned()), Some("on it".to_owned()));
    let mut over = resolved(alert(90, name), WALL.minus(Duration::from_mins(50)));
    over.since = WALL.minus(Duration::from_hours(2));
    over.severity = Severity::Warning.into();
    over.acked_by = Some("ann".to_owned());
    vec![acked, over]
}

fn connections() -> Vec<ConnectionRecord> {
    let one = |minutes, connected, reason: &str| ConnectionRecord {
        at: WALL.minus(Duration::from_mins(minutes)),
        connected,
        address: "10.0.0.7:40112".to_owned(),
        reason: reason.to_owned(),
    };
    vec![
        one(60, true, "agent 0.1.0 said hello"),
        one(61, false, "no answer for 12 s, which is longer than the limit of this fleet"),
        one(3_000, true, "agent 0.1.0 said hello"),
    ]
}

const STEP_S: u64 = 60;

fn range() -> Range {
    let to = UnixMs(WALL.0 / 60_000 * 60_000 + 120_000);
    Range { from: to.minus(Duration::from_hours(1)), to }
}

/// A point in the step that begins `back` steps before the end, around `mean`.
fn point(back: u64, mean: f64, spread: f64) -> HistoryPoint {
    let at = range().to.minus(Duration::from_secs(STEP_S * (back + 1)));
    HistoryPoint { at, min: mean - spread, max: mean + spread, mean, count: 12 }
}

/// Up and down between 0 and 1 within `period` steps.
fn wave(step: u64, period: u64) -> f64 {
    let phase = (step % period) as f64 / period as f64;
    1.0 - (2.0 * phase - 1.0).abs()
}

fn chart(metric: &str, instance: &str, unit: Unit, points: Vec<HistoryPoint>) -> Chart {
    let page =
        HistoryPage { tier: Tier::Raw.into(), unit: unit.into(), step_ms: STEP_S * 1_000, points };
    Chart {
        key: SeriesKey::new(metric, instance),
        asked: Some((range(), Step::EveryMs(STEP_S * 1_000))),
        points: Loaded::Here(page, WALL),
    }
}

/// Four charts of an hour up to `silent` steps ago, in which eight steps are missing.
fn charts(silent: u64) -> Vec<Chart> {
    let steps = || (silent..60).rev().filter(|back| !(20..28).contains(back));
    let points = |low: f64, span: f64, spread: f64, period: u64| {
        steps().map(|back| point(back, low + span * wave(60 - back, period), spread)).collect()
    };
    vec![
        chart("cpu_percent", "", Unit::Percent, points(20.0, 60.0, 15.0, 24)),
        chart("memory_used_percent", "", Unit::Percent, points(50.0, 2.0, 0.0, 40)),
        chart("disk_used_percent", "/var", Unit::Percent, points(93.0, 0.0, 0.0, 60)),
        chart("network_rx_bytes_per_s", "eth0", Unit::BytesPerSecond, points(1e6, 4e7, 1e6, 13)),
    ]
}

#[test]
fn every_part() {
    for tab in Tab::ALL {
        let name = format!("tab_{}", tab.title());
        let symbols = if tab == Tab::Charts { Symbols::Braille } else { Symbols::Block };
        check(&name, &live(tab), now(), symbols, &SIZES);
    }
}

#[test]
fn a_host_that_is_down() {
    check("down_overview", &lost(Tab::Overview), now(), Symbols::Block, &SIZES);
    check("down_alerts", &lost(Tab::Alerts), now(), Symbols::Block, &SIZES);
}

#[test]
fn small_and_large_screens() {
    for size in [(40, 10), (200, 60)] {
        check("sizes_overview", &lost(Tab::Overview), now(), Symbols::Block, &[size]);
        check("sizes_charts", &live(Tab::Charts), now(), Symbols::Braille, &[size]);
    }
    check("sizes_processes", &live(Tab::Processes), now(), Symbols::Block, &[(40, 10)]);
}

#[test]
fn a_link_that_is_stale() {
    for tab in [Tab::Overview, Tab::Cores, Tab::Disks, Tab::Processes, Tab::Charts] {
        let name = format!("stale_{}", tab.title());
        check(&name, &live(tab), later(47_000), Symbols::Block, &[(80, 24)]);
    }
}

#[test]
fn charts_in_other_symbols_and_with_a_cursor() {
    let mut model = live(Tab::Charts);
    check("charts_block", &model, now(), Symbols::Block, &SIZES);
    check("charts_ascii", &model, now(), Symbols::Ascii, &SIZES);
    let view = model.host.as_mut().unwrap();
    (view.chart_cursor, view.is_full_scale) = (Some(40), false);
    check("charts_cursor", &model, now(), Symbols::Braille, &SIZES);
    model.host.as_mut().unwrap().chart_cursor = Some(22);
    check("charts_cursor_in_gap", &model, now(), Symbols::Ascii, &[(80, 24)]);
}

#[test]
fn charts_that_are_not_here() {
    let mut model = live(Tab::Charts);
    let view = model.host.as_mut().unwrap();
    view.span = ChartSpan::Week;
    for (chart, points) in view.charts.iter_mut().zip([
        Loaded::Unasked,
        Loaded::Asked(RequestId(1), None),
        Loaded::Failed("db-1 has no series cpu_percent".to_owned()),
    ]) {
        chart.points = points;
    }
    if let Some(Chart { points: Loaded::Here(page, _), .. }) = view.charts.last_mut() {
        page.points.clear();
    }
    check("charts_missing", &model, now(), Symbols::Block, &[(80, 24)]);
}

#[test]
fn names_from_everywhere() {
    let mut one = rich(NAME);
    let names = [
        "数据库-主服务器",
        "evil\u{202e}txt.exe",
        "👍🏽🇩🇪",
        "a\u{1b}[2Jb\u{7}",
        "cafe\u{301}",
        "zero\u{200b}w",
    ];
    for (process, name) in one.processes.iter_mut().zip(names) {
        process.name = name.to_owned();
    }
    for name in names {
        for (metric, value) in [
            ("disk_used_percent", 50.0),
            ("network_rx_bytes_per_s", 5.0),
            ("cpu_core_percent", 5.0),
        ] {
            let (metric, instance) = (metric.to_owned(), name.to_owned());
            one.series.push(NamedValue { metric, instance, value });
        }
        one.labels.push((name.to_owned(), name.to_owned()));
        one.evidence.push(name.to_owned());
    }
    for tab in [Tab::Overview, Tab::Cores, Tab::Disks, Tab::Network, Tab::Processes] {
        let name = format!("names_{}", tab.title());
        let model = opened(one.clone(), tab);
        check(&name, &model, now(), Symbols::Block, &[(80, 24)]);
        for symbols in [Symbols::Block, Symbols::Ascii] {
            let buffer = painted(&model, now(), &Theme::plain(symbols), (80, 40));
            for y in 0..40 {
                let mut x = 0;
                while x < 80 {
                    let width = buffer[(x, y)].symbol().cell_width();
                    assert!(x + width <= 80, "{}", lines(&buffer)[usize::from(y)]);
                    for covered in x + 1..x + width {
                        assert_eq!(buffer[(covered, y)].symbol(), " ");
                    }
                    x += width;
                }
            }
            let text = lines(&buffer).join("\n");
            assert!(symbols != Symbols::Ascii || text.is_ascii(), "{text}");
        }
    }
}

/// Every kind of open host.
fn hosts(tab: Tab) -> Vec<Model> {
    let mut gone = live(tab);
    gone.fleet.forget(NAME);
    let mut frozen = live(tab);
    frozen.frozen = Some(Frozen { at: at(60_000), fleet: frozen.fleet.clone(), events: 3 });
    let mut bare = live(tab);
    let summary = bare.fleet.get(NAME).unwrap().summary.clone();
    bare.fleet.forget(NAME);
    bare.fleet.summarise(summary, at(60_000).mono);
    let view = bare.host.as_mut().unwrap();
    (view.connections, view.past_alerts) = (Loaded::Unasked, Loaded::Failed("no".to_owned()));
    view.charts.clear();
    let mut odd = lost(tab);
    let view = odd.host.as_mut().unwrap();
    (view.offset, view.chart_cursor, view.is_full_scale) = (usize::MAX, Some(u16::MAX), false);
    let strange = [f64::NAN, f64::INFINITY, -f64::MAX, f64::MAX, 0.0, -0.0];
    for (chart, unit) in view.charts.iter_mut().zip([Unit::None, Unit::Seconds, Unit::Celsius]) {
        let values = strange.iter().zip(0..);
        let points = values.map(|(value, back)| point(back * 7, *value, 1.0)).collect();
        *chart = self::chart("load1", "", unit, points);
    }
    let far =
        [i64::MIN, i64::MAX, 0].map(|at| HistoryPoint { at: UnixMs(at), ..point(0, 1.0, 1.0) });
    view.charts[0] = self::chart("load1", "", Unit::Bytes, far.to_vec());
    vec![live(tab), gone, frozen, bare, odd]
}

#[test]
fn no_size_panics() {
    let sizes = (1..=130).flat_map(|width| (1..=45).map(move |height| (width, height)));
    let symbols = [Symbols::Braille, Symbols::Block, Symbols::Ascii];
    for tab in Tab::ALL {
        let models = hosts(tab);
        for (index, size) in sizes.clone().chain([(300, 80), (1_000, 3), (3, 500)]).enumerate() {
            let theme = Theme::plain(symbols[index % symbols.len()]);
            // All models at small sizes, one after the other at the large ones.
            let all = size.0 <= 44 && size.1 <= 14 && index % 3 == 0;
            for (at, model) in models.iter().enumerate() {
                if all || at == index / 7 % models.len() {
                    painted(model, now(), &theme, size);
                }
            }
        }
    }
}

#[test]
fn every_state_is_a_word_in_every_part() {
    for state in HostState::ALL {
        for tab in Tab::ALL {
            let mut one = rich(NAME);
            one.state = (*state).into();
            (one.cause, one.certainty) = (Some(Cause::Path.into()), Some(Certainty::Likely.into()));
            let text = lines(&painted(&opened(one, tab), now(), &auto(Symbols::Block), (120, 40)));
            assert!(text[2].ends_with(&state.to_string()), "{}", text[2]);
            let words = format!("{state} (path, likely) for 61 min");
            assert!(tab != Tab::Overview || text[3].contains(&words), "{}", text[3]);
        }
    }
}

/// Measured values in a picture: what ends in `%`, `B`, `B/s` behind a digit.
fn measured(text: &[String]) -> Vec<&str> {
    let words = text.iter().skip(2).flat_map(|line| line.split([' ', ',', '(']));
    words
        .filter(|word| word.ends_with('%') && word.starts_with(|c: char| c.is_ascii_digit()))
        .collect()
}

#[test]
fn no_number_looks_fresh_unless_link_and_host_live() {
    let live_tabs = [Tab::Overview, Tab::Cores, Tab::Disks, Tab::Network, Tab::Processes];
    for tab in live_tabs {
        for size in [(40, 10), (80, 24), (120, 40)] {
            let seen =
                |model: &Model, now| lines(&painted(model, now, &auto(Symbols::Ascii), size));
            let fresh = seen(&live(tab), now());
            let is_shown = tab != Tab::Network && size.1 > 10;
            assert!(!is_shown || !measured(&fresh).is_empty(), "{fresh:#?}");
            for (model, now) in [(live(tab), later(3_000)), (live(tab), later(47_000))] {
                let text = seen(&model, now);
                assert!(measured(&text).is_empty(), "{tab:?} {size:?} {text:#?}");
                assert!(!text.iter().any(|line| line.contains("|..")), "a bar: {text:#?}");
            }
            // The alerts' own words may have shares of their own.
            let mut model = lost(tab);
            model.alerts = live(tab).alerts;
            let text = seen(&model, now());
            assert!(measured(&text).is_empty(), "{tab:?} {text:#?}");
            let text = seen(&live(tab), later(601_000)).join("\n");
            assert!(!text.contains('~') && !text.contains('%'), "withdrawn: {text}");
        }
    }
}

#[test]
fn the_age_of_the_heartbeat_counts_on() {
    let text =
        lines(&painted(&live(Tab::Overview), later(47_000), &auto(Symbols::Block), (80, 24)));
    assert!(text.iter().any(|line| line.contains("heartbeat") && line.contains("47 s ago")));
}

#[test]
fn a_host_that_is_gone_is_a_sentence() {
    let mut model = live(Tab::Cores);
    model.fleet.forget(NAME);
    let text = lines(&painted(&model, now(), &auto(Symbols::Block), (80, 24)));
    assert!(text[3].contains("db-1 is not known any more"), "{}", text[3]);
    assert!(text[4..22].iter().all(String::is_empty));
}

#[test]
fn the_last_line_can_be_scrolled_to_and_no_further() {
    for tab in Tab::ALL {
        for size in [(40, 10), (80, 24), (120, 12)] {
            let mut model = live(tab);
            model.screen.size = Size { width: size.0, height: size.1 };
            let layout = Layout::of(&model);
            let offset_max = super::lines(&model).saturating_sub(layout.main_rows());
            let mut seen = |offset| {
                model.host.as_mut().unwrap().offset = offset;
                lines(&painted(&model, now(), &auto(Symbols::Block), size))
            };
            let last = seen(offset_max);
            assert_eq!(seen(usize::MAX), last, "{tab:?} {size:?}");
            assert!(offset_max == 0 || seen(offset_max - 1) != last, "{tab:?} {size:?}");
        }
    }
}

#[test]
fn an_alert_is_shown_as_it_is_now() {
    let mut model = live(Tab::Alerts);
    let seen =
        |model: &Model| lines(&painted(model, now(), &auto(Symbols::Block), (120, 40))).join("\n");
    assert!(seen(&model).contains("ack bo"));
    let mut settling = alert(2, NAME);
    settling.state = AlertState::Settling.into();
    model.alerts.take(settling, at(60_000).mono);
    model.alerts.take(alert(7, NAME), at(60_000).mono);
    let text = seen(&model);
    assert!(
        text.contains("settling") && text.contains("NEW") && !text.contains("ack bo"),
        "{text}"
    );
}

#[test]
fn nothing_hidden_becomes_a_cell_even_past_the_gate() {
    let hidden = ('\0'..='\u{e01ef}').filter(|c| is_hidden(*c) && u32::from(*c) < 0x2_0000);
    for text in hidden.step_by(997).map(|c| format!("{c}a{c}数{c}")) {
        for tab in Tab::ALL {
            let mut one = rich(NAME);
            (one.address, one.os) = (Some(text.clone()), Some(text.clone()));
            one.evidence.push(text.clone());
            one.labels.push((text.clone(), text.clone()));
            one.processes[0].name.clone_from(&text);
            for metric in ["disk_used_percent", "network_rx_bytes_per_s", "cpu_core_percent"] {
                let (metric, instance) = (metric.to_owned(), text.clone());
                one.series.push(NamedValue { metric, instance, value: 1.0 });
            }
            let mut model = opened(rich(NAME), tab);
            model.fleet.detail(host(one, 60_000), true);
            let mut bad = alert(1, NAME);
            (bad.rule, bad.summary, bad.acked_by) =
                (text.clone(), text.clone(), Some(text.clone()));
            model.alerts.take(bad, at(60_000).mono);
            let view = model.host.as_mut().unwrap();
            view.charts[0].key = SeriesKey::new(&text, &text);
            view.charts[1].points = Loaded::Failed(text.clone());
            if let Loaded::Here(records, _) = &mut view.connections {
                (records[0].address, records[0].reason) = (text.clone(), text.clone());
            }
            let buffer = painted(&model, now(), &auto(Symbols::Braille), (110, 40));
            let shown = buffer.content().iter().flat_map(|cell| cell.symbol().chars());
            let hidden: Vec<char> = shown.filter(|c| is_hidden(*c)).collect();
            assert!(hidden.is_empty(), "{tab:?} {text:?}: {hidden:?}");
        }
    }
}
