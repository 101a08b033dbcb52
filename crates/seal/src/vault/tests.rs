//! Subject keys, fields, manifests and rows: each opens in its own place and nowhere else.

use aws_lc_rs::test::rand::FixedByteRandom;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    Key, SystemRandom,
    keyring::{Keyring, KeyringKey, WrappedKek},
};

const SUBJECT: [u8; 16] = [2; 16];
const CLASS: &str = "core";
const FIELD: FieldAt = FieldAt { record: [3; 16], field: 4, version: 5, charter: 6 };
const RECORD: RecordAt = RecordAt { record: [3; 16], version: 5, charter: 6 };

fn rng() -> SystemRandom {
    SystemRandom::new()
}

/// An open vault with random roots.
fn vault(id: u8) -> VaultKeys {
    let keyring = Keyring::generate(VaultId([id; 16]), &rng()).expect("randomness");
    let kek = keyring.generate_kek(1, &rng()).expect("randomness");
    keyring.unlock(&[kek]).expect("its own")
}

/// The same roots and the same KEK, under two vault names: what is left to tell them apart is the binding
/// alone.
fn twins() -> (VaultKeys, VaultKeys) {
    let named = |id| {
        let root = |byte| Roots::new(1, Key::from_bytes([byte; 32].into()));
        let [kek, index, token, row, audit, erasure] = [4, 1, 2, 3, 6, 7].map(root);
        let keyring = Keyring { vault: VaultId([id; 16]), kek, index, token, row, audit, erasure };
        let kek = keyring.generate_kek(1, &FixedByteRandom { byte: 5 }).expect("fixed");
        keyring.unlock(&[kek]).expect("one KEK")
    };
    (named(1), named(9))
}

/// A subject key over known bytes in any context.
fn subject_key(vault: u8, subject: [u8; 16], class: &str, key_id: [u8; 16]) -> SubjectKey {
    let mut context = Pae::new();
    context.part(&[vault; 16]).part(&subject).part(class.as_bytes()).part(&key_id);
    SubjectKey::new(&context, key_id, &[7; 32], [8; 16]).expect("32 bytes").0
}

#[test]
fn a_subject_key_opens_as_the_same() {
    let vault = vault(1);
    let (made, wrapped) = vault.new_subject_key(SUBJECT, CLASS, &rng()).unwrap();
    let opened = vault.open_subject_key(SUBJECT, CLASS, &wrapped).unwrap();
    assert_eq!((opened.key_id(), opened.pseudonym()), (made.key_id(), made.pseudonym()));
    let sealed = made.seal_field(&FIELD, b"Ada", &rng()).unwrap();
    assert_eq!(opened.open_field(&FIELD, &sealed).unwrap().as_slice(), b"Ada");
}

#[test]
fn subject_keys_are_random_never_derived() {
    let vault = vault(1);
    let (a, wrapped_a) = vault.new_subject_key(SUBJECT, CLASS, &rng()).unwrap();
    let (b, wrapped_b) = vault.new_subject_key(SUBJECT, CLASS, &rng()).unwrap();
    assert_ne!(a.key_id(), b.key_id());
    assert_ne!(a.pseudonym(), b.pseudonym());
    assert_ne!(wrapped_a.check, wrapped_b.check);
    // The same id and check on another key: nothing but the key itself is left to differ.
    let context = vault.subject_context(SUBJECT, CLASS, a.key_id());
    let impostor = open_payload(&context, a.key_id(), &[1; 49]).unwrap().0;
    assert_eq!(
        impostor.open_field(&FIELD, &a.seal_field(&FIELD, b"x", &rng()).unwrap()),
        Err(Error::Tampered)
    );
}

