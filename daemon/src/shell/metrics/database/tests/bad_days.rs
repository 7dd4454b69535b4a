//! A full disk, damage, a file of a later version.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};

use super::*;

fn limit_pages(database: &Database, more: Option<i64>) {
    let pages = count(database, "PRAGMA page_count");
    let limit = more.map_or(i64::from(u32::MAX) - 1, |more| pages + more);
    let set = |_: &rusqlite::Row<'_>| Ok(());
    database.connection.pragma_update_and_check(None, "max_page_count", limit, set).unwrap();
}

/// Overwrites a part of each page but the first `keep` ones, as a dying disk does.
fn garble(path: &Path, keep: u64) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    let bytes = file.metadata().unwrap().len();
    for page in keep..bytes / 8_192 {
        file.seek(SeekFrom::Start(page * 8_192)).unwrap();
        file.write_all(&[0xa5; 512]).unwrap();
    }
}

fn asides(folder: &TempDir) -> usize {
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let is_one = |name: &str| name.starts_with("metrics.db.damaged-") && name.ends_with('Z');
    names.filter(|name| is_one(&name.to_string_lossy())).count()
}

#[test]
fn a_full_disk_leaves_all_as_it_was() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    store(&mut database, "web-1", &regular(BEGIN, 1_440));
    database.commit(&[], &[received("web-1", 1, 5)]).unwrap();
    let readers = readers(&database);
    let before = storage(&readers, None);
    limit_pages(&database, Some(0));
    let noise =
        (0..360).map(|at| (BEGIN + DAY_MS + at, vec![Some((at as f64).sin()); 40])).collect();
    let big = [window("web-2", Origin::Live, &noise)];
    let full = database.commit(&big, &[received("web-1", 1, 900)]);
    assert!(matches!(full, Err(StoreError::Full { .. })), "{full:?}");
    assert_eq!(storage(&readers, None), before);
    limit_pages(&database, None);
    database.commit(&big, &[received("web-1", 1, 900)]).unwrap();
    let after = storage(&readers, None);
    assert_eq!(records(&after, Tier::Raw), records(&before, Tier::Raw) + 40 * 360);
    assert_eq!(after[0].received, 900 + 11);
}

#[test]
fn on_a_full_disk_what_is_due_waits() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    let noise: Slots =
        (0..1_440).map(|at| (BEGIN + at * 60_000, vec![Some((at as f64).sin()); 20])).collect();
    store(&mut database, "web-1", &noise);
    limit_pages(&database, Some(0));
    let now = UnixMs(BEGIN + 2 * DAY_MS);
    let done = database.maintain(now, &Retention::default(), LONG).unwrap();
    assert!(done.full && done.rolled_up == 0, "{done:?}");
    assert_eq!(count(&database, "SELECT COUNT(*) FROM span"), 4);
    limit_pages(&database, None);
    let done = database.maintain(now, &Retention::default(), LONG).unwrap();
    assert_eq!((done.full, done.rolled_up, done.merged), (false, 1, 4));
}

#[test]
fn a_damaged_file_is_set_aside_at_start() {
    for rubbish in
        [&b"this is no database, but it is longer than a header and says nothing"[..], b"SQL"]
    {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join(METRICS_FILE), rubbish.repeat(200)).unwrap();
        let (mut database, loaded) = Database::open(folder.path(), UnixMs(BEGIN)).unwrap();
        assert_eq!((loaded.losses.len(), asides(&folder)), (1, 1));
        assert!(loaded.losses[0].contains("metrics.db.damaged-2024"), "{}", loaded.losses[0]);
        store(&mut database, "web-1", &regular(BEGIN, 10));
    }
}

#[test]
fn every_damaged_page_is_survived_at_start() {
    let sound = TempDir::new().unwrap();
    let mut database = open(&sound);
    store(&mut database, "web-1", &regular(BEGIN, 1_000));
    database.commit(&[], &[received("web-1", 1, 5)]).unwrap();
    database.close().unwrap();
    let sound = fs::read(sound.path().join(METRICS_FILE)).unwrap();
    for page in 0..sound.len() / 8_192 {
        let folder = TempDir::new().unwrap();
        let mut bytes = sound.clone();
        bytes[page * 8_192..][..2_000].fill(0x5a);
        fs::write(folder.path().join(METRICS_FILE), bytes).unwrap();
        let (mut database, _) = Database::open(folder.path(), UnixMs(BEGIN)).unwrap();
        store(&mut database, "web-1", &regular(BEGIN + DAY_MS, 1_000));
        let late = UnixMs(BEGIN + 3 * DAY_MS);
        database.maintain(late, &Retention::default(), LONG).unwrap();
        storage(&readers(&database), None);
    }
}

