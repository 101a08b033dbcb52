//! How tokens, keys and shares are written, a second time: base32 and check characters from the
//! specifications.
//!
//! Nothing of `avouch_seal` may be used here. With it a target writes texts whose checks are right, so that a
//! reader is tried beyond its first look; and says what a text would have to be, to be the one spelling.

use crc::{CRC_10_ATM, CRC_30_CDMA, Crc};
use data_encoding::{BASE32_NOPAD, Encoding};

const CRC_10: Crc<u16> = Crc::<u16>::new(&CRC_10_ATM);
const CRC_30: Crc<u32> = Crc::<u32>::new(&CRC_30_CDMA);

/// `bytes` in lower-case base32 (RFC 4648) without padding.
pub(crate) fn base32(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

/// Whether `text` is what [`base32`] writes of some `length` bytes.
pub(crate) fn is_base32(text: &str, length: usize) -> bool {
    let read = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes());
    read.is_ok_and(|bytes| bytes.len() == length && base32(&bytes) == text)
}

/// Whether `text` is what `encoding` writes of some bytes.
pub(crate) fn is_written_in(encoding: &Encoding, text: &str) -> bool {
    encoding.decode(text.as_bytes()).is_ok_and(|bytes| encoding.encode(&bytes) == text)
}

/// The two check characters of a token: CRC-10/ATM, five bits to a character.
pub(crate) fn check_2(covered: &str) -> String {
    symbols(CRC_10.checksum(covered.as_bytes()).into(), 2)
}

/// The six check characters of a key, key file or share: CRC-30/CDMA.
pub(crate) fn check_6(covered: &str) -> String {
    symbols(CRC_30.checksum(covered.as_bytes()), 6)
}

/// The lowest `count` groups of five bits, in base32.
fn symbols(value: u32, count: u32) -> String {
    let symbol = |at: u32| b"abcdefghijklmnopqrstuvwxyz234567".get((value >> (5 * at)) as usize & 31);
    (0..count).rev().filter_map(symbol).copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the catalogue, and RFC 4648, section 10.
    #[test]
    fn checks_and_base32_are_the_published_ones() {
        assert_eq!(CRC_10.checksum(b"123456789"), 0x199);
        assert_eq!(CRC_30.checksum(b"123456789"), 0x04c3_4abf);
        assert_eq!((symbols(0x199, 2), symbols(0x04c3_4abf, 6)), ("mz".to_owned(), "cmgsv7".to_owned()));
        assert_eq!(base32(b"foobar"), "mzxw6ytboi");
        assert!(is_base32("mzxw6ytboi", 6) && !is_base32("mzxw6ytboj", 6) && !is_base32("MZXW6YTBOI", 6));
    }
}
