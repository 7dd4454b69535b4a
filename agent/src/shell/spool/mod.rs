//! The spool: every stored slot on this host's disk until each daemon has it, within a bound.
//!
//! A slot is on the disk when [`Spool::append`] returns. While the disk is full the newest ones are
//! kept in memory and written as soon as there is space. Sequences are never used twice in an epoch,
//! whatever stops the agent or the host; those that nobody has any more are holes.
//!
//! Its age is recorded time: a slot is as old as the slots after it are long together. No clock has
//! a say: one that is set a year ahead makes nothing older, nor does a time without an agent.
//!
//! What is lost is counted for each daemon that had not confirmed it, at the moment of the loss:
//! when files go, when a daemon comes back, when a file could not be read any more.
//!
//! It refuses to know links, clocks and when something is sent.

mod cursors;
mod error;
mod folder;
mod index;
mod ledger;
mod record;
mod remembered;
pub(super) mod sequence;
mod shapes;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use systole_common::ids::{DaemonName, SpoolEpoch};
use systole_common::ranges::RangeSet;
use systole_common::record_log::{Disk, HostDisk, Log, Replay};
use systole_common::time::{UnixMs, millis};
use tracing::warn;

use crate::engine::collect::Sample;
use crate::limits::{SPOOL_BATCH_SLOTS_MAX, SPOOL_SEGMENT_BYTES, SPOOL_TAIL_SLOTS_MAX};
use cursors::Cursors;
pub use error::SpoolError;
use index::Index;
use ledger::Ledger;
use record::{Batch, Reader, SLOT};
pub use record::{SpoolSeries, SpoolShape, SpooledSlot};
use remembered::Remembered;
use sequence::Sequences;
use shapes::Shapes;

/// What the spool may hold; whatever is reached first lets the oldest slots go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolBounds {
    /// Bytes on disk.
    pub bytes: u64,
    /// How much may be recorded after a slot before it goes.
    pub age: Duration,
}

/// The spool for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolStatus {
    /// Bytes of its slots on disk.
    pub bytes: u64,
    /// The time of the oldest slot that is kept.
    pub oldest: Option<UnixMs>,
    /// Slots that were dropped before they were received, by the daemon that lacks most.
    pub dropped: u64,
    /// The newest sequence; 0 before the first.
    pub newest: u64,
    /// The oldest sequence that is kept; one more than the newest if nothing is.
    pub oldest_sequence: u64,
}

/// The open spool. Dropping it lets another agent in.
#[derive(Debug)]
pub struct Spool {
    epoch: SpoolEpoch,
    bounds: SpoolBounds,
    log: Log,
    sequences: Sequences,
    index: Index,
    cursors: Cursors,
    remembered: Remembered,
    ledger: Option<Ledger>,
    shapes: Shapes,
    /// Slots that a full disk did not take, oldest first.
    tail: VecDeque<SpooledSlot>,
    /// Troubles that were warned of and still last.
    warned: Warned,
    _lock: File,
}

#[derive(Debug, Default)]
struct Warned {
    trim: bool,
    save: bool,
    full: bool,
}

impl Spool {
    /// Opens the spool in `folder`; makes it, and its epoch, if it is not there. Returns a line for
    /// each thing that is lost. Drills find in `ledger` what was spooled and received.
    pub fn open(
        folder: &Path,
        bounds: SpoolBounds,
        ledger: Option<&Path>,
    ) -> Result<(Self, Vec<String>), SpoolError> {
        Self::open_on(Box::new(HostDisk), folder, bounds, ledger)
    }

    /// Opens the spool on a disk that may have faults.
    pub fn open_on(
        disk: Box<dyn Disk>,
        folder: &Path,
        bounds: SpoolBounds,
        ledger: Option<&Path>,
    ) -> Result<(Self, Vec<String>), SpoolError> {
        let lock = folder::lock(folder)?;
        let epoch = folder::epoch(folder)?;
        let place = folder.join("log");
        let (log, mut replay) = Log::open_on(disk, &place, *b"spol", SPOOL_SEGMENT_BYTES)?;
        let (index, reader) = read_all(&mut replay)?;
        let shapes = Shapes::after(&reader, &log);
        let is_whole = replay.torn_bytes == 0 && replay.losses.is_empty() && reader.unknown == 0;
        let sequences = Sequences::open(folder, index.newest().unwrap_or(0), is_whole)?;
        let (cursors, cursors_loss) = Cursors::open(folder, epoch);
        let (remembered, remembered_loss) = Remembered::open(folder);
        let mut losses = replay.losses;
        if replay.torn_bytes > 0 {
            let (path, bytes) = (place.display(), replay.torn_bytes);
            losses
                .push(format!("{path}: {bytes} bytes at the end were not whole; they are cut off"));
        }
        if reader.unknown > 0 {
            let (path, count) = (place.display(), reader.unknown);
            losses.push(format!("{path}: {count} records are not understood; they are left out"));
        }
        losses.extend([cursors_loss, remembered_loss].into_iter().flatten());
        let ledger = ledger.map(Ledger::open).transpose()?;
        let spool = Self {
            epoch,
            bounds,
            log,
            sequences,
            index,
            cursors,
            remembered,
            ledger,
            shapes,
            tail: VecDeque::new(),
            warned: Warned::default(),
            _lock: lock,
        };
        Ok((spool, losses))
    }

