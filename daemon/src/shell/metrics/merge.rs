//! Short windows of a host and day become long ones: fewer bytes, and quicker to read.
//!
//! Live and backfilled slots come together here, in order of time. A window is merged once, when enough
//! have gathered or its day is over.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};
use systole_common::time::UnixMs;

use super::codec::Damage;
use super::database::Maintained;
use super::database::rows::{self, Chunk, NOBODY, NewSpan, Span};
use super::points::DAY_MS;
use crate::limits::{MERGE_SPANS_MAX, MERGED_SLOTS_MAX};

/// Merged of windows of both ways.
const MERGED: i64 = 3;
/// A host and day of which enough short windows are there, or whose time has come.
const NEXT: &str =
    "SELECT host, day, (day + 1) * 86400000 + 600000 + host % 600 * 1000 <= ?1 AS is_over
    FROM span WHERE merged = 0 AND host != ?4 GROUP BY host, day
    HAVING is_over OR SUM(slots) >= ?2 OR COUNT(*) >= ?3 LIMIT 1";

/// One merge, if one is due.
pub(super) fn step(
    connection: &Connection,
    now: UnixMs,
    losses: &mut Vec<String>,
) -> rusqlite::Result<Option<Maintained>> {
    let bounds = (rows::whole(MERGED_SLOTS_MAX), rows::whole(MERGE_SPANS_MAX));
    let next = connection
        .prepare_cached(NEXT)?
        .query_row(params![now.0, bounds.0, bounds.1, NOBODY], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, bool>(2)?))
        })
        .optional()?;
    let Some((host, day, is_over)) = next else { return Ok(None) };
    let mut spans = rows::spans(connection, host, day * DAY_MS, (day + 1) * DAY_MS)?;
    // When no more is expected, what is left over from earlier merges is taken along.
    spans.retain(|span| !span.merged || (is_over && span.slots < MERGED_SLOTS_MAX / 2));
    let spans = together(spans);
    let damaged = merge(connection, host, &spans, losses)?;
    let merged = spans.iter().filter(|span| !span.merged).count();
    let merged = u64::try_from(merged).unwrap_or(u64::MAX);
    Ok(Some(Maintained { merged, damaged, ..Maintained::default() }))
}

/// The oldest that fit into one; never a single one that is merged already.
fn together(spans: Vec<Span>) -> Vec<Span> {
    let mut taken: Vec<Span> = Vec::new();
    let mut slots = 0;
    for span in spans {
        let fits = slots + span.slots <= MERGED_SLOTS_MAX && taken.len() < MERGE_SPANS_MAX;
        if !fits && (taken.len() > 1 || taken.iter().any(|span| !span.merged)) {
            break;
        }
        if !fits {
            taken.clear();
            slots = 0;
        }
        slots += span.slots;
        taken.push(span);
    }
    taken
}

/// Writes one span in place of `spans`. Returns how many chunks were damaged and are left out.
fn merge(
    connection: &Connection,
    host: i64,
    spans: &[Span],
    losses: &mut Vec<String>,
) -> rusqlite::Result<u64> {
    let mut damaged = 0;
    let order = order(spans, &mut damaged);
    let mut columns: BTreeMap<i64, Vec<(usize, Chunk)>> = BTreeMap::new();
    for (at, span) in spans.iter().enumerate() {
        for (number, chunk) in rows::chunks(connection, span)? {
            columns.entry(number).or_default().push((at, chunk));
        }
    }
    let mut merged = Vec::with_capacity(columns.len());
    for (number, chunks) in &columns {
        let (values, present) = column(spans, &order, chunks, &mut damaged);
        merged.push((*number, values, present));
    }
    let columns: Vec<_> = merged
        .iter()
        .map(|(number, values, present)| (*number, values.as_slice(), present.as_deref()))
        .collect();
    let times: Vec<i64> = order.iter().map(|(at, ..)| *at).collect();
    for span in spans {
        rows::delete(connection, span.id, span.merged)?;
    }
    rows::insert(connection, NewSpan { host, origin: MERGED, merged: true }, &times, &columns)?;
    if damaged > 0 {
        losses.push(format!(
            "metrics.db: {damaged} damaged chunks were found while merging and are left out; their time is a gap"
        ));
    }
    Ok(damaged)
}

/// All slots in order of time, each once: when, in which span, the how manieth there.
fn order(spans: &[Span], damaged: &mut u64) -> Vec<(i64, usize, usize)> {
    let mut order = Vec::new();
    for (at, span) in spans.iter().enumerate() {
        match span.times() {
            Ok(times) => {
                order.extend(times.iter().enumerate().map(|(slot, time)| (*time, at, slot)));
            }
            Err(Damage) => *damaged += 1,
        }
    }
    order.sort_unstable();
    order.dedup_by_key(|(time, ..)| *time);
    order
}

/// The values of one series in that order, and which slots have one.
fn column(
    spans: &[Span],
    order: &[(i64, usize, usize)],
    chunks: &[(usize, Chunk)],
    damaged: &mut u64,
) -> (Vec<f64>, Option<Vec<bool>>) {
    let mut cells: Vec<Vec<Option<f64>>> = vec![Vec::new(); spans.len()];
    for (at, chunk) in chunks {
        let slots = spans.get(*at).map_or(0, |span| span.slots);
        match (chunk.samples(slots), cells.get_mut(*at)) {
            (Ok(samples), Some(cells)) => *cells = samples.cells(),
            (Err(Damage), _) => *damaged += 1,
            (Ok(_), None) => {}
        }
    }
    let cell = |at: usize, slot: usize| cells.get(at)?.get(slot).copied().flatten();
    let in_order: Vec<_> = order.iter().map(|(_, at, slot)| cell(*at, *slot)).collect();
    let values: Vec<f64> = in_order.iter().copied().flatten().collect();
    let is_whole = values.len() == in_order.len();
    let present = (!is_whole).then(|| in_order.iter().map(Option::is_some).collect());
    (values, present)
}
