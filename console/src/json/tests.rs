//! JSON of whole objects, byte by byte: the contract with scripts.

use systole_common::model::coded::Growing;
use systole_common::wire::console::{AuditRecord, ConnectionRecord, HostRecord};

use super::*;
use crate::model::host::Host;
use crate::testing::{WALL, alert, at, file, host, message, record, resolved};

fn host_json(host: &Host, ms: u64) -> String {
    line(&HostJson::new(host, at(ms).mono)).unwrap()
}

#[test]
fn a_host_has_every_field_of_the_contract() {
    let expected = concat!(
        r#"{"host":"web-1","state":"online","cause":null,"certainty":null,"evidence":[],"#,
        r#""since":"2026-11-21T03:16:07.089Z","heartbeat_age_ms":650.0,"heartbeat_interval_ms":1000,"#,
        r#""rtt_ms":0.44,"clock_offset_ms":-3,"certificate_expires":"2027-03-01T04:16:07.089Z","#,
        r#""lease_until":null,"agent_version":"0.1.0","os":"Debian GNU/Linux 12","#,
        r#""address":"10.0.0.7:40112","labels":{"rack":"7","role":"db"},"#,
        r#""metrics":{"cpu_percent":41.25,"cpu_per_core_percent":[10.0,20.0,30.0],"#,
        r#""iowait_percent":1.5,"steal_percent":0.0,"memory_used_bytes":4294967296,"#,
        r#""memory_total_bytes":8589934592,"swap_used_bytes":0,"swap_total_bytes":0,"load1":0.42,"#,
        r#""load5":0.5,"load15":0.25,"cores":3,"uptime_s":86400.5,"#,
        r#""disks":[{"mount":"/","used_bytes":null,"total_bytes":null,"used_percent":20.0,"#,
        r#""inodes_used":null,"inodes_total":null},{"mount":"/var","used_bytes":90000000000,"#,
        r#""total_bytes":100000000000,"used_percent":93.0,"inodes_used":10,"inodes_total":1000}],"#,
        r#""block":[{"name":"sda","read_bytes_per_s":1536.0,"write_bytes_per_s":0.0,"busy_percent":2.5}],"#,
        r#""network":[{"name":"eth0","rx_bytes_per_s":41000000.0,"tx_bytes_per_s":512.0}],"#,
        r#""processes":[{"pid":812,"name":"postgres","cpu_percent":12.5,"memory_bytes":1073741824}]},"#,
        r#""metrics_age_ms":1150.0,"services":[],"alerts":{"critical":0,"warning":0}}"#,
    );
    assert_eq!(host_json(&host(record("web-1"), 0), 250), expected);
}

#[test]
fn what_is_unknown_is_null_and_never_absent() {
    let bare = HostRecord {
        heartbeat_age_ms: None,
        heartbeat_interval_ms: None,
        rtt_us: None,
        clock_offset_ms: None,
        certificate_expires: None,
        agent_version: None,
        os: None,
        address: None,
        labels: Vec::new(),
        metrics_age_ms: None,
        processes: Vec::new(),
        series: Vec::new(),
        ..record("web-1")
    };
    let full: serde_json::Value =
        serde_json::from_str(&host_json(&host(record("web-1"), 0), 0)).unwrap();
    let bare: serde_json::Value = serde_json::from_str(&host_json(&host(bare, 0), 0)).unwrap();
    let keys = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&full), keys(&bare));
    assert_eq!(keys(&full["metrics"]), keys(&bare["metrics"]));
    for key in ["heartbeat_age_ms", "rtt_ms", "os", "metrics_age_ms", "certificate_expires"] {
        assert!(bare[key].is_null(), "{key}");
    }
    assert!(bare["metrics"]["memory_total_bytes"].is_null());
    assert_eq!(bare["metrics"]["disks"], serde_json::json!([]));
    assert_eq!(bare["labels"], serde_json::json!({}));
}

