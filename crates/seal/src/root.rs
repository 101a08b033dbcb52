//! The root of all keys: what wraps the keyring while the vault is shut.
//!
//! A [`RootSeal`] is called when a vault is opened, made, or gets a new root; never for a request. Those that
//! talk to a device or a service live in the binary; those that are pure computation live here. Whoever
//! holds the root and a copy of the data can read everything: a key file must not lie beside the data, and a
//! seal of demo keys protects nothing.

use core::fmt;

use zeroize::Zeroizing;

use crate::{Result, SecureRandom, VaultId, pae::Pae};

mod key_file;
mod passphrase;
mod shares;

pub use key_file::KeyFileSeal;
pub use passphrase::{PassphraseParams, PassphraseSeal};
pub use shares::{Share, SharesSeal};

/// Wraps and unwraps the few secrets that everything else hangs on.
pub trait RootSeal: Send + Sync {
    /// What kind of seal it is and what may be said of it.
    fn info(&self) -> SealInfo;

    /// Seals `plaintext`, bound to `context`.
    fn wrap(&self, plaintext: &[u8], context: &SealContext, rng: &dyn SecureRandom) -> Result<Vec<u8>>;

    /// Opens what [`wrap`](Self::wrap) made: [`WrongRoot`](crate::Error::WrongRoot) if by another root,
    /// [`Tampered`](crate::Error::Tampered) if altered or made for another context.
    fn unwrap(&self, blob: &[u8], context: &SealContext) -> Result<Zeroizing<Vec<u8>>>;

    /// Whether the seal could work now; a device or service is asked, a local key always can.
    fn health(&self) -> Result<()>;
}

/// What a wrapped secret is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealContext {
    /// The vault that the secret opens.
    pub vault: VaultId,
    /// What the secret is: a label from [`labels`](crate::labels).
    pub purpose: &'static str,
    /// Counts the wraps of this secret, so that an older blob is not taken for the current one.
    pub generation: u32,
}

impl SealContext {
    /// `PAE(label, header, vault, purpose, generation)`
    fn aad(&self, label: &'static str, header: &[u8]) -> Pae {
        let mut aad = Pae::new();
        aad.part(label.as_bytes())
            .part(header)
            .part(&self.vault.0)
            .part(self.purpose.as_bytes())
            .part(&self.generation.to_le_bytes());
        aad
    }
}

/// What may be said of a root seal, on a page or in a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealInfo {
    /// Its kind.
    pub kind: SealKind,
    /// Whether the key can be found on the machine that holds the data.
    pub key_beside_data_possible: bool,
    /// Whether it was made for trying out, and protects nothing.
    pub demo: bool,
}

/// The kinds of root seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SealKind {
    /// A file with a random key.
    KeyFile,
    /// A passphrase that somebody types, stretched by Argon2id.
    Passphrase,
    /// A random key split among custodians, of whom some have to come together.
    Shares,
}

impl fmt::Display for SealKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyFile => "key file",
            Self::Passphrase => "passphrase",
            Self::Shares => "recovery shares",
        })
    }
}

/// First byte of a blob wrapped by a key file.
const FORMAT_KEY_FILE: u8 = 0x01;
/// First byte of a blob wrapped by a passphrase.
const FORMAT_PASSPHRASE: u8 = 0x02;
/// First byte of a blob wrapped by a key that is split into shares.
const FORMAT_SHARES: u8 = 0x03;

/// Length of the identifier by which a root recognises its own blobs.
const ID_LEN: usize = 8;

#[cfg(test)]
mod tests;
