//! Random days of a fleet, by seed. What is always true must be true of each of them.

use std::time::Duration;

use proptest::prelude::*;
use systole_common::model::host::HostState;
use systole_common::wire::agent::Intent;
use systole_daemon::engine::input::Gone;

use crate::sim::{SECOND, Sim};

const NAMES: [&str; 3] = ["web-1", "web-2", "web-3"];

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Kill(usize),
    Start(usize),
    Reboot(usize),
    Stop(usize),
    Leave(usize, u64),
    Reconnect(usize),
    Clone(usize),
    RestartDaemon(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u64..40_000).prop_map(Step::Wait),
        2 => (0usize..3).prop_map(Step::Kill),
        3 => (0usize..3).prop_map(Step::Start),
        1 => (0usize..3).prop_map(Step::Reboot),
        1 => (0usize..3).prop_map(Step::Stop),
        1 => ((0usize..3), (1u64..120)).prop_map(|(host, s)| Step::Leave(host, s)),
        2 => (0usize..3).prop_map(Step::Reconnect),
        1 => (0usize..3).prop_map(Step::Clone),
        2 => (0u64..60).prop_map(Step::RestartDaemon),
    ]
}

fn apply(sim: &mut Sim, step: &Step) {
    let running = |sim: &Sim, at: usize| sim.agents.get(NAMES[at]).is_some_and(|a| a.running);
    match *step {
        Step::Wait(ms) => sim.advance(Duration::from_millis(ms)),
        Step::Kill(at) if running(sim, at) => sim.kill(NAMES[at]),
        Step::Start(at) if !running(sim, at) => sim.start(NAMES[at]),
        Step::Reboot(at) if !running(sim, at) => sim.start_rebooted(NAMES[at]),
        Step::Stop(at) if running(sim, at) && sim.agents[NAMES[at]].accepted => {
            sim.stop(NAMES[at], "service stop");
        }
        Step::Leave(at, seconds) if running(sim, at) && sim.agents[NAMES[at]].accepted => {
            sim.leave(NAMES[at], Duration::from_secs(seconds), "test");
        }
        Step::Reconnect(at) if running(sim, at) => {
            let old = sim.agents[NAMES[at]].connection;
            sim.gone(old, Gone::Reset);
            sim.connect(NAMES[at]);
        }
        Step::Clone(at) if running(sim, at) && sim.agents[NAMES[at]].accepted => {
            let clone = sim.start_clone(NAMES[at]);
            sim.gone(clone, Gone::Closed(None, String::new()));
        }
        Step::RestartDaemon(seconds) => sim.restart_daemon(Duration::from_secs(seconds), SECOND),
        Step::Kill(_)
        | Step::Start(_)
        | Step::Reboot(_)
        | Step::Stop(_)
        | Step::Leave(..)
        | Step::Reconnect(_)
        | Step::Clone(_) => {}
    }
}

/// After a long quiet time without leases every host is what it really is, and the book agrees.
fn check_settled(sim: &mut Sim) {
    for name in NAMES {
        if let Some(agent) = sim.agents.get_mut(name) {
            agent.intent = Intent::default();
        }
    }
    sim.advance(Duration::from_mins(5));
    let mut expected = Vec::new();
    for name in NAMES {
        let Some(agent) = sim.agents.get(name) else {
            continue;
        };
        let state = sim.state(name);
        if agent.running {
            assert_eq!(state, HostState::Online, "{name} beats");
        } else {
            assert!(matches!(state, HostState::Down | HostState::Left), "{name}: {state}");
            if state == HostState::Down {
                expected.push(format!("host_down/{name}"));
            }
        }
    }
    let mut open = sim.open();
    open.retain(|key| key.starts_with("host_down"));
    open.sort();
    assert_eq!(open, expected, "exactly the silent hosts are alerted, each once");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_end_is_the_truth(steps in prop::collection::vec(step(), 1..60)) {
        let mut sim = Sim::new();
        for step in &steps {
            apply(&mut sim, step);
        }
        check_settled(&mut sim);
        let before = sim.open();
        sim.restart_daemon(5 * SECOND, SECOND);
        sim.advance(60 * SECOND);
        let mut after = sim.open();
        after.retain(|key| key.starts_with("host_down"));
        let mut before = before;
        before.retain(|key| key.starts_with("host_down"));
        prop_assert_eq!(before, after, "a restart repeats nothing and forgets nothing");
    }
}
