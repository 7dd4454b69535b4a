//! One message of each kind, and its frame. The frames of these values are frozen in `vectors/v1.txt`.

use systole_common::ids::{AlertId, BootId, InstanceId, SpoolEpoch};
use systole_common::model::alert::{AlertState, Overlay, Severity};
use systole_common::model::host::{Cause, Certainty, HostState};
use systole_common::model::metric::{MetricKind, Unit};
use systole_common::time::UnixMs;
use systole_common::wire::agent::{
    Declare, Dropped, Heartbeat, Intent, IntentKind, Live, Pressure, ProbeAnswer, ProcessSample,
    Processes, Progress, SeriesDeclaration, SeriesValue, Stored,
};
use systole_common::wire::codec::{Body, encode_frame};
use systole_common::wire::console::{
    Ack, AlertPage, AlertRecord, AlertTargets, AlertsQuery, AuditPage, AuditQuery, AuditRecord,
    ConnectionPage, ConnectionRecord, ConnectionsQuery, Done, HostRecord, HostSeries, HostsQuery,
    LookingAt, NamedValue, Refused, Resolve, Retire, Subscribe, Unack,
};
use systole_common::wire::control::{
    Echo, Intervals, Policy, Probe, Ranges, Receipt, SequenceKind,
};
use systole_common::wire::feed::{
    AlertBefore, FeedAlertEvent, FeedComplete, FeedDetail, FeedFacts, FeedHostEvent, FeedOperators,
    FeedSnapshot, FeedSummary, FeedTick, FeedValues, HostBefore, HostFacts, HostSummary,
    HostValues, OperatorPresence,
};
use systole_common::wire::hello::{
    Clocks, Hello, HelloAnswer, PeerRole, Purpose, Refusal, RefusalCode, StreamName, StreamOpen,
};
use systole_common::wire::history::{
    HistoryPage, HistoryPoint, HistoryQuery, SeriesPage, SeriesQuery, SeriesRecord, StorageCleanUp,
    StoragePage, StorageQuery, StorageRecord, Tier, TierRecord,
};
use systole_common::wire::kind::Kind;

use crate::talk_samples::{file_frames, talk_frames};

/// When everything happened.
pub(crate) const AT: UnixMs = UnixMs(1_795_234_567_089);
const CLOCKS: Clocks = Clocks { mono_ns: 5_000_000_001, boot_ns: 6_000_000_002, wall_ms: AT.0 };

/// Version of the golden frames.
pub(crate) const VERSION: u8 = 1;

/// Every kind that has a body, with a frame of it.
pub(crate) fn frames() -> Vec<(Kind, Vec<u8>)> {
    let mut all = Vec::new();
    hello_frames(&mut all);
    agent_frames(&mut all);
    control_frames(&mut all);
    request_frames(&mut all);
    reply_frames(&mut all);
    feed_frames(&mut all);
    history_frames(&mut all);
    presence_frames(&mut all);
    talk_frames(&mut all);
    file_frames(&mut all);
    all
}

/// Adds a frame.
pub(crate) fn put<B: Body>(all: &mut Vec<(Kind, Vec<u8>)>, version: u8, message: &B) {
    all.push((B::KIND, encode_frame(version, message).unwrap()));
}

fn hello_frames(all: &mut Vec<(Kind, Vec<u8>)>) {
    let hello = Hello {
        version_min: 1,
        version_max: 3,
        software: "0.1.0".into(),
        purpose: Purpose::Main.into(),
        instance: InstanceId(0x1122_3344_5566_7788),
        boot_id: BootId([0xab; 16]),
        spool_epoch: SpoolEpoch(42),
        clocks: CLOCKS,
        os: "Debian GNU/Linux 12".into(),
        labels: vec![("role".into(), "web".into())],
    };
    put(all, 0, &hello);
    put(all, 0, &answer(Some(refusal())));
    put(all, 0, &StreamOpen { stream: StreamName::Heartbeat.into() });
}

fn refusal() -> Refusal {
    Refusal {
        code: RefusalCode::Conflict.into(),
        text: "another agent is web-1".into(),
        retry_after_ms: 30_000,
    }
}

