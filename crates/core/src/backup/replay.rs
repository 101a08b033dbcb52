//! The last step of a restore, done at opening: nothing is served before. Whoever was erased since the backup is gone again by
//! then, for the lists of endings were brought together first (`erasure::reconcile`). What is left are people whose keys are
//! lost: who came after the backup of the keys. Each step is a transaction and safe to repeat; the mark goes in the last.

use std::sync::Arc;

use avouch_store::Tx;

use super::restored::{self, Replayed, Restored};
use crate::Error;
use crate::app::{App, Cx};
use crate::audit::{self, What};
use crate::gate::Caller;
use crate::vault::{Found, SubjectPlace, forget, look};

/// People looked at in one transaction.
const PEOPLE: usize = 128;

/// Does what a restore has left to be done. Called at each opening, when the lists of endings were brought together.
///
/// # Errors
/// What the store reports: then the vault does not open.
pub(crate) fn replay(app: &Arc<App>) -> Result<(), Error> {
    let keeper = Arc::clone(app);
    let all = app.store.read_wait(move |tx| restored::all(tx, &keeper.keys))?;
    for pending in all.into_iter().filter(|restored| restored.replayed.is_none()) {
        replay_one(app, pending)?;
    }
    Ok(())
}

fn replay_one(app: &Arc<App>, mut pending: Restored) -> Result<(), Error> {
    let mut done = Replayed::default();
    let mut after = None;
    loop {
        let keeper = Arc::clone(app);
        let people = app.store.write_wait(move |tx| forget_lost(tx, &keeper, after))?;
        let Some((last, _)) = people.last() else { break };
        after = Some(*last);
        for (_, found) in people {
            *if found == Found::Keyless { &mut done.lost } else { &mut done.people } += 1;
        }
    }
    pending.replayed = Some(done);
    let keeper = Arc::clone(app);
    app.store.write_wait(move |tx| {
        pending.store(tx, &keeper.keys, &keeper.rng)?;
        let mut event = audit::system(
            keeper.ids.event(keeper.now()),
            What::VaultReplay,
            keeper.now(),
            keeper.rules().version,
        );
        event.count = u32::try_from(pending.erased).unwrap_or(u32::MAX);
        Ok(audit::append(tx, &event, 0, None)?)
    })
}

type People = Vec<(SubjectPlace, Found)>;

fn forget_lost(tx: &mut Tx<'_>, app: &App, after: Option<SubjectPlace>) -> Result<People, Error> {
    let people = look_at(tx, app, after)?;
    for (place, _) in people.iter().filter(|(_, found)| *found == Found::Keyless) {
        tracing::error!(subject = %place.subject, "a customer whose keys are lost cannot be restored");
        forget(tx, place.subject)?;
    }
    Ok(people)
}

/// The next people, and how each was found.
pub(super) fn look_at(tx: &mut Tx<'_>, app: &App, after: Option<SubjectPlace>) -> Result<People, Error> {
    let (rules, caller, now) = (app.rules(), Caller::system(), app.now());
    let (event, generation) = (app.ids.event(now), app.data_keys.generation());
    look(tx, &Cx { app, rules: &rules, caller: &caller, now, event, generation }, after, PEOPLE)
}
