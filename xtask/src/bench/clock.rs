//! Clocks of a measurement: virtual wall-clock time for the store, processor time and memory of this
//! process, and progress for whoever waits.

use std::fs;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};
use systole_common::time::UnixMs;

/// What the store takes for the wall clock.
static WALL: AtomicI64 = AtomicI64::new(0);

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// The virtual wall clock.
pub(super) fn wall() -> UnixMs {
    UnixMs(WALL.load(Ordering::Relaxed))
}

/// Sets the virtual wall clock, in milliseconds since 1970.
pub(super) fn set_wall(at_ms: i64) {
    WALL.store(at_ms, Ordering::Relaxed);
}

/// Processor time of all threads of this process.
pub(super) fn processor() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Memory of this process that is in use, in bytes.
pub(super) fn resident_bytes() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)).context("no VmRSS")?;
    Ok(kib.parse::<u64>()? * 1024)
}

/// Says on stderr how far something is, never within its first second.
#[derive(Debug)]
pub(super) struct Progress {
    what: &'static str,
    began: Instant,
    told: Instant,
}

impl Progress {
    /// Begins `what`.
    pub(super) fn of(what: &'static str) -> Self {
        eprintln!("{what} …");
        Self { what, began: Instant::now(), told: Instant::now() }
    }

    /// `done` of `all` are done.
    pub(super) fn at(&mut self, done: u64, all: u64) {
        if self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            let percent = 100 * done / all.max(1);
            let seconds = self.began.elapsed().as_secs();
            eprintln!("  {}: {percent} %, {seconds} s", self.what);
        }
    }
}
