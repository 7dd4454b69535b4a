//! What each turn looks after beside what came: room, windows that must close early, the log's length,
//! upkeep of the database, and what others are told.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use systole_common::time::UnixMs;
use tracing::{info, warn};

use super::super::super::store::StoreError;
use super::super::received::Epoch;
use super::super::window::{DAY_MS, Window, day_of};
use super::chunks::Chunks;
use super::commit::oldest_needed;
use super::intake::count;
use super::{MetricsWriter, Receipts, store_error};
use crate::limits::{
    BEHIND_AFTER, BEHIND_MAX, COMMIT_SAMPLES_MAX, LOG_BYTES_MAX, LOG_SOFT_BYTES, MAINTAIN_BUDGET,
    MAINTAIN_EVERY, METRICS_CHECKPOINT_EVERY, WINDOW_IDLE,
};

/// When what was done last.
pub(super) struct Tended {
    day: i64,
    maintained: UnixMs,
    checkpointed: UnixMs,
    /// Damage in the database that was told.
    damaged: u64,
}

impl Tended {
    pub(super) fn at(now: UnixMs, damaged: u64) -> Self {
        Self { day: day_of(now.0), maintained: now, checkpointed: now, damaged }
    }
}

impl<R: Receipts, D: Chunks> MetricsWriter<R, D> {
    /// Looks how much the file system has. Once it was too little, half as much again must be free.
    pub(super) fn look_for_room(&mut self) {
        self.room.has_refused = false;
        let Ok(free) = (self.room.free)(&self.folder) else { return };
        self.news.free_bytes.store(free, Ordering::Relaxed);
        let reserve = self.room.reserve_bytes;
        let wanted = if self.room.is_low { reserve.saturating_add(reserve / 2) } else { reserve };
        self.room.is_low = free < wanted;
    }

    /// Whether the log takes nothing more.
    pub(super) fn is_log_long(&self) -> bool {
        self.log.files().bytes() >= LOG_BYTES_MAX
    }

    /// Whether the log must become shorter: it is long, or the disk has no room.
    fn is_log_pressed(&self) -> bool {
        let files = self.log.files();
        let is_tight = self.room.is_low || self.room.is_log_full;
        files.bytes() > LOG_SOFT_BYTES || is_tight && self.log.oldest() < files.segment()
    }

    /// Seals windows that must close before they are full.
    pub(super) fn seal_due(&mut self, now: UnixMs) {
        let pressed = self.is_log_pressed().then(|| self.log.oldest());
        let budget = if self.is_log_long() { usize::MAX } else { COMMIT_SAMPLES_MAX };
        let idle_ms = i64::try_from(WINDOW_IDLE.as_millis()).unwrap_or(i64::MAX);
        let crowded: Vec<_> =
            self.hosts.iter().filter(|(_, host)| host.is_crowded).map(|(name, _)| name).collect();
        let is_over = |window: &Window| {
            let ends = window.day.saturating_add(1).saturating_mul(DAY_MS);
            ends <= now.0 && now.0.saturating_sub(window.touched.0).saturating_abs() >= idle_ms
        };
        let _rest_later = self.windows.lock().seal(budget, |host, window| {
            pressed.is_some_and(|oldest| window.segment <= oldest)
                || is_over(window)
                || crowded.contains(&host)
        });
    }

    /// The end of a turn.
    pub(super) fn tend(&mut self, now: UnixMs) -> Result<(), StoreError> {
        if self.is_log_pressed() {
            let oldest = self.log.oldest();
            self.store_skipped(|_, epoch| epoch.skipped_segment() == Some(oldest))?;
        }
        let is_due = passed(self.tended.checkpointed, now, METRICS_CHECKPOINT_EVERY.as_millis());
        self.release_log(now, is_due)?;
        if passed(self.tended.maintained, now, MAINTAIN_EVERY.as_millis()) {
            self.tended.maintained = now;
            match self.database.maintain(now, &self.retention, MAINTAIN_BUDGET) {
                Ok(()) | Err(StoreError::Full { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        for loss in self.database.take_losses() {
            warn!("{loss}");
        }
        let told = std::mem::replace(&mut self.tended.damaged, self.database.damaged());
        count(&self.news.damaged, self.tended.damaged.saturating_sub(told));
        if self.tended.day != day_of(now.0) {
            self.tended.day = day_of(now.0);
            self.windows.lock().forget_series();
        }
        self.tell_news(now);
        Ok(())
    }

    /// Deletes the log segments of which the database has everything on the disk.
    pub(super) fn release_log(&mut self, now: UnixMs, is_due: bool) -> Result<(), StoreError> {
        let skipped = self.hosts.values().flat_map(|host| host.epochs.iter());
        let skipped = skipped.filter_map(Epoch::skipped_segment);
        let committing = self.committing.as_ref().map_or(&[][..], |(_, receipts)| receipts);
        let newest = self.log.files().segment();
        let floor = oldest_needed(&self.windows, committing, skipped).unwrap_or(newest).min(newest);
        if self.log.oldest() >= floor && !is_due {
            return Ok(());
        }
        match self.database.checkpoint() {
            Ok(true) => {
                self.tended.checkpointed = now;
                self.log.delete_before(floor).map(drop).map_err(store_error)
            }
            Ok(false) | Err(StoreError::Full { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn tell_news(&mut self, now: UnixMs) {
        let news = &self.news;
        news.log_bytes.store(self.log.files().bytes(), Ordering::Relaxed);
        news.database_bytes.store(self.database.bytes(), Ordering::Relaxed);
        let refuses = self.room.has_refused
            || self.room.is_low
            || self.room.is_log_full
            || self.is_log_long();
        let refused = news.refusing.swap(refuses, Ordering::Relaxed);
        let folder = self.folder.display();
        if refuses && !refused {
            warn!(%folder, "no room for samples: agents keep them until there is");
        } else if refused && !refuses {
            info!(%folder, "samples are taken again");
        }
        let after = BEHIND_AFTER.as_millis();
        let mut behind = Vec::new();
        for (name, host) in &mut self.hosts {
            let since = host.epochs.newest().and_then(|epoch| epoch.holes_since);
            if behind.len() < BEHIND_MAX && since.is_some_and(|since| passed(since, now, after)) {
                behind.push(name.clone());
            }
        }
        *news.behind.lock().unwrap_or_else(PoisonError::into_inner) = behind;
    }
}

/// Whether `span_ms` have passed; a clock that was put back counts as if they had.
fn passed(since: UnixMs, now: UnixMs, span_ms: u128) -> bool {
    u128::from(now.0.abs_diff(since.0)) >= span_ms
}
