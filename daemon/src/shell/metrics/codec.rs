//! Samples to bytes and back, without losing a bit.
//!
//! Owns the form of every blob in `metrics.db`: a CRC-32 of all that follows (and of the columns beside
//! it that its reader trusts), then varints, masks and values. Refuses to know tables. Whatever stands
//! in a blob, reading it ends in values or in [`Damage`]; counts are checked before room is made.

use std::sync::LazyLock;

use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DeltaSpec};
use systole_common::ranges::RangeSet;

use super::points::Summary;
use crate::limits::{CHUNK_SLOTS_MAX, RECEIVED_RANGES_READ_MAX};

#[cfg(test)]
mod tests;

/// A blob does not hold what was written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the data is damaged")]
pub(super) struct Damage;

/// How much work goes into making values small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// For what is merged within hours: a third of the work, three hundredths more bytes.
    Quick,
    /// For what stays.
    Best,
}

/// Forms of a list of values.
const FORM_RAW: u8 = 0;
const FORM_SAME: u8 = 1;
const FORM_PCO: u8 = 2;
/// Fewer values than this are not worth a pco header.
const PCO_VALUES_MIN: usize = 8;
const CRC_BYTES: usize = 4;

static QUICK: LazyLock<ChunkConfig> = LazyLock::new(|| {
    ChunkConfig::default().with_compression_level(4).with_delta_spec(DeltaSpec::TryConsecutive(1))
});
static BEST: LazyLock<ChunkConfig> =
    LazyLock::new(|| ChunkConfig::default().with_compression_level(4));

/// One series in one span of time, decoded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Samples {
    /// Which slots have a value; `None` if all have.
    pub(super) present: Option<Vec<bool>>,
    /// The values of those.
    pub(super) values: Vec<f64>,
}

impl Samples {
    /// A value or nothing for each slot.
    pub(super) fn cells(self) -> Vec<Option<f64>> {
        let Some(present) = self.present else {
            return self.values.into_iter().map(Some).collect();
        };
        let mut values = self.values.into_iter();
        present.into_iter().map(|is| if is { values.next() } else { None }).collect()
    }

    /// Each value with the time of its slot.
    pub(super) fn each(&self, times: &[i64], mut take: impl FnMut(i64, f64)) {
        let Some(present) = &self.present else {
            return times.iter().zip(&self.values).for_each(|(at, value)| take(*at, *value));
        };
        let there = times.iter().zip(present).filter_map(|(at, is)| is.then_some(*at));
        there.zip(&self.values).for_each(|(at, value)| take(at, *value));
    }
}

/// The values of a series; `summary` is what the columns beside the blob say of them.
pub(super) fn chunk(
    values: &[f64],
    present: Option<&[bool]>,
    summary: &Summary,
    effort: Effort,
) -> Vec<u8> {
    let mut blob = Blob::default();
    match present {
        Some(present) => blob.mask(present),
        None => blob.varint(length(values.len())),
    }
    blob.values(values, effort);
    blob.seal(&summary_bytes(summary))
}

/// Whether `data` and its summary are as they were written.
pub(super) fn check_chunk(data: &[u8], summary: &Summary) -> Result<(), Damage> {
    Opened::new(data, &summary_bytes(summary)).map(|_| ())
}

/// Reads a series in a span of `slots` slots.
pub(super) fn open_chunk(data: &[u8], slots: usize, summary: &Summary) -> Result<Samples, Damage> {
    let mut opened = Opened::new(data, &summary_bytes(summary))?;
    let present = opened.mask(slots)?;
    let count = present.as_ref().map_or(slots, |mask| mask.iter().filter(|it| **it).count());
    if length(count) != summary.count {
        return Err(Damage);
    }
    let values = opened.values(count)?;
    opened.end()?;
    Ok(Samples { present, values })
}

/// Ascending times in milliseconds.
pub(super) fn times(times: &[i64], effort: Effort) -> Vec<u8> {
    let mut blob = Blob::default();
    let steps = times.iter().zip(times.iter().skip(1));
    let steps: Vec<f64> = steps.map(|(one, next)| next.saturating_sub(*one) as f64).collect();
    blob.bytes.extend_from_slice(&times.first().copied().unwrap_or(0).to_le_bytes());
    blob.values(&steps, effort);
    blob.seal(&length(times.len()).to_le_bytes())
}

