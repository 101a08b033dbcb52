//! The formulas of the module pages a second time, the plain way, on other people's primitives.
//!
//! Nothing of `avouch_seal` may be used here, not even its labels: what is shared cannot disagree. The
//! ciphers and hashes are RustCrypto's, the steps are written out in the order in which a reader of the
//! formulas would take them, and nothing is fast, streamed or wiped. Must never leave the tests.

use aes::{
    Aes256,
    cipher::{BlockEncrypt as _, KeyInit as _},
};
use aes_gcm::{
    Aes256Gcm,
    aead::{Aead as _, Payload},
};
use cmac::{Cmac, Mac};
use hkdf::Hkdf;
use hmac::Hmac;
use sha2::{Digest as _, Sha256};

/// 32 bytes: a key or a digest.
pub(crate) type Bytes32 = [u8; 32];

/// `PAE(parts…)`: each part after its length as 64-bit little-endian.
pub(crate) fn pae(parts: &[&[u8]]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for part in parts {
        encoded.extend(u64::try_from(part.len()).expect("short").to_le_bytes());
        encoded.extend(*part);
    }
    encoded
}

/// `SHA-256(message)`
pub(crate) fn sha_256(message: &[u8]) -> Bytes32 {
    Sha256::digest(message).into()
}

/// `HMAC-SHA256(key, message)` (RFC 2104).
pub(crate) fn hmac_sha_256(key: &Bytes32, message: &[u8]) -> Bytes32 {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// `HKDF-SHA256[salt, PAE(label, parts…)](root, 32)` (RFC 5869).
pub(crate) fn derive(root: &Bytes32, salt: &[u8], label: &str, parts: &[&[u8]]) -> Bytes32 {
    let info = pae(&[&[label.as_bytes()], parts].concat());
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(Some(salt), root).expand(&info, &mut key).expect("short");
    key
}

/// XAES-256-GCM (c2sp.org/XAES-256-GCM) after the suite byte: `0x01 || nonce || ciphertext || tag`.
pub(crate) fn seal(key: &Bytes32, nonce: &[u8; 24], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let (message_key, iv) = message_key(key, nonce);
    let ciphertext = Aes256Gcm::new(&message_key.into())
        .encrypt(&iv.into(), Payload { msg: plaintext, aad })
        .expect("short enough for one message");
    [&[0x01], nonce.as_slice(), &ciphertext].concat()
}

/// Opens what [`seal`] makes; nothing if it does not open.
pub(crate) fn open(key: &Bytes32, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, ciphertext) = sealed.strip_prefix(&[0x01])?.split_first_chunk()?;
    let (message_key, iv) = message_key(key, nonce);
    Aes256Gcm::new(&message_key.into()).decrypt(&iv.into(), Payload { msg: ciphertext, aad }).ok()
}

/// `CMAC(K, 00 01 58 00 || N[..12]) || CMAC(K, 00 02 58 00 || N[..12])`, and `N[12..]`.
fn message_key(key: &Bytes32, nonce: &[u8; 24]) -> (Bytes32, [u8; 12]) {
    let (context, iv) = nonce.split_at(12);
    let mut message_key = Vec::new();
    for counter in [1, 2] {
        let mut mac = <Cmac<Aes256> as Mac>::new_from_slice(key).expect("32 bytes");
        mac.update(&[0x00, counter, 0x58, 0x00]);
        mac.update(context);
        message_key.extend(mac.finalize().into_bytes());
    }
    (message_key.try_into().expect("two blocks"), iv.try_into().expect("the other half"))
}

/// AES-256-CTR (NIST SP 800-38A, section 6.5): the counter block is one 128-bit big-endian number.
pub(crate) fn aes_256_ctr(key: &Bytes32, iv: [u8; 16], text: &[u8]) -> Vec<u8> {
    let cipher = Aes256::new(&(*key).into());
    let mut output = Vec::new();
    for (count, block) in (0..).zip(text.chunks(16)) {
        let mut stream = u128::from_be_bytes(iv).wrapping_add(count).to_be_bytes().into();
        cipher.encrypt_block(&mut stream);
        output.extend(block.iter().zip(stream).map(|(byte, key)| byte ^ key));
    }
    output
}

/// The first 16 bytes.
pub(crate) fn first_half(digest: Bytes32) -> [u8; 16] {
    *digest.first_chunk().expect("32 bytes have a first 16")
}
