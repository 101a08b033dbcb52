//! The right edge of a tree: all that is needed to append to it and to know its root.
//!
//! A tree of `n` leaves is a row of perfect subtrees, one for each bit of `n` that is set, the largest first. Their roots are
//! at most 63 hashes, and they say what the root of everything is.
//!
//! ```text
//! 11 leaves = 8 + 2 + 1        root = node(root of 8, node(root of 2, leaf))
//! ```

use core::iter;

use crate::hash::Hash;
use crate::{Error, Result};

/// The most leaves that a tree can have: whatever stores or reads a size may keep it in 63 bits.
pub const MAX_SIZE: u64 = i64::MAX.unsigned_abs();

/// The roots of the perfect subtrees that a tree consists of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// INVARIANT: as many as `size` has bits that are set.
    hashes: Vec<Hash>,
}

impl Frontier {
    /// Of the tree that has no leaf.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, hashes: Vec::new() }
    }

    /// Of a tree of this size, from what [`Frontier::hashes`] gave.
    ///
    /// # Errors
    /// [`Error::Parameters`] if a tree of this size has not this many perfect subtrees, or there is none of this size.
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Result<Self> {
        let fits = size <= MAX_SIZE && u32::try_from(hashes.len()) == Ok(size.count_ones());
        if fits { Ok(Self { size, hashes }) } else { Err(Error::Parameters("the right edge of a tree")) }
    }

    /// Appends a leaf. The caller appends no more than [`MAX_SIZE`].
    pub fn push(&mut self, leaf: Hash) {
        self.push_with(leaf, |_, _| {});
    }

    /// Appends a leaf, and tells of each perfect subtree that it completes: how high it is, and its root.
    pub(crate) fn push_with(&mut self, leaf: Hash, mut completed: impl FnMut(u32, Hash)) {
        let mut hash = leaf;
        let merges = self.size.trailing_ones();
        for (height, left) in iter::zip(1..=merges, iter::from_fn(|| self.hashes.pop())) {
            hash = Hash::node(&left, &hash);
            completed(height, hash);
        }
        self.hashes.push(hash);
        self.size += 1;
    }

    /// How many leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root over all of them.
    #[must_use]
    pub fn root(&self) -> Hash {
        let from_the_right = self.hashes.iter().rev().copied();
        from_the_right.reduce(|right, left| Hash::node(&left, &right)).unwrap_or_else(Hash::empty)
    }

    /// The roots of the perfect subtrees, the largest first.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }
}
