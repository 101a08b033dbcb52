//! Proof that who brings a code is who asked for it (RFC 7636), by `S256` only, and other random texts.

use core::fmt;

use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

/// What is kept until the code has come, and then shown.
#[derive(Clone)]
pub struct Verifier(Zeroizing<String>);

impl Verifier {
    /// From random bytes: 43 characters of base64url.
    #[must_use]
    pub fn new(random: &[u8; 32]) -> Self {
        Self(Zeroizing::new(random_text(random)))
    }

    /// As it is sent with the code.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What is sent when a code is asked for: `base64url(SHA-256(verifier))`.
    #[must_use]
    pub fn challenge(&self) -> String {
        BASE64URL_NOPAD.encode(digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref())
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(..)")
    }
}

/// 256 random bits as a text that an address may hold.
pub(crate) fn random_text(random: &[u8; 32]) -> String {
    BASE64URL_NOPAD.encode(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_rfc_7636_appendix_b() {
        let random = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105,
            214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121,
        ];
        let verifier = Verifier::new(&random);
        assert_eq!(verifier.text(), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(verifier.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(format!("{verifier:?}"), "Verifier(..)");
    }
}
