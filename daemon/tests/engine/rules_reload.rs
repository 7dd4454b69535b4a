//! SIGHUP, labels and restarts with other rules: what no longer holds ends with a reason, the rest goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use systole_daemon::engine::rules::Rules;
use systole_daemon::engine::rules::rule::Draft;
use systole_daemon::engine::settings::Settings;

use crate::rules::{cpu, only, with};
use crate::sim::{SECOND, Sim, host};

const WARNING: &str = "cpu/web-1/cpu_percent warning firing";

fn burning(settings: Settings) -> Sim {
    let mut sim = with(settings);
    sim.measure("web-1", &[("cpu_percent", 85.0)]);
    sim.advance(20 * SECOND);
    assert_eq!(sim.shown(), [WARNING]);
    sim
}

fn reason(sim: &Sim) -> &str {
    assert!(sim.shown().is_empty(), "{:?}", sim.shown());
    &sim.incidents("cpu").last().unwrap().resolved_reason
}

fn labelled(settings: Settings, role: &str) -> Settings {
    let labels = BTreeMap::from([("role".to_owned(), role.to_owned())]);
    Settings { labels: [(host("web-1"), labels)].into(), ..settings }
}

#[test]
fn a_rule_that_is_gone_or_off_ends_its_alerts_and_says_so() {
    let mut sim = burning(only(&[("cpu", cpu())]));
    sim.reload(only(&[]));
    assert_eq!(reason(&sim), "the rule cpu no longer exists");
    let mut sim = burning(only(&[("cpu", cpu())]));
    let rules = Rules::new([], ["cpu".into()]);
    sim.reload(Settings { rules, ..Settings::default() });
    assert_eq!(reason(&sim), "the rule cpu was switched off");
    sim.advance(Duration::from_hours(1));
    assert!(sim.shown().is_empty());
}

#[test]
fn a_frozen_alert_of_a_rule_that_is_gone_ends_too() {
    let mut sim = burning(only(&[("cpu", cpu())]));
    sim.kill("web-1");
    sim.advance(10 * SECOND);
    sim.reload(only(&[]));
    assert_eq!(sim.shown(), ["host_down/web-1/heartbeat critical firing"]);
}

#[test]
fn other_levels_are_judged_at_once() {
    let mut sim = burning(only(&[("cpu", cpu())]));
    sim.reload(only(&[("cpu", Draft { critical: Some(84.0), lasts: Duration::ZERO, ..cpu() })]));
    assert_eq!(sim.shown(), ["cpu/web-1/cpu_percent critical firing"]);
    let higher = Draft { warning: Some(95.0), critical: Some(99.0), ..cpu() };
    sim.reload(only(&[("cpu", higher)]));
    assert_eq!(sim.shown(), ["cpu/web-1/cpu_percent critical settling"]);
    sim.advance(61 * SECOND);
    assert!(sim.shown().is_empty());
    sim.reload(only(&[("cpu", Draft { warning: Some(50.0), lasts: Duration::ZERO, ..cpu() })]));
    assert_eq!(sim.shown(), [WARNING], "also what was calm before");
}

#[test]
fn a_level_that_is_gone_ends_its_alert_and_says_so() {
    for (value, left, reason_said) in [
        (85.0, Draft { warning: None, ..cpu() }, "the rule cpu no longer has a warning level"),
        (95.0, Draft { critical: None, ..cpu() }, ""),
    ] {
        let mut sim = with(only(&[("cpu", cpu())]));
        sim.measure("web-1", &[("cpu_percent", value)]);
        sim.advance(20 * SECOND);
        sim.reload(only(&[("cpu", left)]));
        if reason_said.is_empty() {
            assert_eq!(sim.shown(), [WARNING], "the other level is still reached");
        } else {
            assert_eq!(reason(&sim), reason_said);
        }
    }
}

#[test]
fn the_same_rules_again_change_nothing() {
    let mut sim = burning(only(&[("cpu", cpu())]));
    let rows = sim.disk.alerts.clone();
    sim.reload(only(&[("cpu", cpu())]));
    sim.advance(SECOND);
    assert_eq!(sim.disk.alerts, rows);
}

#[test]
fn a_rule_about_another_series_leaves_the_old_one() {
    let mut sim = burning(only(&[("cpu", cpu())]));
    sim.reload(only(&[("cpu", Draft { metric: Some("load1".into()), ..cpu() })]));
    assert_eq!(reason(&sim), "the rule cpu no longer applies to this");
}

#[test]
fn a_filter_follows_the_labels_of_the_moment() {
    let rules = only(&[("cpu", Draft { filter: "role=db".into(), ..cpu() })]);
    let mut sim = with(rules.clone());
    sim.measure("web-1", &[("cpu_percent", 85.0)]);
    sim.advance(60 * SECOND);
    assert!(sim.disk.alerts.is_empty(), "its agent says role=web");
    sim.reload(labelled(rules.clone(), "db"));
    sim.advance(20 * SECOND);
    assert_eq!(sim.shown(), [WARNING]);
    sim.reload(rules);
    assert_eq!(reason(&sim), "the rule cpu no longer applies to this");
}

#[test]
fn a_restart_with_other_rules_ends_what_they_no_longer_say() {
    let rules = only(&[("cpu", Draft { filter: "role=web".into(), ..cpu() })]);
    for (settings, why) in [
        (only(&[]), "the rule cpu no longer exists"),
        (labelled(rules.clone(), "db"), "the rule cpu no longer applies to this"),
        (
            only(&[("cpu", Draft { metric: Some("load1".into()), ..cpu() })]),
            "the rule cpu no longer applies to this",
        ),
    ] {
        let mut sim = burning(rules.clone());
        sim.settings = settings;
        sim.restart_daemon(SECOND, SECOND);
        assert_eq!(reason(&sim), why);
    }
}