    /// The epoch of its sequences.
    pub fn epoch(&self) -> SpoolEpoch {
        self.epoch
    }

    /// The newest sequence; 0 before the first.
    pub fn newest(&self) -> u64 {
        self.sequences.next().saturating_sub(1)
    }

    /// The oldest sequence that is kept; one more than the newest if nothing is.
    pub fn oldest(&self) -> u64 {
        let in_memory = || self.tail.front().map(|slot| slot.sequence);
        let kept = self.index.oldest().map(|(sequence, _)| sequence).or_else(in_memory);
        kept.unwrap_or(self.sequences.next())
    }

    /// Keeps a slot and says its sequence. It is on the disk when this returns; on a full disk it is
    /// in memory, if need be instead of the oldest one there. At most as many samples are kept as
    /// one frame takes.
    pub fn append(
        &mut self,
        slot_ms: i64,
        interval_ms: u32,
        samples: &[Sample],
    ) -> Result<u64, SpoolError> {
        self.sequences.reserve()?;
        let sequence = self.sequences.next();
        let (shape, values) = self.shapes.of(samples);
        self.tail.push_back(SpooledSlot { sequence, slot_ms, interval_ms, shape, values });
        if let Err(error) = self.keep() {
            self.tail.pop_back();
            return Err(error);
        }
        self.sequences.advance();
        self.trim();
        Ok(sequence)
    }

    /// Uses no sequence up to `newest` any more: some daemon has slots under them that this folder,
    /// a copy of an older state, does not know.
    pub fn skip_to(&mut self, newest: u64) -> Result<(), SpoolError> {
        self.sequences.skip_to(newest)
    }

