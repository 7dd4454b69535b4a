//! Why the spool cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use systole_common::exit::Exit;
use systole_common::record_log::LogError;

use crate::shell::host::NoRandom;

/// Why the spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// A folder or file in it cannot be made, read or written.
    #[error("{}: {source}; the agent needs a folder of its own here, or set spool.path to one", path.display())]
    Unusable {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another agent has it.
    #[error("{}: an agent with this spool is already running; stop it, or set spool.path to another folder", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The epoch in it is not one, or nobody knows which sequences were used.
    #[error("{}: is damaged; move the folder away, and the agent begins a new one", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The log of slots cannot be opened or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A file of the log cannot be read any more. Opening the spool again sets it aside.
    #[error(transparent)]
    Unreadable(LogError),
    /// The system gives no random numbers.
    #[error(transparent)]
    Random(#[from] NoRandom),
}

impl SpoolError {
    /// How the program ends.
    pub fn exit(&self) -> Exit {
        Exit::Failed
    }
}

pub(super) fn unusable(path: &Path) -> impl Fn(io::Error) -> SpoolError + use<> {
    let path = path.to_owned();
    move |source| SpoolError::Unusable { path: path.clone(), source }
}
