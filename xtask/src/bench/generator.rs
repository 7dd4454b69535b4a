//! Samples that are shaped like those of real hosts, the same for the same seed.
//!
//! What matters is what a codec sees: how many distinct values there are, on which grid they lie and
//! how they move. Knows no store and no file.

use std::sync::Arc;

use systole_common::model::coded::Growing;
use systole_common::model::metric::{MetricKind, SeriesKey, Unit};
use systole_daemon::shell::metrics::slot::{Series, Shape};

/// Seconds between the samples of a host.
pub(super) const INTERVAL_S: u32 = 5;
/// Cores of every host.
const CORES: f64 = 8.0;
/// Clock ticks in a second, of one core.
const TICKS: f64 = 100.0;
/// Bytes of a page.
const PAGE: f64 = 4_096.0;
/// Memory of every host, in bytes.
const MEMORY: f64 = 34_359_738_368.0;

/// What a series does over time.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// A share of the processors in whole ticks, about this many percent.
    Ticks(f64),
    /// A load with two decimals that follows the processors, damped by this part for each sample.
    Load(f64),
    /// Bytes in whole pages that wander around this part of the memory.
    Memory(f64),
    /// Always this.
    Constant(f64),
    /// Bytes in whole pages that grow by this many pages in a sample, in bursts, with rare clean-ups.
    Disk(f64),
    /// Whole bytes a second over the interval, about this many, with bursts.
    Rate(f64),
    /// Degrees in steps of a half that wander around this.
    Temperature(f64),
    /// Counts one event in about this many samples.
    Events(f64),
}

/// Metric, instance, unit, kind, form.
type Row = (&'static str, &'static str, Unit, MetricKind, Form);

/// The series of a host in this order; more than these are the same again under other instances.
const CATALOGUE: [Row; 30] = [
    ("cpu_percent", "", Unit::Percent, MetricKind::Rate, Form::Ticks(22.0)),
    ("iowait_percent", "", Unit::Percent, MetricKind::Rate, Form::Ticks(1.2)),
    ("steal_percent", "", Unit::Percent, MetricKind::Rate, Form::Ticks(0.05)),
    ("cpu_user_percent", "", Unit::Percent, MetricKind::Rate, Form::Ticks(14.0)),
    ("cpu_system_percent", "", Unit::Percent, MetricKind::Rate, Form::Ticks(6.0)),
    ("cpu_nice_percent", "", Unit::Percent, MetricKind::Rate, Form::Ticks(0.3)),
    ("cpu_irq_percent", "", Unit::Percent, MetricKind::Rate, Form::Ticks(0.4)),
    ("cpu_softirq_percent", "", Unit::Percent, MetricKind::Rate, Form::Ticks(0.8)),
    ("load1", "", Unit::None, MetricKind::Gauge, Form::Load(0.08)),
    ("load5", "", Unit::None, MetricKind::Gauge, Form::Load(0.016)),
    ("load15", "", Unit::None, MetricKind::Gauge, Form::Load(0.0055)),
    ("memory_used_bytes", "", Unit::Bytes, MetricKind::Gauge, Form::Memory(0.55)),
    ("memory_cached_bytes", "", Unit::Bytes, MetricKind::Gauge, Form::Memory(0.3)),
    ("memory_dirty_bytes", "", Unit::Bytes, MetricKind::Gauge, Form::Memory(0.01)),
    ("swap_used_bytes", "", Unit::Bytes, MetricKind::Gauge, Form::Memory(0.002)),
    ("memory_total_bytes", "", Unit::Bytes, MetricKind::Gauge, Form::Constant(MEMORY)),
    ("swap_total_bytes", "", Unit::Bytes, MetricKind::Gauge, Form::Constant(8_589_934_592.0)),
    ("cores", "", Unit::None, MetricKind::Gauge, Form::Constant(CORES)),
    ("disk_total_bytes", "/", Unit::Bytes, MetricKind::Gauge, Form::Constant(107_374_182_400.0)),
    ("disk_used_bytes", "/", Unit::Bytes, MetricKind::Gauge, Form::Disk(2.0)),
    ("disk_used_bytes", "/var", Unit::Bytes, MetricKind::Gauge, Form::Disk(40.0)),
    ("disk_used_bytes", "/srv", Unit::Bytes, MetricKind::Gauge, Form::Disk(9.0)),
    ("block_read_bytes_per_s", "sda", Unit::BytesPerSecond, MetricKind::Rate, Form::Rate(40_000.0)),
    ("block_write_bytes_per_s", "sda", Unit::BytesPerSecond, MetricKind::Rate, Form::Rate(9e5)),
    ("network_rx_bytes_per_s", "eth0", Unit::BytesPerSecond, MetricKind::Rate, Form::Rate(2e5)),
    ("network_tx_bytes_per_s", "eth0", Unit::BytesPerSecond, MetricKind::Rate, Form::Rate(3e5)),
    ("network_rx_bytes_per_s", "eth1", Unit::BytesPerSecond, MetricKind::Rate, Form::Rate(900.0)),
    ("temperature_celsius", "cpu", Unit::Celsius, MetricKind::Gauge, Form::Temperature(52.0)),
    ("temperature_celsius", "nvme", Unit::Celsius, MetricKind::Gauge, Form::Temperature(38.0)),
    ("oom_kills", "", Unit::None, MetricKind::Counter, Form::Events(20_000.0)),
];

