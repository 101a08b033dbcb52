//! MACs: what only a holder of the key can make, and anybody who may use it can check.

use avouch_policy::Action;
use avouch_seal::transit::{HashAlgorithm, TransitKey};
use avouch_seal::{Error, Result, SecureRandom};

use super::kind::Ability;
use super::work::sealed::Use;
use super::work::{Given, Work};
use super::{Hidden, Stamped};

/// Makes MACs.
#[derive(Debug, Clone)]
pub struct Hmac {
    /// With this hash.
    pub hash: HashAlgorithm,
    /// Of these.
    pub items: Vec<Given<HmacItem>>,
}

/// What a MAC is made of.
#[derive(Debug, Clone)]
pub struct HmacItem {
    /// The input.
    pub input: Hidden<Vec<u8>>,
    /// By which version; the latest when absent.
    pub version: Option<u32>,
}

impl Work for Hmac {
    const ACTION: Action = Action::TransitEncrypt;
}

impl Use for Hmac {
    const ABILITY: Ability = Ability::Macs;
    type Item = HmacItem;
    type Made = Stamped;

    fn items(&self) -> &[Given<HmacItem>] {
        &self.items
    }

    fn weight(item: &HmacItem) -> usize {
        item.input.len()
    }

    fn one(&self, key: &TransitKey, item: &HmacItem, _: &dyn SecureRandom) -> Result<Stamped> {
        Ok(Stamped::new(key.hmac(item.version, self.hash, &item.input)?, item.version, key))
    }
}

/// Whether MACs are of this key.
#[derive(Debug, Clone)]
pub struct VerifyHmac {
    /// Made with this hash.
    pub hash: HashAlgorithm,
    /// These.
    pub items: Vec<Given<VerifyHmacItem>>,
}

/// An input and its MAC.
#[derive(Debug, Clone)]
pub struct VerifyHmacItem {
    /// The input.
    pub input: Hidden<Vec<u8>>,
    /// As it was made.
    pub mac: Hidden<String>,
}

impl Work for VerifyHmac {
    const ACTION: Action = Action::TransitEncrypt;
}

impl Use for VerifyHmac {
    const ABILITY: Ability = Ability::Macs;
    type Item = VerifyHmacItem;
    type Made = bool;

    fn items(&self) -> &[Given<VerifyHmacItem>] {
        &self.items
    }

    fn weight(item: &VerifyHmacItem) -> usize {
        item.input.len() + item.mac.len()
    }

    fn one(&self, key: &TransitKey, item: &VerifyHmacItem, _: &dyn SecureRandom) -> Result<bool> {
        verdict(key.verify_hmac(self.hash, &item.input, &item.mac))
    }
}

/// That something is not of this key is an answer, and no error.
pub(super) fn verdict(verified: Result<()>) -> Result<bool> {
    match verified {
        Ok(()) => Ok(true),
        Err(Error::Tampered) => Ok(false),
        Err(error) => Err(error),
    }
}
