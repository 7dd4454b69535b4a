//! What the records of the metric log hold, and the segments that they stand in.
//!
//! Each segment can be read alone: a host's series are written into it once, as a numbered shape, and
//! its slots name the number. The framing, the checksums and the files are `record_log`'s.

use std::collections::BTreeMap;
use std::sync::Arc;

use systole_common::ids::{HostId, SpoolEpoch};
use systole_common::model::coded::Growing;
use systole_common::model::metric::{SERIES_PER_AGENT_MAX, SeriesKey};
use systole_common::record_log::{BATCH_BYTES_MAX, Log, LogError};

use super::slot::{Origin, Series, Shape, Slot};

/// The series that slots name by number: number, host, for each unit, kind, metric, instance.
const SHAPE: u8 = 1;
/// Number, epoch, sequence, time, origin, values.
const SLOT: u8 = 2;
/// Host, epoch, whether dropped, ranges of sequences that need no chunk.
const SKIPPED: u8 = 3;

/// Begin of a batch.
const BEGIN: u8 = 4;

/// Bytes of slots in one batch; the rest is for what is skipped.
const SLOTS_BYTES_MAX: usize = BATCH_BYTES_MAX / 4 * 3;

/// The tag of the log's segment files.
pub(super) const LOG_TAG: [u8; 4] = *b"meas";

/// Which number a host's shape has in the present segment.
#[derive(Debug)]
pub(super) struct Numbered {
    shape: Arc<Shape>,
    number: u32,
    generation: u64,
}

/// Writes the records.
#[derive(Debug)]
pub(super) struct MetricsLog {
    log: Log,
    /// Numbers of an older generation mean nothing any more.
    generation: u64,
    /// The segment that the numbers are for.
    segment: u64,
    next_number: u32,
    is_in_batch: bool,
    batch_bytes: usize,
    buffer: Vec<u8>,
}

impl MetricsLog {
    pub(super) fn new(log: Log) -> Self {
        let segment = log.segment();
        Self {
            log,
            generation: 1,
            segment,
            next_number: 0,
            is_in_batch: false,
            batch_bytes: 0,
            buffer: Vec::new(),
        }
    }

    /// Whether there is something to flush.
    pub(super) fn is_in_batch(&self) -> bool {
        self.is_in_batch
    }

    /// The files.
    pub(super) fn files(&self) -> &Log {
        &self.log
    }

    /// The number of the oldest segment.
    pub(super) fn oldest(&self) -> u64 {
        self.log.segments().first().map_or(self.log.segment(), |(number, _)| *number)
    }

    /// Deletes the segments before `segment`.
    pub(super) fn delete_before(&mut self, segment: u64) -> Result<u64, LogError> {
        self.log.delete_before(segment)
    }

    /// Only the first record of a batch can come into a new segment, so that one says nothing.
    fn begin_batch(&mut self) -> Result<(), LogError> {
        if !self.is_in_batch {
            let segment = self.log.append(BEGIN, &[])?;
            self.is_in_batch = true;
            self.batch_bytes = 0;
            if segment != self.segment {
                self.segment = segment;
                self.forget_numbers();
            }
        }
        Ok(())
    }

    /// Adds a slot, before it the shape if this segment does not have it. Returns the segment.
    pub(super) fn slot(
        &mut self,
        numbered: &mut Option<Numbered>,
        slot: &Slot,
    ) -> Result<u64, LogError> {
        self.begin_batch()?;
        if self.batch_bytes > SLOTS_BYTES_MAX {
            let (bytes, bytes_max) = (self.batch_bytes, SLOTS_BYTES_MAX);
            return Err(LogError::TooLong { bytes, bytes_max });
        }
        let generation = self.generation;
        let known = numbered.as_mut().and_then(|it| it.number_of(&slot.shape, generation));
        let number = if let Some(number) = known {
            number
        } else {
            let number = self.shape(slot)?;
            let shape = slot.shape.clone();
            *numbered = Some(Numbered { shape, number, generation });
            number
        };
        self.buffer.clear();
        self.buffer.extend_from_slice(&number.to_le_bytes());
        self.buffer.extend_from_slice(&slot.epoch.0.to_le_bytes());
        self.buffer.extend_from_slice(&slot.sequence.to_le_bytes());
        self.buffer.extend_from_slice(&slot.slot_ms.to_le_bytes());
        self.buffer.push(origin_code(slot.origin));
        for value in slot.values.iter().take(SERIES_PER_AGENT_MAX) {
            self.buffer.extend_from_slice(&value.to_le_bytes());
        }
        self.batch_bytes += self.buffer.len();
        self.log.append(SLOT, &self.buffer)
    }

    fn shape(&mut self, slot: &Slot) -> Result<u32, LogError> {
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        self.buffer.clear();
        self.buffer.extend_from_slice(&number.to_le_bytes());
        put_text(&mut self.buffer, slot.host.as_str());
        let count = slot.shape.series.len().min(SERIES_PER_AGENT_MAX);
        self.buffer.extend_from_slice(&u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes());
        for series in slot.shape.series.iter().take(SERIES_PER_AGENT_MAX) {
            self.buffer.extend_from_slice(&series.unit.code().to_le_bytes());
            self.buffer.extend_from_slice(&series.kind.code().to_le_bytes());
            put_text(&mut self.buffer, &series.key.metric);
            put_text(&mut self.buffer, &series.key.instance);
        }
        self.batch_bytes += self.buffer.len();
        self.log.append(SHAPE, &self.buffer)?;
        Ok(number)
    }

