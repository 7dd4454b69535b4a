//! Reads at start what the engine is to know again, and leaves out rows that make no sense.

use rusqlite::{Connection, Row, params};
use systole_common::model::alert::AlertState;
use systole_common::model::coded::Coded;
use systole_common::time::UnixMs;

use super::{Fault, Opened, StoreError, rows};
use crate::engine::state::{AuditRow, Change, Saved};
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

/// Reads hosts and alerts, and writes to the trail what was lost with a damaged file.
pub fn load(opened: &Opened, now: UnixMs) -> Result<Loaded, StoreError> {
    let failed = |source| StoreError::of(&opened.path, "reading", source);
    let losses = note_losses(opened, now).map_err(failed)?;
    let connection = &opened.connection;
    let mut unreadable = 0;
    let hosts = read(connection, "SELECT * FROM host", &[], rows::host, &mut unreadable);
    let since = now.minus(RESOLVED_LOADED).0;
    let alerts = read(
        connection,
        "SELECT * FROM alert WHERE state <> ?1 OR held OR resolved_at > ?2 ORDER BY id",
        params![AlertState::Resolved.code(), since],
        rows::alert,
        &mut unreadable,
    );
    let saved = Saved {
        hosts: hosts.map_err(failed)?,
        alerts: alerts.map_err(failed)?,
        alert_id_last: id_last(connection).map_err(failed)?,
    };
    Ok(Loaded { saved, unreadable, losses })
}

/// The highest alert id ever used; 0 if none.
fn id_last(connection: &Connection) -> rusqlite::Result<u64> {
    let mut statement =
        connection.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'alert'")?;
    let mut found = statement.query([])?;
    let last: i64 = found.next()?.map_or(Ok(0), |row| row.get(0))?;
    Ok(last.cast_unsigned())
}

fn read<T>(
    connection: &Connection,
    query: &str,
    arguments: &[&dyn rusqlite::ToSql],
    convert: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    unreadable: &mut u64,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare(query)?;
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

/// After a damaged file: numbers go on where no lost alert can have been, and the trail says why.
fn note_losses(opened: &Opened, now: UnixMs) -> rusqlite::Result<Vec<String>> {
    let Some(aside) = &opened.set_aside else {
        return Ok(Vec::new());
    };
    let loss = format!(
        "state.db was damaged and is now {}: known hosts, open alerts with their acknowledgements, connection logs and the audit trail up to now are lost; hosts come back with their next heartbeat",
        aside.display()
    );
    let minutes = now.0 / 60_000;
    for table in ["alert", "audit"] {
        opened.connection.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)",
            params![table, minutes],
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
