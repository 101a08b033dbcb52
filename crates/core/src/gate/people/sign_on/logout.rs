//! A provider says that somebody has logged out there (OpenID Connect Back-Channel Logout 1.0): what began by it ends here, too.
//!
//! It comes from anywhere and counts by its signature. It can end sessions and do nothing else; each is good once.

use avouch_authn::jwt::openid::logout::{self, Logout};
use avouch_authn::jwt::{Clock, Error as Judged};
use avouch_policy::Action;
use avouch_store::Tx;

use crate::Error;
use crate::app::{App, Cx, Operation, Outcome, about_nobody};
use crate::gate::Permit;
use crate::gate::people::once::{self, Single};
use crate::gate::people::sessions;

/// Ends what a provider says has ended there.
#[derive(Debug)]
pub struct EndSignedOn {
    logout: Logout,
    single: Single,
}

impl App {
    /// Judges a logout token. May ask the provider for its keys, on the thread that calls.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a provider that there is not; [`Error::LogInFailed`] whatever is wrong with the token;
    /// [`Error::ProviderUnavailable`]; [`Error::Busy`].
    pub fn judge_logout(&self, provider: &str, token: &str) -> Result<EndSignedOn, Error> {
        let known = self.people.sign_on.named(provider).ok_or(Error::NotFound)?;
        let refused = |error: Judged| {
            tracing::warn!(provider, %error, "a logout token was refused");
            Error::LogInFailed
        };
        let room = known.enter()?;
        let metadata = known.metadata(&room, self.now())?;
        let client = known.client();
        let clock = Clock::at(self.now_seconds());
        let judge = |keys: &_| logout::verify(&metadata, keys, &client, token, clock);
        let once = known.with_keys(&room, &metadata, self.now(), judge)?.map_err(refused)?;
        let single = super::single(self, &once.spend());
        // Spent in the transaction that ends the sessions: of two that come at once, one fails there.
        let logout = once.redeem(true).map_err(refused)?;
        Ok(EndSignedOn { logout, single })
    }
}

impl Operation for EndSignedOn {
    const ACTION: Action = Action::SessionEnd;
    type Output = usize;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<usize>, Error> {
        once::spend(tx, &self.single)?;
        let Logout { issuer, subject, session, .. } = &self.logout;
        let changes = sessions::end_signed_on(tx, cx, |on| {
            on.issuer == *issuer
                && subject.as_ref().is_none_or(|subject| on.subject == *subject)
                && session.as_ref().is_none_or(|session| on.sid.as_ref() == Some(session))
        })?;
        Ok(Outcome::new(changes.len(), sessions::ended_note(&changes)).with_sessions(changes))
    }
}
