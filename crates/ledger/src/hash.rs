//! The hashes of the tree (RFC 6962, section 2.1).
//!
//! ```text
//! leaf = SHA-256(00 || entry)      node = SHA-256(01 || left || right)      tree of nothing = SHA-256()
//! ```

use core::fmt;

use aws_lc_rs::digest;
use data_encoding::BASE64;

use crate::text::read_base64;

/// Bytes in a hash.
pub const HASH_LEN: usize = 32;

/// Entries up to this length, which are nearly all, are hashed where they are copied to behind their prefix: a context that
/// takes them piece by piece is on the heap.
const SHORT: usize = 1023;

/// A hash of the tree: of a leaf, or of a node.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; HASH_LEN]);

impl Hash {
    /// Of a leaf.
    #[must_use]
    pub fn leaf(entry: &[u8]) -> Self {
        let mut input = [0; 1 + SHORT];
        match input.get_mut(..=entry.len()) {
            Some(prefixed) => {
                let (_, rest) = prefixed.split_at_mut(1);
                rest.copy_from_slice(entry);
                Self::of(prefixed)
            }
            None => {
                let mut context = digest::Context::new(&digest::SHA256);
                context.update(&[0]);
                context.update(entry);
                Self::read_digest(&context.finish())
            }
        }
    }

    /// Of what is above two others.
    #[must_use]
    pub fn node(left: &Self, right: &Self) -> Self {
        let mut input = [1; 1 + 2 * HASH_LEN];
        let (_, both) = input.split_at_mut(1);
        let (first, second) = both.split_at_mut(HASH_LEN);
        first.copy_from_slice(&left.0);
        second.copy_from_slice(&right.0);
        Self::of(&input)
    }

    /// Of the tree that has no leaf.
    #[must_use]
    pub fn empty() -> Self {
        Self::of(&[])
    }

    fn of(input: &[u8]) -> Self {
        Self::read_digest(&digest::digest(&digest::SHA256, input))
    }

    fn read_digest(digest: &digest::Digest) -> Self {
        let mut hash = [0; HASH_LEN];
        hash.copy_from_slice(digest.as_ref());
        Self(hash)
    }

    /// Reads the base64 that is written of it.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        read_base64(text)?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
