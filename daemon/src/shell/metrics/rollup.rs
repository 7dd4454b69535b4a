//! One point a minute and one an hour, computed once for each finished day of a host.
//!
//! A day that backfill changes is due again and is computed anew from the samples that are there. Some
//! of them may be gone by then, of age or damage: of each point the one that holds more samples stays.

use rusqlite::{Connection, OptionalExtension, params};
use systole_common::model::coded::Coded;
use systole_common::time::UnixMs;
use systole_common::wire::history::Tier;

use super::codec::{Blob, Damage, Effort, Opened};
use super::database::Maintained;
use super::database::rows::{self, NOBODY, NUMBERS, Span};
use super::points::{Bucket, DAY_MS, HOUR_MS, MINUTE_MS, Summary, point_ms};

/// Ten minutes after the day, and not all hosts at once.
const NEXT: &str = "SELECT host, day FROM rollup_due
    WHERE (day + 1) * 86400000 + 600000 + host % 600 * 1000 <= ?1 AND host != ?2 ORDER BY day LIMIT 1";

/// What became of a day: for each point of it, in order, what it holds.
type Points = Vec<Option<Bucket>>;
/// What was written of a day: the how manieth point, and what it holds.
type Read = Result<Vec<(usize, Bucket)>, Damage>;

/// One day of one host, if one is due.
pub(super) fn step(
    connection: &Connection,
    now: UnixMs,
    losses: &mut Vec<String>,
) -> rusqlite::Result<Option<Maintained>> {
    let next = connection
        .prepare_cached(NEXT)?
        .query_row([now.0, NOBODY], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((host, day)) = next else { return Ok(None) };
    let damaged = compute(connection, host, day, losses)?;
    Ok(Some(Maintained { rolled_up: 1, damaged, ..Maintained::default() }))
}

/// Computes a day from its samples. Returns how many chunks were damaged. A day without samples keeps
/// what was computed while it had some.
pub(super) fn compute(
    connection: &Connection,
    host: i64,
    day: i64,
    losses: &mut Vec<String>,
) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("DELETE FROM rollup_due WHERE host = ?1 AND day = ?2")?
        .execute([host, day])?;
    let begin = day * DAY_MS;
    let spans = rows::spans(connection, host, begin, begin + DAY_MS)?;
    if spans.is_empty() {
        return Ok(0);
    }
    let mut damaged = 0;
    let spans = timed(spans, &mut damaged);
    let before = [Tier::Minute, Tier::Hour].map(|tier| ids(connection, host, tier, day));
    let [minutes_before, hours_before] = before;
    let (minutes_before, hours_before) = (minutes_before?, hours_before?);
    let mut tiers = [Tier::Minute, Tier::Hour].map(Written::new);
    for tier in &mut tiers {
        tier.begin(connection, host, day)?;
    }
    for number in numbers(connection, host, day)? {
        let mut minutes = minutes(connection, &spans, number, begin, &mut damaged)?;
        keep_fuller(connection, &minutes_before, Tier::Minute, number, &mut minutes)?;
        let mut hours = joined(&minutes, HOUR_MS / MINUTE_MS);
        keep_fuller(connection, &hours_before, Tier::Hour, number, &mut hours)?;
        for (tier, points) in tiers.iter_mut().zip([&minutes, &hours]) {
            tier.write(connection, number, points)?;
        }
    }
    for tier in &tiers {
        tier.end(connection, begin)?;
    }
    for id in minutes_before.into_iter().chain(hours_before) {
        delete(connection, id)?;
    }
    if damaged > 0 {
        losses.push(format!(
            "metrics.db: {damaged} damaged chunks were left out of the roll-ups of {}",
            UnixMs(begin).rfc3339()
        ));
    }
    Ok(damaged)
}

/// What was computed of a tier of a day; in most cases nothing or one.
fn ids(connection: &Connection, host: i64, tier: Tier, day: i64) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection
        .prepare_cached("SELECT id FROM rollup_day WHERE host = ?1 AND tier = ?2 AND day = ?3")?;
    statement.query_map(params![host, tier.code(), day], |row| row.get(0))?.collect()
}

/// Puts points that were computed before in the place of those that hold fewer samples.
fn keep_fuller(
    connection: &Connection,
    before: &[i64],
    tier: Tier,
    number: i64,
    points: &mut Points,
) -> rusqlite::Result<()> {
    for id in before {
        let Some(Ok(known)) = read(connection, *id, tier, number)? else { continue };
        for (at, bucket) in known {
            match points.get_mut(at) {
                Some(Some(fresh)) if fresh.count() >= bucket.count() => {}
                Some(point) => *point = Some(bucket),
                None => {}
            }
        }
    }
    Ok(())
}

