//! Values of a chart in the words of their unit, and the scale that fits them.

use systole_common::model::coded::Growing;
use systole_common::model::metric::Unit;

use crate::tables::phrase;
use crate::view::chart::round_scale;
use crate::view::figures;

/// Below this a share has a decimal.
const DECIMAL_BELOW: f64 = 10.0;
/// From this on a plain number is shortened.
const SHORT_FROM: f64 = 10_000.0;
/// What a unit of bytes has of the next smaller one.
const KIBI: f64 = 1_024.0;
/// The least span of a scale, as a part of its values.
const SPAN_MIN: f64 = 0.02;

/// `38%`, `4.0 GiB`, `1.5 KiB/s`.
pub(super) fn value(unit: Growing<Unit>, value: f64) -> String {
    match unit {
        Growing::Known(Unit::Percent) if value.abs() < DECIMAL_BELOW => format!("{value:.1}%"),
        Growing::Known(Unit::Percent) => phrase::percent(value),
        Growing::Known(Unit::Bytes) => phrase::bytes(value),
        Growing::Known(Unit::BytesPerSecond) => phrase::rate(value),
        Growing::Known(Unit::Seconds) => format!("{} s", phrase::number(value)),
        Growing::Known(Unit::Celsius) => format!("{value:.0} C"),
        Growing::Known(Unit::None) | Growing::Unknown(_) => phrase::number(value),
    }
}

/// The same in the few cells beside a chart.
pub(super) fn scale_label(unit: Growing<Unit>, value: f64) -> String {
    match unit {
        Growing::Known(Unit::Percent) => format!("{}%", phrase::number(value)),
        Growing::Known(Unit::Bytes | Unit::BytesPerSecond) => figures::rate(value),
        Growing::Known(Unit::Seconds | Unit::Celsius | Unit::None) | Growing::Unknown(_) => {
            if value.abs() < SHORT_FROM { phrase::number(value) } else { figures::rate(value) }
        }
    }
}

/// The ends of a scale around `low..=high`: with 0 (shares: 0 to 100) if it `is_full`, or close.
pub(super) fn scale(unit: Growing<Unit>, (low, high): (f64, f64), is_full: bool) -> (f64, f64) {
    let is_share = unit == Unit::Percent.into() && low >= 0.0 && high <= 100.0;
    let part = part(unit, high);
    if is_full && is_share {
        return (0.0, 100.0);
    }
    if is_full {
        return round_scale(low.min(0.0), high.max(part), part);
    }
    let (bottom, top) = round_scale(low, high.max(low + SPAN_MIN * high.abs()), part);
    // Nothing measured here is below zero unless a value is.
    (if low >= 0.0 { bottom.max(0.0) } else { bottom }, top)
}

/// What a scale counts in: the largest unit of bytes that `high` has, else one.
fn part(unit: Growing<Unit>, high: f64) -> f64 {
    let mut part = 1.0;
    match unit {
        Growing::Known(Unit::Bytes | Unit::BytesPerSecond) => {
            while part * KIBI <= high {
                part *= KIBI;
            }
        }
        Growing::Known(Unit::None | Unit::Percent | Unit::Seconds | Unit::Celsius)
        | Growing::Unknown(_) => {}
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers() {
        let full = |unit: Unit, ends| scale(unit.into(), ends, true);
        let close = |unit: Unit, ends| scale(unit.into(), ends, false);
        assert_eq!(full(Unit::Percent, (3.0, 41.0)), (0.0, 100.0));
        assert_eq!(full(Unit::Percent, (3.0, 180.0)), (0.0, 200.0));
        assert_eq!(full(Unit::None, (0.0, 0.0)), (0.0, 1.0));
        assert_eq!(full(Unit::None, (0.2, 3.3)), (0.0, 4.0));
        assert_eq!(full(Unit::Bytes, (0.0, 3.3 * KIBI)), (0.0, 4.0 * KIBI));
        assert_eq!(close(Unit::Percent, (41.0, 47.0)), (40.0, 48.0));
        assert_eq!(close(Unit::Percent, (50.0, 50.0)), (50.0, 51.0));
        assert_eq!(close(Unit::Celsius, (-5.0, 5.0)), (-5.0, 5.0));
    }

    #[test]
    fn values_are_said_in_their_unit() {
        let said = |unit: Unit, number| value(unit.into(), number);
        assert_eq!(said(Unit::Percent, 0.42), "0.4%");
        assert_eq!(said(Unit::Percent, 41.6), "42%");
        assert_eq!(said(Unit::BytesPerSecond, 1_536.0), "1.5 KiB/s");
        assert_eq!(said(Unit::None, 0.5), "0.5");
        assert_eq!(scale_label(Unit::Bytes.into(), 4.0 * KIBI), "4.0K");
        assert_eq!(scale_label(Unit::None.into(), 20_000.0), "20K");
    }
}
