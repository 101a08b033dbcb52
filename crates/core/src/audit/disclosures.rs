//! What recipients were given: of which fields, for which purpose, in clear or as tokens, of how many people and when. It is counted
//! from the events, so it is what they can prove and nothing besides.
//!
//! The asking is decided and recorded first; the counting is done after that, on readers, for it may take a while.

use std::collections::{BTreeMap, HashSet};

use avouch_policy::{Action, View};
use avouch_store::{Tx, params, statements};

use super::read::{Filter, decode};
use super::{Ending, Event, Note};
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome};
use crate::gate::{Intent, Permit};
use crate::ids::EventId;
use crate::rules::Rules;

statements! {
    data EVENTS_OF_PERIOD = "select id, body from event where id >= ?1 and id < ?2 order by id limit ?3";
}

/// The most events that one request counts.
const MAX_COUNTED: usize = 500_000;
/// The most pseudonyms that are held to count people by: 16 MB of them.
const MAX_PEOPLE: usize = 1_000_000;
const PAGE: i64 = 1_000;

/// See the module.
#[derive(Debug, Clone)]
pub struct ReadDisclosures {
    /// Only to this recipient.
    pub recipient: Option<String>,
    /// From this moment on, in microseconds UTC.
    pub since: i64,
    /// Before this moment.
    pub until: i64,
}

/// Whoever has this may count.
#[derive(Debug)]
pub struct Counting {
    recipient: Option<String>,
    since: i64,
    until: i64,
}

/// What was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosures {
    /// In the order of recipient, purpose, field and view.
    pub items: Vec<Disclosure>,
    /// Where to go on, in microseconds UTC, when there was more than one request counts.
    pub next: Option<i64>,
}

/// One field that one recipient was given for one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosure {
    /// Who was given it.
    pub recipient: String,
    /// What for.
    pub purpose: Option<String>,
    /// The number of the field.
    pub field: u32,
    /// How it was shown.
    pub view: View,
    /// How many events.
    pub events: u64,
    /// About how many people.
    pub subjects: u64,
    /// The first of these events, in microseconds UTC.
    pub first: i64,
    /// The last of them.
    pub last: i64,
}

impl Operation for ReadDisclosures {
    const ACTION: Action = Action::DisclosureRead;
    type Output = Counting;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, _tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Counting>, Error> {
        let Self { recipient, since, until } = self.clone();
        // What a caller only typed does not get into an event.
        let known = recipient.clone().filter(|name| cx.rules.recipients.contains_key(name));
        let note = Note { recipient: known, ..Note::count(0) };
        Ok(Outcome::new(Counting { recipient, since, until }, note))
    }
}

impl Counting {
    /// Counts, on this thread.
    ///
    /// # Errors
    /// What the store reports.
    pub fn run(self, app: &App) -> Result<Disclosures, Error> {
        self.within(app, MAX_COUNTED)
    }

    /// The same with another bound.
    ///
    /// # Errors
    /// What the store reports.
    pub fn within(self, app: &App, most: usize) -> Result<Disclosures, Error> {
        let period = Filter { since: Some(self.since), until: Some(self.until), ..Filter::default() };
        let (mut at, end) = (period.first(), period.end());
        let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
        let (mut counted, mut people) = (0, 0);
        loop {
            let rows: Vec<(i64, Vec<u8>)> = app.store.read_wait(move |tx| {
                tx.query(&EVENTS_OF_PERIOD, params![at, end, PAGE], |row| {
                    Ok((row.int(0)?, row.blob(1)?.to_vec()))
                })
            })?;
            let last = i64::try_from(rows.len()).is_ok_and(|count| count < PAGE);
            for (id, body) in rows {
                let id = EventId::from_int(id);
                if counted == most || people >= MAX_PEOPLE {
                    return Ok(disclosures(sums, Some(id.micros())));
                }
                at = id.int() + 1;
                counted += 1;
                people += self.count(&mut sums, decode(&body)?);
            }
            if last {
                return Ok(disclosures(sums, None));
            }
        }
    }

    /// Says how many pseudonyms are held more than before.
    fn count(&self, sums: &mut BTreeMap<Key, Sum>, event: Event) -> usize {
        let Event { recipient: Some(recipient), purpose, at, subjects, fields, views, .. } = event else {
            return 0;
        };
        let wanted = self.recipient.as_ref().is_none_or(|wanted| *wanted == recipient);
        if !wanted || event.ending != Ending::Done || !gives(&event.what) {
            return 0;
        }
        let mut more = 0;
        let views = views.into_iter().map(Some).chain(core::iter::repeat(None));
        for (field, view) in fields.into_iter().zip(views) {
            // What was stored and not shown left as a token.
            let view = view.and_then(crate::vault::view_of).filter(|view| *view != View::Nothing);
            let key = Key {
                recipient: recipient.clone(),
                purpose: purpose.clone(),
                field,
                view: view.unwrap_or(View::Token),
            };
            let sum = sums.entry(key).or_insert_with(|| Sum { first: at, last: at, ..Sum::default() });
            sum.events += 1;
            (sum.first, sum.last) = (sum.first.min(at), sum.last.max(at));
            more += subjects.iter().filter(|subject| sum.people.insert(***subject)).count();
        }
        more
    }
}

/// Whether an event of this name gives anything to its recipient: a value, or a token in its place.
fn gives(what: &str) -> bool {
    [Action::TokenCreate, Action::TokenImport, Action::TokenDetokenize]
        .iter()
        .any(|action| action.as_str() == what)
}

fn disclosures(sums: BTreeMap<Key, Sum>, next: Option<i64>) -> Disclosures {
    let one = |(Key { recipient, purpose, field, view }, Sum { events, people, first, last })| Disclosure {
        recipient,
        purpose,
        field,
        view,
        events,
        subjects: people.len() as u64,
        first,
        last,
    };
    Disclosures { items: sums.into_iter().map(one).collect(), next }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    recipient: String,
    purpose: Option<String>,
    field: u32,
    view: View,
}

#[derive(Debug, Default)]
struct Sum {
    events: u64,
    people: HashSet<[u8; 16]>,
    first: i64,
    last: i64,
}
