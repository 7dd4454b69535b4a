//! One host for people: what it is, its values, its log of connects and disconnects.

use std::time::Duration;

use systole_common::model::metric::MetricSet;
use systole_common::time::{Now, UnixMs};
use systole_common::wire::console::ConnectionRecord;

use super::fleet::state_tone;
use super::line::Line;
use super::phrase;
use super::table::{Cell, Column, Table};
use crate::limits::CONNECTIONS_LISTED;
use crate::model::host::{Host, instances};
use crate::tone::Tone;

/// Cells of the names of facts.
const NAME_CELLS: usize = 13;

/// A certificate that ends within this is pointed out.
const CERTIFICATE_SOON: Duration = Duration::from_hours(14 * 24);

/// All about `host` at `now`; tables at most `width` cells wide.
pub fn view(host: &Host, log: &[ConnectionRecord], now: Now, width: Option<usize>) -> Vec<Line> {
    let mut lines = vec![title(host, now)];
    lines.extend(facts(host, now));
    lines.extend(values(host, now));
    for (head, table) in [
        ("FILE SYSTEMS", disks(&host.metrics)),
        ("DISKS", block(&host.metrics)),
        ("NETWORK", network(&host.metrics)),
        ("PROCESSES", processes(host)),
        ("CONNECTIONS", connections(log)),
    ] {
        if let Some(table) = table {
            lines.push(Line::default());
            lines.push(Line::of(format!(" {head}"), Tone::Strong));
            lines.extend(table.lines(width));
        }
    }
    lines
}

fn title(host: &Host, now: Now) -> Line {
    let record = &host.record;
    let mut line = Line::of(format!(" {} ", record.host), Tone::Strong);
    let sure = record.certainty.map(|certainty| format!(", {certainty}")).unwrap_or_default();
    let state = match record.cause {
        Some(cause) => format!("{} ({cause}{sure})", record.state),
        None => record.state.to_string(),
    };
    line.push(state, state_tone(record.state));
    let since = phrase::span(now.wall.since(record.since));
    line.push(format!(" for {since}, since {}", record.since.local()), Tone::Plain);
    line
}

fn facts(host: &Host, now: Now) -> Vec<Line> {
    let record = &host.record;
    let beat = host.heartbeat_age(now.mono).map(|age| {
        let every = record.heartbeat_interval_ms.map(|ms| Duration::from_millis(ms.into()));
        let every = every.map(|every| format!(", one every {}", phrase::span(every)));
        format!("{} ago{}", phrase::span(age), every.unwrap_or_default())
    });
    let labels: Vec<String> =
        record.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let alerts = format!("{} critical, {} warning", record.alerts_critical, record.alerts_warning);
    let mut all = vec![
        ("evidence", (!record.evidence.is_empty()).then(|| record.evidence.join("; "))),
        ("heartbeat", beat),
        ("round trip", record.rtt_us.map(|us| phrase::round_trip(Duration::from_micros(us)))),
        ("clock", record.clock_offset_ms.map(clock_words)),
        ("away until", record.lease_until.map(UnixMs::local)),
        ("address", record.address.clone()),
        ("agent", record.agent_version.clone()),
        ("system", record.os.clone()),
        ("certificate", record.certificate_expires.map(|end| certificate_words(end, now.wall))),
        ("labels", (!labels.is_empty()).then(|| labels.join(" "))),
        ("alerts", Some(alerts)),
    ];
    all.retain(|(_, value)| value.is_some());
    all.into_iter().map(|(name, value)| fact(name, &value.unwrap_or_default())).collect()
}

fn fact(name: &str, value: &str) -> Line {
    let mut line = Line::of(format!("   {name:<NAME_CELLS$}"), Tone::Quiet);
    line.push(value, Tone::Plain);
    line
}

/// `3 ms behind the daemon's`.
pub fn clock_words(offset_ms: i64) -> String {
    let offset = phrase::round_trip(Duration::from_millis(offset_ms.unsigned_abs()));
    match offset_ms {
        0 => "agrees with the daemon's".to_owned(),
        ..0 => format!("{offset} behind the daemon's"),
        _ => format!("{offset} ahead of the daemon's"),
    }
}

/// `ends in 99 d, 2027-03-01 04:16:07`, and when a new one is due.
pub fn certificate_words(end: UnixMs, now: UnixMs) -> String {
    if end <= now {
        return format!("ended {}", end.local());
    }
    let left = end.since(now);
    let soon = if left < CERTIFICATE_SOON { ": make a new one soon" } else { "" };
    format!("ends in {}, {}{soon}", phrase::span(left), end.local())
}

