//! Series and their latest values: `metric` or `metric[instance]`, as the JSON names them.
//!
//! Owns the naming rule and the derived columns of a table; refuses to know where values come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::coded_enum;

/// Longest instance of a series (a mount point, a device), in bytes.
pub const INSTANCE_BYTES_MAX: usize = 255;
/// Longest metric name, in bytes.
pub const METRIC_NAME_BYTES_MAX: usize = 64;
/// Most series that one agent may declare.
pub const SERIES_PER_AGENT_MAX: usize = 1024;

coded_enum!(
    /// What a value is measured in.
    Unit {
        /// A pure number: a load, a count.
        None = 1, "none";
        /// 0 to 100.
        Percent = 2, "percent";
        /// Bytes.
        Bytes = 3, "bytes";
        /// Bytes in a second.
        BytesPerSecond = 4, "bytes_per_s";
        /// Seconds.
        Seconds = 5, "seconds";
        /// Degrees Celsius.
        Celsius = 6, "celsius";
    }
);

coded_enum!(
    /// How values of a series combine over time.
    MetricKind {
        /// A level; the last value of an interval counts.
        Gauge = 1, "gauge";
        /// A mean over the interval.
        Rate = 2, "rate";
        /// A running total.
        Counter = 3, "counter";
    }
);

/// Whether `name` is a metric name: `[a-z0-9_]`, 1 to 64 bytes.
pub fn is_metric_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= METRIC_NAME_BYTES_MAX
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Splits `metric[instance]`; the last `]` ends the instance. `None` if the form is broken.
pub fn split_series(text: &str) -> Option<(&str, &str)> {
    let (metric, instance) = match text.split_once('[') {
        Some((metric, rest)) => (metric, rest.strip_suffix(']')?),
        None => (text, ""),
    };
    (is_metric_name(metric) && instance.len() <= INSTANCE_BYTES_MAX).then_some((metric, instance))
}

/// The name of a series; shared, because every sample of it needs it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    /// `[a-z0-9_]+`.
    pub metric: Box<str>,
    /// Empty for a series without instances.
    pub instance: Box<str>,
}

impl SeriesKey {
    /// A key of its two parts.
    pub fn new(metric: &str, instance: &str) -> Self {
        Self { metric: metric.into(), instance: instance.into() }
    }
}

/// The latest value of each series of one host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetricSet {
    values: BTreeMap<Arc<SeriesKey>, f64>,
}

impl MetricSet {
    /// Puts a value; an infinite or undefined one is left out and reported as `false`.
    pub fn put(&mut self, metric: &str, instance: &str, value: f64) -> bool {
        if value.is_finite() {
            self.values.insert(Arc::new(SeriesKey::new(metric, instance)), value);
        }
        value.is_finite()
    }

    /// Takes `values` in place of all it had. Returns how many were left out as not finite.
    pub fn replace(&mut self, values: impl IntoIterator<Item = (Arc<SeriesKey>, f64)>) -> usize {
        let mut left_out = 0;
        self.values.clear();
        for (key, value) in values {
            if value.is_finite() {
                self.values.insert(key, value);
            } else {
                left_out += 1;
            }
        }
        left_out
    }

    /// The value of `metric[instance]`; `instance` is empty for a series without one.
    pub fn value(&self, metric: &str, instance: &str) -> Option<f64> {
        self.values.get(&SeriesKey::new(metric, instance)).copied()
    }

    /// All instances of `metric` with their values, in the order of their names.
    pub fn instances<'a>(&'a self, metric: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.values
            .range(SeriesKey::new(metric, "")..)
            .take_while(move |(key, _)| &*key.metric == metric)
            .map(|(key, value)| (&*key.instance, *value))
    }

    /// Every series: metric, instance, value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, f64)> {
        self.values.iter().map(|(key, value)| (&*key.metric, &*key.instance, *value))
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Used memory in percent of all memory.
    pub fn memory_percent(&self) -> Option<f64> {
        let total = self.value("memory_total_bytes", "")?;
        let used = self.value("memory_used_bytes", "")?;
        (total > 0.0).then(|| 100.0 * used / total)
    }

    /// Used swap in percent of all swap; `None` without swap.
    pub fn swap_percent(&self) -> Option<f64> {
        let total = self.value("swap_total_bytes", "")?;
        let used = self.value("swap_used_bytes", "")?;
        (total > 0.0).then(|| 100.0 * used / total)
    }

    /// The fullest file system in percent.
    pub fn disk_percent_max(&self) -> Option<f64> {
        self.instances("disk_used_percent").map(|(_, value)| value).reduce(f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_names_split_at_the_first_and_last_bracket() {
        assert_eq!(split_series("load1"), Some(("load1", "")));
        assert_eq!(split_series("disk_used_percent[/var]"), Some(("disk_used_percent", "/var")));
        assert_eq!(split_series("disk_used_percent[/a]b]"), Some(("disk_used_percent", "/a]b")));
        for bad in ["", "[x]", "Load", "a b", "a[x", "a]"] {
            assert_eq!(split_series(bad), None, "{bad}");
        }
    }

    #[test]
    fn instances_come_in_order_and_only_of_their_metric() {
        let mut set = MetricSet::default();
        for (metric, instance, value) in [
            ("disk_used_percent", "/var", 50.0),
            ("disk_used_percent", "/", 20.0),
            ("disk_used_percenta", "", 1.0),
        ] {
            assert!(set.put(metric, instance, value));
        }
        assert!(!set.put("load1", "", f64::NAN));
        let seen: Vec<_> = set.instances("disk_used_percent").collect();
        assert_eq!(seen, vec![("/", 20.0), ("/var", 50.0)]);
        assert_eq!(set.disk_percent_max(), Some(50.0));
        assert_eq!(set.memory_percent(), None);
    }
}
