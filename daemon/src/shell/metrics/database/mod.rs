//! `metrics.db`: what was closed, merged, rolled up and kept. One [`Database`] writes.
//!
//! Each method is one transaction or several whole ones. A file that turns out to be damaged is set
//! aside and a fresh one is opened in its place; the log and [`Database::take_losses`] tell of it. Refuses to know
//! the write-ahead log and its receipts.

mod clean_up;
mod commit;
mod numbers;
pub(super) mod rows;
mod schema;
pub(super) mod storage;
mod upkeep;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior, ffi};
use systole_common::ids::{HostId, SpoolEpoch};
use systole_common::time::UnixMs;
use systole_common::wire::history::StorageRecord;

use super::METRICS_FILE;
use super::received::ReceivedRow;
use super::retention;
use super::window::{ClosedWindow, day_of};
use crate::limits::LOSSES_MAX;
use crate::shell::clock;
use crate::shell::store::{StoreError, set_aside};
use numbers::Numbers;
pub(super) use numbers::find_host;
pub use upkeep::Maintained;

#[cfg(test)]
pub(super) mod tests;

/// What an opened file knew.
#[derive(Debug, Default)]
pub struct Loaded {
    /// What was received, by host and epoch.
    pub received: Vec<ReceivedRow>,
    /// The newest slot of each host.
    pub newest: BTreeMap<HostId, i64>,
    /// The UTC days, counted from 1970, of which there are samples of any host.
    pub days: BTreeSet<i64>,
    /// What is lost, one plain line each.
    pub losses: Vec<String>,
}

/// The writing side of `metrics.db`.
#[derive(Debug)]
pub struct Database {
    path: PathBuf,
    connection: Connection,
    numbers: Numbers,
    received: BTreeMap<(HostId, SpoolEpoch), ReceivedRow>,
    losses: Vec<String>,
    damaged: u64,
    /// The days that have samples, and lately had some: what the clock is judged by.
    days: BTreeSet<i64>,
    /// Counts what may make new work for [`Database::maintain`].
    changes: u64,
    /// At which count, minute and ages there was nothing to do.
    idle_at: Option<(u64, i64, retention::Cuts)>,
    /// Nothing is older than this.
    cut_at: Option<retention::Cuts>,
}

impl Database {
    /// Opens or makes `metrics.db` in `folder`. A damaged one is set aside, named after `now`.
    pub fn open(folder: &Path, now: UnixMs) -> Result<(Self, Loaded), StoreError> {
        let path = folder.join(METRICS_FILE);
        let opened = schema::open(folder, now)?;
        let mut database = Self {
            path,
            connection: opened.connection,
            numbers: Numbers::default(),
            received: BTreeMap::new(),
            losses: Vec::new(),
            damaged: 0,
            days: BTreeSet::new(),
            changes: 0,
            idle_at: None,
            cut_at: None,
        };
        let mut loaded = database.guarded("loading it", Self::load)?;
        let aside = opened.set_aside.map(|aside| set_aside_line(&database.path, &aside));
        loaded.losses.splice(0..0, aside.into_iter().chain(database.take_losses()));
        Ok((database, loaded))
    }

    /// One transaction. The rows of `received` stand for their epochs as a whole. After an error
    /// nothing of it is stored.
    pub fn commit(
        &mut self,
        windows: &[ClosedWindow],
        received: &[ReceivedRow],
    ) -> Result<(), StoreError> {
        let left_out = self.guarded("writing", |it| {
            it.transaction(|connection, numbers| {
                let mut left_out = Vec::new();
                for window in windows {
                    let count = commit::window(connection, numbers, window)?;
                    left_out.extend((count > 0).then(|| (window.host.clone(), count)));
                }
                for row in received {
                    commit::received(connection, numbers, row)?;
                }
                Ok(left_out)
            })
        })?;
        for (host, count) in left_out {
            self.lose(format!(
                "metrics.db: host {host} has too many series; {count} of a window were left out"
            ));
        }
        for row in received {
            self.received.insert((row.host.clone(), row.epoch), row.clone());
        }
        for day in windows.iter().filter_map(|window| window.times.first().copied().map(day_of)) {
            self.days.insert(day);
            // A late one is to go as well.
            self.cut_at = self.cut_at.filter(|cuts| !cuts.is_too_old(day));
        }
        self.changes += 1;
        Ok(())
    }

    /// Writes SQLite's own log back. `true`: all that was committed is on the disk for good.
    pub fn checkpoint(&mut self) -> Result<bool, StoreError> {
        let result = self.guarded("writing the log back", |it| {
            let query = "PRAGMA wal_checkpoint(TRUNCATE)";
            it.connection.query_row(query, [], |row| Ok(row.get::<_, i64>(0)? == 0))
        });
        match result {
            // The file cannot grow: the log keeps everything, and commits will say that the disk is full.
            Err(StoreError::Full { .. }) => Ok(false),
            result => result,
        }
    }