/// The series that every host of the fleet has, `count` of them.
pub(super) fn shape(count: usize) -> Arc<Shape> {
    let series = rows(count).enumerate().map(|(index, row)| {
        let (metric, instance, unit, kind, _) = row;
        let round = index / CATALOGUE.len();
        let instance = if round == 0 { instance.to_owned() } else { format!("{instance}{round}") };
        let key = Arc::new(SeriesKey::new(metric, &instance));
        Series { key, unit: Growing::Known(unit), kind: Growing::Known(kind) }
    });
    Arc::new(Shape { series: series.collect() })
}

fn rows(count: usize) -> impl Iterator<Item = Row> {
    CATALOGUE.iter().copied().cycle().take(count)
}

/// One host that makes up a sample of each series after another.
#[derive(Debug, Clone)]
pub(super) struct Host {
    dice: Dice,
    /// How busy it is, 0 to 1; moves slowly and drives the rest.
    busy: f64,
    forms: Vec<(Form, f64)>,
}

impl Host {
    /// Host `number` of the fleet of `seed` with `count` series.
    pub(super) fn new(seed: u64, number: u64, count: usize) -> Self {
        let mut dice = Dice::new(seed ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03));
        let forms = rows(count).map(|(_, _, _, _, form)| (form, begin(form, &mut dice)));
        let forms = forms.collect();
        Self { busy: dice.part(), dice, forms }
    }

    /// The values of the next slot.
    pub(super) fn sample(&mut self) -> Vec<f64> {
        let pull = if self.dice.is_one_in(200.0) { self.dice.part() } else { self.busy };
        self.busy = (self.busy * 0.97 + pull * 0.03 + self.dice.wave() * 0.01).clamp(0.0, 1.0);
        let (dice, busy) = (&mut self.dice, self.busy);
        let values = self.forms.iter_mut().map(|(form, state)| next(*form, state, busy, dice));
        values.collect()
    }
}

fn begin(form: Form, dice: &mut Dice) -> f64 {
    match form {
        Form::Ticks(_) | Form::Rate(_) => 0.0,
        Form::Load(_) => dice.part() * CORES,
        Form::Memory(part) => MEMORY * part * (0.8 + 0.4 * dice.part()),
        Form::Constant(value) => value,
        Form::Disk(_) => 2e10 + 5e10 * dice.part(),
        Form::Temperature(degrees) => degrees + 4.0 * dice.wave(),
        Form::Events(_) => (dice.part() * 20.0).floor(),
    }
}

