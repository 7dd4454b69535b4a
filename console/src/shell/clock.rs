//! This machine's clocks, read together, and its zone.

use jiff::tz::TimeZone;
use rustix::time::{ClockId, clock_gettime};
use systole_common::time::{Mono, Now, UnixMs};
use systole_common::wire::hello::Clocks;

/// The time.
pub fn now() -> Now {
    let clocks = clocks();
    Now { mono: Mono(clocks.mono_ns), wall: UnixMs(clocks.wall_ms) }
}

/// The zone in which people here read and write times.
pub fn zone() -> TimeZone {
    TimeZone::system()
}

/// The three clocks of a hello.
pub fn clocks() -> Clocks {
    Clocks {
        mono_ns: nanos(ClockId::Monotonic),
        boot_ns: nanos(ClockId::Boottime),
        wall_ms: wall_ms(),
    }
}

fn nanos(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

fn wall_ms() -> i64 {
    let time = clock_gettime(ClockId::Realtime);
    time.tv_sec.saturating_mul(1_000).saturating_add(time.tv_nsec / 1_000_000)
}
