//! Randomness between its uses: only a seed, since an association draws seldom and there may be many that are idle.

use rand::rngs::ChaCha20Rng;
use rand::{CryptoRng, Rng, SeedableRng};
use zeroize::Zeroize;

/// Where the next generator comes from.
pub(crate) struct Seed([u8; 32]);

impl Seed {
    pub(crate) fn new(rng: &mut impl CryptoRng) -> Self {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self(seed)
    }

    /// A generator for one use. What it gives cannot be told from later seeds, nor earlier output from this one.
    pub(crate) fn generator(&mut self) -> ChaCha20Rng {
        let mut generator = ChaCha20Rng::from_seed(self.0);
        generator.fill_bytes(&mut self.0);
        generator
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_generators_are_the_same_and_equal_seeds_give_equal_ones() {
        let mut seeds = [1, 1, 2].map(|k| Seed::new(&mut nomagic_testkit::rng(k)));
        let [first, same, other] = seeds.each_mut().map(|seed| seed.generator().next_u64());
        assert_eq!(first, same);
        assert!(first != other && first != seeds[0].generator().next_u64());
    }
}
