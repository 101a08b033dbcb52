//! Ordering an erasure: the first half, in one transaction of the data store. The rows, index terms, tokens and typed reasons
//! go, and the ending is noted; `shred` does the other half and answers.
//!
//! Damage must not keep a person in the vault: what no longer opens is erased all the same, its index terms by subject. A
//! single class of a damaged record cannot be told from the others; then the whole person has to go.
//!
//! Whoever may erase, and asks for what was erased before, gets the receipt of that.

use std::collections::BTreeSet;
use std::sync::Arc;

use avouch_policy::Action;
use avouch_store::Tx;

use super::ending::{self, Counts, Ending, Facts, WHOLE};
use super::holds::{self, Active};
use super::receipt::{self, Receipt};
use super::shred::{self, KeyName};
use super::strip::{self, Removed};
use super::{DAY_MICROS, Ticket, lists, recognise};
use crate::Error;
use crate::app::{App, Cx, Done, IdempotencyKey, Once, Operation, Outcome};
use crate::audit::Note;
use crate::backup;
use crate::error::Held as HeldClass;
use crate::gate::{Caller, Intent, Permit, Reason};
use crate::ids::SubjectId;
use crate::indexes;
use crate::keys::kek_due;
use crate::rules::Rules;
use crate::vault::keys::Ring;
use crate::vault::record::Record;
use crate::vault::terms::{self, Held};

/// An erasure, of a person or of some retention classes of them. A person on whom any hold stands never goes as a whole.
#[derive(Debug, Clone)]
pub struct Erase {
    /// Whom.
    pub id: SubjectId,
    /// Only if the record has this version.
    pub version: Option<u64>,
    /// Names of retention classes; none: the whole person.
    pub classes: Vec<String>,
    /// What is under a legal hold stays, and the rest goes; without it a hold stops the erasure.
    pub keep_held: bool,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
}

impl Erase {
    /// Of a whole person, whatever version they have; a hold stops it.
    #[must_use]
    pub fn whole(id: SubjectId, purpose: Option<String>, reason: Option<Reason>) -> Self {
        Self { id, version: None, classes: Vec::new(), keep_held: false, purpose, reason }
    }
}

/// Erases and answers when the keys are destroyed and all is on record.
pub fn erase(
    app: &Arc<App>,
    caller: &Caller,
    order: Erase,
    key: Option<IdempotencyKey>,
    answer: impl FnOnce(Result<Done<Receipt>, Error>) + Send + 'static,
) {
    let (next, ticket) = (Arc::clone(app), (order.id, app.erasures.ticket()));
    let operation = Once { operation: Ordered { order, ticket: ticket.1 }, key };
    app.perform(caller, operation, move |result| match result {
        Ok(done) => shred::finish(&next, ticket, move |finished| answer(finished.map(|()| done))),
        Err(error) => {
            if matches!(error, Error::Store(avouch_store::Error::Unknown(_))) {
                // Its keys may be ended or not: housekeeping finds that out.
                next.erasures.tried_in_vain(ticket);
            } else {
                next.erasures.closing().remove(&ticket);
            }
            answer(Err(error));
        }
    });
}

/// An order under way.
#[derive(Debug)]
struct Ordered {
    order: Erase,
    ticket: Ticket,
}

/// Whom it is about.
#[derive(Debug)]
enum Found {
    /// There is a record; nothing when it is damaged.
    Here(Option<Record>),
    /// They were erased: this is the receipt.
    Gone(Receipt),
}

/// What is erased.
#[derive(Debug)]
enum Scope {
    Whole,
    Classes(Vec<u32>),
    /// It was before.
    Before(Receipt),
}

