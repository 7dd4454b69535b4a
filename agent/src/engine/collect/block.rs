//! `/proc/diskstats`: bytes read and written, and busy time, of the disks that matter.
//!
//! Owns which devices those are: whole disks that ever worked. Partitions, and devices that are made
//! of others or of memory, would count the same bytes twice and are passed over.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Samples;
use super::fields::{lines, next_number, words};
use super::limits::BLOCK_DEVICES_MAX;
use super::metrics::{BLOCK_BUSY, BLOCK_READ, BLOCK_WRITE};
use super::rates::{Tracker, per_second};

/// The kernel's sector, whatever the disk's own is.
const SECTOR_BYTES: u64 = 512;
/// A disk that is busy all the time is busy for this many milliseconds per second.
const BUSY_MS_PER_SECOND: f64 = 1000.0;
/// Devices of memory, of other devices, or with media to be changed.
const PASSED_OVER: [&str; 11] =
    ["loop", "ram", "zram", "fd", "sr", "dm-", "md", "zd", "bcache", "drbd", "scd"];

/// Counters of one device since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlockCounters {
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// Milliseconds in which something was under way.
    pub busy_ms: u64,
    /// Whether it ever completed a transfer.
    pub ever_used: bool,
}

/// Every device of the text, partitions included. Lines of less than fourteen fields are passed over.
pub fn parse(text: &[u8]) -> Vec<(Cow<'_, str>, BlockCounters)> {
    lines(text).filter_map(parse_line).collect()
}

/// The disks that get series, in the order of their names, and how many more there are.
pub fn choose(
    mut devices: Vec<(Cow<'_, str>, BlockCounters)>,
) -> (Vec<(Cow<'_, str>, BlockCounters)>, usize) {
    let names: BTreeSet<String> = devices.iter().map(|(name, _)| name.to_string()).collect();
    devices.retain(|(name, counters)| {
        counters.ever_used && !is_passed_over(name) && !is_partition(name, &names)
    });
    devices.sort_by(|(one, _), (other, _)| one.cmp(other));
    let skipped = devices.len().saturating_sub(BLOCK_DEVICES_MAX);
    devices.truncate(BLOCK_DEVICES_MAX);
    (devices, skipped)
}

/// Adds the samples of a reading at `now_ns`; returns how many disks are beyond the limit.
pub fn sample(
    text: &[u8],
    now_ns: u64,
    tracker: &mut Tracker<BlockCounters>,
    samples: &mut Samples,
) -> usize {
    let (devices, skipped) = choose(parse(text));
    let (elapsed_ns, pairs) = tracker.advance(now_ns, devices);
    for pair in pairs {
        let Some(then) = pair.previous else { continue };
        let now = pair.current;
        if let Some(rate) = per_second(then.read_bytes, now.read_bytes, elapsed_ns) {
            samples.put_of(BLOCK_READ, &pair.name, rate);
        }
        if let Some(rate) = per_second(then.written_bytes, now.written_bytes, elapsed_ns) {
            samples.put_of(BLOCK_WRITE, &pair.name, rate);
        }
        if let Some(rate) = per_second(then.busy_ms, now.busy_ms, elapsed_ns) {
            samples.put_of(BLOCK_BUSY, &pair.name, (100.0 * rate / BUSY_MS_PER_SECOND).min(100.0));
        }
    }
    skipped
}

/// major minor name, then reads {done, merged, sectors, ms}, writes {the same}, in flight, busy ms.
fn parse_line(line: &[u8]) -> Option<(Cow<'_, str>, BlockCounters)> {
    let mut fields = words(line);
    let name = String::from_utf8_lossy(fields.nth(2)?);
    let mut values = [0_u64; 11];
    for value in &mut values {
        *value = next_number(&mut fields)?;
    }
    let [reads, _, sectors_read, _, writes, _, sectors_written, _, _, busy_ms, _] = values;
    let counters = BlockCounters {
        read_bytes: sectors_read.saturating_mul(SECTOR_BYTES),
        written_bytes: sectors_written.saturating_mul(SECTOR_BYTES),
        busy_ms,
        ever_used: reads > 0 || writes > 0,
    };
    Some((name, counters))
}

fn is_passed_over(name: &str) -> bool {
    let is_boot_area =
        name.starts_with("mmcblk") && (name.contains("boot") || name.ends_with("rpmb"));
    is_boot_area
        || PASSED_OVER.iter().any(|prefix| name.strip_prefix(prefix).is_some_and(starts_a_number))
}

fn starts_a_number(rest: &str) -> bool {
    rest.starts_with(|c: char| c.is_ascii_digit())
}

/// `sda1` beside `sda`, `nvme0n1p2` beside `nvme0n1`; alone, as some clouds have it, it is a disk.
fn is_partition(name: &str, names: &BTreeSet<String>) -> bool {
    let disk = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let ends_in_digit = |name: &str| name.ends_with(|c: char| c.is_ascii_digit());
    if disk == name || disk.is_empty() {
        return false;
    }
    match disk.strip_suffix('p').filter(|numbered| ends_in_digit(numbered)) {
        Some(numbered) => names.contains(numbered),
        None => names.contains(disk),
    }
}
