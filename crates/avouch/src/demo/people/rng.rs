//! A small repeatable generator: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
//! generators", OOPSLA 2014). Its output is the same everywhere and for ever, which is the whole point; anybody
//! can predict it, so it must never make a key, a token or an id.

/// The state of one stream of numbers.
#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

impl Rng {
    /// The stream number `index` of `seed`; streams of neighbours have nothing in common to the eye.
    pub(super) fn fork(seed: u64, index: u64) -> Self {
        let mut parent = Self(seed.wrapping_add(index.wrapping_mul(0xd134_2543_de82_ef95)));
        Self(parent.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`, by Lemire's multiplication; `0` when `bound` is `0`.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let scaled = ((self.next() >> 32) * u64::from(bound)) >> 32;
        u32::try_from(scaled).expect("the high half of a product of two 32-bit numbers has 32 bits")
    }

    /// True in `percent` of 100 draws.
    pub(super) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of `items`, which must not be empty.
    pub(super) fn pick<'a, T: ?Sized>(&mut self, items: &'a [&'a T]) -> &'a T {
        let bound = u32::try_from(items.len()).expect("lists in this folder are short");
        let drawn = self.below(bound) as usize;
        items.get(drawn).expect("lists in this folder are not empty")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix64_gives_the_published_first_numbers() {
        let mut rng = Rng(1_234_567);
        let first = [rng.next(), rng.next(), rng.next(), rng.next(), rng.next()];
        assert_eq!(
            first,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821
            ]
        );
    }

    #[test]
    fn below_stays_below_and_reaches_everything() {
        let mut rng = Rng::fork(1, 1);
        let mut met = [0u32; 7];
        for _ in 0..7_000 {
            met[rng.below(7) as usize] += 1;
        }
        assert!(met.iter().all(|times| (800..1200).contains(times)), "{met:?}");
        assert_eq!(rng.below(0), 0);
    }
}
