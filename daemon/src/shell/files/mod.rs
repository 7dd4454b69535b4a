//! Received files: room for them, file streams, the last rename, and what operators fetch.
//!
//! | file | what it does |
//! |---|---|
//! | `folder` | the folder, by descriptors only; `names` finds a free name |
//! | `partial` | what has come of one file: its bytes and their hash |
//! | `writing` | chunks and syncs on their way to the disk |
//! | `receive` | one file stream from its opening to the last word |
//! | `fetch` | a received file for an operator |
//!
//! The engine decides which file is wanted and how it ended; here nothing is decided but whether bytes
//! are the offered ones. [`Depot`] is where its effects arrive. Work on the disk is done on threads for
//! blocking work and never on those of the sockets.

mod fetch;
mod folder;
mod names;
mod partial;
mod receive;
#[cfg(test)]
mod tests;
mod writing;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use systole_common::ids::HostId;
use systole_common::wire::file::Decision;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::engine::effect::TransferVerdict;
use crate::engine::input::Input;
use crate::engine::limits::TRANSFER_AT_START;
use crate::engine::size_words as size;
use crate::engine::state::FileRow;
use crate::limits::{FILE_ORDERS_MAX, FILE_STREAMS_MAX};
use folder::{Folder, FolderError};

pub(super) use fetch::serve_fetch;
pub(super) use receive::receive;

/// What the engine says to one file stream.
#[derive(Debug)]
pub(super) enum Order {
    /// Begin, or not.
    Verdict(TransferVerdict),
    /// The name is written down: give it.
    Place,
    /// The last word.
    Over(Decision),
}

/// Where files go and how much room they may take.
#[derive(Debug, Clone)]
pub(super) struct DepotSettings {
    /// The folder.
    pub(super) path: PathBuf,
    /// What the files of one host may have, in bytes.
    pub(super) per_host_bytes: u64,
    /// Room that is never taken for files, in bytes.
    pub(super) reserve_bytes: u64,
}

/// Where the engine's effects about files arrive.
#[derive(Debug)]
pub(super) struct Depot {
    folder: Folder,
    /// Room that is never taken for files.
    reserve_bytes: u64,
    /// What the files of one host may have.
    per_host_bytes: AtomicU64,
    inputs: mpsc::Sender<Input>,
    handle: Handle,
    streams: Mutex<BTreeMap<u64, mpsc::Sender<Order>>>,
    last: AtomicU64,
    /// Room that is taken for files that have not come.
    reserved: Mutex<BTreeMap<u64, (HostId, u64)>>,
}

impl Depot {
    /// A depot that works on threads of `handle` and tells `inputs` what came of it.
    pub(super) fn new(
        settings: DepotSettings,
        inputs: mpsc::Sender<Input>,
        handle: Handle,
    ) -> Self {
        Self {
            folder: Folder::new(settings.path),
            reserve_bytes: settings.reserve_bytes,
            per_host_bytes: AtomicU64::new(settings.per_host_bytes),
            inputs,
            handle,
            streams: Mutex::default(),
            last: AtomicU64::new(0),
            reserved: Mutex::default(),
        }
    }

