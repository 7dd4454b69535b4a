//! `/proc/meminfo`: memory and swap in bytes.
//!
//! Owns "used = total − available" and its estimate for kernels that do not tell what is available.

use super::Samples;
use super::fields::{lines, next_number, words};
use super::metrics::{
    MEMORY_TOTAL, MEMORY_USED, MEMORY_USED_SHARE, SWAP_TOTAL, SWAP_USED, SWAP_USED_SHARE,
};
use super::rates::percent;

/// Memory and swap in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// All memory.
    pub total_bytes: u64,
    /// Total − available.
    pub used_bytes: u64,
    /// All swap; 0 without any.
    pub swap_total_bytes: u64,
    /// Swap in use.
    pub swap_used_bytes: u64,
}

/// Reads the text; `None` without `MemTotal`.
pub fn parse(text: &[u8]) -> Option<Memory> {
    let mut fields = Fields::default();
    for line in lines(text) {
        let mut words = words(line);
        let slot = words.next().and_then(|key| fields.slot(key));
        if let Some(slot) = slot {
            *slot = next_number(&mut words).map(|kib| kib.saturating_mul(1024));
        }
    }
    fields.memory()
}

/// Adds the series of `text`; without swap, or memory, there is no share of it.
pub fn sample(text: &[u8], samples: &mut Samples) {
    if let Some(memory) = parse(text) {
        samples.put(MEMORY_USED, memory.used_bytes as f64);
        samples.put(MEMORY_TOTAL, memory.total_bytes as f64);
        if let Some(share) = percent(memory.used_bytes, memory.total_bytes) {
            samples.put(MEMORY_USED_SHARE, share);
        }
        samples.put(SWAP_USED, memory.swap_used_bytes as f64);
        samples.put(SWAP_TOTAL, memory.swap_total_bytes as f64);
        if let Some(share) = percent(memory.swap_used_bytes, memory.swap_total_bytes) {
            samples.put(SWAP_USED_SHARE, share);
        }
    }
}

#[derive(Default)]
struct Fields {
    total: Option<u64>,
    available: Option<u64>,
    free: Option<u64>,
    buffers: Option<u64>,
    cached: Option<u64>,
    reclaimable: Option<u64>,
    shared: Option<u64>,
    swap_total: Option<u64>,
    swap_free: Option<u64>,
}

impl Fields {
    fn slot(&mut self, key: &[u8]) -> Option<&mut Option<u64>> {
        match key {
            b"MemTotal:" => Some(&mut self.total),
            b"MemAvailable:" => Some(&mut self.available),
            b"MemFree:" => Some(&mut self.free),
            b"Buffers:" => Some(&mut self.buffers),
            b"Cached:" => Some(&mut self.cached),
            b"SReclaimable:" => Some(&mut self.reclaimable),
            b"Shmem:" => Some(&mut self.shared),
            b"SwapTotal:" => Some(&mut self.swap_total),
            b"SwapFree:" => Some(&mut self.swap_free),
            _ => None,
        }
    }

    fn memory(&self) -> Option<Memory> {
        let total_bytes = self.total?;
        let available = self.available.or_else(|| self.estimated_available())?;
        let swap_total_bytes = self.swap_total.unwrap_or(0);
        Some(Memory {
            total_bytes,
            used_bytes: total_bytes.saturating_sub(available),
            swap_total_bytes,
            swap_used_bytes: swap_total_bytes.saturating_sub(self.swap_free.unwrap_or(0)),
        })
    }

    /// Linux before 3.14: free memory and caches, without shared memory, which no one can take back.
    fn estimated_available(&self) -> Option<u64> {
        let caches = [self.buffers, self.cached, self.reclaimable];
        let kept = caches.into_iter().flatten().fold(self.free?, u64::saturating_add);
        Some(kept.saturating_sub(self.shared.unwrap_or(0)))
    }
}
