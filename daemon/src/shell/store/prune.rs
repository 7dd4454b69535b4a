//! Deletes what is too old, a bounded number of rows at a time, but never the newest of a kind: a wrong
//! clock must not empty the trail, nor the history of what was said.

use rusqlite::{Connection, params};
use systole_common::model::alert::AlertState;
use systole_common::model::coded::Coded;
use systole_common::time::UnixMs;

use super::load::OPEN_STATES;
use crate::limits::{
    AUDIT_AGE_MAX, AUDIT_KEPT_MIN, PRUNE_MARKS_MAX, PRUNE_ROWS_MAX, RECEIVED_STRANGERS_MAX,
    TALK_AGE_MAX, TALK_KEPT_MIN,
};

/// Deletes what is too old at `now`; `false` if there is more to delete.
pub(super) fn prune(connection: &mut Connection, now: UnixMs) -> rusqlite::Result<bool> {
    let (old, old_talk) = (now.minus(AUDIT_AGE_MAX).0, now.minus(TALK_AGE_MAX).0);
    let transaction = connection.transaction()?;
    let rows = [
        audit(&transaction, old)?,
        alerts(&transaction, old)?,
        files(&transaction, old_talk)?,
        strangers(&transaction)?,
    ];
    let is_all = messages(&transaction, old_talk)?;
    transaction.commit()?;
    Ok(is_all && rows.iter().all(|count| *count < PRUNE_ROWS_MAX as usize))
}

fn audit(connection: &Connection, before: i64) -> rusqlite::Result<usize> {
    connection.execute(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE time < ?1 AND id <=
         (SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET ?2) LIMIT ?3)",
        params![before, AUDIT_KEPT_MIN, PRUNE_ROWS_MAX],
    )
}

fn alerts(connection: &Connection, before: i64) -> rusqlite::Result<usize> {
    connection.execute(
        "DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE state = ?4
         AND NOT held AND resolved_at < ?1 AND id <=
         (SELECT id FROM alert ORDER BY id DESC LIMIT 1 OFFSET ?2) LIMIT ?3)",
        params![before, AUDIT_KEPT_MIN, PRUNE_ROWS_MAX, AlertState::Resolved.code()],
    )
}

/// Files that are over; what was received of them stays where it is.
fn files(connection: &Connection, before: i64) -> rusqlite::Result<usize> {
    let [offered, accepted, receiving] = OPEN_STATES.map(Coded::code);
    connection.execute(
        "DELETE FROM file WHERE id IN (SELECT id FROM file WHERE offered_at < ?1
         AND state NOT IN (?4, ?5, ?6) AND id <=
         (SELECT id FROM file ORDER BY id DESC LIMIT 1 OFFSET ?2) LIMIT ?3)",
        params![before, TALK_KEPT_MIN, PRUNE_ROWS_MAX, offered, accepted, receiving],
    )
}

/// Sequences of hosts that are retired, but for the newest: one of them may come back.
fn strangers(connection: &Connection) -> rusqlite::Result<usize> {
    connection.execute(
        "DELETE FROM received WHERE id IN (SELECT id FROM received
         WHERE host NOT IN (SELECT host FROM host) ORDER BY id DESC LIMIT ?2 OFFSET ?1)",
        params![RECEIVED_STRANGERS_MAX, PRUNE_ROWS_MAX],
    )
}

/// Messages that no host is yet to get, with their marks; `false` if there are more.
fn messages(connection: &Connection, before: i64) -> rusqlite::Result<bool> {
    let mut old = connection.prepare_cached(
        "SELECT number FROM message WHERE time < ?1 AND number <=
         (SELECT number FROM message ORDER BY number DESC LIMIT 1 OFFSET ?2)
         AND number NOT IN (SELECT number FROM delivery WHERE mark = 0)
         ORDER BY number LIMIT ?3",
    )?;
    let old = old.query_map(params![before, TALK_KEPT_MIN, PRUNE_ROWS_MAX], |row| row.get(0))?;
    let old: Vec<i64> = old.collect::<rusqlite::Result<_>>()?;
    let mut marks = connection.prepare_cached("DELETE FROM delivery WHERE number = ?1")?;
    let mut message = connection.prepare_cached("DELETE FROM message WHERE number = ?1")?;
    let mut deleted = 0;
    for number in &old {
        if deleted >= PRUNE_MARKS_MAX {
            return Ok(false);
        }
        deleted += marks.execute([number])?;
        message.execute([number])?;
    }
    Ok(old.len() < PRUNE_ROWS_MAX as usize)
}
