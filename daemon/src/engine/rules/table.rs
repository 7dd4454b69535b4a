//! The rules that are there without anybody writing one. `assets/daemon.toml` shows the same table.

use std::time::Duration;

use super::Rules;
use super::rule::Draft;

/// For loads that come and go with every task.
const LONG: Duration = Duration::from_mins(5);
/// For what does not come and go by itself: a few samples, so that one alone is no alert.
const SHORT: Duration = Duration::from_secs(15);

/// A row: name, series, warning, critical, per core, for.
type Row = (&'static str, &'static str, f64, f64, bool, Duration);

const TABLE: [Row; 7] = [
    ("cpu", "cpu_percent", 80.0, 90.0, false, LONG),
    ("load", "load1", 1.5, 2.0, true, LONG),
    ("memory", "memory_used_percent", 80.0, 90.0, false, SHORT),
    ("swap", "swap_used_percent", 60.0, 90.0, false, SHORT),
    ("disk", "disk_used_percent", 85.0, 95.0, false, SHORT),
    ("inodes", "disk_inodes_used_percent", 85.0, 95.0, false, SHORT),
    ("iowait", "iowait_percent", 20.0, 40.0, false, SHORT),
];

/// The default rules as they would be written, by name.
pub fn default_drafts() -> impl Iterator<Item = (&'static str, Draft)> {
    TABLE.iter().map(|(name, metric, warning, critical, is_per_core, lasts)| {
        let draft = Draft {
            metric: Some((*metric).to_owned()),
            warning: Some(*warning),
            critical: Some(*critical),
            is_per_core: *is_per_core,
            lasts: *lasts,
            ..Draft::default()
        };
        (*name, draft)
    })
}

/// The default rules.
pub fn defaults() -> Rules {
    let rules = default_drafts().filter_map(|(name, draft)| draft.check(name).ok());
    Rules::new(rules, [])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_rule_is_right() {
        let names: Vec<String> = defaults().names().map(str::to_owned).collect();
        assert_eq!(names, ["cpu", "disk", "inodes", "iowait", "load", "memory", "swap"]);
    }
}
