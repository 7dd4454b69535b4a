//! Opens `state.db`: its tables, its version, what becomes of an older, a newer and a damaged file.
//!
//! The version is `PRAGMA user_version`. A step never changes once it was released; a new one is
//! appended. Before an older file is brought up to date it is copied beside itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use systole_common::time::UnixMs;

use super::{Fault, StoreError};

/// The file in the state folder.
pub const STATE_FILE: &str = "state.db";

/// The steps from an empty file to this version, one a version.
pub(super) const STEPS: &[&str] = &[VERSION_1, VERSION_2, VERSION_3];

const VERSION_1: &str = "
CREATE TABLE host (
    host TEXT PRIMARY KEY,
    state INTEGER NOT NULL,
    cause INTEGER,
    certainty INTEGER,
    evidence TEXT NOT NULL,
    since INTEGER NOT NULL,
    heard_at INTEGER,
    heartbeat_interval_ms INTEGER,
    instance INTEGER,
    boot_id BLOB,
    agent_version TEXT,
    os TEXT,
    address TEXT,
    certificate_expires INTEGER,
    labels TEXT NOT NULL,
    lease_until INTEGER,
    lease_why TEXT,
    goodbye TEXT,
    starts TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE connection (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    host TEXT NOT NULL,
    at INTEGER NOT NULL,
    connected INTEGER NOT NULL,
    address TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX connection_by_host ON connection (host, id);

CREATE TABLE alert (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rule TEXT NOT NULL,
    host TEXT,
    subject TEXT NOT NULL,
    severity INTEGER NOT NULL,
    state INTEGER NOT NULL,
    since INTEGER NOT NULL,
    fired_at INTEGER,
    resolved_at INTEGER,
    resolved_reason TEXT NOT NULL,
    value REAL,
    threshold REAL,
    summary TEXT NOT NULL,
    ack_by TEXT,
    ack_note TEXT,
    ack_until INTEGER,
    held INTEGER NOT NULL,
    event_at INTEGER
) STRICT;
CREATE INDEX alert_by_end ON alert (resolved_at);
CREATE INDEX alert_by_host ON alert (host, resolved_at);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    operator TEXT NOT NULL,
    role TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_time ON audit (time);
";

const VERSION_2: &str = "
ALTER TABLE alert ADD COLUMN nodata INTEGER NOT NULL DEFAULT 0;
";

/// Marks: 0 waits, 1 delivered, 2 failed. The epoch of a file's messages is drawn with the file.
const VERSION_3: &str = "
CREATE TABLE talk (epoch INTEGER NOT NULL) STRICT;
INSERT INTO talk (epoch) VALUES (random());

CREATE TABLE message (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    time INTEGER NOT NULL,
    sender TEXT NOT NULL,
    place TEXT NOT NULL,
    thread TEXT,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX message_by_place ON message (place, number);
CREATE INDEX message_by_time ON message (time);

CREATE TABLE delivery (
    number INTEGER NOT NULL,
    host TEXT NOT NULL,
    mark INTEGER NOT NULL,
    PRIMARY KEY (number, host)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_by_host ON delivery (host, number);
CREATE INDEX delivery_waiting ON delivery (number) WHERE mark = 0;

CREATE TABLE received (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    host TEXT NOT NULL,
    kind INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    ranges TEXT NOT NULL,
    UNIQUE (host, kind, epoch)
) STRICT;

CREATE TABLE file (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    host TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    blake3 BLOB NOT NULL,
    content TEXT NOT NULL,
    note TEXT NOT NULL,
    sender TEXT NOT NULL,
    certificate TEXT NOT NULL,
    state INTEGER NOT NULL,
    reason TEXT NOT NULL,
    decided_by TEXT,
    synced_bytes INTEGER NOT NULL,
    placed TEXT,
    free_bytes INTEGER NOT NULL,
    offered_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE INDEX file_by_host ON file (host, id);
CREATE INDEX file_by_state ON file (state);
CREATE INDEX file_by_time ON file (offered_at);
";

/// An open `state.db`.
#[derive(Debug)]
pub struct Opened {
    /// The file.
    pub path: PathBuf,
    /// The only connection that writes.
    pub connection: Connection,
    /// Whether this start made the file.
    pub is_new: bool,
    /// Where a damaged file was put, if one was found.
    pub set_aside: Option<PathBuf>,
    /// The copy that was made before the file was brought up to date.
    pub backup: Option<PathBuf>,
}

/// Opens or makes `state.db` in `folder`. `now` names what is set aside.
pub fn open(folder: &Path, now: UnixMs) -> Result<Opened, StoreError> {
    open_with(folder, now, STEPS)
}

/// Refuses a file that a newer version has written; looks without touching anything.
pub fn refuse_newer(folder: &Path) -> Result<(), StoreError> {
    let path = folder.join(STATE_FILE);
    if !path.exists() {
        return Ok(());
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let version = Connection::open_with_flags(&path, flags).and_then(|it| user_version(&it));
    match version {
        Ok(found) if found > known(STEPS) => {
            Err(StoreError::Newer { path, found, known: known(STEPS) })
        }
        // What else may be wrong with it is for `open` to find.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// [`open`] with other steps, for tests of the way from one version to the next.
pub(super) fn open_with(folder: &Path, now: UnixMs, steps: &[&str]) -> Result<Opened, StoreError> {
    let path = folder.join(STATE_FILE);
    let was_there = path.exists();
    match open_sound(&path, now, steps) {
        Err(StoreError::Damaged { .. }) if was_there => {
            let aside = set_aside(&path, now)?;
            let mut opened = open_sound(&path, now, steps)?;
            opened.set_aside = Some(aside);
            Ok(opened)
        }
        result => result,
    }
}

fn open_sound(path: &Path, now: UnixMs, steps: &[&str]) -> Result<Opened, StoreError> {
    let is_new = !path.exists();
    let failed = |what| move |source| StoreError::of(path, what, source);
    let result = (|| {
        let mut connection = Connection::open(path).map_err(failed("opening"))?;
        prepare(&connection).map_err(failed("opening"))?;
        let found = user_version(&connection).map_err(failed("reading the version"))?;
        if found > known(steps) {
            return Err(StoreError::Newer { path: path.into(), found, known: known(steps) });
        }
        if !is_new {
            check(path, &connection)?;
            write_back(path, &connection)?;
        }
        let backup = migrate(path, &mut connection, found, now, steps)?;
        Ok(Opened { path: path.into(), connection, is_new, set_aside: None, backup })
    })();
    if result.is_err() && is_new {
        remove_with_companions(path);
    }
    result
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(crate::limits::CHECKPOINT_WAIT)?;
    write_ahead(connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Gives the file a write-ahead log. That is a commit, and only the step behind the last row tells
/// whether it failed.
pub(in crate::shell) fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

fn check(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|source| StoreError::of(path, "checking", source))?;
    if verdict == "ok" { Ok(()) } else { Err(StoreError::Damaged { path: path.into() }) }
}

/// Writes back what the last run left in the log, and empties it. After an fsync that failed it may
/// stand in memory alone, and a power cut would take what is committed behind it along.
fn write_back(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    match connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        Err(error) if Fault::of(&error) != Fault::Full => {
            Err(StoreError::of(path, "writing the log back", error))
        }
        // The log keeps everything until there is room.
        Ok(()) | Err(_) => Ok(()),
    }
}

fn migrate(
    path: &Path,
    connection: &mut Connection,
    found: i64,
    now: UnixMs,
    steps: &[&str],
) -> Result<Option<PathBuf>, StoreError> {
    let done = usize::try_from(found).unwrap_or(0);
    let missing = steps.get(done..).unwrap_or_default();
    if missing.is_empty() {
        return Ok(None);
    }
    let backup = (done > 0).then(|| stamped(path, &format!("version-{found}"), now));
    if let Some(backup) = &backup {
        copy_to(connection, path, backup)?;
    }
    apply(connection, missing, known(steps))
        .map_err(|source| StoreError::of(path, "bringing it up to date", source))?;
    Ok(backup)
}

/// All missing steps and the new version in one transaction.
fn apply(connection: &mut Connection, missing: &[&str], version: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for step in missing {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()
}

fn copy_to(connection: &Connection, path: &Path, backup: &Path) -> Result<(), StoreError> {
    let target = backup.to_string_lossy();
    let copied = connection
        .execute("VACUUM INTO ?1", [target.as_ref()])
        .map_err(|source| StoreError::of(path, "copying it before bringing it up to date", source))
        .and_then(|_| {
            fs::File::open(backup)
                .and_then(|file| file.sync_all())
                .map_err(|source| StoreError::io(backup, "writing the copy", source))
        });
    if copied.is_err() {
        remove_with_companions(backup);
    }
    copied
}

/// Renames a damaged file and what belongs to it, so that it can be looked at later.
pub(in crate::shell) fn set_aside(path: &Path, now: UnixMs) -> Result<PathBuf, StoreError> {
    let aside = stamped(path, "damaged", now);
    for ending in COMPANIONS {
        let (from, to) = (with_ending(path, ending), with_ending(&aside, ending));
        match fs::rename(&from, &to) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(StoreError::io(&from, "setting it aside", source)),
        }
    }
    Ok(aside)
}

/// Removes a file of this start and what belongs to it; what is not there is fine.
pub(super) fn remove_with_companions(path: &Path) {
    for ending in COMPANIONS {
        let _ = fs::remove_file(with_ending(path, ending));
    }
}

const COMPANIONS: [&str; 3] = ["", "-wal", "-shm"];

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// `state.db.damaged-20261121T041607Z`.
fn stamped(path: &Path, what: &str, now: UnixMs) -> PathBuf {
    let digits = |c: &char| c.is_ascii_digit() || *c == 'T';
    let time: String = now.rfc3339().chars().take(19).filter(digits).collect();
    with_ending(path, &format!(".{what}-{time}Z"))
}

fn user_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn known(steps: &[&str]) -> i64 {
    i64::try_from(steps.len()).unwrap_or(i64::MAX)
}