#[test]
fn a_wrapped_key_moved_or_altered_is_refused() {
    let (vault, twin) = twins();
    let (_, wrapped) = vault.new_subject_key(SUBJECT, CLASS, &rng()).unwrap();
    assert!(vault.open_subject_key(SUBJECT, CLASS, &wrapped).is_ok());
    let refused = |vault: &VaultKeys, subject, class: &str, wrapped: &WrappedSubjectKey| {
        vault.open_subject_key(subject, class, wrapped).unwrap_err()
    };
    assert_eq!(refused(&twin, SUBJECT, CLASS, &wrapped), Error::Tampered);
    assert_eq!(refused(&vault, [9; 16], CLASS, &wrapped), Error::Tampered);
    assert_eq!(refused(&vault, SUBJECT, "marketing", &wrapped), Error::Tampered);
    let other_id = WrappedSubjectKey { key_id: [9; 16], ..wrapped.clone() };
    assert_eq!(refused(&vault, SUBJECT, CLASS, &other_id), Error::Tampered);
    let other_epoch = WrappedSubjectKey { epoch: 2, ..wrapped.clone() };
    assert_eq!(refused(&vault, SUBJECT, CLASS, &other_epoch), Error::UnknownEpoch(2));
    for bit in 0..wrapped.check.len() * 8 {
        let mut altered = wrapped.clone();
        altered.check[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(refused(&vault, SUBJECT, CLASS, &altered), Error::Tampered, "check bit {bit}");
    }
    for len in 0..wrapped.wrapped.len() {
        let short = WrappedSubjectKey { wrapped: wrapped.wrapped[..len].to_vec(), ..wrapped.clone() };
        assert_eq!(refused(&vault, SUBJECT, CLASS, &short), Error::Tampered, "{len}");
    }
}

#[test]
fn the_check_commits_to_the_key_and_its_whole_context() {
    let check = |key: u8, vault: u8, subject: [u8; 16], class: &str, key_id: [u8; 16]| {
        let mut context = Pae::new();
        context.part(&[vault; 16]).part(&subject).part(class.as_bytes()).part(&key_id);
        SubjectKey::new(&context, key_id, &[key; 32], [0; 16]).unwrap().1
    };
    let base = check(1, 1, [1; 16], "core", [1; 16]);
    // As the formula says it, computed the plain way.
    let encoded =
        crate::pae::pae(&[labels::KEY_CHECK.as_bytes(), &[1; 16], &[1; 16], CLASS.as_bytes(), &[1; 16]]);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
    assert_eq!(hmac::sign(&key, &encoded).as_ref(), base);
    for other in [
        check(2, 1, [1; 16], "core", [1; 16]),
        check(1, 2, [1; 16], "core", [1; 16]),
        check(1, 1, [2; 16], "core", [1; 16]),
        check(1, 1, [1; 16], "cord", [1; 16]),
        check(1, 1, [1; 16], "core", [2; 16]),
    ] {
        assert_ne!(other, base);
    }
}

#[test]
fn the_wrapping_epoch_is_bound() {
    let keyring = Keyring::generate(VaultId([1; 16]), &rng()).unwrap();
    let (first, second) =
        (keyring.generate_kek(1, &rng()).unwrap(), keyring.generate_kek(2, &rng()).unwrap());
    let both = keyring.unlock(&[first, second]).unwrap();
    let (_, wrapped) = both.new_subject_key(SUBJECT, CLASS, &rng()).unwrap();
    assert_eq!(wrapped.epoch, 2);
    let claimed = WrappedSubjectKey { epoch: 1, ..wrapped };
    assert_eq!(both.open_subject_key(SUBJECT, CLASS, &claimed).unwrap_err(), Error::Tampered);
}

#[test]
fn rewrapping_moves_a_key_to_the_newest_epoch_and_the_old_kek_can_go() {
    let keyring = Keyring::generate(VaultId([1; 16]), &rng()).unwrap();
    let keks: Vec<WrappedKek> = [1, 2].map(|epoch| keyring.generate_kek(epoch, &rng()).unwrap()).into();
    let keyring_key = KeyringKey::generate(VaultId([1; 16]), &rng()).unwrap();
    let blob = keyring.seal(&keyring_key, 1, &rng()).unwrap();
    let unlock = |keks| Keyring::open(&blob, &keyring_key, 1).unwrap().unlock(keks).unwrap();

    let (key, old) = unlock(&keks[..1]).new_subject_key(SUBJECT, CLASS, &rng()).unwrap();
    let sealed = key.seal_field(&FIELD, b"Ada", &rng()).unwrap();
    let both = unlock(&keks);
    assert!(both.open_subject_key(SUBJECT, CLASS, &old).is_ok());
    let new = both.rewrap_subject_key(SUBJECT, CLASS, &old, &rng()).unwrap();
    assert_eq!((new.epoch, new.key_id, new.check), (2, old.key_id, old.check));
    assert!(both.rewrap_subject_key([9; 16], CLASS, &old, &rng()).is_err());

    let newest_only = unlock(&keks[1..]);
    let opened = newest_only.open_subject_key(SUBJECT, CLASS, &new).unwrap();
    assert_eq!(opened.open_field(&FIELD, &sealed).unwrap().as_slice(), b"Ada");
    let gone = newest_only.open_subject_key(SUBJECT, CLASS, &old).unwrap_err();
    assert_eq!(gone, Error::UnknownEpoch(1));
}

#[test]
fn payloads_of_another_form_are_refused() {
    let context = Pae::new();
    for payload in [vec![], vec![1; 48], vec![1; 50], vec![2; 49]] {
        assert_eq!(open_payload(&context, [0; 16], &payload).unwrap_err(), Error::Malformed("subject key"));
    }
}

#[test]
fn a_field_is_not_a_manifest_nor_the_reverse() {
    let key = subject_key(1, SUBJECT, CLASS, [1; 16]);
    let manifest = key.seal_manifest(&RECORD, b"entries", &rng()).unwrap();
    assert_eq!(key.open_field(&FIELD, &manifest), Err(Error::Tampered));
    let field = key.seal_field(&FIELD, b"", &rng()).unwrap();
    assert_eq!(key.check_manifest(&RECORD, b"", &field), Err(Error::Tampered));
}

#[test]
fn a_manifest_notices_a_field_removed_reordered_altered_or_added() {
    let key = subject_key(1, SUBJECT, CLASS, [1; 16]);
    let at = |field| FieldAt { field, ..FIELD };
    let fields: Vec<Vec<u8>> =
        (0_u32..3).map(|n| key.seal_field(&at(n), b"value", &rng()).expect("randomness")).collect();
    let entries = |fields: &[&Vec<u8>]| {
        let parts: Vec<&[u8]> = fields.iter().map(|field| field.as_slice()).collect();
        crate::pae::pae(&parts)
    };
    let [a, b, c] = fields.as_slice() else { unreachable!() };
    let manifest = key.seal_manifest(&RECORD, &entries(&[a, b, c]), &rng()).unwrap();
    assert_eq!(manifest.len(), crate::xaes::OVERHEAD);
    assert_eq!(key.check_manifest(&RECORD, &entries(&[a, b, c]), &manifest), Ok(()));
    // The same value sealed anew: opens by itself, is not the one that was written.
    let again = key.seal_field(&at(1), b"value", &rng()).unwrap();
    for changed in [&[a, b][..], &[b, c], &[a, c, b], &[a, &again, c], &[a, b, c, c], &[]] {
        assert_eq!(key.check_manifest(&RECORD, &entries(changed), &manifest), Err(Error::Tampered));
    }
}

#[test]
fn rows_open_where_they_were_sealed() {
    let (vault, twin) = twins();
    let sealed = vault.seal_row("principal", b"id", b"Ada", &rng()).unwrap();
    assert_eq!(vault.open_row("principal", b"id", &sealed).unwrap().as_slice(), b"Ada");
    for refused in [
        vault.open_row("credential", b"id", &sealed),
        vault.open_row("principal", b"ie", &sealed),
        vault.open_row("principali", b"d", &sealed),
        twin.open_row("principal", b"id", &sealed),
        vault.open_row("principal", b"id", &sealed[..sealed.len() - 1]),
    ] {
        assert_eq!(refused, Err(Error::Tampered));
    }
    let mut unknown = sealed;
    unknown[0] = 0x7f;
    assert_eq!(vault.open_row("principal", b"id", &unknown), Err(Error::UnknownSuite));
}

#[test]
fn row_digests_differ_by_vault_suffix_and_parts() {
    let (vault, twin) = twins();
    let base = vault.row_digest("idempotency", &[b"ab", b"c"]);
    assert_eq!(vault.row_digest("idempotency", &[b"ab", b"c"]), base);
    for other in [
        vault.row_digest("idempotency", &[b"a", b"bc"]),
        vault.row_digest("idempotency", &[b"abc"]),
        vault.row_digest("request", &[b"ab", b"c"]),
        twin.row_digest("idempotency", &[b"ab", b"c"]),
    ] {
        assert_ne!(other, base);
    }
}

#[test]
fn debug_shows_no_secret() {
    let (vault, _) = twins();
    let (key, _) = vault.new_subject_key(SUBJECT, CLASS, &rng()).unwrap();
    assert_eq!(format!("{key:?}"), "SubjectKey(..)");
    insta::assert_snapshot!(format!("{vault:?}"), @"VaultKeys { vault: VaultId(01010101010101010101010101010101), keks: RwLock { data: Keks { newest: (1, Xaes(..)), older: [] }, poisoned: false, .. }, roots: RwLock { data: Derivable { kek: [Xaes(..)], index: [1], token: [1] }, poisoned: false, .. }, taken_on: 0, newest_row: Xaes(..), older_rows: [], digest: Key { algorithm: SHA256 }, backup: BackupKeys { vault: VaultId(01010101010101010101010101010101), .. }, erasure: ErasureKeys { chain: Key { algorithm: SHA256 }, identifier: Key { algorithm: SHA256 }, receipt: Key(..) }, log: Key(..) }");
}

#[test]
fn keys_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<VaultKeys>();
    shared::<SubjectKey>();
    shared::<RecipientKeys>();
    shared::<IndexKey>();
}

