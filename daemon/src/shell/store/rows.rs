//! Values into rows and rows into values: the only place that knows the columns of `state.db`.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, Row, named_params, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use systole_common::ids::{AlertId, BootId, HostId, InstanceId};
use systole_common::model::coded::Coded;
use systole_common::time::UnixMs;
use systole_common::wire::console::{AuditRecord, ConnectionRecord};

use crate::engine::state::{AckRow, AlertRow, AuditRow, Change, ConnectionRow, HostRow};
use crate::limits::CONNECTIONS_PER_HOST_MAX;

/// Writes one change, inside the transaction of its batch.
pub(super) fn apply(connection: &Connection, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::Host(row) => put_host(connection, row),
        Change::RetireHost(host) => retire(connection, host),
        Change::Heard(heard) => put_heard(connection, heard),
        Change::Connection(host, row) => append_connection(connection, host, row),
        Change::Alert(row) => put_alert(connection, row),
        Change::Audit(row) => append_audit(connection, row),
    }
}

fn put_host(connection: &Connection, row: &HostRow) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO host VALUES (:host, :state, :cause, :certainty, :evidence, :since,
         :heard_at, :interval, :instance, :boot_id, :agent_version, :os, :address, :expires,
         :labels, :lease_until, :lease_why, :goodbye, :starts)",
    )?;
    let starts: Vec<i64> = row.starts.iter().map(|at| at.0).collect();
    statement.execute(named_params! {
        ":host": row.host.as_str(),
        ":state": row.state.code(),
        ":cause": row.cause.map(Coded::code),
        ":certainty": row.certainty.map(Coded::code),
        ":evidence": json(&row.evidence)?,
        ":since": row.since.0,
        ":heard_at": row.heard_at.map(|at| at.0),
        ":interval": row.heartbeat_interval_ms,
        ":instance": row.instance.map(|instance| instance.0.cast_signed()),
        ":boot_id": row.boot_id.map(|boot| boot.0),
        ":agent_version": row.agent_version,
        ":os": row.os,
        ":address": row.address,
        ":expires": row.certificate_expires.map(|at| at.0),
        ":labels": json(&row.labels)?,
        ":lease_until": row.lease.as_ref().map(|(until, _)| until.0),
        ":lease_why": row.lease.as_ref().map(|(_, why)| why),
        ":goodbye": row.goodbye,
        ":starts": json(&starts)?,
    })?;
    Ok(())
}

fn retire(connection: &Connection, host: &HostId) -> rusqlite::Result<()> {
    let host = [host.as_str()];
    connection.prepare_cached("DELETE FROM host WHERE host = ?1")?.execute(host)?;
    connection.prepare_cached("DELETE FROM connection WHERE host = ?1")?.execute(host)?;
    Ok(())
}

fn put_heard(connection: &Connection, heard: &[(HostId, UnixMs)]) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare_cached("UPDATE host SET heard_at = ?2 WHERE host = ?1")?;
    for (host, at) in heard {
        statement.execute(params![host.as_str(), at.0])?;
    }
    Ok(())
}

fn append_connection(
    connection: &Connection,
    host: &HostId,
    row: &ConnectionRow,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO connection (host, at, connected, address, reason)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![host.as_str(), row.at.0, row.connected, row.address, row.reason])?;
    connection
        .prepare_cached(
            "DELETE FROM connection WHERE host = ?1 AND id <=
             (SELECT id FROM connection WHERE host = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        )?
        .execute(params![host.as_str(), CONNECTIONS_PER_HOST_MAX])?;
    Ok(())
}

fn put_alert(connection: &Connection, row: &AlertRow) -> rusqlite::Result<()> {
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

fn append_audit(connection: &Connection, row: &AuditRow) -> rusqlite::Result<()> {
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

/// Reads a row of `host`, all columns.
pub(super) fn host(row: &Row<'_>) -> rusqlite::Result<HostRow> {
    let lease_until: Option<i64> = row.get("lease_until")?;
    let lease_why: Option<String> = row.get("lease_why")?;
    Ok(HostRow {
        host: row.get::<_, Name>("host")?.0,
        state: row.get::<_, Code<_>>("state")?.0,
        cause: row.get::<_, Option<Code<_>>>("cause")?.map(|code| code.0),
        certainty: row.get::<_, Option<Code<_>>>("certainty")?.map(|code| code.0),
        evidence: row.get::<_, Json<_>>("evidence")?.0,
        since: UnixMs(row.get("since")?),
        heard_at: row.get::<_, Option<i64>>("heard_at")?.map(UnixMs),
        heartbeat_interval_ms: row.get("heartbeat_interval_ms")?,
        instance: row.get::<_, Option<i64>>("instance")?.map(|it| InstanceId(it.cast_unsigned())),
        boot_id: row.get::<_, Option<[u8; 16]>>("boot_id")?.map(BootId),
        agent_version: row.get("agent_version")?,
        os: row.get("os")?,
        address: row.get("address")?,
        certificate_expires: row.get::<_, Option<i64>>("certificate_expires")?.map(UnixMs),
        labels: row.get::<_, Json<_>>("labels")?.0,
        lease: lease_until.map(|until| (UnixMs(until), lease_why.unwrap_or_default())),
        goodbye: row.get("goodbye")?,
        starts: row.get::<_, Json<Vec<i64>>>("starts")?.0.into_iter().map(UnixMs).collect(),
    })
}

/// Reads a row of `alert`, all columns.
pub(super) fn alert(row: &Row<'_>) -> rusqlite::Result<AlertRow> {
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

/// Reads `at, connected, address, reason` of a row of `connection`.
pub(super) fn connection(row: &Row<'_>) -> rusqlite::Result<ConnectionRecord> {
    Ok(ConnectionRecord {
        at: UnixMs(row.get("at")?),
        connected: row.get("connected")?,
        address: row.get("address")?,
        reason: row.get("reason")?,
    })
}

/// Reads a row of `audit`, all columns.
pub(super) fn audit(row: &Row<'_>) -> rusqlite::Result<AuditRecord> {
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

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

struct Name(HostId);

impl FromSql for Name {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(FromSqlError::other)
    }
}

struct Code<T>(T);

impl<T: Coded> FromSql for Code<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let code = value.as_i64()?;
        let member = u16::try_from(code).ok().and_then(T::from_code);
        member.map(Self).ok_or(FromSqlError::OutOfRange(code))
    }
}

struct Json<T>(T);

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(FromSqlError::other)
    }
}
