//! The keyring: the random roots of one vault, sealed as one blob under the [`KeyringKey`] that the root seals wrap.
//!
//! Roots come in families, and each family has a series by epoch: the newest makes, older ones still open, until they are
//! retired. While the vault is shut the keyring exists only as the blob; [`Keyring::unlock`] turns it, with the
//! key-encryption keys of the key store, into the [`VaultKeys`] that operations use. Never kept for longer
//! than that.
//!
//! `plain = 0x01 || vault[16] || (family || epoch u32-LE || root[32])…`, ordered by family, then epoch.

use core::fmt;

use zeroize::Zeroizing;

use crate::{
    Error, Key, Result, SecureRandom, VaultId,
    backup::BackupKeys,
    bytes::take,
    index::{IndexKey, IndexScope},
    key::KEY_LEN,
    labels,
    pae::Pae,
    vault::VaultKeys,
    xaes::Xaes,
};

mod key;

pub use key::{KeyringKey, ProofKey};

const FORMAT: u8 = 0x01;
const ENTRY_LEN: usize = 1 + 4 + KEY_LEN;

/// What a root is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Family {
    /// Wraps key-encryption keys.
    Kek = 1,
    /// Derives blind index keys. The epoch is the first index epoch that the root serves.
    Index = 2,
    /// Derives the token keys of recipients.
    Token = 3,
    /// Seals vault-level rows and derives the key of their fingerprints.
    Row = 4,
    /// Audit pseudonyms that outlive a person's key.
    Audit = 5,
    /// Recognises erased identifiers; never replaced, or the erased could come back unseen.
    Erasure = 6,
}

impl Family {
    const ALL: [Self; 6] = [Self::Kek, Self::Index, Self::Token, Self::Row, Self::Audit, Self::Erasure];
}

/// The epoch of the first root in each family.
pub const FIRST_EPOCH: u32 = 1;

/// The roots of one vault.
pub struct Keyring {
    pub(crate) vault: VaultId,
    pub(crate) kek: Roots,
    pub(crate) index: Roots,
    pub(crate) token: Roots,
    pub(crate) row: Roots,
    pub(crate) audit: Roots,
    pub(crate) erasure: Roots,
}

impl Keyring {
    /// The keyring of a new vault.
    pub fn generate(vault: VaultId, rng: &dyn SecureRandom) -> Result<Self> {
        let root = || Ok(Roots::new(FIRST_EPOCH, Key::generate(rng)?));
        Ok(Self {
            vault,
            kek: root()?,
            index: root()?,
            token: root()?,
            row: root()?,
            audit: root()?,
            erasure: root()?,
        })
    }

    /// The vault that it opens.
    pub const fn vault(&self) -> VaultId {
        self.vault
    }

    /// Seals the keyring for keeping. `generation` is one more than that of the blob it replaces.
    pub fn seal(&self, key: &KeyringKey, generation: u32, rng: &dyn SecureRandom) -> Result<Vec<u8>> {
        if key.vault() != self.vault {
            return Err(Error::Parameters("the keyring and its key are of different vaults"));
        }
        key.cipher()?.seal(keyring_aad(self.vault, generation).as_ref(), &self.encode(), rng)
    }

    /// Opens a blob that [`seal`](Self::seal) made with the same key and generation.
    pub fn open(blob: &[u8], key: &KeyringKey, generation: u32) -> Result<Self> {
        let plain = key.cipher()?.open(keyring_aad(key.vault(), generation).as_ref(), blob)?;
        let keyring = Self::decode(&plain).ok_or(Error::Malformed("keyring"))?;
        if keyring.vault == key.vault() { Ok(keyring) } else { Err(Error::Tampered) }
    }

    /// Adds the newest root of a family. `epoch` is higher than all before it and, for an index root, than
    /// every index epoch in use. The keyring must be sealed again before anything is made with the new root.
    pub fn add_root(&mut self, family: Family, epoch: u32, rng: &dyn SecureRandom) -> Result<()> {
        if family == Family::Erasure {
            return Err(Error::Parameters("the erasure root is never replaced"));
        }
        let root = Key::generate(rng)?;
        if self.roots_mut(family).push(epoch, root) {
            Ok(())
        } else {
            Err(Error::Parameters("a new root has a higher epoch than all before it"))
        }
    }

