//! A line made of fields and bars before it is drawn, and the columns that a width has room for.
//!
//! Knows widths and tones; no host, no value.

use crate::tone::Tone;
use crate::view::bar;
use crate::view::text::{Pen, Side};

/// Between two columns.
const GAP: usize = 2;

/// A part of a line.
#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String, Tone),
    Field { text: String, cells: usize, side: Side, tone: Tone },
    Bar { percent: f64, cells: usize, tone: Tone },
    Blank(usize),
    End(String, Tone),
}

/// A line that can be drawn.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Strip(Vec<Piece>, bool);

impl Strip {
    /// A line of one text.
    pub(super) fn of(text: impl Into<String>, tone: Tone) -> Self {
        Self::default().text(text, tone)
    }

    /// Adds text.
    pub(super) fn text(self, text: impl Into<String>, tone: Tone) -> Self {
        self.with(Piece::Text(text.into(), tone))
    }

    /// Adds text in a field of `cells`.
    pub(super) fn field(
        self,
        text: impl Into<String>,
        cells: usize,
        side: Side,
        tone: Tone,
    ) -> Self {
        self.with(Piece::Field { text: text.into(), cells, side, tone })
    }

    /// Adds a bar; blank cells where nothing is to be shown.
    pub(super) fn bar(self, percent: Option<f64>, cells: usize, tone: Tone) -> Self {
        match percent {
            Some(percent) => self.with(Piece::Bar { percent, cells, tone }),
            None => self.blank(cells),
        }
    }

    /// Leaves cells out.
    pub(super) fn blank(self, cells: usize) -> Self {
        self.with(Piece::Blank(cells))
    }

    /// Adds text that stands at the end of the line.
    pub(super) fn end(self, text: impl Into<String>, tone: Tone) -> Self {
        self.with(Piece::End(text.into(), tone))
    }

    /// Adds another line behind it.
    pub(super) fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The line of the cursor.
    pub(super) fn reversed(self) -> Self {
        Self(self.0, true)
    }

    /// Whether it is the line of the cursor.
    pub(super) fn is_reversed(&self) -> bool {
        self.1
    }

    /// Draws it.
    pub(super) fn draw(&self, pen: &mut Pen<'_>) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text, tone) => pen.say(text, *tone),
                Piece::Field { text, cells, side, tone } => pen.field(text, *cells, *side, *tone),
                Piece::Bar { percent, cells, tone } => {
                    bar::draw(pen, *percent, (*cells).min(pen.room()), *tone);
                }
                Piece::Blank(cells) => pen.skip(*cells),
                Piece::End(text, tone) => pen.at_end(text, *tone),
            }
        }
    }

    fn with(mut self, piece: Piece) -> Self {
        self.0.push(piece);
        self
    }
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// What stands above it.
    pub(super) head: &'static str,
    /// Its cells; of the column that takes what is left, the fewest.
    pub(super) cells: usize,
    /// Words or numbers.
    pub(super) side: Side,
    /// Whether it takes what is left.
    pub(super) is_wide: bool,
    /// The greater, the sooner it is left out where there is no room; 0: never.
    pub(super) rank: u8,
}

impl Column {
    /// Words, in a column of a fixed width.
    pub(super) const fn words(head: &'static str, cells: usize, rank: u8) -> Self {
        Self { head, cells, side: Side::Left, is_wide: false, rank }
    }

    /// Numbers, likewise.
    pub(super) const fn numbers(head: &'static str, cells: usize, rank: u8) -> Self {
        Self { head, cells, side: Side::Right, is_wide: false, rank }
    }

    /// Takes what is left.
    pub(super) const fn wide(self) -> Self {
        Self { is_wide: true, ..self }
    }
}

/// The columns that are shown, with their cells.
#[derive(Debug, Clone)]
pub(super) struct Columns(Vec<(usize, Column)>);

impl Columns {
    /// Those that `width` has room for behind a blank cell.
    pub(super) fn of(columns: &[Column], width: usize) -> Self {
        let mut shown: Vec<(usize, Column)> = columns.iter().copied().enumerate().collect();
        while total(&shown) > width {
            let Some(last) =
                shown.iter().map(|(_, column)| column.rank).max().filter(|rank| *rank > 0)
            else {
                break;
            };
            shown.retain(|(_, column)| column.rank != last);
        }
        let left = width.saturating_sub(total(&shown));
        if let Some((_, column)) = shown.iter_mut().find(|(_, column)| column.is_wide) {
            column.cells += left;
        }
        Self(shown)
    }

    /// The heads.
    pub(super) fn heads(&self) -> Strip {
        self.row(|_, column, strip| {
            strip.field(column.head, column.cells, column.side, Tone::Quiet)
        })
    }

    /// A row of texts, one for each column whether it is shown or not.
    pub(super) fn texts(&self, texts: &[(String, Tone)]) -> Strip {
        self.texts_from(texts, 1)
    }

    /// The same behind so many blank cells.
    pub(super) fn texts_from(&self, texts: &[(String, Tone)], blank: usize) -> Strip {
        self.row_from(blank, |place, column, strip| {
            let (text, tone) = texts.get(place).cloned().unwrap_or_default();
            strip.field(text, column.cells, column.side, tone)
        })
    }

    /// A row, column by column: its place in the table, itself, the line so far.
    pub(super) fn row(&self, cell: impl Fn(usize, &Column, Strip) -> Strip) -> Strip {
        self.row_from(1, cell)
    }

    fn row_from(&self, blank: usize, cell: impl Fn(usize, &Column, Strip) -> Strip) -> Strip {
        let mut strip = Strip::default().blank(blank);
        for (at, (place, column)) in self.0.iter().enumerate() {
            strip = if at > 0 { strip.blank(GAP) } else { strip };
            strip = cell(*place, column, strip);
        }
        strip
    }
}

fn total(columns: &[(usize, Column)]) -> usize {
    let gaps = columns.len().saturating_sub(1) * GAP;
    1 + gaps + columns.iter().map(|(_, column)| column.cells).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column::words("NAME", 8, 0).wide(),
        Column::numbers("A", 5, 2),
        Column::numbers("B", 5, 1),
    ];

    #[test]
    fn columns_leave_by_their_rank_and_one_takes_what_is_left() {
        let cells = |width| {
            let shown = Columns::of(&COLUMNS, width).0;
            shown.into_iter().map(|(place, column)| (place, column.cells)).collect::<Vec<_>>()
        };
        assert_eq!(cells(30), [(0, 15), (1, 5), (2, 5)]);
        assert_eq!(cells(23), [(0, 8), (1, 5), (2, 5)]);
        assert_eq!(cells(22), [(0, 14), (2, 5)]);
        assert_eq!(cells(10), [(0, 9)]);
        assert_eq!(cells(0), [(0, 8)]);
    }
}
