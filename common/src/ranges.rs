//! A set of numbers as closed ranges: which sequences were received.
//!
//! Ascending, apart by at least one number, without a gap of nothing. It refuses to know what the
//! numbers mean; any order of insertion gives the same set.

/// A set of `u64` as closed ranges, ascending and never touching.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RangeSet {
    ranges: Vec<(u64, u64)>,
}

impl RangeSet {
    /// Nothing.
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// Everything in `ranges`, in any order, overlapping or not. A range that ends before it begins
    /// holds nothing.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut set = Self::new();
        for (first, last) in ranges {
            set.insert(first, last);
        }
        set
    }

    /// Adds `first..=last` and says how many numbers of it are new, at most `u64::MAX`.
    pub fn insert(&mut self, first: u64, last: u64) -> u64 {
        if self.covers(first, last) {
            return 0;
        }
        // Those that end right before `first` or later, and begin right after `last` or earlier.
        let from = self.ranges.partition_point(|range| range.1 < first.saturating_sub(1));
        let to = self.ranges.partition_point(|range| range.0 <= last.saturating_add(1));
        let (mut low, mut high, mut held) = (first, last, 0u64);
        for range in self.ranges.get(from..to).unwrap_or_default() {
            low = low.min(range.0);
            high = high.max(range.1);
            held = held.saturating_add(width(*range));
        }
        self.ranges.splice(from..to, [(low, high)]);
        match held.checked_sub(1) {
            Some(less_one) => high - low - less_one,
            None => width((low, high)),
        }
    }

    /// Whether `number` is in it.
    pub fn contains(&self, number: u64) -> bool {
        self.covers(number, number)
    }

    /// Whether all of `first..=last` is in it. Nothing is covered by everything.
    pub fn covers(&self, first: u64, last: u64) -> bool {
        let at = self.ranges.partition_point(|range| range.1 < first);
        first > last || self.ranges.get(at).is_some_and(|range| range.0 <= first && last <= range.1)
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[(u64, u64)] {
        &self.ranges
    }

    /// What of `first..=last` is not in it, ascending.
    pub fn missing(&self, first: u64, last: u64) -> Vec<(u64, u64)> {
        let mut missing = Vec::new();
        let mut next = first;
        let at = self.ranges.partition_point(|range| range.1 < first);
        for range in self.ranges.get(at..).unwrap_or_default() {
            if range.0 > last {
                break;
            }
            if next < range.0 {
                missing.push((next, range.0.saturating_sub(1)));
            }
            match range.1.checked_add(1) {
                Some(after) => next = after,
                None => return missing,
            }
        }
        if next <= last {
            missing.push((next, last));
        }
        missing
    }

    /// Everything that is in one or the other.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_ranges(self.ranges.iter().chain(&other.ranges).copied())
    }

    /// How many numbers are in it, at most `u64::MAX`.
    pub fn count(&self) -> u64 {
        self.ranges.iter().fold(0, |sum, range| sum.saturating_add(width(*range)))
    }

    /// How many numbers between the first and the last are not in it.
    pub fn holes(&self) -> u64 {
        let pairs = self.ranges.iter().zip(self.ranges.iter().skip(1));
        pairs.fold(0, |sum, (one, next)| sum.saturating_add(next.0 - one.1 - 1))
    }

    /// How many ranges it takes.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The lowest number.
    pub fn first(&self) -> Option<u64> {
        self.ranges.first().map(|range| range.0)
    }

    /// The highest number.
    pub fn last(&self) -> Option<u64> {
        self.ranges.last().map(|range| range.1)
    }
}

