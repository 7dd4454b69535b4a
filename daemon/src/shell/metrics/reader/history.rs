//! The history of one series: roll-ups where they are enough, samples where they are needed, and
//! roll-ups again where the samples are gone.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use systole_common::ids::HostId;
use systole_common::model::coded::{Coded, Growing};
use systole_common::model::metric::{SeriesKey, Unit};
use systole_common::time::UnixMs;
use systole_common::wire::history::Tier;
use systole_common::wire::limits::HISTORY_POINTS_MAX;

use super::MetricsAnswer;
use crate::shell::metrics::codec::Damage;
use crate::shell::metrics::database::find_host;
use crate::shell::metrics::database::rows::{self, Span};
use crate::shell::metrics::points::{
    Collector, DAY_MS, day_of, point_ms, step_for, tiers_for, whole_points,
};
use crate::shell::metrics::rollup;
use crate::shell::metrics::window::OpenWindows;

/// No slot is later than this: the end of the year 9999.
const END_OF_TIME_MS: i64 = 253_402_300_800_000;

/// What is asked.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) host: HostId,
    pub(super) key: SeriesKey,
    pub(super) from: UnixMs,
    pub(super) to: UnixMs,
    pub(super) step_ms: u64,
}

/// The answer, and how many chunks were damaged.
pub(super) fn answer(
    connection: &Connection,
    open: &OpenWindows,
    asked: &Asked,
) -> rusqlite::Result<(MetricsAnswer, u64)> {
    let (from, to) = (asked.from.0.clamp(0, END_OF_TIME_MS), asked.to.0.clamp(0, END_OF_TIME_MS));
    let (declared, waiting) = open.samples(&asked.host, &asked.key);
    let snapshot = connection.unchecked_transaction()?;
    let stored = find(&snapshot, &asked.host, &asked.key)?;
    let Some(unit) = declared.map(|it| it.unit).or(stored.map(|it| it.unit)) else {
        return Ok((MetricsAnswer::NotFound(not_found(asked)), 0));
    };
    let step_ms = i64::try_from(asked.step_ms).unwrap_or(i64::MAX);
    let tiers = tiers_for(step_ms);
    let mut gathered = match stored {
        Some(stored) => Gathering::new(&snapshot, stored, step_ms, (from, to))?,
        None => Gathering::empty(&snapshot, step_ms),
    };
    let waiting: Vec<_> = waiting.into_iter().filter(|it| from <= it.0 && it.0 < to).collect();
    let ends = waiting.first().zip(waiting.last()).map(|(first, last)| (first.0, last.0));
    let spans: Vec<Span> = gathered.spans.values().flatten().cloned().collect();
    let known = super::stored_times(&spans, ends);
    for day in gathered.days() {
        let (begin, end) = (day * DAY_MS, (day + 1) * DAY_MS);
        gathered.gather(day, begin.max(from), end.min(to), tiers)?;
        if gathered.points.is_too_much() {
            return Ok((MetricsAnswer::TooMuch(too_much(from, to)), gathered.damaged));
        }
    }
    for (at, value) in waiting.into_iter().filter(|(at, _)| !known.contains(at)) {
        gathered.points.sample(at, value);
        gathered.finest = Some(Tier::Raw);
    }
    let coarsest = tiers.first().copied().unwrap_or(Tier::Raw);
    let (tier, damaged) = (gathered.finest.unwrap_or(coarsest), gathered.damaged);
    // The points of roll-ups alone are as far apart as these.
    let step_ms = asked.step_ms.max(u64::try_from(point_ms(tier)).unwrap_or(0));
    let points = gathered.points.finish();
    if points.len() > HISTORY_POINTS_MAX {
        return Ok((MetricsAnswer::TooMuch(too_much(from, to)), damaged));
    }
    Ok((MetricsAnswer::History { tier, unit, step_ms, points }, damaged))
}

/// A stored series.
#[derive(Debug, Clone, Copy)]
struct Stored {
    host: i64,
    number: i64,
    unit: Growing<Unit>,
}

fn find(
    connection: &Connection,
    host: &HostId,
    key: &SeriesKey,
) -> rusqlite::Result<Option<Stored>> {
    let Some(host) = find_host(connection, host)? else { return Ok(None) };
    let mut statement = connection.prepare_cached(
        "SELECT number, unit FROM series WHERE host = ?1 AND metric = ?2 AND instance = ?3",
    )?;
    let bounds = params![host, &*key.metric, &*key.instance];
    let found = statement.query_row(bounds, |row| {
        Ok(Stored { host, number: row.get(0)?, unit: Growing::from_code(row.get(1)?) })
    });
    found.optional()
}

/// One answer in the making.
#[derive(Debug)]
struct Gathering<'a> {
    connection: &'a Connection,
    number: i64,
    points: Collector,
    finest: Option<Tier>,
    damaged: u64,
    /// By day.
    spans: BTreeMap<i64, Vec<Span>>,
    /// By day and tier.
    rollups: BTreeMap<(i64, u16), i64>,
    /// Days whose roll-ups do not hold all.
    due: BTreeSet<i64>,
}

impl<'a> Gathering<'a> {
    fn empty(connection: &'a Connection, step_ms: i64) -> Self {
        Self {
            connection,
            number: 0,
            points: Collector::new(step_ms),
            finest: None,
            damaged: 0,
            spans: BTreeMap::new(),
            rollups: BTreeMap::new(),
            due: BTreeSet::new(),
        }
    }

