//! A start: what the log has and the database lacks comes back into the windows.
//!
//! A record whose sequence the database has is skipped; so is one whose time it has, which stands for a
//! life of the spool that was forgotten meanwhile. Windows are cut at the same size as ever: what was
//! full before the stop does not grow after it.

use std::sync::atomic::Ordering;

use systole_common::record_log::Replay;
use systole_common::time::UnixMs;

use super::super::super::store::StoreError;
use super::super::database::Loaded;
use super::super::log::{Record, Records};
use super::super::received::Epoch;
use super::super::slot::Slot;
use super::super::window::{Windows, day_of};
use super::chunks::Chunks;
use super::commit::first_slots;
use super::{MetricsWriter, Parts, Receipts, store_error};

impl<R: Receipts, D: Chunks> MetricsWriter<R, D> {
    /// A writer that knows what was received and has its windows again.
    pub(super) fn start(
        parts: Parts<R, D>,
        loaded: Loaded,
        mut replay: Replay,
    ) -> Result<(Self, Vec<String>), StoreError> {
        let mut writer = Self::new(parts);
        let now = (writer.wall)();
        let Loaded { mut received, newest, days, mut losses } = loaded;
        writer.days = days;
        received.sort_by_key(|row| row.used_at);
        for row in received {
            let host = writer.hosts.entry(row.host).or_default();
            host.epochs.push(Epoch::loaded(row.epoch, row.ranges, row.dropped, row.used_at));
        }
        for (host, newest_ms) in newest {
            writer.hosts.entry(host).or_default().saw(newest_ms);
        }
        let unreadable = writer.replay(&mut replay, now)?;
        for (name, host) in &writer.hosts {
            writer.windows.lock().tell_received(name, host.epochs.summary());
        }
        losses.append(&mut replay.losses);
        if unreadable > 0 {
            losses.push(format!(
                "{}: {unreadable} records make no sense and are left out",
                writer.folder.join(super::LOG_FOLDER).display()
            ));
        }
        writer.look_for_room();
        writer.news.damaged.store(losses.len() as u64, Ordering::Relaxed);
        Ok((writer, losses))
    }

    /// Returns how many records make no sense.
    fn replay(&mut self, replay: &mut Replay, now: UnixMs) -> Result<u64, StoreError> {
        let mut records = Records::default();
        let mut unreadable = 0;
        let windows = self.windows.clone();
        let mut windows = windows.lock();
        while let Some(record) = replay.next_record().map_err(store_error)? {
            let segment = record.segment;
            match records.read(segment, record.kind, record.payload) {
                Some(Record::Nothing) => {}
                Some(Record::Slot(slot)) => self.replay_slot(slot, segment, now, &mut windows)?,
                Some(Record::Skipped { host, epoch, dropped, ranges }) => {
                    let epochs = &mut self.hosts.entry(host).or_default().epochs;
                    if epochs.used(epoch).is_none() {
                        epochs.push(Epoch::new(epoch, now));
                    }
                    if let Some(epoch) = epochs.find(epoch) {
                        epoch.replay_skipped(&ranges, dropped, segment);
                    }
                }
                None => unreadable += 1,
            }
        }
        Ok(unreadable)
    }

    fn replay_slot(
        &mut self,
        slot: &Slot,
        segment: u64,
        now: UnixMs,
        windows: &mut Windows,
    ) -> Result<(), StoreError> {
        if !self.hosts.contains_key(&slot.host) {
            self.hosts.insert(slot.host.clone(), super::Host::default());
        }
        let Some(host) = self.hosts.get_mut(&slot.host) else { return Ok(()) };
        if host.epochs.used(slot.epoch).is_none() {
            host.epochs.push(Epoch::new(slot.epoch, now));
        }
        let is_new =
            host.epochs.find(slot.epoch).is_some_and(|epoch| epoch.replay_slot(slot.sequence));
        if !is_new {
            return Ok(());
        }
        if host.has_time(&slot.host, slot.slot_ms, windows, &mut self.database)? {
            if let Some(epoch) = host.epochs.find(slot.epoch) {
                epoch.replay_taken(slot.sequence, segment);
            }
            return Ok(());
        }
        host.saw(slot.slot_ms);
        self.days.insert(day_of(slot.slot_ms));
        let slots = first_slots(windows.is_new(&slot.host), &slot.host);
        windows.take(slot, segment, now, slots);
        Ok(())
    }
}
