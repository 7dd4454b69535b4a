//! What a log asks of the disk, so that a full and a failing one can be tried out.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The operations that change something and can fail.
pub trait Disk: fmt::Debug + Send {
    /// A new file, only for its owner.
    fn create(&mut self, path: &Path) -> io::Result<File>;
    /// Writes all of `bytes` at `offset`.
    fn write(&mut self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Returns when the file's data is on the disk.
    fn sync(&mut self, file: &File) -> io::Result<()>;
    /// Cuts the file to `bytes`.
    fn truncate(&mut self, file: &File, bytes: u64) -> io::Result<()>;
    /// Returns when the names in the folder are on the disk.
    fn sync_folder(&mut self, folder: &Path) -> io::Result<()>;
    /// Deletes a file.
    fn remove(&mut self, path: &Path) -> io::Result<()>;
}

/// The disk of the host.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostDisk;

impl Disk for HostDisk {
    fn create(&mut self, path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
    }

    fn write(&mut self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    fn sync(&mut self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn truncate(&mut self, file: &File, bytes: u64) -> io::Result<()> {
        file.set_len(bytes)
    }

    fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

/// A disk that is full or fails when told to, for tests. Clones are the same disk. It counts fsyncs
/// and does none.
#[derive(Debug, Clone, Default)]
pub struct FaultyDisk {
    faults: Arc<Mutex<Faults>>,
}

#[derive(Debug, Default)]
struct Faults {
    room_bytes: Option<u64>,
    syncs: u64,
    folder_syncs: u64,
    failing_sync: Option<u64>,
}

impl FaultyDisk {
    /// A disk without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on only so many bytes more fit; `None` for as many as the host has.
    pub fn set_room_bytes(&self, room_bytes: Option<u64>) {
        self.faults().room_bytes = room_bytes;
    }

    /// The `nth` fsync from now on fails, 1 being the next; those after it succeed again.
    pub fn fail_sync(&self, nth: u64) {
        let mut faults = self.faults();
        faults.failing_sync = Some(faults.syncs.saturating_add(nth));
    }

    /// How many fsyncs of files were asked for.
    pub fn syncs(&self) -> u64 {
        self.faults().syncs
    }

    /// How many fsyncs of folders were asked for; none of them fails.
    pub fn folder_syncs(&self) -> u64 {
        self.faults().folder_syncs
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for FaultyDisk {
    fn create(&mut self, path: &Path) -> io::Result<File> {
        if self.faults().room_bytes == Some(0) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        HostDisk.create(path)
    }

    fn write(&mut self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut faults = self.faults();
        let end = offset.saturating_add(bytes.len() as u64);
        // What is written over takes no room.
        let wanted = end.saturating_sub(file.metadata()?.len().max(offset));
        let room = faults.room_bytes.unwrap_or(wanted).min(wanted);
        if let Some(left) = &mut faults.room_bytes {
            *left -= room;
        }
        let missing = usize::try_from(wanted - room).unwrap_or(bytes.len());
        let fitting = bytes.len().saturating_sub(missing);
        file.write_all_at(bytes.get(..fitting).unwrap_or(bytes), offset)?;
        if missing > 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self, _file: &File) -> io::Result<()> {
        let mut faults = self.faults();
        faults.syncs += 1;
        if faults.failing_sync == Some(faults.syncs) {
            return Err(io::Error::other("the disk fails, as it was told to"));
        }
        Ok(())
    }

    fn truncate(&mut self, file: &File, bytes: u64) -> io::Result<()> {
        let freed = file.metadata()?.len().saturating_sub(bytes);
        if let Some(left) = &mut self.faults().room_bytes {
            *left = left.saturating_add(freed);
        }
        HostDisk.truncate(file, bytes)
    }

    fn sync_folder(&mut self, _folder: &Path) -> io::Result<()> {
        self.faults().folder_syncs += 1;
        Ok(())
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        let freed = fs::metadata(path).map_or(0, |found| found.len());
        if let Some(left) = &mut self.faults().room_bytes {
            *left = left.saturating_add(freed);
        }
        HostDisk.remove(path)
    }
}
