//! Which slots are taken, which are receipted, what is counted.

use super::*;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn slots(name: &HostId, sequences: impl Iterator<Item = u64>, shape: &Arc<Shape>) -> Vec<Intake> {
    sequences.map(|sequence| Intake::Slot(slot(name, sequence, shape))).collect()
}

#[test]
fn what_is_receipted_can_be_read_at_once_and_after_a_restart() {
    let stage = Stage::new(1 << 20);
    let (name, two) = (host("web-1"), shape(0, 2));
    let mut writer = stage.open();
    writer.turn(slots(&name, 1..=5, &two)).unwrap();
    assert_eq!(stage.told(&name, EPOCH).ranges(), [(1, 5)]);
    let before = stage.found(&writer, &name);
    assert_eq!(before.len(), 5);
    let all = writer.windows.series(None);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].0, name);
    drop(writer);
    assert_eq!(stage.found(&stage.open(), &name), before);
}

#[test]
fn windows_close_full_and_their_log_goes() {
    let stage = Stage::new(40_000);
    let (name, three) = (host("web-1"), shape(0, 3));
    let mut writer = stage.open();
    for begin in (1..2_000).step_by(40) {
        writer.turn(slots(&name, begin..begin + 40, &three)).unwrap();
    }
    let double = stage.memory.lock();
    assert!(double.now.windows.len() >= 5);
    assert!((180..360).contains(&double.now.windows[0].times.len()));
    assert!(double.now.windows[1..].iter().all(|window| window.times.len() == 360));
    drop(double);
    assert!(writer.log.oldest() > 1, "{:?}", writer.log.files().segments());
    assert_eq!(stage.found(&writer, &name).len(), 2_000);
}

#[test]
fn the_second_sample_of_a_slot_is_receipted_and_left_out() {
    let stage = Stage::new(1 << 20);
    let (name, one) = (host("web-1"), shape(0, 1));
    let mut writer = stage.open();
    writer.turn(slots(&name, 1..=400, &one)).unwrap();
    assert!(!stage.memory.lock().now.windows.is_empty());
    // One that is stored, one that is open, two in one turn.
    for (sequence, of) in [(900, 1), (901, 400), (902, 500), (903, 500)] {
        let mut again = slot(&name, of, &one);
        again.sequence = sequence;
        writer.turn(vec![Intake::Slot(again)]).unwrap();
    }
    assert_eq!(stage.told(&name, EPOCH).ranges(), [(1, 400), (900, 903)]);
    assert_eq!(counted(&writer.news.slots_taken), 3);
    assert_eq!(stage.found(&writer, &name).len(), 401);
    drop(writer);
    let writer = stage.open();
    assert_eq!(stage.found(&writer, &name).len(), 401);
}

#[test]
fn times_that_cannot_be_are_receipted_and_left_out() {
    let stage = Stage::new(1 << 20);
    let (name, one) = (host("web-1"), shape(0, 1));
    let mut writer = stage.open();
    let nines = 253_402_300_799_000;
    let wrong = [0, nines, NOON + HOUR, NOON - 31 * DAY, i64::MIN, i64::MAX, NOON + 300_001];
    for (sequence, slot_ms) in (1..).zip(wrong) {
        writer.turn(vec![Intake::Slot(slot_at(&name, sequence, slot_ms, &one))]).unwrap();
    }
    writer.turn(vec![Intake::Slot(slot_at(&name, 8, NOON + 300_000, &one))]).unwrap();
    writer.turn(vec![Intake::Slot(slot_at(&name, 9, NOON - 30 * DAY, &one))]).unwrap();
    assert_eq!(counted(&writer.news.slots_out_of_time), 7);
    assert_eq!(stage.told(&name, EPOCH).ranges(), [(1, 9)]);
    assert_eq!(stage.found(&writer, &name).len(), 2);
    drop(writer);
    let mut writer = stage.open();
    writer.turn(vec![Intake::Slot(slot_at(&name, 1, NOON, &one))]).unwrap();
    assert_eq!(counted(&writer.news.duplicates), 1);
    assert_eq!(stage.found(&writer, &name).len(), 2);
}

