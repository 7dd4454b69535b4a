//! A log on disk: records that are there whole or not at all, whatever stops the program or the host.
//!
//! A folder of segments `NNNNNNNNNN.log`, each a header and records with a checksum. Records are
//! buffered by [`Log::append`] and are on the disk when [`Log::flush`] returns, one write and one
//! fsync for all of them. A full disk loses the batch and nothing else; any other failed write
//! stops the log, because after a failed fsync nobody knows what the disk holds.
//!
//! It refuses to know what records mean, what time it is, and threads: one owner writes.
//!
//! A batch never spans two segments. Each segment should be readable by itself: whenever
//! [`Log::upcoming_segment`] is another one than before, what later records refer to must be written
//! again. After a full disk it always is.

mod disk;
mod error;
mod replay;
mod segment;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

pub use disk::{Disk, FaultyDisk, HostDisk};
pub use error::{LogError, is_disk_full};
pub use replay::{Record, Records, Replay};

/// Bytes of the longest payload of a record.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;
/// Bytes that a batch may hold before it is flushed.
pub const BATCH_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Which application a log belongs to; another one's segments are set aside.
pub type Tag = [u8; 4];

/// An open log.
#[derive(Debug)]
pub struct Log {
    folder: PathBuf,
    tag: Tag,
    segment_bytes: u64,
    disk: Box<dyn Disk>,
    /// Number and bytes of the segments before the current one.
    finished: BTreeMap<u64, u64>,
    number: u64,
    /// The current segment, once it was written to.
    file: Option<File>,
    /// Bytes of the current segment that are on the disk; 0 before it is made.
    synced: u64,
    pending: Vec<u8>,
    stopped: bool,
}

impl Log {
    /// Opens the log in `folder`, which is made if it is not there, and repairs what is torn or
    /// damaged. What the replay shows is on the disk, also if an fsync failed before the stop. A
    /// segment ends with the batch that makes it `segment_bytes` long.
    pub fn open(folder: &Path, tag: Tag, segment_bytes: u64) -> Result<(Self, Replay), LogError> {
        Self::open_on(Box::new(HostDisk), folder, tag, segment_bytes)
    }

    /// Opens the log on a disk that may have faults.
    pub fn open_on(
        mut disk: Box<dyn Disk>,
        folder: &Path,
        tag: Tag,
        segment_bytes: u64,
    ) -> Result<(Self, Replay), LogError> {
        let found = replay::find(folder, tag, disk.as_mut())?;
        if let Some((number, bytes)) = found.segments.last_key_value() {
            replay::write_again(folder, *number, *bytes, disk.as_mut())?;
        }
        let records = Records::new(folder, found.segments.clone().into_iter());
        let replay = Replay { records, torn_bytes: found.torn_bytes, losses: found.losses };
        let mut finished = found.segments;
        let synced = finished.remove(&found.number).unwrap_or(0);
        let mut log = Self {
            folder: folder.to_owned(),
            tag,
            segment_bytes,
            disk,
            finished,
            number: found.number,
            file: None,
            synced,
            pending: Vec::new(),
            stopped: false,
        };
        if synced > 0 {
            let path = log.path();
            let file = OpenOptions::new().write(true).open(&path);
            log.file = Some(file.map_err(replay::unusable(&path))?);
        }
        Ok((log, replay))
    }

    /// Takes a record into the present batch and says in which segment it will be.
    pub fn append(&mut self, kind: u8, payload: &[u8]) -> Result<u64, LogError> {
        self.check_stopped()?;
        let batch = self.pending.len().saturating_add(payload.len());
        for (bytes, bytes_max) in [(payload.len(), RECORD_BYTES_MAX), (batch, BATCH_BYTES_MAX)] {
            if bytes > bytes_max {
                return Err(LogError::TooLong { bytes, bytes_max });
            }
        }
        if self.pending.is_empty() {
            if self.synced >= self.segment_bytes {
                self.next_segment();
            }
            if self.synced == 0 {
                self.pending.extend_from_slice(&segment::header(self.tag));
            }
        }
        segment::encode(kind, payload, &mut self.pending);
        Ok(self.number)
    }

