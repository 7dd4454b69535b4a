//! Values into rows and rows into values: the only place that knows the columns of `state.db`.

mod alerts;
mod files;
mod hosts;
mod messages;

use rusqlite::Connection;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use serde::Serialize;
use serde::de::DeserializeOwned;
use systole_common::ids::HostId;
use systole_common::model::coded::Coded;

pub(super) use alerts::{alert, audit};
pub(super) use files::file;
pub(super) use hosts::{connection, host};
pub(super) use messages::{DELIVERED, FAILED, WAITING, marks, message, message_record, received};

use crate::engine::state::Change;

/// Writes one change, inside the transaction of its batch.
pub(super) fn apply(connection: &Connection, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::Host(row) => hosts::put_host(connection, row),
        Change::RetireHost(host) => hosts::retire(connection, host),
        Change::Heard(heard) => hosts::put_heard(connection, heard),
        Change::Connection(host, row) => hosts::append_connection(connection, host, row),
        Change::Alert(row) => alerts::put_alert(connection, row),
        Change::Audit(row) => alerts::append_audit(connection, row),
        Change::Message { row, waiting, failed } => {
            messages::append_message(connection, row, waiting, failed)
        }
        Change::Marks { number, delivered, failed } => {
            messages::put_marks(connection, *number, delivered, failed)
        }
        Change::Received { host, kind, epoch, ranges } => {
            messages::put_received(connection, host, *kind, *epoch, ranges)
        }
        Change::File(row) => files::put_file(connection, row),
    }
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