fn width((first, last): (u64, u64)) -> u64 {
    (last - first).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const END: u64 = u64::MAX;

    #[test]
    fn neighbours_become_one_range() {
        let mut set = RangeSet::new();
        assert_eq!(set.insert(5, 6), 2);
        assert_eq!(set.insert(8, 9), 2);
        assert_eq!(set.ranges(), [(5, 6), (8, 9)]);
        assert_eq!(set.insert(7, 7), 1);
        assert_eq!(set.ranges(), [(5, 9)]);
        assert_eq!(set.insert(1, 20), 15);
        assert_eq!(set.ranges(), [(1, 20)]);
        assert_eq!(set.insert(3, 2), 0);
        assert_eq!(set.insert(4, 4), 0);
    }

    #[test]
    fn the_last_number_overflows_nothing() {
        let mut set = RangeSet::new();
        assert_eq!(set.insert(END, END), 1);
        assert_eq!(set.insert(END - 1, END), 1);
        assert_eq!(set.ranges(), [(END - 1, END)]);
        assert_eq!(set.missing(0, END), [(0, END - 2)]);
        assert_eq!(set.insert(0, END), END - 1);
        assert_eq!((set.count(), set.holes(), set.len()), (END, 0, 1));
        assert!(set.covers(0, END) && set.missing(0, END).is_empty());
        assert_eq!(set.insert(0, 0), 0);
        let ends = RangeSet::from_ranges([(0, 0), (END, END)]);
        assert_eq!((ends.count(), ends.holes()), (2, END - 1));
        assert_eq!(ends.missing(0, END), [(1, END - 1)]);
    }

    #[test]
    fn nothing_is_in_an_empty_set() {
        let set = RangeSet::new();
        assert!(set.is_empty() && !set.contains(0));
        assert_eq!((set.first(), set.last(), set.count(), set.holes()), (None, None, 0, 0));
        assert_eq!(set.missing(3, 9), [(3, 9)]);
        assert!(set.missing(9, 3).is_empty());
    }

    fn some_ranges() -> impl Strategy<Value = Vec<(u64, u64)>> {
        prop::collection::vec((0u64..80, 0u64..9).prop_map(|(at, more)| (at, at + more)), 0..24)
    }

    proptest! {
        #[test]
        fn it_is_the_set_of_the_numbers(ranges in some_ranges(), ask in (0u64..90, 0u64..90)) {
            let mut plain = BTreeSet::new();
            let mut set = RangeSet::new();
            for (first, last) in &ranges {
                let before = plain.len();
                plain.extend(*first..=*last);
                prop_assert_eq!(set.insert(*first, *last), (plain.len() - before) as u64);
            }
            prop_assert_eq!(set.count(), plain.len() as u64);
            prop_assert_eq!(set.first(), plain.first().copied());
            prop_assert_eq!(set.last(), plain.last().copied());
            let between = plain.first().zip(plain.last()).map_or(0, |(one, other)| other - one + 1);
            prop_assert_eq!(set.holes(), between - plain.len() as u64);
            for pair in set.ranges().windows(2) {
                prop_assert!(pair[0].0 <= pair[0].1 && pair[0].1 + 1 < pair[1].0);
            }
            for number in 0..95 {
                prop_assert_eq!(set.contains(number), plain.contains(&number));
            }
            let missing: Vec<u64> =
                set.missing(ask.0, ask.1).into_iter().flat_map(|one| one.0..=one.1).collect();
            let expected: Vec<u64> =
                (ask.0..=ask.1).filter(|number| !plain.contains(number)).collect();
            prop_assert_eq!(set.covers(ask.0, ask.1), expected.is_empty());
            prop_assert_eq!(missing, expected);
        }

        #[test]
        fn order_and_grouping_do_not_matter(one in some_ranges(), other in some_ranges()) {
            let whole = RangeSet::from_ranges(one.iter().chain(&other).copied());
            let turned = RangeSet::from_ranges(one.iter().chain(&other).rev().copied());
            prop_assert_eq!(&whole, &turned);
            let parts = RangeSet::from_ranges(one).union(&RangeSet::from_ranges(other));
            prop_assert_eq!(whole, parts);
        }
    }
}
