//! Transit keys by the formulas of their page: what they store, what they make, and what each part binds.
//!
//! All start from the bytes of a stored key and know nothing else.

use aes::Aes256;
use avouch_seal::{
    Error, SystemRandom,
    format::Format,
    transit::{Binding, HashAlgorithm, SignatureForm, SignedInput, TransitKey, TransitKind},
};
use data_encoding::BASE64;
use fpe::ff1::{FF1, FlexibleNumeralString};
use hmac::{Hmac, Mac, digest::KeyInit};
use proptest::{collection::vec, prelude::*, sample::Index};
use sha2::{Sha256, Sha384, Sha512};

use crate::{
    formulas::{Parts, each_part_changed, encoded, random, values},
    plain::{Bytes32, derive, open, seal},
};

const CIPHER: u8 = 1;
const DERIVED: u8 = 2;
const ED25519: u8 = 3;
const HMAC: u8 = 6;
const DIGITS: u8 = 7;

/// The entries of a stored key: when each version was made, and its secret.
type Entries = Vec<(i64, Bytes32)>;

/// `0x01 || kind || parameters[4] || first || latest || lowest to decrypt || lowest to encrypt || entries`
fn stored(kind: u8, first: u32, minimums: [u32; 2], entries: &Entries) -> Vec<u8> {
    let latest = first + u32::try_from(entries.len()).expect("few") - 1;
    let mut stored = vec![0x01, kind, 0, 0, 0, 0];
    [first, latest, minimums[0], minimums[1]].map(u32::to_le_bytes).iter().for_each(|n| stored.extend(n));
    for (created, secret) in entries {
        stored.extend(created.to_le_bytes());
        stored.extend(secret);
    }
    stored
}

fn key(kind: u8, secrets: &[Bytes32]) -> TransitKey {
    let entries = secrets.iter().map(|secret| (0, *secret)).collect();
    TransitKey::decode(&stored(kind, 1, [1, 0], &entries)).expect("well written")
}

/// What a version wrote, after its prefix.
fn body(version: u32, text: &str) -> Vec<u8> {
    let base64 = text.strip_prefix(&format!("vault:v{version}:")).expect("of this version");
    BASE64.decode(base64.as_bytes()).expect("base64")
}

fn text(version: u32, body: &[u8]) -> String {
    format!("vault:v{version}:{}", BASE64.encode(body))
}

/// The key of a cipher, and the parts of its associated data, each with its name.
fn cipher(secret: &Bytes32, version: u32, binding: &Binding<'_>) -> (Bytes32, Parts) {
    let key = if binding.context.is_empty() {
        derive(secret, b"avouch/transit/v1", "avouch/transit/v1", &[])
    } else {
        derive(secret, b"avouch/transit/context/v1", "avouch/transit/context/v1", &[binding.context])
    };
    let parts = vec![
        ("label", b"avouch/transit/v1".into()),
        ("suite", vec![0x01]),
        ("version", version.to_le_bytes().into()),
        ("context", binding.context.into()),
        ("associated data", binding.associated_data.into()),
    ];
    (key, parts)
}

fn mac(secret: &Bytes32, hash: HashAlgorithm, data: &[u8]) -> Vec<u8> {
    let (label, name) = ("avouch/transit/hmac/v1", hash.name().as_bytes());
    let key = derive(secret, label.as_bytes(), label, &[name]);
    match hash {
        HashAlgorithm::Sha256 => tag::<Hmac<Sha256>>(&key, data),
        HashAlgorithm::Sha384 => tag::<Hmac<Sha384>>(&key, data),
        HashAlgorithm::Sha512 => tag::<Hmac<Sha512>>(&key, data),
    }
}

