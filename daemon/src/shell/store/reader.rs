//! Answers to queries from `state.db`, on read-only connections that never wait for the writer.

mod talk;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags, Row, params};
use systole_common::ids::HostId;
use systole_common::model::alert::AlertState;
use systole_common::model::coded::Coded;
use systole_common::time::UnixMs;
use systole_common::wire::console::{AlertRecord, AuditRecord, ConnectionRecord};
use systole_common::wire::file::FileRecord;
use systole_common::wire::talk::{MessageMarks, MessageRecord};
use tokio::sync::Semaphore;

use talk::{Wanted, WantedFiles};

use super::{Fault, StoreError, rows};
use crate::engine::alert_record;
use crate::engine::effect::Query;
use crate::limits::{
    AUDIT_LINES_MAX, CHECKPOINT_WAIT, CONNECTIONS_PER_HOST_MAX, READERS_MAX, RESOLVED_ALERTS_MAX,
};

/// What a query found.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Connects and disconnects of a host, newest first.
    Connections(HostId, Vec<ConnectionRecord>),
    /// Alerts: the open ones as they came, then resolved ones, newest first.
    Alerts(Vec<AlertRecord>),
    /// The trail, newest first.
    Audit(Vec<AuditRecord>),
    /// Messages, newest first, each with its marks. A reply may hold fewer than were asked for: those that
    /// follow are older than its last.
    Messages(Vec<(MessageRecord, Vec<MessageMarks>)>),
    /// Files: the open ones as they came, then those that are over, newest first.
    Files(Vec<FileRecord>),
    /// A file that may be fetched.
    Fetch {
        /// Below the folder of which host.
        host: HostId,
        /// Under which name.
        name: String,
        /// The file, which is verified.
        record: Box<FileRecord>,
    },
    /// There is nothing to fetch; why.
    NoFile(String),
}

/// The reading connections. Each is used by one query at a time.
#[derive(Debug)]
pub struct Readers {
    path: PathBuf,
    files: String,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// Readers of the file at `path`; connections are opened when they are needed. `files` is where received
    /// files are, for people.
    pub fn new(path: &Path, files: &str) -> Arc<Self> {
        Arc::new(Self {
            path: path.into(),
            files: files.to_owned(),
            idle: Mutex::new(Vec::new()),
            permits: Arc::new(Semaphore::new(READERS_MAX)),
        })
    }

    /// Answers `query` on a thread for blocking work, at most a few at the same time.
    pub async fn answer(self: Arc<Self>, query: Query) -> Result<Answer, StoreError> {
        let permit = self.permits.clone().acquire_owned().await;
        let _permit = permit.map_err(|_| StoreError::Closed)?;
        let task = tokio::task::spawn_blocking(move || self.read(query));
        task.await.map_err(|_| StoreError::Closed)?
    }

    fn read(&self, query: Query) -> Result<Answer, StoreError> {
        let failed = |source| StoreError::of(&self.path, "reading", source);
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = kept.map_or_else(|| self.open(), Ok).map_err(failed)?;
        let answer = run(&connection, query, &self.files).map_err(failed)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(answer)
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(CHECKPOINT_WAIT)?;
        Ok(connection)
    }
}

fn run(connection: &Connection, query: Query, files: &str) -> rusqlite::Result<Answer> {
    match query {
        Query::Connections { host, count_max } => {
            let records = read(
                connection,
                "SELECT * FROM connection WHERE host = ?1 ORDER BY id DESC LIMIT ?2",
                params![host.as_str(), count_max.min(CONNECTIONS_PER_HOST_MAX)],
                rows::connection,
            )?;
            Ok(Answer::Connections(host, records))
        }
        Query::Alerts { open, since, host } => {
            let resolved = resolved_alerts(connection, since, host.as_ref())?;
            Ok(Answer::Alerts(open.into_iter().chain(resolved).collect()))
        }
        Query::Audit { since, count_max } => {
            let records = read(
                connection,
                "SELECT * FROM audit WHERE time > ?1 ORDER BY id DESC LIMIT ?2",
                params![after(since), count_max.min(AUDIT_LINES_MAX)],
                rows::audit,
            )?;
            Ok(Answer::Audit(records))
        }
        Query::Messages { place, since, before, words, count_max } => {
            talk::messages(connection, &Wanted { place, since, before, words, count_max })
        }
        Query::Files { open, host, since, file, count_max } => {
            talk::files(connection, WantedFiles { open, host, since, file, count_max }, files)
        }
        Query::Fetch { file } => talk::fetch(connection, file, files),
    }
}

fn resolved_alerts(
    connection: &Connection,
    since: Option<UnixMs>,
    host: Option<&HostId>,
) -> rusqlite::Result<Vec<AlertRecord>> {
    let alerts = read(
        connection,
        "SELECT * FROM alert WHERE state = ?1 AND resolved_at > ?2 AND (?3 IS NULL OR host = ?3)
         ORDER BY resolved_at DESC, id DESC LIMIT ?4",
        params![
            AlertState::Resolved.code(),
            after(since),
            host.map(HostId::as_str),
            RESOLVED_ALERTS_MAX
        ],
        rows::alert,
    )?;
    Ok(alerts.iter().map(alert_record).collect())
}

fn after(since: Option<UnixMs>) -> i64 {
    since.map_or(i64::MIN, |since| since.0)
}

/// Rows that make no sense are left out; they were reported at start.
fn read<T>(
    connection: &Connection,
    query: &str,
    arguments: &[&dyn rusqlite::ToSql],
    convert: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare_cached(query)?;
    let mut found = statement.query(arguments)?;
    let mut records = Vec::new();
    while let Some(row) = found.next()? {
        match convert(row) {
            Ok(record) => records.push(record),
            Err(error) if Fault::of(&error) == Fault::Other => {}
            Err(error) => return Err(error),
        }
    }
    Ok(records)
}
