//! The machine's clocks. The only place of the agent that reads one.

use rustix::time::{ClockId, Timespec, clock_gettime};
use systole_common::wire::hello::Clocks;

/// All three clocks, read one right after the other.
pub fn clocks() -> Clocks {
    Clocks {
        mono_ns: nanos(clock_gettime(ClockId::Monotonic)),
        boot_ns: nanos(clock_gettime(ClockId::Boottime)),
        wall_ms: wall_ms(clock_gettime(ClockId::Realtime)),
    }
}

fn nanos(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let rest = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

fn wall_ms(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_go_forward_and_boot_time_counts_suspend_too() {
        let (first, second) = (clocks(), clocks());
        assert!(second.mono_ns >= first.mono_ns);
        assert!(first.boot_ns >= first.mono_ns);
    }
}
