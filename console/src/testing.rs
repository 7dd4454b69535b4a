//! Hosts, alerts and moments for tests.

use std::time::Duration;

use systole_common::ids::AlertId;
use systole_common::model::alert::{AlertState, Severity};
use systole_common::model::file::FileState;
use systole_common::model::host::{Cause, Certainty, HostState};
use systole_common::time::{Mono, Now, UnixMs};
use systole_common::wire::agent::ProcessSample;
use systole_common::wire::console::{AlertRecord, HostRecord, NamedValue};
use systole_common::wire::file::FileRecord;
use systole_common::wire::history::{StorageRecord, Tier, TierRecord};
use systole_common::wire::talk::MessageRecord;

use crate::model::host::Host;

/// 2026-11-21 04:16:07.089 UTC.
pub(crate) const WALL: UnixMs = UnixMs(1_795_234_567_089);

/// A moment `ms` after the start of the test.
pub(crate) fn at(ms: u64) -> Now {
    let start = Now { mono: Mono(1_000_000_000), wall: WALL };
    start.plus(Duration::from_millis(ms))
}

/// A host that is well.
pub(crate) fn record(name: &str) -> HostRecord {
    HostRecord {
        host: name.to_owned(),
        state: HostState::Online.into(),
        cause: None,
        certainty: None,
        evidence: Vec::new(),
        since: WALL.minus(Duration::from_hours(1)),
        heartbeat_age_ms: Some(400),
        heartbeat_interval_ms: Some(1_000),
        rtt_us: Some(440),
        clock_offset_ms: Some(-3),
        certificate_expires: Some(WALL.plus(Duration::from_hours(100 * 24))),
        agent_version: Some("0.1.0".to_owned()),
        os: Some("Debian GNU/Linux 12".to_owned()),
        address: Some("10.0.0.7:40112".to_owned()),
        instance: None,
        boot_id: None,
        lease_until: None,
        labels: vec![("role".to_owned(), "db".to_owned()), ("rack".to_owned(), "7".to_owned())],
        alerts_critical: 0,
        alerts_warning: 0,
        metrics_age_ms: Some(900),
        processes: vec![ProcessSample {
            pid: 812,
            name: "postgres".to_owned(),
            cpu_percent: 12.5,
            memory_bytes: 1 << 30,
        }],
        series: series(),
        more: false,
    }
}

/// A host that is not heard.
pub(crate) fn down(name: &str) -> HostRecord {
    HostRecord {
        state: HostState::Down.into(),
        cause: Some(Cause::Silent.into()),
        certainty: Some(Certainty::Unknown.into()),
        evidence: vec!["nothing heard for 12 s, limit 5.0 s".to_owned()],
        since: WALL.minus(Duration::from_secs(7)),
        heartbeat_age_ms: Some(12_000),
        alerts_critical: 1,
        ..record(name)
    }
}

/// The same, as it came at `ms`.
pub(crate) fn host(record: HostRecord, ms: u64) -> Host {
    Host::new(record, at(ms).mono)
}

fn series() -> Vec<NamedValue> {
    let values = [
        ("cpu_percent", "", 41.25),
        ("cpu_core_percent", "10", 30.0),
        ("cpu_core_percent", "2", 20.0),
        ("cpu_core_percent", "0", 10.0),
        ("iowait_percent", "", 1.5),
        ("steal_percent", "", 0.0),
        ("memory_used_bytes", "", 4_294_967_296.0),
        ("memory_total_bytes", "", 8_589_934_592.0),
        ("swap_used_bytes", "", 0.0),
        ("swap_total_bytes", "", 0.0),
        ("load1", "", 0.42),
        ("load5", "", 0.5),
        ("load15", "", 0.25),
        ("cores", "", 3.0),
        ("uptime_s", "", 86_400.5),
        ("disk_used_bytes", "/var", 90e9),
        ("disk_total_bytes", "/var", 100e9),
        ("disk_used_percent", "/var", 93.0),
        ("disk_inodes_used", "/var", 10.0),
        ("disk_inodes_total", "/var", 1_000.0),
        ("disk_used_percent", "/", 20.0),
        ("block_read_bytes_per_s", "sda", 1_536.0),
        ("block_write_bytes_per_s", "sda", 0.0),
        ("block_busy_percent", "sda", 2.5),
        ("network_rx_bytes_per_s", "eth0", 41_000_000.0),
        ("network_tx_bytes_per_s", "eth0", 512.0),
    ];
    let named = |(metric, instance, value): (&str, &str, f64)| NamedValue {
        metric: metric.to_owned(),
        instance: instance.to_owned(),
        value,
    };
    values.into_iter().map(named).collect()
}

