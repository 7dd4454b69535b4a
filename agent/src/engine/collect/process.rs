//! `/proc/PID/stat`: who uses processor and memory, and the few of them that are sent.
//!
//! Owns the identity of a process (its number and its start), so that a number used again is never
//! measured against its former owner. Refuses to open anything.

use super::fields::{number, words};
use super::limits::PROCESSES_LISTED_MAX;
use super::stat::{CpuTimes, ticks_between};
use systole_common::wire::limits::PROCESS_NAME_BYTES_MAX;

/// One process of those that use most.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessSample {
    /// Its number.
    pub pid: u32,
    /// Its short name as the kernel keeps it, at most 64 bytes.
    pub name: String,
    /// Its share of the whole machine since the last scan, 0 to 100; 0 in the first scan.
    pub cpu_percent: f64,
    /// Resident memory.
    pub memory_bytes: u64,
}

/// What one line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessStat<'a> {
    /// Its number.
    pub pid: u32,
    /// Its short name, any bytes.
    pub name: &'a [u8],
    /// Ticks of processor time, in user and system mode.
    pub ticks: u64,
    /// Ticks between boot and its start.
    pub started: u64,
    /// Resident pages.
    pub resident_pages: u64,
}

/// Reads one line; `None` if it is broken.
pub fn parse(line: &[u8]) -> Option<ProcessStat<'_>> {
    let open = line.iter().position(|byte| *byte == b'(')?;
    let close = line.iter().rposition(|byte| *byte == b')')?;
    let pid = number(line.get(..open)?.trim_ascii())?;
    let name = line.get(open.checked_add(1)?..close)?;
    let mut fields = words(line.get(close.checked_add(1)?..)?).skip(USER_TICKS_AT);
    let user = number(fields.next()?)?;
    let system = number(fields.next()?)?;
    let started = number(fields.nth(STARTED_AFTER_SYSTEM)?)?;
    let resident_pages = number(fields.nth(RESIDENT_AFTER_STARTED)?)?;
    let pid = u32::try_from(pid).ok()?;
    Some(ProcessStat { pid, name, ticks: user.saturating_add(system), started, resident_pages })
}

/// Ticks of every process at the last scan, and the scan under way.
#[derive(Debug, Default)]
pub struct ProcessTracker {
    machine: Option<CpuTimes>,
    last: Vec<Seen>,
    current: Vec<Seen>,
    by_cpu: Ranking,
    by_memory: Ranking,
}

impl ProcessTracker {
    /// Takes one process of the scan under way.
    pub fn take(&mut self, stat: &ProcessStat<'_>) {
        let ProcessStat { pid, started, ticks, .. } = *stat;
        self.current.push(Seen { pid, started, ticks });
        let used =
            if self.machine.is_some() { ticks.saturating_sub(self.ticks_before(stat)) } else { 0 };
        self.by_memory.offer(stat.resident_pages, used, stat);
        if used > 0 {
            self.by_cpu.offer(used, used, stat);
        }
    }

    /// Ends the scan: those that use most processor and those that use most memory, busiest first.
    /// `machine` is where the time of all cores went until now.
    pub fn finish(&mut self, machine: Option<CpuTimes>, page_bytes: u64) -> Vec<ProcessSample> {
        let all = self.machine.zip(machine).and_then(|(then, now)| ticks_between(then, now));
        let mut listed = std::mem::take(&mut self.by_cpu).entries;
        for entry in std::mem::take(&mut self.by_memory).entries {
            if !listed.iter().any(|other| other.pid == entry.pid) {
                listed.push(entry);
            }
        }
        self.machine = machine;
        std::mem::swap(&mut self.last, &mut self.current);
        self.current.clear();
        self.last.sort_unstable_by_key(|seen| seen.pid);
        listed.sort_by_key(|entry| std::cmp::Reverse((entry.used_ticks, entry.resident_pages)));
        listed.into_iter().map(|entry| entry.sample(all, page_bytes)).collect()
    }

    /// Ticks that the same process had at the last scan; 0 if it was not there: all are new.
    fn ticks_before(&self, stat: &ProcessStat<'_>) -> u64 {
        let at = self.last.binary_search_by_key(&stat.pid, |seen| seen.pid).ok();
        let before =
            at.and_then(|at| self.last.get(at)).filter(|seen| seen.started == stat.started);
        before.map_or(0, |seen| seen.ticks)
    }
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    pid: u32,
    started: u64,
    ticks: u64,
}

/// The processes with the highest keys; a name is copied only for those.
#[derive(Debug, Default)]
struct Ranking {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    key: u64,
    pid: u32,
    name: String,
    used_ticks: u64,
    resident_pages: u64,
}

impl Ranking {
    fn offer(&mut self, key: u64, used_ticks: u64, stat: &ProcessStat<'_>) {
        let at = self.entries.partition_point(|entry| entry.key >= key);
        if at >= PROCESSES_LISTED_MAX {
            return;
        }
        self.entries.truncate(PROCESSES_LISTED_MAX.saturating_sub(1));
        let name = short_name(stat.name);
        let resident_pages = stat.resident_pages;
        self.entries.insert(at, Entry { key, pid: stat.pid, name, used_ticks, resident_pages });
    }
}

impl Entry {
    fn sample(self, machine_ticks: Option<u64>, page_bytes: u64) -> ProcessSample {
        let share = machine_ticks.and_then(|all| super::rates::percent(self.used_ticks, all));
        ProcessSample {
            pid: self.pid,
            name: self.name,
            cpu_percent: share.unwrap_or(0.0),
            memory_bytes: self.resident_pages.saturating_mul(page_bytes),
        }
    }
}

fn short_name(bytes: &[u8]) -> String {
    let mut name = String::from_utf8_lossy(bytes).into_owned();
    let end = (0..=PROCESS_NAME_BYTES_MAX).rev().find(|end| name.is_char_boundary(*end));
    name.truncate(end.unwrap_or(0));
    name
}

/// Fields after the name: state is the first, user ticks the twelfth.
const USER_TICKS_AT: usize = 11;
/// Fields between system ticks and the start.
const STARTED_AFTER_SYSTEM: usize = 6;
/// Fields between the start and resident pages: the size of its address space.
const RESIDENT_AFTER_STARTED: usize = 1;
