//! The open host: what is asked for which tab and when, charts, and answers that come late.

use std::time::Duration;

use systole_common::model::metric::Unit;
use systole_common::wire::console::ConnectionRecord;
use systole_common::wire::history::{HistoryPage, HistoryPoint, Tier};

use super::*;
use crate::model::host_view::{ChartSpan, Loaded, Tab};
use crate::model::range::Step;
use crate::testing::{WALL, record};

fn page(points: Vec<HistoryPoint>) -> Answer {
    let (tier, unit) = (Tier::Raw.into(), Unit::Percent.into());
    Answer::History(HistoryPage { tier, unit, step_ms: 60_000, points })
}

/// The open host's charts, asked for; the numbers of the questions.
fn charts() -> (Rig, Vec<RequestId>) {
    let mut rig = rig();
    rig.keys("jo");
    rig.run(1_000, true);
    rig.detail(record("web-1"));
    let cmds = rig.keys("lllll");
    assert_eq!(rig.model.host.as_ref().unwrap().tab, Tab::Charts);
    let request = |cmd: &Cmd| match cmd {
        Cmd::Ask { request, question: Question::History { host, .. } } if host == "web-1" => {
            *request
        }
        other => panic!("{other:?}"),
    };
    let requests = cmds.iter().map(request).collect();
    (rig, requests)
}

fn histories(cmds: &[Cmd]) -> usize {
    let is_history =
        |cmd: &&Cmd| matches!(cmd, Cmd::Ask { question: Question::History { .. }, .. });
    cmds.iter().filter(is_history).count()
}

#[test]
fn tabs_go_around_and_ask_only_for_what_they_show() {
    let mut rig = rig();
    assert_eq!(rig.keys("ollll"), [], "what the feed details is not asked for");
    assert_eq!(histories(&rig.keys("l")), 3, "without details what every host has");
    let cmds = rig.keys("l");
    assert_eq!(*asked(&cmds).1, Question::Alerts { host: "db-1".to_owned() });
    let cmds = rig.keys("<Tab>");
    assert_eq!(*asked(&cmds).1, Question::Connections { host: "db-1".to_owned() });
    let cmds = rig.keys("<Right>");
    assert!(matches!(asked(&cmds).1, Question::Messages { place, .. } if place.is_some()));
    assert_eq!(*asked(&rig.keys("l")).1, Question::Files { host: Some("db-1".to_owned()) });
    rig.keys("<Right>");
    assert_eq!(rig.model.host.as_ref().unwrap().tab, Tab::Overview);
    assert_eq!(rig.keys("hhh"), [], "the answers are still awaited");
    assert_eq!(rig.model.host.as_ref().unwrap().tab, Tab::Connections);
}

#[test]
fn answers_are_shown_failures_said_and_late_ones_dropped() {
    let mut rig = rig();
    let cmds = rig.keys("ohhhh<Left>l");
    let past = cmds.iter().find_map(|cmd| match cmd {
        Cmd::Ask { request, question: Question::Alerts { .. } } => Some(*request),
        _ => None,
    });
    rig.reply(past.unwrap(), Err("the daemon is busy"));
    let view = rig.model.host.as_ref().unwrap();
    assert_eq!(view.past_alerts, Loaded::Failed("the daemon is busy".to_owned()));
    let cmds = rig.keys("l");
    assert_eq!(cmds, [], "connections were asked for on the way");
    let last = RequestId(rig.model.requests.last);
    let request = rig.model.requests.pending.iter().find_map(|(id, purpose)| {
        (*purpose == crate::model::requests::Purpose::Connections).then_some(*id)
    });
    let connection = ConnectionRecord {
        at: WALL,
        connected: true,
        address: "10.0.0.7:1\u{1b}".to_owned(),
        reason: "hello".to_owned(),
    };
    rig.reply(request.unwrap(), Ok(Answer::Connections(vec![connection])));
    let view = rig.model.host.as_ref().unwrap();
    assert_eq!(view.connections.value().unwrap()[0].address, "10.0.0.7:1\\x1b");
    rig.reply(last, Ok(Answer::Connections(Vec::new())));
    rig.keys("1");
    rig.reply(RequestId(1), Ok(Answer::Done));
    assert!(rig.model.host.is_none());
}

#[test]
fn a_page_further_down_leaves_no_line_out() {
    let mut rig = rig();
    let cmds = rig.keys("ohhh");
    let request = cmds.iter().find_map(|cmd| match cmd {
        Cmd::Ask { request, question: Question::Connections { .. } } => Some(*request),
        _ => None,
    });
    let connection = ConnectionRecord {
        at: WALL,
        connected: true,
        address: "10.0.0.7:1".to_owned(),
        reason: "hello".to_owned(),
    };
    rig.reply(request.unwrap(), Ok(Answer::Connections(vec![connection; 100])));
    rig.keys("<PgDn>");
    let (heads, _) = crate::view::host::extent(&rig.model);
    let shown = crate::view::layout::Layout::of(&rig.model).main_rows() - heads;
    assert!(heads > 0);
    assert_eq!(rig.model.host.as_ref().unwrap().offset, shown, "the line behind the last one");
}

