//! `state.db`: what survives a restart. One writer thread owns the only connection that writes.
//!
//! [`schema`] opens the file and brings it to this version, [`rows`] turns rows into values and back,
//! [`writer`] commits before anything that promises it, [`backlog`] holds on while the disk is full,
//! [`reader`] answers queries on connections of its own, [`prune`] deletes what is old, [`reserve`] keeps
//! room for bad times.
//! `metrics.db`, the samples' own file, stands beside it; neither opens the other.

mod backlog;
mod load;
mod prune;
mod reader;
mod reserve;
mod rows;
mod schema;
mod writer;

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

pub use load::{Loaded, load};
pub use reader::{Answer, Readers};
pub use reserve::Reserve;
pub use schema::{Opened, STATE_FILE, open, refuse_newer};
pub(in crate::shell) use schema::{set_aside, write_ahead};
pub use writer::{Batch, Release, Writer, WriterNews};

#[cfg(test)]
mod tests;

/// Why `state.db` cannot be used. Each is one line with what to do next.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Written by a later version of Systole.
    #[error("{}: has schema version {found}, this systoled knows up to {known}; start the newer systoled, or set state.path to another folder", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The highest that this program knows.
        known: i64,
    },
    /// No room.
    #[error("{}: the disk is full; make room, then start systoled again", path.display())]
    Full {
        /// The file that found no room.
        path: PathBuf,
    },
    /// It is damaged, found while running.
    #[error("{}: is damaged; start systoled again: it sets the file aside and says what is lost", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// SQLite or the system refused.
    #[error("{}: {what} failed ({source}); check the disk and the folder's owner, then start systoled again", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A file operation beside SQLite's failed.
    #[error("{}: {what} failed ({source}); check the disk and the folder's owner, then start systoled again", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The writer is gone, so nothing can be read safely either.
    #[error("the store is closed; the daemon is stopping")]
    Closed,
}

impl StoreError {
    pub(in crate::shell) fn of(
        path: &std::path::Path,
        what: &'static str,
        source: rusqlite::Error,
    ) -> Self {
        match Fault::of(&source) {
            Fault::Full => Self::Full { path: path.into() },
            Fault::Damaged => Self::Damaged { path: path.into() },
            Fault::Other => Self::Failed { path: path.into(), what, source },
        }
    }

    pub(in crate::shell) fn io(
        path: &std::path::Path,
        what: &'static str,
        source: io::Error,
    ) -> Self {
        if source.kind() == io::ErrorKind::StorageFull
            || source.kind() == io::ErrorKind::QuotaExceeded
        {
            return Self::Full { path: path.into() };
        }
        Self::Io { path: path.into(), what, source }
    }
}

/// What kind of failure SQLite reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// No room: keep the batch and try again.
    Full,
    /// The file's content makes no sense.
    Damaged,
    /// Anything else. A failed write or fsync is never tried again: the kernel may have dropped the data.
    Other,
}

impl Fault {
    fn of(error: &rusqlite::Error) -> Self {
        let Some(error) = error.sqlite_error() else {
            return Self::Other;
        };
        match error.code {
            ErrorCode::DiskFull => Self::Full,
            // The shared memory beside the log could not grow: no room either.
            _ if error.extended_code == SQLITE_IOERR_SHMSIZE => Self::Full,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged,
            _ => Self::Other,
        }
    }
}
