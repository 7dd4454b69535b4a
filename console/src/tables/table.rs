//! Tables: columns as wide as their cells, fewer of them where the terminal is narrow.

use systole_common::text::{cells, scrub, scrub_to};

use super::line::Line;
use crate::tone::Tone;

/// Cells between two columns.
const GAP: usize = 2;

/// On which side of its column a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its head.
    pub head: &'static str,
    /// Where its texts stand.
    pub side: Side,
    /// The higher, the earlier it is left out; 0 never is.
    pub spare: u8,
    /// If its texts may be cut: the cells that they keep at least.
    pub cut_to: Option<usize>,
}

impl Column {
    /// A column of words.
    pub const fn words(head: &'static str, spare: u8) -> Self {
        Self { head, side: Side::Left, spare, cut_to: None }
    }

    /// A column of numbers.
    pub const fn numbers(head: &'static str, spare: u8) -> Self {
        Self { head, side: Side::Right, spare, cut_to: None }
    }

    /// Its texts may be cut down to so many cells.
    #[must_use]
    pub const fn cut_to(self, cells: usize) -> Self {
        Self { cut_to: Some(cells), ..self }
    }
}

/// A text in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A text; what is not safe to show becomes visible.
    pub fn new(text: &str, tone: Tone) -> Self {
        Self { text: scrub(text).into_owned(), tone }
    }

    /// A text without special meaning.
    pub fn plain(text: &str) -> Self {
        Self::new(text, Tone::Plain)
    }

    /// A value, or `-` where it is unknown.
    pub fn known(text: Option<&str>) -> Self {
        Self::plain(text.unwrap_or("-"))
    }
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    columns: &'static [Column],
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table.
    pub fn new(columns: &'static [Column]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row: one cell for each column.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Heads and rows, each line at most `cells_max` wide; `None` for as wide as it takes.
    pub fn lines(&self, cells_max: Option<usize>) -> Vec<Line> {
        let widths = self.widths(cells_max);
        let heads = self.columns.iter().map(|column| Cell::new(column.head, Tone::Strong));
        let mut lines = vec![self.line(&heads.collect::<Vec<_>>(), &widths)];
        lines.extend(self.rows.iter().map(|row| self.line(row, &widths)));
        match cells_max {
            Some(cells_max) => lines.into_iter().map(|line| line.cut(cells_max)).collect(),
            None => lines,
        }
    }

    /// The width of each column; `None` for one that is left out.
    fn widths(&self, cells_max: Option<usize>) -> Vec<Option<usize>> {
        let natural: Vec<usize> = (0..self.columns.len()).map(|at| self.natural(at)).collect();
        let least = |(column, natural): (&Column, &usize)| {
            Some(column.cut_to.map_or(*natural, |cells| cells.min(*natural)))
        };
        let mut widths: Vec<Option<usize>> = self.columns.iter().zip(&natural).map(least).collect();
        let cells_max = cells_max.unwrap_or(usize::MAX);
        while total(&widths) > cells_max {
            let kept = self.columns.iter().zip(&widths).enumerate();
            let spare = kept.filter(|(_, (column, width))| width.is_some() && column.spare > 0);
            let Some((out, _)) = spare.max_by_key(|(_, (column, _))| column.spare) else {
                break;
            };
            if let Some(width) = widths.get_mut(out) {
                *width = None;
            }
        }
        let mut room = cells_max.saturating_sub(total(&widths));
        for (width, natural) in widths.iter_mut().zip(&natural) {
            if let Some(width) = width {
                let more = natural.saturating_sub(*width).min(room);
                *width += more;
                room -= more;
            }
        }
        widths
    }

    fn natural(&self, at: usize) -> usize {
        let head = self.columns.get(at).map_or(0, |column| cells(column.head));
        let widest = self.rows.iter().filter_map(|row| row.get(at)).map(|cell| cells(&cell.text));
        widest.max().unwrap_or(0).max(head)
    }

    fn line(&self, row: &[Cell], widths: &[Option<usize>]) -> Line {
        let mut line = Line::default();
        let mut blanks = 1;
        for ((column, width), cell) in self.columns.iter().zip(widths).zip(row) {
            let Some(width) = width else { continue };
            let text = scrub_to(&cell.text, *width);
            let missing = width.saturating_sub(cells(&text));
            let (before, after) = match column.side {
                Side::Left => (blanks, missing),
                Side::Right => (blanks + missing, 0),
            };
            line.push(" ".repeat(before), Tone::Plain);
            line.push(text, cell.tone);
            blanks = after + GAP;
        }
        line
    }
}

/// Cells of a whole line: one at its left edge, gaps in between.
fn total(widths: &[Option<usize>]) -> usize {
    let kept: Vec<usize> = widths.iter().copied().flatten().collect();
    let gaps = GAP * kept.len().saturating_sub(1);
    kept.iter().sum::<usize>() + gaps + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column::words("HOST", 0).cut_to(4),
        Column::numbers("CPU", 0),
        Column::words("NOTE", 2).cut_to(6),
        Column::numbers("LOAD", 1),
    ];

    fn picture(cells_max: Option<usize>) -> Vec<String> {
        let mut table = Table::new(COLUMNS);
        table.row(["web-1.example", "7%", "a\u{1b}[2Jb", "0.10"].map(Cell::plain).to_vec());
        table.row(["数据库", "100%", "-", "12.3"].map(Cell::plain).to_vec());
        table.lines(cells_max).iter().map(Line::plain).collect()
    }

    #[test]
    fn columns_line_up_by_cells_and_show_what_is_hidden() {
        let expected = [
            " HOST            CPU  NOTE       LOAD",
            " web-1.example    7%  a\\x1b[2Jb  0.10",
            " 数据库         100%  -          12.3",
        ];
        assert_eq!(picture(None), expected);
    }

    #[test]
    fn narrow_terminals_cut_texts_then_drop_columns() {
        assert_eq!(picture(Some(32))[1], " web-1.exam…    7%  a\\x1b…  0.10");
        assert_eq!(picture(Some(22))[1], " web-1.ex…    7%  0.10");
        assert_eq!(picture(Some(16))[1], " web-1.ex…    7%");
        for width in 0..60 {
            let lines = picture(Some(width));
            assert!(lines.iter().all(|line| cells(line) <= width), "{width}: {lines:?}");
        }
    }
}
