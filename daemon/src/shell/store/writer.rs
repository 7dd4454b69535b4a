//! The one thread that writes `state.db`: it commits, then releases what waited for the commit.
//!
//! Batches that queue up share one transaction. A full disk holds them back and is tried again; any
//! other failed write ends the program, for the kernel may have dropped what it failed to write.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use systole_common::time::UnixMs;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use super::backlog::Backlog;
use super::schema::Opened;
use super::{Fault, Reserve, StoreError, prune, rows};
use crate::engine::effect::Effect;
use crate::engine::state::Change;
use crate::limits::{COMMIT_CHANGES_MAX, PRUNE_EVERY, RESERVE_RETRY, WAL_BYTES_MAX, WRITER_BEAT};

/// The outcome of one input: what to commit, and what to do once that is done.
#[derive(Debug, Default)]
pub struct Batch {
    /// One transaction, perhaps shared with other batches.
    pub changes: Vec<Change>,
    /// Done in this order after the commit.
    pub effects: Vec<Effect>,
}

/// Does what waited for a commit.
pub trait Release: Send {
    /// Does `effects` in their order. Must not wait for anything.
    fn release(&self, effects: Vec<Effect>);
}

/// What others may know of the writer without asking it.
#[derive(Debug, Default)]
pub struct WriterNews {
    /// Batches handed over and not yet released.
    pub in_flight: AtomicUsize,
    /// Turns of its loop; stands still while it is stuck.
    pub turns: AtomicU64,
    /// Transactions committed.
    pub commits: AtomicU64,
    /// Time spent in them, in microseconds.
    pub commit_us: AtomicU64,
    /// The longest of them, in microseconds.
    pub commit_us_max: AtomicU64,
    /// The longest since somebody took it by putting 0 here, in microseconds.
    pub commit_us_recent: AtomicU64,
    /// Whether the reserve was given up and is not held again.
    pub reserve_gone: AtomicBool,
    /// Times that the disk was full.
    pub refusals: AtomicU64,
}

/// The writer; [`Writer::run`] is its thread.
pub struct Writer<R> {
    path: PathBuf,
    connection: Connection,
    reserve: Reserve,
    release: R,
    news: Arc<WriterNews>,
    refusing: watch::Sender<bool>,
    backlog: Backlog,
    wall: fn() -> UnixMs,
    wal_bytes_judged: u64,
    tended: Instant,
    reserve_tried: Instant,
    pruned: Option<Instant>,
    /// Tests only: the disk is full as long as the reserve is held.
    #[cfg(test)]
    pub(super) full_with_reserve: bool,
}

impl<R: Release> Writer<R> {
    /// A writer on an open file. `refusing` tells whether the disk takes no more.
    pub fn new(
        opened: Opened,
        reserve: Reserve,
        release: R,
        refusing: watch::Sender<bool>,
        wall: fn() -> UnixMs,
    ) -> Self {
        let news = WriterNews::default();
        news.reserve_gone.store(!reserve.is_held(), Ordering::Relaxed);
        Self {
            path: opened.path,
            connection: opened.connection,
            reserve,
            release,
            news: Arc::new(news),
            refusing,
            backlog: Backlog::default(),
            wall,
            wal_bytes_judged: 0,
            tended: Instant::now(),
            reserve_tried: Instant::now(),
            pruned: None,
            #[cfg(test)]
            full_with_reserve: false,
        }
    }

    /// What others may know of it.
    pub fn news(&self) -> Arc<WriterNews> {
        self.news.clone()
    }

    /// Works until the queue is closed and empty; then writes everything back. Blocks its thread.
    pub fn run(
        mut self,
        handle: &Handle,
        queue: &mut mpsc::Receiver<Batch>,
    ) -> Result<(), StoreError> {
        loop {
            self.news.turns.fetch_add(1, Ordering::Relaxed);
            let next =
                handle.block_on(async { tokio::time::timeout(WRITER_BEAT, queue.recv()).await });
            match next {
                Ok(Some(first)) => self.take(gather(first, queue))?,
                Ok(None) => return self.finish(),
                Err(_) => {}
            }
            if self.tended.elapsed() >= WRITER_BEAT {
                self.tended = Instant::now();
                self.tend()?;
            }
            self.checkpoint_if_due()?;
        }
    }

    /// Commits `batches` together and releases them in their order.
    pub(super) fn take(&mut self, batches: Vec<Batch>) -> Result<(), StoreError> {
        let count = batches.len();
        if *self.refusing.borrow() {
            self.hold(batches);
        } else if self.committed(batches.iter().flat_map(|batch| &batch.changes))? {
            for batch in batches {
                self.release.release(batch.effects);
            }
        } else {
            self.begin_refusing();
            self.hold(batches);
        }
        self.news.in_flight.fetch_sub(count, Ordering::AcqRel);
        Ok(())
    }

    /// Once a second: tries a full disk again, gets the reserve back, deletes what is too old.
    pub(super) fn tend(&mut self) -> Result<(), StoreError> {
        if *self.refusing.borrow() {
            return self.retry();
        }
        if !self.reserve.is_held() && self.reserve_tried.elapsed() >= RESERVE_RETRY {
            self.restore_reserve();
        }
        if self.pruned.is_none_or(|at| at.elapsed() >= PRUNE_EVERY) {
            self.prune()?;
        }
        Ok(())
    }

    fn hold(&mut self, batches: Vec<Batch>) {
        for batch in batches {
            let others = self.backlog.take(batch.changes, batch.effects);
            self.release.release(others);
        }
    }

    fn begin_refusing(&mut self) {
        self.news.refusals.fetch_add(1, Ordering::Relaxed);
        self.refusing.send_replace(true);
        warn!(file = %self.path.display(), "the disk is full: state is kept in memory until there is room, replies to commands wait");
    }

