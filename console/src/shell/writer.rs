//! The thread that writes frames to the terminal, one at a time. A slow terminal makes it wait, and
//! nobody else: who paints asks first whether it is free, and paints what is then the newest.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::tty::Tty;

/// Writes frames.
#[derive(Debug)]
pub struct Writer {
    tty: Arc<Tty>,
    frames: SyncSender<Vec<u8>>,
    ends: mpsc::Receiver<io::Result<()>>,
    is_free: bool,
}

impl Writer {
    /// Starts the thread; it ends when this is dropped and the last frame is written or given up.
    pub fn start(tty: Arc<Tty>) -> Self {
        let (frames, queue) = sync_channel::<Vec<u8>>(1);
        let (ended, ends) = mpsc::channel(1);
        let own = tty.clone();
        std::thread::spawn(move || {
            while let Ok(frame) = queue.recv() {
                if ended.blocking_send(own.write(&frame, None)).is_err() {
                    return;
                }
            }
        });
        Self { tty, frames, ends, is_free: true }
    }

    /// Whether no frame is under way.
    pub fn is_free(&self) -> bool {
        self.is_free
    }

    /// Writes a frame in the background, unless it is empty. Only when it [is free](Self::is_free).
    pub fn write(&mut self, frame: Vec<u8>) -> io::Result<()> {
        if frame.is_empty() {
            return Ok(());
        }
        match self.frames.try_send(frame) {
            Ok(()) => {
                self.is_free = false;
                Ok(())
            }
            Err(TrySendError::Full(_)) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TrySendError::Disconnected(_)) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Returns when the frame under way is written; never if none is. May be cancelled.
    pub async fn written(&mut self) -> io::Result<()> {
        if self.is_free {
            return std::future::pending().await;
        }
        let end = self.ends.recv().await;
        self.is_free = true;
        end.unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()))
    }

    /// Lets the frame under way end, for `limit`; then it is given up where it is.
    pub async fn settle(&mut self, limit: Duration) {
        if self.is_free || timeout(limit, self.written()).await.is_ok() {
            return;
        }
        self.tty.abandon(true);
        // It looks more often than that, unless the system holds it.
        let _ = timeout(limit, self.written()).await;
        self.tty.abandon(false);
    }
}