#[test]
fn sequences_may_repeat_go_back_and_jump() {
    let stage = Stage::new(1 << 20);
    let (name, one) = (host("web-1"), shape(0, 1));
    let mut writer = stage.open();
    let jumps = [5, 5, 4, 1 << 63, 3, u64::MAX, 0, 5, 1 << 63];
    for (at, sequence) in (0..).zip(jumps) {
        let slot = slot_at(&name, sequence, NOON - HOUR + at * 5_000, &one);
        writer.turn(vec![Intake::Slot(slot.clone()), Intake::Slot(slot)]).unwrap();
    }
    let told = stage.told(&name, EPOCH);
    assert_eq!(told.ranges(), [(0, 0), (3, 5), (1 << 63, 1 << 63), (u64::MAX, u64::MAX)]);
    assert_eq!(counted(&writer.news.duplicates), 9 + 3);
    assert_eq!(stage.found(&writer, &name).len(), 6);
    drop(writer);
    assert_eq!(stage.found(&stage.open(), &name).len(), 6);
}

#[test]
fn an_hour_out_of_order_is_taken_whole_and_sorted() {
    let stage = Stage::new(1 << 20);
    let (name, two) = (host("web-1"), shape(0, 2));
    let mut writer = stage.open();
    writer.turn(slots(&name, 2_000..2_010, &two)).unwrap();
    let mut late: Vec<Slot> = (1..=720).map(|number| slot(&name, number * 7 % 727, &two)).collect();
    for slot in &mut late {
        slot.origin = Origin::Backfill;
    }
    writer.turn(late.iter().take(400).cloned().map(Intake::Slot).collect()).unwrap();
    writer.turn(late.into_iter().map(Intake::Slot).collect()).unwrap();
    let found = stage.found(&writer, &name);
    assert_eq!(found.len(), 730);
    let first = slot(&name, 0, &two).slot_ms as f64;
    assert!(found.iter().all(|(time, value)| (first + value * 5_000.0 - *time as f64).abs() < 1.0));
    let origins: Vec<Origin> =
        stage.memory.lock().now.windows.iter().map(|window| window.origin).collect();
    assert!(!origins.is_empty() && origins.iter().all(|one| *one == Origin::Backfill));
}

#[test]
fn ten_thousand_names_fill_a_host_and_no_more() {
    let stage = Stage::new(1 << 20);
    let name = host("web-1");
    let mut writer = stage.open();
    for group in 0..20_u64 {
        let names = shape(usize::try_from(group).unwrap() * 500, 500);
        let mut slot = slot(&name, group, &names);
        // Each day has a window of its own.
        slot.slot_ms = NOON - (i64::try_from(group / 4).unwrap() + 1) * DAY + slot.slot_ms % HOUR;
        writer.turn(vec![Intake::Slot(slot)]).unwrap();
    }
    assert_eq!(stage.told(&name, EPOCH).ranges(), [(0, 19)]);
    let double = stage.memory.lock();
    let in_window = double.now.windows.iter().map(|window| window.columns.len()).max();
    assert!(in_window.unwrap() <= 1_024);
    drop(double);
    let known: usize = 5 * 1_024;
    assert_eq!(counted(&writer.news.samples), known as u64);
    assert_eq!(counted(&writer.news.series_refused), 10_000 - known as u64);
    let mut wide = slot(&name, 99, &shape(0, 10_000));
    wide.slot_ms = NOON;
    writer.turn(vec![Intake::Slot(wide)]).unwrap();
    assert_eq!(counted(&writer.news.series_refused), 20_000 - known as u64 - 1_024);
}

#[test]
fn series_of_all_time_stop_at_their_limit() {
    let stage = Stage::new(1 << 20);
    let name = host("web-1");
    let mut writer = stage.open();
    for day in 0..12_i64 {
        let names = shape(usize::try_from(day).unwrap() * 1_000, 1_000);
        let slot_ms = NOON - day * DAY;
        let slot = slot_at(&name, u64::try_from(day).unwrap(), slot_ms, &names);
        writer.turn(vec![Intake::Slot(slot)]).unwrap();
    }
    assert_eq!(counted(&writer.news.samples), 8_192);
}

#[test]
fn values_are_kept_apart_when_series_come_and_go() {
    let stage = Stage::new(1 << 20);
    let name = host("web-1");
    let mut writer = stage.open();
    let shapes = [shape(0, 2), shape(1, 2), shape(0, 2), shape(0, 1)];
    for (number, shape) in (1..).zip(&shapes) {
        let mut slot = slot(&name, number, shape);
        slot.values[0] = -0.0;
        writer.turn(vec![Intake::Slot(slot)]).unwrap();
    }
    let of = |metric| {
        let (_, samples) = writer.windows.samples(&name, &SeriesKey::new(metric, ""));
        samples.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
    };
    assert_eq!((of("m0"), of("m1"), of("m2")), (vec![0.0; 3], vec![1.0, 0.0, 3.0], vec![2.0]));
    assert!(of("m0").iter().all(|value| value.is_sign_positive()));
    writer.close(Duration::MAX).unwrap();
    let window = &stage.memory.lock().now.windows[0];
    assert_eq!(window.columns[2].present, Some(vec![false, true, false, false]));
    assert_eq!(window.columns[2].values, [2.0]);
}

