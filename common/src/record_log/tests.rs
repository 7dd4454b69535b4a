//! Logs that are cut, flipped, foreign, full and failing.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

const TAG: Tag = *b"test";
type Kept = Vec<(u64, u8, Vec<u8>)>;

fn open(folder: &Path, segment_bytes: u64) -> (Log, Kept, u64, Vec<String>) {
    let (log, replay) = Log::open(folder, TAG, segment_bytes).unwrap();
    let (torn_bytes, losses) = (replay.torn_bytes, replay.losses.clone());
    (log, all(replay.records), torn_bytes, losses)
}

fn all(mut records: Records) -> Kept {
    let mut kept = Vec::new();
    while let Some(record) = records.next_record().unwrap() {
        kept.push((record.segment, record.kind, record.payload.to_vec()));
    }
    kept
}

fn file(folder: &Path, number: u64) -> PathBuf {
    folder.join(segment::file_name(number))
}

/// A log of one segment with these payloads, one batch each, and where each ends.
fn one_segment(folder: &Path, payloads: &[&[u8]]) -> Vec<u64> {
    let (mut log, ..) = open(folder, 1 << 20);
    let mut ends = Vec::new();
    for (kind, payload) in payloads.iter().enumerate() {
        log.append(u8::try_from(kind).unwrap(), payload).unwrap();
        log.flush().unwrap();
        ends.push(log.bytes());
    }
    ends
}

const PAYLOADS: [&[u8]; 4] = [b"first", b"", b"third one", b"x"];

#[test]
fn what_was_flushed_is_there_after_any_stop() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, kept, ..) = open(&folder.path().join("a/log"), 1 << 20);
    assert!(kept.is_empty());
    assert_eq!(log.append(7, b"one").unwrap(), 1);
    log.flush().unwrap();
    log.append(8, b"never flushed").unwrap();
    drop(log);
    let (log, kept, torn_bytes, losses) = open(&folder.path().join("a/log"), 1 << 20);
    assert_eq!(kept, [(1, 7, b"one".to_vec())]);
    assert_eq!((torn_bytes, losses.len(), log.segment()), (0, 0, 1));
}

#[test]
fn a_tail_cut_at_any_length_loses_only_what_was_cut() {
    let source = tempfile::tempdir().unwrap();
    let ends = one_segment(source.path(), &PAYLOADS);
    let bytes = fs::read(file(source.path(), 1)).unwrap();
    for length in 0..=bytes.len() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(file(folder.path(), 1), &bytes[..length]).unwrap();
        let (mut log, kept, torn_bytes, losses) = open(folder.path(), 1 << 20);
        let whole = ends.iter().filter(|end| **end <= length as u64).count();
        let good = if length < 16 { 0 } else { whole.checked_sub(1).map_or(16, |at| ends[at]) };
        assert_eq!(kept.len(), whole, "cut at {length}");
        assert_eq!((torn_bytes, losses), (length as u64 - good, vec![]), "cut at {length}");
        assert_eq!(log.append(9, b"after").unwrap(), 1);
        log.flush().unwrap();
        drop(log);
        let (_, kept, torn_bytes, losses) = open(folder.path(), 1 << 20);
        assert_eq!(kept.len(), whole + 1, "cut at {length}");
        assert_eq!(kept.last().unwrap().2, b"after");
        assert_eq!((torn_bytes, losses.len()), (0, 0));
    }
}

