//! The published samples, for all three key lengths.

use aws_lc_rs::cipher::{AES_128, AES_192};
use data_encoding::HEXLOWER;

use super::*;

const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

fn numerals(text: &str) -> Vec<u8> {
    let numeral = |byte| ALPHABET.iter().position(|symbol| *symbol == byte).expect("a numeral");
    text.bytes().map(|byte| u8::try_from(numeral(byte)).unwrap()).collect()
}

/// NIST, "FF1 samples" (FF1samples.pdf, beside SP 800-38G in its collection of examples with intermediate
/// values), samples 1 to 9.
#[test]
fn nist_samples() {
    const KEY: &str = "2b7e151628aed2a6abf7158809cf4f3cef4359d8d580aa4f7f036d6f04fc6a94";
    const NO_TWEAK: &str = "";
    const TWEAK_10: &str = "39383736353433323130";
    const TWEAK_11: &str = "3737373770717273373737";
    const DIGITS: &str = "0123456789";
    const LETTERS: &str = "0123456789abcdefghi";
    for (sample, cipher, key_len, radix, tweak, plain, sealed) in [
        (1, &AES_128, 16, 10, NO_TWEAK, DIGITS, "2433477484"),
        (2, &AES_128, 16, 10, TWEAK_10, DIGITS, "6124200773"),
        (3, &AES_128, 16, 36, TWEAK_11, LETTERS, "a9tv40mll9kdu509eum"),
        (4, &AES_192, 24, 10, NO_TWEAK, DIGITS, "2830668132"),
        (5, &AES_192, 24, 10, TWEAK_10, DIGITS, "2496655549"),
        (6, &AES_192, 24, 36, TWEAK_11, LETTERS, "xbj3kv35jrawxv32ysr"),
        (7, &AES_256, 32, 10, NO_TWEAK, DIGITS, "6657667009"),
        (8, &AES_256, 32, 10, TWEAK_10, DIGITS, "1001623463"),
        (9, &AES_256, 32, 36, TWEAK_11, LETTERS, "xs8a0azh2avyalyzuwd"),
    ] {
        let key = HEXLOWER.decode(KEY.as_bytes()).unwrap();
        let ff1 = Ff1::with_cipher(cipher, &key[..key_len], radix).unwrap();
        let tweak = HEXLOWER.decode(tweak.as_bytes()).unwrap();
        let permutation = ff1.permutation(plain.len(), &tweak).unwrap();

        let mut text = numerals(plain);
        permutation.encrypt(&mut text).unwrap();
        assert_eq!(text, numerals(sealed), "sample {sample}");
        permutation.decrypt(&mut text).unwrap();
        assert_eq!(text, numerals(plain), "sample {sample}");
    }
}

#[test]
fn a_number_is_its_numerals() {
    let ff1 = Ff1::new(&Key::from_bytes([1; 32].into()), 10).unwrap();
    let permutation = ff1.permutation(11, b"tweak").unwrap();
    let mut text = numerals("00123456789");
    permutation.encrypt(&mut text).unwrap();
    let number = text.iter().fold(0, |number, numeral| number * 10 + u128::from(*numeral));
    assert_eq!(permutation.encrypt_number(123_456_789).unwrap(), number);
    assert_eq!(permutation.decrypt_number(number).unwrap(), 123_456_789);

    let beyond = 10_u128.pow(11);
    assert_eq!(permutation.encrypt_number(beyond), Err(Error::Malformed("number")));
    assert_eq!(permutation.decrypt_number(beyond), Err(Error::Malformed("number")));
    let long = ff1.permutation(39, b"").unwrap();
    assert_eq!(long.encrypt_number(1), Err(Error::Parameters("domain over 127 bits")));
}

#[test]
fn debug_shows_no_secret() {
    let ff1 = Ff1::new(&Key::from_bytes([0xab; 32].into()), 10).unwrap();
    assert_eq!(format!("{ff1:?}"), "Ff1(radix 10)");
    assert_eq!(format!("{:?}", ff1.permutation(16, b"x").unwrap()), "Permutation(radix 10, length 16)");
}
