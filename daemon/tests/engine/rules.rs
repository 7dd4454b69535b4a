//! Thresholds in virtual time: when an alert fires, settles, is over, and what it says.

use std::time::Duration;

use systole_common::ids::Role;
use systole_common::model::alert::{AlertState, Severity};
use systole_common::wire::console::{Ack, AlertTargets, Resolve};
use systole_daemon::engine::effect::Level;
use systole_daemon::engine::input::Request;
use systole_daemon::engine::rules::Rules;
use systole_daemon::engine::rules::rule::Draft;
use systole_daemon::engine::settings::Settings;

use crate::sim::{SECOND, Sim};

const MINUTE: Duration = Duration::from_mins(1);

/// One host with calm values.
pub(crate) fn calm() -> Sim {
    with(Settings::default())
}

pub(crate) fn with(settings: Settings) -> Sim {
    let mut sim = Sim::with(settings);
    sim.start("web-1");
    sim.measure("web-1", &[("cores", 4.0), ("cpu_percent", 5.0), ("load1", 0.5)]);
    sim.advance(10 * SECOND);
    sim
}

/// Settings with only these rules.
pub(crate) fn only(rules: &[(&str, Draft)]) -> Settings {
    let rules = rules.iter().map(|(name, draft)| draft.check(name).unwrap());
    Settings { rules: Rules::new(rules, []), ..Settings::default() }
}

/// `cpu`: 80 and 90, for 10 s, held 60 s.
pub(crate) fn cpu() -> Draft {
    Draft {
        metric: Some("cpu_percent".into()),
        warning: Some(80.0),
        critical: Some(90.0),
        lasts: 10 * SECOND,
        ..Draft::default()
    }
}

#[test]
fn the_default_table_is_in_force() {
    for (series, value, span, alert) in [
        ("cpu_percent", 80.0, 300, "cpu/web-1/cpu_percent warning firing"),
        ("cpu_percent", 90.0, 300, "cpu/web-1/cpu_percent critical firing"),
        ("load1", 6.0, 300, "load/web-1/load1 warning firing"),
        ("load1", 8.0, 300, "load/web-1/load1 critical firing"),
        ("memory_used_percent", 80.0, 15, "memory/web-1/memory_used_percent warning firing"),
        ("swap_used_percent", 60.0, 15, "swap/web-1/swap_used_percent warning firing"),
        ("disk_used_percent[/]", 95.0, 15, "disk/web-1/disk_used_percent[/] critical firing"),
        (
            "disk_inodes_used_percent[/a b]",
            85.0,
            15,
            "inodes/web-1/disk_inodes_used_percent[/a b] warning firing",
        ),
        ("iowait_percent", 40.0, 15, "iowait/web-1/iowait_percent critical firing"),
    ] {
        let mut sim = calm();
        sim.measure("web-1", &[(series, value)]);
        sim.sample("web-1");
        sim.advance(Duration::from_millis(span * 1_000 - 1));
        assert_eq!(sim.shown(), Vec::<String>::new(), "{series} {value}: not before its time");
        sim.advance(Duration::from_millis(1));
        assert_eq!(sim.shown(), [alert]);
    }
}

#[test]
fn nothing_is_said_just_under_a_level() {
    let mut sim = calm();
    for _ in 0..100 {
        sim.measure("web-1", &[("cpu_percent", 79.99), ("load1", 5.99), ("iowait_percent", 19.9)]);
        sim.measure("web-1", &[("disk_used_percent[/]", 84.9), ("swap_used_percent", 59.9)]);
        sim.advance(MINUTE);
    }
    assert!(sim.disk.alerts.is_empty());
}

#[test]
fn an_alert_says_value_level_and_span() {
    let mut sim = calm();
    sim.measure("web-1", &[("disk_used_percent[/var]", 96.2)]);
    sim.advance(30 * SECOND);
    let row = sim.firing("disk");
    let text = "web-1: disk_used_percent[/var] is 96.2 % (critical at 95 %) for 15 s";
    assert_eq!(row.summary, text);
    assert_eq!((row.value, row.threshold), (Some(96.2), Some(95.0)));
    sim.measure("web-1", &[("load1", 6.5)]);
    sim.advance(6 * MINUTE);
    let row = sim.firing("load");
    let text = "web-1: load1 is 6.5 (warning at 6, 1.5 for each of 4 cores) for 5 min";
    assert_eq!(row.summary, text);
    assert_eq!(row.threshold, Some(6.0));
}