pub(crate) fn answer(refused: Option<Refusal>) -> HelloAnswer {
    HelloAnswer {
        refused,
        version: 1,
        daemon: "mon-1".into(),
        software: "0.1.0".into(),
        instance: InstanceId(9),
        clocks: CLOCKS,
        role: PeerRole::Agent.into(),
        policy: policy(),
    }
}

fn policy() -> Policy {
    Policy {
        intervals: Intervals { heartbeat_ms: 1_000, live_ms: 1_000, stored_ms: 5_000 },
        processes_interval_ms: 5_000,
        series_max: 1_024,
        text_bytes_max: 4_096,
        file_bytes_max: 1 << 30,
    }
}

pub(crate) fn heartbeat() -> Heartbeat {
    Heartbeat {
        sequence: 7,
        instance: InstanceId(0x1122_3344_5566_7788),
        boot: 0xabab_abab_abab_abab,
        flags: 2,
        next_in_ms: 1_000,
        sent: CLOCKS,
        loop_lag_max_us: 120,
        ticks_skipped: 1,
        heartbeats_sent: 7,
        datagrams_dropped: 0,
        echo_sequence: 6,
        echo_hold_us: 999_000,
        pressure: Pressure { cpu_some_us: 10, io_full_us: 3, ..Pressure::default() },
        steal_us: 4,
        progress: Progress { collector: 5, sender: 5, ..Progress::default() },
        intent: Intent {
            kind: IntentKind::Lease.into(),
            lease_ms: 1_200_000,
            why: "kernel update".into(),
        },
    }
}

fn agent_frames(all: &mut Vec<(Kind, Vec<u8>)>) {
    put(all, VERSION, &heartbeat());
    let series = SeriesDeclaration {
        id: 3,
        metric: "disk_used_percent".into(),
        instance: "/var".into(),
        unit: Unit::Percent.into(),
        kind: MetricKind::Gauge.into(),
    };
    put(all, VERSION, &Declare { series: vec![series] });
    let values = vec![SeriesValue { id: 3, value: 41.5 }, SeriesValue { id: 4, value: -0.0 }];
    put(all, VERSION, &Live { at: CLOCKS, interval_ms: 1_000, values: values.clone() });
    let stored = Stored { sequence: 300, slot_ms: 1_795_234_565_000, interval_ms: 5_000, values };
    put(all, VERSION, &stored);
    let ranges = Ranges(vec![(1, 4), (9, 70_000)]);
    let kind = SequenceKind::Samples.into();
    put(all, VERSION, &Dropped { kind, epoch: SpoolEpoch(42), ranges: ranges.clone() });
    let process = ProcessSample {
        pid: 4_242,
        name: "postgres".into(),
        cpu_percent: 12.5,
        memory_bytes: 1 << 28,
    };
    put(all, VERSION, &Processes { processes: vec![process] });
    put(all, VERSION, &Receipt { kind, epoch: SpoolEpoch(42), ranges });
    let answer =
        ProbeAnswer { nonce: 77, instance: InstanceId(8), clocks: CLOCKS, heartbeat_sequence: 7 };
    put(all, VERSION, &answer);
}

fn control_frames(all: &mut Vec<(Kind, Vec<u8>)>) {
    put(all, VERSION, &policy());
    put(all, VERSION, &policy().intervals);
    let echo = Echo {
        epoch: InstanceId(9),
        sequence: 6,
        heartbeat_sequence: 7,
        hold_us: 12,
        loop_lag_us: 80,
        wanted_interval_ms: 1_000,
    };
    put(all, VERSION, &echo);
    put(all, VERSION, &Probe { nonce: 77 });
}

fn request_frames(all: &mut Vec<(Kind, Vec<u8>)>) {
    let targets = AlertTargets { ids: vec![AlertId(17), AlertId(300)], host: Some("web-1".into()) };
    put(all, VERSION, &Subscribe { all: false, hosts: vec!["web-1".into()] });
    put(all, VERSION, &HostsQuery { hosts: vec![] });
    put(all, VERSION, &ConnectionsQuery { host: "web-1".into(), count_max: 100 });
    put(all, VERSION, &AlertsQuery { open_only: true, since: Some(AT), host: None });
    put(all, VERSION, &AuditQuery { since: None, count_max: 100 });
    put(all, VERSION, &Ack { targets: targets.clone(), note: "on it".into(), for_ms: 28_800_000 });
    put(all, VERSION, &Unack { targets: targets.clone() });
    put(all, VERSION, &Resolve { targets, note: "known".into() });
    put(all, VERSION, &Retire { host: "web-1".into() });
}

