//! The columns of a host: what a table has room for, taken from all its values in one pass.
//!
//! Knows the names of series and how their instances combine; knows no host.

use systole_common::model::interface::Total;
use systole_common::model::metric::MetricSet;

/// See the module's words. Units are those of the series; `None` is not measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Columns {
    pub(super) cpu_percent: Option<f32>,
    pub(super) iowait_percent: Option<f32>,
    pub(super) steal_percent: Option<f32>,
    pub(super) memory_percent: Option<f32>,
    pub(super) swap_percent: Option<f32>,
    pub(super) disk_percent_max: Option<f32>,
    pub(super) inodes_percent_max: Option<f32>,
    pub(super) busy_percent_max: Option<f32>,
    pub(super) read_bytes_per_s_max: Option<f32>,
    pub(super) write_bytes_per_s_max: Option<f32>,
    pub(super) rx_bytes_per_s: Option<f32>,
    pub(super) tx_bytes_per_s: Option<f32>,
    pub(super) rx_bytes_per_s_max: Option<f32>,
    pub(super) tx_bytes_per_s_max: Option<f32>,
    pub(super) load1: Option<f32>,
    pub(super) load5: Option<f32>,
    pub(super) load15: Option<f32>,
    pub(super) cores: Option<f32>,
    pub(super) uptime_s: Option<f32>,
}

impl Columns {
    /// The columns of a host with these values.
    pub(super) fn of(metrics: &MetricSet) -> Self {
        let mut columns = Self::default();
        let (mut received, mut sent) = (Total::default(), Total::default());
        for (metric, instance, exact) in metrics.iter() {
            match metric {
                "network_rx_bytes_per_s" => received.add(instance, exact),
                "network_tx_bytes_per_s" => sent.add(instance, exact),
                _ => {}
            }
            columns.take(metric, instance, short(exact));
        }
        columns.memory_percent = metrics.memory_percent().map(short);
        columns.swap_percent = metrics.swap_percent().map(short);
        columns.rx_bytes_per_s = received.value().map(short);
        columns.tx_bytes_per_s = sent.value().map(short);
        columns
    }

    fn take(&mut self, metric: &str, instance: &str, value: f32) {
        let highest = match metric {
            "disk_used_percent" => &mut self.disk_percent_max,
            "disk_inodes_used_percent" => &mut self.inodes_percent_max,
            "block_busy_percent" => &mut self.busy_percent_max,
            "block_read_bytes_per_s" => &mut self.read_bytes_per_s_max,
            "block_write_bytes_per_s" => &mut self.write_bytes_per_s_max,
            "network_rx_bytes_per_s" => &mut self.rx_bytes_per_s_max,
            "network_tx_bytes_per_s" => &mut self.tx_bytes_per_s_max,
            _ if instance.is_empty() => return self.take_only(metric, value),
            _ => return,
        };
        *highest = Some(highest.map_or(value, |known| known.max(value)));
    }

    /// A series without instances.
    fn take_only(&mut self, metric: &str, value: f32) {
        let column = match metric {
            "cpu_percent" => &mut self.cpu_percent,
            "iowait_percent" => &mut self.iowait_percent,
            "steal_percent" => &mut self.steal_percent,
            "load1" => &mut self.load1,
            "load5" => &mut self.load5,
            "load15" => &mut self.load15,
            "cores" => &mut self.cores,
            "uptime_s" => &mut self.uptime_s,
            _ => return,
        };
        *column = Some(value);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a number for a table cell")]
fn short(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(values: &[(&str, &str, f64)]) -> MetricSet {
        let mut metrics = MetricSet::default();
        for (metric, instance, value) in values {
            assert!(metrics.put(metric, instance, *value));
        }
        metrics
    }

    #[test]
    fn a_column_is_the_series_the_highest_or_the_sum_over_ports() {
        let columns = Columns::of(&metrics(&[
            ("cpu_percent", "", 12.5),
            ("cpu_percent", "0", 99.0),
            ("memory_used_bytes", "", 1.0),
            ("memory_total_bytes", "", 4.0),
            ("disk_used_percent", "/", 20.0),
            ("disk_used_percent", "/var", 50.0),
            ("disk_inodes_used_percent", "/", 3.0),
            ("block_read_bytes_per_s", "sda", 10.0),
            ("block_read_bytes_per_s", "sdb", 30.0),
            ("network_rx_bytes_per_s", "docker0", 900.0),
            ("network_rx_bytes_per_s", "eth0", 100.0),
            ("network_rx_bytes_per_s", "eth1", 50.0),
            ("network_tx_bytes_per_s", "eth0", 7.0),
            ("uptime_s", "", 3_600.0),
        ]));
        let expected = Columns {
            cpu_percent: Some(12.5),
            memory_percent: Some(25.0),
            disk_percent_max: Some(50.0),
            inodes_percent_max: Some(3.0),
            read_bytes_per_s_max: Some(30.0),
            rx_bytes_per_s: Some(150.0),
            rx_bytes_per_s_max: Some(900.0),
            tx_bytes_per_s: Some(7.0),
            tx_bytes_per_s_max: Some(7.0),
            uptime_s: Some(3_600.0),
            ..Columns::default()
        };
        assert_eq!(columns, expected);
        assert_eq!(Columns::of(&MetricSet::default()), Columns::default());
    }
}
