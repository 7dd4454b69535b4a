//! The catalogue of the per-tick set: name, unit and kind of every series that the collectors make.
//!
//! Names are the contract with JSON, alert rules and the store; nothing here measures.

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

/// Busy share of all cores: everything but idle and waiting for disks, 0 to 100.
pub const CPU: Metric = rate("cpu_percent", Unit::Percent);
/// The same of one core; sent live, never stored.
pub const CPU_CORE: Metric = rate("cpu_core_percent", Unit::Percent);
/// Share in which cores were idle while a disk was waited for.
pub const IOWAIT: Metric = rate("iowait_percent", Unit::Percent);
/// Share that the hypervisor gave to others.
pub const STEAL: Metric = rate("steal_percent", Unit::Percent);
/// Memory that no new program could have.
pub const MEMORY_USED: Metric = gauge("memory_used_bytes", Unit::Bytes);
/// All memory.
pub const MEMORY_TOTAL: Metric = gauge("memory_total_bytes", Unit::Bytes);
/// Swap in use.
pub const SWAP_USED: Metric = gauge("swap_used_bytes", Unit::Bytes);
/// All swap; 0 without any.
pub const SWAP_TOTAL: Metric = gauge("swap_total_bytes", Unit::Bytes);
/// Load of the last minute.
pub const LOAD1: Metric = gauge("load1", Unit::None);
/// Load of the last five minutes.
pub const LOAD5: Metric = gauge("load5", Unit::None);
/// Load of the last quarter of an hour.
pub const LOAD15: Metric = gauge("load15", Unit::None);
/// Cores that are online.
pub const CORES: Metric = gauge("cores", Unit::None);
/// Time since boot, suspend included.
pub const UPTIME: Metric = gauge("uptime_s", Unit::Seconds);
/// Used space of a file system.
pub const DISK_USED: Metric = gauge("disk_used_bytes", Unit::Bytes);
/// Size of a file system.
pub const DISK_TOTAL: Metric = gauge("disk_total_bytes", Unit::Bytes);
/// Used share as `df` has it: used / (used + available).
pub const DISK_USED_SHARE: Metric = gauge("disk_used_percent", Unit::Percent);
/// Inodes in use.
pub const DISK_INODES_USED: Metric = gauge("disk_inodes_used", Unit::None);
/// All inodes; absent where a file system makes them as it needs them.
pub const DISK_INODES_TOTAL: Metric = gauge("disk_inodes_total", Unit::None);
/// Bytes read from a disk.
pub const BLOCK_READ: Metric = rate("block_read_bytes_per_s", Unit::BytesPerSecond);
/// Bytes written to a disk.
pub const BLOCK_WRITE: Metric = rate("block_write_bytes_per_s", Unit::BytesPerSecond);
/// Share of the time in which a disk had something to do.
pub const BLOCK_BUSY: Metric = rate("block_busy_percent", Unit::Percent);
/// Bytes received by an interface.
pub const NETWORK_RX: Metric = rate("network_rx_bytes_per_s", Unit::BytesPerSecond);
/// Bytes sent by an interface.
pub const NETWORK_TX: Metric = rate("network_tx_bytes_per_s", Unit::BytesPerSecond);

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
