//! What was not sealed by us does not open, and is refused with the documented error alone. What was sealed
//! opens, and neither with one bit changed nor cut nor grown nor under another key or in another place. What
//! somebody with all keys seals is read as the pages say, or refused: one content has one encoding.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use avouch_seal::{
    Error, Key, SystemRandom, VaultId,
    backup::TagKey,
    keyring::{Family, Keyring, KeyringKey, WrappedKek},
    root::{PassphraseParams, PassphraseSeal, RootError, RootSeal as _, SealContext, SharesSeal},
    vault::{FieldAt, RecordAt, WrappedSubjectKey},
    xaes,
};
use zeroize::Zeroizing;

use crate::vault::{
    self, CLASS, EPOCH, GENERATION, KEY_ID, OPEN, SUBJECT, VAULT, keyring, opened_keyring, person_payload,
    sealed_keyring, wrapped_by_root, wrapped_kek, wrapped_person,
};

const AT: FieldAt = FieldAt { record: [1; 16], field: 2, version: 3, charter: 4 };
const RECORD: RecordAt = RecordAt { record: [1; 16], version: 3, charter: 4 };

pub(super) fn check(mut input: Unstructured<'_>) -> Result<()> {
    match input.int_in_range(0..=3)? {
        0 => foreign(input.take_rest()),
        1 => altered(&mut input)?,
        2 => moved(&mut input)?,
        _ => chosen(input.int_in_range(0..=4)?, input.take_rest()),
    }
    Ok(())
}

/// Bytes that nobody sealed, at every door.
fn foreign(bytes: &[u8]) {
    let refused = refusal(bytes);
    let keys = &OPEN.keys;
    let opened = |result: avouch_seal::Result<Zeroizing<Vec<u8>>>| result.map(drop);
    assert_eq!(opened(xaes::open(&key(1), b"context", bytes)), Err(refused));
    assert_eq!(opened(keys.open_row("principal", b"id", bytes)), Err(refused));
    assert_eq!(opened(OPEN.person.open_field(&AT, bytes)), Err(refused));
    assert_eq!(keys.backup_keys().unwrap(bytes, b"header").map(drop), Err(refused));
    assert_eq!(OPEN.person.check_manifest(&RECORD, b"entries", bytes), Err(refused));
    assert_eq!(Keyring::open(bytes, &OPEN.keyring_key, GENERATION).map(drop), Err(refused));

    let kek = WrappedKek { epoch: EPOCH, wrapped: bytes.to_vec() };
    assert_eq!(keys.adopt_kek(&kek), Err(refused));
    let person = WrappedSubjectKey { key_id: KEY_ID, epoch: EPOCH, wrapped: bytes.to_vec(), check: [0; 32] };
    assert_eq!(keys.open_subject_key(SUBJECT, CLASS, &person).map(drop), Err(refused));
    let person = WrappedSubjectKey { epoch: EPOCH + 1, ..person };
    let unknown = Err(Error::UnknownEpoch(EPOCH + 1));
    assert_eq!(keys.open_subject_key(SUBJECT, CLASS, &person).map(drop), unknown);

    assert_eq!(unwrapped(&[vault::root_header(), bytes.to_vec()].concat()), Err(refused.into()));
    let headless = unwrapped(bytes).expect_err("nobody wrapped it");
    let known = [Error::Malformed("wrapped keyring"), Error::WrongRoot, Error::Tampered, Error::UnknownSuite];
    assert!(known.map(RootError::from).contains(&headless), "{headless}");
    let header = [&[0x03], SHARES.set().as_slice(), &[SHARES.threshold(), SHARES.count()]].concat();
    let shared = SHARES.unwrap(&[&header, bytes].concat(), &context());
    assert_eq!(shared.expect_err("nobody wrapped it"), refused.into());
    under_a_passphrase(bytes);
}

/// Whichever the key is: nothing is wrapped by it.
static SHARES: LazyLock<SharesSeal> =
    LazyLock::new(|| SharesSeal::generate(2, 3, &SystemRandom::new()).expect("two of three").0);

