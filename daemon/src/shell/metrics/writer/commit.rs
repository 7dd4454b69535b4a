//! One group commit: the log is synced, agents are told, full windows go into the database.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Instant;

use systole_common::ids::{HostId, SpoolEpoch};
use systole_common::ranges::RangeSet;
use systole_common::time::UnixMs;
use systole_common::wire::limits::RANGES_MAX;

use super::super::super::store::StoreError;
use super::super::received::{Epoch, ReceivedRow};
use super::super::window::{DAY_MS, OpenWindows, Receipt, Window, day_of};
use super::chunks::Chunks;
use super::intake::{CleanUp, count};
use super::{MetricsWriter, Receipts, store_error};
use crate::limits::{COMMIT_SAMPLES_MAX, STORE_SAMPLES_PER_TURN, WINDOW_SLOTS};

impl<R: Receipts, D: Chunks> MetricsWriter<R, D> {
    /// Syncs the batch, then tells agents. Returns how many values the batch had.
    pub(super) fn make_safe(
        &mut self,
        greeted: Vec<(HostId, SpoolEpoch)>,
        now: UnixMs,
    ) -> Result<usize, StoreError> {
        let began = Instant::now();
        let has_batch = self.log.is_in_batch();
        let is_safe = match self.log.flush().map_err(store_error) {
            Ok(()) => true,
            Err(StoreError::Full { .. }) => false,
            Err(error) => return Err(error),
        };
        if has_batch {
            self.room.is_log_full = !is_safe;
            self.time_commit(began);
        }
        let samples = if is_safe { self.open_pending(now) } else { self.drop_pending() };
        self.tell(is_safe, now);
        for (host, epoch) in greeted {
            let known = self.hosts.get_mut(&host).and_then(|host| host.epochs.find(epoch));
            let ranges = known.map_or_else(Vec::new, |epoch| epoch.newest_ranges(RANGES_MAX));
            self.receipts.received(&host, epoch, ranges);
        }
        Ok(samples)
    }

    fn time_commit(&self, began: Instant) {
        let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        count(&self.news.commits, 1);
        count(&self.news.commit_us, took_us);
        self.news.commit_us_max.fetch_max(took_us, Ordering::Relaxed);
    }

    /// What is synced goes into the windows.
    fn open_pending(&mut self, now: UnixMs) -> usize {
        let mut samples = 0;
        let mut left_out = 0;
        let mut windows = self.windows.lock();
        for (slot, segment) in &self.pending {
            let slots = first_slots(windows.is_new(&slot.host), &slot.host);
            left_out += windows.take(slot, *segment, now, slots);
            samples += slot.values.len();
            self.days.insert(day_of(slot.slot_ms));
        }
        drop(windows);
        count(&self.news.slots, self.pending.len() as u64);
        count(&self.news.samples, samples.saturating_sub(left_out) as u64);
        count(&self.news.series_refused, left_out as u64);
        self.pending.clear();
        samples
    }

    fn drop_pending(&mut self) -> usize {
        self.room.has_refused = true;
        count(&self.news.slots_refused, self.pending.len() as u64);
        self.pending.clear();
        0
    }

    fn tell(&mut self, is_safe: bool, now: UnixMs) {
        let segment = self.log.files().segment();
        for (name, host) in &mut self.hosts {
            host.pending.clear();
            let mut is_told = false;
            for epoch in host.epochs.iter_mut().filter(|epoch| epoch.has_news()) {
                let ranges = if is_safe {
                    count(&self.news.dropped, epoch.turn().dropped.count());
                    epoch.safe(segment, now)
                } else {
                    epoch.not_safe()
                };
                for some in ranges.chunks(RANGES_MAX) {
                    self.receipts.received(name, epoch.id, some.to_vec());
                }
                is_told = true;
            }
            if is_told {
                self.windows.lock().tell_received(name, host.epochs.summary());
            }
        }
    }

    /// Brings full windows into the database, as far as one turn may take that brought `samples`
    /// values. Returns whether none is left.
    pub(super) fn store(&mut self, samples: usize) -> Result<bool, StoreError> {
        let mut left = STORE_SAMPLES_PER_TURN.max(samples.saturating_mul(2));
        self.store_while(|| {
            let has_room = left > 0;
            left = left.saturating_sub(COMMIT_SAMPLES_MAX);
            has_room
        })
    }

    /// Brings full windows into the database, one transaction after the other as long as `may_begin`.
    /// Returns whether none is left.
    pub(super) fn store_while(
        &mut self,
        mut may_begin: impl FnMut() -> bool,
    ) -> Result<bool, StoreError> {
        loop {
            if self.committing.is_none() {
                if !may_begin() {
                    return Ok(false);
                }
                let begun = self.windows.lock().begin_commit(COMMIT_SAMPLES_MAX);
                if begun.1.is_empty() {
                    break;
                }
                self.committing = Some(begun);
            }
            if !self.store_batch()? {
                return Ok(false);
            }
        }
        self.store_skipped(|host, _| host)?;
        Ok(!self.is_database_full)
    }

