//! Signatures and MACs of versions, and what refuses them.

use insta::assert_snapshot;
use p256::pkcs8::DecodePublicKey as _;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::transit::{
    TransitKind,
    tests::{CIPHER, key, kinds},
};

const PAIRS: [TransitKind; 3] = [TransitKind::Ed25519, TransitKind::EcdsaP256, TransitKind::EcdsaP384];
const ADA: SignedInput<'static> = SignedInput::Message(b"Ada");

fn forms() -> impl Iterator<Item = SignatureForm> {
    HashAlgorithm::ALL.into_iter().flat_map(|hash| {
        [Marshaling::Asn1, Marshaling::Jws].map(|marshaling| SignatureForm { hash, marshaling })
    })
}

#[test]
fn every_key_makes_macs_with_every_hash() {
    for kind in kinds() {
        let (key, other) = (key(kind, 1), key(kind, 1));
        for (hash, len) in HashAlgorithm::ALL.into_iter().zip([44, 64, 88]) {
            let mac = key.hmac(None, hash, b"Ada").unwrap();
            assert_eq!(mac.len(), "vault:v1:".len() + len);
            assert_eq!(key.hmac(None, hash, b"Ada").unwrap(), mac, "the same each time");
            assert_eq!(key.verify_hmac(hash, b"Ada", &mac), Ok(()));
            assert_eq!(key.verify_hmac(hash, b"Adb", &mac), Err(Error::Tampered));
            assert_eq!(other.verify_hmac(hash, b"Ada", &mac), Err(Error::Tampered));
            for another in HashAlgorithm::ALL.into_iter().filter(|another| *another != hash) {
                assert_eq!(key.verify_hmac(another, b"Ada", &mac), Err(Error::Tampered));
            }
        }
    }
}

#[test]
fn a_mac_cut_or_grown_is_refused() {
    let key = key(TransitKind::Hmac, 1);
    let (_, mac) = text::read(&key.hmac(None, HashAlgorithm::Sha256, b"Ada").unwrap(), &BASE64, MAC).unwrap();
    for (wrong, grown) in (0..mac.len()).map(|len| (&mac[..len], false)).chain([(&mac[..], true)]) {
        let wrong = if grown { [wrong, &[0]].concat() } else { wrong.to_vec() };
        let text = text::write(1, &BASE64, &wrong);
        assert_eq!(key.verify_hmac(HashAlgorithm::Sha256, b"Ada", &text), Err(Error::Tampered));
    }
    for text in ["", "vault:v1", "vault:v1:A", "vault:v1:AUJC=", "hmac:v1:AUJC"] {
        let refused = key.verify_hmac(HashAlgorithm::Sha256, b"Ada", text);
        assert_eq!(refused, Err(Error::Malformed("hmac")), "{text}");
    }
}

#[test]
fn macs_and_signatures_follow_the_versions() {
    let mut cipher = key(CIPHER, 3);
    let macs = [1, 2, 3].map(|version| cipher.hmac(Some(version), HashAlgorithm::Sha256, b"Ada").unwrap());
    assert_eq!(cipher.hmac(None, HashAlgorithm::Sha256, b"Ada").unwrap(), macs[2]);
    cipher.set_minimums(2, 3).unwrap();
    let verify = |mac: &str| cipher.verify_hmac(HashAlgorithm::Sha256, b"Ada", mac);
    assert_eq!(verify(&macs[0]), Err(Error::RetiredVersion(1)));
    assert_eq!(verify(&macs[1]), Ok(()));
    assert_eq!(verify(&macs[1].replacen("v2", "v3", 1)), Err(Error::Tampered));
    assert_eq!(verify(&macs[1].replacen("v2", "v4", 1)), Err(Error::Tampered));
    assert!(cipher.hmac(Some(2), HashAlgorithm::Sha256, b"Ada").is_err());

    for kind in PAIRS {
        let (mut key, form) = (key(kind, 3), SignatureForm::default());
        let signatures = [1, 2, 3].map(|version| key.sign(Some(version), form, ADA).unwrap());
        assert!(key.sign(None, form, ADA).unwrap().starts_with("vault:v3:"));
        key.set_minimums(2, 3).unwrap();
        assert_eq!(key.verify(form, ADA, &signatures[0]), Err(Error::RetiredVersion(1)));
        assert_eq!(key.verify(form, ADA, &signatures[1]), Ok(()));
        let claimed = signatures[1].replacen("v2", "v3", 1);
        assert_eq!(key.verify(form, ADA, &claimed), Err(Error::Tampered));
        assert!(key.sign(Some(2), form, ADA).is_err());
        // Public keys are shown as long as they are kept.
        assert_ne!(key.public_key(1).unwrap(), key.public_key(2).unwrap());
        key.trim(2).unwrap();
        assert_eq!(key.public_key(1), Err(Error::Parameters("the key has no such version")));
        assert_eq!(key.verify(form, ADA, &signatures[1]), Ok(()));
    }
}