/// The value that follows `state`, which is moved on.
fn next(form: Form, state: &mut f64, busy: f64, dice: &mut Dice) -> f64 {
    let interval = f64::from(INTERVAL_S);
    match form {
        Form::Ticks(percent) => {
            let all = TICKS * CORES * interval;
            let share = percent / 100.0 * (0.4 + 1.2 * busy) * (1.0 + 0.25 * dice.wave());
            100.0 * (share.clamp(0.0, 1.0) * all).round() / all
        }
        Form::Load(part) => {
            let wanted = CORES * 0.4 * busy * (1.0 + 0.5 * dice.wave());
            *state = *state * (1.0 - part) + wanted * part;
            (*state * 100.0).round() / 100.0
        }
        Form::Memory(part) => {
            if !dice.is_one_in(3.0) {
                let pull = (MEMORY * part * (0.7 + 0.6 * busy) - *state) * 0.002;
                *state += pull + dice.wave() * 300.0 * PAGE;
            }
            (state.max(0.0) / PAGE).round() * PAGE
        }
        Form::Constant(_) => *state,
        Form::Disk(pages) => {
            if dice.is_one_in(4.0) {
                *state += (pages * 8.0 * dice.part() * (0.5 + busy)).round() * PAGE;
            }
            if dice.is_one_in(17_280.0) {
                *state *= 0.9;
            }
            (*state / PAGE).round() * PAGE
        }
        Form::Rate(bytes) => {
            let burst = if dice.is_one_in(40.0) { 12.0 * dice.part() } else { 1.0 };
            (bytes * interval * (0.2 + 1.6 * busy) * burst * (1.0 + 0.6 * dice.wave()))
                .round()
                .abs()
                / interval
        }
        Form::Temperature(degrees) => {
            *state += (degrees + 14.0 * busy - *state) * 0.02 + dice.wave() * 0.3;
            (*state * 2.0).round() / 2.0
        }
        Form::Events(samples) => {
            *state += f64::from(u8::from(dice.is_one_in(samples)));
            *state
        }
    }
}

/// A small generator of numbers that look random (`SplitMix64`).
#[derive(Debug, Clone)]
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to below 1.
    fn part(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1u64 << 53) as f64
    }

    /// From -1 to below 1, mostly near 0.
    fn wave(&mut self) -> f64 {
        (self.part() + self.part() + self.part()) * 2.0 / 3.0 - 1.0
    }

    fn is_one_in(&mut self, many: f64) -> bool {
        self.part() * many < 1.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn series(seed: u64, samples: usize) -> Vec<Vec<f64>> {
        let mut host = Host::new(seed, 3, CATALOGUE.len());
        (0..samples).map(|_| host.sample()).collect()
    }

    fn column(metric: &str, instance: &str) -> Vec<f64> {
        let at = CATALOGUE.iter().position(|row| row.0 == metric && row.1 == instance).unwrap();
        series(1, 5_000).into_iter().map(|values| values[at]).collect()
    }

    #[test]
    fn a_seed_makes_the_same_samples_and_another_one_others() {
        assert_eq!(series(1, 500), series(1, 500));
        assert_ne!(series(1, 500), series(2, 500));
        assert!(series(1, 5_000).concat().iter().all(|value| value.is_finite() && *value >= 0.0));
    }

    #[test]
    fn values_lie_on_the_grids_of_a_kernel() {
        for value in column("load1", "") {
            assert!(((value * 100.0).round() / 100.0 - value).abs() < f64::EPSILON * 100.0);
        }
        assert!(column("memory_used_bytes", "").iter().all(|value| value % PAGE == 0.0));
        assert!(column("disk_used_bytes", "/var").iter().all(|value| value % PAGE == 0.0));
        assert!(column("temperature_celsius", "cpu").iter().all(|value| value % 0.5 == 0.0));
        let distinct: BTreeSet<u64> =
            column("cpu_percent", "").iter().map(|value| value.to_bits()).collect();
        assert!((100..4_001).contains(&distinct.len()), "{}", distinct.len());
        let cores = column("cores", "");
        assert!(cores.iter().all(|value| (value - CORES).abs() < f64::EPSILON));
    }

    #[test]
    fn names_are_unique_however_many_there_are() {
        for count in [1, 30, 31, 1_024] {
            let shape = shape(count);
            let names: BTreeSet<_> = shape.series.iter().map(|series| series.key.clone()).collect();
            assert_eq!((shape.series.len(), names.len()), (count, count));
        }
    }
}
