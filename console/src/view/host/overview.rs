//! The overview: state with cause, certainty and evidence, gauges, open alerts, what the host is.

use std::time::Duration;

use systole_common::model::metric::MetricSet;
use systole_common::wire::console::AlertRecord;

use super::facts;
use super::strip::Strip;
use super::{Part, Shown};
use crate::model::alerts::urgency;
use crate::model::fleet::Worth;
use crate::model::talk::{Spot, place_of};
use crate::tables::fleet::state_tone;
use crate::tables::phrase;
use crate::tone::Tone;
use crate::view::alerts::{rule_words, severity, state_words};
use crate::view::figures::{AGE_CELLS, age, clock};
use crate::view::text::Side;

/// From this width on facts stand beside the gauges.
const BESIDE_WIDTH_MIN: usize = 110;
/// Before the names of lines.
const INDENT: usize = 3;
/// Cells of the names of lines.
const NAME_CELLS: usize = 13;
/// Cells of a share.
const SHARE_CELLS: usize = 5;
/// Cells of a bar, by the width that there is.
const BAR_CELLS: [(usize, usize); 3] = [(70, 24), (50, 12), (0, 6)];
/// Cells of what an alert is now.
const ALERT_STATE_CELLS: usize = 10;
/// Below this width an alert is its rule; from it on also what happened.
const SUMMARY_WIDTH_MIN: usize = 60;

/// All of it.
pub(super) fn part(shown: &Shown<'_>) -> Part {
    let mut strips = vec![state(shown)];
    strips.extend(evidence(shown));
    strips.extend(said(shown));
    if shown.width >= BESIDE_WIDTH_MIN {
        let left = shown.width * 3 / 5;
        let vitals = vitals(shown, left);
        let facts = facts::strips(shown, shown.width - left);
        strips.push(Strip::default());
        strips.extend(beside(vitals, facts, left));
        strips.push(Strip::default());
        strips.extend(alerts(shown));
    } else {
        strips.extend(vitals(shown, shown.width));
        strips.extend(alerts(shown));
        strips.extend(facts::strips(shown, shown.width));
    }
    Part::of(strips)
}

/// A name and what there is to say, in exactly `width` cells.
pub(super) fn named(name: &str, text: &str, width: usize, tone: Tone) -> Strip {
    let room = width.saturating_sub(INDENT + NAME_CELLS);
    let name = Strip::default().blank(INDENT).field(name, NAME_CELLS, Side::Left, Tone::Quiet);
    name.field(text, room, Side::Left, tone)
}

/// Cells for a text behind a name.
pub(super) fn room(width: usize) -> usize {
    width.saturating_sub(INDENT + NAME_CELLS)
}

/// Two columns of lines; those to the left take `left` cells.
fn beside(left_strips: Vec<Strip>, right_strips: Vec<Strip>, left: usize) -> Vec<Strip> {
    let count = left_strips.len().max(right_strips.len());
    let blank = Strip::default().blank(left);
    let left_strips = left_strips.into_iter().chain(std::iter::repeat(blank));
    let right_strips = right_strips.into_iter().chain(std::iter::repeat(Strip::default()));
    left_strips.zip(right_strips).take(count).map(|(one, other)| one.then(other)).collect()
}

/// `down (silent, unknown) for 7 s, since 2026-11-21 04:16:00`.
fn state(shown: &Shown<'_>) -> Strip {
    let summary = &shown.row.summary;
    let record = shown.row.detail.as_ref().map(|host| &host.record);
    let facts = shown.row.facts.as_ref();
    let certainty = match record {
        Some(record) => record.certainty,
        None => facts.and_then(|facts| facts.certainty),
    };
    let sure = certainty.map(|certainty| format!(", {certainty}")).unwrap_or_default();
    let words = match summary.cause {
        Some(cause) => format!(" {} ({cause}{sure})", summary.state),
        None => format!(" {}", summary.state),
    };
    let since = summary.since.local();
    let tone = state_tone(summary.state);
    if let Some(at) = shown.model.freshness.shown_at().filter(|_| !shown.is_live) {
        // What became of it meanwhile nobody knows.
        let as_of = format!(" as of {}, since {since}", at.local());
        return Strip::of(words, Tone::Plain).text(as_of, Tone::Warning);
    }
    let span = phrase::span(shown.now.wall.since(summary.since));
    Strip::of(words, tone).text(format!(" for {span}, since {since}"), Tone::Plain)
}

/// The newest line of its chat.
fn said(shown: &Shown<'_>) -> Option<Strip> {
    let talk = &shown.model.talk;
    let said = talk.newest_of(&shown.view.host)?;
    let record = &said.record;
    let unread = talk.spot(&place_of(&shown.view.host)).map_or(0, Spot::unread);
    let unread = if unread > 0 { format!("{unread} unread, ") } else { String::new() };
    let text = record.text.replace('\n', " ");
    let words = format!("{unread}{} {} > {text}", clock(record.time), record.from);
    let tone = if unread.is_empty() { Tone::Plain } else { Tone::Strong };
    Some(named("chat", &words, shown.width, tone))
}

