//! The delivery in virtual time, against a daemon that takes, loses, refuses or stays silent.

mod anything;
mod rig;

use super::*;
use crate::limits::{IN_FLIGHT_FIRST, IN_FLIGHT_MIN, RECEIPT_WAIT_MAX};
use rig::{EPOCH, Rig, S, name};

#[test]
fn a_link_that_comes_back_gets_exactly_what_is_missing() {
    let mut rig = Rig::new(1, 0);
    rig.up(1);
    rig.receipt();
    for _ in 0..10 {
        rig.spool();
        rig.pass(5);
    }
    rig.down();
    for _ in 0..120 {
        rig.spool();
        rig.pass(5);
    }
    assert_eq!(rig.came.len(), 10);
    assert!(rig.opened.is_empty());
    assert_eq!((rig.cursor().received_up_to, rig.cursor().waiting), (10, 120));
    rig.up(2);
    rig.receipt();
    rig.spool();
    rig.pass(5);
    let mut came = rig.came.clone();
    came.sort_unstable();
    assert_eq!(came, (1..=131).collect::<Vec<_>>(), "nothing missing, nothing twice");
    assert_eq!(rig.recorded.ranges(), [(1, 131)]);
    assert_eq!((rig.cursor().received_up_to, rig.cursor().waiting), (131, 0));
    rig.pass(20);
    assert_eq!((rig.opened.len(), rig.closed), (1, 1), "an idle bulk connection is closed");
}

#[test]
fn a_daemon_that_does_not_say_what_it_has_gets_all_after_a_moment() {
    let mut rig = Rig::new(5, 30);
    rig.receipts = false;
    rig.up(1);
    rig.pass(1);
    assert!(rig.came.is_empty());
    rig.pass(1);
    assert_eq!(rig.came, (5..=30).collect::<Vec<_>>());
    assert_eq!(rig.declared.ranges(), [(1, 4)]);
}

#[test]
fn a_lost_live_slot_or_receipt_is_repaired_by_backfill() {
    let mut rig = Rig::new(1, 0);
    rig.up(1);
    rig.receipt();
    rig.loses_live = true;
    rig.spool();
    rig.loses_live = false;
    rig.spool();
    rig.pass(9);
    assert_eq!(rig.came, [2]);
    rig.pass(2);
    assert_eq!(rig.came, [2, 1]);
    rig.receipts = false;
    rig.spool();
    rig.pass(11);
    assert_eq!(rig.came, [2, 1, 3, 3], "its receipt got lost, so it comes again");
    rig.receipt();
    rig.pass(100);
    assert_eq!(rig.came.len(), 4);
}

#[test]
fn a_daemon_that_never_confirms_gets_little_and_ever_more_seldom() {
    let mut rig = Rig::new(1, 5000);
    rig.receipts = false;
    rig.up(1);
    rig.pass(3);
    assert_eq!(rig.came.len() as u64, IN_FLIGHT_FIRST);
    rig.pass(600);
    rig.came.clear();
    rig.pass(600);
    let rounds = 600 / RECEIPT_WAIT_MAX.as_secs() + 1;
    assert!(rig.came.len() as u64 <= rounds * IN_FLIGHT_MIN, "{}", rig.came.len());
    assert_eq!(rig.opened.len(), 1);
    rig.receipts = true;
    rig.pass(40 + RECEIPT_WAIT_MAX.as_secs());
    assert_eq!(rig.recorded.ranges(), [(1, 5000)], "caught up once it confirms");
}

#[test]
fn no_more_than_2048_slots_are_under_way() {
    let mut rig = Rig::new(1, 100_000);
    rig.up(1);
    let mut before = 0;
    for _ in 0..60 {
        rig.pass(1);
        assert!(rig.came.len() - before <= 2048);
        before = rig.came.len();
    }
    assert_eq!(rig.came.len(), 100_000);
    assert_eq!(rig.recorded.ranges(), [(1, 100_000)]);
}

#[test]
fn a_refused_bulk_connection_backs_off_and_live_goes_on() {
    let mut rig = Rig::new(1, 10);
    rig.refuses = Some(Duration::from_secs(30));
    rig.up(1);
    rig.pass(95);
    let gaps: Vec<u64> = rig.opened.windows(2).map(|pair| (pair[1] - pair[0]) / S).collect();
    assert_eq!(gaps, [30, 30, 30]);
    rig.spool();
    assert_eq!(rig.came, [11]);
    rig.refuses = Some(Duration::ZERO);
    rig.opened.clear();
    rig.pass(600);
    assert!((20..60).contains(&rig.opened.len()), "{}", rig.opened.len());
    rig.refuses = None;
    rig.pass(40);
    assert_eq!(rig.recorded.ranges(), [(1, 11)]);
}

#[test]
fn what_the_spool_lost_is_declared_on_each_connection_and_never_waited_for() {
    let mut rig = Rig::new(1, 100);
    rig.receipts = false;
    rig.kept.oldest = 41;
    rig.missing_on_disk.insert(60, 69);
    rig.up(1);
    rig.spool();
    rig.pass(3);
    assert_eq!(rig.declared.ranges(), [(1, 40), (60, 69)]);
    assert_eq!(rig.cursor().waiting, 51, "nothing of what is lost");
    rig.declared = RangeSet::new();
    rig.pass(5);
    assert!(rig.declared.is_empty());
    rig.down();
    rig.up(2);
    rig.receipt_of(EPOCH, vec![(1, 40)]);
    assert_eq!(rig.declared.ranges(), [(60, 69)], "the daemon knows of the others");
    rig.kept.newest += 4000;
    rig.spool();
    assert_eq!(rig.declared.ranges(), [(60, 69), (102, 4101)], "reserved and never used");
}

