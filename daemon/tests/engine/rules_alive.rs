//! A host that is not heard freezes its alerts; a series that goes ends them; old values say nothing.

use std::time::Duration;

use systole_common::model::alert::Overlay;
use systole_common::model::host::HostState;
use systole_daemon::engine::input::{Gone, Input};

use crate::rules::{calm, cpu, only, with};
use crate::sim::{SECOND, Sim};

const MINUTE: Duration = Duration::from_mins(1);
const WARNING: &str = "cpu/web-1/cpu_percent warning firing";
const FROZEN: &str = "cpu/web-1/cpu_percent warning firing nodata";

fn burning() -> Sim {
    let mut sim = with(only(&[("cpu", cpu())]));
    sim.measure("web-1", &[("cpu_percent", 85.0)]);
    sim.advance(20 * SECOND);
    assert_eq!(sim.shown(), [WARNING]);
    sim
}

#[test]
fn a_dead_host_freezes_its_alerts_and_its_first_values_lift_that() {
    let mut sim = burning();
    sim.kill("web-1");
    sim.advance(6 * SECOND);
    let down = "host_down/web-1/heartbeat critical firing";
    assert_eq!(sim.shown(), [FROZEN, down]);
    sim.advance(Duration::from_hours(5));
    assert_eq!(sim.shown(), [FROZEN, down], "nothing moves");
    let record = systole_daemon::engine::alert_record(sim.incidents("cpu")[0]);
    assert_eq!(record.overlays, [Overlay::NoData.into()], "consoles see it");
    sim.start("web-1");
    sim.advance(SECOND);
    assert_eq!(sim.shown(), [WARNING], "evaluated at once");
    assert_eq!(sim.incidents("cpu").len(), 1);
}

#[test]
fn what_was_clear_before_the_host_died_has_to_be_clear_for_the_whole_hold() {
    let mut sim = burning();
    sim.measure("web-1", &[("cpu_percent", 5.0)]);
    sim.sample("web-1");
    sim.advance(50 * SECOND);
    assert_eq!(sim.shown(), ["cpu/web-1/cpu_percent warning settling"]);
    sim.kill("web-1");
    sim.advance(MINUTE);
    assert!(sim.shown()[0].ends_with("settling nodata"));
    sim.start("web-1");
    sim.advance(55 * SECOND);
    assert_eq!(sim.shown(), ["cpu/web-1/cpu_percent warning settling"]);
    sim.advance(6 * SECOND);
    assert!(sim.shown().is_empty());
}

#[test]
fn nothing_becomes_pending_on_old_values() {
    let mut sim = with(only(&[("cpu", cpu())]));
    sim.measure("web-1", &[("cpu_percent", 85.0)]);
    sim.sample("web-1");
    sim.advance(4 * SECOND);
    sim.kill("web-1");
    sim.advance(MINUTE);
    assert_eq!(sim.shown(), ["host_down/web-1/heartbeat critical firing"]);
    sim.start("web-1");
    sim.advance(9 * SECOND);
    assert!(sim.shown().is_empty(), "its time starts anew");
    sim.advance(2 * SECOND);
    assert_eq!(sim.shown(), [WARNING]);
}

#[test]
fn an_agent_that_beats_and_measures_nothing_is_no_data_after_three_samples() {
    let mut sim = burning();
    let values = std::mem::take(&mut sim.agents.get_mut("web-1").unwrap().values);
    sim.advance(14 * SECOND);
    assert_eq!(sim.shown(), [WARNING]);
    sim.advance(6 * SECOND);
    assert_eq!(sim.shown(), [FROZEN]);
    assert_eq!(sim.state("web-1"), HostState::Online);
    sim.agents.get_mut("web-1").unwrap().values = values;
    sim.sample("web-1");
    assert_eq!(sim.shown(), [WARNING]);
}

#[test]
fn a_goodbye_freezes_at_once() {
    let mut sim = burning();
    sim.stop("web-1", "update");
    assert_eq!(sim.shown(), [FROZEN]);
    sim.start("web-1");
    sim.advance(SECOND);
    assert_eq!(sim.shown(), [WARNING]);
}

#[test]
fn a_second_agent_silences_no_rule_of_the_first() {
    let mut sim = burning();
    let conflict = "conflict/web-1/identity critical firing";
    for _ in 0..10 {
        let clone = sim.start_clone("web-1");
        sim.gone(clone, Gone::Closed(None, String::new()));
        sim.advance(30 * SECOND);
        assert_eq!(sim.state("web-1"), HostState::Conflict);
        assert_eq!(sim.shown(), [conflict, WARNING], "the incumbent is heard");
    }
    sim.measure("web-1", &[("cpu_percent", 95.0)]);
    sim.advance(20 * SECOND);
    assert_eq!(sim.shown(), [conflict, "cpu/web-1/cpu_percent critical firing"]);
    let clone = sim.start_clone("web-1");
    sim.gone(clone, Gone::Closed(None, String::new()));
    sim.measure("web-1", &[("cpu_percent", 5.0)]);
    sim.advance(66 * SECOND);
    assert_eq!(sim.shown(), [conflict], "and what is over is over");
    sim.measure("web-1", &[("cpu_percent", 85.0)]);
    sim.advance(20 * SECOND);
    let clone = sim.start_clone("web-1");
    sim.gone(clone, Gone::Closed(None, String::new()));
    sim.kill("web-1");
    sim.advance(10 * SECOND);
    let down = "host_down/web-1/heartbeat critical firing";
    assert_eq!(sim.shown(), [conflict, FROZEN, down], "until it is heard no more");
}