fn evidence(shown: &Shown<'_>) -> Vec<Strip> {
    let record = shown.row.detail.as_ref().map(|host| &host.record);
    let evidence = record.map(|record| record.evidence.as_slice()).unwrap_or_default();
    let line = |(at, text): (usize, &String)| {
        let name = if at == 0 { "evidence" } else { "" };
        named(name, text, shown.width, Tone::Plain)
    };
    evidence.iter().enumerate().map(line).collect()
}

/// Heartbeat and gauges, each in exactly `width` cells.
fn vitals(shown: &Shown<'_>, width: usize) -> Vec<Strip> {
    let age_tone = match shown.worth {
        Worth::Fresh => Tone::Plain,
        Worth::Old | Worth::Withdrawn => Tone::Warning,
    };
    let mut strips = vec![
        heartbeat(shown, width),
        named("values", &shown.age_words(), width, age_tone),
        processor(shown, width),
        memory(shown, width),
        swap(shown, width),
        disk(shown, width),
    ];
    let say = |value| shown.say(value, phrase::load).0;
    let loads = ["load1", "load5", "load15"].map(|metric| say(scalar(shown, metric)));
    strips.push(quiet(shown, "load", &loads.join("  "), width));
    let up = scalar(shown, "uptime_s").filter(|seconds| (0.0..1e12).contains(seconds));
    let up = shown.say(up, |seconds| phrase::span(Duration::from_secs_f64(seconds))).0;
    strips.push(quiet(shown, "up for", &up, width));
    strips.extend(pressure(shown, width));
    strips.extend(temperature(shown, width));
    strips
}

fn heartbeat(shown: &Shown<'_>, width: usize) -> Strip {
    let summary = &shown.row.summary;
    let Some(age) = shown.row.heartbeat_age(shown.now.mono) else {
        return named("heartbeat", "-", width, Tone::Quiet);
    };
    let every = summary.heartbeat_interval_ms.map(|ms| Duration::from_millis(ms.into()));
    let every = every.map(|every| format!(", one every {}", phrase::span(every)));
    let micros = summary.rtt_us.map(|micros| micros as f64);
    let round_trip = micros.map(|_| {
        let say = |micros: f64| phrase::round_trip(Duration::from_secs_f64(micros / 1e6));
        format!("; round trip {}", shown.say(micros, say).0)
    });
    let text = format!(
        "{} ago{}{}",
        phrase::span(age),
        every.unwrap_or_default(),
        round_trip.unwrap_or_default()
    );
    named("heartbeat", &text, width, Tone::Plain)
}

fn processor(shown: &Shown<'_>, width: usize) -> Strip {
    let cores = scalar(shown, "cores").map(|cores| phrase::count(whole(cores), "core"));
    let say = |metric, words: &str| {
        let value = scalar(shown, metric);
        value.map(|_| format!("{} {words}", shown.share(value).0))
    };
    let parts = [cores, say("iowait_percent", "waiting"), say("steal_percent", "stolen")];
    gauge(shown, "processor", scalar(shown, "cpu_percent"), &joined(&parts), width)
}

fn memory(shown: &Shown<'_>, width: usize) -> Strip {
    let summary = shown.row.summary.memory_percent.map(f64::from);
    let metrics = shown.row.detail.as_ref().map(|host| &host.metrics);
    let percent = metrics.and_then(MetricSet::memory_percent).or(summary);
    let words = amounts(shown, "memory_used_bytes", "memory_total_bytes", "");
    gauge(shown, "memory", percent, &words, width)
}

fn swap(shown: &Shown<'_>, width: usize) -> Strip {
    if shown.value("swap_total_bytes", "") == Some(0.0) {
        return named("swap", "none", width, Tone::Quiet);
    }
    let summary = shown.row.summary.swap_percent.map(f64::from);
    let metrics = shown.row.detail.as_ref().map(|host| &host.metrics);
    let percent = metrics.and_then(MetricSet::swap_percent).or(summary);
    let words = amounts(shown, "swap_used_bytes", "swap_total_bytes", "");
    gauge(shown, "swap", percent, &words, width)
}

/// The fullest file system.
fn disk(shown: &Shown<'_>, width: usize) -> Strip {
    let metrics = shown.row.detail.as_ref().map(|host| &host.metrics);
    let all = metrics.into_iter().flat_map(|metrics| metrics.instances("disk_used_percent"));
    let Some((mount, percent)) = all.max_by(|(_, one), (_, other)| one.total_cmp(other)) else {
        let summary = shown.row.summary.disk_percent.map(f64::from);
        return gauge(shown, "fullest disk", summary, "", width);
    };
    let words = amounts(shown, "disk_used_bytes", "disk_total_bytes", mount);
    let words = joined(&[Some(mount.to_owned()), Some(words).filter(|words| !words.is_empty())]);
    gauge(shown, "fullest disk", Some(percent), &words, width)
}