#[test]
fn it_is_over_only_after_it_was_clear_for_the_hold() {
    let mut sim = with(only(&[("cpu", cpu())]));
    sim.measure("web-1", &[("cpu_percent", 85.0)]);
    sim.advance(20 * SECOND);
    assert_eq!(sim.shown(), ["cpu/web-1/cpu_percent warning firing"]);
    sim.measure("web-1", &[("cpu_percent", 75.0)]);
    sim.advance(10 * MINUTE);
    assert_eq!(sim.shown(), ["cpu/web-1/cpu_percent warning firing"], "75 is not under 75");
    sim.measure("web-1", &[("cpu_percent", 74.9)]);
    sim.sample("web-1");
    assert_eq!(sim.shown(), ["cpu/web-1/cpu_percent warning settling"]);
    sim.advance(59 * SECOND);
    sim.measure("web-1", &[("cpu_percent", 76.0)]);
    sim.sample("web-1");
    sim.advance(10 * MINUTE);
    assert_eq!(sim.shown(), ["cpu/web-1/cpu_percent warning settling"], "no longer clear");
    sim.measure("web-1", &[("cpu_percent", 10.0)]);
    sim.sample("web-1");
    sim.advance(Duration::from_millis(59_999));
    assert_eq!(sim.shown().len(), 1);
    sim.advance(Duration::from_millis(1));
    assert!(sim.shown().is_empty());
    let row = sim.incidents("cpu")[0];
    assert_eq!(row.resolved_reason, "it has been clear for 60 s");
}

#[test]
fn values_around_the_level_are_one_incident() {
    let mut sim = with(only(&[("cpu", Draft { lasts: Duration::ZERO, ..cpu() })]));
    for turn in 0..500 {
        let value = [81.0, 79.0, 74.0, 85.0, 76.0][turn % 5];
        sim.measure("web-1", &[("cpu_percent", value)]);
        sim.sample("web-1");
        sim.advance(5 * SECOND);
    }
    assert_eq!(sim.incidents("cpu").len(), 1);
    assert_eq!(sim.shown().len(), 1);
}

#[test]
fn a_spike_shorter_than_its_span_is_nothing() {
    let mut sim = with(only(&[("cpu", cpu())]));
    for _ in 0..50 {
        sim.measure("web-1", &[("cpu_percent", 99.0)]);
        sim.sample("web-1");
        sim.advance(9 * SECOND);
        sim.measure("web-1", &[("cpu_percent", 79.0)]);
        sim.sample("web-1");
        sim.advance(6 * SECOND);
    }
    assert!(sim.disk.alerts.is_empty());
}

#[test]
fn time_alone_makes_nothing_fire_and_ends_nothing() {
    let rule = Draft { lasts: 5 * SECOND, hold: Some(5 * SECOND), ..cpu() };
    let mut sim = with(only(&[("cpu", rule.clone())]));
    for late_ms in [0, 1, 900, 9_900] {
        sim.measure("web-1", &[("cpu_percent", 99.0)]);
        sim.sample("web-1");
        sim.measure("web-1", &[("cpu_percent", 5.0)]);
        let delay = Duration::from_millis(late_ms);
        let next = sim.now.mono.plus(5 * SECOND).plus(delay);
        sim.agents.get_mut("web-1").unwrap().next_sample = next;
        sim.advance(5 * SECOND);
        sim.reload(only(&[("cpu", rule.clone())]));
        sim.agents.get_mut("web-1").unwrap().next_sample = next;
        sim.advance(delay);
        assert!(sim.disk.alerts.is_empty(), "one sample alone, {late_ms} ms");
    }
    sim.measure("web-1", &[("cpu_percent", 99.0)]);
    sim.sample("web-1");
    sim.advance(5 * SECOND);
    assert_eq!(sim.shown(), ["cpu/web-1/cpu_percent critical firing"], "the second one says so");
    sim.measure("web-1", &[("cpu_percent", 5.0)]);
    sim.sample("web-1");
    sim.measure("web-1", &[("cpu_percent", 99.0)]);
    let next = sim.now.mono.plus(5 * SECOND + SECOND / 2);
    sim.agents.get_mut("web-1").unwrap().next_sample = next;
    sim.advance(5 * SECOND);
    assert_eq!(sim.shown(), ["cpu/web-1/cpu_percent critical settling"]);
    sim.reload(only(&[("cpu", rule)]));
    sim.agents.get_mut("web-1").unwrap().next_sample = next;
    sim.advance(SECOND);
    assert_eq!(sim.shown(), ["cpu/web-1/cpu_percent critical firing"], "no false end");
    assert_eq!(sim.incidents("cpu").len(), 1);
}

