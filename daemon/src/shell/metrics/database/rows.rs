//! Spans of slots and the chunks in them: rows to values and back. Reading and writing side share it.

use std::collections::BTreeMap;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::shell::metrics::codec::{self, Damage, Effort, Samples};
use crate::shell::metrics::points::{Bucket, Summary, day_of};

/// Numbers of series that one span or roll-up day has room for.
pub(in crate::shell::metrics) const NUMBERS: i64 = 16_384;
/// The host of what is to be deleted.
pub(in crate::shell::metrics) const NOBODY: i64 = 0;

/// The slots of a host in one stretch of one day.
#[derive(Debug, Clone)]
pub(in crate::shell::metrics) struct Span {
    pub(in crate::shell::metrics) id: i64,
    /// Whether its chunks are in `chunk`, not in `fresh`.
    pub(in crate::shell::metrics) merged: bool,
    pub(in crate::shell::metrics) first: i64,
    pub(in crate::shell::metrics) last: i64,
    pub(in crate::shell::metrics) slots: usize,
    times: Vec<u8>,
}

/// Where a span is to be written, and how.
#[derive(Debug, Clone, Copy)]
pub(in crate::shell::metrics) struct NewSpan {
    pub(in crate::shell::metrics) host: i64,
    /// 1 live, 2 backfill, 3 merged of both.
    pub(in crate::shell::metrics) origin: i64,
    pub(in crate::shell::metrics) merged: bool,
}

/// A series to be written: its number, its values, which slots have one.
pub(in crate::shell::metrics) type Column<'a> = (i64, &'a [f64], Option<&'a [bool]>);

/// A series in a span, encoded.
#[derive(Debug, Clone)]
pub(in crate::shell::metrics) struct Chunk {
    pub(in crate::shell::metrics) summary: Summary,
    data: Vec<u8>,
}

impl Span {
    /// When its slots are.
    pub(in crate::shell::metrics) fn times(&self) -> Result<Vec<i64>, Damage> {
        let times = codec::open_times(&self.times, self.slots)?;
        let is_whole = times.first() == Some(&self.first) && times.last() == Some(&self.last);
        if is_whole { Ok(times) } else { Err(Damage) }
    }

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            merged: row.get(1)?,
            first: row.get(2)?,
            last: row.get(3)?,
            slots: usize::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
            times: row.get(5)?,
        })
    }
}

impl Chunk {
    /// Its values in a span of `slots` slots.
    pub(in crate::shell::metrics) fn samples(&self, slots: usize) -> Result<Samples, Damage> {
        codec::open_chunk(&self.data, slots, &self.summary)
    }

    /// Its summary, if that is what was written.
    pub(in crate::shell::metrics) fn bucket(&self) -> Result<Bucket, Damage> {
        codec::check_chunk(&self.data, &self.summary)?;
        Ok(Bucket::of(&self.summary))
    }

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        // Whatever stands there: the codec judges it by its checksum.
        let [min, max, mean] = [real(row, 2)?, real(row, 3)?, real(row, 4)?];
        let count = match row.get_ref(1)? {
            ValueRef::Integer(count) => u64::try_from(count).unwrap_or(0),
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => 0,
        };
        let data = match row.get_ref(5)? {
            ValueRef::Blob(bytes) | ValueRef::Text(bytes) => bytes.to_vec(),
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => Vec::new(),
        };
        Ok(Self { summary: Summary { min, max, mean, count }, data })
    }
}

/// The spans of a host that have to do with `[from, to)`, by their begin.
pub(in crate::shell::metrics) fn spans(
    connection: &Connection,
    host: i64,
    from: i64,
    to: i64,
) -> rusqlite::Result<Vec<Span>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, merged, first, last, slots, times FROM span
         WHERE host = ?1 AND day BETWEEN ?2 AND ?3 AND last >= ?4 AND first < ?5
         ORDER BY day, first, id",
    )?;
    let days = (day_of(from), day_of(to.saturating_sub(1)));
    statement.query_map(params![host, days.0, days.1, from, to], Span::of)?.collect()
}

