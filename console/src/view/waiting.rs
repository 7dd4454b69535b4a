//! The line above the hints: what waits for a human, or the last word about what somebody did.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use systole_common::model::file::hash_text;
use systole_common::time::Now;

use super::alerts::severity;
use super::figures::{self, age};
use super::files;
use super::text::Pen;
use super::theme::{Symbols, Theme};
use crate::model::Model;
use crate::model::freshness::LinkState;
use crate::tone::Tone;

/// Cells of an offered name.
const NAME_CELLS: usize = 28;
/// Between two parts.
const GAP: usize = 3;
/// With less room there is one part only.
const SECOND_CELLS_MIN: usize = 20;

/// Draws it.
pub(super) fn draw(model: &Model, now: Now, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let mut pen = Pen::on(buffer, theme, area);
    pen.skip(1);
    let waits = waits(model, now);
    let said = said(model, now);
    // What began after the last word comes before it; else it stands behind it.
    let is_newer = model.alarm().is_some();
    let parts = if is_newer { [waits, said] } else { [said, waits] };
    let parts: Vec<(String, Tone)> = parts.into_iter().flatten().collect();
    if parts.is_empty() && model.is_live(now) {
        pen.say("nothing waits for you", Tone::Quiet);
    }
    for (at, (text, tone)) in parts.iter().enumerate() {
        pen.skip(if at > 0 { GAP } else { 0 });
        if at == 0 || pen.room() >= SECOND_CELLS_MIN {
            pen.say(text, *tone);
        }
    }
}

/// What a prompt has to say comes first, then the last word, then the link.
fn said(model: &Model, now: Now) -> Option<(String, Tone)> {
    if let Some(prompt) = &model.prompt {
        if let Some(error) = &prompt.error {
            return Some((error.text.clone(), Tone::Bad));
        }
        if !prompt.completions.is_empty() {
            return Some((format!("Tab: {}", prompt.completions.join("  ")), Tone::Quiet));
        }
    }
    if model.screen.leaving_until.is_some_and(|until| now.mono < until) {
        return Some(("q again leaves".to_owned(), Tone::Warning));
    }
    if let Some(notice) = model.requests.notice_at(now.mono) {
        return Some((notice.text.clone(), notice.tone));
    }
    let why = link_trouble(&model.freshness.state(now.mono))?;
    Some((why.to_owned(), Tone::Warning))
}

/// What waits: a critical alert that has just begun; else the newest of an alert that nobody has, an offer
/// that nobody decided, an unread message.
fn waits(model: &Model, now: Now) -> Option<(String, Tone)> {
    if model.alarm().is_some() {
        return alert(model, now);
    }
    let alert_at = model.newest_waiting().map(|alert| alert.since);
    let offer_at = model.files.newest_waiting().map(|known| known.record.offered_at);
    let spoken_at = model.talk.newest_unread().map(|said| said.record.time);
    let newest = alert_at.into_iter().chain(offer_at).chain(spoken_at).max()?;
    if Some(newest) == offer_at {
        offer(model, now)
    } else if Some(newest) == spoken_at {
        spoken(model)
    } else {
        alert(model, now)
    }
}

/// `offer: web-0142 core.dump.zst 1.2G blake3 9f2c..a1 expires 4m12  [4] to decide`.
fn offer(model: &Model, now: Now) -> Option<(String, Tone)> {
    let known = model.files.newest_waiting()?;
    let record = &known.record;
    let hash = hash_text(&record.blake3);
    let (head, tail) = (hash.get(..4).unwrap_or_default(), hash.get(62..).unwrap_or_default());
    let name = files::fit_name(&record.name, NAME_CELLS, Symbols::Ascii);
    let size = figures::rate(record.size_bytes as f64);
    let left = age(record.expires_at.since(model.shown_now(now).wall));
    let others = others(model.files.waiting());
    let text = format!(
        "offer: {} {name} {size} [4] decides{others}  expires {left}  blake3 {head}..{tail}",
        record.host
    );
    Some((text, Tone::Strong))
}

/// `chat: db-1/root > @db-1 the fan is loud  @ goes there`.
fn spoken(model: &Model) -> Option<(String, Tone)> {
    let said = model.talk.newest_unread()?;
    let record = &said.record;
    let others = others(model.talk.unread());
    let text = record.text.replace('\n', " ");
    Some((format!("chat: {} > {text}{others}  [@] reads", record.from), Tone::Strong))
}

fn others(all: usize) -> String {
    if all > 1 { format!(" (+{})", all - 1) } else { String::new() }
}

/// Why there is no link, and what to check.
fn link_trouble<'a>(link: &LinkState<'a>) -> Option<&'a str> {
    match link {
        LinkState::Live { .. } | LinkState::Lagging { .. } => None,
        LinkState::Connecting { why, .. }
        | LinkState::Reconnecting { why, .. }
        | LinkState::Stale { why, .. }
        | LinkState::Gone { why, .. } => *why,
        LinkState::Refused { why, .. } | LinkState::Version { why, .. } => Some(why),
    }
}

fn alert(model: &Model, now: Now) -> Option<(String, Tone)> {
    let alert = model.newest_waiting()?;
    let others = model.alerts.len() - model.alerts.count_acked() - 1;
    let others = if others > 0 { format!("  (+{others})") } else { String::new() };
    let (letter, tone) = severity(alert);
    let since = age(model.shown_now(now).wall.since(alert.since));
    let what = match alert.host.as_deref() {
        Some(host) if !alert.summary.contains(host) => format!("{host}: {}", alert.summary),
        Some(_) | None => alert.summary.clone(),
    };
    Some((format!("! {letter} {since} {what}{others}"), tone))
}
