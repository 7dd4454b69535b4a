//! The real agent against a minimal daemon on loopback: what arrives, and what the agent makes of it.

use std::time::{Duration, Instant};

use systole_common::model::coded::Coded;
use systole_common::net::endpoint::EndpointKeys;
use systole_common::wire::agent::IntentKind;
use systole_common::wire::hello::{CloseCode, Purpose, Refusal, RefusalCode};

use crate::home::{HOST, Home};
use crate::peer::{Peer, Seen};

fn peer(home: &Home) -> (Peer, EndpointKeys) {
    let keys = EndpointKeys::generate().unwrap();
    (Peer::start(&home.certificates.daemon(), &keys, 0), keys)
}

#[tokio::test]
async fn heartbeats_metrics_and_probe_answers_arrive() {
    let home = Home::new();
    let (mut peer, _) = peer(&home);
    home.configure(peer.address, "[labels]\nrole = \"web\"\n");
    let mut agent = home.start();

    let (number, hello, _) = peer.hello().await;
    assert_eq!(hello.purpose, Purpose::Main.into());
    assert_eq!(hello.labels, [("role".to_owned(), "web".to_owned())]);
    assert!(!hello.os.is_empty() && hello.spool_epoch.0 != 0 && hello.boot_id.short() != 0);

    let (_, first) = peer.beat().await;
    let (_, second) = peer.beat().await;
    assert_eq!((first.instance, second.sequence), (hello.instance, first.sequence + 1));
    assert!(second.next_in_ms <= 200);
    assert!(second.sent.boot_ns > first.sent.boot_ns);

    let declare = peer
        .see(|seen| match seen {
            Seen::Declare(declare) => Some(declare.clone()),
            _ => None,
        })
        .await;
    let memory = declare.series.iter().find(|one| one.metric == "memory_total_bytes").unwrap().id;
    let live = peer
        .see(|seen| match seen {
            Seen::Live(live) => Some(live.clone()),
            _ => None,
        })
        .await;
    let total = live.values.iter().find(|value| value.id == memory).unwrap().value;
    let kernel = std::fs::read_to_string("/proc/meminfo").unwrap();
    let kernel_kib: f64 = kernel.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!((total - kernel_kib * 1024.0).abs() < 1.0);
    let processes = peer
        .see(|seen| match seen {
            Seen::Processes(processes) => Some(processes.clone()),
            _ => None,
        })
        .await;
    assert!(!processes.processes.is_empty());

    peer.probe(number, 4711);
    let answer = peer
        .see(|seen| match seen {
            Seen::ProbeAnswer(answer) => Some(*answer),
            _ => None,
        })
        .await;
    assert_eq!((answer.nonce, answer.instance), (4711, hello.instance));
    assert!(answer.heartbeat_sequence >= second.sequence);

    peer.see(|seen| match seen {
        Seen::Beat(_, beat) => {
            let progress = beat.progress;
            (progress.collector > 0 && progress.sender > 0 && beat.echo_sequence > 0).then_some(())
        }
        _ => None,
    })
    .await;
    let status = home.status(|status| status["daemons"][0]["state"] == "connected");
    assert_eq!(status["host"], "web-1");
    assert!(status["daemons"][0]["rtt_ms"].as_f64().unwrap() < 1000.0);
    assert!(status["daemons"][0]["reason"].is_null());
    agent.signal("-TERM");
    assert_eq!(agent.ended().0, 0);
}

#[tokio::test]
async fn somebody_who_looks_gets_values_each_second() {
    let home = Home::new();
    let (mut peer, _) = peer(&home);
    home.configure(peer.address, "");
    let _agent = home.start();
    peer.beat().await;
    peer.set(|manner| manner.policy.intervals.live_ms = 1000);
    let live = |seen: &Seen| match seen {
        Seen::Live(live) => Some(live.at.boot_ns),
        _ => None,
    };
    let mut times = Vec::new();
    while times.len() < 5 {
        times.push(peer.see(live).await);
    }
    let last = times[4] - times[3];
    assert!((900_000_000..1_500_000_000).contains(&last), "{times:?}");
}

