//! The root of all keys: what wraps the keyring while the vault is shut.
//!
//! A [`RootSeal`] is called when a vault is opened, made, or gets a new root; never for a request. Those that
//! talk to a device or a service live in the binary; those that are pure computation live here. Whoever
//! holds the root and a copy of the data can read everything: a key file must not lie beside the data, and a
//! seal of demo keys protects nothing.

use core::fmt;

use zeroize::Zeroizing;

use crate::{Error, SecureRandom, VaultId, pae::Pae};

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
    fn wrap(&self, plaintext: &[u8], context: &SealContext, rng: &dyn SecureRandom) -> RootResult<Vec<u8>>;

    /// Opens what [`wrap`](Self::wrap) made: [`WrongRoot`](Error::WrongRoot) if by another root,
    /// [`Tampered`](Error::Tampered) if altered or made for another context.
    fn unwrap(&self, blob: &[u8], context: &SealContext) -> RootResult<Zeroizing<Vec<u8>>>;

    /// Whether the seal could work now; a device or service is asked, a local key always can.
    fn health(&self) -> RootResult<()>;
}

/// Why a root seal did not do its work. The texts are for the operator: what was tried and what to look at, never a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// The blob is another root's, or was altered; or the computation failed.
    #[error(transparent)]
    Seal(#[from] Error),
    /// The device or service is not there: a module that cannot be loaded, a connection that fails, no answer in time.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// It is there and says no: a wrong PIN, a token without permission, a key that is missing or of the wrong kind.
    #[error("refuses: {0}")]
    Refused(String),
}

/// The result of a root seal's work.
pub type RootResult<T> = core::result::Result<T, RootError>;

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
    /// `PAE(label, header, vault, purpose, generation)`: what a seal authenticates beside the secret. `header` is what it
    /// writes in front of it.
    pub fn aad(&self, label: &'static str, header: &[u8]) -> Pae {
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
    /// A key in a device that does not give it out, by PKCS#11.
    Pkcs11,
    /// A key in the transit engine of OpenBao or Vault.
    Transit,
    /// A key in the key management service of AWS.
    AwsKms,
}

impl SealKind {
    /// Its name in configurations, on the wire and in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeyFile => "key-file",
            Self::Passphrase => "passphrase",
            Self::Shares => "shares",
            Self::Pkcs11 => "pkcs11",
            Self::Transit => "transit",
            Self::AwsKms => "aws-kms",
        }
    }
}

impl fmt::Display for SealKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyFile => "key file",
            Self::Passphrase => "passphrase",
            Self::Shares => "recovery shares",
            Self::Pkcs11 => "PKCS#11 key",
            Self::Transit => "transit key",
            Self::AwsKms => "AWS KMS key",
        })
    }
}

/// First byte of a blob wrapped by a key file.
const FORMAT_KEY_FILE: u8 = 0x01;
/// First byte of a blob wrapped by a passphrase.
const FORMAT_PASSPHRASE: u8 = 0x02;
/// First byte of a blob wrapped by a key that is split into shares.
const FORMAT_SHARES: u8 = 0x03;
/// First byte of a blob wrapped by a PKCS#11 device. Those of seals that talk to somebody are listed here too, so that no
/// two kinds have one.
pub const FORMAT_PKCS11: u8 = 0x04;
/// First byte of a blob wrapped by a transit engine.
pub const FORMAT_TRANSIT: u8 = 0x05;
/// First byte of a blob wrapped by AWS KMS.
pub const FORMAT_AWS_KMS: u8 = 0x06;

/// Length of the identifier by which a root recognises its own blobs.
const ID_LEN: usize = 8;

#[cfg(test)]
mod tests;
