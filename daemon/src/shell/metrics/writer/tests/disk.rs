//! A disk that is full, fails, or tears what was written.

use std::fs::{self, OpenOptions};
use std::io::Write;

use super::*;

fn some(name: &HostId, from: u64, count: u64, shape: &Arc<Shape>) -> Vec<Intake> {
    (from..from + count).map(|number| Intake::Slot(slot(name, number, shape))).collect()
}

#[test]
fn a_full_disk_receipts_nothing_and_goes_on_when_there_is_room() {
    let stage = Stage::new(1 << 20);
    let (name, two) = (host("web-1"), shape(0, 2));
    let mut writer = stage.open();
    writer.turn(some(&name, 1, 10, &two)).unwrap();
    stage.disk.set_room_bytes(Some(100));
    // Otherwise the oldest segment would be stored and deleted, and so make room.
    stage.memory.lock().is_busy = true;
    for _ in 0..3 {
        // What was safe before is told again even now.
        writer.turn(some(&name, 10, 11, &two)).unwrap();
        assert_eq!(stage.told(&name, EPOCH).ranges(), [(1, 10)]);
        assert!(writer.news.refusing.load(Ordering::Relaxed));
        assert_eq!(stage.found(&writer, &name).len(), 10);
    }
    assert_eq!(counted(&writer.news.slots_refused), 30);
    stage.disk.set_room_bytes(None);
    writer.turn(some(&name, 11, 10, &two)).unwrap();
    assert!(!writer.news.refusing.load(Ordering::Relaxed));
    assert_eq!(stage.told(&name, EPOCH).ranges(), [(1, 20)]);
    drop(writer);
    assert_eq!(stage.found(&stage.open(), &name).len(), 20);
}

#[test]
fn the_reserve_is_left_alone_with_some_slack() {
    let stage = Stage::new(1 << 20);
    let (name, one) = (host("web-1"), shape(0, 1));
    let mut writer = stage.open();
    for (at, (free, is_taken)) in
        (1..).zip([(999, false), (1_200, false), (1_500, true), (1_000, true), (10, false)])
    {
        set_free(free);
        writer.turn(some(&name, at, 1, &one)).unwrap();
        assert_eq!(stage.told(&name, EPOCH).contains(at), is_taken, "{free} bytes free");
        assert_eq!(writer.news.refusing.load(Ordering::Relaxed), !is_taken);
        assert_eq!(counted(&writer.news.free_bytes), free);
    }
}

#[test]
fn after_a_failed_fsync_nothing_is_receipted() {
    let stage = Stage::new(1 << 20);
    let (name, one) = (host("web-1"), shape(0, 1));
    let mut writer = stage.open();
    writer.turn(some(&name, 1, 2, &one)).unwrap();
    stage.disk.fail_sync(1);
    let error = writer.turn(some(&name, 3, 2, &one)).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert!(writer.turn(some(&name, 1, 1, &one)).is_err());
    assert!(writer.turn(vec![Intake::Greet { host: name.clone(), epoch: EPOCH }]).is_err());
    assert_eq!(stage.told(&name, EPOCH).ranges(), [(1, 2)]);
    assert_eq!(stage.agents.calls.lock().unwrap().len(), 1);
}

#[test]
fn a_database_that_is_full_keeps_windows_and_refuses_at_four() {
    let stage = Stage::new(1 << 20);
    let (name, one) = (host("web-1"), shape(0, 1));
    let mut writer = stage.open();
    stage.memory.lock().is_full = true;
    let mut next = 1;
    for _ in 0..30 {
        writer.turn(some(&name, next, 100, &one)).unwrap();
        next = stage.told(&name, EPOCH).last().unwrap() + 1;
    }
    assert!(writer.news.refusing.load(Ordering::Relaxed));
    let held: usize = writer.windows.times(&name).iter().map(|window| window.slots).sum();
    assert!((1_000..1_700).contains(&held), "{held}");
    assert_eq!(stage.found(&writer, &name).len(), held);
    stage.memory.lock().is_full = false;
    for _ in 0..3 {
        writer.turn(some(&name, next, 100, &one)).unwrap();
        next = stage.told(&name, EPOCH).last().unwrap() + 1;
    }
    assert!(!writer.news.refusing.load(Ordering::Relaxed));
    assert_eq!(stage.found(&writer, &name).len() as u64, next - 1);
}

