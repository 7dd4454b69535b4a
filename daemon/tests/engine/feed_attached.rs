//! Who is attached and what they look at: what the others are told, and what agents are asked for.

use std::time::Duration;

use systole_common::ids::{ConnectionId, Role};
use systole_common::wire::console::{LookingAt, Subscribe};
use systole_common::wire::feed::FeedOperators;
use systole_daemon::engine::effect::{FeedFrame, Reply};
use systole_daemon::engine::input::{Input, Request};

use crate::sim::{SECOND, Sim};

const ANN: ConnectionId = ConnectionId(1_000_001);
const BO: ConnectionId = ConnectionId(1_000_002);

fn open(sim: &mut Sim, session: ConnectionId, name: &str) {
    let operator = name.parse().unwrap();
    let address = "10.0.0.9:1".into();
    sim.give(Input::ConsoleOpened { session, operator, role: Role::Viewer, address });
}

fn ask(sim: &mut Sim, session: ConnectionId, body: Request) {
    sim.replies.clear();
    sim.give(Input::Request { session, request: 1, body });
    assert!(matches!(sim.replies.as_slice(), [Reply::Done]), "{:?}", sim.replies);
}

fn subscribe(sim: &mut Sim, session: ConnectionId, hosts: &[&str]) {
    let hosts = hosts.iter().map(|name| (*name).to_owned()).collect();
    ask(sim, session, Request::Subscribe(Subscribe { all: false, hosts }));
}

fn look(sim: &mut Sim, session: ConnectionId, what: &str) {
    ask(sim, session, Request::LookingAt(LookingAt { what: what.into() }));
}

