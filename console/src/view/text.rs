//! Text into cells: measured, cut, substituted, so that nothing of it can shift or hide what stands beside it.
//!
//! The last gate before the terminal: what is hidden, joins with its neighbour or is measured
//! differently by different terminals never becomes a cell. It knows no model.

use std::borrow::Cow;

use ratatui::buffer::{Buffer, CellWidth};
use ratatui::layout::Rect;
use ratatui::style::Style;
use systole_common::text::{COMBINING_MARKS_MAX, is_hidden};
use unicode_width::UnicodeWidthChar;

use super::theme::{Symbols, Theme};
use crate::tone::Tone;

/// What stands for a character that is not shown as it is.
const SUBSTITUTE: char = '?';

/// A character as it is put into cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Glyph {
    /// It takes one cell or two.
    Base(char, u16),
    /// It sits on the character before it.
    Mark(char),
}

/// What becomes of `c`; `None`: nothing.
fn glyph(c: char, symbols: Symbols) -> Option<Glyph> {
    match c {
        ' '..='~' => Some(Glyph::Base(c, 1)),
        '…' if symbols == Symbols::Ascii => Some(Glyph::Base('.', 1)),
        // Skin tones and halves of flags join with their neighbours on some terminals only.
        '\u{1f3fb}'..='\u{1f3ff}' | '\u{1f1e6}'..='\u{1f1ff}' => Some(Glyph::Base(SUBSTITUTE, 1)),
        _ if is_hidden(c) => Some(Glyph::Base(SUBSTITUTE, 1)),
        // Tables call these marks; terminals give them a cell of their own.
        '\u{ff9e}' | '\u{ff9f}' => Some(Glyph::Base(SUBSTITUTE, 1)),
        _ => match (c.width().unwrap_or(0), symbols) {
            (0, Symbols::Ascii) => None,
            (0, Symbols::Braille | Symbols::Block) => Some(Glyph::Mark(c)),
            (_, Symbols::Ascii) => Some(Glyph::Base(SUBSTITUTE, 1)),
            (1, Symbols::Braille | Symbols::Block) => Some(Glyph::Base(c, 1)),
            (_, Symbols::Braille | Symbols::Block) => Some(Glyph::Base(c, 2)),
        },
    }
}

/// Cells that `text` takes.
pub fn cells(text: &str, symbols: Symbols) -> usize {
    let width = |c| match glyph(c, symbols) {
        Some(Glyph::Base(_, width)) => usize::from(width),
        Some(Glyph::Mark(_)) | None => 0,
    };
    text.chars().map(width).sum()
}

/// `text`, cut to `cells_max` cells with a mark of the cut.
pub fn fit(text: &str, cells_max: usize, symbols: Symbols) -> Cow<'_, str> {
    if (text.is_ascii() && text.len() <= cells_max) || cells(text, symbols) <= cells_max {
        return Cow::Borrowed(text);
    }
    let cut = symbols.cut();
    let room = cells_max.saturating_sub(cells(cut, symbols));
    let mut used = 0;
    let mut end = 0;
    for (at, c) in text.char_indices() {
        used += cells(c.encode_utf8(&mut [0; 4]), symbols);
        if used > room {
            break;
        }
        end = at + c.len_utf8();
    }
    let kept = text.get(..end).unwrap_or_default();
    let mark = if room < cells_max { cut } else { "" };
    Cow::Owned(format!("{}{mark}", kept.trim_end()))
}

/// `text`, cut to `cells_max` cells in its middle: its begin and its end stay.
pub fn fit_middle(text: &str, cells_max: usize, symbols: Symbols) -> Cow<'_, str> {
    if cells(text, symbols) <= cells_max {
        return Cow::Borrowed(text);
    }
    let cut = symbols.cut();
    let room = cells_max.saturating_sub(cells(cut, symbols));
    let tail_max = room / 2;
    let (mut used, mut start) = (0, text.len());
    for (at, c) in text.char_indices().rev() {
        used += cells(c.encode_utf8(&mut [0; 4]), symbols);
        if used > tail_max {
            break;
        }
        start = at;
    }
    let (begin, tail) = text.split_at_checked(start).unwrap_or((text, ""));
    let head_max = cells_max.saturating_sub(cells(tail, symbols));
    // With something behind it, so that it is cut and says so.
    let head = fit(begin, head_max, symbols);
    Cow::Owned(format!("{head}{tail}"))
}

