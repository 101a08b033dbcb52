//! From a token's text to what it stands for. A pointer says it itself; every other kind is looked up. Unknown, foreign,
//! ended and damaged tokens all lead to nothing, and nothing tells them apart.

use std::sync::Arc;

use avouch_seal::format::EmailToken;
use avouch_seal::token::{PointerTarget, Token, WHOLE_FIELD};
use avouch_store::{Ahead, Tx};
use zeroize::Zeroizing;

use super::kept::{self, KeptAt, Lookup, Spelling};
use super::make::value_digest;
use super::people::People;
use crate::Error;
use crate::app::Cx;
use crate::gate::Permit;
use crate::ids::SubjectId;
use crate::rules::RecipientRule;
use crate::vault::record::Values;

/// The longest text that is looked up.
const MAX_TEXT: usize = 320;

/// A token as a caller presents it. `Debug` does not show it.
#[derive(Clone)]
pub struct Presented {
    text: Zeroizing<String>,
    form: Form,
}

#[derive(Clone)]
enum Form {
    /// It says whose it is.
    Own(Token),
    /// The same, as an address.
    Address(EmailToken),
    /// It has the form of a value, or another system's: only the caller knows whose it is.
    Unmarked,
}

/// A text that begins like a token and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged;

impl Presented {
    /// A text that the caller says is a token.
    ///
    /// # Errors
    /// [`Damaged`].
    pub fn parse(text: &str) -> Result<Self, Damaged> {
        if text.is_empty() || text.len() > MAX_TEXT {
            return Err(Damaged);
        }
        let form = match Self::marked(text)? {
            Some(marked) => return Ok(marked),
            None => Form::Unmarked,
        };
        Ok(Self { text: Zeroizing::new(text.to_owned()), form })
    }

    /// A text that says itself that it is a token; `None` for any other.
    pub(crate) fn marked(text: &str) -> Result<Option<Self>, Damaged> {
        let form = if text.starts_with("tok_") {
            Form::Own(Token::parse(text).map_err(|_| Damaged)?)
        } else if text.len() <= MAX_TEXT && text.contains('@') {
            let Ok(address) = EmailToken::parse(&text.to_lowercase()) else { return Ok(None) };
            Form::Address(address)
        } else {
            return Ok(None);
        };
        Ok(Some(Self { text: Zeroizing::new(text.to_owned()), form }))
    }

    /// The recipient that it says it was made for, if it says so and there is one.
    pub(crate) fn made_for(&self, cx: &Cx<'_>) -> Option<&str> {
        let named = match &self.form {
            Form::Own(token) => token.namespace().as_str(),
            Form::Address(address) if !self.is_address_elsewhere(cx) => address.namespace.as_str(),
            Form::Address(_) | Form::Unmarked => return None,
        };
        cx.rules.recipients.contains_key(named).then_some(named)
    }

    /// Whether it is an address: whether it is one of ours as well, the charter says.
    pub(crate) fn is_address_elsewhere(&self, cx: &Cx<'_>) -> bool {
        let Form::Address(address) = &self.form else { return false };
        let recipient = cx.rules.recipients.get(address.namespace.as_str());
        recipient.is_none_or(|recipient| recipient.domain.as_ref() != Some(&address.domain))
    }
}

impl core::fmt::Debug for Presented {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Presented(..)")
    }
}

/// A token of a recipient that this caller may ask about.
pub(crate) struct Sought {
    pub(crate) recipient: Arc<RecipientRule>,
    /// Where it points, if it is a pointer.
    pub(crate) pointer: Option<PointerTarget>,
    pub(crate) lookups: Vec<Lookup>,
}

impl Sought {
    /// `recipient` is whose tokens the caller means, where a token does not say it.
    pub(crate) fn new(cx: &Cx<'_>, recipient: Option<&str>, presented: &Presented) -> Option<Self> {
        let named = match &presented.form {
            Form::Own(token) => token.namespace().as_str(),
            Form::Address(address) => address.namespace.as_str(),
            Form::Unmarked => cx.caller.recipient().or(recipient)?,
        };
        if cx.caller.recipient().is_some_and(|own| own != named)
            || recipient.is_some_and(|meant| meant != named)
            || presented.is_address_elsewhere(cx)
        {
            return None;
        }
        let recipient = Arc::clone(cx.rules.recipients.get(named)?);
        let lookup =
            |spelling| kept::lookup(&cx.app.keys, recipient.keys.namespace(), &presented.text, spelling);
        let (mut pointer, mut lookups) = (None, Vec::new());
        match &presented.form {
            Form::Own(token @ Token::Pointer { .. }) => {
                pointer = Some(recipient.keys.open_pointer(token).ok()?);
                if recipient.standing.revokes {
                    lookups.push(lookup(Spelling::Exact));
                }
            }
            Form::Own(Token::Random { .. }) => lookups.push(lookup(Spelling::Exact)),
            Form::Address(_) => lookups.push(lookup(Spelling::Loose)),
            Form::Unmarked => lookups.extend([Spelling::Exact, Spelling::Loose].map(lookup)),
        }
        Some(Self { recipient, pointer, lookups })
    }

    /// What [`Sought::rows`] will ask.
    pub(crate) fn ahead(&self) -> impl Iterator<Item = Ahead> {
        let namespace = self.recipient.keys.namespace().as_str();
        self.lookups.iter().map(move |lookup| kept::ahead(namespace, lookup))
    }

