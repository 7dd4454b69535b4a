//! Alerts as a table.

use systole_common::model::alert::{AlertState, Severity};
use systole_common::model::coded::Growing;
use systole_common::time::UnixMs;
use systole_common::wire::console::AlertRecord;

use super::phrase;
use super::table::{Cell, Column, Table};
use crate::tone::Tone;

const COLUMNS: &[Column] = &[
    Column::numbers("ID", 0),
    Column::words("SEVERITY", 3),
    Column::words("STATE", 0),
    Column::words("HOST", 2).cut_to(12),
    Column::numbers("SINCE", 1),
    Column::words("BY", 4).cut_to(10),
    Column::words("SUMMARY", 0).cut_to(16),
];

/// A table of `alerts` in their order.
pub fn table(alerts: &[&AlertRecord], now: UnixMs) -> Table {
    let mut table = Table::new(COLUMNS);
    for alert in alerts {
        let tone = severity_tone(alert);
        table.row(vec![
            Cell::plain(&alert.id.to_string()),
            Cell::new(&alert.severity.to_string(), tone),
            Cell::plain(&state_words(alert)),
            Cell::plain(alert.host.as_deref().unwrap_or("(daemon)")),
            Cell::plain(&phrase::span(now.since(alert.since))),
            Cell::known(alert.acked_by.as_deref()),
            Cell::plain(&summary(alert)),
        ]);
    }
    table
}

/// `firing, acked, nodata`.
fn state_words(alert: &AlertRecord) -> String {
    let overlays = alert.overlays.iter().map(ToString::to_string);
    let words = std::iter::once(alert.state.to_string()).chain(overlays);
    words.collect::<Vec<_>>().join(", ")
}

fn summary(alert: &AlertRecord) -> String {
    match alert.acked_note.as_deref() {
        None | Some("") => alert.summary.clone(),
        Some(note) => format!("{} [{note}]", alert.summary),
    }
}

fn severity_tone(alert: &AlertRecord) -> Tone {
    match (alert.state, alert.severity) {
        (Growing::Known(AlertState::Resolved), _) => Tone::Quiet,
        (_, Growing::Known(Severity::Critical)) => Tone::Bad,
        (_, Growing::Known(Severity::Warning) | Growing::Unknown(_)) => Tone::Warning,
    }
}
