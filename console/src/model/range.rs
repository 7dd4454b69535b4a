//! Which time a question is about, and in which steps it is answered.
//!
//! Reads points in time as people write them, rounds ranges to whole steps, chooses a step. It asks
//! no clock and no system for the zone: both are arguments.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use systole_common::config::{duration_text, parse_duration};
use systole_common::time::{UnixMs, millis};

use crate::limits::{CLOCK_AHEAD_MAX, RAW_CHUNK, ROWS_CHOSEN_MAX, STEPS_MAX};

/// Shortest step that can be asked for.
const STEP_MIN: Duration = Duration::from_secs(1);
/// Longest step that can be asked for.
const STEP_MAX: Duration = Duration::from_hours(366 * 24);
/// A day of UTC, in milliseconds.
const DAY_MS: i64 = 86_400_000;
/// Steps that are chosen where none is asked for, in seconds, the finest first.
const CHOSEN_S: [u64; 13] =
    [1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400];

/// A point in time as people give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// So long ago.
    Ago(Duration),
    /// Then.
    At(UnixMs),
    /// By the clock on the wall, wherever that hangs.
    Local(DateTime),
}

impl When {
    /// Reads `90s`, `1h30m`, `30d`, `2y`, RFC 3339, `2026-11-21`, `2026-11-21 14:00`.
    pub fn parse(text: &str) -> Option<Self> {
        let ago = parse_span(text).map(Self::Ago);
        let at = || UnixMs::parse(text).map(Self::At);
        ago.or_else(at).or_else(|| text.parse().ok().map(Self::Local))
    }

    /// The point in time, if it is `now` and the clock on the wall hangs in `zone`.
    pub fn at(self, now: UnixMs, zone: &TimeZone) -> UnixMs {
        match self {
            Self::Ago(span) => now.minus(span),
            Self::At(at) => at,
            Self::Local(time) => {
                let zoned = zone.to_ambiguous_zoned(time).compatible();
                zoned.map_or(now, |zoned| UnixMs(zoned.timestamp().as_millisecond()))
            }
        }
    }
}

/// Reads a duration as settings have it, and `2w`, `1y` (365 days).
pub fn parse_span(text: &str) -> Option<Duration> {
    let long = |unit, days: u64| {
        let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
        Some(Duration::from_secs(count.checked_mul(days * 86_400)?))
    };
    parse_duration(text).or_else(|| long('w', 7)).or_else(|| long('y', 365))
}

/// The midnight of UTC at or before `at`.
pub fn utc_midnight(at: UnixMs) -> UnixMs {
    UnixMs(at.0.max(0) / DAY_MS * DAY_MS)
}

/// Why a range cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// It ends before it begins.
    #[error("the time ends ({}) before it begins ({}); check --from and --to", to.local(), from.local())]
    Backwards {
        /// Its begin.
        from: UnixMs,
        /// Its end.
        to: UnixMs,
    },
    /// It has not come yet.
    #[error("{} is in the future; give a time that is over", at.local())]
    Future {
        /// What was asked for.
        at: UnixMs,
    },
    /// It has too many steps.
    #[error("that would be {steps} steps, more than {STEPS_MAX}; take --step {} or a shorter time", enough.text())]
    TooFine {
        /// How many.
        steps: u64,
        /// A step that is long enough.
        enough: Step,
    },
}

/// One point for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Every stored sample is its own point.
    Raw,
    /// For each so many milliseconds, at multiples of it since 1970; not 0.
    EveryMs(u64),
}

impl Step {
    /// Reads `raw` or a duration from 1 s to 366 d.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "raw" {
            return Some(Self::Raw);
        }
        let span = parse_span(text).filter(|span| (STEP_MIN..=STEP_MAX).contains(span))?;
        Some(Self::EveryMs(millis(span)))
    }

    /// The finest step by which `range` has at most 300 points.
    pub fn chosen(range: Range) -> Self {
        Self::first(|step_ms| range.outward(step_ms).steps(step_ms) <= ROWS_CHOSEN_MAX)
    }

    /// The finest step that is at least so long.
    pub fn at_least(span_ms: u64) -> Self {
        Self::first(|step_ms| step_ms >= span_ms)
    }

    /// As the wire has it: milliseconds, 0 for raw.
    pub fn ms(self) -> u64 {
        match self {
            Self::Raw => 0,
            Self::EveryMs(step_ms) => step_ms,
        }
    }

    /// As `--step` has it.
    pub fn text(self) -> String {
        match self {
            Self::Raw => "raw".to_owned(),
            Self::EveryMs(step_ms) => duration_text(Duration::from_millis(step_ms)),
        }
    }

    fn first(is_enough: impl Fn(u64) -> bool) -> Self {
        let mut steps = CHOSEN_S.iter().map(|step_s| step_s * 1_000);
        let longest = CHOSEN_S.last().map_or(DAY_MS.unsigned_abs(), |step_s| step_s * 1_000);
        Self::EveryMs(steps.find(|step_ms| is_enough(*step_ms)).unwrap_or(longest))
    }
}

