//! Files that are damaged, older, newer, or have rows that make no sense.

use super::*;

#[test]
fn a_damaged_file_is_set_aside_and_the_loss_is_said() {
    let mut store = Store::new();
    store.write(vec![host(host_row("web-1")), alert(alert_row(40, AlertState::Firing))], vec![]);
    store.writer.checkpoint().unwrap();
    let Store { folder, writer, .. } = store;
    drop(writer);
    let path = folder.path().join(STATE_FILE);
    for damage in [
        |bytes: &mut Vec<u8>| bytes.fill(0x55),
        |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2 + 100),
    ] {
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        damage(&mut bad);
        fs::write(&path, &bad).unwrap();
        let opened = open(folder.path(), NOW).unwrap();
        let aside = opened.set_aside.clone().unwrap();
        assert_eq!(fs::read(&aside).unwrap(), bad);
        assert!(aside.to_string_lossy().ends_with("state.db.damaged-20261121T041607Z"));
        let loaded = load(&opened, NOW).unwrap();
        assert!(loaded.saved.hosts.is_empty());
        assert!(loaded.losses[0].contains("lost"), "{:?}", loaded.losses);
        assert!(loaded.saved.alert_id_last > 40, "numbers are never used again");
        assert_eq!(count(&path, "audit"), 1);
        drop(opened);
        fs::remove_file(&aside).unwrap();
        schema::remove_with_companions(&path);
        fs::write(&path, good).unwrap();
    }
}

#[test]
fn what_the_last_run_left_in_the_log_is_in_the_file_before_more_is_promised() {
    let mut store = Store::new();
    store.write(vec![host(host_row("web-1"))], vec![]);
    let Store { folder, writer, .. } = store;
    std::mem::forget(writer);
    let log = folder.path().join("state.db-wal");
    assert!(fs::metadata(&log).unwrap().len() > 0);
    let opened = open(folder.path(), NOW).unwrap();
    assert_eq!(fs::metadata(&log).unwrap().len(), 0);
    assert_eq!(load(&opened, NOW).unwrap().saved.hosts, [host_row("web-1")]);
}

#[test]
fn rows_that_make_no_sense_are_left_out_and_counted() {
    let mut store = Store::new();
    store.write(vec![host(host_row("web-1")), host(host_row("web-2"))], vec![]);
    let connection = Connection::open(&store.seen.path).unwrap();
    connection.execute("UPDATE host SET state = 999 WHERE host = 'web-1'", []).unwrap();
    drop(connection);
    let loaded = store.killed();
    assert_eq!(loaded.unreadable, 1);
    assert_eq!(loaded.saved.hosts, [host_row("web-2")]);
}

#[test]
fn a_newer_file_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), NOW).unwrap());
    let path = folder.path().join(STATE_FILE);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&path).unwrap();
    for error in [open(folder.path(), NOW).unwrap_err(), refuse_newer(folder.path()).unwrap_err()] {
        let text = error.to_string();
        assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{text}");
        assert!(text.contains("state.db") && text.contains("version 99"), "{text}");
        assert!(!text.contains('\n'));
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn an_older_file_is_copied_and_then_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::reopened(folder);
    store.write(vec![host(host_row("web-1"))], vec![]);
    let Store { folder, writer, .. } = store;
    drop(writer);
    let steps = [STEPS[0], STEPS[1], STEPS[2], "ALTER TABLE host ADD COLUMN mood TEXT"];
    let opened = open_with(folder.path(), NOW, &steps).unwrap();
    let backup = opened.backup.unwrap();
    assert!(backup.to_string_lossy().ends_with("state.db.version-3-20261121T041607Z"));
    let moods = "SELECT count(*) FROM host WHERE mood IS NULL";
    let count =
        |connection: &Connection| connection.query_row(moods, [], |row| row.get::<_, i64>(0));
    assert_eq!(count(&opened.connection).unwrap(), 1);
    let old = Connection::open(&backup).unwrap();
    assert!(count(&old).is_err(), "the copy is what it was before");
    assert_eq!(super::tests::count(&backup, "host"), 1);
    drop(opened.connection);
    let again = open_with(folder.path(), NOW, &steps).unwrap();
    assert!(again.backup.is_none(), "once is enough");
}

#[test]
fn a_step_that_fails_leaves_the_old_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), NOW).unwrap());
    let steps =
        [STEPS[0], STEPS[1], STEPS[2], "CREATE TABLE more (id INTEGER) STRICT; SELECT nonsense"];
    assert!(open_with(folder.path(), NOW, &steps).is_err());
    let opened = open(folder.path(), NOW).unwrap();
    assert!(opened.backup.is_none() && !opened.is_new);
}

#[test]
fn a_file_of_the_first_version_keeps_its_alerts() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open_with(folder.path(), NOW, &STEPS[..1]).unwrap();
    opened
        .connection
        .execute(
            "INSERT INTO alert VALUES (5, 'host_down', 'web-1', 'heartbeat', 2, 2, 1, 1, NULL, '',
             NULL, NULL, 'web-1 is down', NULL, NULL, NULL, 0, NULL)",
            [],
        )
        .unwrap();
    drop(opened);
    let opened = open(folder.path(), NOW).unwrap();
    assert!(opened.backup.as_ref().is_some_and(|copy| copy.exists()), "copied before");
    let loaded = load(&opened, NOW).unwrap();
    let [row] = &loaded.saved.alerts[..] else { panic!("{:?}", loaded.saved.alerts) };
    assert_eq!((row.id, row.nodata, row.state), (AlertId(5), false, AlertState::Firing));
    assert_eq!(loaded.unreadable, 0);
    let row = AlertRow { nodata: true, ..row.clone() };
    rows::apply(&opened.connection, &alert(row.clone())).unwrap();
    assert_eq!(load(&opened, NOW).unwrap().saved.alerts, [row]);
}
