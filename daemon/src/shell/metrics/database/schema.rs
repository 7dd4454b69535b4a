//! Opens `metrics.db`: its tables, its version, what becomes of a newer and of a damaged file.
//!
//! Chunks of one span of time lie side by side: they are written, merged and deleted together, always
//! at the end of their table, so that pages are full and a commit touches few of them. What is short
//! and soon merged has a table of its own, or its end would leave holes between the rest.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use systole_common::time::UnixMs;

use super::StoreError;
use crate::limits::CHECKPOINT_WAIT;
use crate::shell::metrics::METRICS_FILE;
use crate::shell::store::{set_aside, write_ahead};

/// The steps from an empty file to this version, one a version. A released step never changes.
const STEPS: &[&str] = &[VERSION_1];

const VERSION_1: &str = "
CREATE TABLE host (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE series (
    host INTEGER NOT NULL,
    number INTEGER NOT NULL,
    metric TEXT NOT NULL,
    instance TEXT NOT NULL,
    unit INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    first_day INTEGER NOT NULL,
    last_day INTEGER NOT NULL,
    PRIMARY KEY (host, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX series_by_name ON series (host, metric, instance);

-- The slots of a host in one stretch of one day. Host 0: to be deleted.
CREATE TABLE span (
    id INTEGER PRIMARY KEY,
    host INTEGER NOT NULL,
    day INTEGER NOT NULL,
    origin INTEGER NOT NULL, -- 1 live, 2 backfill, 3 merged of both
    merged INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    slots INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    times BLOB NOT NULL
) STRICT;
CREATE INDEX span_by_day ON span (host, day, first);
CREATE INDEX span_to_merge ON span (host, day, first, slots) WHERE merged = 0;

-- id = span * 16384 + number of the series.
CREATE TABLE fresh (
    id INTEGER PRIMARY KEY,
    n INTEGER NOT NULL,
    min REAL NOT NULL,
    max REAL NOT NULL,
    mean REAL NOT NULL,
    data BLOB NOT NULL
) STRICT;
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    n INTEGER NOT NULL,
    min REAL NOT NULL,
    max REAL NOT NULL,
    mean REAL NOT NULL,
    data BLOB NOT NULL
) STRICT;

CREATE TABLE received (
    host INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    ranges BLOB NOT NULL,
    dropped INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    PRIMARY KEY (host, epoch)
) STRICT, WITHOUT ROWID;

-- One tier of one day of one host. Host 0: to be deleted.
CREATE TABLE rollup_day (
    id INTEGER PRIMARY KEY,
    host INTEGER NOT NULL,
    tier INTEGER NOT NULL,
    day INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    points INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX rollup_by_day ON rollup_day (host, tier, day);

-- id = rollup_day * 16384 + number of the series.
CREATE TABLE rollup (
    id INTEGER PRIMARY KEY,
    data BLOB NOT NULL
) STRICT;

CREATE TABLE rollup_due (
    host INTEGER NOT NULL,
    day INTEGER NOT NULL,
    PRIMARY KEY (host, day)
) STRICT, WITHOUT ROWID;
";

/// Tables that are small whatever is stored, and are looked at before the file is trusted.
const SMALL_TABLES: [&str; 5] = ["host", "series", "received", "rollup_due", "rollup_day"];

/// An open `metrics.db`.
#[derive(Debug)]
pub(super) struct Opened {
    /// The only connection that writes.
    pub(super) connection: Connection,
    /// Where a damaged file was put, if one was found.
    pub(super) set_aside: Option<PathBuf>,
}

/// Opens or makes `metrics.db` in `folder`. `now` names what is set aside.
pub(super) fn open(folder: &Path, now: UnixMs) -> Result<Opened, StoreError> {
    let path = folder.join(METRICS_FILE);
    let was_there = path.exists();
    match open_sound(&path) {
        Ok(connection) => Ok(Opened { connection, set_aside: None }),
        Err(StoreError::Damaged { .. }) if was_there => {
            let aside = set_aside(&path, now)?;
            Ok(Opened { connection: open_sound(&path)?, set_aside: Some(aside) })
        }
        Err(error) => Err(error),
    }
}

fn open_sound(path: &Path) -> Result<Connection, StoreError> {
    let failed = |what| move |source| StoreError::of(path, what, source);
    let mut connection = Connection::open(path).map_err(failed("opening"))?;
    prepare(&connection).map_err(failed("opening"))?;
    let found = user_version(&connection).map_err(failed("reading the version"))?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::Newer { path: path.into(), found, known });
    }
    let done = usize::try_from(found).unwrap_or(0);
    if done > 0 {
        check(path, &connection)?;
    }
    let missing = STEPS.get(done..).unwrap_or_default();
    apply(&mut connection, missing, known).map_err(failed("bringing it up to date"))?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(CHECKPOINT_WAIT)?;
    connection.pragma_update(None, "page_size", 8_192)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    write_ahead(connection)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Quick however large the file is: its schema, the small tables, and that the large ones can be read.
fn check(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let damaged = || StoreError::Damaged { path: path.into() };
    let failed = |source| StoreError::of(path, "checking", source);
    for table in SMALL_TABLES {
        let verdict: String = connection
            .query_row(&format!("PRAGMA quick_check({table})"), [], |row| row.get(0))
            .map_err(failed)?;
        if verdict != "ok" {
            return Err(damaged());
        }
    }
    for table in ["span", "fresh", "chunk", "rollup"] {
        for order in ["ASC", "DESC"] {
            let look = format!("SELECT * FROM {table} ORDER BY id {order} LIMIT 1");
            connection
                .prepare(&look)
                .and_then(|mut it| it.query(params![]).and_then(|mut rows| rows.next().map(|_| ())))
                .map_err(|error| match error {
                    rusqlite::Error::SqliteFailure(..) => failed(error),
                    // A table or column is not there.
                    _ => damaged(),
                })?;
        }
    }
    Ok(())
}

/// All missing steps and the new version in one transaction.
fn apply(connection: &mut Connection, missing: &[&str], version: i64) -> rusqlite::Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for step in missing {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()
}

fn user_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