#[test]
fn a_flipped_byte_is_noticed_wherever_it_is() {
    let source = tempfile::tempdir().unwrap();
    let ends = one_segment(source.path(), &PAYLOADS);
    let bytes = fs::read(file(source.path(), 1)).unwrap();
    for at in 0..bytes.len() {
        let folder = tempfile::tempdir().unwrap();
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        fs::write(file(folder.path(), 1), &flipped).unwrap();
        let (mut log, kept, torn_bytes, losses) = open(folder.path(), 1 << 20);
        let before = if at < 16 { 0 } else { ends.iter().filter(|end| **end <= at as u64).count() };
        if at < 16 {
            assert_eq!((kept.len(), losses.len()), (0, 1), "byte {at}");
        } else {
            let is_last_record = before == PAYLOADS.len() - 1;
            assert_eq!(kept.len(), before, "byte {at}");
            assert_eq!((torn_bytes > 0, losses.is_empty()), (is_last_record, is_last_record));
        }
        if losses.is_empty() {
            continue;
        }
        let aside = folder.path().join("0000000001.damaged-1");
        assert_eq!(fs::read(&aside).unwrap(), flipped, "set aside as it was");
        assert!(losses[0].contains("0000000001.damaged-1") && losses[0].contains("bytes of it"));
        assert_eq!(log.append(1, b"new").unwrap(), 2, "nothing is written behind damage");
        log.flush().unwrap();
        drop(log);
        let (_, kept, torn_bytes, losses) = open(folder.path(), 1 << 20);
        assert_eq!((kept.len(), torn_bytes, losses.len()), (before + 1, 0, 0), "byte {at}");
    }
}

#[test]
fn damage_in_the_middle_leaves_the_other_segments_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, ..) = open(folder.path(), 40);
    for payload in [b"payload 1", b"payload 2", b"payload 3", b"payload 4"] {
        log.append(1, payload).unwrap();
        log.flush().unwrap();
    }
    assert_eq!((log.segment(), log.upcoming_segment()), (2, 3), "two records make 52 bytes");
    drop(log);
    let path = file(folder.path(), 1);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let (_, kept, torn_bytes, losses) = open(folder.path(), 40);
    let texts: Vec<_> = kept.iter().map(|record| record.2[8]).collect();
    assert_eq!((texts.as_slice(), torn_bytes, losses.len()), (&b"134"[..], 0, 1));
    assert!(losses[0].contains("15 bytes"), "{}", losses[0]);
}

#[test]
fn other_versions_other_logs_and_other_files_are_not_read() {
    for (at, byte, word) in [(8, 2, "version"), (10, b'x', "another log"), (0, 0, "begin")] {
        let folder = tempfile::tempdir().unwrap();
        one_segment(folder.path(), &PAYLOADS);
        let mut bytes = fs::read(file(folder.path(), 1)).unwrap();
        bytes[at] = byte;
        fs::write(file(folder.path(), 1), &bytes).unwrap();
        let (log, kept, torn_bytes, losses) = open(folder.path(), 1 << 20);
        assert_eq!((kept.len(), torn_bytes, log.segment()), (0, 0, 2));
        assert!(losses[0].contains(word), "{}", losses[0]);
        assert_eq!(fs::read(folder.path().join("0000000001.damaged-1")).unwrap(), bytes);
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["readme", "1.log", "0000000001.log.bak", "00000000xx.log"] {
        fs::write(folder.path().join(name), "mine").unwrap();
    }
    let (_, kept, _, losses) = open(folder.path(), 1 << 20);
    assert!(kept.is_empty() && losses.is_empty());
}

#[test]
fn zeros_that_a_power_cut_left_are_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let ends = one_segment(folder.path(), &PAYLOADS);
    let mut bytes = fs::read(file(folder.path(), 1)).unwrap();
    bytes.resize(bytes.len() + 10_000, 0);
    fs::write(file(folder.path(), 1), &bytes).unwrap();
    fs::write(file(folder.path(), 2), [0; 4_096]).unwrap();
    let (_, kept, torn_bytes, losses) = open(folder.path(), 1 << 20);
    assert_eq!((kept.len(), torn_bytes, losses.len()), (4, 4_096, 1), "one is not the last");
    assert_eq!(fs::metadata(file(folder.path(), 1)).unwrap().len(), ends[3]);
}

