//! Numbers that look random, from a seed that the shell draws: the engine itself has no randomness.

/// A small generator (SplitMix64): every seed gives a different, fixed sequence.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// A generator that starts at `seed`.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, any of 64 bits.
    pub(super) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn seeds_differ_and_numbers_spread() {
        let mut one = Random::new(1);
        let mut two = Random::new(2);
        assert_ne!(one.draw(), two.draw());
        let high = (0..1000).filter(|_| one.draw() > u64::MAX / 2).count();
        assert!((400..600).contains(&high), "{high}");
    }
}