#[test]
fn severity_follows_the_value_up_and_down_and_a_rise_ends_the_acknowledgement() {
    let mut sim = with(only(&[("cpu", cpu())]));
    sim.open_console(Role::Operator);
    sim.measure("web-1", &[("cpu_percent", 85.0)]);
    sim.advance(20 * SECOND);
    let id = sim.firing("cpu").id;
    let targets = AlertTargets { ids: vec![id], host: None };
    sim.ask(Request::Ack(Ack { targets, note: "on it".into(), for_ms: 3_600_000 }));
    assert!(sim.firing("cpu").ack.is_some());
    sim.measure("web-1", &[("cpu_percent", 91.0)]);
    sim.sample("web-1");
    sim.advance(9 * SECOND);
    assert_eq!(sim.firing("cpu").severity, Severity::Warning, "a rise takes its time, too");
    sim.advance(2 * SECOND);
    let row = sim.firing("cpu");
    assert_eq!((row.id, row.severity, row.ack.is_some()), (id, Severity::Critical, false));
    assert!(row.summary.contains("is 91 % (critical at 90 %)"), "{}", row.summary);
    sim.measure("web-1", &[("cpu_percent", 86.0)]);
    sim.advance(5 * MINUTE);
    assert_eq!(sim.firing("cpu").severity, Severity::Critical, "86 is not under 85");
    sim.measure("web-1", &[("cpu_percent", 82.0)]);
    sim.sample("web-1");
    sim.advance(59 * SECOND);
    assert_eq!(sim.firing("cpu").severity, Severity::Critical);
    sim.advance(SECOND);
    let row = sim.firing("cpu");
    assert_eq!((row.id, row.severity), (id, Severity::Warning));
    assert!(row.summary.contains("is 82 % (warning at 80 %)"), "{}", row.summary);
    sim.measure("web-1", &[("cpu_percent", 1.0)]);
    sim.advance(2 * MINUTE);
    assert!(sim.shown().is_empty());
    assert_eq!(sim.incidents("cpu").len(), 1);
}

#[test]
fn each_instance_has_its_own_alert_and_a_rule_can_name_one() {
    let disk = |instance: Option<&str>, warning| Draft {
        metric: Some("disk_used_percent".into()),
        instance: instance.map(str::to_owned),
        warning: Some(warning),
        ..Draft::default()
    };
    let rules = [("disk", disk(None, 90.0)), ("var", disk(Some("/var"), 50.0))];
    let mut sim = with(only(&rules));
    let values = [("disk_used_percent[/]", 91.0), ("disk_used_percent[/a]", 92.0)];
    sim.measure("web-1", &values);
    sim.measure("web-1", &[("disk_used_percent[/var]", 60.0)]);
    sim.advance(10 * SECOND);
    let shown = [
        "disk/web-1/disk_used_percent[/] warning firing",
        "disk/web-1/disk_used_percent[/a] warning firing",
        "var/web-1/disk_used_percent[/var] warning firing",
    ];
    assert_eq!(sim.shown(), shown);
    sim.measure("web-1", &[("disk_used_percent[/]", 10.0)]);
    sim.advance(2 * MINUTE);
    assert_eq!(sim.shown(), shown[1..]);
}

#[test]
fn less_can_be_worse() {
    let free = Draft {
        metric: Some("free_percent".into()),
        warning: Some(20.0),
        critical: Some(10.0),
        is_below: true,
        ..Draft::default()
    };
    let mut sim = with(only(&[("free", free)]));
    sim.measure("web-1", &[("free_percent", 10.0)]);
    sim.advance(6 * SECOND);
    assert_eq!(sim.shown(), ["free/web-1/free_percent critical firing"]);
    assert!(sim.firing("free").summary.contains("(critical at or below 10 %)"));
    sim.measure("web-1", &[("free_percent", 25.0)]);
    sim.advance(2 * MINUTE);
    assert_eq!(sim.shown(), ["free/web-1/free_percent warning firing"], "25 is not over 25");
    sim.measure("web-1", &[("free_percent", 26.0)]);
    sim.advance(2 * MINUTE);
    assert!(sim.shown().is_empty());
}

