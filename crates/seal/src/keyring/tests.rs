//! Keyrings, sealed and unlocked.

use super::*;
use crate::{
    SystemRandom,
    root::{KeyFileSeal, RootError, RootSeal as _, SealContext},
    token::Namespace,
    vault::IndexScope,
};

const VAULT: VaultId = VaultId([1; 16]);

fn keyring() -> Keyring {
    Keyring::generate(VAULT, &SystemRandom::new()).expect("randomness")
}

fn root() -> KeyFileSeal {
    KeyFileSeal::generate(&SystemRandom::new()).expect("randomness").0
}

fn key(vault: VaultId) -> KeyringKey {
    KeyringKey::generate(vault, &SystemRandom::new()).expect("randomness")
}

#[test]
fn a_sealed_keyring_opens_as_the_same() {
    let (rng, key, mut keyring) = (SystemRandom::new(), key(VAULT), keyring());
    for (generation, family) in
        (1..).zip([Family::Kek, Family::Index, Family::Token, Family::Row, Family::Audit])
    {
        let blob = keyring.seal(&key, generation, &rng).unwrap();
        let opened = Keyring::open(&blob, &key, generation).unwrap();
        assert_eq!(opened.vault(), VAULT);
        assert_eq!(opened.encode(), keyring.encode());
        keyring.add_root(family, 9, &rng).unwrap();
        assert_eq!(keyring.epochs(family), [1, 9]);
        assert_ne!(opened.encode(), keyring.encode(), "{family:?}");
    }
}

#[test]
fn another_key_vault_or_generation_opens_nothing() {
    let (rng, key, keyring) = (SystemRandom::new(), key(VAULT), keyring());
    let blob = keyring.seal(&key, 2, &rng).unwrap();
    let refused = |key: &KeyringKey, generation| Keyring::open(&blob, key, generation).unwrap_err();
    assert_eq!(refused(&self::key(VAULT), 2), Error::Tampered);
    assert_eq!(refused(&key, 1), Error::Tampered);
    assert_eq!(refused(&key, 3), Error::Tampered);
    for len in 0..blob.len() {
        assert!(Keyring::open(&blob[..len], &key, 2).is_err(), "{len}");
    }
    // The same bytes as the key of another vault.
    let moved = |vault| {
        let root = root();
        let blob = key.wrap(&root, 1, &rng).unwrap();
        KeyringKey::unwrap(&blob, &root, vault, 1)
    };
    assert!(moved(VAULT).is_ok());
    assert_eq!(moved(VaultId([2; 16])).unwrap_err(), RootError::Seal(Error::Tampered));
    let of_another = self::key(VaultId([2; 16]));
    assert!(matches!(keyring.seal(&of_another, 2, &rng), Err(Error::Parameters(_))));
    assert_eq!(refused(&of_another, 2), Error::Tampered);
}

#[test]
fn every_seal_unwraps_the_same_keyring_key_and_proves_it() {
    let (rng, key) = (SystemRandom::new(), key(VAULT));
    let (first, second) = (root(), root());
    let (one, two) = (key.wrap(&first, 3, &rng).unwrap(), key.wrap(&second, 3, &rng).unwrap());
    let challenge = [7; 32];
    let answer = key.proof().answer("shares", &challenge);
    for (blob, root, other) in [(&one, &first, &second), (&two, &second, &first)] {
        let opened = KeyringKey::unwrap(blob, root, VAULT, 3).unwrap();
        assert!(key.proof().verify("shares", &challenge, &opened.proof().answer("shares", &challenge)));
        assert_eq!(KeyringKey::unwrap(blob, other, VAULT, 3).unwrap_err(), Error::WrongRoot.into());
        assert_eq!(KeyringKey::unwrap(blob, root, VAULT, 4).unwrap_err(), Error::Tampered.into());
    }
    for (slot, challenge, answer) in [
        ("primary", challenge, answer),
        ("shares", [8; 32], answer),
        ("shares", challenge, [0; 32]),
        ("shares", challenge, self::key(VAULT).proof().answer("shares", &challenge)),
    ] {
        assert!(!key.proof().verify(slot, &challenge, &answer));
    }
    // What a root seal wraps is a key and nothing else.
    let context = SealContext { vault: VAULT, purpose: labels::KEYRING_KEY, generation: 3 };
    let short = first.wrap(&[1; 31], &context, &rng).unwrap();
    let refused = KeyringKey::unwrap(&short, &first, VAULT, 3).unwrap_err();
    assert_eq!(refused, Error::Malformed("keyring key").into());
}