fn values(host: &Host, now: Now) -> Vec<Line> {
    let metrics = &host.metrics;
    let Some(age) = host.metrics_age(now.mono).filter(|_| !metrics.is_empty()) else {
        return vec![fact("values", "none yet")];
    };
    let value = |metric| metrics.value(metric, "");
    let share =
        |metric, words: &str| value(metric).map(|v| format!("{} {words}", phrase::percent(v)));
    let cores = value("cores").map(|cores| format!("{} cores", phrase::number(cores)));
    let cpu = [
        share("cpu_percent", "busy"),
        share("iowait_percent", "waiting for disks"),
        share("steal_percent", "stolen"),
        cores,
    ];
    let of = |used, total| match (value(used), value(total)) {
        (Some(used), Some(total)) if total > 0.0 => Some(format!(
            "{} of {} ({})",
            phrase::bytes(used),
            phrase::bytes(total),
            phrase::percent(100.0 * used / total)
        )),
        _ => None,
    };
    let loads = ["load1", "load5", "load15"].map(|metric| value(metric).map(phrase::load));
    let up = value("uptime_s").filter(|seconds| *seconds >= 0.0 && *seconds < 1e12);
    let all = [
        ("values", Some(format!("{} old", phrase::span(age)))),
        ("processor", joined(&cpu, ", ")),
        ("memory", of("memory_used_bytes", "memory_total_bytes")),
        ("swap", of("swap_used_bytes", "swap_total_bytes")),
        ("load", joined(&loads, "  ")),
        ("up for", up.map(|seconds| phrase::span(Duration::from_secs_f64(seconds)))),
    ];
    all.into_iter().filter_map(|(name, value)| Some(fact(name, &value?))).collect()
}

fn joined(parts: &[Option<String>], between: &str) -> Option<String> {
    let known: Vec<&str> = parts.iter().flatten().map(String::as_str).collect();
    (!known.is_empty()).then(|| known.join(between))
}

const DISK_COLUMNS: &[Column] = &[
    Column::words("MOUNT", 0).cut_to(12),
    Column::numbers("USED", 0),
    Column::numbers("OF", 0),
    Column::numbers("FULL", 0),
    Column::numbers("INODES", 1),
];

fn disks(metrics: &MetricSet) -> Option<Table> {
    let mounts = instances(metrics, &["disk_used_bytes", "disk_used_percent"]);
    let mut table = Table::new(DISK_COLUMNS);
    for mount in &mounts {
        let value = |metric| metrics.value(metric, mount);
        let inodes = match (value("disk_inodes_used"), value("disk_inodes_total")) {
            (Some(used), Some(total)) if total > 0.0 => Some(phrase::percent(100.0 * used / total)),
            _ => None,
        };
        table.row(vec![
            Cell::plain(mount),
            Cell::known(value("disk_used_bytes").map(phrase::bytes).as_deref()),
            Cell::known(value("disk_total_bytes").map(phrase::bytes).as_deref()),
            Cell::known(value("disk_used_percent").map(phrase::percent).as_deref()),
            Cell::known(inodes.as_deref()),
        ]);
    }
    (!mounts.is_empty()).then_some(table)
}

const BLOCK_COLUMNS: &[Column] = &[
    Column::words("NAME", 0),
    Column::numbers("READ", 0),
    Column::numbers("WRITTEN", 0),
    Column::numbers("BUSY", 0),
];

fn block(metrics: &MetricSet) -> Option<Table> {
    let names = instances(metrics, &["block_read_bytes_per_s", "block_write_bytes_per_s"]);
    let mut table = Table::new(BLOCK_COLUMNS);
    for name in &names {
        table.row(vec![
            Cell::plain(name),
            Cell::known(metrics.value("block_read_bytes_per_s", name).map(phrase::rate).as_deref()),
            Cell::known(
                metrics.value("block_write_bytes_per_s", name).map(phrase::rate).as_deref(),
            ),
            Cell::known(metrics.value("block_busy_percent", name).map(phrase::percent).as_deref()),
        ]);
    }
    (!names.is_empty()).then_some(table)
}

const NETWORK_COLUMNS: &[Column] =
    &[Column::words("NAME", 0), Column::numbers("RECEIVED", 0), Column::numbers("SENT", 0)];

fn network(metrics: &MetricSet) -> Option<Table> {
    let names = instances(metrics, &["network_rx_bytes_per_s", "network_tx_bytes_per_s"]);
    let mut table = Table::new(NETWORK_COLUMNS);
    for name in &names {
        table.row(vec![
            Cell::plain(name),
            Cell::known(metrics.value("network_rx_bytes_per_s", name).map(phrase::rate).as_deref()),
            Cell::known(metrics.value("network_tx_bytes_per_s", name).map(phrase::rate).as_deref()),
        ]);
    }
    (!names.is_empty()).then_some(table)
}

const PROCESS_COLUMNS: &[Column] = &[
    Column::numbers("PID", 0),
    Column::words("NAME", 0),
    Column::numbers("CPU", 0),
    Column::numbers("MEMORY", 0),
];

fn processes(host: &Host) -> Option<Table> {
    let mut table = Table::new(PROCESS_COLUMNS);
    for process in &host.record.processes {
        table.row(vec![
            Cell::plain(&process.pid.to_string()),
            Cell::plain(&process.name),
            Cell::plain(&format!("{:.1}%", process.cpu_percent)),
            Cell::plain(&phrase::bytes(process.memory_bytes as f64)),
        ]);
    }
    (!host.record.processes.is_empty()).then_some(table)
}

const CONNECTION_COLUMNS: &[Column] = &[
    Column::words("TIME", 0),
    Column::words("EVENT", 0),
    Column::words("ADDRESS", 1),
    Column::words("REASON", 0).cut_to(16),
];

fn connections(log: &[ConnectionRecord]) -> Option<Table> {
    let mut table = Table::new(CONNECTION_COLUMNS);
    for record in log.iter().take(CONNECTIONS_LISTED) {
        table.row(vec![
            Cell::plain(&record.at.local()),
            Cell::plain(if record.connected { "connect" } else { "disconnect" }),
            Cell::plain(&record.address),
            Cell::plain(&record.reason),
        ]);
    }
    (!log.is_empty()).then_some(table)
}
