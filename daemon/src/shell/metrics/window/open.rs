//! One open window: a column for each series, a row for each slot, ascending by time.
//!
//! A value that is missing is a NaN here, for those that are there are finite.

use std::collections::BTreeSet;
use std::sync::Arc;

use systole_common::ids::{HostId, SpoolEpoch};
use systole_common::model::metric::{SERIES_PER_AGENT_MAX, SeriesKey};
use systole_common::ranges::RangeSet;
use systole_common::time::UnixMs;

use super::super::slot::{Origin, Series, Shape, Slot};
use super::{ClosedWindow, Column};
use crate::limits::SERIES_PER_HOST_MAX;

/// One UTC day.
pub(in super::super) const DAY_MS: i64 = 86_400_000;
/// Rows by which a column grows.
const ROWS_STEP: usize = 64;
/// Stands for a series that found no room.
const LEFT_OUT: usize = usize::MAX;

/// The UTC day, counted from 1970.
pub(in super::super) fn day_of(slot_ms: i64) -> i64 {
    slot_ms.div_euclid(DAY_MS)
}

/// The slots of one host that came on one way, all of one day.
#[derive(Debug)]
pub(in super::super) struct Window {
    pub(in super::super) origin: Origin,
    /// UTC day since 1970.
    pub(in super::super) day: i64,
    /// The log segment of its oldest record.
    pub(in super::super) segment: u64,
    /// When it took its last slot.
    pub(in super::super) touched: UnixMs,
    /// Takes no more, waits to be stored.
    pub(in super::super) is_sealed: bool,
    pub(super) sequences: Vec<(SpoolEpoch, RangeSet)>,
    slots_max: usize,
    times: Vec<i64>,
    columns: Vec<OpenColumn>,
    /// Where the values of the shape that came last go.
    route: Option<Route>,
}

#[derive(Debug)]
struct OpenColumn {
    series: Series,
    values: Vec<f64>,
}

#[derive(Debug)]
struct Route {
    shape: Arc<Shape>,
    /// For each of its series the column, or [`LEFT_OUT`].
    columns: Vec<usize>,
    /// Whether every column gets a value.
    is_whole: bool,
}

impl Window {
    pub(super) fn new(origin: Origin, day: i64, segment: u64, slots_max: usize) -> Self {
        Self {
            origin,
            day,
            segment,
            touched: UnixMs::default(),
            is_sealed: false,
            sequences: Vec::new(),
            slots_max,
            times: Vec::new(),
            columns: Vec::new(),
            route: None,
        }
    }

    /// Adds a row; the last one seals the window. Returns how many values were left out.
    pub(super) fn take(
        &mut self,
        slot: &Slot,
        now: UnixMs,
        known: &mut BTreeSet<Arc<SeriesKey>>,
    ) -> usize {
        self.touched = now;
        let is_its = |(epoch, _): &&mut (SpoolEpoch, RangeSet)| *epoch == slot.epoch;
        if let Some((_, ranges)) = self.sequences.iter_mut().find(is_its) {
            ranges.insert(slot.sequence, slot.sequence);
        } else {
            let ranges = RangeSet::from_ranges([(slot.sequence, slot.sequence)]);
            self.sequences.push((slot.epoch, ranges));
        }
        let is_routed = |route: &Route| Arc::ptr_eq(&route.shape, &slot.shape);
        let route = match self.route.take().filter(is_routed) {
            Some(route) => route,
            None => self.route_for(&slot.shape, known),
        };
        self.add_row(slot, &route);
        let left_out = slot.values.len().saturating_sub(route.columns.len())
            + route.columns.iter().filter(|column| **column == LEFT_OUT).count();
        self.route = Some(route);
        self.is_sealed = self.times.len() >= self.slots_max;
        left_out
    }

