//! Spools that are killed, cut, flipped, full and too small, with two daemons that lack different things.

mod losses;

use std::fs;
use std::path::PathBuf;

use systole_common::model::metric::{MetricKind, Unit};
use systole_common::record_log::FaultyDisk;
use tempfile::TempDir;

use super::*;
use crate::limits::SPOOL_SEQUENCE_BLOCK;

const DAY: Duration = Duration::from_hours(24);
const BOUNDS: SpoolBounds = SpoolBounds { bytes: 64 << 20, age: DAY };
const T0: i64 = 1_795_000_000_000;

fn daemon(name: &str) -> DaemonName {
    name.parse().unwrap()
}

/// `count` series; `shape` tells sets of series apart.
fn samples(shape: u64, count: usize) -> Vec<Sample> {
    let instance = |number| format!("/mount-{shape}-{number}");
    let sample = |number: usize| Sample {
        metric: "disk_used_percent",
        instance: instance(number).into(),
        unit: Unit::Percent,
        kind: MetricKind::Gauge,
        value: number as f64 + 0.5,
    };
    (0..count).map(sample).collect()
}

fn open(folder: &TempDir) -> Spool {
    open_with(folder, BOUNDS)
}

/// On a disk whose fsyncs take no time.
fn open_with(folder: &TempDir, bounds: SpoolBounds) -> Spool {
    let disk = Box::new(FaultyDisk::new());
    let (spool, losses) = Spool::open_on(disk, folder.path(), bounds, None).unwrap();
    assert!(losses.is_empty(), "{losses:?}");
    spool
}

/// Appends `count` slots, 5 s apart.
fn fill(spool: &mut Spool, count: u64) {
    for _ in 0..count {
        let next = spool.newest() + 1;
        let slot_ms = T0 + 5_000 * i64::try_from(next).unwrap();
        assert_eq!(spool.append(slot_ms, 5_000, &samples(next % 3, 40)).unwrap(), next);
    }
}

fn kept(spool: &mut Spool) -> Vec<u64> {
    let mut sequences = Vec::new();
    let mut from = 1;
    loop {
        let slots = spool.read(from, 100, 1 << 20).unwrap();
        let Some(last) = slots.last() else { return sequences };
        from = last.sequence + 1;
        sequences.extend(slots.iter().map(|slot| slot.sequence));
    }
}

fn segment(folder: &TempDir, number: u64) -> PathBuf {
    folder.path().join(format!("log/{number:010}.log"))
}

#[test]
fn the_epoch_is_made_once_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/spool");
    let first = Spool::open(&path, BOUNDS, None).unwrap().0;
    let epoch = first.epoch();
    assert_ne!(epoch, SpoolEpoch(0));
    drop(first);
    assert_eq!(Spool::open(&path, BOUNDS, None).unwrap().0.epoch(), epoch);
    let mut names: Vec<_> =
        fs::read_dir(&path).unwrap().map(|one| one.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["epoch", "lock", "log", "sequence"], "nothing half-made stays");
    fs::remove_dir_all(&path).unwrap();
    assert_ne!(Spool::open(&path, BOUNDS, None).unwrap().0.epoch(), epoch);
}

#[test]
fn slots_come_back_as_they_were_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(&folder);
    assert_eq!((spool.newest(), spool.oldest()), (0, 1));
    fill(&mut spool, 2_500);
    let before = spool.read(7, 3, 1 << 20).unwrap();
    drop(spool);
    let mut spool = open(&folder);
    assert_eq!((spool.newest(), spool.oldest(), kept(&mut spool).len()), (2_500, 1, 2_500));
    assert_eq!(spool.read(7, 3, 1 << 20).unwrap(), before);
    let slot = &before[0];
    let wanted = samples(1, 40);
    let values: Vec<_> = wanted.iter().map(|sample| sample.value).collect();
    assert_eq!((slot.sequence, slot.slot_ms, slot.interval_ms), (7, T0 + 35_000, 5_000));
    assert_eq!((slot.shape.is_of(&wanted), &slot.values), (true, &values));
    fill(&mut spool, 3);
    assert_eq!(spool.newest(), 2_503, "no sequence is left out after a kill");
}