/// Reads `slots` times; anything but ascending ones is damage.
pub(super) fn open_times(data: &[u8], slots: usize) -> Result<Vec<i64>, Damage> {
    let mut opened = Opened::new(data, &length(slots).to_le_bytes())?;
    let mut at = i64::from_le_bytes(opened.array()?);
    let steps = opened.values(slots.checked_sub(1).ok_or(Damage)?)?;
    opened.end()?;
    let mut times = Vec::with_capacity(slots);
    times.push(at);
    for step in steps {
        #[expect(clippy::cast_possible_truncation, reason = "checked to be a small whole number")]
        let step = if (1.0..9e15).contains(&step) { step as i64 } else { return Err(Damage) };
        at = at.checked_add(step).ok_or(Damage)?;
        times.push(at);
    }
    Ok(times)
}

/// Received sequences.
pub(super) fn ranges(set: &RangeSet) -> Vec<u8> {
    let mut blob = Blob::default();
    blob.varint(length(set.len()));
    for (first, last) in set.ranges() {
        blob.varint(*first);
        blob.varint(last.saturating_sub(*first));
    }
    blob.seal(&[])
}

/// Reads received sequences.
pub(super) fn open_ranges(data: &[u8]) -> Result<RangeSet, Damage> {
    let mut opened = Opened::new(data, &[])?;
    let count = opened.varint()?;
    if count > length(RECEIVED_RANGES_READ_MAX) {
        return Err(Damage);
    }
    let mut set = RangeSet::new();
    for _ in 0..count {
        let first = opened.varint()?;
        let last = first.checked_add(opened.varint()?).ok_or(Damage)?;
        set.insert(first, last);
    }
    opened.end()?;
    Ok(set)
}

/// Bytes in the making.
#[derive(Debug, Default)]
pub(super) struct Blob {
    bytes: Vec<u8>,
}

impl Blob {
    /// Seven bits a byte, the lowest first.
    pub(super) fn varint(&mut self, mut number: u64) {
        loop {
            let low = u8::try_from(number & 0x7f).unwrap_or(0);
            number >>= 7;
            if number == 0 {
                return self.bytes.push(low);
            }
            self.bytes.push(low | 0x80);
        }
    }

    /// Lengths of runs, in turn there and not there.
    pub(super) fn mask(&mut self, present: &[bool]) {
        let (mut run, mut expected) = (0u64, true);
        for is in present {
            if *is != expected {
                self.varint(run);
                (run, expected) = (0, *is);
            }
            run += 1;
        }
        self.varint(run);
    }

    /// A list whose length its reader knows.
    pub(super) fn values(&mut self, values: &[f64], effort: Effort) {
        if let Some(same) = same(values) {
            self.bytes.push(FORM_SAME);
            return self.bytes.extend_from_slice(&same.to_le_bytes());
        }
        let packed = packed(values, effort).filter(|packed| packed.len() < values.len() * 8);
        if let Some(packed) = packed {
            self.bytes.push(FORM_PCO);
            self.varint(length(packed.len()));
            self.bytes.extend_from_slice(&packed);
        } else {
            self.bytes.push(FORM_RAW);
            self.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
    }

    /// The finished blob; its checksum also covers `beside`.
    pub(super) fn seal(self, beside: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(self.bytes.len() + CRC_BYTES);
        sealed.extend_from_slice(&checksum(&self.bytes, beside).to_le_bytes());
        sealed.extend_from_slice(&self.bytes);
        sealed
    }
}

/// Bytes being read.
#[derive(Debug)]
pub(super) struct Opened<'a> {
    rest: &'a [u8],
}

impl<'a> Opened<'a> {
    /// Begins to read if the checksum is right.
    pub(super) fn new(data: &'a [u8], beside: &[u8]) -> Result<Self, Damage> {
        let (head, rest) = data.split_first_chunk::<CRC_BYTES>().ok_or(Damage)?;
        let is_sound = u32::from_le_bytes(*head) == checksum(rest, beside);
        if is_sound { Ok(Self { rest }) } else { Err(Damage) }
    }