/// All the places a field can lie in, as one value that can be changed in one part.
#[derive(Debug, Clone)]
struct Place {
    vault: u8,
    subject: [u8; 16],
    class: String,
    key_id: [u8; 16],
    field: FieldAt,
}

impl Place {
    fn key(&self) -> SubjectKey {
        subject_key(self.vault, self.subject, &self.class, self.key_id)
    }

    fn record(&self) -> RecordAt {
        RecordAt { record: self.field.record, version: self.field.version, charter: self.field.charter }
    }

    /// This place with one part taken from `other`; the field number last, because a manifest has none.
    fn moved(&self, part: usize, other: &Self) -> Self {
        let mut moved = self.clone();
        match part {
            0 => moved.vault = other.vault,
            1 => moved.subject = other.subject,
            2 => moved.class.clone_from(&other.class),
            3 => moved.key_id = other.key_id,
            4 => moved.field.record = other.field.record,
            5 => moved.field.version = other.field.version,
            6 => moved.field.charter = other.field.charter,
            _ => moved.field.field = other.field.field,
        }
        moved
    }
}

fn places() -> impl Strategy<Value = Place> {
    // Classes long enough that some contexts leave the inline buffer.
    (any::<u8>(), any::<[u8; 16]>(), "[a-z-]{1,120}", any::<[u8; 16]>(), any::<([u8; 16], u32, u64, u32)>())
        .prop_map(|(vault, subject, class, key_id, (record, field, version, charter))| Place {
            vault,
            subject,
            class,
            key_id,
            field: FieldAt { record, field, version, charter },
        })
}