#[test]
fn ed25519_signs_messages_and_no_digests() {
    let key = key(TransitKind::Ed25519, 1);
    let digest = [7; 64];
    let input = SignedInput::Digest(&digest);
    for form in forms() {
        // The hash is not looked at: clients send one with every request.
        let signature = key.sign(None, form, ADA).unwrap();
        let same = SignatureForm { hash: HashAlgorithm::Sha256, ..form };
        assert_eq!(key.sign(None, same, ADA).unwrap(), signature);
        assert_eq!(key.verify(same, ADA, &signature), Ok(()));
        assert!(matches!(key.sign(None, form, input), Err(Error::Parameters(_))));
        assert!(matches!(key.verify(form, input, &signature), Err(Error::Parameters(_))));
    }
    let refused = key.sign(None, SignatureForm::default(), input).unwrap_err();
    assert_snapshot!(
        refused,
        @"refused parameters: ed25519 signs messages, not digests: send the message itself"
    );
}

#[test]
fn ecdsa_signs_digests_as_it_signs_messages() {
    for kind in [TransitKind::EcdsaP256, TransitKind::EcdsaP384] {
        let key = key(kind, 1);
        for form in forms() {
            let digest = digest::digest(form.hash.digest(), b"Ada");
            let input = SignedInput::Digest(digest.as_ref());
            let (of_message, of_digest) =
                (key.sign(None, form, ADA).unwrap(), key.sign(None, form, input).unwrap());
            assert_eq!(key.verify(form, input, &of_message), Ok(()), "{kind:?} {form:?}");
            assert_eq!(key.verify(form, ADA, &of_digest), Ok(()), "{kind:?} {form:?}");
            for wrong in [&digest.as_ref()[1..], &[], &[0; 65], b"Ada"] {
                let wrong = SignedInput::Digest(wrong);
                assert!(matches!(key.sign(None, form, wrong), Err(Error::Parameters(_))));
                assert!(matches!(key.verify(form, wrong, &of_message), Err(Error::Parameters(_))));
            }
        }
    }
    let key = key(TransitKind::EcdsaP256, 1);
    let refused = key.sign(None, SignatureForm::default(), SignedInput::Digest(&[7; 48])).unwrap_err();
    assert_snapshot!(
        refused,
        @"refused parameters: the digest is not as long as those of its hash algorithm"
    );
}

