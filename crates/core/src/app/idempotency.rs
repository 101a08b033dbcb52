//! Doing something once: the outcome of a write is stored under the caller's idempotency key in the same transaction, and
//! a repetition within 24 hours gets that outcome instead of a second effect.
//!
//! The key and a digest of the request are stored keyed, the outcome sealed: whoever reads the table learns nothing.

use avouch_store::{Ahead, Tx, params, statements};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Cx, Operation, Outcome, Refresh};
use crate::audit::Note;
use crate::gate::{Intent, Permit, SubjectFacts};
use crate::rules::Rules;
use crate::transit::KeyName;
use crate::{Error, Fault};

statements! {
    data FIND of idempotency / 2 = "select request, sealed from idempotency where caller = ?1 and key_digest = ?2 and at > ?3";
    data REMEMBER of idempotency / 2 = "insert into idempotency (caller, key_digest, request, at, sealed, subject) values (?1, ?2, ?3, ?4, ?5, ?6) on conflict (caller, key_digest) do update set request = ?3, at = ?4, sealed = ?5, subject = ?6";
    data FORGET = "delete from idempotency where at <= ?1";
}

/// How long an outcome is kept.
pub(crate) const KEPT_MICROS: i64 = 24 * 3600 * 1_000_000;

/// The caller's key and what it stood for.
#[derive(Clone)]
pub struct IdempotencyKey {
    key: String,
    request: Vec<u8>,
}

impl core::fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("IdempotencyKey(..)")
    }
}

impl IdempotencyKey {
    /// A key (1 to 128 visible ASCII characters) and the bytes of the request it belongs to.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another form of key.
    pub fn new(key: &str, request: &[&[u8]]) -> Result<Self, Error> {
        if key.is_empty() || key.len() > 128 || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let detail = "expected 1 to 128 visible ASCII characters in `Idempotency-Key`";
            return Err(Error::Invalid(vec![Fault::new("", detail)]));
        }
        Ok(Self { key: key.to_owned(), request: avouch_seal::pae::pae(request) })
    }
}

/// An operation that is done once per key. Without a key it is the operation itself.
#[derive(Debug)]
pub struct Once<O> {
    /// What to do.
    pub operation: O,
    /// The caller's key.
    pub key: Option<IdempotencyKey>,
}

/// What `Once` found.
#[derive(Debug)]
pub enum OnceFacts<F, T> {
    /// It was done before; this came of it.
    Before(T),
    /// It was not.
    Fresh(F),
}

impl<O> Operation for Once<O>
where
    O: Operation,
    O::Output: Serialize + DeserializeOwned,
{
    const ACTION: avouch_policy::Action = O::ACTION;
    const REFRESH: Refresh = O::REFRESH;
    const PURGES: bool = O::PURGES;
    type Output = O::Output;
    type Facts = OnceFacts<O::Facts, O::Output>;

    fn intent(&self, rules: &Rules) -> Result<Intent, Error> {
        self.operation.intent(rules)
    }

    fn writes(&self) -> bool {
        self.operation.writes()
    }

    fn refreshes(&self) -> Refresh {
        self.operation.refreshes()
    }

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        self.operation.ahead(wants);
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Self::Facts, Error> {
        if let Some(key) = &self.key {
            let (digest, request) = digests(cx, key);
            let since = cx.now - KEPT_MICROS;
            let found = tx.first(&FIND, params![cx.caller.id.bytes(), &digest, since], |row| {
                Ok((row.bytes::<32>(0)?, row.blob(1)?.to_vec()))
            })?;
            if let Some((known, sealed)) = found {
                if known != request {
                    return Err(Error::KeyReused);
                }
                let plain = cx.app.keys.open_row("idempotency", &digest, &sealed)?;
                let output = serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?;
                return Ok(OnceFacts::Before(output));
            }
        }
        self.operation.facts(tx, cx).map(OnceFacts::Fresh)
    }

    fn subject_facts(facts: &Self::Facts) -> SubjectFacts {
        match facts {
            OnceFacts::Before(_) => SubjectFacts::default(),
            OnceFacts::Fresh(facts) => O::subject_facts(facts),
        }
    }

    fn key(facts: &Self::Facts) -> Option<&KeyName> {
        match facts {
            OnceFacts::Before(_) => None,
            OnceFacts::Fresh(facts) => O::key(facts),
        }
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        facts: Self::Facts,
    ) -> Result<Outcome<Self::Output>, Error> {
        let facts = match facts {
            OnceFacts::Before(output) => return Ok(Outcome::new(output, Note::count(0))),
            OnceFacts::Fresh(facts) => facts,
        };
        let (output, note, after) = self.operation.run(tx, cx, permit, facts)?.into_parts();
        let output = match output {
            Ok(output) => output,
            Err(error) => return Ok(Outcome::failed(error, note)),
        };
        if let Some(key) = &self.key {
            let (digest, request) = digests(cx, key);
            let plain = zeroize::Zeroizing::new(
                serde_json::to_vec(&output).map_err(|_| Error::Internal("an outcome has no JSON form"))?,
            );
            let sealed = cx.app.keys.seal_row("idempotency", &digest, &plain, &cx.app.rng)?;
            let about = O::about(&output);
            let about = about.as_ref().map(|subject| subject.bytes().as_slice());
            tx.put(&REMEMBER, params![cx.caller.id.bytes(), &digest, &request, cx.now, &sealed, about])?;
        }
        Ok(Outcome::new(output, note).with(after))
    }

    fn objects(&self) -> Vec<minicbor::bytes::ByteArray<16>> {
        self.operation.objects()
    }
}

fn digests(cx: &Cx<'_>, key: &IdempotencyKey) -> ([u8; 32], [u8; 32]) {
    let caller = cx.caller.id.bytes();
    let digest = cx.app.keys.row_digest("idempotency-key", &[caller, key.key.as_bytes()]);
    let request = cx.app.keys.row_digest("idempotency-request", &[&caller[..], &key.request]);
    (digest, request)
}

/// Forgets outcomes that are older than a day.
pub(crate) fn sweep(tx: &mut Tx<'_>, now: i64) -> Result<u64, avouch_store::Error> {
    tx.execute(&FORGET, params![now - KEPT_MICROS])
}