#[test]
fn reading_stops_at_its_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(&folder);
    fill(&mut spool, 50);
    let count = |slots: Vec<SpooledSlot>| slots.len();
    assert_eq!(count(spool.read(1, 0, 1_000).unwrap()), 0);
    assert_eq!(count(spool.read(1, 10, 1 << 20).unwrap()), 10);
    assert_eq!(count(spool.read(1, 50, 1).unwrap()), 1);
    assert_eq!(count(spool.read(1, 50, 344 * 5).unwrap()), 5);
    assert_eq!(count(spool.read(45, 50, 1 << 20).unwrap()), 6);
    assert_eq!(count(spool.read(51, 50, 1 << 20).unwrap()), 0);
}

#[test]
fn a_log_cut_at_any_length_uses_no_sequence_twice() {
    let source = tempfile::tempdir().unwrap();
    let mut spool = open(&source);
    for sequence in 1..=4 {
        spool.append(T0 + sequence, 5_000, &samples(0, 1)).unwrap();
    }
    drop(spool);
    let bytes = fs::read(segment(&source, 1)).unwrap();
    for length in 0..bytes.len() {
        fs::write(segment(&source, 1), &bytes[..length]).unwrap();
        let sequences = fs::read(source.path().join("sequence")).unwrap();
        let (mut spool, _) = Spool::open(source.path(), BOUNDS, None).unwrap();
        let found = kept(&mut spool);
        assert!(found.iter().copied().eq(1..=found.len() as u64), "cut at {length}");
        let next = spool.append(T0 + 9, 5_000, &samples(0, 1)).unwrap();
        // A cut between two records is not seen; one at a time is written, so it is none of theirs.
        assert!(next > 4 || next == found.len() as u64 + 1, "cut at {length}: {next}");
        assert_eq!(kept(&mut spool), found.into_iter().chain([next]).collect::<Vec<_>>());
        drop(spool);
        fs::write(source.path().join("sequence"), sequences).unwrap();
        let _ = fs::remove_file(segment(&source, 2));
    }
}

#[test]
fn flipped_bytes_and_other_versions_cost_what_they_hit_and_are_said() {
    let source = tempfile::tempdir().unwrap();
    let mut spool = open(&source);
    for sequence in 1..=3 {
        spool.append(T0 + sequence, 5_000, &samples(0, 1)).unwrap();
    }
    drop(spool);
    let bytes = fs::read(segment(&source, 1)).unwrap();
    let sequences = fs::read(source.path().join("sequence")).unwrap();
    for at in 0..bytes.len() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["epoch", "sequence"] {
            fs::copy(source.path().join(name), folder.path().join(name)).unwrap();
        }
        fs::create_dir(folder.path().join("log")).unwrap();
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x40;
        fs::write(segment(&folder, 1), flipped).unwrap();
        let (mut spool, losses) = Spool::open(folder.path(), BOUNDS, None).unwrap();
        assert_eq!(losses.len(), 1, "byte {at}: {losses:?}");
        assert_eq!(spool.newest(), SPOOL_SEQUENCE_BLOCK, "what was used is not known: byte {at}");
        fill(&mut spool, 1);
        assert_eq!(kept(&mut spool).last(), Some(&(SPOOL_SEQUENCE_BLOCK + 1)));
    }
    for (at, damaged) in [(0, false), (512, false), (9, true)] {
        let mut bytes = sequences.clone();
        bytes[at] ^= 1;
        if damaged {
            bytes[512 + at] ^= 1;
        }
        fs::write(source.path().join("sequence"), &bytes).unwrap();
        let opened = Spool::open(source.path(), BOUNDS, None);
        assert_eq!(matches!(opened, Err(SpoolError::Damaged { .. })), damaged, "byte {at}");
        assert!(damaged || opened.unwrap().0.newest() == 3);
    }
}

