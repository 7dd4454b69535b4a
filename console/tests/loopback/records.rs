//! Hosts and alerts as a daemon has them.

use std::time::Duration;

use systole_common::ids::AlertId;
use systole_common::model::alert::{AlertState, Severity};
use systole_common::model::file::FileState;
use systole_common::model::host::{Cause, HostState};
use systole_common::wire::console::{AlertRecord, HostRecord, NamedValue};
use systole_common::wire::file::FileRecord;

use super::peer::now;

pub(crate) fn host(name: &str, state: HostState) -> HostRecord {
    HostRecord {
        host: name.to_owned(),
        state: state.into(),
        cause: (state == HostState::Down).then_some(Cause::Silent.into()),
        certainty: None,
        evidence: Vec::new(),
        since: now().minus(Duration::from_mins(1)),
        heartbeat_age_ms: Some(400),
        heartbeat_interval_ms: Some(1_000),
        rtt_us: Some(440),
        clock_offset_ms: Some(0),
        certificate_expires: None,
        agent_version: Some("0.1.0".to_owned()),
        os: None,
        address: Some("10.0.0.7:40112".to_owned()),
        instance: None,
        boot_id: None,
        lease_until: None,
        labels: vec![("role".to_owned(), "db".to_owned())],
        alerts_critical: 0,
        alerts_warning: 0,
        metrics_age_ms: Some(900),
        processes: Vec::new(),
        series: vec![value("cpu_percent", "", 41.25)],
        more: false,
    }
}

/// More series than one frame takes.
pub(crate) fn many_series(mut host: HostRecord) -> HostRecord {
    let mount = |n: usize| format!("/srv/{n:03}/{}", "x".repeat(150));
    host.series.extend((0..900).map(|n| value("disk_used_percent", &mount(n), 50.0)));
    host
}

fn value(metric: &str, instance: &str, value: f64) -> NamedValue {
    NamedValue { metric: metric.to_owned(), instance: instance.to_owned(), value }
}

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
        since: now().minus(Duration::from_secs(30)),
        fired_at: Some(now()),
        resolved_at: None,
        value: None,
        threshold: None,
        summary: format!("{host} is down"),
        acked_by: None,
        acked_note: None,
        acked_until: None,
    }
}

pub(crate) fn resolved(mut alert: AlertRecord) -> AlertRecord {
    alert.state = AlertState::Resolved.into();
    alert.resolved_at = Some(now());
    alert
}

/// A file of web-1 that holds `bytes`.
pub(crate) fn file(id: u64, state: FileState, bytes: &[u8]) -> FileRecord {
    FileRecord {
        id,
        host: "web-1".to_owned(),
        name: "core.zst".to_owned(),
        size_bytes: bytes.len() as u64,
        blake3: *blake3::hash(bytes).as_bytes(),
        content: "application/zstd".to_owned(),
        note: "of this morning".to_owned(),
        sender: "web-1/root".to_owned(),
        certificate: String::new(),
        state: state.into(),
        reason: String::new(),
        decided_by: None,
        received_bytes: 0,
        path: String::new(),
        free_bytes: 1 << 30,
        offered_at: now().minus(Duration::from_mins(1)),
        expires_at: now().plus(Duration::from_mins(59)),
        finished_at: None,
    }
}
