//! A series over time in cells: a line through the means, a band from the lowest to the highest value.
//!
//! A step without samples stays blank. Knows points, a scale and cells; no host, no unit, no axis.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use systole_common::time::UnixMs;
use systole_common::wire::history::HistoryPoint;

use super::theme::{Symbols, Theme};
use crate::tone::Tone;

/// Beyond this no value is drawn; sums and spans of such values stay finite.
const VALUE_MAX: f64 = 1e30;
/// About so many parts has a scale.
const SCALE_PARTS: f64 = 4.0;

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Plot<'a> {
    /// The points; each covers one step from its time on.
    pub points: &'a [HistoryPoint],
    /// The time of the left edge.
    pub from: UnixMs,
    /// The time of the right edge.
    pub to: UnixMs,
    /// How much time a point covers; 0: none.
    pub step_ms: u64,
    /// The value at the bottom and the one at the top.
    pub scale: (f64, f64),
    /// A moment that is marked.
    pub cursor: Option<UnixMs>,
}

/// What one column shows.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Column {
    min: f64,
    max: f64,
    mean: f64,
    /// Samples that the mean is of.
    weight: f64,
}

/// What one dot shows; of several in a cell the last wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Dot {
    #[default]
    Empty,
    /// Between the lowest and the highest value.
    Band,
    /// Between two means.
    Link,
    /// A mean.
    Mean,
}

/// Draws `plot` over `area`.
pub fn draw(plot: &Plot<'_>, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    let (across, down) = dots_of_cell(theme.symbols);
    let dots = Dots::of(plot, usize::from(area.width) * across, usize::from(area.height) * down);
    let cursor = plot.cursor.and_then(|at| plot.column(at, area.width));
    for (row, y) in (area.top()..area.bottom()).enumerate() {
        for (column, x) in (area.left()..area.right()).enumerate() {
            let Some(cell) = buffer.cell_mut((x, y)) else { continue };
            let (symbol, strongest) = dots.cell(column, row, theme.symbols);
            let is_cursor = cursor == Some(column);
            let tone = match strongest {
                _ if is_cursor => Tone::Reversed,
                Dot::Empty | Dot::Band => Tone::Quiet,
                Dot::Link | Dot::Mean => Tone::Plain,
            };
            cell.reset();
            cell.set_char(symbol).set_style(theme.style(tone));
        }
    }
}

impl Plot<'_> {
    /// The cell that shows `at` among `width` of them; `None` outside.
    pub fn column(&self, at: UnixMs, width: u16) -> Option<usize> {
        let place = self.place(i128::from(at.0), usize::from(width))?;
        (place >= 0.0 && place < f64::from(width)).then(|| index(place))
    }

    /// Where `at` is on `count` columns.
    fn place(&self, at: i128, count: usize) -> Option<f64> {
        let span = i128::from(self.to.0) - i128::from(self.from.0);
        let since = at - i128::from(self.from.0);
        (span > 0).then(|| since as f64 / span as f64 * count as f64)
    }

    /// What `count` columns show.
    fn columns(&self, count: usize) -> Vec<Option<Column>> {
        let mut columns: Vec<Option<Column>> = vec![None; count];
        for point in self.points.iter().filter_map(sound) {
            let begin = i128::from(point.at.0);
            let places =
                (self.place(begin, count), self.place(begin + i128::from(self.step_ms), count));
            let (Some(first), Some(end)) = places else { continue };
            for at in covered(first, end, count) {
                if let Some(column) = columns.get_mut(at) {
                    *column = Some(merged(*column, &point));
                }
            }
        }
        columns
    }

    /// The dot of `value` among `height`, from below.
    fn level(&self, value: f64, height: usize) -> usize {
        let (low, high) = self.scale;
        let span = if high > low { high - low } else { 1.0 };
        let share = ((value - low) / span).clamp(0.0, 1.0);
        index((share * height.saturating_sub(1) as f64).round())
    }
}

/// Columns whose middles lie in `first..end`; where there is none, the one in which its middle lies.
fn covered(first: f64, end: f64, count: usize) -> std::ops::Range<usize> {
    let last = count as f64;
    if end < 0.0 || first >= last {
        return 0..0;
    }
    let from = index((first - 0.5).ceil().clamp(0.0, last));
    let to = index((end - 0.5).ceil().clamp(0.0, last));
    if from < to {
        return from..to;
    }
    let middle = f64::midpoint(first, end);
    let is_inside = middle >= 0.0 && middle < last;
    if is_inside { index(middle)..index(middle) + 1 } else { 0..0 }
}

