//! One scan of the process table: every `/proc/PID/stat` once, by numbers below an open `/proc`.
//!
//! Owns the walk and its bound; which processes are sent is decided by the tracker.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, RawDir, SeekFrom, openat, seek};

use crate::engine::collect::limits::{PROCESS_STAT_BYTES_MAX, PROCESSES_SCANNED_MAX};
use crate::engine::collect::process::{ProcessSample, ProcessTracker, parse};
use crate::engine::collect::stat::CpuTimes;

/// Directory entries are fetched this many bytes at a time.
const DIRECTORY_BYTES: usize = 8 * 1024;

/// The process table, and what it said the last time.
#[derive(Debug)]
pub(super) struct Processes {
    directory: OwnedFd,
    tracker: ProcessTracker,
    page_bytes: u64,
}

impl Processes {
    pub(super) fn new(proc_root: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(proc_root, flags, Mode::empty())?;
        let page_bytes = rustix::param::page_size() as u64;
        Ok(Self { directory, tracker: ProcessTracker::default(), page_bytes })
    }

    /// Scans the table; `machine` reads the processor times of the whole host at its end. Returns the
    /// processes that use most, and how many were not looked at.
    pub(super) fn scan(
        &mut self,
        machine: impl FnOnce() -> Option<CpuTimes>,
    ) -> io::Result<(Vec<ProcessSample>, usize)> {
        let (mut taken, mut skipped) = (0_usize, 0_usize);
        let mut entries = [MaybeUninit::uninit(); DIRECTORY_BYTES];
        seek(&self.directory, SeekFrom::Start(0))?;
        let mut listing = RawDir::new(self.directory.as_fd(), &mut entries);
        while let Some(entry) = listing.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if !name.iter().all(u8::is_ascii_digit) {
                continue;
            }
            if taken >= PROCESSES_SCANNED_MAX {
                skipped = skipped.saturating_add(1);
                continue;
            }
            taken = taken.saturating_add(1);
            take_one(self.directory.as_fd(), name, &mut self.tracker);
        }
        Ok((self.tracker.finish(machine(), self.page_bytes), skipped))
    }
}

/// A process that ends while it is looked at, or that hides, is passed over.
fn take_one(directory: impl AsFd, pid: &[u8], tracker: &mut ProcessTracker) {
    let mut path = [0_u8; 32];
    let bytes = pid.iter().chain(b"/stat");
    let len = pid.len().saturating_add(b"/stat".len());
    path.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
    let Some(path) = path.get(..len) else { return };
    let Ok(file) = openat(directory, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) else {
        return;
    };
    let mut line = [0_u8; PROCESS_STAT_BYTES_MAX];
    let read = rustix::io::read(&file, &mut line);
    if let Some(stat) = read.ok().and_then(|len| line.get(..len)).and_then(parse) {
        tracker.take(&stat);
    }
}
