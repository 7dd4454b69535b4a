//! The open host: its tabs, and what is asked of the daemon for the one that is shown.
//!
//! Questions are asked when a part is shown, and again while it stays, as often as an answer can have
//! changed; none while the daemon is not heard.

use std::time::Duration;

use systole_common::model::metric::{MetricSet, SeriesKey};
use systole_common::time::{Mono, Now, UnixMs, millis};
use systole_common::wire::console::{AlertRecord, ConnectionRecord};
use systole_common::wire::history::HistoryPage;

use super::{host_scroll, requests};
use crate::cmd::{Cmd, Question};
use crate::limits::{CHARTS_MAX, HOST_ASKED_AGAIN};
use crate::model::freshness::Trust;
use crate::model::host_view::{Chart, ChartSpan, HostView, Loaded, Tab};
use crate::model::range::{Range, Step};
use crate::model::requests::{Purpose, RequestId};
use crate::model::screen::View;
use crate::model::{Dirty, Model};
use crate::msg::Answer;
use crate::tone::Tone;
use crate::view::layout::Layout;

/// Cells beside a chart: its scale.
const AXIS_WIDTH: u16 = 8;
/// What an answer is called that is of another kind than the question.
const STRANGE: &str = "the daemon answered something else";
/// Wait for room for a question.
const NO_ROOM_WAIT: Duration = Duration::from_secs(1);
/// Longest wait until charts are asked for again: their newest step grows meanwhile.
const CHART_ASKED_AGAIN: Duration = Duration::from_mins(1);
/// Fewer columns than this no chart has.
const COLUMNS_MIN: u16 = 20;

/// Opens `name`; the one that was open before is forgotten unless it is the same.
pub(super) fn open(model: &mut Model, now: Now, name: &str) -> Vec<Cmd> {
    if model.host.as_ref().is_none_or(|host| host.host != name) {
        model.host = Some(HostView::new(name));
    }
    due(model, now)
}

/// The next tab, or the one before.
pub(super) fn turn(model: &mut Model, now: Now, is_forward: bool) -> Vec<Cmd> {
    let Some(host) = &mut model.host else { return Vec::new() };
    host.tab = neighbour(&Tab::ALL, host.tab, is_forward, true);
    (host.offset, host.chart_cursor, host.asked_at) = (0, None, None);
    host.alert = None;
    due(model, now)
}

/// A longer range, or a shorter one.
pub(super) fn zoom(model: &mut Model, now: Now, is_longer: bool) -> Vec<Cmd> {
    let Some(host) = &mut model.host else { return Vec::new() };
    let span = neighbour(&ChartSpan::ALL, host.span, is_longer, false);
    if span == host.span {
        let end = if is_longer { "longest" } else { "shortest" };
        let text = format!("{} is the {end} range", span.title());
        requests::say(model, now, Tone::Plain, text);
        return Vec::new();
    }
    host.span = span;
    (host.chart_cursor, host.asked_at) = (None, None);
    for chart in &mut host.charts {
        // Points of another range would be drawn as if they were of this one.
        (chart.points, chart.asked) = (Loaded::Unasked, None);
    }
    due(model, now)
}

/// The one after `current`, or before it; around the ends, or no further.
fn neighbour<T: Copy + PartialEq>(all: &[T], current: T, is_forward: bool, is_round: bool) -> T {
    let at = all.iter().position(|one| *one == current).unwrap_or(0);
    let last = all.len().saturating_sub(1);
    let next = match (is_forward, is_round) {
        (true, true) if at == last => 0,
        (false, true) if at == 0 => last,
        (true, _) => (at + 1).min(last),
        (false, _) => at.saturating_sub(1),
    };
    all.get(next).copied().unwrap_or(current)
}

/// The charts' cursor one column back, or on.
pub(super) fn chart_cursor(model: &mut Model, is_earlier: bool) {
    let columns = chart_columns(model);
    let Some(host) = &mut model.host else { return };
    host.chart_cursor = Some(match (host.chart_cursor, is_earlier) {
        (None, _) => 0,
        (Some(at), true) => at.saturating_add(1).min(columns - 1),
        (Some(at), false) => at.saturating_sub(1),
    });
}

/// No cursor: the newest values.
pub(super) fn without_cursor(model: &mut Model) {
    if let Some(host) = &mut model.host {
        host.chart_cursor = None;
    }
}

/// Scale of its own, or 0 to 100.
pub(super) fn scale(model: &mut Model) {
    if let Some(host) = &mut model.host {
        host.is_full_scale = !host.is_full_scale;
    }
}

/// Columns of a chart on this screen.
pub fn chart_columns(model: &Model) -> u16 {
    Layout::of(model).main.width.saturating_sub(AXIS_WIDTH).max(COLUMNS_MIN)
}

