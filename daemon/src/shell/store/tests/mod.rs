//! The store under good and bad circumstances, and what its tests have in common.

mod files;
mod full_disk;
mod order;
mod talk;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use systole_common::ids::{AlertId, BootId, ConnectionId, HostId, InstanceId};
use systole_common::model::alert::{AlertState, Severity};
use systole_common::model::host::{Cause, Certainty, HostState};
use systole_common::time::UnixMs;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};

use super::schema::{STEPS, open_with};
use super::*;
use crate::engine::effect::{Effect, Level, LogLine, Query, Reply};
use crate::engine::state::{AckRow, AlertRow, AuditRow, Change, ConnectionRow, HostRow};
use crate::limits::CONNECTIONS_PER_HOST_MAX;

const NOW: UnixMs = UnixMs(1_795_234_567_089);
const SMALL: Option<u64> = Some(4 * 1024 * 1024);

fn host_row(name: &str) -> HostRow {
    HostRow {
        host: name.parse().unwrap(),
        state: HostState::Down,
        cause: Some(Cause::Silent),
        certainty: Some(Certainty::Unknown),
        evidence: vec!["no heartbeat for 5.2 s".into(), "\u{1b}[31m'; DROP TABLE host; --".into()],
        since: NOW,
        heard_at: Some(UnixMs(NOW.0 - 5_200)),
        heartbeat_interval_ms: Some(1_000),
        instance: Some(InstanceId(u64::MAX - 1)),
        boot_id: Some(BootId([7; 16])),
        agent_version: Some("systole-agent 0.1.0".into()),
        os: Some("Debian GNU/Linux 12".into()),
        address: Some("192.0.2.7:40001".into()),
        certificate_expires: Some(UnixMs(NOW.0 + 1)),
        labels: vec![("role".into(), "db".into()), ("ü".into(), String::new())],
        lease: Some((UnixMs(NOW.0 + 60_000), "kernel update".into())),
        goodbye: Some("service stop".into()),
        starts: vec![UnixMs(1), NOW],
    }
}

fn bare_host_row(name: &str) -> HostRow {
    HostRow {
        host: name.parse().unwrap(),
        state: HostState::New,
        cause: None,
        certainty: None,
        evidence: Vec::new(),
        since: NOW,
        heard_at: None,
        heartbeat_interval_ms: None,
        instance: None,
        boot_id: None,
        agent_version: None,
        os: None,
        address: None,
        certificate_expires: None,
        labels: Vec::new(),
        lease: None,
        goodbye: None,
        starts: Vec::new(),
    }
}

fn alert_row(id: u64, state: AlertState) -> AlertRow {
    AlertRow {
        id: AlertId(id),
        rule: "host_down".into(),
        host: Some("web-1".parse().unwrap()),
        subject: "heartbeat".into(),
        severity: Severity::Critical,
        state,
        since: NOW,
        fired_at: Some(NOW),
        resolved_at: (state == AlertState::Resolved).then_some(NOW),
        resolved_reason: "a beat came".into(),
        value: Some(5.25),
        threshold: None,
        summary: "web-1 is down".into(),
        ack: Some(AckRow { by: "alex".into(), note: "on it".into(), until: UnixMs(NOW.0 + 9) }),
        held: false,
        nodata: state == AlertState::Firing,
        event_at: Some(NOW),
    }
}

fn audit(action: &str) -> Change {
    Change::Audit(AuditRow {
        time: NOW,
        operator: "alex".into(),
        role: "operator".into(),
        action: action.into(),
        target: "1".into(),
        outcome: "done".into(),
        reason: String::new(),
    })
}

/// A line that needs pages of its own.
fn large() -> Change {
    audit(&"x".repeat(100_000))
}

fn host(row: HostRow) -> Change {
    Change::Host(Box::new(row))
}

fn alert(row: AlertRow) -> Change {
    Change::Alert(Box::new(row))
}

/// What was released, with the number of audit lines that another connection saw at that moment.
#[derive(Clone)]
struct Seen {
    path: PathBuf,
    effects: Arc<Mutex<Vec<(String, i64)>>>,
}

impl Release for Seen {
    fn release(&self, effects: Vec<Effect>) {
        for effect in effects {
            let lines = count(&self.path, "audit");
            let name = match effect {
                Effect::Reply { request, .. } => format!("reply {request}"),
                Effect::Log(line) => line.reason,
                other => format!("{other:?}"),
            };
            self.effects.lock().unwrap().push((name, lines));
        }
    }
}

fn count(path: &Path, table: &str) -> i64 {
    let connection = Connection::open(path).unwrap();
    let query = format!("SELECT count(*) FROM {table}");
    connection.query_row(&query, [], |row| row.get(0)).unwrap()
}

fn reply(request: u64) -> Effect {
    Effect::Reply { session: ConnectionId(1), request, reply: Reply::Done }
}

fn said(text: &str) -> Effect {
    Effect::Log(LogLine {
        level: Level::Info,
        event: "test",
        host: None,
        address: None,
        reason: text.into(),
    })
}

/// A store in a folder of its own, with its writer.
struct Store {
    folder: TempDir,
    writer: Writer<Seen>,
    seen: Seen,
    refusing: watch::Receiver<bool>,
}

impl Store {
    fn new() -> Self {
        Self::reopened(tempfile::tempdir().unwrap())
    }

    fn reopened(folder: TempDir) -> Self {
        let opened = open(folder.path(), NOW).unwrap();
        let reserve = Reserve::open(folder.path(), SMALL).unwrap();
        let seen = Seen { path: opened.path.clone(), effects: Arc::default() };
        let (sender, refusing) = watch::channel(false);
        let writer = Writer::new(opened, reserve, seen.clone(), sender, || NOW);
        Self { folder, writer, seen, refusing }
    }

    fn write(&mut self, changes: Vec<Change>, effects: Vec<Effect>) {
        self.write_all(vec![Batch { changes, effects }]);
    }

    fn write_all(&mut self, batches: Vec<Batch>) {
        let flying = &self.writer.news().in_flight;
        flying.fetch_add(batches.len(), std::sync::atomic::Ordering::Relaxed);
        self.writer.take(batches).unwrap();
        assert_eq!(flying.load(std::sync::atomic::Ordering::Relaxed), 0);
    }

    fn released(&self) -> Vec<(String, i64)> {
        std::mem::take(&mut *self.seen.effects.lock().unwrap())
    }

    /// As after kill -9: nothing is written back, the file is opened anew.
    fn killed(self) -> Loaded {
        let Self { folder, writer, .. } = self;
        std::mem::forget(writer);
        let opened = open(folder.path(), NOW).unwrap();
        load(&opened, NOW).unwrap()
    }

    /// Limits the file to the pages that it has now, as a full disk would; [`large`] finds no room.
    fn fill(&self) {
        self.writer.limit_pages(Some(0));
    }

    fn make_room(&self) {
        self.writer.limit_pages(None);
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}
