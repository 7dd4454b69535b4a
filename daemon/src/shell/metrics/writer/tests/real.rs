//! With the real database: what is stored and what is in the log make one whole.

use super::*;

fn open(folder: &Path, agents: &Agents) -> MetricsWriter<Agents> {
    let wall = || UnixMs(NOW.get());
    let retention = Retention::default();
    let (writer, losses) =
        MetricsWriter::open(folder, 1_000, retention, agents.clone(), wall).unwrap();
    assert_eq!(losses, Vec::<String>::new());
    assert!(counted(&writer.news.free_bytes) > 0, "nobody is told of a full disk that is not");
    writer
}

fn times(writer: &mut MetricsWriter<Agents>, name: &HostId) -> Vec<i64> {
    let mut times = writer.database.slot_times(name, 0, NOON).unwrap();
    let (_, open) = writer.windows.samples(name, &SeriesKey::new("m0", ""));
    times.extend(open.into_iter().map(|(time, _)| time));
    times.sort_unstable();
    times
}

#[test]
fn killed_and_stopped_it_has_every_slot_once() {
    set_now(NOON);
    let folder = tempfile::tempdir().unwrap();
    let agents = Agents::default();
    let (name, three) = (host("web-1"), shape(0, 3));
    let expected: Vec<i64> = (1..=1_000).map(|it| slot(&name, it, &three).slot_ms).collect();
    for begin in (1..=1_000).step_by(50) {
        let mut writer = open(folder.path(), &agents);
        // What came before comes again, as from an agent that got no receipt.
        let from = 1.max(begin - begin.min(100));
        let slots = (from..begin + 50).map(|it| Intake::Slot(slot(&name, it, &three)));
        writer.turn(slots.collect()).unwrap();
        let until = usize::try_from(begin).unwrap() + 49;
        assert_eq!(times(&mut writer, &name), expected[..until]);
        assert_eq!(counted(&writer.news.slots_taken), 0);
        if begin % 200 == 1 {
            writer.close(Duration::MAX).unwrap();
        }
    }
    let mut writer = open(folder.path(), &agents);
    assert_eq!(times(&mut writer, &name), expected);
    assert_eq!(agents.told.lock().unwrap()[&(name, EPOCH)].ranges(), [(1, 1_000)]);
}

/// A fleet may have more open than a stop has time to store: the log has it.
#[test]
fn a_stop_without_time_loses_nothing() {
    set_now(NOON);
    let folder = tempfile::tempdir().unwrap();
    let agents = Agents::default();
    let (name, three) = (host("web-1"), shape(0, 3));
    let slots = |from: u64, to: u64| {
        (from..to).map(|it| Intake::Slot(slot(&name, it, &three))).collect::<Vec<_>>()
    };
    let expected: Vec<i64> = (1..=1_000).map(|it| slot(&name, it, &three).slot_ms).collect();
    let mut writer = open(folder.path(), &agents);
    writer.turn(slots(1, 801)).unwrap();
    assert!(!writer.database.slot_times(&name, 0, NOON).unwrap().is_empty(), "some is stored");
    writer.turn(slots(801, 1_001)).unwrap();
    let stored = writer.database.slot_times(&name, 0, NOON).unwrap();
    writer.close(Duration::ZERO).unwrap();
    let wal = folder.path().join(format!("{METRICS_FILE}-wal"));
    assert!(std::fs::metadata(wal).unwrap().len() > 0, "nothing was written back");
    let mut writer = open(folder.path(), &agents);
    assert_eq!(writer.database.slot_times(&name, 0, NOON).unwrap(), stored);
    assert_eq!(times(&mut writer, &name), expected);
    writer.turn(slots(1, 1_001)).unwrap();
    assert_eq!(times(&mut writer, &name), expected);
    // With all the time it needs nothing is left in the log.
    writer.close(Duration::MAX).unwrap();
    let mut writer = open(folder.path(), &agents);
    assert_eq!(writer.database.slot_times(&name, 0, NOON).unwrap(), expected);
    assert!(writer.windows.times(&name).is_empty());
}

#[test]
fn chunks_that_are_found_damaged_are_counted_one_by_one() {
    set_now(NOON);
    let folder = tempfile::tempdir().unwrap();
    let agents = Agents::default();
    let (name, three) = (host("web-1"), shape(0, 3));
    let mut writer = open(folder.path(), &agents);
    writer.turn((1..=1_000).map(|it| Intake::Slot(slot(&name, it, &three))).collect()).unwrap();
    writer.close(Duration::MAX).unwrap();
    let other = rusqlite::Connection::open(folder.path().join(METRICS_FILE)).unwrap();
    assert!(other.execute("UPDATE fresh SET data = zeroblob(20)", []).unwrap() >= 6);
    drop(other);
    let mut writer = open(folder.path(), &agents);
    set_now(NOON + 86_400_000);
    writer.turn(vec![]).unwrap();
    assert!(counted(&writer.news.damaged) >= 6, "{}", counted(&writer.news.damaged));
    assert_eq!(counted(&writer.news.damaged), writer.database.damaged());
}
