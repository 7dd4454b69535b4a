//! What a collector has to say beside its figures, once for each change.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Something that an operator should find in the log. Made when it begins and when it ends, not each tick.
#[derive(Debug, thiserror::Error)]
pub enum CollectNote {
    /// A file of `/proc` cannot be read; its series are absent.
    #[error("cannot read {}: {source}; its figures are left out until it can be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of `/proc` is readable again.
    #[error("{} can be read again", path.display())]
    ReadableAgain {
        /// The file.
        path: PathBuf,
    },
    /// A file system refuses to tell its size; its series are absent.
    #[error("file system {mount}: {source}; its figures are left out until it answers")]
    FileSystemFailed {
        /// The mount point.
        mount: Arc<str>,
        /// Why.
        source: io::Error,
    },
    /// A network file system does not answer; its series are absent.
    #[error(
        "file system {mount}: no answer for {waited_s} s; its figures are left out until it answers"
    )]
    FileSystemSilent {
        /// The mount point.
        mount: Arc<str>,
        /// How long it has been asked, in seconds.
        waited_s: u64,
    },
    /// A file system answers again.
    #[error("file system {mount} answers again")]
    FileSystemAnswers {
        /// The mount point.
        mount: Arc<str>,
    },
}
