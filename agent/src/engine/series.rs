//! Which series a metrics stream knows, and by which ids: declares what is new, then sends values.
//!
//! Ids are valid for one stream. A table that is full of series that are gone is not mended: the
//! stream is ended and a fresh one begins with a fresh table.

use std::collections::BTreeMap;
use std::sync::Arc;

use systole_common::wire::agent::{Declare, Live, SeriesDeclaration, SeriesValue};
use systole_common::wire::hello::Clocks;

use super::collect::Sample;
use crate::limits::SERIES_PER_DECLARE_MAX;

/// The series of one metrics stream.
#[derive(Debug)]
pub struct SeriesTable {
    ids: BTreeMap<(&'static str, Arc<str>), u32>,
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

/// What is to be sent for a reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Frames {
    /// Series that the stream did not know.
    pub declares: Vec<Declare>,
    /// The values.
    pub live: Live,
    /// Samples that found no room.
    pub left_out: usize,
}

impl SeriesTable {
    /// A table for a fresh stream of at most `series_max` series.
    pub fn new(series_max: usize) -> Self {
        Self { ids: BTreeMap::new(), series_max }
    }

    /// Whether all of `reading` finds room, or as much of it as in a fresh table.
    pub fn fits(&self, reading: &Reading) -> bool {
        let known = |sample: &&Sample| self.ids.contains_key(&key(sample));
        let fresh = reading.samples.iter().filter(|sample| !known(sample)).count();
        self.ids.is_empty() || fresh <= self.series_max.saturating_sub(self.ids.len())
    }

    /// The frames for `reading`, in the order in which they are sent.
    pub fn frames(&mut self, reading: &Reading) -> Frames {
        let mut declared = Vec::new();
        let mut values = Vec::with_capacity(reading.samples.len());
        let mut left_out = 0;
        for sample in &reading.samples {
            let id = match self.ids.get(&key(sample)) {
                Some(id) => *id,
                None if self.ids.len() < self.series_max => {
                    let declaration = self.declare(sample);
                    let id = declaration.id;
                    declared.push(declaration);
                    id
                }
                None => {
                    left_out += 1;
                    continue;
                }
            };
            values.push(SeriesValue { id, value: sample.value });
        }
        let declares = declared
            .chunks(SERIES_PER_DECLARE_MAX)
            .map(|series| Declare { series: series.to_vec() })
            .collect();
        let live = Live { at: reading.at, interval_ms: reading.interval_ms, values };
        Frames { declares, live, left_out }
    }

    fn declare(&mut self, sample: &Sample) -> SeriesDeclaration {
        let id = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        self.ids.insert(key(sample), id);
        SeriesDeclaration {
            id,
            metric: sample.metric.to_owned(),
            instance: sample.instance.to_string(),
            unit: sample.unit.into(),
            kind: sample.kind.into(),
        }
    }
}

fn key(sample: &Sample) -> (&'static str, Arc<str>) {
    (sample.metric, Arc::clone(&sample.instance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use systole_common::model::metric::{MetricKind, Unit};
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

    fn mounts(range: std::ops::Range<usize>) -> Reading {
        reading(range.map(|number| format!("/mnt/{number}")))
    }

    #[test]
    fn a_series_is_declared_once_and_keeps_its_id() {
        let mut table = SeriesTable::new(1024);
        let first = table.frames(&mounts(0..2));
        assert_eq!(first.declares[0].series.len(), 2);
        assert_eq!(first.declares[0].series[1].instance, "/mnt/1");
        let second = table.frames(&mounts(1..3));
        assert_eq!(second.declares[0].series.len(), 1);
        let ids: Vec<u32> = second.live.values.iter().map(|value| value.id).collect();
        assert_eq!(ids, [1, 2]);
        assert!(table.frames(&mounts(0..3)).declares.is_empty());
    }

    #[test]
    fn the_bound_holds_and_what_is_left_out_is_counted() {
        let mut table = SeriesTable::new(10);
        let frames = table.frames(&mounts(0..12));
        assert_eq!((frames.live.values.len(), frames.left_out), (10, 2));
        assert!(table.fits(&mounts(0..10)));
        assert!(!table.fits(&mounts(5..11)), "a fresh stream would have room");
        assert!(SeriesTable::new(10).fits(&mounts(0..12)), "no stream would");
    }

    #[test]
    fn the_longest_names_still_make_frames_that_may_be_sent() {
        let mut table = SeriesTable::new(1024);
        let long = (0..1024).map(|number| format!("{number:0>255}"));
        let frames = table.frames(&reading(long));
        assert_eq!(frames.declares.len(), 8);
        for declare in &frames.declares {
            assert!(encode_frame(1, declare).is_ok());
        }
        assert!(encode_frame(1, &frames.live).is_ok());
    }
}
