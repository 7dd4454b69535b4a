//! What goes for its age and what must not: wrong clocks, late slots, room that comes back.

use super::*;

/// What `web-1` has in each tier.
fn left(database: &Database) -> [u64; 3] {
    let query = MetricsQuery::Storage { host: Some(host("web-1")), before: None };
    match readers(database).read(query).unwrap() {
        MetricsAnswer::Storage { records: found, .. } => {
            [Tier::Raw, Tier::Minute, Tier::Hour].map(|tier| records(&found, tier))
        }
        other => panic!("{other:?}"),
    }
}

fn tidy_up(database: &mut Database, now: i64, retention: &Retention) -> Maintained {
    let done = database.maintain(UnixMs(now), retention, LONG).unwrap();
    assert!(!done.more && !done.full);
    done
}

#[test]
fn retention_goes_by_whole_days_and_rolls_up_before_it_deletes() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    for day in 0..3 {
        store(&mut database, "web-1", &regular(BEGIN + day * DAY_MS, 720));
    }
    let retention = Retention { raw_ms: DAY_MS, minute_ms: 3 * DAY_MS, hour_ms: 5 * DAY_MS };
    let mut after = |days_on: i64| {
        pass(&mut database, DAY + days_on);
        tidy_up(&mut database, BEGIN + days_on * DAY_MS + 7_200_000, &retention);
        left(&database)
    };
    // Of day 0 nothing is younger than a day now.
    assert_eq!(after(2), [2 * 2 * 720, 2 * 2 * 60, 2 * 2]);
    assert_eq!(after(3), [2 * 720, 3 * 2 * 60, 3 * 2]);
    assert_eq!(after(4), [0, 2 * 2 * 60, 3 * 2]);
    assert_eq!(after(7), [0, 0, 2]);
    assert_eq!(after(8), [0, 0, 0]);
    database.clean_up(Some(&host("clock-1")), UnixMs(BEGIN + 99 * DAY_MS)).unwrap();
    tidy_up(&mut database, BEGIN + 8 * DAY_MS + 7_200_000, &retention);
    for table in ["span", "fresh", "chunk", "rollup_day", "rollup", "rollup_due", "series"] {
        assert_eq!(count(&database, &format!("SELECT COUNT(*) FROM {table}")), 0, "{table}");
    }
    // Its numbers are given out again.
    store(&mut database, "web-1", &regular(BEGIN + 9 * DAY_MS, 10));
    assert_eq!(count(&database, "SELECT MAX(number) FROM series"), 1);
}

#[test]
fn a_clock_that_jumps_deletes_nothing_of_the_last_days() {
    const NOW: i64 = BEGIN + 40 * DAY_MS;
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    let retention = Retention::default();
    for day in 0..40 {
        store(&mut database, "web-1", &regular(BEGIN + day * DAY_MS, 24));
    }
    tidy_up(&mut database, NOW, &retention);
    let before = left(&database);
    assert_eq!(before[0], 30 * 2 * 24, "of 30 days");
    let years = NOW + 5 * 365 * DAY_MS;
    for wrong in [years, 0, i64::MIN, i64::MAX] {
        tidy_up(&mut database, wrong, &retention);
        let after = left(&database);
        assert_eq!(after[0], before[0], "at {wrong}");
        assert!(after[1] >= before[1] && after[2] >= before[2], "at {wrong}");
        database.close().unwrap();
        database = open(&folder);
    }
    // An agent on the daemon's host has the same wrong clock, for as long as nobody looks.
    let whole = left(&database);
    for day in 0..BELIEVED_DAYS {
        assert_eq!(left(&database), whole, "after {day} days");
        store(&mut database, "mon-1", &regular(years + day * DAY_MS, 24));
        database.close().unwrap();
        database = open(&folder);
        tidy_up(&mut database, years + (day - 1) * DAY_MS + 7_200_000, &retention);
    }
    // After a week it is taken for a fleet that stood still for years.
    tidy_up(&mut database, years + 8 * DAY_MS, &retention);
    assert_eq!(left(&database), [0, 0, 0]);
}

