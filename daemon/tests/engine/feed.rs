//! What a subscribed console sees.

use systole_common::ids::Role;
use systole_common::model::host::HostState;
use systole_common::wire::console::Subscribe;
use systole_daemon::engine::effect::FeedFrame;
use systole_daemon::engine::input::{Input, Request};

use crate::sim::{CONSOLE, SECOND, Sim};

fn subscribed(all: bool) -> Sim {
    let mut sim = Sim::new();
    sim.open_console(Role::Viewer);
    sim.start("web-1");
    sim.start("web-2");
    sim.advance(10 * SECOND);
    sim.ask(Request::Subscribe(Subscribe { all, hosts: vec!["web-1".into()] }));
    sim
}

#[test]
fn a_picture_comes_first_then_ticks_and_events() {
    let mut sim = subscribed(true);
    assert!(matches!(sim.feed.first(), Some(FeedFrame::Snapshot(_))));
    assert!(matches!(sim.feed.last(), Some(FeedFrame::Complete(_))));
    let details = sim.feed.iter().filter(|frame| matches!(frame, FeedFrame::Detail(_))).count();
    assert_eq!(details, 2);
    sim.feed.clear();
    sim.kill("web-1");
    sim.advance(6 * SECOND);
    let states: Vec<_> = sim
        .feed
        .iter()
        .filter_map(|frame| match frame {
            FeedFrame::Host(event) => event.record.state.known(),
            _ => None,
        })
        .collect();
    assert_eq!(states, [HostState::Late, HostState::Down]);
    let alerts = sim.feed.iter().filter(|frame| matches!(frame, FeedFrame::Alert(_))).count();
    assert_eq!(alerts, 1);
    let ticks = sim.feed.iter().filter(|frame| matches!(frame, FeedFrame::Tick(_))).count();
    assert_eq!(ticks, 6, "one a second, even when idle");
}

#[test]
fn the_live_rate_rises_only_while_somebody_looks() {
    let mut sim = subscribed(false);
    let web_1 = sim.agents["web-1"].connection;
    assert_eq!(sim.intervals, [(web_1, 1_000)], "only the host that is detailed");
    sim.intervals.clear();
    sim.give(Input::ConsoleGone { session: CONSOLE });
    assert_eq!(sim.intervals, [(web_1, 5_000)]);
}

#[test]
fn a_console_that_lost_events_gets_a_fresh_picture() {
    let mut sim = subscribed(true);
    sim.feed.clear();
    sim.give(Input::FeedOverflowed { session: CONSOLE });
    match sim.feed.first() {
        Some(FeedFrame::Snapshot(snapshot)) => assert!(snapshot.after_overflow),
        other => panic!("{other:?}"),
    }
}
