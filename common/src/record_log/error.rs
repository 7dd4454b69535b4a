//! Why a log cannot be opened, read or written.

use std::io;
use std::path::PathBuf;

/// Why a log cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk or the quota is full. Nothing of the batch was kept; the log can be used.
    #[error("{}: the disk is full ({source}); free some space", path.display())]
    Full {
        /// The segment.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A write or an fsync failed. What the disk holds is not known; the log takes nothing more.
    #[error("{}: cannot be written: {source}; check the disk and start again", path.display())]
    Failed {
        /// The segment.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An earlier write or fsync failed.
    #[error("{}: takes nothing after a failed write; check the disk and start again", path.display())]
    Stopped {
        /// The folder.
        path: PathBuf,
    },
    /// The folder or a file in it cannot be opened, read or deleted.
    #[error("{}: {source}; check its owner and the disk", path.display())]
    Unusable {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A record or a batch is longer than a log takes. Nothing of the record was kept.
    #[error("{bytes} bytes are too many for the log, at most {bytes_max}")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
}

impl LogError {
    /// Whether it goes away when there is space again.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }
}

/// Whether the system says that there is no space, no inode or no quota left.
pub fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
