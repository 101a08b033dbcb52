//! Any finite domain: number its values, permute the numbers, take the value of the number that comes out.
//!
//! FF1 knows one radix and whole powers of it. A number below `size` is permuted as a binary string of just
//! enough bits, again and again until it is below `size` again (cycle walking: Black and Rogaway, "Ciphers
//! with arbitrary finite domains", 2002). Fewer than two steps on average, as the string spans less than
//! twice the domain; it ends, because the cycle leads back to where it began.

use super::{Direction, Error, Ff1, Result};
use crate::ff1::MIN_DOMAIN;

/// Permutes the numbers below `size`. `ff1` has radix 2.
pub(super) fn permute(ff1: &Ff1, tweak: &[u8], size: u128, rank: u128, direction: Direction) -> Result<u128> {
    if size < MIN_DOMAIN {
        return Err(Error::Parameters("fewer than a million possible values"));
    }
    // INVARIANT: without it the walk could circle above `size` for ever.
    if rank >= size {
        return Err(Error::Malformed("number"));
    }
    let bits = u128::BITS - (size - 1).leading_zeros();
    let permutation = ff1.permutation(bits as usize, tweak)?;
    let mut walked = rank;
    loop {
        walked = match direction {
            Direction::Seal => permutation.encrypt_number(walked)?,
            Direction::Open => permutation.decrypt_number(walked)?,
        };
        if walked < size {
            return Ok(walked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    fn ff1() -> Ff1 {
        Ff1::new(&Key::from_bytes([1; 32].into()), 2).unwrap()
    }

    #[test]
    fn a_domain_of_a_power_of_two_is_not_walked() {
        let (ff1, size) = (ff1(), 1 << 20);
        let permutation = ff1.permutation(20, b"tweak").unwrap();
        for rank in [0, 1, 1234, size - 1] {
            let sealed = permute(&ff1, b"tweak", size, rank, Direction::Seal).unwrap();
            assert_eq!(sealed, permutation.encrypt_number(rank).unwrap());
        }
    }

    /// The number that comes to `size` itself, the first that is not in the domain, must be led on.
    #[test]
    fn the_walk_goes_past_what_is_just_outside() {
        let ff1 = ff1();
        for size in [MIN_DOMAIN, 600_000_001, (1 << 127) - 1] {
            let bits = if size == MIN_DOMAIN {
                20
            } else if size < 1 << 64 {
                30
            } else {
                127
            };
            let permutation = ff1.permutation(bits, b"").unwrap();
            let mut rank = size;
            while rank >= size {
                rank = permutation.decrypt_number(rank).unwrap();
            }
            let sealed = permute(&ff1, b"", size, rank, Direction::Seal).unwrap();
            assert!(sealed < size, "{size}");
            assert_eq!(permute(&ff1, b"", size, sealed, Direction::Open), Ok(rank), "{size}");
        }
    }

    #[test]
    fn ranks_outside_and_domains_too_small_are_refused() {
        let ff1 = ff1();
        for direction in [Direction::Seal, Direction::Open] {
            assert!(permute(&ff1, b"", MIN_DOMAIN, MIN_DOMAIN - 1, direction).is_ok());
            let outside = permute(&ff1, b"", MIN_DOMAIN, MIN_DOMAIN, direction);
            assert_eq!(outside, Err(Error::Malformed("number")));
            let small = permute(&ff1, b"", MIN_DOMAIN - 1, 0, direction);
            assert_eq!(small, Err(Error::Parameters("fewer than a million possible values")));
        }
    }
}
