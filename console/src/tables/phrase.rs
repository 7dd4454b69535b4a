//! Numbers and spans as people say them.

use std::time::Duration;

/// `0.4 s`, `12 s`, `3 min`, `2 h`, `5 d`.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..=9 => format!("{:.1} s", tenths(span)),
        10..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Seconds cut to tenths, so that an age never runs ahead.
fn tenths(span: Duration) -> f64 {
    (span.as_secs_f64() * 10.0).floor() / 10.0
}

/// A short time: `0.4 ms`, `12 ms`, `1.2 s`.
pub fn round_trip(span: Duration) -> String {
    let ms = span.as_secs_f64() * 1_000.0;
    match ms {
        ..10.0 => format!("{ms:.1} ms"),
        10.0..1_000.0 => format!("{ms:.0} ms"),
        _ => format!("{:.1} s", ms / 1_000.0),
    }
}

/// `512 B`, `1.5 KiB`, `23 GiB`.
pub fn bytes(bytes: f64) -> String {
    let mut rest = bytes;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB"] {
        if rest < 1_023.5 {
            break;
        }
        rest /= 1_024.0;
        unit = next;
    }
    if unit == "B" || rest >= 9.95 {
        format!("{rest:.0} {unit}")
    } else {
        format!("{rest:.1} {unit}")
    }
}

/// Bytes in a second: `1.5 KiB/s`.
pub fn rate(bytes_per_s: f64) -> String {
    format!("{}/s", bytes(bytes_per_s))
}

/// `41%`.
pub fn percent(percent: f64) -> String {
    format!("{percent:.0}%")
}

/// `0.42`, `12.3`, `130`.
pub fn load(load: f64) -> String {
    match load {
        ..9.995 => format!("{load:.2}"),
        9.995..99.95 => format!("{load:.1}"),
        _ => format!("{load:.0}"),
    }
}

/// `1 host`, `3 hosts`.
pub fn count(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A number without needless decimals: `93`, `0.75`, `1.5`.
pub fn number(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_like_speech() {
        let said = |ms| span(Duration::from_millis(ms));
        let cases = [
            (0, "0.0 s"),
            (440, "0.4 s"),
            (9_990, "9.9 s"),
            (12_400, "12 s"),
            (119_999, "119 s"),
            (180_000, "3 min"),
            (7_200_000, "2 h"),
            (3 * 86_400_000, "3 d"),
        ];
        for (ms, text) in cases {
            assert_eq!(said(ms), text);
        }
        assert_eq!(round_trip(Duration::from_micros(440)), "0.4 ms");
        assert_eq!(round_trip(Duration::from_millis(180)), "180 ms");
        assert_eq!(round_trip(Duration::from_millis(1_240)), "1.2 s");
    }

    #[test]
    fn numbers_keep_three_digits_at_most() {
        let cases = [(0.0, "0 B"), (1_023.0, "1023 B"), (1_536.0, "1.5 KiB"), (25e9, "23 GiB")];
        for (given, text) in cases {
            assert_eq!(bytes(given), text);
        }
        assert_eq!(rate(1_048_576.0), "1.0 MiB/s");
        assert_eq!([load(0.421), load(12.34), load(130.2)], ["0.42", "12.3", "130"]);
        assert_eq!([number(93.0), number(0.75), number(100.0)], ["93", "0.75", "100"]);
        assert_eq!([count(1, "host"), count(0, "host")], ["1 host", "0 hosts"]);
    }
}
