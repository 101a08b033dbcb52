//! Ciphertexts: bound to what they were bound to, and to nothing else.

use insta::assert_snapshot;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    SystemRandom,
    transit::tests::{CIPHER, DERIVED, key},
};

fn rng() -> SystemRandom {
    SystemRandom::new()
}

fn bound<'a>(context: &'a [u8], associated_data: &'a [u8]) -> Binding<'a> {
    Binding { context, associated_data }
}

#[test]
fn the_same_value_is_never_encrypted_alike() {
    let key = key(CIPHER, 1);
    let encrypt = || key.encrypt(None, b"Ada", &Binding::default(), &rng()).unwrap();
    assert_ne!(encrypt(), encrypt());
}

#[test]
fn another_key_opens_nothing() {
    for (kind, context) in [(CIPHER, b"".as_slice()), (DERIVED, b"one")] {
        let text = key(kind, 1).encrypt(None, b"Ada", &bound(context, b""), &rng()).unwrap();
        assert_eq!(key(kind, 1).decrypt(&text, &bound(context, b"")), Err(Error::Tampered), "{kind:?}");
    }
}

#[test]
fn a_context_is_for_derived_keys_and_they_need_one() {
    let (plain, derived) = (key(CIPHER, 1), key(DERIVED, 1));
    let (with, without) = (bound(b"one", b""), bound(b"", b""));
    let said = |refused: Result<String>| refused.expect_err("a refusal").to_string();
    assert_snapshot!(
        said(derived.encrypt(None, b"Ada", &without, &rng())),
        @"refused parameters: a derived key needs a context: name one"
    );
    assert_snapshot!(
        said(plain.encrypt(None, b"Ada", &with, &rng())),
        @"refused parameters: the key is not derived: leave the context out, or make a derived key"
    );

    for (key, right, wrong) in [(&plain, &without, &with), (&derived, &with, &without)] {
        let text = key.encrypt(None, b"Ada", right, &rng()).unwrap();
        assert_eq!(key.decrypt(&text, right).unwrap().as_slice(), b"Ada");
        assert!(matches!(key.decrypt(&text, wrong), Err(Error::Parameters(_))));
        assert!(matches!(key.rewrap(&text, None, wrong, &rng()), Err(Error::Parameters(_))));
        assert!(key.data_key(DataKeyLength::default(), None, wrong, &rng()).is_err());
    }
}

#[test]
fn every_context_has_a_key_of_its_own() {
    // Not the associated data alone: the very cipher differs, and from that of a key that is not derived.
    let key = key(DERIVED, 1);
    let version = key.kept(1).unwrap();
    let sealed = version.cipher_of(b"one").unwrap().seal(b"", b"Ada", &rng()).unwrap();
    assert_eq!(version.cipher_of(b"one").unwrap().open(b"", &sealed).unwrap().as_slice(), b"Ada");
    assert_eq!(version.cipher_of(b"two").unwrap().open(b"", &sealed), Err(Error::Tampered));
    let plain = Version::new(CIPHER, 0, Zeroizing::new(version.secret().to_vec())).unwrap();
    let Work::Cipher(plain) = &plain.work else { panic!("a cipher") };
    for context in [b"".as_slice(), b"one"] {
        let sealed = version.cipher_of(context).unwrap().seal(b"", b"Ada", &rng()).unwrap();
        assert_eq!(plain.open(b"", &sealed), Err(Error::Tampered));
    }
}

#[test]
fn what_has_not_the_form_is_told_from_what_does_not_open() {
    let key = key(CIPHER, 1);
    let open = |text: &str| key.decrypt(text, &Binding::default()).map(drop);
    for text in ["", "Ada", "vault:v1", "vault:v1:*", "vault:v0:AUJC", "hvault:v1:AUJC", "vault:v1:AUJ"] {
        assert_eq!(open(text), Err(Error::Malformed("ciphertext")), "{text}");
    }
    // Too short, empty, and of a suite that there is not: well written, and not ours.
    for text in ["vault:v1:", "vault:v1:AUJC", "vault:v1:AkJCQkJC", "vault:v2:AUJC", "vault:v4294967295:AUJC"]
    {
        assert_eq!(open(text), Err(Error::Tampered), "{text}");
    }
}

