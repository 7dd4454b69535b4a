//! Which sequences may be used: blocks are reserved on the disk ahead of their use.
//!
//! A small file that is only written in place, so that it needs no space on a full disk: the same
//! entry twice, each with a checksum, so that neither a cut write nor one damaged entry makes a
//! sequence free again. The entry also says whether slots were handed out that the disk does not
//! have yet; after a crash what is left of the block is then not used any more.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use systole_common::record_log::is_disk_full;

use super::error::{SpoolError, unusable};
use super::folder::write_whole;
use crate::limits::SPOOL_SEQUENCE_BLOCK;

const ENTRY_BYTES: usize = 13;
/// Where the two entries begin.
const OFFSETS: [u64; 2] = [0, 512];
const FILE_BYTES: usize = 1_024;

/// The sequences of one epoch.
#[derive(Debug)]
pub(in crate::shell) struct Sequences {
    path: PathBuf,
    file: File,
    entry: Entry,
    next: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// The last sequence that may be used.
    reserved: u64,
    /// Sequences were used that the log does not show: slots in memory only, or of another copy.
    is_ahead: bool,
}

impl Sequences {
    /// Opens or makes the file. Sequences go on after `newest`, the last one in the log, if
    /// `is_whole`: nothing of the log was lost.
    pub(in crate::shell) fn open(
        folder: &Path,
        newest: u64,
        is_whole: bool,
    ) -> Result<Self, SpoolError> {
        let path = folder.join("sequence");
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && newest == 0 && is_whole => {
                let entry = Entry { reserved: 0, is_ahead: false }.to_bytes();
                let mut bytes = [0; FILE_BYTES];
                for offset in [0, 512] {
                    for (byte, part) in bytes.iter_mut().skip(offset).zip(entry) {
                        *byte = part;
                    }
                }
                write_whole(folder, &path, &bytes).map_err(unusable(&path))?;
                OpenOptions::new().read(true).write(true).open(&path)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SpoolError::Damaged { path });
            }
            opened => opened,
        };
        let file = file.map_err(unusable(&path))?;
        let entries = OFFSETS.into_iter().filter_map(|offset| Entry::read(&file, offset));
        let Some(entry) = entries.max() else { return Err(SpoolError::Damaged { path }) };
        let goes_on = is_whole && !entry.is_ahead && (newest > 0 || entry.reserved == 0);
        let last = if goes_on { newest } else { newest.max(entry.reserved) };
        Ok(Self { path, file, entry, next: last.saturating_add(1) })
    }

    /// The sequence that is used next.
    pub(in crate::shell) fn next(&self) -> u64 {
        self.next
    }

    /// Makes sure that [`Self::next`] may be used, and reserves ahead. A full disk may refuse the
    /// latter for half a block.
    pub(in crate::shell) fn reserve(&mut self) -> Result<(), SpoolError> {
        let left = (self.entry.reserved.saturating_add(1)).saturating_sub(self.next);
        if left > SPOOL_SEQUENCE_BLOCK / 2 {
            return Ok(());
        }
        let last = self.entry.reserved.max(self.next.saturating_sub(1));
        let reserved = last.saturating_add(SPOOL_SEQUENCE_BLOCK);
        match self.write(Entry { reserved, ..self.entry }) {
            Err(error) if left > 0 && is_disk_full(&error) => Ok(()),
            written => written.map_err(unusable(&self.path)),
        }
    }

    /// [`Self::next`] is used.
    pub(in crate::shell) fn advance(&mut self) {
        self.next = self.next.saturating_add(1);
    }

    /// Uses nothing up to `last` any more, also not after a crash before the next one is used.
    pub(in crate::shell) fn skip_to(&mut self, last: u64) -> Result<(), SpoolError> {
        if last < self.next {
            return Ok(());
        }
        let reserved = last.saturating_add(SPOOL_SEQUENCE_BLOCK).max(self.entry.reserved);
        self.write(Entry { reserved, is_ahead: true }).map_err(unusable(&self.path))?;
        self.next = last.saturating_add(1);
        Ok(())
    }

    /// Says on the disk whether slots are handed out that are in memory only.
    pub(super) fn set_ahead(&mut self, is_ahead: bool) -> Result<(), SpoolError> {
        if self.entry.is_ahead == is_ahead {
            return Ok(());
        }
        self.write(Entry { is_ahead, ..self.entry }).map_err(unusable(&self.path))
    }

    fn write(&mut self, entry: Entry) -> io::Result<()> {
        for offset in OFFSETS {
            self.file.write_all_at(&entry.to_bytes(), offset)?;
            self.file.sync_data()?;
        }
        self.entry = entry;
        Ok(())
    }
}

impl Entry {
    fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        let sum = self.checksum().to_le_bytes();
        let parts = self.reserved.to_le_bytes().into_iter().chain([u8::from(self.is_ahead)]);
        for (byte, part) in bytes.iter_mut().zip(parts.chain(sum)) {
            *byte = part;
        }
        bytes
    }

    fn checksum(self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(b"sequence");
        hasher.update(&self.reserved.to_le_bytes());
        hasher.update(&[u8::from(self.is_ahead)]);
        hasher.finalize()
    }

    fn read(file: &File, offset: u64) -> Option<Self> {
        let mut bytes = [0; ENTRY_BYTES];
        file.read_exact_at(&mut bytes, offset).ok()?;
        let (reserved, rest) = bytes.split_first_chunk()?;
        let entry = Self { reserved: u64::from_le_bytes(*reserved), is_ahead: rest.first()? == &1 };
        (entry.to_bytes() == bytes).then_some(entry)
    }
}