/// `4.0 GiB of 8.0 GiB`.
fn amounts(shown: &Shown<'_>, used: &str, total: &str, instance: &str) -> String {
    match (shown.value(used, instance), shown.value(total, instance)) {
        (used @ Some(_), Some(total)) => {
            format!("{} of {}", shown.say(used, phrase::bytes).0, phrase::bytes(total))
        }
        _ => String::new(),
    }
}

/// A share as bar and number, and what there is to say about it, in exactly `width` cells.
fn gauge(shown: &Shown<'_>, name: &str, percent: Option<f64>, words: &str, width: usize) -> Strip {
    let (text, tone) = shown.share(percent);
    let bar = BAR_CELLS.iter().find(|(from, _)| width >= *from).map_or(0, |(_, cells)| *cells);
    let rest = room(width).saturating_sub(bar + SHARE_CELLS + 3);
    Strip::default()
        .blank(INDENT)
        .field(name, NAME_CELLS, Side::Left, Tone::Quiet)
        .bar(shown.bar(percent), bar, tone)
        .blank(1)
        .field(text, SHARE_CELLS, Side::Right, tone)
        .blank(2)
        .field(words, rest, Side::Left, shown.tone(percent))
}

/// A line of values.
fn quiet(shown: &Shown<'_>, name: &str, text: &str, width: usize) -> Strip {
    named(name, text, width, shown.tone(Some(0.0)))
}

/// Tasks that wait for something, where the kernel counts them.
fn pressure(shown: &Shown<'_>, width: usize) -> Option<Strip> {
    let kinds = [
        ("processor", "pressure_cpu_some_percent"),
        ("memory", "pressure_memory_some_percent"),
        ("disks", "pressure_io_some_percent"),
    ];
    let parts = kinds.map(|(word, metric)| {
        let value = shown.value(metric, "");
        value.map(|_| format!("{word} {}", shown.share(value).0))
    });
    let text = joined(&parts);
    (!text.is_empty()).then(|| quiet(shown, "pressure", &text, width))
}

/// The warmest sensor.
fn temperature(shown: &Shown<'_>, width: usize) -> Option<Strip> {
    let metrics = &shown.row.detail.as_ref()?.metrics;
    let all = metrics.instances("temperature_celsius");
    let (sensor, value) = all.max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    let (text, _) = shown.say(Some(value), |celsius| format!("{celsius:.0} C"));
    Some(quiet(shown, "warmest", &joined(&[Some(text), Some(sensor.to_owned())]), width))
}

/// A value without an instance, also where no detail is here.
fn scalar(shown: &Shown<'_>, metric: &str) -> Option<f64> {
    let summary = &shown.row.summary;
    let values = shown.row.values.as_ref();
    let column = || match metric {
        "cpu_percent" => summary.cpu_percent,
        "load1" => summary.load1,
        "load5" => values?.load5,
        "load15" => values?.load15,
        "cores" => values?.cores,
        "uptime_s" => values?.uptime_s,
        "iowait_percent" => values?.iowait_percent,
        "steal_percent" => values?.steal_percent,
        _ => None,
    };
    shown.value(metric, "").or_else(|| column().map(f64::from))
}

/// Open alerts, the most urgent first.
fn alerts(shown: &Shown<'_>) -> Vec<Strip> {
    let own = |alert: &&AlertRecord| alert.host.as_deref() == Some(&shown.view.host);
    let mut open: Vec<&AlertRecord> = shown.model.alerts.open().filter(own).collect();
    if open.is_empty() {
        return vec![named("alerts", "none open", shown.width, Tone::Quiet)];
    }
    open.sort_by_key(|alert| urgency(alert));
    let head = named("alerts", &format!("{} open", open.len()), shown.width, Tone::Strong);
    let line = |alert: &&AlertRecord| {
        let (letter, tone) = severity(alert);
        let (state, state_tone) = state_words(shown.model, alert);
        let mut words = rule_words(alert);
        if shown.width >= SUMMARY_WIDTH_MIN {
            words = format!("{words}: {}", alert.summary);
        }
        Strip::default()
            .blank(INDENT)
            .text(letter.to_string(), tone)
            .field(age(shown.now.wall.since(alert.since)), AGE_CELLS + 1, Side::Right, Tone::Plain)
            .blank(2)
            .field(state, ALERT_STATE_CELLS, Side::Left, state_tone)
            .blank(1)
            .text(words, Tone::Plain)
    };
    std::iter::once(head).chain(open.iter().map(line)).collect()
}

fn joined(parts: &[Option<String>]) -> String {
    parts.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// A count that came as a measured value.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of cores; a cast saturates"
)]
fn whole(value: f64) -> usize {
    value.round() as usize
}
