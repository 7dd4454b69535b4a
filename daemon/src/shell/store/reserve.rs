//! Room kept for bad times: a file that is given up when the disk is full, so that state can go on.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, fstatvfs};
use rustix::io::Errno;

use super::StoreError;
use crate::limits::RESERVE_BYTES;

const FILE: &str = "reserve";

/// The reserve file.
#[derive(Debug)]
pub struct Reserve {
    path: PathBuf,
    file: File,
    wanted: u64,
    is_held: bool,
}

impl Reserve {
    /// Makes the reserve in `folder`, or takes the one that is there. One that was given up before and
    /// finds no room yet is no reason not to start. `share` is `storage.reserve` in
    /// bytes; without it 1 % of the file system within 4 to 64 MiB.
    pub fn open(folder: &Path, share: Option<u64>) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        let failed = |source| StoreError::io(&path, "making the reserve", source);
        let was_there = path.exists();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        let wanted = share.map_or_else(|| one_percent(&file), Ok).map_err(failed)?;
        let mut reserve = Self { path: path.clone(), file, wanted, is_held: false };
        if let Err(source) = reserve.fill() {
            if was_there && source.kind() == io::ErrorKind::StorageFull {
                return Ok(reserve);
            }
            if !was_there {
                let _ = std::fs::remove_file(&path);
            }
            return Err(failed(source));
        }
        Ok(reserve)
    }

    /// Its size when it is held, in bytes.
    pub fn bytes(&self) -> u64 {
        self.wanted
    }

    /// Whether it is held, rather than given up.
    pub fn is_held(&self) -> bool {
        self.is_held
    }

    /// Gives the room up. `false` if there was none to give.
    pub fn release(&mut self) -> bool {
        let had = std::mem::replace(&mut self.is_held, false);
        had && self.file.set_len(0).is_ok()
    }

    /// Takes the room back if there is now twice as much of it. `false` if there is not.
    pub fn restore(&mut self) -> bool {
        let enough = || free_bytes(&self.file).is_ok_and(|free| free / 2 > self.wanted);
        self.is_held || (enough() && self.fill().is_ok())
    }

    /// Its file, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Allocates all of it, or nothing.
    fn fill(&mut self) -> io::Result<()> {
        let metadata = self.file.metadata()?;
        let is_allocated = metadata.blocks().saturating_mul(512) >= self.wanted;
        if metadata.len() == self.wanted && is_allocated {
            self.is_held = true;
            return Ok(());
        }
        self.file.set_len(0)?;
        // Asked first: a try would take all that is left, if only for a moment.
        if free_bytes(&self.file)? < self.wanted {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let filled = match fallocate(&self.file, FallocateFlags::empty(), 0, self.wanted) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.write_zeros(),
            other => other.map_err(io::Error::from),
        };
        let filled = filled.and_then(|()| self.file.sync_all());
        if filled.is_err() {
            let _ = self.file.set_len(0);
        }
        self.is_held = filled.is_ok();
        filled
    }

    /// For file systems that cannot allocate without writing.
    fn write_zeros(&self) -> io::Result<()> {
        let zeros = vec![0; 64 * 1024];
        let mut at = 0;
        while at < self.wanted {
            let left = usize::try_from(self.wanted - at).unwrap_or(usize::MAX);
            let piece = zeros.get(..left.min(zeros.len())).unwrap_or_default();
            self.file.write_all_at(piece, at)?;
            at += piece.len() as u64;
        }
        Ok(())
    }
}

fn one_percent(file: &File) -> io::Result<u64> {
    let system = fstatvfs(file)?;
    let bytes = system.f_blocks.saturating_mul(system.f_frsize);
    Ok((bytes / 100).clamp(RESERVE_BYTES.0, RESERVE_BYTES.1))
}

fn free_bytes(file: &File) -> io::Result<u64> {
    let system = fstatvfs(file)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}