    /// `false` if the database is full: it is tried again as it is.
    fn store_batch(&mut self) -> Result<bool, StoreError> {
        let Some((windows, receipts)) = &self.committing else { return Ok(true) };
        let rows = self.rows(receipts);
        match self.database.commit(windows, &rows) {
            Ok(()) => {}
            Err(StoreError::Full { .. }) => {
                self.is_database_full = true;
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        for window in windows.iter() {
            // Read again when it is needed: it has become more.
            if let Some(host) = self.hosts.get_mut(&window.host) {
                host.stored.clear();
            }
        }
        self.is_database_full = false;
        self.committing = None;
        self.windows.lock().end_commit();
        self.rows_are_stored(rows);
        Ok(true)
    }

    /// What is received once the windows are stored. Only what is in them, or needs none, may be
    /// said: the log still has the rest, and a replay skips what stands here.
    fn rows(&self, receipts: &[Receipt]) -> Vec<ReceivedRow> {
        let mut stored: BTreeMap<(&HostId, SpoolEpoch), RangeSet> = BTreeMap::new();
        for receipt in receipts {
            for (epoch, ranges) in &receipt.sequences {
                let all = stored.entry((&receipt.host, *epoch)).or_default();
                *all = all.union(ranges);
            }
        }
        let rows = stored.iter().filter_map(|((name, epoch), chunks)| {
            let epochs = &self.hosts.get(*name)?.epochs;
            let epoch = epochs.iter().find(|one| one.id == *epoch)?;
            Some(epoch.row(name, Some(chunks)))
        });
        rows.collect()
    }

    /// Brings into the database which sequences need no chunk, of the epochs for which `is_due` holds;
    /// it is told whether their host is crowded.
    pub(super) fn store_skipped(
        &mut self,
        is_due: impl Fn(bool, &Epoch) -> bool,
    ) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        for (name, host) in &mut self.hosts {
            let due = |epoch: &&Epoch| {
                epoch.skipped_segment().is_some() && is_due(host.is_crowded, epoch)
            };
            rows.extend(host.epochs.iter().filter(due).map(|epoch| epoch.row(name, None)));
            host.is_crowded = false;
        }
        if rows.is_empty() {
            return Ok(());
        }
        match self.database.commit(&[], &rows) {
            Ok(()) => self.rows_are_stored(rows),
            Err(StoreError::Full { .. }) => self.is_database_full = true,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn rows_are_stored(&mut self, rows: Vec<ReceivedRow>) {
        for row in rows {
            let host = self.hosts.get_mut(&row.host);
            if let Some(epoch) = host.and_then(|host| host.epochs.find(row.epoch)) {
                epoch.is_stored(row.ranges);
            }
        }
    }

    /// Deletes what operators want gone, with what of it is not in the database yet.
    pub(super) fn clean_up(&mut self, clean_ups: Vec<CleanUp>) -> Result<(), StoreError> {
        for CleanUp { host, before, reply } in clean_ups {
            let first_kept = day_of(before.0);
            let is_due = |name: &HostId, window: &Window| {
                window.day < first_kept && host.as_ref().is_none_or(|host| host == name)
            };
            let _all = self.windows.lock().seal(usize::MAX, is_due);
            if !self.store(usize::MAX)? {
                // What waits for room would come back after it was deleted.
                let full = StoreError::Full { path: self.database_path() };
                let _nobody_waits = reply.send(Err(full));
                continue;
            }
            let before = UnixMs(first_kept.saturating_mul(DAY_MS));
            let done = self.database.clean_up(host.as_ref(), before);
            self.hosts.values_mut().for_each(|host| host.stored.clear());
            match done {
                Ok(_) | Err(StoreError::Full { .. }) => {
                    let _nobody_waits = reply.send(done);
                }
                Err(error) => {
                    let _nobody_waits = reply.send(Err(StoreError::Closed));
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// The size of a window. A host's first one after a start is shorter, so that not all hosts close
/// theirs in the same second.
pub(super) fn first_slots(is_first: bool, host: &HostId) -> usize {
    if !is_first {
        return WINDOW_SLOTS;
    }
    let half = WINDOW_SLOTS / 2;
    half + crc32fast::hash(host.as_str().as_bytes()) as usize % half
}

/// The oldest log segment that something needs which is not in the database.
pub(super) fn oldest_needed(
    windows: &OpenWindows,
    committing: &[Receipt],
    skipped: impl Iterator<Item = u64>,
) -> Option<u64> {
    let open = windows.lock().oldest_segment();
    let committing = committing.iter().map(|receipt| receipt.segment);
    open.into_iter().chain(committing).chain(skipped).min()
}
