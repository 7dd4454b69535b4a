//! The series that one metrics stream has declared, and what its frames of values mean by them.
//!
//! Values that no rule allows are left out and counted here: undeclared and repeated ids, what is not
//! finite, counters below zero. Knows no connection and no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use systole_common::model::coded::Growing;
use systole_common::model::metric::{
    INSTANCE_BYTES_MAX, MetricKind, SERIES_PER_AGENT_MAX, SeriesKey, is_metric_name,
};
use systole_common::text::scrub_to;
use systole_common::wire::agent::{SeriesDeclaration, SeriesValue};

use super::metrics::slot::{Series, Shape};

/// Why a declaration is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotDeclared {
    /// The name is not one.
    Name,
    /// There are as many as an agent may have.
    TooMany,
}

/// Values that were left out of one frame, by the rule that left them out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) undeclared: u64,
    pub(super) repeated: u64,
    pub(super) not_finite: u64,
    pub(super) negative: u64,
}

/// The declared series of one stream.
#[derive(Debug, Default)]
pub(super) struct Declared {
    series: BTreeMap<u32, Series>,
    /// The ids of the last stored frame and what they mean, for frames are mostly alike.
    last: Option<(Vec<u32>, Arc<Shape>)>,
}

impl Declared {
    /// Takes a declaration; the id may be used from now on.
    pub(super) fn declare(&mut self, declaration: &SeriesDeclaration) -> Result<(), NotDeclared> {
        if !is_metric_name(&declaration.metric) {
            return Err(NotDeclared::Name);
        }
        let is_known = self.series.contains_key(&declaration.id);
        if !is_known && self.series.len() >= SERIES_PER_AGENT_MAX {
            return Err(NotDeclared::TooMany);
        }
        let instance = scrub_to(&declaration.instance, INSTANCE_BYTES_MAX);
        let key = Arc::new(SeriesKey::new(&declaration.metric, &instance));
        let series = Series { key, unit: declaration.unit, kind: declaration.kind };
        self.series.insert(declaration.id, series);
        self.last = None;
        Ok(())
    }

    /// Live values with their names.
    pub(super) fn live(&self, values: &[SeriesValue]) -> (Vec<(Arc<SeriesKey>, f64)>, LeftOut) {
        let mut left_out = LeftOut::default();
        let mut named = Vec::with_capacity(values.len());
        for value in values {
            match self.series.get(&value.id) {
                Some(series) => named.push((series.key.clone(), value.value)),
                None => left_out.undeclared += 1,
            }
        }
        (named, left_out)
    }

    /// The values of a stored slot, in the order of their shape.
    pub(super) fn stored(&mut self, values: &[SeriesValue]) -> (Arc<Shape>, Vec<f64>, LeftOut) {
        if let Some((ids, shape)) = &self.last {
            let same = ids.len() == values.len()
                && ids.iter().zip(values).all(|(id, value)| *id == value.id)
                && shape.series.iter().zip(values).all(|(series, value)| allows(series, value));
            if same {
                let values = values.iter().map(|value| value.value).collect();
                return (shape.clone(), values, LeftOut::default());
            }
        }
        self.named(values)
    }

    fn named(&mut self, values: &[SeriesValue]) -> (Arc<Shape>, Vec<f64>, LeftOut) {
        let mut left_out = LeftOut::default();
        let mut seen: BTreeSet<Arc<SeriesKey>> = BTreeSet::new();
        let (mut series, mut kept) = (Vec::new(), Vec::new());
        for value in values {
            let Some(one) = self.series.get(&value.id) else {
                left_out.undeclared += 1;
                continue;
            };
            if !value.value.is_finite() {
                left_out.not_finite += 1;
            } else if !allows(one, value) {
                left_out.negative += 1;
            } else if !seen.insert(one.key.clone()) {
                left_out.repeated += 1;
            } else {
                series.push(one.clone());
                kept.push(value.value);
            }
        }
        let shape = Arc::new(Shape { series });
        if left_out == LeftOut::default() {
            let ids = values.iter().map(|value| value.id).collect();
            self.last = Some((ids, shape.clone()));
        }
        (shape, kept, left_out)
    }
}

/// A finite value, and none below zero for what only counts up.
fn allows(series: &Series, value: &SeriesValue) -> bool {
    let counts = series.kind == Growing::Known(MetricKind::Counter);
    value.value.is_finite() && !(counts && value.value < 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use systole_common::model::metric::Unit;

    fn declaration(id: u32, metric: &str, kind: MetricKind) -> SeriesDeclaration {
        SeriesDeclaration {
            id,
            metric: metric.to_owned(),
            instance: String::new(),
            unit: Unit::None.into(),
            kind: kind.into(),
        }
    }

    fn values(pairs: &[(u32, f64)]) -> Vec<SeriesValue> {
        pairs.iter().map(|(id, value)| SeriesValue { id: *id, value: *value }).collect()
    }

    fn declared() -> Declared {
        let mut declared = Declared::default();
        declared.declare(&declaration(1, "load1", MetricKind::Gauge)).unwrap();
        declared.declare(&declaration(2, "load5", MetricKind::Gauge)).unwrap();
        declared.declare(&declaration(3, "starts", MetricKind::Counter)).unwrap();
        declared.declare(&declaration(4, "load5", MetricKind::Gauge)).unwrap();
        declared
    }

    #[test]
    fn frames_that_are_alike_share_one_shape() {
        let mut declared = declared();
        let (first, _, _) = declared.stored(&values(&[(1, 1.0), (2, 2.0)]));
        let (second, kept, _) = declared.stored(&values(&[(1, 3.0), (2, 4.0)]));
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(kept, [3.0, 4.0]);
        declared.declare(&declaration(1, "load15", MetricKind::Gauge)).unwrap();
        let (third, _, _) = declared.stored(&values(&[(1, 3.0), (2, 4.0)]));
        assert_eq!(&*third.series[0].key.metric, "load15", "a new meaning is taken at once");
    }

    #[test]
    fn what_no_rule_allows_is_left_out_and_counted() {
        let mut declared = declared();
        let frame = values(&[
            (1, f64::NAN),
            (2, 2.0),
            (4, 5.0),
            (3, -1.0),
            (9, 1.0),
            (1, f64::NEG_INFINITY),
        ]);
        let (shape, kept, left_out) = declared.stored(&frame);
        assert_eq!((shape.series.len(), kept), (1, vec![2.0]));
        let expected = LeftOut { undeclared: 1, repeated: 1, not_finite: 2, negative: 1 };
        assert_eq!(left_out, expected);
        let (_, kept, _) = declared.stored(&values(&[(3, 0.0), (1, -1.0)]));
        assert_eq!(kept, [0.0, -1.0], "a counter may start again, a gauge may be negative");
    }

    #[test]
    fn ten_thousand_names_are_too_many() {
        let mut declared = Declared::default();
        let taken = (0..10_000)
            .filter(|id| {
                let name = format!("m{id}");
                declared.declare(&declaration(*id, &name, MetricKind::Gauge)).is_ok()
            })
            .count();
        assert_eq!(taken, SERIES_PER_AGENT_MAX);
        let bad = declaration(1, "Bad Name", MetricKind::Gauge);
        assert_eq!(declared.declare(&bad), Err(NotDeclared::Name));
    }
}
