//! How numbers and hashes are written as text. Reading is strict: one value has one spelling.

use data_encoding::BASE64;

/// Reads base64 in the one spelling that is written. The decoder by itself takes several padded pieces one after the other
/// as well.
pub(crate) fn read_base64(text: &str) -> Option<Vec<u8>> {
    let padded_within = text.trim_end_matches('=').contains('=');
    if padded_within { None } else { BASE64.decode(text.as_bytes()).ok() }
}

/// Reads a decimal number below 2^63, without a sign and without leading zeros.
pub(crate) fn read_number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    let number: u64 = (digits && canonical).then(|| text.parse().ok()).flatten()?;
    (number <= i64::MAX.unsigned_abs()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_spelling() {
        assert_eq!(read_number("0"), Some(0));
        assert_eq!(read_number("9223372036854775807"), Some(i64::MAX.unsigned_abs()));
        for other in ["", "00", "01", "+1", "-1", " 1", "1 ", "9223372036854775808", "1_000", "١"] {
            assert_eq!(read_number(other), None, "{other}");
        }
    }

    #[test]
    fn base64_has_one_spelling() {
        assert_eq!(read_base64("+/8="), Some(b"\xfb\xff".to_vec()));
        for other in ["+/8", "+/8==", "+/9=", "-_8=", "+/8=\n", "+/8=+/8=", "+w==+/8=", "=", "===="] {
            assert_eq!(read_base64(other), None, "{other}");
        }
    }
}
