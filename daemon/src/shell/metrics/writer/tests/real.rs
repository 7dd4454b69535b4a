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
            writer.close().unwrap();
        }
    }
    let mut writer = open(folder.path(), &agents);
    assert_eq!(times(&mut writer, &name), expected);
    assert_eq!(agents.told.lock().unwrap()[&(name, EPOCH)].ranges(), [(1, 1_000)]);
}