/// Deletes one tier of one day of one host.
pub(super) fn delete(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    let (first, last) = rows::numbers_of(id);
    connection
        .prepare_cached("DELETE FROM rollup WHERE id BETWEEN ?1 AND ?2")?
        .execute([first, last])?;
    connection.prepare_cached("DELETE FROM rollup_day WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// The points of one series in a tier of a day: which one, and what it holds. `None` if it is not there.
pub(super) fn read(
    connection: &Connection,
    id: i64,
    tier: Tier,
    number: i64,
) -> rusqlite::Result<Option<Read>> {
    let data: Option<Vec<u8>> = connection
        .prepare_cached("SELECT data FROM rollup WHERE id = ?1")?
        .query_row([id.saturating_mul(NUMBERS).saturating_add(number)], |row| row.get(0))
        .optional()?;
    Ok(data.map(|data| decode(&data, points_of_day(tier))))
}

/// How many points a day has in a tier.
fn points_of_day(tier: Tier) -> usize {
    usize::try_from(DAY_MS / point_ms(tier).max(1)).unwrap_or(0)
}

/// A tier of a day while it is written.
#[derive(Debug)]
struct Written {
    tier: Tier,
    id: i64,
    points: usize,
    bytes: usize,
    /// First and last point, as the how manieth of the day.
    times: Option<(usize, usize)>,
}

impl Written {
    fn new(tier: Tier) -> Self {
        Self { tier, id: 0, points: 0, bytes: 0, times: None }
    }

    fn begin(&mut self, connection: &Connection, host: i64, day: i64) -> rusqlite::Result<()> {
        self.id = connection
            .prepare_cached(
                "INSERT INTO rollup_day (host, tier, day, first, last, points, bytes)
                 VALUES (?1, ?2, ?3, 0, 0, 0, 0)",
            )?
            .insert(params![host, self.tier.code(), day])?;
        Ok(())
    }

    fn write(
        &mut self,
        connection: &Connection,
        number: i64,
        points: &Points,
    ) -> rusqlite::Result<()> {
        let first = points.iter().position(Option::is_some);
        let last = points.iter().rposition(Option::is_some);
        let (Some(first), Some(last)) = (first, last) else { return Ok(()) };
        let data = encode(points);
        self.points += points.iter().flatten().count();
        self.bytes += data.len();
        let (begin, end) = self.times.unwrap_or((first, last));
        self.times = Some((begin.min(first), end.max(last)));
        connection
            .prepare_cached("INSERT INTO rollup (id, data) VALUES (?1, ?2)")?
            .execute(params![self.id.saturating_mul(NUMBERS).saturating_add(number), data])?;
        Ok(())
    }

    fn end(&self, connection: &Connection, begin: i64) -> rusqlite::Result<()> {
        let Some((first, last)) = self.times else { return delete(connection, self.id) };
        let at = |point| begin + rows::whole(point) * point_ms(self.tier);
        let (points, bytes) = (rows::whole(self.points), rows::whole(self.bytes));
        connection
            .prepare_cached(
                "UPDATE rollup_day SET first = ?2, last = ?3, points = ?4, bytes = ?5 WHERE id = ?1",
            )?
            .execute([self.id, at(first), at(last), points, bytes])?;
        Ok(())
    }
}

fn timed(spans: Vec<Span>, damaged: &mut u64) -> Vec<(Span, Vec<i64>)> {
    let mut timed = Vec::with_capacity(spans.len());
    for span in spans {
        match span.times() {
            Ok(times) => timed.push((span, times)),
            Err(Damage) => *damaged += 1,
        }
    }
    timed
}

fn numbers(connection: &Connection, host: i64, day: i64) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT number FROM series WHERE host = ?1 AND first_day <= ?2 AND last_day >= ?2
         ORDER BY number",
    )?;
    statement.query_map([host, day], |row| row.get(0))?.collect()
}

fn minutes(
    connection: &Connection,
    spans: &[(Span, Vec<i64>)],
    number: i64,
    begin: i64,
    damaged: &mut u64,
) -> rusqlite::Result<Points> {
    let mut points: Points = vec![None; points_of_day(Tier::Minute)];
    for (span, times) in spans {
        let Some(chunk) = rows::chunk(connection, span, number)? else { continue };
        let Ok(samples) = chunk.samples(span.slots) else {
            *damaged += 1;
            continue;
        };
        samples.each(times, |at, value| {
            let minute = usize::try_from((at - begin) / MINUTE_MS).unwrap_or(usize::MAX);
            put(&mut points, minute, &Bucket::of_one(value));
        });
    }
    Ok(points)
}

fn joined(points: &Points, factor: i64) -> Points {
    let factor = usize::try_from(factor).unwrap_or(1).max(1);
    let mut wider: Points = vec![None; points.len().div_ceil(factor)];
    for (at, bucket) in points.iter().enumerate() {
        if let Some(bucket) = bucket {
            put(&mut wider, at / factor, bucket);
        }
    }
    wider
}

fn put(points: &mut Points, at: usize, samples: &Bucket) {
    match points.get_mut(at) {
        Some(Some(bucket)) => bucket.join(samples),
        Some(free) => *free = Some(*samples),
        None => {}
    }
}

fn encode(points: &Points) -> Vec<u8> {
    let summaries: Vec<Summary> = points.iter().flatten().map(Bucket::summary).collect();
    let present: Vec<bool> = points.iter().map(Option::is_some).collect();
    let mut blob = Blob::default();
    blob.mask(&present);
    let column = |of: fn(&Summary) -> f64| summaries.iter().map(of).collect::<Vec<f64>>();
    for column in [
        column(|it| it.min),
        column(|it| it.max),
        column(|it| it.mean),
        column(|it| it.count as f64),
    ] {
        blob.values(&column, Effort::Best);
    }
    blob.seal(&[])
}

fn decode(data: &[u8], points: usize) -> Read {
    let mut opened = Opened::new(data, &[])?;
    let mask = opened.mask(points)?.unwrap_or_else(|| vec![true; points]);
    let places: Vec<usize> =
        mask.iter().enumerate().filter_map(|(at, is)| is.then_some(at)).collect();
    let [min, max, mean, count] = [(); 4].map(|()| opened.values(places.len()).unwrap_or_default());
    opened.end()?;
    let columns = min.into_iter().zip(max).zip(mean).zip(count);
    let buckets: Vec<_> = places
        .into_iter()
        .zip(columns)
        .map(|(at, (((min, max), mean), count))| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "written as a count"
            )]
            let count = count as u64;
            (at, Bucket::of(&Summary { min, max, mean, count }))
        })
        .collect();
    if buckets.len() == mask.iter().filter(|is| **is).count() { Ok(buckets) } else { Err(Damage) }
}
