//! How fast something comes, from what was there at some moments. Knows neither files nor clocks.
//!
//! The speed is that of the last few seconds, begins anew after a gap, and is never told of a moment
//! that is too short to tell it.

use std::collections::VecDeque;
use std::time::Duration;

use systole_common::time::Mono;

use crate::limits::{PACE_POINTS_MAX, PACE_SPAN, PACE_SPAN_MIN};

/// Without a byte for so long, nothing comes; unless bytes came as rarely before.
pub const STILL_AFTER: Duration = Duration::from_secs(2);
/// How much longer than the time between the last two a gap is.
const GAP_FACTOR: u32 = 2;
/// What a gap is where it is not known how often bytes come.
const FIRST_GAP: Duration = Duration::from_secs(10);

/// Bytes that were there, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pace {
    points: VecDeque<(Mono, u64)>,
}

impl Pace {
    /// At `now` so many bytes are there. Returns how long none came before, if that was a gap.
    pub fn take(&mut self, now: Mono, bytes: u64) -> Option<Duration> {
        let Some((last, before)) = self.points.back().copied() else {
            self.points.push_back((now, bytes));
            return None;
        };
        if bytes == before {
            return None;
        }
        let is_first = self.points.len() == 1;
        let gap = self.still(now).filter(|gap| !is_first || *gap >= FIRST_GAP);
        if bytes < before || now < last || gap.is_some() {
            self.points.clear();
        } else if now.since(last) < PACE_SPAN_MIN {
            return None;
        }
        self.points.push_back((now, bytes));
        while self.points.len() > PACE_POINTS_MAX || self.has_surplus(now) {
            self.points.pop_front();
        }
        gap
    }

    /// Bytes in a second; `None` where that is not known, or nothing comes at `now`.
    pub fn bytes_per_s(&self, now: Mono) -> Option<f64> {
        let ((first, from), (last, to)) = (self.points.front()?, self.points.back()?);
        let span = last.since(*first);
        let is_known = span >= PACE_SPAN_MIN && self.still(now).is_none();
        is_known.then(|| to.saturating_sub(*from) as f64 / span.as_secs_f64())
    }

    /// For how long no byte came, where that is long for what came before.
    pub fn still(&self, now: Mono) -> Option<Duration> {
        let mut newest = self.points.iter().rev().map(|(at, _)| *at);
        let last = newest.next()?;
        let usual = newest.next().map(|before| last.since(before)).unwrap_or_default();
        let limit = usual.saturating_mul(GAP_FACTOR).max(STILL_AFTER);
        Some(now.since(last)).filter(|still| *still >= limit)
    }

    /// Whether there is enough without the oldest point, which is old.
    fn has_surplus(&self, now: Mono) -> bool {
        let is_old = self.points.front().is_some_and(|(at, _)| now.since(*at) > PACE_SPAN);
        is_old && self.points.len() > 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono(ms * 1_000_000)
    }

    fn paced(points: &[(u64, u64)]) -> Pace {
        let mut pace = Pace::default();
        for (ms, bytes) in points {
            pace.take(at(*ms), *bytes);
        }
        pace
    }

    #[test]
    fn the_speed_is_that_of_the_last_seconds() {
        let slow = (0..10).map(|s| (s * 1_000, s * 1_000));
        let fast = (1..8).map(|s| (9_000 + s * 1_000, 9_000 + s * 50_000));
        let points: Vec<(u64, u64)> = slow.chain(fast).collect();
        assert_eq!(paced(&points).bytes_per_s(at(16_500)), Some(50_000.0));
        assert_eq!(paced(&points[..10]).bytes_per_s(at(9_500)), Some(1_000.0));
        assert_eq!(paced(&points[..1]).bytes_per_s(at(0)), None);
    }

    #[test]
    fn a_moment_tells_no_speed() {
        let mut pace = paced(&[(0, 0), (17, 8_000_000)]);
        assert_eq!(pace.bytes_per_s(at(20)), None, "8 MB in 17 ms are no 470 MB/s");
        pace.take(at(1_000), 16_000_000);
        assert_eq!(pace.bytes_per_s(at(1_000)), Some(16_000_000.0));
    }

    #[test]
    fn it_begins_anew_after_a_gap_and_says_nothing_while_nothing_comes() {
        let mut pace = paced(&[(0, 0), (1_000, 60), (2_000, 120)]);
        assert_eq!((pace.bytes_per_s(at(3_999)), pace.still(at(3_999))), (Some(60.0), None));
        assert_eq!(pace.bytes_per_s(at(4_000)), None);
        assert_eq!(pace.still(at(4_000)), Some(Duration::from_secs(2)));
        assert_eq!(pace.take(at(12_000), 130), Some(Duration::from_secs(10)));
        assert_eq!(pace.bytes_per_s(at(12_000)), None);
        assert_eq!(pace.take(at(13_000), 195), None);
        assert_eq!(pace.bytes_per_s(at(13_000)), Some(65.0), "nothing of the gap is in it");
        pace.take(at(14_000), 50);
        assert_eq!(pace.bytes_per_s(at(14_000)), None, "fewer than before: it was begun again");
    }

    #[test]
    fn what_always_comes_rarely_has_a_speed_too() {
        let mut pace = paced(&[(0, 0), (4_000, 1_000), (8_500, 2_000), (12_000, 3_000)]);
        assert_eq!(pace.still(at(17_000)), None);
        assert_eq!(pace.bytes_per_s(at(17_000)), Some(1_000.0 / 3.5));
        assert_eq!(pace.still(at(19_000)), Some(Duration::from_secs(7)));
        assert_eq!(pace.take(at(11_000), 4_000), None, "a clock that was set back");
        assert_eq!(pace.bytes_per_s(at(11_000)), None);
    }
}
