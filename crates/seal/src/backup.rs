//! The keys of backup files. Each file has two of its own, random: one that its stream is encrypted with, and one for the tag
//! at its end. Both are wrapped together under a key of the vault, bound to the file's header, so that a header cannot be
//! put before another file and a file is opened by its vault alone. No public key is involved: what is kept for many
//! years does not wait for somebody with a quantum computer.
//!
//! ```text
//! wrapped = XAES(HKDF[vault, PAE(label)](row root), PAE(label, vault, header), stream key[16] || tag key[32])
//! tag     = HMAC-SHA256(tag key, PAE(tag label, header) || body)
//! ```

use core::fmt;

use aws_lc_rs::hmac;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    Error, Key, Result, SecureRandom, VaultId,
    derive::{derive, mac_key},
    key::KEY_LEN,
    keyring::{Roots, open_with_any},
    labels,
    pae::pae,
    xaes::Xaes,
};

/// Length of the key that a stream is encrypted with, as age has it.
pub const STREAM_KEY_LEN: usize = 16;

/// What wraps the keys of backup files: derived from every row root, the newest first.
pub struct BackupKeys {
    vault: VaultId,
    newest: Xaes,
    older: Vec<Xaes>,
}

impl BackupKeys {
    pub(crate) fn derive(vault: VaultId, row: &Roots) -> Result<Self> {
        let key = |root: &Key| Xaes::new(derive(root, &vault.0, labels::BACKUP, &[]).bytes());
        let older = row.newest_first().skip(1).map(key).collect::<Result<_>>()?;
        Ok(Self { vault, newest: key(row.newest())?, older })
    }

    /// The vault whose backups they open.
    pub const fn vault(&self) -> VaultId {
        self.vault
    }

    /// Wraps the keys of one file.
    pub fn wrap(
        &self,
        stream: &[u8; STREAM_KEY_LEN],
        tag: &TagKey,
        header: &[u8],
        rng: &dyn SecureRandom,
    ) -> Result<Vec<u8>> {
        let mut plain = Zeroizing::new([0; STREAM_KEY_LEN + KEY_LEN]);
        let (first, second) = plain.split_at_mut(STREAM_KEY_LEN);
        first.copy_from_slice(stream);
        second.copy_from_slice(tag.0.bytes());
        self.newest.seal(&self.aad(header), plain.as_slice(), rng)
    }

    /// Opens what [`wrap`](Self::wrap) made for a file with this very header.
    pub fn unwrap(&self, wrapped: &[u8], header: &[u8]) -> Result<(Zeroizing<[u8; STREAM_KEY_LEN]>, TagKey)> {
        let keys = core::iter::once(&self.newest).chain(&self.older);
        let plain = open_with_any(keys, &self.aad(header), wrapped)?;
        let (stream, tag) = plain.split_first_chunk().ok_or(Error::Malformed("keys of a backup"))?;
        let tag: &[u8; KEY_LEN] = tag.try_into().map_err(|_| Error::Malformed("keys of a backup"))?;
        let tag = Key::fill_with(|key| {
            key.copy_from_slice(tag);
            Ok(())
        })?;
        Ok((Zeroizing::new(*stream), TagKey(tag)))
    }

    fn aad(&self, header: &[u8]) -> Vec<u8> {
        pae(&[labels::BACKUP.as_bytes(), &self.vault.0, header])
    }
}

impl fmt::Debug for BackupKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackupKeys").field("vault", &self.vault).finish_non_exhaustive()
    }
}

/// The key of one file's tag.
pub struct TagKey(Key);

impl TagKey {
    /// A fresh one.
    pub fn generate(rng: &dyn SecureRandom) -> Result<Self> {
        Ok(Self(Key::generate(rng)?))
    }

    /// Begins the tag of a file with this header.
    pub fn begin(&self, header: &[u8]) -> Tag {
        let mut context = hmac::Context::with_key(&mac_key(self.0.bytes()));
        context.update(&pae(&[labels::BACKUP_TAG.as_bytes(), header]));
        Tag(context)
    }
}

impl fmt::Debug for TagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TagKey(..)")
    }
}

/// A tag that is being taken over a body.
#[derive(Clone)]
pub struct Tag(hmac::Context);

impl Tag {
    /// The next piece of the body. How it is cut does not matter: a body delimits its own parts.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The tag.
    pub fn finish(self) -> [u8; 32] {
        *self.0.sign().as_ref().first_chunk().expect("HMAC-SHA256 yields 32 bytes")
    }

    /// Whether this is the tag, in constant time.
    pub fn verify(self, tag: &[u8]) -> bool {
        self.finish().ct_eq(tag).into()
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        SystemRandom,
        keyring::{Family, Keyring},
    };

    fn keyring(vault: u8) -> Keyring {
        Keyring::generate(VaultId([vault; 16]), &SystemRandom::new()).expect("random")
    }

    #[test]
    fn the_keys_of_a_file_open_with_its_header_by_its_vault_alone() {
        let rng = SystemRandom::new();
        let (ours, foreign) = (keyring(1), keyring(1));
        let keys = ours.backup_keys().expect("derived");
        let tag = TagKey::generate(&rng).expect("random");
        let wrapped = keys.wrap(&[7; 16], &tag, b"header", &rng).expect("wrapped");
        let (stream, again) = keys.unwrap(&wrapped, b"header").expect("opens");
        assert_eq!(*stream, [7; 16]);
        assert!(again.begin(b"header").verify(&tag.begin(b"header").finish()));
        assert_eq!(keys.unwrap(&wrapped, b"headex").err(), Some(Error::Tampered));
        let foreign = foreign.backup_keys().expect("derived");
        assert_eq!(foreign.unwrap(&wrapped, b"header").err(), Some(Error::Tampered));
    }

    #[test]
    fn a_file_from_before_a_new_row_root_opens_and_new_ones_are_under_the_newest() {
        let rng = SystemRandom::new();
        let mut keyring = keyring(1);
        let before = keyring.backup_keys().expect("derived");
        let tag = TagKey::generate(&rng).expect("random");
        let old = before.wrap(&[7; 16], &tag, b"", &rng).expect("wrapped");
        keyring.add_root(Family::Row, 2, &rng).expect("the next epoch");
        let after = keyring.backup_keys().expect("derived");
        assert!(after.unwrap(&old, b"").is_ok());
        let new = after.wrap(&[7; 16], &tag, b"", &rng).expect("wrapped");
        assert_eq!(before.unwrap(&new, b"").err(), Some(Error::Tampered));
    }

    #[test]
    fn a_tag_is_of_header_and_body_however_the_body_is_cut() {
        let key = TagKey::generate(&SystemRandom::new()).expect("random");
        let tag = |header: &[u8], pieces: &[&[u8]]| {
            let mut tag = key.begin(header);
            pieces.iter().for_each(|piece| tag.update(piece));
            tag.finish()
        };
        assert_eq!(tag(b"h", &[b"one", b"two"]), tag(b"h", &[b"onetwo"]));
        assert_ne!(tag(b"h", &[b"one"]), tag(b"ho", &[b"ne"]));
        assert!(!key.begin(b"h").verify(&tag(b"h", &[b"one"])));
    }
}
