//! How much is stored, by host and tier; also what a clean-up would delete.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, params};
use systole_common::ids::HostId;
use systole_common::model::coded::Coded;
use systole_common::time::UnixMs;
use systole_common::wire::history::{StorageRecord, Tier, TierRecord};
use systole_common::wire::limits::RANGES_MAX;

use crate::shell::metrics::codec;
use crate::shell::metrics::points::day_of;

/// Bytes of `metrics.db` with SQLite's own log.
pub(in crate::shell::metrics) fn file_bytes(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let bytes = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    bytes(path).saturating_add(bytes(Path::new(&log)))
}

/// One record a host, by name. With `before` only what a clean-up deletes, and only of hosts that lose
/// something.
pub(in crate::shell::metrics) fn records(
    connection: &Connection,
    host: Option<&HostId>,
    before: Option<UnixMs>,
) -> rusqlite::Result<Vec<StorageRecord>> {
    let mut statement = connection
        .prepare_cached("SELECT id, name FROM host WHERE ?1 IS NULL OR name = ?1 ORDER BY name")?;
    let hosts = statement.query_map([host.map(HostId::as_str)], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
    })?;
    let mut records = Vec::new();
    for found in hosts {
        let (id, name) = found?;
        let record = record(connection, id, name, before)?;
        if before.is_none() || record.tiers.iter().any(|tier| tier.records > 0) {
            records.push(record);
        }
    }
    Ok(records)
}

fn record(
    connection: &Connection,
    id: i64,
    name: String,
    before: Option<UnixMs>,
) -> rusqlite::Result<StorageRecord> {
    let day_max = before.map_or(i64::MAX, |before| day_of(before.0));
    let tiers = Tier::ALL.iter().map(|tier| tier_record(connection, id, *tier, day_max));
    let mut record = StorageRecord {
        host: name,
        tiers: tiers.collect::<rusqlite::Result<_>>()?,
        received: 0,
        missing: 0,
        dropped: 0,
        ranges: Vec::new(),
    };
    if before.is_none() {
        add_received(connection, id, &mut record)?;
    }
    Ok(record)
}

fn tier_record(
    connection: &Connection,
    host: i64,
    tier: Tier,
    day_max: i64,
) -> rusqlite::Result<TierRecord> {
    let query = match tier {
        Tier::Raw => {
            "SELECT SUM(samples), SUM(bytes), MIN(first), MAX(last), MIN(day), MAX(day) FROM span
             WHERE host = ?1 AND day < ?2 AND ?3 IS NOT NULL"
        }
        Tier::Minute | Tier::Hour => {
            "SELECT SUM(points), SUM(bytes), MIN(first), MAX(last), MIN(day), MAX(day)
             FROM rollup_day WHERE host = ?1 AND day < ?2 AND tier = ?3"
        }
    };
    let mut statement = connection.prepare_cached(query)?;
    let (mut record, days) = statement.query_row(params![host, day_max, tier.code()], |row| {
        let record = TierRecord {
            tier: tier.into(),
            series: 0,
            records: count(row.get(0)?),
            bytes: count(row.get(1)?),
            oldest: row.get::<_, Option<i64>>(2)?.map(UnixMs),
            newest: row.get::<_, Option<i64>>(3)?.map(UnixMs),
        };
        Ok((record, (row.get::<_, Option<i64>>(4)?, row.get::<_, Option<i64>>(5)?)))
    })?;
    if let (Some(first), Some(last)) = days {
        // Those that had samples between the tier's first and last day.
        let mut statement = connection.prepare_cached(
            "SELECT COUNT(*) FROM series WHERE host = ?1 AND last_day >= ?2 AND first_day <= ?3",
        )?;
        record.series = count(statement.query_row([host, first, last], |row| row.get(0))?);
    }
    Ok(record)
}

/// All epochs together; the ranges of the one that was used last.
fn add_received(
    connection: &Connection,
    host: i64,
    record: &mut StorageRecord,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT ranges, dropped FROM received WHERE host = ?1 ORDER BY used_at DESC, epoch",
    )?;
    let mut rows = statement.query([host])?;
    let mut is_newest = true;
    while let Some(row) = rows.next()? {
        let Ok(set) = codec::open_ranges(&row.get::<_, Vec<u8>>(0)?) else { continue };
        record.received = record.received.saturating_add(set.count());
        record.missing = record.missing.saturating_add(set.holes());
        record.dropped = record.dropped.saturating_add(row.get::<_, i64>(1)?.cast_unsigned());
        if is_newest {
            record.ranges = set.ranges().iter().rev().take(RANGES_MAX).copied().collect();
            is_newest = false;
        }
    }
    Ok(())
}

fn count(sum: Option<i64>) -> u64 {
    sum.and_then(|sum| u64::try_from(sum).ok()).unwrap_or(0)
}
