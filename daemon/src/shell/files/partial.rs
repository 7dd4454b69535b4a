//! What has come of one file: bytes in order, each chunk checked, the hash of all so far.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use systole_common::content::{HEAD_BYTES, media_type};
use systole_common::ids::HostId;
use systole_common::model::file::HASH_BYTES;

use super::folder::{Folder, FolderError};
use crate::engine::state::FileRow;
use crate::limits::FILE_READ_BYTES;

/// Why no more is taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum PartialError {
    /// The folder does not allow it.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A chunk is not what its header says.
    #[error(
        "bytes at {offset} are not those of their header: they were changed on the way or in the file"
    )]
    Chunk {
        /// Where.
        offset: u64,
    },
    /// The disk.
    #[error("the monitor's disk failed ({0}); an operator must look at it")]
    Disk(#[from] io::Error),
}

/// See the module's words.
#[derive(Debug)]
pub(super) struct Partial {
    file: Arc<File>,
    hasher: blake3::Hasher,
    /// Bytes that came.
    offset: u64,
}

/// What there is of a file when its stream opens.
#[derive(Debug)]
pub(super) enum Found {
    /// A beginning, perhaps of no byte.
    Part(Box<Partial>),
    /// All of it, under its name already: the daemon stopped between rename and note.
    Placed,
}

/// Opens what has come of a file and reads it again, up to what was synced.
pub(super) fn resume(folder: &Folder, row: &FileRow) -> Result<Found, PartialError> {
    if let Some(file) = folder.find_partial(row.id)? {
        return Partial::up_to(file, row.synced_bytes)
            .map(|partial| Found::Part(Box::new(partial)));
    }
    if let Some(name) = &row.placed
        && is_placed(folder, &row.host, name, row)
    {
        return Ok(Found::Placed);
    }
    let file = folder.partial(row.id, row.size_bytes)?;
    Partial::up_to(file, 0).map(|partial| Found::Part(Box::new(partial)))
}

/// What a file is by its first bytes, if it has the name that was written down for it.
pub(super) fn find_placed(folder: &Folder, row: &FileRow) -> Option<String> {
    let name = row.placed.as_deref()?;
    let has_partial = !matches!(folder.find_partial(row.id), Ok(None));
    if has_partial || !is_placed(folder, &row.host, name, row) {
        return None;
    }
    content(folder, &row.host, name).ok()
}

fn is_placed(folder: &Folder, host: &HostId, name: &str, row: &FileRow) -> bool {
    let Ok(file) = folder.received(host, name) else { return false };
    file.metadata().is_ok_and(|found| found.len() == row.size_bytes)
        && Partial::up_to(file, u64::MAX).is_ok_and(|partial| partial.hash() == row.blake3)
}

impl Partial {
    /// What is there of the first so many bytes. What lies behind them is written over and not cut off:
    /// cutting would give back the room that was taken for the rest.
    fn up_to(file: File, bytes_max: u64) -> Result<Self, PartialError> {
        let mut hasher = blake3::Hasher::new();
        let mut offset = 0;
        let mut buffer = vec![0; FILE_READ_BYTES];
        while offset < bytes_max {
            let read = file.read_at(&mut buffer, offset)?;
            if read == 0 {
                break;
            }
            let left = usize::try_from(bytes_max - offset).unwrap_or(usize::MAX);
            let bytes = buffer.get(..read.min(left)).unwrap_or_default();
            hasher.update(bytes);
            offset = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(0));
        }
        Ok(Self { file: Arc::new(file), hasher, offset })
    }

    /// Bytes that came.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes the next chunk. It is not synced yet.
    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        hash: [u8; HASH_BYTES],
    ) -> Result<(), PartialError> {
        if blake3::hash(bytes) != hash {
            return Err(PartialError::Chunk { offset: self.offset });
        }
        self.file.write_all_at(bytes, self.offset)?;
        self.hasher.update(bytes);
        self.offset = self.offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(0));
        Ok(())
    }

    /// What puts all that came on the disk, while further chunks may come.
    pub(super) fn sync(&self) -> impl FnOnce() -> io::Result<()> + Send + 'static {
        let file = self.file.clone();
        move || file.sync_data()
    }

    /// Puts the whole file on the disk, nothing behind it; the hash of all that came.
    pub(super) fn finish(&mut self) -> Result<[u8; HASH_BYTES], PartialError> {
        self.file.set_len(self.offset)?;
        self.file.sync_data()?;
        Ok(self.hash())
    }

    /// The hash of all that came.
    pub(super) fn hash(&self) -> [u8; HASH_BYTES] {
        *self.hasher.finalize().as_bytes()
    }
}

/// What a received file is by its first bytes.
pub(super) fn content(folder: &Folder, host: &HostId, name: &str) -> Result<String, PartialError> {
    let mut head = Vec::new();
    let limit = u64::try_from(HEAD_BYTES).unwrap_or(0);
    folder.received(host, name)?.take(limit).read_to_end(&mut head)?;
    Ok(media_type(&head).to_owned())
}
