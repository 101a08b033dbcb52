//! The gate after a restore: nothing is served before whoever was erased since the backup is gone again.
//!
//! When one of the two stores was alive, it is itself the list of erasures. A record without a key is of somebody whose keys
//! were destroyed since the data was copied; keys without a record are of somebody whose record was deleted since the keys
//! were copied. Either is taken away, with what events still say of them: links and typed reasons that lead to nobody who is
//! there. Each step is a transaction and safe to repeat; the mark goes in the last.

use std::collections::BTreeSet;
use std::sync::Arc;

use avouch_store::Tx;

use super::restored::{self, Replayed, Restored};
use crate::Error;
use crate::app::{App, Cx};
use crate::audit::{self, What};
use crate::gate::Caller;
use crate::ids::SubjectId;
use crate::vault::{Found, forget, forget_keys, forget_links, look};

/// People looked at in one transaction.
const PEOPLE: usize = 128;
const ROWS: i64 = 512;

/// Does what a restore has left to be done. Called at each opening, before anything else is.
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
    let (mut living, mut pseudonyms) = (BTreeSet::new(), BTreeSet::new());
    let mut after = None;
    loop {
        let keeper = Arc::clone(app);
        let people = app.store.write_wait(move |tx| forget_keyless(tx, &keeper, after))?;
        let Some((last, ..)) = people.last() else { break };
        after = Some(*last);
        for (subject, found, pseudonym) in people {
            if found == Found::Keyless {
                done.gone += 1;
            } else {
                living.insert(subject);
                pseudonyms.extend(pseudonym);
                done.people += 1;
            }
        }
    }
    done.keys = if pending.keys_made.is_some() { drop_keys(app, living)? } else { 0 };
    drop_links(app, pseudonyms)?;
    pending.replayed = Some(done);
    let keeper = Arc::clone(app);
    app.store.write_wait(move |tx| {
        pending.store(tx, &keeper.keys, &keeper.rng)?;
        let mut event = audit::system(What::VaultReplay, keeper.now(), keeper.rules().version);
        event.count = u32::try_from(done.gone + done.keys).unwrap_or(u32::MAX);
        Ok::<_, Error>(audit::append(tx, keeper.ids.event(keeper.now()), &event, 0, None)?)
    })?;
    // What was destroyed stands in the engine's log until that is emptied.
    app.purge_quietly();
    Ok(())
}

type People = Vec<(SubjectId, Found, Option<[u8; 16]>)>;

fn forget_keyless(tx: &mut Tx<'_>, app: &App, after: Option<SubjectId>) -> Result<People, Error> {
    let people = look_at(tx, app, after)?;
    for (subject, ..) in people.iter().filter(|(_, found, _)| *found == Found::Keyless) {
        forget(tx, *subject)?;
    }
    Ok(people)
}

/// The next people, and how each was found.
pub(super) fn look_at(tx: &mut Tx<'_>, app: &App, after: Option<SubjectId>) -> Result<People, Error> {
    let (rules, caller, now) = (app.rules(), Caller::system(), app.now());
    let (event, generation) = (app.ids.event(now), app.data_keys.generation());
    look(tx, &Cx { app, rules: &rules, caller: &caller, now, event, generation }, after, PEOPLE)
}

fn drop_keys(app: &App, living: BTreeSet<SubjectId>) -> Result<u64, Error> {
    let living = Arc::new(living);
    let (mut gone, mut after) = (0, Vec::new());
    loop {
        let (living, from) = (Arc::clone(&living), after.clone());
        let (some, last) = app.store.write_wait(move |tx| forget_keys(tx, &living, &from, ROWS))?;
        gone += some;
        let Some(last) = last else { return Ok(gone) };
        after = last.to_vec();
    }
}

fn drop_links(app: &App, living: BTreeSet<[u8; 16]>) -> Result<(), Error> {
    let living = Arc::new(living);
    let mut after = Vec::new();
    loop {
        let (living, from) = (Arc::clone(&living), after.clone());
        let last = app.store.write_wait(move |tx| forget_links(tx, &living, &from, ROWS))?;
        let Some(last) = last else { return Ok(()) };
        after = last.to_vec();
    }
}
