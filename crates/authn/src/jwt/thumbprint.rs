//! What a token is bound to: the hash of a public key, or of a certificate.
//!
//! `jkt = SHA-256(the required members of the key, in their order)` (RFC 7638, RFC 9449 section 6.1), and
//! `x5t#S256 = SHA-256(certificate as DER)` (RFC 8705, section 3.1). Which of both one is, whoever keeps it
//! knows: each has its own column, and is compared with its own kind only.

use core::fmt;

use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq as _;

use super::{Error, Result};

/// The SHA-256 of a key or of a certificate. Comparing takes the same time whatever it is compared with.
#[derive(Clone, Copy)]
pub struct Thumbprint([u8; digest::SHA256_OUTPUT_LEN]);

impl Thumbprint {
    /// Of the certificate that a client has shown in the handshake. That it was shown with its key, and is
    /// good, is for TLS to say.
    #[must_use]
    pub fn of_certificate(der: &[u8]) -> Self {
        Self::of(der)
    }

    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut thumbprint = [0; digest::SHA256_OUTPUT_LEN];
        thumbprint.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(thumbprint)
    }

    /// As it was kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; digest::SHA256_OUTPUT_LEN]) -> Self {
        Self(bytes)
    }

    /// To be kept.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; digest::SHA256_OUTPUT_LEN] {
        &self.0
    }

    /// As it is written in `cnf`: base64url without padding, in its one spelling.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(text: &str) -> Result<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| Error::Malformed("thumbprint"))?;
        bytes.try_into().map(Self).map_err(|_| Error::Malformed("thumbprint"))
    }
}

impl PartialEq for Thumbprint {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Thumbprint {}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;

    use super::*;

    /// RFC 8705, appendix A.
    const CERTIFICATE: &str = "MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx\
        ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG\
        SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ\
        /Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID\
        SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV\
        bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=";
    const WRITTEN: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";

    #[test]
    fn the_certificate_of_rfc_8705_appendix_a() {
        let der = BASE64.decode(CERTIFICATE.as_bytes()).unwrap();
        let thumbprint = Thumbprint::of_certificate(&der);
        assert_eq!(thumbprint.to_string(), WRITTEN);
        assert_eq!(Thumbprint::parse(WRITTEN), Ok(thumbprint));
        assert_eq!(Thumbprint::from_bytes(*thumbprint.bytes()), thumbprint);
    }

    #[test]
    fn another_certificate_is_not_the_one_it_was_bound_to() {
        let mut der = BASE64.decode(CERTIFICATE.as_bytes()).unwrap();
        der.push(0);
        assert_ne!(Thumbprint::of_certificate(&der), Thumbprint::parse(WRITTEN).unwrap());
    }

    #[test]
    fn it_has_one_spelling() {
        let padded = format!("{WRITTEN}=");
        // The last character has two bits that say nothing: `1` for `0`.
        let loose = format!("{}1", WRITTEN.strip_suffix('0').unwrap());
        for other in ["", "AA", padded.as_str(), loose.as_str(), &WRITTEN.replace('2', "+")] {
            assert_eq!(Thumbprint::parse(other), Err(Error::Malformed("thumbprint")), "{other}");
        }
    }
}
