//! Clean-up by age, on an operator's word.

use rusqlite::{Connection, params};
use systole_common::ids::HostId;
use systole_common::time::UnixMs;
use systole_common::wire::history::StorageRecord;

use super::numbers::find_host;
use super::rows::NOBODY;
use super::storage;
use crate::shell::metrics::points::day_of;

/// Hands everything before the day of `before` to nobody, and says what it was.
pub(super) fn run(
    connection: &Connection,
    host: Option<&HostId>,
    before: UnixMs,
) -> rusqlite::Result<Vec<StorageRecord>> {
    let only = match host.map(|host| find_host(connection, host)).transpose()? {
        Some(None) => return Ok(Vec::new()),
        Some(Some(id)) => Some(id),
        None => None,
    };
    let records = storage::records(connection, host, Some(before))?;
    let day = day_of(before.0);
    for statement in [
        "UPDATE span SET host = ?3 WHERE day < ?1 AND host != ?3 AND (?2 IS NULL OR host = ?2)",
        "UPDATE rollup_day SET host = ?3 WHERE day < ?1 AND host != ?3 AND (?2 IS NULL OR host = ?2)",
    ] {
        connection.execute(statement, params![day, only, NOBODY])?;
    }
    for statement in [
        "DELETE FROM rollup_due WHERE day < ?1 AND (?2 IS NULL OR host = ?2)",
        "DELETE FROM series WHERE last_day < ?1 AND (?2 IS NULL OR host = ?2)",
    ] {
        connection.execute(statement, params![day, only])?;
    }
    Ok(records)
}
