//! A threshold rule, checked: which series of which hosts, which levels, for how long.
//!
//! A [`Draft`] is what people write; [`Draft::check`] makes a [`Rule`] of it or says which key is
//! wrong. Knows no value and no alert.

use std::time::Duration;

use systole_common::filter::Filter;
use systole_common::model::metric::{INSTANCE_BYTES_MAX, is_metric_name};

use super::whom::check_filter;

/// How long it must be clear before an alert is over, where nobody says otherwise.
const HOLD: Duration = Duration::from_mins(1);
/// How far the clear level of a percentage lies from its level, in points.
const CLEAR_POINTS: f64 = 5.0;
/// How far that of a level per core lies from it, per core.
const CLEAR_PER_CORE: f64 = 0.25;
/// How far that of any other series lies from it, as a part of the level.
const CLEAR_PART: f64 = 0.05;
/// What the name of a series in percent ends with.
const PERCENT: &str = "_percent";

/// A level and the level at which it is over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// At this or beyond it the condition holds.
    pub raise: f64,
    /// Short of this it is over; between the two nothing changes.
    pub clear: f64,
}

/// A rule that makes sense.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name, the first part of its alerts' keys.
    pub name: Box<str>,
    /// The series, without instance.
    pub metric: Box<str>,
    /// Only this instance; `None` for each.
    pub instance: Option<Box<str>>,
    /// When it warns. One of the two levels is there.
    pub warning: Option<Level>,
    /// When it is critical.
    pub critical: Option<Level>,
    /// Whether levels are multiplied by the host's number of cores.
    pub is_per_core: bool,
    /// Whether less is worse.
    pub is_below: bool,
    /// How long a level must be reached without a break.
    pub lasts: Duration,
    /// How long it must be clear without a break.
    pub hold: Duration,
    /// The hosts that it is for.
    pub filter: Filter,
}

/// What is written about a rule; what is missing has a default or makes it no rule.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Draft {
    /// `metric`.
    pub metric: Option<String>,
    /// `instance`.
    pub instance: Option<String>,
    /// `warning`.
    pub warning: Option<f64>,
    /// `critical`.
    pub critical: Option<f64>,
    /// `per`.
    pub is_per_core: bool,
    /// `below`.
    pub is_below: bool,
    /// `for`.
    pub lasts: Duration,
    /// `clear_warning`.
    pub clear_warning: Option<f64>,
    /// `clear_critical`.
    pub clear_critical: Option<f64>,
    /// `hold`.
    pub hold: Option<Duration>,
    /// `filter`.
    pub filter: String,
}

/// Why a draft is no rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key that is wrong or missing.
    pub key: &'static str,
    /// What is expected of it.
    pub expected: String,
}

impl Draft {
    /// The rule called `name` that is written here.
    pub fn check(&self, name: &str) -> Result<Rule, Fault> {
        let metric = self.metric.as_deref().unwrap_or_default();
        check_metric(metric).map_err(fault("metric"))?;
        if let Some(instance) = &self.instance {
            check_instance(instance).map_err(fault("instance"))?;
        }
        if let (Some(warning), Some(critical)) = (self.warning, self.critical)
            && !self.is_beyond(critical, warning)
        {
            let side = if self.is_below { "below" } else { "above" };
            let expected = format!("a level {side} the warning level {warning}");
            return Err(Fault { key: "critical", expected });
        }
        let rule = Rule {
            name: name.into(),
            metric: metric.into(),
            instance: self.instance.as_deref().map(Into::into),
            warning: self.level(self.warning, self.clear_warning, "clear_warning")?,
            critical: self.level(self.critical, self.clear_critical, "clear_critical")?,
            is_per_core: self.is_per_core,
            is_below: self.is_below,
            lasts: self.lasts,
            hold: self.hold.unwrap_or(HOLD),
            filter: check_filter(&self.filter).map_err(fault("filter"))?,
        };
        if rule.warning.is_none() && rule.critical.is_none() {
            let expected = "a level for it, for `critical`, or for both".to_owned();
            return Err(Fault { key: "warning", expected });
        }
        Ok(rule)
    }

    fn level(
        &self,
        raise: Option<f64>,
        clear: Option<f64>,
        key: &'static str,
    ) -> Result<Option<Level>, Fault> {
        let (raise, clear) = match (raise, clear) {
            (None, None) => return Ok(None),
            (None, Some(_)) => {
                let level = key.trim_start_matches("clear_");
                let expected = format!("to stand beside `{level}`, the level that it clears");
                return Err(Fault { key, expected });
            }
            (Some(raise), None) => (raise, self.clear_of(raise)),
            (Some(raise), Some(clear)) => (raise, clear),
        };
        if self.is_beyond(clear, raise) {
            let side = if self.is_below { "under" } else { "over" };
            let expected = format!("a level that is not {side} {raise}, the level that it clears");
            return Err(Fault { key, expected });
        }
        Ok(Some(Level { raise, clear }))
    }

