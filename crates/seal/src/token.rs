//! Tokens: what a recipient holds in place of a value. `tok_<namespace>_<base32>_<2 check characters>`.
//!
//! Each recipient has a namespace and keys of its own, so that two recipients cannot join their tokens, and a
//! token found in the wild names whom it was given to.
//!
//! * *Pointer* (64 characters): the sealed name of a place: a subject, a field and a slot, and which of the
//!   subject's generations of tokens it is. Deterministic, needs no row, dies with the person. `iv = first 16
//!   bytes of HMAC-SHA256(Kiv, PAE(label, vault, namespace, target))`, `body = iv || AES-256-CTR(Kbody, iv,
//!   target)`; a synthetic IV as in SIV, so opening recomputes and compares it.
//! * *Random* (26 characters): 128 bits that a row of the store is found by. They are random, or computed from
//!   a value so that equal values have equal tokens; which of the two cannot be seen.
//!
//! The keys of a recipient hang on an epoch of its own as well: with another one, nothing that was made before
//! opens.
//!
//! Opening gives one error for every failure. The check characters are for scanners and typing slips, never
//! for trust.

use core::{fmt, str::FromStr};

use aws_lc_rs::{
    cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey},
    hmac,
    iv::FixedLength,
};
use subtle::ConstantTimeEq as _;

use crate::{
    Error, Key, Result, SecureRandom, VaultId,
    bytes::take,
    derive::{derive, derive_mac_key, first_half, mac},
    format::{Format, FormatKey, FormatScope},
    keyring::Roots,
    labels,
    text::{check_2, is_name, push_base32, read_base32, split_checked},
};

const PREFIX: &str = "tok";
const MAX_NAMESPACE: usize = 24;
const IV_LEN: usize = 16;
const TARGET_LEN: usize = 16 + 4 + 2 + 2;
const POINTER_LEN: usize = IV_LEN + TARGET_LEN;
const RANDOM_LEN: usize = 16;

/// The name under which one recipient's tokens are kept apart: a lower-case letter, then 1 to 23 letters or
/// digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace(Box<str>);

impl Namespace {
    /// Checks the form.
    pub fn parse(text: &str) -> Result<Self> {
        if is_name(text, MAX_NAMESPACE) {
            Ok(Self(text.into()))
        } else {
            Err(Error::Malformed("token namespace"))
        }
    }

    /// As it is written in a token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Namespace {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

/// A token, well formed; whether it opens is for [`RecipientKeys`] to say. `Debug` shows whose it is, not
/// which.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Token {
    /// The sealed name of a place.
    Pointer {
        /// Whose token it is.
        namespace: Namespace,
        /// Synthetic IV and sealed target.
        body: [u8; POINTER_LEN],
    },
    /// A name that a row resolves.
    Random {
        /// Whose token it is.
        namespace: Namespace,
        /// The bits it is found by.
        body: [u8; RANDOM_LEN],
    },
}

impl Token {
    /// Reads a token as a caller sent it; the check characters must fit.
    pub fn parse(text: &str) -> Result<Self> {
        Self::read(text).ok_or(Error::Malformed("token"))
    }

    /// Whose token it says it is.
    pub const fn namespace(&self) -> &Namespace {
        match self {
            Self::Pointer { namespace, .. } | Self::Random { namespace, .. } => namespace,
        }
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = split_checked(text, check_2)?.split('_');
        let (prefix, namespace, body) = (parts.next()?, parts.next()?, parts.next()?);
        if prefix != PREFIX || parts.next().is_some() {
            return None;
        }
        let namespace = Namespace::parse(namespace).ok()?;
        if let Some(body) = read_base32(body) {
            Some(Self::Pointer { namespace, body: *body })
        } else {
            Some(Self::Random { namespace, body: *read_base32(body)? })
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (namespace, body): (_, &[u8]) = match self {
            Self::Pointer { namespace, body } => (namespace, body),
            Self::Random { namespace, body } => (namespace, body),
        };
        let mut text = String::with_capacity(PREFIX.len() + MAX_NAMESPACE + POINTER_LEN * 8 / 5 + 6);
        text.push_str(PREFIX);
        text.push('_');
        text.push_str(namespace.as_str());
        text.push('_');
        push_base32(&mut text, body);
        let check = check_2(&text);
        text.push('_');
        text.extend(check);
        f.write_str(&text)
    }
}

impl FromStr for Token {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Pointer { .. } => "Pointer",
            Self::Random { .. } => "Random",
        };
        write!(f, "{kind}(tok_{}_..)", self.namespace())
    }
}

