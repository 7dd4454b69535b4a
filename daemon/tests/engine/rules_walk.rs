//! Random walks of values and gaps against a model that looks at the whole past each time.

use std::time::Duration;

use proptest::prelude::*;
use systole_common::model::alert::{AlertState, Severity};
use systole_daemon::engine::rules::rule::Draft;

use crate::rules::{cpu, only, with};
use crate::sim::{SECOND, Sim};

/// A value at a second.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: u64,
    value: f64,
}

/// Seconds without a sample after which nothing is concluded from time.
const PATIENCE_S: u64 = 15;

/// What one level is, told from all samples so far: it became active with the sample up to which it was
/// reached for `lasts`, and is so until one up to which it was clear for `hold`, both without a break and
/// without a gap.
fn level(past: &[Sample], now: u64, raise: f64, clear: f64, lasts: u64, hold: u64) -> Option<bool> {
    let (mut reached, mut cleared, mut open) = (None::<u64>, None::<u64>, false);
    let mut settling = false;
    for second in 0..=now {
        let last = past.iter().map(|sample| sample.at).take_while(|at| *at < second).last();
        if last.is_some_and(|at| second > at + PATIENCE_S) {
            (reached, cleared) = (None, None);
        }
        for sample in past.iter().filter(|sample| sample.at == second) {
            reached = if sample.value >= raise { reached.or(Some(second)) } else { None };
            cleared = if open && sample.value < clear { cleared.or(Some(second)) } else { None };
            settling = open && (cleared.is_some() || (settling && sample.value < raise));
            if !open && reached.is_some_and(|since| second >= since + lasts) {
                open = true;
            }
            if open && cleared.is_some_and(|since| second >= since + hold) {
                (open, settling, cleared) = (false, false, None);
            }
        }
    }
    open.then_some(settling)
}

fn expected(past: &[Sample], now: u64) -> Option<(Severity, AlertState)> {
    let warning = level(past, now, 80.0, 75.0, 10, 60);
    let critical = level(past, now, 90.0, 85.0, 10, 60);
    let severity = match (warning, critical) {
        (_, Some(_)) => Severity::Critical,
        (Some(_), None) => Severity::Warning,
        (None, None) => return None,
    };
    let fires = warning == Some(false) || critical == Some(false);
    Some((severity, if fires { AlertState::Firing } else { AlertState::Settling }))
}

fn actual(sim: &Sim) -> Option<(Severity, AlertState)> {
    let mut open = sim.disk.alerts.values().filter(|row| row.state.is_open() && row.rule == "cpu");
    let row = open.next();
    assert!(open.next().is_none(), "one alert a series");
    row.map(|row| (row.severity, row.state))
}

/// A value and for how many samples it stays; sometimes a gap before it.
fn stretch() -> impl Strategy<Value = (f64, u64, bool)> {
    let value = prop_oneof![
        Just(50.0),
        Just(74.9),
        Just(75.0),
        Just(79.9),
        Just(80.0),
        Just(84.9),
        Just(89.9),
        Just(90.0),
        0.0..100.0
    ];
    (value, 1u64..16, prop::bool::weighted(0.05))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_walk_is_what_the_past_says(walk in prop::collection::vec(stretch(), 1..25)) {
        let draft = Draft { hold: Some(Duration::from_mins(1)), ..cpu() };
        let mut sim = with(only(&[("cpu", draft)]));
        let start = sim.now.mono;
        let mut past: Vec<Sample> = Vec::new();
        for (value, count, has_gap) in walk {
            if has_gap {
                let values = std::mem::take(&mut sim.agents.get_mut("web-1").unwrap().values);
                sim.advance(17 * SECOND);
                sim.agents.get_mut("web-1").unwrap().values = values;
            }
            sim.measure("web-1", &[("cpu_percent", value)]);
            for _ in 0..count {
                sim.sample("web-1");
                let at = sim.now.mono.since(start).as_secs();
                past.push(Sample { at, value });
                prop_assert_eq!(actual(&sim), expected(&past, at), "at {} s of {:?}", at, past);
                sim.advance(3 * SECOND);
                let at = sim.now.mono.since(start).as_secs();
                prop_assert_eq!(actual(&sim), expected(&past, at), "at {} s of {:?}", at, past);
            }
        }
    }
}
