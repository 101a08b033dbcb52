//! What no work leads to: customers who are nobody, and keys that nobody was given to use. Any touch is noticed at once, whoever it is.
//!
//! To whoever touches it, it is like any other: the customer is shown, the key is refused as a wrong one is.

use avouch_policy::Action;
use avouch_store::Tx;

use super::alarms::{self, Alarm, AlarmKind};
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome, Refresh, about_nobody};
use crate::audit::{self, Note, What};
use crate::gate::Permit;
use crate::gate::principals::{CreateKey, NewKey, create_honey};
use crate::ids::{CredentialId, PrincipalId};

/// Records that somebody was shown a customer who is nobody, in the transaction of the act.
pub(crate) fn seen(tx: &mut Tx<'_>, cx: &Cx<'_>, note: &Note) -> Result<(), Error> {
    let access = cx.app.access();
    let count = note.looks.iter().filter(|look| access.marks().of(look.subject).honey).count();
    if count == 0 {
        return Ok(());
    }
    touched(tx, cx.app, (cx.caller.id(), cx.caller.came_by()), count)
}

/// Records that a key was shown that nobody was given to use.
pub(crate) fn shown(
    tx: &mut Tx<'_>,
    app: &App,
    principal: PrincipalId,
    credential: CredentialId,
) -> Result<(), Error> {
    touched(tx, app, (principal, Some(*credential.bytes())), 1)
}

/// It does not say which customer it was: events are read by more people than may know.
fn touched(
    tx: &mut Tx<'_>,
    app: &App,
    (principal, came_by): (PrincipalId, Option<[u8; 16]>),
    count: usize,
) -> Result<(), Error> {
    let now = app.now();
    let mut event = audit::system(app.ids.event(now), What::HoneyTouch, now, app.rules().version);
    event.actor = (*principal.bytes()).into();
    event.credential = came_by.map(Into::into);
    event.count = u32::try_from(count).unwrap_or(u32::MAX);
    audit::append(tx, &event, 0, None)?;
    let detail = if count == 1 { "one touch".to_owned() } else { format!("{count} at once") };
    alarms::raise(tx, app, now, Alarm { kind: AlarmKind::Honey, principal, subject: None, detail })
}

/// Makes an API key that lies about for whoever looks around: it opens nothing, and whoever shows it is noticed.
#[derive(Debug, Clone)]
pub struct CreateHoneyKey(pub CreateKey);

impl Operation for CreateHoneyKey {
    const ACTION: Action = Action::AccessChange;
    const REFRESH: Refresh = Refresh::Access;
    type Output = NewKey;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<NewKey>, Error> {
        create_honey(tx, cx, &self.0)
    }
}