#[test]
fn a_full_disk_keeps_the_newest_in_memory_and_writes_them_later() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new();
    let on_disk = || Spool::open_on(Box::new(disk.clone()), folder.path(), BOUNDS, None).unwrap().0;
    let mut spool = on_disk();
    spool.follow(&[daemon("mon-1")]);
    fill(&mut spool, 10);
    disk.set_room_bytes(Some(1_000));
    fill(&mut spool, 300);
    let written = kept(&mut spool);
    assert_eq!(written.len(), 10 + SPOOL_TAIL_SLOTS_MAX + (written[10..].len() - 256));
    assert_eq!(written.last(), Some(&310));
    let on_the_disk = written.len() - SPOOL_TAIL_SLOTS_MAX;
    assert!((10..=12).contains(&on_the_disk), "{on_the_disk}");
    disk.set_room_bytes(None);
    fill(&mut spool, 1);
    drop(spool);
    let mut spool = on_disk();
    assert_eq!((spool.newest(), kept(&mut spool).len()), (311, on_the_disk + 257));

    disk.set_room_bytes(Some(0));
    fill(&mut spool, 5);
    assert_eq!(spool.newest(), 316);
    drop(spool);
    let mut spool = on_disk();
    assert_eq!(spool.newest(), SPOOL_SEQUENCE_BLOCK, "five went out that the disk never had");
    disk.set_room_bytes(None);
    fill(&mut spool, 1);
    drop(spool);
    assert_eq!(on_disk().newest(), SPOOL_SEQUENCE_BLOCK + 1, "and then it goes on as ever");
}

#[test]
fn a_failed_fsync_ends_the_spool_and_uses_no_sequence_twice() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new();
    let opened = Spool::open_on(Box::new(disk.clone()), folder.path(), BOUNDS, None);
    let mut spool = opened.unwrap().0;
    fill(&mut spool, 3);
    disk.fail_sync(1);
    assert!(matches!(spool.append(T0, 5_000, &samples(0, 1)), Err(SpoolError::Log(_))));
    assert!(spool.append(T0, 5_000, &samples(0, 1)).is_err());
    assert_eq!(spool.newest(), 3);
    drop(spool);
    let mut spool = open(&folder);
    let (newest, found) = (spool.newest(), kept(&mut spool));
    assert_eq!(found.last(), Some(&newest));
    fill(&mut spool, 1);
}

#[test]
fn blocks_are_reserved_ahead_of_use() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(&folder);
    for sequence in 1..=SPOOL_SEQUENCE_BLOCK / 2 + 10 {
        assert_eq!(spool.append(T0, 5_000, &[]).unwrap(), sequence);
    }
    let reserved = fs::read(folder.path().join("sequence")).unwrap();
    let reserved = u64::from_le_bytes(*reserved.first_chunk().unwrap());
    assert_eq!(reserved, 2 * SPOOL_SEQUENCE_BLOCK);
}

#[test]
fn the_oldest_go_when_there_is_no_room_and_each_daemon_is_told_what_it_lost() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = SpoolBounds { bytes: 1 << 20, age: DAY };
    let mut spool = open_with(&folder, bounds);
    let (one, other) = (daemon("mon-1"), daemon("mon-2"));
    spool.follow(&[one.clone(), other.clone()]);
    fill(&mut spool, 500);
    spool.receipt(&one, &[(1, 100), (201, 500)]);
    spool.receipt(&other, &[(401, 500)]);
    fill(&mut spool, 4_000);
    assert!(spool.status().bytes <= 1 << 20, "{}", spool.status().bytes);
    let oldest = spool.oldest();
    assert!(oldest > 1_500 && kept(&mut spool) == (oldest..=4_500).collect::<Vec<_>>());
    assert_eq!(spool.dropped(&one), oldest - 1 - 400);
    assert_eq!(spool.dropped(&other), oldest - 1 - 100);
    assert_eq!(spool.status().dropped, spool.dropped(&other));
    assert_eq!(spool.dropped(&daemon("new")), 0);
    spool.follow(&[one.clone(), daemon("new")]);
    assert_eq!(spool.dropped(&daemon("new")), 0, "what was before it is not owed to it");
    assert!(spool.received(&other).is_empty());
}

#[test]
fn the_oldest_go_when_they_are_too_old() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = SpoolBounds { age: Duration::from_hours(1), ..BOUNDS };
    let mut spool = open_with(&folder, bounds);
    spool.follow(&[daemon("mon-1")]);
    fill(&mut spool, 5_000);
    let oldest = spool.oldest();
    assert!((2_800..=4_280).contains(&oldest), "an hour is 720 slots, a file about 730: {oldest}");
    assert_eq!(spool.dropped(&daemon("mon-1")), oldest - 1);
}

