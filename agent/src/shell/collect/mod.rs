//! Reads the host: `/proc`, `/sys` and file systems at each tick, the process table every few seconds.
//!
//! Owns open files and when they are read; what the texts mean and who is kept is decided in
//! `engine::collect`. What cannot be read loses its own series only, and is said once.

mod disks;
mod note;
mod pressure;
mod proc_file;
mod processes;
mod remote;
mod sensors;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;

use crate::engine::collect::block::{self, BlockCounters};
use crate::engine::collect::limits::PROC_FILE_BYTES_MAX;
use crate::engine::collect::network::{self, InterfaceCounters};
use crate::engine::collect::process::ProcessSample;
use crate::engine::collect::rates::Tracker;
use crate::engine::collect::stat::{self, CpuTracker};
use crate::engine::collect::{Sample, Samples, load, meminfo};
use disks::Disks;
pub use note::CollectNote;
use pressure::Pressure;
use proc_file::ProcFile;
use processes::Processes;
use sensors::Sensors;

/// Everything that one tick found.
#[derive(Debug, Default)]
pub struct Tick {
    /// The values, at most 1,024 series.
    pub samples: Vec<Sample>,
    /// Cores, disks, interfaces, file systems and sensors that are left out: too many, or without an answer.
    pub skipped: u32,
    /// Values that were no finite numbers.
    pub dropped: u32,
    /// What is new to say.
    pub notes: Vec<CollectNote>,
}

/// Everything that one scan of the process table found.
#[derive(Debug, Default)]
pub struct Scan {
    /// At most 20: those that use most processor and those that use most memory, busiest first.
    pub processes: Vec<ProcessSample>,
    /// Processes that were not looked at because there are too many.
    pub skipped: u32,
    /// What is new to say.
    pub notes: Vec<CollectNote>,
}

/// The collectors of one host. Blocking: belongs on a thread of its own, not on the heartbeat's.
#[derive(Debug)]
pub struct Collector {
    stat: ProcFile,
    meminfo: ProcFile,
    loadavg: ProcFile,
    uptime: ProcFile,
    diskstats: ProcFile,
    network: ProcFile,
    cpu: CpuTracker,
    block: Tracker<BlockCounters>,
    interfaces: Tracker<InterfaceCounters>,
    disks: Disks,
    pressure: Pressure,
    sensors: Sensors,
    processes: Processes,
    buffer: Vec<u8>,
    samples_before: usize,
}

impl Collector {
    /// Collectors over `/proc` and `/sys`; fails if there is no `/proc`.
    pub fn new() -> io::Result<Self> {
        Self::at(Path::new("/proc"), Path::new("/sys"))
    }

    /// Collectors over other folders that look like `/proc` and `/sys`, as a container's host may
    /// have them.
    pub fn at(proc_root: &Path, sys_root: &Path) -> io::Result<Self> {
        let file = |name: &str| ProcFile::new(proc_root.join(name));
        Ok(Self {
            stat: file("stat"),
            meminfo: file("meminfo"),
            loadavg: file("loadavg"),
            uptime: file("uptime"),
            diskstats: file("diskstats"),
            network: file("net/dev"),
            cpu: CpuTracker::default(),
            block: Tracker::default(),
            interfaces: Tracker::default(),
            disks: Disks::new(proc_root),
            pressure: Pressure::new(proc_root),
            sensors: Sensors::new(sys_root),
            processes: Processes::new(proc_root)?,
            buffer: Vec::new(),
            samples_before: 0,
        })
    }

    /// Reads the per-tick set. `boottime_ns` is `CLOCK_BOOTTIME` now, in nanoseconds; rates are means
    /// since the last tick, so the first one has none.
    pub fn tick(&mut self, boottime_ns: u64) -> Tick {
        let now_ns = boottime_ns;
        let mut samples = Samples::with_capacity(self.samples_before);
        let mut skipped = Vec::new();
        let mut reader = Reader { now_ns, buffer: &mut self.buffer, notes: Vec::new() };
        if let Some(text) = reader.text(&mut self.stat) {
            skipped.push(self.cpu.sample(text, &mut samples));
        }
        if let Some(text) = reader.text(&mut self.meminfo) {
            meminfo::sample(text, &mut samples);
        }
        if let Some(text) = reader.text(&mut self.loadavg) {
            load::sample(text, &mut samples);
        }
        if let Some(text) = reader.text(&mut self.uptime) {
            load::sample_uptime(text, &mut samples);
        }
        if let Some(text) = reader.text(&mut self.diskstats) {
            skipped.push(block::sample(text, now_ns, &mut self.block, &mut samples));
        }
        if let Some(text) = reader.text(&mut self.network) {
            skipped.push(network::sample(text, now_ns, &mut self.interfaces, &mut samples));
        }
        let mut notes = reader.notes;
        self.pressure.tick(now_ns, &mut self.buffer, &mut samples, &mut notes);
        skipped.push(self.sensors.tick(now_ns, &mut samples));
        skipped.push(self.disks.tick(now_ns, &mut samples, &mut notes));
        let (samples, dropped) = samples.into_parts();
        self.samples_before = samples.len();
        Tick { samples, skipped: count(skipped.into_iter().sum()), dropped, notes }
    }

    /// Scans the process table; processor shares are means since the last scan, so the first has
    /// none. `boottime_ns` is `CLOCK_BOOTTIME` now, in nanoseconds. Fails only if `/proc` cannot be
    /// listed.
    pub fn processes(&mut self, boottime_ns: u64) -> io::Result<Scan> {
        let mut reader =
            Reader { now_ns: boottime_ns, buffer: &mut self.buffer, notes: Vec::new() };
        let file = &mut self.stat;
        let (processes, skipped) =
            self.processes.scan(|| reader.text(file).and_then(|text| stat::parse(text).total))?;
        Ok(Scan { processes, skipped: count(skipped), notes: reader.notes })
    }
}

/// Reads one file after the other into the same buffer.
struct Reader<'c> {
    now_ns: u64,
    buffer: &'c mut Vec<u8>,
    notes: Vec<CollectNote>,
}

impl Reader<'_> {
    fn text(&mut self, file: &mut ProcFile) -> Option<&[u8]> {
        file.read(self.now_ns, PROC_FILE_BYTES_MAX, self.buffer, &mut self.notes)
    }
}

fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}
