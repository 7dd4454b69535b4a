//! What readers answer, against a model that holds every sample.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Instant;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use systole_common::model::metric::{MetricKind, Unit};
use tempfile::TempDir;

use super::*;
use crate::shell::metrics::database::Database;
use crate::shell::metrics::database::tests::{
    BEGIN, DAY, LONG, Slots, host, key, open, pass, readers, regular, store, window,
};
use crate::shell::metrics::points::DAY_MS;
use crate::shell::metrics::slot::{Origin, Retention, Series, Shape, Slot};

fn history(
    readers: &MetricsReaders,
    series: usize,
    from: i64,
    to: i64,
    step_ms: u64,
) -> MetricsAnswer {
    let (host, key) = (host("web-1"), key(series));
    let (from, to) = (UnixMs(from), UnixMs(to));
    readers.read(MetricsQuery::History { host, key, from, to, step_ms }).unwrap()
}

fn points(answer: &MetricsAnswer) -> &[HistoryPoint] {
    match answer {
        MetricsAnswer::History { points, .. } => points,
        other => panic!("{other:?}"),
    }
}

fn tier(answer: &MetricsAnswer) -> Tier {
    match answer {
        MetricsAnswer::History { tier, .. } => *tier,
        other => panic!("{other:?}"),
    }
}

/// What the answer must be: each sample looked at, nothing clever.
fn naive(slots: &Slots, series: usize, from: i64, to: i64, step: i64) -> Vec<HistoryPoint> {
    let mut steps: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (at, cells) in slots.range(from..to.max(from)) {
        let Some(Some(value)) = cells.get(series) else { continue };
        let begin = if step == 0 { *at } else { at.div_euclid(step) * step };
        steps.entry(begin).or_default().push(*value);
    }
    let point = |(begin, values): (i64, Vec<f64>)| HistoryPoint {
        at: UnixMs(begin),
        min: values.iter().copied().fold(f64::INFINITY, f64::min),
        max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        mean: values.iter().sum::<f64>() / values.len() as f64,
        count: values.len() as u64,
    };
    steps.into_iter().map(point).collect()
}

fn assert_same(found: &[HistoryPoint], wanted: &[HistoryPoint], what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (found, wanted) in found.iter().zip(wanted) {
        let exact = |it: &HistoryPoint| (it.at, it.min, it.max, it.count);
        assert_eq!(exact(found), exact(wanted), "{what}");
        let allowed = 1e-9 * wanted.max.abs().max(wanted.min.abs()).max(1.0);
        assert!((found.mean - wanted.mean).abs() <= allowed, "{what}: {found:?} {wanted:?}");
    }
}

fn maintain(database: &mut Database, now: i64) {
    let retention = Retention::default();
    let done = database.maintain(UnixMs(now), &retention, LONG).unwrap();
    assert!(!done.more && !done.full);
}

