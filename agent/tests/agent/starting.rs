//! The real agent without a daemon: what it refuses to start with, what it survives, what it says.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::Output;
use std::time::Duration;

use crate::home::{HOST, Home};

fn nobody() -> SocketAddr {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap()
}

/// The only line on stderr.
fn line(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn a_certificate_that_cannot_be_used_keeps_it_from_starting() {
    let home = Home::new();
    home.configure(nobody(), "");
    let key = home.path().join("certs/agent/web-1.key");
    let check = |part: &str| {
        for command in [&["run"][..], &["check-config"]] {
            let output = home.call(command);
            assert_eq!(output.status.code(), Some(64), "{part}");
            assert!(line(&output).contains(part), "{} lacks {part}", line(&output));
        }
        assert!(!home.path().join("spool").exists(), "nothing half-made");
        assert!(!home.path().join("agent.sock").exists());
    };
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    check("chmod 600");
    fs::rename(&key, home.path().join("elsewhere")).unwrap();
    check("no such file");
    symlink(home.path().join("elsewhere"), &key).unwrap();
    check("symbolic link");
    fs::remove_file(&key).unwrap();
    fs::write(&key, "").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    check("is empty");
    let cert = home.certificates.issue("spiffe://systole/operator/admin/web-1", (-1, 30));
    home.configure(nobody(), &format!("tls.cert = \"{}\"\n", cert.display()));
    check("admin web-1");
}

#[test]
fn an_expired_certificate_is_said_and_mended_without_a_restart() {
    for (days, part) in [((-20, -10), "ended on"), ((10, 20), "is valid from")] {
        let home = Home::new();
        home.configure(nobody(), "");
        home.certificates.issue(HOST, days);
        let output = home.call(&["check-config"]);
        assert_eq!(output.status.code(), Some(64));
        let mut agent = home.start();
        let status = home.status(|status| !status["daemons"][0]["reason"].is_null());
        let reason = status["daemons"][0]["reason"].as_str().unwrap();
        assert!(reason.contains(part), "{reason}");
        assert!(status["host"].is_null());
        home.logged(part);
        home.certificates.issue(HOST, (-1, 30));
        agent.signal("-HUP");
        home.status(|status| status["host"] == "web-1");
        agent.signal("-TERM");
        assert_eq!(agent.ended().0, 0);
    }
}

#[test]
fn a_second_agent_is_refused_and_a_dead_ones_socket_replaced() {
    let home = Home::new();
    home.configure(nobody(), "");
    let mut agent = home.start();
    home.status(|_| true);
    let output = home.call(&["run"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(line(&output).contains("already running"), "{}", line(&output));
    let spool = format!("spool.path={}", home.path().join("other").display());
    let output = home.call(&["run", "--set", &spool]);
    assert_eq!(output.status.code(), Some(1));
    assert!(line(&output).contains("already running"), "{}", line(&output));
    assert!(home.call(&["status"]).status.success(), "the first one is untouched");
    agent.signal("-KILL");
    agent.ended();
    assert!(home.path().join("agent.sock").exists());
    let output = home.call(&["status"]);
    assert_eq!(output.status.code(), Some(69));
    assert!(line(&output).contains("is not running"), "{}", line(&output));
    let _again = home.start();
    home.status(|_| true);
}

#[test]
fn the_local_socket_survives_what_it_does_not_understand() {
    let home = Home::new();
    home.configure(nobody(), "");
    let _agent = home.start();
    home.status(|_| true);
    let ask = |text: &[u8]| {
        let mut stream = UnixStream::connect(home.path().join("agent.sock")).unwrap();
        // The agent may answer and close before all of it is written.
        let _ = stream.write_all(text);
        let mut answer = String::new();
        let _ = BufReader::new(stream).read_line(&mut answer);
        answer
    };
    for bad in [
        &b"\n"[..],
        b"{}\n",
        b"status\n",
        b"{\"command\":\"dance\"}\n",
        b"{\"command\":\"status\",\"more\":1}\n",
        b"{\"command\":\"leave\",\"for_ms\":-1,\"why\":\"\"}\n",
        b"\xff\xfe\n",
        b"{\"command\":\"sta",
    ] {
        let mut stream = UnixStream::connect(home.path().join("agent.sock")).unwrap();
        stream.write_all(bad).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        assert!(answer.contains("\"exit\":64"), "{bad:?}: {answer}");
    }
    let long = ask(&vec![b'x'; 70_000]);
    assert!(long.is_empty() || long.contains("at most 65536 bytes"), "{long}");
    let idle: Vec<_> =
        (0..40).filter_map(|_| UnixStream::connect(home.path().join("agent.sock")).ok()).collect();
    drop(idle);
    home.status(|_| true);
    assert!(ask(b"{\"command\":\"status\"}\n").starts_with("{\"status\":{\"host\":\"web-1\""));
}

#[test]
fn a_lease_that_no_daemon_hears_ends_with_69_and_is_kept() {
    let home = Home::new();
    home.configure(nobody(), "");
    let _agent = home.start();
    home.status(|_| true);
    let output = home.call(&["leave", "--why", "tea"]);
    assert_eq!(output.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&output.stdout).contains("no daemon knows of it yet"));
    assert_eq!(home.status(|_| true)["lease"]["why"], "tea");
}

#[test]
fn usage_and_configuration_mistakes_end_with_64() {
    let home = Home::new();
    home.configure(nobody(), "colour = \"red\"\n");
    for command in ["run", "status", "check-config"] {
        let output = home.call(&[command]);
        assert_eq!(output.status.code(), Some(64));
        let line = line(&output);
        assert!(line.contains("agent.toml:4") && line.contains("colour"), "{line}");
    }
    home.configure(nobody(), "");
    assert_eq!(home.call(&["dance"]).status.code(), Some(64));
    assert_eq!(home.call(&["status", "--set", "nothing"]).status.code(), Some(64));
    let help = home.call(&["leave", "--help"]);
    assert!(String::from_utf8_lossy(&help.stdout).contains("Examples:"));
    assert_eq!(help.status.code(), Some(0));
}

#[test]
fn check_config_prints_every_value_with_its_source() {
    let home = Home::new();
    home.configure(nobody(), "log.level = \"debug\"\n");
    let output = home.call(&["check-config", "--set", "log.format=json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["agent.toml:4", "flag --set", "default", "agent web-1 of fleet systole"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let output = home.call(&["check-config", "--connect"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(69));
    assert!(text.contains("UDP         WRONG"), "{text}");
}

#[test]
fn systemd_is_told_of_start_life_and_end() {
    let home = Home::new();
    home.configure(nobody(), "");
    let path = home.path().join("notify");
    let systemd = UnixDatagram::bind(&path).unwrap();
    systemd.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "400000")];
    let mut agent = home.start_with(&variables);
    let next = || {
        let mut bytes = [0; 256];
        let read = systemd.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    };
    assert_eq!(next(), "READY=1\n", "no daemon is waited for");
    for _ in 0..5 {
        assert_eq!(next(), "WATCHDOG=1\n");
    }
    agent.signal("-HUP");
    let told = std::iter::repeat_with(next).take_while(|text| text != "READY=1\n");
    assert!(told.collect::<String>().contains("RELOADING=1\nMONOTONIC_USEC="));
    agent.signal("-TERM");
    assert!(std::iter::repeat_with(next).any(|text| text == "STOPPING=1\n"));
    assert_eq!(agent.ended().0, 0);
}
