//! The talk's log on good and bad disks.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use systole_common::ids::{DaemonName, SpoolEpoch};
use systole_common::record_log::FaultyDisk;
use systole_common::time::{Mono, Now, UnixMs};
use systole_common::wire::talk::{Delivery, Message};
use tempfile::TempDir;

use super::log::{Opened, TalkLog};
use crate::engine::talk::{Input, Talk};
use crate::limits::{CHAT_SHOWN, SPOOL_SEQUENCE_BLOCK, TALK_LOG_BYTES_MAX};
use crate::shell::spool::SpoolError;

const EPOCH: SpoolEpoch = SpoolEpoch(42);
const T0: Now = Now { mono: Mono(1_000_000_000), wall: UnixMs(1_795_000_000_000) };

fn daemon() -> DaemonName {
    "mon-1".parse().unwrap()
}

/// The talk that goes on with what a log holds.
fn begin(opened: Opened) -> (TalkLog, Talk) {
    let mut talk = Talk::new(T0, opened.left);
    talk.handle(T0, Input::Follow(vec![daemon()]));
    (opened.log, talk)
}

fn open_on(disk: &FaultyDisk, folder: &TempDir) -> Opened {
    TalkLog::open_on(Box::new(disk.clone()), folder.path(), EPOCH).unwrap()
}

fn open(folder: &TempDir) -> (TalkLog, Talk) {
    begin(open_on(&FaultyDisk::new(), folder))
}

fn say(log: &mut TalkLog, talk: &mut Talk, text: &str) -> Result<u64, SpoolError> {
    log.begin(talk)?;
    let said = log.say("web-1".to_owned(), |sequence| Message {
        sequence,
        time: T0.wall,
        user: "alex".to_owned(),
        to: "@web-1".to_owned(),
        text: text.to_owned(),
    })?;
    log.commit()?;
    let sequence = said.message.sequence;
    talk.handle(T0, Input::Said(Arc::new(said.message)));
    Ok(sequence)
}

fn hear(log: &mut TalkLog, talk: &mut Talk, sequence: u64, text: &str) {
    let delivery = Delivery {
        epoch: SpoolEpoch(7),
        sequence,
        id: format!("mon-1-7-{sequence}"),
        time: T0.wall.plus(Duration::from_secs(sequence)),
        from: "bo".to_owned(),
        to: "@web-1".to_owned(),
        thread: None,
        text: text.to_owned(),
    };
    log.begin(talk).unwrap();
    log.receive(&daemon(), &delivery).unwrap();
    log.commit().unwrap();
    let (epoch, sequence) = (delivery.epoch, delivery.sequence);
    talk.handle(T0, Input::Taken { daemon: daemon(), epoch, sequence });
}

fn receipt(talk: &mut Talk, first: u64, last: u64) {
    talk.handle(T0, Input::Receipt { daemon: daemon(), ranges: vec![(first, last)] });
}

fn waiting(talk: &Talk) -> Vec<u64> {
    talk.waiting().map(|message| message.sequence).collect()
}

#[test]
fn what_was_said_and_heard_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, mut talk) = open(&folder);
    for number in 1..=3 {
        let text = format!("text {number}\u{202e}\"\n");
        assert_eq!(say(&mut log, &mut talk, &text).unwrap(), number);
        hear(&mut log, &mut talk, 10 * number, &text);
    }
    receipt(&mut talk, 1, 1);
    log.mark(&talk).unwrap();
    log.commit().unwrap();
    drop(log);
    let opened = open_on(&FaultyDisk::new(), &folder);
    assert!(opened.losses.is_empty());
    let shown: Vec<_> = opened.recent.iter().map(|one| one.id.clone()).collect();
    assert_eq!(
        shown,
        ["web-1-42-1", "mon-1-7-10", "web-1-42-2", "mon-1-7-20", "web-1-42-3", "mon-1-7-30"]
    );
    assert_eq!(opened.recent[0].from, "web-1/alex");
    let (mut log, mut talk) = begin(opened);
    assert_eq!(waiting(&talk), [2, 3]);
    assert_eq!(talk.waiting().next().unwrap().text, "text 2\u{202e}\"\n", "as it was typed");
    assert!(talk.inbox().has(&daemon(), SpoolEpoch(7), 30));
    assert_eq!(say(&mut log, &mut talk, "next").unwrap(), 4, "no sequence is used twice");
    let texts = |since, count| {
        let found = log.received(since, count).unwrap();
        found.iter().map(|one| one.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(texts(None, 2), ["mon-1-7-20", "mon-1-7-30"]);
    assert_eq!(texts(Some(T0.wall.plus(Duration::from_secs(30))), 9), ["mon-1-7-30"]);
}

#[test]
fn offers_count_by_themselves_and_one_that_comes_back_keeps_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, mut talk) = open(&folder);
    say(&mut log, &mut talk, "x").unwrap();
    log.begin(&talk).unwrap();
    assert_eq!((log.offer(None).unwrap(), log.offer(None).unwrap()), (1, 2));
    log.commit().unwrap();
    drop(log);
    let (mut log, talk) = open(&folder);
    log.begin(&talk).unwrap();
    assert_eq!(log.offer(Some((EPOCH, 2))).unwrap(), 2);
    assert_eq!(log.offer(Some((EPOCH, 9))).unwrap(), 3, "one that was never given");
    assert_eq!(log.offer(Some((SpoolEpoch(1), 2))).unwrap(), 4, "one of another spool");
    log.commit().unwrap();
}