/// Empties `area`. A wide character that reaches into it from the left goes as well.
pub fn clear(buffer: &mut Buffer, area: Rect) {
    let area = area.intersection(buffer.area);
    for y in area.top()..area.bottom() {
        if let Some(before) = area.left().checked_sub(1)
            && let Some(cell) = buffer.cell_mut((before, y))
            && cell.symbol().cell_width() > 1
        {
            cell.set_char(' ');
        }
        for x in area.left()..area.right() {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.reset();
            }
        }
    }
}

/// On which side of its field a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Writes one line from left to right, never beyond its end.
pub struct Pen<'a> {
    buffer: &'a mut Buffer,
    theme: &'a Theme,
    x: u16,
    y: u16,
    end: u16,
}

impl<'a> Pen<'a> {
    /// On the first line of `area`.
    pub fn on(buffer: &'a mut Buffer, theme: &'a Theme, area: Rect) -> Self {
        let area = area.intersection(buffer.area);
        let end = if area.height == 0 { area.x } else { area.right() };
        Self { buffer, theme, x: area.x, y: area.y, end }
    }

    /// What it writes in.
    pub fn theme(&self) -> &'a Theme {
        self.theme
    }

    /// Cells that are left.
    pub fn room(&self) -> usize {
        usize::from(self.end.saturating_sub(self.x))
    }

    /// Where the next character goes.
    pub fn x(&self) -> u16 {
        self.x
    }

    /// Leaves cells out.
    pub fn skip(&mut self, cells: usize) {
        let cells = u16::try_from(cells).unwrap_or(u16::MAX);
        self.x = self.x.saturating_add(cells).min(self.end);
    }

    /// Writes as much of `text` as there is room for, with a mark where it is cut.
    pub fn say(&mut self, text: &str, tone: Tone) {
        self.say_in(text, self.theme.style(tone));
    }

    /// The same in a style.
    pub fn say_in(&mut self, text: &str, style: Style) {
        let fitting = fit(text, self.room(), self.theme.symbols);
        for c in fitting.chars() {
            match glyph(c, self.theme.symbols) {
                Some(Glyph::Base(c, width)) => self.put(c, width, style),
                Some(Glyph::Mark(c)) => self.mark(c),
                None => {}
            }
        }
    }

    /// Writes `text` into a field of `width` cells.
    pub fn field(&mut self, text: &str, width: usize, side: Side, tone: Tone) {
        let width = width.min(self.room());
        let text = fit(text, width, self.theme.symbols);
        let blank = width.saturating_sub(cells(&text, self.theme.symbols));
        match side {
            Side::Left => {
                self.say(&text, tone);
                self.skip(blank);
            }
            Side::Right => {
                self.skip(blank);
                self.say(&text, tone);
            }
        }
    }

    /// Writes `text` at the end of the line, if there is room.
    pub fn at_end(&mut self, text: &str, tone: Tone) {
        let width = cells(text, self.theme.symbols);
        if width <= self.room() {
            self.skip(self.room() - width);
            self.say(text, tone);
        }
    }

    /// Fills `count` cells with `symbol`, which takes one.
    pub fn fill(&mut self, symbol: char, count: usize, tone: Tone) {
        let style = self.theme.style(tone);
        for _ in 0..count.min(self.room()) {
            self.put(symbol, 1, style);
        }
    }

    fn put(&mut self, c: char, width: u16, style: Style) {
        if self.end.saturating_sub(self.x) < width {
            self.x = self.end;
            return;
        }
        for offset in 0..width {
            if let Some(cell) = self.buffer.cell_mut((self.x.saturating_add(offset), self.y)) {
                cell.reset();
                cell.set_style(style);
                if offset == 0 {
                    cell.set_char(c);
                }
            }
        }
        self.x = self.x.saturating_add(width);
    }

    /// Puts a mark on the character before, unless that would change its width.
    fn mark(&mut self, c: char) {
        let before = |back: u16| self.x.checked_sub(back).map(|x| (x, self.y));
        let is_wide = |at| self.buffer.cell(at).is_some_and(|cell| cell.symbol().cell_width() == 2);
        let place = before(2).filter(|at| is_wide(*at)).or_else(|| before(1));
        if let Some(cell) = place.and_then(|at| self.buffer.cell_mut(at)) {
            let marked = format!("{}{c}", cell.symbol());
            let is_same = marked.cell_width() == cell.symbol().cell_width();
            let is_bare = cell.symbol() == " ";
            if is_same && !is_bare && marked.chars().count() <= COMBINING_MARKS_MAX + 1 {
                cell.set_symbol(&marked);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Cell;

    use super::*;

    fn line(text: &str, width: u16, symbols: Symbols) -> String {
        let theme = Theme::plain(symbols);
        let area = Rect::new(0, 0, width, 1);
        let mut buffer = Buffer::empty(area);
        Pen::on(&mut buffer, &theme, area).say(text, Tone::Plain);
        let mut shown = String::new();
        let mut skip = 0;
        for cell in buffer.content() {
            if skip == 0 {
                shown.push_str(cell.symbol());
                skip = cell.symbol().cell_width();
            }
            skip -= 1;
        }
        shown.trim_end().to_owned()
    }

    #[test]
    fn text_is_cut_by_cells_and_says_so() {
        assert_eq!(line("database-1", 10, Symbols::Block), "database-1");
        assert_eq!(line("database-1", 9, Symbols::Block), "database…");
        assert_eq!(line("database-1", 9, Symbols::Ascii), "databas..");
        assert_eq!(line("数据库服务", 10, Symbols::Block), "数据库服务");
        assert_eq!(line("数据库服务", 9, Symbols::Block), "数据库服…");
        assert_eq!(line("数据库服务", 8, Symbols::Block), "数据库…");
        assert_eq!(line("数", 1, Symbols::Block), "…");
        assert_eq!(line("e\u{301}a", 2, Symbols::Block), "e\u{301}a");
        assert_eq!(line("x", 0, Symbols::Block), "");
    }

    #[test]
    fn what_could_shift_or_hide_is_substituted() {
        assert_eq!(line("a\u{202e}b\u{200b}c\u{1b}d", 20, Symbols::Block), "a?b?c?d");
        assert_eq!(line("👍\u{1f3fd}🇩🇪", 20, Symbols::Block), "👍???");
        assert_eq!(line("ｶ\u{ff9e}x", 20, Symbols::Block), "ｶ?x");
        assert_eq!(line("\u{301}a", 20, Symbols::Block), "a");
        assert_eq!(line(&format!("a{}b", "\u{301}".repeat(50)), 9, Symbols::Block).len(), 10);
        assert_eq!(line("数e\u{301}…👍", 20, Symbols::Ascii), "?e.?");
    }

    #[test]
    fn clearing_takes_a_wide_character_that_reaches_in() {
        let theme = Theme::plain(Symbols::Block);
        let area = Rect::new(0, 0, 6, 1);
        let mut buffer = Buffer::empty(area);
        Pen::on(&mut buffer, &theme, area).say("数数数", Tone::Plain);
        clear(&mut buffer, Rect::new(1, 0, 2, 1));
        let symbols: Vec<_> = buffer.content().iter().map(Cell::symbol).collect();
        assert_eq!(symbols, [" ", " ", " ", " ", "数", " "]);
    }
}