impl Operation for Ordered {
    const ACTION: Action = Action::SubjectDelete;
    type Output = Receipt;
    type Facts = Found;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        let Erase { purpose, reason, .. } = &self.order;
        Ok(Intent::about(purpose.clone(), reason.clone(), 1))
    }

    /// An index that it does not know would keep its terms.
    fn writes(&self) -> bool {
        true
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Found, Error> {
        match unless_damaged(Record::find(tx, cx, self.order.id))? {
            None => Ok(Found::Here(None)),
            Some(Some(record)) => Ok(Found::Here(Some(record))),
            Some(None) => {
                let endings = ending::of_subject(tx, self.order.id)?;
                let whole = endings.iter().rfind(|ending| ending.class == WHOLE).ok_or(Error::NotFound)?;
                Ok(Found::Gone(receipt::of(cx, whole)?))
            }
        }
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        found: Found,
    ) -> Result<Outcome<Receipt>, Error> {
        let record = match found {
            Found::Here(record) => record,
            Found::Gone(receipt) => return Ok(Outcome::new(receipt, Note::count(0))),
        };
        // The version of a damaged record is not known, and nobody can have read it.
        if let Some(record) = &record
            && self.order.version.is_some_and(|version| version != record.version)
        {
            return Err(Error::Stale { current: record.version });
        }
        let keys = shred::keys_of(tx, self.order.id)?;
        let held = holds::active(tx, cx, self.order.id)?;
        match self.order.scope(tx, cx, record.as_ref(), &keys, &held)? {
            Scope::Before(receipt) => Ok(Outcome::new(receipt, Note::count(0))),
            Scope::Whole => self.order.end_person(tx, cx, permit, record.as_ref(), &keys),
            Scope::Classes(classes) => {
                let record = record.ok_or(Error::Tampered)?;
                self.order.stay(tx, cx, &record, &keys, &held, &classes)?;
                // From now on, and not only from the commit on: whoever runs beside this must not seal under a key that goes.
                cx.app.erasures.closing().insert((self.order.id, self.ticket));
                self.order.end_classes(tx, cx, permit, &record, &keys, &held, &classes)
            }
        }
    }
}

impl Erase {
    /// What of the order is left when holds and what there is are looked at.
    fn scope(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        record: Option<&Record>,
        keys: &[KeyName],
        held: &[Active],
    ) -> Result<Scope, Error> {
        let present = present(record, keys)?;
        let mut asked = BTreeSet::new();
        for name in &self.classes {
            asked.insert(holds::class_number(cx.rules, name, "?classes")?);
        }
        let named = !asked.is_empty();
        if !named {
            asked.clone_from(&present);
        }
        let stops = |hold: &&Active| hold.class == WHOLE || asked.contains(&hold.class) || !named;
        let in_the_way: Vec<Active> = held.iter().filter(stops).copied().collect();
        if !in_the_way.is_empty() {
            let all = in_the_way.iter().any(|hold| hold.class == WHOLE);
            let mut left = asked.clone();
            left.retain(|class| !all && in_the_way.iter().all(|hold| hold.class != *class));
            if left.is_empty() || !self.keep_held {
                return Err(held_error(cx, &in_the_way)?);
            }
            asked = left;
        }
        let going: BTreeSet<u32> = asked.intersection(&present).copied().collect();
        if going == present && !(named && going.is_empty()) {
            if held.is_empty() {
                return Ok(Scope::Whole);
            }
            // A hold goes with the person, also one on a class of which nothing is kept yet.
            if !self.keep_held {
                return Err(held_error(cx, held)?);
            }
        }
        if going.is_empty() {
            let endings = ending::of_subject(tx, self.id)?;
            let before = endings.iter().rfind(|ending| asked.contains(&ending.class));
            let before = before.ok_or_else(|| {
                Error::invalid("?classes", "nothing of this class is kept of this customer")
            })?;
            return Ok(Scope::Before(receipt::of(cx, before)?));
        }
        Ok(Scope::Classes(going.into_iter().collect()))
    }

    /// What events know a person by lies in their keys. Of whoever stays for the sake of a hold and keeps no key, the class
    /// that is held gets one.
    fn stay(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        record: &Record,
        keys: &[KeyName],
        held: &[Active],
        classes: &[u32],
    ) -> Result<(), Error> {
        let keeps_one = keys.iter().any(|key| !classes.contains(&key.class));
        if let (false, Some(hold)) = (keeps_one, held.first()) {
            Ring::load(tx, self.id)?.sealing(tx, cx, hold.class, record.keys)?;
        }
        Ok(())
    }

