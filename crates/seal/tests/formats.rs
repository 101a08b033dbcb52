//! Every sealed form that is kept on disk, byte for byte.
//!
//! The expected values were computed apart, by a second implementation of the formulas in the module pages
//! (AES from OpenSSL, the rest in Python). A failure means that data sealed by earlier versions no longer
//! opens: give the form a new version beside the old one, never a new value here.

#[path = "formats/transit.rs"]
mod transit;

use avouch_seal::{
    VaultId,
    keyring::{Keyring, KeyringKey},
    root::{KeyFileSeal, PassphraseParams, PassphraseSeal, RootSeal as _, SealContext},
    vault::{FieldAt, RecordAt, VaultKeys},
};
use aws_lc_rs::{
    digest::{SHA256, digest},
    test::rand::FixedByteRandom,
};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

const RNG: FixedByteRandom = FixedByteRandom { byte: 0x42 };
const VAULT: VaultId = VaultId([1; 16]);
const SUBJECT: [u8; 16] = [2; 16];

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest(&SHA256, bytes).as_ref())
}

fn vault() -> VaultKeys {
    let keyring = Keyring::generate(VAULT, &RNG).expect("fixed");
    let kek = keyring.generate_kek(1, &RNG).expect("fixed");
    keyring.unlock(&[kek]).expect("its own")
}

#[test]
fn keyring_and_kek() {
    let (root, _) = KeyFileSeal::generate(&RNG).unwrap();
    let keyring = Keyring::generate(VAULT, &RNG).unwrap();
    let key = KeyringKey::generate(VAULT, &RNG).unwrap();
    assert_eq!(
        sha256(&key.wrap(&root, 1, &RNG).unwrap()),
        "678c2e8bbfae178cbe5a37f6344a0e09664969a97017019a7f009dc3aadbbf32"
    );
    assert_eq!(
        sha256(&keyring.seal(&key, 1, &RNG).unwrap()),
        "8101b2b64af18f134ed46ba061b4048b71687948e4484a824bf27b0dfc21787b"
    );
    assert_eq!(
        HEXLOWER.encode(&key.proof().answer("shares", &[7; 32])),
        "022dfce879af550ad24400c27ca70ad5af7e70d22eade61f33f4de25f8abbe2b"
    );
    assert_eq!(
        sha256(&keyring.generate_kek(1, &RNG).unwrap().wrapped),
        "37508b5aff2b99287cf95325c514f86ae0cddf4f985547ecd609daa369b1a1e4"
    );
}

#[test]
fn subject_key_field_and_manifest() {
    let (key, wrapped) = vault().new_subject_key(SUBJECT, "core", &RNG).unwrap();
    assert_eq!(sha256(&wrapped.wrapped), "caafa9db6d248dbd3a0eccee6c62d28c756f2f55d4ceac2c325884a93fe980c0");
    assert_eq!(
        HEXLOWER.encode(&wrapped.check),
        "9c6d1eaaf9b3a50583c3b615e6598d4c9e6f990591d23f015fa15e38245a2d5d"
    );
    let field = FieldAt { record: [3; 16], field: 4, version: 5, charter: 6 };
    assert_eq!(
        sha256(&key.seal_field(&field, b"Ada", &RNG).unwrap()),
        "23cd3b239d2f8eed6b89db396e30d03c98ab7a064caa063733f6260bb5383416"
    );
    let record = RecordAt { record: [3; 16], version: 5, charter: 6 };
    assert_eq!(
        sha256(&key.seal_manifest(&record, b"entries", &RNG).unwrap()),
        "a617a1a6fdc0765841c400de39ee2e150f5cc20e03a6e3d75f691a181b1afe63"
    );
}

#[test]
fn vault_rows() {
    let vault = vault();
    assert_eq!(
        sha256(&vault.seal_row("principal", b"id", b"Ada", &RNG).unwrap()),
        "d7d027bf83a4f5bef39f68d75803dec0b146bb9c0c5322f18902daf9fabb52e9"
    );
    assert_eq!(
        HEXLOWER.encode(&vault.row_digest("idempotency", &[b"ab", b"c"])),
        "cd4fac5f432f5abe0c120856654629c7242a95348a4544c560a523d53b15c034"
    );
}

/// Argon2id has its published vectors in its own crate; this one pins how it is used, and is our own.
#[test]
fn passphrase_blob() {
    let passphrase = Zeroizing::new("correct horse battery".to_owned());
    let seal = PassphraseSeal::new(passphrase, PassphraseParams::new(19 * 1024, 2, 1).unwrap()).unwrap();
    let context = SealContext { vault: VAULT, purpose: "test", generation: 1 };
    assert_eq!(
        sha256(&seal.wrap(b"the keyring", &context, &RNG).unwrap()),
        "caabcf44d6fe6e5b6f8cb26ec37bbc054b626fe7924c8f1c056f772700c2ba9f"
    );
}
