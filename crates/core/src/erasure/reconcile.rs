//! Bringing the lists of endings together, at opening and whenever lines are handed in: each list is read through, each link
//! checked, and what one of them has and another has not is done where it was not done yet. An order that a crash cut off, an
//! old copy of the data that somebody put back, an old copy of the keys, and both at once are one and the same case here.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use avouch_store::{Tx, params, statements};

use super::copy::Keeper;
use super::ending::{self, Ending, EndingsFault, ListPlace, NO_LINK, WHOLE};
use super::order::unless_damaged;
use super::strip::{self, Stripped};
use super::{orphans, shred};
use crate::app::App;
use crate::audit::{self, Note, What};
use crate::gate::Caller;
use crate::ids::SubjectId;
use crate::vault::keys::Ring;
use crate::vault::record::Record;
use crate::vault::token;
use crate::{Error, app::Cx};

statements! {
    data DROP_TERMS_OF_ENDED = "delete from index_term where subject in (select subject from ending where seq >= ?1 and seq <= ?2 and class = 0)";
}

/// Endings looked at together.
const PAGE: i64 = 1_000;
/// Endings done in one transaction.
const BATCH: usize = 64;

/// What came of bringing the lists together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Absorbed {
    /// Erasures that were done again on the data.
    pub data: u64,
    /// Erasures whose keys were destroyed, now or again.
    pub keys: u64,
    /// Erasures there are.
    pub endings: u64,
}