#[test]
fn a_huge_claimed_length_takes_no_memory() {
    for claimed in [(1 << 20) + 1, u32::MAX] {
        let folder = tempfile::tempdir().unwrap();
        one_segment(folder.path(), &PAYLOADS);
        let mut bytes = fs::read(file(folder.path(), 1)).unwrap();
        bytes.extend_from_slice(&claimed.to_le_bytes());
        bytes.resize(bytes.len() + 50, 7);
        fs::write(file(folder.path(), 1), &bytes).unwrap();
        let (_, kept, torn_bytes, losses) = open(folder.path(), 1 << 20);
        assert_eq!((kept.len(), torn_bytes, losses.len()), (4, 54, 0));
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut log, ..) = open(folder.path(), 1 << 20);
    let long = vec![0; RECORD_BYTES_MAX + 1];
    assert!(matches!(log.append(0, &long), Err(LogError::TooLong { .. })));
    log.append(0, &long[1..]).unwrap();
    log.flush().unwrap();
    assert_eq!(open(folder.path(), 1 << 20).1.len(), 1);
}

#[test]
fn a_full_disk_loses_the_batch_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new();
    let (mut log, _) = Log::open_on(Box::new(disk.clone()), folder.path(), TAG, 1 << 20).unwrap();
    assert_eq!(log.append(0, b"kept").unwrap(), 1);
    log.flush().unwrap();
    for room in 0..40 {
        disk.set_room_bytes(Some(room));
        let number = log.append(0, &[7; 40]).unwrap();
        assert!(log.flush().unwrap_err().is_full());
        assert!(log.segment() > number, "what it referred to is written again");
        assert_eq!(log.segments(), [(1, 16 + 9 + 4)]);
    }
    assert_eq!(fs::metadata(file(folder.path(), 1)).unwrap().len(), 16 + 9 + 4);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half-made stays");
    disk.set_room_bytes(None);
    log.append(0, b"again").unwrap();
    log.flush().unwrap();
    assert_eq!(all(log.read(0)).len(), 2);
    drop(log);
    let (_, kept, torn_bytes, losses) = open(folder.path(), 1 << 20);
    assert_eq!((kept.len(), torn_bytes, losses.len()), (2, 0, 0));
}

#[test]
fn a_failed_fsync_is_never_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new();
    let (mut log, _) = Log::open_on(Box::new(disk.clone()), folder.path(), TAG, 1 << 20).unwrap();
    log.append(0, b"kept").unwrap();
    log.flush().unwrap();
    disk.fail_sync(1);
    log.append(0, b"who knows").unwrap();
    assert!(matches!(log.flush(), Err(LogError::Failed { .. })));
    let syncs = disk.syncs();
    assert!(matches!(log.flush(), Err(LogError::Stopped { .. })));
    assert!(matches!(log.append(0, b"more"), Err(LogError::Stopped { .. })));
    assert_eq!(disk.syncs(), syncs);
}

/// After a failed fsync the kernel calls a page written that is not: what it shows may be in memory
/// alone. Only what is written anew, and synced, may be used.
#[test]
fn what_is_replayed_is_on_the_disk_even_after_a_failed_fsync() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new();
    let again = || Log::open_on(Box::new(disk.clone()), folder.path(), TAG, 40);
    let (mut log, _) = again().unwrap();
    assert_eq!((disk.syncs(), disk.folder_syncs()), (0, 0), "nothing is there to be synced");
    for payload in [b"one", b"two", b"six"] {
        log.append(1, payload).unwrap();
        log.flush().unwrap();
    }
    disk.fail_sync(1);
    log.append(1, b"who knows").unwrap();
    assert!(matches!(log.flush(), Err(LogError::Failed { .. })));
    drop(log);

    let (syncs, folder_syncs) = (disk.syncs(), disk.folder_syncs());
    let (log, replay) = again().unwrap();
    assert_eq!((all(replay.records).len(), log.segments().len()), (4, 2));
    assert_eq!((disk.syncs() - syncs, disk.folder_syncs() - folder_syncs), (1, 1), "the last one");
    let whole = fs::read(file(folder.path(), 2)).unwrap();

    // Nothing of a log may be used whose end the disk does not take; it is not tried again.
    disk.fail_sync(1);
    let syncs = disk.syncs();
    assert!(matches!(again(), Err(LogError::Failed { .. })));
    assert_eq!(disk.syncs() - syncs, 1);
    assert_eq!(fs::read(file(folder.path(), 2)).unwrap(), whole);

    // A torn end is cut first. A full disk is no obstacle: nothing becomes longer.
    fs::write(file(folder.path(), 2), &whole[..whole.len() - 2]).unwrap();
    disk.set_room_bytes(Some(0));
    let syncs = disk.syncs();
    let (_, replay) = again().unwrap();
    assert_eq!((all(replay.records).len(), disk.syncs() - syncs), (3, 1));
}