    fn end_person(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        record: Option<&Record>,
        keys: &[KeyName],
    ) -> Result<Outcome<Receipt>, Error> {
        let mut ring = unless_damaged(Ring::load(tx, self.id))?;
        let opened = match (record, &mut ring) {
            (Some(record), Some(ring)) => unless_damaged(open(cx, permit, record, ring))?,
            _ => None,
        };
        let (mut terms, mut identifiers) = (0, Vec::new());
        if let Some(held) = opened {
            terms = remove_terms(tx, cx, self.id, &held)?;
            identifiers = recognise::identifiers(cx, held.iter().map(|(place, values)| (*place, values)))?;
        } else {
            tracing::error!("a record that failed its integrity check is erased");
            indexes::remove_all(tx, self.id)?;
        }
        let pseudonym = ring.and_then(|mut ring| ring.pseudonym_if_any(cx));
        let Removed { versions, tokens, .. } = strip::remove_person(tx, cx.app, self.id, pseudonym.as_ref())?;
        let fields = record.map_or(0, |record| record.entries().flatten().count() as u64);
        let mut facts = facts(tx, cx, &[], &[])?;
        facts.counts = Counts { fields, versions, terms, tokens, keys: keys.len() as u64 };
        facts.identifiers = identifiers.into_iter().map(|(_, digest)| digest.into()).collect();
        let ending = next(tx, cx, self.id, WHOLE, &mut facts)?;
        // The receipt names the customer and leads here: so this must not lead to what else is on record of them.
        let note = Note { ended: 1, ..Note::count(1) };
        Ok(Outcome::new(receipt::of(cx, &ending)?, Note { erasure: number(&ending), ..note }))
    }

    #[expect(clippy::too_many_arguments, reason = "what `run` has found, and no more than that")]
    fn end_classes(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        record: &Record,
        keys: &[KeyName],
        held: &[Active],
        classes: &[u32],
    ) -> Result<Outcome<Receipt>, Error> {
        let until: Vec<(u32, u64)> = classes.iter().map(|class| (*class, record.version)).collect();
        let mut ring = Ring::load(tx, self.id)?;
        let pseudonym = ring.pseudonym(cx)?;
        let mut note = Note { subjects: vec![pseudonym], ..Note::count(1) };
        let touched = || strip::indexes_of(cx.rules, &until);
        let terms = match unless_damaged(Held::open(cx, permit, record, &mut ring, terms::places(touched())))?
        {
            Some(values) => {
                let terms = terms::terms(cx.rules, &values, touched())?;
                terms.iter().try_for_each(|term| indexes::remove(tx, self.id, *term))?;
                terms.len() as u64
            }
            None => {
                strip::remove_terms_blindly(tx, cx, self.id, &until)?;
                0
            }
        };
        let removed = strip::remove_classes(tx, cx, record, &until, (Some(pseudonym), &mut note.written))?;
        let kept: Vec<(u32, i64)> = held.iter().map(|hold| (hold.class, hold.since)).collect();
        let mut facts = facts(tx, cx, classes, &kept)?;
        let ended = |key: &&KeyName| classes.contains(&key.class);
        facts.counts = Counts {
            fields: removed.fields,
            versions: removed.versions,
            terms,
            tokens: removed.tokens,
            keys: keys.iter().filter(ended).count() as u64,
        };
        facts.version = record.version;
        facts.numbers = lists::next_numbers(cx, permit, record, &mut ring, classes)?;
        let mut first = None;
        for class in classes {
            let of_class = keys.iter().filter(|key| key.class == *class);
            facts.keys = of_class.clone().map(|key| key.id.into()).collect();
            facts.generation = of_class.map(|key| key.generation).max().unwrap_or_default();
            let ending = next(tx, cx, self.id, *class, &mut facts)?;
            first.get_or_insert(ending);
        }
        let first = first.ok_or(Error::Internal("an erasure of no class"))?;
        note.fields = fields_of(cx.rules, record, classes);
        note.erasure = number(&first);
        Ok(Outcome::new(receipt::of(cx, &first)?, note))
    }
}

