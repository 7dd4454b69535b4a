//! Steps, days and tiers: what samples come to within a step. Pure arithmetic on what it is told.
//!
//! Refuses to know where samples come from.

use systole_common::time::UnixMs;
use systole_common::wire::history::{HistoryPoint, Tier};
use systole_common::wire::limits::HISTORY_POINTS_MAX;

#[cfg(test)]
mod tests;

/// A minute, in milliseconds.
pub(super) const MINUTE_MS: i64 = 60_000;
/// An hour, in milliseconds.
pub(super) const HOUR_MS: i64 = 60 * MINUTE_MS;
/// A day, in milliseconds: windows, roll-ups, retention and clean-up go by UTC days.
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;

/// Sums are kept this much smaller, so that even the largest values never add up to infinity.
const SUM_SCALE: f64 = 16_777_216.0;

/// Steps that are proposed when an answer would be too long, in milliseconds.
const NICE_STEPS_MS: [i64; 15] = [
    1_000,
    5_000,
    10_000,
    30_000,
    60_000,
    300_000,
    600_000,
    1_800_000,
    3_600_000,
    7_200_000,
    21_600_000,
    43_200_000,
    86_400_000,
    604_800_000,
    2_592_000_000,
];

/// The UTC day of a time, counted from 1970.
pub(super) fn day_of(at_ms: i64) -> i64 {
    at_ms.div_euclid(DAY_MS)
}

/// How long a point of a tier is, in milliseconds; 0 for single samples.
pub(super) fn point_ms(tier: Tier) -> i64 {
    match tier {
        Tier::Raw => 0,
        Tier::Minute => MINUTE_MS,
        Tier::Hour => HOUR_MS,
    }
}

/// The tiers that points of this step can be made of, coarsest first.
pub(super) fn tiers_for(step_ms: i64) -> &'static [Tier] {
    if step_ms <= 0 || step_ms % MINUTE_MS != 0 {
        &[Tier::Raw]
    } else if step_ms % HOUR_MS != 0 {
        &[Tier::Minute, Tier::Raw]
    } else {
        &[Tier::Hour, Tier::Minute, Tier::Raw]
    }
}

/// The part of `[from, to)` that consists of whole points of `unit_ms`.
pub(super) fn whole_points(from: i64, to: i64, unit_ms: i64) -> Option<(i64, i64)> {
    let unit = unit_ms.max(1);
    let begin = from.saturating_add(unit - 1).div_euclid(unit) * unit;
    let end = to.div_euclid(unit) * unit;
    (begin < end).then_some((begin, end))
}

/// The shortest good step with which `[from, to)` has few enough points, in milliseconds.
pub(super) fn step_for(from: i64, to: i64) -> i64 {
    let points = i64::try_from(HISTORY_POINTS_MAX).unwrap_or(i64::MAX);
    let least = to.saturating_sub(from).max(0) / points + 1;
    NICE_STEPS_MS.into_iter().find(|step| *step >= least).unwrap_or(least)
}

/// What samples came to, as it is written down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Summary {
    /// Lowest.
    pub(super) min: f64,
    /// Highest.
    pub(super) max: f64,
    /// Mean of all.
    pub(super) mean: f64,
    /// How many; at least 1.
    pub(super) count: u64,
}

/// What samples come to, while they come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    min: f64,
    max: f64,
    count: u64,
    sum: f64,
}

impl Bucket {
    /// One sample.
    pub(super) fn of_one(value: f64) -> Self {
        Self { min: value, max: value, count: 1, sum: value / SUM_SCALE }
    }

    /// What was written down of a bucket.
    pub(super) fn of(summary: &Summary) -> Self {
        let Summary { min, max, mean, count } = *summary;
        Self { min, max, count, sum: mean / SUM_SCALE * count as f64 }
    }

    /// All of `values`; `None` of nothing.
    pub(super) fn of_all(values: &[f64]) -> Option<Self> {
        let (first, rest) = values.split_first()?;
        let mut bucket = Self::of_one(*first);
        for value in rest {
            bucket.add(*value);
        }
        Some(bucket)
    }

    /// One more sample.
    pub(super) fn add(&mut self, value: f64) {
        self.join(&Self::of_one(value));
    }

    /// All that `other` holds.
    pub(super) fn join(&mut self, other: &Self) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.count = self.count.saturating_add(other.count);
    }

    /// How many samples it holds.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// All of it; the mean is never outside of lowest and highest, and no zero has a sign.
    pub(super) fn summary(&self) -> Summary {
        let mean = self.sum / self.count.max(1) as f64 * SUM_SCALE;
        let mean = mean.max(self.min).min(self.max);
        let [min, max, mean] = [self.min, self.max, mean].map(|value| value + 0.0);
        Summary { min, max, mean, count: self.count }
    }

    fn point(&self, at: i64) -> HistoryPoint {
        let Summary { min, max, mean, count } = self.summary();
        HistoryPoint { at: UnixMs(at), min, max, mean, count }
    }
}

/// Puts samples into steps. Mostly in order of time, which is quick; any order is right.
#[derive(Debug)]
pub(super) struct Collector {
    step_ms: i64,
    done: Vec<(i64, Bucket)>,
    open: Option<(i64, Bucket)>,
}

impl Collector {
    /// Steps of `step_ms` that begin at multiples of it; 0 for each sample by itself.
    pub(super) fn new(step_ms: i64) -> Self {
        Self { step_ms, done: Vec::new(), open: None }
    }

    /// A sample.
    pub(super) fn sample(&mut self, at: i64, value: f64) {
        match &mut self.open {
            Some((begin, bucket)) if at >= *begin && at < begin.saturating_add(self.step_ms) => {
                bucket.add(value);
            }
            _ => self.turn_to(at, Bucket::of_one(value)),
        }
    }

    /// Samples that all lie within the step that `at` lies in.
    pub(super) fn bucket(&mut self, at: i64, samples: &Bucket) {
        match &mut self.open {
            Some((begin, bucket)) if at >= *begin && at < begin.saturating_add(self.step_ms) => {
                bucket.join(samples);
            }
            _ => self.turn_to(at, *samples),
        }
    }

    /// Whether all from `first` to `last` lies within one step.
    pub(super) fn is_one_step(&self, first: i64, last: i64) -> bool {
        self.step_ms > 0 && first.div_euclid(self.step_ms) == last.div_euclid(self.step_ms)
    }

    /// Whether there are more points than one answer may have.
    pub(super) fn is_too_much(&self) -> bool {
        self.done.len() >= HISTORY_POINTS_MAX
    }

    /// The points, oldest first. Of two single samples at the same time the first holds.
    pub(super) fn finish(mut self) -> Vec<HistoryPoint> {
        self.done.extend(self.open);
        self.done.sort_by_key(|(begin, _)| *begin);
        let by_sample = self.step_ms <= 0;
        self.done.dedup_by(|later, kept| {
            let is_same = later.0 == kept.0;
            if is_same && !by_sample {
                kept.1.join(&later.1);
            }
            is_same
        });
        self.done.iter().map(|(begin, bucket)| bucket.point(*begin)).collect()
    }

    fn turn_to(&mut self, at: i64, samples: Bucket) {
        let begin = if self.step_ms > 0 { at - at.rem_euclid(self.step_ms) } else { at };
        self.done.extend(self.open.replace((begin, samples)));
    }
}