proptest! {
    #[test]
    fn fields_and_manifests_open_in_their_place_only(
        here in places(),
        there in places(),
        plaintext in vec(any::<u8>(), 0..64),
    ) {
        let key = here.key();
        let field = key.seal_field(&here.field, &plaintext, &rng()).unwrap();
        let manifest = key.seal_manifest(&here.record(), &plaintext, &rng()).unwrap();
        let opened = here.key().open_field(&here.field, &field).unwrap();
        prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
        prop_assert_eq!(here.key().check_manifest(&here.record(), &plaintext, &manifest), Ok(()));
        for part in 0..8 {
            let moved = here.moved(part, &there);
            let same = format!("{moved:?}") == format!("{here:?}");
            let opened = moved.key().open_field(&moved.field, &field);
            prop_assert_eq!(opened.is_ok(), same, "part {}", part);
            if part < 7 {
                let checked = moved.key().check_manifest(&moved.record(), &plaintext, &manifest);
                prop_assert_eq!(checked.is_ok(), same, "part {}", part);
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in vec(any::<u8>(), 0..120)) {
        let key = subject_key(1, SUBJECT, CLASS, [1; 16]);
        prop_assert!(key.open_field(&FIELD, &bytes).is_err());
        prop_assert!(key.check_manifest(&RECORD, &bytes, &bytes).is_err());
    }
}
