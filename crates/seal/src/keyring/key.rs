//! The key of the keyring: random, and wrapped by every root seal of the vault, each on its own.
//!
//! It stands between the seals and the keyring, so that the keyring can change without the custodians of a recovery seal, and
//! a seal be changed without touching the keyring. What a seal wraps is always these 32 bytes: a device or a service with a
//! limit on what it takes never meets it. Held for as long as a seal or the keyring is being changed, no longer.
//!
//! ```text
//! wrapped  = root seal(key), bound to vault, purpose and generation
//! keyring  = XAES(HKDF[vault, PAE(label)](key), PAE(label, vault, generation), plain)
//! answer   = HMAC-SHA256(HKDF[vault, PAE(proof label)](key), PAE(proof label, slot, challenge))
//! ```

use core::fmt;

use aws_lc_rs::hmac;
use subtle::ConstantTimeEq as _;

use crate::{
    Error, Key, Result, SecureRandom, VaultId,
    derive::{derive, derive_mac_key, mac},
    key::KEY_LEN,
    labels,
    root::{RootResult, RootSeal, SealContext},
    xaes::Xaes,
};

/// See the module.
pub struct KeyringKey {
    vault: VaultId,
    key: Key,
}

impl KeyringKey {
    /// A fresh one: for a new vault, or to end all seals that wrapped the one before.
    pub fn generate(vault: VaultId, rng: &dyn SecureRandom) -> Result<Self> {
        Ok(Self { vault, key: Key::generate(rng)? })
    }

    /// Wraps it for keeping. `generation` counts the keyring keys of the vault.
    pub fn wrap(&self, root: &dyn RootSeal, generation: u32, rng: &dyn SecureRandom) -> RootResult<Vec<u8>> {
        root.wrap(self.key.bytes(), &context(self.vault, generation), rng)
    }

    /// Opens what [`wrap`](Self::wrap) made by the same root, for the same vault and generation.
    pub fn unwrap(blob: &[u8], root: &dyn RootSeal, vault: VaultId, generation: u32) -> RootResult<Self> {
        let plain = root.unwrap(blob, &context(vault, generation))?;
        let bytes: &[u8; KEY_LEN] =
            plain.as_slice().try_into().map_err(|_| Error::Malformed("keyring key"))?;
        let key = Key::fill_with(|key| {
            key.copy_from_slice(bytes);
            Ok(())
        })?;
        Ok(Self { vault, key })
    }

    /// What a drill is checked with: kept while the vault is open, and of no use for opening anything.
    pub fn proof(&self) -> ProofKey {
        ProofKey(derive_mac_key(&self.key, &self.vault.0, labels::KEYRING_PROOF, &[]))
    }

    pub(super) const fn vault(&self) -> VaultId {
        self.vault
    }

    pub(super) fn cipher(&self) -> Result<Xaes> {
        Xaes::new(derive(&self.key, &self.vault.0, labels::KEYRING, &[]).bytes())
    }
}

impl fmt::Debug for KeyringKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyringKey").field("vault", &self.vault).finish_non_exhaustive()
    }
}

/// Proves that somebody has unwrapped the keyring key, without showing it: the server poses a challenge, and whoever has the
/// recovery seal at hand answers it, wherever that is.
pub struct ProofKey(hmac::Key);

impl ProofKey {
    /// The answer to a challenge about the seal in `slot`.
    pub fn answer(&self, slot: &str, challenge: &[u8; 32]) -> [u8; 32] {
        mac(&self.0, &[labels::KEYRING_PROOF.as_bytes(), slot.as_bytes(), challenge])
    }

    /// Whether it is the answer, in constant time.
    pub fn verify(&self, slot: &str, challenge: &[u8; 32], answer: &[u8; 32]) -> bool {
        self.answer(slot, challenge).ct_eq(answer).into()
    }
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofKey(..)")
    }
}

fn context(vault: VaultId, generation: u32) -> SealContext {
    SealContext { vault, purpose: labels::KEYRING_KEY, generation }
}
