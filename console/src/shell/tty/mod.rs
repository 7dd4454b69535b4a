//! The terminal as a place to read from and write to: opened by ourselves, so that nobody else's
//! descriptor changes its ways. What the bytes mean is in [`parser`], who reads them in [`reader`].

pub mod parser;
mod paste;
pub mod reader;
mod sequence;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::termios::{tcgetwinsize, ttyname};

use crate::limits::{SCREEN_MAX, SCREEN_UNKNOWN, WRITE_LOOK};
use crate::model::screen::Size;

/// Where a process finds its controlling terminal.
const CONTROLLING: &str = "/dev/tty";

/// A terminal that is open.
#[derive(Debug)]
pub struct Tty {
    file: OwnedFd,
    /// What is being written is given up.
    is_abandoned: AtomicBool,
}

impl Tty {
    /// Opens the terminal at standard input anew; then neither reads nor writes of it can block us, and
    /// whoever shares standard input does not notice.
    pub fn open() -> io::Result<Self> {
        Self::of(io::stdin())
    }

    /// The same for the terminal at `end`.
    pub fn of(end: impl AsFd) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let anew = ttyname(&end, Vec::new()).and_then(|name| open(name, flags, Mode::empty()));
        // Another user's terminal cannot be opened by its name, but as one's own controlling terminal
        // or as what was handed down.
        let file = anew.or_else(|_| open(CONTROLLING, flags, Mode::empty()));
        let file = match file {
            Ok(file) => file,
            Err(_) => end.as_fd().try_clone_to_owned()?,
        };
        Ok(Self { file, is_abandoned: AtomicBool::new(false) })
    }

    /// Its size; a usual one if it does not tell, and none that would not fit into memory.
    pub fn size(&self) -> Size {
        let Ok(size) = tcgetwinsize(&self.file) else { return SCREEN_UNKNOWN };
        if size.ws_col == 0 || size.ws_row == 0 {
            return SCREEN_UNKNOWN;
        }
        Size {
            width: size.ws_col.min(SCREEN_MAX.width),
            height: size.ws_row.min(SCREEN_MAX.height),
        }
    }

    /// Reads what is there.
    pub fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.file, bytes)?)
    }

    /// Waits until there is something to read, at most so long. `false`: nothing came.
    ///
    /// A terminal that is gone is readable: the read then says so.
    pub fn wait_readable(&self, limit: Option<Duration>) -> io::Result<bool> {
        self.wait(PollFlags::IN, limit)
    }

    /// Writes all of it, unless it is [abandoned](Self::abandon) or takes longer than `limit`.
    pub fn write(&self, mut bytes: &[u8], limit: Option<Duration>) -> io::Result<()> {
        let begin = Instant::now();
        while !bytes.is_empty() {
            match rustix::io::write(&self.file, bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    if self.is_abandoned.load(Ordering::SeqCst) {
                        return Err(io::ErrorKind::Interrupted.into());
                    }
                    if limit.is_some_and(|limit| begin.elapsed() >= limit) {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    self.wait(PollFlags::OUT, Some(WRITE_LOOK))?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whoever writes and has to wait gives up now; `false`: writes go on as usual.
    pub fn abandon(&self, is_abandoned: bool) {
        self.is_abandoned.store(is_abandoned, Ordering::SeqCst);
    }

    fn wait(&self, what: PollFlags, limit: Option<Duration>) -> io::Result<bool> {
        let limit = limit.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&self.file, what)], limit.as_ref()) {
            Ok(ready) => Ok(ready > 0),
            // As if something came: the read or write that follows finds out.
            Err(Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Tty {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// What a person does at the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key.
    Key(crate::keys::KeyPress),
    /// A paste.
    Paste {
        /// At most [`crate::limits::PASTE_BYTES_MAX`] of it.
        text: String,
        /// Bytes that were beyond.
        cut_bytes: usize,
    },
}
