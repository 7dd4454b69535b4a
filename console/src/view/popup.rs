//! What lies over the view: every key and command, who is attached, or one message or file in full.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use systole_common::time::Now;

use super::detail;
use super::figures::{AGE_CELLS, age};
use super::text::{Pen, Side, clear};
use super::theme::Theme;
use crate::keys::help::{self, HelpLine, Runs};
use crate::keys::scopes;
use crate::model::Model;
use crate::model::host_list::scrolled;
use crate::model::screen::Popup;
use crate::tone::Tone;

const WIDTH_MAX: u16 = 84;
const HEIGHT_MAX: u16 = 44;
const KEYS_CELLS: usize = 18;
const PLACE_CELLS: usize = 17;
/// From this width on there is room for where a key holds.
const PLACE_WIDTH_MIN: u16 = 64;
const NAME_CELLS: usize = 20;
const ROLE_CELLS: usize = 9;

/// Draws `popup` over `body`.
pub(super) fn draw(
    model: &Model,
    now: Now,
    popup: &Popup,
    theme: &Theme,
    body: Rect,
    buffer: &mut Buffer,
) {
    match popup {
        Popup::Help { typed, cursor } => {
            let inner = frame(&format!(" KEYS AND COMMANDS  {typed}_ "), theme, body, buffer);
            let lines = help::lines(typed, scopes(model));
            keys(&lines, *cursor, theme, inner, buffer);
        }
        Popup::Who => {
            let count = model.presence.operators.len();
            let inner = frame(&format!(" WHO IS HERE  {count} "), theme, body, buffer);
            who(model, now, theme, inner, buffer);
        }
        Popup::Message { offset, .. } | Popup::File { offset, .. } => {
            let (title, lines) =
                detail::lines(model, now, popup, inner_size(body).0, theme.symbols);
            let inner = frame(&title, theme, body, buffer);
            let offset = (*offset).min(lines.len().saturating_sub(usize::from(inner.height)));
            let below = lines.len().saturating_sub(offset + usize::from(inner.height));
            more_below(below, theme, inner, buffer);
            for (y, (text, tone)) in (inner.y..inner.bottom()).zip(lines.iter().skip(offset)) {
                Pen::on(buffer, theme, Rect { y, height: 1, ..inner }).say(text, *tone);
            }
        }
    }
}

/// Cells of a line, and lines, of what lies over `body`.
pub(super) fn inner_size(body: Rect) -> (usize, usize) {
    let height = body.height.min(HEIGHT_MAX);
    let rules = if height < 3 { 1 } else { 2 };
    (usize::from(body.width.min(WIDTH_MAX)), usize::from(height.saturating_sub(rules)))
}

/// Empties the middle of `body`, heads it with a rule and ends it with one; returns what is within.
fn frame(title: &str, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Rect {
    let width = body.width.min(WIDTH_MAX);
    let height = body.height.min(HEIGHT_MAX);
    let x = body.x + (body.width - width) / 2;
    let y = body.y + (body.height - height) / 2;
    let area = Rect { x, y, width, height };
    clear(buffer, area);
    let (rule, _) = theme.symbols.rules();
    let mut pen = Pen::on(buffer, theme, area);
    pen.fill(rule, 2, Tone::Quiet);
    pen.say(title, Tone::Strong);
    pen.fill(rule, pen.room(), Tone::Quiet);
    if height < 3 {
        return Rect { y: y.saturating_add(1), height: height.saturating_sub(1), ..area };
    }
    let mut pen = Pen::on(buffer, theme, Rect { y: area.bottom() - 1, height: 1, ..area });
    pen.fill(rule, pen.room(), Tone::Quiet);
    Rect { y: y + 1, height: height - 2, ..area }
}

/// Says on the rule below `inner` how many lines follow.
fn more_below(count: usize, theme: &Theme, inner: Rect, buffer: &mut Buffer) {
    if count == 0 {
        return;
    }
    let line = Rect { y: inner.bottom(), height: 1, ..inner };
    let mut pen = Pen::on(buffer, theme, line);
    pen.skip(2);
    pen.say(&format!(" {count} more below, Down or End "), Tone::Strong);
}

fn keys(lines: &[HelpLine], cursor: usize, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if lines.is_empty() {
        Pen::on(buffer, theme, area).say(" no key and no command has that", Tone::Plain);
        return;
    }
    let rows = usize::from(area.height);
    let cursor = cursor.min(lines.len() - 1);
    let first = scrolled(0, cursor, lines.len(), rows);
    let visible = lines.iter().enumerate().skip(first).take(rows);
    for (y, (at, line)) in (area.y..).zip(visible) {
        let row = Rect { y, height: 1, ..area };
        let mut pen = Pen::on(buffer, theme, row);
        pen.say(if at == cursor { ">" } else { " " }, Tone::Strong);
        // What does not hold here is dim, and its place names the way.
        let (strong, plain) =
            if line.holds { (Tone::Strong, Tone::Plain) } else { (Tone::Quiet, Tone::Quiet) };
        pen.field(&line.keys, KEYS_CELLS, Side::Left, strong);
        pen.skip(1);
        if area.width >= PLACE_WIDTH_MIN {
            pen.field(&place(line), PLACE_CELLS, Side::Left, Tone::Quiet);
            pen.skip(1);
        }
        pen.say(line.help, plain);
        if at == cursor {
            buffer.set_style(row, theme.style(Tone::Reversed));
        }
    }
}

/// `2 !: alerts`: where a line holds, behind what leads there.
fn place(line: &HelpLine) -> String {
    match line.runs {
        Runs::Key(binding) if !line.holds => {
            format!("{}: {}", binding.scope.short_way(), line.place)
        }
        Runs::Key(_) | Runs::Command(_) => line.place.to_owned(),
    }
}

fn who(model: &Model, now: Now, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let rows = usize::from(area.height);
    if model.presence.operators.is_empty() {
        Pen::on(buffer, theme, area).say(" the daemon has not said", Tone::Plain);
        return;
    }
    for (y, one) in (area.y..).zip(model.presence.operators.iter().take(rows)) {
        let is_own = one.session == model.presence.own;
        let mut pen = Pen::on(buffer, theme, Rect { y, height: 1, ..area });
        pen.skip(1);
        let name = if is_own { format!("{} (you)", one.operator) } else { one.operator.clone() };
        pen.field(&name, NAME_CELLS, Side::Left, Tone::Strong);
        pen.skip(1);
        pen.field(&one.role, ROLE_CELLS, Side::Left, Tone::Plain);
        pen.field(&age(now.wall.since(one.since)), AGE_CELLS + 1, Side::Right, Tone::Plain);
        pen.skip(2);
        let looking = if one.looking_at.is_empty() { "-" } else { &one.looking_at };
        pen.say(looking, Tone::Plain);
    }
}
