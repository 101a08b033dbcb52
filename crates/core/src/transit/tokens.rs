//! Tokens that keep the format of a value, and have no row: the same for the same value, and of the right shape to anybody.

use avouch_policy::Action;
use avouch_seal::transit::TransitKey;
use avouch_seal::{Result, SecureRandom};

use super::Hidden;
use super::kind::Ability;
use super::work::sealed::Use;
use super::work::{Given, Work};

/// Puts tokens in the place of values.
#[derive(Debug, Clone)]
pub struct Encode(pub Vec<Given<Hidden<String>>>);

impl Work for Encode {
    const ACTION: Action = Action::TransitEncrypt;
}

impl Use for Encode {
    const ABILITY: Ability = Ability::Tokens;
    type Item = Hidden<String>;
    type Made = Hidden<String>;

    fn items(&self) -> &[Given<Hidden<String>>] {
        &self.0
    }

    fn weight(value: &Hidden<String>) -> usize {
        value.len()
    }

    fn one(&self, key: &TransitKey, value: &Hidden<String>, _: &dyn SecureRandom) -> Result<Hidden<String>> {
        key.tokenise(value).map(Hidden::from)
    }
}

/// Puts values in the place of tokens. A token of another key comes out as another value: nothing in it says whose it is.
#[derive(Debug, Clone)]
pub struct Decode(pub Vec<Given<Hidden<String>>>);

impl Work for Decode {
    const ACTION: Action = Action::TransitDecrypt;
}

impl Use for Decode {
    const ABILITY: Ability = Ability::Tokens;
    type Item = Hidden<String>;
    type Made = Hidden<String>;

    fn items(&self) -> &[Given<Hidden<String>>] {
        &self.0
    }

    fn weight(token: &Hidden<String>) -> usize {
        token.len()
    }

    fn one(&self, key: &TransitKey, token: &Hidden<String>, _: &dyn SecureRandom) -> Result<Hidden<String>> {
        key.detokenise(token).map(Hidden::from)
    }
}