    /// From now on each host may have so much.
    pub(super) fn set_per_host(&self, bytes: u64) {
        self.per_host_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Room for files beyond the reserve.
    pub(super) fn free_bytes(&self) -> u64 {
        self.folder.free_bytes().saturating_sub(self.reserve_bytes)
    }

    /// Takes room for a file; tells the engine what came of it.
    pub(super) fn reserve(self: &Arc<Self>, file: u64, host: HostId, size_bytes: u64) {
        self.work(move |depot| {
            let result = depot.take_room(file, &host, size_bytes);
            if let Err(error) = &result {
                warn!(%host, file, reason = error, "no room for a file");
            }
            Some(Input::Reserved { file, result })
        });
    }

    /// Says to a file stream whether it may begin.
    pub(super) fn verdict(&self, transfer: u64, verdict: TransferVerdict) {
        self.order(transfer, Order::Verdict(verdict));
    }

    /// Says to a file stream that the name may be given.
    pub(super) fn place(&self, transfer: u64) {
        self.order(transfer, Order::Place);
    }

    /// The last word to a file stream.
    pub(super) fn over(&self, transfer: u64, decision: Decision) {
        self.order(transfer, Order::Over(decision));
    }

    /// Removes a partial file and gives its room back.
    pub(super) fn discard(self: &Arc<Self>, file: u64) {
        self.work(move |depot| {
            depot.release(file);
            depot.folder.discard(file);
            None
        });
    }

    /// Removes what an earlier run of the daemon left and nobody wants, and remembers whose room the rest has.
    pub(super) fn keep_partials(self: &Arc<Self>, kept: Vec<(u64, HostId, u64)>) {
        let ids: Vec<u64> = kept.iter().map(|(file, _, _)| *file).collect();
        let rooms = kept.into_iter().map(|(file, host, size_bytes)| (file, (host, size_bytes)));
        lock(&self.reserved).extend(rooms);
        self.work(move |depot| {
            match depot.folder.keep_partials(&ids) {
                Ok(()) => {
                    info!(path = %depot.folder.path().display(), "received files are kept here");
                }
                Err(error) => {
                    warn!(reason = %error, "files cannot be received; all else goes on");
                }
            }
            None
        });
    }

    /// Looks whether a file has the name that it was about to get when the daemon stopped.
    pub(super) fn find_placed(self: &Arc<Self>, row: Box<FileRow>) {
        self.work(move |depot| {
            let (transfer, file) = (TRANSFER_AT_START, row.id);
            let found = partial::find_placed(&depot.folder, &row);
            if let Some(content) = found {
                depot.release(file);
                return Some(Input::TransferPlaced { transfer, file, content });
            }
            Some(Input::TransferEnded { transfer, file, fatal: None })
        });
    }

    /// The room that was taken for a file is its own now, or nobody's.
    fn release(&self, file: u64) {
        lock(&self.reserved).remove(&file);
    }

    fn take_room(&self, file: u64, host: &HostId, size_bytes: u64) -> Result<(), String> {
        let used = self.folder.used_bytes(host).map_err(|error| error.to_string())?;
        let others = lock(&self.reserved)
            .iter()
            .filter(|(id, (other, _))| **id != file && other == host)
            .fold(0, |sum: u64, (_, (_, bytes))| sum.saturating_add(*bytes));
        let allowed = self.per_host_bytes.load(Ordering::Relaxed);
        let wanted = used.saturating_add(others).saturating_add(size_bytes);
        if wanted > allowed {
            let (wanted, allowed) = (size(wanted), size(allowed));
            return Err(format!(
                "an operator must remove files of {host} on the monitor first: with this one they \
                 would take {wanted}, at most {allowed} are allowed (files.per_host)"
            ));
        }
        if size_bytes > self.free_bytes() {
            let path = self.folder.path().to_owned();
            return Err(FolderError::Full { path }.to_string());
        }
        self.folder.partial(file, size_bytes).map_err(|error| error.to_string())?;
        lock(&self.reserved).insert(file, (host.clone(), size_bytes));
        Ok(())
    }

    /// A number for a file stream, and where its orders come; `None` if there are too many.
    fn open(&self) -> Option<(u64, mpsc::Receiver<Order>)> {
        let (orders, coming) = mpsc::channel(FILE_ORDERS_MAX);
        let mut streams = lock(&self.streams);
        if streams.len() >= FILE_STREAMS_MAX {
            return None;
        }
        let transfer = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        streams.insert(transfer, orders);
        Some((transfer, coming))
    }

    fn close(&self, transfer: u64) {
        lock(&self.streams).remove(&transfer);
    }

    /// A stream that is gone, or takes no more, ends by itself.
    fn order(&self, transfer: u64, order: Order) {
        if let Some(orders) = lock(&self.streams).get(&transfer) {
            let _ = orders.try_send(order);
        }
    }

    /// Does work on the disk on a thread of its own, and tells the engine what it came to.
    fn work(self: &Arc<Self>, work: impl FnOnce(&Self) -> Option<Input> + Send + 'static) {
        let depot = self.clone();
        self.handle.spawn_blocking(move || {
            if let Some(input) = work(&depot) {
                // Nobody listens after the end.
                let _ = depot.inputs.blocking_send(input);
            }
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
