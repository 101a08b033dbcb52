use core::cell::{Cell, RefCell};

use aws_lc_rs::test::rand::FixedByteRandom;
use data_encoding::HEXLOWER;
use proptest::{prelude::*, sample::subsequence};
use zeroize::ZeroizeOnDrop;

use super::*;
use crate::{
    SystemRandom, VaultId,
    root::{KeyFileSeal, RootError},
    text::check_6,
};

const CONTEXT: SealContext =
    SealContext { vault: VaultId([1; 16]), purpose: labels::KEYRING_KEY, generation: 7 };

/// Two line ends, 52 symbols in 13 groups, 24 in 6, the check and a line end.
const LINES: usize = 2 + (52 + 12) + (24 + 5) + (1 + 6) + 1;

fn made(threshold: u8, count: u8) -> (SharesSeal, Vec<Share>) {
    SharesSeal::generate(threshold, count, &SystemRandom::new()).expect("allowed parameters")
}

fn copy(share: &Share) -> Share {
    Share { value: Key::from_bytes(Zeroizing::new(*share.value.bytes())), ..*share }
}

fn chosen<'a>(shares: impl IntoIterator<Item = &'a Share>) -> Vec<Share> {
    shares.into_iter().map(copy).collect()
}

fn wrapped(seal: &SharesSeal) -> Vec<u8> {
    seal.wrap(b"the keyring", &CONTEXT, &SystemRandom::new()).expect("a seal wraps")
}

/// The text with its last check made to fit again: what somebody does who alters a share on purpose.
fn mended(text: &str) -> String {
    let (covered, _) = text.rsplit_once('_').expect("the check stands after an underscore");
    format!("{covered}_{}\n", check_6(covered).iter().collect::<String>())
}

#[test]
fn every_subset_opens_or_is_refused_by_its_size_alone() {
    for (threshold, count) in (2..=6).flat_map(|count| (2..=count).map(move |threshold| (threshold, count))) {
        let (seal, shares) = made(threshold, count);
        let blob = wrapped(&seal);
        for mask in 0_u32..1 << count {
            let some = chosen(shares.iter().filter(|share| mask >> (share.number() - 1) & 1 == 1));
            let combined = SharesSeal::combine(&some);
            if mask.count_ones() < threshold.into() {
                assert_eq!(combined.unwrap_err(), TOO_FEW, "{threshold} of {count}: {mask:b}");
            } else {
                let opened = combined.unwrap().unwrap(&blob, &CONTEXT).unwrap();
                assert_eq!(opened.as_slice(), b"the keyring", "{threshold} of {count}: {mask:b}");
            }
        }
    }
}

