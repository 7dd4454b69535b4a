//! The history of one series as it was asked for: its points, and gaps where there are none.

use systole_common::model::coded::Growing;
use systole_common::model::metric::{SeriesKey, Unit};
use systole_common::time::UnixMs;
use systole_common::wire::history::{HistoryPoint, Tier};

use super::range::{Range, Step};

/// What a history is of.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// Whose.
    pub host: String,
    /// Which series.
    pub key: SeriesKey,
    /// Its unit.
    pub unit: Growing<Unit>,
    /// The resolution that it was made from.
    pub tier: Growing<Tier>,
    /// The time it covers.
    pub range: Range,
    /// One row for how long.
    pub step: Step,
}

impl Head {
    /// `metric` or `metric[instance]`.
    pub fn series(&self) -> String {
        series_name(&self.key.metric, &self.key.instance)
    }
}

/// `metric` or `metric[instance]`.
pub fn series_name(metric: &str, instance: &str) -> String {
    if instance.is_empty() { metric.to_owned() } else { format!("{metric}[{instance}]") }
}

/// A step of a history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Row {
    /// There are samples.
    Point(HistoryPoint),
    /// There are none in the step that begins here.
    Gap(UnixMs),
}

/// The rows of `range`: its points and, unless it is raw, a gap for each step without one. A step
/// that is not over at `now` may still get its sample and is no gap.
pub fn rows(points: &[HistoryPoint], range: Range, step: Step, now: UnixMs) -> Rows<'_> {
    let step_ms = i64::try_from(step.ms()).unwrap_or(i64::MAX);
    let over = now.0.saturating_sub(step_ms).saturating_add(1);
    let end = match step {
        Step::Raw => range.from.0,
        Step::EveryMs(_) => range.to.0.min(over),
    };
    Rows { points, at: range.from.0, end, step_ms }
}

/// Iterator of [`rows`].
#[derive(Debug, Clone)]
pub struct Rows<'a> {
    /// Those to come.
    points: &'a [HistoryPoint],
    /// Where the next step begins.
    at: i64,
    /// No gap begins here or later.
    end: i64,
    step_ms: i64,
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        let first = self.points.split_first();
        if let Some((point, rest)) = first.filter(|(point, _)| point.at.0 <= self.at) {
            self.points = rest;
            self.at = self.at.max(point.at.0.saturating_add(self.step_ms));
            return Some(Row::Point(*point));
        }
        if self.at < self.end {
            let gap = UnixMs(self.at);
            self.at = self.at.saturating_add(self.step_ms);
            return Some(Row::Gap(gap));
        }
        let (point, rest) = first?;
        self.points = rest;
        self.at = self.at.max(point.at.0.saturating_add(self.step_ms));
        Some(Row::Point(*point))
    }
}

/// The step and the range by which an answer is laid out, if `asked` was answered in steps of `step_ms`:
/// of days whose samples are gone only longer ones are left.
pub fn answered(asked: Step, step_ms: u64, part: Range) -> (Step, Range) {
    let longer = Step::EveryMs(step_ms);
    match asked {
        Step::EveryMs(asked_ms) if step_ms > asked_ms => {
            part.whole(longer).map_or((asked, part), |part| (longer, part))
        }
        Step::Raw | Step::EveryMs(_) => (asked, part),
    }
}

