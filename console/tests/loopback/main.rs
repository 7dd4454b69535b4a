//! The real program against a small daemon on loopback: output, exit codes, refusals, reconnects.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its fixtures likewise"
)]

mod desk;
mod fetch;
mod history;
mod peer;
mod pki;
mod records;
mod screen;
mod store;
mod talk;

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use peer::{Peer, State, now};
use pki::Pki;
use records::{alert, host, many_series, resolved};
use serde_json::Value;
use systole_common::ids::AlertId;
use systole_common::model::host::HostState;
use systole_common::wire::console::ConnectionRecord;
use systole_common::wire::feed::{FeedAlertEvent, FeedHostEvent};
use systole_common::wire::hello::RefusalCode;

/// Longest wait for a line that must come.
const PATIENCE: Duration = Duration::from_secs(20);

fn systole(pki: &Pki, address: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_systole"));
    command.env_clear().stdin(Stdio::null()).args(arguments);
    let ca = format!("tls.ca={}", pki.path().display());
    command.args(["--daemon", &format!("mon-1={address}"), "--set", &ca]);
    command
}

fn run(pki: &Pki, peer: &Peer, arguments: &[&str]) -> Output {
    systole(pki, &peer.address.to_string(), arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn json(output: &Output) -> Value {
    assert_eq!(code(output), 0, "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The one line on standard error.
fn complaint(output: &Output) -> String {
    let text = text(&output.stderr);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("systole: "), "{text}");
    text
}

fn fleet() -> State {
    State {
        hosts: vec![host("web-1", HostState::Online), many_series(host("db-1", HostState::Down))],
        alerts: vec![alert(17, "db-1")],
        connections: vec![ConnectionRecord {
            at: now(),
            connected: true,
            address: "10.0.0.7:40112".to_owned(),
            reason: String::new(),
        }],
        ..State::default()
    }
}

#[test]
fn hosts_are_listed_for_programs_and_for_people() {
    let pki = Pki::new();
    let peer = Peer::start(&pki, fleet());
    let all = json(&run(&pki, &peer, &["hosts", "--json"]));
    let names: Vec<&str> =
        all.as_array().unwrap().iter().map(|h| h["host"].as_str().unwrap()).collect();
    assert_eq!(names, ["db-1", "web-1"]);
    assert_eq!(all[0]["metrics"]["disks"].as_array().unwrap().len(), 900, "pages are joined");
    assert!(all[1]["heartbeat_age_ms"].as_f64().unwrap() >= 400.0);
    let table = text(&run(&pki, &peer, &["hosts"]).stdout);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with(" HOST ") && !table.contains('\x1b'), "{table}");
    assert!(lines[1].contains("db-1") && lines[1].contains("down"), "the worst first: {table}");
    let some = json(&run(&pki, &peer, &["hosts", "state=down", "or", "role=none", "--json"]));
    assert_eq!(some.as_array().unwrap().len(), 1);
    let none = run(&pki, &peer, &["hosts", "cpu>99"]);
    assert!(text(&none.stdout).contains("no host matches cpu>99 (2 hosts known)"));
}

#[test]
fn one_host_comes_with_its_log() {
    let pki = Pki::new();
    let peer = Peer::start(&pki, fleet());
    let one = json(&run(&pki, &peer, &["host", "web-1", "--json"]));
    assert_eq!(
        (&one["host"], &one["connections"][0]["event"]),
        (&"web-1".into(), &"connect".into())
    );
    let table = text(&run(&pki, &peer, &["host", "web-1"]).stdout);
    assert!(table.contains("CONNECTIONS") && table.contains("10.0.0.7:40112"), "{table}");
    let unknown = run(&pki, &peer, &["host", "web-9"]);
    assert_eq!(code(&unknown), 1);
    assert!(complaint(&unknown).contains("web-9"));
}

#[test]
fn alerts_are_listed_and_answered() {
    let pki = Pki::new();
    let mut state = fleet();
    state.alerts.push(resolved(alert(16, "web-1")));
    let peer = Peer::start(&pki, state);
    let ids = |arguments: &[&str]| -> Vec<u64> {
        let alerts = json(&run(&pki, &peer, arguments));
        alerts.as_array().unwrap().iter().map(|alert| alert["id"].as_u64().unwrap()).collect()
    };
    assert_eq!(ids(&["alerts", "--json"]), [17]);
    assert_eq!(ids(&["alerts", "--json", "--state", "resolved"]), [16]);
    assert_eq!(ids(&["alerts", "--json", "--since", "1h"]), [17, 16]);
    assert_eq!(ids(&["alerts", "--json", "--severity", "warning"]), Vec::<u64>::new());
    assert_eq!(ids(&["alerts", "--json", "--state", "all", "id<17"]), [16]);
    assert_eq!(ids(&["ack", "17", "18", "--note", "mine", "--for", "2h", "--json"]), [17, 16]);
    let said = text(&run(&pki, &peer, &["ack", "--host", "db-1"]).stdout);
    assert!(said.starts_with("2 alerts acknowledged\n"), "{said}");
    let acks = std::mem::take(&mut peer.state.lock().unwrap().acks);
    assert_eq!(acks[0].targets.ids, [AlertId(17), AlertId(18)]);
    assert_eq!((acks[0].note.as_str(), acks[0].for_ms), ("mine", 7_200_000));
    assert_eq!((acks[1].targets.host.as_deref(), acks[1].for_ms), (Some("db-1"), 28_800_000));
    assert_eq!(ids(&["unack", "17", "--json"]), [17, 16]);
    assert_eq!(ids(&["resolve", "17", "--json"]), [17, 16]);
    assert_eq!(json(&run(&pki, &peer, &["audit", "--json"])), serde_json::json!([]));
    let retired = json(&run(&pki, &peer, &["retire", "web-1", "--json"]));
    assert_eq!(retired.as_array().unwrap().len(), 2);
}

#[test]
fn refusals_end_with_the_code_of_their_reason() {
    let pki = Pki::new();
    let peer = Peer::start(&pki, fleet());
    for (refusal, expected) in [
        ((RefusalCode::Role, "ack needs the role operator, this certificate has viewer"), 77),
        ((RefusalCode::NotFound, "no open alert has the number 99"), 1),
        ((RefusalCode::Storage, "the state file is full"), 1),
    ] {
        peer.state.lock().unwrap().refusal = Some(refusal);
        let output = run(&pki, &peer, &["ack", "99"]);
        assert_eq!(code(&output), expected);
        assert!(complaint(&output).contains(refusal.1));
        assert!(output.stdout.is_empty());
    }
    peer.state.lock().unwrap().unwelcome = Some((RefusalCode::Role, "agents are no consoles"));
    assert_eq!(code(&run(&pki, &peer, &["hosts"])), 77);
}

#[test]
fn a_daemon_that_is_not_there_is_named() {
    let pki = Pki::new();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent = socket.local_addr().unwrap().to_string();
    for command in ["hosts", "watch", "audit"] {
        let output = systole(&pki, &silent, &[command]).output().unwrap();
        assert_eq!(code(&output), 69, "{command}");
        let complaint = complaint(&output);
        assert!(complaint.contains(&silent) && complaint.contains("mon-1"), "{complaint}");
    }
    let unknown = systole(&pki, "nowhere.invalid:5001", &["hosts"]).output().unwrap();
    assert_eq!(code(&unknown), 69);
    // The second daemon is used when the first does not answer.
    let peer = Peer::start(&pki, fleet());
    let first = format!("mon-0={silent}");
    let second = run(&pki, &peer, &["hosts", "--json", "--daemon", &first]);
    assert_eq!(json(&second).as_array().unwrap().len(), 2);
}

#[test]
fn certificates_that_do_not_fit_are_told_in_one_line() {
    let (ours, theirs) = (Pki::new(), Pki::new());
    let peer = Peer::start(&theirs, fleet());
    let foreign = run(&ours, &peer, &["hosts"]);
    assert_eq!(code(&foreign), 77);
    assert!(complaint(&foreign).contains("CA"));
    let key = ours.operator("alex", 2021);
    let expired = run(&ours, &peer, &["hosts"]);
    assert_eq!(code(&expired), 64);
    assert!(complaint(&expired).contains("ended on"));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let loose = run(&ours, &peer, &["hosts"]);
    assert_eq!(code(&loose), 64);
    assert!(complaint(&loose).contains("chmod 600"));
    let cert = format!("tls.cert={}", ours.path().join("daemon/mon-1.crt").display());
    let wrong = run(&ours, &peer, &["hosts", "--set", &cert]);
    assert_eq!(code(&wrong), 64);
    assert!(complaint(&wrong).contains("daemon mon-1"));
    std::fs::remove_file(key).unwrap();
    let missing = run(&ours, &peer, &["hosts"]);
    assert_eq!(code(&missing), 64);
}

#[test]
fn misuse_ends_with_64_and_says_what_to_do() {
    let pki = Pki::new();
    let peer = Peer::start(&pki, fleet());
    for arguments in [
        &["hosts", "cpu>>"][..],
        &["hosts", "severity=critical"],
        &["hosts", "nosuch=1"],
        &["alerts", "role=db"],
        &["ack"],
        &["ack", "x"],
        &["ack", "1", "--host", "a"],
        &["nosuch"],
        &["hosts", "--live"],
        &["alerts", "--state", "burning"],
        &["host", "WEB"],
        &[],
        &["hosts", "--config", "/nonexistent/console.toml"],
        &["hosts", "--nosuch"],
        &["say", "web-1", "hello"],
        &["say", "{nosuch=1}", "hello"],
        &["say", "@web-1", " "],
        &["say", "@web-1"],
        &["chat", "#web"],
        &["accept", "x"],
    ] {
        let output = run(&pki, &peer, arguments);
        assert_eq!(code(&output), 64, "{arguments:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    let slip = text(&run(&pki, &peer, &["hosts", "stat=down"]).stderr);
    assert!(slip.contains("column 1") && slip.contains("did you mean `state`?"), "{slip}");
    assert_eq!(code(&run(&pki, &peer, &["--help"])), 0);
}

#[test]
fn settings_are_printed_with_their_sources_and_the_daemon_is_checked() {
    let pki = Pki::new();
    let peer = Peer::start(&pki, fleet());
    let printed = text(&run(&pki, &peer, &["check-config"]).stdout);
    assert!(printed.contains("flag --daemon") && printed.contains("tls.ca"), "{printed}");
    peer.state.lock().unwrap().unwelcome = Some((RefusalCode::Version, "no common version"));
    let checked = json(&run(&pki, &peer, &["check-config", "--connect", "--json"]));
    let findings = checked["daemons"][0]["findings"].as_array().unwrap();
    let steps: Vec<(&str, bool)> = findings
        .iter()
        .map(|finding| (finding["step"].as_str().unwrap(), finding["ok"].as_bool().unwrap()))
        .collect();
    let expected = ["name", "UDP", "certificate", "hello", "clock"].map(|step| (step, true));
    assert_eq!(steps, expected);
    let default = text(&run(&pki, &peer, &["check-config", "--default"]).stdout);
    assert!(default.contains("daemons = [\"mon-1=127.0.0.1:5001\"]"));
}

/// A running `watch` whose lines are read one by one.
struct Watching {
    child: Child,
    lines: mpsc::Receiver<Value>,
}

impl Watching {
    fn start(pki: &Pki, peer: &Peer) -> Self {
        let mut command = systole(pki, &peer.address.to_string(), &["watch"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.stdout.take().unwrap();
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || read(output, &send));
        Self { child, lines }
    }

    /// The next line.
    fn next(&self) -> Value {
        self.lines.recv_timeout(PATIENCE).expect("a line within 20 s")
    }

    /// Sends a signal and waits for the end; nothing may be on standard error.
    fn end(mut self, signal: rustix::process::Signal) -> i32 {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!(errors, "");
        self.child.wait().unwrap().code().unwrap()
    }
}

fn read(output: ChildStdout, lines: &mpsc::Sender<Value>) {
    for line in BufReader::new(output).lines() {
        let Ok(line) = line else { return };
        if lines.send(serde_json::from_str(&line).unwrap()).is_err() {
            return;
        }
    }
}

#[test]
fn watch_shows_the_state_then_changes_and_survives_a_restart() {
    let pki = Pki::new();
    let peer = Peer::start(
        &pki,
        State { hosts: vec![host("web-1", HostState::Online)], ..State::default() },
    );
    let watching = Watching::start(&pki, &peer);
    let hello = watching.next();
    assert_eq!((&hello["kind"], &hello["daemon"]), (&"hello".into(), &"mon-1".into()));
    assert_eq!((&hello["role"], &hello["version"]), (&"operator".into(), &"9.9.9".into()));
    let first = watching.next();
    assert_eq!((&first["host"], &first["previous"]), (&"web-1".into(), &Value::Null));
    let down = host("web-1", HostState::Down);
    peer.send(&FeedHostEvent { at: now(), previous: None, retired: false, record: down.clone() });
    let changed = watching.next();
    assert_eq!(
        (&changed["state"], &changed["previous"]["state"]),
        (&"down".into(), &"online".into())
    );
    let open = alert(5, "web-1");
    peer.send(&FeedAlertEvent { at: now(), previous: None, record: open.clone() });
    assert_eq!(watching.next()["kind"], "alert");
    {
        let mut state = peer.state.lock().unwrap();
        state.hosts = vec![down];
        state.alerts = vec![open.clone()];
    }
    peer.cut();
    let gone = watching.next();
    assert_eq!((&gone["kind"], &gone["state"]), (&"daemon".into(), &"gone".into()));
    assert_eq!(watching.next()["state"], "back");
    // Told by the feed and by the answer to what was missed: one line all the same.
    let over = resolved(open);
    peer.state.lock().unwrap().alerts = vec![over.clone()];
    peer.send(&FeedAlertEvent { at: now(), previous: None, record: over });
    let line = watching.next();
    assert_eq!((&line["id"], &line["state"]), (&5.into(), &"resolved".into()));
    let next = alert(6, "web-1");
    peer.send(&FeedAlertEvent { at: now(), previous: None, record: next });
    assert_eq!(watching.next()["id"], 6);
    assert_eq!(watching.end(rustix::process::Signal::INT), 0);
}

#[test]
fn watch_leaves_a_silent_daemon_for_a_fresh_link() {
    let pki = Pki::new();
    let peer = Peer::start(&pki, fleet());
    let watching = Watching::start(&pki, &peer);
    let first: Vec<Value> = (0..4).map(|_| watching.next()).collect();
    assert_eq!(first[3]["kind"], "alert");
    peer.mute();
    let gone = watching.next();
    assert_eq!((&gone["state"], &gone["kind"]), (&"gone".into(), &"daemon".into()));
    assert!(gone["reason"].as_str().unwrap().contains("silent"), "{gone}");
    assert_eq!(watching.next()["state"], "back");
    assert_eq!(watching.end(rustix::process::Signal::TERM), 0);
}

#[test]
fn a_closed_output_ends_quietly() {
    let pki = Pki::new();
    let peer = Peer::start(&pki, fleet());
    for arguments in [&["hosts"][..], &["watch"]] {
        let mut command = systole(&pki, &peer.address.to_string(), arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((code(&output), text(&output.stderr)), (0, String::new()), "{arguments:?}");
    }
}