/// The cost that a blob names is refused before it is paid. What is within the bounds takes a tenth of a
/// second: that is left to the tests.
fn under_a_passphrase(bytes: &[u8]) {
    let blob = [&[0x02], bytes].concat();
    let numbers = bytes.as_chunks::<4>().0.iter().map(|number| u32::from_le_bytes(*number));
    let numbers: Vec<u32> = numbers.take(3).collect();
    let payable = match *numbers.as_slice() {
        [memory, passes, lanes] => PassphraseParams::new(memory, passes, lanes).is_ok(),
        _ => false,
    };
    if payable {
        return;
    }
    let passphrase = Zeroizing::new("correct horse battery".to_owned());
    let seal = PassphraseSeal::new(passphrase, PassphraseParams::default()).expect("long enough");
    let refused = seal.unwrap(&blob, &context()).expect_err("nobody wrapped it");
    assert!(matches!(refused, RootError::Seal(Error::Malformed(_) | Error::Parameters(_))), "{refused}");
}

/// What we sealed, with one thing done to its bytes.
fn altered(input: &mut Unstructured<'_>) -> Result<()> {
    let (kind, at, door) =
        (input.int_in_range(0..=2)?, input.arbitrary::<u16>()?, input.int_in_range(0..=3)?);
    let rng = SystemRandom::new();
    let plaintext = input.bytes(input.len())?;
    let sealed = match door {
        0 => xaes::seal(&key(1), b"context", plaintext, &rng),
        1 => OPEN.keys.seal_row("principal", b"id", plaintext, &rng),
        2 => OPEN.person.seal_field(&AT, plaintext, &rng),
        _ => OPEN.person.seal_manifest(&RECORD, plaintext, &rng),
    }
    .expect("short enough to be sealed");
    let open = |sealed: &[u8]| match door {
        0 => xaes::open(&key(1), b"context", sealed),
        1 => OPEN.keys.open_row("principal", b"id", sealed),
        2 => OPEN.person.open_field(&AT, sealed),
        _ => {
            let checked = OPEN.person.check_manifest(&RECORD, plaintext, sealed);
            checked.map(|()| Zeroizing::new(plaintext.to_vec()))
        }
    };
    assert_eq!(open(&sealed).expect("as it was sealed").as_slice(), plaintext);
    let changed = change(sealed, kind, at.into());
    assert_eq!(open(&changed).map(drop), Err(refusal(&changed)));
    Ok(())
}

/// One bit turned, cut short, or one byte longer.
fn change(mut sealed: Vec<u8>, kind: u8, at: usize) -> Vec<u8> {
    let place = at % (8 * sealed.len());
    match kind {
        0 => sealed.iter_mut().skip(place / 8).take(1).for_each(|byte| *byte ^= 1 << (place % 8)),
        1 => sealed.truncate(place / 8),
        _ => sealed.push(u8::try_from(at % 256).unwrap_or_default()),
    }
    sealed
}

/// What we sealed, under another key and in another place.
fn moved(input: &mut Unstructured<'_>) -> Result<()> {
    let (field, version, charter) = (input.arbitrary()?, input.arbitrary()?, input.arbitrary()?);
    let at = FieldAt { record: input.arbitrary()?, field, version, charter };
    let generation = input.arbitrary()?;
    let (seed, id) = (input.arbitrary()?, input.bytes(input.len())?);
    let rng = SystemRandom::new();
    let refused = Err(Error::Tampered);

    let sealed = OPEN.person.seal_field(&at, id, &rng).expect("short enough to be sealed");
    assert_eq!(OPEN.person.open_field(&at, &sealed).expect("as it was sealed").as_slice(), id);
    let record = at.record.map(|byte| byte ^ 1);
    let (field, version, charter) = (field ^ 1, version ^ 1, charter ^ 1);
    let moved = [FieldAt { record, ..at }, FieldAt { field, ..at }, FieldAt { version, ..at }];
    for other in moved.into_iter().chain([FieldAt { charter, ..at }]) {
        assert_eq!(OPEN.person.open_field(&other, &sealed).map(drop), refused);
    }
    let row = OPEN.keys.seal_row("principal", id, b"row", &rng).expect("short enough to be sealed");
    assert_eq!(OPEN.keys.open_row("principal", &[id, b"x"].concat(), &row).map(drop), refused);
    assert_eq!(OPEN.keys.open_row("credential", id, &row).map(drop), refused);

    let (backup, tag) = (OPEN.keys.backup_keys(), TagKey::generate(&rng).expect("random"));
    let wrapped = backup.wrap(&[seed; 16], &tag, id, &rng).expect("short enough to be wrapped");
    assert_eq!(*backup.unwrap(&wrapped, id).expect("as it was wrapped").0, [seed; 16]);
    assert_eq!(backup.unwrap(&wrapped, &[id, b"x"].concat()).map(drop), refused);

    let sealed = xaes::seal(&key(seed), id, b"value", &rng).expect("short enough to be sealed");
    assert_eq!(xaes::open(&key(seed.wrapping_add(1)), id, &sealed).map(drop), refused);
    let blob = sealed_keyring(&keyring());
    let opened = Keyring::open(&blob, &OPEN.keyring_key, generation).map(drop);
    assert_eq!(opened, if generation == GENERATION { Ok(()) } else { refused });
    Ok(())
}

