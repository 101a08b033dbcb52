//! Building indexes while the vault is at work, and taking away those that are not wanted any more. Each step is one
//! transaction, some milliseconds long, and says in the row how far it came; what was begun is gone on with at the next start.
//!
//! Nobody is missed: every change of a person keeps up an index from the transaction on in which it was added, and whoever was
//! there before is looked at once, in the order of the list. Which of the two comes first does not matter, a term is put once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use avouch_policy::Action;
use avouch_store::{Tx, params, statements};

use super::rows::{Row, Rows, Stage};
use crate::Error;
use crate::app::{App, Cx, Fresh};
use crate::audit::{self, What};
use crate::charters;
use crate::gate::{self, Caller, Intent, SubjectFacts};
use crate::rules::StoredLive;
use crate::vault::{Indexed, index_people};

statements! {
    data SOME_TERMS = "select term, subject from index_term where number = ?1 order by term, subject limit ?2";
    data DROP_SOME_TERMS = "delete from index_term where number = ?1 and (term, subject) <= (?2, ?3)";
}

/// People looked at in one transaction.
const PEOPLE: usize = 64;
/// Terms deleted in one transaction.
const TERMS: i64 = 1_000;
/// People with a value that is not theirs alone, whose ids are kept.
const SHARERS: usize = 100;

const HOUR_MICROS: i64 = 3_600_000_000;

/// Whether somebody is at it, in this process.
#[derive(Debug, Default)]
pub(crate) struct Indexing {
    running: AtomicBool,
    /// When older roots are tried to be forgotten again.
    forget_after: AtomicI64,
}

/// Sets the mark back however the work ends.
struct Running<'a>(&'a AtomicBool);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Built {
    /// Indexes that are whole now.
    pub ready: u64,
    /// Indexes that are gone now.
    pub dropped: u64,
}

enum Step {
    /// There is more to do.
    On,
    Ready(u64),
    Dropped,
    /// The rules in memory are not the newest.
    Outdated,
    Nothing,
}

impl App {
    /// Whether [`App::finish_indexes`] has something to do.
    #[must_use]
    pub fn indexes_pending(&self) -> bool {
        let retry = self.indexing.forget_after.load(Ordering::Acquire);
        self.rules().indexing || self.keys.has_older_index_roots() && self.now() >= retry
    }

    /// Builds the indexes that are not whole, and deletes the terms of those that are not wanted. Takes as long as it takes, on
    /// this thread; others are served meanwhile. Ends early, to be called again, when `go_on` says no. `None`: it did, or
    /// another thread is at it.
    ///
    /// # Errors
    /// What the store reports. What was done until then is kept.
    pub fn finish_indexes(self: &Arc<Self>, go_on: impl Fn() -> bool) -> Result<Option<Built>, Error> {
        if self.indexing.running.swap(true, Ordering::AcqRel) {
            return Ok(None);
        }
        let _running = Running(&self.indexing.running);
        let mut built = Built::default();
        while go_on() {
            let app = Arc::clone(self);
            match self.store.write_wait(move |tx| step(tx, &app))? {
                Step::On => {}
                Step::Outdated => self.refresh_rules()?,
                Step::Ready(indexes) => {
                    built.ready += indexes;
                    self.refresh_rules()?;
                }
                Step::Dropped => {
                    built.dropped += 1;
                    self.refresh_rules()?;
                }
                Step::Nothing => {
                    self.forget_roots();
                    return Ok(Some(built));
                }
            }
        }
        Ok(None)
    }

    /// Nothing is derived from the older roots any more. That the seal does not answer just now stops nobody.
    fn forget_roots(self: &Arc<Self>) {
        if self.keys.has_older_index_roots()
            && let Err(error) = self.forget_index_roots()
        {
            tracing::warn!(%error, "older index roots are still in the keyring; it is tried again in an hour");
            self.indexing.forget_after.store(self.now() + HOUR_MICROS, Ordering::Release);
        }
    }

    /// Puts indexes and recipients as they are stored in the place of those in memory.
    pub(crate) fn refresh_rules(&self) -> Result<(), Error> {
        let stored = self
            .store
            .read_wait(|tx| Ok::<_, Error>((charters::newest_number(tx)?, StoredLive::read(tx)?)))?;
        let (version, live) = (stored.0, stored.1.open(&self.keys)?);
        let current = self.rules();
        let rules = match version == current.version {
            true => current.as_of(&live, &self.keys)?,
            false => self.load_rules()?,
        };
        self.install(Fresh::Rules(Box::new(rules)));
        Ok(())
    }
}