/// One series in a span, if it is there.
pub(in crate::shell::metrics) fn chunk(
    connection: &Connection,
    span: &Span,
    number: i64,
) -> rusqlite::Result<Option<Chunk>> {
    let query = if span.merged {
        "SELECT id, n, min, max, mean, data FROM chunk WHERE id = ?1"
    } else {
        "SELECT id, n, min, max, mean, data FROM fresh WHERE id = ?1"
    };
    let mut statement = connection.prepare_cached(query)?;
    statement
        .query_row([span.id.saturating_mul(NUMBERS).saturating_add(number)], Chunk::of)
        .optional()
}

/// All series in a span, by their number.
pub(in crate::shell::metrics) fn chunks(
    connection: &Connection,
    span: &Span,
) -> rusqlite::Result<BTreeMap<i64, Chunk>> {
    let query = if span.merged {
        "SELECT id, n, min, max, mean, data FROM chunk WHERE id BETWEEN ?1 AND ?2"
    } else {
        "SELECT id, n, min, max, mean, data FROM fresh WHERE id BETWEEN ?1 AND ?2"
    };
    let mut statement = connection.prepare_cached(query)?;
    let (first, last) = numbers_of(span.id);
    let found = statement.query_map([first, last], |row| {
        Ok((row.get::<_, i64>(0)?.rem_euclid(NUMBERS), Chunk::of(row)?))
    })?;
    found.collect()
}

/// Writes a span with its series.
pub(in crate::shell::metrics) fn insert(
    connection: &Connection,
    span: NewSpan,
    times: &[i64],
    columns: &[Column<'_>],
) -> rusqlite::Result<()> {
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return Ok(()) };
    let effort = if span.merged { Effort::Best } else { Effort::Quick };
    let encoded = codec::times(times, effort);
    let mut bytes = whole(encoded.len());
    let mut statement = connection.prepare_cached(
        "INSERT INTO span (host, day, origin, merged, first, last, slots, samples, bytes, times)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, ?8)",
    )?;
    let (day, slots) = (day_of(*first), whole(times.len()));
    let row = params![span.host, day, span.origin, span.merged, first, last, slots, encoded];
    let id = statement.insert(row)?;
    let mut statement = connection.prepare_cached(if span.merged {
        "INSERT INTO chunk (id, n, min, max, mean, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
    } else {
        "INSERT INTO fresh (id, n, min, max, mean, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
    })?;
    let mut samples = 0;
    for (number, values, present) in columns {
        let Some(bucket) = Bucket::of_all(values) else { continue };
        let summary = bucket.summary();
        let data = codec::chunk(values, *present, &summary, effort);
        let id = id.saturating_mul(NUMBERS).saturating_add(*number);
        let count = whole(values.len());
        let length = whole(data.len());
        statement.execute(params![id, count, summary.min, summary.max, summary.mean, data])?;
        samples += count;
        bytes += length;
    }
    connection
        .prepare_cached("UPDATE span SET samples = ?2, bytes = ?3 WHERE id = ?1")?
        .execute(params![id, samples, bytes])?;
    Ok(())
}

/// Deletes a span and its chunks.
pub(in crate::shell::metrics) fn delete(
    connection: &Connection,
    id: i64,
    merged: bool,
) -> rusqlite::Result<()> {
    let (first, last) = numbers_of(id);
    connection
        .prepare_cached(if merged {
            "DELETE FROM chunk WHERE id BETWEEN ?1 AND ?2"
        } else {
            "DELETE FROM fresh WHERE id BETWEEN ?1 AND ?2"
        })?
        .execute([first, last])?;
    connection.prepare_cached("DELETE FROM span WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// A count as SQLite has it.
pub(in crate::shell::metrics) fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The ids that the series of a span or roll-up day can have.
pub(in crate::shell::metrics) fn numbers_of(id: i64) -> (i64, i64) {
    let first = id.saturating_mul(NUMBERS);
    (first, first.saturating_add(NUMBERS - 1))
}

fn real(row: &Row<'_>, at: usize) -> rusqlite::Result<f64> {
    Ok(match row.get_ref(at)? {
        ValueRef::Real(value) => value,
        ValueRef::Integer(_) | ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => f64::NAN,
    })
}
