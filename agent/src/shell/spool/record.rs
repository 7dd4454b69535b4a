//! A stored slot and its series, and their records in the log.
//!
//! A slot names the shape that its values follow; each segment of the log holds the shapes that its
//! slots name. Numbers are little endian, texts have their length before them.

use std::collections::BTreeMap;
use std::sync::Arc;

use systole_common::model::coded::Coded;
use systole_common::model::metric::{MetricKind, Unit};
use systole_common::wire::limits::SERIES_PER_FRAME_MAX;

use crate::engine::collect::Sample;

/// Record of a shape: its number, how many series, each series.
pub(super) const SHAPE: u8 = 1;
/// Record of a slot: sequence, time, interval, number of its shape, values.
pub(super) const SLOT: u8 = 2;
/// Bytes of a slot's record before its values.
const SLOT_HEAD_BYTES: usize = 24;

/// Which series a slot has values of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolShape {
    /// In the order of the values.
    pub series: Vec<SpoolSeries>,
}

/// One series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolSeries {
    /// Metric.
    pub metric: Box<str>,
    /// Instance; empty if there is only one.
    pub instance: Box<str>,
    /// Its unit.
    pub unit: Unit,
    /// How it combines over time.
    pub kind: MetricKind,
}

/// All stored values of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct SpooledSlot {
    /// Its number in the epoch.
    pub sequence: u64,
    /// Begin of the slot, milliseconds since 1970.
    pub slot_ms: i64,
    /// Its length in milliseconds.
    pub interval_ms: u32,
    /// Which series.
    pub shape: Arc<SpoolShape>,
    /// Their values.
    pub values: Vec<f64>,
}

impl SpooledSlot {
    /// Bytes that it takes in the log and about so many on the wire.
    pub fn bytes(&self) -> usize {
        SLOT_HEAD_BYTES + 8 * self.values.len()
    }

    pub(super) fn encode(&self, shape: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes());
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(&self.slot_ms.to_le_bytes());
        bytes.extend_from_slice(&self.interval_ms.to_le_bytes());
        bytes.extend_from_slice(&shape.to_le_bytes());
        bytes.extend(self.values.iter().flat_map(|value| value.to_le_bytes()));
        bytes
    }
}

/// The series and values of `samples`, at most as many as one frame takes.
pub(super) fn shape_of(samples: &[Sample]) -> (SpoolShape, Vec<f64>) {
    let fits = |sample: &&Sample| sample.metric.len() < 256 && sample.instance.len() < 256;
    let taken = || samples.iter().filter(fits).take(SERIES_PER_FRAME_MAX);
    let series = taken().map(|sample| SpoolSeries {
        metric: sample.metric.into(),
        instance: (&*sample.instance).into(),
        unit: sample.unit,
        kind: sample.kind,
    });
    (SpoolShape { series: series.collect() }, taken().map(|sample| sample.value).collect())
}

impl SpoolShape {
    /// Whether `samples` are of this shape.
    pub(super) fn is_of(&self, samples: &[Sample]) -> bool {
        let same = |(series, sample): (&SpoolSeries, &Sample)| {
            *series.metric == *sample.metric
                && *series.instance == *sample.instance
                && (series.unit, series.kind) == (sample.unit, sample.kind)
        };
        self.series.len() == samples.len() && self.series.iter().zip(samples).all(same)
    }

    pub(super) fn encode(&self, number: u32) -> Vec<u8> {
        let mut bytes = number.to_le_bytes().to_vec();
        let count = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&count.to_le_bytes());
        for series in &self.series {
            for text in [&series.metric, &series.instance] {
                bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
                bytes.extend_from_slice(text.as_bytes());
            }
            bytes.extend_from_slice(&series.unit.code().to_le_bytes());
            bytes.extend_from_slice(&series.kind.code().to_le_bytes());
        }
        bytes
    }
}

