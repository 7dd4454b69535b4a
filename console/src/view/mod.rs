//! Pictures of what is known, as lines of marked text. Pure: what is drawn is a function of its
//! arguments.
//!
//! The live table, 80×24:
//! ```text
//!  LIVE mon-1   3 hosts: 2 online, 1 down   1 critical   rtt 0.4 ms    14:02:07   <- header
//!  HOST    STATE          BEAT    CPU  MEMORY  DISK  LOAD  RTT     ALERTS         <- fleet
//!  web-2   down (silent)  12 s    ~7%    ~41%  ~52%  ~0.2  ~0.4 ms  1 crit
//!  ALERTS 1 open                                                                  <- alerts
//!  ID  SEVERITY  STATE   HOST   AGE   SUMMARY
//!  q leave                                                                        <- hints
//! ```

pub mod alerts;
pub mod audit;
pub mod fleet;
mod header;
pub mod history;
pub mod host;
pub mod line;
pub mod phrase;
pub mod storage;
pub mod table;

use systole_common::time::Now;

use self::line::{Line, Tone};
use crate::model::Model;
use crate::model::fleet::Row;
use crate::model::freshness::Trust;
use crate::model::subject::RowSubject;

/// Cells of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Cells in a line.
    pub width: usize,
    /// Lines.
    pub height: usize,
}

/// The live table: at most `size.height` lines of at most `size.width` cells.
pub fn view(model: &Model, now: Now, size: Size) -> Vec<Line> {
    let mut lines = vec![header::line(model, now, size.width)];
    let hint = Line::of(" q leave   values behind ~ are not of now", Tone::Quiet);
    let room = size.height.saturating_sub(2);
    let rows = shown(model, now);
    let alerts = model.alerts.worst_first();
    let alert_lines = match alerts.len() {
        0 => 1,
        count => (count + 2).min(room / 2).max(2),
    };
    let fleet_room = room.saturating_sub(alert_lines);
    lines.extend(fleet_part(model, &rows, now, size.width, fleet_room));
    lines.resize_with((size.height.saturating_sub(1 + alert_lines)).max(1), Line::default);
    lines.extend(alert_part(&alerts, now, size.width, alert_lines));
    lines.truncate(size.height.saturating_sub(1).max(1));
    if size.height > 1 {
        lines.push(hint);
    }
    lines.into_iter().map(|line| line.cut(size.width)).collect()
}

/// The hosts that the filter lets through, the worst first.
fn shown(model: &Model, now: Now) -> Vec<&Row> {
    let mut rows = model.fleet.worst_first();
    if let Some(filter) = &model.filter {
        rows.retain(|row| filter.matches(&RowSubject { row, now }));
    }
    rows
}

fn fleet_part(model: &Model, rows: &[&Row], now: Now, width: usize, room: usize) -> Vec<Line> {
    let is_live = model.freshness.trust(now.mono) == Trust::Live;
    if rows.is_empty() {
        let text = match (&model.filter, model.freshness.shown_at()) {
            (_, None) => String::new(),
            (Some(filter), Some(_)) => format!(
                " no host matches {filter} ({} known)",
                phrase::count(model.fleet.len(), "host")
            ),
            (None, Some(_)) => format!(" {}", fleet::NO_HOSTS),
        };
        return vec![Line::of(text, Tone::Plain)];
    }
    // One line for the heads, one more for the words about what does not fit.
    let body = room.saturating_sub(1);
    let fits = if rows.len() > body { body.saturating_sub(1) } else { rows.len() };
    let visible: Vec<&Row> = rows.iter().take(fits).copied().collect();
    let mut lines = fleet::table(&visible, now, is_live).lines(Some(width));
    if rows.len() > fits {
        let more = phrase::count(rows.len() - fits, "more host");
        lines.push(Line::of(format!(" … {more}, all of them better off"), Tone::Quiet));
    }
    lines.truncate(room);
    lines
}

fn alert_part(
    open: &[&systole_common::wire::console::AlertRecord],
    now: Now,
    width: usize,
    room: usize,
) -> Vec<Line> {
    if open.is_empty() {
        return vec![Line::of(" no open alerts", Tone::Quiet)];
    }
    let mut lines = vec![Line::of(format!(" ALERTS  {} open", open.len()), Tone::Strong)];
    let visible: Vec<_> = open.iter().take(room.saturating_sub(2)).copied().collect();
    lines.extend(alerts::table(&visible, now.wall).lines(Some(width)));
    lines.resize_with(room, Line::default);
    lines
}

#[cfg(test)]
mod tests;