    /// Whether `a` is worse than `b`.
    fn is_beyond(&self, a: f64, b: f64) -> bool {
        if self.is_below { a < b } else { a > b }
    }

    /// The clear level where nobody set one. Near the end of a scale it stays within the scale, so
    /// that it can be reached.
    fn clear_of(&self, raise: f64) -> f64 {
        let is_percent = self.metric.as_ref().is_some_and(|metric| metric.ends_with(PERCENT));
        let margin = if self.is_per_core {
            CLEAR_PER_CORE.min(raise.abs() / 2.0)
        } else if is_percent {
            let room = if self.is_below { 100.0 - raise } else { raise };
            CLEAR_POINTS.min(room.abs() / 2.0)
        } else {
            raise.abs() * CLEAR_PART
        };
        if self.is_below { raise + margin } else { raise - margin }
    }
}

impl Rule {
    /// Whether it is about this series.
    pub(super) fn is_about(&self, metric: &str, instance: &str) -> bool {
        *self.metric == *metric && self.instance.as_deref().is_none_or(|one| one == instance)
    }
}

fn fault(key: &'static str) -> impl Fn(String) -> Fault {
    move |expected| Fault { key, expected }
}

/// Whether `name` can be a series.
pub fn check_metric(name: &str) -> Result<(), String> {
    if is_metric_name(name) {
        return Ok(());
    }
    Err("the name of a series without its instance, such as \"disk_used_percent\"".to_owned())
}

/// Whether `name` can be an instance.
pub fn check_instance(name: &str) -> Result<(), String> {
    if !name.is_empty() && name.len() <= INSTANCE_BYTES_MAX {
        return Ok(());
    }
    Err(format!("an instance such as \"/var\" of 1 to {INSTANCE_BYTES_MAX} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(metric: &str, warning: f64, critical: f64) -> Draft {
        Draft {
            metric: Some(metric.into()),
            warning: Some(warning),
            critical: Some(critical),
            ..Draft::default()
        }
    }

    fn clears(draft: &Draft) -> (f64, f64) {
        let rule = draft.check("x").unwrap();
        (rule.warning.unwrap().clear, rule.critical.unwrap().clear)
    }

    #[test]
    fn clear_levels_lie_short_of_the_level_and_can_be_reached() {
        assert_eq!(clears(&draft("cpu_percent", 80.0, 90.0)), (75.0, 85.0));
        assert_eq!(clears(&draft("steal_percent", 2.0, 12.0)), (1.0, 7.0));
        assert_eq!(clears(&draft("temperature_celsius", 80.0, 100.0)), (76.0, 95.0));
        let load = Draft { is_per_core: true, ..draft("load1", 1.5, 2.0) };
        assert_eq!(clears(&load), (1.25, 1.75));
        let free = Draft { is_below: true, ..draft("free_percent", 20.0, 98.0) };
        assert_eq!(free.check("x").unwrap_err().key, "critical");
        let free = Draft { is_below: true, ..draft("free_percent", 98.0, 10.0) };
        assert_eq!(clears(&free), (99.0, 15.0));
        let own = Draft { clear_warning: Some(80.0), ..draft("cpu_percent", 80.0, 90.0) };
        assert_eq!(clears(&own), (80.0, 85.0));
    }

    #[test]
    fn what_is_no_rule_says_which_key_is_wrong() {
        let key = |draft: Draft| draft.check("x").unwrap_err().key;
        let cpu = || draft("cpu_percent", 80.0, 90.0);
        assert_eq!(key(Draft { metric: None, ..cpu() }), "metric");
        assert_eq!(key(Draft { metric: Some("cpu[0]".into()), ..cpu() }), "metric");
        assert_eq!(key(Draft { instance: Some(String::new()), ..cpu() }), "instance");
        assert_eq!(key(Draft { warning: None, critical: None, ..cpu() }), "warning");
        assert_eq!(key(Draft { critical: Some(80.0), ..cpu() }), "critical");
        assert_eq!(key(Draft { clear_warning: Some(81.0), ..cpu() }), "clear_warning");
        let lone = Draft { critical: None, clear_critical: Some(1.0), ..cpu() };
        assert_eq!(key(lone), "clear_critical");
        assert_eq!(key(Draft { filter: "cpu>80".into(), ..cpu() }), "filter");
    }
}
