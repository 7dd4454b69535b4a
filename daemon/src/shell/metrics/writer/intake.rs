//! The rules by which a slot is taken: its sequence, its time, the room there is.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};

use systole_common::ids::{HostId, SpoolEpoch};
use systole_common::record_log::LogError;
use systole_common::time::UnixMs;
use systole_common::wire::history::StorageRecord;
use tokio::sync::oneshot;

use super::super::super::store::StoreError;
use super::super::log::Numbered;
use super::super::received::{Epoch, Epochs, Offer};
use super::super::retention;
use super::super::slot::{Intake, Origin, Slot};
use super::super::window::Windows;
use super::chunks::Chunks;
use super::{MetricsWriter, Receipts, store_error};
use crate::limits::HOURS_AT_HAND_MAX;

const HOUR_MS: i64 = 3_600_000;

/// What the writer knows of one host, beside its windows.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) epochs: Epochs,
    /// The newest slot that there ever was; a newer one cannot be taken yet.
    newest_ms: i64,
    /// Times of slots in the batch that is not synced yet.
    pub(super) pending: BTreeSet<i64>,
    /// Times of slots in the database, by hour.
    pub(super) stored: BTreeMap<i64, Vec<i64>>,
    live: Option<Numbered>,
    backfill: Option<Numbered>,
    /// More lives of its spool than there may be: all that is open must be stored.
    pub(super) is_crowded: bool,
}

/// A request to delete, and who waits for it.
pub(super) struct CleanUp {
    pub(super) host: Option<HostId>,
    pub(super) before: UnixMs,
    pub(super) reply: oneshot::Sender<Result<Vec<StorageRecord>, StoreError>>,
}

/// What came beside slots.
#[derive(Default)]
pub(super) struct Others {
    pub(super) greeted: Vec<(HostId, SpoolEpoch)>,
    pub(super) clean_ups: Vec<CleanUp>,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            epochs: Epochs::default(),
            newest_ms: i64::MIN,
            pending: BTreeSet::new(),
            stored: BTreeMap::new(),
            live: None,
            backfill: None,
            is_crowded: false,
        }
    }
}

impl Host {
    pub(super) fn saw(&mut self, slot_ms: i64) {
        self.newest_ms = self.newest_ms.max(slot_ms);
    }

    /// Whether there is a slot at that time already.
    pub(super) fn has_time<D: Chunks>(
        &mut self,
        host: &HostId,
        slot_ms: i64,
        windows: &Windows,
        database: &mut D,
    ) -> Result<bool, StoreError> {
        if slot_ms > self.newest_ms {
            return Ok(false);
        }
        if self.pending.contains(&slot_ms) || windows.has_time(host, slot_ms) {
            return Ok(true);
        }
        let hour = slot_ms.div_euclid(HOUR_MS);
        if !self.stored.contains_key(&hour) {
            if self.stored.len() >= HOURS_AT_HAND_MAX {
                self.stored.clear();
            }
            let from = hour.saturating_mul(HOUR_MS);
            let times = database.slot_times(host, from, from.saturating_add(HOUR_MS))?;
            self.stored.insert(hour, times);
        }
        Ok(self.stored.get(&hour).is_some_and(|times| times.binary_search(&slot_ms).is_ok()))
    }
}

impl<R: Receipts, D: Chunks> MetricsWriter<R, D> {
    /// Brings what came into the batch, by the rules. Nothing of it counts before the batch is synced.
    pub(super) fn take_in(
        &mut self,
        intakes: Vec<Intake>,
        now: UnixMs,
    ) -> Result<Others, StoreError> {
        let mut others = Others::default();
        let in_time = retention::in_time(now, &self.days, &self.retention);
        for intake in intakes {
            match intake {
                Intake::Slot(slot) => self.offer(slot, now, &in_time)?,
                Intake::Dropped { host, epoch, ranges } => {
                    self.give_up(&host, epoch, &ranges, now)?;
                }
                Intake::Greet { host, epoch } => others.greeted.push((host, epoch)),
                Intake::CleanUp { host, before, reply } => {
                    others.clean_ups.push(CleanUp { host, before, reply });
                }
                Intake::Retention(retention) => self.retention = retention,
                // The loop that hands it over ends with it.
                Intake::Stop => {}
            }
        }
        self.log_skips()?;
        Ok(others)
    }

