//! Deriving keys and computing MACs, each in one way only.
//!
//! `derive(root, salt, label, parts) = HKDF-SHA256[salt, PAE(label, parts…)](root, 32)` (RFC 5869), and
//! `mac(key, parts) = HMAC-SHA256(key, PAE(parts…))`. Roots are random, so the salt only separates; it is the
//! vault, or a constant where there is no vault yet. Must never be fed a passphrase: stretch it first.

use aws_lc_rs::{hkdf, hmac};
use zeroize::Zeroizing;

use crate::{
    Error, Key, Result,
    key::KEY_LEN,
    pae::{length, pae},
};

/// Derives the key for one purpose from a root.
pub(crate) fn derive(root: &Key, salt: &[u8], label: &'static str, parts: &[&[u8]]) -> Key {
    derive_from(root.bytes(), salt, label, parts)
}

/// The same from a secret that need not be 32 bytes long, but is as random as one.
pub(crate) fn derive_from(secret: &[u8], salt: &[u8], label: &'static str, parts: &[&[u8]]) -> Key {
    let mut info = pae(&[label.as_bytes()]);
    info.extend_from_slice(&pae(parts));
    Key::fill_with(|out| hkdf_sha256(salt, secret, &info, out))
        .expect("HKDF-SHA256 yields up to 8160 bytes and 32 are asked for")
}

/// A derived key, ready for HMAC-SHA256.
pub(crate) fn derive_mac_key(root: &Key, salt: &[u8], label: &'static str, parts: &[&[u8]]) -> hmac::Key {
    mac_key(derive(root, salt, label, parts).bytes())
}

/// A key ready for HMAC-SHA256.
pub(crate) fn mac_key(key: &[u8; KEY_LEN]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key)
}

/// HMAC-SHA256 over the encoding of `parts`. They may be personal: their copy is wiped.
pub(crate) fn mac(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let room = parts.iter().map(|part| 8 + part.len()).sum();
    let mut all = Zeroizing::new(Vec::with_capacity(room));
    for part in parts {
        all.extend_from_slice(&length(part));
        all.extend_from_slice(part);
    }
    hmac_sha256(key, &all)
}

/// HMAC-SHA256. Into a buffer: a context gives its result by being moved, which leaves what it had not hashed yet, up to 64
/// bytes of the data, on the stack.
pub(crate) fn hmac_sha256(key: &hmac::Key, data: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    hmac::sign_to_buffer(key, data, &mut digest).expect("32 bytes have room for an HMAC-SHA256");
    digest
}

/// The first 16 bytes of a MAC: an identifier or a synthetic IV.
pub(crate) fn first_half(mac: &[u8; 32]) -> [u8; 16] {
    *mac.first_chunk().expect("32 bytes have a first 16")
}

fn hkdf_sha256(salt: &[u8], secret: &[u8], info: &[u8], out: &mut [u8]) -> Result<()> {
    /// Output length, as the provider wants it.
    struct Length(usize);

    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }

    let mut okm = Zeroizing::new(vec![0; out.len()]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[info], Length(out.len()))
        .and_then(|expanded| expanded.fill(&mut okm))
        .map_err(|_| Error::Provider)?;
    out.copy_from_slice(&okm);
    Ok(())
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.as_bytes()).expect("hex")
    }

    #[test]
    fn rfc_5869_appendix_a() {
        for (secret, salt, info, okm) in [
            (
                "0b".repeat(22),
                (0x00..=0x0c).collect::<Vec<u8>>(),
                (0xf0..=0xf9).collect::<Vec<u8>>(),
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
            ),
            (
                HEXLOWER.encode(&(0x00..=0x4f).collect::<Vec<u8>>()),
                (0x60..=0xaf).collect(),
                (0xb0..=0xff).collect(),
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c\
                 59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71\
                 cc30c58179ec3e87c14c01d5c1f3434f1d87",
            ),
        ] {
            let mut out = vec![0; okm.len() / 2];
            hkdf_sha256(&salt, &hex(&secret), &info, &mut out).unwrap();
            assert_eq!(HEXLOWER.encode(&out), okm);
        }
    }

    #[test]
    fn the_streamed_mac_is_hmac_over_the_encoding() {
        let key = mac_key(&[0x0b; 32]);
        let plain = hmac::sign(&key, &pae(&[b"Hi", b" There"]));
        assert_eq!(mac(&key, &[b"Hi", b" There"]), plain.as_ref());
    }

    #[test]
    fn root_salt_label_and_parts_each_separate() {
        let (root, other) = (Key::from_bytes([1; 32].into()), Key::from_bytes([2; 32].into()));
        let base = derive(&root, b"vault", "a", &[b"x", b"y"]);
        assert!(base.same_as(&derive(&root, b"vault", "a", &[b"x", b"y"])));
        for different in [
            derive(&other, b"vault", "a", &[b"x", b"y"]),
            derive(&root, b"vaulu", "a", &[b"x", b"y"]),
            derive(&root, b"vault", "b", &[b"x", b"y"]),
            derive(&root, b"vault", "a", &[b"xy", b""]),
            derive(&root, b"vault", "a", &[b"x"]),
        ] {
            assert!(!base.same_as(&different));
        }
    }
}
