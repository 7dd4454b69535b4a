//! What `watch` prints, and that it prints nothing twice.

use serde_json::Value;
use systole_common::ids::InstanceId;
use systole_common::model::alert::Overlay;
use systole_common::wire::feed::{
    FeedOperators, FeedSnapshot, FeedSummary, FeedTick, OperatorPresence,
};

use super::*;
use crate::testing::{WALL, alert, at, down, host, record, resolved};

fn daemon(name: &str) -> Daemon {
    Daemon {
        daemon: name.to_owned(),
        address: "10.0.0.5:5001".to_owned(),
        role: "viewer".to_owned(),
        version: "0.1.0".to_owned(),
    }
}

fn snapshot(ms: u64) -> FeedEvent {
    FeedEvent::Snapshot(FeedSnapshot {
        instance: InstanceId(1),
        at: at(ms).wall,
        hosts: 0,
        alerts: 0,
        after_overflow: false,
    })
}

fn detail(record: HostRecord) -> FeedEvent {
    FeedEvent::Host(Box::new(HostNews { at: None, retired: false, host: host(record, 0) }))
}

fn changed(ms: u64, record: HostRecord) -> FeedEvent {
    let at = Some(at(ms).wall);
    FeedEvent::Host(Box::new(HostNews { at, retired: false, host: host(record, ms) }))
}

fn told(ms: u64, record: AlertRecord) -> FeedEvent {
    FeedEvent::Alert { at: at(ms).wall, record: Box::new(record) }
}

fn tick(ms: u64) -> FeedEvent {
    FeedEvent::Tick(FeedTick { sequence: 1, at: at(ms).wall, loop_lag_us: 0 })
}

/// A watch that has printed `records` and `alerts`.
fn watching(records: &[HostRecord], alerts: &[AlertRecord]) -> Watch {
    let mut watch = Watch::new(false);
    watch.linked(at(0), &daemon("mon-1"));
    picture(&mut watch, 0, records, alerts);
    watch
}

fn picture(
    watch: &mut Watch,
    ms: u64,
    records: &[HostRecord],
    alerts: &[AlertRecord],
) -> Vec<Value> {
    let hosts = records.iter().cloned().map(detail);
    let alerts = alerts.iter().cloned().map(|alert| told(ms, alert));
    let events = std::iter::once(snapshot(ms)).chain(hosts).chain(alerts);
    let events = events.chain([FeedEvent::Complete]);
    events.flat_map(|event| lines(watch.feed(at(ms), event))).collect()
}

fn lines(steps: Vec<Step>) -> Vec<Value> {
    let line = |step| match step {
        Step::Print(line) => Some(serde_json::from_str(&line).unwrap()),
        Step::AskAlerts { .. } | Step::AskMessages { .. } | Step::AskFiles { .. } => None,
    };
    steps.into_iter().filter_map(line).collect()
}

#[test]
fn it_begins_with_hello_and_the_present_state() {
    let mut watch = Watch::new(false);
    let hello = watch.linked(at(0), &daemon("mon-1"));
    let expected = concat!(
        r#"{"at":"2026-11-21T04:16:07.089Z","kind":"hello","daemon":"mon-1","#,
        r#""address":"10.0.0.5:5001","role":"viewer","version":"0.1.0"}"#
    );
    assert_eq!(hello, [Step::Print(expected.to_owned())]);
    let first = picture(&mut watch, 0, &[record("a"), down("b")], &[alert(1, "b")]);
    let kinds: Vec<_> = first.iter().map(|line| (&line["kind"], &line["previous"])).collect();
    assert_eq!(first.len(), 3);
    assert!(kinds.iter().all(|(_, previous)| previous.is_null()), "{kinds:?}");
    assert_eq!(first[1]["state"], "down");
    assert_eq!(first[1]["retired"], false);
    assert_eq!(first[0]["metrics"]["cpu_percent"], 41.25);
    assert_eq!(first[2]["id"], 1);
    assert_eq!(first[2]["at"], "2026-11-21T04:16:07.089Z");
}

