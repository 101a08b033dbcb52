//! FF1 of any radix, length and tweak within its limits is what `fpe` computes, comes back, and is the same
//! permutation for numerals as for the number that they write. Outside the limits it refuses, and so it does
//! for what is no numeral string; it leaves that as it was.

use aes::Aes256;
use arbitrary::{Result, Unstructured};
use avouch_seal::{
    Error, Key,
    ff1::{Ff1, MAX_TWEAK, MIN_DOMAIN, Permutation},
};
use fpe::ff1::{FF1, FlexibleNumeralString};
use zeroize::Zeroizing;

pub(super) fn check(mut input: Unstructured<'_>) -> Result<()> {
    let (key, radix): ([u8; 32], u8) = (input.arbitrary()?, input.int_in_range(0..=66)?);
    let length = input.int_in_range(0..=MAX_TWEAK + 1)?;
    let tweak = input.bytes(length.min(input.len()))?;
    let bytes = input.take_rest();

    let ff1 = Ff1::new(&Key::from_bytes(Zeroizing::new(key)), radix);
    if !(2..=64).contains(&radix) {
        assert!(matches!(ff1.map(drop), Err(Error::Parameters(_))));
        return Ok(());
    }
    let ff1 = ff1.expect("a radix");
    let permutation = ff1.permutation(bytes.len(), tweak);
    if !within_limits(radix, bytes.len()) || tweak.len() > MAX_TWEAK {
        assert!(matches!(permutation.map(drop), Err(Error::Parameters(_))));
        return Ok(());
    }
    let permutation = permutation.expect("within the limits");
    refuses(&permutation, radix, bytes);

    let numerals: Vec<u8> = bytes.iter().map(|byte| byte % radix).collect();
    let mut sealed = numerals.clone();
    permutation.encrypt(&mut sealed).expect("a numeral string");
    assert_eq!(sealed, by_fpe(&key, radix, tweak, &numerals));
    if let Some((number, expected)) = number(radix, &numerals).zip(number(radix, &sealed)) {
        assert_eq!(permutation.encrypt_number(number), Ok(expected));
        assert_eq!(permutation.decrypt_number(expected), Ok(number));
    }
    permutation.decrypt(&mut sealed).expect("a numeral string");
    assert_eq!(sealed, numerals);
    Ok(())
}

/// From a million strings on, and the longer half within 96 bits.
fn within_limits(radix: u8, length: usize) -> bool {
    let power = |exponent: usize| u128::from(radix).checked_pow(u32::try_from(exponent).ok()?);
    let large = power(length).is_none_or(|domain| domain >= MIN_DOMAIN);
    large && power(length - length / 2).is_some_and(|half| half <= 1 << 96)
}

/// Bytes that are no numerals of this radix.
fn refuses(permutation: &Permutation<'_>, radix: u8, bytes: &[u8]) {
    if bytes.iter().any(|byte| *byte >= radix) {
        let mut wrong = bytes.to_vec();
        assert_eq!(permutation.encrypt(&mut wrong), Err(Error::Malformed("numeral string")));
        assert_eq!(permutation.decrypt(&mut wrong), Err(Error::Malformed("numeral string")));
        assert_eq!(wrong, bytes);
    }
}

fn by_fpe(key: &[u8; 32], radix: u8, tweak: &[u8], numerals: &[u8]) -> Vec<u8> {
    let wide: Vec<u16> = numerals.iter().copied().map(u16::from).collect();
    let ff1 = FF1::<Aes256>::new(key, radix.into()).expect("a radix");
    let sealed: Vec<u16> =
        ff1.encrypt(tweak, &FlexibleNumeralString::from(wide)).expect("within limits").into();
    sealed.into_iter().map(|numeral| u8::try_from(numeral).expect("below the radix")).collect()
}

/// The number that the numerals write, where the domain is one that numbers are permuted in.
fn number(radix: u8, numerals: &[u8]) -> Option<u128> {
    let radix = u128::from(radix);
    radix.checked_pow(u32::try_from(numerals.len()).ok()?).filter(|domain| *domain <= 1 << 127)?;
    Some(numerals.iter().fold(0, |number, numeral| number * radix + u128::from(*numeral)))
}
