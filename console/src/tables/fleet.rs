//! The fleet table: one line a host.

use systole_common::model::coded::{Coded, Growing};
use systole_common::model::host::HostState;
use systole_common::time::Now;
use systole_common::wire::console::HostRecord;
use systole_common::wire::feed::HostSummary;

use super::phrase;
use super::table::{Cell, Column, Table};
use crate::model::fleet::Row;
use crate::tone::Tone;

/// What is said where no host is known.
pub const NO_HOSTS: &str =
    "no host has connected yet; start systole-agent on a host that has a certificate of this fleet";

const COLUMNS: &[Column] = &[
    Column::words("HOST", 0).cut_to(16),
    Column::words("STATE", 0),
    Column::numbers("BEAT", 0),
    Column::numbers("CPU", 1),
    Column::numbers("MEMORY", 2),
    Column::numbers("DISK", 4),
    Column::numbers("LOAD", 5),
    Column::numbers("RTT", 6),
    Column::words("ALERTS", 3),
    Column::numbers("SINCE", 7),
    Column::words("ADDRESS", 8),
    Column::words("VERSION", 9),
    Column::words("OS", 10),
];

/// A table of `rows` in their order. Unless `is_live`, all values are marked as old.
pub fn table(rows: &[&Row], now: Now, is_live: bool) -> Table {
    let mut table = Table::new(COLUMNS);
    for row in rows {
        table.row(cells(row, now, is_live && row.is_heard()));
    }
    table
}

fn cells(row: &Row, now: Now, is_current: bool) -> Vec<Cell> {
    let summary = &row.summary;
    let mark = if is_current { "" } else { "~" };
    let value = |value: Option<f32>, say: fn(f64) -> String| {
        let text = value.map(|value| format!("{mark}{}", say(f64::from(value))));
        Cell::known(text.as_deref())
    };
    let round_trip = |micros| {
        let span = std::time::Duration::from_micros(micros);
        format!("{mark}{}", phrase::round_trip(span))
    };
    let record = row.detail.as_ref().map(|host| &host.record);
    let fact = |of: fn(&HostRecord) -> Option<&str>| Cell::known(record.and_then(of));
    vec![
        Cell::plain(&summary.host),
        Cell::new(&state_words(summary), state_tone(summary.state)),
        Cell::known(row.heartbeat_age(now.mono).map(phrase::span).as_deref()),
        value(summary.cpu_percent, phrase::percent),
        value(summary.memory_percent, phrase::percent),
        value(summary.disk_percent, phrase::percent),
        value(summary.load1, phrase::load),
        Cell::known(summary.rtt_us.map(round_trip).as_deref()),
        alert_counts(summary.alerts_critical, summary.alerts_warning),
        Cell::plain(&phrase::span(now.wall.since(summary.since))),
        fact(|record| record.address.as_deref()),
        fact(|record| record.agent_version.as_deref()),
        fact(|record| record.os.as_deref()),
    ]
}

/// `down (silent)`.
fn state_words(summary: &HostSummary) -> String {
    match summary.cause {
        Some(cause) => format!("{} ({cause})", summary.state),
        None => summary.state.to_string(),
    }
}

/// `1 crit, 2 warn`.
pub fn alert_counts(critical: u32, warning: u32) -> Cell {
    match (critical, warning) {
        (0, 0) => Cell::plain("-"),
        (0, warning) => Cell::new(&format!("{warning} warn"), Tone::Warning),
        (critical, 0) => Cell::new(&format!("{critical} crit"), Tone::Bad),
        (critical, warning) => Cell::new(&format!("{critical} crit, {warning} warn"), Tone::Bad),
    }
}

/// What a state means for the one who looks.
pub fn state_tone(state: Growing<HostState>) -> Tone {
    match state {
        Growing::Known(HostState::Online) => Tone::Good,
        Growing::Known(HostState::New | HostState::Recovering) => Tone::Plain,
        Growing::Known(HostState::Left) => Tone::Quiet,
        Growing::Known(HostState::Late) | Growing::Unknown(_) => Tone::Warning,
        Growing::Known(
            HostState::Stalled | HostState::Unreachable | HostState::Down | HostState::Conflict,
        ) => Tone::Bad,
    }
}

/// `2 online, 1 down`.
pub fn state_counts<T: Coded>(counts: &[(Growing<T>, usize)]) -> String {
    let one = |(state, count): &(Growing<T>, usize)| format!("{count} {state}");
    counts.iter().map(one).collect::<Vec<_>>().join(", ")
}
