//! `/proc/pressure/*`: the share of the time in which tasks waited for a core, for memory, for a disk.
//!
//! Owns the formula: the kernel's running total of stalled microseconds over the time between two
//! readings. The kernel's own averages decay over fixed spans and are not used.

use super::Samples;
use super::fields::{lines, number, words};
use super::metrics::{
    Metric, PRESSURE_CPU_FULL, PRESSURE_CPU_SOME, PRESSURE_IO_FULL, PRESSURE_IO_SOME,
    PRESSURE_IRQ_FULL, PRESSURE_MEMORY_FULL, PRESSURE_MEMORY_SOME,
};
use super::rates::per_second;

/// Something that is stalled all the time is stalled for this many microseconds per second.
const STALL_US_PER_SECOND: f64 = 1e6;

/// What tasks may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// A core.
    Cpu,
    /// Memory.
    Memory,
    /// A disk.
    Io,
    /// The end of an interrupt; newer kernels only, and only its `full` line.
    Irq,
}

impl Resource {
    /// Every resource that a kernel may tell of.
    pub const ALL: [Self; 4] = [Self::Cpu, Self::Memory, Self::Io, Self::Irq];

    /// Its file below `/proc`.
    pub fn file(self) -> &'static str {
        match self {
            Self::Cpu => "pressure/cpu",
            Self::Memory => "pressure/memory",
            Self::Io => "pressure/io",
            Self::Irq => "pressure/irq",
        }
    }

    /// The metrics of some and of all tasks.
    fn metrics(self) -> (Option<Metric>, Metric) {
        match self {
            Self::Cpu => (Some(PRESSURE_CPU_SOME), PRESSURE_CPU_FULL),
            Self::Memory => (Some(PRESSURE_MEMORY_SOME), PRESSURE_MEMORY_FULL),
            Self::Io => (Some(PRESSURE_IO_SOME), PRESSURE_IO_FULL),
            Self::Irq => (None, PRESSURE_IRQ_FULL),
        }
    }
}

/// Stalled time since boot, in microseconds; `None` for a line that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stalls {
    /// At least one task waited.
    pub some_us: Option<u64>,
    /// All tasks that were not idle waited.
    pub full_us: Option<u64>,
}

/// Reads what can be read; other lines are passed over.
pub fn parse(text: &[u8]) -> Stalls {
    let mut stalls = Stalls::default();
    for line in lines(text) {
        let mut words = words(line);
        match words.next() {
            Some(b"some") => stalls.some_us = total(words),
            Some(b"full") => stalls.full_us = total(words),
            Some(_) | None => {}
        }
    }
    stalls
}

/// The last reading of one resource.
#[derive(Debug, Default)]
pub struct PressureTracker {
    last: Option<(u64, Stalls)>,
}

impl PressureTracker {
    /// Adds the samples of a reading of `resource` at `now_ns`; the first reading has none.
    pub fn sample(&mut self, resource: Resource, text: &[u8], now_ns: u64, samples: &mut Samples) {
        let now = parse(text);
        if let Some((then_ns, then)) = self.last.replace((now_ns, now)) {
            let elapsed_ns = now_ns.saturating_sub(then_ns);
            let (some, full) = resource.metrics();
            if let Some(metric) = some {
                put_share(metric, then.some_us, now.some_us, elapsed_ns, samples);
            }
            put_share(full, then.full_us, now.full_us, elapsed_ns, samples);
        }
    }

    /// The file was not there: what comes next is a first reading.
    pub fn forget(&mut self) {
        self.last = None;
    }
}

fn put_share(
    metric: Metric,
    then_us: Option<u64>,
    now_us: Option<u64>,
    elapsed_ns: u64,
    samples: &mut Samples,
) {
    let Some((then_us, now_us)) = then_us.zip(now_us) else { return };
    if let Some(rate) = per_second(then_us, now_us, elapsed_ns) {
        samples.put(metric, (100.0 * rate / STALL_US_PER_SECOND).min(100.0));
    }
}

/// avg10=0.00 avg60=0.00 avg300=0.00 total=0
fn total<'a>(mut fields: impl Iterator<Item = &'a [u8]>) -> Option<u64> {
    fields.find_map(|field| field.strip_prefix(b"total=")).and_then(number)
}
