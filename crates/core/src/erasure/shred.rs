//! The second half of an erasure: the keys are destroyed, the ending is noted beside them, what is left of both in the
//! engine's logs is emptied, and the copy gets its line. Safe to repeat; only then is anybody answered.

use std::sync::Arc;

use avouch_store::{Tx, params, statements};

use super::Ticket;
use super::ending::{self, Ending, WHOLE};
use crate::Error;
use crate::app::App;
use crate::audit::{self, What};
use crate::ids::SubjectId;

statements! {
    keys SUBJECT_KEY_IDS of subject_key / 1 = "select class, generation, key_id from subject_key where subject = ?1";
    keys DROP_KEYS of subject_key / 1 = "delete from subject_key where subject = ?1";
    keys DROP_KEY of subject_key / 3 = "delete from subject_key where subject = ?1 and class = ?2 and generation = ?3";
    keys PUT_IDENTIFIER = "insert into ended_identifier (digest, seq) values (?1, ?2) on conflict (digest, seq) do nothing";
    keys DROP_STRAYS = "delete from subject_key where subject in (select subject from ending where class = 0)";
}

/// A key as far as it is told from others.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyName {
    pub(super) class: u32,
    pub(super) generation: u32,
    pub(super) id: [u8; 16],
}

/// A person's keys. What has not our form is named all the same, or it could not be destroyed.
pub(super) fn keys_of(tx: &mut Tx<'_>, subject: SubjectId) -> Result<Vec<KeyName>, Error> {
    Ok(tx.query(&SUBJECT_KEY_IDS, params![subject.bytes()], |row| {
        Ok(KeyName {
            class: u32::try_from(row.int(0)?).unwrap_or(u32::MAX),
            generation: u32::try_from(row.int(1)?).unwrap_or(u32::MAX),
            id: row.bytes(2).unwrap_or_default(),
        })
    })?)
}

/// Does what a person's endings order and is not done yet, and answers when it is final.
pub(super) fn finish(
    app: &Arc<App>,
    ticket: (SubjectId, Ticket),
    answer: impl FnOnce(Result<(), Error>) + Send + 'static,
) {
    let (inner, after) = (Arc::clone(app), Arc::clone(app));
    app.store.write_urgent(
        move |tx| complete(tx, &inner, ticket.0),
        move |result: Result<Vec<Ending>, Error>| match result {
            Ok(endings) => {
                after.erasures.closing().remove(&ticket);
                settle(&after, &endings, answer);
            }
            Err(error) => {
                tracing::error!(%error, "an erasure waits for its second half; housekeeping tries it again");
                after.erasures.tried_in_vain(ticket);
                answer(Err(error));
            }
        },
    );
}

/// All endings of a person, each done now if it was not.
fn complete(tx: &mut Tx<'_>, app: &App, subject: SubjectId) -> Result<Vec<Ending>, Error> {
    let endings = ending::of_subject(tx, subject)?;
    let undone = ending::undone(tx)?;
    for ending in endings.iter().filter(|ending| undone.contains(&ending.seq)) {
        destroy(tx, app, ending)?;
    }
    Ok(endings)
}

/// Destroys the keys that an ending ends, and notes it beside them.
pub(super) fn destroy(tx: &mut Tx<'_>, app: &App, ending: &Ending) -> Result<(), Error> {
    // Nothing that somebody wrote into the table by hand opens, so nobody else can have keys destroyed.
    let facts = ending.facts(&app.keys)?;
    let subject = ending.subject;
    let named = if ending.class == WHOLE {
        tx.put(&DROP_KEYS, params![subject.bytes()])?;
        facts.counts.keys
    } else {
        let ended = |key: &KeyName| {
            key.class == ending.class
                && (key.generation < facts.generation || facts.keys.iter().any(|id| **id == key.id))
        };
        for key in keys_of(tx, subject)?.into_iter().filter(ended) {
            tx.put(&DROP_KEY, params![subject.bytes(), key.class, key.generation])?;
        }
        facts.keys.len() as u64
    };
    for identifier in &facts.identifiers {
        tx.put(&PUT_IDENTIFIER, params![&**identifier, ending.seq])?;
    }
    if ending.put_done(tx)? {
        let mut event =
            audit::system(app.ids.event(app.now()), What::SubjectShred, app.now(), app.rules().version);
        event.count = u32::try_from(named).unwrap_or(u32::MAX);
        event.erasure = Some(ending.seq.cast_unsigned());
        audit::append(tx, &event, 0, None)?;
    }
    Ok(())
}

/// What follows when endings are committed in both stores: the logs, the copy.
fn settle(app: &Arc<App>, endings: &[Ending], answer: impl FnOnce(Result<(), Error>) + Send + 'static) {
    if let Some(newest) = endings.last() {
        app.erasures.note_newest(newest.seq);
    }
    let lines = lines_of(endings, app);
    let keeper = Arc::clone(app);
    // The deleted keys still stand in the engine's log until it is emptied.
    app.store.purge(move |purged| {
        if !matches!(purged, Ok(true)) {
            tracing::warn!("the key store's log could not be emptied; the next purge takes it along");
        }
        match &keeper.erasures.keeper {
            Some(copy) => copy.keep(lines, Box::new(answer)),
            None => answer(Ok(())),
        }
    });
}

/// Lines for the copy; none when there is none to be kept.
pub(super) fn lines_of(endings: &[Ending], app: &App) -> Vec<(i64, String)> {
    if app.erasures.keeper.is_none() {
        return Vec::new();
    }
    endings.iter().map(|ending| (ending.seq, ending.line(&app.keys))).collect()
}

/// Keys of people who were erased: a writer whose other half failed may have left one, which opens nothing. Says how many.
pub(super) fn drop_strays(tx: &mut Tx<'_>) -> Result<u64, Error> {
    Ok(tx.execute(&DROP_STRAYS, &[])?)
}
