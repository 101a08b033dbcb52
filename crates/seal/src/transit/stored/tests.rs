//! One key has one encoding, and nothing else is read.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    SystemRandom,
    transit::{
        Binding,
        tests::{CIPHER, DIGITS, key, kinds},
    },
};

const REFUSED: Error = Error::Malformed("transit key");

fn refuses(plain: &[u8]) -> bool {
    TransitKey::decode(plain).err() == Some(REFUSED)
}

/// An encoding with its four numbers put in place: first, latest, lowest to decrypt, lowest to encrypt.
fn with_numbers(plain: &[u8], numbers: [u32; 4]) -> Vec<u8> {
    let mut plain = plain.to_vec();
    plain[6..22].copy_from_slice(numbers.map(u32::to_le_bytes).as_flattened());
    plain
}

#[test]
fn every_kind_reads_back_and_does_what_it_did() {
    for kind in kinds() {
        let mut key = key(kind, if matches!(kind, TransitKind::Format(_)) { 1 } else { 4 });
        if key.latest() > 1 {
            key.set_minimums(3, 4).unwrap();
            key.trim(2).unwrap();
        }
        let plain = key.encode();
        assert_eq!(plain.capacity(), plain.len(), "written in one place only");
        let read = TransitKey::decode(&plain).unwrap();
        assert_eq!(read.encode(), plain);
        assert_eq!(format!("{read:?}"), format!("{key:?}"));
        for version in key.min_available()..=key.latest() {
            assert_eq!(read.created_micros(version), key.created_micros(version));
        }
        let mac = key.hmac(None, crate::transit::HashAlgorithm::Sha256, b"Ada").unwrap();
        assert_eq!(read.hmac(None, crate::transit::HashAlgorithm::Sha256, b"Ada"), Ok(mac));
    }
    let (key, binding) = (key(CIPHER, 3), Binding::default());
    let text = key.encrypt(Some(2), b"Ada", &binding, &SystemRandom::new()).unwrap();
    let read = TransitKey::decode(&key.encode()).unwrap();
    assert_eq!(read.decrypt(&text, &binding).unwrap().as_slice(), b"Ada");
}

#[test]
fn every_truncation_and_whatever_trails_is_refused() {
    for kind in kinds() {
        let versions = if matches!(kind, TransitKind::Format(_)) { 1 } else { 2 };
        let mut plain = key(kind, versions).encode().to_vec();
        for len in 0..plain.len() {
            assert!(refuses(&plain[..len]), "{kind:?} {len}");
        }
        plain.push(0);
        assert!(refuses(&plain), "{kind:?}");
        // A whole version more than the head says.
        plain.pop();
        plain.extend(vec![1; TIME_LEN + kind.secret_len()]);
        assert!(refuses(&plain), "{kind:?}");
    }
}

#[test]
fn another_format_another_kind_and_parameters_that_it_has_not_are_refused() {
    let plain = key(CIPHER, 1).encode().to_vec();
    let with = |at: usize, byte: u8| {
        let mut plain = plain.clone();
        plain[at] = byte;
        plain
    };
    for format in [0, 2, 0xff] {
        assert!(refuses(&with(0, format)), "{format}");
    }
    for kind in (12..=255).chain([0]) {
        assert!(refuses(&with(1, kind)), "{kind}");
    }
    for parameter in 2..6 {
        assert!(refuses(&with(parameter, 1)), "{parameter}");
    }
}

