//! A secret key of 32 bytes, and the vault it belongs to.
//!
//! A [`Key`] is not `Clone`, has no `==`, prints as `Key(..)` and is overwritten when dropped. It must never
//! be given a way out as text; where a key has to leave the process it leaves sealed.

use core::fmt;

use data_encoding::HEXLOWER;
use subtle::ConstantTimeEq as _;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::{Result, SecureRandom};

/// Bytes in a key.
pub(crate) const KEY_LEN: usize = 32;

/// 32 secret bytes. Kept on the heap, so that moving a key moves a pointer and leaves no copy on the stack.
pub struct Key(Box<Zeroizing<[u8; KEY_LEN]>>);

impl Key {
    /// A fresh random key.
    pub fn generate(rng: &dyn SecureRandom) -> Result<Self> {
        Self::fill_with(|bytes| rng.fill(bytes))
    }

    /// Takes over key bytes from elsewhere.
    pub fn from_bytes(bytes: Zeroizing<[u8; KEY_LEN]>) -> Self {
        let mut key = Box::new(Zeroizing::new([0; KEY_LEN]));
        key.copy_from_slice(bytes.as_slice());
        Self(key)
    }

    /// Whether both are the same key, in constant time.
    pub fn same_as(&self, other: &Self) -> bool {
        self.bytes().ct_eq(other.bytes()).into()
    }

    pub(crate) fn fill_with(fill: impl FnOnce(&mut [u8; KEY_LEN]) -> Result<()>) -> Result<Self> {
        let mut key = Box::new(Zeroizing::new([0; KEY_LEN]));
        fill(&mut key)?;
        Ok(Self(key))
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl ZeroizeOnDrop for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Names one vault: a store with its own keys and its own ledger. Not secret; part of every AAD and
/// derivation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VaultId(pub [u8; 16]);

impl fmt::Display for VaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for VaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VaultId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandom;

    #[test]
    fn keys_are_random_and_compared_by_value() {
        let rng = SystemRandom::new();
        let (a, b) = (Key::generate(&rng).unwrap(), Key::generate(&rng).unwrap());
        assert!(!a.same_as(&b));
        assert!(a.same_as(&Key::from_bytes(Zeroizing::new(*a.bytes()))));
    }

    #[test]
    fn debug_shows_no_key_byte() {
        assert_eq!(format!("{:?}", Key::from_bytes(Zeroizing::new([0xab; 32]))), "Key(..)");
        assert_eq!(format!("{:?}", VaultId([0x0f; 16])), "VaultId(0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f)");
    }
}
