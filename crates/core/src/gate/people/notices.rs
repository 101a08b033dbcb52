//! What people are told by mail of how they log in, so that somebody else's doing is noticed by whom it is done to. A mail says what has
//! happened, when, and in words of ours from what; it has nothing to click on, since that is what false ones have. Where there is no way
//! for mail, or no address, nobody is told.

use avouch_store::Tx;

use crate::Error;
use crate::app::App;
use crate::gate::PrincipalRecord;
use crate::ids::PrincipalId;
use crate::outbox::{AccountNotice, Channel, Message, Notice};

/// What is told, and of what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'t> {
    pub(super) what: AccountNotice,
    pub(super) with: Option<&'static str>,
    pub(super) client: Option<&'t str>,
    pub(super) country: Option<[u8; 2]>,
}

impl Told<'_> {
    pub(super) const fn of(what: AccountNotice) -> Self {
        Self { what, with: None, client: None, country: None }
    }

    /// Tells somebody, in the transaction of what it is about.
    pub(super) fn tell(self, tx: &mut Tx<'_>, app: &App, who: PrincipalId, now: i64) -> Result<(), Error> {
        let access = app.access();
        match access.principal(who).and_then(PrincipalRecord::address) {
            Some(address) => self.send(tx, app, address, now),
            None => Ok(()),
        }
    }

    fn send(self, tx: &mut Tx<'_>, app: &App, to: &str, now: i64) -> Result<(), Error> {
        if !app.outbox.mails() {
            return Ok(());
        }
        let notice = Notice::Account {
            what: self.what,
            with: self.with.map(str::to_owned),
            client: self.client.filter(|client| !client.is_empty()).map(str::to_owned),
            country: self.country.map(|code| code.iter().copied().map(char::from).collect()),
            at: now,
        };
        Message { channel: Channel::Mail(to.to_owned()), notice }.put(tx, app, now)
    }
}

/// When a change gives somebody another address, both are told, and it counts as a change of what they log in with: whoever gets their
/// mail is not to be the only one who knows.
pub(crate) fn address_changed(
    tx: &mut Tx<'_>,
    app: &App,
    (before, after): (&PrincipalRecord, &mut PrincipalRecord),
    now: i64,
) -> Result<(), Error> {
    if before.address() == after.address() || before.kind == "service" {
        return Ok(());
    }
    after.credentials_changed = Some(now);
    for address in [before.address(), after.address()].into_iter().flatten() {
        Told::of(AccountNotice::AddressChanged).send(tx, app, address, now)?;
    }
    Ok(())
}
