//! The ledger of drills: one line for each slot that is safe in the spool, one for each receipt.

use std::fmt::Arguments;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tracing::warn;

use super::error::{SpoolError, unusable};
use crate::limits::SPOOL_LEDGER_BYTES_MAX;

/// Longest line, in bytes.
const LINE_BYTES_MAX: usize = 512;

/// An open ledger. It ends, with one warning, when it is too long or cannot be written.
#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    file: Option<File>,
    bytes: u64,
}

impl Ledger {
    /// Goes on with the file at `path`. A line that was being written when the agent was killed goes.
    pub(super) fn open(path: &Path) -> Result<Self, SpoolError> {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(unusable(path))?;
        let bytes = cut(&file).map_err(unusable(path))?;
        Ok(Self { path: path.to_owned(), file: Some(file), bytes })
    }

    /// Adds a line.
    pub(super) fn note(&mut self, line: Arguments<'_>) {
        let Some(file) = &mut self.file else { return };
        let text = format!("{line}\n");
        self.bytes = self.bytes.saturating_add(text.len() as u64);
        let written = if self.bytes > SPOOL_LEDGER_BYTES_MAX {
            Err(io::Error::other("it is as long as a ledger may be"))
        } else {
            file.write_all(text.as_bytes())
        };
        if let Err(error) = written {
            warn!("{}: the ledger ends here: {error}", self.path.display());
            self.file = None;
        }
    }
}

/// Cuts off a last line without an end, and says how long the file is.
fn cut(file: &File) -> io::Result<u64> {
    let bytes = file.metadata()?.len();
    let from = bytes.saturating_sub(LINE_BYTES_MAX as u64);
    let mut tail = [0; LINE_BYTES_MAX];
    let tail = tail.split_at_mut(usize::try_from(bytes - from).unwrap_or(0)).0;
    file.read_exact_at(tail, from)?;
    let half_line = tail.iter().rev().take_while(|byte| **byte != b'\n').count() as u64;
    if half_line > 0 {
        file.set_len(bytes - half_line)?;
    }
    Ok(bytes - half_line)
}
