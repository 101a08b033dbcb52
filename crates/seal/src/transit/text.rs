//! How what a key makes is written: `vault:v` || version || `:` || base64, as the clients of transit engines
//! expect it. Reading is strict: one value has one spelling.

use data_encoding::Encoding;

use crate::{Error, Result, text::read_base64};

const PREFIX: &str = "vault:v";
/// Room for prefix, the longest number and colon.
const HEAD: usize = PREFIX.len() + 10 + 1;

/// Writes what a version made.
pub(super) fn write(version: u32, encoding: &Encoding, bytes: &[u8]) -> String {
    let mut text = String::with_capacity(HEAD + encoding.encode_len(bytes.len()));
    text.push_str(PREFIX);
    text.push_str(&version.to_string());
    text.push(':');
    encoding.encode_append(bytes, &mut text);
    text
}

/// Reads what [`write`] wrote: the version, and what it made. `name` says what is expected.
pub(super) fn read(text: &str, encoding: &Encoding, name: &'static str) -> Result<(u32, Vec<u8>)> {
    let malformed = Error::Malformed(name);
    let (version, bytes) =
        text.strip_prefix(PREFIX).and_then(|rest| rest.split_once(':')).ok_or(malformed)?;
    let version = read_version(version).ok_or(malformed)?;
    Ok((version, read_base64(encoding, bytes).ok_or(malformed)?))
}

/// A number from 1 on, without a sign and without leading zeros, which `parse` takes as well.
fn read_version(text: &str) -> Option<u32> {
    text.starts_with(|first: char| matches!(first, '1'..='9')).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use data_encoding::{BASE64, BASE64URL_NOPAD};
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn the_form_is_that_of_transit_engines() {
        assert_eq!(write(1, &BASE64, b"\xfb\xff"), "vault:v1:+/8=");
        assert_eq!(write(u32::MAX, &BASE64URL_NOPAD, b"\xfb\xff"), "vault:v4294967295:-_8");
        assert_eq!(write(7, &BASE64, b""), "vault:v7:");
    }

    #[test]
    fn one_value_has_one_spelling() {
        for wrong in [
            "",
            "vault",
            "vault:v1",
            "vault:1:+/8=",
            "vault:v:+/8=",
            "vault:v0:+/8=",
            "vault:v01:+/8=",
            "vault:v+1:+/8=",
            "vault:v-1:+/8=",
            "vault:v 1:+/8=",
            "vault:v1 :+/8=",
            "vault:v١:+/8=",
            "vault:v4294967296:+/8=",
            "Vault:v1:+/8=",
            "vault:V1:+/8=",
            " vault:v1:+/8=",
            "vault:v1::+/8=",
            "vault:v1:+/8",
            "vault:v1:+/9=",
            "vault:v1:+/8==",
            "vault:v1:-_8=",
            "vault:v1:+/8=\n",
            "vault:v1:+/\n8=",
            "vault:v1:+/8=+/8=",
        ] {
            assert_eq!(read(wrong, &BASE64, "text"), Err(Error::Malformed("text")), "{wrong:?}");
        }
        assert_eq!(read("vault:v1:+/8=", &BASE64, "text"), Ok((1, b"\xfb\xff".to_vec())));
        assert_eq!(read("vault:v1:-_8", &BASE64URL_NOPAD, "text"), Ok((1, b"\xfb\xff".to_vec())));
        assert!(read("vault:v1:-_8=", &BASE64URL_NOPAD, "text").is_err());
    }

    proptest! {
        #[test]
        fn round_trip(version in 1_u32.., bytes in vec(any::<u8>(), 0..100)) {
            for encoding in [&BASE64, &BASE64URL_NOPAD] {
                let text = write(version, encoding, &bytes);
                prop_assert_eq!(read(&text, encoding, "text"), Ok((version, bytes.clone())));
            }
        }

        #[test]
        fn what_is_read_is_what_would_be_written(text in "vault:v[0-9+]{1,11}:[A-Za-z0-9+/=]{0,9}") {
            if let Ok((version, bytes)) = read(&text, &BASE64, "text") {
                prop_assert_eq!(write(version, &BASE64, &bytes), text);
            }
        }
    }
}
