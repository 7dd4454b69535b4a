//! Samples that are not in a chunk yet, in memory; the log holds the same on the disk.
//!
//! The writer fills it, readers look into it. It refuses to know the log and the database: what is
//! closed is handed over and stays visible until it is said to be stored.

mod open;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use systole_common::ids::{HostId, SpoolEpoch};
use systole_common::model::metric::SeriesKey;
use systole_common::ranges::RangeSet;
use systole_common::time::UnixMs;

use super::received::ReceivedSummary;
use super::slot::{Origin, Series, Slot};
use crate::limits::{OPEN_DAYS_MAX, WINDOWS_WAITING_MAX};
pub(super) use open::{DAY_MS, Window, day_of};

/// What is written as one chunk a series. Its times are ascending, unique and of one UTC day.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedWindow {
    /// Whose.
    pub host: HostId,
    /// On which way its slots came.
    pub origin: Origin,
    /// Begin of each slot, milliseconds since 1970.
    pub times: Vec<i64>,
    /// The series that have a value in it.
    pub columns: Vec<Column>,
}

/// The values of one series in a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Which series.
    pub series: Series,
    /// One for each slot in which it has one.
    pub values: Vec<f64>,
    /// For each slot whether there is a value; `None` if there is one in all.
    pub present: Option<Vec<bool>>,
}

impl Column {
    /// The values with the times of their slots.
    pub fn samples<'a>(&'a self, times: &'a [i64]) -> impl Iterator<Item = (i64, f64)> + 'a {
        let is_there = |at: &(usize, &i64)| {
            self.present.as_ref().is_none_or(|all| all.get(at.0).copied().unwrap_or(false))
        };
        times.iter().enumerate().filter(is_there).map(|at| *at.1).zip(self.values.iter().copied())
    }
}

/// How many slots one window has, and the times of its first and last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowTimes {
    /// Number of slots.
    pub slots: usize,
    /// The first, milliseconds since 1970.
    pub first_ms: i64,
    /// The last, milliseconds since 1970.
    pub last_ms: i64,
}

/// The windows that are not stored yet, for readers. Clones see the same.
#[derive(Debug, Clone, Default)]
pub struct OpenWindows {
    inner: Arc<Mutex<Windows>>,
}

impl OpenWindows {
    /// The samples of one series, ascending by time, and how it was declared.
    pub fn samples(&self, host: &HostId, key: &SeriesKey) -> (Option<Series>, Vec<(i64, f64)>) {
        let windows = self.lock();
        let mut series = None;
        let mut samples = Vec::new();
        for closed in windows.committing.iter().filter(|closed| closed.host == *host) {
            for column in closed.columns.iter().filter(|column| *column.series.key == *key) {
                series = Some(column.series.clone());
                samples.extend(column.samples(&closed.times));
            }
        }
        for window in windows.of(host) {
            if let Some((found, values)) = window.samples(key) {
                series = Some(found.clone());
                samples.extend(values);
            }
        }
        drop(windows);
        samples.sort_unstable_by_key(|sample| sample.0);
        samples.dedup_by_key(|sample| sample.0);
        (series, samples)
    }

    /// The series of one host or of all, each once, ordered by host and key.
    pub fn series(&self, host: Option<&HostId>) -> Vec<(HostId, Series)> {
        let windows = self.lock();
        let mut found: BTreeMap<(HostId, Arc<SeriesKey>), Series> = BTreeMap::new();
        let is_asked = |of: &HostId| host.is_none_or(|host| host == of);
        for closed in windows.committing.iter().filter(|closed| is_asked(&closed.host)) {
            for column in &closed.columns {
                let key = (closed.host.clone(), column.series.key.clone());
                found.insert(key, column.series.clone());
            }
        }
        for (of, host) in windows.hosts.iter().filter(|(of, _)| is_asked(of)) {
            for series in host.windows.iter().flat_map(Window::series) {
                found.insert((of.clone(), series.key.clone()), series.clone());
            }
        }
        drop(windows);
        found.into_iter().map(|((host, _), series)| (host, series)).collect()
    }

    /// What is received of `host`, if the writer knows it.
    pub fn received(&self, host: &HostId) -> Option<ReceivedSummary> {
        self.lock().received.get(host).cloned()
    }

