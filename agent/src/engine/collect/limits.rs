//! Every bound of the collectors, by name, so that no host can declare more series than an agent may.
//!
//! Knows numbers only; which of many disks or interfaces is kept is decided beside their parsers.

use systole_common::model::metric::{INSTANCE_BYTES_MAX, SERIES_PER_AGENT_MAX};

/// Cores with a series of their own.
pub const CORES_MAX: usize = 256;
/// File systems with series.
pub const MOUNTS_MAX: usize = 64;
/// Disks with series.
pub const BLOCK_DEVICES_MAX: usize = 64;
/// Network interfaces with series.
pub const INTERFACES_MAX: usize = 32;
/// Of these, ends of containers and virtual machines, whose names change with each start.
pub const GUEST_INTERFACES_MAX: usize = 8;
/// Processes looked at in one scan; the rest are counted as skipped.
pub const PROCESSES_SCANNED_MAX: usize = 8_192;
/// Processes in each of the two lists, by processor and by memory, whose union is sent.
pub const PROCESSES_LISTED_MAX: usize = systole_common::wire::limits::PROCESSES_MAX / 2;
/// Bytes read of one file of `/proc` in a tick.
pub const PROC_FILE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes read of a mount list.
pub const MOUNT_LIST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of a process's `stat` line; more than the kernel ever writes.
pub const PROCESS_STAT_BYTES_MAX: usize = 2_048;
/// Network file systems that are asked at the same time, each by a thread of its own.
pub const REMOTE_IN_FLIGHT_MAX: usize = 8;
/// Sensors with a series; further ones are counted as skipped.
pub const SENSORS_MAX: usize = 64;
/// Folders below `/sys/class/hwmon` or `/sys/class/thermal` that are looked into.
pub const SENSOR_FOLDERS_MAX: usize = 256;
/// Sensors that are looked for in all of these folders.
pub const SENSORS_SEEN_MAX: usize = 1_024;
/// Bytes of a sensor's chip, and of its label, in the name of its series.
pub const SENSOR_WORD_BYTES_MAX: usize = 96;
/// Bytes read of a file below `/sys`.
pub const SENSOR_FILE_BYTES_MAX: usize = 256;

/// Series without an instance: processor 3, pressure 7, memory and swap 6, load 3, cores, uptime.
const SERIES_OF_HOST: usize = 21;
const SERIES_PER_MOUNT: usize = 6;
const SERIES_PER_BLOCK_DEVICE: usize = 3;
const SERIES_PER_INTERFACE: usize = 2;

const _: () = assert!(
    SERIES_OF_HOST
        + CORES_MAX
        + MOUNTS_MAX * SERIES_PER_MOUNT
        + BLOCK_DEVICES_MAX * SERIES_PER_BLOCK_DEVICE
        + INTERFACES_MAX * SERIES_PER_INTERFACE
        + SENSORS_MAX
        <= SERIES_PER_AGENT_MAX
);
const _: () = assert!(GUEST_INTERFACES_MAX < INTERFACES_MAX);
// CHIP/LABEL#NUMBER
const _: () = assert!(2 * SENSOR_WORD_BYTES_MAX + "/#1024".len() <= INSTANCE_BYTES_MAX);
