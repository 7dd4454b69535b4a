//! The chart below the fleet: the processor of the host under the cursor over the last minutes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use systole_common::time::Now;
use systole_common::wire::history::HistoryPage;

use super::chart::{self, Plot};
use super::figures::{clock, measured, percent};
use super::text::{Pen, Side};
use super::theme::Theme;
use crate::model::Model;
use crate::model::fleet::Worth;
use crate::model::host_view::Loaded;
use crate::model::peek::Peek;
use crate::tone::Tone;

/// Cells of a number on the scale; a blank is before it and the axis behind it.
const LABEL_CELLS: usize = 6;
const AXIS_CELLS: u16 = 8;
const SCALE: (f64, f64) = (0.0, 100.0);
/// A step is as long where the answer does not say, in milliseconds.
const STEP_MS_UNKNOWN: u64 = 10_000;

/// Draws it with its heading.
pub(super) fn draw(model: &Model, now: Now, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.height < 3 {
        return;
    }
    let Some(host) = model.list.selected() else { return };
    heading(model, now, host, &mut Pen::on(buffer, theme, area));
    let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let peek = model.peek.as_ref().filter(|peek| peek.host == host);
    let page = peek.and_then(|peek| peek.chart.points.value());
    let asked = peek.and_then(|peek| peek.chart.asked);
    let (Some(page), Some((range, _))) = (page.filter(|page| !page.points.is_empty()), asked)
    else {
        let mut pen = Pen::on(buffer, theme, body);
        pen.skip(usize::from(AXIS_CELLS));
        pen.say(&missing(model, now, peek), Tone::Quiet);
        return;
    };
    let plot_area = Rect { height: body.height - 1, ..body };
    axis(theme, plot_area, buffer);
    let step_ms = if page.step_ms > 0 { page.step_ms } else { STEP_MS_UNKNOWN };
    let (from, to) = (range.from, range.to);
    let plot = Plot { points: &page.points, from, to, step_ms, scale: SCALE, cursor: None };
    let axis_width = AXIS_CELLS.min(area.width);
    let beside =
        |area: Rect| Rect { x: area.x + axis_width, width: area.width - axis_width, ..area };
    chart::draw(&plot, theme, beside(plot_area), buffer);
    let times = beside(Rect { y: body.bottom() - 1, height: 1, ..body });
    let mut pen = Pen::on(buffer, theme, times);
    pen.say(&clock(from), Tone::Quiet);
    pen.at_end(&clock(to), Tone::Quiet);
}

/// `── web-1180  cpu, last 10 min  now 71% ── gap = no data ──`.
fn heading(model: &Model, now: Now, host: &str, pen: &mut Pen<'_>) {
    let (rule, _) = pen.theme().symbols.rules();
    let gap = " gap = no data ";
    let row = model.shown_fleet().get(host);
    let live = row.and_then(|row| {
        let worth = row.worth(model.shown_now(now).mono, model.is_live(now));
        let cpu = row.summary.cpu_percent.map(f64::from)?;
        Some((measured(Some(cpu), worth, percent), worth))
    });
    pen.fill(rule, 2, Tone::Quiet);
    let name = pen.room().saturating_sub(gap.len() + 32);
    pen.skip(1);
    pen.say(&super::text::fit(host, name, pen.theme().symbols), Tone::Strong);
    pen.say("  cpu, last 10 min  ", Tone::Quiet);
    match live {
        Some((value, Worth::Fresh)) => pen.say(&format!("now {value} "), Tone::Plain),
        Some((value, Worth::Old | Worth::Withdrawn)) => pen.say(&format!("{value} "), Tone::Quiet),
        None => {}
    }
    pen.fill(rule, pen.room().saturating_sub(gap.len() + 2), Tone::Quiet);
    pen.say(gap, Tone::Quiet);
    pen.fill(rule, 2, Tone::Quiet);
}

/// The ends of the scale, and a line down.
fn axis(theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let (_, down) = theme.symbols.rules();
    for y in area.top()..area.bottom() {
        let label = match y {
            _ if y == area.top() => "100%",
            _ if y + 1 == area.bottom() => "0%",
            _ => "",
        };
        let mut pen = Pen::on(buffer, theme, Rect { y, height: 1, ..area });
        pen.skip(1);
        pen.field(label, LABEL_CELLS, Side::Right, Tone::Quiet);
        pen.fill(down, 1, Tone::Quiet);
    }
}

/// Why there is no line.
fn missing(model: &Model, now: Now, peek: Option<&Peek>) -> String {
    let nothing = |page: Option<&HistoryPage>| page.map(|_| "nothing is stored of this time");
    match peek.map(|peek| &peek.chart.points) {
        Some(Loaded::Failed(why)) => format!("not here: {why}"),
        Some(points @ (Loaded::Here(..) | Loaded::Asked(..))) => {
            nothing(points.value()).unwrap_or("asked ...").to_owned()
        }
        Some(Loaded::Unasked) | None if !model.is_live(now) => {
            "asked as soon as the daemon is heard".to_owned()
        }
        Some(Loaded::Unasked) | None => "asked ...".to_owned(),
    }
}
