//! Live values that come late: neither shown nor judged, whatever came with them.

use std::time::Duration;

use systole_common::ids::Role;
use systole_common::model::host::HostState;
use systole_common::time::Mono;
use systole_common::wire::console::{HostRecord, HostsQuery};
use systole_common::wire::hello::Clocks;
use systole_daemon::engine::effect::Reply;
use systole_daemon::engine::input::Request;
use systole_daemon::engine::rules::rule::Draft;

use crate::rules::{cpu, only, with};
use crate::sim::{SECOND, Sim};

/// A calm host whose rule needs one sample to fire, seen by an operator.
fn calm() -> Sim {
    let mut sim = with(only(&[("cpu", Draft { lasts: Duration::ZERO, ..cpu() })]));
    sim.open_console(Role::Operator);
    sim
}

/// The link is cut for so long; what is sent meanwhile waits.
fn cut(sim: &mut Sim, span: Duration) {
    sim.agents.get_mut("web-1").unwrap().frozen = true;
    sim.advance(span);
}

/// The link is there again.
fn heal(sim: &mut Sim) {
    let now = sim.now.mono;
    let agent = sim.agents.get_mut("web-1").unwrap();
    (agent.frozen, agent.next_beat, agent.next_sample) = (false, now, now.plus(SECOND));
}

/// A value comes now that was read at `written`.
fn deliver(sim: &mut Sim, written: Mono, cpu_percent: f64) {
    let at = sim.clocks("web-1", written);
    deliver_of(sim, at, cpu_percent);
}

fn deliver_of(sim: &mut Sim, at: Clocks, cpu_percent: f64) {
    let before = sim.agents["web-1"].values.clone();
    sim.measure("web-1", &[("cpu_percent", cpu_percent)]);
    sim.sample_of("web-1", at);
    sim.agents.get_mut("web-1").unwrap().values = before;
}

fn record(sim: &mut Sim) -> HostRecord {
    match sim.ask(Request::Hosts(HostsQuery { hosts: vec!["web-1".into()] })) {
        Reply::Hosts(mut hosts) => hosts.remove(0),
        other => panic!("{other:?}"),
    }
}

fn shown_cpu(sim: &mut Sim) -> Option<f64> {
    let series = record(sim).series;
    series.iter().find(|one| one.metric == "cpu_percent").map(|one| one.value)
}

fn count(sim: &Sim, name: &str) -> u64 {
    sim.engine.gauges().counters.count(name)
}

#[test]
fn values_from_the_begin_of_a_cut_are_neither_shown_nor_judged_after_it() {
    for cut_s in [16, 29, 600] {
        let mut sim = calm();
        let begin = sim.now.mono;
        cut(&mut sim, cut_s * SECOND);
        heal(&mut sim);
        deliver(&mut sim, begin, 99.0);
        assert_eq!(shown_cpu(&mut sim), Some(5.0), "{cut_s} s");
        let age_ms = record(&mut sim).metrics_age_ms.unwrap();
        assert!(age_ms >= u64::from(cut_s) * 1_000, "{age_ms} ms");
        sim.advance(20 * SECOND);
        assert_eq!(sim.state("web-1"), HostState::Online);
        assert!(sim.incidents("cpu").is_empty());
        assert_eq!(count(&sim, "samples_late"), 1);
    }
}

#[test]
fn heartbeats_that_were_held_up_with_them_make_them_no_fresher() {
    let mut sim = calm();
    let begin = sim.now.mono;
    cut(&mut sim, 30 * SECOND);
    for second in 0..30 {
        deliver(&mut sim, begin.plus(second * SECOND / 10), 99.0);
        sim.beat_from("web-1", begin.plus(second * SECOND));
    }
    heal(&mut sim);
    sim.advance(20 * SECOND);
    assert!(sim.incidents("cpu").is_empty());
    assert_eq!(count(&sim, "samples_late"), 30);
    assert_eq!(shown_cpu(&mut sim), Some(5.0));
}

