//! One try to transfer a file: a stream on the bulk connection, from the question where to begin to the
//! daemon's last word.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use quinn::{RecvStream, WriteError};
use systole_common::ids::DaemonName;
use systole_common::model::file::{CHUNK_BYTES, FileState, HASH_BYTES};
use systole_common::net::framed::{FrameError, FrameReader, FrameWriter};
use systole_common::wire::file::{Chunk, Decision};
use systole_common::wire::hello::{StreamName, StreamOpen};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tracing::debug;

use super::file::{FileError, Piece, SentFile};
use crate::engine::offers::TransferEnd;
use crate::limits::{
    FILE_BEGIN_WAIT, FILE_END_WAIT, FILE_STALL_MAX, SEND_ANSWERS_KEPT, SEND_PROGRESS_EVERY,
};
use crate::shell::delivery::outlet::BulkLink;
use crate::shell::local::{Answer, SendProgress};
use crate::shell::shared::Shared;

/// Priority of file streams: after the slots of the backfill (0).
const FILE_PRIORITY: i32 = -2;

/// What one try needs.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) daemon: DaemonName,
    /// The daemon's number for the file.
    pub(super) number: u64,
    pub(super) file: Arc<SentFile>,
    pub(super) answers: mpsc::Sender<Answer>,
    pub(super) shared: Arc<Shared>,
}

/// How it ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// By the daemon's word, or without one.
    End(TransferEnd),
    /// The file is not what was offered, or cannot be read.
    Spoiled(String),
}

/// Why a try ended without the daemon's word.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the daemon does not answer")]
    Silent,
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the reading thread ended")]
    Thread,
}

impl Transfer {
    /// Waits for the bulk connection, then sends what the daemon lacks.
    pub(super) async fn run(self) -> Ended {
        let link = self.link().await;
        let mut moved = 0;
        match self.send(&link, &mut moved).await {
            Ok(decision) => Ended::End(TransferEnd::Word(decision)),
            Err(Fault::File(error)) => Ended::Spoiled(error.to_string()),
            Err(fault) => {
                debug!(daemon = %self.daemon, file = self.number, %fault, "a transfer broke off");
                Ended::End(TransferEnd::Broken { has_moved: moved > 0 })
            }
        }
    }

    async fn link(&self) -> BulkLink {
        let mut bulks = self.shared.bulks.subscribe();
        let found = bulks.wait_for(|links| links.contains_key(&self.daemon)).await;
        match found.ok().and_then(|links| links.get(&self.daemon).cloned()) {
            Some(link) => link,
            // Only at the end of the program.
            None => std::future::pending().await,
        }
    }

    async fn send(&self, link: &BulkLink, moved: &mut u64) -> Result<Decision, Fault> {
        let opened = link.connection.open_bi().await;
        let lost = |error| FrameError::Write(WriteError::ConnectionLost(error));
        let (send, receive) = opened.map_err(lost)?;
        let mut stream = Stream(FrameWriter::new(send, link.version));
        let writer = &mut stream.0;
        // Fails only on a stream that is finished, which this one is not.
        let _ = writer.stream().set_priority(FILE_PRIORITY);
        let mut words = Words(FrameReader::new(receive, link.version));
        writer.queue(&StreamOpen { stream: StreamName::File.into() })?;
        writer.write(&self.chunk(0, 0, [0; HASH_BYTES])).await?;
        let first = timeout(FILE_BEGIN_WAIT, words.next()).await.map_err(|_| Fault::Silent)??;
        if first.state != FileState::Receiving.into() {
            return Ok(first);
        }
        let mut told = None;
        let mut offset = first.offset.min(self.file.size_bytes());
        self.tell(offset, &mut told);
        let mut reading = self.read(offset);
        while offset < self.file.size_bytes() {
            let sent = tokio::select! {
                // The daemon wants no more.
                word = words.next() => return word,
                sent = timeout(FILE_STALL_MAX, self.piece(&mut reading, offset, writer)) => sent,
            };
            let length = sent.map_err(|_| Fault::Silent)??;
            (offset, *moved) = (offset + length, *moved + length);
            self.tell(offset, &mut told);
        }
        match writer.stream().finish() {
            // If it is finished already, the daemon stopped it, and says why.
            Ok(()) | Err(_) => {}
        }
        timeout(FILE_END_WAIT, words.next()).await.map_err(|_| Fault::Silent)?
    }

    /// Begins to read the bytes from `offset` on.
    fn read(&self, offset: u64) -> Reading {
        let (file, length) = (self.file.clone(), self.length(offset));
        spawn_blocking(move || file.piece(offset, usize::try_from(length).unwrap_or(0)))
    }

    /// How many bytes go at once from `offset` on.
    fn length(&self, offset: u64) -> u32 {
        let rest = self.file.size_bytes().saturating_sub(offset);
        u32::try_from(rest).unwrap_or(u32::MAX).min(CHUNK_BYTES)
    }

    /// Sends the bytes that were read, while the next ones are; how many.
    async fn piece(
        &self,
        reading: &mut Reading,
        offset: u64,
        writer: &mut FrameWriter,
    ) -> Result<u64, Fault> {
        let piece = (&mut *reading).await.map_err(|_| Fault::Thread)??;
        self.shared.counters.files.fetch_add(1, Ordering::Relaxed);
        let length = self.length(offset);
        *reading = self.read(offset.saturating_add(length.into()));
        writer.write(&self.chunk(offset, length, piece.blake3)).await?;
        writer.stream().write_all(&piece.bytes).await.map_err(FrameError::from)?;
        Ok(length.into())
    }

    fn chunk(&self, offset: u64, length: u32, blake3: [u8; HASH_BYTES]) -> Chunk {
        Chunk { file: self.number, offset, length, blake3 }
    }

    /// Tells the user how far it is, now and then. What finds no room is told the next time.
    fn tell(&self, sent_bytes: u64, told: &mut Option<Instant>) {
        let size_bytes = self.file.size_bytes();
        let is_due = told.is_none_or(|at| at.elapsed() >= SEND_PROGRESS_EVERY);
        if (is_due || sent_bytes == size_bytes) && self.answers.capacity() > SEND_ANSWERS_KEPT {
            *told = Some(Instant::now());
            let progress = SendProgress { sent_bytes, size_bytes };
            // Its end is noticed elsewhere.
            let _ = self.answers.try_send(Answer::Progress(progress));
        }
    }
}

/// Bytes that are being read.
type Reading = JoinHandle<Result<Piece, FileError>>;

/// The sending side of a file stream. Given up, it is reset: an end would say that all bytes came.
struct Stream(FrameWriter);

impl Drop for Stream {
    fn drop(&mut self) {
        // After the last word it is over already.
        let _ = self.0.stream().reset(quinn::VarInt::from_u32(0));
    }
}

/// What the daemon says on a file stream.
struct Words(FrameReader);

impl Words {
    async fn next(&mut self) -> Result<Decision, Fault> {
        Ok(self.0.expect().await?)
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        // It may be over already.
        let stream: &mut RecvStream = self.0.stream();
        let _ = stream.stop(quinn::VarInt::from_u32(0));
    }
}
