//! Models of an open host for the pictures and the properties: rich, lost, bare, odd.

use std::time::Duration;

use systole_common::model::alert::{Overlay, Severity};
use systole_common::model::metric::{SeriesKey, Unit};
use systole_common::time::UnixMs;
use systole_common::wire::agent::ProcessSample;
use systole_common::wire::console::{AlertRecord, ConnectionRecord, HostRecord, NamedValue};
use systole_common::wire::history::{HistoryPage, HistoryPoint, Tier};

use super::NAME;
use crate::model::freshness::Peer;
use crate::model::host_view::{Chart, HostView, Loaded, Tab};
use crate::model::range::{Range, Step};
use crate::model::screen::{Size, View};
use crate::model::{Frozen, Manners, Model, entry};
use crate::testing::{WALL, alert, at, down, host, record, resolved};
use crate::view::theme::{SYMBOL_NAMES, THEME_NAMES};

/// A host with more than one of everything.
pub(super) fn rich(name: &str) -> HostRecord {
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
pub(super) fn opened(record: HostRecord, tab: Tab) -> Model {
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

pub(super) fn live(tab: Tab) -> Model {
    opened(rich(NAME), tab)
}

/// A host that is down, with an alert.
pub(super) fn lost(tab: Tab) -> Model {
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

/// Every kind of open host.
pub(super) fn hosts(tab: Tab) -> Vec<Model> {
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
