//! One-time codes of an authenticator app: RFC 6238 with SHA-1, six digits and thirty seconds, which is what every app knows.
//!
//! A code counts once: [`Secret::verify`] takes the step of the last code that was accepted and refuses it and all before it. Whoever
//! calls keeps the step that comes back, in the transaction that lets the person in.

use core::fmt;

use data_encoding::BASE32_NOPAD;
use subtle::ConstantTimeEq as _;
use totp_rs::{Algorithm, Builder};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Seconds that a code is shown for.
pub const STEP_SECONDS: u64 = 30;
/// Digits of a code.
pub const DIGITS: usize = 6;

/// The secret shared with an app: 160 random bits, as RFC 4226 recommends.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 20]);

impl Secret {
    /// From random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be sealed.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// For somebody who types it in: base32 in groups of four.
    #[must_use]
    pub fn groups(&self) -> Zeroizing<String> {
        let text = Zeroizing::new(BASE32_NOPAD.encode(&self.0));
        let mut grouped = Zeroizing::new(String::with_capacity(text.len() + text.len() / 4));
        for (at, character) in text.chars().enumerate() {
            if at > 0 && at % 4 == 0 {
                grouped.push(' ');
            }
            grouped.push(character);
        }
        grouped
    }

    /// The address that a QR code holds. `issuer` and `account` are percent-encoded by whoever calls, and `issuer` has no colon.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let secret = Zeroizing::new(BASE32_NOPAD.encode(&self.0));
        Zeroizing::new(format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", *secret))
    }

    /// The step whose code this is, if it is the present one, or with `late` the one before it, and later than `last`; the step is to be
    /// kept as the next `last`.
    ///
    /// Takes the same time for every six digits, right or wrong. Blanks are people's and are passed over; nothing else is.
    #[must_use]
    pub fn verify(&self, code: &str, now_seconds: u64, last: Option<u64>, late: bool) -> Option<u64> {
        let digits: Zeroizing<Vec<u8>> = Zeroizing::new(code.bytes().filter(|byte| *byte != b' ').collect());
        if digits.len() != DIGITS || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let present = now_seconds / STEP_SECONDS;
        let mut found = None;
        for step in present.saturating_sub(u64::from(late))..=present {
            let same = bool::from(self.code(step).as_bytes().ct_eq(&digits));
            if same && last.is_none_or(|last| step > last) {
                found = Some(step);
            }
        }
        found
    }

    /// The code of a step.
    fn code(&self, step: u64) -> Zeroizing<String> {
        // What `build` refuses besides is a secret or a number of digits that these are not.
        let totp = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_step_duration(STEP_SECONDS)
            .with_secret(totp_rs::Secret::new_stack(self.0))
            .build_noncompliant();
        Zeroizing::new(totp.generate(step.saturating_mul(STEP_SECONDS)).to_string())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of the RFCs' examples.
    const SECRET: Secret = Secret(*b"12345678901234567890");

    #[test]
    fn the_values_of_rfc_4226_appendix_d() {
        let codes: Vec<_> = (0..10).map(|step| SECRET.code(step).to_string()).collect();
        let expected = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
            "520489",
        ];
        assert_eq!(codes, expected);
    }

    #[test]
    fn the_values_of_rfc_6238_appendix_b() {
        // SHA-1 rows; the RFC shows eight digits, of which these are the last six.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(*SECRET.code(seconds / STEP_SECONDS), code, "{seconds}");
        }
    }

    #[test]
    fn a_code_counts_once_and_none_before_it_counts_after() {
        let now = 1_111_111_111;
        let step = SECRET.verify("050471", now, None, true);
        assert_eq!(step, Some(now / 30));
        assert_eq!(SECRET.verify("050471", now, step, true), None);
        assert_eq!(SECRET.verify("081804", now, step, true), None, "the code of the step before");
        assert_eq!(SECRET.verify("081804", now, None, true), Some(now / 30 - 1));
    }

    #[test]
    fn a_code_is_good_for_its_thirty_seconds_and_where_late_ones_are_for_thirty_more() {
        let code = SECRET.code(1_000);
        for (seconds, good, late) in [
            (29_999, false, false),
            (30_000, true, true),
            (30_029, true, true),
            (30_030, false, true),
            (30_059, false, true),
            (30_060, false, false),
        ] {
            assert_eq!(SECRET.verify(&code, seconds, None, false).is_some(), good, "{seconds}");
            assert_eq!(SECRET.verify(&code, seconds, None, true).is_some(), late, "{seconds}, late ones too");
        }
    }

    #[test]
    fn only_six_digits_are_a_code() {
        for other in ["", "05047", "0504711", "05047a", "٠٥٠٤٧١", "-50471", "+50471", "050471\n", "050471\t"]
        {
            assert_eq!(SECRET.verify(other, 1_111_111_111, None, true), None, "{other:?}");
        }
        assert!(SECRET.verify("050 471", 1_111_111_111, None, true).is_some());
    }

    #[test]
    fn it_is_never_printed_and_reads_well_where_it_is_shown() {
        assert_eq!(format!("{SECRET:?}"), "Secret(..)");
        assert_eq!(SECRET.groups().as_str(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert_eq!(
            SECRET.uri("avouch", "ada%40example.org").as_str(),
            "otpauth://totp/avouch:ada%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=avouch"
        );
    }
}
