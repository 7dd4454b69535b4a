//! The bytes of one file on their way to the disk: a chunk is written while the next one comes, and what
//! was written is synced while further chunks come. It knows no stream and no frame.
//!
//! One chunk and one sync are under way at most, so that the disk, and nothing else, sets the pace.

use std::io;

use systole_common::model::file::HASH_BYTES;
use tokio::task::{JoinHandle, spawn_blocking};

use super::partial::{Partial, PartialError};
use crate::limits::FILE_SYNC_BYTES;

type Work<T> = JoinHandle<Result<T, PartialError>>;

/// See the module's words.
#[derive(Debug)]
pub(super) struct Writing {
    /// The partial file, once the chunk before is written.
    partial: Work<Partial>,
    /// Up to where chunks were taken.
    taken: u64,
    /// Bytes that are synced.
    synced: u64,
    /// A sync, and up to where it reaches.
    syncing: Option<(u64, Work<()>)>,
}

impl Writing {
    /// Goes on with what is there, all of it synced.
    pub(super) fn begin(partial: Partial) -> Self {
        let offset = partial.offset();
        let partial = spawn_blocking(move || Ok(partial));
        Self { partial, taken: offset, synced: offset, syncing: None }
    }

    /// Up to where chunks were taken, in bytes.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Bytes that are synced.
    pub(super) fn synced(&self) -> u64 {
        self.synced
    }

    /// Takes the next chunk, once the one before is written. Fails with the error of that one, or of the
    /// sync behind it.
    pub(super) async fn write(
        &mut self,
        bytes: Vec<u8>,
        hash: [u8; HASH_BYTES],
    ) -> Result<(), PartialError> {
        let mut partial = done(&mut self.partial).await?;
        self.sync(&partial).await?;
        self.taken = self.taken.saturating_add(u64::try_from(bytes.len()).unwrap_or(0));
        self.partial = spawn_blocking(move || partial.write(&bytes, hash).map(|()| partial));
        Ok(())
    }

    /// Puts the whole file on the disk; its hash.
    pub(super) async fn finish(mut self) -> Result<[u8; HASH_BYTES], PartialError> {
        let mut partial = done(&mut self.partial).await?;
        if let Some((_, mut sync)) = self.syncing.take() {
            done(&mut sync).await?;
        }
        done(&mut spawn_blocking(move || partial.finish())).await
    }

    /// Nothing is written any more when this returns.
    pub(super) async fn give_up(mut self) {
        // Why it ends is known already.
        let _ = done(&mut self.partial).await;
    }

    /// Takes note of a sync that is over, and begins one if it is due.
    async fn sync(&mut self, partial: &Partial) -> Result<(), PartialError> {
        let begun = self.syncing.as_ref().map_or(self.synced, |(upto, _)| *upto);
        let is_due = partial.offset().saturating_sub(begun) >= FILE_SYNC_BYTES;
        let is_over = |(_, sync): &mut (u64, Work<()>)| is_due || sync.is_finished();
        if let Some((upto, mut sync)) = self.syncing.take_if(is_over) {
            done(&mut sync).await?;
            self.synced = upto;
        }
        if is_due {
            let sync = partial.sync();
            let sync = spawn_blocking(move || sync().map_err(PartialError::from));
            self.syncing = Some((partial.offset(), sync));
        }
        Ok(())
    }
}

/// What came of work on a thread for it.
async fn done<T>(work: &mut Work<T>) -> Result<T, PartialError> {
    work.await.unwrap_or_else(|error| Err(io::Error::other(error).into()))
}
