//! What is too old goes, by whole UTC days; what nobody owns goes step by step.
//!
//! How old something is, is not the clock's word alone: a clock that jumps must not empty the store.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension, params};
use systole_common::model::coded::Coded;
use systole_common::time::UnixMs;
use systole_common::wire::history::Tier;

use super::database::Maintained;
use super::database::rows::{self, NOBODY};
use super::points::{DAY_MS, day_of};
use super::rollup;
use super::slot::Retention;
use crate::limits::{BELIEVED_DAYS, DELETE_SPANS_MAX, SLOT_AHEAD, VACUUM_PAGES};

/// The newest day with samples, of the `days` that have some. What comes after a gap of more than
/// [`BELIEVED_DAYS`] counts once it goes on for as many days: an agent beside the daemon has the same
/// wrong clock.
fn newest(days: &BTreeSet<i64>) -> Option<i64> {
    let mut days = days.iter().copied();
    let mut before = days.next()?;
    let (mut newest, mut run) = (before, BELIEVED_DAYS);
    for day in days {
        run = if day.saturating_sub(before) > BELIEVED_DAYS { 1 } else { run + 1 };
        if run >= BELIEVED_DAYS {
            newest = day;
        }
        before = day;
    }
    Some(newest)
}

/// The time by which ages are judged: `now`, but not after the newest of the `days` that have samples.
pub(super) fn believed(now: UnixMs, days: &BTreeSet<i64>) -> UnixMs {
    let end = newest(days).map(|day| day.saturating_add(1).saturating_mul(DAY_MS));
    end.map_or(now, |end| now.min(UnixMs(end)))
}

/// The times of slots that are taken. A clock that is more than a day behind the newest of the `days`
/// that have samples is wrong: what follows on these is taken then.
pub(super) fn in_time(
    now: UnixMs,
    days: &BTreeSet<i64>,
    retention: &Retention,
) -> RangeInclusive<i64> {
    let first = believed(now, days).0.saturating_sub(retention.raw_ms);
    let ahead_ms = i64::try_from(SLOT_AHEAD.as_millis()).unwrap_or(0);
    let last = match newest(days).map(|day| day.saturating_mul(DAY_MS)) {
        Some(begin) if now.0 < begin.saturating_sub(DAY_MS) => begin.saturating_add(2 * DAY_MS),
        Some(_) | None => now.0.saturating_add(ahead_ms),
    };
    first..=last
}

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

    /// Whether samples of `day` go.
    pub(super) fn is_too_old(&self, day: i64) -> bool {
        day < self.raw
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
    // What a late slot finds gone already stays in its roll-up.
    let damaged = if is_due { rollup::compute(connection, host, day, losses)? } else { 0 };
    let spans = rows::spans(connection, host, day * DAY_MS, (day + 1) * DAY_MS)?;
    for span in &spans {
        rows::delete(connection, span.id, span.merged)?;
    }
    Ok(deleted(spans.len()).map(|step| Maintained { damaged, ..step }))
}

/// Gives some free pages back to the file system, but keeps a few for what comes next: one of `share`.
pub(super) fn vacuum(connection: &Connection, share: i64) -> rusqlite::Result<Option<Maintained>> {
    let count = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let free = count("freelist_count")?;
    if free <= count("page_count")? / share + VACUUM_PAGES {
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