#[test]
fn a_change_says_what_was_before_and_a_measurement_is_no_change() {
    let mut watch = watching(&[record("a")], &[]);
    let mut measured = record("a");
    measured.heartbeat_age_ms = Some(1);
    measured.rtt_us = Some(9);
    measured.heartbeat_interval_ms = Some(813);
    measured.series.clear();
    assert_eq!(watch.feed(at(1_000), detail(measured.clone())), []);
    let mut slower = record("a");
    slower.heartbeat_interval_ms = Some(20_000);
    let news = lines(watch.feed(at(1_500), detail(slower)));
    assert_eq!(news[0]["previous"], json!({"heartbeat_interval_ms": 1_000}));
    assert_eq!(lines(watch.feed(at(1_600), detail(record("a")))).len(), 1);
    let news = lines(watch.feed(at(2_000), changed(2_000, down("a"))));
    assert_eq!(news.len(), 1);
    assert_eq!(news[0]["at"], "2026-11-21T04:16:09.089Z");
    assert_eq!(news[0]["cause"], "silent");
    let previous = news[0]["previous"].as_object().unwrap();
    let fields: Vec<&str> = previous.keys().map(String::as_str).collect();
    assert_eq!(fields, ["alerts", "cause", "certainty", "evidence", "since", "state"]);
    assert_eq!((&previous["state"], &previous["cause"]), (&"online".into(), &Value::Null));
    let mut longer = down("a");
    longer.evidence = vec!["nothing heard for 13 s".to_owned()];
    longer.alerts_critical = 2;
    assert_eq!(watch.feed(at(3_000), detail(longer)), [], "told by the alert's own line");
    assert_eq!(watch.feed(at(3_000), changed(2_000, down("a"))), []);
}

#[test]
fn measured_values_make_lines_where_they_are_asked_for() {
    let mut watch = Watch::new(true);
    watch.linked(at(0), &daemon("mon-1"));
    picture(&mut watch, 0, &[record("a")], &[]);
    assert_eq!(watch.feed(at(1_000), detail(record("a"))), [], "nothing new");
    let mut busy = record("a");
    busy.series[0].value = 99.0;
    let news = lines(watch.feed(at(2_000), detail(busy)));
    assert_eq!(news[0]["metrics"]["cpu_percent"], 99.0);
    assert_eq!(news[0]["previous"], json!({}));
}

#[test]
fn an_alert_is_followed_to_its_end() {
    let mut watch = watching(&[], &[]);
    assert_eq!(lines(watch.feed(at(0), told(0, alert(7, "a")))).len(), 1);
    let mut moved = alert(7, "a");
    moved.value = Some(99.0);
    assert_eq!(watch.feed(at(1), told(1, moved)), []);
    let mut acked = alert(7, "a");
    acked.overlays = vec![Overlay::Acked.into()];
    acked.acked_by = Some("alex".to_owned());
    let news = lines(watch.feed(at(2), told(2, acked.clone())));
    assert_eq!(news[0]["previous"], json!({"overlays": [], "acked_by": null}));
    let news = lines(watch.feed(at(3), told(3, resolved(acked, WALL))));
    assert_eq!(news[0]["state"], "resolved");
    assert_eq!(news[0]["previous"]["state"], "firing");
}

#[test]
fn a_lost_link_is_said_once_and_a_second_picture_repeats_nothing() {
    let hosts = [record("a"), record("b")];
    let mut watch = watching(&hosts, &[alert(1, "b")]);
    let gone = lines(watch.unlinked(at(5_000), "restarted"));
    assert_eq!((&gone[0]["kind"], &gone[0]["state"]), (&"daemon".into(), &"gone".into()));
    assert_eq!(gone[0]["reason"], "restarted");
    assert_eq!(watch.unlinked(at(6_000), "no answer"), []);
    let back = lines(watch.linked(at(7_000), &daemon("mon-1")));
    assert_eq!((&back[0]["kind"], &back[0]["state"]), (&"daemon".into(), &"back".into()));
    assert_eq!(back[0]["previous"], json!({"state": "gone"}));
    assert_eq!(picture(&mut watch, 7_000, &hosts, &[alert(1, "b")]), Vec::<Value>::new());
    let changed = picture(&mut watch, 8_000, &[down("a"), record("b")], &[alert(1, "b")]);
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0]["previous"]["state"], "online");
}

#[test]
fn what_ended_while_nobody_listened_is_asked_for_and_told_once() {
    let mut watch = watching(&[record("a")], &[alert(1, "a"), alert(2, "a")]);
    watch.feed(at(3_000), tick(3_000));
    // The end of 2 is still heard, that of 1 and the whole of 3 are not.
    let end = resolved(alert(2, "a"), at(3_200).wall);
    assert_eq!(lines(watch.feed(at(3_200), told(3_200, end.clone()))).len(), 1);
    watch.unlinked(at(4_000), "restarted");
    watch.linked(at(5_000), &daemon("mon-1"));
    watch.feed(at(5_000), snapshot(5_000));
    watch.feed(at(5_000), detail(record("a")));
    let steps = watch.feed(at(5_000), FeedEvent::Complete);
    assert_eq!(steps, [Step::AskAlerts { since: at(3_200).wall }]);
    let answer =
        vec![resolved(alert(3, "a"), at(4_900).wall), resolved(alert(1, "a"), at(4_500).wall), end];
    let missed = lines(watch.missed(answer.clone()));
    let told: Vec<_> = missed.iter().map(|line| (&line["id"], &line["state"])).collect();
    assert_eq!(told, [(&json!(1), &json!("resolved")), (&json!(3), &json!("resolved"))]);
    assert_eq!(missed[0]["previous"]["state"], "firing");
    assert_eq!(missed[0]["at"], "2026-11-21T04:16:11.589Z");
    assert!(missed[1]["previous"].is_null());
    assert_eq!(watch.missed(answer), []);
}