#[test]
fn every_root_is_its_own() {
    let keyring = keyring();
    let plain = keyring.encode();
    let mut roots: Vec<_> = plain[17..].chunks(ENTRY_LEN).map(|entry| &entry[5..]).collect();
    assert_eq!(roots.len(), Family::ALL.len());
    roots.sort_unstable();
    roots.dedup();
    assert_eq!(roots.len(), Family::ALL.len());
}

#[test]
fn only_the_one_encoding_is_read() {
    let mut keyring = keyring();
    keyring.add_root(Family::Index, 2, &SystemRandom::new()).unwrap();
    let plain = keyring.encode().to_vec();
    assert!(Keyring::decode(&plain).is_some());
    for len in 0..plain.len() {
        assert!(Keyring::decode(&plain[..len]).is_none(), "{len}");
    }
    let entry = |at: usize| 17 + at * ENTRY_LEN..17 + (at + 1) * ENTRY_LEN;
    let mut longer = plain.clone();
    longer.push(0);
    let mut newer_format = plain.clone();
    newer_format[0] = 2;
    let mut unknown_family = plain.clone();
    unknown_family[entry(6).start] = 7;
    let mut epochs_descending = plain.clone();
    epochs_descending[entry(1).start + 1] = 3;
    let mut epoch_twice = plain.clone();
    epoch_twice[entry(2).start + 1] = 1;
    let mut out_of_order = plain.clone();
    let kek = plain[entry(0)].to_vec();
    out_of_order.copy_within(entry(1), entry(0).start);
    out_of_order[entry(1)].copy_from_slice(&kek);
    for bad in [longer, newer_format, unknown_family, epochs_descending, epoch_twice, out_of_order] {
        assert!(Keyring::decode(&bad).is_none());
    }
}

#[test]
fn roots_grow_and_older_ones_are_retired_where_nothing_needs_them() {
    let (rng, mut keyring) = (SystemRandom::new(), keyring());
    assert!(matches!(keyring.add_root(Family::Erasure, 2, &rng), Err(Error::Parameters(_))));
    assert!(matches!(keyring.add_root(Family::Row, FIRST_EPOCH, &rng), Err(Error::Parameters(_))));
    keyring.add_root(Family::Row, 5, &rng).unwrap();
    assert!(matches!(keyring.add_root(Family::Row, 5, &rng), Err(Error::Parameters(_))));
    assert!(matches!(keyring.add_root(Family::Row, 4, &rng), Err(Error::Parameters(_))));
    for family in Family::ALL {
        let retired = keyring.retire_older(family);
        match family {
            Family::Index | Family::Token => assert_eq!(retired, Ok(0)),
            _ => assert!(matches!(retired, Err(Error::Parameters(_))), "{family:?}"),
        }
    }
    for epoch in [2, 7, 9] {
        keyring.add_root(Family::Index, epoch, &rng).unwrap();
    }
    let newest = *keyring.index.newest().bytes();
    assert_eq!(keyring.retire_older(Family::Index), Ok(3));
    assert_eq!((keyring.epochs(Family::Index), keyring.index.newest().bytes()), (vec![9], &newest));
}

#[test]
fn unlock_wants_one_genuine_kek_for_each_epoch() {
    let rng = SystemRandom::new();
    let (keyring, stranger) = (keyring(), keyring());
    let wrap = |epoch| keyring.generate_kek(epoch, &rng).unwrap();
    let reopened = || Keyring::decode(&keyring.encode()).expect("its own encoding");
    let refused = |keks: &[WrappedKek]| reopened().unlock(keks).unwrap_err();

    assert!(matches!(refused(&[]), Error::Malformed(_)));
    assert!(matches!(refused(&[wrap(1), wrap(1)]), Error::Malformed(_)));
    assert_eq!(refused(&[wrap(1), WrappedKek { epoch: 3, ..wrap(2) }]), Error::Tampered);
    assert_eq!(refused(&[wrap(1), stranger.generate_kek(2, &rng).unwrap()]), Error::Tampered);
    assert_eq!(reopened().unlock(&[wrap(2), wrap(7), wrap(1)]).unwrap().kek_epoch(), 7);
}