/// The slot of a pointer that means the whole field.
pub const WHOLE_FIELD: u16 = 0xffff;

/// The place that a pointer names. The value is resolved when it is read, so it is always the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PointerTarget {
    /// The person.
    pub subject: [u8; 16],
    /// The field's number in the charter.
    pub field: u32,
    /// Which of several values, or [`WHOLE_FIELD`].
    pub slot: u16,
    /// Which of the person's generations of tokens it belongs to: those of earlier ones were revoked.
    pub generation: u16,
}

impl PointerTarget {
    fn encode(&self) -> [u8; TARGET_LEN] {
        let mut bytes = [0; TARGET_LEN];
        let (subject, rest) = bytes.split_at_mut(16);
        let (field, rest) = rest.split_at_mut(4);
        let (slot, generation) = rest.split_at_mut(2);
        subject.copy_from_slice(&self.subject);
        field.copy_from_slice(&self.field.to_be_bytes());
        slot.copy_from_slice(&self.slot.to_be_bytes());
        generation.copy_from_slice(&self.generation.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8; TARGET_LEN]) -> Option<Self> {
        let mut rest = bytes.as_slice();
        let (subject, field) = (take(&mut rest)?, take(&mut rest)?);
        let (slot, generation) = (take(&mut rest)?, take(&mut rest)?);
        Some(Self {
            subject: *subject,
            field: u32::from_be_bytes(*field),
            slot: u16::from_be_bytes(*slot),
            generation: u16::from_be_bytes(*generation),
        })
    }
}

/// Makes and opens the tokens of one recipient. Deriving costs a few microseconds: keep it.
#[derive(Debug)]
pub struct RecipientKeys {
    vault: VaultId,
    namespace: Namespace,
    epoch: u32,
    /// The epochs of the token roots that they are of, newest first.
    roots: Vec<u32>,
    newest: PointerKeys,
    /// Of retired token roots, newest first: they open what was handed out, and make nothing.
    older: Vec<PointerKeys>,
    /// What its format keys are derived from, when they are needed.
    formats: Key,
    equal: hmac::Key,
    one_way: hmac::Key,
}

impl RecipientKeys {
    pub(crate) fn derive(roots: &Roots, vault: VaultId, namespace: &Namespace, epoch: u32) -> Self {
        let pointer = |root| PointerKeys::derive(root, vault, namespace, epoch);
        let name = namespace.as_str().as_bytes();
        let of_values =
            |label| derive_mac_key(roots.newest(), &vault.0, label, &[name, &epoch.to_le_bytes()]);
        Self {
            vault,
            namespace: namespace.clone(),
            epoch,
            roots: roots.epochs().into_iter().rev().collect(),
            newest: pointer(roots.newest()),
            older: roots.newest_first().skip(1).map(pointer).collect(),
            formats: derive(roots.newest(), &vault.0, labels::TOKEN_FORMATS, &[name, &epoch.to_le_bytes()]),
            equal: of_values(labels::TOKEN_EQUAL),
            one_way: of_values(labels::TOKEN_ONE_WAY),
        }
    }

    /// The epoch of the recipient that these keys are of.
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The recipient that these keys are for.
    pub const fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The epochs of the token roots that they are of, newest first.
    pub fn roots(&self) -> &[u32] {
        &self.roots
    }

    /// The epoch of the root under which tokens are made.
    pub fn newest_root(&self) -> u32 {
        self.roots.first().copied().unwrap_or_default()
    }

    /// The pointer to `target`: the same one each time, as long as the token root is the same.
    pub fn pointer(&self, target: &PointerTarget) -> Token {
        let mut target = target.encode();
        let iv = self.newest.iv(self.vault, &self.namespace, &target);
        self.newest.xor(iv, &mut target);
        let mut body = [0; POINTER_LEN];
        let (head, tail) = body.split_at_mut(IV_LEN);
        head.copy_from_slice(&iv);
        tail.copy_from_slice(&target);
        Token::Pointer { namespace: self.namespace.clone(), body }
    }

