//! Every label that separates one use of a key from another: derivation, MAC and associated data.
//!
//! One label, one purpose, one version. A change of what a label covers is a new version beside the old one;
//! a label in use is never altered, or everything sealed under it is lost. No label may be written anywhere
//! but here.

/// Declares the labels and the list that the tests walk.
macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*
        /// Every label of this crate.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

labels! {
    /// Root seal from a key file: the wrapping key, and the AAD of what it wraps.
    ROOT_KEY_FILE = "avouch/root/file/v1";
    /// The same for demo keys, so that a demo key whose mark was edited away opens nothing.
    ROOT_KEY_FILE_DEMO = "avouch/root/file-demo/v1";
    /// The public identifier of a key file.
    ROOT_KEY_FILE_ID = "avouch/root/file-id/v1";
    /// Root seal from a passphrase: the wrapping key, and the AAD of what it wraps.
    ROOT_PASSPHRASE = "avouch/root/passphrase/v1";
    /// The check by which a wrong passphrase is told from a damaged blob.
    ROOT_PASSPHRASE_ID = "avouch/root/passphrase-id/v1";
    /// Root seal by shares: the wrapping key, and the AAD of what it wraps.
    ROOT_SHARES = "avouch/root/shares/v1";
    /// The check, on every share, by which the key that shares give is known to be the right one.
    ROOT_SHARES_CHECK = "avouch/root/shares-check/v1";
    /// AAD of what a key in a PKCS#11 device wraps.
    ROOT_PKCS11 = "avouch/root/pkcs11/v1";
    /// The public identifier of such a key.
    ROOT_PKCS11_ID = "avouch/root/pkcs11-id/v1";
    /// AAD of what a transit key wraps.
    ROOT_TRANSIT = "avouch/root/transit/v1";
    /// The public identifier of a transit key.
    ROOT_TRANSIT_ID = "avouch/root/transit-id/v1";
    /// Encryption context of what an AWS KMS key wraps.
    ROOT_AWS_KMS = "avouch/root/aws-kms/v1";
    /// The public identifier of an AWS KMS key.
    ROOT_AWS_KMS_ID = "avouch/root/aws-kms-id/v1";
    /// The purpose under which a root seal wraps the key of the keyring.
    KEYRING_KEY = "avouch/keyring-key/v1";
    /// The proof that somebody has unwrapped the key of the keyring: key, and what it is taken over.
    KEYRING_PROOF = "avouch/keyring-proof/v1";
    /// The cipher key of the keyring, and its AAD.
    KEYRING = "avouch/keyring/v1";
    /// AAD of a key-encryption key wrapped by the keyring.
    KEK = "avouch/kek/v1";
    /// AAD of a subject key wrapped by a key-encryption key.
    SUBJECT_KEY = "avouch/subject-key/v1";
    /// The key check of a subject key.
    KEY_CHECK = "avouch/kcv/v1";
    /// AAD of a sealed field.
    FIELD = "avouch/f/v1";
    /// AAD of the manifest of one record version.
    MANIFEST = "avouch/manifest/v1";
    /// Key of a blind index.
    INDEX = "avouch/idx/v1";
    /// Key and AAD of vault-level rows.
    ROW = "avouch/row/v1";
    /// Keyed fingerprints at vault level.
    ROW_DIGEST = "avouch/row-digest/v1";
    /// Key of the chain of erasures.
    ERASURE_CHAIN = "avouch/erasure/chain/v1";
    /// Key of the digests by which identifiers of erased people are recognised.
    ERASURE_IDENTIFIER = "avouch/erasure/identifier/v1";
    /// Seed of the key that signs receipts of erasures.
    ERASURE_RECEIPT = "avouch/erasure/receipt/v1";
    /// What the keys of the logs are derived from.
    LOG = "avouch/log/v1";
    /// Seed of the key that signs the checkpoints of one log.
    LOG_ED25519 = "avouch/log/ed25519/v1";
    /// Seed of the other key that signs them.
    LOG_ML_DSA = "avouch/log/ml-dsa-44/v1";
    /// Synthetic IV of a pointer token: key, and what it is taken over.
    POINTER_IV = "avouch/token/pointer-iv/v1";
    /// Cipher key of a pointer token.
    POINTER_BODY = "avouch/token/pointer-body/v1";
    /// Token of a value, equal for equal values: key, and what it is taken over.
    TOKEN_EQUAL = "avouch/token/equal/v1";
    /// Text that stands for a value and is not turned back: key, and what it is taken over.
    TOKEN_ONE_WAY = "avouch/token/one-way/v1";
    /// What the keys of one recipient's format-preserving tokens are derived from.
    TOKEN_FORMATS = "avouch/token/formats/v1";
    /// Key of format-preserving tokens.
    TOKEN_FORMAT = "avouch/token/format/v1";
    /// Cipher key of one version of a transit key, and the AAD of what it seals.
    TRANSIT = "avouch/transit/v1";
    /// Cipher key of one context, under one version of a derived transit key.
    TRANSIT_CONTEXT = "avouch/transit/context/v1";
    /// HMAC key of one version of a transit key and one hash algorithm.
    TRANSIT_HMAC = "avouch/transit/hmac/v1";
    /// Key of the format-preserving tokens of a transit key.
    TRANSIT_FORMAT = "avouch/transit/format/v1";
    /// Cipher key of what wraps the keys of a backup file, and its AAD.
    BACKUP = "avouch/backup/v1";
    /// What the tag at the end of a backup file is taken over, first.
    BACKUP_TAG = "avouch/backup/tag/v1";
    /// Stored hash of an API key.
    API_KEY = "avouch/api-key/v1";
    /// Stored hash of a session.
    SESSION = "avouch/session/v1";
    /// Stored hash of a one-time link.
    ONE_TIME_LINK = "avouch/one-time-link/v1";
    /// Stored hash of an access token.
    ACCESS_TOKEN = "avouch/access-token/v1";
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::ALL;

    #[test]
    fn labels_are_unique_versioned_ascii() {
        let unique: BTreeSet<_> = ALL.iter().collect();
        assert_eq!(unique.len(), ALL.len());
        for label in ALL {
            assert!(label.is_ascii() && label.starts_with("avouch/"), "{label}");
            let version = label.rsplit_once("/v").expect(label).1;
            assert!(version.parse::<u16>().is_ok(), "{label}");
        }
    }

    #[test]
    fn no_label_is_written_elsewhere() {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    folders.push(entry);
                } else if !entry.ends_with("labels.rs") {
                    let source = fs::read_to_string(&entry).unwrap();
                    assert!(!source.contains("\"avouch/"), "a label is written in {}", entry.display());
                    files += 1;
                }
            }
        }
        assert!(files > 10, "the source folder was not found");
    }
}