#[test]
fn a_host_that_is_retired_is_told_once() {
    let mut watch = watching(&[record("a"), record("b"), record("c")], &[]);
    let retired = HostNews { at: Some(WALL), retired: true, host: host(record("a"), 0) };
    let news = lines(watch.feed(at(0), FeedEvent::Host(Box::new(retired))));
    assert_eq!((&news[0]["host"], &news[0]["retired"]), (&"a".into(), &true.into()));
    assert_eq!(news[0]["previous"], json!({"retired": false}));
    let gone = FeedSummary { hosts: Vec::new(), retired: vec!["a".into(), "b".into()] };
    let news = lines(watch.feed(at(0), FeedEvent::Summary(gone)));
    assert_eq!(news.len(), 1);
    assert_eq!(news[0]["host"], "b");
    let news = picture(&mut watch, 1_000, &[], &[]);
    assert_eq!((&news[0]["host"], &news[0]["retired"]), (&"c".into(), &true.into()));
}

#[test]
fn another_daemon_has_numbers_of_its_own() {
    let mut watch = watching(&[record("a")], &[alert(1, "a")]);
    watch.unlinked(at(1_000), "gone");
    watch.linked(at(2_000), &daemon("mon-2"));
    let news = picture(&mut watch, 2_000, &[record("a")], &[alert(1, "a")]);
    assert_eq!(news.len(), 1);
    assert_eq!((&news[0]["kind"], &news[0]["previous"]), (&"alert".into(), &Value::Null));
}

fn operator(session: u64, name: &str, looking_at: &str) -> OperatorPresence {
    OperatorPresence {
        session,
        operator: name.to_owned(),
        role: "operator".to_owned(),
        since: WALL,
        looking_at: looking_at.to_owned(),
    }
}

fn present(operators: &[OperatorPresence]) -> FeedEvent {
    FeedEvent::Operators(FeedOperators { operators: operators.to_vec(), own: 1 })
}

#[test]
fn operators_are_told_when_they_are_there_come_look_elsewhere_and_go() {
    let mut watch = watching(&[], &[]);
    let own = operator(1, "watch", "");
    let steps = watch.feed(at(0), present(&[own.clone(), operator(3, "ann", "")]));
    let expected = concat!(
        r#"{"at":"2026-11-21T04:16:07.089Z","kind":"operator","session":3,"operator":"ann","#,
        r#""role":"operator","since":"2026-11-21T04:16:07.089Z","looking_at":null,"#,
        r#""attached":true,"previous":null}"#
    );
    assert_eq!(steps, [Step::Print(expected.to_owned())], "not of itself");
    let mut told = |ms, operators: &[OperatorPresence]| {
        let all: Vec<_> = [own.clone()].iter().chain(operators).cloned().collect();
        lines(watch.feed(at(ms), present(&all)))
    };
    let news = told(1_000, &[operator(3, "ann", "host web-1"), operator(4, "bo", "fleet")]);
    assert_eq!(news[0]["looking_at"], "host web-1");
    assert_eq!(news[0]["previous"], json!({"looking_at": null}));
    assert_eq!((&news[1]["operator"], &news[1]["previous"]), (&"bo".into(), &Value::Null));
    assert_eq!(news.len(), 2);
    assert_eq!(
        told(2_000, &[operator(3, "ann", "host web-1"), operator(4, "bo", "fleet")]).len(),
        0
    );
    let news = told(3_000, &[operator(4, "bo", "fleet")]);
    assert_eq!((&news[0]["operator"], &news[0]["attached"]), (&"ann".into(), &false.into()));
    assert_eq!(news[0]["previous"], json!({"attached": true}));
    // The daemon was restarted: another operator has the number now.
    let mut other = operator(4, "cy", "fleet");
    other.since = at(3_500).wall;
    let news = told(4_000, &[other]);
    let who: Vec<_> = news.iter().map(|line| (&line["operator"], &line["attached"])).collect();
    assert_eq!(who, [(&json!("bo"), &json!(false)), (&json!("cy"), &json!(true))]);
}
