//! XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM under a key derived per message, with a random nonce.
//!
//! ```text
//! sealed = 0x01 || nonce[24] || AES-256-GCM(Kx, nonce[12..24], aad, plaintext)     41 bytes of overhead
//! Kx     = AES(K, M1 xor K1) || AES(K, M2 xor K1)                                  two CMACs of one block
//! Mi     = 00 0i 58 00 || nonce[0..12]         K1 = 2·AES(K, 0) in GF(2^128)
//! ```
//! 2^80 messages under one key keep the risk of a repeated nonce at 2^-32, so nobody counts messages. The
//! nonce is drawn in here; there must never be a function that takes one. Not key-committing: where that
//! matters, a key check stands beside.

use core::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey},
};
use zeroize::Zeroizing;

use crate::{Error, Key, Result, SecureRandom, key::KEY_LEN};

/// The suite byte in front of everything sealed by this cipher.
pub const SUITE: u8 = 0x01;

/// How much longer sealed data is than its plaintext.
pub const OVERHEAD: usize = 1 + NONCE_LEN + TAG_LEN;

const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;
const BLOCK_LEN: usize = 16;

/// Seals `plaintext`, bound to `aad`.
pub fn seal(key: &Key, aad: &[u8], plaintext: &[u8], rng: &dyn SecureRandom) -> Result<Vec<u8>> {
    Xaes::new(key.bytes())?.seal(aad, plaintext, rng)
}

/// Opens what [`seal`] made under the same key and the same `aad`.
pub fn open(key: &Key, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    Xaes::new(key.bytes())?.open(aad, sealed)
}

/// A key made ready, for whoever seals or opens more than once: the AES key schedule and the CMAC subkey are
/// computed.
pub(crate) struct Xaes {
    aes: EncryptingKey,
    k1: Zeroizing<[u8; BLOCK_LEN]>,
}

impl Xaes {
    pub(crate) fn new(key: &[u8; KEY_LEN]) -> Result<Self> {
        // Single blocks of known, distinct input: electronic codebook is what the construction is made of.
        let aes =
            UnboundCipherKey::new(&AES_256, key).and_then(EncryptingKey::ecb).map_err(|_| Error::Provider)?;
        let mut k1 = Zeroizing::new([0; BLOCK_LEN]);
        aes.less_safe_encrypt(k1.as_mut_slice(), EncryptionContext::None).map_err(|_| Error::Provider)?;
        double(&mut k1);
        Ok(Self { aes, k1 })
    }

    pub(crate) fn seal(&self, aad: &[u8], plaintext: &[u8], rng: &dyn SecureRandom) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        rng.fill(&mut nonce)?;
        let (key, iv) = self.message_key(&nonce)?;

        let mut sealed = Vec::with_capacity(OVERHEAD + plaintext.len());
        sealed.push(SUITE);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let (_, body) = sealed.split_at_mut(1 + NONCE_LEN);
        let tag = key
            .seal_in_place_separate_tag(iv, Aad::from(aad), body)
            .map_err(|_| Error::Parameters("plaintext too long for one message"))?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let (&suite, rest) = sealed.split_first().ok_or(Error::Tampered)?;
        if suite != SUITE {
            return Err(Error::UnknownSuite);
        }
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Error::Tampered)?;
        let (body, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(Error::Tampered)?;
        let (key, iv) = self.message_key(nonce)?;

        let mut plaintext = Zeroizing::new(vec![0; body.len()]);
        key.open_separate_gather(iv, Aad::from(aad), body, tag, &mut plaintext)
            .map_err(|_| Error::Tampered)?;
        Ok(plaintext)
    }

    /// The key and the 96-bit nonce of one message.
    fn message_key(&self, nonce: &[u8; NONCE_LEN]) -> Result<(LessSafeKey, Nonce)> {
        let (context, iv) = nonce.split_at(NONCE_LEN / 2);
        let iv = Nonce::try_assume_unique_for_key(iv).map_err(|_| Error::Provider)?;

        let message_key = self.derive(context)?;
        let unbound = UnboundKey::new(&AES_256_GCM, message_key.as_slice()).map_err(|_| Error::Provider)?;
        Ok((LessSafeKey::new(unbound), iv))
    }

    /// `Kx`, from the first half of the nonce.
    fn derive(&self, context: &[u8]) -> Result<Zeroizing<[u8; KEY_LEN]>> {
        let mut derived = Zeroizing::new([0; KEY_LEN]);
        for (counter, block) in (1..).zip(derived.chunks_exact_mut(BLOCK_LEN)) {
            let (head, tail) = block.split_at_mut(BLOCK_LEN - NONCE_LEN / 2);
            head.copy_from_slice(&[0, counter, b'X', 0]);
            tail.copy_from_slice(context);
            block.iter_mut().zip(self.k1.iter()).for_each(|(byte, k1)| *byte ^= k1);
        }
        self.aes
            .less_safe_encrypt(derived.as_mut_slice(), EncryptionContext::None)
            .map_err(|_| Error::Provider)?;
        Ok(derived)
    }
}

