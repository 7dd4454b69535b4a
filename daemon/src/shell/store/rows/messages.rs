//! Rows of `message`, `delivery` and `received`.

use rusqlite::{Connection, Row, params};
use systole_common::ids::{HostId, SpoolEpoch};
use systole_common::model::coded::Coded;
use systole_common::time::UnixMs;
use systole_common::wire::control::SequenceKind;
use systole_common::wire::talk::MessageRecord;

use super::{Code, Json, Name, json};
use crate::engine::limits::RECEIVED_EPOCHS_MAX;
use crate::engine::state::MessageRow;

/// The mark of a host that is yet to get a message.
pub(in crate::shell::store) const WAITING: i64 = 0;
/// The mark of a host that has it.
pub(in crate::shell::store) const DELIVERED: i64 = 1;
/// The mark of a host that never will.
pub(in crate::shell::store) const FAILED: i64 = 2;

/// What of a host's sequence is safe: kind, epoch, closed ranges.
pub(in crate::shell::store) type Received = (HostId, SequenceKind, SpoolEpoch, Vec<(u64, u64)>);

/// Appends a message with its marks. A number that is there already is a fault of ours and fails.
pub(super) fn append_message(
    connection: &Connection,
    row: &MessageRow,
    waiting: &[HostId],
    failed: &[HostId],
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO message (number, id, time, sender, place, thread, text)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            row.number.cast_signed(),
            row.id,
            row.time.0,
            row.from,
            row.to,
            row.thread,
            row.text
        ])?;
    let mut statement = connection
        .prepare_cached("INSERT INTO delivery (number, host, mark) VALUES (?1, ?2, ?3)")?;
    for (hosts, mark) in [(waiting, WAITING), (failed, FAILED)] {
        for host in hosts {
            statement.execute(params![row.number.cast_signed(), host.as_str(), mark])?;
        }
    }
    Ok(())
}

/// Writes how far a message came; of a message that is deleted nothing is written.
pub(super) fn put_marks(
    connection: &Connection,
    number: u64,
    delivered: &[HostId],
    failed: &[HostId],
) -> rusqlite::Result<()> {
    let mut statement = connection
        .prepare_cached("UPDATE delivery SET mark = ?3 WHERE number = ?1 AND host = ?2")?;
    for (hosts, mark) in [(delivered, DELIVERED), (failed, FAILED)] {
        for host in hosts {
            statement.execute(params![number.cast_signed(), host.as_str(), mark])?;
        }
    }
    Ok(())
}

/// Replaces what of a host's sequence is safe; of its spool's lives the newest stay.
pub(super) fn put_received(
    connection: &Connection,
    host: &HostId,
    kind: SequenceKind,
    epoch: SpoolEpoch,
    ranges: &[(u64, u64)],
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO received (host, kind, epoch, ranges) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![host.as_str(), kind.code(), epoch.0.cast_signed(), json(&ranges)?])?;
    let kept = i64::try_from(RECEIVED_EPOCHS_MAX).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "DELETE FROM received WHERE host = ?1 AND kind = ?2 AND id <=
             (SELECT id FROM received WHERE host = ?1 AND kind = ?2
              ORDER BY id DESC LIMIT 1 OFFSET ?3)",
        )?
        .execute(params![host.as_str(), kind.code(), kept])?;
    Ok(())
}

/// Reads a row of `message`, all columns.
pub(in crate::shell::store) fn message(row: &Row<'_>) -> rusqlite::Result<MessageRow> {
    Ok(MessageRow {
        number: row.get::<_, i64>("number")?.cast_unsigned(),
        id: row.get("id")?,
        time: UnixMs(row.get("time")?),
        from: row.get("sender")?,
        to: row.get("place")?,
        text: row.get("text")?,
        thread: row.get("thread")?,
    })
}

/// Reads `host, mark` of a row of `delivery`.
pub(in crate::shell::store) fn marks(row: &Row<'_>) -> rusqlite::Result<(HostId, i64)> {
    Ok((row.get::<_, Name>("host")?.0, row.get("mark")?))
}

/// Reads a row of `received`, all columns.
pub(in crate::shell::store) fn received(row: &Row<'_>) -> rusqlite::Result<Received> {
    Ok((
        row.get::<_, Name>("host")?.0,
        row.get::<_, Code<_>>("kind")?.0,
        SpoolEpoch(row.get::<_, i64>("epoch")?.cast_unsigned()),
        row.get::<_, Json<_>>("ranges")?.0,
    ))
}

/// A message as operators get it, its marks not counted yet.
pub(in crate::shell::store) fn message_record(row: MessageRow) -> MessageRecord {
    MessageRecord {
        number: row.number,
        id: row.id,
        time: row.time,
        from: row.from,
        to: row.to,
        text: row.text,
        thread: row.thread,
        targets: 0,
        delivered: 0,
        failed: 0,
    }
}