/// The point, if its values can be drawn.
fn sound(point: &HistoryPoint) -> Option<HistoryPoint> {
    let values = [point.min, point.mean, point.max];
    if !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let drawn = |value: f64| value.clamp(-VALUE_MAX, VALUE_MAX);
    let (min, mean, max) = (drawn(point.min), drawn(point.mean), drawn(point.max));
    Some(HistoryPoint { min: min.min(mean), mean, max: max.max(mean), ..*point })
}

fn merged(column: Option<Column>, point: &HistoryPoint) -> Column {
    let weight = point.count.max(1) as f64;
    let Some(one) = column else {
        return Column { min: point.min, max: point.max, mean: point.mean, weight };
    };
    let both = one.weight + weight;
    Column {
        min: one.min.min(point.min),
        max: one.max.max(point.max),
        mean: one.mean + (point.mean - one.mean) * (weight / both),
        weight: both,
    }
}

/// The lowest and the highest of `points`; `None` without any that can be drawn.
pub fn extent(points: &[HistoryPoint]) -> Option<(f64, f64)> {
    let both = points.iter().filter_map(sound).map(|point| (point.min, point.max));
    both.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
}

/// A scale with round ends around `low..=high`, whose parts are 1, 2 or 5 times a power of ten times
/// `unit`.
pub fn round_scale(low: f64, high: f64, unit: f64) -> (f64, f64) {
    let span = (high - low).max(f64::EPSILON * high.abs()).max(1e-3 * unit);
    let rough = span / SCALE_PARTS / unit;
    let power = 10_f64.powf(rough.log10().floor());
    let part = [1.0, 2.0, 5.0, 10.0].into_iter().find(|times| times * power >= rough * 0.999);
    let part = part.unwrap_or(10.0) * power * unit;
    let (bottom, top) = ((low / part).floor() * part, (high / part).ceil() * part);
    if top > bottom { (bottom, top) } else { (bottom, bottom + part) }
}

/// The dots of a whole plot, row by row from the top.
struct Dots {
    width: usize,
    height: usize,
    all: Vec<Dot>,
}

impl Dots {
    fn of(plot: &Plot<'_>, width: usize, height: usize) -> Self {
        let mut dots = Self { width, height, all: vec![Dot::Empty; width * height] };
        let mut before: Option<usize> = None;
        for (x, column) in plot.columns(width).into_iter().enumerate() {
            let Some(column) = column else {
                before = None;
                continue;
            };
            let level = plot.level(column.mean, height);
            for y in plot.level(column.min, height)..=plot.level(column.max, height) {
                dots.put(x, y, Dot::Band);
            }
            let from = before.unwrap_or(level);
            for y in from.min(level)..=from.max(level) {
                dots.put(x, y, Dot::Link);
            }
            dots.put(x, level, Dot::Mean);
            before = Some(level);
        }
        dots
    }

    /// Puts a dot, counted from below; a stronger one stays.
    fn put(&mut self, x: usize, y: usize, dot: Dot) {
        let Some(row) = self.height.checked_sub(y + 1) else { return };
        if let Some(place) = self.all.get_mut(row * self.width + x) {
            *place = dot.max(*place);
        }
    }

    fn at(&self, x: usize, row: usize) -> Dot {
        self.all.get(row * self.width + x).copied().unwrap_or_default()
    }

    /// The character of a cell, and the strongest of its dots.
    fn cell(&self, column: usize, row: usize, symbols: Symbols) -> (char, Dot) {
        let (across, down) = dots_of_cell(symbols);
        let dots = (0..down).flat_map(|y| (0..across).map(move |x| (x, y)));
        let dots: Vec<(usize, usize, Dot)> =
            dots.map(|(x, y)| (x, y, self.at(column * across + x, row * down + y))).collect();
        let strongest = dots.iter().map(|(_, _, dot)| *dot).max().unwrap_or_default();
        let symbol = match symbols {
            Symbols::Braille => {
                let is_on = |(x, y, dot): &&(usize, usize, Dot)| match dot {
                    Dot::Empty => false,
                    // Every other dot, so that the line can be told from it.
                    Dot::Band => (x + y) % 2 == 0,
                    Dot::Link | Dot::Mean => true,
                };
                braille(dots.iter().filter(is_on).map(|(x, y, _)| (*x, *y)))
            }
            Symbols::Block => {
                let is_line = |row: usize| dots.get(row).is_some_and(|one| one.2 >= Dot::Link);
                match (is_line(0), is_line(1), strongest) {
                    (true, true, _) => '█',
                    (true, false, _) => '▀',
                    (false, true, _) => '▄',
                    (false, false, Dot::Empty) => ' ',
                    (false, false, Dot::Band | Dot::Link | Dot::Mean) => '░',
                }
            }
            Symbols::Ascii => match strongest {
                Dot::Empty => ' ',
                Dot::Band => ':',
                Dot::Link => '|',
                Dot::Mean => '*',
            },
        };
        (symbol, strongest)
    }
}