/// A time with a begin and an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Inclusive.
    pub from: UnixMs,
    /// Exclusive.
    pub to: UnixMs,
}

impl Range {
    /// From `from` to `to`, without what is before 1970 or further ahead of `now` than clocks may be.
    pub fn new(from: UnixMs, to: UnixMs, now: UnixMs) -> Result<Self, RangeError> {
        if from >= to {
            return Err(RangeError::Backwards { from, to });
        }
        let latest = now.plus(CLOCK_AHEAD_MAX);
        if from >= latest {
            return Err(RangeError::Future { at: from });
        }
        let (from, to) = (from.max(UnixMs(0)), to.min(latest));
        if from < to { Ok(Self { from, to }) } else { Err(RangeError::Backwards { from, to }) }
    }

    /// The range in whole steps: its ends move apart to multiples of `step`.
    pub fn whole(self, step: Step) -> Result<Self, RangeError> {
        let Step::EveryMs(step_ms) = step else { return Ok(self) };
        let whole = self.outward(step_ms);
        let steps = whole.steps(step_ms);
        if steps > STEPS_MAX {
            let enough = Step::at_least(self.to.0.abs_diff(self.from.0).div_ceil(STEPS_MAX - 1));
            return Err(RangeError::TooFine { steps, enough });
        }
        Ok(whole)
    }

    /// Parts of the range, in their order, that one reply can answer.
    pub fn parts(self, step: Step) -> impl Iterator<Item = Self> {
        let length_ms = match step {
            Step::Raw => i64::try_from(RAW_CHUNK.as_millis()).unwrap_or(i64::MAX),
            Step::EveryMs(_) => i64::MAX,
        };
        let mut begin = self.from.0;
        std::iter::from_fn(move || {
            let end = begin.saturating_add(length_ms).min(self.to.0);
            let part = Self { from: UnixMs(begin), to: UnixMs(end) };
            begin = end;
            (part.from < part.to).then_some(part)
        })
    }

    fn outward(self, step_ms: u64) -> Self {
        let step_ms = i64::try_from(step_ms).unwrap_or(i64::MAX).max(1);
        let down = |at: i64| at.div_euclid(step_ms).saturating_mul(step_ms);
        let up = |at: i64| down(at.saturating_add(step_ms - 1));
        Self { from: UnixMs(down(self.from.0)), to: UnixMs(up(self.to.0)) }
    }

