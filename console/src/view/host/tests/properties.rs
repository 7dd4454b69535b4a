//! What holds for every picture of an open host, at every size and in every state.

use systole_common::model::alert::AlertState;
use systole_common::model::coded::Coded;
use systole_common::model::host::{Cause, Certainty, HostState};
use systole_common::model::metric::SeriesKey;
use systole_common::text::is_hidden;
use systole_common::wire::console::NamedValue;

use super::models::{hosts, live, lost, opened, rich};
use super::{NAME, auto, later, now};
use crate::model::Model;
use crate::model::host_view::{Loaded, Tab};
use crate::model::screen::Size;
use crate::testing::{alert, at, host};
use crate::view::layout::Layout;
use crate::view::tests::{lines, painted};
use crate::view::theme::{Symbols, Theme};

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
            let offset_max = super::super::lines(&model).saturating_sub(layout.main_rows());
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