#[test]
fn what_is_a_little_late_is_taken() {
    let mut sim = calm();
    let now = sim.now.mono;
    deliver(&mut sim, now.minus(2 * SECOND), 99.0);
    assert_eq!(sim.incidents("cpu").len(), 0, "newer values were here");
    let begin = sim.now.mono;
    sim.agents.get_mut("web-1").unwrap().next_sample = begin.plus(60 * SECOND);
    sim.advance(14 * SECOND);
    deliver(&mut sim, begin.plus(SECOND), 99.0);
    assert_eq!(sim.incidents("cpu").len(), 1, "three intervals of 5 s are not over");
    assert_eq!(count(&sim, "samples_late"), 0);
    assert_eq!(count(&sim, "samples_overtaken"), 1);
}

#[test]
fn of_two_connections_the_newest_values_stay() {
    let mut sim = calm();
    sim.connect("web-1");
    sim.advance(SECOND);
    let now = sim.now.mono;
    deliver(&mut sim, now, 20.0);
    deliver(&mut sim, now.minus(SECOND / 10), 99.0);
    assert_eq!(shown_cpu(&mut sim), Some(20.0));
    assert!(sim.incidents("cpu").is_empty());
    assert_eq!(count(&sim, "samples_overtaken"), 1);
}

#[test]
fn values_of_the_agent_before_say_nothing_of_the_one_now() {
    let mut sim = calm();
    let old = sim.agents["web-1"].connection;
    let values = sim.agents["web-1"].values.clone();
    sim.kill("web-1");
    sim.start_rebooted("web-1");
    sim.advance(2 * SECOND);
    assert!(sim.agents["web-1"].accepted);
    sim.agents.get_mut("web-1").unwrap().values = values;
    let new = std::mem::replace(&mut sim.agents.get_mut("web-1").unwrap().connection, old);
    let at = Clocks { mono_ns: u64::MAX, boot_ns: u64::MAX, wall_ms: 0 };
    deliver_of(&mut sim, at, 99.0);
    assert_eq!(count(&sim, "samples_overtaken"), 1);
    sim.agents.get_mut("web-1").unwrap().connection = new;
    deliver_of(&mut sim, Clocks { mono_ns: 5, boot_ns: 5, wall_ms: 0 }, 42.0);
    assert_eq!(count(&sim, "samples_overtaken"), 1);
}

#[test]
fn a_machine_that_stood_still_is_heard_again_within_a_few_heartbeats() {
    let mut sim = calm();
    cut(&mut sim, 40 * SECOND);
    sim.agents.get_mut("web-1").unwrap().stood = 40 * SECOND;
    heal(&mut sim);
    sim.measure("web-1", &[("cpu_percent", 85.0)]);
    sim.advance(14 * SECOND);
    let late = count(&sim, "samples_late");
    assert!((1..=2).contains(&late), "{late}");
    assert_eq!(sim.shown(), ["cpu/web-1/cpu_percent warning firing"]);
}

#[test]
fn a_clock_that_lies_hurts_nobody_but_its_host_and_not_for_ever() {
    let mut sim = calm();
    sim.start("web-2");
    sim.measure("web-2", &[("cpu_percent", 5.0)]);
    sim.advance(5 * SECOND);
    for lie in [0, 1, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
        deliver_of(&mut sim, Clocks { mono_ns: lie, boot_ns: lie, wall_ms: i64::MIN }, 6.0);
        sim.agents.get_mut("web-1").unwrap().stood = Duration::from_nanos(lie);
        sim.beat("web-1");
        sim.advance(SECOND);
    }
    sim.agents.get_mut("web-1").unwrap().stood = Duration::ZERO;
    sim.advance(30 * SECOND);
    assert!(count(&sim, "samples_late") > 0);
    sim.measure("web-1", &[("cpu_percent", 85.0)]);
    sim.measure("web-2", &[("cpu_percent", 85.0)]);
    sim.advance(6 * SECOND);
    let both = ["cpu/web-1/cpu_percent warning firing", "cpu/web-2/cpu_percent warning firing"];
    assert_eq!(sim.shown(), both);
    assert_eq!(sim.state("web-1"), HostState::Online);
}
