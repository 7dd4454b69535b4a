//! Start, reload, restart, stop: what holds over all of them, and what a failed start leaves.

use std::collections::BTreeSet;
use std::path::Path;

use systole_common::wire::codec::decode;
use systole_common::wire::console::{HostRecord, HostsQuery};
use systole_common::wire::hello::{CloseCode, Purpose, StreamName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::harness::{Daemon, accept, ask, beat, begin_in, closed, open, soon};
use crate::error::DaemonError;
use crate::shell::counters::rare;
use crate::shell::http::{self, Health};

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_tells_everybody_and_a_restart_knows_everything() {
    let daemon = Daemon::start().await;
    let agent = daemon.agent("web-1").connect(Purpose::Main).await;
    let mut beats = open(&agent, StreamName::Heartbeat).await;
    beats.write(&beat(1)).await.unwrap();
    accept(&agent, StreamName::Control).await;
    let console = daemon.operator("viewer", "vera").connect(Purpose::Console).await;
    let begin = std::time::Instant::now();
    let daemon = daemon.restart().await;
    assert!(begin.elapsed() < crate::limits::DRAIN);
    for connection in [&agent, &console] {
        let (code, reason) = closed(connection).await;
        assert_eq!((code, reason.as_str()), (CloseCode::Restart, "the daemon stops"));
    }
    let console = daemon.operator("viewer", "vera").connect(Purpose::Console).await;
    let reply = ask(&console, &HostsQuery { hosts: Vec::new() }).await;
    let record: HostRecord = decode(&reply[0].1).unwrap();
    assert_eq!((record.host.as_str(), record.os.as_deref()), ("web-1", Some("test")));
    let state = daemon.folder.path().join("state");
    assert!(files(&state).contains("keys"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_folder_is_refused_and_leaves_it_alone() {
    let daemon = Daemon::start().await;
    let state = daemon.folder.path().join("state");
    // The first one makes it beside its start, when it comes to it.
    let own = || {
        let mut own = files(&state);
        own.remove("received_files");
        own
    };
    let before = own();
    let error = begin_in(daemon.folder.path()).await.err().unwrap();
    assert!(matches!(error, DaemonError::Locked { .. }), "{error}");
    assert!(!error.to_string().contains('\n'));
    assert_eq!(error.exit().code(), 1);
    assert_eq!(own(), before);
    assert_eq!(daemon.agent("web-1").connect(Purpose::Main).await.close_reason(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_makes_nothing() {
    let daemon = Daemon::start().await;
    let taken = daemon.address;
    let folder = tempfile::tempdir().unwrap();
    super::pki::Pki::new(&folder.path().join("certs"));
    let write = |text: String| std::fs::write(folder.path().join("daemon.toml"), text).unwrap();
    let rest = "http.listen = \"off\"\nstate.path = \"a/state\"\n";
    write(format!("listen = \"{taken}\"\n{rest}"));
    let error = begin_in(folder.path()).await.err().unwrap();
    assert!(matches!(error, DaemonError::Endpoint(_)), "{error}");
    assert_eq!(error.exit().code(), 1);
    write(format!("listen = \"127.0.0.1:0\"\n{rest}storage.reserve = \"1TiB\"\n"));
    let error = begin_in(folder.path()).await.err().unwrap();
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert_eq!(error.exit().code(), 1);
    std::fs::remove_file(folder.path().join("certs/agent-ca.crt")).unwrap();
    let error = begin_in(folder.path()).await.err().unwrap();
    assert_eq!(error.exit().code(), 64, "{error}");
    assert_eq!(files(folder.path()), ["certs", "daemon.toml"].map(String::from).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_leaves_the_old_settings_in_force() {
    let daemon = Daemon::start().await;
    daemon.reload("limits.consoles = 2").await;
    assert_eq!(daemon.running.context.limits.load().consoles, 2);
    for broken in ["limits.consolse = 3", "limits.consoles = 3\nrule.cpu.warning = 99"] {
        daemon.reload(broken).await;
        assert_eq!(daemon.running.context.limits.load().consoles, 2, "{broken}");
    }
    let agent = daemon.agent("web-1").connect(Purpose::Main).await;
    let mut control = accept(&agent, StreamName::Control).await;
    daemon.reload("heartbeat.interval = \"250ms\"").await;
    let intervals: systole_common::wire::control::Intervals = soon(control.expect()).await.unwrap();
    assert_eq!(intervals.heartbeat_ms, 250, "changed live");
    assert_eq!(agent.close_reason(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_in_one_task_is_counted_and_ends_nothing_else() {
    let daemon = Daemon::start().await;
    let context = daemon.running.context.clone();
    let planted = context.contain("test", async { panic!("planted") });
    assert!(planted.await.is_none());
    assert_eq!(daemon.count(rare::TASKS_FAILED), 1);
    assert_eq!(context.contain("test", async { 7 }).await, Some(7));
    daemon.agent("web-1").connect(Purpose::Main).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_says_whether_the_daemon_is_well() {
    let listener = http::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let health = Health::default();
    tokio::spawn(http::serve(listener, health.clone()));
    let get = async |path: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon(stream.read_to_string(&mut answer)).await.unwrap();
        answer
    };
    assert!(get("/healthz").await.starts_with("HTTP/1.1 200"));
    let starting = get("/readyz").await;
    assert!(starting.starts_with("HTTP/1.1 503") && starting.contains("starting"), "{starting}");
    assert!(get("/metrics").await.starts_with("HTTP/1.1 503"));
    health.not_ready("the certificate ended");
    assert!(get("/readyz").await.contains("the certificate ended"));
    health.ready();
    assert!(get("/readyz").await.starts_with("HTTP/1.1 200"));
    assert!(get("/secret").await.starts_with("HTTP/1.1 404"));
    let error = http::bind(address).await.err().unwrap();
    assert!(error.to_string().contains("http.listen"), "{error}");
}
