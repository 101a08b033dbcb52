//! The life of a key: made, rotated, narrowed, trimmed; and what no kind of key does.

use insta::assert_snapshot;

use super::*;
use crate::{
    SystemRandom,
    format::{CountryCode, Format, Luhn, YearSpan},
};

pub(super) const CIPHER: TransitKind = TransitKind::Aes256Gcm { derived: false };
pub(super) const DERIVED: TransitKind = TransitKind::Aes256Gcm { derived: true };
pub(super) const DIGITS: TransitKind = TransitKind::Format(Format::Digits);

/// One of each.
pub(super) fn kinds() -> Vec<TransitKind> {
    let formats = [
        Format::Digits,
        Format::Alphanumeric,
        Format::Card(Luhn::Invalid),
        Format::Card(Luhn::Valid),
        Format::Phone(CountryCode::parse("49").expect("a code")),
        Format::Date(YearSpan::WHOLE),
    ];
    let others = [
        CIPHER,
        DERIVED,
        TransitKind::Ed25519,
        TransitKind::EcdsaP256,
        TransitKind::EcdsaP384,
        TransitKind::Hmac,
    ];
    others.into_iter().chain(formats.map(TransitKind::Format)).collect()
}

/// A key with so many versions, made at 1, 2, …
pub(super) fn key(kind: TransitKind, versions: u32) -> TransitKey {
    let rng = SystemRandom::new();
    let mut key = TransitKey::generate(kind, 1, &rng).expect("randomness");
    for created in 2..=versions {
        key.rotate(created.into(), &rng).expect("room");
    }
    key
}

fn encrypt(key: &TransitKey, version: Option<u32>) -> Result<String> {
    key.encrypt(version, b"Ada", &Binding::default(), &SystemRandom::new())
}

fn decrypt(key: &TransitKey, text: &str) -> Result<Vec<u8>> {
    Ok(key.decrypt(text, &Binding::default())?.to_vec())
}

/// What refuses a request says what to do next, and repeats nothing of it.
fn said<T: fmt::Debug>(refused: Result<T>) -> String {
    refused.expect_err("a refusal").to_string()
}

#[test]
fn a_new_key_has_one_version_and_no_minimum_for_encryption() {
    let key = key(CIPHER, 1);
    assert_eq!((key.latest(), key.min_available()), (1, 1));
    assert_eq!((key.min_decryption(), key.min_encryption()), (1, 0));
    assert_eq!(key.created_micros(1), Ok(1));
    assert_eq!(key.kind(), CIPHER);
}

#[test]
fn after_a_rotation_the_latest_version_makes_and_all_open() {
    let mut key = key(CIPHER, 1);
    let old = encrypt(&key, None).unwrap();
    key.rotate(7, &SystemRandom::new()).unwrap();
    assert_eq!((key.latest(), key.created_micros(1), key.created_micros(2)), (2, Ok(1), Ok(7)));
    let new = encrypt(&key, None).unwrap();
    assert!(old.starts_with("vault:v1:") && new.starts_with("vault:v2:"));
    for text in [&old, &new] {
        assert_eq!(decrypt(&key, text).unwrap(), b"Ada");
    }
    // Neither version opens what the other made.
    for (text, from, to) in [(&old, "v1", "v2"), (&new, "v2", "v1")] {
        assert_eq!(decrypt(&key, &text.replacen(from, to, 1)), Err(Error::Tampered));
    }
}

#[test]
fn a_version_from_the_minimum_on_may_be_asked_for() {
    let mut key = key(CIPHER, 4);
    assert!(encrypt(&key, Some(1)).unwrap().starts_with("vault:v1:"));
    key.set_minimums(1, 3).unwrap();
    assert!(encrypt(&key, Some(3)).unwrap().starts_with("vault:v3:"));
    assert!(encrypt(&key, None).unwrap().starts_with("vault:v4:"));
    assert_snapshot!(
        said(encrypt(&key, Some(2))),
        @"refused parameters: a version below the minimum: leave it out, and the latest is used"
    );
    assert_snapshot!(said(encrypt(&key, Some(5))), @"refused parameters: the key has no such version");
    assert_snapshot!(
        said(encrypt(&key, Some(0))),
        @"refused parameters: a version below the minimum: leave it out, and the latest is used"
    );
    // What could not be decrypted is not encrypted either.
    key.set_minimums(2, 0).unwrap();
    assert!(encrypt(&key, Some(1)).is_err());
    assert!(encrypt(&key, Some(2)).is_ok());
}

