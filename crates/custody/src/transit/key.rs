//! What the engine says of its key.

use avouch_seal::root::{RootError, RootResult};
use serde::Deserialize;

/// Key types that encrypt with 256 bits and take associated data.
const AEAD: &[&str] = &["aes256-gcm96", "chacha20-poly1305", "xchacha20-poly1305"];

/// What matters of it. What is not said is taken for unsafe, but for the two that old servers, or keys that
/// are not derived, do not have.
#[derive(Deserialize)]
pub(super) struct Properties {
    #[serde(rename = "type")]
    kind: String,
    exportable: bool,
    allow_plaintext_backup: bool,
    derived: bool,
    #[serde(default)]
    convergent_encryption: bool,
    #[serde(default)]
    soft_deleted: bool,
}

impl Properties {
    /// Refuses a key that a keyring cannot be trusted to.
    pub(super) fn are_safe(&self, name: &str) -> RootResult<()> {
        let demands = [
            (AEAD.contains(&self.kind.as_str()), "its type is none of aes256-gcm96 and (x)chacha20-poly1305"),
            (!self.exportable, "it can be taken out of the engine (exportable)"),
            (!self.allow_plaintext_backup, "it can be taken out of the engine (allow_plaintext_backup)"),
            (!self.derived, "it derives a key for each context (derived)"),
            (!self.convergent_encryption, "it makes equal ciphertexts of equal keys (convergent_encryption)"),
            (!self.soft_deleted, "it is deleted, though not for good yet (soft_deleted)"),
        ];
        let wrong: Vec<_> = demands.iter().filter(|(met, _)| !met).map(|(_, wrong)| *wrong).collect();
        if wrong.is_empty() {
            return Ok(());
        }
        Err(RootError::Refused(format!(
            "the transit key `{name}` is not one to trust a keyring to: {}; make one for this alone",
            wrong.join(", ")
        )))
    }
}
