//! How fast a file goes and how long the rest takes, for people who wait.

use std::time::Duration;

use systole_common::time::Mono;

/// Time over which the rate is the mean.
const WINDOW: Duration = Duration::from_secs(5);
/// Time below which a rate says nothing.
const SPAN_MIN: Duration = Duration::from_millis(250);
/// Time without progress after which the mean begins anew, as after a lost link.
const GAP_MIN: Duration = Duration::from_secs(2);
/// The same in times between the two pieces before; the longer one counts, since over a slow link each
/// piece takes that long.
const GAP_PIECES: u32 = 3;
/// Points that are kept of it.
const POINTS_MAX: usize = 32;

/// Follows how far a transfer is.
#[derive(Debug, Default)]
pub struct Pace {
    points: Vec<(Mono, u64)>,
    /// When bytes went last.
    moved_at: Option<Mono>,
    /// The time that the newest piece took; unknown just after the beginning.
    piece_took: Option<Duration>,
}

impl Pace {
    /// So many bytes are sent. Fewer than before, or more after a gap: it begins anew.
    pub fn note(&mut self, now: Mono, sent_bytes: u64) {
        let before = self.points.last().map(|(_, before)| *before);
        if before.is_some_and(|before| before > sent_bytes) {
            *self = Self::default();
        } else if before.is_some_and(|before| before < sent_bytes) {
            let took = self.moved_at.map(|at| now.since(at));
            let gap = self.piece_took.map(|piece| (piece * GAP_PIECES).max(GAP_MIN));
            if took.zip(gap).is_some_and(|(took, gap)| took > gap) {
                *self = Self::default();
            } else {
                self.piece_took = took;
            }
        }
        if before.is_none_or(|before| before != sent_bytes) {
            self.moved_at = Some(now);
        }
        self.points.push((now, sent_bytes));
        let old = self.points.iter().take_while(|(at, _)| now.since(*at) > WINDOW).count();
        // The last point before the window stays: the mean begins there.
        let surplus = self.points.len().saturating_sub(POINTS_MAX);
        self.points.drain(..old.saturating_sub(1).max(surplus));
    }

    /// Bytes per second, once it is known.
    pub fn rate(&self) -> Option<f64> {
        let ((from, first), (to, last)) = (*self.points.first()?, *self.points.last()?);
        let span = to.since(from);
        (span >= SPAN_MIN).then(|| last.saturating_sub(first) as f64 / span.as_secs_f64())
    }

    /// How long the rest of a file of `size_bytes` takes at this rate.
    pub fn left(&self, size_bytes: u64) -> Option<Duration> {
        let rest = size_bytes.saturating_sub(self.points.last()?.1) as f64;
        let seconds = rest / self.rate().filter(|rate| *rate > 0.0)?;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// Bytes for people: `512 B`, `1.2 GiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] =
        [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", bytes as f64 / unit as f64),
        None => format!("{bytes} B"),
    }
}

/// The whole percent of `size_bytes` that is sent; 100 only when all of it is.
pub fn percent(sent_bytes: u64, size_bytes: u64) -> u64 {
    if size_bytes == 0 {
        return 100;
    }
    let percent = u128::from(sent_bytes.min(size_bytes)) * 100 / u128::from(size_bytes);
    u64::try_from(percent).unwrap_or(100)
}

/// A line of progress: `42 %  430.1 MiB of 1.0 GiB  35.2 MiB/s  17 s left`.
pub fn line(sent_bytes: u64, size_bytes: u64, pace: &Pace) -> String {
    let percent = percent(sent_bytes, size_bytes);
    let mut line = format!("{percent:>3} %  {} of {}", size(sent_bytes), size(size_bytes));
    if let Some(rate) = pace.rate() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes")]
        let rate = rate as u64;
        line = format!("{line}  {}/s", size(rate));
    }
    if let Some(left) = pace.left(size_bytes).filter(|left| !left.is_zero()) {
        line = format!("{line}  {} left", clock(left));
    }
    line
}

/// A span as people read it off a clock: `17 s`, `2:05 min`, `1:02 h`.
fn clock(span: Duration) -> String {
    let seconds = span.as_secs().saturating_add(1);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02} h", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn rate_and_time_left_are_those_of_the_last_seconds() {
        let mut pace = Pace::default();
        assert_eq!((pace.rate(), pace.left(100)), (None, None));
        for second in 0..=20 {
            pace.note(Mono(second * S), second.min(10) * (1 << 20));
        }
        assert_eq!(pace.rate(), Some(0.0), "it stands still");
        assert_eq!(pace.left(20 << 20), None);
        for second in 21..=30 {
            pace.note(Mono(second * S), (10 << 20) + (second - 20) * (2 << 20));
        }
        assert_eq!(pace.rate(), Some(f64::from(2 << 20)));
        assert_eq!(pace.left(40 << 20), Some(Duration::from_secs(5)));
        assert_eq!(
            line(30 << 20, 40 << 20, &pace),
            " 75 %  30.0 MiB of 40.0 MiB  2.0 MiB/s  6 s left"
        );
        pace.note(Mono(31 * S), 0);
        assert_eq!(pace.rate(), None, "it began anew");
    }

    #[test]
    fn after_an_outage_the_rate_is_that_of_what_goes_now() {
        let (mut pace, quarter, mib) = (Pace::default(), S / 4, 1 << 20);
        let note = |pace: &mut Pace, at: u64, mib_sent: u64| pace.note(Mono(at), mib_sent * mib);
        for piece in 0..=40 {
            note(&mut pace, piece * quarter, piece * 8);
        }
        let back = 10 * S + 60 * S;
        note(&mut pace, back, 321);
        assert_eq!((pace.rate(), pace.left(900 * mib)), (None, None), "the outage is no rate");
        note(&mut pace, back + S / 10, 325);
        assert_eq!(pace.rate(), None, "so short a time says nothing");
        note(&mut pace, back + quarter, 329);
        assert_eq!(pace.rate(), Some(f64::from(32 << 20)));
        assert_eq!(pace.left(649 * mib), Some(Duration::from_secs(10)));
    }

    #[test]
    fn over_a_slow_link_there_is_a_rate_all_the_same() {
        let mut pace = Pace::default();
        for piece in 0..10 {
            pace.note(Mono(piece * 10 * S), piece * 10_000);
            assert_eq!(pace.rate(), (piece > 0).then_some(1000.0), "piece {piece}");
        }
    }

    #[test]
    fn a_hundred_percent_is_all_of_it() {
        assert_eq!((percent(0, 0), percent(999, 1000), percent(7, 7)), (100, 99, 100));
        assert_eq!(percent(u64::MAX - 1, u64::MAX), 99);
        assert_eq!(clock(Duration::from_secs(124)), "2:05 min");
        assert_eq!(clock(Duration::from_secs(3719)), "1:02 h");
        assert_eq!(size(1023), "1023 B");
    }
}
