//! Making tokens of stored values for one recipient.

use avouch_policy::Action;
use avouch_seal::token::WHOLE_FIELD;
use avouch_store::{Ahead, Tx};

use super::make::{Maker, NoToken, Source};
use super::people::People;
use super::terms::Terms;
use super::{recipient, remember, serves, shared, token_intent};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit, Reason};
use crate::ids::SubjectId;
use crate::rules::Rules;
use crate::vault::keys::Ring;
use crate::vault::person_ahead;
use crate::vault::record::{Record, Values};

/// Makes tokens of stored values for one recipient.
#[derive(Debug, Clone)]
pub struct CreateTokens {
    /// A recipient of the charter.
    pub recipient: String,
    /// For which purpose the recipient will need them.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
    /// What to make tokens of.
    pub items: Vec<TokenItem>,
    /// What is asked of all of them.
    pub terms: Terms,
}

/// One value.
#[derive(Debug, Clone)]
pub struct TokenItem {
    /// Whose.
    pub subject: SubjectId,
    /// Which field, by name.
    pub field: String,
    /// Which value of a list, counted from 0; `None`: the whole field.
    pub value: Option<usize>,
}

impl Operation for CreateTokens {
    const ACTION: Action = Action::TokenCreate;
    /// A token per item, or why there is none.
    type Output = Vec<Result<String, NoToken>>;
    type Facts = ();

    fn intent(&self, rules: &Rules) -> Result<Intent, Error> {
        let mut places = Vec::new();
        for (at, item) in self.items.iter().enumerate() {
            let place = rules.place(&item.field).ok_or_else(|| {
                Error::invalid(format!("/items/{at}/field"), "the charter has no such field")
            })?;
            if !places.contains(&place) {
                places.push(place);
            }
        }
        token_intent(rules, &self.recipient, &self.purpose, &self.reason, places, self.items.len())
    }

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        let mut people: Vec<_> = self.items.iter().map(|item| item.subject).collect();
        people.sort_unstable();
        people.dedup();
        wants.extend(people.into_iter().flat_map(person_ahead));
    }

    /// It works for a recipient as it stands now.
    fn writes(&self) -> bool {
        true
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
    ) -> Result<Outcome<Self::Output>, Error> {
        let recipient = recipient(cx.rules, &self.recipient)?;
        serves(recipient, self.purpose.as_deref())?;
        let mut note = Note { recipient: Some(self.recipient.clone()), ..Note::count(0) };
        let mut tokens = Vec::with_capacity(self.items.len());
        let mut people = People::default();
        let mut maker = Maker::new(recipient, &self.terms);
        for item in &self.items {
            let place = cx.rules.place(&item.field).ok_or(Error::NotFound)?;
            shared(recipient, cx.rules, place)?;
            let Some((record, ring)) = people.open(tx, cx, item.subject)? else {
                tokens.push(Err(NoToken::Absent));
                continue;
            };
            let Some(slot) = slot_of(cx, permit, record, ring, place, item.value)? else {
                tokens.push(Err(NoToken::Absent));
                continue;
            };
            let made = maker.make(tx, cx, &mut Source { permit, record, ring, place, slot })?;
            if made.is_ok() {
                remember(cx, &mut note, ring, place)?;
            }
            tokens.push(made);
        }
        note.count = u32::try_from(tokens.iter().filter(|made| made.is_ok()).count()).unwrap_or(u32::MAX);
        Ok(Outcome::new(tokens, note))
    }
}

/// The number of a value; `None` when it is not there.
pub(super) fn slot_of(
    cx: &Cx<'_>,
    permit: &Permit,
    record: &Record,
    ring: &mut Ring,
    place: usize,
    value: Option<usize>,
) -> Result<Option<u16>, Error> {
    let Some(at) = value else {
        // Only a list has to be opened: one that was emptied is no value.
        let entry = record.entry(cx.rules.rule(place)?.number)?;
        let Some(entry) = entry else { return Ok(None) };
        return Ok((!record.is_emptied(cx, ring, &entry)?).then_some(WHOLE_FIELD));
    };
    Ok(match record.values(cx, permit, ring, place)? {
        Some(Values::Many { values, .. }) => values.get(at).map(|(slot, _)| *slot),
        Some(Values::One(_)) if at == 0 => Some(WHOLE_FIELD),
        _ => None,
    })
}
