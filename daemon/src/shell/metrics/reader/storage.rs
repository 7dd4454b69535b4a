//! How much is stored, together with what is not in the database yet.

use std::collections::BTreeSet;

use rusqlite::Connection;
use systole_common::ids::HostId;
use systole_common::time::UnixMs;
use systole_common::wire::history::{StorageRecord, Tier, TierRecord};

use crate::shell::metrics::database::find_host;
use crate::shell::metrics::database::rows;
use crate::shell::metrics::database::storage;
use crate::shell::metrics::points::{DAY_MS, day_of};
use crate::shell::metrics::window::OpenWindows;

/// The UTC midnight at or before `at`.
pub(super) fn midnight(at: UnixMs) -> UnixMs {
    UnixMs(day_of(at.0).saturating_mul(DAY_MS))
}

/// One record a host, by name; with `before` what a clean-up would return, of those that lose something.
pub(super) fn records(
    connection: &Connection,
    open: &OpenWindows,
    host: Option<&HostId>,
    before: Option<UnixMs>,
) -> rusqlite::Result<Vec<StorageRecord>> {
    let end = before.map(|before| midnight(before).0);
    let mut records = Vec::new();
    for host in hosts(connection, open, host)? {
        // What waits first, then the database: see the head of `reader`.
        let waiting = Waiting::of(open, &host, end);
        let snapshot = connection.unchecked_transaction()?;
        let found = storage::records(&snapshot, Some(&host), before)?.pop();
        if found.is_none() && before.is_some() && waiting.is_empty() {
            continue;
        }
        let mut record = found.unwrap_or_else(|| empty(&host));
        waiting.add_to(&snapshot, &host, &mut record)?;
        if let (None, Some(now)) = (before, open.received(&host)) {
            (record.received, record.missing) = (now.received, now.missing);
            (record.dropped, record.ranges) = (now.dropped, now.ranges);
        }
        records.push(record);
    }
    Ok(records)
}

fn hosts(
    connection: &Connection,
    open: &OpenWindows,
    host: Option<&HostId>,
) -> rusqlite::Result<BTreeSet<HostId>> {
    let mut hosts: BTreeSet<HostId> = open.series(host).into_iter().map(|(host, _)| host).collect();
    let mut statement =
        connection.prepare_cached("SELECT name FROM host WHERE ?1 IS NULL OR name = ?1")?;
    let mut rows = statement.query([host.map(HostId::as_str)])?;
    while let Some(row) = rows.next()? {
        hosts.extend(row.get::<_, String>(0)?.parse::<HostId>().ok());
    }
    Ok(hosts)
}

fn empty(host: &HostId) -> StorageRecord {
    let tier = |tier: Tier| TierRecord {
        tier: tier.into(),
        series: 0,
        records: 0,
        bytes: 0,
        oldest: None,
        newest: None,
    };
    StorageRecord {
        host: host.to_string(),
        tiers: [Tier::Raw, Tier::Minute, Tier::Hour].map(tier).to_vec(),
        received: 0,
        missing: 0,
        dropped: 0,
        ranges: Vec::new(),
    }
}

/// The samples of a host that are not stored yet: of each series its name and their times.
struct Waiting {
    series: Vec<(String, String, Vec<i64>)>,
}

impl Waiting {
    /// With `end` only those before it.
    fn of(open: &OpenWindows, host: &HostId, end: Option<i64>) -> Self {
        let end = end.unwrap_or(i64::MAX);
        let series = open.series(Some(host)).into_iter().map(|(_, series)| {
            let times = open.samples(host, &series.key).1.into_iter().map(|(at, _)| at);
            let times = times.filter(|at| *at < end).collect();
            (series.key.metric.to_string(), series.key.instance.to_string(), times)
        });
        Self { series: series.collect() }
    }

    fn is_empty(&self) -> bool {
        self.series.iter().all(|(_, _, times)| times.is_empty())
    }

    fn add_to(
        mut self,
        connection: &Connection,
        host: &HostId,
        record: &mut StorageRecord,
    ) -> rusqlite::Result<()> {
        let Some(raw) = record.tiers.iter_mut().find(|it| it.tier == Tier::Raw.into()) else {
            return Ok(());
        };
        let times = || self.series.iter().flat_map(|(_, _, times)| times.iter().copied());
        let Some((first, last)) = times().min().zip(times().max()) else { return Ok(()) };
        let id = find_host(connection, host)?;
        if let Some(id) = id {
            let spans = rows::spans(connection, id, first, last.saturating_add(1))?;
            let known = super::stored_times(&spans, Some((first, last)));
            for (_, _, times) in &mut self.series {
                times.retain(|at| !known.contains(at));
            }
        }
        let is_stored = raw.oldest.is_some();
        let mut statement = connection.prepare_cached(
            "SELECT 1 FROM series WHERE host = ?1 AND metric = ?2 AND instance = ?3",
        )?;
        for (metric, instance, times) in self.series {
            let Some((first, last)) = times.first().zip(times.last()) else { continue };
            raw.records = raw.records.saturating_add(u64::try_from(times.len()).unwrap_or(0));
            raw.oldest =
                Some(raw.oldest.map_or(UnixMs(*first), |oldest| oldest.min(UnixMs(*first))));
            raw.newest = raw.newest.max(Some(UnixMs(*last)));
            if !is_stored || !statement.exists((id, metric, instance))? {
                raw.series = raw.series.saturating_add(1);
            }
        }
        Ok(())
    }
}
