//! What is stored, and what a clean-up deletes, as tables.

use systole_common::time::UnixMs;
use systole_common::wire::history::{StoragePage, StorageRecord, TierRecord};

use super::line::Line;
use super::phrase;
use super::table::{Cell, Column, Table};
use crate::tone::Tone;

const TIERS: &[Column] = &[
    Column::words("HOST", 0).cut_to(12),
    Column::words("TIER", 0),
    Column::numbers("SERIES", 1),
    Column::numbers("RECORDS", 0),
    Column::numbers("SIZE", 0),
    Column::numbers("BYTES/RECORD", 4),
    Column::words("OLDEST", 2),
    Column::words("NEWEST", 3),
];
const SEQUENCES: &[Column] = &[
    Column::words("HOST", 0).cut_to(12),
    Column::numbers("RECEIVED", 0),
    Column::numbers("MISSING", 0),
    Column::numbers("DROPPED", 0),
    Column::words("RANGES, NEWEST FIRST", 1).cut_to(24),
];

/// What is stored of each host, and in all.
pub fn view(stored: &StoragePage, width: Option<usize>) -> Vec<Line> {
    let mut lines = tiers(&stored.records).lines(width);
    lines.push(Line::default());
    lines.extend(sequences(&stored.records).lines(width));
    lines.push(Line::default());
    let sizes = [stored.log_bytes, stored.database_bytes, stored.free_bytes];
    let [log, database, free] = sizes.map(|bytes| phrase::bytes(bytes as f64));
    let text = format!(" log {log}, database {database}, {free} free");
    lines.push(Line::of(text, Tone::Plain));
    lines
}

/// A row for each tier of each host that holds anything.
pub fn tiers(records: &[StorageRecord]) -> Table {
    let mut table = Table::new(TIERS);
    for record in records {
        for tier in record.tiers.iter().filter(|tier| tier.records > 0) {
            table.row(tier_cells(&record.host, tier));
        }
    }
    table
}

/// `12345 records of 3 hosts, 1.5 MiB`: what a clean-up deletes.
pub fn sum(records: &[StorageRecord]) -> String {
    let tiers = || records.iter().flat_map(|record| &record.tiers);
    let count = tiers().map(|tier| tier.records).fold(0, u64::saturating_add);
    let bytes = tiers().map(|tier| tier.bytes).fold(0, u64::saturating_add);
    let hosts = records.iter().filter(|record| holds_anything(record)).count();
    format!("{count} records of {}, {}", phrase::count(hosts, "host"), phrase::bytes(bytes as f64))
}

/// Whether any tier of it holds anything.
pub fn holds_anything(record: &StorageRecord) -> bool {
    record.tiers.iter().any(|tier| tier.records > 0)
}

/// `2026-11-14T00:00:00.000Z (2026-11-14 01:00:00 local)`.
pub fn midnight(at: UnixMs) -> String {
    format!("{} ({} local)", at.rfc3339(), at.local())
}

fn tier_cells(host: &str, tier: &TierRecord) -> Vec<Cell> {
    let time = |at: Option<UnixMs>| Cell::known(at.map(UnixMs::local).as_deref());
    let each = (tier.bytes > 0).then(|| format!("{:.2}", tier.bytes as f64 / tier.records as f64));
    vec![
        Cell::plain(host),
        Cell::plain(&tier.tier.to_string()),
        Cell::plain(&tier.series.to_string()),
        Cell::plain(&tier.records.to_string()),
        Cell::plain(&phrase::bytes(tier.bytes as f64)),
        Cell::known(each.as_deref()),
        time(tier.oldest),
        time(tier.newest),
    ]
}

fn sequences(records: &[StorageRecord]) -> Table {
    let mut table = Table::new(SEQUENCES);
    for record in records {
        let lacks = if record.missing > 0 { Tone::Warning } else { Tone::Plain };
        let lost = if record.dropped > 0 { Tone::Warning } else { Tone::Plain };
        table.row(vec![
            Cell::plain(&record.host),
            Cell::plain(&record.received.to_string()),
            Cell::new(&record.missing.to_string(), lacks),
            Cell::new(&record.dropped.to_string(), lost),
            Cell::plain(&ranges(&record.ranges)),
        ]);
    }
    table
}

/// `5003-6000 1-5000`.
fn ranges(ranges: &[(u64, u64)]) -> String {
    let one = |(first, last): &(u64, u64)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    let texts: Vec<String> = ranges.iter().map(one).collect();
    if texts.is_empty() { "-".to_owned() } else { texts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{WALL, stored};

    #[test]
    fn what_is_stored_is_two_tables_and_a_sum() {
        let records =
            vec![stored("web-1"), StorageRecord { ranges: vec![(7, 7)], ..stored("db-1") }];
        let page = StoragePage {
            log_bytes: 1 << 20,
            database_bytes: 5 << 20,
            free_bytes: 1 << 34,
            before: None,
            records,
        };
        let lines: Vec<String> = view(&page, Some(100)).iter().map(Line::plain).collect();
        let day = WALL.minus(std::time::Duration::from_hours(24)).local();
        let row = format!("raw        2     1000  1.6 KiB          1.60  {day}  {}", WALL.local());
        let expected = [
            " HOST   TIER  SERIES  RECORDS     SIZE  BYTES/RECORD  OLDEST               NEWEST"
                .to_owned(),
            format!(" web-1  {row}"),
            format!(" db-1   {row}"),
            String::new(),
            " HOST   RECEIVED  MISSING  DROPPED  RANGES, NEWEST FIRST".to_owned(),
            " web-1       997        3        0  503-1000 1-499".to_owned(),
            " db-1        997        3        0  7".to_owned(),
            String::new(),
            " log 1.0 MiB, database 5.0 MiB, 16 GiB free".to_owned(),
        ];
        assert_eq!(lines, expected);
        assert_eq!(sum(&page.records), "2000 records of 2 hosts, 3.1 KiB");
    }
}
