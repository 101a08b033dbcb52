//! What proves an erasure, and what recognises the erased without keeping anything of them.
//!
//! ```text
//! link       = HMAC-SHA256(chain key, PAE(parts…))                       one of the parts is the link before
//! identifier = first 16 bytes of HMAC-SHA256(identifier key, PAE(field, normal value))
//! chain key, identifier key = HKDF[vault, PAE(label)](erasure root)      the root is never replaced
//! receipt seed              = HKDF[vault, PAE(label)](oldest audit root)
//! ```
//! Whoever holds the key of identifiers can try values, as with a blind index; without it the digests say nothing, not even
//! which field they are of.

use aws_lc_rs::hmac;

use crate::{
    Key, VaultId,
    derive::{derive, derive_mac_key, first_half, mac},
    keyring::Roots,
    labels,
};

use super::VaultKeys;

/// The keys of an open vault that have to do with erasures.
#[derive(Debug)]
pub(super) struct ErasureKeys {
    chain: hmac::Key,
    identifier: hmac::Key,
    receipt: Key,
}

impl ErasureKeys {
    pub(super) fn new(vault: VaultId, erasure: &Roots, audit: &Roots) -> Self {
        // Of the oldest roots, for good: what was noted or signed once is compared and verified for ever.
        let (erasure, audit) = (erasure.oldest(), audit.oldest());
        Self {
            chain: derive_mac_key(erasure, &vault.0, labels::ERASURE_CHAIN, &[]),
            identifier: derive_mac_key(erasure, &vault.0, labels::ERASURE_IDENTIFIER, &[]),
            receipt: derive(audit, &vault.0, labels::ERASURE_RECEIPT, &[]),
        }
    }
}

impl VaultKeys {
    /// The next link of the chain of erasures. The link before it is one of the parts.
    pub fn erasure_link(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.erasure.chain, parts)
    }

    /// By what a value of an erased person is recognised when it comes again.
    pub fn erased_identifier(&self, field: u32, normal: &[u8]) -> [u8; 16] {
        first_half(&mac(&self.erasure.identifier, &[&field.to_le_bytes(), normal]))
    }

    /// The Ed25519 seed that receipts of erasures are signed with. For that, and for nothing else.
    pub fn receipt_seed(&self) -> &[u8; 32] {
        self.erasure.receipt.bytes()
    }
}