    /// How many slots each window of `host` has, and from when to when.
    pub fn times(&self, host: &HostId) -> Vec<WindowTimes> {
        let windows = self.lock();
        let committing = windows.committing.iter().filter(|closed| closed.host == *host);
        let all = committing.map(|closed| &closed.times).chain(windows.of(host).map(Window::times));
        all.filter_map(|times| {
            let (first_ms, last_ms) = (*times.first()?, *times.last()?);
            Some(WindowTimes { slots: times.len(), first_ms, last_ms })
        })
        .collect()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Windows> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What [`OpenWindows`] guards.
#[derive(Debug, Default)]
pub(super) struct Windows {
    hosts: BTreeMap<HostId, HostWindows>,
    /// Closed, on its way into the database.
    committing: Arc<Vec<ClosedWindow>>,
    /// What is received of each host; the database has it only when a window is stored.
    received: BTreeMap<HostId, ReceivedSummary>,
}

#[derive(Debug, Default)]
struct HostWindows {
    windows: Vec<Window>,
    /// Series that came lately, at most `SERIES_PER_HOST_MAX`.
    known: BTreeSet<Arc<SeriesKey>>,
}

/// What the writer must remember of a window that is being stored.
#[derive(Debug, Clone)]
pub(super) struct Receipt {
    pub(super) host: HostId,
    /// The sequences of its slots.
    pub(super) sequences: Vec<(SpoolEpoch, RangeSet)>,
    /// The log segment of its oldest record.
    pub(super) segment: u64,
}

impl Windows {
    /// Makes known what is received of `host`.
    pub(super) fn tell_received(&mut self, host: &HostId, summary: ReceivedSummary) {
        self.received.insert(host.clone(), summary);
    }

    /// Takes a slot that passed all rules. `slots` is the size at which a window that begins with it
    /// is full. Returns how many values were left out for want of room for their series.
    pub(super) fn take(&mut self, slot: &Slot, segment: u64, now: UnixMs, slots: usize) -> usize {
        if !self.hosts.contains_key(&slot.host) {
            self.hosts.insert(slot.host.clone(), HostWindows::default());
        }
        let Some(host) = self.hosts.get_mut(&slot.host) else { return 0 };
        let day = day_of(slot.slot_ms);
        let is_its = |window: &Window| {
            window.origin == slot.origin && window.day == day && !window.is_sealed
        };
        let at = host.windows.iter().position(is_its).unwrap_or_else(|| {
            host.make_room(slot.origin);
            host.windows.push(Window::new(slot.origin, day, segment, slots));
            host.windows.len() - 1
        });
        let HostWindows { windows, known } = host;
        windows.get_mut(at).map_or(0, |window| window.take(slot, now, known))
    }

    /// Whether `host` has a slot at `slot_ms` that is not stored yet.
    pub(super) fn has_time(&self, host: &HostId, slot_ms: i64) -> bool {
        self.of(host).any(|window| window.has_time(slot_ms))
            || self
                .committing
                .iter()
                .any(|one| one.host == *host && one.times.binary_search(&slot_ms).is_ok())
    }

    /// Whether as many windows of `host` wait as may.
    pub(super) fn is_waiting(&self, host: &HostId) -> bool {
        let committing = self.committing.iter().filter(|closed| closed.host == *host).count();
        let sealed = self.of(host).filter(|window| window.is_sealed).count();
        sealed + committing >= WINDOWS_WAITING_MAX
    }

    /// Whether `host` was never seen here.
    pub(super) fn is_new(&self, host: &HostId) -> bool {
        !self.hosts.contains_key(host)
    }

    /// Which series a host has is found out again: some may be gone from the database by now.
    pub(super) fn forget_series(&mut self) {
        for host in self.hosts.values_mut() {
            host.known.clear();
        }
    }

    /// Seals windows for which `is_due` holds, until they have `samples` values. Returns whether
    /// nothing that is due is left.
    pub(super) fn seal(
        &mut self,
        samples: usize,
        is_due: impl Fn(&HostId, &Window) -> bool,
    ) -> bool {
        let mut left = samples;
        for (of, host) in &mut self.hosts {
            for window in &mut host.windows {
                if window.is_sealed || !is_due(of, window) {
                    continue;
                }
                if left == 0 {
                    return false;
                }
                window.is_sealed = true;
                left = left.saturating_sub(window.samples_count());
            }
        }
        true
    }

    /// Moves sealed windows of at most about `samples` values to where they are committed from.
    pub(super) fn begin_commit(
        &mut self,
        samples: usize,
    ) -> (Arc<Vec<ClosedWindow>>, Vec<Receipt>) {
        let (mut closed, mut receipts, mut left) = (Vec::new(), Vec::new(), samples);
        for (of, host) in &mut self.hosts {
            let mut at = 0;
            while left > 0 && at < host.windows.len() {
                if !host.windows.get(at).is_some_and(|window| window.is_sealed) {
                    at += 1;
                    continue;
                }
                let mut window = host.windows.remove(at);
                left = left.saturating_sub(window.samples_count());
                receipts.push(Receipt {
                    host: of.clone(),
                    sequences: std::mem::take(&mut window.sequences),
                    segment: window.segment,
                });
                closed.push(window.close(of.clone()));
            }
        }
        self.committing = Arc::new(closed);
        (self.committing.clone(), receipts)
    }

    /// What [`Windows::begin_commit`] handed out is stored.
    pub(super) fn end_commit(&mut self) {
        self.committing = Arc::default();
    }

    /// The oldest log segment that a window still needs, beside those that are being committed.
    pub(super) fn oldest_segment(&self) -> Option<u64> {
        self.hosts.values().flat_map(|host| &host.windows).map(|window| window.segment).min()
    }

    fn of(&self, host: &HostId) -> impl Iterator<Item = &Window> {
        self.hosts.get(host).into_iter().flat_map(|host| &host.windows)
    }
}

impl HostWindows {
    /// Seals the window that took nothing for longest if there are too many.
    fn make_room(&mut self, origin: Origin) {
        let is_open = |window: &&mut Window| window.origin == origin && !window.is_sealed;
        if self.windows.iter_mut().filter(is_open).count() >= OPEN_DAYS_MAX {
            let idle = self.windows.iter_mut().filter(is_open).min_by_key(|one| one.touched);
            if let Some(window) = idle {
                window.is_sealed = true;
            }
        }
    }
}