#[test]
fn what_every_daemon_has_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(&folder);
    let (one, other) = (daemon("mon-1"), daemon("mon-2"));
    spool.follow(&[one.clone(), other.clone()]);
    fill(&mut spool, 3_000);
    let bytes = spool.status().bytes;
    spool.receipt(&one, &[(1, 3_000)]);
    assert_eq!(spool.status().bytes, bytes, "the other still needs them");
    spool.receipt(&other, &[(1, 1_500), (1_600, u64::MAX)]);
    let oldest = spool.oldest();
    assert!(oldest > 1 && oldest <= 1_501, "{oldest}");
    assert_eq!(spool.received(&other).ranges(), [(1, 1_500), (1_600, 3_000)]);
    spool.receipt(&other, &[(1_501, 1_599)]);
    assert!(spool.status().bytes < (1 << 18) + 20_000, "the newest file stays");
    assert_eq!((spool.dropped(&one), spool.dropped(&other), spool.newest()), (0, 0, 3_000));
    drop(spool);
    assert_eq!(open(&folder).newest(), 3_000);
}

#[test]
fn cursors_are_kept_over_restarts_and_damage_costs_only_sending_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(&folder);
    let (one, other) = (daemon("mon-1"), daemon("mon-2"));
    spool.follow(&[one.clone(), other.clone()]);
    fill(&mut spool, 100);
    spool.receipt(&one, &[(1, 40), (50, 100)]);
    spool.receipt(&other, &[(7, 7)]);
    spool.receipt(&daemon("stranger"), &[(1, 100)]);
    spool.save();
    drop(spool);
    let spool = open(&folder);
    assert_eq!(spool.received(&one).ranges(), [(1, 40), (50, 100)]);
    assert_eq!(spool.received(&other).ranges(), [(7, 7)]);
    assert!(spool.received(&daemon("stranger")).is_empty());
    drop(spool);
    let path = folder.path().join("cursors");
    let bytes = fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        fs::write(&path, flipped).unwrap();
        let (spool, losses) = Spool::open(folder.path(), BOUNDS, None).unwrap();
        assert!(losses.len() == 1 && losses[0].contains("sent to them again"), "byte {at}");
        assert!(spool.received(&one).is_empty(), "byte {at}");
    }
}

#[test]
fn ranges_of_a_daemon_stay_few() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(&folder);
    let one = daemon("mon-1");
    spool.follow(std::slice::from_ref(&one));
    fill(&mut spool, 3_000);
    for sequence in (1..=3_000).step_by(2) {
        spool.receipt(&one, &[(sequence, sequence)]);
    }
    assert_eq!(spool.received(&one).len(), 1_024);
    spool.receipt(&one, &[(1, 3_000)]);
    assert_eq!(spool.received(&one).ranges(), [(1, 3_000)]);
    assert_eq!(spool.dropped(&one), 0);
}

#[test]
fn the_ledger_has_a_line_for_each_slot_and_each_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let at = folder.path().join("spool");
    let disk = FaultyDisk::new();
    let on_disk =
        || Spool::open_on(Box::new(disk.clone()), &at, BOUNDS, Some(path.as_path())).unwrap().0;
    let mut spool = on_disk();
    spool.follow(&[daemon("mon-1")]);
    spool.append(T0, 5_000, &samples(0, 3)).unwrap();
    disk.set_room_bytes(Some(0));
    spool.append(T0 + 5_000, 5_000, &samples(0, 3)).unwrap();
    let epoch = format!("{:016x}", spool.epoch().0);
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("spooled {epoch} 1 {T0} 3\n"));
    disk.set_room_bytes(None);
    spool.append(T0 + 10_000, 5_000, &samples(0, 2)).unwrap();
    spool.receipt(&daemon("mon-1"), &[(1, 2)]);
    spool.receipt(&daemon("mon-1"), &[(1, 2)]);
    drop(spool);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert_eq!(lines[2], format!("spooled {epoch} 3 {} 2", T0 + 10_000));
    assert_eq!(lines[3], format!("received mon-1 {epoch} 1 2"));
    fs::write(&path, format!("{text}spooled {epoch} 4")).unwrap();
    drop(on_disk());
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "half a line goes");
}
