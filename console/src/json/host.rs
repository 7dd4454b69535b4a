//! A host as JSON: its record, and its values put together from the names of their series.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use systole_common::model::metric::MetricSet;
use systole_common::time::Mono;
use systole_common::wire::agent::ProcessSample;

use super::{name, time};
use crate::model::host::{Host, instances};

/// A host.
#[derive(Debug, Clone, Serialize)]
pub struct HostJson {
    host: String,
    state: String,
    cause: Option<String>,
    certainty: Option<String>,
    evidence: Vec<String>,
    since: String,
    heartbeat_age_ms: Option<f64>,
    heartbeat_interval_ms: Option<u32>,
    rtt_ms: Option<f64>,
    clock_offset_ms: Option<i64>,
    certificate_expires: Option<String>,
    lease_until: Option<String>,
    agent_version: Option<String>,
    os: Option<String>,
    address: Option<String>,
    labels: BTreeMap<String, String>,
    metrics: MetricsJson,
    metrics_age_ms: Option<f64>,
    services: [(); 0],
    alerts: AlertCounts,
}

/// Open alerts of a host.
#[derive(Debug, Clone, Serialize)]
struct AlertCounts {
    critical: u32,
    warning: u32,
}

impl HostJson {
    /// `host` at `now`: ages are counted on since it came.
    pub fn new(host: &Host, now: Mono) -> Self {
        let record = &host.record;
        Self {
            host: record.host.clone(),
            state: name(record.state),
            cause: record.cause.map(name),
            certainty: record.certainty.map(name),
            evidence: record.evidence.clone(),
            since: record.since.rfc3339(),
            heartbeat_age_ms: host.heartbeat_age(now).map(millis),
            heartbeat_interval_ms: record.heartbeat_interval_ms,
            rtt_ms: record.rtt_us.map(|us| millis(Duration::from_micros(us))),
            clock_offset_ms: record.clock_offset_ms,
            certificate_expires: time(record.certificate_expires),
            lease_until: time(record.lease_until),
            agent_version: record.agent_version.clone(),
            os: record.os.clone(),
            address: record.address.clone(),
            labels: record.labels.iter().cloned().collect(),
            metrics: MetricsJson::new(&host.metrics, &record.processes),
            metrics_age_ms: host.metrics_age(now).map(millis),
            services: [],
            alerts: AlertCounts {
                critical: record.alerts_critical,
                warning: record.alerts_warning,
            },
        }
    }
}

/// The values of a host.
#[derive(Debug, Clone, Serialize)]
pub struct MetricsJson {
    cpu_percent: Option<f64>,
    cpu_per_core_percent: Vec<f64>,
    iowait_percent: Option<f64>,
    steal_percent: Option<f64>,
    memory_used_bytes: Option<u64>,
    memory_total_bytes: Option<u64>,
    swap_used_bytes: Option<u64>,
    swap_total_bytes: Option<u64>,
    load1: Option<f64>,
    load5: Option<f64>,
    load15: Option<f64>,
    cores: Option<u64>,
    uptime_s: Option<f64>,
    disks: Vec<DiskJson>,
    block: Vec<BlockJson>,
    network: Vec<NetworkJson>,
    processes: Vec<ProcessJson>,
}

/// A file system.
#[derive(Debug, Clone, Serialize)]
struct DiskJson {
    mount: String,
    used_bytes: Option<u64>,
    total_bytes: Option<u64>,
    used_percent: Option<f64>,
    inodes_used: Option<u64>,
    inodes_total: Option<u64>,
}

/// A disk.
#[derive(Debug, Clone, Serialize)]
struct BlockJson {
    name: String,
    read_bytes_per_s: Option<f64>,
    write_bytes_per_s: Option<f64>,
    busy_percent: Option<f64>,
}

/// A network interface.
#[derive(Debug, Clone, Serialize)]
struct NetworkJson {
    name: String,
    rx_bytes_per_s: Option<f64>,
    tx_bytes_per_s: Option<f64>,
}