#[test]
fn a_long_segment_is_written_again_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, ..) = open(folder.path(), 8 << 20);
    for kind in 0..5 {
        log.append(kind, &vec![kind; 700_000]).unwrap();
        log.flush().unwrap();
    }
    drop(log);
    let whole = fs::read(file(folder.path(), 1)).unwrap();
    let (_, kept, ..) = open(folder.path(), 8 << 20);
    assert_eq!(kept.len(), 5);
    assert_eq!(fs::read(file(folder.path(), 1)).unwrap(), whole);
}

#[test]
fn one_batch_is_one_fsync_in_one_segment() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new();
    let (mut log, _) = Log::open_on(Box::new(disk.clone()), folder.path(), TAG, 100).unwrap();
    let numbers: Vec<_> = (0..50).map(|kind| log.append(kind, &[1; 10]).unwrap()).collect();
    log.flush().unwrap();
    log.flush().unwrap();
    assert_eq!((disk.syncs(), numbers.last().copied()), (1, Some(1)));
    assert_eq!(log.append(0, b"next").unwrap(), 2);
}

#[test]
fn old_segments_go_and_the_current_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, ..) = open(folder.path(), 20);
    for number in 1..=5 {
        assert_eq!(log.upcoming_segment(), number);
        assert_eq!(log.append(0, b"one each").unwrap(), number);
        log.flush().unwrap();
    }
    assert_eq!(log.bytes(), 5 * 33);
    assert_eq!(all(log.read(4)).iter().map(|one| one.0).collect::<Vec<_>>(), [4, 5]);
    assert_eq!(log.delete_before(3).unwrap(), 2 * 33);
    drop(log);
    let (mut log, kept, ..) = open(folder.path(), 50);
    assert_eq!(kept.iter().map(|one| one.0).collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!((log.delete_before(99).unwrap(), log.segments()), (2 * 33, vec![(5, 33)]));
    assert_eq!(log.append(0, b"goes on in 5").unwrap(), 5);
    log.flush().unwrap();
    assert_eq!(log.append(0, b"and then in 6").unwrap(), 6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_are_opened_without_harm(
        bytes in prop::collection::vec(any::<u8>(), 0..400), at in 0usize..120,
        begins_well in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        one_segment(folder.path(), &PAYLOADS);
        let mut whole = fs::read(file(folder.path(), 1)).unwrap();
        whole.truncate(if begins_well { at } else { 0 });
        whole.extend(bytes);
        fs::write(file(folder.path(), 1), whole).unwrap();
        let (mut log, kept, ..) = open(folder.path(), 1 << 20);
        log.append(3, b"after").unwrap();
        log.flush().unwrap();
        drop(log);
        let (_, again, torn_bytes, losses) = open(folder.path(), 1 << 20);
        prop_assert_eq!((again.len(), torn_bytes, losses.len()), (kept.len() + 1, 0, 0));
    }
}
