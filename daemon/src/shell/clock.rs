//! The only place of the daemon that asks what time it is.

use rustix::time::{ClockId, Timespec, clock_gettime};
use systole_common::time::{Mono, Now, UnixMs};
use systole_common::wire::hello::Clocks;

/// Both clocks of an engine, read together.
pub(super) fn now() -> Now {
    Now { mono: mono(), wall: wall() }
}

/// This machine's monotonic clock.
pub(super) fn mono() -> Mono {
    Mono(nanoseconds(clock_gettime(ClockId::Monotonic)))
}

/// This machine's wall clock.
pub(super) fn wall() -> UnixMs {
    let time = clock_gettime(ClockId::Realtime);
    let ms = time.tv_sec.saturating_mul(1_000);
    UnixMs(ms.saturating_add(time.tv_nsec / 1_000_000))
}

/// The three clocks that the wire carries.
pub(super) fn clocks() -> Clocks {
    Clocks {
        mono_ns: mono().0,
        boot_ns: nanoseconds(clock_gettime(ClockId::Boottime)),
        wall_ms: wall().0,
    }
}

fn nanoseconds(time: Timespec) -> u64 {
    let whole = u64::try_from(time.tv_sec).unwrap_or(0).saturating_mul(1_000_000_000);
    whole.saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}