#[test]
fn data_keys_are_random_and_as_long_as_asked_for() {
    let key = key(CIPHER, 2);
    let binding = bound(b"", b"backup of May");
    for (bits, bytes) in [(128, 16), (256, 32), (512, 64)] {
        let length = DataKeyLength::from_bits(bits).unwrap();
        let make = || key.data_key(length, Some(1), &binding, &rng()).unwrap();
        let (one, other) = (make(), make());
        assert_eq!(one.plaintext.len(), bytes);
        assert_ne!(one.plaintext, other.plaintext);
        assert!(one.ciphertext.starts_with("vault:v1:"));
        assert_eq!(key.decrypt(&one.ciphertext, &binding).unwrap(), one.plaintext);
        assert_eq!(key.decrypt(&one.ciphertext, &bound(b"", b"")), Err(Error::Tampered));
    }
    for bits in [0, 1, 127, 192, 1024, u32::MAX] {
        assert!(DataKeyLength::from_bits(bits).is_err(), "{bits}");
    }
}

#[test]
fn a_rewrapped_text_is_of_the_version_asked_for_and_bound_as_before() {
    for (kind, context) in [(CIPHER, b"".as_slice()), (DERIVED, b"one")] {
        let mut key = key(kind, 3);
        let (binding, other) = (bound(context, b"data"), bound(context, b"date"));
        let old = key.encrypt(Some(1), b"Ada", &binding, &rng()).unwrap();
        for (version, prefix) in [(None, "vault:v3:"), (Some(2), "vault:v2:"), (Some(1), "vault:v1:")] {
            let new = key.rewrap(&old, version, &binding, &rng()).unwrap();
            assert!(new.starts_with(prefix) && new != old, "{kind:?}");
            assert_eq!(key.decrypt(&new, &binding).unwrap().as_slice(), b"Ada");
        }
        assert_eq!(key.rewrap(&old, None, &other, &rng()), Err(Error::Tampered));
        key.set_minimums(1, 2).unwrap();
        assert!(matches!(key.rewrap(&old, Some(1), &binding, &rng()), Err(Error::Parameters(_))));
        let new = key.rewrap(&old, None, &binding, &rng()).unwrap();
        key.set_minimums(2, 2).unwrap();
        assert_eq!(key.rewrap(&old, None, &binding, &rng()), Err(Error::RetiredVersion(1)));
        key.trim(2).unwrap();
        assert_eq!(key.decrypt(&new, &binding).unwrap().as_slice(), b"Ada");
    }
}

proptest! {
    #[test]
    fn opens_under_its_binding_and_no_other(
        plaintext in vec(any::<u8>(), 0..200),
        context in vec(any::<u8>(), 1..40),
        associated_data in vec(any::<u8>(), 0..300),
        other in vec(any::<u8>(), 0..40),
    ) {
        let (plain, derived) = (key(CIPHER, 1), key(DERIVED, 1));
        for (key, context) in [(&plain, &[][..]), (&derived, &context)] {
            let binding = bound(context, &associated_data);
            let text = key.encrypt(None, &plaintext, &binding, &rng()).unwrap();
            let opened = key.decrypt(&text, &binding).unwrap();
            prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
            let swapped = Binding { associated_data: &other, ..binding };
            prop_assert_eq!(key.decrypt(&text, &swapped).is_ok(), other == associated_data);
        }
        let binding = bound(&context, &associated_data);
        let text = derived.encrypt(None, &plaintext, &binding, &rng()).unwrap();
        if other != context && !other.is_empty() {
            let swapped = Binding { context: &other, ..binding };
            prop_assert_eq!(derived.decrypt(&text, &swapped), Err(Error::Tampered));
        }
        // What moves from one part to the next is not the same.
        let (last, shorter) = context.split_last().unwrap();
        let longer = [&[*last], associated_data.as_slice()].concat();
        if !shorter.is_empty() {
            prop_assert_eq!(derived.decrypt(&text, &bound(shorter, &longer)), Err(Error::Tampered));
        }
    }

    #[test]
    fn any_changed_character_is_refused(at: prop::sample::Index, to in "[ -~]") {
        let key = key(CIPHER, 2);
        let mut text = key.encrypt(Some(1), b"Ada", &Binding::default(), &rng()).unwrap();
        let at = at.index(text.len());
        prop_assume!(text[at..=at] != to);
        text.replace_range(at..=at, &to);
        prop_assert!(key.decrypt(&text, &Binding::default()).is_err(), "{}", text);
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in "(vault:v1:)?.{0,90}") {
        prop_assert!(key(CIPHER, 1).decrypt(&text, &Binding::default()).is_err());
    }
}