/// What somebody who has all keys could seal: any content behind a sound seal.
fn chosen(door: u8, content: &[u8]) {
    match door {
        0 => match unwrapped(&wrapped_by_root(content)) {
            Ok(()) => assert_eq!(content.len(), 32),
            Err(refused) => {
                assert_ne!(content.len(), 32);
                assert_eq!(refused, Error::Malformed("keyring key").into());
            }
        },
        1 => chosen_keyring(content),
        // Near the one there is: the right beginning, then what was chosen.
        2 => {
            let right = keyring();
            let (kept, _) = right.split_at(right.len().saturating_sub(content.len()));
            chosen_keyring(&[kept, content].concat());
        }
        3 => {
            let opened = Keyring::open(&sealed_keyring(&keyring()), &OPEN.keyring_key, GENERATION);
            let unlocked = opened.expect("a keyring").unlock(&[wrapped_kek(EPOCH, content)]);
            let expected = (content.len() == 32).then_some(()).ok_or(Error::Malformed("key-encryption key"));
            assert_eq!(unlocked.map(drop), expected);
        }
        _ => {
            let opened = OPEN.keys.open_subject_key(SUBJECT, CLASS, &wrapped_person(content, EPOCH));
            let right = content.len() == person_payload().len() && content.first() == Some(&0x01);
            let expected = right.then_some(()).ok_or(Error::Malformed("subject key"));
            assert_eq!(opened.map(drop), expected);
        }
    }
}

/// A keyring that opens is written again as it was, and its epochs ascend.
fn chosen_keyring(content: &[u8]) {
    match Keyring::open(&sealed_keyring(content), &OPEN.keyring_key, GENERATION) {
        Ok(keyring) => {
            let again = keyring.seal(&OPEN.keyring_key, GENERATION, &SystemRandom::new());
            assert_eq!(opened_keyring(&again.expect("it was sealed before")).as_deref(), Some(content));
            assert_eq!(keyring.vault(), VaultId(VAULT));
            for family in [Family::Kek, Family::Index, Family::Token, Family::Row, Family::Audit] {
                let epochs = keyring.epochs(family);
                assert!(!epochs.is_empty() && epochs.is_sorted_by(|one, next| one < next), "{epochs:?}");
            }
        }
        Err(refused) => {
            assert!(matches!(refused, Error::Malformed("keyring") | Error::Tampered), "{refused}")
        }
    }
}

/// What must be said of bytes that do not open: an unknown suite is for anybody to see, all else is one
/// answer.
fn refusal(bytes: &[u8]) -> Error {
    match bytes.first() {
        None | Some(&xaes::SUITE) => Error::Tampered,
        Some(_) => Error::UnknownSuite,
    }
}

fn unwrapped(blob: &[u8]) -> std::result::Result<(), RootError> {
    KeyringKey::unwrap(blob, &OPEN.root, VaultId(VAULT), GENERATION).map(drop)
}

fn context() -> SealContext {
    SealContext { vault: VaultId(VAULT), purpose: avouch_seal::labels::KEYRING_KEY, generation: GENERATION }
}

fn key(seed: u8) -> Key {
    Key::from_bytes([seed; 32].into())
}