fn step(tx: &mut Tx<'_>, app: &App) -> Result<Step, Error> {
    let (rules, caller, now) = (app.rules(), Caller::system(), app.now());
    let (event, generation) = (app.ids.event(now), app.data_keys.generation());
    let cx = Cx { app, rules: &rules, caller: &caller, now, event, generation };
    let mut rows = Rows::load(tx, &app.keys)?;
    if rows.generation != rules.generation {
        return Ok(Step::Outdated);
    }
    if rows.all.iter().any(|row| row.stage == Stage::Building) {
        build(tx, &cx, &mut rows)
    } else if let Some(row) = rows.all.iter().find(|row| row.stage == Stage::Going) {
        let number = row.number;
        take_away(tx, &cx, &mut rows, number)
    } else {
        Ok(Step::Nothing)
    }
}

/// Looks at the next people for the indexes that are furthest behind.
fn build(tx: &mut Tx<'_>, cx: &Cx<'_>, rows: &mut Rows) -> Result<Step, Error> {
    let building = |row: &&mut Row| row.stage == Stage::Building;
    let behind =
        rows.all.iter().filter(|row| row.stage == Stage::Building).map(|row| row.progress.after).min();
    let Some(after) = behind else { return Ok(Step::Nothing) };
    let together = |row: &&mut Row| building(row) && row.progress.after == after;
    let numbers: Vec<u32> = rows.all.iter_mut().filter(together).map(|row| row.number).collect();
    // Nobody is shown anything: what is opened becomes terms.
    let permit =
        gate::decide(cx.rules, cx.caller, Action::CharterApply, &Intent::plain(), SubjectFacts::default())?;
    let pass = index_people(tx, cx, &permit, &numbers, after, PEOPLE)?;
    for row in rows.all.iter_mut().filter(together) {
        remember(row, &pass);
    }
    if pass.last.is_some() {
        for row in rows.all.iter().filter(|row| numbers.contains(&row.number)) {
            row.store(tx, &cx.app.keys, &cx.app.rng)?;
        }
        return Ok(Step::On);
    }
    let mut done = 0;
    for number in &numbers {
        rows.set_stage(*number, Stage::Ready);
        let row = rows.row(*number);
        done = done.max(row.map_or(0, |row| row.progress.done));
        if let Some(replaced) = row.and_then(|row| row.replaces) {
            rows.set_stage(replaced, Stage::Going);
        }
    }
    rows.store(tx, &cx.app.keys, &cx.app.rng)?;
    record(tx, cx, What::IndexReady, done)?;
    Ok(Step::Ready(numbers.len() as u64))
}

fn remember(row: &mut Row, pass: &Indexed) {
    let progress = &mut row.progress;
    progress.after = pass.last.or(progress.after);
    progress.done += pass.people;
    progress.damaged += pass.damaged;
    for (_, id) in pass.sharers.iter().filter(|(number, _)| *number == row.number) {
        progress.shared += 1;
        if progress.sharers.len() < SHARERS {
            progress.sharers.push(*id.bytes());
        }
    }
}

fn take_away(tx: &mut Tx<'_>, cx: &Cx<'_>, rows: &mut Rows, number: u32) -> Result<Step, Error> {
    let terms =
        tx.query(&SOME_TERMS, params![number, TERMS], |row| Ok((row.int(0)?, row.bytes::<16>(1)?)))?;
    if let Some((term, subject)) = terms.last() {
        tx.put(&DROP_SOME_TERMS, params![number, *term, subject])?;
        return Ok(Step::On);
    }
    rows.forget(tx, number)?;
    rows.store(tx, &cx.app.keys, &cx.app.rng)?;
    record(tx, cx, What::IndexDrop, 1)?;
    Ok(Step::Dropped)
}

fn record(tx: &mut Tx<'_>, cx: &Cx<'_>, what: What, count: u64) -> Result<(), Error> {
    let mut event = audit::system(cx.event, what, cx.now, cx.rules.version);
    event.count = u32::try_from(count).unwrap_or(u32::MAX);
    Ok(audit::append(tx, &event, 0, None)?)
}
