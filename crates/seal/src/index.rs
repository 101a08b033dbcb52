//! Blind indexes: equality search over sealed values by keyed, truncated digests.
//!
//! ```text
//! term = first bits of HMAC-SHA256(key, normal value)
//! key  = HKDF[vault, PAE(label, index, purpose, form, epoch)](index root)
//! ```
//! Whoever reads the terms learns which rows may be equal, and whoever has the key can try values; hence a
//! key per index, few bits, and no index on skewed fields (decided where fields are declared). A term is a
//! candidate, never a match: the caller opens and compares.

use core::fmt;

use aws_lc_rs::hmac;

use crate::{
    Key, VaultId,
    derive::{derive_mac_key, hmac_sha256},
    labels,
};

/// What an index key is for. Two scopes that differ anywhere give unrelated terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IndexScope<'a> {
    /// The number of the index in its vault, given once.
    pub index: u32,
    /// The kind of question it answers: `exact`, `prefix`, `fuzzy`, ...
    pub purpose: &'a str,
    /// How the values were brought into form: versions of normalisation, and settings it depends on.
    pub form: &'a str,
    /// Epoch of the root it is derived from.
    pub epoch: u32,
}

/// Computes the terms of one index.
pub struct IndexKey(hmac::Key);

impl IndexKey {
    pub(crate) fn derive(root: &Key, vault: VaultId, scope: &IndexScope<'_>) -> Self {
        Self(derive_mac_key(
            root,
            &vault.0,
            labels::INDEX,
            &[
                &scope.index.to_le_bytes(),
                scope.purpose.as_bytes(),
                scope.form.as_bytes(),
                &scope.epoch.to_le_bytes(),
            ],
        ))
    }

    /// The first `bits` bits of the keyed digest of a normalised value: never negative, `bits` held within 1
    /// and 62.
    pub fn term(&self, normal: &[u8], bits: u8) -> i64 {
        let digest = hmac_sha256(&self.0, normal);
        let head = digest.first_chunk().expect("32 bytes have a first 8");
        (u64::from_be_bytes(*head) >> (64 - bits.clamp(1, MAX_BITS))).cast_signed()
    }
}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexKey(..)")
    }
}

/// A term fits a signed 64-bit column with a bit to spare.
const MAX_BITS: u8 = 62;
/// Below sixteen terms an index selects nothing.
const MIN_BITS: u8 = 4;

/// How many bits to keep for a planned number of subjects: `floor(log2 N) - 2`, so that a query meets four to
/// eight rows that it did not mean. At least 4.
pub fn planned_bits(planned_subjects: u64) -> u8 {
    let log2 = planned_subjects.checked_ilog2().unwrap_or(0);
    u8::try_from(log2.saturating_sub(2)).unwrap_or(MAX_BITS).clamp(MIN_BITS, MAX_BITS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const SCOPE: IndexScope<'static> = IndexScope { index: 3, purpose: "exact", form: "1", epoch: 1 };

    fn key(root: u8, vault: u8, scope: &IndexScope<'_>) -> IndexKey {
        IndexKey::derive(&Key::from_bytes([root; 32].into()), VaultId([vault; 16]), scope)
    }

    #[test]
    fn terms_are_stable() {
        // Computed apart, from the formula above. A change is a new label: every index in use would find
        // nothing.
        assert_eq!(key(1, 2, &SCOPE).term(b"ada@example.org", 62), 846_218_126_447_739_980);
    }

    #[test]
    fn every_part_of_the_scope_separates() {
        let scopes = [
            SCOPE,
            IndexScope { index: 4, ..SCOPE },
            IndexScope { purpose: "prefix", ..SCOPE },
            IndexScope { form: "2", ..SCOPE },
            IndexScope { epoch: 2, ..SCOPE },
        ];
        let mut terms: BTreeSet<i64> = scopes.iter().map(|scope| key(1, 2, scope).term(b"v", 62)).collect();
        terms.insert(key(9, 2, &SCOPE).term(b"v", 62));
        terms.insert(key(1, 9, &SCOPE).term(b"v", 62));
        assert_eq!(terms.len(), scopes.len() + 2);
    }

    #[test]
    fn planned_bits_follow_the_rule() {
        for (subjects, bits) in [
            (0, 4),
            (1, 4),
            (63, 4),
            (64, 4),
            (127, 4),
            (128, 5),
            (1_000_000, 17),
            (10_000_000, 21),
            (u64::MAX, 61),
        ] {
            assert_eq!(planned_bits(subjects), bits, "{subjects}");
        }
    }

    proptest! {
        #[test]
        fn fewer_bits_are_a_prefix_of_more(value: Vec<u8>, bits in 1_u8..=62) {
            let key = key(1, 2, &SCOPE);
            let term = key.term(&value, bits);
            prop_assert!(term >= 0 && term < 1 << bits);
            prop_assert_eq!(term, key.term(&value, 62) >> (62 - bits));
        }

        #[test]
        fn bits_out_of_range_are_held_within(value: Vec<u8>, bits in 63_u8..) {
            let key = key(1, 2, &SCOPE);
            prop_assert_eq!(key.term(&value, bits), key.term(&value, 62));
            prop_assert_eq!(key.term(&value, 0), key.term(&value, 1));
        }
    }
}