    /// Slots from the first kept one at or after `from` on, ascending: at most `slots_max`, and no
    /// more once they have `bytes_max` bytes.
    pub fn read(
        &mut self,
        from: u64,
        slots_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<SpooledSlot>, SpoolError> {
        let mut batch = Batch { next: from, slots: Vec::new(), slots_max, bytes_left: bytes_max };
        if let Some(segment) = self.index.segment_from(from) {
            let mut records = self.log.read(segment);
            let mut reader = Reader::default();
            while !batch.is_full() {
                let record = records.next_record().map_err(SpoolError::Unreadable)?;
                let Some(record) = record else { break };
                batch.take(reader.read(record.segment, record.kind, record.payload));
            }
        }
        for slot in &self.tail {
            if slot.sequence >= batch.next && !batch.is_full() {
                batch.take(Some(slot.clone()));
            }
        }
        Ok(batch.slots)
    }

    /// Keeps what these daemons lack, and forgets the others. A new one is owed what is kept now.
    pub fn follow(&mut self, daemons: &[DaemonName]) {
        let oldest = self.oldest();
        self.cursors.follow(daemons, oldest);
    }

    /// `daemon` has these sequences for good.
    pub fn receipt(&mut self, daemon: &DaemonName, ranges: &[(u64, u64)]) {
        let (oldest, newest) = (self.oldest(), self.newest());
        for (first, last) in ranges {
            let (first, last) = ((*first).max(1), (*last).min(newest));
            let is_new = first <= last && self.cursors.receipt(daemon, (first, last), oldest);
            if let Some(ledger) = self.ledger.as_mut().filter(|_| is_new) {
                let (daemon, epoch) = (daemon.as_str(), self.epoch.0);
                ledger.note(format_args!("received {daemon} {epoch:016x} {first} {last}"));
            }
        }
        self.trim();
    }

    /// What `daemon` has, and what is not owed to it.
    pub fn received(&self, daemon: &DaemonName) -> RangeSet {
        self.cursors.of(daemon).map(|cursor| cursor.received.clone()).unwrap_or_default()
    }

    /// How many slots were lost before `daemon` confirmed them.
    pub fn dropped(&self, daemon: &DaemonName) -> u64 {
        self.cursors.of(daemon).map_or(0, |cursor| cursor.dropped)
    }

    /// The spool for people.
    pub fn status(&self) -> SpoolStatus {
        let in_memory = || self.tail.front().map(|slot| slot.slot_ms);
        let oldest = self.index.oldest().map(|(_, slot_ms)| slot_ms).or_else(in_memory);
        SpoolStatus {
            bytes: self.log.bytes(),
            oldest: oldest.map(UnixMs),
            dropped: self.cursors.dropped_max(),
            newest: self.newest(),
            oldest_sequence: self.oldest(),
        }
    }

    /// Between stored slots, as the daemons said last.
    pub fn interval(&self) -> Duration {
        self.remembered.stored()
    }

    /// Keeps the interval of stored slots over restarts.
    pub fn set_interval(&mut self, stored: Duration) {
        self.remembered.set_stored(stored);
        self.save();
    }

    /// Every sequence that it has.
    pub fn held(&self) -> RangeSet {
        let in_memory = self.tail.iter().map(|slot| (slot.sequence, slot.sequence));
        self.index.sequences().union(&RangeSet::from_ranges(in_memory))
    }

    /// Counts what it has not any more of what it `held` before it was opened again.
    pub fn lose(&mut self, held: &RangeSet) {
        let holds = self.held();
        let gone = held.ranges().iter().flat_map(|range| holds.missing(range.0, range.1));
        for (first, last) in gone {
            self.cursors.lose(first, last);
        }
    }

    /// Writes down what the daemons have and want. What they have and is not written is sent to them
    /// again after a restart.
    pub fn save(&mut self) {
        let saved = self.cursors.save().and_then(|()| self.remembered.save());
        if let Err(error) = &saved
            && !self.warned.save
        {
            warn!("what daemons have received and want cannot be written down: {error}");
        }
        self.warned.save = saved.is_err();
    }

    /// Writes the tail to the disk, or keeps it in memory if the disk is full.
    fn keep(&mut self) -> Result<(), SpoolError> {
        match self.write_tail() {
            Ok(()) => {
                self.warned.full = false;
                self.sequences.set_ahead(false)
            }
            Err(SpoolError::Log(error)) if error.is_full() => {
                self.sequences.set_ahead(true)?;
                if !self.warned.full {
                    warn!("{error}; the newest {SPOOL_TAIL_SLOTS_MAX} samples stay in memory");
                }
                self.warned.full = true;
                if self.tail.len() > SPOOL_TAIL_SLOTS_MAX {
                    self.tail.pop_front();
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn write_tail(&mut self) -> Result<(), SpoolError> {
        while !self.tail.is_empty() {
            let count = self.tail.len().min(SPOOL_BATCH_SLOTS_MAX);
            let segment = self.log.upcoming_segment();
            for slot in self.tail.iter().take(count) {
                let shape = self.shapes.number(&slot.shape, &mut self.log)?;
                self.log.append(SLOT, &slot.encode(shape))?;
            }
            self.log.flush()?;
            for slot in self.tail.drain(..count) {
                self.index.add(segment, &slot);
                if let Some(ledger) = &mut self.ledger {
                    let (epoch, values) = (self.epoch.0, slot.values.len());
                    let SpooledSlot { sequence, slot_ms, .. } = slot;
                    ledger.note(format_args!("spooled {epoch:016x} {sequence} {slot_ms} {values}"));
                }
            }
        }
        Ok(())
    }

    /// Deletes the oldest segments that every daemon has or that are beyond the bounds. What the
    /// daemons have is written down before: after a crash it would count as lost.
    fn trim(&mut self) {
        let mut is_saved = false;
        while let Some((segment, content, after_ms)) = self.index.first_but_last() {
            let is_large = self.log.bytes() + SPOOL_SEGMENT_BYTES > self.bounds.bytes;
            let is_old = after_ms > millis(self.bounds.age);
            if !(is_large || is_old || self.cursors.all_have(&content.sequences)) {
                break;
            }
            if !std::mem::replace(&mut is_saved, true) {
                self.save();
            }
            if let Err(error) = self.log.delete_before(segment + 1) {
                if !self.warned.trim {
                    warn!("the oldest samples cannot be deleted: {error}");
                }
                self.warned.trim = true;
                return;
            }
            self.index.remove(segment);
            let oldest = self.oldest();
            self.cursors.lose(1, oldest.saturating_sub(1));
        }
        self.warned.trim = false;
    }
}

fn read_all(replay: &mut Replay) -> Result<(Index, Reader), SpoolError> {
    let (mut index, mut reader) = (Index::default(), Reader::default());
    while let Some(record) = replay.next_record()? {
        let segment = record.segment;
        if let Some(slot) = reader.read(segment, record.kind, record.payload) {
            index.add(segment, &slot);
        }
    }
    Ok((index, reader))
}
