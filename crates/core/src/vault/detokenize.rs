//! Turning tokens back into values, in a document of any shape. A caller that acts for a recipient opens only that
//! recipient's tokens. Unknown, foreign, erased and damaged tokens get one and the same answer.

use std::collections::BTreeMap;

use avouch_policy::{Action, View};
use avouch_seal::token::{Token, WHOLE_FIELD};
use avouch_store::Tx;
use serde_json::Value as Json;

use super::keys::Ring;
use super::record::Record;
use super::token;
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit, Reason, Shows};
use crate::ids::SubjectId;
use crate::rules::Rules;

/// The most tokens in one document.
pub const MAX_TOKENS: usize = 2_000;

/// See the module.
pub struct Detokenize {
    document: Json,
    tokens: Vec<(String, Token)>,
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
    /// Finds the tokens of a document: every string that has a token's form.
    ///
    /// # Errors
    /// None, or more than [`MAX_TOKENS`]; a string that begins like a token and is none.
    pub fn new(document: Json, purpose: Option<String>, reason: Option<Reason>) -> Result<Self, Error> {
        let mut tokens = Vec::new();
        let mut damaged = Vec::new();
        walk(&document, &mut String::new(), &mut |pointer, text| {
            match Token::parse(text) {
                Ok(token) => tokens.push((pointer.to_owned(), token)),
                Err(_) if text.starts_with("tok_") => damaged.push(pointer.to_owned()),
                Err(_) => {}
            };
        });
        if !damaged.is_empty() {
            return Err(Error::TokenUnusable { pointers: damaged });
        }
        if tokens.is_empty() || tokens.len() > MAX_TOKENS {
            return Err(Error::invalid("/document", format!("expected 1 to {MAX_TOKENS} tokens")));
        }
        Ok(Self { document, tokens, purpose, reason })
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

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
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
        let mut note = Note::count(self.tokens.len());
        let mut open: Option<(Record, Ring)> = None;
        let resolved: Vec<_> =
            self.tokens.iter().map(|(_, token)| resolve(tx, cx, token)).collect::<Result<_, _>>()?;
        tx.read_ahead(|| resolved.iter().flatten().flat_map(|(.., id)| super::person_ahead(*id)).collect())?;
        for ((pointer, _), resolved) in self.tokens.iter().zip(resolved) {
            let Some((place, slot, subject)) = resolved else {
                unusable.push(pointer.clone());
                continue;
            };
            if open.as_ref().is_none_or(|(record, _)| record.subject != subject) {
                open = match Record::find(tx, cx, subject)? {
                    Some(record) => Some((record, Ring::load(tx, subject)?)),
                    None => None,
                };
            }
            let shown = match &mut open {
                Some((record, ring)) => match record.entry(cx.rules.rule(place)?.number)? {
                    Some(entry) => {
                        let slot = (slot != WHOLE_FIELD).then_some(slot);
                        let shown = record.show_entry(cx, permit, ring, place, &entry, slot)?;
                        if shown.is_some() {
                            note_look(cx, &mut note, ring, place, permit.view(place))?;
                        }
                        shown
                    }
                    None => None,
                },
                None => None,
            };
            match (shown, document.pointer_mut(pointer)) {
                (Some(json), Some(slot)) => {
                    *slot = json;
                    if permit.view(place) != View::Clear {
                        views.insert(pointer.clone(), permit.view(place));
                    }
                }
                _ => unusable.push(pointer.clone()),
            }
        }
        if !unusable.is_empty() {
            return Err(Error::TokenUnusable { pointers: unusable });
        }
        note.recipient = cx.caller.recipient().map(str::to_owned);
        Ok(Outcome::new(Detokenized { document, tokens: self.tokens.len(), views }, note))
    }
}

/// Whose and what a token is, when this caller may open its namespace.
fn resolve(tx: &mut Tx<'_>, cx: &Cx<'_>, token: &Token) -> Result<Option<(usize, u16, SubjectId)>, Error> {
    let namespace = token.namespace().as_str();
    let Some(recipient) = cx.rules.recipients.get(namespace) else { return Ok(None) };
    if cx.caller.recipient().is_some_and(|own| own != namespace) {
        return Ok(None);
    }
    let Some(target) = token::target(tx, cx, recipient, token)? else { return Ok(None) };
    let Some(place) = cx.rules.by_number.get(&target.field).copied() else { return Ok(None) };
    // A field that is no longer shared with the recipient is no longer opened for it, whatever it was given before.
    if !recipient.fields.contains(&place) {
        return Ok(None);
    }
    Ok(Some((place, target.slot, SubjectId::from_bytes(target.subject))))
}

fn note_look(cx: &Cx<'_>, note: &mut Note, ring: &mut Ring, place: usize, view: View) -> Result<(), Error> {
    let pseudonym = ring.pseudonym(cx)?;
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
                pointer.push_str(&super::input::escape(name));
                walk(member, pointer, visit);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}
