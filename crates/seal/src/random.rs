//! Randomness, which is an argument wherever it is needed. There are two sources, and one is made of the other.

use core::cell::RefCell;
use core::fmt;

use aws_lc_rs::rand::{self, SecureRandom as _};
use zeroize::Zeroize as _;

use crate::{Error, Result};

/// A source of random bytes that nobody can foretell. Sealed: whoever could bring a source of their own could choose nonces.
pub trait SecureRandom: fmt::Debug + sealed::Sealed {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// [`Error::Random`]: the source failed, and `bytes` are not to be used.
    fn fill(&self, bytes: &mut [u8]) -> Result<()>;
}

pub(crate) mod sealed {
    /// Named in this crate only.
    pub trait Sealed {}
}

/// The generator of the cryptographic library, seeded by the operating system and by the processor.
#[derive(Debug, Clone, Default)]
pub struct SystemRandom(rand::SystemRandom);

impl SystemRandom {
    /// The one there is.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl sealed::Sealed for SystemRandom {}

impl SecureRandom for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        self.0.fill(bytes).map_err(|_| Error::Random)
    }
}

/// The same bytes, drawn many at a time: a draw costs a third of a microsecond however short it is, and a new record takes
/// a dozen. What is handed out is wiped here at once, the rest when this is dropped. For one piece of work on one thread.
pub struct DrawnAhead<'a> {
    source: &'a SystemRandom,
    pool: RefCell<Pool>,
}

/// `bytes[..left]` have not been handed out.
struct Pool {
    bytes: [u8; POOL],
    left: usize,
}

const POOL: usize = 1024;

impl<'a> DrawnAhead<'a> {
    /// Draws nothing yet.
    #[must_use]
    pub fn new(source: &'a SystemRandom) -> Self {
        Self { source, pool: RefCell::new(Pool { bytes: [0; POOL], left: 0 }) }
    }
}

impl sealed::Sealed for DrawnAhead<'_> {}

impl SecureRandom for DrawnAhead<'_> {
    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        if bytes.len() > POOL / 4 {
            return self.source.fill(bytes);
        }
        let mut pool = self.pool.borrow_mut();
        if pool.left < bytes.len() {
            pool.left = 0;
            self.source.fill(&mut pool.bytes)?;
            pool.left = POOL;
        }
        let Pool { bytes: drawn, left } = &mut *pool;
        *left -= bytes.len();
        let taken = drawn.get_mut(*left..*left + bytes.len()).ok_or(Error::Random)?;
        bytes.copy_from_slice(taken);
        taken.zeroize();
        Ok(())
    }
}

impl Drop for DrawnAhead<'_> {
    fn drop(&mut self) {
        self.pool.get_mut().bytes.zeroize();
    }
}

/// The fixed sources of the cryptographic library: for vectors and pinned formats, and recognisable as what they are.
macro_rules! fixed {
    ($source:ty) => {
        impl sealed::Sealed for $source {}

        impl SecureRandom for $source {
            fn fill(&self, bytes: &mut [u8]) -> Result<()> {
                rand::SecureRandom::fill(self, bytes).map_err(|_| Error::Random)
            }
        }
    };
}
fixed!(aws_lc_rs::test::rand::FixedByteRandom);
fixed!(aws_lc_rs::test::rand::FixedSliceRandom<'_>);

impl fmt::Debug for DrawnAhead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrawnAhead").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn nothing_is_handed_out_twice_or_kept() {
        let system = SystemRandom::new();
        let drawn = DrawnAhead::new(&system);
        let mut seen = BTreeSet::new();
        for length in (8..=64).cycle().take(500) {
            let mut bytes = vec![0; length];
            drawn.fill(&mut bytes).unwrap();
            assert!(seen.insert(bytes[..8].to_vec()), "eight bytes came twice");
            let pool = drawn.pool.borrow();
            assert!(pool.bytes[pool.left..].iter().all(|byte| *byte == 0));
            assert!(pool.bytes[..pool.left].chunks_exact(8).all(|chunk| chunk != [0; 8]));
        }
    }

    #[test]
    fn a_long_draw_goes_past_the_pool() {
        let system = SystemRandom::new();
        let drawn = DrawnAhead::new(&system);
        let mut long = [0; 4 * POOL];
        drawn.fill(&mut long).unwrap();
        assert!(long.chunks_exact(16).all(|chunk| chunk != [0; 16]));
        assert_eq!(drawn.pool.borrow().left, 0);
    }
}