    /// When slots of `host` are in `[from_ms, to_ms)`; ascending.
    pub fn slot_times(
        &mut self,
        host: &HostId,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<i64>, StoreError> {
        self.guarded("reading", |it| {
            let mut times = Vec::new();
            if let Some(id) = find_host(&it.connection, host)? {
                for span in rows::spans(&it.connection, id, from_ms, to_ms)? {
                    times.extend(span.times().unwrap_or_default());
                }
            }
            times.retain(|at| (from_ms..to_ms).contains(at));
            times.sort_unstable();
            times.dedup();
            Ok(times)
        })
    }

    /// Deletes all tiers of `host`, or of all hosts, up to the UTC midnight at or before `before`, and
    /// says what that was. It is gone for every reader at once; its room comes back step by step.
    pub fn clean_up(
        &mut self,
        host: Option<&HostId>,
        before: UnixMs,
    ) -> Result<Vec<StorageRecord>, StoreError> {
        let records = self.guarded("cleaning up", |it| {
            it.transaction(|connection, _| clean_up::run(connection, host, before))
        })?;
        self.numbers.forget();
        self.changes += 1;
        Ok(records)
    }

    /// Forgets what was received of an epoch.
    pub fn forget_epoch(&mut self, host: &HostId, epoch: SpoolEpoch) -> Result<(), StoreError> {
        self.guarded("writing", |it| {
            it.transaction(|connection, numbers| commit::forget(connection, numbers, host, epoch))
        })?;
        self.received.remove(&(host.clone(), epoch));
        Ok(())
    }

    /// How many chunks were found damaged since the start and are left out, and how many whole files.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// What was lost since this was asked last, one plain line each.
    pub fn take_losses(&mut self) -> Vec<String> {
        std::mem::take(&mut self.losses)
    }

    /// Writes all back into one file.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.checkpoint()?;
        let Self { path, connection, .. } = self;
        connection.close().map_err(|(_, error)| StoreError::of(&path, "closing", error))
    }

    /// Closes it as it stands: what is not written back is found again at the next start.
    pub fn leave(self) -> Result<(), StoreError> {
        let Self { path, connection, .. } = self;
        let closing = |error| StoreError::of(&path, "closing", error);
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
            .map_err(closing)?;
        connection.close().map_err(|(_, error)| closing(error))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the file with SQLite's own log.
    pub fn bytes(&self) -> u64 {
        storage::file_bytes(&self.path)
    }

    fn load(&mut self) -> rusqlite::Result<Loaded> {
        let (received, losses) = commit::load_received(&self.connection)?;
        let newest = commit::load_newest(&self.connection)?;
        self.days = commit::load_days(&self.connection)?;
        let days = self.days.clone();
        let by_epoch = received.iter().map(|row| ((row.host.clone(), row.epoch), row.clone()));
        self.received = by_epoch.collect();
        Ok(Loaded { received, newest, days, losses })
    }

    fn transaction<T>(
        &mut self,
        run: impl FnOnce(&Connection, &mut Numbers) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let Self { connection, numbers, .. } = self;
        let result = connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(
            |transaction| {
                let result = run(&transaction, numbers)?;
                transaction.commit()?;
                Ok(result)
            },
        );
        if result.is_err() {
            self.numbers.forget();
        }
        result
    }

    /// Runs `run`; if the file turns out to be damaged, once more with a fresh one.
    fn guarded<T>(
        &mut self,
        what: &'static str,
        mut run: impl FnMut(&mut Self) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        match run(self).map_err(|error| failed(&self.path, what, error)) {
            Err(StoreError::Damaged { .. }) => {
                self.start_anew()?;
                run(self).map_err(|error| failed(&self.path, what, error))
            }
            result => result,
        }
    }

    /// Sets the file aside and goes on with a fresh one that knows what was received.
    fn start_anew(&mut self) -> Result<(), StoreError> {
        let opening = |source| failed(&self.path, "opening", source);
        // The old connection must be gone first: its end would delete the log of a new file.
        self.connection = Connection::open_in_memory().map_err(opening)?;
        let now = clock::wall();
        let aside = set_aside(&self.path, now)?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        self.connection = schema::open(folder, now)?.connection;
        self.numbers.forget();
        self.idle_at = None;
        self.days.clear();
        self.damaged += 1;
        self.lose(set_aside_line(&self.path, &aside));
        let rows: Vec<_> = self.received.values().cloned().collect();
        let written = self.transaction(|connection, numbers| {
            rows.iter().try_for_each(|row| commit::received(connection, numbers, row))
        });
        written.map_err(|error| failed(&self.path, "writing", error))
    }

    fn lose(&mut self, line: String) {
        if self.losses.len() < LOSSES_MAX {
            self.losses.push(line);
        }
    }
}

fn set_aside_line(path: &Path, aside: &Path) -> String {
    format!(
        "{}: was damaged and is set aside as {}; what was stored until now is not shown any more",
        path.display(),
        aside.display()
    )
}

/// What a failure means. A value of another type than its column's is damage: nothing of ours writes one.
pub(super) fn failed(path: &Path, what: &'static str, error: rusqlite::Error) -> StoreError {
    let is_nonsense = matches!(
        error,
        rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::Utf8Error(..)
    );
    if is_nonsense {
        let corrupt = ffi::Error::new(ffi::SQLITE_CORRUPT);
        return StoreError::of(path, what, rusqlite::Error::SqliteFailure(corrupt, None));
    }
    StoreError::of(path, what, error)
}
