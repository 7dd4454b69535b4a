//! Reads at start what the engine is to know again, and leaves out rows that make no sense.

use std::sync::Arc;

use rusqlite::{Connection, Row, params};
use systole_common::ids::SpoolEpoch;
use systole_common::model::alert::AlertState;
use systole_common::model::coded::Coded;
use systole_common::model::file::FileState;
use systole_common::time::UnixMs;

use super::{Fault, Opened, StoreError, rows};
use crate::engine::limits::{FILES_SHOWN, MESSAGES_SHOWN};
use crate::engine::state::{AuditRow, Change, FileRow, KeptMessage, Saved};
use crate::limits::RESOLVED_LOADED;

/// What was saved, and what could not be read.
#[derive(Debug)]
pub struct Loaded {
    /// For the engine.
    pub saved: Saved,
    /// Rows that were left out because a value in them makes no sense.
    pub unreadable: u64,
    /// What is lost, for the log; empty if nothing.
    pub losses: Vec<String>,
}

/// Reads hosts, alerts, messages and files, and writes to the trail what was lost with a damaged file.
pub fn load(opened: &Opened, now: UnixMs) -> Result<Loaded, StoreError> {
    let failed = |source| StoreError::of(&opened.path, "reading", source);
    let losses = note_losses(opened, now).map_err(failed)?;
    let mut unreadable = 0;
    let saved = saved(&opened.connection, now, &mut unreadable).map_err(failed)?;
    Ok(Loaded { saved, unreadable, losses })
}

fn saved(connection: &Connection, now: UnixMs, unreadable: &mut u64) -> rusqlite::Result<Saved> {
    let since = now.minus(RESOLVED_LOADED).0;
    Ok(Saved {
        hosts: read(connection, "SELECT * FROM host", &[], rows::host, unreadable)?,
        alerts: read(
            connection,
            "SELECT * FROM alert WHERE state <> ?1 OR held OR resolved_at > ?2 ORDER BY id",
            params![AlertState::Resolved.code(), since],
            rows::alert,
            unreadable,
        )?,
        alert_id_last: number_last(connection, "alert")?,
        talk_epoch: talk_epoch(connection)?,
        message_last: number_last(connection, "message")?,
        messages: messages(connection, unreadable)?,
        received: read(
            connection,
            "SELECT * FROM received ORDER BY id",
            &[],
            rows::received,
            unreadable,
        )?,
        files: files(connection, unreadable)?,
        file_id_last: number_last(connection, "file")?,
    })
}

/// The highest number of a table ever used; 0 if none.
fn number_last(connection: &Connection, table: &str) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare("SELECT seq FROM sqlite_sequence WHERE name = ?1")?;
    let mut found = statement.query([table])?;
    let last: i64 = found.next()?.map_or(Ok(0), |row| row.get(0))?;
    Ok(last.cast_unsigned())
}

/// The epoch of this file's messages. A row that somebody deleted is drawn anew.
fn talk_epoch(connection: &Connection) -> rusqlite::Result<SpoolEpoch> {
    connection.execute(
        "INSERT INTO talk (epoch) SELECT random() WHERE NOT EXISTS (SELECT 1 FROM talk)",
        [],
    )?;
    let epoch: i64 = connection.query_row("SELECT epoch FROM talk", [], |row| row.get(0))?;
    Ok(SpoolEpoch(epoch.cast_unsigned()))
}

/// Those that some host is yet to get, and the newest.
fn messages(connection: &Connection, unreadable: &mut u64) -> rusqlite::Result<Vec<KeptMessage>> {
    let found = read(
        connection,
        "SELECT * FROM message WHERE number IN (SELECT number FROM delivery WHERE mark = 0)
         OR number IN (SELECT number FROM message ORDER BY number DESC LIMIT ?1) ORDER BY number",
        params![limit(MESSAGES_SHOWN)],
        rows::message,
        unreadable,
    )?;
    let mut kept = Vec::with_capacity(found.len());
    for row in found {
        let query = "SELECT host, mark FROM delivery WHERE number = ?1 ORDER BY host";
        let number = row.number.cast_signed();
        let marks = read(connection, query, params![number], rows::marks, unreadable)?;
        let mut message = KeptMessage {
            row: Arc::new(row),
            waiting: Vec::new(),
            delivered: Vec::new(),
            failed: Vec::new(),
        };
        for (host, mark) in marks {
            match mark {
                rows::WAITING => message.waiting.push(host),
                rows::DELIVERED => message.delivered.push(host),
                rows::FAILED => message.failed.push(host),
                _ => *unreadable += 1,
            }
        }
        kept.push(message);
    }
    Ok(kept)
}

/// Open ones, and the newest that are over.
fn files(connection: &Connection, unreadable: &mut u64) -> rusqlite::Result<Vec<FileRow>> {
    let [offered, accepted, receiving] = OPEN_STATES.map(Coded::code);
    read(
        connection,
        "SELECT * FROM file WHERE state IN (?1, ?2, ?3) OR id IN
         (SELECT id FROM file WHERE state NOT IN (?1, ?2, ?3) ORDER BY id DESC LIMIT ?4)
         ORDER BY id",
        params![offered, accepted, receiving, limit(FILES_SHOWN)],
        rows::file,
        unreadable,
    )
}

fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// States of files to which something can still happen.
pub(super) const OPEN_STATES: [FileState; 3] =
    [FileState::Offered, FileState::Accepted, FileState::Receiving];

fn read<T>(
    connection: &Connection,
    query: &str,
    arguments: &[&dyn rusqlite::ToSql],
    convert: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    unreadable: &mut u64,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare_cached(query)?;
    let mut found = statement.query(arguments)?;
    let mut values = Vec::new();
    while let Some(row) = found.next()? {
        match convert(row) {
            Ok(value) => values.push(value),
            Err(error) if Fault::of(&error) == Fault::Other => *unreadable += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(values)
}

/// After a damaged file: numbers go on where no lost alert, file or message can have been, and the trail says why.
fn note_losses(opened: &Opened, now: UnixMs) -> rusqlite::Result<Vec<String>> {
    let Some(aside) = &opened.set_aside else {
        return Ok(Vec::new());
    };
    let loss = format!(
        "state.db was damaged and is now {}: known hosts, open alerts with their acknowledgements, connection logs, messages, the list of files and the audit trail up to now are lost; hosts come back with their next heartbeat, received files stay in their folder",
        aside.display()
    );
    let minutes = now.0 / 60_000;
    // Messages come faster than one a minute.
    let numbers =
        [("alert", minutes), ("audit", minutes), ("file", minutes), ("message", now.0 / 1_000)];
    for (table, number) in numbers {
        opened.connection.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)",
            params![table, number],
        )?;
    }
    let line = AuditRow {
        time: now,
        operator: "daemon".into(),
        role: "daemon".into(),
        action: "state-set-aside".into(),
        target: "state.db".into(),
        outcome: "done".into(),
        reason: loss.clone(),
    };
    rows::apply(&opened.connection, &Change::Audit(line))?;
    Ok(vec![loss])
}
