//! What people and programs read of the agent.

use systole_common::text::to_json_line;
use systole_common::time::UnixMs;

use super::leave::absence_text;
use super::status::status_text;
use crate::shell::local::{Absence, DaemonStatus, LeaseStatus, SpoolStatus, Status};

fn status() -> Status {
    let daemon = |name: &str, state: &str, rtt_ms, reason: Option<&str>| DaemonStatus {
        name: name.to_owned(),
        address: "10.0.0.5:5001".to_owned(),
        state: state.to_owned(),
        since: "2026-11-21T04:00:00.000Z".to_owned(),
        rtt_ms,
        reason: reason.map(str::to_owned),
        received_up_to: Some(17_280),
        waiting: Some(if state == "gone" { 120 } else { 0 }),
    };
    Status {
        host: Some("web-1".to_owned()),
        instance: "42".to_owned(),
        version: "0.1.0".to_owned(),
        daemons: vec![
            daemon("mon-1", "connected", Some(1.25), None),
            daemon("mon-2", "gone", None, Some("no answer\u{1b}[2J")),
        ],
        spool: SpoolStatus {
            bytes: 3 << 19,
            oldest: Some("2026-11-21T03:00:00.000Z".to_owned()),
            dropped: 2,
            newest_sequence: 17_280,
        },
        heartbeat_interval_ms: 1000,
        heartbeats_sent: 12,
        started: "2026-11-21T03:00:00.000Z".to_owned(),
        certificate_expires: None,
        lease: Some(LeaseStatus {
            until: "2026-11-21T05:00:00.000Z".to_owned(),
            why: "kernel".to_owned(),
        }),
    }
}

#[test]
fn the_json_of_status_has_every_name_of_the_contract_and_never_leaves_one_out() {
    let line = to_json_line(&status()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&line).unwrap();
    for name in ["host", "instance", "version", "daemons", "spool"] {
        assert!(json.get(name).is_some(), "{name}");
    }
    for daemon in json["daemons"].as_array().unwrap() {
        for name in
            ["name", "address", "state", "since", "rtt_ms", "reason", "received_up_to", "waiting"]
        {
            assert!(daemon.get(name).is_some(), "{name}");
        }
    }
    for name in ["bytes", "oldest", "dropped", "newest_sequence"] {
        assert!(json["spool"].get(name).is_some(), "{name}");
    }
    assert!(json["daemons"][0]["reason"].is_null());
    assert_eq!(json["daemons"][1]["reason"], "no answer\u{1b}[2J");
    assert!(!line.contains('\u{1b}'), "a terminal that shows it is safe");
}

#[test]
fn people_read_one_line_for_each_daemon() {
    let now = UnixMs::parse("2026-11-21T04:20:00.000Z").unwrap();
    let text = status_text(&status(), now);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(lines[0].starts_with("web-1  systole-agent 0.1.0, heartbeats each 1 s, 12 sent"));
    assert_eq!(
        lines[1],
        "  mon-1 at 10.0.0.5:5001: connected for 20 min, round trip 1.2 ms; has all samples up to 17280"
    );
    assert!(lines[2].contains("gone since") && lines[2].contains("(20 min): no answer"));
    assert!(lines[2].ends_with("; has samples up to 17280, 120 wait"), "{text}");
    assert!(lines[4].starts_with("spool 1.5 MiB, since 2026-11-21"), "{text}");
    assert!(lines[4].ends_with("newest sequence 17280, 2 dropped"), "{text}");
    assert!(lines[3].starts_with("absence announced until") && lines[3].ends_with(": kernel"));
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn an_absence_says_who_knows_of_it() {
    let text = |told: &[&str], untold: &[&str]| {
        absence_text(&Absence {
            lease: None,
            told: told.iter().map(ToString::to_string).collect(),
            untold: untold.iter().map(ToString::to_string).collect(),
        })
    };
    assert!(text(&["a"], &[]).ends_with("known to a"));
    assert!(text(&["a"], &["b"]).contains("not yet to b"));
    assert!(text(&[], &["a"]).contains("no daemon knows of it yet"));
}
