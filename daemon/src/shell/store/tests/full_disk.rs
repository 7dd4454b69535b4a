//! A full disk: the reserve first, then patience; any other failure is final.

use super::*;

#[test]
fn a_full_disk_first_takes_the_reserve() {
    let mut store = Store::new();
    store.writer.full_with_reserve = true;
    store.write(vec![audit("ack")], vec![reply(1)]);
    assert_eq!(store.released(), [("reply 1".to_owned(), 1)]);
    assert!(!*store.refusing.borrow());
    assert_eq!(fs::metadata(store.folder.path().join("reserve")).unwrap().len(), 0);
}

#[test]
fn without_a_reserve_replies_wait_and_everything_else_goes_on() {
    let mut store = Store::new();
    store.fill();
    store.write(vec![large()], vec![said("feed"), reply(1), said("more")]);
    assert!(*store.refusing.borrow());
    let names =
        |seen: Vec<(String, i64)>| seen.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(store.released()), ["feed", "more"]);
    store.write(vec![audit("unack")], vec![reply(2)]);
    store.writer.tend().unwrap();
    assert!(store.released().is_empty(), "still full");
    store.write(Vec::new(), vec![reply(3)]);
    assert_eq!(
        names(store.released()),
        ["reply 3"],
        "a question changes nothing and need not wait"
    );
    store.make_room();
    store.writer.tend().unwrap();
    assert!(!*store.refusing.borrow());
    let expected = [("reply 1".to_owned(), 2), ("reply 2".to_owned(), 2)];
    assert_eq!(store.released(), expected);
    assert!(fs::metadata(store.folder.path().join("reserve")).unwrap().len() > 0, "held again");
    assert_eq!(count(&store.seen.path, "audit"), 2);
}

#[test]
fn a_long_full_disk_keeps_the_last_of_everything() {
    let mut store = Store::new();
    store.fill();
    let many = crate::limits::BACKLOG_CHANGES_MAX / 2;
    store.write((0..=many).map(|_| audit("x")).collect(), Vec::new());
    let mut last = host_row("web-2");
    last.heartbeat_interval_ms = Some(7);
    let heard = vec![("web-2".parse().unwrap(), UnixMs(1)), ("web-3".parse().unwrap(), UnixMs(2))];
    let mut changes = vec![host(host_row("web-3")), Change::Heard(heard)];
    changes.extend((0..many).map(|_| host(host_row("web-2"))));
    changes.push(host(host_row("web-1")));
    changes.push(Change::RetireHost("web-1".parse().unwrap()));
    changes.push(host(last.clone()));
    store.write(changes, Vec::new());
    store.make_room();
    store.writer.tend().unwrap();
    let kept = count(&store.seen.path, "audit");
    assert_eq!(kept, i64::try_from(crate::limits::BACKLOG_APPENDED_MAX).unwrap());
    let third = HostRow { heard_at: Some(UnixMs(2)), ..host_row("web-3") };
    assert_eq!(store.killed().saved.hosts, [last, third]);
}

#[test]
fn any_other_failure_is_not_tried_again() {
    let mut store = Store::new();
    Connection::open(&store.seen.path).unwrap().execute("DROP TABLE audit", []).unwrap();
    let batch = Batch { changes: vec![audit("x")], effects: vec![reply(1)] };
    let error = store.writer.take(vec![batch]).unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error}");
    assert!(store.released().is_empty());
}

#[test]
fn the_reserve_is_real_room_and_comes_back() {
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    let mut reserve = Reserve::open(folder.path(), SMALL).unwrap();
    let blocks = || fs::metadata(folder.path().join("reserve")).unwrap().blocks() * 512;
    assert!(blocks() >= SMALL.unwrap());
    assert!(reserve.release());
    assert!(!reserve.release(), "only once");
    assert_eq!(blocks(), 0);
    assert!(reserve.restore() && reserve.is_held());
    assert!(blocks() >= SMALL.unwrap());
}

#[test]
fn a_reserve_that_was_given_up_and_finds_no_room_keeps_nobody_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let mut reserve = Reserve::open(folder.path(), SMALL).unwrap();
    assert!(reserve.release());
    drop(reserve);
    let reserve = Reserve::open(folder.path(), Some(1 << 50)).unwrap();
    assert!(!reserve.is_held());
    let fresh = tempfile::tempdir().unwrap();
    assert!(Reserve::open(fresh.path(), Some(1 << 50)).is_err(), "a first start has to have it");
    assert!(!fresh.path().join("reserve").exists());
}
