//! What the blobs of this crate begin with: the kind of seal, and by what a root knows its own.
//!
//! Neither is secret and neither proves anything: a header that fits leads to a key, and only the key says
//! whether the rest is genuine.

use avouch_seal::{Error, Result, pae::Pae};
use sha2::{Digest as _, Sha256};

/// Length of the identifier by which a root recognises its own blobs.
const ID_LEN: usize = 8;
/// No key is longer, and no service takes much more.
const MAX_PLAINTEXT: usize = 1024;
/// Longer blobs are nobody's; they are not sent anywhere.
const MAX_BLOB: usize = 8 * 1024;

/// `format || SHA-256(PAE(label, name…))[..8]`
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header([u8; 1 + ID_LEN]);

impl Header {
    /// The header of the root that is called `name`.
    pub(crate) fn new(format: u8, label: &'static str, name: &[&[u8]]) -> Self {
        let mut list = Pae::new();
        list.part(label.as_bytes());
        for part in name {
            list.part(part);
        }
        let digest = Sha256::digest(list.as_ref());
        let mut header = [format; 1 + ID_LEN];
        header.iter_mut().skip(1).zip(digest).for_each(|(byte, digest)| *byte = digest);
        Self(header)
    }

    /// The whole blob: this header, then what was sealed.
    pub(crate) fn before(&self, sealed: &[&[u8]]) -> Vec<u8> {
        [self.0.as_slice(), &sealed.concat()].concat()
    }

    /// What follows this header in `blob`. [`Error::WrongRoot`] if another root wrote it.
    pub(crate) fn after<'b>(&self, blob: &'b [u8]) -> Result<&'b [u8]> {
        let (found, sealed) = split(blob)?;
        if found == self.0 { Ok(sealed) } else { Err(Error::WrongRoot) }
    }
}

impl AsRef<[u8]> for Header {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Refuses at once what another kind of root wrote, so that nobody is asked in vain.
pub(crate) fn is_of(format: u8, blob: &[u8]) -> Result<()> {
    let ([found, ..], _) = split(blob)?;
    if found == format { Ok(()) } else { Err(Error::WrongRoot) }
}

/// A root seals keys. Nothing else has to pass through here.
pub(crate) const fn is_short(plaintext: &[u8]) -> Result<()> {
    match plaintext.len() {
        1..=MAX_PLAINTEXT => Ok(()),
        _ => Err(Error::Parameters("a root seals 1 to 1024 bytes")),
    }
}

fn split(blob: &[u8]) -> Result<([u8; 1 + ID_LEN], &[u8])> {
    match blob.split_first_chunk() {
        Some((header, sealed)) if blob.len() <= MAX_BLOB => Ok((*header, sealed)),
        _ => Err(Error::Malformed("wrapped keyring")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_header_is_pinned() {
        let header = Header::new(0x05, "avouch/root/transit-id/v1", &[b"transit", b"avouch"]);
        // printf of the three parts, each behind its length, through sha256sum.
        insta::assert_snapshot!(data_encoding::HEXLOWER.encode(header.as_ref()), @"05d57826af71820ee7");
    }

    #[test]
    fn names_are_not_glued_together() {
        let header = |name: &[&[u8]]| Header::new(0x05, "avouch/root/transit-id/v1", name);
        assert!(header(&[b"ab", b"c"]) != header(&[b"a", b"bc"]));
        assert!(header(&[b"abc"]) != header(&[b"abc", b""]));
    }

    #[test]
    fn another_kind_another_root_and_other_lengths_are_told_apart() {
        let header = Header::new(0x05, "avouch/root/transit-id/v1", &[b"transit", b"avouch"]);
        let blob = header.before(&[b"sea", b"led"]);
        assert_eq!(header.after(&blob), Ok(b"sealed".as_slice()));
        assert_eq!(is_of(0x05, &blob), Ok(()));
        assert_eq!(is_of(0x06, &blob), Err(Error::WrongRoot));
        for at in 0..9 {
            let mut other = blob.clone();
            other[at] ^= 1;
            assert_eq!(header.after(&other), Err(Error::WrongRoot), "{at}");
        }
        for odd in [&blob[..8], &[], &vec![0x05; MAX_BLOB + 1]] {
            assert_eq!(header.after(odd), Err(Error::Malformed("wrapped keyring")));
        }
    }

    #[test]
    fn only_keys_are_sealed() {
        assert_eq!((is_short(&[0; 32]), is_short(&[0; MAX_PLAINTEXT])), (Ok(()), Ok(())));
        for length in [0, MAX_PLAINTEXT + 1] {
            assert!(matches!(is_short(&vec![0; length]), Err(Error::Parameters(_))));
        }
    }

    proptest! {
        #[test]
        fn what_was_put_behind_a_header_is_found_there(format: u8, name: String, sealed: Vec<u8>) {
            let header = Header::new(format, "avouch/root/transit-id/v1", &[name.as_bytes()]);
            let blob = header.before(&[&sealed]);
            prop_assert_eq!(header.after(&blob), Ok(sealed.as_slice()));
            prop_assert_eq!(is_of(format, &blob), Ok(()));
        }

        #[test]
        fn any_blob_is_refused_without_a_panic(format: u8, blob: Vec<u8>) {
            let header = Header::new(format, "avouch/root/transit-id/v1", &[b"avouch"]);
            prop_assert!(header.after(&blob).is_err());
            let _ = is_of(format, &blob);
        }
    }
}
