//! The public keys by which a service signs for itself. One sealed row for each service, replaced as a whole:
//! whoever changes them can be that service, so it is a change of access like any other.
//!
//! Tokens that were given out for the keys before end with them.

use std::sync::Arc;

use avouch_authn::jwt::jwk::KeySet;
use avouch_policy::Action;
use avouch_seal::vault::VaultKeys;
use avouch_store::{Tx, params, statements};
use serde::{Deserialize, Serialize};

use super::tokens;
use crate::Error;
use crate::app::{Cx, Operation, Outcome, Refresh};
use crate::audit::Note;
use crate::gate::principals::stored;
use crate::gate::{Intent, Permit};
use crate::ids::PrincipalId;
use crate::rules::Rules;

statements! {
    data ALL = "select principal, sealed from service_key order by principal";
    data ONE = "select sealed from service_key where principal = ?1";
    data PUT = "insert into service_key (principal, sealed) values (?1, ?2)";
    data DROP = "delete from service_key where principal = ?1";
}

/// The most keys of one service: what it signs with, and what it will sign with next, on some machines.
const MOST: usize = 20;

/// As they are kept.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// The event that registered them: another one, other keys.
    version: i64,
    set: String,
}

/// The keys of one service, ready to verify by.
#[derive(Debug, Clone)]
pub(crate) struct ServiceKeys {
    pub(super) version: i64,
    pub(super) set: Arc<KeySet>,
}

/// The keys of a service as a row: whose, and sealed.
pub(crate) type SealedKeys = ([u8; 16], Vec<u8>);

impl ServiceKeys {
    /// The keys of all services, still sealed.
    pub(crate) fn rows(tx: &mut Tx<'_>) -> Result<Vec<SealedKeys>, Error> {
        Ok(tx.query(&ALL, &[], |row| Ok((row.bytes(0)?, row.blob(1)?.to_vec())))?)
    }

    /// Opens what was stored.
    pub(crate) fn open(keys: &VaultKeys, principal: &[u8; 16], sealed: &[u8]) -> Result<Self, Error> {
        let plain = keys.open_row("service_key", principal, sealed)?;
        let Record { version, set } = serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?;
        let set = KeySet::registered(set.as_bytes()).map_err(|_| Error::Tampered)?;
        Ok(Self { version, set: Arc::new(set) })
    }

    /// The version that this transaction finds.
    pub(super) fn version(
        tx: &mut Tx<'_>,
        keys: &VaultKeys,
        principal: PrincipalId,
    ) -> Result<Option<i64>, Error> {
        let sealed = tx.first(&ONE, params![principal.bytes()], |row| Ok(row.blob(0)?.to_vec()))?;
        let version = |sealed: Vec<u8>| Ok(Self::open(keys, principal.bytes(), &sealed)?.version);
        sealed.map(version).transpose()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.set.keys().len()
    }

    /// As a set (RFC 7517), in one spelling.
    fn json(&self) -> String {
        self.set.to_json()
    }
}

/// Takes the keys of a service away.
pub(crate) fn drop_of(tx: &mut Tx<'_>, principal: PrincipalId) -> Result<(), Error> {
    Ok(tx.put(&DROP, params![principal.bytes()])?)
}

/// Registers the public keys of a service, in the place of those before.
#[derive(Debug, Clone)]
pub struct SetServiceKeys {
    principal: PrincipalId,
    /// None: it has none any more.
    set: Option<Arc<KeySet>>,
}

impl SetServiceKeys {
    /// Reads a set of public keys (RFC 7517, JSON); nothing: it shall have none.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a set with a private key in it, with keys that are not taken, or without their
    /// names.
    pub fn new(principal: PrincipalId, set: Option<&[u8]>) -> Result<Self, Error> {
        let read = |json: &[u8]| {
            let set = KeySet::registered(json).map_err(|error| Error::invalid("/keys", error.to_string()))?;
            if set.keys().len() > MOST {
                return Err(Error::invalid("/keys", format!("expected at most {MOST} keys")));
            }
            Ok(Arc::new(set))
        };
        Ok(Self { principal, set: set.map(read).transpose()? })
    }
}

impl Operation for SetServiceKeys {
    const ACTION: Action = Action::AccessChange;
    const REFRESH: Refresh = Refresh::Access;
    /// The set as it is kept.
    type Output = String;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<String>, Error> {
        if stored(tx, cx.app, self.principal)?.kind != "service" {
            return Err(Error::Conflict("only a service signs for itself: people log in"));
        }
        drop_of(tx, self.principal)?;
        let text = self.set.as_ref().map(|set| set.to_json());
        if let Some(set) = text.clone() {
            let record = Record { version: cx.event.int(), set };
            let plain = serde_json::to_vec(&record).map_err(|_| Error::Internal("keys have no JSON form"))?;
            let sealed = cx.app.keys.seal_row("service_key", self.principal.bytes(), &plain, &cx.app.rng)?;
            tx.put(&PUT, params![self.principal.bytes(), &sealed])?;
        }
        let ended = tokens::end_of(tx, self.principal)?;
        let note = Note { objects: vec![*self.principal.bytes()], ..Note::count(1) };
        Ok(Outcome::new(text.unwrap_or_else(none), note).with_sessions(vec![ended]))
    }
}

/// Shows the public keys of a service.
#[derive(Debug, Clone)]
pub struct ReadServiceKeys {
    /// Whose.
    pub principal: PrincipalId,
}

impl Operation for ReadServiceKeys {
    const ACTION: Action = Action::AccessRead;
    /// A set (RFC 7517), as JSON.
    type Output = String;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, _tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<String>, Error> {
        let access = cx.app.access();
        access.principal(self.principal).ok_or(Error::NotFound)?;
        let keys = access.service_keys(self.principal);
        let note = Note::count(keys.map_or(0, ServiceKeys::count));
        Ok(Outcome::new(keys.map_or_else(none, ServiceKeys::json), note))
    }
}

fn none() -> String {
    r#"{"keys":[]}"#.to_owned()
}
