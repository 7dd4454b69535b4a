//! The alerts of the host, open and ended: when, for how long, who had them.

use std::collections::BTreeSet;

use systole_common::ids::AlertId;
use systole_common::time::UnixMs;
use systole_common::wire::console::AlertRecord;

use super::strip::{Column, Columns, Strip};
use super::{Part, Shown};
use crate::model::Model;
use crate::model::alerts::is_open;
use crate::model::host_view::HostView;
use crate::tone::Tone;
use crate::view::alerts::{rule_words, severity, state_words, summary};
use crate::view::figures::age;

/// Lines above the alerts that stay.
pub const HEADS: usize = 2;
const COLUMNS: [Column; 8] = [
    Column::words("S", 1, 0),
    Column::numbers("ID", 4, 3),
    Column::words("SINCE", 11, 1),
    Column::numbers("LASTED", 6, 0),
    Column::words("STATE", 10, 0),
    Column::words("BY", 8, 4),
    Column::words("RULE", 14, 2),
    Column::words("WHAT", 16, 0).wide(),
];

/// Open ones first, as the feed has them now, then those that were answered.
pub(super) fn part(shown: &Shown<'_>) -> Part {
    let loaded = &shown.view.past_alerts;
    let columns = Columns::of(&COLUMNS, shown.width);
    let records = records(shown.model, shown.view);
    let empty = "none of this host is on record";
    let words =
        shown.asked_words(loaded, empty).filter(|words| words != empty || records.is_empty());
    let words = shown.as_of(loaded).into_iter().chain(words).map(|words| format!("; {words}"));
    let title = Strip::of(format!(" ALERTS {}", records.len()), Tone::Strong)
        .text(words.collect::<String>(), Tone::Warning);
    let heads = vec![title, columns.heads()];
    let first = shown.first(records.len(), heads.len());
    let visible = records.iter().skip(first).take(shown.rows);
    let selected = selected(shown.view, &records);
    let strips = visible.map(|alert| line(shown, &columns, alert, selected == Some(alert.id)));
    let strips = strips.collect();
    Part { heads, total: records.len(), first, strips }
}

/// Those of the feed that the answer does not have, then the answer, each as it is now.
pub fn records<'a>(model: &'a Model, view: &'a HostView) -> Vec<&'a AlertRecord> {
    let alerts = &model.alerts;
    let answered = view.past_alerts.value().map(Vec::as_slice).unwrap_or_default();
    let known: BTreeSet<_> = answered.iter().map(|alert| alert.id).collect();
    let own = |alert: &&AlertRecord| alert.host.as_deref() == Some(&view.host);
    let mut newer: Vec<&AlertRecord> = alerts
        .open()
        .chain(alerts.ended())
        .filter(own)
        .filter(|alert| !known.contains(&alert.id))
        .collect();
    newer.sort_by_key(|alert| std::cmp::Reverse((is_open(alert), alert.since, alert.id)));
    let answered = answered.iter().map(|alert| alerts.get(alert.id).unwrap_or(alert));
    newer.into_iter().chain(answered).collect()
}

/// The alert that the cursor is on: where it is gone, the first.
pub fn selected(view: &HostView, records: &[&AlertRecord]) -> Option<AlertId> {
    let is_there = |id: &AlertId| records.iter().any(|alert| alert.id == *id);
    view.alert.filter(is_there).or_else(|| records.first().map(|alert| alert.id))
}

fn line(shown: &Shown<'_>, columns: &Columns, alert: &AlertRecord, is_selected: bool) -> Strip {
    let (letter, tone) = severity(alert);
    let (state, state_tone) = state_words(shown.model, alert);
    let is_open = is_open(alert);
    let text_tone = if is_open { Tone::Plain } else { Tone::Quiet };
    let end = alert.resolved_at.filter(|_| !is_open).unwrap_or(shown.now.wall);
    let by = alert.acked_by.clone().unwrap_or_default();
    let texts = [
        (letter.to_string(), tone),
        (alert.id.0.to_string(), Tone::Quiet),
        (short_time(alert.since), text_tone),
        (age(end.since(alert.since)), text_tone),
        (state, state_tone),
        (by, text_tone),
        (rule_words(alert), text_tone),
        (summary(alert), text_tone),
    ];
    if is_selected {
        return Strip::of(">", Tone::Strong).then(columns.texts_from(&texts, 0)).reversed();
    }
    columns.texts(&texts)
}

/// `11-21 04:16`, local.
fn short_time(at: UnixMs) -> String {
    at.local().get(5..16).unwrap_or_default().to_owned()
}