    /// Forgets all roots of a family but the newest; says how many. What they made does not open any more, or is not found.
    /// For indexes and tokens, whose terms and texts were made anew; no other family could spare an older root.
    pub fn retire_older(&mut self, family: Family) -> Result<usize> {
        match family {
            Family::Index | Family::Token => Ok(self.roots_mut(family).retire_older()),
            Family::Kek | Family::Row | Family::Audit | Family::Erasure => {
                Err(Error::Parameters("the older roots of this family are still needed"))
            }
        }
    }

    /// The epochs of a family's roots, ascending.
    pub fn epochs(&self, family: Family) -> Vec<u32> {
        self.roots(family).epochs()
    }

    /// A fresh key-encryption key for `epoch`, wrapped for the key store.
    pub fn generate_kek(&self, epoch: u32, rng: &dyn SecureRandom) -> Result<WrappedKek> {
        WrappedKek::generate(self.vault, epoch, &Xaes::new(self.kek.newest().bytes())?, rng)
    }

    /// The key of an index, as the opened vault will derive it.
    pub fn index_key(&self, scope: &IndexScope<'_>) -> IndexKey {
        IndexKey::derive(self.index.serving(scope.epoch), self.vault, scope)
    }

    /// What opens the backups of the vault, and seals new ones.
    pub fn backup_keys(&self) -> Result<BackupKeys> {
        BackupKeys::derive(self.vault, &self.row)
    }

    /// Opens the vault: the newest of `keks` wraps new subject keys, the others still open theirs. All of
    /// them must open, and there must be one at least.
    pub fn unlock(self, keks: &[WrappedKek]) -> Result<VaultKeys> {
        VaultKeys::new(self, keks)
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let roots: usize = Family::ALL.iter().map(|family| 1 + self.roots(*family).later.len()).sum();
        let mut plain = Zeroizing::new(Vec::with_capacity(1 + 16 + roots * ENTRY_LEN));
        plain.push(FORMAT);
        plain.extend_from_slice(&self.vault.0);
        for family in Family::ALL {
            for Root { epoch, key } in self.roots(family).oldest_first() {
                plain.push(family as u8);
                plain.extend_from_slice(&epoch.to_le_bytes());
                plain.extend_from_slice(key.bytes());
            }
        }
        plain
    }

    /// Reads what [`encode`](Self::encode) writes and nothing else: each family present, in order, epochs
    /// ascending.
    fn decode(mut plain: &[u8]) -> Option<Self> {
        let input = &mut plain;
        if take(input)? != &[FORMAT] {
            return None;
        }
        let keyring = Self {
            vault: VaultId(*take(input)?),
            kek: Roots::read(Family::Kek, input)?,
            index: Roots::read(Family::Index, input)?,
            token: Roots::read(Family::Token, input)?,
            row: Roots::read(Family::Row, input)?,
            audit: Roots::read(Family::Audit, input)?,
            erasure: Roots::read(Family::Erasure, input)?,
        };
        input.is_empty().then_some(keyring)
    }

    const fn roots(&self, family: Family) -> &Roots {
        match family {
            Family::Kek => &self.kek,
            Family::Index => &self.index,
            Family::Token => &self.token,
            Family::Row => &self.row,
            Family::Audit => &self.audit,
            Family::Erasure => &self.erasure,
        }
    }

    const fn roots_mut(&mut self, family: Family) -> &mut Roots {
        match family {
            Family::Kek => &mut self.kek,
            Family::Index => &mut self.index,
            Family::Token => &mut self.token,
            Family::Row => &mut self.row,
            Family::Audit => &mut self.audit,
            Family::Erasure => &mut self.erasure,
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("vault", &self.vault).finish_non_exhaustive()
    }
}

/// A key-encryption key as the key store holds it. Destroying every copy of it erases whatever it wraps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKek {
    /// Counts the key-encryption keys of the vault.
    pub epoch: u32,
    /// `XAES(newest KEK root, PAE(label, vault, epoch), key)`
    pub wrapped: Vec<u8>,
}

