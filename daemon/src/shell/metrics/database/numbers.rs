//! Numbers of hosts and of their series in `metrics.db`, kept at hand so that a commit needs no look-up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use systole_common::ids::HostId;
use systole_common::model::coded::Growing;
use systole_common::model::metric::{MetricKind, SeriesKey, Unit};

use crate::limits::SERIES_NUMBERS_MAX;
use crate::shell::metrics::slot::Series;

/// What is known of the tables `host` and `series`. Must be forgotten when a transaction fails.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    hosts: BTreeMap<HostId, HostNumbers>,
}

#[derive(Debug)]
struct HostNumbers {
    id: i64,
    series: BTreeMap<Arc<SeriesKey>, Known>,
    taken: BTreeSet<i64>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    number: i64,
    unit: Growing<Unit>,
    kind: Growing<MetricKind>,
    days: (i64, i64),
}

impl Numbers {
    /// Forgets all; what is needed is read again.
    pub(super) fn forget(&mut self) {
        self.hosts.clear();
    }

    /// The number of a host, made if need be.
    pub(super) fn host(&mut self, connection: &Connection, host: &HostId) -> rusqlite::Result<i64> {
        Ok(self.host_numbers(connection, host)?.id)
    }

    /// The number of a series that has samples on `day`; `None` if the host has too many.
    pub(super) fn series(
        &mut self,
        connection: &Connection,
        host: &HostId,
        series: &Series,
        day: i64,
    ) -> rusqlite::Result<Option<i64>> {
        let numbers = self.host_numbers(connection, host)?;
        let Some(known) = numbers.series.get_mut(&series.key) else {
            return numbers.add(connection, series, day);
        };
        let days = (known.days.0.min(day), known.days.1.max(day));
        let is_as_was = known.unit == series.unit && known.kind == series.kind;
        if !is_as_was || days != known.days {
            let (unit, kind) = (series.unit, series.kind);
            *known = Known { number: known.number, unit, kind, days };
            connection
                .prepare_cached(
                    "UPDATE series SET unit = ?3, kind = ?4, first_day = ?5, last_day = ?6
                     WHERE host = ?1 AND number = ?2",
                )?
                .execute(params![
                    numbers.id,
                    known.number,
                    unit.code(),
                    kind.code(),
                    days.0,
                    days.1
                ])?;
        }
        Ok(Some(known.number))
    }

    fn host_numbers(
        &mut self,
        connection: &Connection,
        host: &HostId,
    ) -> rusqlite::Result<&mut HostNumbers> {
        if !self.hosts.contains_key(host) {
            let numbers = HostNumbers::load(connection, host)?;
            self.hosts.insert(host.clone(), numbers);
        }
        // It was just put there; an empty query result is what is left to say otherwise.
        self.hosts.get_mut(host).ok_or(rusqlite::Error::QueryReturnedNoRows)
    }
}

impl HostNumbers {
    fn load(connection: &Connection, host: &HostId) -> rusqlite::Result<Self> {
        let id = match find_host(connection, host)? {
            Some(id) => id,
            None => connection
                .prepare_cached("INSERT INTO host (name) VALUES (?1)")?
                .insert([host.as_str()])?,
        };
        let mut statement = connection.prepare_cached(
            "SELECT metric, instance, number, unit, kind, first_day, last_day
             FROM series WHERE host = ?1",
        )?;
        let series = statement
            .query_map([id], |row| {
                let (metric, instance): (String, String) = (row.get(0)?, row.get(1)?);
                let known = Known {
                    number: row.get(2)?,
                    unit: Growing::from_code(row.get(3)?),
                    kind: Growing::from_code(row.get(4)?),
                    days: (row.get(5)?, row.get(6)?),
                };
                Ok((Arc::new(SeriesKey::new(&metric, &instance)), known))
            })?
            .collect::<rusqlite::Result<BTreeMap<_, _>>>()?;
        let taken = series.values().map(|known| known.number).collect();
        Ok(Self { id, series, taken })
    }

    fn add(
        &mut self,
        connection: &Connection,
        series: &Series,
        day: i64,
    ) -> rusqlite::Result<Option<i64>> {
        let count = i64::try_from(self.taken.len()).unwrap_or(i64::MAX);
        // The numbers below `count` are all taken, or one of them is free.
        let is_dense = self.taken.last().is_none_or(|last| *last < count);
        let free =
            if is_dense { Some(count) } else { (0..count).find(|it| !self.taken.contains(it)) };
        let Some(number) = free.filter(|number| *number < SERIES_NUMBERS_MAX) else {
            return Ok(None);
        };
        let (unit, kind) = (series.unit, series.kind);
        connection
            .prepare_cached(
                "INSERT INTO series (host, number, metric, instance, unit, kind, first_day, last_day)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
            )?
            .execute(params![
                self.id,
                number,
                &*series.key.metric,
                &*series.key.instance,
                unit.code(),
                kind.code(),
                day
            ])?;
        self.taken.insert(number);
        let known = Known { number, unit, kind, days: (day, day) };
        self.series.insert(series.key.clone(), known);
        Ok(Some(number))
    }
}

/// The number of a host that is there.
pub(in crate::shell::metrics) fn find_host(
    connection: &Connection,
    host: &HostId,
) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM host WHERE name = ?1")?
        .query_row([host.as_str()], |row| row.get(0))
        .optional()
}
