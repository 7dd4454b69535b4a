//! What is too old goes, by whole UTC days; what nobody owns goes step by step.

use rusqlite::{Connection, OptionalExtension, params};
use systole_common::model::coded::Coded;
use systole_common::time::UnixMs;
use systole_common::wire::history::Tier;

use super::database::Maintained;
use super::database::rows::{self, NOBODY};
use super::points::{DAY_MS, day_of};
use super::rollup;
use super::slot::Retention;
use crate::limits::{DELETE_SPANS_MAX, VACUUM_PAGES};

/// The first day that each tier keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cuts {
    raw: i64,
    minute: i64,
    hour: i64,
}

impl Cuts {
    /// A day goes when all of it is too old.
    pub(super) fn new(now: UnixMs, retention: &Retention) -> Self {
        let cut = |kept_ms: i64| day_of(now.0.saturating_sub(kept_ms.max(0)));
        Self {
            raw: cut(retention.raw_ms),
            minute: cut(retention.minute_ms),
            hour: cut(retention.hour_ms),
        }
    }
}

/// Deletes some of what a clean-up left to nobody.
pub(super) fn delete_nobodys(connection: &Connection) -> rusqlite::Result<Option<Maintained>> {
    let mut statement =
        connection.prepare_cached("SELECT id, merged FROM span WHERE host = ?1 LIMIT ?2")?;
    let spans: Vec<(i64, bool)> = statement
        .query_map([NOBODY, DELETE_SPANS_MAX], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (id, merged) in &spans {
        rows::delete(connection, *id, *merged)?;
    }
    let mut statement =
        connection.prepare_cached("SELECT id FROM rollup_day WHERE host = ?1 LIMIT ?2")?;
    let days: Vec<i64> = statement
        .query_map([NOBODY, DELETE_SPANS_MAX], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for id in &days {
        rollup::delete(connection, *id)?;
    }
    Ok(deleted(spans.len() + days.len()))
}

/// One day of one host of one tier that is too old; then series of which nothing is left.
pub(super) fn step(
    connection: &Connection,
    cuts: Cuts,
    losses: &mut Vec<String>,
) -> rusqlite::Result<Option<Maintained>> {
    if let Some(step) = raw(connection, cuts.raw, losses)? {
        return Ok(Some(step));
    }
    for (tier, cut) in [(Tier::Minute, cuts.minute), (Tier::Hour, cuts.hour)] {
        let mut statement = connection.prepare_cached(
            "SELECT (SELECT id FROM rollup_day AS r WHERE r.host = h.id AND tier = ?1 AND day < ?2
                ORDER BY day LIMIT 1) AS old FROM host AS h WHERE old IS NOT NULL LIMIT ?3",
        )?;
        let old: Vec<i64> = statement
            .query_map(params![tier.code(), cut, DELETE_SPANS_MAX], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for id in &old {
            rollup::delete(connection, *id)?;
        }
        if let Some(step) = deleted(old.len()) {
            return Ok(Some(step));
        }
    }
    let cut = cuts.raw.min(cuts.minute).min(cuts.hour);
    let series =
        connection.prepare_cached("DELETE FROM series WHERE last_day < ?1")?.execute([cut])?;
    Ok(deleted(series))
}

/// The samples of a day; its roll-up is computed first if it is due.
fn raw(
    connection: &Connection,
    cut: i64,
    losses: &mut Vec<String>,
) -> rusqlite::Result<Option<Maintained>> {
    let oldest = connection
        .prepare_cached(
            "SELECT id, (SELECT MIN(day) FROM span WHERE span.host = h.id) AS old FROM host AS h
             WHERE old < ?1 LIMIT 1",
        )?
        .query_row([cut], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
        .optional()?;
    let Some((host, day)) = oldest else { return Ok(None) };
    let is_due = connection
        .prepare_cached("SELECT 1 FROM rollup_due WHERE host = ?1 AND day = ?2")?
        .exists([host, day])?;
    let damaged = if is_due { rollup::compute(connection, host, day, losses)? } else { 0 };
    let spans = rows::spans(connection, host, day * DAY_MS, (day + 1) * DAY_MS)?;
    for span in &spans {
        rows::delete(connection, span.id, span.merged)?;
    }
    Ok(deleted(spans.len()).map(|step| Maintained { damaged, ..step }))
}

/// Gives some free pages back to the file system, but keeps a few for what comes next.
pub(super) fn vacuum(connection: &Connection) -> rusqlite::Result<Option<Maintained>> {
    let count = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let free = count("freelist_count")?;
    if free <= count("page_count")? / 64 + VACUUM_PAGES {
        return Ok(None);
    }
    // Each row that is stepped over is one page given back.
    let mut statement =
        connection.prepare(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    let given = u64::try_from(free - count("freelist_count")?).unwrap_or(0);
    Ok((given > 0).then(|| Maintained { vacuumed: given, ..Maintained::default() }))
}

fn deleted(count: usize) -> Option<Maintained> {
    let deleted = u64::try_from(count).unwrap_or(u64::MAX);
    (count > 0).then(|| Maintained { deleted, ..Maintained::default() })
}