    /// Returns when everything appended is on the disk, or nothing of the batch was kept.
    pub fn flush(&mut self) -> Result<(), LogError> {
        self.check_stopped()?;
        if self.pending.is_empty() {
            return Ok(());
        }
        match self.write() {
            Ok(()) => {
                self.synced += self.pending.len() as u64;
                self.pending.clear();
                Ok(())
            }
            Err(source) if is_disk_full(&source) => {
                let path = self.path();
                match self.drop_batch() {
                    Ok(()) => Err(LogError::Full { path, source }),
                    Err(source) => Err(self.fail(source)),
                }
            }
            Err(source) => Err(self.fail(source)),
        }
    }

    /// The number of the current segment: that of the newest record, or after a full disk the next.
    pub fn segment(&self) -> u64 {
        self.number
    }

    /// The number of the segment that the next record will be in.
    pub fn upcoming_segment(&self) -> u64 {
        let is_over = self.pending.is_empty() && self.synced >= self.segment_bytes;
        self.number.saturating_add(u64::from(is_over))
    }

    /// Number and bytes on the disk of every segment, oldest first.
    pub fn segments(&self) -> Vec<(u64, u64)> {
        let current = (self.synced > 0).then_some((self.number, self.synced));
        let finished = self.finished.iter().map(|(number, bytes)| (*number, *bytes));
        finished.chain(current).collect()
    }

    /// Bytes on the disk.
    pub fn bytes(&self) -> u64 {
        self.finished.values().sum::<u64>() + self.synced
    }

    /// The records that are on the disk, from the beginning of segment `from` on.
    pub fn read(&self, from: u64) -> Records {
        let segments = self.segments().into_iter().filter(|(number, _)| *number >= from);
        Records::new(&self.folder, segments)
    }

    /// Deletes the segments before `number`, but never the current one, and says how many bytes
    /// that freed.
    pub fn delete_before(&mut self, number: u64) -> Result<u64, LogError> {
        let mut freed = 0;
        while let Some((oldest, bytes)) = self.finished.first_key_value() {
            if *oldest >= number {
                break;
            }
            let path = self.folder.join(segment::file_name(*oldest));
            match self.disk.remove(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(replay::unusable(&path)(error));
                }
                Err(_) | Ok(()) => freed += bytes,
            }
            self.finished.pop_first();
        }
        Ok(freed)
    }

    fn path(&self) -> PathBuf {
        self.folder.join(segment::file_name(self.number))
    }

    fn check_stopped(&self) -> Result<(), LogError> {
        if self.stopped {
            return Err(LogError::Stopped { path: self.folder.clone() });
        }
        Ok(())
    }

    fn fail(&mut self, source: io::Error) -> LogError {
        self.stopped = true;
        self.pending = Vec::new();
        LogError::Failed { path: self.path(), source }
    }

    fn next_segment(&mut self) {
        if self.synced > 0 {
            self.finished.insert(self.number, self.synced);
        }
        self.number = self.number.saturating_add(1);
        self.file = None;
        self.synced = 0;
    }

    fn write(&mut self) -> io::Result<()> {
        if let Some(file) = &self.file {
            self.disk.write(file, &self.pending, self.synced)?;
            return self.disk.sync(file);
        }
        let path = self.path();
        let file = self.file.insert(self.disk.create(&path)?);
        self.disk.write(file, &self.pending, 0)?;
        self.disk.sync(file)?;
        self.disk.sync_folder(&self.folder)
    }

    /// Cuts off what a full disk took of the batch, for good: the cut is on the disk when this
    /// returns. The next batch begins a segment.
    fn drop_batch(&mut self) -> io::Result<()> {
        self.pending.clear();
        if let Some(file) = &self.file {
            if self.synced > 0 {
                self.disk.truncate(file, self.synced)?;
                self.disk.sync(file)?;
            } else {
                let path = self.path();
                self.disk.remove(&path)?;
            }
        }
        self.next_segment();
        Ok(())
    }
}
