//! The line above the hints: what waits for a human, or the last word about what somebody did.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use systole_common::time::Now;

use super::alerts::severity;
use super::figures::age;
use super::text::Pen;
use super::theme::Theme;
use crate::model::Model;
use crate::model::freshness::LinkState;
use crate::tone::Tone;

/// Draws it.
pub(super) fn draw(model: &Model, now: Now, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let mut pen = Pen::on(buffer, theme, area);
    pen.skip(1);
    let (text, tone) = words(model, now);
    pen.say(&text, tone);
}

/// What a prompt has to say comes first, then the last word, then the link, then the alerts.
fn words(model: &Model, now: Now) -> (String, Tone) {
    if let Some(prompt) = &model.prompt {
        if let Some(error) = &prompt.error {
            return (error.text.clone(), Tone::Bad);
        }
        if !prompt.completions.is_empty() {
            return (format!("Tab: {}", prompt.completions.join("  ")), Tone::Quiet);
        }
    }
    if model.screen.leaving_until.is_some_and(|until| now.mono < until) {
        return ("q again leaves".to_owned(), Tone::Warning);
    }
    if let Some(notice) = model.requests.notice_at(now.mono) {
        return (notice.text.clone(), notice.tone);
    }
    if let Some(why) = link_trouble(&model.freshness.state(now.mono)) {
        return (why.to_owned(), Tone::Warning);
    }
    alert(model, now)
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

fn alert(model: &Model, now: Now) -> (String, Tone) {
    let Some(alert) = model.alerts.newest_unacked() else {
        let nothing = if model.is_live(now) { "nothing waits for you" } else { "" };
        return (nothing.to_owned(), Tone::Quiet);
    };
    let others = model.alerts.len() - model.alerts.count_acked() - 1;
    let others = if others > 0 { format!("  (+{others})") } else { String::new() };
    let (letter, tone) = severity(alert);
    let since = age(model.shown_now(now).wall.since(alert.since));
    let what = match alert.host.as_deref() {
        Some(host) if !alert.summary.contains(host) => format!("{host}: {}", alert.summary),
        Some(_) | None => alert.summary.clone(),
    };
    (format!("! {letter} {since} {what}{others}"), tone)
}