/// A threshold, a count, and some of the shares in some order.
fn gathering() -> impl Strategy<Value = (u8, u8, Vec<u8>)> {
    (2..=MAX_SHARES).prop_flat_map(|count| {
        let numbers = subsequence((1..=count).collect::<Vec<u8>>(), 0..=count.into()).prop_shuffle();
        (2..=count, Just(count), numbers)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn enough_shares_open_in_any_order_and_fewer_do_not((threshold, count, numbers) in gathering()) {
        let (seal, shares) = made(threshold, count);
        let some = chosen(numbers.iter().map(|number| &shares[usize::from(*number) - 1]));
        match SharesSeal::combine(&some) {
            Ok(combined) => {
                prop_assert!(numbers.len() >= threshold.into());
                prop_assert_eq!(combined.set(), seal.set());
                prop_assert_eq!((combined.threshold(), combined.count()), (threshold, count));
                for (one, other) in [(&combined, &seal), (&seal, &combined)] {
                    let opened = one.unwrap(&wrapped(other), &CONTEXT).unwrap();
                    prop_assert_eq!(opened.as_slice(), b"the keyring");
                }
            }
            Err(refused) => {
                prop_assert!(numbers.len() < threshold.into());
                prop_assert_eq!(refused, TOO_FEW);
            }
        }
    }

    #[test]
    fn every_share_reads_back_from_its_text((threshold, count, _) in gathering()) {
        for share in made(threshold, count).1 {
            let text = share.to_text();
            prop_assert_eq!((text.len(), text.capacity()), (share.header().len() + LINES, text.len()));
            for text in [String::clone(&text), text.replace('\n', "\r\n"), text.trim_end().to_owned()] {
                let read = Share::from_text(&text).unwrap();
                prop_assert_eq!(read.point(), share.point());
                prop_assert_eq!(read.set.header(), share.set.header());
                prop_assert_eq!(read.check, share.check);
            }
        }
    }

    #[test]
    fn any_text_is_refused_unharmed(text in "(avouch recovery share v1: [0-9]{1,3} of )?(.|\n){0,99}") {
        prop_assert_eq!(Share::from_text(&text).unwrap_err(), Error::Malformed("recovery share"));
        if text.contains('_') {
            prop_assert!(Share::from_text(&mended(&text)).is_err());
        }
    }
}

/// Computed apart, in Python, by the formulas of the module pages.
#[test]
fn the_text_is_pinned() {
    let (_, shares) = SharesSeal::generate(3, 5, &FixedByteRandom { byte: 0x42 }).unwrap();
    let text: Vec<_> = shares.iter().map(|share| String::clone(&share.to_text())).collect();
    insta::assert_snapshot!(text.join("\n"), @"
    avouch recovery share v1: 1 of 5, any 3 open the vault (set ijbeeqscijbee)
    ijbe eqsc ijbe eqsc ijbe eqsc ijbe eqsc ijbe eqsc ijbe eqsc ijba
    apfn l25n sukf xjxq nw2g w7lr_jzybr2

    avouch recovery share v1: 2 of 5, any 3 open the vault (set ijbeeqscijbee)
    2xk5 lvov 2xk5 lvov 2xk5 lvov 2xk5 lvov 2xk5 lvov 2xk5 lvov 2xkq
    apfn l25n sukf xjxq nw2g w7lr_sdwwdh

    avouch recovery share v1: 3 of 5, any 3 open the vault (set ijbeeqscijbee)
    2xk5 lvov 2xk5 lvov 2xk5 lvov 2xk5 lvov 2xk5 lvov 2xk5 lvov 2xkq
    apfn l25n sukf xjxq nw2g w7lr_p5waos

    avouch recovery share v1: 4 of 5, any 3 open the vault (set ijbeeqscijbee)
    duor 2hi5 duor 2hi5 duor 2hi5 duor 2hi5 duor 2hi5 duor 2hi5 duoq
    apfn l25n sukf xjxq nw2g w7lr_2y3fl7

    avouch recovery share v1: 5 of 5, any 3 open the vault (set ijbeeqscijbee)
    duor 2hi5 duor 2hi5 duor 2hi5 duor 2hi5 duor 2hi5 duor 2hi5 duoq
    apfn l25n sukf xjxq nw2g w7lr_hg3tgk
    ");
    let (_, shares) = SharesSeal::generate(16, 16, &FixedByteRandom { byte: 0x42 }).unwrap();
    insta::assert_snapshot!(*shares.last().unwrap().to_text(), @"
    avouch recovery share v1: 16 of 16, any 16 open the vault (set ijbeeqscijbee)
    6737 p57x 6737 p57x 6737 p57x 6737 p57x 6737 p57x 6737 p57x 673q
    dfih i5hm 7vss r4pf ichm krwl_4wpwce
    ");
}

/// Computed apart, as above. A failure means that what earlier versions wrapped no longer opens.
#[test]
fn the_blob_is_pinned() {
    let rng = FixedByteRandom { byte: 0x42 };
    let (seal, _) = SharesSeal::generate(3, 5, &rng).unwrap();
    assert_eq!(
        HEXLOWER.encode(&seal.wrap(b"the keyring", &CONTEXT, &rng).unwrap()),
        "0342424242424242420305\
         01424242424242424242424242424242424242424242424242\
         c713d3f9d00691ea0e88eb2faade03a180d7cefbd9c17ee81c38e9"
    );
}

#[test]
fn one_altered_bit_is_refused_on_paper() {
    let (_, shares) = made(2, 3);
    let text = shares[0].to_text();
    for bit in 0..text.len() * 8 {
        let mut altered = text.as_bytes().to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        let read = String::from_utf8(altered).is_ok_and(|text| Share::from_text(&text).is_ok());
        assert!(!read, "bit {bit}");
    }
}

#[test]
fn one_altered_bit_gives_no_seal_even_if_the_text_is_mended() {
    for count in [2, 3] {
        let (_, shares) = made(2, count);
        let text = shares[0].to_text();
        let mut combined = 0;
        for bit in 0..text.rfind('_').unwrap() * 8 {
            let mut altered = text.as_bytes().to_vec();
            altered[bit / 8] ^= 1 << (bit % 8);
            let Ok(altered) = String::from_utf8(altered) else { continue };
            let Ok(share) = Share::from_text(&mended(&altered)) else { continue };
            combined += 1;
            let mut some = chosen(&shares[1..]);
            some.push(share);
            assert!(SharesSeal::combine(&some).is_err(), "bit {bit}");
        }
        assert!(combined > 200, "the check at the end of the text did all the work: {combined}");
    }
}

#[test]
fn every_altered_bit_of_a_share_is_noticed() {
    let (_, shares) = made(3, 5);
    for at in 0..shares.len() {
        for bit in 0..256 {
            let mut some = chosen(&shares);
            let mut value = Zeroizing::new(*some[at].value.bytes());
            value[bit / 8] ^= 1 << (bit % 8);
            some[at].value = Key::from_bytes(value);
            assert_eq!(SharesSeal::combine(&some).unwrap_err(), ALTERED, "share {at}, bit {bit}");
        }
        for bit in 0..CHECK_LEN * 8 {
            let mut some = chosen(&shares);
            some[at].check[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SharesSeal::combine(&some).unwrap_err(), ALTERED, "check {at}, bit {bit}");
        }
    }
}

#[test]
fn a_share_with_another_number_is_refused() {
    let (_, shares) = made(2, 4);
    let mut some = chosen(&shares[..2]);
    some[0].number = 3;
    assert_eq!(SharesSeal::combine(&some).unwrap_err(), ALTERED);
}

#[test]
fn a_share_of_another_set_is_refused() {
    let ((_, ours), (_, theirs)) = (made(2, 3), made(2, 3));
    let mut mixed = chosen([&ours[0], &theirs[1]]);
    assert_eq!(SharesSeal::combine(&mixed).unwrap_err(), OTHER_SET);
    // Under a false name it still gives another key.
    mixed[1].set = mixed[0].set;
    assert_eq!(SharesSeal::combine(&mixed).unwrap_err(), ALTERED);
    mixed[1].check = mixed[0].check;
    assert_eq!(SharesSeal::combine(&mixed).unwrap_err(), ALTERED);
}

#[test]
fn too_few_and_repeated_shares_are_refused() {
    let (_, shares) = made(3, 5);
    assert_eq!(SharesSeal::combine(&[]).unwrap_err(), TOO_FEW);
    assert_eq!(SharesSeal::combine(&shares[..2]).unwrap_err(), TOO_FEW);
    let repeated = chosen([&shares[0], &shares[1], &shares[0]]);
    assert_eq!(SharesSeal::combine(&repeated).unwrap_err(), REPEATED);
    let repeated = chosen([&shares[0], &shares[1], &shares[2], &shares[2]]);
    assert_eq!(SharesSeal::combine(&repeated).unwrap_err(), REPEATED);
}

#[test]
fn a_lower_threshold_on_the_shares_does_not_help() {
    let (_, shares) = made(3, 5);
    for given in [2, 3] {
        let lowered: Vec<_> = shares[..given]
            .iter()
            .map(|share| Share::from_text(&mended(&share.to_text().replace("any 3", "any 2"))).unwrap())
            .collect();
        assert_eq!(SharesSeal::combine(&lowered).unwrap_err(), ALTERED, "{given}");
    }
    let mut mixed = chosen(&shares);
    mixed[4].set.threshold = 2;
    assert_eq!(SharesSeal::combine(&mixed).unwrap_err(), ALTERED);
}

#[test]
fn another_header_on_the_blob_does_not_help() {
    let (seal, shares) = made(3, 5);
    let blob = wrapped(&seal);
    let mut lowered = chosen(&shares);
    for share in &mut lowered {
        share.set.threshold = 2;
    }
    // Even with the right key in hand: another threshold is another wrapping key.
    let passed_off = SharesSeal::new(&interpolate(&lowered).unwrap(), lowered[0].set).unwrap();
    assert_eq!(passed_off.unwrap(&blob, &CONTEXT), Err(Error::Tampered.into()));
    for (at, refused) in [(0, Error::WrongRoot), (1, Error::WrongRoot), (8, Error::WrongRoot)]
        .into_iter()
        .chain([(9, Error::Tampered), (10, Error::Tampered)])
    {
        for bit in 0..8 {
            let mut altered = blob.clone();
            altered[at] ^= 1 << bit;
            assert_eq!(seal.unwrap(&altered, &CONTEXT), Err(refused.into()), "byte {at}, bit {bit}");
            assert!(passed_off.unwrap(&altered, &CONTEXT).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn a_blob_opens_for_its_own_vault_purpose_and_generation_only() {
    let (seal, _) = made(2, 3);
    let blob = wrapped(&seal);
    for moved in [
        SealContext { vault: VaultId([2; 16]), ..CONTEXT },
        SealContext { purpose: labels::KEK, ..CONTEXT },
        SealContext { generation: 6, ..CONTEXT },
        SealContext { generation: 8, ..CONTEXT },
    ] {
        assert_eq!(seal.unwrap(&blob, &moved), Err(Error::Tampered.into()), "{moved:?}");
    }
}

#[test]
fn other_roots_do_not_open_it() {
    let (seal, _) = made(2, 3);
    let (file, _) = KeyFileSeal::generate(&SystemRandom::new()).unwrap();
    let by_file = file.wrap(b"x", &CONTEXT, &SystemRandom::new()).unwrap();
    assert_eq!(made(2, 3).0.unwrap(&wrapped(&seal), &CONTEXT), Err(Error::WrongRoot.into()));
    assert_eq!(file.unwrap(&wrapped(&seal), &CONTEXT), Err(Error::WrongRoot.into()));
    assert_eq!(seal.unwrap(&by_file, &CONTEXT), Err(Error::WrongRoot.into()));
}

#[test]
fn truncated_and_altered_blobs_are_refused() {
    let (seal, _) = made(2, 3);
    let blob = wrapped(&seal);
    for at in 0..blob.len() {
        let refused = seal.unwrap(&blob[..at], &CONTEXT).unwrap_err();
        assert!(
            matches!(refused, RootError::Seal(Error::Malformed("wrapped keyring") | Error::Tampered)),
            "{at}: {refused:?}"
        );
        let mut altered = blob.clone();
        altered[at] ^= 0x80;
        assert!(seal.unwrap(&altered, &CONTEXT).is_err(), "{at}");
    }
}

#[test]
fn parameters_have_bounds() {
    for (threshold, count) in [(0, 0), (0, 3), (1, 1), (1, 3), (4, 3), (2, 17), (17, 17), (255, 255)] {
        let refused = SharesSeal::generate(threshold, count, &SystemRandom::new()).unwrap_err();
        assert!(matches!(refused, Error::Parameters(_)), "{threshold} of {count}: {refused:?}");
        let text = made(2, 3).1[0].to_text();
        let text = text.replace("of 3, any 2", &format!("of {count}, any {threshold}"));
        assert!(Share::from_text(&mended(&text)).is_err(), "{threshold} of {count}");
    }
    for (threshold, count) in [(2, 2), (2, 16), (16, 16)] {
        assert_eq!(made(threshold, count).1.len(), usize::from(count));
    }
}

#[test]
fn a_share_has_one_spelling() {
    let text = made(2, 3).1[0].to_text();
    let group = text.lines().nth(1).unwrap().get(..4).unwrap();
    for (from, to) in [
        ("1 of 3", "01 of 3"),
        ("1 of 3", "+1 of 3"),
        ("1 of 3", "0 of 3"),
        ("1 of 3", "4 of 3"),
        ("1 of 3", "257 of 3"),
        ("of 3", "of 03"),
        ("any 2", "any +2"),
        ("v1", "v2"),
        ("avouch", "Avouch"),
        ("set ", "set  "),
        (")\n", ") \n"),
        (")\n", ")\n\n"),
        (&format!("{group} "), group),
        (&format!("{group} "), &format!("{group}  ")),
        (&format!("{group} "), &format!(" {group} ")),
        (group, &group.to_uppercase().replace(|digit: char| digit.is_ascii_digit(), "A")),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, *text, "{from:?} {to:?}");
        assert!(Share::from_text(&mended(&other)).is_err(), "{from:?} {to:?}");
    }
    for other in ["", "\n", "\n\n\n", text.lines().next().unwrap(), &format!("{}more\n", *text)] {
        assert_eq!(Share::from_text(other).unwrap_err(), Error::Malformed("recovery share"));
    }
    assert!(Share::from_text(&mended(&text)).is_ok(), "mending spoils a good text");
}

/// Fails at one draw and works at all others.
#[derive(Debug)]
struct FailsAt {
    at: usize,
    draws: Cell<usize>,
}

impl crate::random::sealed::Sealed for FailsAt {}

impl SecureRandom for FailsAt {
    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        if self.draws.replace(self.draws.get() + 1) == self.at {
            return Err(Error::Random);
        }
        SystemRandom::new().fill(bytes)
    }
}

#[test]
fn no_share_is_made_of_a_draw_that_failed() {
    let rng = FailsAt { at: usize::MAX, draws: Cell::new(0) };
    SharesSeal::generate(3, 4, &rng).unwrap();
    let draws = rng.draws.get();
    assert_eq!(draws, 1 + 1 + 2 * 32, "set, key, and two coefficients for each byte of it");
    for at in 0..draws {
        let rng = FailsAt { at, draws: Cell::new(0) };
        assert_eq!(SharesSeal::generate(3, 4, &rng).unwrap_err(), Error::Random, "draw {at}");
    }
}

/// RUSTSEC-2024-0398: where no coefficient is zero, no share is ever its byte of the secret, and enough sets
/// of one secret give it away.
#[test]
fn a_share_takes_every_value_alike() {
    let key = Key::from_bytes(Zeroizing::new([0x5a; 32]));
    let set = Set::new([0; ID_LEN], 2, 2).unwrap();
    let mut seen = [0_u32; 256];
    for _ in 0..512 {
        let shares = split(&key, set, &SystemRandom::new()).unwrap();
        shares[0].value.bytes().iter().for_each(|byte| seen[usize::from(*byte)] += 1);
    }
    // 64 are expected, with a deviation of 8.
    assert!(seen.iter().all(|times| (10..=160).contains(times)), "{seen:?}");
}

/// Multiplication in GF(2^8) as FIPS 197 writes it: a polynomial product, reduced by x^8 + x^4 + x^3 + x + 1.
fn product(left: u8, right: u8) -> u8 {
    let mut product =
        (0..8).filter(|bit| right >> bit & 1 == 1).fold(0, |sum, bit| sum ^ u16::from(left) << bit);
    for bit in (8..16).rev() {
        if product >> bit & 1 == 1 {
            product ^= 0x11b << (bit - 8);
        }
    }
    u8::try_from(product).expect("reduced")
}

fn power(base: u8, exponent: usize) -> u8 {
    (0..exponent).fold(1, |power, _| product(power, base))
}

fn inverse(of: u8) -> u8 {
    (1..=255).find(|other| product(of, *other) == 1).expect("a field")
}

#[test]
fn the_field_is_that_of_fips_197() {
    // Section 4.2 of the standard, and the inverse pair of its table of substitutions.
    for (left, right, expected) in [(0x57, 0x83, 0xc1), (0x57, 0x13, 0xfe), (0x53, 0xca, 0x01)] {
        assert_eq!(product(left, right), expected);
    }
    for left in 0..=255 {
        for right in 0..=255 {
            assert_eq!((Gf256(left) * Gf256(right)).0, product(left, right), "{left:02x} {right:02x}");
        }
    }
}

/// Foreseeable bytes, and which they were.
#[derive(Debug)]
struct Recorded(RefCell<Vec<u8>>);

impl crate::random::sealed::Sealed for Recorded {}

impl SecureRandom for Recorded {
    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        let mut drawn = self.0.borrow_mut();
        for byte in bytes {
            *byte = u8::try_from(drawn.len() * 167 % 251).expect("below 251");
            drawn.push(*byte);
        }
        Ok(())
    }
}

#[test]
fn shares_are_values_of_the_polynomial_and_lagrange_gives_the_key() {
    let secret: [u8; 32] = core::array::from_fn(|at| u8::try_from(at * 37 % 256).expect("a byte"));
    for (threshold, count) in [(2, 2), (2, 5), (3, 5), (5, 9), (16, 16)] {
        let rng = Recorded(RefCell::default());
        let key = Key::from_bytes(Zeroizing::new(secret));
        let shares = split(&key, Set::new([7; ID_LEN], threshold, count).unwrap(), &rng).unwrap();
        let degree = usize::from(threshold) - 1;
        // The library draws 32 bits for a coefficient and keeps the low eight.
        let drawn: Vec<u8> = rng.0.into_inner().chunks(4).map(|word| word[0]).collect();
        assert_eq!(drawn.len(), 32 * degree);

        for share in &shares {
            for (at, value) in share.value.bytes().iter().enumerate() {
                let coefficients = [&[secret[at]], &drawn[at * degree..][..degree]].concat();
                let expected = coefficients
                    .iter()
                    .enumerate()
                    .fold(0, |sum, (exponent, a)| sum ^ product(*a, power(share.number(), exponent)));
                assert_eq!(*value, expected, "share {} of {count}, byte {at}", share.number());
            }
        }

        let last = &shares[shares.len() - usize::from(threshold)..];
        let plain: Vec<u8> = (0..32)
            .map(|at| {
                last.iter().fold(0, |sum, share| {
                    let others = last.iter().map(Share::number).filter(|other| *other != share.number());
                    let weight = others.fold(1, |weight, other| {
                        product(weight, product(other, inverse(other ^ share.number())))
                    });
                    sum ^ product(weight, share.value.bytes()[at])
                })
            })
            .collect();
        assert_eq!(plain, secret);
        assert_eq!(*interpolate(last).unwrap().bytes(), secret);
    }
}

#[test]
fn fewer_shares_interpolate_to_another_key() {
    let key = Key::generate(&SystemRandom::new()).unwrap();
    let shares = split(&key, Set::new([7; ID_LEN], 3, 5).unwrap(), &SystemRandom::new()).unwrap();
    assert!(interpolate(&shares[..3]).unwrap().same_as(&key));
    assert!(!interpolate(&shares[..2]).unwrap().same_as(&key));
}

#[test]
fn info_is_honest_and_debug_shows_no_secret() {
    fn wiped<T: ZeroizeOnDrop>(_: &T) {}

    let (seal, shares) = made(2, 3);
    wiped(&shares[0]);
    let expected = SealInfo { kind: SealKind::Shares, key_beside_data_possible: false, demo: false };
    assert_eq!(seal.info(), expected);
    assert_eq!(seal.info().kind.to_string(), "recovery shares");
    assert_eq!(seal.health(), Ok(()));
    insta::assert_snapshot!(format!("{seal:?} {:?}", shares[0]), @"SharesSeal { threshold: 2, count: 3, .. } Share { number: 1, threshold: 2, count: 3, .. }");
}
