//! Access tokens: a random reference, of which only a hash is kept, for ten minutes and for one key or
//! certificate. As with sessions, in memory too, changed after the transaction that changes the row.
//!
//! They outlive a restart: the row is written in the transaction that spends the assertion anyway, and a
//! server that comes back is not asked by everybody at once for a new one. A backup holds none.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use avouch_authn::jwt::thumbprint::Thumbprint;
use avouch_seal::credential::AccessToken;
use avouch_seal::vault::VaultKeys;
use avouch_store::{Store, Tx, params, statements};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::prove::{ProvenService, TokenRefusal};
use crate::Error;
use crate::app::App;
use crate::audit::{self, What};
use crate::gate::people::SessionChange;
use crate::ids::{PrincipalId, TokenId};

statements! {
    data PUT = "insert into access_token (id, principal, until, sealed) values (?1, ?2, ?3, ?4)";
    data ALL = "select id, principal, until, sealed from access_token where until > ?1";
    data COUNT = "select count(*) from access_token where principal = ?1 and until > ?2";
    data OLDEST = "select id from access_token where principal = ?1 and until > ?2 order by until, id limit 1";
    data DROP = "delete from access_token where id = ?1 and principal = ?2";
    data DROP_OF = "delete from access_token where principal = ?1";
    data SWEEP = "delete from access_token where until <= ?1";
}

/// How long a token is good.
pub const TOKEN_SECONDS: u32 = 600;
/// The most that one service has at a time; the oldest makes room.
const MOST: i64 = 1_000;
/// When there are more in memory, those that are over go first.
const ROOM: usize = 1_024;

/// What a token is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Bound {
    /// `jkt`: the key that proofs are signed by.
    Key([u8; 32]),
    /// `x5t#S256`: the certificate of the connection.
    Certificate([u8; 32]),
}

impl Bound {
    pub(super) fn key(thumbprint: Thumbprint) -> Self {
        Self::Key(*thumbprint.bytes())
    }

    pub(super) fn certificate(thumbprint: Thumbprint) -> Self {
        Self::Certificate(*thumbprint.bytes())
    }
}

/// A token as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TokenRecord {
    pub(super) principal: PrincipalId,
    pub(super) hash: [u8; 32],
    pub(super) until: i64,
    pub(super) bound: Bound,
}

/// The tokens in memory.
#[derive(Debug, Default)]
pub(crate) struct Tokens(RwLock<Held>);

#[derive(Debug, Default)]
struct Held {
    all: HashMap<TokenId, Arc<TokenRecord>>,
    /// How often all of a service's have ended, or all were loaded anew. Answers do not come in the order of commits: one that was made before
    /// that, and comes after it, is not let in.
    ends: u64,
}

impl Tokens {
    /// Loads them, in the place of what is in memory. What was made before is not let in after it: it is there already, or
    /// has ended.
    pub(crate) fn load(&self, store: &Store, keys: &VaultKeys, now: i64) -> Result<(), Error> {
        loop {
            let ends = self.ends();
            if self.replace(Self::kept(store, keys, now)?, ends) {
                return Ok(());
            }
        }
    }

    /// Takes these in the place of what is there; or does not, because some have ended since they were read.
    fn replace(&self, all: HashMap<TokenId, Arc<TokenRecord>>, ends: u64) -> bool {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let fresh = held.ends == ends;
        if fresh {
            *held = Held { all, ends: ends.wrapping_add(1) };
        }
        fresh
    }

    fn kept(store: &Store, keys: &VaultKeys, now: i64) -> Result<HashMap<TokenId, Arc<TokenRecord>>, Error> {
        let rows = store.read_wait(move |tx| {
            tx.query(&ALL, params![now], |row| {
                Ok((row.bytes::<16>(0)?, row.bytes::<16>(1)?, row.int(2)?, row.blob(3)?.to_vec()))
            })
        })?;
        let mut all = HashMap::with_capacity(rows.len());
        for (id, principal, until, sealed) in rows {
            let plain = keys.open_row("access_token", &id, &sealed)?;
            let record: TokenRecord = serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?;
            if *record.principal.bytes() != principal || record.until != until {
                return Err(Error::Tampered);
            }
            all.insert(TokenId::from_bytes(id), Arc::new(record));
        }
        Ok(all)
    }