#[test]
fn the_log_stays_until_the_database_is_synced() {
    let stage = Stage::new(5_000);
    let (name, one) = (host("web-1"), shape(0, 1));
    let mut writer = stage.open();
    stage.memory.lock().is_busy = true;
    for begin in (1..1_500).step_by(100) {
        writer.turn(some(&name, begin, 100, &one)).unwrap();
    }
    assert_eq!(writer.log.oldest(), 1);
    // The power goes: what the database had not synced comes from the log.
    drop(writer);
    {
        let mut double = stage.memory.lock();
        double.now = double.synced.clone();
    }
    let mut writer = stage.open();
    assert_eq!(stage.found(&writer, &name).len(), 1_500);
    stage.memory.lock().is_busy = false;
    writer.turn(vec![]).unwrap();
    assert!(writer.log.oldest() > 1);
    assert_eq!(stage.found(&writer, &name).len(), 1_500);
}

#[test]
fn no_room_closes_windows_so_that_the_log_can_be_cut() {
    let stage = Stage::new(5_000);
    let names: Vec<HostId> = (0..9).map(|at| host(&format!("web-{at}"))).collect();
    let one = shape(0, 1);
    let mut writer = stage.open();
    for begin in (1..120).step_by(20) {
        let all = names.iter().flat_map(|name| some(name, begin, 20, &one)).collect();
        writer.turn(all).unwrap();
    }
    assert!(stage.memory.lock().now.windows.is_empty());
    let before = writer.log.files().bytes();
    set_free(10);
    writer.turn(vec![]).unwrap();
    assert!(writer.log.files().bytes() < before / 2);
    assert_eq!(stage.memory.lock().now.windows.len(), 9);
    for name in &names {
        assert_eq!(stage.found(&writer, name).len(), 120);
    }
}

#[test]
fn a_torn_tail_is_cut_and_sent_again() {
    let stage = Stage::new(1 << 20);
    let (name, two) = (host("web-1"), shape(0, 2));
    let mut writer = stage.open();
    writer.turn(some(&name, 1, 10, &two)).unwrap();
    drop(writer);
    let path = stage.folder.path().join(LOG_FOLDER).join("0000000001.log");
    let whole = fs::read(&path).unwrap();
    for cut in 1..whole.len() - 16 {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        if cut % 2 == 0 {
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            file.write_all(&[0xA5; 3]).unwrap();
        }
        let (mut writer, losses) = stage.start();
        assert_eq!(losses, Vec::<String>::new());
        assert!(stage.found(&writer, &name).len() < 10);
        writer.turn(some(&name, 1, 10, &two)).unwrap();
        assert_eq!(stage.found(&writer, &name).len(), 10, "{cut} bytes cut");
    }
}

#[test]
fn a_damaged_segment_is_said_and_the_others_go_on() {
    let stage = Stage::new(3_000);
    let (name, two) = (host("web-1"), shape(0, 2));
    let mut writer = stage.open();
    for begin in (1..170).step_by(10) {
        writer.turn(some(&name, begin, 10, &two)).unwrap();
    }
    let segments = writer.log.files().segments();
    assert!(segments.len() >= 3);
    drop(writer);
    let path = stage.folder.path().join(LOG_FOLDER).join("0000000002.log");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&path, bytes).unwrap();
    let (writer, losses) = stage.start();
    assert_eq!(losses.len(), 1);
    assert!(losses[0].contains("0000000002"), "{losses:?}");
    assert_eq!(counted(&writer.news.damaged), 1);
    let found = stage.found(&writer, &name).len();
    assert!((100..170).contains(&found), "{found}");
}
