//! Values of a small host, made up: shares that wander, sizes that grow, rates that jump.

use systole_common::model::metric::{MetricKind, Unit};
use systole_common::wire::agent::{Declare, Live, SeriesDeclaration, SeriesValue};
use systole_common::wire::hello::Clocks;

/// Series of a simulated host: name, instance, unit, and between what it wanders.
const SERIES: [(&str, &str, Unit, f64, f64); 16] = [
    ("cpu_percent", "", Unit::Percent, 1.0, 85.0),
    ("iowait_percent", "", Unit::Percent, 0.0, 4.0),
    ("memory_used_bytes", "", Unit::Bytes, 1.0e9, 7.0e9),
    ("memory_total_bytes", "", Unit::Bytes, 8.0e9, 8.0e9),
    ("swap_used_bytes", "", Unit::Bytes, 0.0, 1.0e8),
    ("swap_total_bytes", "", Unit::Bytes, 2.0e9, 2.0e9),
    ("load1", "", Unit::None, 0.0, 4.0),
    ("load5", "", Unit::None, 0.0, 3.0),
    ("load15", "", Unit::None, 0.0, 2.0),
    ("cores", "", Unit::None, 4.0, 4.0),
    ("uptime_s", "", Unit::Seconds, 1.0e6, 1.1e6),
    ("disk_used_percent", "/", Unit::Percent, 20.0, 70.0),
    ("disk_used_bytes", "/", Unit::Bytes, 2.0e10, 7.0e10),
    ("disk_total_bytes", "/", Unit::Bytes, 1.0e11, 1.0e11),
    ("network_rx_bytes_per_s", "eth0", Unit::BytesPerSecond, 0.0, 4.0e7),
    ("network_tx_bytes_per_s", "eth0", Unit::BytesPerSecond, 0.0, 9.0e6),
];

/// The state of one host's values.
#[derive(Debug)]
pub(super) struct Values {
    random: u64,
    now: [f64; SERIES.len()],
}

impl Values {
    /// Values that differ for each `seed`.
    pub(super) fn new(seed: u64) -> Self {
        let mut values = Self { random: seed.wrapping_mul(2).wrapping_add(1), now: [0.0; 16] };
        for place in 0..SERIES.len() {
            let share = values.share();
            if let Some(value) = values.now.get_mut(place) {
                *value = share;
            }
        }
        values
    }

    /// The series with their ids.
    #[expect(clippy::unused_self, reason = "ids and values belong together")]
    pub(super) fn declare(&self) -> Declare {
        let series =
            (0_u32..).zip(SERIES).map(|(id, (metric, instance, unit, ..))| SeriesDeclaration {
                id,
                metric: metric.to_owned(),
                instance: instance.to_owned(),
                unit: unit.into(),
                kind: MetricKind::Gauge.into(),
            });
        Declare { series: series.collect() }
    }

    /// The next values: each wanders by a twentieth of its room.
    pub(super) fn live(&mut self, at: Clocks, interval_ms: u32) -> Live {
        let mut values = Vec::with_capacity(SERIES.len());
        for (id, (.., low, high)) in (0_u32..).zip(SERIES) {
            let step = (self.share() - 0.5) / 10.0;
            let place = usize::try_from(id).unwrap_or(usize::MAX);
            if let Some(share) = self.now.get_mut(place) {
                *share = (*share + step).clamp(0.0, 1.0);
                values.push(SeriesValue { id, value: low + (high - low) * *share });
            }
        }
        Live { at, interval_ms, values }
    }

    /// Between 0 and 1; a linear congruence is random enough for a picture.
    fn share(&mut self) -> f64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.random >> 40) as f64 / (1_u64 << 24) as f64
    }
}