/// Dots in a cell, across and down.
const fn dots_of_cell(symbols: Symbols) -> (usize, usize) {
    match symbols {
        Symbols::Braille => (2, 4),
        Symbols::Block => (1, 2),
        Symbols::Ascii => (1, 1),
    }
}

/// The braille character with these dots, across and down; a blank for none.
fn braille(dots: impl Iterator<Item = (usize, usize)>) -> char {
    const BITS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
    let bit = |(x, y): (usize, usize)| BITS.get(y).and_then(|row| row.get(x)).copied().unwrap_or(0);
    match dots.map(bit).fold(0, |all, bit| all | bit) {
        0 => ' ',
        bits => char::from_u32(0x2800 + bits).unwrap_or(' '),
    }
}

/// The whole number below `place`, which is within a screen's dots; a cast saturates.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to a screen's dots; a cast saturates"
)]
fn index(place: f64) -> usize {
    place as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at_s: i64, min: f64, mean: f64, max: f64) -> HistoryPoint {
        HistoryPoint { at: UnixMs(at_s * 1_000), min, max, mean, count: 2 }
    }

    /// `points` of 10 s from 0 to 100 s, on a scale from 0 to 10.
    fn drawn(
        points: &[HistoryPoint],
        symbols: Symbols,
        (width, height): (u16, u16),
    ) -> Vec<String> {
        let plot = Plot {
            points,
            from: UnixMs(0),
            to: UnixMs(100_000),
            step_ms: 10_000,
            scale: (0.0, 10.0),
            cursor: None,
        };
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        draw(&plot, &Theme::plain(symbols), area, &mut buffer);
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(line).collect()
    }

    #[test]
    fn lines_join_and_gaps_stay_gaps() {
        let flat = |at| point(at, 5.0, 5.0, 5.0);
        let points =
            [flat(0), flat(10), flat(50), point(60, 0.0, 0.0, 0.0), point(90, 10.0, 10.0, 10.0)];
        assert_eq!(
            drawn(&points, Symbols::Ascii, (10, 3)),
            ["         *", "**   *|   ", "      *   "]
        );
        assert_eq!(drawn(&points, Symbols::Block, (10, 1)), ["▀▀   ▀█  ▀"]);
        // Wider than there are steps: each takes its share, and the gap between them its own.
        assert_eq!(drawn(&points, Symbols::Ascii, (20, 1)), ["****      ****    **"]);
        assert_eq!(drawn(&points, Symbols::Braille, (5, 1)), ["⠒ ⠐⡆⠈"]);
    }

    #[test]
    fn a_band_shows_what_a_mean_hides() {
        let points = [point(0, 0.0, 5.0, 10.0), point(50, 5.0, 5.0, 5.0)];
        assert_eq!(
            drawn(&points, Symbols::Ascii, (10, 3)),
            [":         ", "*    *    ", ":         "]
        );
        // Several steps in one column are one band.
        let many: Vec<_> = (0..10).map(|n| point(n * 10, n as f64, n as f64, n as f64)).collect();
        assert_eq!(drawn(&many, Symbols::Ascii, (1, 3)), [":", "*", ":"]);
    }

    #[test]
    fn what_is_outside_or_no_number_is_not_drawn() {
        let points = [
            point(-500, 5.0, 5.0, 5.0),
            point(500, 5.0, 5.0, 5.0),
            point(30, f64::NAN, 5.0, 5.0),
            point(40, 0.0, f64::INFINITY, 5.0),
        ];
        assert_eq!(drawn(&points, Symbols::Block, (10, 1)), ["          "]);
        assert_eq!(extent(&points[2..]), None);
        assert_eq!(extent(&[point(0, 1.0, 2.0, 3.0), point(9, -1.0, 2.0, 2.5)]), Some((-1.0, 3.0)));
        assert_eq!(
            drawn(&[point(20, -90.0, 900.0, 900.0)], Symbols::Ascii, (10, 1)),
            ["  *       "]
        );
    }
}