/// A batch of slots: in which minute of two days it begins, how far apart they are, what they hold.
fn batch() -> impl Strategy<Value = (Origin, Slots)> {
    let cell = proptest::option::weighted(0.8, (0i32..4_000).prop_map(|n| f64::from(n) / 8.0));
    let gaps = btree_map(0i64..400, vec(cell, 2), 1..60);
    let origin = prop_oneof![Just(Origin::Live), Just(Origin::Backfill)];
    (origin, 0i64..2_880, prop_oneof![Just(1_000i64), Just(5_000), Just(61_000)], gaps).prop_map(
        |(origin, minute, interval, slots)| {
            let begin = BEGIN + minute * 60_000;
            let slots = slots.into_iter().map(|(at, cells)| (begin + at * interval, cells));
            (origin, slots.collect())
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn history_equals_the_model(
        batches in vec((batch(), 0i64..4), 1..14),
        ranges in vec((-100_000i64..3 * DAY_MS, -100_000i64..3 * DAY_MS), 3),
    ) {
        let folder = TempDir::new().unwrap();
        let mut database = open(&folder);
        let mut model = Slots::new();
        for ((origin, mut slots), pause) in batches {
            // As the writer does: a slot counts once, a window has one day.
            slots.retain(|at, cells| !model.contains_key(at) && cells.iter().any(Option::is_some));
            model.extend(slots.clone());
            let third = slots.split_off(&(BEGIN + 2 * DAY_MS));
            let second = slots.split_off(&(BEGIN + DAY_MS));
            for part in [slots, second, third].into_iter().filter(|part| !part.is_empty()) {
                database.commit(&[window("web-1", origin, &part)], &[]).unwrap();
            }
            maintain(&mut database, BEGIN + pause * DAY_MS);
        }
        let readers = readers(&database);
        for (from, length) in ranges.into_iter().chain([(0, 3 * DAY_MS)]) {
            let (from, to) = (BEGIN + from, BEGIN + from + length);
            for step in [0, 1_000, 7_000, 60_000, 300_000, 3_600_000, 7_200_000, DAY_MS] {
                let answer = history(&readers, 1, from, to, u64::try_from(step).unwrap());
                if let MetricsAnswer::NotFound(_) = answer {
                    prop_assert!(naive(&model, 1, 0, i64::MAX, 0).is_empty());
                    continue;
                }
                let wanted = naive(&model, 1, from, to, step);
                assert_same(points(&answer), &wanted, &format!("step {step} from {from} to {to}"));
            }
        }
    }
}

#[test]
fn roll_ups_answer_and_backfill_corrects_them() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    let mut all = regular(BEGIN, 17_280);
    let late = all.split_off(&(BEGIN + 40_000_000));
    store(&mut database, "web-1", &all);
    let now = BEGIN + DAY_MS + 1_300_000;
    maintain(&mut database, now);
    let readers = readers(&database);
    let ask = |step: u64| history(&readers, 0, BEGIN, BEGIN + DAY_MS, step);
    assert_eq!([ask(300_000), ask(3_600_000)].map(|it| tier(&it)), [Tier::Minute, Tier::Hour]);
    store(&mut database, "web-1", &late);
    all.extend(late);
    for expected in [Tier::Raw, Tier::Hour] {
        let answer = ask(3_600_000);
        assert_eq!(tier(&answer), expected, "raw until the roll-up is whole again");
        assert_same(points(&answer), &naive(&all, 0, BEGIN, BEGIN + DAY_MS, 3_600_000), "hours");
        let answer = ask(60_000);
        assert_same(points(&answer), &naive(&all, 0, BEGIN, BEGIN + DAY_MS, 60_000), "minutes");
        maintain(&mut database, now);
    }
    // When the samples are gone the roll-ups remain.
    pass(&mut database, DAY + 40);
    maintain(&mut database, BEGIN + 40 * DAY_MS);
    let answer = ask(3_600_000);
    assert_same(points(&answer), &naive(&all, 0, BEGIN, BEGIN + DAY_MS, 3_600_000), "later");
}

fn step(answer: &MetricsAnswer) -> u64 {
    match answer {
        MetricsAnswer::History { step_ms, .. } => *step_ms,
        other => panic!("{other:?}"),
    }
}

#[test]
fn where_samples_are_gone_the_finest_roll_up_answers_and_says_so() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    let mut all = regular(BEGIN, 17_280);
    all.retain(|at, _| !(BEGIN + 7_200_000..BEGIN + 10_800_000).contains(at));
    store(&mut database, "web-1", &all);
    pass(&mut database, DAY + 31);
    let fresh = regular(BEGIN + 31 * DAY_MS, 720);
    store(&mut database, "web-1", &fresh);
    maintain(&mut database, BEGIN + 32 * DAY_MS);
    let readers = readers(&database);
    let old = |step: u64| history(&readers, 0, BEGIN, BEGIN + DAY_MS, step);
    let minutes = naive(&all, 0, BEGIN, BEGIN + DAY_MS, 60_000);
    for asked in [0, 1_000, 5_000, 10_000, 60_000] {
        let answer = old(asked);
        assert_eq!((tier(&answer), step(&answer)), (Tier::Minute, 60_000), "asked for {asked}");
        assert_same(points(&answer), &minutes, &format!("asked for {asked}"));
    }
    // Of a step that no minute fits each minute counts where it begins.
    assert_eq!(points(&old(90_000)).iter().map(|it| it.count).sum::<u64>(), 17_280 - 720);
    assert_eq!((tier(&old(90_000)), step(&old(90_000))), (Tier::Minute, 90_000));
    // Both: the samples keep their step, the minutes before them theirs.
    let both = history(&readers, 0, BEGIN, BEGIN + 32 * DAY_MS, 10_000);
    assert_eq!((tier(&both), step(&both)), (Tier::Raw, 10_000));
    let (gone, there) = points(&both).split_at(minutes.len());
    assert_same(gone, &minutes, "minutes");
    assert_same(there, &naive(&fresh, 0, 0, i64::MAX, 10_000), "then samples");

    pass(&mut database, DAY + 95);
    maintain(&mut database, BEGIN + 95 * DAY_MS);
    let hours = naive(&all, 0, BEGIN, BEGIN + DAY_MS, 3_600_000);
    for asked in [0, 10_000, 300_000] {
        let answer = old(asked);
        assert_eq!((tier(&answer), step(&answer)), (Tier::Hour, 3_600_000), "asked for {asked}");
        assert_same(points(&answer), &hours, &format!("asked for {asked}"));
    }
    let part = history(&readers, 0, BEGIN + 3_600_000, BEGIN + 5_400_000, 10_000);
    assert_same(points(&part), &hours[1..2], "a part of an hour");
}

