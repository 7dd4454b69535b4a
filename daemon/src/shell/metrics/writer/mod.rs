//! The one thread that writes samples: log first, receipt then, chunks later.
//!
//! A slot is receipted only after its record in the log is synced; a segment of the log goes only after
//! all that it holds is in `metrics.db` and `metrics.db` is synced. A full disk is tried again each
//! second; any other failed write ends the program, for the kernel may have dropped what it failed to
//! write. It refuses to know connections and queries.

pub mod chunks;
mod commit;
mod intake;
mod replay;
mod tend;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::fs::statvfs;
use systole_common::ids::{HostId, SpoolEpoch};
use systole_common::record_log::{Log, LogError};
use systole_common::time::UnixMs;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tracing::info;

use super::super::store::StoreError;
use super::LOG_FOLDER;
use super::METRICS_FILE;
use super::database::Database;
use super::health::MetricsNews;
use super::log::{LOG_TAG, MetricsLog};
use super::slot::{Intake, Retention, Slot};
use super::window::{ClosedWindow, OpenWindows, Receipt};
use crate::limits::{
    LOG_SEGMENT_BYTES, METRICS_CLOSE_BUDGET, METRICS_COMMIT_EVERY, SLOTS_PER_TURN_MAX,
};
use chunks::Chunks;
use intake::Host;

/// Tells agents what is safe.
pub trait Receipts: Send {
    /// `ranges` of `epoch` are synced: closed ranges, ascending, at most 32. Must not wait for anything.
    fn received(&self, host: &HostId, epoch: SpoolEpoch, ranges: Vec<(u64, u64)>);
}

/// The writer; [`MetricsWriter::run`] is its thread. Only tests put another database in place of `D`.
pub struct MetricsWriter<R, D: Chunks = Database> {
    folder: PathBuf,
    log: MetricsLog,
    database: D,
    receipts: R,
    windows: OpenWindows,
    news: Arc<MetricsNews>,
    hosts: BTreeMap<HostId, Host>,
    /// The days that have samples: what the clock is judged by.
    days: BTreeSet<i64>,
    retention: Retention,
    room: Room,
    wall: fn() -> UnixMs,
    /// Slots whose records are in the batch that is not synced yet, with their segments.
    pending: Vec<(Slot, u64)>,
    /// On the way into the database; tried again as they are when it is full.
    committing: Option<(Arc<Vec<ClosedWindow>>, Vec<Receipt>)>,
    /// The database took no more.
    is_database_full: bool,
    /// A write failed; nothing is promised any more.
    is_broken: bool,
    tended: tend::Tended,
}

/// Room on the file system.
struct Room {
    /// Bytes that must stay free.
    reserve_bytes: u64,
    free: fn(&Path) -> io::Result<u64>,
    /// Less than the reserve was free.
    is_low: bool,
    /// The log found no room.
    is_log_full: bool,
    /// Slots were refused in this turn.
    has_refused: bool,
}

/// What a writer is made of.
struct Parts<R, D> {
    folder: PathBuf,
    log: Log,
    database: D,
    receipts: R,
    reserve_bytes: u64,
    retention: Retention,
    wall: fn() -> UnixMs,
    free: fn(&Path) -> io::Result<u64>,
}

impl<R: Receipts> MetricsWriter<R> {
    /// Opens log and database in the state folder and reads the log again. `reserve_bytes` must stay
    /// free on the file system. Returns with it a line for each thing that is lost.
    pub fn open(
        folder: &Path,
        reserve_bytes: u64,
        retention: Retention,
        receipts: R,
        wall: fn() -> UnixMs,
    ) -> Result<(Self, Vec<String>), StoreError> {
        let (database, loaded) = Database::open(folder, wall())?;
        let (log, replay) =
            Log::open(&folder.join(LOG_FOLDER), LOG_TAG, LOG_SEGMENT_BYTES).map_err(store_error)?;
        let folder = folder.to_owned();
        let free = free_bytes;
        let parts = Parts { folder, log, database, receipts, reserve_bytes, retention, wall, free };
        Self::start(parts, loaded, replay)
    }
}

