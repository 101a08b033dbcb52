//! The keys of an open vault, and what they do.
//!
//! One [`VaultKeys`] per open vault, shared between threads. It wraps and opens subject keys, derives index
//! and recipient keys, and seals the rows that belong to the vault and not to a person. It holds no subject
//! key: one is opened for an operation and dropped with it, so that an erased person is not still readable
//! from a cache.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::hmac;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    Error, Key, Result, SecureRandom, VaultId,
    backup::BackupKeys,
    bytes::take,
    derive::{derive, derive_mac_key, mac},
    index::IndexKey,
    key::KEY_LEN,
    keyring::{Keyring, Roots, WrappedKek, open_with_any},
    labels,
    pae::Pae,
    token::{Namespace, RecipientKeys},
    xaes::Xaes,
};

pub use crate::index::IndexScope;

mod erasure;
mod subject;

use erasure::ErasureKeys;
pub use subject::{FieldAt, RecordAt, SubjectKey, WrappedSubjectKey};

/// Format of what is wrapped as a subject key: `0x01 || key[32] || pseudonym[16]`.
const SUBJECT_KEY_FORMAT: u8 = 0x01;
const PSEUDONYM_LEN: usize = 16;

/// The keys of an open vault.
#[derive(Debug)]
pub struct VaultKeys {
    vault: VaultId,
    /// Changes when a key-encryption key is added or destroyed; an operation works with what it found.
    keks: RwLock<Arc<Keks>>,
    /// Changes when the keyring gets a root or loses one.
    roots: RwLock<Arc<Derivable>>,
    taken_on: AtomicU64,
    /// Newest first: the first seals, all open.
    newest_row: Xaes,
    older_rows: Vec<Xaes>,
    digest: hmac::Key,
    backup: BackupKeys,
    erasure: ErasureKeys,
    log: Key,
}

impl VaultKeys {
    pub(crate) fn new(keyring: Keyring, keks: &[WrappedKek]) -> Result<Self> {
        let Keyring { vault, kek, index, token, row, audit, erasure } = keyring;
        let roots = Derivable::new(&kek, index, token)?;
        let opened = keks.iter().map(|kek| Ok((kek.epoch, Arc::new(kek.open(vault, &roots.kek)?))));
        let keks = Keks::new(opened.collect::<Result<_>>()?)?;
        let erasure = ErasureKeys::new(vault, &erasure, &audit);
        let log = derive(audit.oldest(), &vault.0, labels::LOG, &[]);
        Ok(Self {
            backup: BackupKeys::derive(vault, &row)?,
            vault,
            keks: RwLock::new(Arc::new(keks)),
            roots: RwLock::new(Arc::new(roots)),
            taken_on: AtomicU64::new(0),
            newest_row: row_key(vault, row.newest())?,
            older_rows: row.newest_first().skip(1).map(|root| row_key(vault, root)).collect::<Result<_>>()?,
            // Of the oldest root, for good: a stored fingerprint cannot be computed again from what it was
            // taken of.
            digest: derive_mac_key(row.oldest(), &vault.0, labels::ROW_DIGEST, &[]),
            erasure,
            log,
        })
    }

    /// The seeds of the keys that sign the checkpoints of a log, by its origin: Ed25519, then ML-DSA-44.
    pub fn log_seeds(&self, origin: &str) -> [Zeroizing<[u8; KEY_LEN]>; 2] {
        [labels::LOG_ED25519, labels::LOG_ML_DSA].map(|label| {
            Zeroizing::new(*derive(&self.log, &self.vault.0, label, &[origin.as_bytes()]).bytes())
        })
    }

    /// How often other roots have been taken on: what was derived before that may be of older ones.
    pub fn roots_taken_on(&self) -> u64 {
        self.taken_on.load(Ordering::Acquire)
    }

