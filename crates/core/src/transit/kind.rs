//! What keys can do, by the name of their kind. That name stands in the open, so that a list need not open any key.

use avouch_seal::format::Format;
use avouch_seal::transit::TransitKind;

use crate::Error;

/// The name of a kind, without its parameters: for encryption and signatures as the clients of transit engines know it.
#[must_use]
pub const fn kind_name(kind: TransitKind) -> &'static str {
    match kind {
        TransitKind::Aes256Gcm { .. } => "aes256-gcm96",
        TransitKind::Ed25519 => "ed25519",
        TransitKind::EcdsaP256 => "ecdsa-p256",
        TransitKind::EcdsaP384 => "ecdsa-p384",
        TransitKind::Hmac => "hmac",
        TransitKind::Format(Format::Digits) => "digits",
        TransitKind::Format(Format::Alphanumeric) => "alphanumeric",
        TransitKind::Format(Format::Card(_)) => "card",
        TransitKind::Format(Format::Phone(_)) => "phone",
        TransitKind::Format(Format::Date(_)) => "date",
    }
}

/// What a use asks of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// To encrypt and decrypt.
    Encrypts,
    /// To sign and verify.
    Signs,
    /// To make MACs, which every key does.
    Macs,
    /// To make tokens that keep a format.
    Tokens,
}

impl Ability {
    /// Refuses a kind that cannot do it. What the ability is not named for here is refused.
    pub(super) fn check(self, kind: &str) -> Result<(), Error> {
        let (able, lacks) = match self {
            Self::Encrypts => (kind == "aes256-gcm96", "this kind of key does not encrypt"),
            Self::Signs => {
                (matches!(kind, "ed25519" | "ecdsa-p256" | "ecdsa-p384"), "this kind of key does not sign")
            }
            Self::Macs => return Ok(()),
            Self::Tokens => (
                matches!(kind, "digits" | "alphanumeric" | "card" | "phone" | "date"),
                "this kind of key makes no tokens",
            ),
        };
        if able { Ok(()) } else { Err(Error::invalid("", format!("{lacks}: use one that does"))) }
    }
}

#[cfg(test)]
mod tests {
    use avouch_seal::format::{CountryCode, Luhn, YearSpan};

    use super::*;

    /// Against what the keys themselves say.
    #[test]
    fn every_kind_can_what_its_name_says() {
        let formats = [
            Format::Digits,
            Format::Alphanumeric,
            Format::Card(Luhn::Invalid),
            Format::Phone(CountryCode::parse("49").expect("a country")),
            Format::Date(YearSpan::WHOLE),
        ];
        let others = [
            TransitKind::Aes256Gcm { derived: false },
            TransitKind::Ed25519,
            TransitKind::EcdsaP256,
            TransitKind::EcdsaP384,
            TransitKind::Hmac,
        ];
        let rng = avouch_seal::SystemRandom::new();
        for kind in others.into_iter().chain(formats.map(TransitKind::Format)) {
            let key = avouch_seal::transit::TransitKey::generate(kind, 0, &rng).expect("random");
            let able = |ability: Ability| ability.check(kind_name(kind)).is_ok();
            assert_eq!(able(Ability::Encrypts), key.encrypt(None, b"", &Default::default(), &rng).is_ok());
            assert_eq!(able(Ability::Signs), key.public_key(1).is_ok(), "{kind:?}");
            assert_eq!(able(Ability::Tokens), matches!(kind, TransitKind::Format(_)), "{kind:?}");
            assert!(able(Ability::Macs));
        }
    }
}
