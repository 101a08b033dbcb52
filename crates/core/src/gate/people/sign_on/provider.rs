//! A provider: how it is set up, and what is remembered of what it publishes.
//!
//! Metadata and keys are good for an hour and asked for again then; where there is no answer they are used on for a day, so that a
//! provider may be down for a while, and a key that it has withdrawn is not believed for ever. A key that is not in the set has it fetched
//! once more, but not more often than twice a minute: what names a key is an answer that anybody may have begun.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use avouch_authn::jwt::jwk::{KeySet, MOST_SET};
use avouch_authn::jwt::openid::{
    self, Asked, Flow, Identity, MOST_METADATA, TokenRequest, configuration_url,
};
use avouch_authn::jwt::{Error as Judged, Result as Verdict};
use zeroize::Zeroizing;

use crate::Error;

const SECOND_MICROS: i64 = 1_000_000;
/// For how long what was fetched is not asked for again.
const FRESH_MICROS: i64 = 3_600 * SECOND_MICROS;
/// For how long it is used when there is no answer.
const LONGEST_MICROS: i64 = 24 * 3_600 * SECOND_MICROS;
/// Between two questions for the same, whatever came of the first.
const FLOOR_MICROS: i64 = 30 * SECOND_MICROS;
/// Log-ins that talk to one provider at once: one that does not answer must not take the threads of everybody else.
const AT_ONCE: usize = 8;

/// The way to a provider, which the binary has. Whatever it is given to fetch stands in what the provider publishes of itself; what comes
/// back is believed in nothing.
pub trait ProviderLine: fmt::Debug + Send + Sync {
    /// Fetches a document of JSON of at most `most` bytes, from exactly this address.
    ///
    /// # Errors
    /// In words for the log, when there is none: no answer, another status, another type, or too long.
    fn fetch(&self, url: &str, most: usize) -> Result<Vec<u8>, String>;

    /// Sends a request for a token; gives the body of the answer, whatever its status.
    ///
    /// # Errors
    /// As [`ProviderLine::fetch`].
    fn redeem(&self, request: &TokenRequest) -> Result<Vec<u8>, String>;
}

/// A provider of the configuration.
#[derive(Clone)]
pub struct Provider {
    /// Its name in addresses of ours.
    pub name: String,
    /// What its button says.
    pub label: String,
    /// Its own name, to the letter.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// By what we show that we are that; nothing: PKCE alone.
    pub secret: Option<Zeroizing<String>>,
    /// Our address that is registered there, of this provider only.
    pub redirect_uri: String,
    /// Scopes besides `openid`.
    pub scopes: Vec<String>,
    /// What says that two factors were shown.
    pub two_factors: Vouched,
    /// What says that it was by something that cannot be phished.
    pub resistant: Vouched,
    /// The way to it.
    pub line: Arc<dyn ProviderLine>,
}

/// Words of a provider that count as something. None of them: nothing does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vouched {
    /// Values of `acr`.
    pub acr: Vec<String>,
    /// Values of `amr`, one of which is enough.
    pub amr: Vec<String>,
}

impl Vouched {
    /// Whether there is any word for it.
    pub(super) fn is_something(&self) -> bool {
        !(self.acr.is_empty() && self.amr.is_empty())
    }

    /// Whether a verified identity has one.
    pub(super) fn vouches(&self, identity: &Identity) -> bool {
        identity.acr.as_ref().is_some_and(|acr| self.acr.contains(acr))
            || identity.amr.iter().any(|amr| self.amr.contains(amr))
    }
}

/// Without the secret.
impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("name", &self.name)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a provider that is to be set up, if anything: its name, or what is to be asked of it.
#[must_use]
pub fn unfit_provider(issuer: &str, scopes: &[String], acr: &[String]) -> Option<String> {
    let asked = Asked { scopes: scopes.to_vec(), acr: acr.to_vec(), ..Asked::default() };
    let judged = configuration_url(issuer).and_then(|_| Flow::new(issuer, &[[0; 32]; 3], asked, 0));
    judged.err().map(|error| error.to_string())
}

/// See the module.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) settings: Provider,
    inside: AtomicUsize,
    metadata: Mutex<Fetched<openid::Provider>>,
    keys: Mutex<Fetched<KeySet>>,
}

/// Something that was fetched, and when it was last asked for. It is held while it is fetched: who comes meanwhile waits for that.
#[derive(Debug)]
struct Fetched<T> {
    what: Option<(Arc<T>, i64)>,
    asked: Option<i64>,
}