    /// Derives from this keyring's index and token roots from now on, and wraps with its newest KEK root. What was derived
    /// before and is kept elsewhere stays as it was.
    pub fn adopt_roots(&self, keyring: Keyring) -> Result<()> {
        let Keyring { vault, kek, index, token, .. } = keyring;
        if vault != self.vault {
            return Err(Error::Parameters("the keyring of another vault"));
        }
        *self.roots.write().unwrap_or_else(PoisonError::into_inner) =
            Arc::new(Derivable::new(&kek, index, token)?);
        self.taken_on.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    /// What opens the backups of the vault, and seals new ones.
    pub const fn backup_keys(&self) -> &BackupKeys {
        &self.backup
    }

    /// The epoch of the root that new indexes are derived from.
    pub fn index_epoch(&self) -> u32 {
        self.roots().index.newest_epoch()
    }

    /// Whether the keyring still holds index roots before the newest.
    pub fn has_older_index_roots(&self) -> bool {
        self.roots().index.newest_first().nth(1).is_some()
    }

    /// The epochs of the index roots, ascending.
    pub fn index_epochs(&self) -> Vec<u32> {
        self.roots().index.epochs()
    }

    /// The epochs of the token roots, ascending.
    pub fn token_epochs(&self) -> Vec<u32> {
        self.roots().token.epochs()
    }

    fn roots(&self) -> Arc<Derivable> {
        Arc::clone(&self.roots.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The vault that these keys belong to.
    pub const fn vault(&self) -> VaultId {
        self.vault
    }

    /// The epoch under which new subject keys are wrapped.
    pub fn kek_epoch(&self) -> u32 {
        self.keks().newest.0
    }

    /// Whether keys may still be wrapped under an epoch before the newest.
    pub fn has_older_keks(&self) -> bool {
        !self.keks().older.is_empty()
    }

    /// A fresh key-encryption key for the epoch after the newest. Nothing is wrapped with it before it is stored, and then
    /// [`adopt_kek`](Self::adopt_kek)ed.
    pub fn next_kek(&self, rng: &dyn SecureRandom) -> Result<WrappedKek> {
        let roots = self.roots();
        let root = roots.kek.first().ok_or(Error::Provider)?;
        let epoch = self.kek_epoch().checked_add(1).ok_or(Error::Parameters("no epoch is left"))?;
        WrappedKek::generate(self.vault, epoch, root, rng)
    }

    /// Wraps new subject keys with `kek` from now on; older ones still open theirs.
    pub fn adopt_kek(&self, kek: &WrappedKek) -> Result<()> {
        let opened = Arc::new(kek.open(self.vault, &self.roots().kek)?);
        self.change_keks(|all| {
            if all.iter().all(|(epoch, _)| *epoch != kek.epoch) {
                all.push((kek.epoch, opened));
            }
        })
    }

    /// Forgets every key-encryption key but the newest. What they wrapped does not open here any more.
    pub fn forget_older_keks(&self) -> Result<()> {
        let newest = self.kek_epoch();
        self.change_keks(|all| all.retain(|(epoch, _)| *epoch == newest))
    }

    fn change_keks(&self, change: impl FnOnce(&mut Vec<(u32, Arc<Xaes>)>)) -> Result<()> {
        let mut keks = self.keks.write().unwrap_or_else(PoisonError::into_inner);
        let mut all = keks.older.clone();
        all.push(keks.newest.clone());
        change(&mut all);
        *keks = Arc::new(Keks::new(all)?);
        Ok(())
    }

    fn keks(&self) -> Arc<Keks> {
        Arc::clone(&self.keks.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A fresh random key, and a fresh random audit pseudonym, for one person and retention class.
    pub fn new_subject_key(
        &self,
        subject: [u8; 16],
        class: &str,
        rng: &dyn SecureRandom,
    ) -> Result<(SubjectKey, WrappedSubjectKey)> {
        self.make_subject_key(subject, class, None, rng)
    }

    fn make_subject_key(
        &self,
        subject: [u8; 16],
        class: &str,
        pseudonym: Option<&[u8; PSEUDONYM_LEN]>,
        rng: &dyn SecureRandom,
    ) -> Result<(SubjectKey, WrappedSubjectKey)> {
        let mut key_id = [0; 16];
        rng.fill(&mut key_id)?;
        let mut payload = Zeroizing::new([SUBJECT_KEY_FORMAT; 1 + KEY_LEN + PSEUDONYM_LEN]);
        rng.fill(payload.split_at_mut(1).1)?;
        if let Some(pseudonym) = pseudonym {
            payload.split_at_mut(1 + KEY_LEN).1.copy_from_slice(pseudonym);
        }

        let context = self.subject_context(subject, class, key_id);
        let (key, check) = open_payload(&context, key_id, payload.as_slice())?;
        Ok((key, self.wrap_subject_key(&context, key_id, payload.as_slice(), check, rng)?))
    }

    /// A fresh random key for another retention class of the same person, with the same audit pseudonym.
    pub fn new_class_key(
        &self,
        sibling: &SubjectKey,
        subject: [u8; 16],
        class: &str,
        rng: &dyn SecureRandom,
    ) -> Result<(SubjectKey, WrappedSubjectKey)> {
        let pseudonym = Zeroizing::new(sibling.pseudonym());
        self.make_subject_key(subject, class, Some(&pseudonym), rng)
    }

    /// Opens the key of one person and class. [`Error::UnknownEpoch`] when its key-encryption key is gone,
    /// [`Error::Tampered`] when it is not the key of this very person, class and id.
    pub fn open_subject_key(
        &self,
        subject: [u8; 16],
        class: &str,
        wrapped: &WrappedSubjectKey,
    ) -> Result<SubjectKey> {
        let context = self.subject_context(subject, class, wrapped.key_id);
        Ok(self.unwrap_subject_key(&context, wrapped)?.0)
    }

    /// Wraps a subject key again, under the newest key-encryption key: the same key, id and check.
    pub fn rewrap_subject_key(
        &self,
        subject: [u8; 16],
        class: &str,
        wrapped: &WrappedSubjectKey,
        rng: &dyn SecureRandom,
    ) -> Result<WrappedSubjectKey> {
        let context = self.subject_context(subject, class, wrapped.key_id);
        let (_, payload) = self.unwrap_subject_key(&context, wrapped)?;
        self.wrap_subject_key(&context, wrapped.key_id, &payload, wrapped.check, rng)
    }

    /// The key of one blind index. Costs a few microseconds: keep it.
    pub fn index_key(&self, scope: &IndexScope<'_>) -> IndexKey {
        IndexKey::derive(self.roots().index.serving(scope.epoch), self.vault, scope)
    }

    /// The token keys of one recipient in one of its epochs. Costs a few microseconds: keep them.
    pub fn recipient(&self, namespace: &Namespace, epoch: u32) -> RecipientKeys {
        RecipientKeys::derive(&self.roots().token, self.vault, namespace, epoch)
    }

    /// Seals a row that belongs to the vault and not to a person. `table` and `id` say where it lies.
    pub fn seal_row(
        &self,
        table: &'static str,
        id: &[u8],
        plaintext: &[u8],
        rng: &dyn SecureRandom,
    ) -> Result<Vec<u8>> {
        self.newest_row.seal(row_aad(self.vault, table, id).as_ref(), plaintext, rng)
    }

    /// Opens a row where it was sealed.
    pub fn open_row(&self, table: &'static str, id: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let keys = core::iter::once(&self.newest_row).chain(&self.older_rows);
        open_with_any(keys, row_aad(self.vault, table, id).as_ref(), sealed)
    }

    /// A keyed fingerprint, for looking up what must not be kept in clear. `label_suffix` says of what.
    pub fn row_digest(&self, label_suffix: &'static str, parts: &[&[u8]]) -> [u8; 32] {
        let mut all: Vec<&[u8]> = Vec::with_capacity(3 + parts.len());
        all.extend([labels::ROW_DIGEST.as_bytes(), &self.vault.0, label_suffix.as_bytes()]);
        all.extend(parts);
        mac(&self.digest, &all)
    }

    /// `PAE(vault, subject, class, key_id)`: in everything that belongs to one subject key.
    fn subject_context(&self, subject: [u8; 16], class: &str, key_id: [u8; 16]) -> Pae {
        let mut context = Pae::new();
        context.part(&self.vault.0).part(&subject).part(class.as_bytes()).part(&key_id);
        context
    }

    fn wrap_subject_key(
        &self,
        context: &Pae,
        key_id: [u8; 16],
        payload: &[u8],
        check: [u8; 32],
        rng: &dyn SecureRandom,
    ) -> Result<WrappedSubjectKey> {
        let keks = self.keks();
        let (epoch, kek) = &keks.newest;
        let wrapped = kek.seal(wrap_aad(context, *epoch).as_ref(), payload, rng)?;
        Ok(WrappedSubjectKey { key_id, epoch: *epoch, wrapped, check })
    }

    /// The only way to a subject key and its payload: both come with the check done.
    fn unwrap_subject_key(
        &self,
        context: &Pae,
        wrapped: &WrappedSubjectKey,
    ) -> Result<(SubjectKey, Zeroizing<Vec<u8>>)> {
        let keks = self.keks();
        let (_, kek) = core::iter::once(&keks.newest)
            .chain(&keks.older)
            .find(|(epoch, _)| *epoch == wrapped.epoch)
            .ok_or(Error::UnknownEpoch(wrapped.epoch))?;
        let payload = kek.open(wrap_aad(context, wrapped.epoch).as_ref(), &wrapped.wrapped)?;
        let (key, check) = open_payload(context, wrapped.key_id, &payload)?;
        if bool::from(check.ct_eq(&wrapped.check)) { Ok((key, payload)) } else { Err(Error::Tampered) }
    }
}

impl Keyring {
    /// Opens a row where the vault sealed it, before there is a vault to open.
    pub fn open_row(&self, table: &'static str, id: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let keys =
            self.row.newest_first().map(|root| row_key(self.vault, root)).collect::<Result<Vec<_>>>()?;
        open_with_any(&keys, row_aad(self.vault, table, id).as_ref(), sealed)
    }
}

fn row_key(vault: VaultId, root: &Key) -> Result<Xaes> {
    Xaes::new(derive(root, &vault.0, labels::ROW, &[]).bytes())
}

fn row_aad(vault: VaultId, table: &'static str, id: &[u8]) -> Pae {
    let mut aad = Pae::new();
    aad.part(labels::ROW.as_bytes()).part(&vault.0).part(table.as_bytes()).part(id);
    aad
}

/// The roots of a keyring from which keys are derived or wrapped while the vault is open.
#[derive(Debug)]
struct Derivable {
    /// Newest first: the first wraps new key-encryption keys, all open.
    kek: Vec<Xaes>,
    index: Roots,
    token: Roots,
}

impl Derivable {
    fn new(kek: &Roots, index: Roots, token: Roots) -> Result<Self> {
        let kek = kek.newest_first().map(|root| Xaes::new(root.bytes())).collect::<Result<_>>()?;
        Ok(Self { kek, index, token })
    }
}

/// The key-encryption keys of a vault at one time.
#[derive(Debug)]
struct Keks {
    /// Wraps new subject keys.
    newest: (u32, Arc<Xaes>),
    /// Retired, still opening theirs until they are destroyed.
    older: Vec<(u32, Arc<Xaes>)>,
}

impl Keks {
    fn new(mut all: Vec<(u32, Arc<Xaes>)>) -> Result<Self> {
        all.sort_by_key(|(epoch, _)| *epoch);
        if all.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b)) {
            return Err(Error::Malformed("key store: two key-encryption keys for one epoch"));
        }
        let newest = all.pop().ok_or(Error::Malformed("key store: no key-encryption key"))?;
        Ok(Self { newest, older: all })
    }
}

/// `PAE(label, vault, subject, class, key_id, epoch)`
fn wrap_aad(context: &Pae, epoch: u32) -> Pae {
    let mut aad = Pae::new();
    aad.part(labels::SUBJECT_KEY.as_bytes()).parts_of(context).part(&epoch.to_le_bytes());
    aad
}

/// The key inside a payload, and its check: `HMAC-SHA256(key, PAE(label, vault, subject, class, key_id))`.
fn open_payload(context: &Pae, key_id: [u8; 16], mut payload: &[u8]) -> Result<(SubjectKey, [u8; 32])> {
    let input = &mut payload;
    let format = take::<1>(input);
    let (Some(key), Some(pseudonym), []) = (take::<KEY_LEN>(input), take(input), *input) else {
        return Err(Error::Malformed("subject key"));
    };
    if format != Some(&[SUBJECT_KEY_FORMAT]) {
        return Err(Error::Malformed("subject key"));
    }
    SubjectKey::new(context, key_id, key, *pseudonym)
}

#[cfg(test)]
mod tests;
