//! A file system's figures as `df` has them: used / (used + available), inodes beside bytes.
//!
//! Knows numbers only; asking a file system is the shell's work.

use std::sync::Arc;

use super::Samples;
use super::metrics::{
    DISK_INODES_TOTAL, DISK_INODES_USED, DISK_INODES_USED_SHARE, DISK_TOTAL, DISK_USED,
    DISK_USED_SHARE,
};
use super::rates::percent;

/// What a file system says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Size in bytes.
    pub total_bytes: u64,
    /// Free bytes, those kept for root included.
    pub free_bytes: u64,
    /// Bytes that a program without privileges may still write.
    pub available_bytes: u64,
    /// All inodes; 0 where they are made as they are needed.
    pub inodes_total: u64,
    /// Free inodes.
    pub inodes_free: u64,
}

impl Usage {
    /// Bytes in use.
    pub fn used_bytes(self) -> u64 {
        self.total_bytes.saturating_sub(self.free_bytes)
    }

    /// Used share of what programs can use, 0 to 100; `None` for a file system without any room.
    pub fn used_percent(self) -> Option<f64> {
        let used = self.used_bytes() as f64;
        let usable = used + self.available_bytes as f64;
        (usable > 0.0).then(|| 100.0 * used / usable)
    }

    /// Adds the series of the file system at `mount`; none for one that has no size at all.
    pub fn sample(self, mount: &Arc<str>, samples: &mut Samples) {
        if self.total_bytes == 0 {
            return;
        }
        samples.put_of(DISK_USED, mount, self.used_bytes() as f64);
        samples.put_of(DISK_TOTAL, mount, self.total_bytes as f64);
        if let Some(percent) = self.used_percent() {
            samples.put_of(DISK_USED_SHARE, mount, percent);
        }
        let used = self.inodes_total.saturating_sub(self.inodes_free);
        if let Some(share) = percent(used, self.inodes_total) {
            samples.put_of(DISK_INODES_USED, mount, used as f64);
            samples.put_of(DISK_INODES_TOTAL, mount, self.inodes_total as f64);
            samples.put_of(DISK_INODES_USED_SHARE, mount, share);
        }
    }
}
