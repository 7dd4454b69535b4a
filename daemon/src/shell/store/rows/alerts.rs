//! Rows of `alert` and `audit`.

use rusqlite::{Connection, Row, named_params, params};
use systole_common::ids::{AlertId, HostId};
use systole_common::model::coded::Coded;
use systole_common::time::UnixMs;
use systole_common::wire::console::AuditRecord;

use super::{Code, Name};
use crate::engine::state::{AckRow, AlertRow, AuditRow};

/// Inserts or replaces an alert.
pub(super) fn put_alert(connection: &Connection, row: &AlertRow) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO alert VALUES (:id, :rule, :host, :subject, :severity, :state,
         :since, :fired_at, :resolved_at, :resolved_reason, :value, :threshold, :summary,
         :ack_by, :ack_note, :ack_until, :held, :event_at, :nodata)",
    )?;
    let ack = row.ack.as_ref();
    statement.execute(named_params! {
        ":id": row.id.0.cast_signed(),
        ":rule": row.rule,
        ":host": row.host.as_ref().map(HostId::as_str),
        ":subject": row.subject,
        ":severity": row.severity.code(),
        ":state": row.state.code(),
        ":since": row.since.0,
        ":fired_at": row.fired_at.map(|at| at.0),
        ":resolved_at": row.resolved_at.map(|at| at.0),
        ":resolved_reason": row.resolved_reason,
        ":value": row.value,
        ":threshold": row.threshold,
        ":summary": row.summary,
        ":ack_by": ack.map(|ack| ack.by.as_str()),
        ":ack_note": ack.map(|ack| ack.note.as_str()),
        ":ack_until": ack.map(|ack| ack.until.0),
        ":held": row.held,
        ":event_at": row.event_at.map(|at| at.0),
        ":nodata": row.nodata,
    })?;
    Ok(())
}

/// Appends to the trail.
pub(super) fn append_audit(connection: &Connection, row: &AuditRow) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO audit (time, operator, role, action, target, outcome, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            row.time.0,
            row.operator,
            row.role,
            row.action,
            row.target,
            row.outcome,
            row.reason
        ])?;
    Ok(())
}

/// Reads a row of `alert`, all columns.
pub(in crate::shell::store) fn alert(row: &Row<'_>) -> rusqlite::Result<AlertRow> {
    let ack_by: Option<String> = row.get("ack_by")?;
    let ack_note: Option<String> = row.get("ack_note")?;
    let ack_until: Option<i64> = row.get("ack_until")?;
    Ok(AlertRow {
        id: AlertId(row.get::<_, i64>("id")?.cast_unsigned()),
        rule: row.get("rule")?,
        host: row.get::<_, Option<Name>>("host")?.map(|name| name.0),
        subject: row.get("subject")?,
        severity: row.get::<_, Code<_>>("severity")?.0,
        state: row.get::<_, Code<_>>("state")?.0,
        since: UnixMs(row.get("since")?),
        fired_at: row.get::<_, Option<i64>>("fired_at")?.map(UnixMs),
        resolved_at: row.get::<_, Option<i64>>("resolved_at")?.map(UnixMs),
        resolved_reason: row.get("resolved_reason")?,
        value: row.get("value")?,
        threshold: row.get("threshold")?,
        summary: row.get("summary")?,
        ack: ack_by.map(|by| AckRow {
            by,
            note: ack_note.unwrap_or_default(),
            until: UnixMs(ack_until.unwrap_or_default()),
        }),
        held: row.get("held")?,
        nodata: row.get("nodata")?,
        event_at: row.get::<_, Option<i64>>("event_at")?.map(UnixMs),
    })
}

/// Reads a row of `audit`, all columns.
pub(in crate::shell::store) fn audit(row: &Row<'_>) -> rusqlite::Result<AuditRecord> {
    Ok(AuditRecord {
        id: row.get::<_, i64>("id")?.cast_unsigned(),
        time: UnixMs(row.get("time")?),
        operator: row.get("operator")?,
        role: row.get("role")?,
        action: row.get("action")?,
        target: row.get("target")?,
        outcome: row.get("outcome")?,
        reason: row.get("reason")?,
    })
}
