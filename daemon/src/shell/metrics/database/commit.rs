//! What a commit writes, and what is read again at the next start.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};
use systole_common::ids::{HostId, SpoolEpoch};
use systole_common::model::coded::Coded;
use systole_common::time::UnixMs;
use systole_common::wire::history::Tier;

use super::numbers::Numbers;
use super::rows::{self, NewSpan};
use crate::shell::metrics::codec;
use crate::shell::metrics::points::day_of;
use crate::shell::metrics::received::ReceivedRow;
use crate::shell::metrics::slot::Origin;
use crate::shell::metrics::window::ClosedWindow;

/// Writes a window. Returns how many series were left out because the host has too many.
pub(super) fn window(
    connection: &Connection,
    numbers: &mut Numbers,
    window: &ClosedWindow,
) -> rusqlite::Result<usize> {
    let Some(first) = window.times.first() else { return Ok(0) };
    let day = day_of(*first);
    let host = numbers.host(connection, &window.host)?;
    let mut left_out = 0;
    let mut columns = Vec::with_capacity(window.columns.len());
    for column in window.columns.iter().filter(|column| !column.values.is_empty()) {
        match numbers.series(connection, &window.host, &column.series, day)? {
            Some(number) => {
                columns.push((number, column.values.as_slice(), column.present.as_deref()));
            }
            None => left_out += 1,
        }
    }
    columns.sort_by_key(|(number, _, _)| *number);
    let origin = match window.origin {
        Origin::Live => 1,
        Origin::Backfill => 2,
    };
    rows::insert(connection, NewSpan { host, origin, merged: false }, &window.times, &columns)?;
    connection
        .prepare_cached("INSERT OR IGNORE INTO rollup_due (host, day) VALUES (?1, ?2)")?
        .execute([host, day])?;
    Ok(left_out)
}

/// Writes what was received of one epoch in place of what stood there.
pub(super) fn received(
    connection: &Connection,
    numbers: &mut Numbers,
    row: &ReceivedRow,
) -> rusqlite::Result<()> {
    let host = numbers.host(connection, &row.host)?;
    let (epoch, dropped) = (row.epoch.0.cast_signed(), row.dropped.cast_signed());
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO received (host, epoch, ranges, dropped, used_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![host, epoch, codec::ranges(&row.ranges), dropped, row.used_at.0])?;
    Ok(())
}

/// Deletes what was received of one epoch.
pub(super) fn forget(
    connection: &Connection,
    numbers: &mut Numbers,
    host: &HostId,
    epoch: SpoolEpoch,
) -> rusqlite::Result<()> {
    let host = numbers.host(connection, host)?;
    connection
        .prepare_cached("DELETE FROM received WHERE host = ?1 AND epoch = ?2")?
        .execute([host, epoch.0.cast_signed()])?;
    Ok(())
}

/// All that was received, and a line for each row that cannot be read.
pub(super) fn load_received(
    connection: &Connection,
) -> rusqlite::Result<(Vec<ReceivedRow>, Vec<String>)> {
    let mut statement = connection.prepare(
        "SELECT host.name, epoch, ranges, dropped, used_at FROM received
         JOIN host ON host.id = received.host ORDER BY host.name, epoch",
    )?;
    let mut found = statement.query([])?;
    let (mut loaded, mut losses) = (Vec::new(), Vec::new());
    while let Some(row) = found.next()? {
        let name: String = row.get(0)?;
        let (Ok(host), Ok(ranges)) = (name.parse(), codec::open_ranges(&row.get::<_, Vec<u8>>(2)?))
        else {
            losses.push(format!(
                "metrics.db: what was received of host {name} cannot be read; it is taken again where the agent still has it"
            ));
            continue;
        };
        loaded.push(ReceivedRow {
            host,
            epoch: SpoolEpoch(row.get::<_, i64>(1)?.cast_unsigned()),
            ranges,
            dropped: row.get::<_, i64>(3)?.cast_unsigned(),
            used_at: UnixMs(row.get(4)?),
        });
    }
    Ok((loaded, losses))
}

/// The newest slot of each host.
pub(super) fn load_newest(connection: &Connection) -> rusqlite::Result<BTreeMap<HostId, i64>> {
    let mut statement = connection.prepare(
        "SELECT name, (SELECT MAX(last) FROM span WHERE host = host.id AND day =
            (SELECT MAX(day) FROM span WHERE host = host.id)) FROM host",
    )?;
    let mut found = statement.query([])?;
    let mut newest = BTreeMap::new();
    while let Some(row) = found.next()? {
        let name: String = row.get(0)?;
        if let (Ok(host), Some(last)) = (name.parse(), row.get::<_, Option<i64>>(1)?) {
            newest.insert(host, last);
        }
    }
    Ok(newest)
}

/// The days of which there are samples of any host; if there are none, the newest that is rolled up.
pub(super) fn load_days(connection: &Connection) -> rusqlite::Result<BTreeSet<i64>> {
    // From one day of a host to its next by the index: few looks however many spans there are.
    let mut statement = connection.prepare(
        "WITH RECURSIVE found(host, day) AS (
            SELECT id, (SELECT MIN(day) FROM span WHERE span.host = host.id) FROM host
            UNION ALL
            SELECT host, (SELECT MIN(day) FROM span WHERE span.host = found.host
                AND span.day > found.day) FROM found WHERE day IS NOT NULL)
         SELECT DISTINCT day FROM found WHERE day IS NOT NULL",
    )?;
    let days: BTreeSet<i64> =
        statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    if !days.is_empty() {
        return Ok(days);
    }
    let mut statement = connection.prepare(
        "SELECT MAX((SELECT MAX(day) FROM rollup_day WHERE rollup_day.host = host.id AND tier = ?1))
         FROM host",
    )?;
    let mut days = BTreeSet::new();
    for tier in [Tier::Minute, Tier::Hour] {
        days.extend(statement.query_row([tier.code()], |row| row.get::<_, Option<i64>>(0))?);
    }
    Ok(days.last().copied().into_iter().collect())
}
