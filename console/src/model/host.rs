//! A host as a daemon described it, and when that description came.
//!
//! Joins the pages of its series and counts its ages on; it does not judge the host.

use std::collections::BTreeSet;
use std::time::Duration;

use systole_common::model::metric::MetricSet;
use systole_common::time::Mono;
use systole_common::wire::console::{HostRecord, HostSeries};
use systole_common::wire::feed::HostSummary;

/// A whole host.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// What the daemon said. Its series are in `metrics`.
    pub record: HostRecord,
    /// Its latest values.
    pub metrics: MetricSet,
    /// When the description came.
    pub received: Mono,
}

impl Host {
    /// A host from its record. Further pages of series follow while `record.more`.
    pub fn new(mut record: HostRecord, received: Mono) -> Self {
        let series = std::mem::take(&mut record.series);
        let mut metrics = MetricSet::default();
        for one in series {
            metrics.put(&one.metric, &one.instance, one.value);
        }
        Self { record, metrics, received }
    }

    /// Takes the next page of series. Returns whether it belongs to this host.
    pub fn extend(&mut self, page: HostSeries) -> bool {
        let belongs = self.record.more && page.host == self.record.host;
        if belongs {
            self.record.more = page.more;
            for one in page.series {
                self.metrics.put(&one.metric, &one.instance, one.value);
            }
        }
        belongs
    }

    /// Age of its last heartbeat.
    pub fn heartbeat_age(&self, now: Mono) -> Option<Duration> {
        grown(self.record.heartbeat_age_ms, self.received, now)
    }

    /// Age of its values.
    pub fn metrics_age(&self, now: Mono) -> Option<Duration> {
        grown(self.record.metrics_age_ms, self.received, now)
    }

    /// Its columns in the fleet table.
    pub fn summary(&self) -> HostSummary {
        let value = |metric| self.metrics.value(metric, "").map(narrow);
        HostSummary {
            host: self.record.host.clone(),
            state: self.record.state,
            cause: self.record.cause,
            since: self.record.since,
            heartbeat_age_ms: self.record.heartbeat_age_ms,
            heartbeat_interval_ms: self.record.heartbeat_interval_ms,
            rtt_us: self.record.rtt_us,
            cpu_percent: value("cpu_percent"),
            memory_percent: self.metrics.memory_percent().map(narrow),
            swap_percent: self.metrics.swap_percent().map(narrow),
            disk_percent: self.metrics.disk_percent_max().map(narrow),
            load1: value("load1"),
            alerts_critical: self.record.alerts_critical,
            alerts_warning: self.record.alerts_warning,
        }
    }
}

/// An age of `age_ms` at `received`, counted on to `now`.
pub fn grown(age_ms: Option<u64>, received: Mono, now: Mono) -> Option<Duration> {
    age_ms.map(|age_ms| Duration::from_millis(age_ms).saturating_add(now.since(received)))
}

/// Instances that any of these metrics has, in the order of their names.
pub fn instances<'a>(metrics: &'a MetricSet, families: &[&'a str]) -> Vec<&'a str> {
    let of = |family: &&'a str| metrics.instances(family).map(|(instance, _)| instance);
    let names: BTreeSet<&str> = families.iter().flat_map(of).collect();
    names.into_iter().collect()
}

#[expect(clippy::cast_possible_truncation, reason = "a column shows three digits")]
fn narrow(value: f64) -> f32 {
    value as f32
}
