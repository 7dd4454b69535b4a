//! The talk's thread: keeps what is said and heard on disk, then sends and confirms it.
//!
//! Its disk may be slow or hang: heartbeats, samples and the collectors are on other threads. Nothing
//! is promised to a user, and nothing confirmed to a daemon, before it is on the disk; what comes
//! together goes there together. A full disk refuses what users say and leaves what daemons send with
//! them; one that fails is opened again now and then.

pub mod ask;
pub mod chats;
mod listener;
mod log;
pub mod outlet;
mod record;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use systole_common::ids::SpoolEpoch;
use systole_common::ranges::RangeSet;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error, info, warn};

use super::delivery::outlet::Receipted;
use super::shared::Shared;
use super::spool::SpoolError;
use crate::limits::SPOOL_REOPEN;
use ask::{Ask, Shown};
use chats::Chats;
use log::{Opened, TalkLog};
use outlet::Arrived;
use watch::Watch;

/// Where the talk's log is.
#[derive(Debug, Clone)]
pub struct TalkPlace {
    /// Its folder, inside the spool's, which keeps other agents out.
    pub folder: PathBuf,
    /// The spool's epoch.
    pub epoch: SpoolEpoch,
}

/// An open log, and what it holds.
#[derive(Debug)]
pub struct TalkOpened(Opened);

impl TalkPlace {
    /// Opens the log and says what of it is lost.
    pub fn open(&self) -> Result<TalkOpened, SpoolError> {
        let opened = TalkLog::open(&self.folder, self.epoch)?;
        for loss in &opened.losses {
            warn!("{loss}");
        }
        Ok(TalkOpened(opened))
    }
}

/// What the talk's thread begins with.
#[derive(Debug)]
pub struct TalkKeeper {
    place: TalkPlace,
    shared: Arc<Shared>,
    asks: mpsc::Receiver<Ask>,
    arrivals: mpsc::Receiver<Arrived>,
    receipts: mpsc::Receiver<Receipted>,
    /// The newest messages, oldest first.
    recent: VecDeque<Arc<Shown>>,
    chats: Chats,
    /// The last message that somebody was promised.
    promised: u64,
}

impl TalkKeeper {
    /// A thread's work: it answers `asks`, takes `arrivals` and `receipts` for messages.
    pub fn new(
        place: TalkPlace,
        shared: Arc<Shared>,
        asks: mpsc::Receiver<Ask>,
        arrivals: mpsc::Receiver<Arrived>,
        receipts: mpsc::Receiver<Receipted>,
    ) -> Self {
        let (recent, chats) = (VecDeque::new(), Chats::default());
        Self { place, shared, asks, arrivals, receipts, recent, chats, promised: 0 }
    }

    /// Keeps, sends and confirms until `end` says so. If the disk fails, all else goes on, and the log
    /// is opened again now and then.
    pub async fn run(mut self, opened: TalkOpened, mut end: oneshot::Receiver<()>) {
        let TalkOpened(mut opened) = opened;
        self.recent = std::mem::take(&mut opened.recent);
        self.promised = opened.left.newest;
        let (mut opened, mut repaired_at) = (Some(opened), None);
        loop {
            let Some(open) = opened.take() else {
                if !self.rest(&mut end).await {
                    return;
                }
                opened = self.reopen();
                continue;
            };
            let ended = Watch::new(&mut self, open).run(&mut end).await;
            let is_first = repaired_at.is_none_or(|at: Instant| at.elapsed() > SPOOL_REOPEN);
            match ended {
                Ok(()) => return,
                Err(SpoolError::Unreadable(error)) if is_first => {
                    // Opening it again sets aside what cannot be read, and says so.
                    debug!("{error}");
                    repaired_at = Some(Instant::now());
                    opened = self.reopen();
                }
                Err(error) => {
                    error!("{error}");
                    error!("no message is taken until the disk can be used");
                }
            }
        }
    }

    /// Lets time pass while there is no log; `false` at the end of the program. What daemons send waits
    /// with them.
    async fn rest(&mut self, end: &mut oneshot::Receiver<()>) -> bool {
        let until = Instant::now() + SPOOL_REOPEN;
        loop {
            tokio::select! {
                _ = &mut *end => return false,
                () = sleep_until(until) => return true,
                // Whoever asks learns of it by the answer that never comes.
                Some(_) = self.asks.recv() => {}
                Some(_) = self.receipts.recv() => {}
            }
        }
    }

    /// Opens the log again. What nobody was promised is not sent, though the disk may have it.
    fn reopen(&self) -> Option<Opened> {
        let mut opened = match self.place.open() {
            Ok(TalkOpened(opened)) => opened,
            Err(error) => {
                debug!("{error}");
                return None;
            }
        };
        info!("messages can be kept again");
        let (left, promised) = (&mut opened.left, self.promised);
        left.messages.retain(|message| message.sequence <= promised);
        if left.newest > promised {
            let not_owed = |settled: &mut RangeSet| {
                settled.insert(promised.saturating_add(1), left.newest);
            };
            left.settled.values_mut().for_each(not_owed);
        }
        Some(opened)
    }
}