#[test]
fn four_series_of_the_host_are_charted() {
    let (rig, requests) = charts();
    let view = rig.model.host.as_ref().unwrap();
    let keys: Vec<String> = view
        .charts
        .iter()
        .map(|chart| crate::model::history::series_name(&chart.key.metric, &chart.key.instance))
        .collect();
    let expected = [
        "cpu_percent",
        "memory_used_bytes",
        "disk_used_percent[/var]",
        "network_rx_bytes_per_s[eth0]",
    ];
    assert_eq!(keys, expected);
    assert_eq!(requests.len(), 4);
    let (range, step) = view.charts[0].asked.unwrap();
    assert_eq!(step, Step::EveryMs(60_000));
    let columns = u64::from(crate::update::host::chart_columns(&rig.model));
    let steps = range.to.0.abs_diff(range.from.0) / step.ms();
    assert!(steps <= columns + 1 && steps > columns / 2, "{steps} steps in {columns} columns");
}

#[test]
fn charts_are_asked_for_again_as_they_go_on_and_not_while_frozen_or_unheard() {
    let (mut rig, requests) = charts();
    assert_eq!(histories(&rig.run(70_000, true)), 0, "not while answers are awaited");
    for request in requests {
        rig.reply(request, Ok(page(Vec::new())));
    }
    assert_eq!(histories(&rig.run(59_000, true)), 0);
    assert_eq!(histories(&rig.run(2_000, true)), 4);
    let pending: Vec<RequestId> = rig.model.requests.pending.keys().copied().collect();
    for request in pending {
        rig.reply(request, Err("the link is down"));
    }
    let view = rig.model.host.as_ref().unwrap();
    assert!(view.charts[0].points.value().is_some(), "what was there stays");
    rig.keys("<Space>");
    assert_eq!(histories(&rig.run(120_000, true)), 0, "it stands still");
    assert_eq!(histories(&rig.keys("<Space>")), 4);
    let pending: Vec<RequestId> = rig.model.requests.pending.keys().copied().collect();
    for request in pending {
        rig.reply(request, Ok(page(Vec::new())));
    }
    assert_eq!(histories(&rig.run(120_000, false)), 0, "the daemon is not heard");
}

#[test]
fn zoom_asks_for_another_range_and_drops_answers_about_the_old_one() {
    let (mut rig, old) = charts();
    assert_eq!(histories(&rig.keys("-")), 4);
    assert_eq!(rig.model.host.as_ref().unwrap().span, ChartSpan::SixHours);
    let point = HistoryPoint { at: WALL, min: 1.0, max: 1.0, mean: 1.0, count: 1 };
    rig.reply(old[0], Ok(page(vec![point])));
    assert!(rig.model.host.as_ref().unwrap().charts[0].points.value().is_none());
    rig.keys("---");
    assert_eq!(rig.model.host.as_ref().unwrap().span, ChartSpan::Month);
    assert_eq!(rig.keys("-"), []);
    assert_eq!(rig.notice(), "30 d is the longest range");
    let (range, _) = rig.model.host.as_ref().unwrap().charts[0].asked.unwrap_or_else(|| {
        panic!("{:?}", rig.model.requests.pending.len());
    });
    let days = range.to.since(range.from);
    assert!(days >= Duration::from_hours(720) && days < Duration::from_hours(760), "{days:?}");
    rig.keys("++++");
    assert_eq!(rig.keys("+"), []);
    assert_eq!(rig.notice(), "1 h is the shortest range");
}

#[test]
fn the_charts_cursor_moves_within_them_and_stays_on_its_moment() {
    let (mut rig, requests) = charts();
    let cursor = |rig: &Rig| rig.model.host.as_ref().unwrap().chart_cursor;
    rig.keys("]");
    assert_eq!(cursor(&rig), Some(0));
    rig.keys("[[[]");
    assert_eq!(cursor(&rig), Some(2));
    for request in requests {
        rig.reply(request, Ok(page(Vec::new())));
    }
    rig.run(61_000, true);
    assert_eq!(cursor(&rig), Some(3), "a step passed");
    rig.keys(&"[".repeat(500));
    assert_eq!(cursor(&rig), Some(crate::update::host::chart_columns(&rig.model) - 1));
    rig.keys("0");
    assert_eq!(cursor(&rig), None);
    rig.keys("[<Esc>");
    assert_eq!((cursor(&rig), rig.model.host.as_ref().unwrap().tab), (None, Tab::Charts));
    rig.keys("=");
    assert!(!rig.model.host.as_ref().unwrap().is_full_scale);
}

#[test]
fn a_long_part_scrolls_to_its_end_and_no_further() {
    let mut rig = rig();
    let mut host = record("web-1");
    for core in 0..400 {
        host.series.push(systole_common::wire::console::NamedValue {
            metric: "cpu_core_percent".to_owned(),
            instance: format!("{core:03}"),
            value: 1.0,
        });
    }
    rig.keys("jo");
    rig.run(1_000, true);
    rig.detail(host);
    rig.keys("lG");
    let rows = crate::view::layout::Layout::of(&rig.model).main_rows();
    let end = crate::view::host::lines(&rig.model) - rows;
    assert!(end > rows + 2, "{end}");
    assert_eq!(rig.model.host.as_ref().unwrap().offset, end);
    rig.keys("kk<PgUp>");
    let (heads, _) = crate::view::host::extent(&rig.model);
    assert_eq!(rig.model.host.as_ref().unwrap().offset, end - 2 - (rows - heads));
    rig.keys("h");
    assert_eq!(rig.model.host.as_ref().unwrap().offset, 0);
}