#[tokio::test]
async fn a_stop_says_goodbye_with_its_reason_and_ends_soon() {
    let home = Home::new();
    let (mut peer, _) = peer(&home);
    home.configure(peer.address, "");
    let mut agent = home.start();
    home.status(|status| status["daemons"][0]["state"] == "connected");
    agent.signal("-TERM");
    let (code, took) = agent.ended();
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(2), "{took:?}");
    let intent = peer
        .see(|seen| match seen {
            Seen::Beat(_, beat) if beat.intent.kind == IntentKind::Stopping.into() => {
                Some(beat.intent.why.clone())
            }
            _ => None,
        })
        .await;
    let (_, code, reason) = peer.closed().await;
    assert_eq!(code, u64::from(CloseCode::Goodbye.code()));
    assert!(intent == reason && ["service stop", "host shutdown"].contains(&&*reason), "{reason}");
    assert!(!home.path().join("agent.sock").exists());
}

#[tokio::test]
async fn a_stop_waits_for_a_silent_daemon_only_so_long() {
    let home = Home::new();
    let (mut peer, _) = peer(&home);
    peer.set(|manner| manner.echoes = false);
    home.configure(peer.address, "");
    let mut agent = home.start();
    peer.beat().await;
    agent.signal("-TERM");
    let (code, took) = agent.ended();
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(2), "{took:?}");
    let (_, code, _) = peer.closed().await;
    assert_eq!(code, u64::from(CloseCode::Goodbye.code()));
}

#[tokio::test]
async fn a_daemon_that_is_killed_and_restarted_is_found_at_once() {
    let home = Home::new();
    let (mut peer, keys) = peer(&home);
    home.configure(peer.address, "");
    let _agent = home.start();
    let (_, hello, _) = peer.hello().await;
    home.status(|status| status["daemons"][0]["state"] == "connected");
    let port = peer.address.port();
    peer.kill();
    let mut peer = Peer::start(&home.certificates.daemon(), &keys, port);
    let begun = Instant::now();
    let (_, again, _) = peer.hello().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(again.instance, hello.instance);
    home.logged("is not heard any more since");
    home.logged("is back at");
    assert_eq!(home.log().matches("is not heard any more").count(), 1);
}

#[tokio::test]
async fn a_silent_daemon_gets_a_fresh_connection_and_keeps_the_old_one_meanwhile() {
    let home = Home::new();
    let (mut peer, _) = peer(&home);
    home.configure(peer.address, "");
    let _agent = home.start();
    let (old, _, from) = peer.hello().await;
    home.status(|status| status["daemons"][0]["state"] == "connected");
    peer.set(|manner| manner.echoes = false);
    home.status(|status| status["daemons"][0]["state"] == "gone");
    let (fresh, _, fresh_from) = peer.hello().await;
    assert_ne!(from.port(), fresh_from.port(), "from another port");
    let mut both = [false; 2];
    while both != [true; 2] {
        let (number, _) = peer.beat().await;
        both[usize::from(number == fresh)] = true;
    }
    peer.set(|manner| manner.echoes = true);
    let (closed, code, _) = peer.closed().await;
    assert_eq!(code, u64::from(CloseCode::Replaced.code()));
    assert!(closed == old || closed == fresh);
    home.status(|status| status["daemons"][0]["state"] == "connected");
}

#[tokio::test]
async fn a_refusal_is_shown_and_ends_when_the_daemon_relents() {
    let home = Home::new();
    let (mut peer, _) = peer(&home);
    peer.set(|manner| {
        manner.refusal = Some(Refusal {
            code: RefusalCode::Conflict.into(),
            text: "another \u{1b}[31magent is web-1".to_owned(),
            retry_after_ms: 1000,
        });
    });
    home.configure(peer.address, "");
    let _agent = home.start();
    peer.hello().await;
    let status = home.status(|status| status["daemons"][0]["state"] == "refused");
    let reason = status["daemons"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("agent is web-1") && !reason.contains('\u{1b}'), "{reason}");
    peer.set(|manner| manner.refusal = None);
    home.status(|status| status["daemons"][0]["state"] == "connected");
    assert!(!home.log().contains('\u{1b}'));
}

