//! The store under good and bad circumstances: order, restarts, damage, newer and older files, a full disk.

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

#[test]
fn everything_committed_is_there_exactly_after_a_kill() {
    let mut store = Store::new();
    let rows = [host_row("web-1"), bare_host_row("web-2")];
    let alerts = [alert_row(1, AlertState::Firing), alert_row(7, AlertState::Resolved)];
    let changes = rows.clone().map(host).into_iter().chain(alerts.clone().map(alert)).collect();
    store.write(changes, Vec::new());
    let loaded = store.killed();
    assert_eq!(loaded.saved.hosts, rows);
    assert_eq!(loaded.saved.alerts, alerts);
    assert_eq!(loaded.saved.alert_id_last, 7);
    assert_eq!((loaded.unreadable, loaded.losses.len()), (0, 0));
}

#[test]
fn an_effect_is_released_only_once_its_changes_can_be_read_and_in_order() {
    let mut store = Store::new();
    let batches = vec![
        Batch { changes: vec![audit("ack")], effects: vec![reply(1), reply(2)] },
        Batch { changes: vec![], effects: vec![reply(3)] },
        Batch { changes: vec![audit("unack")], effects: vec![reply(4)] },
    ];
    store.write_all(batches);
    let expected: Vec<_> = (1..=4).map(|request| (format!("reply {request}"), 2)).collect();
    assert_eq!(store.released(), expected);
}

#[test]
fn later_rows_replace_earlier_ones_and_a_retired_host_is_gone() {
    let mut store = Store::new();
    let line = ConnectionRow {
        at: NOW,
        connected: true,
        address: "192.0.2.7:1".into(),
        reason: "agent".into(),
    };
    let [one, two]: [HostId; 2] = ["web-1", "web-2"].map(|name| name.parse().unwrap());
    store.write(
        vec![
            host(host_row("web-1")),
            host(host_row("web-2")),
            Change::Connection(one.clone(), line.clone()),
            Change::Connection(two.clone(), line),
            host(bare_host_row("web-2")),
            Change::Heard(vec![(two, UnixMs(5)), ("gone".parse().unwrap(), UnixMs(6))]),
            Change::RetireHost(one),
        ],
        Vec::new(),
    );
    assert_eq!(count(&store.seen.path, "connection"), 1);
    let expected = HostRow { heard_at: Some(UnixMs(5)), ..bare_host_row("web-2") };
    assert_eq!(store.killed().saved.hosts, [expected]);
}

#[test]
fn the_connection_log_of_a_host_is_bounded() {
    let mut store = Store::new();
    let name: HostId = "web-1".parse().unwrap();
    let line = |at| ConnectionRow {
        at: UnixMs(at),
        connected: at % 2 == 0,
        address: String::new(),
        reason: String::new(),
    };
    let many = i64::from(CONNECTIONS_PER_HOST_MAX) + 20;
    let changes = (0..many).map(|at| Change::Connection(name.clone(), line(at))).collect();
    store.write(changes, Vec::new());
    assert_eq!(count(&store.seen.path, "connection"), i64::from(CONNECTIONS_PER_HOST_MAX));
    let readers = Readers::new(&store.seen.path);
    let query = Query::Connections { host: name.clone(), count_max: 3 };
    let answer = runtime().block_on(readers.answer(query)).unwrap();
    let Answer::Connections(host, records) = answer else { panic!() };
    assert_eq!(host, name);
    let times: Vec<_> = records.iter().map(|record| record.at.0).collect();
    assert_eq!(times, [many - 1, many - 2, many - 3]);
}

#[test]
fn queries_find_resolved_alerts_and_the_trail_newest_first() {
    let mut store = Store::new();
    let mut other = alert_row(2, AlertState::Resolved);
    other.host = None;
    other.resolved_at = Some(UnixMs(NOW.0 + 5));
    let first = alert_row(1, AlertState::Resolved);
    let open = alert_row(3, AlertState::Firing);
    let rows = [first, other, open.clone()].map(alert);
    store.write(rows.into_iter().chain([audit("a"), audit("b")]).collect(), Vec::new());
    let ask = |query| runtime().block_on(Readers::new(&store.seen.path).answer(query)).unwrap();
    let open = vec![crate::engine::alert_record(&open)];
    let ids = |answer| {
        let Answer::Alerts(records) = answer else { panic!() };
        records.iter().map(|record| record.id.0).collect::<Vec<_>>()
    };
    let all = Query::Alerts { open: open.clone(), since: None, host: None };
    assert_eq!(ids(ask(all)), [3, 2, 1]);
    let late = Query::Alerts { open: open.clone(), since: Some(NOW), host: None };
    assert_eq!(ids(ask(late)), [3, 2]);
    let web = Query::Alerts { open, since: None, host: "web-1".parse().ok() };
    assert_eq!(ids(ask(web)), [3, 1]);
    let Answer::Audit(lines) = ask(Query::Audit { since: None, count_max: 10 }) else { panic!() };
    let lines: Vec<_> = lines.iter().map(|line| (line.id, line.action.as_str())).collect();
    assert_eq!(lines, [(2, "b"), (1, "a")]);
}

