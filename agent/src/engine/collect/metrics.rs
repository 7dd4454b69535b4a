//! The catalogue of the per-tick set: name, unit and kind of every series that the collectors make.
//!
//! Names are the contract with JSON, alert rules and the store; `docs/metrics.md` says of each where
//! it comes from and how it is computed. Nothing here measures.

use systole_common::model::metric::{MetricKind, Unit};

/// What a family of series is called and measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// `[a-z0-9_]+`, as JSON has it.
    pub name: &'static str,
    /// What its values are measured in.
    pub unit: Unit,
    /// How its values combine over time.
    pub kind: MetricKind,
}

/// Makes a constant of each entry, and the list of them all.
macro_rules! catalogue {
    ($($(#[$doc:meta])* $name:ident = $kind:ident($text:literal, $unit:ident);)*) => {
        $($(#[$doc])* pub const $name: Metric = $kind($text, Unit::$unit);)*
        /// Every metric of the catalogue.
        pub const ALL: &[Metric] = &[$($name),*];
    };
}

catalogue! {
    /// Busy share of all cores: everything but idle and waiting for disks, 0 to 100.
    CPU = rate("cpu_percent", Percent);
    /// The same of one core; sent live, never stored.
    CPU_CORE = rate("cpu_core_percent", Percent);
    /// Share in which cores were idle while a disk was waited for.
    IOWAIT = rate("iowait_percent", Percent);
    /// Share that the hypervisor gave to others.
    STEAL = rate("steal_percent", Percent);
    /// Share of the time in which at least one task waited for a core.
    PRESSURE_CPU_SOME = rate("pressure_cpu_some_percent", Percent);
    /// Share in which all waited for one; 0 for a whole host, kept for the kernels that tell it.
    PRESSURE_CPU_FULL = rate("pressure_cpu_full_percent", Percent);
    /// Share in which at least one task waited for memory.
    PRESSURE_MEMORY_SOME = rate("pressure_memory_some_percent", Percent);
    /// Share in which all that could run waited for memory.
    PRESSURE_MEMORY_FULL = rate("pressure_memory_full_percent", Percent);
    /// Share in which at least one task waited for a disk.
    PRESSURE_IO_SOME = rate("pressure_io_some_percent", Percent);
    /// Share in which all that could run waited for a disk.
    PRESSURE_IO_FULL = rate("pressure_io_full_percent", Percent);
    /// Share in which interrupts held all that could run up.
    PRESSURE_IRQ_FULL = rate("pressure_irq_full_percent", Percent);
    /// Memory that no new program could have.
    MEMORY_USED = gauge("memory_used_bytes", Bytes);
    /// All memory.
    MEMORY_TOTAL = gauge("memory_total_bytes", Bytes);
    /// The used share of it.
    MEMORY_USED_SHARE = gauge("memory_used_percent", Percent);
    /// Swap in use.
    SWAP_USED = gauge("swap_used_bytes", Bytes);
    /// All swap; 0 without any.
    SWAP_TOTAL = gauge("swap_total_bytes", Bytes);
    /// The used share of it; absent without any.
    SWAP_USED_SHARE = gauge("swap_used_percent", Percent);
    /// Load of the last minute.
    LOAD1 = gauge("load1", None);
    /// Load of the last five minutes.
    LOAD5 = gauge("load5", None);
    /// Load of the last quarter of an hour.
    LOAD15 = gauge("load15", None);
    /// Cores that are online.
    CORES = gauge("cores", None);
    /// Time since boot, suspend included.
    UPTIME = gauge("uptime_s", Seconds);
    /// Used space of a file system.
    DISK_USED = gauge("disk_used_bytes", Bytes);
    /// Size of a file system.
    DISK_TOTAL = gauge("disk_total_bytes", Bytes);
    /// Used share as `df` has it: used / (used + available).
    DISK_USED_SHARE = gauge("disk_used_percent", Percent);
    /// Inodes in use.
    DISK_INODES_USED = gauge("disk_inodes_used", None);
    /// All inodes; absent where a file system makes them as it needs them.
    DISK_INODES_TOTAL = gauge("disk_inodes_total", None);
    /// Used share of all inodes; absent like these.
    DISK_INODES_USED_SHARE = gauge("disk_inodes_used_percent", Percent);
    /// Bytes read from a disk.
    BLOCK_READ = rate("block_read_bytes_per_s", BytesPerSecond);
    /// Bytes written to a disk.
    BLOCK_WRITE = rate("block_write_bytes_per_s", BytesPerSecond);
    /// Share of the time in which a disk had something to do.
    BLOCK_BUSY = rate("block_busy_percent", Percent);
    /// Bytes received by an interface.
    NETWORK_RX = rate("network_rx_bytes_per_s", BytesPerSecond);
    /// Bytes sent by an interface.
    NETWORK_TX = rate("network_tx_bytes_per_s", BytesPerSecond);
    /// What a sensor of the host measures.
    TEMPERATURE = gauge("temperature_celsius", Celsius);
}

/// Whether series of `metric` are sent live only and never spooled or stored.
pub fn is_live_only(metric: &str) -> bool {
    metric == CPU_CORE.name
}

const fn gauge(name: &'static str, unit: Unit) -> Metric {
    Metric { name, unit, kind: MetricKind::Gauge }
}

const fn rate(name: &'static str, unit: Unit) -> Metric {
    Metric { name, unit, kind: MetricKind::Rate }
}