#[test]
fn a_restart_of_the_daemon_freezes_until_values_come() {
    let mut sim = burning();
    let id = sim.firing("cpu").id;
    for _ in 0..5 {
        sim.restart_daemon(3 * SECOND, SECOND / 2);
        assert_eq!(sim.firing("cpu").id, id);
        sim.advance(SECOND);
        assert_eq!(sim.shown(), [WARNING]);
    }
    sim.kill("web-1");
    sim.restart_daemon(3 * SECOND, SECOND);
    sim.advance(Duration::from_hours(1));
    let down = "host_down/web-1/heartbeat critical firing";
    assert_eq!(sim.shown(), [FROZEN, down]);
    sim.measure("web-1", &[("cpu_percent", 5.0)]);
    sim.start("web-1");
    sim.advance(61 * SECOND);
    assert!(sim.shown().is_empty());
    assert_eq!(sim.incidents("cpu").len(), 1);
}

#[test]
fn a_restart_of_the_daemon_begins_no_hold_before_values_come() {
    let mut sim = burning();
    sim.measure("web-1", &[("cpu_percent", 5.0)]);
    sim.sample("web-1");
    sim.advance(50 * SECOND);
    sim.restart_daemon(2 * SECOND, 30 * SECOND);
    assert_eq!(sim.shown()[0], "cpu/web-1/cpu_percent warning settling nodata");
    sim.advance(59 * SECOND);
    assert_eq!(sim.shown().len(), 1);
    sim.advance(2 * SECOND);
    assert!(sim.shown().is_empty());
}

#[test]
fn a_series_that_is_gone_for_five_minutes_is_over() {
    let mut sim = calm();
    sim.measure("web-1", &[("disk_used_percent[/mnt]", 99.0)]);
    sim.advance(30 * SECOND);
    sim.forget("web-1", "disk_used_percent[/mnt]");
    sim.advance(290 * SECOND);
    assert_eq!(sim.shown(), ["disk/web-1/disk_used_percent[/mnt] critical firing"]);
    sim.advance(15 * SECOND);
    assert!(sim.shown().is_empty());
    assert_eq!(sim.incidents("disk")[0].resolved_reason, "it is no longer reported");
}

#[test]
fn the_five_minutes_count_only_while_the_host_is_heard() {
    let mut sim = calm();
    sim.measure("web-1", &[("disk_used_percent[/mnt]", 99.0)]);
    sim.advance(30 * SECOND);
    sim.forget("web-1", "disk_used_percent[/mnt]");
    sim.advance(4 * MINUTE);
    sim.kill("web-1");
    sim.advance(Duration::from_hours(1));
    sim.start("web-1");
    sim.advance(4 * MINUTE);
    assert_eq!(sim.shown(), ["disk/web-1/disk_used_percent[/mnt] critical firing"]);
    sim.advance(2 * MINUTE);
    assert!(sim.shown().is_empty());
}

#[test]
fn a_pause_of_the_daemon_itself_is_no_silence_of_its_hosts() {
    let mut sim = burning();
    let rows = sim.disk.alerts.clone();
    sim.agents.get_mut("web-1").unwrap().frozen = true;
    let later = sim.now.mono.plus(40 * SECOND);
    sim.move_to(later);
    sim.give(Input::OwnPause { gap: 40 * SECOND });
    sim.give(Input::Tick);
    sim.give(Input::SocketDrained);
    let agent = sim.agents.get_mut("web-1").unwrap();
    agent.frozen = false;
    agent.next_beat = later;
    agent.next_sample = later;
    sim.advance(MINUTE);
    assert_eq!(sim.disk.alerts, rows, "not even for a moment");
}

#[test]
fn a_retired_host_takes_its_alerts_along() {
    let mut sim = burning();
    sim.open_console(systole_common::ids::Role::Admin);
    let retire = systole_common::wire::console::Retire { host: "web-1".into() };
    sim.ask(systole_daemon::engine::input::Request::Retire(retire));
    assert!(sim.shown().is_empty());
    assert_eq!(sim.incidents("cpu")[0].resolved_reason, "the host was retired");
    sim.agents.get_mut("web-1").unwrap().running = false;
    sim.advance(Duration::from_hours(1));
    assert!(sim.shown().is_empty());
}