fn fleet(names: &[&'static str]) -> Sim {
    let mut sim = Sim::new();
    for name in names {
        sim.start(name);
    }
    sim.advance(10 * SECOND);
    sim
}

/// Names and what they look at, as `own` was told last; and how often it was told.
fn told(sim: &Sim, own: ConnectionId) -> (Vec<String>, usize) {
    let of = |frame: &FeedFrame| match frame {
        FeedFrame::Operators(told) if told.own == own.0 => Some(told.clone()),
        _ => None,
    };
    let all: Vec<FeedOperators> = sim.feed.iter().filter_map(of).collect();
    let last = all.last().map(|last| last.operators.clone()).unwrap_or_default();
    let words = last.iter().map(|one| format!("{} {}", one.operator, one.looking_at));
    (words.collect(), all.len())
}

fn details(sim: &Sim) -> Vec<&str> {
    let mut hosts = Vec::new();
    for frame in &sim.feed {
        if let FeedFrame::Detail(detail) = frame {
            hosts.push(detail.record.host.as_str());
        }
    }
    hosts
}

#[test]
fn everybody_is_told_who_comes_goes_and_looks_elsewhere_at_most_once_a_second() {
    let mut sim = fleet(&["web-1"]);
    open(&mut sim, ANN, "ann");
    open(&mut sim, BO, "bo");
    subscribe(&mut sim, ANN, &[]);
    assert_eq!(told(&sim, ANN), (vec!["ann ".to_owned()], 1), "bo has no feed yet");
    sim.advance(3 * SECOND);
    sim.feed.clear();
    look(&mut sim, BO, "host web-1");
    subscribe(&mut sim, BO, &[]);
    let both = vec!["ann ".to_owned(), "bo host web-1".to_owned()];
    assert_eq!(told(&sim, BO), (both.clone(), 1), "in the picture");
    sim.advance(SECOND);
    assert_eq!(told(&sim, ANN), (both, 1));
    sim.feed.clear();
    for what in ["alerts", "fleet", "host web-2", "fleet"] {
        look(&mut sim, ANN, what);
    }
    sim.advance(SECOND);
    assert_eq!(told(&sim, BO), (vec!["ann fleet".to_owned(), "bo host web-1".to_owned()], 1));
    sim.feed.clear();
    look(&mut sim, ANN, "fleet");
    sim.advance(5 * SECOND);
    assert_eq!(told(&sim, BO).1, 0, "nothing changed");
    sim.give(Input::ConsoleGone { session: ANN });
    sim.advance(SECOND);
    assert_eq!(told(&sim, BO), (vec!["bo host web-1".to_owned()], 1));
}

#[test]
fn subscribing_again_brings_only_the_details_that_are_new() {
    let mut sim = fleet(&["web-1", "web-2", "web-3"]);
    open(&mut sim, ANN, "ann");
    subscribe(&mut sim, ANN, &["web-1"]);
    assert_eq!(details(&sim), ["web-1"]);
    sim.feed.clear();
    subscribe(&mut sim, ANN, &["web-1", "web-3", "nobody"]);
    assert_eq!(details(&sim), ["web-3"]);
    assert_eq!(sim.feed.len(), 1, "no picture: {:?}", sim.feed);
    sim.feed.clear();
    ask(&mut sim, ANN, Request::Subscribe(Subscribe { all: true, hosts: Vec::new() }));
    assert_eq!(details(&sim), ["web-2"], "the others were detailed already");
}

#[test]
fn ticks_go_on_each_second_however_often_a_console_looks_elsewhere() {
    let mut sim = fleet(&["web-1", "web-2"]);
    open(&mut sim, ANN, "ann");
    subscribe(&mut sim, ANN, &[]);
    sim.feed.clear();
    for round in 0..25 {
        subscribe(&mut sim, ANN, &[if round % 2 == 0 { "web-1" } else { "web-2" }]);
        sim.advance(Duration::from_millis(200));
    }
    let ticks = sim.feed.iter().filter(|frame| matches!(frame, FeedFrame::Tick(_))).count();
    assert_eq!(ticks, 5);
}

#[test]
fn exactly_the_hosts_that_somebody_looks_at_send_at_the_live_rate() {
    let mut sim = fleet(&["web-1", "web-2", "web-3"]);
    let of = |sim: &mut Sim| {
        let asked: Vec<(&str, u32)> = std::mem::take(&mut sim.intervals)
            .into_iter()
            .map(|(connection, live_ms)| {
                let mut agents = sim.agents.iter();
                let (name, _) = agents.find(|(_, agent)| agent.connection == connection).unwrap();
                (*name, live_ms)
            })
            .collect();
        asked
    };
    open(&mut sim, ANN, "ann");
    open(&mut sim, BO, "bo");
    subscribe(&mut sim, ANN, &["web-1", "web-2"]);
    assert_eq!(of(&mut sim), [("web-1", 1_000), ("web-2", 1_000)]);
    subscribe(&mut sim, BO, &["web-2", "web-3"]);
    assert_eq!(of(&mut sim), [("web-3", 1_000)], "web-2 is looked at already");
    subscribe(&mut sim, ANN, &["web-1"]);
    assert_eq!(of(&mut sim), [], "bo still looks at web-2");
    subscribe(&mut sim, BO, &[]);
    assert_eq!(of(&mut sim), [("web-2", 5_000), ("web-3", 5_000)]);
    ask(&mut sim, BO, Request::Subscribe(Subscribe { all: true, hosts: vec!["web-1".into()] }));
    assert_eq!(of(&mut sim), [("web-2", 1_000), ("web-3", 1_000)]);
    sim.give(Input::ConsoleGone { session: ANN });
    assert_eq!(of(&mut sim), []);
    subscribe(&mut sim, BO, &["web-3"]);
    assert_eq!(of(&mut sim), [("web-1", 5_000), ("web-2", 5_000)]);
    sim.give(Input::ConsoleGone { session: BO });
    assert_eq!(of(&mut sim), [("web-3", 5_000)]);
    sim.give(Input::ConsoleGone { session: BO });
    assert_eq!(of(&mut sim), []);
}

#[test]
fn a_host_that_comes_while_it_is_looked_at_sends_at_the_live_rate_at_once() {
    let mut sim = fleet(&["web-1"]);
    open(&mut sim, ANN, "ann");
    subscribe(&mut sim, ANN, &["web-2"]);
    sim.start("web-2");
    assert_eq!(sim.agents["web-2"].sample_interval, SECOND);
}