#[test]
fn what_was_given_up_counts_as_received_and_keeps_what_came() {
    let stage = Stage::new(1 << 20);
    let (name, one) = (host("web-1"), shape(0, 1));
    let mut writer = stage.open();
    let dropped = |ranges: &[(u64, u64)]| Intake::Dropped {
        host: name.clone(),
        epoch: EPOCH,
        ranges: ranges.to_vec(),
    };
    let mut both = slots(&name, 4..=6, &one);
    both.push(dropped(&[(1, 10)]));
    writer.turn(both).unwrap();
    assert_eq!(stage.told(&name, EPOCH).ranges(), [(1, 10)]);
    assert_eq!(counted(&writer.news.dropped), 7);
    writer.turn(vec![dropped(&[(1, 10), (20, u64::MAX)])]).unwrap();
    drop(writer);
    // Nothing is in the database: a row that said 4..=6 are stored would lose them now.
    let mut writer = stage.open();
    assert_eq!(stage.found(&writer, &name).len(), 3);
    writer.turn(slots(&name, 1..=12, &one)).unwrap();
    assert_eq!(stage.found(&writer, &name).len(), 5);
    writer.close(Duration::MAX).unwrap();
    let row = stage.memory.lock().now.received[&(name.clone(), EPOCH)].clone();
    assert_eq!(row.ranges.ranges(), [(1, 12), (20, u64::MAX)]);
    assert_eq!(row.dropped, 7 + (u64::MAX - 19));
}

#[test]
fn a_greeting_is_answered_with_the_newest_ranges() {
    let stage = Stage::new(1 << 20);
    let (name, one) = (host("web-1"), shape(0, 1));
    let mut writer = stage.open();
    writer.turn(slots(&name, (0..40).map(|number| number * 2), &one)).unwrap();
    stage.agents.calls.lock().unwrap().clear();
    let greet = |epoch| Intake::Greet { host: name.clone(), epoch: SpoolEpoch(epoch) };
    writer.turn(vec![greet(EPOCH.0), greet(99)]).unwrap();
    let calls = stage.agents.calls.lock().unwrap().clone();
    assert_eq!((calls[0].len(), calls[0][0], calls[0][31]), (32, (16, 16), (78, 78)));
    assert_eq!(calls[1], []);
}

#[test]
fn ranges_have_a_limit_and_holes_are_filled_beyond_it() {
    let stage = Stage::new(1 << 20);
    let (name, one) = (host("web-1"), shape(0, 1));
    let mut writer = stage.open();
    writer.turn(slots(&name, (0..1_100).map(|number| number * 2), &one)).unwrap();
    assert_eq!(stage.told(&name, EPOCH).len(), 1_024);
    assert_eq!(counted(&writer.news.sequences_refused), 76);
    writer.turn(slots(&name, 1..=2, &one)).unwrap();
    assert_eq!(stage.told(&name, EPOCH).len(), 1_023);
}

#[test]
fn a_flood_of_epochs_ends_only_the_oldest() {
    let stage = Stage::new(1 << 20);
    let (name, one) = (host("web-1"), shape(0, 1));
    let mut writer = stage.open();
    for epoch in 0..40_u64 {
        // What is refused in one turn, for its host has too many open, is taken in the next.
        for _ in 0..2 {
            let mut slot = slot(&name, epoch, &one);
            slot.epoch = SpoolEpoch(epoch);
            writer.turn(vec![Intake::Slot(slot)]).unwrap();
        }
        assert!(stage.told(&name, SpoolEpoch(epoch)).contains(epoch));
        assert!(writer.hosts[&name].epochs.iter().count() <= 8);
    }
    assert!(stage.memory.lock().now.received.len() <= 8);
    let found = stage.found(&writer, &name);
    assert_eq!(found.len(), 40);
    drop(writer);
    let mut writer = stage.open();
    assert_eq!(stage.found(&writer, &name), found);
    // A life that was forgotten sends again: known by its times.
    let mut old = slot(&name, 3, &one);
    old.epoch = SpoolEpoch(3);
    writer.turn(vec![Intake::Slot(old.clone())]).unwrap();
    writer.turn(vec![Intake::Slot(old)]).unwrap();
    assert_eq!(stage.found(&writer, &name), found);
}