/// A process.
#[derive(Debug, Clone, Serialize)]
struct ProcessJson {
    pid: u32,
    name: String,
    cpu_percent: f32,
    memory_bytes: u64,
}

impl MetricsJson {
    /// The latest values and top processes of one host.
    pub fn new(metrics: &MetricSet, processes: &[ProcessSample]) -> Self {
        let value = |metric| metrics.value(metric, "");
        let count = |metric| metrics.value(metric, "").map(whole);
        Self {
            cpu_percent: value("cpu_percent"),
            cpu_per_core_percent: cores(metrics),
            iowait_percent: value("iowait_percent"),
            steal_percent: value("steal_percent"),
            memory_used_bytes: count("memory_used_bytes"),
            memory_total_bytes: count("memory_total_bytes"),
            swap_used_bytes: count("swap_used_bytes"),
            swap_total_bytes: count("swap_total_bytes"),
            load1: value("load1"),
            load5: value("load5"),
            load15: value("load15"),
            cores: count("cores"),
            uptime_s: value("uptime_s"),
            disks: disks(metrics),
            block: block(metrics),
            network: network(metrics),
            processes: processes.iter().map(process).collect(),
        }
    }
}

/// Processor use of each core, in the order of their numbers.
fn cores(metrics: &MetricSet) -> Vec<f64> {
    let number = |(core, value): (&str, f64)| core.parse::<u32>().ok().map(|core| (core, value));
    let by_number: BTreeMap<u32, f64> =
        metrics.instances("cpu_core_percent").filter_map(number).collect();
    by_number.into_values().collect()
}

fn disks(metrics: &MetricSet) -> Vec<DiskJson> {
    let count = |metric: &str, mount: &str| metrics.value(metric, mount).map(whole);
    let families = ["disk_used_bytes", "disk_total_bytes", "disk_used_percent"];
    let disk = |mount: &str| DiskJson {
        mount: mount.to_owned(),
        used_bytes: count("disk_used_bytes", mount),
        total_bytes: count("disk_total_bytes", mount),
        used_percent: metrics.value("disk_used_percent", mount),
        inodes_used: count("disk_inodes_used", mount),
        inodes_total: count("disk_inodes_total", mount),
    };
    instances(metrics, &families).into_iter().map(disk).collect()
}

fn block(metrics: &MetricSet) -> Vec<BlockJson> {
    let families = ["block_read_bytes_per_s", "block_write_bytes_per_s", "block_busy_percent"];
    let one = |name: &str| BlockJson {
        name: name.to_owned(),
        read_bytes_per_s: metrics.value("block_read_bytes_per_s", name),
        write_bytes_per_s: metrics.value("block_write_bytes_per_s", name),
        busy_percent: metrics.value("block_busy_percent", name),
    };
    instances(metrics, &families).into_iter().map(one).collect()
}

fn network(metrics: &MetricSet) -> Vec<NetworkJson> {
    let families = ["network_rx_bytes_per_s", "network_tx_bytes_per_s"];
    let one = |name: &str| NetworkJson {
        name: name.to_owned(),
        rx_bytes_per_s: metrics.value("network_rx_bytes_per_s", name),
        tx_bytes_per_s: metrics.value("network_tx_bytes_per_s", name),
    };
    instances(metrics, &families).into_iter().map(one).collect()
}

fn process(sample: &ProcessSample) -> ProcessJson {
    ProcessJson {
        pid: sample.pid,
        name: sample.name.clone(),
        cpu_percent: sample.cpu_percent,
        memory_bytes: sample.memory_bytes,
    }
}

/// Milliseconds with three decimals.
fn millis(span: Duration) -> f64 {
    f64::from(span.subsec_micros()) / 1_000.0 + span.as_secs() as f64 * 1_000.0
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and bytes are whole and not negative; the cast saturates"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}
