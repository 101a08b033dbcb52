//! What a key does.

use super::ecdsa::Curve;
use crate::{
    ed25519,
    format::{CountryCode, Format, Luhn, YearSpan},
    key::KEY_LEN,
};

/// What a key does, from its first version to its last. Every kind makes MACs besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransitKind {
    /// Encrypts, with XAES-256-GCM. Clients call it `aes256-gcm96`.
    Aes256Gcm {
        /// Whether there is a key for each context, which every call then has to name.
        derived: bool,
    },
    /// Signs with Ed25519.
    Ed25519,
    /// Signs with ECDSA over P-256.
    EcdsaP256,
    /// Signs with ECDSA over P-384.
    EcdsaP384,
    /// Makes MACs and nothing else.
    Hmac,
    /// Makes format-preserving tokens. One version only: a token does not say which it is of.
    Format(Format),
}

impl TransitKind {
    /// Random bytes that a version is made of.
    pub(super) const fn secret_len(self) -> usize {
        match self {
            Self::Aes256Gcm { .. } | Self::Hmac | Self::Format(_) => KEY_LEN,
            Self::Ed25519 => ed25519::SEED_LEN,
            Self::EcdsaP256 => Curve::P256.scalar_len(),
            Self::EcdsaP384 => Curve::P384.scalar_len(),
        }
    }

    /// Number and parameters, as they are kept.
    pub(super) fn encode(self) -> (u8, [u8; 4]) {
        match self {
            Self::Aes256Gcm { derived: false } => (1, NONE),
            Self::Aes256Gcm { derived: true } => (2, NONE),
            Self::Ed25519 => (3, NONE),
            Self::EcdsaP256 => (4, NONE),
            Self::EcdsaP384 => (5, NONE),
            Self::Hmac => (6, NONE),
            Self::Format(format) => {
                let number = match format {
                    Format::Digits => 7,
                    Format::Alphanumeric => 8,
                    Format::Card(_) => 9,
                    Format::Phone(_) => 10,
                    Format::Date(_) => 11,
                };
                (number, format.encode().1)
            }
        }
    }

    /// What [`encode`](Self::encode) writes so, and nothing else.
    pub(super) fn decode(number: u8, parameters: [u8; 4]) -> Option<Self> {
        let kind = match number {
            1 => Self::Aes256Gcm { derived: false },
            2 => Self::Aes256Gcm { derived: true },
            3 => Self::Ed25519,
            4 => Self::EcdsaP256,
            5 => Self::EcdsaP384,
            6 => Self::Hmac,
            7 => Self::Format(Format::Digits),
            8 => Self::Format(Format::Alphanumeric),
            9 => {
                let luhn = if parameters == NONE { Luhn::Valid } else { Luhn::Invalid };
                Self::Format(Format::Card(luhn))
            }
            10 => {
                let country = CountryCode::parse(&u32::from_le_bytes(parameters).to_string()).ok()?;
                Self::Format(Format::Phone(country))
            }
            11 => {
                let [a, b, c, d] = parameters;
                let span = YearSpan::new(u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])).ok()?;
                Self::Format(Format::Date(span))
            }
            _ => return None,
        };
        (kind.encode() == (number, parameters)).then_some(kind)
    }
}

const NONE: [u8; 4] = [0; 4];