#[test]
fn kinds_have_one_number_and_one_set_of_parameters() {
    for kind in kinds() {
        let (number, parameters) = kind.encode();
        assert_eq!(TransitKind::decode(number, parameters), Some(kind));
    }
    for (number, parameters) in [
        // A Luhn sum that is neither, and one in the wrong place.
        (9, [1, 0, 0, 0]),
        (9, [5, 1, 0, 0]),
        (9, [0, 5, 0, 0]),
        // Country codes that are none.
        (10, [0, 0, 0, 0]),
        (10, [0xe8, 3, 0, 0]),
        (10, [49, 0, 1, 0]),
        // Years 0 to 9999, 1 to 10000, and too few of them.
        (11, [0, 0, 0x0f, 0x27]),
        (11, [1, 0, 0x10, 0x27]),
        (11, [0x6c, 0x07, 0xd0, 0x07]),
    ] {
        assert_eq!(TransitKind::decode(number, parameters), None, "{number} {parameters:?}");
    }
}

#[test]
fn numbers_have_their_bounds() {
    let plain = key(CIPHER, 3).encode();
    for good in [[1, 3, 1, 0], [1, 3, 3, 3], [5, 7, 6, 7], [u32::MAX - 2, u32::MAX, u32::MAX, 0]] {
        let plain = with_numbers(&plain, good);
        assert_eq!(TransitKey::decode(&plain).unwrap().encode().as_slice(), plain, "{good:?}");
    }
    for bad in [
        // No first version, versions out of order, fewer and more than there are.
        [0, 2, 1, 0],
        [3, 1, 1, 0],
        [1, 2, 1, 0],
        [1, 4, 1, 0],
        [1, u32::MAX, 1, 0],
        [0, u32::MAX, 1, 0],
        // Minimums that are not kept, or not yet there, or the wrong way round.
        [1, 3, 0, 0],
        [1, 3, 4, 0],
        [1, 3, 1, 4],
        [1, 3, 3, 2],
        [5, 7, 4, 0],
    ] {
        assert!(refuses(&with_numbers(&plain, bad)), "{bad:?}");
    }
    let mut last = TransitKey::decode(&with_numbers(&plain, [u32::MAX - 2, u32::MAX, u32::MAX, 0])).unwrap();
    assert!(last.rotate(0, &SystemRandom::new()).is_err(), "no number is left");
}

#[test]
fn more_versions_than_are_kept_are_refused() {
    let mut plain = key(CIPHER, 1000).encode().to_vec();
    assert!(TransitKey::decode(&plain).is_ok());
    plain.extend([1; TIME_LEN + 32]);
    assert!(refuses(&with_numbers(&plain, [1, 1001, 1, 0])));
}

#[test]
fn a_format_key_has_its_first_version_only() {
    let mut plain = key(DIGITS, 1).encode().to_vec();
    assert!(refuses(&with_numbers(&plain, [2, 2, 2, 0])));
    plain.extend([1; TIME_LEN + 32]);
    assert!(refuses(&with_numbers(&plain, [1, 2, 1, 0])));
}

#[test]
fn secrets_that_are_no_scalars_are_refused() {
    for kind in [TransitKind::EcdsaP256, TransitKind::EcdsaP384] {
        let plain = key(kind, 1).encode();
        let head = &plain[..HEAD_LEN + TIME_LEN];
        for byte in [0x00, 0xff] {
            assert!(refuses(&[head, &vec![byte; kind.secret_len()]].concat()), "{kind:?}");
        }
    }
}

proptest! {
    #[test]
    fn what_is_read_is_what_would_be_written(
        numbers in [1_u32..5, 1..5, 0..6, 0..6],
        kind in 0_u8..12,
        parameters in prop_oneof![Just([0; 4]), any::<[u8; 4]>(), Just([49, 0, 0, 0]), Just([5, 0, 0, 0])],
        entries in vec(any::<u8>(), 0..250),
    ) {
        let head = [&[FORMAT, kind], parameters.as_slice(), &[0; 16]].concat();
        let plain = with_numbers(&[head, entries].concat(), numbers);
        if let Ok(key) = TransitKey::decode(&plain) {
            let written = key.encode();
            prop_assert_eq!(written.as_slice(), plain);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(plain in vec(any::<u8>(), 0..120)) {
        let _ = TransitKey::decode(&plain);
    }
}
