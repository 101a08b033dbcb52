//! The use of keys: up to a thousand items in a request, each with a result of its own.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Problem, Secret};

/// `POST /v1/transit-keys/{name}/encrypt`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"items": [{"ref": "a", "plaintext": "QWRh"}]})))]
pub struct TransitEncrypt {
    /// What to encrypt.
    #[schema(max_items = 1000)]
    pub items: Vec<TransitPlaintext>,
    /// With which version; the latest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// One plaintext.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitPlaintext {
    /// Comes back with the result.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// In base64.
    pub plaintext: Secret,
    /// In base64; for a derived key: which of its keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Secret>,
    /// In base64; has to be said again when it is decrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub associated_data: Option<Secret>,
}

/// `POST /v1/transit-keys/{name}/decrypt`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"items": [{"ciphertext": "vault:v1:AUJC…"}]})))]
pub struct TransitDecrypt {
    /// What to decrypt.
    #[schema(max_items = 1000)]
    pub items: Vec<TransitCiphertext>,
}

/// One ciphertext.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitCiphertext {
    /// Comes back with the result.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// As it was made.
    pub ciphertext: Secret,
    /// As it was said then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Secret>,
    /// As it was said then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub associated_data: Option<Secret>,
}

/// `POST /v1/transit-keys/{name}/rewrap`: encrypts anew what was encrypted, and shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitRewrap {
    /// What to encrypt anew.
    #[schema(max_items = 1000)]
    pub items: Vec<TransitCiphertext>,
    /// With which version; the latest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// The hash of a MAC or of an ECDSA signature. Ed25519 has a way of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum TransitHash {
    /// SHA-256.
    #[default]
    #[serde(rename = "sha2-256")]
    Sha256,
    /// SHA-384.
    #[serde(rename = "sha2-384")]
    Sha384,
    /// SHA-512.
    #[serde(rename = "sha2-512")]
    Sha512,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TransitMarshaling {
    /// As in certificates: DER in base64.
    #[default]
    Asn1,
    /// As in JSON Web Signatures: both numbers one after the other, in base64url.
    Jws,
}

/// `POST /v1/transit-keys/{name}/hmac`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitHmac {
    /// What to make MACs of.
    #[schema(max_items = 1000)]
    pub items: Vec<TransitInput>,
    /// With which hash; `sha2-256` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<TransitHash>,
    /// By which version; the latest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// One input of a MAC or a signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitInput {
    /// Comes back with the result.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// In base64.
    pub input: Secret,
}

/// `POST /v1/transit-keys/{name}/verify-hmac`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitVerifyHmac {
    /// What to check.
    #[schema(max_items = 1000)]
    pub items: Vec<TransitMac>,
    /// With which hash they were made; `sha2-256` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<TransitHash>,
}

/// One input and its MAC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitMac {
    /// Comes back with the result.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// In base64.
    pub input: Secret,
    /// As it was made.
    pub hmac: Secret,
}

/// `POST /v1/transit-keys/{name}/sign`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitSign {
    /// What to sign.
    #[schema(max_items = 1000)]
    pub items: Vec<TransitInput>,
    /// ECDSA: with which hash; `sha2-256` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<TransitHash>,
    /// How signatures are written; `asn1` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marshaling: Option<TransitMarshaling>,
    /// ECDSA: whether the inputs are digests already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prehashed: Option<bool>,
    /// With which version; the latest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// `POST /v1/transit-keys/{name}/verify`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitVerify {
    /// What to check.
    #[schema(max_items = 1000)]
    pub items: Vec<TransitClaim>,
    /// As it was signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<TransitHash>,
    /// As it was signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marshaling: Option<TransitMarshaling>,
    /// As it was signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prehashed: Option<bool>,
}

/// One input and its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitClaim {
    /// Comes back with the result.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// In base64.
    pub input: Secret,
    /// As it was made.
    pub signature: Secret,
}

/// `POST /v1/transit-keys/{name}/encode`: tokens of the same form, for keys of a format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"items": [{"value": "4012 8888 8888 1881"}]})))]
pub struct TransitEncode {
    /// What to put tokens in the place of.
    #[schema(max_items = 1000)]
    pub items: Vec<TransitValue>,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitValue {
    /// Comes back with the result.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The value itself, of the key's format.
    pub value: Secret,
}

/// `POST /v1/transit-keys/{name}/decode`: the values behind such tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitDecode {
    /// What to put values in the place of.
    #[schema(max_items = 1000)]
    pub items: Vec<TransitToken>,
}

/// One token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitToken {
    /// Comes back with the result.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The token. One of another key becomes another value: nothing in it says whose it is.
    pub token: Secret,
}

/// What became of the items. The event was durable before the key was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransitResponse {
    /// In the order of the items.
    pub items: Vec<TransitResult>,
    /// The record of this use.
    pub event: Uuid,
}

/// What became of one item: what was asked for, or a problem.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransitResult {
    /// The caller's name for the item.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The item's place in the request, from 0.
    pub index: usize,
    /// Of encrypt and rewrap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ciphertext: Option<Secret>,
    /// Of decrypt, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plaintext: Option<Secret>,
    /// Of hmac.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hmac: Option<Secret>,
    /// Of sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Secret>,
    /// Of verify and verify-hmac.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<bool>,
    /// Of encode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// Of decode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Secret>,
    /// The version of the key that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// `POST /v1/random`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"bytes": 32})))]
pub struct TransitRandom {
    /// How many, 1 to 131072.
    pub bytes: u32,
}

/// Random bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransitRandomBytes {
    /// In base64.
    pub bytes: Secret,
}