/// Why that did not work.
#[derive(Debug, thiserror::Error)]
pub enum EndingsError {
    /// The lists do not go together; nothing was done.
    #[error(transparent)]
    Fault(#[from] EndingsFault),
    /// Anything else. What was done until then stays, and is gone on with.
    #[error(transparent)]
    Other(#[from] Error),
}

/// Where an ending is not.
struct Lacking {
    ending: Ending,
    data: bool,
    keys: bool,
}

impl App {
    /// All endings as lines of text, for whoever keeps them elsewhere.
    ///
    /// # Errors
    /// What the store reports.
    pub fn ending_lines(self: &Arc<Self>) -> Result<Vec<String>, Error> {
        let app = Arc::clone(self);
        let (mut lines, mut after) = (Vec::new(), 0);
        loop {
            let inner = Arc::clone(&app);
            let page = app.store.read_wait(move |tx| {
                let (orders, _) = ending::range(tx, after, after + PAGE)?;
                Ok::<_, Error>(orders.iter().map(|ending| ending.line(&inner.keys)).collect::<Vec<_>>())
            })?;
            if page.is_empty() {
                return Ok(lines);
            }
            lines.extend(page);
            after += PAGE;
        }
    }

    /// Takes in lines that [`App::ending_lines`] gave, of this vault at a later time, and does every erasure that they name and
    /// this vault does not know of. The copy that is kept elsewhere gets what it lacks when the lists are next brought together.
    ///
    /// # Errors
    /// [`EndingsError`].
    pub fn absorb_endings(self: &Arc<Self>, lines: &[String]) -> Result<Absorbed, EndingsError> {
        Ok(merge(self, &read(self, lines)?)?.0)
    }
}

/// At opening, before anybody is served.
pub(crate) fn reconcile(app: &Arc<App>) -> Result<Absorbed, EndingsError> {
    let lines = match &app.erasures.keeper {
        Some(copy) => copy.lines().map_err(|error| EndingsFault::Unreadable(error.kind()))?,
        None => Vec::new(),
    };
    let known = read(app, &lines)?;
    if let Some(copy) = &app.erasures.keeper {
        copy.has(known.keys().copied());
    }
    let (absorbed, unwritten) = merge(app, &known)?;
    keep(app, &unwritten)?;
    Ok(absorbed)
}

impl App {
    /// Whether an erasure failed half-way, or may have, while the vault was open.
    #[must_use]
    pub fn erasures_pending(&self) -> bool {
        !self.erasures.late().is_empty()
    }

    /// Whether the copy of the list that is kept elsewhere lacks a line, because it could not be written.
    #[must_use]
    pub fn copy_pending(&self) -> bool {
        self.erasures.keeper.as_ref().and_then(Keeper::behind).is_some()
    }

    /// Does what is not done of it, and writes what the copy lacks.
    ///
    /// # Errors
    /// What the store reports; then it is still pending.
    pub fn finish_erasures(self: &Arc<Self>) -> Result<(), Error> {
        resume(self)
    }
}

/// From time to time: whether an order waits for its second half, or the copy for a line.
pub(crate) fn resume(app: &Arc<App>) -> Result<(), Error> {
    let undone = app.store.read_wait(ending::undone)?;
    // Asked for before the lists are read: what fails from here on is not made good by this.
    let behind = app.erasures.keeper.as_ref().and_then(Keeper::behind);
    let late = app.erasures.late().clone();
    if undone.is_empty() && behind.is_none() && late.is_empty() {
        return Ok(());
    }
    match reconcile(app) {
        Ok(_) => {
            if let (Some(copy), Some(behind)) = (&app.erasures.keeper, behind) {
                copy.caught_up(behind);
            }
            app.erasures.closing().retain(|ticket| !late.contains(ticket));
            app.erasures.late().retain(|ticket| !late.contains(ticket));
            Ok(())
        }
        Err(EndingsError::Other(error)) => Err(error),
        // A disk that is not there says nothing about the list.
        Err(EndingsError::Fault(fault @ EndingsFault::Unreadable(_))) => {
            tracing::error!(%fault, "what is missing in the copy is written when it can be read again");
            Err(Error::CopyUnwritten)
        }
        Err(EndingsError::Fault(fault)) => {
            tracing::error!(%fault, "the list of erasures was changed while the vault was open");
            Err(Error::Tampered)
        }
    }
}

/// Whether lines end before the list of either store does: they are of an earlier time, and know nobody of after it.
pub(crate) fn is_older(app: &App, lines: &[String]) -> Result<bool, EndingsError> {
    let newest = read(app, lines)?.keys().next_back().copied();
    let heads = app.store.read_wait(|tx| Ok::<_, Error>([ending::head(tx)?, ending::keys_head(tx)?]))?;
    Ok(newest < heads.iter().flatten().map(|head| head.seq).max())
}

/// Lines as endings, by number. The same one may be there twice; two that differ are told when their links are checked.
fn read(app: &App, lines: &[String]) -> Result<BTreeMap<i64, Ending>, EndingsFault> {
    let mut known: BTreeMap<i64, Ending> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate() {
        let ending = Ending::read(line, &app.keys).ok_or(EndingsFault::Line(at + 1))?;
        let (seq, place) = (ending.seq, ListPlace::Copy);
        if known.insert(seq, ending.clone()).is_some_and(|other| other != ending) {
            return Err(EndingsFault::Changed { seq, place });
        }
    }
    Ok(known)
}

/// What came of it, and what the copy has not.
fn merge(app: &Arc<App>, copy: &BTreeMap<i64, Ending>) -> Result<(Absorbed, Vec<Ending>), EndingsError> {
    let (lacking, newest, unwritten) = compare(app, copy)?;
    let mut absorbed = Absorbed { endings: newest.cast_unsigned(), ..Absorbed::default() };
    let again_on_data = lacking.iter().filter(|lacking| lacking.data && lacking.ending.class == WHOLE);
    let going: HashSet<SubjectId> = again_on_data.map(|lacking| lacking.ending.subject).collect();
    if !going.is_empty() {
        orphans::drop_orphans(app, &going)?;
    }
    let mut rest = lacking.into_iter().peekable();
    while rest.peek().is_some() {
        let batch: Arc<Vec<Lacking>> = Arc::new(rest.by_ref().take(BATCH).collect());
        absorbed.data += batch.iter().filter(|lacking| lacking.data).count() as u64;
        absorbed.keys += batch.iter().filter(|lacking| lacking.keys).count() as u64;
        let inner = Arc::clone(app);
        app.store.write_wait(move |tx| apply(tx, &inner, &batch))?;
    }
    if absorbed.data > 0 {
        tracing::warn!(
            erasures = absorbed.data,
            "an older copy of the data was put back; these were done on it again"
        );
    }
    if newest > 0 {
        let gone = app.store.write_wait(shred::drop_strays)?;
        if gone > 0 {
            tracing::warn!(keys = gone, "keys of people who were erased had been left and are destroyed");
        }
    }
    app.erasures.note_newest(newest);
    if absorbed != (Absorbed { endings: absorbed.endings, ..Absorbed::default() }) {
        app.purge_quietly();
    }
    Ok((absorbed, unwritten))
}

/// Reads the lists side by side: what is not everywhere, the newest number, and what the copy has not.
fn compare(
    app: &Arc<App>,
    copy: &BTreeMap<i64, Ending>,
) -> Result<(Vec<Lacking>, i64, Vec<Ending>), EndingsError> {
    let (data_head, keys_head, undone) = app
        .store
        .read_wait(|tx| Ok::<_, Error>((ending::head(tx)?, ending::keys_head(tx)?, ending::undone(tx)?)))?;
    let of = |head: &Option<Ending>| head.as_ref().map_or(0, |head| head.seq);
    let newest = of(&data_head).max(of(&keys_head)).max(copy.keys().next_back().copied().unwrap_or_default());
    let (mut lacking, mut unwritten) = (Vec::new(), Vec::new());
    let (mut link, mut after) = (NO_LINK, 0);
    while after < newest {
        let until = newest.min(after + PAGE);
        let (data, keys) = app.store.read_wait(move |tx| ending::range(tx, after, until))?;
        let by_number = |endings: Vec<Ending>| -> BTreeMap<i64, Ending> {
            endings.into_iter().map(|ending| (ending.seq, ending)).collect()
        };
        let (data, keys) = (by_number(data), by_number(keys));
        for seq in after + 1..=until {
            let lists = [(ListPlace::Data, &data), (ListPlace::Keys, &keys), (ListPlace::Copy, copy)];
            let mut found = None;
            for (place, list) in lists {
                let Some(ending) = list.get(&seq) else { continue };
                if !ending.follows(&link, &app.keys) {
                    return Err(EndingsFault::Changed { seq, place }.into());
                }
                found = Some(ending);
            }
            let ending = found.ok_or(EndingsFault::Missing(seq))?;
            link = ending.link;
            let (data, keys) = (!data.contains_key(&seq), !keys.contains_key(&seq) || undone.contains(&seq));
            if data || keys {
                lacking.push(Lacking { ending: ending.clone(), data, keys });
            }
            if app.erasures.keeper.is_some() && !copy.contains_key(&seq) {
                unwritten.push(ending.clone());
            }
        }
        after = until;
    }
    Ok((lacking, newest, unwritten))
}

/// Does endings where they were not done.
fn apply(tx: &mut Tx<'_>, app: &Arc<App>, batch: &[Lacking]) -> Result<(), Error> {
    let (rules, caller, now) = (crate::charters::in_force(tx, app)?, Caller::system(), app.now());
    let (event, generation) = (app.ids.event(now), app.data_keys.generation());
    let cx = Cx { app, rules: &rules, caller: &caller, now, event, generation };
    let (mut note, mut on_data) = (Note::default(), Vec::new());
    for Lacking { ending, .. } in batch.iter().filter(|lacking| lacking.data) {
        // Unless somebody has done it since the lists were read.
        if ending.put_order(tx)? {
            on_the_data(tx, &cx, ending, &mut note)?;
            on_data.push(ending);
        }
    }
    if let (Some(first), Some(last)) = (on_data.first(), on_data.last()) {
        tx.put(&DROP_TERMS_OF_ENDED, params![first.seq, last.seq])?;
        let mut event = audit::system(cx.event, What::ErasureReplay, now, rules.version);
        event.count = u32::try_from(on_data.len()).unwrap_or(u32::MAX);
        event.erasure = Some(first.seq.cast_unsigned());
        event.subjects = note.subjects.into_iter().map(Into::into).collect();
        event.wrote(&note.written);
        event.ended = note.ended;
        audit::append(tx, &event, 0, None)?;
    }
    for lacking in batch {
        shred::destroy(tx, app, &lacking.ending)?;
    }
    Ok(())
}

/// Does an ending on the data; its terms, if it is of a whole person, are for the caller to remove with those of others.
fn on_the_data(tx: &mut Tx<'_>, cx: &Cx<'_>, ending: &Ending, note: &mut Note) -> Result<(), Error> {
    let subject = ending.subject;
    let ring = unless_damaged(Ring::load(tx, subject))?;
    let pseudonym = ring.and_then(|mut ring| ring.pseudonym_if_any(cx));
    if ending.class == WHOLE {
        note.ended += 1;
        // What leads to them has gone with what leads to nobody; what was typed since goes here.
        strip::remove_person(tx, cx.app, subject, pseudonym.as_ref())?;
        return Ok(());
    }
    note.subjects.extend(pseudonym);
    let until = [(ending.class, ending.facts(&cx.app.keys)?.version)];
    // What is damaged must not keep everybody else's vault shut. It is not opened by the class's key either, once that is gone.
    let found = Record::find(tx, cx, subject);
    let found = found.and_then(|found| found.map(|record| Stripped::of(tx, cx, &record, &until)).transpose());
    match unless_damaged(found)? {
        Some(None) => {}
        Some(Some(stripped)) => {
            if stripped.damaged > 0 {
                let versions = stripped.damaged;
                tracing::error!(%subject, versions, "damaged versions keep entries of a class that was erased");
            }
            stripped.put(tx, (pseudonym, &mut note.written))?;
        }
        None => tracing::error!(%subject, "a damaged record keeps entries of a class that was erased"),
    }
    if unless_damaged(strip::drop_tokens(tx, cx, subject, &until))?.is_none() {
        tracing::error!(%subject, "tokens that cannot be told apart all go with a class that was erased");
        token::drop_of_subject(tx, subject)?;
    }
    strip::remove_terms_blindly(tx, cx, subject, &until)
}

/// Appends to the copy what it lacks, and waits for it.
fn keep(app: &Arc<App>, endings: &[Ending]) -> Result<(), Error> {
    let Some(copy) = &app.erasures.keeper else { return Ok(()) };
    if endings.is_empty() {
        return Ok(());
    }
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    // Whoever asked waits below.
    copy.keep(shred::lines_of(endings, app), Box::new(move |result| drop(sender.send(result))));
    receiver.recv().unwrap_or(Err(Error::CopyUnwritten))
}
