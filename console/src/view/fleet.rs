//! The fleet table: one row a host, only those that can be seen. State is letter, word and place.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use systole_common::model::coded::Growing;
use systole_common::model::host::HostState;
use systole_common::time::Now;

use super::bar::{self, BAR_CELLS};
use super::figures::{AGE_CELLS, age, load, measured, percent, rate};
use super::text::{Pen, Side};
use super::theme::Theme;
use crate::model::Model;
use crate::model::fleet::{Row, Worth};
use crate::model::screen::Focus;
use crate::model::talk::place_of;
use crate::tables::fleet::{NO_HOSTS, state_tone};
use crate::tone::Tone;

/// From this on a share is marked.
const HIGH_PERCENT: f32 = 90.0;
const HOST_CELLS_MIN: usize = 12;
const HOST_CELLS_MAX: usize = 40;
/// The longest state behind `~`, and a state with its cause.
const WORD_CELLS: usize = 12;
const CAUSE_CELLS: usize = 21;
/// A value with `~`.
const VALUE_CELLS: usize = 5;
const ALERTS_CELLS: usize = 5;
/// From this width on shares are bars as well.
const BARS_WIDTH_MIN: usize = 74;
/// The same beside the alerts, where states are words and both flows are shown.
/// From this width on, beside the alerts, the processor's bar is as long as a state's word, which takes
/// its place where a host is not well.
const WORD_BAR_WIDTH_MIN: usize = 70;
const BARS_BESIDE_WIDTH_MIN: usize = 92;

/// A column behind the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    State,
    Beat,
    Cpu,
    Memory,
    Disk,
    Load,
    Network,
    /// Received and sent, each by itself.
    Flows,
    Alerts,
}

/// The columns that there is room for.
struct Columns {
    host: usize,
    /// In their order, with their cells.
    shown: Vec<(Column, usize)>,
}

impl Columns {
    /// Those of a table `width` cells wide: the most needed first, the host takes what is left.
    fn of(width: usize, is_beside: bool) -> Self {
        const SHARES: [Column; 3] = [Column::Cpu, Column::Memory, Column::Disk];
        let bars_from = if is_beside { BARS_BESIDE_WIDTH_MIN } else { BARS_WIDTH_MIN };
        let has_bars = width >= bars_from;
        let has_word_bar = is_beside && !has_bars && width >= WORD_BAR_WIDTH_MIN;
        let bar = |share| {
            if share == Column::Cpu && has_word_bar {
                WORD_CELLS
            } else if has_bars && share != Column::Disk {
                BAR_CELLS
            } else {
                0
            }
        };
        let mut wanted = vec![(Column::Beat, AGE_CELLS), (Column::Alerts, ALERTS_CELLS)];
        if !has_bars && !has_word_bar {
            wanted.push((Column::State, WORD_CELLS));
        }
        wanted.extend(SHARES.map(|share| (share, VALUE_CELLS + bar(share))));
        wanted.extend([(Column::Load, VALUE_CELLS), (Column::Network, VALUE_CELLS + 1)]);
        if has_bars {
            wanted.extend([(Column::State, WORD_CELLS), (Column::State, CAUSE_CELLS)]);
        }
        wanted.push((Column::Flows, 2 * VALUE_CELLS + 1));
        let mut columns = Self { host: HOST_CELLS_MIN, shown: Vec::new() };
        for (column, cells) in wanted {
            columns.add(column, cells, width);
        }
        columns.shown.sort_by_key(|(column, _)| *column);
        let left = width.saturating_sub(columns.width());
        columns.host = (columns.host + left).min(HOST_CELLS_MAX);
        columns
    }

    fn add(&mut self, column: Column, cells: usize, width: usize) {
        let before = std::mem::take(&mut self.shown);
        // A better form of a column takes its place.
        let replaced = |other: Column| match column {
            Column::Flows => other == Column::Network,
            Column::State
            | Column::Beat
            | Column::Cpu
            | Column::Memory
            | Column::Disk
            | Column::Load
            | Column::Network
            | Column::Alerts => other == column,
        };
        self.shown = before.iter().copied().filter(|(other, _)| !replaced(*other)).collect();
        self.shown.push((column, cells));
        if self.width() > width {
            self.shown = before;
        }
    }

    /// Cells of all: mark, letter, host, and each column behind a gap.
    fn width(&self) -> usize {
        let behind: usize = self.shown.iter().map(|(_, cells)| cells + 1).sum();
        3 + self.host + behind
    }

    fn has_state(&self) -> bool {
        self.shown.iter().any(|(column, _)| *column == Column::State)
    }
}

