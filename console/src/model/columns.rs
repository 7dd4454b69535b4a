//! The further columns of a host, taken from its whole record where the daemon did not send them apart.

use systole_common::model::interface::Total;
use systole_common::model::metric::MetricSet;
use systole_common::wire::feed::{HostFacts, HostValues};

use super::host::Host;

/// What `host` is.
pub fn facts(host: &Host) -> HostFacts {
    let record = &host.record;
    HostFacts {
        host: record.host.clone(),
        certainty: record.certainty,
        agent_version: record.agent_version.clone(),
        os: record.os.clone(),
        address: record.address.clone(),
        labels: record.labels.clone(),
    }
}

/// What `host` measures beyond its summary.
pub fn values(host: &Host) -> HostValues {
    let metrics = &host.metrics;
    let value = |metric| metrics.value(metric, "").map(narrow);
    let highest = |metric| metrics.instances(metric).map(|(_, value)| value).reduce(f64::max);
    let sum = |metric| {
        let mut total = Total::default();
        metrics.instances(metric).for_each(|(name, value)| total.add(name, value));
        total.value()
    };
    HostValues {
        host: host.record.host.clone(),
        rx_bytes_per_s: sum("network_rx_bytes_per_s").map(narrow),
        tx_bytes_per_s: sum("network_tx_bytes_per_s").map(narrow),
        rx_bytes_per_s_max: highest("network_rx_bytes_per_s").map(narrow),
        tx_bytes_per_s_max: highest("network_tx_bytes_per_s").map(narrow),
        read_bytes_per_s_max: highest("block_read_bytes_per_s").map(narrow),
        write_bytes_per_s_max: highest("block_write_bytes_per_s").map(narrow),
        busy_percent_max: highest("block_busy_percent").map(narrow),
        inodes_percent_max: inodes(metrics, None).map(narrow),
        iowait_percent: value("iowait_percent"),
        steal_percent: value("steal_percent"),
        load5: value("load5"),
        load15: value("load15"),
        cores: value("cores"),
        uptime_s: value("uptime_s"),
        clock_offset_ms: host.record.clock_offset_ms,
        metrics_age_ms: host.record.metrics_age_ms,
    }
}

/// Inodes used in percent: those of one file system, or the highest of all.
pub fn inodes(metrics: &MetricSet, mount: Option<&str>) -> Option<f64> {
    let share = |(mount, used): (&str, f64)| {
        let total = metrics.value("disk_inodes_total", mount).filter(|total| *total > 0.0)?;
        Some(100.0 * used / total)
    };
    match mount {
        Some(mount) => share((mount, metrics.value("disk_inodes_used", mount)?)),
        None => metrics.instances("disk_inodes_used").filter_map(share).reduce(f64::max),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a column shows three digits")]
fn narrow(value: f64) -> f32 {
    value as f32
}