#[test]
fn roll_ups_that_are_all_there_is_outlast_a_jump_too() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    store(&mut database, "web-1", &regular(BEGIN, 720));
    pass(&mut database, DAY + 40);
    tidy_up(&mut database, BEGIN + 41 * DAY_MS, &Retention::default());
    database.clean_up(Some(&host("clock-1")), UnixMs(BEGIN + 99 * DAY_MS)).unwrap();
    database.close().unwrap();
    let mut database = open(&folder);
    assert_eq!(left(&database), [0, 2 * 60, 2]);
    tidy_up(&mut database, BEGIN + 5 * 365 * DAY_MS, &Retention::default());
    assert_eq!(left(&database), [0, 2 * 60, 2]);
}

/// Minute points of `m1` in the day of `BEGIN`, by minute, and hour points by hour: how many samples.
fn counts(database: &Database) -> [BTreeMap<i64, u64>; 2] {
    [60_000, 3_600_000].map(|step_ms: i64| {
        let (from, to) = (UnixMs(BEGIN), UnixMs(BEGIN + DAY_MS));
        let (host, key) = (host("web-1"), key(1));
        let step = u64::try_from(step_ms).unwrap();
        let query = MetricsQuery::History { host, key, from, to, step_ms: step };
        match readers(database).read(query).unwrap() {
            MetricsAnswer::History { points, .. } => {
                points.iter().map(|it| ((it.at.0 - BEGIN) / step_ms, it.count)).collect()
            }
            other => panic!("{other:?}"),
        }
    })
}

#[test]
fn a_late_tail_does_not_replace_the_roll_up_of_a_day_whose_samples_are_gone() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    let mut slots = regular(BEGIN, 17_280);
    let minute = |minute: i64| BEGIN + minute * 60_000;
    // Nothing came in the minute 100.
    slots.retain(|at, _| !(minute(100)..minute(101)).contains(at));
    store(&mut database, "web-1", &slots);
    pass(&mut database, DAY + 32);
    let now = BEGIN + 32 * DAY_MS + 7_200_000;
    tidy_up(&mut database, now, &Retention::default());
    let [minutes, hours] = counts(&database);
    assert_eq!((minutes.len(), hours.len(), left(&database)[0]), (1_439, 24, 0));
    assert_eq!((hours[&1], hours[&2]), (708, 720));

    let mut late = regular(minute(100), 12);
    late.extend(regular(minute(200) + 1_000, 3));
    store(&mut database, "web-1", &late);
    tidy_up(&mut database, now, &Retention::default());
    assert_eq!(left(&database)[0], 0);
    let [minutes_after, hours_after] = counts(&database);
    let expected = minutes.into_iter().chain([(100, 12)]).collect::<BTreeMap<_, _>>();
    assert_eq!(minutes_after, expected, "where nothing was it counts, else what was there stays");
    assert_eq!((hours_after[&1], hours_after[&2], hours_after[&3]), (720, 720, 720));
    assert_eq!(hours_after.len(), 24);
    assert_eq!(count(&database, "SELECT COUNT(*) FROM rollup_day WHERE day = 20000"), 2);
}

#[test]
fn room_comes_back_also_while_there_is_always_more_to_do() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    let blob = vec![7u8; 1 << 20];
    for id in 1..=20i64 {
        let query = "INSERT INTO chunk (id, n, min, max, mean, data) VALUES (?1, 1, 0, 0, 0, ?2)";
        database.connection.execute(query, params![id << 20, blob]).unwrap();
    }
    database.connection.execute("DELETE FROM chunk", []).unwrap();
    let before = count(&database, "PRAGMA page_count");
    for day in 0..8 {
        store(&mut database, "web-1", &regular(BEGIN + day * DAY_MS, 1_440));
        let done = database
            .maintain(UnixMs(BEGIN + 99 * DAY_MS), &Retention::default(), Duration::ZERO)
            .unwrap();
        assert!(done.more, "one step for each day");
    }
    let (pages, free) =
        (count(&database, "PRAGMA page_count"), count(&database, "PRAGMA freelist_count"));
    assert!(pages < before / 2 && free <= pages / 8 + 512, "{before}: {pages}, {free} free");
}
