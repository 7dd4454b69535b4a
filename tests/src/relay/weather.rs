//! What becomes of a datagram: pure decisions, with dice that always fall the same for a seed.

use std::time::Duration;

/// How much longer than the others a datagram is held that is to be overtaken.
const OVERTAKEN_BY: Duration = Duration::from_millis(15);

/// In which direction nothing passes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cut {
    /// All passes.
    #[default]
    None,
    /// Nothing passes.
    Both,
    /// The server hears nothing.
    ToServer,
    /// Clients hear nothing.
    ToClient,
}

impl Cut {
    pub(super) fn stops(self, way: Way) -> bool {
        match self {
            Self::None => false,
            Self::Both => true,
            Self::ToServer => way == Way::ToServer,
            Self::ToClient => way == Way::ToClient,
        }
    }
}

/// What the relay does to datagrams. The default forwards all of them at once.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Weather {
    /// What is cut.
    pub cut: Cut,
    /// Added on each way.
    pub delay: Duration,
    /// At most this much more, evenly spread; lets datagrams overtake each other.
    pub jitter: Duration,
    /// How many of 100 are lost on each way.
    pub loss_percent: f64,
    /// How many of 100 come twice.
    pub duplicate_percent: f64,
    /// How many of 100 are overtaken by later ones.
    pub reorder_percent: f64,
    /// Longer datagrams are lost, in bytes; 0 for no limit.
    pub bytes_max: usize,
}

/// What became of datagrams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Came from either side.
    pub taken: u64,
    /// Sent on; one that came twice counts twice.
    pub forwarded: u64,
    /// Lost by intent: cut, dice, too long; or nobody was there to take it.
    pub lost: u64,
    /// Lost because a bound of the relay itself was reached. A test with any of these proves nothing.
    pub overflowed: u64,
}

/// Where a datagram is going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    ToServer,
    ToClient,
}

/// When a datagram is sent on, from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Lost,
    Once(Duration),
    Twice(Duration, Duration),
}

impl Weather {
    /// What becomes of one datagram of `bytes` bytes.
    pub(super) fn fate(&self, way: Way, bytes: usize, dice: &mut Dice) -> Fate {
        let is_too_long = self.bytes_max > 0 && bytes > self.bytes_max;
        if self.cut.stops(way) || is_too_long || dice.falls(self.loss_percent) {
            return Fate::Lost;
        }
        let mut after = self.delay + self.jitter.mul_f64(dice.part());
        if dice.falls(self.reorder_percent) {
            after += OVERTAKEN_BY;
        }
        if dice.falls(self.duplicate_percent) {
            return Fate::Twice(after, self.delay + self.jitter.mul_f64(dice.part()));
        }
        Fate::Once(after)
    }
}

/// A small generator of numbers that look random (`SplitMix64`).
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 to below 1.
    fn part(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1u64 << 53) as f64
    }

    fn falls(&mut self, percent: f64) -> bool {
        self.part() * 100.0 < percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fair_weather_forwards_all_at_once() {
        let mut dice = Dice::new(1);
        for _ in 0..1_000 {
            let fate = Weather::default().fate(Way::ToClient, 65_507, &mut dice);
            assert_eq!(fate, Fate::Once(Duration::ZERO));
        }
    }

    #[test]
    fn a_cut_stops_its_way_alone() {
        let stopped = |cut: Cut| (cut.stops(Way::ToServer), cut.stops(Way::ToClient));
        assert_eq!(stopped(Cut::None), (false, false));
        assert_eq!(stopped(Cut::Both), (true, true));
        assert_eq!(stopped(Cut::ToServer), (true, false));
        assert_eq!(stopped(Cut::ToClient), (false, true));
    }

    #[test]
    fn the_shares_are_as_asked_and_the_same_for_a_seed() {
        let weather = Weather {
            loss_percent: 5.0,
            duplicate_percent: 10.0,
            delay: Duration::from_millis(20),
            jitter: Duration::from_millis(10),
            bytes_max: 1_400,
            ..Weather::default()
        };
        let draw = |seed| {
            let mut dice = Dice::new(seed);
            (0..20_000).map(|_| weather.fate(Way::ToServer, 1_400, &mut dice)).collect::<Vec<_>>()
        };
        let fates = draw(7);
        assert_eq!(fates, draw(7));
        assert_ne!(fates, draw(8));
        let lost = fates.iter().filter(|fate| **fate == Fate::Lost).count();
        let twice = fates.iter().filter(|fate| matches!(fate, Fate::Twice(..))).count();
        assert!((900..1_100).contains(&lost), "{lost}");
        assert!((1_750..2_050).contains(&twice), "{twice}");
        for fate in fates {
            if let Fate::Once(after) = fate {
                assert!((20..30).contains(&after.as_millis()), "{after:?}");
            }
        }
        assert_eq!(weather.fate(Way::ToServer, 1_401, &mut Dice::new(7)), Fate::Lost);
    }
}
