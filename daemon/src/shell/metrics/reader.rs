//! Answers to queries, on read-only connections that never wait for the writer.
//!
//! What is not stored yet is looked at first and the database afterwards, in one read transaction: a
//! window on its way from one to the other is then never missed, and equal slots count once. A chunk
//! that cannot be read is a gap. Refuses to know who asks.

mod history;
mod storage;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, params};
use systole_common::ids::HostId;
use systole_common::model::coded::Growing;
use systole_common::model::metric::Unit;
use systole_common::time::UnixMs;
use systole_common::wire::history::{HistoryPoint, SeriesRecord, StorageRecord, Tier};
use tokio::sync::Semaphore;
use tracing::warn;

use super::database::failed;
use super::database::rows::Span;
use super::health::MetricsNews;
use super::window::OpenWindows;
use crate::engine::effect::MetricsQuery;
use crate::limits::{CHECKPOINT_WAIT, METRICS_READERS_MAX};
use crate::shell::store::StoreError;

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricsAnswer {
    /// Series by host, metric, instance.
    Series(Vec<SeriesRecord>),
    /// The points of a series.
    History {
        /// The finest resolution that went into them.
        tier: Tier,
        /// The unit of the series.
        unit: Growing<Unit>,
        /// The step, as asked; that of the roll-ups if nothing finer is left of all the time asked for.
        step_ms: u64,
        /// Oldest first; a step without samples has none.
        points: Vec<HistoryPoint>,
    },
    /// How much is stored.
    Storage {
        /// Bytes of the write-ahead log.
        log_bytes: u64,
        /// Bytes of `metrics.db`.
        database_bytes: u64,
        /// Bytes that the file system has left for the daemon.
        free_bytes: u64,
        /// The end of what a clean-up would delete, a UTC midnight.
        before: Option<UnixMs>,
        /// By host.
        records: Vec<StorageRecord>,
    },
    /// Nothing of the kind is stored; one line that says what to do.
    NotFound(String),
    /// More points than one answer may have; one line that says which step to take.
    TooMuch(String),
}

/// The reading connections. Each is used by one query at a time.
#[derive(Debug)]
pub struct MetricsReaders {
    path: PathBuf,
    open: OpenWindows,
    news: Arc<MetricsNews>,
    idle: Mutex<Vec<Reading>>,
    permits: Arc<Semaphore>,
}

/// A connection with the file that it was opened on: device and inode.
#[derive(Debug)]
struct Reading {
    connection: Connection,
    file: Option<(u64, u64)>,
}

impl MetricsReaders {
    /// Readers of the file at `path` and of what is not stored yet.
    pub fn new(path: &Path, open: OpenWindows, news: Arc<MetricsNews>) -> Arc<Self> {
        Arc::new(Self {
            path: path.into(),
            open,
            news,
            idle: Mutex::new(Vec::new()),
            permits: Arc::new(Semaphore::new(METRICS_READERS_MAX)),
        })
    }

    /// Answers `query` on a thread for blocking work, at most a few at the same time.
    pub async fn answer(self: Arc<Self>, query: MetricsQuery) -> Result<MetricsAnswer, StoreError> {
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Closed)?;
        // The permit goes along: a caller that gives up does not let one more thread start.
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            self.read(query)
        });
        task.await.map_err(|_| StoreError::Closed)?
    }

    /// Answers `query` on this thread.
    pub fn read(&self, query: MetricsQuery) -> Result<MetricsAnswer, StoreError> {
        let error = |error| failed(&self.path, "reading", error);
        let file = file_of(&self.path);
        let reading = match self.kept(file) {
            Some(reading) => reading,
            None => Reading { connection: self.connect().map_err(error)?, file },
        };
        let answer = self.run(&reading.connection, query).map_err(error)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reading);
        Ok(answer)
    }

    /// The answer to a clean-up of everything before `before` that deleted `records`.
    pub fn deleted(&self, before: UnixMs, records: Vec<StorageRecord>) -> MetricsAnswer {
        MetricsAnswer::Storage {
            log_bytes: self.news.log_bytes.load(Ordering::Relaxed),
            database_bytes: super::database::storage::file_bytes(&self.path),
            free_bytes: self.news.free_bytes.load(Ordering::Relaxed),
            before: Some(storage::midnight(before)),
            records,
        }
    }

    /// A connection to the file that is there now; those to one that was set aside go.
    fn kept(&self, file: Option<(u64, u64)>) -> Option<Reading> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|reading| reading.file == file);
        idle.pop()
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(CHECKPOINT_WAIT)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        Ok(connection)
    }

    fn run(&self, connection: &Connection, query: MetricsQuery) -> rusqlite::Result<MetricsAnswer> {
        match query {
            MetricsQuery::Series { hosts, metric } => {
                series(connection, &self.open, &hosts, metric.as_deref()).map(MetricsAnswer::Series)
            }
            MetricsQuery::History { host, key, from, to, step_ms } => {
                let asked = history::Asked { host, key, from, to, step_ms };
                let (answer, damaged) = history::answer(connection, &self.open, &asked)?;
                if damaged > 0 {
                    self.news.damaged.fetch_add(damaged, Ordering::Relaxed);
                    warn!(file = %self.path.display(), host = %asked.host, damaged, "damaged chunks are shown as gaps");
                }
                Ok(answer)
            }
            MetricsQuery::Storage { host, before } => Ok(MetricsAnswer::Storage {
                log_bytes: self.news.log_bytes.load(Ordering::Relaxed),
                database_bytes: super::database::storage::file_bytes(&self.path),
                free_bytes: self.news.free_bytes.load(Ordering::Relaxed),
                before: before.map(storage::midnight),
                records: storage::records(connection, &self.open, host.as_ref(), before)?,
            }),
        }
    }
}

fn file_of(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Times of stored slots that may also be among `open` ones, given by their first and last time.
fn stored_times(spans: &[Span], open: Option<(i64, i64)>) -> BTreeSet<i64> {
    let Some((first, last)) = open else { return BTreeSet::new() };
    let near = spans.iter().filter(|span| span.last >= first && span.first <= last);
    near.flat_map(|span| span.times().unwrap_or_default()).collect()
}

fn series(
    connection: &Connection,
    open: &OpenWindows,
    hosts: &[HostId],
    metric: Option<&str>,
) -> rusqlite::Result<Vec<SeriesRecord>> {
    let asked: Vec<Option<&HostId>> =
        if hosts.is_empty() { vec![None] } else { hosts.iter().map(Some).collect() };
    let mut found = BTreeMap::new();
    let mut statement = connection.prepare_cached(
        "SELECT name, metric, instance, unit, kind FROM series JOIN host ON host.id = series.host
         WHERE (?1 IS NULL OR name = ?1) AND (?2 IS NULL OR metric = ?2)",
    )?;
    for host in asked {
        let waiting = open.series(host);
        let mut rows = statement.query(params![host.map(HostId::as_str), metric])?;
        while let Some(row) = rows.next()? {
            let name: (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let unit = Growing::from_code(row.get(3)?);
            found.insert(name, (unit, Growing::from_code(row.get(4)?)));
        }
        for (host, series) in waiting {
            if metric.is_none_or(|metric| *metric == *series.key.metric) {
                let key = &series.key;
                let name = (host.to_string(), key.metric.to_string(), key.instance.to_string());
                found.insert(name, (series.unit, series.kind));
            }
        }
    }
    let record = |((host, metric, instance), (unit, kind))| SeriesRecord {
        host,
        metric,
        instance,
        unit,
        kind,
    };
    Ok(found.into_iter().map(record).collect())
}