/// The log beside the file is not written back yet; a power cut may leave anything in it.
#[test]
fn a_damaged_log_of_the_file_does_not_stop_the_start() {
    let sound = TempDir::new().unwrap();
    let mut database = open(&sound);
    store(&mut database, "web-1", &regular(BEGIN, 720));
    assert!(database.checkpoint().unwrap());
    store(&mut database, "web-1", &regular(BEGIN + DAY_MS, 720));
    database.commit(&[], &[received("web-1", 1, 5)]).unwrap();
    let names = [METRICS_FILE.to_owned(), format!("{METRICS_FILE}-wal")];
    let [file, log] = names.clone().map(|name| fs::read(sound.path().join(name)).unwrap());
    let frame = 24 + 8_192;
    assert!(log.len() > 10 * frame);
    let middle = 32 + 3 * frame;
    let noise: Vec<u8> = (0..log.len()).map(|at| ((at * 7_919) >> 3).to_le_bytes()[0]).collect();
    let spoil = |from: usize, to: usize| {
        let mut log = log.clone();
        log[from..to].copy_from_slice(&noise[from..to]);
        log
    };
    let logs = [
        spoil(0, log.len()),
        spoil(0, 32),
        spoil(4, 12),
        spoil(32, 64),
        spoil(middle, middle + 4),
        spoil(middle + 100, log.len()),
        log[..middle + 77].to_vec(),
        log[..31].to_vec(),
        noise.clone(),
        b"x".to_vec(),
    ];
    for (number, log) in logs.iter().enumerate() {
        // Also when the file itself has nothing yet.
        for file in [&file[..], &[]] {
            let folder = TempDir::new().unwrap();
            fs::write(folder.path().join(&names[0]), file).unwrap();
            fs::write(folder.path().join(&names[1]), log).unwrap();
            let (mut database, _) = Database::open(folder.path(), UnixMs(BEGIN)).unwrap();
            let found = records(&storage(&readers(&database), None), Tier::Raw);
            assert!(file.is_empty() || found >= 2 * 720, "log {number}: {found}");
            store(&mut database, "web-1", &regular(BEGIN + 2 * DAY_MS, 10));
            assert!(database.checkpoint().unwrap());
        }
    }
}

#[test]
fn damage_found_by_the_writer_costs_what_was_stored_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    store(&mut database, "web-1", &regular(BEGIN, 1_440));
    database.commit(&[], &[received("web-1", 1, 5)]).unwrap();
    let readers = readers(&database);
    assert_eq!(records(&storage(&readers, None), Tier::Raw), 2 * 1_440);
    assert!(database.checkpoint().unwrap());
    database.connection.execute_batch("PRAGMA shrink_memory").unwrap();
    garble(database.path(), 1);
    store(&mut database, "web-1", &regular(BEGIN + DAY_MS, 360));
    let losses = database.take_losses();
    assert_eq!((losses.len(), asides(&folder)), (1, 1), "{losses:?}");
    assert_eq!(database.take_losses(), Vec::<String>::new());
    // Readers turn to the new file, and what was received is still known.
    assert_eq!(records(&storage(&readers, None), Tier::Raw), 2 * 360);
    database.close().unwrap();
    let (_, loaded) = Database::open(folder.path(), UnixMs(BEGIN)).unwrap();
    assert_eq!(loaded.received, [received("web-1", 1, 5)]);
}

#[test]
fn a_later_version_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder);
    database.connection.pragma_update(None, "user_version", 99).unwrap();
    database.close().unwrap();
    let refused = Database::open(folder.path(), UnixMs(BEGIN)).map(drop);
    assert!(matches!(refused, Err(StoreError::Newer { found: 99, .. })), "{refused:?}");
    assert_eq!(asides(&folder), 0);
}

#[test]
fn a_damaged_chunk_is_left_out_when_windows_are_merged() {
    let folder = TempDir::new().unwrap();
    let mut database = open(&folder);
    store(&mut database, "web-1", &regular(BEGIN, 1_440));
    let query = "UPDATE fresh SET data = zeroblob(20) WHERE id = (SELECT MIN(id) FROM fresh)";
    database.connection.execute(query, []).unwrap();
    let done = database.maintain(UnixMs(BEGIN), &Retention::default(), LONG).unwrap();
    assert_eq!((done.merged, done.damaged, database.damaged()), (4, 1, 1));
    assert_eq!(database.take_losses().len(), 1);
    assert_eq!(records(&storage(&readers(&database), None), Tier::Raw), 2 * 1_440 - 360);
}