/// What is to be asked now. To be called after every event; asks nothing while nothing is due.
pub fn due(model: &mut Model, now: Now) -> Vec<Cmd> {
    if next_deadline(model, now).is_none_or(|at| at > now.mono) {
        return Vec::new();
    }
    choose_charts(model);
    let questions = questions(model, now);
    let mut cmds = Vec::new();
    for (purpose, question) in questions {
        // Without room for the question it is asked again like one that failed.
        if let Ok((request, cmd)) = requests::ask(model, purpose.clone(), question) {
            mark(model, &purpose, request);
            cmds.push(cmd);
        }
    }
    if let Some(host) = &mut model.host {
        host.asked_at = Some(now.mono);
    }
    cmds
}

/// When something is to be asked next; `None`: never, as things are.
pub fn next_deadline(model: &Model, now: Now) -> Option<Mono> {
    let host = model.host.as_ref().filter(|_| model.screen.view == View::Host)?;
    let again = asked_again(host)?;
    let is_live = model.freshness.trust(now.mono) == Trust::Live;
    match host.asked_at {
        _ if !is_live => None,
        None => Some(now.mono),
        // What somebody reads stands still.
        Some(_) if model.frozen.is_some() => None,
        Some(at) => Some(at.plus(again)),
    }
}

/// After how long the shown part is asked for again; `None`: it needs nothing, or waits for an answer.
fn asked_again(host: &HostView) -> Option<Duration> {
    let is_awaited = match host.tab {
        Tab::Overview
        | Tab::Cores
        | Tab::Disks
        | Tab::Network
        | Tab::Processes
        | Tab::Chat
        | Tab::Files => return None,
        // There was no room for all questions.
        Tab::Charts if host.charts.iter().any(is_unasked) => return Some(NO_ROOM_WAIT),
        Tab::Charts => host.charts.iter().any(|chart| is_awaited(&chart.points)),
        Tab::Alerts => is_awaited(&host.past_alerts),
        Tab::Connections => is_awaited(&host.connections),
    };
    if is_awaited {
        return None;
    }
    let is_here = |chart: &Chart| matches!(chart.points, Loaded::Here(..));
    let is_whole = host.tab == Tab::Charts && host.charts.iter().all(is_here);
    let step = host.charts.iter().find_map(|chart| chart.asked).map(|(_, step)| step.ms());
    let step = step.map(Duration::from_millis).filter(|_| is_whole);
    Some(step.map_or(HOST_ASKED_AGAIN, |step| step.clamp(HOST_ASKED_AGAIN, CHART_ASKED_AGAIN)))
}

fn is_unasked(chart: &Chart) -> bool {
    matches!(chart.points, Loaded::Unasked)
}

fn is_awaited<T>(loaded: &Loaded<T>) -> bool {
    matches!(loaded, Loaded::Asked(..))
}

/// The questions of the shown part.
fn questions(model: &mut Model, now: Now) -> Vec<(Purpose, Question)> {
    let columns = chart_columns(model);
    let Some(view) = &mut model.host else { return Vec::new() };
    let host = view.host.clone();
    match view.tab {
        Tab::Overview
        | Tab::Cores
        | Tab::Disks
        | Tab::Network
        | Tab::Processes
        | Tab::Chat
        | Tab::Files => Vec::new(),
        Tab::Alerts => vec![(Purpose::PastAlerts, Question::Alerts { host })],
        Tab::Connections => vec![(Purpose::Connections, Question::Connections { host })],
        Tab::Charts => {
            let Some((range, step)) = chart_range(view.span, columns, now.wall) else {
                return Vec::new();
            };
            keep_cursor_in_time(view, range, step, columns);
            let question = |(place, chart): (usize, &mut Chart)| {
                chart.asked = Some((range, step));
                let key = chart.key.clone();
                (Purpose::Chart(place), Question::History { host: host.clone(), key, range, step })
            };
            let all = view.charts.iter_mut().enumerate();
            all.filter(|(_, chart)| !is_awaited(&chart.points)).map(question).collect()
        }
    }
}

/// The whole steps up to `now` that `span` has, not more of them than `columns` and one.
fn chart_range(span: ChartSpan, columns: u16, now: UnixMs) -> Option<(Range, Step)> {
    let step = Step::at_least(millis(span.span()).div_ceil(u64::from(columns)));
    let range = Range::new(now.minus(span.span()), now, now).and_then(|range| range.whole(step));
    range.ok().map(|range| (range, step))
}

/// The cursor stays on its moment when the charts move on.
fn keep_cursor_in_time(view: &mut HostView, range: Range, step: Step, columns: u16) {
    let before = view.charts.iter().find_map(|chart| chart.asked);
    if let Some((old, old_step)) = before
        && let Some(at) = view.chart_cursor
        && old_step == step
        && let Some(steps) = range.to.0.abs_diff(old.to.0).checked_div(step.ms())
    {
        let moved = at.saturating_add(u16::try_from(steps).unwrap_or(u16::MAX));
        view.chart_cursor = Some(moved.min(columns - 1));
    }
}

