//! A vault that the formulas wrote: every key in it is known, so that what lies behind a seal can be chosen.
//!
//! Root, keyring and key-encryption keys are those of `crates/seal/README.md`, written by `plain` and opened
//! by `avouch_seal`. What is sealed here has the one nonce there is here: nothing of it may leave.

use std::sync::LazyLock;

use avouch_seal::{
    VaultId,
    keyring::{Keyring, KeyringKey, WrappedKek},
    root::KeyFileSeal,
    vault::{SubjectKey, VaultKeys, WrappedSubjectKey},
};

use crate::{
    plain::{self, Bytes32, derive, hmac_sha_256, pae},
    spelling::{base32, check_6},
};

pub(crate) const VAULT: [u8; 16] = [0xa1; 16];
pub(crate) const SUBJECT: [u8; 16] = [0xa2; 16];
pub(crate) const CLASS: &str = "customer";
pub(crate) const KEY_ID: [u8; 16] = [0xa3; 16];
pub(crate) const PSEUDONYM: [u8; 16] = [0xa4; 16];
pub(crate) const GENERATION: u32 = 3;
/// Of the key-encryption key.
pub(crate) const EPOCH: u32 = 5;
/// Of the second root in each family.
pub(crate) const SECOND: u32 = 7;

const ROOT: Bytes32 = [0xb1; 32];
const KEYRING: Bytes32 = [0xb2; 32];
const KEK: Bytes32 = [0xb3; 32];
const PERSON: Bytes32 = [0xb4; 32];
const NONCE: [u8; 24] = [0xb5; 24];

/// What a root is for, by its number in the keyring.
pub(crate) const KEK_FAMILY: u8 = 1;
pub(crate) const INDEX_FAMILY: u8 = 2;
pub(crate) const TOKEN_FAMILY: u8 = 3;
pub(crate) const ROW_FAMILY: u8 = 4;
pub(crate) const ERASURE_FAMILY: u8 = 6;

/// The vault, open.
pub(crate) struct Vault {
    pub(crate) root: KeyFileSeal,
    pub(crate) keyring_key: KeyringKey,
    pub(crate) keys: VaultKeys,
    pub(crate) person: SubjectKey,
}

/// Opened once: no target changes it.
pub(crate) static OPEN: LazyLock<Vault> = LazyLock::new(|| {
    let root = KeyFileSeal::from_text(&key_file()).expect("a key file by the formulas");
    let keyring_key = KeyringKey::unwrap(&wrapped_by_root(&KEYRING), &root, VaultId(VAULT), GENERATION)
        .expect("a wrapped key by the formulas");
    let blob = sealed_keyring(&keyring());
    let keyring = Keyring::open(&blob, &keyring_key, GENERATION).expect("a keyring by the formulas");
    let keys = keyring.unlock(&[wrapped_kek(EPOCH, &KEK)]).expect("a key by the formulas");
    let wrapped = wrapped_person(&person_payload(), EPOCH);
    let person = keys.open_subject_key(SUBJECT, CLASS, &wrapped).expect("a subject key by the formulas");
    Vault { root, keyring_key, keys, person }
});

/// The text of the root's key file.
pub(crate) fn key_file() -> String {
    let header = "avouch root key v1 (whoever can read this file can open the vault)";
    let text = format!("{header}\n{}", base32(&ROOT));
    format!("{text}_{}\n", check_6(&text))
}

/// What the root writes in front of what it wraps.
pub(crate) fn root_header() -> Vec<u8> {
    let id = derive(&ROOT, b"avouch/root/file/v1", "avouch/root/file-id/v1", &[]);
    [&[0x01], id.split_at(8).0].concat()
}

/// `plaintext` as the root would wrap it in the place of the keyring's key.
pub(crate) fn wrapped_by_root(plaintext: &[u8]) -> Vec<u8> {
    let label = "avouch/root/file/v1";
    let key = derive(&ROOT, label.as_bytes(), label, &[]);
    let header = root_header();
    let purpose = b"avouch/keyring-key/v1";
    let aad = pae(&[label.as_bytes(), &header, &VAULT, purpose, &GENERATION.to_le_bytes()]);
    [header, plain::seal(&key, &NONCE, &aad, plaintext)].concat()
}

/// The keyring of the vault: two roots in each family, but one for what was erased.
pub(crate) fn keyring() -> Vec<u8> {
    let mut encoded = [&[0x01], VAULT.as_slice()].concat();
    for family in 1..=6 {
        for epoch in [1, SECOND].into_iter().filter(|epoch| family < 6 || *epoch == 1) {
            encoded.push(family);
            encoded.extend(epoch.to_le_bytes());
            encoded.extend(family_root(family, epoch));
        }
    }
    encoded
}

pub(crate) fn family_root(family: u8, epoch: u32) -> Bytes32 {
    plain::sha_256(&[&[family], epoch.to_le_bytes().as_slice()].concat())
}

/// `plaintext` sealed in the place of the keyring.
pub(crate) fn sealed_keyring(plaintext: &[u8]) -> Vec<u8> {
    let (key, aad) = keyring_cipher();
    plain::seal(&key, &NONCE, &aad, plaintext)
}

/// What is in a sealed keyring.
pub(crate) fn opened_keyring(blob: &[u8]) -> Option<Vec<u8>> {
    let (key, aad) = keyring_cipher();
    plain::open(&key, &aad, blob)
}

fn keyring_cipher() -> (Bytes32, Vec<u8>) {
    let label = "avouch/keyring/v1";
    let aad = pae(&[label.as_bytes(), &VAULT, &GENERATION.to_le_bytes()]);
    (derive(&KEYRING, &VAULT, label, &[]), aad)
}

/// `plaintext` wrapped in the place of a key-encryption key.
pub(crate) fn wrapped_kek(epoch: u32, plaintext: &[u8]) -> WrappedKek {
    let aad = pae(&[b"avouch/kek/v1", &VAULT, &epoch.to_le_bytes()]);
    WrappedKek { epoch, wrapped: plain::seal(&family_root(KEK_FAMILY, SECOND), &NONCE, &aad, plaintext) }
}

/// What is wrapped as the person's key.
pub(crate) fn person_payload() -> Vec<u8> {
    [&[0x01], PERSON.as_slice(), &PSEUDONYM].concat()
}

/// `plaintext` wrapped in the place of the person's key, with the check of the key that stands in it.
pub(crate) fn wrapped_person(plaintext: &[u8], epoch: u32) -> WrappedSubjectKey {
    let owner: [&[u8]; 4] = [&VAULT, &SUBJECT, CLASS.as_bytes(), &KEY_ID];
    let aad = [pae(&[b"avouch/subject-key/v1"]), pae(&owner), pae(&[&epoch.to_le_bytes()])].concat();
    let key = plaintext.get(1..33).and_then(|key| key.first_chunk()).copied().unwrap_or_default();
    WrappedSubjectKey {
        key_id: KEY_ID,
        epoch,
        wrapped: plain::seal(&KEK, &NONCE, &aad, plaintext),
        check: hmac_sha_256(&key, &[pae(&[b"avouch/kcv/v1"]), pae(&owner)].concat()),
    }
}

/// The key by which the person's fields are sealed.
pub(crate) const fn person_key() -> Bytes32 {
    PERSON
}
