//! What is written is there, in order, exactly, and bounded.

use super::*;

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
    let readers = Readers::new(&store.seen.path, "");
    let query = Query::Connections { host: name.clone(), count_max: 3 };
    let answer = runtime().block_on(readers.answer(query)).unwrap();
    let Answer::Connections(host, records) = answer else { panic!() };
    assert_eq!(host, name);
    let times: Vec<_> = records.iter().map(|record| record.at.0).collect();
    assert_eq!(times, [many - 1, many - 2, many - 3]);
}

#[test]
fn old_lines_go_but_never_the_newest_whatever_the_clock_says() {
    let mut store = Store::new();
    let kept = crate::limits::AUDIT_KEPT_MIN;
    let old = |n: u32| {
        Change::Audit(AuditRow {
            time: UnixMs(0),
            operator: String::new(),
            role: String::new(),
            action: n.to_string(),
            target: String::new(),
            outcome: String::new(),
            reason: String::new(),
        })
    };
    store.write((0..kept + 10).map(old).collect(), Vec::new());
    store.writer.tend().unwrap();
    assert_eq!(count(&store.seen.path, "audit"), i64::from(kept));
    let connection = Connection::open(&store.seen.path).unwrap();
    let first = "SELECT action FROM audit ORDER BY id LIMIT 1";
    let first: String = connection.query_row(first, [], |row| row.get(0)).unwrap();
    assert_eq!(first, "10");
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
    let ask = |query| runtime().block_on(Readers::new(&store.seen.path, "").answer(query)).unwrap();
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
