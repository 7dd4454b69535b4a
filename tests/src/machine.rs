//! What the kernel says of this machine and its processes, read from /proc by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};
use systole_common::time::UnixMs;
use systole_common::wire::hello::Clocks;

/// The wall clock.
pub fn now() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The three clocks, as an agent sends them.
pub fn clocks() -> Clocks {
    let nanos = |clock| {
        let time = clock_gettime(clock);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        seconds.saturating_mul(1_000_000_000) + u64::try_from(time.tv_nsec).unwrap_or(0)
    };
    let (mono_ns, boot_ns) = (nanos(ClockId::Monotonic), nanos(ClockId::Boottime));
    Clocks { mono_ns, boot_ns, wall_ms: now().0 }
}

/// `MemTotal` in bytes.
pub fn memory_total_bytes() -> Result<u64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)).context("no MemTotal")?;
    Ok(kib.parse::<u64>()? * 1024)
}

/// Processor time of the whole machine since its boot, in ticks.
#[derive(Debug, Clone, Copy)]
pub struct ProcessorTime {
    /// Not idle and not waiting for a disk.
    pub busy: u64,
    /// All of it.
    pub total: u64,
}

impl ProcessorTime {
    /// Up to now.
    pub fn read() -> Result<Self> {
        let text = fs::read_to_string("/proc/stat")?;
        let line = text.lines().next().context("an empty /proc/stat")?;
        // user nice system idle iowait irq softirq steal; guests are in user and nice already.
        let ticks: Vec<u64> =
            line.split_whitespace().skip(1).take(8).map(str::parse).collect::<Result<_, _>>()?;
        let total = ticks.iter().sum();
        let idle: u64 = ticks.iter().skip(3).take(2).sum();
        Ok(Self { busy: total - idle, total })
    }

    /// Busy percent since `earlier`; 0 when no tick has passed.
    pub fn percent_since(self, earlier: Self) -> f64 {
        let (busy, total) = (self.busy - earlier.busy, self.total - earlier.total);
        if total == 0 { 0.0 } else { 100.0 * busy as f64 / total as f64 }
    }
}

/// Whether `pid` is a process that runs.
pub fn runs(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = status.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Processes whose command line names `path`.
pub fn processes_with(path: &Path) -> Result<Vec<u32>> {
    let needle = path.display().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(&needle) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// Regular files that `pid` has open at this moment.
pub fn open_files(pid: u32) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        // A descriptor may be closed between the listing and the look.
        let Ok(target) = fs::read_link(entry?.path()) else { continue };
        if target.is_file() && !target.starts_with("/proc") {
            found.push(target);
        }
    }
    Ok(found)
}

/// Memory of `pid` that is in use, in bytes.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)).context("no VmRSS")?;
    Ok(kib.parse::<u64>()? * 1024)
}

/// What a process has used.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Processor time, user and system, in milliseconds.
    pub cpu_ms: u64,
    /// Resident memory in bytes.
    pub rss_bytes: u64,
}

impl Usage {
    /// Of `pid` up to now.
    pub fn of(pid: u32) -> Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let (_, rest) = stat.rsplit_once(") ").context("an odd /proc/PID/stat")?;
        let field = |place: usize| -> Result<u64> {
            let text = rest.split_whitespace().nth(place).context("a short /proc/PID/stat")?;
            Ok(text.parse()?)
        };
        let ticks = field(11)? + field(12)?;
        let per_s = rustix::param::clock_ticks_per_second();
        let page = u64::try_from(rustix::param::page_size())?;
        Ok(Self { cpu_ms: ticks * 1_000 / per_s, rss_bytes: field(21)? * page })
    }
}
