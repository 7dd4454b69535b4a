//! `docs/metrics.md` and the catalogue say the same.

use std::collections::BTreeSet;

use systole_common::model::coded::Coded;
use systole_common::model::metric::is_metric_name;

use super::super::metrics::{ALL, is_live_only};

const PAGE: &str = include_str!("../../../../../docs/metrics.md");

/// Cells of the table's rows whose first is a name in backticks: name, unit, kind, …, stored.
fn rows() -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| -> Vec<&'static str> {
        line.trim_matches('|').split(" | ").map(str::trim).collect()
    };
    PAGE.lines().filter(|line| line.starts_with("| `")).map(cells).collect()
}

#[test]
fn the_page_lists_what_the_collectors_make_with_unit_and_kind() {
    let mut documented = BTreeSet::new();
    for row in rows() {
        let [name, unit, kind, source, formula, stored] = row.as_slice() else {
            panic!("six cells: {row:?}");
        };
        assert!(!source.is_empty() && !formula.is_empty(), "{row:?}");
        let name = name.trim_matches('`');
        let metric = name.split('[').next().unwrap_or_default();
        documented.insert((metric, *unit, *kind, *stored));
    }
    let mut made = BTreeSet::new();
    for metric in ALL {
        let stored = if is_live_only(metric.name) { "live only" } else { "yes" };
        made.insert((metric.name, metric.unit.as_str(), metric.kind.as_str(), stored));
    }
    assert_eq!(documented, made);
}

#[test]
fn names_are_metric_names_and_unique() {
    let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), ALL.len());
    assert!(names.iter().all(|name| is_metric_name(name)));
}
