//! The history of the host as charts over one time, one below the other or in two columns.
//!
//! Owns where charts stand, their titles and axes; the dots are `chart.rs`'s.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use systole_common::time::UnixMs;
use systole_common::wire::history::{HistoryPage, HistoryPoint};

use super::quantity::{scale, scale_label, value};
use super::strip::Strip;
use super::{ASKED, Shown};
use crate::model::fleet::Worth;
use crate::model::history::series_name;
use crate::model::host_view::{Chart, ChartSpan, Loaded};
use crate::model::range::{Range, Step};
use crate::tables::phrase;
use crate::tone::Tone;
use crate::view::chart::{self, Plot};
use crate::view::figures::clock;
use crate::view::text::{Pen, Side};
use crate::view::theme::Theme;

/// From this width on charts stand in two columns.
const BESIDE_WIDTH_MIN: usize = 110;
/// Between two columns of charts.
const GAP: u16 = 2;
/// Cells beside a chart: its scale.
const AXIS_CELLS: u16 = 8;
/// Cells of a number on the scale.
const LABEL_CELLS: usize = 6;
/// A chart is a title and at least one row.
const CHART_HEIGHT_MIN: u16 = 2;
/// From so many rows on there is one for the times.
const TIMES_HEIGHT_MIN: u16 = 5;
/// A value that is older than so many steps is not the newest one.
const OLD_STEPS: u64 = 2;
/// A step that is not known is taken to be as long, in milliseconds.
const STEP_MS_UNKNOWN: u64 = 60_000;

/// Draws the line of ranges, the charts, the times below them.
pub(super) fn draw(shown: &Shown<'_>, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let grid = Grid::of(shown);
    ranges(shown, &grid).draw(&mut Pen::on(buffer, theme, area));
    if shown.view.charts.is_empty() {
        let words = if shown.is_live { ASKED } else { "asked as soon as the daemon is heard" };
        let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
        Strip::of(format!(" {words}"), Tone::Quiet).draw(&mut Pen::on(buffer, theme, below));
        return;
    }
    let first = grid.first * grid.columns;
    let visible = shown.view.charts.iter().skip(first).take(grid.rows * grid.columns);
    for (place, chart) in visible.enumerate() {
        draw_chart(shown, chart, theme, grid.place(place, area), buffer);
    }
    if grid.has_times {
        for column in 0..grid.columns {
            times(shown, theme, grid.times(column, area), buffer);
        }
    }
}

/// Lines as scrolling counts them: one more than there are rows for each row of charts that is hidden.
pub(super) fn lines(shown: &Shown<'_>) -> usize {
    let grid = Grid::of(shown);
    shown.rows + grid.all_rows.saturating_sub(grid.rows)
}

/// Where charts stand.
struct Grid {
    columns: usize,
    /// Rows of charts, and how many of them are shown, beginning with which.
    all_rows: usize,
    rows: usize,
    first: usize,
    has_times: bool,
}

impl Grid {
    fn of(shown: &Shown<'_>) -> Self {
        let count = shown.view.charts.len();
        let columns = if shown.width >= BESIDE_WIDTH_MIN && count > 1 { 2 } else { 1 };
        let has_times = shown.rows >= usize::from(TIMES_HEIGHT_MIN);
        let height = shown.rows.saturating_sub(1 + usize::from(has_times));
        let all_rows = count.div_ceil(columns);
        let rows = all_rows.min(height / usize::from(CHART_HEIGHT_MIN));
        let first = shown.view.offset.min(all_rows - rows);
        Self { columns, all_rows, rows, first, has_times }
    }

    /// The part of `area` for the chart in `place`; rows that are left over go to the upper ones.
    fn place(&self, place: usize, area: Rect) -> Rect {
        let height = usize::from(area.height).saturating_sub(1 + usize::from(self.has_times));
        let rows = self.rows.max(1);
        let (row, column) = (place / self.columns, place % self.columns);
        let top = height / rows * row + row.min(height % rows);
        let own = height / rows + usize::from(row < height % rows);
        let across = self.across(column, area);
        Rect {
            y: area.y.saturating_add(1).saturating_add(narrow(top)),
            height: narrow(own),
            ..across
        }
    }

    /// The line for the times of a column.
    fn times(&self, column: usize, area: Rect) -> Rect {
        Rect { y: area.bottom() - 1, height: 1, ..self.across(column, area) }
    }