/// Draws the table with its heads.
pub(super) fn draw(model: &Model, now: Now, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let is_beside = area.width < model.screen.size.width;
    let columns = Columns::of(usize::from(area.width), is_beside);
    let is_focused = model.screen.focus() == Focus::Fleet;
    heads(&columns, is_focused, &mut Pen::on(buffer, theme, area));
    let rows = usize::from(area.height - 1);
    let names = model.list.visible(rows);
    let first = Rect { y: area.y + 1, height: area.height - 1, ..area };
    if names.is_empty() {
        let words = empty_words(model);
        for (y, line) in (first.y..first.bottom()).zip(words.split("; ")) {
            let mut pen = Pen::on(buffer, theme, Rect { y, ..first });
            pen.skip(1);
            pen.say(line, Tone::Plain);
        }
        return;
    }
    let selected = model.list.selected().filter(|_| is_focused);
    let shown = Shown { now: model.shown_now(now), is_live: model.is_live(now) };
    for (line, name) in (first.y..).zip(names) {
        let area = Rect { y: line, height: 1, ..area };
        let is_selected = selected == Some(name.as_str());
        if let Some(row) = model.shown_fleet().get(name) {
            let mut pen = Pen::on(buffer, theme, area);
            pen.say(if is_selected { ">" } else { " " }, Tone::Strong);
            let spot = model.talk.spot(&place_of(name));
            let is_unread = spot.is_some_and(|spot| spot.unread() > 0);
            shown.row(row, &columns, is_unread, &mut pen);
        }
        if is_selected {
            buffer.set_style(area, theme.style(Tone::Reversed));
        }
    }
}

fn heads(columns: &Columns, is_focused: bool, pen: &mut Pen<'_>) {
    let tone = if is_focused { Tone::Strong } else { Tone::Quiet };
    pen.say(" S ", tone);
    pen.field("HOST", columns.host, Side::Left, tone);
    for (column, cells) in &columns.shown {
        let (head, side) = match column {
            Column::State => ("STATE", Side::Left),
            Column::Beat => ("BEAT", Side::Right),
            Column::Cpu => ("CPU", Side::Right),
            Column::Memory if *cells < BAR_CELLS => ("MEM", Side::Right),
            Column::Memory => ("MEMORY", Side::Right),
            Column::Disk => ("DISK", Side::Right),
            Column::Load => ("LOAD", Side::Right),
            Column::Network => ("NET/s", Side::Right),
            Column::Flows => (" RX/s  TX/s", Side::Right),
            Column::Alerts => ("AL", Side::Left),
        };
        pen.skip(1);
        pen.field(head, *cells, side, tone);
    }
}

/// What is said where there are no rows.
fn empty_words(model: &Model) -> String {
    match (&model.list.filter, model.freshness.shown_at()) {
        (_, None) => "nothing was heard yet".to_owned(),
        (Some(_), Some(_)) if !model.fleet.is_empty() => {
            format!("no host of {} matches the filter; Esc clears it", model.fleet.len())
        }
        (_, Some(_)) => NO_HOSTS.to_owned(),
    }
}

/// The moment that is shown.
struct Shown {
    now: Now,
    is_live: bool,
}

impl Shown {
    fn row(&self, row: &Row, columns: &Columns, is_unread: bool, pen: &mut Pen<'_>) {
        let summary = &row.summary;
        let tone = if self.is_live { state_tone(summary.state) } else { Tone::Quiet };
        pen.fill(letter(summary.state), 1, tone);
        pen.say(if is_unread { "@" } else { " " }, Tone::Strong);
        pen.field(&summary.host, columns.host, Side::Left, Tone::Plain);
        let worth = row.worth(self.now.mono, self.is_live);
        for (column, cells) in &columns.shown {
            pen.skip(1);
            match column {
                Column::State => {
                    let words = self.words(row, *cells);
                    pen.field(&words, *cells, Side::Left, tone);
                }
                Column::Beat => {
                    let beat = row.heartbeat_age(self.now.mono).map_or("-".to_owned(), age);
                    pen.field(&beat, *cells, Side::Right, Tone::Plain);
                }
                Column::Cpu if !columns.has_state() && !is_well(summary.state) => {
                    // The word stands where the bar would be.
                    let words = self.words(row, 0);
                    pen.field(&words, cells.saturating_sub(VALUE_CELLS), Side::Left, tone);
                    share(summary.cpu_percent, worth, VALUE_CELLS, pen);
                }
                Column::Cpu => share(summary.cpu_percent, worth, *cells, pen),
                Column::Memory => share(summary.memory_percent, worth, *cells, pen),
                Column::Disk => share(summary.disk_percent, worth, *cells, pen),
                Column::Load => value(summary.load1, worth, load, *cells, pen),
                Column::Network => value(row.network_bytes_per_s(), worth, rate, *cells, pen),
                Column::Flows => {
                    let values = row.values.as_ref();
                    let received = values.and_then(|values| values.rx_bytes_per_s);
                    value(received, worth, rate, VALUE_CELLS, pen);
                    pen.skip(1);
                    let sent = values.and_then(|values| values.tx_bytes_per_s);
                    value(sent, worth, rate, VALUE_CELLS, pen);
                }
                Column::Alerts => {
                    let (text, tone) = counts(summary.alerts_critical, summary.alerts_warning);
                    let tone = if self.is_live { tone } else { Tone::Quiet };
                    pen.field(&text, *cells, Side::Left, tone);
                }
            }
        }
    }

