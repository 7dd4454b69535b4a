//! `/proc/stat`: where the time of all cores and of each one went.
//!
//! Owns the processor formula: cpu = 1 − idle − iowait; guests are part of user and nice already, so
//! they count once. Knows neither frequencies nor clocks: all shares are ratios of the kernel's ticks.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Samples;
use super::fields::{lines, number, words};
use super::limits::CORES_MAX;
use super::metrics::{CORES, CPU, CPU_CORE, IOWAIT, STEAL};
use super::rates::percent;

/// Ticks since boot, by what they were spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CpuTimes {
    /// Everything but idle and iowait; steal included.
    pub busy: u64,
    /// Idle, with nothing to wait for.
    pub idle: u64,
    /// Idle while a disk was waited for. The kernel lets it run back at times.
    pub iowait: u64,
    /// Given to other machines by the hypervisor.
    pub steal: u64,
}

/// What one reading says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stat {
    /// All cores together; `None` if the line is missing.
    pub total: Option<CpuTimes>,
    /// Each core by its number.
    pub cores: BTreeMap<u32, CpuTimes>,
}

/// Shares of the time between two readings, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CpuShares {
    /// Busy.
    pub cpu_percent: f64,
    /// Waiting for disks; `None` if the counter ran back.
    pub iowait_percent: Option<f64>,
    /// Stolen; `None` if the counter ran back.
    pub steal_percent: Option<f64>,
}

/// Reads what can be read; other lines are passed over.
pub fn parse(text: &[u8]) -> Stat {
    let mut stat = Stat::default();
    for line in lines(text) {
        let Some(rest) = line.strip_prefix(b"cpu") else {
            continue;
        };
        let mut fields = words(rest);
        if rest.first().is_some_and(u8::is_ascii_whitespace) {
            stat.total = times(fields);
        } else if let Some(core) =
            fields.next().and_then(number).and_then(|n| u32::try_from(n).ok())
            && let Some(times) = times(fields)
        {
            stat.cores.insert(core, times);
        }
    }
    stat
}

/// Shares between two readings; `None` if busy time ran back (a reset) or no tick went by.
pub fn shares(previous: CpuTimes, current: CpuTimes) -> Option<CpuShares> {
    let all = ticks_between(previous, current)?;
    let busy = current.busy.checked_sub(previous.busy)?;
    let share = |then: u64, now: u64| now.checked_sub(then).and_then(|part| percent(part, all));
    Some(CpuShares {
        cpu_percent: percent(busy, all)?,
        iowait_percent: share(previous.iowait, current.iowait),
        steal_percent: share(previous.steal, current.steal),
    })
}

/// All ticks between two readings; `None` if busy time ran back.
pub fn ticks_between(previous: CpuTimes, current: CpuTimes) -> Option<u64> {
    let busy = current.busy.checked_sub(previous.busy)?;
    let idle = current.idle.saturating_sub(previous.idle);
    let iowait = current.iowait.saturating_sub(previous.iowait);
    Some(busy.saturating_add(idle).saturating_add(iowait))
}

/// The last reading, and the names of the cores.
#[derive(Debug, Default)]
pub struct CpuTracker {
    last: Stat,
    names: BTreeMap<u32, Arc<str>>,
}

impl CpuTracker {
    /// Adds the samples of a new reading; returns how many cores are beyond the limit.
    pub fn sample(&mut self, text: &[u8], samples: &mut Samples) -> usize {
        let stat = parse(text);
        if let Some((previous, current)) = self.last.total.zip(stat.total)
            && let Some(shares) = shares(previous, current)
        {
            samples.put(CPU, shares.cpu_percent);
            for (metric, value) in [(IOWAIT, shares.iowait_percent), (STEAL, shares.steal_percent)]
            {
                if let Some(value) = value {
                    samples.put(metric, value);
                }
            }
        }
        if !stat.cores.is_empty() {
            samples.put(CORES, stat.cores.len() as f64);
        }
        for (core, current) in stat.cores.iter().take(CORES_MAX) {
            let previous = self.last.cores.get(core);
            if let Some(shares) = previous.and_then(|previous| shares(*previous, *current)) {
                let name = self.names.entry(*core).or_insert_with(|| Arc::from(core.to_string()));
                samples.put_of(CPU_CORE, name, shares.cpu_percent);
            }
        }
        self.names.retain(|core, _| stat.cores.contains_key(core));
        self.last = stat;
        self.last.cores.len().saturating_sub(CORES_MAX)
    }
}

/// user nice system idle [iowait irq softirq steal [guest `guest_nice`]]; old kernels have fewer.
fn times<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Option<CpuTimes> {
    let mut ticks = [0_u64; 8];
    let mut seen = 0;
    for (slot, field) in ticks.iter_mut().zip(fields) {
        *slot = number(field)?;
        seen += 1;
    }
    let [user, nice, system, idle, iowait, irq, softirq, steal] = ticks;
    let busy = [user, nice, system, irq, softirq, steal].into_iter().fold(0, u64::saturating_add);
    (seen >= 4).then_some(CpuTimes { busy, idle, iowait, steal })
}