/// The classes there is anything of.
fn present(record: Option<&Record>, keys: &[KeyName]) -> Result<BTreeSet<u32>, Error> {
    let mut present: BTreeSet<u32> = keys.iter().map(|key| key.class).collect();
    for entry in record.iter().flat_map(|record| record.entries()) {
        present.insert(entry?.class);
    }
    Ok(present)
}

fn held_error(cx: &Cx<'_>, held: &[Active]) -> Result<Error, Error> {
    let mut classes = Vec::new();
    for hold in held {
        classes.push(HeldClass { class: holds::class_of(cx.rules, hold.class)?, since: hold.since });
    }
    Ok(Error::Held { classes })
}

/// The numbers of the record's fields in these classes.
fn fields_of(rules: &Rules, record: &Record, classes: &[u32]) -> Vec<(u32, Option<avouch_policy::View>)> {
    let ended = record.entries().flatten().filter(|entry| classes.contains(&entry.class));
    ended
        .map(|entry| entry.field)
        .filter(|field| rules.by_number.contains_key(field))
        .map(|n| (n, None))
        .collect()
}

fn number(ending: &Ending) -> Option<u64> {
    Some(ending.seq.cast_unsigned())
}

/// What all endings of an order say alike.
fn facts(tx: &mut Tx<'_>, cx: &Cx<'_>, classes: &[u32], kept: &[(u32, i64)]) -> Result<Facts, Error> {
    Ok(Facts {
        event: cx.event.int(),
        by: (*cx.caller.id.bytes()).into(),
        first: 0,
        classes: classes.to_vec(),
        version: 0,
        generation: 0,
        keys: Vec::new(),
        identifiers: Vec::new(),
        counts: Counts::default(),
        kept: kept.to_vec(),
        horizon: horizon(tx, cx)?,
        backups: backup::names(tx, &cx.app.keys)?,
        numbers: Vec::new(),
    })
}

/// Until when remains may lie about that nobody can read: in backups of the key store, and, wrapped by the key-encryption key of
/// today, in blocks that a disk has not used again. Nothing when that key is not replaced by itself.
pub(crate) fn horizon(tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Option<i64>, Error> {
    let kept = i64::from(cx.app.erasures.settings.backup_days).saturating_mul(DAY_MICROS);
    let backups = cx.now.saturating_add(kept);
    // Some may have been made when they were kept for longer.
    let backups = backup::keys_end(tx, &cx.app.keys)?.map_or(backups, |end| end.max(backups));
    // A key that is due already is replaced within the hour.
    Ok(kek_due(tx, cx.app)?.map(|due| due.max(backups)))
}

/// Notes the next ending in the data store.
fn next(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    subject: SubjectId,
    class: u32,
    facts: &mut Facts,
) -> Result<Ending, Error> {
    let head = ending::head(tx)?;
    let seq = head.as_ref().map_or(0, |head| head.seq) + 1;
    if facts.first == 0 {
        facts.first = seq;
    }
    let ending = Ending::new(cx, head.as_ref(), subject, class, facts)?;
    if !ending.put_order(tx)? {
        // Somebody else was faster.
        return Err(Error::Store(avouch_store::Error::Serialization));
    }
    Ok(ending)
}

/// Opens the values that the person is found by, those of indexes on their way out too: the person goes first.
fn open(cx: &Cx<'_>, permit: &Permit, record: &Record, ring: &mut Ring) -> Result<Held, Error> {
    Held::open(cx, permit, record, ring, terms::places(cx.rules.indexes.iter()))
}

/// Removes the index terms of these values, and says how many.
fn remove_terms(tx: &mut Tx<'_>, cx: &Cx<'_>, id: SubjectId, held: &Held) -> Result<u64, Error> {
    let terms = terms::terms(cx.rules, held, cx.rules.indexes.iter())?;
    let count = terms.len() as u64;
    terms.into_iter().try_for_each(|term| indexes::remove(tx, id, term))?;
    Ok(count)
}

/// Nothing in the place of what is damaged, whether it is a seal that is broken or a column of another form.
pub(super) fn unless_damaged<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(whole) => Ok(Some(whole)),
        Err(Error::Tampered | Error::Store(avouch_store::Error::Column { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}