#[test]
fn a_declaration_without_a_receipt_is_made_again_ever_more_seldom() {
    let mut rig = Rig::new(41, 100);
    rig.loses_declarations = true;
    rig.up(1);
    rig.pass(200);
    let gaps: Vec<u64> = rig.declared_at.windows(2).map(|pair| (pair[1] - pair[0]) / S).collect();
    assert_eq!(gaps, [10, 20, 40, 60, 60]);
    rig.loses_declarations = false;
    rig.pass(60);
    assert_eq!(rig.recorded.ranges(), [(1, 100)]);
    rig.declared_at.clear();
    rig.pass(200);
    assert!(rig.declared_at.is_empty(), "it is confirmed");
    rig.kept.oldest = 101;
    rig.missing_on_disk.insert(101, 101);
    (rig.loses_live, rig.loses_declarations) = (true, true);
    rig.spool();
    rig.pass(30);
    let gaps: Vec<u64> = rig.declared_at.windows(2).map(|pair| (pair[1] - pair[0]) / S).collect();
    assert_eq!(gaps, [10], "the next one is not waited for longer");
}

#[test]
fn a_receipt_beyond_the_newest_slot_pushes_the_next_sequence_beyond_it() {
    let mut rig = Rig::new(1, 10);
    rig.up(1);
    rig.receipt_of(EPOCH, vec![(1, 8), (10, 500), (510, 600)]);
    assert_eq!(rig.skipped_to, 600, "the folder is an older copy of itself");
    assert_eq!(rig.recorded.ranges(), [(1, 8), (10, 500), (510, 600)]);
    rig.spool();
    assert_eq!(rig.came, [9, 601]);
    assert_eq!(rig.declared.ranges(), [(501, 509)]);
    rig.skipped_to = 0;
    rig.receipt_of(EPOCH, vec![(1, 601)]);
    rig.receipt_of(EPOCH, vec![(602, u64::MAX)]);
    assert_eq!(rig.skipped_to, 0, "as many are never made");
}

#[test]
fn a_full_stream_is_followed_by_a_fresh_one_once_all_of_it_is_confirmed() {
    let mut rig = Rig::new(1, 35);
    rig.stream_slots = 10;
    rig.up(1);
    let mut came = Vec::new();
    for _ in 0..4 {
        rig.pass(1);
        came.push(rig.came.len());
    }
    assert_eq!(came, [10, 20, 30, 35]);
    assert_eq!(rig.opened.len(), 1, "on the same connection");
}

#[test]
fn many_losses_are_declared_in_frames_that_may_be_sent() {
    let mut rig = Rig::new(1000, 1000);
    rig.up(1);
    rig.receipt_of(EPOCH, (1..400).map(|one| (2 * one, 2 * one)).collect());
    assert_eq!(rig.declared.len(), 400);
    assert_eq!(rig.declared.last(), Some(999));
}

#[test]
fn receipts_of_another_epoch_or_of_slots_never_made_change_nothing() {
    let mut rig = Rig::new(1, 10);
    rig.receipts = false;
    rig.up(1);
    rig.receipt_of(SpoolEpoch(78), vec![(1, 10)]);
    assert!(rig.recorded.is_empty());
    rig.receipt_of(EPOCH, vec![(0, 0), (5, u64::MAX)]);
    assert_eq!(rig.recorded.ranges(), [(5, 10)]);
    assert_eq!(rig.came, [1, 2, 3, 4]);
    rig.spool();
    assert_eq!(rig.came, [1, 2, 3, 4, 11], "what is new is not confirmed yet");
}

#[test]
fn a_daemon_that_is_configured_no_more_is_let_go() {
    let mut rig = Rig::new(1, 10);
    rig.receipts = false;
    rig.up(1);
    rig.pass(3);
    rig.input(Input::Follow(Vec::new()));
    assert_eq!(rig.closed, 1);
    assert!(rig.delivery.cursors().is_empty());
    assert_eq!(rig.delivery.next_deadline(), None);
    rig.spool();
    assert_eq!(rig.came.len(), 10);
    rig.input(Input::Follow(vec![(name(), RangeSet::from_ranges([(1, 9)]))]));
    assert_eq!(rig.cursor().waiting, 2);
}

#[test]
fn a_connection_that_is_replaced_keeps_its_backfill() {
    let mut rig = Rig::new(1, 10);
    rig.up(1);
    rig.pass(1);
    rig.up(2);
    rig.receipt();
    rig.pass(1);
    assert_eq!(rig.recorded.ranges(), [(1, 10)]);
    assert_eq!((rig.opened.len(), rig.closed), (1, 0));
}

#[test]
fn files_open_the_bulk_connection_and_keep_it_for_as_long_as_they_want_it() {
    let mut rig = Rig::new(1, 0);
    rig.up(1);
    rig.receipt();
    let wanted = |wanted| Input::FilesWanted { daemon: name(), wanted };
    rig.input(wanted(true));
    assert_eq!(rig.opened.len(), 1, "nothing is to be filled in, but a file is to go");
    rig.pass(300);
    assert_eq!((rig.opened.len(), rig.closed), (1, 0));
    rig.input(wanted(false));
    rig.pass(20);
    assert_eq!((rig.opened.len(), rig.closed), (1, 1));
}
