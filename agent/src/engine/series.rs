//! Which series a metrics stream knows, and by which ids: declares what is new, then sends values.
//!
//! Ids are valid for one stream. A table that is full of series that are gone is not mended: the
//! stream is ended and a fresh one begins with a fresh table.

use std::collections::BTreeMap;

use systole_common::model::metric::{MetricKind, Unit};
use systole_common::wire::agent::{Declare, SeriesDeclaration, SeriesValue};
use systole_common::wire::hello::Clocks;

use super::collect::Sample;
use crate::limits::SERIES_PER_DECLARE_MAX;

/// The series of one metrics stream.
#[derive(Debug)]
pub struct SeriesTable {
    ids: BTreeMap<Box<str>, BTreeMap<Box<str>, u32>>,
    len: usize,
    series_max: usize,
}

/// Samples that were read together.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// When.
    pub at: Clocks,
    /// The time over which rates are means, in milliseconds.
    pub interval_ms: u32,
    /// The values.
    pub samples: Vec<Sample>,
}

/// One value by the name of its series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Named<'a> {
    /// Metric name.
    pub metric: &'a str,
    /// What is measured; empty if there is only one.
    pub instance: &'a str,
    /// What the value is measured in.
    pub unit: Unit,
    /// How values combine over time.
    pub kind: MetricKind,
    /// The value.
    pub value: f64,
}

impl<'a> From<&'a Sample> for Named<'a> {
    fn from(sample: &'a Sample) -> Self {
        let Sample { metric, instance, unit, kind, value } = sample;
        Self { metric, instance, unit: *unit, kind: *kind, value: *value }
    }
}

/// What is to be sent for values that were read together.
#[derive(Debug, Clone, PartialEq)]
pub struct Frames {
    /// Series that the stream did not know.
    pub declares: Vec<Declare>,
    /// The values.
    pub values: Vec<SeriesValue>,
    /// Samples that found no room.
    pub left_out: usize,
}

impl SeriesTable {
    /// A table for a fresh stream of at most `series_max` series.
    pub fn new(series_max: usize) -> Self {
        Self { ids: BTreeMap::new(), len: 0, series_max }
    }

    /// Whether all of `values` find room, or as many of them as in a fresh table.
    pub fn fits<'a>(&self, values: impl IntoIterator<Item = Named<'a>>) -> bool {
        let fresh = values.into_iter().filter(|one| self.id(one).is_none()).count();
        self.len == 0 || fresh <= self.series_max.saturating_sub(self.len)
    }

    /// The frames for `values`, in the order in which they are sent.
    pub fn frames<'a>(&mut self, named: impl IntoIterator<Item = Named<'a>>) -> Frames {
        let mut declared = Vec::new();
        let mut values = Vec::new();
        let mut left_out = 0;
        for one in named {
            let id = match self.id(&one) {
                Some(id) => id,
                None if self.len < self.series_max => {
                    let declaration = self.declare(&one);
                    let id = declaration.id;
                    declared.push(declaration);
                    id
                }
                None => {
                    left_out += 1;
                    continue;
                }
            };
            values.push(SeriesValue { id, value: one.value });
        }
        let declares = declared
            .chunks(SERIES_PER_DECLARE_MAX)
            .map(|series| Declare { series: series.to_vec() })
            .collect();
        Frames { declares, values, left_out }
    }

    fn id(&self, one: &Named<'_>) -> Option<u32> {
        self.ids.get(one.metric)?.get(one.instance).copied()
    }

    fn declare(&mut self, one: &Named<'_>) -> SeriesDeclaration {
        let id = u32::try_from(self.len).unwrap_or(u32::MAX);
        self.len += 1;
        self.ids.entry(one.metric.into()).or_default().insert(one.instance.into(), id);
        SeriesDeclaration {
            id,
            metric: one.metric.to_owned(),
            instance: one.instance.to_owned(),
            unit: one.unit.into(),
            kind: one.kind.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use systole_common::wire::agent::{Live, Stored};
    use systole_common::wire::codec::encode_frame;

    fn reading(instances: impl IntoIterator<Item = String>) -> Reading {
        let sample = |instance: String| Sample {
            metric: "disk_used_bytes",
            instance: instance.into(),
            unit: Unit::Bytes,
            kind: MetricKind::Gauge,
            value: 1.0,
        };
        Reading { samples: instances.into_iter().map(sample).collect(), ..Reading::default() }
    }

    fn named(reading: &Reading) -> impl Iterator<Item = Named<'_>> {
        reading.samples.iter().map(Named::from)
    }

    fn mounts(range: std::ops::Range<usize>) -> Reading {
        reading(range.map(|number| format!("/mnt/{number}")))
    }

    #[test]
    fn a_series_is_declared_once_and_keeps_its_id() {
        let mut table = SeriesTable::new(1024);
        let first = table.frames(named(&mounts(0..2)));
        assert_eq!(first.declares[0].series.len(), 2);
        assert_eq!(first.declares[0].series[1].instance, "/mnt/1");
        let second = table.frames(named(&mounts(1..3)));
        assert_eq!(second.declares[0].series.len(), 1);
        let ids: Vec<u32> = second.values.iter().map(|value| value.id).collect();
        assert_eq!(ids, [1, 2]);
        assert!(table.frames(named(&mounts(0..3))).declares.is_empty());
    }

    #[test]
    fn the_bound_holds_and_what_is_left_out_is_counted() {
        let mut table = SeriesTable::new(10);
        let frames = table.frames(named(&mounts(0..12)));
        assert_eq!((frames.values.len(), frames.left_out), (10, 2));
        assert!(table.fits(named(&mounts(0..10))));
        assert!(!table.fits(named(&mounts(5..11))), "a fresh stream would have room");
        assert!(SeriesTable::new(10).fits(named(&mounts(0..12))), "no stream would");
    }

    #[test]
    fn the_longest_names_still_make_frames_that_may_be_sent() {
        let mut table = SeriesTable::new(1024);
        let long = (0..1024).map(|number| format!("{number:0>255}"));
        let frames = table.frames(named(&reading(long)));
        assert_eq!(frames.declares.len(), 8);
        for declare in &frames.declares {
            assert!(encode_frame(1, declare).is_ok());
        }
        let Frames { values, .. } = frames;
        let live = Live { at: Clocks::default(), interval_ms: 5000, values: values.clone() };
        assert!(encode_frame(1, &live).is_ok());
        let stored =
            Stored { sequence: u64::MAX, slot_ms: i64::MIN, interval_ms: u32::MAX, values };
        assert!(encode_frame(1, &stored).is_ok());
    }
}