#[tokio::test]
async fn a_retired_host_says_so() {
    let home = Home::new();
    let (mut peer, _) = peer(&home);
    home.configure(peer.address, "");
    let _agent = home.start();
    let (number, _) = peer.beat().await;
    peer.close(number, CloseCode::Retired, "retired by alex");
    let status = home.status(|status| status["daemons"][0]["state"] == "refused");
    let reason = status["daemons"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("retired this host: retired by alex"), "{reason}");
}

#[tokio::test]
async fn a_lease_is_told_and_taken_back() {
    let home = Home::new();
    let (mut peer, _) = peer(&home);
    home.configure(peer.address, "");
    let _agent = home.start();
    home.status(|status| status["daemons"][0]["state"] == "connected");
    let output = home.call(&["leave", "--for", "10m", "--why", "new kernel", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["told"][0], "mon-1");
    let lease = peer
        .see(|seen| match seen {
            Seen::Beat(_, beat) if beat.intent.kind == IntentKind::Lease.into() => {
                Some(beat.intent.clone())
            }
            _ => None,
        })
        .await;
    assert_eq!(lease.why, "new kernel");
    assert!((590_000..=600_000).contains(&lease.lease_ms), "{lease:?}");
    assert_eq!(home.status(|_| true)["lease"]["why"], "new kernel");
    let output = home.call(&["leave", "--cancel"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("known to mon-1"));
    assert!(home.status(|_| true)["lease"].is_null());
}

#[tokio::test]
async fn a_reload_takes_labels_and_certificate_over_without_a_gap() {
    let home = Home::new();
    let (mut peer, _) = peer(&home);
    home.configure(peer.address, "");
    let agent = home.start();
    let (old, hello, _) = peer.hello().await;
    home.status(|status| status["daemons"][0]["state"] == "connected");
    assert!(hello.labels.is_empty());

    home.configure(peer.address, "[labels]\nrole = \"db\"\nrole = \"twice\"\n");
    agent.signal("-HUP");
    home.logged("the settings of before stay in force");

    home.configure(peer.address, "[labels]\nrole = \"db\"\n");
    agent.signal("-HUP");
    let (_, hello, _) = peer.hello().await;
    assert_eq!(hello.labels, [("role".to_owned(), "db".to_owned())]);
    let (closed, code, _) = peer.closed().await;
    assert_eq!((closed, code), (old, u64::from(CloseCode::Replaced.code())));

    home.certificates.issue(HOST, (-1, 20));
    agent.signal("-HUP");
    peer.hello().await;
    home.status(|status| status["daemons"][0]["state"] == "connected");
    assert!(!home.log().contains("is not heard any more"), "{}", home.log());
}

#[tokio::test]
async fn check_config_says_which_of_name_udp_certificate_clock_is_wrong() {
    let home = Home::new();
    let (mut peer, _) = peer(&home);
    home.configure(peer.address, "");
    let check = |arguments: &[&str]| {
        let output = home.call(&[&["check-config", "--connect"], arguments].concat());
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = check(&[]);
    assert_eq!(code, 0, "{text}");
    for part in ["name        ok", "UDP         ok", "certificate ok", "clock       ok"] {
        assert!(text.contains(part), "{text}");
    }
    let (_, hello, _) = peer.hello().await;
    assert_eq!(hello.version_max, 0, "no daemon accepts it, so that no host is touched");

    peer.set(|manner| manner.ahead = Duration::from_hours(1));
    let (code, text) = check(&[]);
    assert!(code == 1 && text.contains("clock       WRONG"), "{text}");

    let other_name = format!("mon-2={}", peer.address);
    let (code, text) = check(&["--daemon", &other_name]);
    assert!(code == 77 && text.contains("certificate WRONG"), "{text}");
    assert!(text.contains("asked for daemon mon-2, answered by daemon mon-1"), "{text}");

    let (code, text) = check(&["--daemon", "mon-1=nowhere.invalid:5001"]);
    assert!(code == 69 && text.contains("name        WRONG"), "{text}");

    let port = peer.address.port();
    peer.kill();
    let (code, text) = check(&[]);
    assert!(code == 69 && text.contains("UDP         WRONG"), "{text}");
    assert!(text.contains(&format!("nobody listens on 127.0.0.1:{port}")), "{text}");
}
