//! The database from outside, and what tests of its readers build with.

mod ages;
mod bad_days;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::params;
use systole_common::model::metric::{MetricKind, SeriesKey, Unit};
use systole_common::ranges::RangeSet;
use systole_common::wire::history::Tier;
use tempfile::TempDir;

use super::*;
use crate::engine::effect::MetricsQuery;
use crate::limits::BELIEVED_DAYS;
use crate::shell::metrics::points::DAY_MS;
use crate::shell::metrics::reader::{MetricsAnswer, MetricsReaders};
use crate::shell::metrics::slot::{Origin, Retention, Series};
use crate::shell::metrics::window::{Column, OpenWindows};

/// A day in 2024, and its begin.
pub(in crate::shell::metrics) const DAY: i64 = 20_000;
pub(in crate::shell::metrics) const BEGIN: i64 = DAY * DAY_MS;
pub(in crate::shell::metrics) const LONG: Duration = Duration::from_mins(10);

/// The slots of a window: time, and a value or none for each series `m0`, `m1` …
pub(in crate::shell::metrics) type Slots = BTreeMap<i64, Vec<Option<f64>>>;

pub(in crate::shell::metrics) fn host(name: &str) -> HostId {
    name.parse().unwrap()
}

pub(in crate::shell::metrics) fn key(number: usize) -> SeriesKey {
    SeriesKey::new(&format!("m{number}"), "")
}

pub(in crate::shell::metrics) fn window(name: &str, origin: Origin, slots: &Slots) -> ClosedWindow {
    let width = slots.values().map(Vec::len).max().unwrap_or(0);
    let column = |number: usize| {
        let cells: Vec<_> =
            slots.values().map(|cells| cells.get(number).copied().flatten()).collect();
        let values: Vec<f64> = cells.iter().copied().flatten().collect();
        let present = cells.iter().map(Option::is_some).collect();
        let is_whole = values.len() == slots.len();
        let series = Series {
            key: Arc::new(key(number)),
            unit: Unit::Percent.into(),
            kind: MetricKind::Gauge.into(),
        };
        Column { series, present: (!is_whole).then_some(present), values }
    };
    let columns = (0..width).map(column).filter(|column| !column.values.is_empty()).collect();
    ClosedWindow { host: host(name), origin, times: slots.keys().copied().collect(), columns }
}

/// `count` slots of 5 s from `begin`, two series that change.
pub(in crate::shell::metrics) fn regular(begin: i64, count: i64) -> Slots {
    let cells = |at: i64| vec![Some((at / 5_000 % 97) as f64 / 4.0), Some((at / 5_000) as f64)];
    (0..count).map(|slot| begin + slot * 5_000).map(|at| (at, cells(at))).collect()
}

pub(in crate::shell::metrics) fn open(folder: &TempDir) -> Database {
    let (database, loaded) = Database::open(folder.path(), UnixMs(BEGIN)).unwrap();
    assert_eq!(loaded.losses, Vec::<String>::new());
    database
}

pub(in crate::shell::metrics) fn readers(database: &Database) -> Arc<MetricsReaders> {
    MetricsReaders::new(database.path(), OpenWindows::default(), Arc::default())
}

/// Writes `slots` in windows of 360.
pub(in crate::shell::metrics) fn store(database: &mut Database, name: &str, slots: &Slots) {
    let all: Vec<_> = slots.iter().collect();
    for part in all.chunks(360) {
        let part = part.iter().map(|(at, cells)| (**at, (*cells).clone())).collect();
        database.commit(&[window(name, Origin::Live, &part)], &[]).unwrap();
    }
}

/// Stores a slot of host `clock-1` every few days: time has passed until `day`, as samples say.
pub(in crate::shell::metrics) fn pass(database: &mut Database, day: i64) {
    let last = database.days.last().map_or(DAY, |last| last + 1);
    for day in (last..=day).rev().step_by(5) {
        store(database, "clock-1", &regular(day * DAY_MS, 1));
    }
}

fn received(name: &str, epoch: u64, last: u64) -> ReceivedRow {
    let ranges = RangeSet::from_ranges([(1, last), (last + 10, last + 20)]);
    let (host, epoch) = (host(name), SpoolEpoch(epoch));
    ReceivedRow { host, epoch, ranges, dropped: 7, used_at: UnixMs(BEGIN) }
}

fn storage(readers: &MetricsReaders, before: Option<UnixMs>) -> Vec<StorageRecord> {
    match readers.read(MetricsQuery::Storage { host: None, before }).unwrap() {
        MetricsAnswer::Storage { records, .. } => records,
        other => panic!("{other:?}"),
    }
}

fn records(storage: &[StorageRecord], tier: Tier) -> u64 {
    let tiers = storage.iter().flat_map(|record| &record.tiers);
    tiers.filter(|record| record.tier == tier.into()).map(|record| record.records).sum()
}

fn count(database: &Database, query: &str) -> i64 {
    database.connection.query_row(query, [], |row| row.get(0)).unwrap()
}

#[test]
fn opened_again_it_knows_what_was_received_and_when_hosts_were_last_seen() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    store(&mut database, "web-1", &regular(BEGIN, 400));
    let rows = [received("web-1", u64::MAX, 400), received("web-2", 3, 9)];
    database.commit(&[], &rows).unwrap();
    database.forget_epoch(&host("web-2"), SpoolEpoch(3)).unwrap();
    database.close().unwrap();
    let (mut database, loaded) = Database::open(folder.path(), UnixMs(BEGIN)).unwrap();
    assert_eq!(loaded.received, rows[..1]);
    assert_eq!(loaded.newest, BTreeMap::from([(host("web-1"), BEGIN + 399 * 5_000)]));
    assert_eq!(loaded.losses, Vec::<String>::new());
    let times = database.slot_times(&host("web-1"), BEGIN + 5_000, BEGIN + 20_000).unwrap();
    assert_eq!(times, [BEGIN + 5_000, BEGIN + 10_000, BEGIN + 15_000]);
    assert!(database.slot_times(&host("other"), 0, i64::MAX).unwrap().is_empty());
}

