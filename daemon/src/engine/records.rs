//! Makes wire records of hosts and alerts. Reads everything, changes nothing.

use std::collections::BTreeMap;

use systole_common::model::alert::{Overlay, Severity};
use systole_common::model::coded::Growing;
use systole_common::time::{Now, UnixMs, millis};
use systole_common::wire::console::{AlertRecord, HostRecord, NamedValue};
use systole_common::wire::feed::{
    AlertBefore, FeedAlertEvent, FeedHostEvent, HostBefore, HostFacts, HostSummary, HostValues,
};
use systole_common::wire::limits::LABELS_MAX;

use super::alerts::{AlertKey, Book};
use super::host::{Host, Standing};
use super::settings::Settings;
use super::state::AlertRow;

/// The state that people see, with what explains it.
pub(super) fn standing(host: &Host) -> Standing {
    match &host.over {
        Some(over) => Standing {
            state: over.state,
            cause: Some(over.cause),
            certainty: Some(over.certainty),
            evidence: over.evidence.clone(),
        },
        None => Standing {
            state: host.row.state,
            cause: host.row.cause,
            certainty: host.row.certainty,
            evidence: host.row.evidence.clone(),
        },
    }
}

/// A host, whole.
pub(super) fn host(host: &Host, book: &Book, settings: &Settings, now: Now) -> HostRecord {
    let standing = standing(host);
    let (critical, warning) = counts(host, book);
    let row = &host.row;
    HostRecord {
        host: row.host.to_string(),
        state: standing.state.into(),
        cause: standing.cause.map(Into::into),
        certainty: standing.certainty.map(Into::into),
        evidence: standing.evidence,
        since: since(host),
        heartbeat_age_ms: age_ms(host, now),
        heartbeat_interval_ms: row.heartbeat_interval_ms,
        rtt_us: host.rtt_us,
        clock_offset_ms: clock_offset_ms(host),
        certificate_expires: row.certificate_expires,
        agent_version: row.agent_version.clone(),
        os: row.os.clone(),
        address: row.address.clone(),
        instance: row.instance,
        boot_id: row.boot_id,
        lease_until: row.lease.as_ref().map(|(until, _)| *until),
        labels: labels(host, settings),
        alerts_critical: critical,
        alerts_warning: warning,
        metrics_age_ms: metrics_age_ms(host, now),
        processes: host.processes.clone(),
        series: host.metrics.iter().map(named).collect(),
        more: false,
    }
}

/// The fleet table's columns of a host.
pub(super) fn summary(host: &Host, book: &Book, now: Now) -> HostSummary {
    let columns = &host.columns;
    let standing = standing(host);
    let (critical, warning) = counts(host, book);
    HostSummary {
        host: host.row.host.to_string(),
        state: standing.state.into(),
        cause: standing.cause.map(Into::into),
        since: since(host),
        heartbeat_age_ms: age_ms(host, now),
        heartbeat_interval_ms: host.row.heartbeat_interval_ms,
        rtt_us: host.rtt_us,
        cpu_percent: columns.cpu_percent,
        memory_percent: columns.memory_percent,
        swap_percent: columns.swap_percent,
        disk_percent: columns.disk_percent_max,
        load1: columns.load1,
        alerts_critical: critical,
        alerts_warning: warning,
    }
}

/// The columns of a host that its summary has no room for.
pub(super) fn values(host: &Host, now: Now) -> HostValues {
    let columns = &host.columns;
    HostValues {
        host: host.row.host.to_string(),
        metrics_age_ms: metrics_age_ms(host, now),
        rx_bytes_per_s: columns.rx_bytes_per_s,
        tx_bytes_per_s: columns.tx_bytes_per_s,
        rx_bytes_per_s_max: columns.rx_bytes_per_s_max,
        tx_bytes_per_s_max: columns.tx_bytes_per_s_max,
        read_bytes_per_s_max: columns.read_bytes_per_s_max,
        write_bytes_per_s_max: columns.write_bytes_per_s_max,
        busy_percent_max: columns.busy_percent_max,
        inodes_percent_max: columns.inodes_percent_max,
        iowait_percent: columns.iowait_percent,
        steal_percent: columns.steal_percent,
        load5: columns.load5,
        load15: columns.load15,
        cores: columns.cores,
        uptime_s: columns.uptime_s,
        clock_offset_ms: clock_offset_ms(host),
    }
}

