//! What operators may do, and the trail of it.

use std::time::Duration;

use systole_common::ids::{AlertId, Role};
use systole_common::model::alert::{AlertState, Overlay};
use systole_common::model::host::HostState;
use systole_common::wire::console::{Ack, AlertTargets, HostsQuery, Resolve, Retire, Unack};
use systole_common::wire::file::Accept;
use systole_common::wire::hello::{CloseCode, RefusalCode};
use systole_daemon::engine::effect::Reply;
use systole_daemon::engine::input::{Input, Request};

use crate::sim::{CONSOLE, SECOND, Sim, host};

fn down() -> Sim {
    let mut sim = Sim::new();
    sim.open_console(Role::Admin);
    sim.start("web-1");
    sim.start("web-2");
    sim.advance(10 * SECOND);
    sim.kill("web-1");
    sim.advance(6 * SECOND);
    sim
}

fn ids(ids: &[u64]) -> AlertTargets {
    AlertTargets { ids: ids.iter().map(|id| AlertId(*id)).collect(), host: None }
}

fn ack(targets: AlertTargets, seconds: u64) -> Request {
    Request::Ack(Ack { targets, note: "on it".into(), for_ms: seconds * 1_000 })
}

fn refusal(reply: Reply) -> (RefusalCode, String) {
    match reply {
        Reply::Refused(refusal) => (refusal.code.known().unwrap(), refusal.text),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn an_acknowledgement_lasts_until_its_end() {
    let mut sim = down();
    let id = sim.firing("host_down").id.0;
    match sim.ask(ack(ids(&[id]), 600)) {
        Reply::Alerts(records) => {
            assert_eq!(records[0].acked_by.as_deref(), Some("alex"));
            assert_eq!(records[0].overlays, [Overlay::Acked.into()]);
        }
        other => panic!("{other:?}"),
    }
    assert!(sim.firing("host_down").ack.is_some(), "written down");
    sim.restart_daemon(SECOND, SECOND);
    sim.advance(Duration::from_secs(590));
    assert!(sim.firing("host_down").ack.is_some());
    sim.advance(20 * SECOND);
    assert!(sim.firing("host_down").ack.is_none(), "ended by itself");
}

#[test]
fn several_at_once_are_all_or_nothing() {
    let mut sim = down();
    sim.kill("web-2");
    sim.advance(6 * SECOND);
    let (code, text) = refusal(sim.ask(ack(ids(&[1, 2, 77]), 60)));
    assert_eq!(code, RefusalCode::NotFound);
    assert!(text.contains("77"), "{text}");
    assert!(sim.incidents("host_down").iter().all(|row| row.ack.is_none()));
    match sim.ask(ack(ids(&[1, 2]), 60)) {
        Reply::Alerts(records) => assert_eq!(records.len(), 2),
        other => panic!("{other:?}"),
    }
    let by_host = AlertTargets { ids: Vec::new(), host: Some("web-2".into()) };
    match sim.ask(Request::Unack(Unack { targets: by_host })) {
        Reply::Alerts(records) => assert_eq!(records[0].host.as_deref(), Some("web-2")),
        other => panic!("{other:?}"),
    }
    let outcomes: Vec<_> = sim
        .disk
        .audit
        .iter()
        .filter(|row| row.role == "admin")
        .map(|row| row.outcome.as_str())
        .collect();
    assert_eq!(outcomes, ["refused", "done", "done"]);
}

#[test]
fn resolve_waits_until_the_condition_was_clear_once() {
    let mut sim = down();
    let id = sim.firing("host_down").id.0;
    let resolve = Request::Resolve(Resolve { targets: ids(&[id]), note: "known".into() });
    assert!(matches!(sim.ask(resolve), Reply::Alerts(_)));
    sim.restart_daemon(SECOND, SECOND);
    sim.advance(60 * SECOND);
    assert!(sim.open().is_empty(), "still down, and stays quiet");
    assert_eq!(sim.state("web-1"), HostState::Down);
    sim.start("web-1");
    sim.advance(60 * SECOND);
    sim.kill("web-1");
    sim.advance(6 * SECOND);
    assert_eq!(sim.open(), ["host_down/web-1"], "fires again after it was clear");
    let (code, _) = refusal(sim.ask(ack(ids(&[id]), 60)));
    assert_eq!(code, RefusalCode::State, "the old incident is over");
}

#[test]
fn a_retired_host_is_gone_and_new_when_it_beats_again() {
    let mut sim = down();
    let retire = |name: &str| Request::Retire(Retire { host: name.into() });
    let connection = sim.agents["web-2"].connection;
    assert!(matches!(sim.ask(retire("web-2")), Reply::Hosts(_)));
    assert!(sim.closed.contains(&(connection, CloseCode::Retired)));
    assert!(matches!(sim.ask(retire("web-1")), Reply::Hosts(_)));
    assert_eq!(sim.incidents("host_down")[0].state, AlertState::Resolved);
    let (code, text) = refusal(sim.ask(retire("web-1")));
    assert_eq!(code, RefusalCode::NotFound);
    assert!(text.contains("systole hosts"), "{text}");
    sim.start("web-1");
    assert_eq!(sim.state("web-1"), HostState::New);
    assert_eq!(sim.disk.audit.last().unwrap().action, "new-host");
    sim.advance(60 * SECOND);
    assert!(sim.open().is_empty());
}

#[test]
fn a_retired_host_that_comes_back_is_judged_whatever_was_resolved_before() {
    let mut sim = down();
    let targets = AlertTargets { ids: Vec::new(), host: Some("web-1".into()) };
    let resolve = Request::Resolve(Resolve { targets, note: String::new() });
    assert!(matches!(sim.ask(resolve), Reply::Alerts(_)));
    assert!(matches!(sim.ask(Request::Retire(Retire { host: "web-1".into() })), Reply::Hosts(_)));
    assert!(!sim.incidents("host_down")[0].held, "nothing waits for a host that is gone");
    sim.restart_daemon(SECOND, SECOND);
    sim.start("web-1");
    sim.advance(30 * SECOND);
    assert!(sim.open().is_empty(), "{:?}", sim.open());
    sim.kill("web-1");
    sim.advance(30 * SECOND);
    assert_eq!(sim.firing("host_down").host, Some(host("web-1")));
}

#[test]
fn an_acknowledgement_ends_also_after_a_relapse() {
    let mut sim = down();
    assert!(matches!(sim.ask(ack(ids(&[1]), 60)), Reply::Alerts(_)));
    sim.start("web-1");
    sim.advance(SECOND);
    sim.kill("web-1");
    sim.advance(20 * SECOND);
    let row = sim.firing("host_down");
    assert!(row.id.0 == 1 && row.ack.is_some(), "the same incident, still acknowledged: {row:?}");
    sim.advance(60 * SECOND);
    assert!(sim.firing("host_down").ack.is_none(), "its time is over");
}

#[test]
fn nothing_is_changed_while_the_disk_takes_no_writes() {
    let mut sim = down();
    sim.give(Input::StoreRefusing(true));
    let audit = sim.disk.audit.len();
    let (code, _) = refusal(sim.ask(ack(ids(&[1]), 60)));
    assert_eq!(code, RefusalCode::Storage);
    assert_eq!(sim.disk.audit.len(), audit);
    sim.give(Input::StoreRefusing(false));
    assert!(matches!(sim.ask(ack(ids(&[1]), 60)), Reply::Alerts(_)));
}

#[test]
fn a_denied_request_is_in_the_trail() {
    let mut sim = down();
    let reason = "needs the role operator".to_owned();
    let asked =
        |body| Input::Denied { session: CONSOLE, action: "x", body, reason: reason.clone() };
    let about = [
        (Some(ack(ids(&[1]), 60)), "alert 1"),
        (Some(Request::Retire(Retire { host: "web-1".into() })), "web-1"),
        (Some(Request::Accept(Accept { file: 7 })), "file 7"),
        (None, ""),
    ];
    for (body, target) in about {
        sim.give(asked(body));
        let line = sim.disk.audit.last().unwrap();
        assert_eq!((line.target.as_str(), line.outcome.as_str()), (target, "refused"));
    }
}

#[test]
fn hosts_are_listed_whole_and_unknown_names_refused() {
    let mut sim = down();
    match sim.ask(Request::Hosts(HostsQuery { hosts: Vec::new() })) {
        Reply::Hosts(records) => {
            assert_eq!(records.len(), 2);
            assert_eq!(records[0].alerts_critical, 1);
            assert_eq!(records[1].heartbeat_interval_ms, Some(1_000));
        }
        other => panic!("{other:?}"),
    }
    let unknown = Request::Hosts(HostsQuery { hosts: vec!["nope\u{1b}".into()] });
    let (code, text) = refusal(sim.ask(unknown));
    assert_eq!(code, RefusalCode::NotFound);
    assert!(!text.contains('\u{1b}'));
}
