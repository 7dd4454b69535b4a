//! The alerts: as a feed beside or below the fleet, and as a view of their own.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use systole_common::model::alert::{AlertState, Overlay, Severity};
use systole_common::model::coded::Growing;
use systole_common::time::Now;
use systole_common::wire::console::AlertRecord;

use super::figures::{AGE_CELLS, age};
use super::layout::Layout;
use super::text::{Pen, Side, cells};
use super::theme::Theme;
use crate::model::Model;
use crate::model::alerts::is_open;
use crate::model::requests::Purpose;
use crate::model::screen::Focus;
use crate::tone::Tone;

/// From this width on there is room for what happened; below it is rule and host.
const SUMMARY_WIDTH_MIN: usize = 56;
/// From this width on there is room for the number.
const NUMBER_WIDTH_MIN: usize = 90;
const NUMBER_CELLS: usize = 6;
/// Cells of the state, at least and at most.
const STATE_CELLS: (usize, usize) = (9, 22);
const NAME_CELLS_MAX: usize = 24;

/// Cells of each column; 0: not there.
#[derive(Debug, Clone, Copy)]
struct Columns {
    number: usize,
    rule: usize,
    host: usize,
    summary: usize,
    state: usize,
}

impl Columns {
    /// Those of a row `width` cells wide; of two lines the second has the state and what happened.
    fn of(width: usize, lines: u16) -> Self {
        if lines > 1 {
            let rest = width.saturating_sub(3 + AGE_CELLS + 2);
            return Self { number: 0, rule: rest / 2, host: rest - rest / 2, summary: 0, state: 0 };
        }
        let number = if width >= NUMBER_WIDTH_MIN { NUMBER_CELLS } else { 0 };
        let state = (width / 6).clamp(STATE_CELLS.0, STATE_CELLS.1);
        // Mark, severity and age in front, a gap before each of the others.
        let front = 3 + AGE_CELLS + if number > 0 { number + 1 } else { 0 };
        if width < SUMMARY_WIDTH_MIN {
            let rest = width.saturating_sub(front + state + 3);
            let rule = rest * 2 / 5;
            return Self { number, rule, host: rest - rule, summary: 0, state };
        }
        let rest = width.saturating_sub(front + state + 4);
        let rule = (rest / 4).min(NAME_CELLS_MAX);
        let host = (rest / 4).min(NAME_CELLS_MAX);
        Self { number, rule, host, summary: rest - rule - host, state }
    }
}

/// Draws the feed with its heading.
pub(super) fn feed(model: &Model, now: Now, theme: &Theme, layout: &Layout, buffer: &mut Buffer) {
    let area = layout.feed;
    if area.height == 0 {
        return;
    }
    let is_focused = model.screen.focus() == Focus::Feed;
    heading(model, now, is_focused, &mut Pen::on(buffer, theme, area));
    let height = layout.alert_height();
    rows(model, now, theme, (below(area), height), is_focused, buffer);
}

/// Draws the view of its own with heads.
pub(super) fn draw(model: &Model, now: Now, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let columns = Columns::of(usize::from(area.width), 1);
    let mut pen = Pen::on(buffer, theme, area);
    let heads = ["RULE", "HOST", "WHAT", "STATE"];
    let widths = [columns.rule, columns.host, columns.summary, columns.state];
    pen.say(" S", Tone::Strong);
    pen.field("AGE", AGE_CELLS + 1, Side::Right, Tone::Strong);
    if columns.number > 0 {
        pen.field("ID", columns.number + 1, Side::Right, Tone::Strong);
    }
    for (head, width) in heads.into_iter().zip(widths).filter(|(_, width)| *width > 0) {
        pen.skip(1);
        pen.field(head, width, Side::Left, Tone::Strong);
    }
    rows(model, now, theme, (below(area), 1), true, buffer);
}

fn below(area: Rect) -> Rect {
    Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area }
}

