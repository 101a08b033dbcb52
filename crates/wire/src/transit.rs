//! Standalone keys: making and changing them, and their use by name. What a key makes is text of the form that clients of transit
//! engines know, `vault:v1:…`; bytes are base64 (RFC 4648, padded). No key is ever here.
//!
//! The same keys can be used over the routes of a transit engine; those speak that engine's language and have no types here.

mod work;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Time;

pub use work::{
    TransitCiphertext, TransitClaim, TransitDecode, TransitDecrypt, TransitEncode, TransitEncrypt,
    TransitHash, TransitHmac, TransitInput, TransitMac, TransitMarshaling, TransitPlaintext, TransitRandom,
    TransitRandomBytes, TransitResponse, TransitResult, TransitRewrap, TransitSign, TransitToken,
    TransitValue, TransitVerify, TransitVerifyHmac,
};

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum TransitKind {
    /// Encrypts and decrypts.
    #[serde(rename = "aes256-gcm96")]
    Aes256Gcm96,
    /// Signs with Ed25519.
    #[serde(rename = "ed25519")]
    Ed25519,
    /// Signs with ECDSA over P-256.
    #[serde(rename = "ecdsa-p256")]
    EcdsaP256,
    /// Signs with ECDSA over P-384.
    #[serde(rename = "ecdsa-p384")]
    EcdsaP384,
    /// Makes MACs and nothing else; every other kind makes them as well.
    #[serde(rename = "hmac")]
    Hmac,
    /// Puts digits in the place of digits.
    #[serde(rename = "digits")]
    Digits,
    /// Puts letters and digits in the place of letters and digits.
    #[serde(rename = "alphanumeric")]
    Alphanumeric,
    /// Puts tokens in the place of card numbers; their last four digits stay.
    #[serde(rename = "card")]
    Card,
    /// Puts tokens in the place of telephone numbers of one country.
    #[serde(rename = "phone")]
    Phone,
    /// Puts dates in the place of dates.
    #[serde(rename = "date")]
    Date,
}

impl TransitKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Aes256Gcm96,
        Self::Ed25519,
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::Hmac,
        Self::Digits,
        Self::Alphanumeric,
        Self::Card,
        Self::Phone,
        Self::Date,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes256Gcm96 => "aes256-gcm96",
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
            Self::Hmac => "hmac",
            Self::Digits => "digits",
            Self::Alphanumeric => "alphanumeric",
            Self::Card => "card",
            Self::Phone => "phone",
            Self::Date => "date",
        }
    }
}

/// `POST /v1/transit-keys`. A key of this name that is of the same kind is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"name": "orders", "kind": "aes256-gcm96"}), json!({"name": "cards", "kind": "card"})))]
pub struct TransitKeyCreate {
    /// Small letters, digits, `_` and `-`, 60 at most, beginning with a letter or digit. Free of personal data.
    pub name: String,
    /// What it is to do, for ever.
    pub kind: TransitKind,
    /// `aes256-gcm96`: whether there is a key for each context, which every use then has to name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<bool>,
    /// `card`: whether tokens have a valid check digit and may be the number of somebody's card. Without it they never are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub luhn_valid: Option<bool>,
    /// `phone`: the country's code, without `+`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    /// `date`: the first year of the span that values and tokens lie in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_year: Option<u16>,
    /// `date`: the last year of the span.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_year: Option<u16>,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransitKey {
    /// Its name.
    pub name: String,
    /// What it does.
    pub kind: TransitKind,
    /// `aes256-gcm96`: whether there is a key for each context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<bool>,
    /// `card`: whether tokens have a valid check digit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub luhn_valid: Option<bool>,
    /// `phone`: the country's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    /// `date`: the first year of the span.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_year: Option<u16>,
    /// `date`: the last year of the span.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_year: Option<u16>,
    /// The newest version, which is used unless another is asked for.
    pub latest_version: u32,
    /// The oldest version that was not trimmed away.
    pub min_available_version: u32,
    /// The lowest version that decrypts and verifies.
    pub min_decryption_version: u32,
    /// The lowest version that encrypts, signs and makes MACs if it is asked for; 0: the lowest that decrypts.
    pub min_encryption_version: u32,
    /// Whether it may be deleted.
    pub deletion_allowed: bool,
    /// The versions there are, oldest first.
    pub versions: Vec<TransitVersion>,
}

/// A version of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransitVersion {
    /// Counts from 1.
    pub version: u32,
    /// When it was made.
    pub created: Time,
    /// For a key that signs: what others verify its signatures with, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

/// A key of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransitKeyListed {
    /// Its name.
    pub name: String,
    /// The name of its kind.
    pub kind: String,
}

/// `PATCH /v1/transit-keys/{name}`: what is not named stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"min_decryption_version": 2})))]
pub struct TransitKeyPatch {
    /// The lowest version that decrypts and verifies from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_decryption_version: Option<u32>,
    /// The lowest version that encrypts, signs and makes MACs if it is asked for; 0, or not below the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_encryption_version: Option<u32>,
    /// Whether it may be deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_allowed: Option<bool>,
}

/// `POST /v1/transit-keys/{name}/trim`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitTrim {
    /// The first version that stays: at most the lower of the two minimums.
    pub min_available_version: u32,
}

/// A key that was rotated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransitRotated {
    /// Its name.
    pub name: String,
    /// The new version.
    pub latest_version: u32,
}

/// A key that was deleted: what it made is nobody's to open any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransitDeleted {
    /// Its name.
    pub name: String,
    /// True.
    pub deleted: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_written_by_their_names() {
        for kind in TransitKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
