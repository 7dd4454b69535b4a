//! Files: their order, their speed, and cards that take no key before they could be read.

use super::*;
use crate::testing::{at, offer, receiving};

fn now(ms: u64) -> Mono {
    at(ms).mono
}

#[test]
fn what_waits_comes_first_and_a_decision_moves_it_down() {
    let mut files = Files::default();
    for id in [3, 1, 2] {
        files.take(offer(id, "web-1", "a.txt"), now(0));
    }
    let order = |files: &Files| -> Vec<u64> {
        files.listed(None).iter().map(|known| known.record.id).collect()
    };
    assert_eq!(order(&files), [1, 2, 3], "what waits longest first");
    files.take(
        FileRecord { state: FileState::Rejected.into(), ..offer(1, "web-1", "a.txt") },
        now(5),
    );
    files.take(receiving(2, "web-1", 0), now(5));
    assert_eq!((order(&files), files.waiting(), files.moving()), (vec![3, 2, 1], 1, 1));
    assert_eq!(files.listed(Some("db-1")).len(), 0);
    assert_eq!(files.get(1).unwrap().decided_at(now(3_005)), Some(now(5)));
    assert_eq!(files.get(1).unwrap().decided_at(now(60_005)), None, "that is no news");
}

#[test]
fn speed_and_time_left_follow_the_last_bytes() {
    let mut files = Files::default();
    for second in 0..20_u64 {
        files.take(receiving(1, "web-1", second * 10_000_000), now(second * 1_000));
    }
    let known = files.get(1).unwrap();
    assert_eq!(known.bytes_per_s(now(19_500)), Some(10_000_000.0));
    let left = known.left(now(19_500)).unwrap().as_secs();
    assert_eq!(left, (1_288_490_188 - 190_000_000) / 10_000_000);
    assert_eq!(known.still(now(19_500)), None);
    assert_eq!(known.still(now(26_000)), Some(Duration::from_secs(7)));
    assert_eq!((known.bytes_per_s(now(26_000)), known.left(now(26_000))), (None, None));
    files.take(receiving(1, "web-1", 200_000_000), now(30_000));
    let known = files.get(1).unwrap();
    assert!(known.is_resumed(now(30_000)) && known.bytes_per_s(now(30_000)).is_none());
    let empty = FileRecord { size_bytes: 0, ..receiving(2, "web-1", 0) };
    files.take(empty, now(0));
    assert!((files.get(2).unwrap().percent() - 100.0).abs() < 1e-9);
}

#[test]
fn a_card_is_deaf_until_it_could_be_read() {
    let mut files = Files::default();
    files.take(offer(1, "web-1", "a"), now(0));
    files.take(offer(2, "web-1", "b"), now(0));
    assert!(!files.is_readable(1, now(9_000)), "never painted");
    files.painted(Some(1), None, now(9_000));
    files.painted(Some(1), None, now(9_300));
    assert!(!files.is_readable(1, now(9_349)) && files.is_readable(1, now(9_350)));
    files.painted(Some(2), None, now(9_400));
    assert!(!files.is_readable(1, now(20_000)), "another slid into its place");
    assert!(!files.is_readable(2, now(9_749)) && files.is_readable(2, now(9_750)));
    files.painted(None, None, now(9_800));
    files.painted(Some(2), None, now(9_900));
    assert!(!files.is_readable(2, now(10_000)), "it was away and came again");
}

#[test]
fn what_is_armed_takes_no_enter_before_it_could_be_read() {
    let mut files = Files::default();
    files.take(offer(1, "web-1", "a"), now(0));
    let deed = Deed::Accept(1);
    files.arm(deed);
    assert!(!files.is_meant(deed, now(9_000)), "never painted");
    files.painted(Some(1), Some(deed), now(9_000));
    assert!(!files.is_meant(deed, now(9_349)) && files.is_meant(deed, now(9_350)));
    assert!(!files.is_meant(Deed::Reject(1), now(9_350)), "it says something else");
    files.arm(deed);
    assert!(!files.is_meant(deed, now(9_350)), "it was armed anew");
    files.painted(Some(1), Some(deed), now(9_400));
    files.painted(Some(1), None, now(9_800));
    assert!(!files.is_meant(deed, now(9_900)), "the screen says it no more");
}

#[test]
fn the_next_to_decide_on_is_the_one_that_waits_longest() {
    let mut files = Files::default();
    for id in [5, 3, 4] {
        files.take(offer(id, "web-1", "a"), now(0));
    }
    assert_eq!(files.next_waiting().map(|known| known.record.id), Some(3));
    assert_eq!(files.newest_offered_at(), Some(offer(5, "web-1", "a").offered_at));
    files.cursor = Some(3);
    files.leave_what_is_over();
    assert_eq!(files.cursor, Some(3));
    let over = FileRecord { state: FileState::Expired.into(), ..offer(3, "web-1", "a") };
    files.take(over, now(1));
    files.leave_what_is_over();
    assert_eq!((files.cursor, files.next_waiting().map(|known| known.record.id)), (None, Some(4)));
}

#[test]
fn an_open_file_that_a_picture_does_not_name_is_gone() {
    let mut files = Files::default();
    files.take(offer(1, "web-1", "a"), now(0));
    files.take(offer(2, "web-1", "b"), now(0));
    files.take(FileRecord { state: FileState::Verified.into(), ..offer(3, "web-1", "c") }, now(0));
    files.armed = Some(2);
    files.begin_picture();
    files.take(offer(1, "web-1", "a"), now(9));
    files.end_picture();
    assert_eq!((files.listed(None).len(), files.armed), (2, None));
    for id in 10..10 + FILES_MAX as u64 + 5 {
        files.take(offer(id, "web-1", "x"), now(9));
    }
    assert_eq!(files.listed(None).len(), FILES_MAX);
    assert!(files.get(3).is_none(), "what is over leaves first");
}