    fn add_row(&mut self, slot: &Slot, route: &Route) {
        let row = match self.times.last() {
            Some(last) if *last >= slot.slot_ms => {
                self.times.partition_point(|time| *time < slot.slot_ms)
            }
            Some(_) | None => self.times.len(),
        };
        grow(&mut self.times);
        self.times.insert(row, slot.slot_ms);
        let is_whole = route.is_whole && slot.values.len() >= route.columns.len();
        if !is_whole {
            for column in &mut self.columns {
                grow(&mut column.values);
                column.values.insert(row, f64::NAN);
            }
        }
        for (value, at) in slot.values.iter().zip(&route.columns) {
            // A column that stands outside: left out. Adding zero turns -0.0 into 0.0.
            let Some(column) = self.columns.get_mut(*at) else { continue };
            let value = if value.is_finite() { *value + 0.0 } else { f64::NAN };
            if !is_whole {
                if let Some(cell) = column.values.get_mut(row) {
                    *cell = value;
                }
            } else if column.values.len() == row {
                grow(&mut column.values);
                column.values.push(value);
            } else {
                grow(&mut column.values);
                column.values.insert(row, value);
            }
        }
    }

    /// Finds or makes the column of each series of `shape`.
    fn route_for(&mut self, shape: &Arc<Shape>, known: &mut BTreeSet<Arc<SeriesKey>>) -> Route {
        let mut columns = Vec::with_capacity(shape.series.len().min(SERIES_PER_AGENT_MAX));
        for (at, series) in shape.series.iter().take(SERIES_PER_AGENT_MAX).enumerate() {
            columns.push(self.column_for(series, at, known));
        }
        let used: BTreeSet<usize> = columns.iter().copied().filter(|at| *at != LEFT_OUT).collect();
        let is_whole = used.len() == self.columns.len() && used.len() == columns.len();
        Route { shape: shape.clone(), columns, is_whole }
    }

    /// `guess` is where the series stands in its shape: there in most cases.
    fn column_for(
        &mut self,
        series: &Series,
        guess: usize,
        known: &mut BTreeSet<Arc<SeriesKey>>,
    ) -> usize {
        let is_it = |column: &OpenColumn| column.series.key == series.key;
        if self.columns.get(guess).is_some_and(is_it) {
            return guess;
        }
        if let Some(at) = self.columns.iter().position(is_it) {
            return at;
        }
        if self.columns.len() >= SERIES_PER_AGENT_MAX {
            return LEFT_OUT;
        }
        if !known.contains(&series.key) {
            if known.len() >= SERIES_PER_HOST_MAX {
                return LEFT_OUT;
            }
            known.insert(series.key.clone());
        }
        let values = vec![f64::NAN; self.times.len()];
        self.columns.push(OpenColumn { series: series.clone(), values });
        self.columns.len() - 1
    }

    pub(super) fn times(&self) -> &Vec<i64> {
        &self.times
    }

    pub(super) fn has_time(&self, slot_ms: i64) -> bool {
        self.times.last().is_some_and(|last| *last >= slot_ms)
            && self.times.binary_search(&slot_ms).is_ok()
    }

    pub(super) fn samples_count(&self) -> usize {
        self.times.len().saturating_mul(self.columns.len().max(1))
    }

    pub(super) fn series(&self) -> impl Iterator<Item = &Series> {
        self.columns.iter().map(|column| &column.series)
    }

    pub(super) fn samples(&self, key: &SeriesKey) -> Option<(&Series, Vec<(i64, f64)>)> {
        let column = self.columns.iter().find(|column| *column.series.key == *key)?;
        let all = self.times.iter().copied().zip(column.values.iter().copied());
        Some((&column.series, all.filter(|(_, value)| !value.is_nan()).collect()))
    }

    pub(super) fn close(self, host: HostId) -> ClosedWindow {
        let columns = self.columns.into_iter().filter_map(OpenColumn::close).collect();
        ClosedWindow { host, origin: self.origin, times: self.times, columns }
    }
}

impl OpenColumn {
    /// `None` if there is no value at all.
    fn close(mut self) -> Option<Column> {
        let is_missing = |value: &f64| value.is_nan();
        let present = self
            .values
            .iter()
            .any(is_missing)
            .then(|| self.values.iter().map(|value| !value.is_nan()).collect());
        self.values.retain(|value| !value.is_nan());
        let Self { series, values } = self;
        (!values.is_empty()).then_some(Column { series, values, present })
    }
}

/// Makes room in small steps: doubling would waste a third of the largest part of the memory.
fn grow<T>(column: &mut Vec<T>) {
    if column.len() == column.capacity() {
        column.reserve_exact(ROWS_STEP);
    }
}
