//! Encrypting and decrypting.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::{
    TransitKey, TransitKind, text,
    version::{Version, Work},
};
use crate::{Error, Result, SecureRandom, labels, pae::Pae, xaes};

const NAME: &str = "ciphertext";
const NO_CIPHER: Error = Error::Parameters("this kind of key does not encrypt");

/// What a ciphertext is bound to, besides its key and version: to be said again when it is decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Binding<'a> {
    /// Which of the keys under a derived key; empty for a key that is not derived.
    pub context: &'a [u8],
    /// Whatever else must be the same. Empty if nothing is.
    pub associated_data: &'a [u8],
}

/// How long a data key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DataKeyLength {
    /// 128 bits.
    Bits128,
    /// 256 bits, which clients mean when they say nothing.
    #[default]
    Bits256,
    /// 512 bits.
    Bits512,
}

impl DataKeyLength {
    /// Of 128, 256 or 512.
    pub const fn from_bits(bits: u32) -> Result<Self> {
        match bits {
            128 => Ok(Self::Bits128),
            256 => Ok(Self::Bits256),
            512 => Ok(Self::Bits512),
            _ => Err(Error::Parameters("a data key has 128, 256 or 512 bits")),
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::Bits128 => 16,
            Self::Bits256 => 32,
            Self::Bits512 => 64,
        }
    }
}

/// A random key for the application to encrypt with, as it is and as it may be kept.
pub struct DataKey {
    /// To be used and forgotten.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// To be kept beside what it encrypts, and given to [`TransitKey::decrypt`].
    pub ciphertext: String,
}

impl core::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("DataKey").field("ciphertext", &self.ciphertext).finish_non_exhaustive()
    }
}

impl TransitKey {
    /// Encrypts with the latest version, or with one from the minimum on.
    pub fn encrypt(
        &self,
        version: Option<u32>,
        plaintext: &[u8],
        binding: &Binding<'_>,
        rng: &dyn SecureRandom,
    ) -> Result<String> {
        self.check(binding)?;
        let (number, version) = self.making(version)?;
        let aad = aad(number, binding);
        let sealed = match &version.work {
            Work::Cipher(cipher) => cipher.seal(aad.as_ref(), plaintext, rng)?,
            Work::Contexts => version.cipher_of(binding.context)?.seal(aad.as_ref(), plaintext, rng)?,
            _ => return Err(NO_CIPHER),
        };
        Ok(text::write(number, &BASE64, &sealed))
    }

    /// Decrypts what [`encrypt`](Self::encrypt) made by the same key under the same binding.
    /// [`Error::Malformed`] for what has not the form, [`Error::RetiredVersion`] for a version below the
    /// minimum, [`Error::Tampered`] for everything else.
    pub fn decrypt(&self, ciphertext: &str, binding: &Binding<'_>) -> Result<Zeroizing<Vec<u8>>> {
        self.check(binding)?;
        let (number, sealed) = text::read(ciphertext, &BASE64, NAME)?;
        open(self.opening(number)?, number, &sealed, binding)
    }

    /// Decrypts and encrypts again, with the latest version or one from the minimum on, under the same
    /// binding. The plaintext does not leave.
    pub fn rewrap(
        &self,
        ciphertext: &str,
        version: Option<u32>,
        binding: &Binding<'_>,
        rng: &dyn SecureRandom,
    ) -> Result<String> {
        self.encrypt(version, &self.decrypt(ciphertext, binding)?, binding, rng)
    }

    /// A fresh random key, and the same encrypted.
    pub fn data_key(
        &self,
        length: DataKeyLength,
        version: Option<u32>,
        binding: &Binding<'_>,
        rng: &dyn SecureRandom,
    ) -> Result<DataKey> {
        let mut plaintext = Zeroizing::new(vec![0; length.bytes()]);
        rng.fill(&mut plaintext)?;
        let ciphertext = self.encrypt(version, &plaintext, binding, rng)?;
        Ok(DataKey { plaintext, ciphertext })
    }

    /// A derived key needs a context, any other must not be given one: it would be taken for protection.
    fn check(&self, binding: &Binding<'_>) -> Result<()> {
        match (self.kind(), binding.context.is_empty()) {
            (TransitKind::Aes256Gcm { derived: true }, true) => {
                Err(Error::Parameters("a derived key needs a context: name one"))
            }
            (TransitKind::Aes256Gcm { derived: false }, false) => {
                Err(Error::Parameters("the key is not derived: leave the context out, or make a derived key"))
            }
            (TransitKind::Aes256Gcm { .. }, _) => Ok(()),
            _ => Err(NO_CIPHER),
        }
    }
}

fn open(version: &Version, number: u32, sealed: &[u8], binding: &Binding<'_>) -> Result<Zeroizing<Vec<u8>>> {
    let aad = aad(number, binding);
    let opened = match &version.work {
        Work::Cipher(cipher) => cipher.open(aad.as_ref(), sealed),
        Work::Contexts => version.cipher_of(binding.context)?.open(aad.as_ref(), sealed),
        _ => Err(NO_CIPHER),
    };
    // Nobody but us makes these texts, so another suite is another text that we did not make.
    opened.map_err(|error| if error == Error::UnknownSuite { Error::Tampered } else { error })
}

/// `PAE(label, suite, version, context, associated data)`
fn aad(version: u32, binding: &Binding<'_>) -> Pae {
    let mut aad = Pae::new();
    aad.part(labels::TRANSIT.as_bytes())
        .part(&[xaes::SUITE])
        .part(&version.to_le_bytes())
        .part(binding.context)
        .part(binding.associated_data);
    aad
}

#[cfg(test)]
mod tests;
