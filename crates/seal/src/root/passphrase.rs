//! The root seal that is a passphrase, stretched by Argon2id (RFC 9106).
//!
//! ```text
//! blob   = header || XAES(K, PAE(label, header, vault, purpose, generation), plaintext)
//! header = 0x02 || memory || passes || lanes || salt[16] || id[8]         numbers as 32-bit little-endian
//! S      = Argon2id(passphrase, salt)         K, id = HKDF[salt, PAE(their label)](S)
//! ```
//! The parameters are authenticated, and read between a floor and a ceiling: whoever can change the blob can
//! neither make guessing cheap nor make us take all memory. The passphrase is taken as the bytes given,
//! without any normalisation.

use core::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{FORMAT_PASSPHRASE, ID_LEN, RootResult, RootSeal, SealContext, SealInfo, SealKind};
use crate::{Error, Key, Result, SecureRandom, bytes::take, derive::derive, labels, xaes, xaes::Xaes};

/// Shorter passphrases are refused: what stands between a stolen copy and the data is guessing.
const MIN_PASSPHRASE: usize = 12;
const SALT_LEN: usize = 16;
const HEADER_LEN: usize = 1 + 3 * 4 + SALT_LEN + ID_LEN;

/// The cost of one guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassphraseParams {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl PassphraseParams {
    /// At least 19 MiB and two passes (the least that OWASP's password storage guide allows), at most 1 GiB,
    /// 16 passes and 16 lanes.
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self> {
        if memory_kib < 19 * 1024 || memory_kib > 1024 * 1024 {
            return Err(Error::Parameters("argon2id memory must be 19 MiB to 1 GiB"));
        }
        if passes < 2 || passes > 16 {
            return Err(Error::Parameters("argon2id passes must be 2 to 16"));
        }
        if lanes < 1 || lanes > 16 {
            return Err(Error::Parameters("argon2id lanes must be 1 to 16"));
        }
        Ok(Self { memory_kib, passes, lanes })
    }
}

impl Default for PassphraseParams {
    /// 64 MiB, three passes, one lane: about a sixth of a second.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 }
    }
}

/// A root seal by a passphrase.
pub struct PassphraseSeal {
    passphrase: Zeroizing<String>,
    params: PassphraseParams,
}

impl PassphraseSeal {
    /// A seal that wraps at the cost of `params`; what it unwraps names its own cost. Refuses fewer than 12
    /// bytes.
    pub fn new(passphrase: Zeroizing<String>, params: PassphraseParams) -> Result<Self> {
        if passphrase.len() < MIN_PASSPHRASE {
            return Err(Error::Parameters("a root passphrase has at least 12 characters"));
        }
        Ok(Self { passphrase, params })
    }

    /// The wrapping key and the identifier that belong to a salt.
    fn stretch(&self, params: PassphraseParams, salt: &[u8; SALT_LEN]) -> Result<(Xaes, [u8; ID_LEN])> {
        let argon2_params = Params::new(params.memory_kib, params.passes, params.lanes, Some(32))
            .map_err(|_| Error::Parameters("argon2id refused them"))?;
        // Ours and zeroized: the last blocks of the memory are enough to compute the key.
        let mut memory = Zeroizing::new(vec![Block::default(); argon2_params.block_count()]);
        let stretched = Key::fill_with(|key| {
            Argon2::new(Algorithm::Argon2id, Version::V0x13, argon2_params)
                .hash_password_into_with_memory(self.passphrase.as_bytes(), salt, key, memory.as_mut_slice())
                .map_err(|_| Error::Provider)
        })?;
        let id = derive(&stretched, salt, labels::ROOT_PASSPHRASE_ID, &[]);
        let wrap = Xaes::new(derive(&stretched, salt, labels::ROOT_PASSPHRASE, &[]).bytes())?;
        Ok((wrap, *id.bytes().first_chunk().ok_or(Error::Provider)?))
    }
}

impl RootSeal for PassphraseSeal {
    fn info(&self) -> SealInfo {
        SealInfo { kind: SealKind::Passphrase, key_beside_data_possible: false, demo: false }
    }

    fn wrap(&self, plaintext: &[u8], context: &SealContext, rng: &dyn SecureRandom) -> RootResult<Vec<u8>> {
        let mut salt = [0; SALT_LEN];
        rng.fill(&mut salt)?;
        let (key, id) = self.stretch(self.params, &salt)?;
        let mut blob = Header::write(self.params, &salt, &id);
        let sealed = key.seal(context.aad(labels::ROOT_PASSPHRASE, &blob).as_ref(), plaintext, rng)?;
        blob.extend_from_slice(&sealed);
        Ok(blob)
    }

    fn unwrap(&self, blob: &[u8], context: &SealContext) -> RootResult<Zeroizing<Vec<u8>>> {
        let Header { bytes, params, salt, id, sealed } = Header::read(blob)?;
        let (key, expected) = self.stretch(params, salt)?;
        if !bool::from(id.ct_eq(&expected)) {
            return Err(Error::WrongRoot.into());
        }
        Ok(key.open(context.aad(labels::ROOT_PASSPHRASE, bytes).as_ref(), sealed)?)
    }

    fn health(&self) -> RootResult<()> {
        Ok(())
    }
}

impl fmt::Debug for PassphraseSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassphraseSeal").field("params", &self.params).finish_non_exhaustive()
    }
}

/// What a blob begins with, and the rest of it.
struct Header<'a> {
    bytes: &'a [u8],
    params: PassphraseParams,
    salt: &'a [u8; SALT_LEN],
    id: &'a [u8; ID_LEN],
    sealed: &'a [u8],
}

impl<'a> Header<'a> {
    fn write(params: PassphraseParams, salt: &[u8; SALT_LEN], id: &[u8; ID_LEN]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN);
        bytes.push(FORMAT_PASSPHRASE);
        for number in [params.memory_kib, params.passes, params.lanes] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(salt);
        bytes.extend_from_slice(id);
        bytes
    }

    /// Refuses what another kind of root wrapped, and parameters outside the bounds before they cost
    /// anything.
    fn read(blob: &'a [u8]) -> Result<Self> {
        if blob.first().is_some_and(|format| *format != FORMAT_PASSPHRASE) {
            return Err(Error::WrongRoot);
        }
        let header = Self::split(blob).ok_or(Error::Malformed("wrapped keyring"))?;
        let PassphraseParams { memory_kib, passes, lanes } = header.params;
        PassphraseParams::new(memory_kib, passes, lanes)?;
        Ok(header)
    }

    fn split(blob: &'a [u8]) -> Option<Self> {
        let (bytes, sealed) = blob.split_at_checked(HEADER_LEN)?;
        if sealed.len() < xaes::OVERHEAD {
            return None;
        }
        let mut rest = bytes;
        take::<1>(&mut rest)?;
        let mut number = || take(&mut rest).map(|number| u32::from_le_bytes(*number));
        let params = PassphraseParams { memory_kib: number()?, passes: number()?, lanes: number()? };
        Some(Self { bytes, params, salt: take(&mut rest)?, id: take(&mut rest)?, sealed })
    }
}
