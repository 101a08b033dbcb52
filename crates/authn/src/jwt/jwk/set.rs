//! Sets of keys (RFC 7517, section 5), and which of them is meant.

use super::PublicKey;
use crate::jwt::{Algorithm, Error, Result, json::Object};

/// Bytes that a set may have.
pub const MOST_SET: usize = 64 << 10;
/// Keys that a set may have.
pub const MOST_KEYS: usize = 100;

/// Some keys of one owner.
#[derive(Debug, Clone)]
pub struct KeySet {
    keys: Vec<PublicKey>,
}

impl KeySet {
    /// Reads a set that somebody registers with us: every key in it has to be one that is taken, and have a
    /// name of its own unless it is the only one.
    ///
    /// # Errors
    /// As [`PublicKey::parse`], and [`Error::AmbiguousKey`] where a name is missing or there twice.
    pub fn registered(json: &[u8]) -> Result<Self> {
        let keys: Vec<_> = members(json)?.iter().map(PublicKey::read).collect::<Result<_>>()?;
        let set = Self::of(keys)?;
        let named = |key: &PublicKey| set.keys.iter().filter(|other| other.id == key.id).count() == 1;
        let alone = set.keys.len() == 1;
        let all_named = set.keys.iter().all(|key| key.id.is_some() && named(key));
        if alone || all_named { Ok(set) } else { Err(Error::AmbiguousKey) }
    }

    /// Reads a set that an identity provider publishes. Keys that are not taken here are passed over, as RFC
    /// 7517 wants; a private one is not: who publishes that cannot be believed.
    ///
    /// # Errors
    /// [`Error::PrivateKey`], [`Error::Key`] where no key is left, [`Error::Malformed`] and the like for what
    /// is no set.
    pub fn published(json: &[u8]) -> Result<Self> {
        let mut keys = Vec::new();
        for key in &members(json)? {
            match PublicKey::read(key) {
                Ok(key) => keys.push(key),
                Err(Error::PrivateKey) => return Err(Error::PrivateKey),
                Err(_) => {}
            }
        }
        Self::of(keys)
    }

    fn of(keys: Vec<PublicKey>) -> Result<Self> {
        if keys.is_empty() {
            Err(Error::Key("there is none in the set that is taken here"))
        } else {
            Ok(Self { keys })
        }
    }

    /// All of them, in their order.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The keys as a set, in one spelling and with nothing beside them but their names and what each is only for.
    #[must_use]
    pub fn to_json(&self) -> String {
        let keys: Vec<_> = self.keys.iter().map(PublicKey::members).collect();
        serde_json::json!({ "keys": keys }).to_string()
    }

    /// The key that is called `id` and is for `algorithm`. Without an `id` it is the one key of the set:
    /// where there are several, none of them is tried.
    pub(crate) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<&PublicKey> {
        let Some(id) = id else {
            let [only] = self.keys.as_slice() else { return Err(Error::AmbiguousKey) };
            return if only.is_for(algorithm) { Ok(only) } else { Err(Error::Algorithm) };
        };
        let mut named = self.keys.iter().filter(|key| key.id() == Some(id)).peekable();
        if named.peek().is_none() {
            return Err(Error::UnknownKey);
        }
        let mut fitting = named.filter(|key| key.is_for(algorithm));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(Error::AmbiguousKey),
            (None, _) => Err(Error::Algorithm),
        }
    }
}

fn members(json: &[u8]) -> Result<Vec<Object>> {
    Object::read(json, "a set of keys", MOST_SET)?.objects("keys", MOST_KEYS)
}
