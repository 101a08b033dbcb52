//! The key of one person in one retention class, and what it seals.
//!
//! Fields are sealed one by one, so that a read opens only what its permit names. Each is bound to its
//! person, class, key, record, field, version and charter; the manifest binds the set of them, so that a
//! field cannot be taken out of a record or put back in an older state unnoticed. What neither can notice is
//! a whole record put back with its own older manifest: that is for the ledger.

use core::fmt;

use aws_lc_rs::digest;
use zeroize::Zeroizing;

use crate::{
    Error, Result, SecureRandom,
    derive::mac_key,
    key::KEY_LEN,
    labels,
    pae::{Pae, length},
    xaes::{self, Xaes},
};

/// A subject key as the key store holds it. Deleting it erases the person in that class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedSubjectKey {
    /// Random; names the key.
    pub key_id: [u8; 16],
    /// The key-encryption key that wraps it.
    pub epoch: u32,
    /// `XAES(KEK, PAE(label, vault, subject, class, key_id, epoch), 0x01 || key || pseudonym)`
    pub wrapped: Vec<u8>,
    /// Commits to the key: `HMAC-SHA256(key, PAE(label, vault, subject, class, key_id))`
    pub check: [u8; 32],
}

/// Where a field lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldAt {
    /// The record.
    pub record: [u8; 16],
    /// The field's number in the charter.
    pub field: u32,
    /// The record version in which this value was written.
    pub version: u64,
    /// The charter version under which it was written.
    pub charter: u32,
}

/// Which state of a record a manifest speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordAt {
    /// The record.
    pub record: [u8; 16],
    /// Its version.
    pub version: u64,
    /// The charter version under which it was written.
    pub charter: u32,
}

/// The key of one person in one retention class. Opened for one operation, never kept.
pub struct SubjectKey {
    key_id: [u8; 16],
    pseudonym: Zeroizing<[u8; 16]>,
    /// `PAE(vault, subject, class, key_id)`
    context: Pae,
    key: Xaes,
}

impl SubjectKey {
    /// The key, and the check value that belongs to it.
    pub(super) fn new(
        context: &Pae,
        key_id: [u8; 16],
        key: &[u8; KEY_LEN],
        pseudonym: [u8; 16],
    ) -> Result<(Self, [u8; 32])> {
        let mut check = aws_lc_rs::hmac::Context::with_key(&mac_key(key));
        check.update(&length(labels::KEY_CHECK.as_bytes()));
        check.update(labels::KEY_CHECK.as_bytes());
        check.update(context.as_ref());
        let check = *check.sign().as_ref().first_chunk().ok_or(Error::Provider)?;
        let key = Xaes::new(key)?;
        Ok((Self { key_id, pseudonym: Zeroizing::new(pseudonym), context: context.clone(), key }, check))
    }

    /// Names the key.
    pub const fn key_id(&self) -> [u8; 16] {
        self.key_id
    }

    /// Stands for the person in the ledger: random, and meaningless once the key is erased.
    pub fn pseudonym(&self) -> [u8; 16] {
        *self.pseudonym
    }

    /// Seals one field value.
    pub fn seal_field(&self, at: &FieldAt, plaintext: &[u8], rng: &dyn SecureRandom) -> Result<Vec<u8>> {
        self.key.seal(self.field_aad(at).as_ref(), plaintext, rng)
    }

    /// Opens one field value where it was sealed.
    pub fn open_field(&self, at: &FieldAt, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.key.open(self.field_aad(at).as_ref(), sealed)
    }

    /// Seals the set of sealed fields of one record version; `entries` is the caller's encoding of all of
    /// them.
    pub fn seal_manifest(&self, at: &RecordAt, entries: &[u8], rng: &dyn SecureRandom) -> Result<Vec<u8>> {
        self.key.seal(self.manifest_aad(at, entries).as_ref(), &[], rng)
    }

    /// Whether `entries` is the set that the manifest was sealed for; [`Error::Tampered`] if not.
    pub fn check_manifest(&self, at: &RecordAt, entries: &[u8], manifest: &[u8]) -> Result<()> {
        let empty = self.key.open(self.manifest_aad(at, entries).as_ref(), manifest)?;
        if empty.is_empty() { Ok(()) } else { Err(Error::Tampered) }
    }

    /// `PAE(label, suite, vault, subject, class, key_id, record, field, version, charter)`
    fn field_aad(&self, at: &FieldAt) -> Pae {
        let mut aad = self.aad(labels::FIELD);
        aad.part(&at.record)
            .part(&at.field.to_le_bytes())
            .part(&at.version.to_le_bytes())
            .part(&at.charter.to_le_bytes());
        aad
    }

    /// `PAE(label, suite, vault, subject, class, key_id, record, version, charter, SHA-256(entries))`
    fn manifest_aad(&self, at: &RecordAt, entries: &[u8]) -> Pae {
        let mut aad = self.aad(labels::MANIFEST);
        aad.part(&at.record)
            .part(&at.version.to_le_bytes())
            .part(&at.charter.to_le_bytes())
            .part(digest::digest(&digest::SHA256, entries).as_ref());
        aad
    }

    fn aad(&self, label: &'static str) -> Pae {
        let mut aad = Pae::new();
        aad.part(label.as_bytes()).part(&[xaes::SUITE]).parts_of(&self.context);
        aad
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey(..)")
    }
}