#[test]
fn a_full_disk_first_takes_the_reserve() {
    let mut store = Store::new();
    store.writer.full_with_reserve = true;
    store.write(vec![audit("ack")], vec![reply(1)]);
    assert_eq!(store.released(), [("reply 1".to_owned(), 1)]);
    assert!(!*store.refusing.borrow());
    assert_eq!(fs::metadata(store.folder.path().join("reserve")).unwrap().len(), 0);
}

#[test]
fn without_a_reserve_replies_wait_and_everything_else_goes_on() {
    let mut store = Store::new();
    store.fill();
    store.write(vec![large()], vec![said("feed"), reply(1), said("more")]);
    assert!(*store.refusing.borrow());
    let names =
        |seen: Vec<(String, i64)>| seen.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(store.released()), ["feed", "more"]);
    store.write(vec![audit("unack")], vec![reply(2)]);
    store.writer.tend().unwrap();
    assert!(store.released().is_empty(), "still full");
    store.make_room();
    store.writer.tend().unwrap();
    assert!(!*store.refusing.borrow());
    let expected = [("reply 1".to_owned(), 2), ("reply 2".to_owned(), 2)];
    assert_eq!(store.released(), expected);
    assert!(fs::metadata(store.folder.path().join("reserve")).unwrap().len() > 0, "held again");
    assert_eq!(count(&store.seen.path, "audit"), 2);
}

#[test]
fn a_long_full_disk_keeps_the_last_of_everything() {
    let mut store = Store::new();
    store.fill();
    let many = crate::limits::BACKLOG_CHANGES_MAX / 2;
    store.write((0..=many).map(|_| audit("x")).collect(), Vec::new());
    let mut last = host_row("web-2");
    last.heartbeat_interval_ms = Some(7);
    let heard = vec![("web-2".parse().unwrap(), UnixMs(1)), ("web-3".parse().unwrap(), UnixMs(2))];
    let mut changes = vec![host(host_row("web-3")), Change::Heard(heard)];
    changes.extend((0..many).map(|_| host(host_row("web-2"))));
    changes.push(host(host_row("web-1")));
    changes.push(Change::RetireHost("web-1".parse().unwrap()));
    changes.push(host(last.clone()));
    store.write(changes, Vec::new());
    store.make_room();
    store.writer.tend().unwrap();
    let kept = count(&store.seen.path, "audit");
    assert_eq!(kept, i64::try_from(crate::limits::BACKLOG_APPENDED_MAX).unwrap());
    let third = HostRow { heard_at: Some(UnixMs(2)), ..host_row("web-3") };
    assert_eq!(store.killed().saved.hosts, [last, third]);
}

#[test]
fn any_other_failure_is_not_tried_again() {
    let mut store = Store::new();
    Connection::open(&store.seen.path).unwrap().execute("DROP TABLE audit", []).unwrap();
    let batch = Batch { changes: vec![audit("x")], effects: vec![reply(1)] };
    let error = store.writer.take(vec![batch]).unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error}");
    assert!(store.released().is_empty());
}

#[test]
fn a_damaged_file_is_set_aside_and_the_loss_is_said() {
    let mut store = Store::new();
    store.write(vec![host(host_row("web-1")), alert(alert_row(40, AlertState::Firing))], vec![]);
    store.writer.checkpoint().unwrap();
    let Store { folder, writer, .. } = store;
    drop(writer);
    let path = folder.path().join(STATE_FILE);
    for damage in [
        |bytes: &mut Vec<u8>| bytes.fill(0x55),
        |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2 + 100),
    ] {
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        damage(&mut bad);
        fs::write(&path, &bad).unwrap();
        let opened = open(folder.path(), NOW).unwrap();
        let aside = opened.set_aside.clone().unwrap();
        assert_eq!(fs::read(&aside).unwrap(), bad);
        assert!(aside.to_string_lossy().ends_with("state.db.damaged-20261121T041607Z"));
        let loaded = load(&opened, NOW).unwrap();
        assert!(loaded.saved.hosts.is_empty());
        assert!(loaded.losses[0].contains("lost"), "{:?}", loaded.losses);
        assert!(loaded.saved.alert_id_last > 40, "numbers are never used again");
        assert_eq!(count(&path, "audit"), 1);
        drop(opened);
        fs::remove_file(&aside).unwrap();
        schema::remove_with_companions(&path);
        fs::write(&path, good).unwrap();
    }
}