    fn new(
        connection: &'a Connection,
        stored: Stored,
        step_ms: i64,
        (from, to): (i64, i64),
    ) -> rusqlite::Result<Self> {
        let mut new = Self { number: stored.number, ..Self::empty(connection, step_ms) };
        for span in rows::spans(connection, stored.host, from, to)? {
            new.spans.entry(day_of(span.first)).or_default().push(span);
        }
        let mut statement = connection.prepare_cached(
            "SELECT day, tier, id FROM rollup_day WHERE host = ?1 AND tier IN (2, 3)
             AND day BETWEEN ?2 AND ?3",
        )?;
        let days = (day_of(from), day_of(to.saturating_sub(1)));
        let mut rows = statement.query([stored.host, days.0, days.1])?;
        while let Some(row) = rows.next()? {
            new.rollups.insert((row.get(0)?, row.get(1)?), row.get(2)?);
        }
        let mut statement =
            connection.prepare_cached("SELECT day FROM rollup_due WHERE host = ?1")?;
        new.due =
            statement.query_map([stored.host], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(new)
    }

    fn days(&self) -> BTreeSet<i64> {
        self.spans.keys().copied().chain(self.rollups.keys().map(|(day, _)| *day)).collect()
    }

    /// Takes `[from, to)`, a part of `day`, from the coarsest tier that has it; the edges that do not
    /// fill a point come from the finer ones.
    fn gather(&mut self, day: i64, from: i64, to: i64, tiers: &[Tier]) -> rusqlite::Result<()> {
        let Some((tier, finer)) = tiers.split_first() else { return Ok(()) };
        if from >= to {
            return Ok(());
        }
        if *tier == Tier::Raw {
            return if self.spans.contains_key(&day) {
                self.raw(day, from, to)
            } else {
                self.samples_are_gone(day, from, to)
            };
        }
        let is_whole = !self.due.contains(&day) || !self.spans.contains_key(&day);
        let rollup = self.rollups.get(&(day, tier.code())).copied().filter(|_| is_whole);
        let middle = whole_points(from, to, point_ms(*tier));
        let (Some(id), Some((begin, end))) = (rollup, middle) else {
            return self.gather(day, from, to, finer);
        };
        if !self.rolled_up(id, *tier, day, (begin, end))? {
            return self.gather(day, from, to, finer);
        }
        self.gather(day, from, begin, finer)?;
        self.gather(day, end, to, finer)
    }

    /// Takes the points that begin in `[from, to)` from the finest roll-up that is left of `day`.
    fn samples_are_gone(&mut self, day: i64, from: i64, to: i64) -> rusqlite::Result<()> {
        for tier in [Tier::Minute, Tier::Hour] {
            if let Some(id) = self.rollups.get(&(day, tier.code())).copied()
                && self.rolled_up(id, tier, day, (from, to))?
            {
                break;
            }
        }
        Ok(())
    }

    /// `false` if it cannot be read.
    fn rolled_up(
        &mut self,
        id: i64,
        tier: Tier,
        day: i64,
        (from, to): (i64, i64),
    ) -> rusqlite::Result<bool> {
        let read = rollup::read(self.connection, id, tier, self.number);
        let points = match sound(read, &mut self.damaged)? {
            Some(Some(Ok(points))) => points,
            Some(None) => return Ok(true),
            Some(Some(Err(Damage))) => {
                self.damaged += 1;
                return Ok(false);
            }
            None => return Ok(false),
        };
        for (point, bucket) in points {
            let at = day * DAY_MS + rows::whole(point) * point_ms(tier);
            if from <= at && at < to {
                self.points.bucket(at, &bucket);
                self.use_of(tier);
            }
        }
        Ok(true)
    }

    fn raw(&mut self, day: i64, from: i64, to: i64) -> rusqlite::Result<()> {
        let spans = self.spans.remove(&day).unwrap_or_default();
        for span in spans.iter().filter(|span| span.last >= from && span.first < to) {
            let read = rows::chunk(self.connection, span, self.number);
            let Some(Some(chunk)) = sound(read, &mut self.damaged)? else { continue };
            if self.add(span, &chunk, from, to).is_err() {
                self.damaged += 1;
            }
            self.use_of(Tier::Raw);
            if self.points.is_too_much() {
                break;
            }
        }
        // The other edge of the day may need them too.
        self.spans.insert(day, spans);
        Ok(())
    }

    fn add(&mut self, span: &Span, chunk: &rows::Chunk, from: i64, to: i64) -> Result<(), Damage> {
        let is_inside = span.first >= from && span.last < to;
        if is_inside && self.points.is_one_step(span.first, span.last) {
            self.points.bucket(span.first, &chunk.bucket()?);
            return Ok(());
        }
        let (times, samples) = (span.times()?, chunk.samples(span.slots)?);
        if is_inside {
            samples.each(&times, |at, value| self.points.sample(at, value));
        } else {
            samples.each(&times, |at, value| {
                if from <= at && at < to {
                    self.points.sample(at, value);
                }
            });
        }
        Ok(())
    }

    fn use_of(&mut self, tier: Tier) {
        self.finest = Some(self.finest.map_or(tier, |finest| finest.min(tier)));
    }
}

/// `None`, and one more damaged, if the file is damaged at that place.
fn sound<T>(read: rusqlite::Result<T>, damaged: &mut u64) -> rusqlite::Result<Option<T>> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
            *damaged += 1;
            Ok(None)
        }
        Err(rusqlite::Error::InvalidColumnType(..)) => {
            *damaged += 1;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn not_found(asked: &Asked) -> String {
    let SeriesKey { metric, instance } = &asked.key;
    let name =
        if instance.is_empty() { metric.to_string() } else { format!("{metric}[{instance}]") };
    format!(
        "host {} has no stored series {name}; `systole export` without a metric lists what it has",
        asked.host
    )
}

fn too_much(from: i64, to: i64) -> String {
    format!(
        "that is more than {HISTORY_POINTS_MAX} points; take --step {}s or more, or a shorter range",
        step_for(from, to) / 1_000
    )
}