    /// `down`, `~down` while nothing is heard, and `down silent` where there is room for the cause.
    fn words(&self, row: &Row, cells: usize) -> String {
        let mark = if self.is_live { "" } else { "~" };
        match row.summary.cause {
            Some(cause) if cells > WORD_CELLS => format!("{mark}{} {cause}", row.summary.state),
            _ => format!("{mark}{}", row.summary.state),
        }
    }
}

/// A share as a bar, where there is room, and as a number; an old one has no bar.
fn share(percent_used: Option<f32>, worth: Worth, cells: usize, pen: &mut Pen<'_>) {
    let tone = match (percent_used, worth) {
        (Some(percent), Worth::Fresh) if percent >= HIGH_PERCENT => Tone::Warning,
        (Some(_), Worth::Fresh) => Tone::Plain,
        (_, Worth::Old | Worth::Withdrawn) | (None, Worth::Fresh) => Tone::Quiet,
    };
    let bar_cells = cells.saturating_sub(VALUE_CELLS);
    match (percent_used, worth) {
        (Some(percent), Worth::Fresh) => bar::draw(pen, f64::from(percent), bar_cells, tone),
        (Some(_), Worth::Old | Worth::Withdrawn) | (None, _) => pen.skip(bar_cells),
    }
    let text = measured(percent_used.map(f64::from), worth, percent);
    pen.field(&text, VALUE_CELLS, Side::Right, tone);
}

fn value(
    value: Option<f32>,
    worth: Worth,
    say: fn(f64) -> String,
    cells: usize,
    pen: &mut Pen<'_>,
) {
    let tone = match worth {
        Worth::Fresh => Tone::Plain,
        Worth::Old | Worth::Withdrawn => Tone::Quiet,
    };
    pen.field(&measured(value.map(f64::from), worth, say), cells, Side::Right, tone);
}

fn is_well(state: Growing<HostState>) -> bool {
    state == HostState::Online.into()
}

/// `C1W2`.
fn counts(critical: u32, warning: u32) -> (String, Tone) {
    match (critical, warning) {
        (0, 0) => ("-".to_owned(), Tone::Quiet),
        (0, warning) => (format!("W{warning}"), Tone::Warning),
        (critical, 0) => (format!("C{critical}"), Tone::Bad),
        (critical, warning) => (format!("C{critical}W{warning}"), Tone::Bad),
    }
}

/// The letter of a state.
pub(super) const fn letter(state: Growing<HostState>) -> char {
    match state {
        Growing::Known(HostState::Online) => '.',
        Growing::Known(HostState::New) => '+',
        Growing::Known(HostState::Late) => 'L',
        Growing::Known(HostState::Stalled) => 'S',
        Growing::Known(HostState::Unreachable) => 'U',
        Growing::Known(HostState::Down) => 'X',
        Growing::Known(HostState::Recovering) => 'r',
        Growing::Known(HostState::Left) => '-',
        Growing::Known(HostState::Conflict) => '!',
        Growing::Unknown(_) => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fill_the_width_and_never_more() {
        for width in 0..300 {
            for is_beside in [false, true] {
                let columns = Columns::of(width, is_beside);
                assert!(columns.width() <= width.max(3 + HOST_CELLS_MIN), "{width}");
            }
        }
        let shows = |width, beside, column| {
            Columns::of(width, beside).shown.iter().any(|(one, _)| *one == column)
        };
        let has = |width, column| shows(width, false, column);
        for width in [60, 76, 78, 91, 92, 120] {
            let columns = Columns::of(width, true);
            let has_room = |(column, cells): &(Column, usize)| {
                *column == Column::Cpu && *cells >= VALUE_CELLS + WORD_CELLS
            };
            let is_told = columns.has_state() || columns.shown.iter().any(has_room);
            assert!(is_told, "no room for the state's word at {width}");
        }
        assert!(shows(78, true, Column::Flows) && shows(120, true, Column::Flows));
        assert!(has(40, Column::State) && has(40, Column::Beat) && has(40, Column::Alerts));
        assert!(has(76, Column::Network) && has(80, Column::Flows) && !has(80, Column::State));
        assert!(has(120, Column::State) && has(120, Column::Flows) && !has(120, Column::Network));
    }
}