/// `── ALERTS 14 open, oldest unacked 2m03 ──────── 3 new above ──`.
fn heading(model: &Model, now: Now, is_focused: bool, pen: &mut Pen<'_>) {
    let symbols = pen.theme().symbols;
    let (rule, _) = symbols.rules();
    let tone = if is_focused { Tone::Strong } else { Tone::Quiet };
    let mark = if model.is_live(now) { "" } else { "~" };
    let mut words = format!(" ALERTS {mark}{} open", model.alerts.len());
    if let Some(oldest) = model.alerts.oldest_unacked() {
        let since = age(model.shown_now(now).wall.since(oldest.since));
        words = format!("{words}, oldest unacked {since}");
    }
    if let Some((text, _)) = &model.feed.filter {
        words = format!("{words}  filter:{text}  {}", model.feed.order.len());
    }
    let above = match model.feed.new_above {
        0 => String::new(),
        count => format!(" {count} new above "),
    };
    pen.fill(rule, 2, tone);
    let room = pen.room().saturating_sub(cells(&above, symbols) + 2);
    let words = super::text::fit(&words, room.saturating_sub(1), symbols).into_owned();
    pen.say(&words, tone);
    pen.skip(1);
    let rest = pen.room().saturating_sub(cells(&above, symbols) + 2);
    pen.fill(rule, rest, tone);
    pen.say(&above, Tone::Warning);
    pen.fill(rule, 2, tone);
}

/// The alerts that can be seen, each in so many lines.
fn rows(
    model: &Model,
    now: Now,
    theme: &Theme,
    (area, lines): (Rect, u16),
    is_focused: bool,
    buffer: &mut Buffer,
) {
    let visible = model.feed.visible(usize::from(area.height / lines));
    if visible.is_empty() {
        Pen::on(buffer, theme, area).say(empty_words(model), Tone::Quiet);
        return;
    }
    let columns = Columns::of(usize::from(area.width), lines);
    let selected = model.feed.selected().filter(|_| is_focused);
    for (line, id) in (area.y..).step_by(usize::from(lines)).zip(visible) {
        let area = Rect { y: line, height: lines, ..area };
        let is_selected = selected == Some(*id);
        if let Some(alert) = model.alerts.get(*id) {
            let mut pen = Pen::on(buffer, theme, area);
            pen.say(if is_selected { ">" } else { " " }, Tone::Strong);
            row(model, now, alert, columns, &mut pen);
            if lines > 1 {
                second(model, alert, &mut Pen::on(buffer, theme, below(area)));
            }
        }
        if is_selected {
            buffer.set_style(area, theme.style(Tone::Reversed));
        }
    }
}

fn empty_words(model: &Model) -> &'static str {
    match (&model.feed.filter, model.freshness.shown_at()) {
        (_, None) => "",
        (Some(_), Some(_)) if !model.alerts.is_empty() => {
            " no alert matches the filter; Esc clears it"
        }
        (_, Some(_)) => " no open alerts",
    }
}

fn row(model: &Model, now: Now, alert: &AlertRecord, columns: Columns, pen: &mut Pen<'_>) {
    let (letter, tone) = severity(alert);
    // What is over is of less interest, whatever it was.
    let text_tone = if is_open(alert) { Tone::Plain } else { Tone::Quiet };
    pen.fill(letter, 1, tone);
    let end = alert.resolved_at.filter(|_| !is_open(alert));
    let since = end.unwrap_or(model.shown_now(now).wall).since(alert.since);
    pen.field(&age(since), AGE_CELLS + 1, Side::Right, text_tone);
    if columns.number > 0 {
        pen.field(&alert.id.0.to_string(), columns.number + 1, Side::Right, Tone::Quiet);
    }
    pen.skip(1);
    pen.field(&rule_words(alert), columns.rule, Side::Left, text_tone);
    pen.skip(1);
    pen.field(alert.host.as_deref().unwrap_or("(daemon)"), columns.host, Side::Left, text_tone);
    if columns.summary > 0 {
        pen.skip(1);
        pen.field(&summary(alert), columns.summary, Side::Left, text_tone);
    }
    if columns.state > 0 {
        pen.skip(1);
        let (words, state_tone) = state_words(model, alert);
        pen.field(&words, columns.state, Side::Left, state_tone);
    }
}