impl WrappedKek {
    pub(crate) fn generate(vault: VaultId, epoch: u32, root: &Xaes, rng: &dyn SecureRandom) -> Result<Self> {
        let kek = Key::generate(rng)?;
        Ok(Self { epoch, wrapped: root.seal(kek_aad(vault, epoch).as_ref(), kek.bytes(), rng)? })
    }

    pub(crate) fn open(&self, vault: VaultId, roots: &[Xaes]) -> Result<Xaes> {
        let kek = open_with_any(roots, kek_aad(vault, self.epoch).as_ref(), &self.wrapped)?;
        Xaes::new(kek.as_slice().try_into().map_err(|_| Error::Malformed("key-encryption key"))?)
    }
}

/// `PAE(label, vault, epoch)`
fn kek_aad(vault: VaultId, epoch: u32) -> Pae {
    let mut aad = Pae::new();
    aad.part(labels::KEK.as_bytes()).part(&vault.0).part(&epoch.to_le_bytes());
    aad
}

/// Opens with the first of `keys` that can: roots are few, and which one sealed need not be said beside the
/// data.
pub(crate) fn open_with_any<'a>(
    keys: impl IntoIterator<Item = &'a Xaes>,
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    let mut refused = Error::Tampered;
    for key in keys {
        match key.open(aad, sealed) {
            Ok(plain) => return Ok(plain),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// `PAE(label, vault, generation)`
fn keyring_aad(vault: VaultId, generation: u32) -> Pae {
    let mut aad = Pae::new();
    aad.part(labels::KEYRING.as_bytes()).part(&vault.0).part(&generation.to_le_bytes());
    aad
}

/// The roots of one family, epochs ascending. Never empty.
pub(crate) struct Roots {
    first: Root,
    later: Vec<Root>,
}

struct Root {
    epoch: u32,
    key: Key,
}

impl Roots {
    pub(crate) fn new(epoch: u32, key: Key) -> Self {
        Self { first: Root { epoch, key }, later: Vec::new() }
    }

    /// Whether it was newer than all before and is in now.
    pub(crate) fn push(&mut self, epoch: u32, key: Key) -> bool {
        let newer = epoch > self.later.last().unwrap_or(&self.first).epoch;
        if newer {
            self.later.push(Root { epoch, key });
        }
        newer
    }

    /// How many were forgotten.
    fn retire_older(&mut self) -> usize {
        let retired = self.later.len();
        if let Some(newest) = self.later.pop() {
            self.first = newest;
            self.later.clear();
        }
        retired
    }

    pub(crate) const fn oldest(&self) -> &Key {
        &self.first.key
    }

    pub(crate) fn newest(&self) -> &Key {
        &self.later.last().unwrap_or(&self.first).key
    }

    pub(crate) fn epochs(&self) -> Vec<u32> {
        self.oldest_first().map(|root| root.epoch).collect()
    }

    pub(crate) fn newest_epoch(&self) -> u32 {
        self.later.last().unwrap_or(&self.first).epoch
    }

    /// The root that serves `epoch`: the newest that began at or before it; the oldest for anything earlier.
    pub(crate) fn serving(&self, epoch: u32) -> &Key {
        &self.later.iter().rev().find(|root| root.epoch <= epoch).unwrap_or(&self.first).key
    }

    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Key> {
        self.later.iter().rev().chain([&self.first]).map(|root| &root.key)
    }

    fn oldest_first(&self) -> impl Iterator<Item = &Root> {
        core::iter::once(&self.first).chain(&self.later)
    }

    fn read(family: Family, input: &mut &[u8]) -> Option<Self> {
        let mut roots: Option<Self> = None;
        while input.first() == Some(&(family as u8)) {
            take::<1>(input)?;
            let epoch = u32::from_le_bytes(*take(input)?);
            let key = Key::from_bytes(Zeroizing::new(*take(input)?));
            match &mut roots {
                None => roots = Some(Self::new(epoch, key)),
                Some(roots) => roots.push(epoch, key).then_some(())?,
            }
        }
        roots
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.oldest_first().map(|root| root.epoch)).finish()
    }
}

#[cfg(test)]
mod tests;