pub(crate) fn host_record() -> HostRecord {
    HostRecord {
        host: "web-1".into(),
        state: HostState::Down.into(),
        cause: Some(Cause::Silent.into()),
        certainty: Some(Certainty::Unknown.into()),
        evidence: vec!["nothing heard for 5.0 s".into()],
        since: AT,
        heartbeat_age_ms: Some(5_001),
        heartbeat_interval_ms: Some(1_000),
        rtt_us: Some(420),
        clock_offset_ms: Some(-3),
        certificate_expires: Some(UnixMs(AT.0 + 86_400_000)),
        agent_version: Some("0.1.0".into()),
        os: None,
        address: Some("10.0.0.7:4000".into()),
        instance: Some(InstanceId(8)),
        boot_id: Some(BootId([1; 16])),
        lease_until: None,
        labels: vec![("role".into(), "web".into())],
        alerts_critical: 1,
        alerts_warning: 0,
        metrics_age_ms: Some(6_000),
        processes: vec![],
        series: vec![NamedValue {
            metric: "cpu_percent".into(),
            instance: String::new(),
            value: 12.25,
        }],
        more: true,
    }
}

fn alert_record() -> AlertRecord {
    AlertRecord {
        id: AlertId(17),
        key: "host_down/web-1/heartbeat".into(),
        host: Some("web-1".into()),
        rule: "host_down".into(),
        subject: "heartbeat".into(),
        severity: Severity::Critical.into(),
        state: AlertState::Firing.into(),
        overlays: vec![Overlay::Acked.into()],
        since: AT,
        fired_at: Some(AT),
        resolved_at: None,
        value: Some(5.001),
        threshold: Some(5.0),
        summary: "web-1 is down".into(),
        acked_by: Some("alex".into()),
        acked_note: Some("on it".into()),
        acked_until: Some(AT),
    }
}

fn reply_frames(all: &mut Vec<(Kind, Vec<u8>)>) {
    let record = host_record();
    let series = record.series.clone();
    put(all, VERSION, &record);
    put(all, VERSION, &HostSeries { host: "web-1".into(), series, more: false });
    let connection = ConnectionRecord {
        at: AT,
        connected: false,
        address: "10.0.0.7:4000".into(),
        reason: "reset".into(),
    };
    put(all, VERSION, &ConnectionPage { host: "web-1".into(), records: vec![connection] });
    put(all, VERSION, &AlertPage { records: vec![alert_record()] });
    let audit = AuditRecord {
        id: 5,
        time: AT,
        operator: "alex".into(),
        role: "operator".into(),
        action: "ack".into(),
        target: "alert 17".into(),
        outcome: "done".into(),
        reason: "on it".into(),
    };
    put(all, VERSION, &AuditPage { records: vec![audit] });
    put(all, VERSION, &Done { count: 2 });
    put(all, VERSION, &Refused { refusal: refusal() });
}

fn feed_frames(all: &mut Vec<(Kind, Vec<u8>)>) {
    let snapshot =
        FeedSnapshot { instance: InstanceId(9), at: AT, hosts: 3, alerts: 1, after_overflow: true };
    put(all, VERSION, &snapshot);
    put(all, VERSION, &FeedComplete { picture: 2 });
    let summary = HostSummary {
        host: "web-1".into(),
        state: HostState::Online.into(),
        cause: None,
        since: AT,
        heartbeat_age_ms: Some(12),
        heartbeat_interval_ms: Some(1_000),
        rtt_us: Some(300),
        cpu_percent: Some(12.5),
        memory_percent: Some(40.0),
        swap_percent: None,
        disk_percent: Some(71.0),
        load1: Some(0.25),
        alerts_critical: 0,
        alerts_warning: 2,
    };
    put(all, VERSION, &FeedSummary { hosts: vec![summary], retired: vec!["old-1".into()] });
    put(all, VERSION, &FeedDetail { record: host_record() });
    put(all, VERSION, &FeedTick { sequence: 61, at: AT, loop_lag_us: 90 });
    let previous = HostBefore {
        state: Some(HostState::Late.into()),
        cause: Some(None),
        certainty: None,
        since: None,
    };
    let event =
        FeedHostEvent { at: AT, previous: Some(previous), retired: false, record: host_record() };
    put(all, VERSION, &event);
    let previous = AlertBefore { state: Some(AlertState::Firing.into()), ..AlertBefore::default() };
    let event = FeedAlertEvent { at: AT, previous: Some(previous), record: alert_record() };
    put(all, VERSION, &event);
}

