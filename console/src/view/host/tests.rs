//! Pictures of the open host, kept beside this file.

mod models;
mod properties;

use ratatui::buffer::CellWidth;
use systole_common::time::Now;
use systole_common::wire::console::NamedValue;

use self::models::{live, lost, opened, rich};
use super::super::tests::{lines, painted, picture};
use crate::model::Model;
use crate::model::host_view::{Chart, ChartSpan, Loaded, Tab};
use crate::model::requests::RequestId;
use crate::testing::at;
use crate::view::theme::{Looks, Symbols, Theme};

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