#[test]
fn a_full_disk_refuses_and_goes_on_later() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new();
    let (mut log, mut talk) = begin(open_on(&disk, &folder));
    say(&mut log, &mut talk, "one").unwrap();
    disk.set_room_bytes(Some(10));
    for _ in 0..3 {
        let refused = say(&mut log, &mut talk, "two").unwrap_err();
        assert!(matches!(&refused, SpoolError::Log(error) if error.is_full()), "{refused}");
    }
    disk.set_room_bytes(None);
    let sequence = say(&mut log, &mut talk, "three").unwrap();
    drop(log);
    let (_, talk) = begin(open_on(&disk, &folder));
    assert_eq!(waiting(&talk), [1, sequence], "what was refused is not there");
}

#[test]
fn a_damaged_segment_is_set_aside_and_no_sequence_is_used_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, mut talk) = open(&folder);
    for _ in 0..5 {
        say(&mut log, &mut talk, "text").unwrap();
    }
    drop(log);
    let path = folder.path().join("log/0000000001.log");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&path, bytes).unwrap();
    let opened = open_on(&FaultyDisk::new(), &folder);
    assert!(opened.losses.len() == 1 && opened.losses[0].contains("damaged-1"));
    let (mut log, mut talk) = begin(opened);
    let found = waiting(&talk);
    assert!(found.len() < 5 && found.iter().copied().eq(1..=found.len() as u64));
    assert_eq!(say(&mut log, &mut talk, "next").unwrap(), SPOOL_SEQUENCE_BLOCK + 1);
}

#[test]
fn a_failed_fsync_ends_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new();
    let (mut log, mut talk) = begin(open_on(&disk, &folder));
    say(&mut log, &mut talk, "one").unwrap();
    disk.fail_sync(1);
    assert!(say(&mut log, &mut talk, "two").is_err());
    assert!(say(&mut log, &mut talk, "three").is_err());
    drop(log);
    let (mut log, mut talk) = open(&folder);
    let next = say(&mut log, &mut talk, "four").unwrap();
    assert!(next > 2 || !waiting(&talk).contains(&2), "two things never have one sequence");
}

#[test]
fn the_log_stays_small_and_loses_nothing_that_waits() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, mut talk) = open(&folder);
    let text = "x".repeat(4_000);
    for _ in 0..20 {
        say(&mut log, &mut talk, &text).unwrap();
    }
    receipt(&mut talk, 1, 10);
    for sequence in 1..=3_000 {
        hear(&mut log, &mut talk, sequence, &text);
        log.clean(&talk).unwrap();
    }
    let bytes: u64 = fs::read_dir(folder.path().join("log"))
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    assert!(bytes < TALK_LOG_BYTES_MAX + (1 << 20), "{bytes}");
    drop(log);
    let opened = open_on(&FaultyDisk::new(), &folder);
    assert_eq!(opened.recent.len(), CHAT_SHOWN);
    assert!(opened.recent.iter().all(|one| one.from == "bo"), "what is written again is not new");
    let (mut log, mut talk) = begin(opened);
    assert_eq!(waiting(&talk), (11..=20).collect::<Vec<_>>());
    assert!(talk.inbox().has(&daemon(), SpoolEpoch(7), 3_000));
    assert_eq!(say(&mut log, &mut talk, "next").unwrap(), 21);
    let kept = log.received(None, 1_000).unwrap();
    assert!(kept.len() > 800 && kept.last().unwrap().id == "mon-1-7-3000");
}
