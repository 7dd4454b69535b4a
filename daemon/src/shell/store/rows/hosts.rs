//! Rows of `host` and `connection`.

use rusqlite::{Connection, Row, named_params, params};
use systole_common::ids::{BootId, HostId, InstanceId};
use systole_common::model::coded::Coded;
use systole_common::time::UnixMs;
use systole_common::wire::console::ConnectionRecord;

use super::{Code, Json, Name, json};
use crate::engine::state::{ConnectionRow, HostRow};
use crate::limits::CONNECTIONS_PER_HOST_MAX;

/// Inserts or replaces a host.
pub(super) fn put_host(connection: &Connection, row: &HostRow) -> rusqlite::Result<()> {
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

/// Deletes a host with its connection log.
pub(super) fn retire(connection: &Connection, host: &HostId) -> rusqlite::Result<()> {
    let host = [host.as_str()];
    connection.prepare_cached("DELETE FROM host WHERE host = ?1")?.execute(host)?;
    connection.prepare_cached("DELETE FROM connection WHERE host = ?1")?.execute(host)?;
    Ok(())
}

/// Writes when hosts were heard.
pub(super) fn put_heard(
    connection: &Connection,
    heard: &[(HostId, UnixMs)],
) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare_cached("UPDATE host SET heard_at = ?2 WHERE host = ?1")?;
    for (host, at) in heard {
        statement.execute(params![host.as_str(), at.0])?;
    }
    Ok(())
}

/// Appends to the connection log of a host and cuts it.
pub(super) fn append_connection(
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

/// Reads a row of `host`, all columns.
pub(in crate::shell::store) fn host(row: &Row<'_>) -> rusqlite::Result<HostRow> {
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

/// Reads `at, connected, address, reason` of a row of `connection`.
pub(in crate::shell::store) fn connection(row: &Row<'_>) -> rusqlite::Result<ConnectionRecord> {
    Ok(ConnectionRecord {
        at: UnixMs(row.get("at")?),
        connected: row.get("connected")?,
        address: row.get("address")?,
        reason: row.get("reason")?,
    })
}