    /// What an operation has ended.
    pub(crate) fn install(&self, changes: &[SessionChange]) {
        for change in changes {
            if let SessionChange::EndTokens(principal) = change {
                let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
                held.all.retain(|_, token| token.principal != *principal);
                held.ends = held.ends.wrapping_add(1);
            }
        }
    }

    /// The token, if it is alive and this is its secret.
    pub(super) fn find(&self, token: &AccessToken, now: i64) -> Option<(TokenId, Arc<TokenRecord>)> {
        let id = TokenId::from_bytes(token.id());
        let record = self.alive(id, now)?;
        token.verify(&record.hash).then_some((id, record))
    }

    /// The token, if it is alive.
    pub(crate) fn alive(&self, id: TokenId, now: i64) -> Option<Arc<TokenRecord>> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        held.all.get(&id).filter(|token| now < token.until).cloned()
    }

    /// How many of a service are alive.
    pub(crate) fn count(&self, principal: Option<PrincipalId>, now: i64) -> usize {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let counts =
            |token: &TokenRecord| now < token.until && principal.is_none_or(|one| one == token.principal);
        held.all.values().filter(|token| counts(token)).count()
    }

    fn ends(&self) -> u64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).ends
    }

    /// Lets a token in that was made when so many had ended; or does not, because some have ended since.
    fn begin(&self, made: &Made, ends: u64, now: i64) -> bool {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(gone) = made.gone {
            held.all.remove(&gone);
        }
        if held.ends != ends {
            return false;
        }
        if held.all.len() >= ROOM && held.all.len() == held.all.capacity() {
            held.all.retain(|_, token| now < token.until);
        }
        held.all.insert(made.new.id, Arc::clone(&made.record));
        true
    }

    fn end(&self, id: TokenId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).all.remove(&id);
    }
}

impl TokenRecord {
    /// Whose it is.
    pub(crate) fn principal(&self) -> PrincipalId {
        self.principal
    }
}

/// A token that was just given out.
pub struct NewToken {
    /// Its id.
    pub id: TokenId,
    /// What its owner shows, to be given out once.
    pub token: Zeroizing<String>,
    /// Whether proofs go with it; else it goes with a certificate.
    pub by_key: bool,
}

impl core::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NewToken").field("id", &self.id).finish_non_exhaustive()
    }
}

impl App {
    /// Gives a token to a service that has just proved who it is, and answers after the commit. The assertion
    /// and the proof are spent in the same transaction, and what they rest on is looked at again there.
    pub fn issue_token(
        self: &Arc<Self>,
        proven: ProvenService,
        answer: impl FnOnce(Result<NewToken, TokenRefusal>) + Send + 'static,
    ) {
        let app = Arc::clone(self);
        let ends = self.services.tokens.ends();
        let write = move |tx: &mut Tx<'_>| issue(tx, &app, &proven);
        let app = Arc::clone(self);
        self.store.write(write, move |result| {
            answer(result.and_then(|made| {
                let begun = app.services.tokens.begin(&made, ends, app.now());
                // It may ask again, and is then looked at anew.
                begun.then_some(made.new).ok_or(TokenRefusal::Wait(1))
            }));
        });
    }

    /// Ends a token of a service that has just proved who it is (RFC 7009). A token that is none, or none of
    /// its own, is as good as ended.
    ///
    /// # Errors
    /// [`TokenRefusal`].
    pub fn revoke_token(self: &Arc<Self>, proven: ProvenService, token: &str) -> Result<(), TokenRefusal> {
        let app = Arc::clone(self);
        let principal = proven.principal();
        let id =
            AccessToken::parse(token).ok().and_then(|token| self.services.tokens.find(&token, self.now()));
        let id = id.filter(|(_, record)| record.principal == principal).map(|(id, _)| id);
        let done = self.store.write_wait(move |tx| {
            proven.spend(tx, &app)?;
            let Some(id) = id else { return Ok(()) };
            tx.put(&DROP, params![id.bytes(), principal.bytes()]).map_err(Error::from)?;
            let mut event = event(&app, What::CredentialEnd, principal);
            event.objects = vec![(*id.bytes()).into()];
            audit::append(tx, &event, 0, None).map_err(Error::from)?;
            Ok::<_, TokenRefusal>(())
        });
        // Whatever came of it: nobody uses it any more here.
        if let Some(id) = id {
            self.services.tokens.end(id);
        }
        done
    }
}

struct Made {
    new: NewToken,
    record: Arc<TokenRecord>,
    gone: Option<TokenId>,
}