#[test]
fn an_alert_has_every_field_of_the_contract() {
    let mut acked = alert(17, "web-1");
    acked.overlays =
        vec![systole_common::model::alert::Overlay::Acked.into(), Growing::Unknown(99)];
    acked.value = Some(12.5);
    acked.acked_by = Some("alex".to_owned());
    acked.acked_until = Some(WALL);
    let expected = concat!(
        r#"{"id":17,"key":"host-down/web-1/","host":"web-1","rule":"host-down","subject":"","#,
        r#""severity":"critical","state":"firing","overlays":["acked","unknown-99"],"#,
        r#""since":"2026-11-21T04:16:00.089Z","fired_at":"2026-11-21T04:16:00.089Z","#,
        r#""resolved_at":null,"value":12.5,"threshold":5.0,"#,
        r#""summary":"web-1 is down: nothing heard for 12 s","acked_by":"alex","acked_note":null,"#,
        r#""acked_until":"2026-11-21T04:16:07.089Z"}"#,
    );
    assert_eq!(line(&AlertJson::from(&acked)).unwrap(), expected);
    let over = line(&AlertJson::from(&resolved(alert(17, "web-1"), WALL))).unwrap();
    assert!(over.contains(r#""state":"resolved""#), "{over}");
    assert!(over.contains(r#""resolved_at":"2026-11-21T04:16:07.089Z""#), "{over}");
}

#[test]
fn an_audit_line_and_a_connection_are_whole() {
    let audit = AuditRecord {
        id: 3,
        time: WALL,
        operator: "alex".to_owned(),
        role: "operator".to_owned(),
        action: "ack".to_owned(),
        target: "17".to_owned(),
        outcome: "done".to_owned(),
        reason: "on my way".to_owned(),
    };
    let expected = concat!(
        r#"{"id":3,"time":"2026-11-21T04:16:07.089Z","operator":"alex","role":"operator","#,
        r#""action":"ack","target":"17","outcome":"done","reason":"on my way"}"#,
    );
    assert_eq!(line(&AuditJson::from(&audit)).unwrap(), expected);
    let connection = ConnectionRecord {
        at: WALL,
        connected: false,
        address: "10.0.0.7:1".to_owned(),
        reason: String::new(),
    };
    let expected = r#"{"time":"2026-11-21T04:16:07.089Z","event":"disconnect","address":"10.0.0.7:1","reason":null}"#;
    assert_eq!(line(&ConnectionJson::from(&connection)).unwrap(), expected);
    let host = HostJson::new(&host(record("web-1"), 0), at(0).mono);
    let whole = line(&HostWithLog::new(host, &[connection])).unwrap();
    assert!(whole.starts_with(r#"{"host":"web-1","state":"online""#), "{whole}");
    assert!(whole.ends_with(&format!(r#""connections":[{expected}]}}"#)), "{whole}");
}

#[test]
fn a_message_has_every_field_of_the_contract() {
    use systole_common::wire::talk::MessageMarks;
    let mut said = message(7, "{rack=7}", "hello");
    said.thread = Some("file 12".to_owned());
    (said.targets, said.delivered, said.failed) = (4, 2, 1);
    let marks = MessageMarks {
        number: 7,
        delivered_to: vec!["web-1".to_owned(), "web-2".to_owned()],
        failed_to: vec!["db-1".to_owned()],
    };
    let expected = concat!(
        r#"{"id":"mon-1-00000000000000aa-7","time":"2026-11-21T04:16:07.089Z","from":"bo","#,
        r#""to":"{rack=7}","text":"hello","thread":"file 12","delivered_to":["web-1","web-2"],"#,
        r#""failed_to":["db-1"],"waiting_for":1}"#,
    );
    assert_eq!(line(&MessageJson::new(&said, &[marks])).unwrap(), expected);
    let bare = line(&MessageJson::new(&message(7, "#ops", "hello"), &[])).unwrap();
    let lists = r#""thread":null,"delivered_to":[],"failed_to":[],"waiting_for":0}"#;
    assert!(bare.ends_with(lists), "{bare}");
}

#[test]
fn a_file_has_every_field_of_the_contract() {
    use systole_common::model::file::FileState;
    let offered = line(&FileJson::from(&file(12, FileState::Offered))).unwrap();
    let expected = concat!(
        r#"{"id":12,"host":"web-1","name":"core.dump.zst","size_bytes":1288490188,"blake3":""#,
        "abababababababababababababababababababababababababababababababab",
        r#"","note":null,"state":"offered","reason":null,"decided_by":null,"received_bytes":0,"#,
        r#""path":null,"offered_at":"2026-11-21T04:16:00.089Z","#,
        r#""expires_at":"2026-11-21T05:16:00.089Z","finished_at":null,"#,
        r#""content":"application/zstd","sender":"web-1/alex","certificate":"SHA256:01ab","#,
        r#""free_bytes":10737418240}"#,
    );
    assert_eq!(offered, expected);
    let mut over = file(12, FileState::Rejected);
    over.reason = "too big".to_owned();
    over.finished_at = Some(WALL);
    let over = line(&FileJson::from(&over)).unwrap();
    for part in [
        r#""state":"rejected","reason":"too big","decided_by":"bo""#,
        r#""expires_at":null,"finished_at":"2026-11-21T04:16:07.089Z""#,
    ] {
        assert!(over.contains(part), "{over}");
    }
    let fetched = FetchedJson::new(&file(12, FileState::Verified), "./core.dump.zst".to_owned());
    assert!(line(&fetched).unwrap().ends_with(r#","saved_to":"./core.dump.zst"}"#));
}

#[test]
fn hidden_characters_are_escaped_and_read_back_as_sent() {
    let sent = "a\u{1b}[2J\u{202e}b\u{200b}\n";
    let mut odd = alert(1, "web-1");
    odd.summary = sent.to_owned();
    let text = line(&AlertJson::from(&odd)).unwrap();
    assert!(text.chars().all(|c| !systole_common::text::is_hidden(c)), "{text}");
    let back: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(back["summary"], sent);
}