    fn across(&self, column: usize, area: Rect) -> Rect {
        if self.columns < 2 {
            return area;
        }
        let width = area.width.saturating_sub(GAP) / 2;
        let x = if column == 0 { area.x } else { area.right() - width };
        Rect { x, width, ..area }
    }
}

fn narrow(cells: usize) -> u16 {
    u16::try_from(cells).unwrap_or(u16::MAX)
}

/// ` 1 h [6 h] 24 h 7 d 30 d   cursor at 04:10:00`, and which charts are shown if not all.
fn ranges(shown: &Shown<'_>, grid: &Grid) -> Strip {
    let mut strip = Strip::default();
    for span in ChartSpan::ALL {
        strip = if span == shown.view.span {
            strip.text(format!("[{}]", span.title()), Tone::Strong)
        } else {
            strip.text(format!(" {} ", span.title()), Tone::Quiet)
        };
    }
    if let Some((at, _)) = cursor(shown) {
        strip = strip.text(format!("  cursor at {}", at.local()), Tone::Strong);
    }
    let as_of = shown.view.charts.iter().find_map(|chart| shown.as_of(&chart.points));
    strip = strip.text(as_of.map(|words| format!("  {words}")).unwrap_or_default(), Tone::Warning);
    if grid.rows == grid.all_rows {
        return strip;
    }
    let (first, count) = (grid.first * grid.columns, shown.view.charts.len());
    let last = (first + grid.rows * grid.columns).min(count);
    strip.end(format!(" {}-{last}/{count} ", first + 1), Tone::Plain)
}

/// The time that charts cover: what was asked for last, the same for all.
fn covered(shown: &Shown<'_>) -> Option<(Range, u64)> {
    let (range, step) = shown.view.charts.iter().find_map(|chart| chart.asked)?;
    let step_ms = match step {
        Step::Raw => STEP_MS_UNKNOWN,
        Step::EveryMs(step_ms) => step_ms,
    };
    Some((range, step_ms))
}

/// The step that the cursor is on: its begin and its end.
fn cursor(shown: &Shown<'_>) -> Option<(UnixMs, UnixMs)> {
    let back = i64::from(shown.view.chart_cursor?);
    let (range, step_ms) = covered(shown)?;
    let step = i64::try_from(step_ms).unwrap_or(i64::MAX);
    // Not before the first step.
    let first = range.from.0.saturating_add(step).min(range.to.0);
    let end = range.to.0.saturating_sub(step.saturating_mul(back)).max(first);
    Some((UnixMs(end.saturating_sub(step).max(range.from.0)), UnixMs(end)))
}

fn draw_chart(shown: &Shown<'_>, chart: &Chart, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    title(shown, chart).draw(&mut Pen::on(buffer, theme, area));
    let below = Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area };
    let points = chart.points.value().map(|page| page.points.as_slice()).unwrap_or_default();
    let covered = covered(shown).filter(|_| !points.is_empty());
    let (Some((range, step_ms)), Some(page)) = (covered, chart.points.value()) else {
        let words = Strip::default()
            .blank(usize::from(AXIS_CELLS))
            .text(missing(shown, chart), Tone::Quiet);
        words.draw(&mut Pen::on(buffer, theme, below));
        return;
    };
    let step_ms = if page.step_ms > 0 { page.step_ms } else { step_ms };
    let extent = chart::extent(points).unwrap_or((0.0, 1.0));
    let scale = scale(page.unit, extent, shown.view.is_full_scale);
    axis(page, scale, theme, below, buffer);
    let middle = |(begin, end): (UnixMs, UnixMs)| UnixMs(i64::midpoint(begin.0, end.0));
    let plot = Plot {
        points,
        from: range.from,
        to: range.to,
        step_ms,
        scale,
        cursor: cursor(shown).map(middle),
    };
    chart::draw(&plot, theme, beside_axis(below), buffer);
}

fn beside_axis(area: Rect) -> Rect {
    let axis = AXIS_CELLS.min(area.width);
    Rect { x: area.x + axis, width: area.width - axis, ..area }
}

/// The ends of the scale, and a line down.
fn axis(
    page: &HistoryPage,
    (low, high): (f64, f64),
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) {
    let (_, down) = theme.symbols.rules();
    for y in area.top()..area.bottom() {
        let label = match y {
            _ if y == area.top() => scale_label(page.unit, high),
            _ if y + 1 == area.bottom() => scale_label(page.unit, low),
            _ => String::new(),
        };
        let mut pen = Pen::on(buffer, theme, Rect { y, height: 1, ..area });
        pen.skip(1);
        pen.field(&label, LABEL_CELLS, Side::Right, Tone::Quiet);
        pen.fill(down, 1, Tone::Quiet);
    }
}