#[test]
fn what_is_not_stored_is_not_found_and_too_much_is_refused_with_a_step() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    store(&mut database, "web-1", &regular(BEGIN, 10));
    let readers = readers(&database);
    let MetricsAnswer::NotFound(text) = history(&readers, 9, 0, i64::MAX, 0) else { panic!() };
    assert!(text.starts_with("host web-1 has no stored series m9"), "{text}");
    assert_eq!(points(&history(&readers, 0, i64::MIN, i64::MAX, 0)).len(), 10);
    assert_eq!(points(&history(&readers, 0, i64::MAX, i64::MIN, u64::MAX)).len(), 0);
    assert_eq!(points(&history(&readers, 0, i64::MIN, i64::MAX, u64::MAX)).len(), 1);
    let second: Slots = (0..86_400).map(|at| (BEGIN + at * 1_000, vec![Some(1.0)])).collect();
    for day in 1..=12 {
        let slots = second.iter().map(|(at, cells)| (at + day * DAY_MS, cells.clone())).collect();
        store(&mut database, "web-1", &slots);
    }
    let MetricsAnswer::TooMuch(text) = history(&readers, 0, BEGIN, BEGIN + 20 * DAY_MS, 0) else {
        panic!()
    };
    assert!(text.contains("--step 5s"), "{text}");
    let answer = history(&readers, 0, BEGIN + DAY_MS, BEGIN + 20 * DAY_MS, 5_000);
    assert_eq!(points(&answer).len(), 12 * 17_280);
}

#[test]
fn a_damaged_chunk_is_a_gap() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    store(&mut database, "web-1", &regular(BEGIN, 720));
    let other = Connection::open(database.path()).unwrap();
    let query = "UPDATE fresh SET data = zeroblob(9) WHERE id = (SELECT MIN(id) FROM fresh)";
    other.execute(query, []).unwrap();
    let readers = readers(&database);
    let answer = history(&readers, 0, BEGIN, BEGIN + DAY_MS, 0);
    assert_eq!(points(&answer).len(), 360);
    assert_eq!(readers.news.damaged.load(Ordering::Relaxed), 1);
    assert_eq!(points(&history(&readers, 1, BEGIN, BEGIN + DAY_MS, 0)).len(), 720);
}

fn shape() -> Arc<Shape> {
    let unit = Unit::Percent.into();
    let key = Arc::new(key(0));
    Arc::new(Shape { series: vec![Series { key, unit, kind: MetricKind::Gauge.into() }] })
}

