//! Signatures: what only a holder of the key can make, and anybody with its public half can check.

use avouch_policy::Action;
use avouch_seal::transit::{SignatureForm, SignedInput, TransitKey};
use avouch_seal::{Result, SecureRandom};

use super::hash::verdict;
use super::kind::Ability;
use super::work::sealed::Use;
use super::work::{Given, Work};
use super::{Hidden, Stamped};

/// Signs.
#[derive(Debug, Clone)]
pub struct Sign {
    /// In this form.
    pub form: SignatureForm,
    /// Whether the inputs are digests already.
    pub prehashed: bool,
    /// These.
    pub items: Vec<Given<SignItem>>,
}

/// What is signed.
#[derive(Debug, Clone)]
pub struct SignItem {
    /// The message, or its digest.
    pub input: Hidden<Vec<u8>>,
    /// With which version; the latest when absent.
    pub version: Option<u32>,
}

impl Work for Sign {
    const ACTION: Action = Action::TransitEncrypt;
}

impl Use for Sign {
    const ABILITY: Ability = Ability::Signs;
    type Item = SignItem;
    type Made = Stamped;

    fn items(&self) -> &[Given<SignItem>] {
        &self.items
    }

    fn weight(item: &SignItem) -> usize {
        item.input.len()
    }

    fn one(&self, key: &TransitKey, item: &SignItem, _: &dyn SecureRandom) -> Result<Stamped> {
        let text = key.sign(item.version, self.form, signed(&item.input, self.prehashed))?;
        Ok(Stamped::new(text, item.version, key))
    }
}

/// Whether signatures are of this key.
#[derive(Debug, Clone)]
pub struct Verify {
    /// In this form.
    pub form: SignatureForm,
    /// Whether the inputs are digests already.
    pub prehashed: bool,
    /// These.
    pub items: Vec<Given<VerifyItem>>,
}

/// An input and its signature.
#[derive(Debug, Clone)]
pub struct VerifyItem {
    /// The message, or its digest.
    pub input: Hidden<Vec<u8>>,
    /// As it was made.
    pub signature: Hidden<String>,
}

impl Work for Verify {
    const ACTION: Action = Action::TransitEncrypt;
}

impl Use for Verify {
    const ABILITY: Ability = Ability::Signs;
    type Item = VerifyItem;
    type Made = bool;

    fn items(&self) -> &[Given<VerifyItem>] {
        &self.items
    }

    fn weight(item: &VerifyItem) -> usize {
        item.input.len() + item.signature.len()
    }

    fn one(&self, key: &TransitKey, item: &VerifyItem, _: &dyn SecureRandom) -> Result<bool> {
        verdict(key.verify(self.form, signed(&item.input, self.prehashed), &item.signature))
    }
}

fn signed(input: &[u8], prehashed: bool) -> SignedInput<'_> {
    if prehashed { SignedInput::Digest(input) } else { SignedInput::Message(input) }
}
