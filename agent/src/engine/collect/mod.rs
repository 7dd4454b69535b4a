//! What the texts of `/proc` and `/sys` mean: total parsers, rates between two readings, and who is kept of too many.
//!
//! Everything here is arithmetic on bytes that were read elsewhere. It opens nothing and knows no
//! clock: the time of a reading (`CLOCK_BOOTTIME`, nanoseconds) is an argument. No input can panic.

pub mod block;
pub mod disk;
mod fields;
pub mod limits;
pub mod load;
pub mod meminfo;
pub mod metrics;
pub mod mounts;
pub mod network;
pub mod pressure;
pub mod process;
pub mod rates;
pub mod stat;
pub mod temperature;

use std::sync::Arc;

use systole_common::model::metric::{INSTANCE_BYTES_MAX, MetricKind, Unit};

use metrics::Metric;

/// One value of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Metric name.
    pub metric: &'static str,
    /// Mount point, disk, interface, core or sensor; empty for a series of the whole host.
    pub instance: Arc<str>,
    /// What `value` is measured in.
    pub unit: Unit,
    /// How values combine over time.
    pub kind: MetricKind,
    /// The value, always finite.
    pub value: f64,
}

/// The samples of one tick, and how many values were no numbers.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    list: Vec<Sample>,
    dropped: u32,
    whole_host: Arc<str>,
}

impl Samples {
    /// An empty list with room for `capacity` samples.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { list: Vec::with_capacity(capacity), ..Self::default() }
    }

    /// Adds a value of the whole host.
    pub fn put(&mut self, metric: Metric, value: f64) {
        let whole_host = Arc::clone(&self.whole_host);
        self.put_of(metric, &whole_host, value);
    }

    /// Adds a value of `instance`. One that is not finite, or of too long a name, is dropped and counted.
    pub fn put_of(&mut self, metric: Metric, instance: &Arc<str>, value: f64) {
        if value.is_finite() && instance.len() <= INSTANCE_BYTES_MAX {
            let Metric { name, unit, kind } = metric;
            self.list.push(Sample {
                metric: name,
                instance: Arc::clone(instance),
                unit,
                kind,
                value,
            });
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// What was collected.
    pub fn list(&self) -> &[Sample] {
        &self.list
    }

    /// The samples, and how many values were dropped.
    pub fn into_parts(self) -> (Vec<Sample>, u32) {
        (self.list, self.dropped)
    }
}

#[cfg(test)]
mod tests;