    fn offer(
        &mut self,
        slot: Slot,
        now: UnixMs,
        in_time: &RangeInclusive<i64>,
    ) -> Result<(), StoreError> {
        let known = self.hosts.get_mut(&slot.host).and_then(|host| host.epochs.used(slot.epoch));
        let has_epoch = known.is_some();
        match known.map_or(Offer::Fresh, |epoch| epoch.look(slot.sequence)) {
            Offer::Fresh => {}
            Offer::Known | Offer::Waiting => {
                count(&self.news.duplicates, 1);
                return Ok(());
            }
            Offer::TooMany => {
                count(&self.news.sequences_refused, 1);
                return Ok(());
            }
        }
        if self.must_refuse(&slot.host) {
            self.room.has_refused = true;
            count(&self.news.slots_refused, 1);
            return Ok(());
        }
        if !has_epoch && !self.open_epoch(&slot.host, slot.epoch, now)? {
            count(&self.news.sequences_refused, 1);
            return Ok(());
        }
        self.judge_time(slot, in_time)
    }

    fn judge_time(&mut self, slot: Slot, in_time: &RangeInclusive<i64>) -> Result<(), StoreError> {
        let Some(host) = self.hosts.get_mut(&slot.host) else { return Ok(()) };
        let skip = if in_time.contains(&slot.slot_ms) {
            let windows = self.windows.lock();
            let is_taken = host.has_time(&slot.host, slot.slot_ms, &windows, &mut self.database)?;
            count(&self.news.slots_taken, u64::from(is_taken));
            is_taken
        } else {
            count(&self.news.slots_out_of_time, 1);
            true
        };
        if !skip {
            let numbered = match slot.origin {
                Origin::Live => &mut host.live,
                Origin::Backfill => &mut host.backfill,
            };
            match self.log.slot(numbered, &slot) {
                Ok(segment) => {
                    host.saw(slot.slot_ms);
                    host.pending.insert(slot.slot_ms);
                    if let Some(epoch) = host.epochs.find(slot.epoch) {
                        epoch.accept(slot.sequence, false);
                    }
                    self.pending.push((slot, segment));
                }
                // More than one batch takes; the agent sends it again.
                Err(LogError::TooLong { .. }) => count(&self.news.slots_refused, 1),
                Err(error) => return Err(store_error(error)),
            }
        } else if let Some(epoch) = host.epochs.find(slot.epoch) {
            epoch.accept(slot.sequence, true);
        }
        Ok(())
    }

    fn give_up(
        &mut self,
        host: &HostId,
        epoch: SpoolEpoch,
        ranges: &[(u64, u64)],
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let has_epoch =
            self.hosts.get_mut(host).is_some_and(|host| host.epochs.used(epoch).is_some());
        if self.must_refuse(host) || !has_epoch && !self.open_epoch(host, epoch, now)? {
            return Ok(());
        }
        let found = self.hosts.get_mut(host).and_then(|host| host.epochs.find(epoch));
        let Some(found) = found else { return Ok(()) };
        for (first, last) in ranges {
            if !found.give_up(*first, *last) {
                count(&self.news.sequences_refused, 1);
            }
        }
        Ok(())
    }

    /// Whether there is no room for what `host` sends.
    fn must_refuse(&self, host: &HostId) -> bool {
        self.room.is_low
            || self.is_log_long()
            || self.is_database_full && self.windows.lock().is_waiting(host)
    }

    /// Begins another life of the host's spool. `false` if that is not possible now.
    fn open_epoch(
        &mut self,
        host: &HostId,
        epoch: SpoolEpoch,
        now: UnixMs,
    ) -> Result<bool, StoreError> {
        let known = self.hosts.entry(host.clone()).or_default();
        let Ok(gone) = known.epochs.make_room() else {
            known.is_crowded = true;
            return Ok(false);
        };
        known.epochs.push(Epoch::new(epoch, now));
        for gone in gone {
            match self.database.forget_epoch(host, gone) {
                // It comes up again at the next start, as the least recently used.
                Ok(()) | Err(StoreError::Full { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Adds to the batch which sequences need no chunk.
    fn log_skips(&mut self) -> Result<(), StoreError> {
        for (name, host) in &self.hosts {
            for epoch in host.epochs.iter() {
                let turn = epoch.turn();
                for (dropped, ranges) in [(false, &turn.skipped), (true, &turn.dropped)] {
                    if ranges.is_empty() {
                        continue;
                    }
                    let logged = self.log.skipped(name, epoch.id, dropped, ranges.ranges());
                    logged.map_err(store_error)?;
                }
            }
        }
        Ok(())
    }
}

pub(super) fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}