/// Multiplies by x in GF(2^128) as CMAC has it (RFC 4493, section 2.3), without a branch on the secret.
fn double(block: &mut [u8; BLOCK_LEN]) {
    let value = u128::from_be_bytes(*block);
    *block = ((value << 1) ^ ((value >> 127) * 0x87)).to_be_bytes();
}

impl fmt::Debug for Xaes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Xaes(..)")
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::test::rand::FixedSliceRandom;
    use data_encoding::HEXLOWER;
    use proptest::{collection::vec, prelude::*};
    use sha3::{
        Shake128,
        digest::{ExtendableOutput as _, Update as _, XofReader as _},
    };

    use super::*;
    use crate::SystemRandom;

    /// What the C2SP document calls the ciphertext: the sealed value without suite byte and nonce.
    fn ciphertext(key: [u8; 32], nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let key = Key::from_bytes(key.into());
        let sealed = seal(&key, aad, plaintext, &FixedSliceRandom { bytes: nonce }).unwrap();
        assert_eq!(sealed.len(), OVERHEAD + plaintext.len());
        assert_eq!(&sealed[1..25], nonce);
        assert_eq!(open(&key, aad, &sealed).unwrap().as_slice(), plaintext);
        sealed[25..].to_vec()
    }

    #[test]
    fn c2sp_vectors() {
        let nonce = b"ABCDEFGHIJKLMNOPQRSTUVWX";
        for (key, aad, expected) in [
            ([1; 32], "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
            ([3; 32], "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
        ] {
            let sealed = ciphertext(key, nonce, aad.as_bytes(), b"XAES-256-GCM");
            assert_eq!(HEXLOWER.encode(&sealed), expected);
        }
    }

    #[test]
    fn c2sp_intermediate_values() {
        for (key, l, k1, kx) in [
            (
                [1; 32],
                "7298caa565031eadc6ce23d23ea66378",
                "e531954aca063d5b8d9c47a47d4cc6f0",
                "c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b",
            ),
            (
                [3; 32],
                "91c08762876dccf9ba204a33768fa5fe",
                "23810ec50edb99f374409466ed1f4b7b",
                "e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8",
            ),
        ] {
            let xaes = Xaes::new(&key).unwrap();
            let mut doubled: [u8; 16] = HEXLOWER.decode(l.as_bytes()).unwrap().try_into().unwrap();
            double(&mut doubled);
            assert_eq!(HEXLOWER.encode(&doubled), k1);
            assert_eq!(HEXLOWER.encode(xaes.k1.as_slice()), k1);
            assert_eq!(HEXLOWER.encode(xaes.derive(b"ABCDEFGHIJKL").unwrap().as_slice()), kx);
        }
    }

    #[test]
    fn c2sp_accumulated_10_000() {
        let mut random = Shake128::default().finalize_xof();
        let mut read = |len: usize| {
            let mut bytes = vec![0; len];
            random.read(&mut bytes);
            bytes
        };
        let mut accumulated = Shake128::default();
        for _ in 0..10_000 {
            let key: [u8; 32] = read(32).try_into().unwrap();
            let nonce = read(24);
            let len = read(1)[0];
            let plaintext = read(len.into());
            let len = read(1)[0];
            let aad = read(len.into());
            accumulated.update(&ciphertext(key, &nonce, &aad, &plaintext));
        }
        let mut hash = [0; 32];
        accumulated.finalize_xof().read(&mut hash);
        assert_eq!(
            HEXLOWER.encode(&hash),
            "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"
        );
    }

    #[test]
    fn the_nonce_is_fresh_each_time() {
        let (rng, key) = (SystemRandom::new(), Key::from_bytes([7; 32].into()));
        assert_ne!(seal(&key, b"", b"same", &rng).unwrap(), seal(&key, b"", b"same", &rng).unwrap());
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_refused() {
        let (rng, key) = (SystemRandom::new(), Key::from_bytes([7; 32].into()));
        let sealed = seal(&key, b"context", b"value", &rng).unwrap();
        for len in 0..sealed.len() {
            assert_eq!(open(&key, b"context", &sealed[..len]), Err(Error::Tampered), "{len}");
        }
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let expected = if bit < 8 { Error::UnknownSuite } else { Error::Tampered };
            assert_eq!(open(&key, b"context", &altered), Err(expected), "{bit}");
        }
        let mut longer = sealed;
        longer.push(0);
        assert_eq!(open(&key, b"context", &longer), Err(Error::Tampered));
    }

    proptest! {
        #[test]
        fn opens_under_its_key_and_aad_only(
            key: [u8; 32],
            other_key: [u8; 32],
            aad in vec(any::<u8>(), 0..80),
            other_aad in vec(any::<u8>(), 0..80),
            plaintext in vec(any::<u8>(), 0..300),
        ) {
            prop_assume!(key != other_key && aad != other_aad);
            let (key, other_key) = (Key::from_bytes(key.into()), Key::from_bytes(other_key.into()));
            let sealed = seal(&key, &aad, &plaintext, &SystemRandom::new()).unwrap();
            let opened = open(&key, &aad, &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
            prop_assert_eq!(open(&key, &other_aad, &sealed), Err(Error::Tampered));
            prop_assert_eq!(open(&other_key, &aad, &sealed), Err(Error::Tampered));
        }
    }
}
