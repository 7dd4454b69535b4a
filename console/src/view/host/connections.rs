//! When the host connected and disconnected, from where and why, the newest first.

use systole_common::wire::console::ConnectionRecord;

use super::strip::{Column, Columns, Strip};
use super::{Part, Shown};
use crate::tone::Tone;

const COLUMNS: [Column; 4] = [
    Column::words("TIME", 19, 0),
    Column::words("EVENT", 10, 0),
    Column::words("ADDRESS", 21, 1),
    Column::words("REASON", 5, 0).wide(),
];

/// All that was answered.
pub(super) fn part(shown: &Shown<'_>) -> Part {
    let loaded = &shown.view.connections;
    let columns = Columns::of(&COLUMNS, shown.width);
    let count = loaded.value().map_or(0, Vec::len);
    let as_of = shown.as_of(loaded).map(|words| format!("; {words}")).unwrap_or_default();
    let title = Strip::of(format!(" CONNECTIONS {count}"), Tone::Strong).text(as_of, Tone::Warning);
    let heads = vec![title, columns.heads()];
    if let Some(words) = shown.asked_words(loaded, "no connect and no disconnect is on record") {
        return Part::below(heads, vec![Strip::of(format!(" {words}"), Tone::Quiet)]);
    }
    let records = loaded.value().map(Vec::as_slice).unwrap_or_default();
    let first = shown.first(records.len(), heads.len());
    let visible = records.iter().skip(first).take(shown.rows);
    let strips = visible.map(|record| line(&columns, record)).collect();
    Part { heads, total: records.len(), first, strips }
}

fn line(columns: &Columns, record: &ConnectionRecord) -> Strip {
    let (event, tone) =
        if record.connected { ("connect", Tone::Good) } else { ("disconnect", Tone::Warning) };
    columns.texts(&[
        (record.at.local(), Tone::Plain),
        (event.to_owned(), tone),
        (record.address.clone(), Tone::Plain),
        (record.reason.clone(), Tone::Plain),
    ])
}
