//! What must hold for every root seal.

use proptest::prelude::*;

use super::*;
use crate::{Error, SystemRandom, labels};

const CONTEXT: SealContext =
    SealContext { vault: VaultId([1; 16]), purpose: labels::KEYRING_KEY, generation: 7 };
/// The least that is allowed, so that the tests are quick.
const FAST: (u32, u32, u32) = (19 * 1024, 2, 1);

fn key_file() -> KeyFileSeal {
    KeyFileSeal::generate(&SystemRandom::new()).expect("a key file").0
}

fn passphrase(text: &str) -> PassphraseSeal {
    let params = PassphraseParams::new(FAST.0, FAST.1, FAST.2).expect("the floor is allowed");
    PassphraseSeal::new(Zeroizing::new(text.to_owned()), params).expect("long enough")
}

/// One of each kind, and another of the same kind.
fn pairs() -> [(Box<dyn RootSeal>, Box<dyn RootSeal>); 2] {
    [
        (Box::new(key_file()), Box::new(key_file())),
        (Box::new(passphrase("correct horse battery")), Box::new(passphrase("correct horse battery "))),
    ]
}

#[test]
fn every_seal_opens_its_own_and_nothing_else() {
    let rng = SystemRandom::new();
    for (seal, other) in pairs() {
        let kind = seal.info().kind;
        let blob = seal.wrap(b"the keyring", &CONTEXT, &rng).unwrap();
        assert_eq!(seal.unwrap(&blob, &CONTEXT).unwrap().as_slice(), b"the keyring", "{kind}");
        assert_eq!(other.unwrap(&blob, &CONTEXT), Err(Error::WrongRoot.into()), "{kind}");
        assert_ne!(seal.wrap(b"the keyring", &CONTEXT, &rng).unwrap(), blob, "{kind}");
        assert_eq!(seal.health(), Ok(()));
        for moved in [
            SealContext { vault: VaultId([2; 16]), ..CONTEXT },
            SealContext { purpose: labels::KEK, ..CONTEXT },
            SealContext { generation: 6, ..CONTEXT },
            SealContext { generation: 8, ..CONTEXT },
        ] {
            assert_eq!(seal.unwrap(&blob, &moved), Err(Error::Tampered.into()), "{kind} {moved:?}");
        }
    }
}

#[test]
fn kinds_do_not_open_each_other() {
    let rng = SystemRandom::new();
    let (file, phrase) = (key_file(), passphrase("correct horse battery"));
    let by_file = file.wrap(b"x", &CONTEXT, &rng).unwrap();
    let by_phrase = phrase.wrap(b"x", &CONTEXT, &rng).unwrap();
    assert_eq!(phrase.unwrap(&by_file, &CONTEXT), Err(Error::WrongRoot.into()));
    assert_eq!(file.unwrap(&by_phrase, &CONTEXT), Err(Error::WrongRoot.into()));
}

#[test]
fn every_truncation_is_refused() {
    let rng = SystemRandom::new();
    for (seal, _) in pairs() {
        let blob = seal.wrap(b"abc", &CONTEXT, &rng).unwrap();
        for len in 0..blob.len() {
            let refused = seal.unwrap(&blob[..len], &CONTEXT).unwrap_err();
            assert!(
                matches!(refused, RootError::Seal(Error::Malformed(_) | Error::Tampered)),
                "{len}: {refused:?}"
            );
        }
    }
}

#[test]
fn every_altered_byte_is_refused() {
    let rng = SystemRandom::new();
    for (seal, _) in pairs() {
        let blob = seal.wrap(b"abc", &CONTEXT, &rng).unwrap();
        for at in 0..blob.len() {
            let mut altered = blob.clone();
            altered[at] ^= 0x80;
            assert!(seal.unwrap(&altered, &CONTEXT).is_err(), "{at}");
        }
    }
}

#[test]
fn argon2_parameters_have_a_floor_and_a_ceiling() {
    for (memory_kib, passes, lanes) in [
        (19 * 1024 - 1, 2, 1),
        (8, 2, 1),
        (0, 0, 0),
        (1024 * 1024 + 1, 2, 1),
        (u32::MAX, 2, 1),
        (64 * 1024, 1, 1),
        (64 * 1024, 17, 1),
        (64 * 1024, 3, 0),
        (64 * 1024, 3, 17),
    ] {
        assert!(matches!(PassphraseParams::new(memory_kib, passes, lanes), Err(Error::Parameters(_))));
        // The same bounds hold on reading, before any memory is taken.
        let seal = passphrase("correct horse battery");
        let mut blob = seal.wrap(b"x", &CONTEXT, &SystemRandom::new()).unwrap();
        for (at, number) in [(1, memory_kib), (5, passes), (9, lanes)] {
            blob[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        assert!(matches!(seal.unwrap(&blob, &CONTEXT), Err(RootError::Seal(Error::Parameters(_)))));
    }
    for (memory_kib, passes, lanes) in [FAST, (64 * 1024, 3, 1), (1024 * 1024, 16, 16)] {
        assert!(PassphraseParams::new(memory_kib, passes, lanes).is_ok());
    }
}

#[test]
fn the_cost_in_the_blob_is_the_one_that_counts() {
    let costly = PassphraseSeal::new(
        Zeroizing::new("correct horse battery".to_owned()),
        PassphraseParams::new(20 * 1024, 3, 2).unwrap(),
    )
    .unwrap();
    let blob = costly.wrap(b"x", &CONTEXT, &SystemRandom::new()).unwrap();
    assert_eq!(passphrase("correct horse battery").unwrap(&blob, &CONTEXT).unwrap().as_slice(), b"x");
}

#[test]
fn short_passphrases_are_refused() {
    let params = PassphraseParams::default();
    for short in ["", "hunter2", "elevenbytes"] {
        assert!(matches!(
            PassphraseSeal::new(Zeroizing::new(short.to_owned()), params),
            Err(Error::Parameters(_))
        ));
    }
}

#[test]
fn info_is_honest() {
    let rng = SystemRandom::new();
    let (demo, _) = KeyFileSeal::generate_demo(&rng).unwrap();
    let file = SealInfo { kind: SealKind::KeyFile, key_beside_data_possible: true, demo: false };
    assert_eq!(key_file().info(), file);
    assert_eq!(demo.info(), SealInfo { demo: true, ..file });
    let phrase = SealInfo { kind: SealKind::Passphrase, key_beside_data_possible: false, demo: false };
    assert_eq!(passphrase("correct horse battery").info(), phrase);
}

#[test]
fn debug_shows_no_secret() {
    let debug = format!("{:?} {:?}", key_file(), passphrase("correct horse battery"));
    assert_eq!(
        debug,
        "KeyFileSeal { demo: false, .. } PassphraseSeal { params: PassphraseParams { memory_kib: 19456, passes: 2, lanes: 1 }, .. }"
    );
}

proptest! {
    #[test]
    fn any_blob_is_refused_without_a_panic(blob: Vec<u8>) {
        prop_assert!(key_file().unwrap(&blob, &CONTEXT).is_err());
        prop_assert!(passphrase("correct horse battery").unwrap(&blob, &CONTEXT).is_err());
    }
}
