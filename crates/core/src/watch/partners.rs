//! Partners that do what they are not to: a refusal of a recipient's service is not only recorded, but rings. A program that is in order
//! asks from its own networks, for what it is given, and while its contract runs; one that does not is broken, or is in wrong hands.

use std::sync::Arc;

use avouch_policy::Need;
use avouch_store::Tx;

use super::alarms::{Alarm, AlarmKind, raise};
use crate::Error;
use crate::app::{App, Cx};
use crate::gate::Caller;
use crate::ids::PrincipalId;

/// Raises the alarm that a refusal calls for, if it is a recipient's service that was refused.
pub(crate) fn refused(tx: &mut Tx<'_>, cx: &Cx<'_>, needs: &[Need]) -> Result<(), Error> {
    let Some(recipient) = cx.caller.recipient() else { return Ok(()) };
    ring(tx, cx.app, cx.now, (cx.caller.id(), recipient), needs)
}

/// The same of one that has shown who it is and was not let in.
pub(crate) fn came(app: &Arc<App>, caller: &Caller, needs: Vec<Need>) {
    let Some(recipient) = caller.recipient().map(str::to_owned) else { return };
    let (own, id) = (Arc::clone(app), caller.id());
    let record = move |tx: &mut Tx<'_>| ring(tx, &own, own.now(), (id, &recipient), &needs);
    app.store.write(record, |result: Result<(), Error>| {
        if let Err(error) = result {
            tracing::error!(%error, "an alarm about a recipient's service could not be raised");
        }
    });
}

fn ring(
    tx: &mut Tx<'_>,
    app: &App,
    now: i64,
    (principal, recipient): (PrincipalId, &str),
    needs: &[Need],
) -> Result<(), Error> {
    let mut kinds: Vec<_> = needs.iter().filter_map(kind).collect();
    kinds.sort_unstable_by_key(|kind| kind.name());
    kinds.dedup();
    let names: Vec<_> = needs.iter().map(Need::name).collect();
    for kind in kinds {
        let detail = format!("{recipient}: {}", names.join(", "));
        raise(tx, app, now, Alarm { kind, principal, subject: None, detail })?;
    }
    Ok(())
}

/// Raises the alarm that a failure calls for.
pub(crate) fn failed(tx: &mut Tx<'_>, cx: &Cx<'_>, kind: AlarmKind) -> Result<(), Error> {
    let detail = cx.caller.recipient().unwrap_or_default().to_owned();
    raise(tx, cx.app, cx.now, Alarm { kind, principal: cx.caller.id(), subject: None, detail })
}

/// Of what a need that is not met is an alarm.
const fn kind(need: &Need) -> Option<AlarmKind> {
    match need {
        Need::Network => Some(AlarmKind::PartnerNetwork),
        Need::Contract => Some(AlarmKind::PartnerContract),
        Need::Permission { .. }
        | Need::Purpose { .. }
        | Need::Field { .. }
        | Need::View { .. }
        | Need::Recipient => Some(AlarmKind::PartnerScope),
        _ => None,
    }
}