#[test]
fn a_wrapped_kek_is_a_key_and_nothing_beside_it() {
    let (rng, keyring) = (SystemRandom::new(), keyring());
    let root = Xaes::new(keyring.kek.newest().bytes()).unwrap();
    for length in [0, 31, 32, 33, 64] {
        let wrapped = root.seal(kek_aad(keyring.vault, 1).as_ref(), &vec![7; length], &rng).unwrap();
        let opened = WrappedKek { epoch: 1, wrapped }.open(keyring.vault, std::slice::from_ref(&root));
        let expected = if length == 32 { Ok(()) } else { Err(Error::Malformed("key-encryption key")) };
        assert_eq!(opened.map(drop), expected, "{length}");
    }
}

#[test]
fn what_older_roots_made_still_opens() {
    let (rng, mut keyring) = (SystemRandom::new(), keyring());
    let namespace = Namespace::parse("courier").unwrap();
    let scope = IndexScope { index: 1, purpose: "exact", form: "1", epoch: 4 };
    let target = crate::token::PointerTarget { subject: [3; 16], field: 1, slot: 0, generation: 0 };

    let old_kek = keyring.generate_kek(1, &rng).unwrap();
    let before = Keyring::decode(&keyring.encode()).unwrap().unlock(std::slice::from_ref(&old_kek)).unwrap();
    let row = before.seal_row("principal", b"id", b"Ada", &rng).unwrap();
    let pointer = before.recipient(&namespace, 1).pointer(&target);
    let term = before.index_key(&scope).term(b"v", 62);
    let digest = before.row_digest("idempotency", &[b"k"]);

    for family in [Family::Kek, Family::Index, Family::Token, Family::Row] {
        keyring.add_root(family, 5, &rng).unwrap();
    }
    let new_kek = keyring.generate_kek(2, &rng).unwrap();
    let again = || Keyring::decode(&keyring.encode()).expect("its own encoding");
    let after = again().unlock(&[old_kek, new_kek.clone()]).unwrap();
    assert_eq!(after.open_row("principal", b"id", &row).unwrap().as_slice(), b"Ada");
    assert_eq!(after.recipient(&namespace, 1).open_pointer(&pointer).unwrap(), target);
    assert_eq!(after.index_key(&scope).term(b"v", 62), term);
    assert_eq!(after.row_digest("idempotency", &[b"k"]), digest);

    // And the new roots are really the ones in use.
    let from_5 = IndexScope { epoch: 5, ..scope };
    assert_ne!(after.index_key(&from_5).term(b"v", 62), before.index_key(&from_5).term(b"v", 62));
    // Before the vault is opened its rows are, by whichever root.
    let newer = after.seal_row("principal", b"id", b"Bob", &rng).unwrap();
    assert_eq!(again().open_row("principal", b"id", &row).unwrap().as_slice(), b"Ada");
    assert_eq!(again().open_row("principal", b"id", &newer).unwrap().as_slice(), b"Bob");
    assert_eq!(again().open_row("credential", b"id", &row), Err(Error::Tampered));
    let row = after.seal_row("principal", b"id", b"Ada", &rng).unwrap();
    assert_eq!(before.open_row("principal", b"id", &row), Err(Error::Tampered));
    let new_pointer = after.recipient(&namespace, 1).pointer(&target);
    assert_eq!(before.recipient(&namespace, 1).open_pointer(&new_pointer), Err(Error::Tampered));

    // A vault that is open learns of them; of one that was retired, nothing opens any more.
    before.adopt_roots(again()).unwrap();
    assert_eq!(before.recipient(&namespace, 1).pointer(&target), new_pointer);
    assert_eq!(before.recipient(&namespace, 1).open_pointer(&pointer), Ok(target));
    let mut fewer = again();
    fewer.retire_older(Family::Token).unwrap();
    before.adopt_roots(fewer).unwrap();
    assert_eq!(before.recipient(&namespace, 1).open_pointer(&new_pointer), Ok(target));
    assert_eq!(before.recipient(&namespace, 1).open_pointer(&pointer), Err(Error::Tampered));
    let stranger = Keyring::generate(VaultId([2; 16]), &rng).unwrap();
    assert!(matches!(before.adopt_roots(stranger), Err(Error::Parameters(_))));
}

#[test]
fn debug_shows_no_root() {
    let keyring = keyring();
    assert_eq!(format!("{keyring:?}"), "Keyring { vault: VaultId(01010101010101010101010101010101), .. }");
    assert_eq!(format!("{:?}", keyring.kek), "[1]");
}