    /// What [`Blob::varint`] wrote.
    pub(super) fn varint(&mut self) -> Result<u64, Damage> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            number |= bits.checked_shl(shift).filter(|it| it >> shift == bits).ok_or(Damage)?;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Damage)
    }

    /// What [`Blob::mask`] wrote for `slots` slots; `None` if all are there.
    pub(super) fn mask(&mut self, slots: usize) -> Result<Option<Vec<bool>>, Damage> {
        if slots == 0 || slots > CHUNK_SLOTS_MAX {
            return Err(Damage);
        }
        let mut mask = Vec::new();
        let mut is = true;
        loop {
            let run = usize::try_from(self.varint()?).map_err(|_| Damage)?;
            if run == slots && mask.is_empty() && is {
                return Ok(None);
            }
            if run > slots - mask.len() || (run == 0 && !mask.is_empty()) {
                return Err(Damage);
            }
            mask.resize(mask.len() + run, is);
            if mask.len() == slots {
                return Ok(Some(mask));
            }
            is = !is;
        }
    }

    /// What [`Blob::values`] wrote for so many values.
    pub(super) fn values(&mut self, count: usize) -> Result<Vec<f64>, Damage> {
        if count > CHUNK_SLOTS_MAX {
            return Err(Damage);
        }
        match self.array()? {
            [FORM_SAME] => Ok(vec![f64::from_le_bytes(self.array()?); count]),
            [FORM_RAW] => (0..count).map(|_| self.array().map(f64::from_le_bytes)).collect(),
            [FORM_PCO] => {
                let bytes = usize::try_from(self.varint()?).map_err(|_| Damage)?;
                let (packed, rest) = self.rest.split_at_checked(bytes).ok_or(Damage)?;
                self.rest = rest;
                unpacked(packed, count).ok_or(Damage)
            }
            _ => Err(Damage),
        }
    }

    /// Nothing may be left.
    pub(super) fn end(&self) -> Result<(), Damage> {
        if self.rest.is_empty() { Ok(()) } else { Err(Damage) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Damage)?;
        self.rest = rest;
        Ok(*head)
    }
}

fn checksum(bytes: &[u8], beside: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(bytes);
    hasher.update(beside);
    hasher.finalize()
}

fn summary_bytes(summary: &Summary) -> [u8; 32] {
    let mut bytes = [0; 32];
    let parts = [summary.min, summary.max, summary.mean].map(f64::to_le_bytes);
    let parts = parts.into_iter().chain([summary.count.to_le_bytes()]);
    for (to, from) in bytes.iter_mut().zip(parts.flatten()) {
        *to = from;
    }
    bytes
}

fn same(values: &[f64]) -> Option<f64> {
    let first = values.first()?;
    values.iter().all(|value| value.to_bits() == first.to_bits()).then_some(*first)
}

/// pco without its file frame: version, chunk meta, one page.
fn packed(values: &[f64], effort: Effort) -> Option<Vec<u8>> {
    if values.len() < PCO_VALUES_MIN {
        return None;
    }
    let config: &ChunkConfig = match effort {
        Effort::Quick => &QUICK,
        Effort::Best => &BEST,
    };
    let file = FileCompressor::default();
    let bytes = file.write_header(Vec::with_capacity(values.len() * 2)).ok()?;
    let mut chunk = file.chunk_compressor(values, config).ok()?;
    let bytes = chunk.write_meta(bytes).ok()?;
    chunk.write_page(0, bytes).ok()
}

fn unpacked(packed: &[u8], count: usize) -> Option<Vec<f64>> {
    let (file, rest) = FileDecompressor::new(packed).ok()?;
    let (mut chunk, rest) = file.chunk_decompressor::<f64, _>(rest).ok()?;
    let mut page = chunk.page_decompressor(rest, count).ok()?;
    let mut values = vec![0.0; count];
    let progress = page.read(&mut values).ok()?;
    (progress.finished && progress.n_processed == count && page.into_src().is_empty())
        .then_some(values)
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