/// The step to take in place of a chosen one that is finer than the samples come: most of its steps
/// would be gaps in which nothing is missing.
pub fn coarser(step: Step, points: &[HistoryPoint]) -> Option<Step> {
    let pairs = points.iter().zip(points.iter().skip(1));
    let mut distances: Vec<u64> = pairs.map(|(one, next)| next.at.0.abs_diff(one.at.0)).collect();
    distances.sort_unstable();
    // Up to a third of longer ones are gaps and not the rule.
    let usual = *distances.get(distances.len() * 2 / 3)?;
    let better = Step::at_least(usual);
    (usual > step.ms() && better.ms() > step.ms()).then_some(better)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_longer_steps_is_no_row_of_gaps() {
        let part = Range { from: UnixMs(30_000), to: UnixMs(150_000) };
        let asked = Step::EveryMs(10_000);
        assert_eq!(answered(asked, 10_000, part), (asked, part));
        assert_eq!(answered(Step::Raw, 60_000, part), (Step::Raw, part));
        let (step, part) = answered(asked, 60_000, part);
        let (from, to) = (UnixMs(0), UnixMs(180_000));
        assert_eq!((step, part), (Step::EveryMs(60_000), Range { from, to }));
        let shown: Vec<Row> = rows(&points(&[0, 60, 120]), part, step, LATER).collect();
        assert!(shown.iter().all(|row| matches!(row, Row::Point(_))), "{shown:?}");
    }

    const LATER: UnixMs = UnixMs(i64::MAX);

    fn point(at_s: i64) -> HistoryPoint {
        HistoryPoint { at: UnixMs(at_s * 1_000), min: 1.0, max: 3.0, mean: 2.0, count: 2 }
    }

    fn points(at_s: &[i64]) -> Vec<HistoryPoint> {
        at_s.iter().copied().map(point).collect()
    }

    fn range(from_s: i64, to_s: i64) -> Range {
        Range { from: UnixMs(from_s * 1_000), to: UnixMs(to_s * 1_000) }
    }

    /// Seconds of points, and of gaps with a minus.
    fn drawn(points: &[HistoryPoint], range: Range, step: Step, now: UnixMs) -> Vec<i64> {
        let one = |row| match row {
            Row::Point(point) => point.at.0 / 1_000,
            Row::Gap(at) => -at.0 / 1_000,
        };
        rows(points, range, step, now).map(one).collect()
    }

    #[test]
    fn steps_without_samples_are_gaps() {
        let five = Step::EveryMs(5_000);
        let seen = |at_s: &[i64]| drawn(&points(at_s), range(10, 40), five, LATER);
        assert_eq!(seen(&[10, 15, 30]), [10, 15, -20, -25, 30, -35]);
        assert_eq!(seen(&[]), [-10, -15, -20, -25, -30, -35]);
        assert_eq!(seen(&[10, 15, 20, 25, 30, 35]), [10, 15, 20, 25, 30, 35]);
        assert_eq!(drawn(&points(&[11, 23]), range(10, 40), Step::Raw, LATER), [11, 23]);
        assert!(drawn(&[], range(10, 40), Step::Raw, LATER).is_empty());
    }

    #[test]
    fn a_step_that_is_not_over_is_no_gap() {
        let five = Step::EveryMs(5_000);
        let now = |ms| drawn(&points(&[10]), range(10, 40), five, UnixMs(ms));
        assert_eq!(now(24_999), [10, -15]);
        assert_eq!(now(25_000), [10, -15, -20]);
        assert_eq!(now(0), [10]);
        let current = drawn(&points(&[10, 20]), range(10, 40), five, UnixMs(21_000));
        assert_eq!(current, [10, -15, 20]);
    }

    #[test]
    fn points_that_nobody_asked_for_are_shown_and_make_no_endless_gaps() {
        let five = Step::EveryMs(5_000);
        let far = [point(5), point(10), point(9_000_000_000), point(15)];
        assert_eq!(drawn(&far, range(10, 20), five, LATER), [5, 10, -15, 9_000_000_000, 15]);
    }

    #[test]
    fn a_chosen_step_is_not_finer_than_the_samples() {
        let every = |span: i64, count: i64| -> Vec<HistoryPoint> {
            (0..count).map(|n| point(n * span)).collect()
        };
        let better = |step_s: u64, points: &[HistoryPoint]| {
            coarser(Step::EveryMs(step_s * 1_000), points).map(Step::text)
        };
        assert_eq!(better(1, &every(5, 40)).as_deref(), Some("5s"));
        assert_eq!(better(5, &every(20, 40)).as_deref(), Some("30s"));
        assert_eq!(better(5, &every(5, 40)), None);
        assert_eq!(better(5, &points(&[0, 5, 10, 90, 95, 100, 105])), None, "a gap is a gap");
        assert_eq!(better(10, &points(&[0, 10, 30, 40, 60, 70, 90])).as_deref(), Some("30s"));
        assert_eq!(better(1, &every(5, 1)), None);
        assert_eq!(better(86_400, &every(200_000, 4)), None);
    }
}