/// What a host is.
pub(super) fn facts(host: &Host, settings: &Settings) -> HostFacts {
    let row = &host.row;
    HostFacts {
        host: row.host.to_string(),
        certainty: standing(host).certainty.map(Into::into),
        agent_version: row.agent_version.clone(),
        os: row.os.clone(),
        address: row.address.clone(),
        labels: labels(host, settings),
    }
}

/// An alert.
pub fn alert(row: &AlertRow) -> AlertRecord {
    AlertRecord {
        id: row.id,
        key: AlertKey::of_row(row).to_string(),
        host: row.host.as_ref().map(ToString::to_string),
        rule: row.rule.clone(),
        subject: row.subject.clone(),
        severity: row.severity.into(),
        state: row.state.into(),
        overlays: overlays(row),
        since: row.since,
        fired_at: row.fired_at,
        resolved_at: row.resolved_at,
        value: row.value,
        threshold: row.threshold,
        summary: row.summary.clone(),
        acked_by: row.ack.as_ref().map(|ack| ack.by.clone()),
        acked_note: row.ack.as_ref().map(|ack| ack.note.clone()),
        acked_until: row.ack.as_ref().map(|ack| ack.until),
    }
}

/// A changed alert for the feeds.
pub(super) fn alert_event(at: UnixMs, before: Option<&AlertRow>, row: &AlertRow) -> FeedAlertEvent {
    let previous = before.map(|before| AlertBefore {
        state: (before.state != row.state).then(|| before.state.into()),
        severity: (before.severity != row.severity).then(|| before.severity.into()),
        overlays: (overlays(before) != overlays(row)).then(|| overlays(before)),
        summary: (before.summary != row.summary).then(|| before.summary.clone()),
    });
    FeedAlertEvent { at, previous, record: alert(row) }
}

/// A changed host for the feeds.
pub(super) fn host_event(at: UnixMs, previous: HostBefore, record: HostRecord) -> FeedHostEvent {
    FeedHostEvent { at, previous: Some(previous), retired: false, record }
}

/// The host's wall clock minus ours: the highest of the last readings, for delay only lowers one.
pub(super) fn clock_offset_ms(host: &Host) -> Option<i64> {
    host.offsets_ms.iter().copied().max()
}

fn overlays(row: &AlertRow) -> Vec<Growing<Overlay>> {
    let acked = row.ack.iter().map(|_| Overlay::Acked.into());
    let nodata = row.nodata.then(|| Overlay::NoData.into());
    acked.chain(nodata).collect()
}

/// Since when it is what people see.
pub(super) fn since(host: &Host) -> UnixMs {
    host.over.as_ref().map_or(host.row.since, |over| over.since)
}

fn age_ms(host: &Host, now: Now) -> Option<u64> {
    match host.beat_at {
        Some(at) => Some(millis(now.mono.since(at))),
        None => host.row.heard_at.map(|at| millis(now.wall.since(at))),
    }
}

fn metrics_age_ms(host: &Host, now: Now) -> Option<u64> {
    host.metrics_at.map(|at| millis(now.mono.since(at)))
}

fn counts(host: &Host, book: &Book) -> (u32, u32) {
    let mut counts = (0, 0);
    for (_, row) in book.open_of(host.id()) {
        match row.severity {
            Severity::Critical => counts.0 += 1,
            Severity::Warning => counts.1 += 1,
        }
    }
    counts
}

/// The labels of a host, with those of the settings over its own.
pub(super) fn labels(host: &Host, settings: &Settings) -> Vec<(String, String)> {
    let mut labels: BTreeMap<String, String> = host.row.labels.iter().cloned().collect();
    if let Some(over) = settings.labels.get(host.id()) {
        labels.extend(over.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    labels.into_iter().take(LABELS_MAX).collect()
}

fn named((metric, instance, value): (&str, &str, f64)) -> NamedValue {
    NamedValue { metric: metric.to_owned(), instance: instance.to_owned(), value }
}

/// What a host was, for the event that it is gone.
pub(super) fn host_before(host: &Host) -> HostBefore {
    let standing = standing(host);
    HostBefore {
        state: Some(standing.state.into()),
        cause: Some(standing.cause.map(Into::into)),
        certainty: Some(standing.certainty.map(Into::into)),
        since: Some(since(host)),
    }
}