    fn steps(self, step_ms: u64) -> u64 {
        self.to.0.abs_diff(self.from.0).div_ceil(step_ms.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 04:16:07.089 UTC.
    const NOW: UnixMs = UnixMs(1_795_234_567_089);

    fn at(text: &str) -> UnixMs {
        UnixMs::parse(text).unwrap()
    }

    fn since(span: &str) -> Range {
        Range::new(NOW.minus(parse_span(span).unwrap()), NOW, NOW).unwrap()
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let read = |text: &str| When::parse(text).map(|when| when.at(NOW, &zone).rfc3339());
        let cases = [
            ("2026-11-21T04:05:06Z", "2026-11-21T04:05:06.000Z"),
            ("2026-11-21T04:05:06.5+01:00", "2026-11-21T03:05:06.500Z"),
            ("2026-11-21", "2026-11-20T22:00:00.000Z"),
            ("2026-11-21 14:00", "2026-11-21T12:00:00.000Z"),
            ("2026-11-21T14:00:30", "2026-11-21T12:00:30.000Z"),
            ("1h", "2026-11-21T03:16:07.089Z"),
            ("1d12h", "2026-11-19T16:16:07.089Z"),
            ("2w", "2026-11-07T04:16:07.089Z"),
            ("1y", "2025-11-21T04:16:07.089Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for bad in ["", "yesterday", "1", "-1h", "2026-13-01", "2026-11-21 25:00", "1x", "y"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(parse_span("99999999999999999999y"), None);
        assert_eq!(utc_midnight(NOW), at("2026-11-21T00:00:00Z"));
        assert_eq!(utc_midnight(UnixMs(-5)), UnixMs(0));
    }

    #[test]
    fn the_chosen_step_is_the_finest_with_300_points() {
        let cases = [
            ("1s", "1s"),
            ("4m", "1s"),
            ("5m", "5s"),
            ("24m", "5s"),
            ("1h", "30s"),
            ("2h", "30s"),
            ("4h", "1m"),
            ("1d", "5m"),
            ("2d", "10m"),
            ("6d", "30m"),
            ("10d", "1h"),
            ("30d", "3h"),
            ("60d", "6h"),
            ("100d", "12h"),
            ("150d", "1d"),
            ("2y", "1d"),
        ];
        for (span, expected) in cases {
            let range = since(span);
            let step = Step::chosen(range);
            assert_eq!(step.text(), expected, "{span}");
            let rows = range.whole(step).unwrap().steps(step.ms());
            assert!(rows <= ROWS_CHOSEN_MAX || span == "2y", "{span}: {rows}");
        }
        assert_eq!(Step::at_least(5_001).text(), "10s");
        assert_eq!(Step::at_least(u64::MAX).text(), "1d");
    }

    #[test]
    fn steps_are_read_within_their_bounds() {
        assert_eq!(Step::parse("raw"), Some(Step::Raw));
        assert_eq!(Step::parse("90s"), Some(Step::EveryMs(90_000)));
        assert_eq!(Step::parse("1w"), Some(Step::EveryMs(7 * 86_400_000)));
        for bad in ["", "0s", "999ms", "367d", "2y", "Raw", "5"] {
            assert_eq!(Step::parse(bad), None, "{bad}");
        }
        assert_eq!((Step::Raw.ms(), Step::Raw.text().as_str()), (0, "raw"));
    }

    #[test]
    fn ranges_are_of_whole_steps_and_not_of_the_future() {
        let range =
            Range::new(at("2026-11-21T01:02:03Z"), at("2026-11-21T02:00:00Z"), NOW).unwrap();
        let whole = range.whole(Step::EveryMs(600_000)).unwrap();
        assert_eq!(whole.from, at("2026-11-21T01:00:00Z"));
        assert_eq!(whole.to, at("2026-11-21T02:00:00Z"));
        assert_eq!(range.whole(Step::Raw), Ok(range));
        assert_eq!(Range::new(NOW, NOW, NOW), Err(RangeError::Backwards { from: NOW, to: NOW }));
        let ahead = at("2027-01-01T00:00:00Z");
        assert_eq!(Range::new(NOW, ahead, NOW).unwrap().to, NOW.plus(CLOCK_AHEAD_MAX));
        let late = Range::new(ahead, at("2027-01-02T00:00:00Z"), NOW);
        assert_eq!(late, Err(RangeError::Future { at: ahead }));
        assert_eq!(Range::new(UnixMs(i64::MIN), NOW, NOW).unwrap().from, UnixMs(0));
        assert!(Range::new(UnixMs(i64::MIN), UnixMs(-5), NOW).is_err());
    }

    #[test]
    fn too_many_steps_are_refused_with_one_that_does() {
        let error = since("30d").whole(Step::EveryMs(1_000)).unwrap_err();
        assert!(error.to_string().contains("2592001 steps"), "{error}");
        let RangeError::TooFine { enough, .. } = error else { panic!("{error}") };
        assert_eq!(enough.text(), "5s");
        assert!(since("30d").whole(enough).is_ok());
        assert!(since("99y").whole(Step::chosen(since("99y"))).is_ok());
    }

    #[test]
    fn raw_ranges_are_asked_in_parts_that_meet() {
        let range = since("30d");
        let parts: Vec<Range> = range.parts(Step::Raw).collect();
        assert_eq!(parts.len(), 5);
        assert_eq!((parts[0].from, parts[4].to), (range.from, range.to));
        assert!(parts.windows(2).all(|pair| pair[0].to == pair[1].from));
        assert_eq!(range.parts(Step::EveryMs(1_000)).collect::<Vec<_>>(), [range]);
    }
}