/// A place among those who talk to a provider.
pub(super) struct Room<'k>(&'k AtomicUsize);

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<T> Fetched<T> {
    const fn nothing() -> Self {
        Self { what: None, asked: None }
    }

    /// What is there, if it is no older than this.
    fn within(&self, micros: i64, now: i64) -> Option<Arc<T>> {
        let (what, at) = self.what.as_ref()?;
        (0..micros).contains(&now.saturating_sub(*at)).then(|| Arc::clone(what))
    }

    /// Whether it may be asked for now; it is, then.
    fn may_ask(&mut self, now: i64) -> bool {
        let soon = |asked: i64| (0..FLOOR_MICROS).contains(&now.saturating_sub(asked));
        let may = !self.asked.is_some_and(soon);
        if may {
            self.asked = Some(now);
        }
        may
    }

    fn put(&mut self, what: T, now: i64) -> Arc<T> {
        let what = Arc::new(what);
        self.what = Some((Arc::clone(&what), now));
        what
    }
}

impl Known {
    pub(super) fn new(settings: Provider) -> Self {
        let (metadata, keys) = (Mutex::new(Fetched::nothing()), Mutex::new(Fetched::nothing()));
        Self { settings, inside: AtomicUsize::new(0), metadata, keys }
    }

    /// # Errors
    /// [`Error::Busy`] when too many are at it.
    pub(super) fn enter(&self) -> Result<Room<'_>, Error> {
        let entered = self.inside.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
            (count < AT_ONCE).then_some(count + 1)
        });
        entered.map(|_| Room(&self.inside)).map_err(|_| Error::Busy)
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// [`Error::ProviderUnavailable`].
    pub(super) fn metadata(&self, _: &Room<'_>, now: i64) -> Result<Arc<openid::Provider>, Error> {
        let fetch = || {
            let url = configuration_url(&self.settings.issuer).map_err(|error| error.to_string())?;
            let text = self.settings.line.fetch(&url, MOST_METADATA)?;
            openid::Provider::parse(&self.settings.issuer, &text).map_err(|error| error.to_string())
        };
        self.current(&mut lock(&self.metadata), now, "metadata", false, fetch)
    }

    /// Judges by its keys; once more by keys that are fetched anew, where one is named that is not among them.
    ///
    /// # Errors
    /// [`Error::ProviderUnavailable`] when there are no keys.
    pub(super) fn with_keys<T>(
        &self,
        _: &Room<'_>,
        metadata: &openid::Provider,
        now: i64,
        judge: impl Fn(&KeySet) -> Verdict<T>,
    ) -> Result<Verdict<T>, Error> {
        let fetch = || {
            let text = self.settings.line.fetch(metadata.keys_url(), MOST_SET)?;
            KeySet::published(&text).map_err(|error| error.to_string())
        };
        let keys = self.current(&mut lock(&self.keys), now, "keys", false, fetch)?;
        match judge(&keys) {
            Err(Judged::UnknownKey) => {
                let keys = self.current(&mut lock(&self.keys), now, "keys", true, fetch)?;
                Ok(judge(&keys))
            }
            verdict => Ok(verdict),
        }
    }

    /// What is there, or is fetched now: when it is old, or has to be had `anew`.
    fn current<T>(
        &self,
        fetched: &mut Fetched<T>,
        now: i64,
        what: &'static str,
        anew: bool,
        fetch: impl Fn() -> Result<T, String>,
    ) -> Result<Arc<T>, Error> {
        if let (false, Some(current)) = (anew, fetched.within(FRESH_MICROS, now)) {
            return Ok(current);
        }
        if fetched.may_ask(now) {
            match fetch() {
                Ok(new) => return Ok(fetched.put(new, now)),
                Err(error) => {
                    tracing::warn!(
                        provider = self.settings.name,
                        what,
                        error,
                        "an identity provider cannot be asked"
                    );
                }
            }
        }
        fetched.within(LONGEST_MICROS, now).ok_or(Error::ProviderUnavailable)
    }

    /// Gets what a code is good for.
    ///
    /// # Errors
    /// [`Error::ProviderUnavailable`].
    pub(super) fn redeem(&self, _: &Room<'_>, request: &TokenRequest) -> Result<Vec<u8>, Error> {
        self.settings.line.redeem(request).map_err(|error| {
            tracing::warn!(
                provider = self.settings.name,
                what = "a token",
                error,
                "an identity provider cannot be asked"
            );
            Error::ProviderUnavailable
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