fn history_frames(all: &mut Vec<(Kind, Vec<u8>)>) {
    let (host, metric) = ("web-1".to_owned(), "disk_used_percent".to_owned());
    let hosts = vec![host.clone()];
    put(all, VERSION, &SeriesQuery { hosts, metric: Some(metric.clone()) });
    let query = HistoryQuery {
        host: host.clone(),
        metric: metric.clone(),
        instance: "/var".into(),
        from: AT,
        to: UnixMs(AT.0 + 3_600_000),
        step_ms: 60_000,
    };
    put(all, VERSION, &query);
    put(all, VERSION, &StorageQuery { host: Some(host.clone()), before: Some(AT) });
    put(all, VERSION, &StorageCleanUp { host: None, before: AT });
    let record = SeriesRecord {
        host: host.clone(),
        metric,
        instance: "/var".into(),
        unit: Unit::Percent.into(),
        kind: MetricKind::Gauge.into(),
    };
    put(all, VERSION, &SeriesPage { records: vec![record] });
    put(
        all,
        VERSION,
        &history_page(vec![HistoryPoint { at: AT, min: 40.5, max: 43.25, mean: 41.0, count: 12 }]),
    );
    put(all, VERSION, &storage_page(host));
}

/// The kinds that came with the full console.
fn presence_frames(all: &mut Vec<(Kind, Vec<u8>)>) {
    put(all, VERSION, &LookingAt { what: "host web-1".into() });
    let facts = HostFacts {
        host: "web-1".into(),
        certainty: Some(Certainty::Likely.into()),
        agent_version: Some("0.1.0".into()),
        os: None,
        address: Some("10.0.0.7:4000".into()),
        labels: vec![("role".into(), "web".into())],
    };
    put(all, VERSION, &FeedFacts { hosts: vec![facts] });
    put(all, VERSION, &FeedValues { hosts: vec![host_values()] });
    let presence = OperatorPresence {
        session: 300,
        operator: "alex".into(),
        role: "operator".into(),
        since: AT,
        looking_at: "host web-1".into(),
    };
    put(all, VERSION, &FeedOperators { operators: vec![presence], own: 300 });
}

/// Each number another one, so that no two fields can change places.
pub(crate) fn host_values() -> HostValues {
    HostValues {
        host: "web-1".into(),
        metrics_age_ms: Some(400),
        rx_bytes_per_s: Some(1_500.0),
        tx_bytes_per_s: Some(750.5),
        rx_bytes_per_s_max: Some(1_000.0),
        tx_bytes_per_s_max: Some(500.25),
        read_bytes_per_s_max: Some(4_096.0),
        write_bytes_per_s_max: Some(8_192.0),
        busy_percent_max: Some(12.5),
        inodes_percent_max: Some(7.25),
        iowait_percent: Some(0.5),
        steal_percent: None,
        load5: Some(1.25),
        load15: Some(2.5),
        cores: Some(8.0),
        uptime_s: Some(86_400.0),
        clock_offset_ms: Some(-3),
    }
}

pub(crate) fn history_page(points: Vec<HistoryPoint>) -> HistoryPage {
    HistoryPage { tier: Tier::Raw.into(), unit: Unit::Percent.into(), step_ms: 60_000, points }
}

fn storage_page(host: String) -> StoragePage {
    let tier = TierRecord {
        tier: Tier::Minute.into(),
        series: 40,
        records: 57_600,
        bytes: 90_000,
        oldest: Some(AT),
        newest: None,
    };
    let record = StorageRecord {
        host,
        tiers: vec![tier],
        received: 70_004,
        missing: 3,
        dropped: 2,
        ranges: vec![(9, 70_000), (1, 4)],
    };
    StoragePage {
        log_bytes: 1 << 20,
        database_bytes: 1 << 30,
        free_bytes: 1 << 33,
        before: Some(AT),
        records: vec![record],
    }
}