/// `cpu_percent  38% (12% to 71%)`: what the cursor is on, or the newest value and the ends of all.
fn title(shown: &Shown<'_>, chart: &Chart) -> Strip {
    let name = series_name(&chart.key.metric, &chart.key.instance);
    let strip = Strip::of(format!(" {name}  "), Tone::Strong);
    let Some(page) = chart.points.value().filter(|page| !page.points.is_empty()) else {
        return strip;
    };
    let strip = match cursor(shown) {
        Some(step) => strip.text(at_cursor(page, step), Tone::Plain),
        None => strip.then(newest(shown, chart, page)),
    };
    let (low, high) = chart::extent(&page.points).unwrap_or_default();
    let ends = format!("   low {}, high {}", value(page.unit, low), value(page.unit, high));
    strip.text(ends, Tone::Quiet)
}

/// `38% (12% to 71%)`, or that there is nothing.
fn at_cursor(page: &HistoryPage, (begin, end): (UnixMs, UnixMs)) -> String {
    let at = page.points.iter().find(|point| (begin..end).contains(&point.at));
    at.map_or("no samples here".to_owned(), |point| spread(page, point))
}

fn spread(page: &HistoryPage, point: &HistoryPoint) -> String {
    let mean = value(page.unit, point.mean);
    if point.count <= 1 {
        return mean;
    }
    format!("{mean} ({} to {})", value(page.unit, point.min), value(page.unit, point.max))
}

/// The value of now, or that of the last step with how long it is, and its time where it is old.
fn newest(shown: &Shown<'_>, chart: &Chart, page: &HistoryPage) -> Strip {
    let live = shown.value(&chart.key.metric, &chart.key.instance);
    if let (Some(live), Worth::Fresh) = (live, shown.worth) {
        return Strip::of(format!("now {}", value(page.unit, live)), Tone::Plain);
    }
    let Some(last) = page.points.last() else { return Strip::default() };
    let step_ms = if page.step_ms > 0 { page.step_ms } else { STEP_MS_UNKNOWN };
    let limit = std::time::Duration::from_millis(step_ms.saturating_mul(OLD_STEPS));
    let step = phrase::span(std::time::Duration::from_millis(step_ms));
    let text = value(page.unit, last.mean);
    if shown.is_live && shown.now.wall.since(last.at) <= limit {
        return Strip::of(format!("last {step} {text}"), Tone::Plain);
    }
    Strip::of(format!("~{text}, {step} from {}", clock(last.at)), Tone::Quiet)
}

/// Why there is no line.
fn missing(shown: &Shown<'_>, chart: &Chart) -> String {
    match &chart.points {
        Loaded::Failed(why) => format!("not here: {why}"),
        Loaded::Unasked if !shown.is_live => "asked as soon as the daemon is heard".to_owned(),
        Loaded::Here(..) => "nothing is stored of this time".to_owned(),
        Loaded::Asked(..) if chart.points.value().is_some() => {
            "nothing is stored of this time".to_owned()
        }
        Loaded::Unasked | Loaded::Asked(..) => ASKED.to_owned(),
    }
}

/// The ends of the time below the charts, and a mark below the cursor.
fn times(shown: &Shown<'_>, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let Some((range, _)) = covered(shown) else { return };
    let plot_area = beside_axis(area);
    let is_short = shown.view.span <= ChartSpan::Day;
    let words = |at: UnixMs| {
        let local = at.local();
        let part = if is_short { local.get(11..16) } else { local.get(5..16) };
        part.unwrap_or_default().to_owned()
    };
    Strip::of(words(range.from), Tone::Quiet)
        .end(words(range.to), Tone::Quiet)
        .draw(&mut Pen::on(buffer, theme, plot_area));
    let Some((begin, end)) = cursor(shown) else { return };
    let middle = UnixMs(i64::midpoint(begin.0, end.0));
    let plot = Plot {
        points: &[],
        from: range.from,
        to: range.to,
        step_ms: 0,
        scale: (0.0, 1.0),
        cursor: None,
    };
    if let Some(column) = plot.column(middle, plot_area.width) {
        let x = plot_area.x.saturating_add(narrow(column));
        let place = Rect { x, width: 1, ..plot_area };
        Pen::on(buffer, theme, place).say("^", Tone::Strong);
    }
}