#[test]
fn windows_end_at_midnight_and_close_when_the_day_is_over() {
    let stage = Stage::new(1 << 20);
    let (name, one) = (host("web-1"), shape(0, 1));
    let mut writer = stage.open();
    let midnight = NOON + 12 * HOUR;
    for at in -10..10_i64 {
        set_now(midnight + at * 5_000);
        let slot = slot_at(&name, u64::try_from(at + 11).unwrap(), midnight + at * 5_000, &one);
        writer.turn(vec![Intake::Slot(slot)]).unwrap();
    }
    assert_eq!(writer.windows.times(&name).len(), 2);
    set_now(midnight + 11 * 60_000);
    writer.turn(vec![]).unwrap();
    assert_eq!(stage.memory.lock().now.windows.len(), 1);
    assert_eq!(stage.memory.lock().now.windows[0].times.len(), 10);
    assert_eq!(stage.found(&writer, &name).len(), 20);
}

#[test]
fn a_clock_that_jumps_ahead_or_back_costs_no_slot() {
    const YEARS: i64 = 5 * 365 * DAY;
    for wrong in [NOON + YEARS, 0] {
        let stage = Stage::new(1 << 20);
        let (name, one) = (host("web-1"), shape(0, 1));
        let mut writer = stage.open();
        writer.turn(slots(&name, 1..=10, &one)).unwrap();
        for (sequence, day) in (101..=107).zip(1..) {
            let before = slot_at(&name, sequence, NOON - day * DAY, &one);
            writer.turn(vec![Intake::Slot(before)]).unwrap();
        }
        set_now(wrong);
        writer.turn(slots(&name, 11..=20, &one)).unwrap();
        // Also after a restart, and with an agent beside the daemon that has the same clock.
        writer.close(Duration::MAX).unwrap();
        let mut writer = stage.open();
        let beside = slot_at(&host("mon-1"), 1, wrong, &one);
        writer.turn(vec![Intake::Slot(beside)]).unwrap();
        writer.turn(slots(&name, 21..=30, &one)).unwrap();
        let next_day = slot_at(&name, 31, NOON + DAY - HOUR, &one);
        writer.turn(vec![Intake::Slot(next_day)]).unwrap();
        assert_eq!(stage.found(&writer, &name).len(), 7 + 31, "at {wrong}");
        // What is neither near the clock nor near the samples is still left out.
        let neither = slot_at(&name, 32, NOON + 4 * DAY, &one);
        writer.turn(vec![Intake::Slot(neither)]).unwrap();
        assert_eq!(stage.found(&writer, &name).contains_key(&(NOON + 4 * DAY)), wrong > NOON);
    }
}

#[test]
fn damage_in_the_database_is_told_once() {
    let stage = Stage::new(1 << 20);
    let mut writer = stage.open();
    stage.memory.lock().damaged = 3;
    writer.turn(vec![]).unwrap();
    writer.turn(vec![]).unwrap();
    assert_eq!(counted(&writer.news.damaged), 3);
}

#[test]
fn holes_older_than_five_minutes_are_told() {
    let stage = Stage::new(1 << 20);
    let (name, one) = (host("web-1"), shape(0, 1));
    let mut writer = stage.open();
    let behind = |writer: &TestWriter| writer.news.behind.lock().unwrap().clone();
    writer.turn(slots(&name, [1, 2, 5].into_iter(), &one)).unwrap();
    set_now(NOON + 299_000);
    writer.turn(slots(&name, [6].into_iter(), &one)).unwrap();
    assert_eq!(behind(&writer), []);
    set_now(NOON + 301_000);
    writer.turn(vec![]).unwrap();
    assert_eq!(behind(&writer), std::slice::from_ref(&name));
    writer.turn(slots(&name, [3, 4].into_iter(), &one)).unwrap();
    assert_eq!(behind(&writer), []);
}

#[test]
fn a_clean_up_takes_what_is_open_too() {
    let stage = Stage::new(1 << 20);
    let (name, one) = (host("web-1"), shape(0, 1));
    let mut writer = stage.open();
    let old = slot_at(&name, 1, NOON - 2 * DAY, &one);
    writer.turn(vec![Intake::Slot(old.clone()), Intake::Slot(slot(&name, 2, &one))]).unwrap();
    let (reply, mut done) = tokio::sync::oneshot::channel();
    let clean_up = Intake::CleanUp { host: None, before: UnixMs(NOON - DAY), reply };
    writer.turn(vec![clean_up]).unwrap();
    assert!(done.try_recv().unwrap().is_ok());
    assert_eq!(stage.found(&writer, &name).len(), 1);
    drop(writer);
    let mut writer = stage.open();
    writer.turn(vec![Intake::Slot(old)]).unwrap();
    assert_eq!(stage.found(&writer, &name).len(), 1);
    assert_eq!(counted(&writer.news.duplicates), 1);
}
