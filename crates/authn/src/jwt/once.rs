//! What is good once.

use aws_lc_rs::digest;

use super::{Error, Result};

/// A verdict on something that may be used once. It is had by spending.
///
/// Whoever calls writes [`Once::spend`] down where all of its servers see it, in one step that also says
/// whether it stood there before, and hands that to [`Once::redeem`].
#[derive(Debug)]
#[must_use = "nothing is proven before it is spent"]
pub struct Once<T> {
    verdict: T,
    spend: Spend,
}

impl<T> Once<T> {
    pub(crate) const fn new(verdict: T, spend: Spend) -> Self {
        Self { verdict, spend }
    }

    /// What to write down.
    pub const fn spend(&self) -> Spend {
        self.spend
    }

    /// The verdict, if it was written down just now: `first` is whether it did not stand there before.
    ///
    /// # Errors
    /// [`Error::Replayed`].
    pub fn redeem(self, first: bool) -> Result<T> {
        if first { Ok(self.verdict) } else { Err(Error::Replayed) }
    }
}

/// The mark of something that was used. Whoever can delete it can use the thing again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Spend {
    digest: [u8; digest::SHA256_OUTPUT_LEN],
    until: u64,
}

impl Spend {
    /// `parts` say what it is, of whom, and which; `until` is the first second at which it is refused for its
    /// age.
    pub(crate) fn new(parts: &[&str], until: u64) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            // A `usize` has 64 bits at most.
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            context.update(part.as_bytes());
        }
        let mut digest = [0; digest::SHA256_OUTPUT_LEN];
        digest.copy_from_slice(context.finish().as_ref());
        Self { digest, until }
    }

    /// The name of it, of one length: `SHA-256(length || part, for each part)`.
    #[must_use]
    pub const fn digest(&self) -> &[u8; digest::SHA256_OUTPUT_LEN] {
        &self.digest
    }

    /// The mark has to be kept before this second, and may be forgotten from it on: the lifetime and the
    /// leeway that it was verified with, which is not to be made larger meanwhile.
    #[must_use]
    pub const fn until(&self) -> u64 {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_had_once() {
        let spend = Spend::new(&["a", "b"], 7);
        assert_eq!(Once::new(3, spend).redeem(true), Ok(3));
        assert_eq!(Once::new(3, spend).redeem(false), Err(Error::Replayed));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let digest = |parts: &[&str]| *Spend::new(parts, 0).digest();
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_ne!(digest(&["ab"]), digest(&["ab", ""]));
        assert_eq!(digest(&["a", "b"]), *Spend::new(&["a", "b"], 9).digest(), "the time is no part of it");
    }
}