/// Reads records of the log, in their order.
#[derive(Debug, Default)]
pub(super) struct Reader {
    segment: u64,
    shapes: BTreeMap<u32, Arc<SpoolShape>>,
    /// Records that are not understood.
    pub(super) unknown: u64,
}

impl Reader {
    /// The slot in a record; `None` for a shape, and for what is not understood.
    pub(super) fn read(&mut self, segment: u64, kind: u8, payload: &[u8]) -> Option<SpooledSlot> {
        if self.segment != segment {
            self.segment = segment;
            self.shapes.clear();
        }
        if kind == SHAPE
            && let Some((number, shape)) = shape(payload)
        {
            self.shapes.insert(number, Arc::new(shape));
            return None;
        }
        let slot = if kind == SLOT { self.slot(payload) } else { None };
        self.unknown += u64::from(slot.is_none());
        slot
    }

    /// The segment that was read last.
    pub(super) fn segment(&self) -> u64 {
        self.segment
    }

    /// Its shapes.
    pub(super) fn shapes(&self) -> impl Iterator<Item = (u32, &Arc<SpoolShape>)> {
        self.shapes.iter().map(|(number, shape)| (*number, shape))
    }

    fn slot(&self, payload: &[u8]) -> Option<SpooledSlot> {
        let (sequence, rest) = payload.split_first_chunk()?;
        let (slot_ms, rest) = rest.split_first_chunk()?;
        let (interval_ms, rest) = rest.split_first_chunk()?;
        let (shape, rest) = rest.split_first_chunk()?;
        let shape = self.shapes.get(&u32::from_le_bytes(*shape))?;
        let (values, rest) = rest.as_chunks();
        (rest.is_empty() && values.len() == shape.series.len()).then(|| SpooledSlot {
            sequence: u64::from_le_bytes(*sequence),
            slot_ms: i64::from_le_bytes(*slot_ms),
            interval_ms: u32::from_le_bytes(*interval_ms),
            shape: Arc::clone(shape),
            values: values.iter().map(|value| f64::from_le_bytes(*value)).collect(),
        })
    }
}

/// Slots that are gathered for a reader.
pub(super) struct Batch {
    /// Earlier sequences are not wanted any more.
    pub(super) next: u64,
    /// What there is so far.
    pub(super) slots: Vec<SpooledSlot>,
    pub(super) slots_max: usize,
    /// With none left it is full, unless it is empty.
    pub(super) bytes_left: usize,
}

impl Batch {
    pub(super) fn is_full(&self) -> bool {
        self.slots.len() >= self.slots_max || (self.bytes_left == 0 && !self.slots.is_empty())
    }

    pub(super) fn take(&mut self, slot: Option<SpooledSlot>) {
        if let Some(slot) = slot.filter(|slot| slot.sequence >= self.next) {
            self.bytes_left = self.bytes_left.saturating_sub(slot.bytes());
            self.next = slot.sequence.saturating_add(1);
            self.slots.push(slot);
        }
    }
}

fn shape(payload: &[u8]) -> Option<(u32, SpoolShape)> {
    let (number, rest) = payload.split_first_chunk()?;
    let (count, mut rest) = rest.split_first_chunk()?;
    let mut series = Vec::new();
    for _ in 0..u32::from_le_bytes(*count) {
        let (metric, after) = text(rest)?;
        let (instance, after) = text(after)?;
        let (unit, after) = after.split_first_chunk()?;
        let (kind, after) = after.split_first_chunk()?;
        let unit = Unit::from_code(u16::from_le_bytes(*unit))?;
        let kind = MetricKind::from_code(u16::from_le_bytes(*kind))?;
        series.push(SpoolSeries { metric, instance, unit, kind });
        rest = after;
    }
    rest.is_empty().then_some((u32::from_le_bytes(*number), SpoolShape { series }))
}

fn text(bytes: &[u8]) -> Option<(Box<str>, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (text, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((std::str::from_utf8(text).ok()?.into(), rest))
}