#[test]
fn a_window_on_its_way_is_seen_exactly_once() {
    const SLOTS: u64 = 4_000;
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    let open = OpenWindows::default();
    let readers = MetricsReaders::new(database.path(), open.clone(), Arc::default());
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let shape = shape();
            for sequence in 0..SLOTS {
                let slot_ms = BEGIN + i64::try_from(sequence).unwrap() * 5_000;
                let values = vec![sequence as f64];
                let (host, epoch) = (host("web-1"), systole_common::ids::SpoolEpoch(1));
                let (origin, shape) = (Origin::Live, shape.clone());
                let slot = Slot { host, epoch, sequence, slot_ms, origin, shape, values };
                open.lock().take(&slot, 1, UnixMs(slot_ms), 50);
                if sequence % 50 == 49 {
                    let (closed, _) = open.lock().begin_commit(usize::MAX);
                    database.commit(&closed, &[]).unwrap();
                    open.lock().end_commit();
                    maintain(&mut database, slot_ms);
                }
            }
            is_done.store(true, Ordering::SeqCst);
        });
        let mut seen = 0;
        loop {
            let is_last = is_done.load(Ordering::SeqCst);
            let answer = readers
                .read(MetricsQuery::History {
                    host: host("web-1"),
                    key: key(0),
                    from: UnixMs(BEGIN),
                    to: UnixMs(BEGIN + DAY_MS),
                    step_ms: 0,
                })
                .unwrap();
            if let MetricsAnswer::History { points, .. } = &answer {
                let values: Vec<f64> = points.iter().map(|point| point.mean).collect();
                let all: Vec<f64> = (0..values.len()).map(|at| at as f64).collect();
                assert_eq!(values, all, "each once, none left out");
                assert!(values.len() >= seen, "nothing goes away");
                seen = values.len();
            }
            if is_last {
                break;
            }
        }
        assert_eq!(seen as u64, SLOTS);
    });
    let answer = readers.read(MetricsQuery::Storage { host: None, before: None }).unwrap();
    let MetricsAnswer::Storage { records, .. } = answer else { panic!() };
    assert_eq!(records[0].tiers[0].records, SLOTS);
}

#[test]
fn thirty_days_of_one_series_answer() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    let mut level = 30.0;
    for day in 0..30 {
        let slots: Slots = (0..17_280i64)
            .map(|slot| {
                level = (level + f64::from(u32::try_from(slot * 7_919 % 13).unwrap()) - 6.0)
                    .clamp(1.0, 99.0);
                (BEGIN + day * DAY_MS + slot * 5_000, vec![Some((level * 10.0).round() / 10.0)])
            })
            .collect();
        store(&mut database, "web-1", &slots);
        maintain(&mut database, BEGIN + day * DAY_MS + DAY_MS - 1);
        assert!(database.checkpoint().unwrap());
    }
    let readers = readers(&database);
    // Steps that no roll-up fits, and one of two hours: samples, then roll-ups.
    for step in [8_641_000, 7_200_000] {
        history(&readers, 0, BEGIN, BEGIN + 30 * DAY_MS, step);
        let begin = Instant::now();
        let answer = history(&readers, 0, BEGIN, BEGIN + 30 * DAY_MS, step);
        println!(
            "30 days of 5 s, step {step} ms: {:?}, {} bytes",
            begin.elapsed(),
            database.bytes()
        );
        let count: u64 = points(&answer).iter().map(|point| point.count).sum();
        assert_eq!(count, 30 * 17_280);
        maintain(&mut database, BEGIN + 30 * DAY_MS + 1_300_000);
    }
}

#[test]
fn series_are_listed_by_host_and_name() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    store(&mut database, "web-1", &regular(BEGIN, 3));
    store(&mut database, "db-1", &regular(BEGIN, 3));
    let open = OpenWindows::default();
    let slot = Slot {
        host: host("new-1"),
        epoch: systole_common::ids::SpoolEpoch(1),
        sequence: 1,
        slot_ms: BEGIN,
        origin: Origin::Live,
        shape: shape(),
        values: vec![1.0],
    };
    open.lock().take(&slot, 1, UnixMs(BEGIN), 50);
    let readers = MetricsReaders::new(database.path(), open, Arc::default());
    let list = |hosts: Vec<HostId>, metric: Option<&str>| {
        let query = MetricsQuery::Series { hosts, metric: metric.map(str::to_owned) };
        let MetricsAnswer::Series(found) = readers.read(query).unwrap() else { panic!() };
        found.into_iter().map(|it| format!("{} {}", it.host, it.metric)).collect::<Vec<_>>()
    };
    assert_eq!(list(vec![], None), ["db-1 m0", "db-1 m1", "new-1 m0", "web-1 m0", "web-1 m1"]);
    assert_eq!(list(vec![host("web-1"), host("new-1")], Some("m0")), ["new-1 m0", "web-1 m0"]);
    assert!(list(vec![host("other")], None).is_empty());
}
