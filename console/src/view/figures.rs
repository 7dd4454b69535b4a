//! Spans and amounts in as few cells as people still read: `2m03`, `1.2M`, `~41%`.

use std::time::Duration;

use systole_common::time::UnixMs;

use crate::model::fleet::Worth;

const DAY: Duration = Duration::from_hours(24);
/// Cells of an age.
pub const AGE_CELLS: usize = 5;

/// `0s`, `42s`, `2m03`, `1h05`, `3d04`, `120d`: cut, never rounded up.
pub fn age(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..=59 => format!("{seconds}s"),
        60..=3_599 => format!("{minutes}m{:02}", seconds % 60),
        3_600..=86_399 => format!("{hours}h{:02}", minutes % 60),
        86_400..=8_639_999 => format!("{days}d{:02}", hours % 24),
        _ => format!("{}d", days.min(9_999)),
    }
}

/// A short span with one decimal: `4.1s`, `47s`, `2m03`.
pub fn silence(span: Duration) -> String {
    let tenths = span.as_millis() / 100;
    match tenths {
        0..=99 => format!("{}.{}s", tenths / 10, tenths % 10),
        _ => age(span),
    }
}

/// A round trip: `0.4ms`, `12ms`, `1.2s`.
pub fn round_trip(span: Duration) -> String {
    let micros = span.as_micros();
    match micros {
        0..=9_999 => format!("{}.{}ms", micros / 1_000, micros % 1_000 / 100),
        10_000..=999_999 => format!("{}ms", micros / 1_000),
        _ => silence(span),
    }
}

/// Bytes in a second in at most four cells: `0`, `512`, `1.2K`, `41M`.
pub fn rate(bytes_per_s: f64) -> String {
    let mut rest = bytes_per_s;
    let mut unit = "";
    for next in ["K", "M", "G", "T", "P"] {
        if rest < 999.5 {
            break;
        }
        rest /= 1_024.0;
        unit = next;
    }
    if unit.is_empty() || rest >= 9.95 {
        format!("{rest:.0}{unit}")
    } else {
        format!("{rest:.1}{unit}")
    }
}

/// `41%`.
pub fn percent(percent: f64) -> String {
    format!("{percent:.0}%")
}

/// `0.42`, `12.3`, `130`.
pub fn load(load: f64) -> String {
    crate::tables::phrase::load(load)
}

/// A measured value by its worth: as it is, behind `~`, or `-`.
pub fn measured(value: Option<f64>, worth: Worth, say: fn(f64) -> String) -> String {
    match (value, worth) {
        (None, _) | (_, Worth::Withdrawn) => "-".to_owned(),
        (Some(value), Worth::Fresh) => say(value),
        (Some(value), Worth::Old) => format!("~{}", say(value)),
    }
}

/// `14:02:07`, local.
pub fn clock(at: UnixMs) -> String {
    at.local().split_whitespace().last().unwrap_or_default().to_owned()
}

/// A moment as it is read at `now`: `14:02:07` today, `tomorrow 14:02`, else `2026-11-22 14:02`; local.
pub fn when(at: UnixMs, now: UnixMs) -> String {
    let (date, minute) = (day(at), clock(at));
    let minute = minute.get(..5).unwrap_or(&minute);
    if date == day(now) {
        clock(at)
    } else if date == day(now.plus(DAY)) {
        format!("tomorrow {minute}")
    } else {
        format!("{date} {minute}")
    }
}

/// `2026-11-22`, local.
pub fn day(at: UnixMs) -> String {
    at.local().split_whitespace().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_take_five_cells_and_never_run_ahead() {
        let cases = [
            (0, "0s"),
            (999, "0s"),
            (59_999, "59s"),
            (123_000, "2m03"),
            (3_599_000, "59m59"),
            (3_900_000, "1h05"),
            (273_600_000, "3d04"),
            (8_640_000_000, "100d"),
            (u64::MAX, "9999d"),
        ];
        for (ms, text) in cases {
            let said = age(Duration::from_millis(ms));
            assert!(said == text && said.len() <= AGE_CELLS, "{ms}: {said}");
        }
        assert_eq!(silence(Duration::from_millis(4_190)), "4.1s");
        assert_eq!(silence(Duration::from_secs(47)), "47s");
        assert_eq!(round_trip(Duration::from_micros(440)), "0.4ms");
        assert_eq!(round_trip(Duration::from_millis(1_240)), "1.2s");
    }

    #[test]
    fn a_moment_has_its_day_unless_it_is_today() {
        let now = UnixMs(1_795_234_567_089);
        let at = |hours: u64| when(now.plus(Duration::from_hours(hours)), now);
        assert_eq!([at(0), at(19)], ["04:16:07", "23:16:07"]);
        assert_eq!(
            [at(20), at(43), at(44)],
            ["tomorrow 00:16", "tomorrow 23:16", "2026-11-23 00:16"]
        );
        assert_eq!(when(now.minus(Duration::from_hours(5)), now), "2026-11-20 23:16");
    }

    #[test]
    fn amounts_take_four_cells() {
        let cases = [(0.0, "0"), (999.0, "999"), (1_000.0, "1.0K"), (1_536.0, "1.5K")];
        for (given, text) in cases.into_iter().chain([(41e6, "39M"), (1e12, "931G")]) {
            assert_eq!(rate(given), text);
        }
        assert_eq!(measured(Some(41.2), Worth::Fresh, percent), "41%");
        assert_eq!(measured(Some(41.2), Worth::Old, percent), "~41%");
        assert_eq!(measured(Some(41.2), Worth::Withdrawn, percent), "-");
        assert_eq!(measured(None, Worth::Fresh, percent), "-");
    }
}