    /// The place that a pointer of this recipient names; [`Error::Tampered`] for anything else.
    pub fn open_pointer(&self, token: &Token) -> Result<PointerTarget> {
        let Token::Pointer { namespace, body } = token else { return Err(Error::Tampered) };
        let (iv, sealed) = body.split_first_chunk::<IV_LEN>().ok_or(Error::Tampered)?;
        let sealed: &[u8; TARGET_LEN] = sealed.first_chunk().ok_or(Error::Tampered)?;
        core::iter::once(&self.newest)
            .chain(&self.older)
            .find_map(|keys| {
                let mut target = *sealed;
                keys.xor(*iv, &mut target);
                let genuine: bool = keys.iv(self.vault, namespace, &target).ct_eq(iv).into();
                genuine.then(|| PointerTarget::decode(&target))?
            })
            .ok_or(Error::Tampered)
    }

    /// A fresh random token.
    pub fn random(&self, rng: &dyn SecureRandom) -> Result<Token> {
        let mut body = [0; RANDOM_LEN];
        rng.fill(&mut body)?;
        Ok(Token::Random { namespace: self.namespace.clone(), body })
    }

    /// The token of a value, given in its normal form: equal values of one field have equal tokens.
    pub fn equal(&self, field: u32, normal: &[u8]) -> Token {
        self.computed(&self.equal, labels::TOKEN_EQUAL, field, normal)
    }

    /// The text that stands for a value and that nothing turns back: for equal values of one field the same.
    pub fn one_way(&self, field: u32, normal: &[u8]) -> Token {
        self.computed(&self.one_way, labels::TOKEN_ONE_WAY, field, normal)
    }

    fn computed(&self, key: &hmac::Key, label: &str, field: u32, normal: &[u8]) -> Token {
        let name = self.namespace.as_str().as_bytes();
        let parts: [&[u8]; 5] = [label.as_bytes(), &self.vault.0, name, &field.to_le_bytes(), normal];
        Token::Random { namespace: self.namespace.clone(), body: first_half(&mac(key, &parts)) }
    }

    /// The key of this recipient's tokens that are computed from the values of a field and keep their form.
    pub fn format(&self, field: u32, format: Format) -> Result<FormatKey> {
        let scope = FormatScope { namespace: &self.namespace, field, epoch: self.epoch };
        FormatKey::derive(&self.formats, self.vault, &scope, format)
    }
}

/// The pair of keys behind the pointers of one recipient and one token root.
#[derive(Debug)]
struct PointerKeys {
    iv: hmac::Key,
    body: EncryptingKey,
}

impl PointerKeys {
    fn derive(root: &Key, vault: VaultId, namespace: &Namespace, epoch: u32) -> Self {
        let (namespace, epoch) = (namespace.as_str().as_bytes(), epoch.to_le_bytes());
        let body = derive(root, &vault.0, labels::POINTER_BODY, &[namespace, &epoch]);
        Self {
            iv: derive_mac_key(root, &vault.0, labels::POINTER_IV, &[namespace, &epoch]),
            body: UnboundCipherKey::new(&AES_256, body.bytes())
                .and_then(EncryptingKey::ctr)
                .expect("AES-256 takes any 32 bytes as a key and has a counter mode"),
        }
    }

    /// The synthetic IV. Takes the namespace that the token names: one that lies about it does not open.
    fn iv(&self, vault: VaultId, namespace: &Namespace, target: &[u8; TARGET_LEN]) -> [u8; IV_LEN] {
        let parts: [&[u8]; 4] =
            [labels::POINTER_IV.as_bytes(), &vault.0, namespace.as_str().as_bytes(), target];
        first_half(&mac(&self.iv, &parts))
    }

    /// AES-256-CTR, which is its own inverse.
    fn xor(&self, iv: [u8; IV_LEN], target: &mut [u8; TARGET_LEN]) {
        self.body
            .less_safe_encrypt(target, EncryptionContext::Iv128(FixedLength::from(iv)))
            .expect("counter mode takes any length and a 16-byte counter block");
    }
}

#[cfg(test)]
mod tests;