#[test]
fn a_signature_is_of_its_form() {
    for kind in PAIRS {
        let (key, other) = (key(kind, 1), key(kind, 1));
        for form in forms() {
            let signature = key.sign(None, form, ADA).unwrap();
            assert_eq!(key.verify(form, ADA, &signature), Ok(()));
            assert_eq!(other.verify(form, ADA, &signature), Err(Error::Tampered));
            assert_eq!(key.verify(form, SignedInput::Message(b"Adb"), &signature), Err(Error::Tampered));
            let jws = form.marshaling == Marshaling::Jws;
            assert!(!jws || !signature.contains(['+', '/', '=']));
            let marshaling = if jws { Marshaling::Asn1 } else { Marshaling::Jws };
            // Refused as text, for its padding, or as a signature.
            let as_other = key.verify(SignatureForm { marshaling, ..form }, ADA, &signature);
            assert!(as_other.is_err(), "{kind:?} {form:?}");
            for hash in HashAlgorithm::ALL.into_iter().filter(|hash| *hash != form.hash) {
                let verified = key.verify(SignatureForm { hash, ..form }, ADA, &signature);
                assert_eq!(verified.is_ok(), kind == TransitKind::Ed25519, "{kind:?} {form:?}");
            }
        }
    }
    for text in ["", "vault:v1", "vault:v1:A", "vault:v1:AUJC=", "signature:v1:AUJC"] {
        let refused = key(TransitKind::Ed25519, 1).verify(SignatureForm::default(), ADA, text);
        assert_eq!(refused, Err(Error::Malformed("signature")), "{text}");
    }
}

/// The keys that we show are read by other implementations, and are those that the signatures are of.
#[test]
fn public_keys_are_read_by_others() {
    let form = SignatureForm { hash: HashAlgorithm::Sha256, marshaling: Marshaling::Jws };
    let signed = |key: &TransitKey| {
        let signature = key.sign(None, form, ADA).unwrap();
        text::read(&signature, &BASE64URL_NOPAD, SIGNATURE).unwrap().1
    };

    let ours = key(TransitKind::Ed25519, 1);
    let public = ours.public_key(1).unwrap();
    let theirs = ed25519_dalek::VerifyingKey::from_public_key_pem(&public.to_pem()).unwrap();
    assert_eq!(theirs.as_bytes().as_slice(), public.raw());
    let signature = ed25519_dalek::Signature::from_slice(&signed(&ours)).unwrap();
    theirs.verify_strict(b"Ada", &signature).unwrap();

    let ours = key(TransitKind::EcdsaP256, 1);
    let public = ours.public_key(1).unwrap();
    let theirs = p256::ecdsa::VerifyingKey::from_public_key_pem(&public.to_pem()).unwrap();
    assert_eq!(theirs.to_encoded_point(false).as_bytes(), public.raw());
    let signature = p256::ecdsa::Signature::from_slice(&signed(&ours)).unwrap();
    p256::ecdsa::signature::Verifier::verify(&theirs, b"Ada", &signature).unwrap();

    let ours = key(TransitKind::EcdsaP384, 1);
    let public = ours.public_key(1).unwrap();
    let theirs = p384::ecdsa::VerifyingKey::from_public_key_pem(&public.to_pem()).unwrap();
    assert_eq!(theirs.to_encoded_point(false).as_bytes(), public.raw());
}

#[test]
fn a_source_that_gives_no_scalar_is_given_up() {
    use aws_lc_rs::test::rand::FixedByteRandom;

    for kind in [TransitKind::EcdsaP256, TransitKind::EcdsaP384] {
        for byte in [0x00, 0xff] {
            let made = TransitKey::generate(kind, 0, &FixedByteRandom { byte });
            assert_eq!(made.err(), Some(Error::Random), "{kind:?} {byte}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_changed_character_is_refused(
        at: prop::sample::Index,
        to in "[ -~]",
        message in vec(any::<u8>(), 0..40),
    ) {
        let input = SignedInput::Message(&message);
        for kind in PAIRS {
            let key = key(kind, 2);
            for form in forms() {
                let mut text = key.sign(Some(1), form, input).unwrap();
                let at = at.index(text.len());
                prop_assume!(text[at..=at] != to);
                text.replace_range(at..=at, &to);
                prop_assert!(key.verify(form, input, &text).is_err(), "{}", text);
            }
        }
    }
}
