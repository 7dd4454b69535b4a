//! One file of `/proc`, opened once and read again from its start at each tick.
//!
//! Owns saying once that it cannot be read, and looking each minute whether it can. Knows no format.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rustix::io::Errno;

use super::note::CollectNote;

/// How long a file that cannot be read is left alone.
const RETRY_AFTER_NS: u64 = 60_000_000_000;
/// What the shared buffer begins with: enough for the files of a small host.
const BUFFER_BYTES_FIRST: usize = 8 * 1024;

/// A file that is kept open.
#[derive(Debug)]
pub(super) struct ProcFile {
    path: PathBuf,
    file: Option<File>,
    retry_at_ns: u64,
    failed: bool,
    reported: bool,
    may_be_absent: bool,
}

impl ProcFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            retry_at_ns: 0,
            failed: false,
            reported: false,
            may_be_absent: false,
        }
    }

    /// A file that not every kernel has: that it is not there, or turned off, is not worth a word.
    pub(super) fn optional(path: PathBuf) -> Self {
        Self { may_be_absent: true, ..Self::new(path) }
    }

    /// Reads the whole file, at most `bytes_max` of it in whole lines, into `buffer`.
    pub(super) fn read<'b>(
        &mut self,
        now_ns: u64,
        bytes_max: usize,
        buffer: &'b mut Vec<u8>,
        notes: &mut Vec<CollectNote>,
    ) -> Option<&'b [u8]> {
        if self.failed && now_ns < self.retry_at_ns {
            return None;
        }
        match self.open().and_then(|file| read_all(file, bytes_max, buffer)) {
            Ok(len) => {
                self.failed = false;
                if std::mem::take(&mut self.reported) {
                    notes.push(CollectNote::ReadableAgain { path: self.path.clone() });
                }
                buffer.get(..len)
            }
            Err(source) => {
                self.file = None;
                self.failed = true;
                self.retry_at_ns = now_ns.saturating_add(RETRY_AFTER_NS);
                let is_expected = self.may_be_absent && is_absent(&source);
                if !is_expected && !std::mem::replace(&mut self.reported, true) {
                    notes.push(CollectNote::Unreadable { path: self.path.clone(), source });
                }
                None
            }
        }
    }

    /// The open file, opened now if need be.
    pub(super) fn open(&mut self) -> io::Result<&File> {
        match &mut self.file {
            Some(file) => Ok(file),
            slot @ None => Ok(slot.insert(File::open(&self.path)?)),
        }
    }
}

/// Whether the kernel says that it has no such thing.
fn is_absent(error: &io::Error) -> bool {
    let is_turned_off = error.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error());
    error.kind() == io::ErrorKind::NotFound || is_turned_off
}

/// Reads `file` from its start; returns how many bytes of `buffer` hold it.
pub(super) fn read_all(file: &File, bytes_max: usize, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let mut len = 0;
    loop {
        if len == buffer.len() {
            if len >= bytes_max {
                return Ok(whole_lines(buffer));
            }
            let grown = len.saturating_mul(2).clamp(BUFFER_BYTES_FIRST.min(bytes_max), bytes_max);
            buffer.resize(grown, 0);
        }
        match file.read_at(buffer.get_mut(len..).unwrap_or_default(), len as u64) {
            Ok(0) => return Ok(len),
            Ok(read) => len = len.saturating_add(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn whole_lines(text: &[u8]) -> usize {
    text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end.saturating_add(1))
}