fn mark(model: &mut Model, purpose: &Purpose, request: RequestId) {
    let Some(view) = &mut model.host else { return };
    match purpose {
        Purpose::Connections => view.connections.ask(request),
        Purpose::PastAlerts => view.past_alerts.ask(request),
        Purpose::Chart(place) => {
            if let Some(chart) = view.charts.get_mut(*place) {
                chart.points.ask(request);
            }
        }
        Purpose::Ack(_)
        | Purpose::Unack(_)
        | Purpose::Resolve(_)
        | Purpose::Retire(_)
        | Purpose::Say(_)
        | Purpose::Messages(_)
        | Purpose::Accept(_)
        | Purpose::Reject(_)
        | Purpose::Files => {}
    }
}

/// The series that are drawn. What is the fullest or the busiest is chosen once, so that no chart
/// changes under the eyes.
fn choose_charts(model: &mut Model) {
    let Some(view) = &mut model.host else { return };
    if view.tab != Tab::Charts {
        return;
    }
    let detail = model.fleet.get(&view.host).and_then(|row| row.detail.as_ref());
    let wanted = chart_keys(detail.map(|host| &host.metrics));
    let metrics = |key: &SeriesKey| key.metric.clone();
    if view.charts.iter().map(|chart| metrics(&chart.key)).eq(wanted.iter().map(metrics)) {
        return;
    }
    let mut before = std::mem::take(&mut view.charts);
    for key in wanted {
        let same = before.iter().position(|chart| chart.key == key);
        let mut chart = match same {
            Some(at) => before.swap_remove(at),
            None => Chart { key, asked: None, points: Loaded::Unasked },
        };
        // Answers are told apart by place; one that is on its way was for another.
        chart.points.forget_question();
        view.charts.push(chart);
    }
}

/// Four series that say how a host is: processor, memory, the fullest file system, the busiest
/// interface; the load in place of one that it does not have.
fn chart_keys(metrics: Option<&MetricSet>) -> Vec<SeriesKey> {
    let alone = |metric: &str| SeriesKey::new(metric, "");
    let Some(metrics) = metrics.filter(|metrics| !metrics.is_empty()) else {
        return vec![alone("cpu_percent"), alone("memory_used_percent"), alone("load1")];
    };
    let has = |metric: &str| metrics.value(metric, "").map(|_| alone(metric));
    let highest = |metric: &'static str| {
        let all = metrics.instances(metric);
        let most = all.max_by(|(_, one), (_, other)| one.total_cmp(other));
        most.map(|(instance, _)| SeriesKey::new(metric, instance))
    };
    let memory = has("memory_used_percent").or_else(|| has("memory_used_bytes"));
    let first = [
        has("cpu_percent"),
        memory,
        highest("disk_used_percent"),
        highest("network_rx_bytes_per_s"),
    ];
    let spare = [has("load1"), highest("network_tx_bytes_per_s")];
    first.into_iter().chain(spare).flatten().take(CHARTS_MAX).collect()
}

/// An answer for the open host; one that nothing waits for any more is dropped.
pub(super) fn answered(
    model: &mut Model,
    now: Now,
    request: RequestId,
    purpose: &Purpose,
    answer: Result<Answer, String>,
) {
    let Some(view) = &mut model.host else { return };
    match purpose {
        Purpose::Connections if view.connections.waits_for(request) => {
            view.connections.answer(answer.and_then(connections), now.wall);
        }
        Purpose::PastAlerts if view.past_alerts.waits_for(request) => {
            view.past_alerts.answer(answer.and_then(alerts), now.wall);
        }
        Purpose::Chart(place) => {
            let chart = view.charts.get_mut(*place);
            if let Some(chart) = chart.filter(|chart| chart.points.waits_for(request)) {
                chart.points.answer(answer.and_then(history), now.wall);
            }
        }
        Purpose::Connections
        | Purpose::PastAlerts
        | Purpose::Ack(_)
        | Purpose::Unack(_)
        | Purpose::Resolve(_)
        | Purpose::Retire(_)
        | Purpose::Say(_)
        | Purpose::Messages(_)
        | Purpose::Accept(_)
        | Purpose::Reject(_)
        | Purpose::Files => return,
    }
    view.asked_at = Some(now.mono);
    model.dirty = Dirty::Now;
    host_scroll::keep_inside(model);
}

fn connections(answer: Answer) -> Result<Vec<ConnectionRecord>, String> {
    match answer {
        Answer::Connections(records) => Ok(records),
        Answer::Done => Ok(Vec::new()),
        Answer::Alerts(_) | Answer::History(_) | Answer::Messages(_) | Answer::Files(_) => {
            Err(STRANGE.to_owned())
        }
    }
}

fn alerts(answer: Answer) -> Result<Vec<AlertRecord>, String> {
    match answer {
        Answer::Alerts(records) => Ok(records),
        Answer::Done => Ok(Vec::new()),
        Answer::Connections(_) | Answer::History(_) | Answer::Messages(_) | Answer::Files(_) => {
            Err(STRANGE.to_owned())
        }
    }
}

pub(super) fn history(answer: Answer) -> Result<HistoryPage, String> {
    match answer {
        Answer::History(page) => Ok(page),
        Answer::Done
        | Answer::Connections(_)
        | Answer::Alerts(_)
        | Answer::Messages(_)
        | Answer::Files(_) => Err(STRANGE.to_owned()),
    }
}