#[test]
fn a_version_below_the_minimum_is_told_from_everything_else() {
    let mut key = key(CIPHER, 3);
    let texts = [1, 2, 3].map(|version| encrypt(&key, Some(version)).unwrap());
    key.set_minimums(2, 0).unwrap();
    assert_eq!(decrypt(&key, &texts[0]), Err(Error::RetiredVersion(1)));
    assert_eq!(decrypt(&key, &texts[1]).unwrap(), b"Ada");
    assert_eq!(decrypt(&key, &texts[2].replacen("v3", "v4", 1)), Err(Error::Tampered), "of no version yet");
    assert_snapshot!(
        said(decrypt(&key, &texts[0])),
        @"version 1 of the key is below the lowest that still opens: lower that, or ask for the value anew"
    );
    key.set_minimums(1, 0).unwrap();
    assert_eq!(decrypt(&key, &texts[0]).unwrap(), b"Ada", "nothing is lost until it is trimmed");
}

#[test]
fn minimums_have_their_bounds() {
    let mut key = key(CIPHER, 5);
    key.set_minimums(3, 3).unwrap();
    key.trim(2).unwrap();
    for (decryption, encryption) in [(2, 0), (2, 2), (2, 5), (4, 4), (5, 0), (5, 5)] {
        key.set_minimums(decryption, encryption).unwrap();
        assert_eq!((key.min_decryption(), key.min_encryption()), (decryption, encryption));
    }
    key.set_minimums(3, 4).unwrap();
    for (decryption, encryption) in [(0, 0), (1, 0), (6, 0), (3, 2), (3, 6), (5, 4), (u32::MAX, 0)] {
        assert!(key.set_minimums(decryption, encryption).is_err(), "{decryption} {encryption}");
        assert_eq!((key.min_decryption(), key.min_encryption()), (3, 4), "unchanged");
    }
    assert_snapshot!(
        said(key.set_minimums(6, 0)),
        @"refused parameters: minimums are versions that are kept, and that of encryption is 0 or not below the other"
    );
}

#[test]
fn what_is_trimmed_is_gone() {
    let mut key = key(CIPHER, 4);
    let texts = [1, 2, 3, 4].map(|version| encrypt(&key, Some(version)).unwrap());
    let secret = key.versions[0].secret().to_vec();
    let holds = |key: &TransitKey| key.encode().windows(secret.len()).any(|window| window == secret);
    assert!(holds(&key));

    key.set_minimums(3, 3).unwrap();
    key.trim(3).unwrap();
    assert!(!holds(&key), "no byte of it is stored any more");
    assert_eq!((key.min_available(), key.latest()), (3, 4));
    assert_eq!((key.created_micros(3), key.created_micros(4)), (Ok(3), Ok(4)));
    assert_eq!(decrypt(&key, &texts[0]), Err(Error::RetiredVersion(1)));
    assert_eq!(decrypt(&key, &texts[2]).unwrap(), b"Ada");
    assert_eq!(decrypt(&key, &texts[3]).unwrap(), b"Ada");
    assert!(key.set_minimums(2, 3).is_err(), "nobody can bring it back");
    assert!(key.created_micros(2).is_err());

    key.rotate(5, &SystemRandom::new()).unwrap();
    assert_eq!(key.latest(), 5, "numbers go on");
}

#[test]
fn only_what_lies_below_both_minimums_is_trimmed() {
    let mut key = key(CIPHER, 5);
    key.set_minimums(3, 0).unwrap();
    assert_snapshot!(
        said(key.trim(2)),
        @"refused parameters: only versions below both minimums can be trimmed: raise them first"
    );
    key.set_minimums(3, 4).unwrap();
    for beyond in [4, 5, 6, u32::MAX] {
        assert!(key.trim(beyond).is_err(), "{beyond}");
    }
    key.trim(3).unwrap();
    key.trim(3).unwrap();
    for before in [0, 1, 2] {
        assert!(key.trim(before).is_err(), "{before}");
    }
    assert_snapshot!(said(key.trim(2)), @"refused parameters: these versions have been trimmed already");
    assert_eq!((key.min_available(), key.latest()), (3, 5));
}

#[test]
fn a_key_keeps_a_thousand_versions() {
    let mut key = key(CIPHER, 1000);
    let rng = SystemRandom::new();
    assert_snapshot!(
        said(key.rotate(0, &rng)),
        @"refused parameters: the key has as many versions as are kept: trim it first"
    );
    key.set_minimums(2, 2).unwrap();
    key.trim(2).unwrap();
    key.rotate(0, &rng).unwrap();
    assert_eq!(key.latest(), 1001);
    assert_eq!(TransitKey::decode(&key.encode()).unwrap().latest(), 1001);
}

#[test]
fn format_keys_do_not_rotate() {
    for kind in kinds() {
        let rotated = key(kind, 1).rotate(2, &SystemRandom::new());
        if matches!(kind, TransitKind::Format(_)) {
            assert!(matches!(rotated, Err(Error::Parameters(_))), "{kind:?}");
        } else {
            assert_eq!(rotated, Ok(()), "{kind:?}");
        }
    }
    let rotated = key(DIGITS, 1).rotate(2, &SystemRandom::new());
    assert_snapshot!(
        said(rotated),
        @"refused parameters: tokens name no version, so their key has one: make another key, and the tokens anew"
    );
}