    fn retry(&mut self) -> Result<(), StoreError> {
        let backlog = std::mem::take(&mut self.backlog);
        let written = self.committed(backlog.changes().iter());
        self.backlog = backlog;
        if !written? {
            return Ok(());
        }
        let (replies, lost) = self.backlog.committed();
        self.release.release(replies);
        self.refusing.send_replace(false);
        info!(file = %self.path.display(), lost_lines = lost, "the disk takes writes again");
        self.restore_reserve();
        Ok(())
    }

    fn restore_reserve(&mut self) {
        self.reserve_tried = Instant::now();
        if self.reserve.restore() {
            self.news.reserve_gone.store(false, Ordering::Relaxed);
            info!(file = %self.reserve.path().display(), bytes = self.reserve.bytes(), "reserve is held again");
        }
    }

    /// `true` once the changes are on the disk, `false` if it is full even without the reserve.
    fn committed<'a>(
        &mut self,
        changes: impl Iterator<Item = &'a Change> + Clone,
    ) -> Result<bool, StoreError> {
        match self.commit(changes.clone()) {
            Ok(()) => return Ok(true),
            Err(error) if Fault::of(&error) == Fault::Full => {}
            Err(error) => return Err(StoreError::of(&self.path, "writing", error)),
        }
        if !self.reserve.release() {
            return Ok(false);
        }
        self.reserve_tried = Instant::now();
        self.news.reserve_gone.store(true, Ordering::Relaxed);
        warn!(file = %self.reserve.path().display(), bytes = self.reserve.bytes(), "the disk is full: the reserve is given up");
        match self.commit(changes) {
            Ok(()) => Ok(true),
            Err(error) if Fault::of(&error) == Fault::Full => Ok(false),
            Err(error) => Err(StoreError::of(&self.path, "writing", error)),
        }
    }

    fn commit<'a>(&mut self, changes: impl Iterator<Item = &'a Change>) -> rusqlite::Result<()> {
        let mut changes = changes.peekable();
        if changes.peek().is_none() {
            return Ok(());
        }
        #[cfg(test)]
        if self.full_with_reserve && self.reserve.is_held() {
            let full = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
            return Err(rusqlite::Error::SqliteFailure(full, None));
        }
        let begin = Instant::now();
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for change in changes {
            rows::apply(&transaction, change)?;
        }
        transaction.commit()?;
        self.count(begin.elapsed());
        Ok(())
    }

    fn count(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.news.commits.fetch_add(1, Ordering::Relaxed);
        self.news.commit_us.fetch_add(us, Ordering::Relaxed);
        self.news.commit_us_max.fetch_max(us, Ordering::Relaxed);
        self.news.commit_us_recent.fetch_max(us, Ordering::Relaxed);
    }

    /// Writes the log back when it has grown. SQLite's own checkpoint would swallow errors.
    fn checkpoint_if_due(&mut self) -> Result<(), StoreError> {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        let bytes = fs::metadata(log).map_or(0, |metadata| metadata.len());
        if bytes > WAL_BYTES_MAX.max(self.wal_bytes_judged) {
            let is_whole = self.checkpoint()?;
            // Readers were in the way: again when it has grown by as much once more.
            self.wal_bytes_judged = if is_whole { 0 } else { bytes.saturating_add(WAL_BYTES_MAX) };
        }
        Ok(())
    }

    /// `true` if the whole log was written back and cut.
    pub(super) fn checkpoint(&mut self) -> Result<bool, StoreError> {
        let result = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok(row.get::<_, i64>(0)? == 0));
        match result {
            Ok(is_whole) => Ok(is_whole),
            // The file cannot grow: the log keeps everything, and commits will say that the disk is full.
            Err(error) if Fault::of(&error) == Fault::Full => Ok(false),
            Err(error) => Err(StoreError::of(&self.path, "writing the log back", error)),
        }
    }

    /// Deletes what is too old; a clock of 9999 must not empty the trail.
    fn prune(&mut self) -> Result<(), StoreError> {
        match prune::prune(&mut self.connection, (self.wall)()) {
            Ok(is_all) => {
                // The rest goes at the next turns, a little at a time.
                self.pruned = is_all.then(Instant::now);
                Ok(())
            }
            Err(error) if Fault::of(&error) == Fault::Full => {
                self.pruned = Some(Instant::now());
                Ok(())
            }
            Err(error) => Err(StoreError::of(&self.path, "deleting old lines", error)),
        }
    }

    /// The daemon stops: a last try for what waits, then one whole file.
    fn finish(mut self) -> Result<(), StoreError> {
        if !self.backlog.is_empty() {
            self.retry()?;
        }
        if *self.refusing.borrow() {
            return Err(StoreError::Full { path: self.path });
        }
        self.checkpoint()?;
        let path = self.path;
        self.connection.close().map_err(|(_, error)| StoreError::of(&path, "closing", error))
    }
}

#[cfg(test)]
impl<R> Writer<R> {
    /// Lets the file grow by so many pages, as a full disk would; `None` for any number.
    pub(super) fn limit_pages(&self, more: Option<u32>) {
        let pages: u32 =
            self.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        let limit = more.map_or(u32::MAX - 1, |more| pages + more);
        self.connection.pragma_update_and_check(None, "max_page_count", limit, |_| Ok(())).unwrap();
    }
}

/// The first batch and those that wait behind it, within one transaction's bound.
fn gather(first: Batch, queue: &mut mpsc::Receiver<Batch>) -> Vec<Batch> {
    let mut count = first.changes.len();
    let mut batches = vec![first];
    while count < COMMIT_CHANGES_MAX {
        let Ok(next) = queue.try_recv() else { break };
        count += next.changes.len();
        batches.push(next);
    }
    batches
}
