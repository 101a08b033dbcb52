//! Turning tokens back into values, in a document of any shape. A caller that acts for a recipient opens only that
//! recipient's tokens. Unknown, foreign, erased, ended and damaged tokens get one and the same answer.
//!
//! Most tokens are known by their form, wherever they stand. Those that have the form of a value are not: the caller says
//! where they are, and whose, unless it acts for a recipient.

use std::collections::{BTreeMap, HashSet};

use avouch_policy::{Action, View};
use avouch_seal::token::WHOLE_FIELD;
use avouch_store::Tx;
use serde_json::Value as Json;

use super::kept::KeptAt;
use super::people::People;
use super::resolve::{Found, Presented, Sought, spend};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit, Reason, Shows};
use crate::ids::SubjectId;
use crate::rules::Rules;
use crate::vault::keys::Ring;
use crate::vault::{input, person_ahead};
use crate::watch::Look;
use crate::watch::alarms::AlarmKind;

/// The most tokens in one document.
pub const MAX_TOKENS: usize = 2_000;

/// See the module.
pub struct Detokenize {
    document: Json,
    tokens: Vec<(String, Presented)>,
    /// Those of which the caller said that they are tokens.
    named: HashSet<String>,
    /// Whose tokens those are that do not say it.
    recipient: Option<String>,
    /// For which purpose.
    purpose: Option<String>,
    /// Why, in words.
    reason: Option<Reason>,
}

impl core::fmt::Debug for Detokenize {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Detokenize").field("tokens", &self.tokens.len()).finish_non_exhaustive()
    }
}

/// A document with values in the place of tokens.
#[derive(Clone)]
pub struct Detokenized {
    /// The document.
    pub document: Json,
    /// How many tokens were replaced.
    pub tokens: usize,
    /// Where a value is shown less than clear: JSON pointer and view.
    pub views: BTreeMap<String, View>,
}

impl core::fmt::Debug for Detokenized {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Detokenized").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

impl Detokenize {
    /// Finds the tokens of a document: every string that has a token's form, and those that `at` points to.
    ///
    /// # Errors
    /// None, or more than [`MAX_TOKENS`]; a string that begins like a token and is none; a pointer to anything else.
    pub fn new(
        document: Json,
        (purpose, reason): (Option<String>, Option<Reason>),
        at: &[String],
        recipient: Option<String>,
    ) -> Result<Self, Error> {
        let too_many = || Error::invalid("/document", format!("expected 1 to {MAX_TOKENS} tokens"));
        if at.len() > MAX_TOKENS {
            return Err(Error::invalid("/at", format!("expected at most {MAX_TOKENS} pointers")));
        }
        let mut tokens = Vec::new();
        let mut damaged = Vec::new();
        walk(&document, &mut String::new(), &mut |pointer, text| match Presented::marked(text) {
            Ok(Some(token)) => tokens.push((pointer.to_owned(), token)),
            Ok(None) => {}
            Err(_) => damaged.push(pointer.to_owned()),
        });
        if tokens.len() + damaged.len() > MAX_TOKENS {
            return Err(too_many());
        }
        let marked: HashSet<String> =
            tokens.iter().map(|(pointer, _)| pointer).chain(&damaged).cloned().collect();
        let mut named = HashSet::new();
        for (number, pointer) in at.iter().enumerate() {
            let text = document.pointer(pointer).and_then(Json::as_str);
            let text = text.ok_or_else(|| {
                Error::invalid(format!("/at/{number}"), "expected a JSON pointer to a text of the document")
            })?;
            if !named.insert(pointer.clone()) || marked.contains(pointer) {
                continue;
            }
            match Presented::parse(text) {
                Ok(token) => tokens.push((pointer.clone(), token)),
                Err(_) => damaged.push(pointer.clone()),
            }
        }
        if !damaged.is_empty() {
            return Err(Error::TokenUnusable { pointers: damaged });
        }
        if tokens.is_empty() || tokens.len() > MAX_TOKENS {
            return Err(too_many());
        }
        Ok(Self { document, tokens, named, recipient, purpose, reason })
    }
}

/// A token of the document and what is kept of it.
struct Open<'d> {
    pointer: &'d str,
    sought: Option<Sought>,
    rows: Vec<KeptAt>,
}