#[test]
fn tokens_come_back() {
    for (format, value) in [
        (Format::Digits, "4000-1234-1234-1234"),
        (Format::Alphanumeric, "AB-123456 cd"),
        (Format::Card(Luhn::Invalid), "4012 8888 8888 1881"),
        (Format::Card(Luhn::Valid), "4012888888881881"),
        (Format::Phone(CountryCode::parse("49").unwrap()), "+4930901820"),
        (Format::Date(YearSpan::WHOLE), "1815-12-10"),
    ] {
        let (one, other) = (key(TransitKind::Format(format), 1), key(TransitKind::Format(format), 1));
        let token = one.tokenise(value).unwrap();
        assert_ne!(token, value, "{format:?}");
        assert_eq!(one.tokenise(value).unwrap(), token, "the same each time");
        assert_eq!(one.detokenise(&token).unwrap(), value);
        assert_ne!(other.tokenise(value).unwrap(), token, "{format:?}");
    }
    assert_eq!(key(DIGITS, 1).tokenise("12345a"), Err(Error::Malformed("digits")));
    assert!(matches!(key(DIGITS, 1).detokenise("12345"), Err(Error::Parameters(_))));
}

#[test]
fn every_kind_refuses_what_it_does_not_do() {
    let form = SignatureForm::default();
    let message = SignedInput::Message(b"Ada");
    for kind in kinds() {
        let key = key(kind, 1);
        let does = |done: bool, expected: bool| assert_eq!(done, expected, "{kind:?}");
        let signs = matches!(kind, TransitKind::Ed25519 | TransitKind::EcdsaP256 | TransitKind::EcdsaP384);
        does(encrypt(&key, None).is_ok(), kind == CIPHER);
        does(key.sign(None, form, message).is_ok(), signs);
        does(key.public_key(1).is_ok(), signs);
        does(
            key.tokenise("1234567").is_ok(),
            matches!(kind, TransitKind::Format(Format::Digits | Format::Alphanumeric)),
        );
        does(key.hmac(None, HashAlgorithm::Sha256, b"Ada").is_ok(), true);
    }
    let (hmac, rng) = (key(TransitKind::Hmac, 1), SystemRandom::new());
    assert_snapshot!(said(encrypt(&hmac, None)), @"refused parameters: this kind of key does not encrypt");
    assert_snapshot!(
        said(decrypt(&hmac, "vault:v1:AUJC")),
        @"refused parameters: this kind of key does not encrypt"
    );
    assert!(hmac.data_key(DataKeyLength::Bits128, None, &Binding::default(), &rng).is_err());
    assert_snapshot!(
        said(hmac.sign(None, form, message)),
        @"refused parameters: this kind of key does not sign"
    );
    assert_snapshot!(
        said(hmac.verify(form, message, "vault:v1:AUJC")),
        @"refused parameters: this kind of key does not sign"
    );
    assert_snapshot!(said(hmac.public_key(1)), @"refused parameters: this kind of key has no public half");
    assert_snapshot!(said(hmac.tokenise("1234567")), @"refused parameters: this kind of key makes no tokens");
    assert_snapshot!(
        said(hmac.detokenise("1234567")),
        @"refused parameters: this kind of key makes no tokens"
    );
}

#[test]
fn debug_shows_numbers_and_no_secret() {
    let mut key = key(DERIVED, 4);
    key.set_minimums(2, 3).unwrap();
    key.trim(2).unwrap();
    assert_snapshot!(
        format!("{key:?}"),
        @"TransitKey { kind: Aes256Gcm { derived: true }, versions: 2..=4, min_decryption: 2, min_encryption: 3, .. }"
    );
    let binding = Binding { context: b"one", associated_data: b"" };
    let data_key = key.data_key(DataKeyLength::Bits512, None, &binding, &SystemRandom::new()).unwrap();
    assert_eq!(format!("{data_key:?}"), format!("DataKey {{ ciphertext: {:?}, .. }}", data_key.ciphertext));
    assert_eq!(format!("{:?}", SignedInput::Message(b"Ada")), "Message(3 bytes)");
    assert_eq!(format!("{:?}", SignedInput::Digest(b"Ada")), "Digest(3 bytes)");
}

#[test]
fn a_key_is_shared_between_threads() {
    const fn shared<T: Send + Sync>() {}
    shared::<TransitKey>();
}

#[test]
fn hash_algorithms_go_by_the_names_of_transit_engines() {
    for algorithm in HashAlgorithm::ALL {
        assert_eq!(HashAlgorithm::parse(algorithm.name()), Ok(algorithm));
    }
    for other in ["", "sha256", "SHA2-256", "sha2-224", "sha1", "sha3-256", "none"] {
        assert!(HashAlgorithm::parse(other).is_err(), "{other}");
    }
}