impl<R: Receipts, D: Chunks> MetricsWriter<R, D> {
    fn new(parts: Parts<R, D>) -> Self {
        let Parts { folder, log, database, receipts, reserve_bytes, retention, wall, free } = parts;
        let tended = tend::Tended::at(wall(), database.damaged());
        Self {
            folder,
            log: MetricsLog::new(log),
            database,
            receipts,
            windows: OpenWindows::default(),
            news: Arc::default(),
            hosts: BTreeMap::new(),
            days: BTreeSet::new(),
            retention,
            room: Room {
                reserve_bytes,
                free,
                is_low: false,
                is_log_full: false,
                has_refused: false,
            },
            wall,
            pending: Vec::new(),
            committing: None,
            is_database_full: false,
            is_broken: false,
            tended,
        }
    }

    /// What is not in the database yet, for readers.
    pub fn open_windows(&self) -> OpenWindows {
        self.windows.clone()
    }

    /// What others may know of it.
    pub fn news(&self) -> Arc<MetricsNews> {
        self.news.clone()
    }

    /// The file that readers open.
    pub fn database_path(&self) -> PathBuf {
        self.folder.join(METRICS_FILE)
    }

    /// Works until the queue is closed or says stop; then everything is committed, as far as the time for
    /// a stop reaches. Blocks its thread. After an
    /// error the program must end.
    pub fn run(
        mut self,
        handle: &Handle,
        queue: &mut mpsc::Receiver<Intake>,
    ) -> Result<(), StoreError> {
        let mut waiting = Vec::new();
        let mut next = Instant::now() + METRICS_COMMIT_EVERY;
        loop {
            let room = SLOTS_PER_TURN_MAX.saturating_sub(waiting.len());
            let left = next.saturating_duration_since(Instant::now());
            let before = waiting.len();
            let came = handle.block_on(async {
                tokio::time::timeout(left, queue.recv_many(&mut waiting, room)).await
            });
            let fresh = waiting.get(before..).unwrap_or_default();
            let is_over = fresh.iter().any(|intake| matches!(intake, Intake::Stop));
            match came {
                Ok(count) if count == 0 || is_over => {
                    self.turn(waiting)?;
                    return self.close(METRICS_CLOSE_BUDGET);
                }
                Ok(_) if waiting.len() < SLOTS_PER_TURN_MAX && Instant::now() < next => continue,
                Ok(_) | Err(_) => {}
            }
            next = Instant::now() + METRICS_COMMIT_EVERY;
            self.turn(std::mem::take(&mut waiting))?;
        }
    }

    /// One group commit with what came: log, receipts, then windows that are full. After an error
    /// nothing more is receipted.
    pub fn turn(&mut self, intakes: Vec<Intake>) -> Result<(), StoreError> {
        if self.is_broken {
            return Err(StoreError::Closed);
        }
        let done = self.try_turn(intakes);
        self.is_broken = done.is_err();
        done
    }

    fn try_turn(&mut self, intakes: Vec<Intake>) -> Result<(), StoreError> {
        let now = (self.wall)();
        self.news.turns.fetch_add(1, Ordering::Relaxed);
        self.look_for_room();
        let others = self.take_in(intakes, now)?;
        let samples = self.make_safe(others.greeted, now)?;
        self.seal_due(now);
        self.store(samples)?;
        self.clean_up(others.clean_ups)?;
        self.tend(now)
    }

    /// Commits what is open and closes the files, in about `budget`: half of it for commits, the rest to
    /// write them back. What is left is in the log and comes from there at the next start.
    pub fn close(mut self, budget: Duration) -> Result<(), StoreError> {
        let began = Instant::now();
        let _all = self.windows.lock().seal(usize::MAX, |_, _| true);
        if self.store_while(|| began.elapsed() < budget / 2)? {
            self.store_skipped(|_, _| true)?;
        } else {
            info!(folder = %self.folder.display(), "some samples stay in the log until the next start");
        }
        if began.elapsed() >= budget {
            return self.database.leave();
        }
        self.release_log((self.wall)(), true)?;
        self.database.close()
    }
}

fn free_bytes(folder: &Path) -> io::Result<u64> {
    let system = statvfs(folder)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

fn store_error(error: LogError) -> StoreError {
    let what = "writing the metric log";
    match error {
        LogError::Full { path, .. } => StoreError::Full { path },
        LogError::Failed { path, source } => StoreError::Io { path, what, source },
        LogError::Unusable { path, source } => {
            StoreError::Io { path, what: "using the metric log", source }
        }
        LogError::Stopped { .. } => StoreError::Closed,
        LogError::TooLong { .. } => {
            let source = io::ErrorKind::InvalidInput.into();
            StoreError::Io { path: LOG_FOLDER.into(), what, source }
        }
    }
}
