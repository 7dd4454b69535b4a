//! Rows of `file`.

use rusqlite::{Connection, Row, named_params};
use systole_common::ids::SpoolEpoch;
use systole_common::model::coded::Coded;
use systole_common::time::UnixMs;

use super::{Code, Name};
use crate::engine::state::FileRow;

/// Inserts or replaces a file.
pub(super) fn put_file(connection: &Connection, row: &FileRow) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO file VALUES (:id, :host, :epoch, :sequence, :name, :size_bytes,
         :blake3, :content, :note, :sender, :certificate, :state, :reason, :decided_by,
         :synced_bytes, :placed, :free_bytes, :offered_at, :expires_at, :finished_at)",
    )?;
    statement.execute(named_params! {
        ":id": row.id.cast_signed(),
        ":host": row.host.as_str(),
        ":epoch": row.epoch.0.cast_signed(),
        ":sequence": row.sequence.cast_signed(),
        ":name": row.name,
        ":size_bytes": row.size_bytes.cast_signed(),
        ":blake3": row.blake3,
        ":content": row.content,
        ":note": row.note,
        ":sender": row.sender,
        ":certificate": row.certificate,
        ":state": row.state.code(),
        ":reason": row.reason,
        ":decided_by": row.decided_by,
        ":synced_bytes": row.synced_bytes.cast_signed(),
        ":placed": row.placed,
        ":free_bytes": row.free_bytes.cast_signed(),
        ":offered_at": row.offered_at.0,
        ":expires_at": row.expires_at.0,
        ":finished_at": row.finished_at.map(|at| at.0),
    })?;
    Ok(())
}

/// Reads a row of `file`, all columns.
pub(in crate::shell::store) fn file(row: &Row<'_>) -> rusqlite::Result<FileRow> {
    let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
    Ok(FileRow {
        id: number("id")?,
        host: row.get::<_, Name>("host")?.0,
        epoch: SpoolEpoch(number("epoch")?),
        sequence: number("sequence")?,
        name: row.get("name")?,
        size_bytes: number("size_bytes")?,
        blake3: row.get("blake3")?,
        content: row.get("content")?,
        note: row.get("note")?,
        sender: row.get("sender")?,
        certificate: row.get("certificate")?,
        state: row.get::<_, Code<_>>("state")?.0,
        reason: row.get("reason")?,
        decided_by: row.get("decided_by")?,
        synced_bytes: number("synced_bytes")?,
        placed: row.get("placed")?,
        free_bytes: number("free_bytes")?,
        offered_at: UnixMs(row.get("offered_at")?),
        expires_at: UnixMs(row.get("expires_at")?),
        finished_at: row.get::<_, Option<i64>>("finished_at")?.map(UnixMs),
    })
}