/// `NEW  db-0031 is down: nothing heard for 12 s`, below rule and host.
fn second(model: &Model, alert: &AlertRecord, pen: &mut Pen<'_>) {
    let text_tone = if is_open(alert) { Tone::Plain } else { Tone::Quiet };
    let (words, state_tone) = state_words(model, alert);
    let summary = summary(alert);
    pen.skip(3);
    // With a note the summary begins with the same words.
    if !summary.starts_with(&words) {
        pen.say(&words, state_tone);
        pen.skip(2);
    }
    pen.say(&summary, text_tone);
}

/// The letter of a severity, and what it means now.
pub(super) fn severity(alert: &AlertRecord) -> (char, Tone) {
    let (letter, tone) = match alert.severity {
        Growing::Known(Severity::Critical) => ('C', Tone::Bad),
        Growing::Known(Severity::Warning) => ('W', Tone::Warning),
        Growing::Unknown(_) => ('?', Tone::Warning),
    };
    (letter, if is_open(alert) { tone } else { Tone::Quiet })
}

/// `disk-used /var`.
pub(super) fn rule_words(alert: &AlertRecord) -> String {
    if alert.subject.is_empty() {
        return alert.rule.clone();
    }
    format!("{} {}", alert.rule, alert.subject)
}

/// What happened; before it the note of whoever has the alert, which is told nowhere else.
pub(super) fn summary(alert: &AlertRecord) -> String {
    match (alert.acked_note.as_deref(), alert.acked_by.as_deref()) {
        (None | Some(""), _) => alert.summary.clone(),
        (Some(note), by) => format!("ack {}: {note}; {}", by.unwrap_or("?"), alert.summary),
    }
}

/// `NEW`, `ack bo`, `resolved`, and `...` while the daemon has not confirmed what was asked.
pub(super) fn state_words(model: &Model, alert: &AlertRecord) -> (String, Tone) {
    let asked = model.requests.pending.values().find_map(|purpose| match purpose {
        Purpose::Ack(id) if *id == alert.id => Some("ack ..."),
        Purpose::Unack(id) if *id == alert.id => Some("unack ..."),
        Purpose::Resolve(id) if *id == alert.id => Some("resolve ..."),
        Purpose::Ack(_)
        | Purpose::Unack(_)
        | Purpose::Resolve(_)
        | Purpose::Retire(_)
        | Purpose::Connections
        | Purpose::PastAlerts
        | Purpose::Chart(_)
        | Purpose::Say(_)
        | Purpose::Messages(_)
        | Purpose::Accept(_)
        | Purpose::Reject(_)
        | Purpose::Files => None,
    });
    match asked {
        Some(asked) => (asked.to_owned(), Tone::Plain),
        None => own_words(alert),
    }
}

fn own_words(alert: &AlertRecord) -> (String, Tone) {
    let has = |overlay: Overlay| alert.overlays.contains(&overlay.into());
    let by = || alert.acked_by.as_deref().unwrap_or_default();
    let (mut words, tone) = match alert.state {
        Growing::Known(AlertState::Resolved) => return ("resolved".to_owned(), Tone::Quiet),
        Growing::Known(AlertState::Pending) => ("pending".to_owned(), Tone::Plain),
        _ if has(Overlay::Acked) => (format!("ack {}", by()), Tone::Plain),
        _ if has(Overlay::Silenced) => ("silenced".to_owned(), Tone::Quiet),
        _ if has(Overlay::Windowed) => ("windowed".to_owned(), Tone::Quiet),
        _ if has(Overlay::Inhibited) => ("inhibited".to_owned(), Tone::Quiet),
        Growing::Known(AlertState::Firing) => ("NEW".to_owned(), Tone::Strong),
        Growing::Known(AlertState::Settling) => ("settling".to_owned(), Tone::Plain),
        Growing::Unknown(_) => (alert.state.to_string(), Tone::Plain),
    };
    for (overlay, word) in [(Overlay::Flapping, " flap"), (Overlay::NoData, " nodata")] {
        if has(overlay) {
            words.push_str(word);
        }
    }
    (words.trim_end().to_owned(), tone)
}