#[test]
fn what_an_operator_resolved_fires_again_only_after_it_was_clear_once() {
    let mut sim = with(only(&[("cpu", cpu())]));
    sim.open_console(Role::Operator);
    sim.measure("web-1", &[("cpu_percent", 85.0)]);
    sim.advance(20 * SECOND);
    let targets = AlertTargets { ids: vec![sim.firing("cpu").id], host: None };
    sim.ask(Request::Resolve(Resolve { targets, note: String::new() }));
    assert!(sim.shown().is_empty());
    sim.measure("web-1", &[("cpu_percent", 99.0)]);
    sim.advance(10 * MINUTE);
    sim.restart_daemon(SECOND, SECOND);
    sim.advance(10 * MINUTE);
    assert!(sim.shown().is_empty(), "not even as critical, not even after a restart");
    sim.measure("web-1", &[("cpu_percent", 5.0)]);
    sim.advance(2 * MINUTE);
    sim.measure("web-1", &[("cpu_percent", 85.0)]);
    sim.advance(20 * SECOND);
    assert_eq!(sim.shown(), ["cpu/web-1/cpu_percent warning firing"]);
    assert_eq!(sim.incidents("cpu").len(), 2);
}

#[test]
fn a_relapse_within_half_a_minute_is_the_same_incident() {
    let mut sim = with(only(&[("cpu", cpu())]));
    for value in [85.0, 5.0, 85.0] {
        sim.measure("web-1", &[("cpu_percent", value)]);
        sim.sample("web-1");
        sim.advance(61 * SECOND);
    }
    assert_eq!(sim.incidents("cpu").len(), 1);
    assert_eq!(sim.firing("cpu").state, AlertState::Firing);
}

#[test]
fn a_relapse_that_is_worse_ends_the_acknowledgement() {
    for (relapse, is_acked) in [(85.0, true), (95.0, false)] {
        let mut sim = with(only(&[("cpu", Draft { lasts: Duration::ZERO, ..cpu() })]));
        sim.open_console(Role::Operator);
        sim.measure("web-1", &[("cpu_percent", 85.0)]);
        sim.sample("web-1");
        let targets = AlertTargets { ids: vec![sim.firing("cpu").id], host: None };
        sim.ask(Request::Ack(Ack { targets, note: String::new(), for_ms: 3_600_000 }));
        sim.measure("web-1", &[("cpu_percent", 5.0)]);
        sim.advance(66 * SECOND);
        assert!(sim.shown().is_empty());
        sim.measure("web-1", &[("cpu_percent", relapse)]);
        sim.sample("web-1");
        assert_eq!(sim.incidents("cpu").len(), 1);
        assert_eq!(sim.firing("cpu").ack.is_some(), is_acked, "{relapse}");
    }
}

#[test]
fn what_an_operator_resolved_takes_no_place_of_other_alerts() {
    let mut sim = calm();
    sim.open_console(Role::Operator);
    let series: Vec<String> = (0..64).map(|n| format!("disk_used_percent[/{n:02}]")).collect();
    let values: Vec<(&str, f64)> = series.iter().map(|series| (series.as_str(), 99.0)).collect();
    sim.measure("web-1", &values);
    sim.advance(MINUTE);
    assert_eq!(sim.shown().len(), 64);
    let targets = AlertTargets { ids: Vec::new(), host: Some("web-1".into()) };
    sim.ask(Request::Resolve(Resolve { targets, note: String::new() }));
    sim.measure("web-1", &[("swap_used_percent", 99.0)]);
    sim.advance(MINUTE);
    assert_eq!(sim.shown(), ["swap/web-1/swap_used_percent critical firing"]);
    sim.measure("web-1", &[("swap_used_percent", 1.0)]);
    let calm: Vec<(&str, f64)> = series.iter().map(|series| (series.as_str(), 1.0)).collect();
    sim.measure("web-1", &calm);
    sim.advance(2 * MINUTE);
    assert!(sim.disk.alerts.values().all(|row| !row.held && !row.state.is_open()));
}

#[test]
fn a_host_has_at_most_so_many_alerts_about_its_values() {
    let mut sim = calm();
    let series: Vec<String> = (0..80).map(|n| format!("disk_used_percent[/{n:02}]")).collect();
    let values: Vec<(&str, f64)> = series.iter().map(|series| (series.as_str(), 99.0)).collect();
    sim.measure("web-1", &values);
    sim.advance(5 * MINUTE);
    assert_eq!(sim.shown().len(), 64);
    assert_eq!(sim.engine.gauges().counters.count("metric_alerts_left_out"), 16);
    let said = |sim: &Sim| {
        let lines = sim.log.iter().filter(|line| line.level == Level::Warning);
        lines.filter(|line| line.event == "too many alerts of a host").count()
    };
    assert_eq!(said(&sim), 1, "once");
    sim.measure("web-1", &[("disk_used_percent[/00]", 1.0)]);
    sim.advance(2 * MINUTE);
    assert_eq!(sim.shown().len(), 64, "the next one has its place");
    assert!(sim.shown().iter().all(|alert| !alert.contains("[/00]")));
}
