//! How binary secrets and tokens are written as text: lower-case base32 (RFC 4648, no padding) and check
//! characters; base64 where others have laid down the form.
//!
//! The check characters are a CRC, so any change within one character is always noticed and a scanner can
//! tell a leaked token from look-alikes without a key. They are no authentication and must never be taken for
//! one. Reading is strict: one value has one spelling.

use crc::{CRC_10_ATM, CRC_30_CDMA, Crc, Table};
use data_encoding::{BASE32_NOPAD, Encoding};
use zeroize::Zeroizing;

const CRC_10: Crc<u16, Table<1>> = Crc::<u16, Table<1>>::new(&CRC_10_ATM);
const CRC_30: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_30_CDMA);

/// The longest binary value that is written as text here.
const MAX_BYTES: usize = 40;
const MAX_CHARS: usize = MAX_BYTES * 8 / 5;

/// Appends `bytes` as base32. Allocates nothing when `out` has the room, so that a secret is written in one
/// place only.
pub(crate) fn push_base32(out: &mut String, bytes: &[u8]) {
    let start = out.len();
    BASE32_NOPAD.encode_append(bytes, out);
    if let Some(written) = out.get_mut(start..) {
        written.make_ascii_lowercase();
    }
}

/// Reads `N` bytes of base32, in the one spelling that [`push_base32`] writes.
pub(crate) fn read_base32<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    if BASE32_NOPAD.decode_len(text.len()) != Ok(N) || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut upper = Zeroizing::new([0; MAX_CHARS]);
    let upper = upper.get_mut(..text.len())?;
    upper.copy_from_slice(text.as_bytes());
    upper.make_ascii_uppercase();
    let mut bytes = Zeroizing::new([0; N]);
    BASE32_NOPAD.decode_mut(upper, bytes.as_mut_slice()).ok()?;
    Some(bytes)
}

/// Reads base64 of any alphabet, in the one spelling that the encoding writes. The decoder by itself takes
/// several padded pieces one after the other as well.
pub(crate) fn read_base64(encoding: &Encoding, text: &str) -> Option<Vec<u8>> {
    let padded_within = text.trim_end_matches('=').contains('=');
    if padded_within { None } else { encoding.decode(text.as_bytes()).ok() }
}

/// Two check characters: CRC-10/ATM of everything before them.
pub(crate) fn check_2(covered: &str) -> [char; 2] {
    let crc = CRC_10.checksum(covered.as_bytes());
    [symbol((crc >> 5).into()), symbol(crc.into())]
}

/// Six check characters: CRC-30/CDMA of everything before them.
pub(crate) fn check_6(covered: &str) -> [char; 6] {
    let crc = CRC_30.checksum(covered.as_bytes());
    [25, 20, 15, 10, 5, 0].map(|shift| symbol(crc >> shift))
}

/// Splits `text` at its last underscore and says whether the check after it fits what stands before it.
pub(crate) fn split_checked<const N: usize>(text: &str, check: fn(&str) -> [char; N]) -> Option<&str> {
    let (covered, written) = text.rsplit_once('_')?;
    written.chars().eq(check(covered)).then_some(covered)
}

/// A name that may stand between underscores: a lower-case letter, then lower-case letters and digits.
pub(crate) fn is_name(text: &str, longest: usize) -> bool {
    (2..=longest).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The base32 symbol of the low five bits.
fn symbol(value: u32) -> char {
    let value = (value & 31) as u8;
    char::from(if value < 26 { b'a' + value } else { b'2' + (value - 26) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn checksums_are_the_catalogued_ones() {
        assert_eq!(CRC_10.checksum(b"123456789"), 0x199);
        assert_eq!(CRC_30.checksum(b"123456789"), 0x04c3_4abf);
        assert_eq!(check_2("123456789").iter().collect::<String>(), "mz");
        assert_eq!(check_6("123456789").iter().collect::<String>(), "cmgsv7");
    }

    #[test]
    fn rfc_4648_in_lower_case() {
        let mut text = String::new();
        push_base32(&mut text, b"foobar");
        assert_eq!(text, "mzxw6ytboi");
        assert_eq!(*read_base32::<6>("mzxw6ytboi").unwrap(), *b"foobar");
    }

    #[test]
    fn one_value_has_one_spelling() {
        for other in ["MZXW6YTBOI", "mzxw6ytboI", "mzxw6ytboj", "mzxw6ytbo", "mzxw6ytboi=", "mzxw6ytb1i", ""]
        {
            assert!(read_base32::<6>(other).is_none(), "{other}");
        }
    }

    #[test]
    fn base64_has_one_spelling() {
        use data_encoding::{BASE64, BASE64URL_NOPAD};

        assert_eq!(read_base64(&BASE64, "+/8="), Some(b"\xfb\xff".to_vec()));
        for other in
            ["+/8", "+/8==", "+/9=", "-_8=", "+/8=\n", "+/8=+/8=", "+w==+/8=", "+/8=AAAA", "=", "===="]
        {
            assert_eq!(read_base64(&BASE64, other), None, "{other}");
        }
        assert_eq!(read_base64(&BASE64URL_NOPAD, "-_8"), Some(b"\xfb\xff".to_vec()));
        assert_eq!(read_base64(&BASE64URL_NOPAD, "-_8="), None);
    }

    proptest! {
        #[test]
        fn base64_that_is_read_is_what_would_be_written(text in "[A-Za-c+/=]{0,12}") {
            if let Some(bytes) = read_base64(&data_encoding::BASE64, &text) {
                prop_assert_eq!(data_encoding::BASE64.encode(&bytes), text);
            }
        }

        #[test]
        fn base32_round_trip(bytes: [u8; 38]) {
            let mut text = String::new();
            push_base32(&mut text, &bytes);
            prop_assert_eq!(*read_base32::<38>(&text).unwrap(), bytes);
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in ".{0,80}") {
            let _ = read_base32::<16>(&text);
            let _ = split_checked(&text, check_2);
        }
    }
}