impl Detokenize {
    /// Looks all tokens up. Addresses that only look like ours are none, unless the caller says so.
    fn look_up(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Vec<Open<'_>>, Error> {
        let is_one = |(pointer, token): &&(String, Presented)| {
            self.named.contains(pointer) || !token.is_address_elsewhere(cx)
        };
        let ours = self.tokens.iter().filter(is_one);
        let sought: Vec<(&str, Option<Sought>)> = ours
            .map(|(pointer, token)| (pointer.as_str(), Sought::new(cx, self.recipient.as_deref(), token)))
            .collect();
        tx.read_ahead(|| {
            sought.iter().filter_map(|(_, sought)| sought.as_ref()).flat_map(Sought::ahead).collect()
        })?;
        let mut open = Vec::with_capacity(sought.len());
        for (pointer, sought) in sought {
            let rows = sought.as_ref().map_or(Ok(Vec::new()), |sought| sought.rows(tx, cx))?;
            open.push(Open { pointer, sought, rows });
        }
        tx.read_ahead(|| {
            let first = |open: &Open<'_>| open.sought.as_ref()?.first_of(cx, &open.rows);
            let mut people: Vec<_> = open.iter().filter_map(first).collect();
            people.dedup();
            people.into_iter().flat_map(person_ahead).collect()
        })?;
        Ok(open)
    }
}

impl Operation for Detokenize {
    const ACTION: Action = Action::TokenDetokenize;
    type Output = Detokenized;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        let (purpose, reason) = (self.purpose.clone(), self.reason.clone());
        Ok(Intent { shows: Shows::Whatever, ..Intent::about(purpose, reason, self.tokens.len()) })
    }

    /// It opens what the recipients have as they stand now.
    fn writes(&self) -> bool {
        true
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn alarming(&self, cx: &Cx<'_>) -> Option<AlarmKind> {
        let own = cx.caller.recipient()?;
        let foreign =
            |(_, token): &(String, Presented)| token.made_for(cx).is_some_and(|namespace| namespace != own);
        self.tokens.iter().any(foreign).then_some(AlarmKind::PartnerToken)
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        (): (),
    ) -> Result<Outcome<Detokenized>, Error> {
        let mut document = self.document.clone();
        let mut views = BTreeMap::new();
        let mut unusable = Vec::new();
        let mut people = People::default();
        let tokens = self.look_up(tx, cx)?;
        let mut note = Note::count(tokens.len());
        for token in &tokens {
            let mut shown = None;
            if let Some(sought) = &token.sought
                && let Some(found) = sought.find(tx, cx, permit, &token.rows, &mut people)?
                && let Found { subject, place, slot } = found
                && let Some((record, ring)) = people.open(tx, cx, subject)?
                && let Some(entry) = record.entry(cx.rules.rule(place)?.number)?
            {
                let slot = (slot != WHOLE_FIELD).then_some(slot);
                shown = record.show_entry(cx, permit, ring, place, &entry, slot)?.map(|json| (json, place));
                if shown.is_some() {
                    let view = permit.view_of(cx, subject, place);
                    note_look(cx, &mut note, (subject, ring), place, view)?;
                }
            }
            match (shown, document.pointer_mut(token.pointer)) {
                (Some((json, place)), Some(slot)) => {
                    *slot = json;
                    if permit.view(place) != View::Clear {
                        views.insert(token.pointer.to_owned(), permit.view(place));
                    }
                }
                _ => unusable.push(token.pointer.to_owned()),
            }
        }
        if !unusable.is_empty() {
            return Err(Error::TokenUnusable { pointers: unusable });
        }
        let count = tokens.len();
        spend(tx, cx, tokens.into_iter().flat_map(|token| token.rows).collect())?;
        note.recipient = cx.caller.recipient().or(self.recipient.as_deref()).map(str::to_owned);
        Ok(Outcome::new(Detokenized { document, tokens: count, views }, note))
    }
}

fn note_look(
    cx: &Cx<'_>,
    note: &mut Note,
    (subject, ring): (SubjectId, &mut Ring),
    place: usize,
    view: View,
) -> Result<(), Error> {
    let pseudonym = ring.pseudonym(cx)?;
    match note.looks.iter_mut().rev().find(|look| look.subject == subject) {
        Some(look) => look.add(view),
        None => {
            let mut look = Look::new(subject, pseudonym);
            look.add(view);
            note.looks.push(look);
        }
    }
    if note.subjects.last() != Some(&pseudonym) && !note.subjects.contains(&pseudonym) {
        note.subjects.push(pseudonym);
    }
    let number = cx.rules.rule(place)?.number;
    if !note.fields.iter().any(|(known, _)| *known == number) {
        note.fields.push((number, Some(view)));
    }
    Ok(())
}

/// Calls `visit` for every string of a document, with its JSON pointer.
pub(crate) fn walk(json: &Json, pointer: &mut String, visit: &mut dyn FnMut(&str, &str)) {
    let length = pointer.len();
    match json {
        Json::String(text) => visit(pointer, text),
        Json::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{at}"));
                walk(item, pointer, visit);
                pointer.truncate(length);
            }
        }
        Json::Object(members) => {
            for (name, member) in members {
                pointer.push('/');
                pointer.push_str(&input::escape(name));
                walk(member, pointer, visit);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}