    /// What is kept of it, as far as the first people who share it; of a pointer only that it was revoked.
    pub(crate) fn rows(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Vec<KeptAt>, Error> {
        let mut rows = Vec::new();
        for lookup in &self.lookups {
            rows.extend(kept::find(tx, cx, self.recipient.keys.namespace().as_str(), *lookup)?);
        }
        Ok(rows)
    }

    /// The digest by which this token is found when it was, or will be, revoked.
    pub(crate) fn lookup_of(&self, cx: &Cx<'_>, presented: &Presented) -> Lookup {
        kept::lookup(&cx.app.keys, self.recipient.keys.namespace(), &presented.text, Spelling::Exact)
    }

    /// Whether it has ended for all who have it.
    fn has_ended(&self, rows: &[KeptAt]) -> bool {
        let own = |row: &&KeptAt| self.pointer.is_some() || row.is_nobodys();
        rows.iter().filter(own).any(|row| row.kept.revoked.is_some() || row.kept.uses == Some(0))
    }

    /// What these rows say that it may stand for; the row is its own when it is a pointer.
    fn meanings(&self, cx: &Cx<'_>, rows: &[KeptAt]) -> Vec<Meaning> {
        let living = rows.iter().filter(|row| !row.is_nobodys() && row.lives(&self.recipient, cx));
        self.pointer
            .as_ref()
            .map_or_else(|| living.map(Meaning::of_row).collect(), |target| vec![Meaning::of_pointer(target)])
    }

    /// Whose record will be looked at first.
    pub(crate) fn first_of(&self, cx: &Cx<'_>, rows: &[KeptAt]) -> Option<SubjectId> {
        self.meanings(cx, rows).first().map(|meaning| meaning.subject)
    }

    /// Where its value is: with the first of the people who still have it, however many share it.
    pub(crate) fn find(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        rows: &[KeptAt],
        people: &mut People,
    ) -> Result<Option<Found>, Error> {
        if self.has_ended(rows) {
            return Ok(None);
        }
        let (mut meanings, mut last) = (self.meanings(cx, rows), rows.last().map(at));
        for _ in 0..MOST_PAGES {
            for meaning in &meanings {
                if let Some(found) = meaning.find(tx, cx, permit, &self.recipient, people)? {
                    return Ok(Some(found));
                }
            }
            let Some((lookup, after)) = last.filter(|_| self.pointer.is_none()) else { break };
            let namespace = self.recipient.keys.namespace().as_str();
            let more = kept::find_more(tx, cx, namespace, lookup, after)?;
            (meanings, last) = (self.meanings(cx, &more), more.last().map(at));
        }
        Ok(None)
    }
}

fn at(row: &KeptAt) -> (Lookup, SubjectId) {
    (row.lookup, row.subject)
}

/// So many pages of people who share a value are looked through for one who still has it.
const MOST_PAGES: usize = 100;

/// What a token stands for: a value in a place of a person's record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meaning {
    pub(crate) subject: SubjectId,
    field: u32,
    slot: u16,
    generation: u16,
    /// The value it was made of, if it means that value and not whatever is in the place.
    value: Option<[u8; 16]>,
}

/// Where in a person's record the value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) subject: SubjectId,
    pub(crate) place: usize,
    pub(crate) slot: u16,
}

impl Meaning {
    fn of_pointer(target: &PointerTarget) -> Self {
        let PointerTarget { subject, field, slot, generation } = *target;
        Self { subject: SubjectId::from_bytes(subject), field, slot, generation, value: None }
    }

    pub(crate) fn of_row(row: &KeptAt) -> Self {
        let (field, slot, generation) = (row.kept.field, row.kept.slot, row.kept.generation);
        Self { subject: row.subject, field, slot, generation, value: row.kept.value.map(|digest| *digest) }
    }

    /// Where it is found, as long as the person is there, has it and it is shared with the recipient: what is no longer
    /// shared is no longer opened, whatever was handed out before.
    pub(crate) fn find(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        recipient: &RecipientRule,
        people: &mut People,
    ) -> Result<Option<Found>, Error> {
        let Some(place) = cx.rules.by_number.get(&self.field).copied() else { return Ok(None) };
        if !recipient.fields.contains(&place) {
            return Ok(None);
        }
        let Some((record, ring)) = people.open(tx, cx, self.subject)? else { return Ok(None) };
        if record.tokens != self.generation || record.entry(self.field)?.is_none() {
            return Ok(None);
        }
        let found = |slot| Found { subject: self.subject, place, slot };
        let Some(digest) = self.value else { return Ok(Some(found(self.slot))) };
        let field = cx.rules.field(place)?;
        let same = |value: &avouch_charter::Value| {
            value_digest(&cx.app.keys, recipient, self.field, &field.of.normal(value)) == digest
        };
        Ok(match record.values(cx, permit, ring, place)? {
            Some(Values::One(value)) => same(&value).then(|| found(WHOLE_FIELD)),
            Some(Values::Many { values, .. }) => {
                values.iter().find(|(_, value)| same(value)).map(|(slot, _)| found(*slot))
            }
            None => None,
        })
    }
}

/// Takes one use of each token that counts them.
pub(crate) fn spend(tx: &mut Tx<'_>, cx: &Cx<'_>, rows: Vec<KeptAt>) -> Result<(), Error> {
    let mut spent = std::collections::HashSet::new();
    for mut row in rows {
        let Some(left) = row.kept.uses else { continue };
        if spent.insert((row.namespace.clone(), row.lookup, row.subject)) {
            row.kept.uses = Some(left.saturating_sub(1));
            row.put(tx, cx)?;
        }
    }
    Ok(())
}