/// An alert that fires.
pub(crate) fn alert(id: u64, host: &str) -> AlertRecord {
    AlertRecord {
        id: AlertId(id),
        key: format!("host-down/{host}/"),
        host: Some(host.to_owned()),
        rule: "host-down".to_owned(),
        subject: String::new(),
        severity: Severity::Critical.into(),
        state: AlertState::Firing.into(),
        overlays: Vec::new(),
        since: WALL.minus(Duration::from_secs(7)),
        fired_at: Some(WALL.minus(Duration::from_secs(7))),
        resolved_at: None,
        value: None,
        threshold: Some(5.0),
        summary: format!("{host} is down: nothing heard for 12 s"),
        acked_by: None,
        acked_note: None,
        acked_until: None,
    }
}

/// The same, over at `at`.
pub(crate) fn resolved(mut alert: AlertRecord, at: UnixMs) -> AlertRecord {
    alert.state = AlertState::Resolved.into();
    alert.resolved_at = Some(at);
    alert
}

/// A message that an operator or a host wrote.
pub(crate) fn spoken(number: u64, from: &str, to: &str, text: &str) -> MessageRecord {
    MessageRecord {
        number,
        id: format!("mon-1-1-{number}"),
        time: WALL.minus(Duration::from_secs(100)).plus(Duration::from_secs(number)),
        from: from.to_owned(),
        to: to.to_owned(),
        text: text.to_owned(),
        thread: None,
        targets: u32::from(to.starts_with('@') && !from.contains('/')),
        delivered: 0,
        failed: 0,
    }
}

/// A file that waits for a decision.
pub(crate) fn offer(id: u64, host: &str, name: &str) -> FileRecord {
    FileRecord {
        id,
        host: host.to_owned(),
        name: name.to_owned(),
        size_bytes: 1_288_490_188,
        blake3: [0x9f; 32],
        content: "application/zstd".to_owned(),
        note: "the core of the crash at noon".to_owned(),
        sender: format!("{host}/root"),
        certificate: "3b7c51d0a4e2".repeat(5),
        state: FileState::Offered.into(),
        reason: String::new(),
        decided_by: None,
        received_bytes: 0,
        path: format!("received_files/{host}/{name}"),
        free_bytes: 52 << 30,
        offered_at: WALL.minus(Duration::from_secs(5)).plus(Duration::from_secs(id)),
        expires_at: WALL.plus(Duration::from_mins(5)),
        finished_at: None,
    }
}

/// The same, of which so much came.
pub(crate) fn receiving(id: u64, host: &str, received_bytes: u64) -> FileRecord {
    FileRecord {
        state: FileState::Receiving.into(),
        decided_by: Some("bo".to_owned()),
        received_bytes,
        ..offer(id, host, "core.dump.zst")
    }
}

/// What is stored of a host: a day of raw samples, of which three are missing.
pub(crate) fn stored(host: &str) -> StorageRecord {
    let tier = |tier: Tier, series, records, bytes| TierRecord {
        tier: tier.into(),
        series,
        records,
        bytes,
        oldest: (records > 0).then(|| WALL.minus(Duration::from_hours(24))),
        newest: (records > 0).then_some(WALL),
    };
    StorageRecord {
        host: host.to_owned(),
        tiers: vec![tier(Tier::Raw, 2, 1_000, 1_600), tier(Tier::Minute, 0, 0, 0)],
        received: 997,
        missing: 3,
        dropped: 0,
        ranges: vec![(503, 1_000), (1, 499)],
    }
}

/// What bo wrote.
pub(crate) fn message(number: u64, to: &str, text: &str) -> MessageRecord {
    let id = format!("mon-1-00000000000000aa-{number}");
    MessageRecord { id, time: WALL, targets: 0, ..spoken(number, "bo", to, text) }
}

/// A file of web-1 that was offered 7 s ago, and what became of it.
pub(crate) fn file(id: u64, state: FileState) -> FileRecord {
    let is_decided = state != FileState::Offered;
    FileRecord {
        blake3: [0xab; 32],
        note: String::new(),
        sender: "web-1/alex".to_owned(),
        certificate: "SHA256:01ab".to_owned(),
        state: state.into(),
        decided_by: is_decided.then(|| "bo".to_owned()),
        path: String::new(),
        free_bytes: 10 << 30,
        offered_at: WALL.minus(Duration::from_secs(7)),
        expires_at: WALL.plus(Duration::from_secs(3_593)),
        ..offer(id, "web-1", "core.dump.zst")
    }
}
