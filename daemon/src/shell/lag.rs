//! How late the engine's own loop was, over the last second or two.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The longest delays of this second and of the one before. Written by the loop, read by everybody.
#[derive(Debug, Default)]
pub(super) struct LoopLag {
    present_us: AtomicU32,
    last_us: AtomicU32,
}

impl LoopLag {
    /// The loop was late by `delay`.
    pub(super) fn note(&self, delay: Duration) {
        let us = u32::try_from(delay.as_micros()).unwrap_or(u32::MAX);
        self.present_us.fetch_max(us, Ordering::Relaxed);
    }

    /// A second is over.
    pub(super) fn turn(&self) {
        let us = self.present_us.swap(0, Ordering::Relaxed);
        self.last_us.store(us, Ordering::Relaxed);
    }

    /// The longest delay of late, in microseconds.
    pub(super) fn longest_us(&self) -> u32 {
        self.present_us.load(Ordering::Relaxed).max(self.last_us.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_delay_is_told_for_one_to_two_seconds() {
        let lag = LoopLag::default();
        lag.note(Duration::from_millis(7));
        lag.note(Duration::from_millis(3));
        assert_eq!(lag.longest_us(), 7_000);
        lag.turn();
        assert_eq!(lag.longest_us(), 7_000);
        lag.turn();
        assert_eq!(lag.longest_us(), 0);
    }
}