fn tag<M: Mac + KeyInit>(key: &Bytes32, data: &[u8]) -> Vec<u8> {
    let mac = <M as Mac>::new_from_slice(key).expect("a key of any length");
    mac.chain_update(data).finalize().into_bytes().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stored_key_is_what_the_page_says(
        first in 1_u32..1_000_000,
        entries in vec(any::<(i64, Bytes32)>(), 1..5),
        kind in prop_oneof![Just(CIPHER), Just(DERIVED), Just(ED25519), Just(HMAC)],
        at: [Index; 2],
    ) {
        let count = u32::try_from(entries.len()).unwrap();
        let decryption = first + u32::try_from(at[0].index(entries.len())).unwrap();
        let left = usize::try_from(first + count - decryption).unwrap();
        let encryption = decryption + u32::try_from(at[1].index(left)).unwrap();
        for encryption in [0, encryption] {
            let stored = stored(kind, first, [decryption, encryption], &entries);
            let key = TransitKey::decode(&stored).unwrap();
            let written = key.encode();
            prop_assert_eq!(written.as_slice(), stored);
            prop_assert_eq!((key.min_available(), key.latest()), (first, first + count - 1));
            prop_assert_eq!((key.min_decryption(), key.min_encryption()), (decryption, encryption));
            for (version, (created, _)) in (first..).zip(&entries) {
                prop_assert_eq!(key.created_micros(version), Ok(*created));
            }
        }
    }

    #[test]
    fn the_formulas_read_our_ciphertexts_and_we_theirs(
        secrets: [Bytes32; 2],
        context in vec(any::<u8>(), 1..60),
        associated_data in values(),
        plaintext in values(),
    ) {
        for (kind, context) in [(CIPHER, &[][..]), (DERIVED, &context)] {
            let binding = Binding { context, associated_data: &associated_data };
            let key = key(kind, &secrets);
            for (version, secret) in (1..).zip(&secrets) {
                let (cipher, aad) = cipher(secret, version, &binding);
                let ours = key.encrypt(Some(version), &plaintext, &binding, &SystemRandom::new()).unwrap();
                let opened = open(&cipher, &encoded(&aad), &body(version, &ours));
                prop_assert_eq!(opened, Some(plaintext.clone()));
                let theirs = text(version, &seal(&cipher, &random(), &encoded(&aad), &plaintext));
                let opened = key.decrypt(&theirs, &binding).unwrap();
                prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
            }
        }
    }

    /// One bit of one part, written by the formulas with everything else right.
    #[test]
    fn each_part_of_the_binding_is_bound_on_its_own(
        secret: Bytes32,
        context in vec(any::<u8>(), 1..60),
        associated_data in vec(any::<u8>(), 1..60),
        plaintext in values(),
        bit: Index,
    ) {
        for (kind, context) in [(CIPHER, &[][..]), (DERIVED, &context)] {
            let binding = Binding { context, associated_data: &associated_data };
            // Two versions with one secret: what tells them apart is then the binding alone.
            let key = key(kind, &[secret; 2]);
            let (cipher, aad) = cipher(&secret, 1, &binding);
            let sealed = seal(&cipher, &random(), &encoded(&aad), &plaintext);
            prop_assert!(key.decrypt(&text(1, &sealed), &binding).is_ok());
            prop_assert_eq!(key.decrypt(&text(2, &sealed), &binding), Err(Error::Tampered));

            let present = aad.iter().filter(|(_, part)| !part.is_empty()).cloned().collect();
            for (part, changed) in each_part_changed(&present, bit) {
                // Those that are there, where they were, and the context that is not.
                let mut changed = changed;
                if context.is_empty() {
                    changed.insert(3, ("context", vec![]));
                }
                prop_assert_eq!(changed.len(), aad.len());
                let moved = text(1, &seal(&cipher, &random(), &encoded(&changed), &plaintext));
                prop_assert_eq!(key.decrypt(&moved, &binding), Err(Error::Tampered), "{}", part);
            }
        }
    }

    /// The context is in the key besides: neither stands in for the other.
    #[test]
    fn a_context_is_bound_by_key_and_by_associated_data(
        secret: Bytes32,
        contexts: [[u8; 4]; 2],
        plaintext in values(),
    ) {
        prop_assume!(contexts[0] != contexts[1]);
        let [one, other] = [0, 1].map(|at: usize| Binding { context: &contexts[at], associated_data: b"" });
        let key = key(DERIVED, &[secret]);
        let (one_cipher, one_aad) = cipher(&secret, 1, &one);
        let (other_cipher, other_aad) = cipher(&secret, 1, &other);
        for (cipher, aad) in [(&one_cipher, &other_aad), (&other_cipher, &one_aad)] {
            let moved = text(1, &seal(cipher, &random(), &encoded(aad), &plaintext));
            prop_assert_eq!(key.decrypt(&moved, &one), Err(Error::Tampered));
            prop_assert_eq!(key.decrypt(&moved, &other), Err(Error::Tampered));
        }
    }

    #[test]
    fn macs_are_what_the_formula_says(secrets: [Bytes32; 2], data in values()) {
        for kind in [CIPHER, DERIVED, ED25519, HMAC, DIGITS] {
            let secrets = if kind == DIGITS { &secrets[..1] } else { &secrets };
            let key = key(kind, secrets);
            for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512] {
                for (version, secret) in (1..).zip(secrets) {
                    let expected = text(version, &mac(secret, hash, &data));
                    prop_assert_eq!(key.hmac(Some(version), hash, &data), Ok(expected.clone()));
                    prop_assert_eq!(key.verify_hmac(hash, &data, &expected), Ok(()));
                }
            }
        }
    }

    #[test]
    fn tokens_of_digits_are_what_the_formula_says(secret: Bytes32, value in "[0-9]{6,40}") {
        let label = "avouch/transit/format/v1";
        let ff1_key = derive(&secret, label.as_bytes(), label, &[b"digits", &[0; 4]]);
        let digits: Vec<u16> = value.bytes().map(|digit| u16::from(digit - b'0')).collect();
        let sealed: Vec<u16> = FF1::<Aes256>::new(&ff1_key, 10)
            .unwrap()
            .encrypt(&[], &FlexibleNumeralString::from(digits))
            .unwrap()
            .into();
        let token: String =
            sealed.iter().map(|digit| char::from_digit(u32::from(*digit), 10).unwrap()).collect();
        let key = key(DIGITS, &[secret]);
        prop_assert_eq!(key.kind(), TransitKind::Format(Format::Digits));
        prop_assert_eq!(key.tokenise(&value), Ok(token.clone()));
        prop_assert_eq!(key.detokenise(&token), Ok(value));
    }

    #[test]
    fn the_secret_of_ed25519_is_its_seed(secrets: [Bytes32; 2], message in values()) {
        use ed25519_dalek::Signer as _;

        let key = key(ED25519, &secrets);
        for (version, secret) in (1..).zip(&secrets) {
            let theirs = ed25519_dalek::SigningKey::from_bytes(secret);
            let expected = text(version, &theirs.sign(&message).to_bytes());
            let input = SignedInput::Message(&message);
            prop_assert_eq!(key.sign(Some(version), SignatureForm::default(), input), Ok(expected));
        }
    }
}