#[test]
fn short_windows_become_long_ones_and_days_are_rolled_up_once() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    store(&mut database, "web-1", &regular(BEGIN, 17_280));
    let now = UnixMs(BEGIN + DAY_MS);
    let done = database.maintain(now, &Retention::default(), LONG).unwrap();
    assert_eq!((done.merged, done.rolled_up, done.more), (48, 0, false), "the day is just over");
    assert_eq!(count(&database, "SELECT COUNT(*) FROM span WHERE slots = 1440"), 12);
    assert_eq!(count(&database, "SELECT COUNT(*) FROM fresh"), 0);
    let now = UnixMs(BEGIN + DAY_MS + 1_300_000);
    let done = database.maintain(now, &Retention::default(), LONG).unwrap();
    assert_eq!((done.merged, done.rolled_up), (0, 1));
    let done = database.maintain(now, &Retention::default(), LONG).unwrap();
    assert_eq!(done, Maintained::default(), "nothing is done twice");
    let storage = storage(&readers(&database), None);
    assert_eq!(records(&storage, Tier::Raw), 2 * 17_280);
    assert_eq!(records(&storage, Tier::Minute), 2 * 1_440);
    assert_eq!(records(&storage, Tier::Hour), 2 * 24);
    assert_eq!(storage[0].tiers[1].newest, Some(UnixMs(BEGIN + DAY_MS - 60_000)));
    assert!(storage[0].tiers.iter().all(|tier| tier.series == 2 && tier.bytes > 0));
}

#[test]
fn what_is_left_of_a_day_is_merged_when_the_day_is_over() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    store(&mut database, "web-1", &regular(BEGIN, 500));
    let now = UnixMs(BEGIN + DAY_MS);
    assert_eq!(database.maintain(now, &Retention::default(), LONG).unwrap().merged, 0);
    let now = UnixMs(BEGIN + DAY_MS + 1_300_000);
    assert_eq!(database.maintain(now, &Retention::default(), LONG).unwrap().merged, 2);
    // A late one joins what is there.
    let late = window("web-1", Origin::Backfill, &regular(BEGIN + 2_000, 100));
    database.commit(&[late], &[]).unwrap();
    assert_eq!(database.maintain(now, &Retention::default(), LONG).unwrap().merged, 1);
    assert_eq!(count(&database, "SELECT slots FROM span"), 600);
}

#[test]
fn a_clean_up_deletes_what_its_preview_says() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    for name in ["db-1", "web-1"] {
        store(&mut database, name, &regular(BEGIN, 1_000));
        store(&mut database, name, &regular(BEGIN + DAY_MS, 1_000));
    }
    database.maintain(UnixMs(BEGIN + DAY_MS + 7_200_000), &Retention::default(), LONG).unwrap();
    let readers = readers(&database);
    let before = UnixMs(BEGIN + DAY_MS + 3_600_000);
    let preview = storage(&readers, Some(before));
    assert_eq!(preview.len(), 2);
    assert_eq!(records(&preview, Tier::Raw), 2 * 2 * 1_000, "only the first day");
    assert_eq!(database.clean_up(None, before).unwrap(), preview);
    assert_eq!(storage(&readers, Some(before)), []);
    let left = storage(&readers, None);
    assert_eq!([Tier::Raw, Tier::Minute].map(|tier| records(&left, tier)), [2 * 2 * 1_000, 0]);
    assert_eq!(left[0].tiers[0].oldest, Some(UnixMs(BEGIN + DAY_MS)));
    let pages = count(&database, "PRAGMA page_count");
    let done = database.maintain(UnixMs(BEGIN + DAY_MS + 7_200_000), &Retention::default(), LONG);
    assert!(done.unwrap().deleted >= 4);
    assert!(count(&database, "PRAGMA page_count") <= pages);
    assert_eq!(count(&database, "SELECT COUNT(*) FROM rollup"), 0);
    // Only one host, all of it.
    let before = UnixMs(BEGIN + 5 * DAY_MS);
    assert_eq!(database.clean_up(Some(&host("db-1")), before).unwrap().len(), 1);
    assert_eq!(database.clean_up(Some(&host("nobody")), before).unwrap(), []);
    assert_eq!(records(&storage(&readers, None), Tier::Raw), 2 * 1_000);
    // The host can come again.
    store(&mut database, "db-1", &regular(BEGIN, 10));
    assert_eq!(records(&storage(&readers, None), Tier::Raw), 2 * 1_010);
}

#[test]
fn room_is_given_back() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    let blob = vec![7u8; 1 << 20];
    for id in 1..=20i64 {
        let row = params![id << 20, blob];
        let query = "INSERT INTO chunk (id, n, min, max, mean, data) VALUES (?1, 1, 0, 0, 0, ?2)";
        database.connection.execute(query, row).unwrap();
    }
    database.connection.execute("DELETE FROM chunk", []).unwrap();
    let done = database.maintain(UnixMs(BEGIN), &Retention::default(), LONG).unwrap();
    assert!(done.vacuumed > 2_000, "{done:?}");
    assert!(database.checkpoint().unwrap());
    assert!(database.bytes() < 4 << 20, "{} bytes", database.bytes());
}