fn issue(tx: &mut Tx<'_>, app: &App, proven: &ProvenService) -> Result<Made, TokenRefusal> {
    proven.spend(tx, app)?;
    let (now, principal) = (app.now(), proven.principal());
    Ok(write(tx, app, proven, principal, now)?)
}

fn write(
    tx: &mut Tx<'_>,
    app: &App,
    proven: &ProvenService,
    principal: PrincipalId,
    now: i64,
) -> Result<Made, Error> {
    let bound = proven.bound().ok_or(Error::Internal("a token is bound to nothing"))?;
    let mut gone = None;
    let own = tx.first(&COUNT, params![principal.bytes(), now], |row| row.int(0))?.unwrap_or(0);
    if own >= MOST
        && let Some(oldest) = tx.first(&OLDEST, params![principal.bytes(), now], |row| row.bytes::<16>(0))?
    {
        tx.put(&DROP, params![&oldest, principal.bytes()])?;
        gone = Some(TokenId::from_bytes(oldest));
    }
    let id = TokenId::from_bytes(app.ids.uuid(now, &app.rng)?);
    let token = AccessToken::generate(&app.environment, *id.bytes(), &app.rng)?;
    let until = now.saturating_add(i64::from(TOKEN_SECONDS) * 1_000_000);
    let record = TokenRecord { principal, hash: token.hash(), until, bound };
    let plain = serde_json::to_vec(&record).map_err(|_| Error::Internal("a token has no JSON form"))?;
    let sealed = app.keys.seal_row("access_token", id.bytes(), &plain, &app.rng)?;
    tx.put(&PUT, params![id.bytes(), principal.bytes(), until, &sealed])?;
    let mut event = event(app, What::CredentialIssue, principal);
    event.objects = vec![(*id.bytes()).into()];
    audit::append(tx, &event, 0, None)?;
    let new = NewToken { id, token: token.reveal(), by_key: matches!(bound, Bound::Key(_)) };
    Ok(Made { new, record: Arc::new(record), gone })
}

/// What a service has done of its own: no role gives or takes it, as with people who log in, so it is none of
/// the policy's actions.
pub(super) fn event(app: &App, what: What, principal: PrincipalId) -> audit::Event {
    let now = app.now();
    let mut event = audit::system(app.ids.event(now), what, now, app.rules().version);
    event.actor = (*principal.bytes()).into();
    event.count = 1;
    event
}

/// Ends all tokens of a service.
pub(crate) fn end_of(tx: &mut Tx<'_>, principal: PrincipalId) -> Result<SessionChange, Error> {
    tx.put(&DROP_OF, params![principal.bytes()])?;
    Ok(SessionChange::EndTokens(principal))
}

/// Forgets tokens that are over.
pub(crate) fn sweep(tx: &mut Tx<'_>, now: i64) -> Result<u64, Error> {
    Ok(tx.execute(&SWEEP, params![now])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_comes_after_its_end_is_not_let_in() {
        let (tokens, principal) = (Tokens::default(), PrincipalId::from_bytes([1; 16]));
        let made = |id: u8| Made {
            new: NewToken { id: TokenId::from_bytes([id; 16]), token: Zeroizing::default(), by_key: true },
            record: Arc::new(TokenRecord { principal, hash: [0; 32], until: 10, bound: Bound::Key([0; 32]) }),
            gone: None,
        };
        let ends = tokens.ends();
        assert!(tokens.begin(&made(1), ends, 0));
        tokens.install(&[SessionChange::EndTokens(principal)]);
        assert!(!tokens.begin(&made(2), ends, 0));
        assert_eq!(tokens.count(None, 0), 0);
        assert!(tokens.begin(&made(3), tokens.ends(), 0));
        assert_eq!(tokens.count(Some(principal), 0), 1);

        // What was read before an end is not taken for what is there after it, nor what was made before all was read anew.
        let ends = tokens.ends();
        let read = HashMap::from([(TokenId::from_bytes([3; 16]), made(3).record)]);
        tokens.install(&[SessionChange::EndTokens(principal)]);
        assert!(!tokens.replace(read.clone(), ends));
        assert_eq!(tokens.count(None, 0), 0);
        let ends = tokens.ends();
        assert!(tokens.replace(read, ends));
        assert!(!tokens.begin(&made(4), ends, 0));
        assert_eq!(tokens.count(None, 0), 1);
    }
}
