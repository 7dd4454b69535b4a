//! The line in which something is typed: its cursor, and what is wrong with it underlined.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use systole_common::time::Now;

use super::text::{Pen, cells, fit_middle};
use super::theme::{Symbols, Theme};
use crate::model::Model;
use crate::model::prompt::{Prompt, PromptKind};
use crate::model::screen::Focus;
use crate::tone::Tone;
use crate::update::file_words::ended;
use crate::update::say::audience;

/// Between what is typed and the keys that end it.
const HINT_GAP: usize = 3;
/// So much of what is typed stays on the screen.
const TYPED_CELLS_MIN: usize = 12;

/// Draws `prompt`.
pub(super) fn draw(
    model: &Model,
    now: Now,
    prompt: &Prompt,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) {
    let mut pen = Pen::on(buffer, theme, area);
    let count = count(model, now, prompt);
    let taken = cells(&count, theme.symbols) + usize::from(!count.is_empty());
    let is_over =
        matches!(prompt.kind, PromptKind::RejectWhy(id) if ended(model, now, id).is_some());
    let label = if is_over {
        "the offer is over > ".to_owned()
    } else {
        label(&prompt.kind, pen.room(), taken, theme.symbols)
    };
    pen.say(&label, Tone::Strong);
    let room = pen.room().saturating_sub(taken);
    let typed = cells(prompt.input.value(), theme.symbols) + 2;
    line(prompt, theme, room, &mut pen);
    let hint = if is_over { "Enter or Esc closes " } else { hint(&prompt.kind) };
    if room >= typed + HINT_GAP + hint.len() {
        pen.skip(pen.room().saturating_sub(taken + hint.len()));
        pen.say(hint, Tone::Quiet);
    }
    pen.at_end(&count, Tone::Plain);
}

/// The keys that end the line.
fn hint(kind: &PromptKind) -> &'static str {
    match kind {
        PromptKind::Filter { .. } => "Enter keeps  Esc undoes  Tab completes ",
        PromptKind::Command => "Enter runs  Esc cancels  Tab completes ",
        PromptKind::AckNote(_) => "Enter acknowledges  Esc cancels ",
        PromptKind::ResolveNote(_) => "Enter resolves  Esc cancels ",
        PromptKind::Say(_) => "Enter sends  Alt-Enter new line  Esc keeps the draft ",
        PromptKind::Target => "Enter goes there  Tab completes  Esc cancels ",
        PromptKind::Search { .. } => "Enter asks for older ones  Esc undoes ",
        PromptKind::RejectWhy(_) => "Enter rejects  Esc cancels ",
    }
}

/// What the line is for. A long target is cut in its middle, so that what is typed and the count stay.
fn label(kind: &PromptKind, width: usize, taken: usize, symbols: Symbols) -> String {
    let room = (width / 2).min(width.saturating_sub(taken + TYPED_CELLS_MIN));
    let room = room.saturating_sub("to  > ".len());
    match kind {
        PromptKind::Filter { .. } => "/".to_owned(),
        PromptKind::Command => ":".to_owned(),
        PromptKind::AckNote(id) => format!("note for alert {} > ", id.0),
        PromptKind::ResolveNote(id) => format!("why is alert {} over > ", id.0),
        PromptKind::Say(to) => format!("to {} > ", fit_middle(to, room, symbols)),
        PromptKind::Target => "talk to > ".to_owned(),
        PromptKind::Search { .. } => "search > ".to_owned(),
        PromptKind::RejectWhy(id) => format!("Enter rejects file {id}, why > "),
    }
}

/// How many a filter leaves: `12/5000`; to how many a message goes: `12 hosts`.
fn count(model: &Model, now: Now, prompt: &Prompt) -> String {
    let left = |order: usize| if prompt.is_waiting { 0 } else { order };
    match (&prompt.kind, model.screen.focus()) {
        (PromptKind::Filter { .. }, Focus::Fleet) => {
            format!("{}/{}", left(model.list.order.len()), model.shown_fleet().len())
        }
        (PromptKind::Filter { .. }, Focus::Feed | Focus::Alerts) => {
            let all = model.alerts.len() + model.alerts.ended().len();
            format!("{}/{all}", left(model.feed.order.len()))
        }
        (PromptKind::Say(to), _) => audience(model, now, to),
        (PromptKind::Target, _) => audience(model, now, prompt.input.value().trim()),
        (PromptKind::Filter { .. }, Focus::Chat | Focus::Files | Focus::Host)
        | (
            PromptKind::Command
            | PromptKind::AckNote(_)
            | PromptKind::ResolveNote(_)
            | PromptKind::Search { .. }
            | PromptKind::RejectWhy(_),
            _,
        ) => String::new(),
    }
}

/// As much of the line as there is room for, with the cursor in it.
fn line(prompt: &Prompt, theme: &Theme, room: usize, pen: &mut Pen<'_>) {
    let text = prompt.input.value();
    let cursor = prompt.input.cursor();
    let width = |c: char| cells(c.encode_utf8(&mut [0; 4]), theme.symbols);
    let before: usize = text.chars().take(cursor).map(width).sum();
    // Two cells for the cursor: it may be on a wide character.
    let mut hidden = (before + 2).saturating_sub(room);
    let mut left = room;
    let end = theme.symbols.line_end();
    for (at, c) in text.chars().map(|c| if c == '\n' { end } else { c }).enumerate() {
        let cells = width(c);
        if hidden > 0 {
            hidden = hidden.saturating_sub(cells.max(1));
            continue;
        }
        if cells > left {
            break;
        }
        left -= cells;
        pen.say_in(c.encode_utf8(&mut [0; 4]), style(prompt, theme, at));
    }
    if cursor >= text.chars().count() && left > 0 {
        pen.say_in(" ", theme.style(Tone::Reversed));
    }
}

fn style(prompt: &Prompt, theme: &Theme, at: usize) -> Style {
    let is_wrong = prompt.error.as_ref().is_some_and(|error| (error.from..error.to).contains(&at));
    let style = if is_wrong {
        theme.style(Tone::Bad).add_modifier(Modifier::UNDERLINED)
    } else {
        theme.style(Tone::Plain)
    };
    let is_cursor = at == prompt.input.cursor();
    if is_cursor { style.patch(theme.style(Tone::Reversed)) } else { style }
}
