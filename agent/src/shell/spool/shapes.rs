//! Which sets of series the log's current segment knows, so that each is written there once.

use std::sync::Arc;

use systole_common::record_log::Log;

use super::SpoolError;
use super::record::{Reader, SHAPE, SpoolShape, shape_of};
use crate::engine::collect::Sample;
use crate::limits::SPOOL_SHAPES_MAX;

/// The shapes that the current segment of the log holds.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    segment: u64,
    known: Vec<(u32, Arc<SpoolShape>)>,
    next: u32,
}

impl Shapes {
    /// What the log's current segment holds after it was read.
    pub(super) fn after(reader: &Reader, log: &Log) -> Self {
        let segment = log.upcoming_segment();
        let shapes = reader.shapes().map(|(number, shape)| (number, Arc::clone(shape)));
        let known: Vec<_> = shapes.filter(|_| reader.segment() == segment).collect();
        let next = known.iter().map(|(number, _)| *number).max().unwrap_or(0).saturating_add(1);
        Self { segment, known, next }
    }

    /// The shape of `samples`, shared with earlier slots, and their values.
    pub(super) fn of(&self, samples: &[Sample]) -> (Arc<SpoolShape>, Vec<f64>) {
        let known = self.known.iter().rev().find(|(_, shape)| shape.is_of(samples));
        if let Some((_, shape)) = known {
            return (Arc::clone(shape), samples.iter().map(|sample| sample.value).collect());
        }
        let (shape, values) = shape_of(samples);
        (Arc::new(shape), values)
    }

    /// The number of `shape` in the log's current segment, which gets it if it does not have it.
    pub(super) fn number(
        &mut self,
        shape: &Arc<SpoolShape>,
        log: &mut Log,
    ) -> Result<u32, SpoolError> {
        if self.segment != log.upcoming_segment() {
            *self = Self { segment: log.upcoming_segment(), known: Vec::new(), next: 1 };
        }
        if let Some((number, _)) = self.known.iter().find(|(_, known)| known == shape) {
            return Ok(*number);
        }
        let number = self.next;
        log.append(SHAPE, &shape.encode(number))?;
        self.next = number.wrapping_add(1);
        if self.known.len() >= SPOOL_SHAPES_MAX {
            self.known.remove(0);
        }
        self.known.push((number, Arc::clone(shape)));
        Ok(number)
    }
}
