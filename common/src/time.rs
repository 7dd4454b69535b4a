//! Points in time as plain numbers, so that engines can be told the time instead of asking for it.
//!
//! Ages and verdicts use [`Mono`]; [`UnixMs`] is for people, JSON and the disk. Nothing here reads a clock.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Nanoseconds of a monotonic clock of one machine. Comparable only with its own kind.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Mono(pub u64);

impl Mono {
    /// This point plus `span`, at most the end of time.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos(span)))
    }

    /// This point minus `span`, at least zero.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(span)))
    }

    /// Time from `earlier` to here; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Milliseconds of `span`, at most `u64::MAX`.
pub fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970 in UTC, by some machine's wall clock. May be wrong: clocks are.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMs(pub i64);

/// The zone of this process, told once by its shell.
static ZONE: OnceLock<TimeZone> = OnceLock::new();

/// Tells in which zone people read times. The first call holds.
pub fn use_zone(zone: TimeZone) {
    let _first = ZONE.set(zone);
}

/// Earliest and latest instants that are shown, 1970 and the last full day of 9999 in every zone;
/// others are drawn to them.
const SHOWN_MS: (i64, i64) = (0, 253_402_207_199_999);

impl UnixMs {
    /// This point plus `span`, without wrapping.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This point minus `span`, without wrapping.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Time from `earlier` to here; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// RFC 3339 in UTC with milliseconds, as JSON has it: `2026-11-21T04:05:06.789Z`.
    pub fn rfc3339(self) -> String {
        format!("{:.3}", self.timestamp())
    }

    /// Local time for people: `2026-11-21 04:05:06`; in UTC until [`use_zone`] was called.
    pub fn local(self) -> String {
        self.timestamp()
            .to_zoned(ZONE.get().cloned().unwrap_or(TimeZone::UTC))
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string()
    }

    /// Reads RFC 3339; `None` if it is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<Timestamp>().ok().map(|at| Self(at.as_millisecond()))
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0.clamp(SHOWN_MS.0, SHOWN_MS.1)).unwrap_or_default()
    }
}

impl fmt::Display for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

/// The time an engine is told: this machine's monotonic and wall clocks, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// Monotonic: what verdicts and ages are made of.
    pub mono: Mono,
    /// Wall clock: what people read.
    pub wall: UnixMs,
}

impl Now {
    /// Both clocks moved on by `span`.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self { mono: self.mono.plus(span), wall: self.wall.plus(span) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_the_contract_says() {
        assert_eq!(UnixMs(1_795_234_567_089).rfc3339(), "2026-11-21T04:16:07.089Z");
        assert_eq!(UnixMs(0).rfc3339(), "1970-01-01T00:00:00.000Z");
        assert_eq!(UnixMs(i64::MIN).rfc3339(), "1970-01-01T00:00:00.000Z");
        assert_eq!(UnixMs(i64::MAX).rfc3339(), "9999-12-30T21:59:59.999Z");
        assert_eq!(UnixMs::parse("2026-11-21T04:16:07.089Z"), Some(UnixMs(1_795_234_567_089)));
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Mono(u64::MAX).plus(Duration::MAX), Mono(u64::MAX));
        assert_eq!(Mono(5).since(Mono(9)), Duration::ZERO);
        assert_eq!(UnixMs(i64::MAX).plus(Duration::MAX).0, i64::MAX);
        assert_eq!(UnixMs(0).since(UnixMs(i64::MAX)), Duration::ZERO);
    }
}
