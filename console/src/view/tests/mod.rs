//! Pictures of the screen, and what holds for every picture.

mod file_words;
mod models;
mod pictures;
mod properties;
mod talk;
mod words;

use std::fmt::Write;

use ratatui::buffer::{Buffer, CellWidth};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use systole_common::time::Now;

use super::draw;
use super::theme::Theme;
use crate::model::Model;
use crate::model::screen::Size;

/// The screen of `model` at a size.
pub(super) fn painted(
    model: &Model,
    now: Now,
    theme: &Theme,
    (width, height): (u16, u16),
) -> Buffer {
    let mut model = model.clone();
    model.screen.size = Size { width, height };
    let rows = super::layout::Layout::of(&model);
    model.list.scroll(rows.main_rows());
    let feed_rows = if rows.feed.height > 0 { rows.feed_rows() } else { rows.main_rows() };
    model.feed.scroll(feed_rows);
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    draw(&model, now, theme, &mut buffer);
    buffer
}

/// The characters of each line, without blanks at its end.
pub(super) fn lines(buffer: &Buffer) -> Vec<String> {
    let area = buffer.area;
    let line = |y| {
        let mut text = String::new();
        let mut covered = 0;
        for x in area.left()..area.right() {
            let symbol = buffer[(x, y)].symbol();
            if covered == 0 {
                text.push_str(symbol);
                covered = symbol.cell_width();
            }
            covered -= 1;
        }
        text.trim_end().to_owned()
    };
    (area.top()..area.bottom()).map(line).collect()
}

/// Text and, below it, a line for each row that has styles: `row: from-to style, ...`.
pub(super) fn picture(buffer: &Buffer) -> String {
    let area = buffer.area;
    let mut out = lines(buffer).join("\n");
    out.push_str("\n-- styles --");
    for y in area.top()..area.bottom() {
        let mut runs: Vec<(u16, u16, Style)> = Vec::new();
        for x in area.left()..area.right() {
            let style = buffer[(x, y)].style();
            match runs.last_mut() {
                Some((_, to, last)) if *last == style && *to + 1 == x => *to = x,
                _ => runs.push((x, x, style)),
            }
        }
        let said = |(from, to, style): (u16, u16, Style)| {
            let words = style_words(style);
            (!words.is_empty()).then(|| format!("{from}-{to} {words}"))
        };
        let said: Vec<String> = runs.into_iter().filter_map(said).collect();
        if !said.is_empty() {
            let _ = write!(out, "\n{y}: {}", said.join(", "));
        }
    }
    out
}

fn style_words(style: Style) -> String {
    let mut words = Vec::new();
    for (name, colour) in [("", style.fg), ("on ", style.bg)] {
        match colour {
            None | Some(Color::Reset) => {}
            Some(colour) => words.push(format!("{name}{colour}").to_lowercase()),
        }
    }
    let names = [
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "dim"),
        (Modifier::UNDERLINED, "underlined"),
        (Modifier::REVERSED, "reversed"),
    ];
    let set = names.into_iter().filter(|(one, _)| style.add_modifier.contains(*one));
    words.extend(set.map(|(_, name)| name.to_owned()));
    words.join(" ")
}
