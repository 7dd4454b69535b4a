//! Why a series that was asked for is not there, with the names that were probably meant.

use std::collections::BTreeSet;

use systole_common::config::nearest;
use systole_common::model::metric::SeriesKey;
use systole_common::text::scrub;
use systole_common::wire::history::SeriesRecord;

use super::history::series_name;
use crate::limits::NAMES_LISTED;

/// A series that is not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// Nobody has this name.
    #[error(
        "no host is named {host}{near}; `systole hosts` and `systole storage` list those known"
    )]
    Host {
        /// The name asked for.
        host: String,
        /// `; did you mean …?`, if a name is near.
        near: String,
    },
    /// The host has no history at all.
    #[error(
        "nothing is stored of {host} yet; `systole host {host}` shows what it is measuring now"
    )]
    Nothing {
        /// Whose.
        host: String,
    },
    /// No series has this metric.
    #[error("no metric {metric} is stored of {whose}{near}; {names}")]
    Metric {
        /// The metric asked for.
        metric: String,
        /// The host, or `any of these hosts`.
        whose: String,
        /// `; did you mean …?`, if a name is near.
        near: String,
        /// The names that there are.
        names: String,
    },
    /// The metric has other instances.
    #[error("no {series} is stored of {whose}; stored are {names}")]
    Instance {
        /// The series asked for.
        series: String,
        /// The host, or `any of these hosts`.
        whose: String,
        /// The series of that metric that there are.
        names: String,
    },
}

/// Why `key` is not stored of `host`, which has `series`, where `hosts` are known; `None` if it is.
pub fn of_host(
    host: &str,
    key: &SeriesKey,
    series: &[SeriesRecord],
    hosts: &[String],
) -> Option<Missing> {
    let owned = host.to_owned();
    if series.is_empty() {
        let is_known = hosts.iter().any(|known| known == host);
        let near = || did_you_mean(host, hosts.iter().map(String::as_str));
        return Some(if is_known {
            Missing::Nothing { host: owned }
        } else {
            Missing::Host { host: owned, near: near() }
        });
    }
    let is_there =
        |record: &SeriesRecord| record.metric == *key.metric && record.instance == *key.instance;
    (!series.iter().any(is_there)).then(|| of_any(key, host, series))
}

/// Why `key` is not stored of `whose`: these have `series`.
pub fn of_any(key: &SeriesKey, whose: &str, series: &[SeriesRecord]) -> Missing {
    let same = series.iter().filter(|record| record.metric == *key.metric);
    let same: BTreeSet<String> =
        same.map(|record| series_name(&record.metric, &record.instance)).collect();
    if same.is_empty() {
        return no_metric(&key.metric, whose, series);
    }
    Missing::Instance {
        series: scrub(&series_name(&key.metric, &key.instance)).into_owned(),
        whose: whose.to_owned(),
        names: listed(same.iter().map(String::as_str)),
    }
}

fn no_metric(metric: &str, whose: &str, series: &[SeriesRecord]) -> Missing {
    let all: BTreeSet<&str> = series.iter().map(|record| record.metric.as_str()).collect();
    let related: Vec<&str> = all.iter().copied().filter(|name| is_related(metric, name)).collect();
    let names = if all.is_empty() {
        "nothing is".to_owned()
    } else if related.is_empty() || all.len() <= NAMES_LISTED {
        format!("stored are {}", listed(all.iter().copied()))
    } else {
        format!("related are {}", listed(related))
    };
    Missing::Metric {
        metric: metric.to_owned(),
        whose: whose.to_owned(),
        near: did_you_mean(metric, all.iter().copied()),
        names,
    }
}

/// Whether two names share a part between underscores, or one is in the other.
fn is_related(given: &str, name: &str) -> bool {
    let shares = || given.split('_').any(|part| name.split('_').any(|other| part == other));
    name.contains(given) || given.contains(name) || shares()
}

fn did_you_mean<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = nearest(given, known);
    near.map(|near| format!("; did you mean {}?", scrub(near))).unwrap_or_default()
}

/// `a, b, c and 5 more`.
fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let shown: Vec<_> = names.by_ref().take(NAMES_LISTED).map(scrub).collect();
    match names.count() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use systole_common::model::metric::{MetricKind, Unit};

    use super::*;

    fn record(metric: &str, instance: &str) -> SeriesRecord {
        SeriesRecord {
            host: "web-1".to_owned(),
            metric: metric.to_owned(),
            instance: instance.to_owned(),
            unit: Unit::Percent.into(),
            kind: MetricKind::Gauge.into(),
        }
    }

    fn why(host: &str, metric: &str, instance: &str, series: &[SeriesRecord]) -> String {
        let hosts = ["db-1".to_owned(), "web-1".to_owned()];
        let missing = of_host(host, &SeriesKey::new(metric, instance), series, &hosts);
        missing.map(|missing| missing.to_string()).unwrap_or_default()
    }

    #[test]
    fn near_names_are_told() {
        let series = [
            record("cpu_percent", ""),
            record("disk_used_percent", "/"),
            record("disk_used_percent", "/v\u{1b}ar"),
        ];
        let metric = why("web-1", "cpu_percnt", "", &series);
        assert_eq!(
            metric,
            "no metric cpu_percnt is stored of web-1; did you mean cpu_percent?; \
             stored are cpu_percent, disk_used_percent"
        );
        let instance = why("web-1", "disk_used_percent", "", &series);
        assert_eq!(
            instance,
            "no disk_used_percent is stored of web-1; \
             stored are disk_used_percent[/], disk_used_percent[/v\\x1bar]"
        );
        assert_eq!(why("web-1", "disk_used_percent", "/", &series), "");
        let host = why("web-2", "cpu_percent", "", &[]);
        assert!(host.starts_with("no host is named web-2; did you mean web-1?"), "{host}");
        assert!(!why("nowhere", "cpu_percent", "", &[]).contains("did you mean"));
        assert!(why("db-1", "cpu_percent", "", &[]).starts_with("nothing is stored of db-1"));
    }

    #[test]
    fn of_many_names_only_related_ones_are_listed() {
        let mut series: Vec<SeriesRecord> =
            (0..40).map(|n| record(&format!("memory_{n:02}"), "")).collect();
        series.push(record("load1", ""));
        let of_any = |metric, whose| of_any(&SeriesKey::new(metric, ""), whose, &series);
        let text = of_any("memory", "any of these hosts").to_string();
        assert!(
            text.contains("related are memory_00, ") && text.ends_with(" and 28 more"),
            "{text}"
        );
        assert!(!text.contains("load1"), "{text}");
        let strange = of_any("zz", "any of these hosts").to_string();
        assert!(strange.contains("stored are load1, memory_00"), "{strange}");
    }
}