    /// Adds that `ranges` need no chunk. Returns the segment.
    pub(super) fn skipped(
        &mut self,
        host: &HostId,
        epoch: SpoolEpoch,
        dropped: bool,
        ranges: &[(u64, u64)],
    ) -> Result<u64, LogError> {
        self.begin_batch()?;
        self.buffer.clear();
        put_text(&mut self.buffer, host.as_str());
        self.buffer.extend_from_slice(&epoch.0.to_le_bytes());
        self.buffer.push(u8::from(dropped));
        for (first, last) in ranges {
            self.buffer.extend_from_slice(&first.to_le_bytes());
            self.buffer.extend_from_slice(&last.to_le_bytes());
        }
        self.log.append(SKIPPED, &self.buffer)
    }

    /// Writes and syncs what was added. When it fails, nothing of that is in the log.
    pub(super) fn flush(&mut self) -> Result<(), LogError> {
        if !std::mem::take(&mut self.is_in_batch) {
            return Ok(());
        }
        let flushed = self.log.flush();
        if flushed.is_err() {
            self.forget_numbers();
        }
        flushed
    }

    fn forget_numbers(&mut self) {
        self.generation += 1;
        self.next_number = 0;
    }
}

impl Numbered {
    /// In most cases one comparison of pointers; a shape that was declared anew is taken over.
    fn number_of(&mut self, shape: &Arc<Shape>, generation: u64) -> Option<u32> {
        if self.generation != generation {
            return None;
        }
        if !Arc::ptr_eq(&self.shape, shape) {
            if self.shape != *shape {
                return None;
            }
            self.shape = shape.clone();
        }
        Some(self.number)
    }
}

/// One record, as the log has it.
#[derive(Debug)]
pub(super) enum Record<'a> {
    /// Tells what later ones mean; nothing to do.
    Nothing,
    /// A slot.
    Slot(&'a Slot),
    /// Sequences that need no chunk.
    Skipped { host: HostId, epoch: SpoolEpoch, dropped: bool, ranges: Vec<(u64, u64)> },
}

/// Reads the records in their order.
#[derive(Debug, Default)]
pub(super) struct Records {
    segment: u64,
    /// By number: a slot to be filled.
    shapes: BTreeMap<u32, Slot>,
}

impl Records {
    /// What one record says; `None` if it makes no sense.
    pub(super) fn read(&mut self, segment: u64, kind: u8, payload: &[u8]) -> Option<Record<'_>> {
        if self.segment != segment {
            self.segment = segment;
            self.shapes.clear();
        }
        let mut bytes = Bytes(payload);
        match kind {
            SHAPE => {
                let (number, slot) = bytes.shape()?;
                self.shapes.insert(number, slot);
                Some(Record::Nothing)
            }
            SLOT => {
                let slot = self.shapes.get_mut(&bytes.u32()?)?;
                slot.epoch = SpoolEpoch(bytes.u64()?);
                slot.sequence = bytes.u64()?;
                slot.slot_ms = i64::from_le_bytes(bytes.take()?);
                slot.origin = origin_of(u8::from_le_bytes(bytes.take()?))?;
                slot.values.clear();
                let (values, rest) = bytes.0.as_chunks::<8>();
                slot.values.extend(values.iter().map(|value| f64::from_le_bytes(*value)));
                rest.is_empty().then_some(Record::Slot(slot))
            }
            SKIPPED => {
                let host = bytes.text()?.parse().ok()?;
                let epoch = SpoolEpoch(bytes.u64()?);
                let dropped = u8::from_le_bytes(bytes.take()?) != 0;
                let mut ranges = Vec::new();
                while !bytes.0.is_empty() {
                    ranges.push((bytes.u64()?, bytes.u64()?));
                }
                Some(Record::Skipped { host, epoch, dropped, ranges })
            }
            BEGIN => Some(Record::Nothing),
            _ => None,
        }
    }
}

/// What is left to read of a record.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<&str> {
        let length = usize::from(self.u16()?);
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        str::from_utf8(text).ok()
    }

    fn shape(&mut self) -> Option<(u32, Slot)> {
        let number = self.u32()?;
        let host = self.text()?.parse().ok()?;
        let mut series = Vec::new();
        for _ in 0..self.u16()? {
            let (unit, kind) = (self.u16()?, self.u16()?);
            let metric: Box<str> = self.text()?.into();
            let instance: Box<str> = self.text()?.into();
            let key = Arc::new(SeriesKey { metric, instance });
            series.push(Series {
                key,
                unit: Growing::from_code(unit),
                kind: Growing::from_code(kind),
            });
        }
        let slot = Slot {
            host,
            epoch: SpoolEpoch(0),
            sequence: 0,
            slot_ms: 0,
            origin: Origin::Live,
            shape: Arc::new(Shape { series }),
            values: Vec::new(),
        };
        self.0.is_empty().then_some((number, slot))
    }
}

fn put_text(buffer: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(text.as_bytes().get(..usize::from(length)).unwrap_or_default());
}

fn origin_code(origin: Origin) -> u8 {
    match origin {
        Origin::Live => 0,
        Origin::Backfill => 1,
    }
}

fn origin_of(code: u8) -> Option<Origin> {
    match code {
        0 => Some(Origin::Live),
        1 => Some(Origin::Backfill),
        _ => None,
    }
}