#[test]
fn rows_that_make_no_sense_are_left_out_and_counted() {
    let mut store = Store::new();
    store.write(vec![host(host_row("web-1")), host(host_row("web-2"))], vec![]);
    let connection = Connection::open(&store.seen.path).unwrap();
    connection.execute("UPDATE host SET state = 999 WHERE host = 'web-1'", []).unwrap();
    drop(connection);
    let loaded = store.killed();
    assert_eq!(loaded.unreadable, 1);
    assert_eq!(loaded.saved.hosts, [host_row("web-2")]);
}

#[test]
fn a_newer_file_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), NOW).unwrap());
    let path = folder.path().join(STATE_FILE);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&path).unwrap();
    for error in [open(folder.path(), NOW).unwrap_err(), refuse_newer(folder.path()).unwrap_err()] {
        let text = error.to_string();
        assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{text}");
        assert!(text.contains("state.db") && text.contains("version 99"), "{text}");
        assert!(!text.contains('\n'));
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn an_older_file_is_copied_and_then_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::reopened(folder);
    store.write(vec![host(host_row("web-1"))], vec![]);
    let Store { folder, writer, .. } = store;
    drop(writer);
    let steps = [STEPS[0], "ALTER TABLE host ADD COLUMN mood TEXT"];
    let opened = open_with(folder.path(), NOW, &steps).unwrap();
    let backup = opened.backup.unwrap();
    assert!(backup.to_string_lossy().ends_with("state.db.version-1-20261121T041607Z"));
    let moods = "SELECT count(*) FROM host WHERE mood IS NULL";
    let count =
        |connection: &Connection| connection.query_row(moods, [], |row| row.get::<_, i64>(0));
    assert_eq!(count(&opened.connection).unwrap(), 1);
    let old = Connection::open(&backup).unwrap();
    assert!(count(&old).is_err(), "the copy is what it was before");
    assert_eq!(super::tests::count(&backup, "host"), 1);
    drop(opened.connection);
    let again = open_with(folder.path(), NOW, &steps).unwrap();
    assert!(again.backup.is_none(), "once is enough");
}

#[test]
fn a_step_that_fails_leaves_the_old_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), NOW).unwrap());
    let steps = [STEPS[0], "CREATE TABLE more (id INTEGER) STRICT; SELECT nonsense"];
    assert!(open_with(folder.path(), NOW, &steps).is_err());
    let opened = open(folder.path(), NOW).unwrap();
    assert!(opened.backup.is_none() && !opened.is_new);
}

#[test]
fn the_log_is_written_back_when_it_has_grown_and_at_the_end() {
    let runtime = runtime();
    let store = Store::new();
    let (sender, mut queue) = mpsc::channel(crate::limits::BATCHES_MAX);
    for _ in 0..100 {
        let changes = (0..200).map(|_| audit(&"x".repeat(500))).collect();
        sender.blocking_send(Batch { changes, effects: vec![reply(1)] }).unwrap();
    }
    drop(sender);
    let Store { folder, writer, seen, .. } = store;
    let news = writer.news();
    writer.run(runtime.handle(), &mut queue).unwrap();
    assert_eq!(seen.effects.lock().unwrap().len(), 100);
    assert!(news.commits.load(std::sync::atomic::Ordering::Relaxed) < 100, "batches share commits");
    assert!(!folder.path().join("state.db-wal").exists());
    assert_eq!(count(&seen.path, "audit"), 20_000);
}

#[test]
fn the_reserve_is_real_room_and_comes_back() {
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    let mut reserve = Reserve::open(folder.path(), SMALL).unwrap();
    let blocks = || fs::metadata(folder.path().join("reserve")).unwrap().blocks() * 512;
    assert!(blocks() >= SMALL.unwrap());
    assert!(reserve.release());
    assert!(!reserve.release(), "only once");
    assert_eq!(blocks(), 0);
    assert!(reserve.restore() && reserve.is_held());
    assert!(blocks() >= SMALL.unwrap());
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}
