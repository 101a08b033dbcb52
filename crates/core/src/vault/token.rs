//! Tokens: what a recipient gets instead of a value. A pointer token needs no row, a random one has a row whose target is
//! sealed to it. Either opens only in its own recipient's namespace, and dies with the person.

use avouch_policy::{Action, Need};
use avouch_seal::token::{PointerTarget, Token, WHOLE_FIELD};
use avouch_store::{Ahead, Tx, params, statements};

use super::keys::Ring;
use super::record::{Record, Values};
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit, Reason, Shows};
use crate::ids::SubjectId;
use crate::rules::{OWN_NAMESPACE, RecipientRule, Rules};
use crate::{Error, Refusal};

statements! {
    data PUT_TOKEN of token / 2 = "insert into token (namespace, lookup, subject, sealed) values (?1, ?2, ?3, ?4)";
    data TOKEN of token / 2 = "select subject, sealed from token where namespace = ?1 and lookup = ?2";
}

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
    /// A token per item, or nothing where there is no such value.
    type Output = Vec<Option<String>>;
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
        wants.extend(self.items.iter().flat_map(|item| super::person_ahead(item.subject)));
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
        for item in &self.items {
            let place = cx.rules.place(&item.field).ok_or(Error::NotFound)?;
            shared(recipient, cx.rules, place)?;
            let Some(record) = Record::find(tx, cx, item.subject)? else {
                tokens.push(None);
                continue;
            };
            let mut ring = Ring::load(tx, item.subject)?;
            let slot = slot_of(cx, permit, &record, &mut ring, place, item.value)?;
            let Some(slot) = slot else {
                tokens.push(None);
                continue;
            };
            let token = make(tx, cx, recipient, item.subject, place, slot)?;
            remember(cx, &mut note, &mut ring, place)?;
            tokens.push(Some(token.to_string()));
        }
        note.count = u32::try_from(tokens.iter().flatten().count()).unwrap_or(u32::MAX);
        Ok(Outcome::new(tokens, note))
    }
}

/// The intent of handing fields over to a recipient.
pub(crate) fn token_intent(
    rules: &Rules,
    name: &str,
    purpose: &Option<String>,
    reason: &Option<Reason>,
    places: Vec<usize>,
    rows: usize,
) -> Result<Intent, Error> {
    recipient(rules, name)?;
    let shows = Shows::These { places, least: None };
    Ok(Intent { shows, ..Intent::about(purpose.clone(), reason.clone(), rows) })
}

/// A recipient of the charter by name.
pub(crate) fn recipient<'r>(rules: &'r Rules, name: &str) -> Result<&'r RecipientRule, Error> {
    rules
        .recipients
        .get(name)
        .map(|recipient| &**recipient)
        .filter(|_| name != OWN_NAMESPACE)
        .ok_or_else(|| Error::invalid("/recipient", "the charter has no such recipient"))
}

/// A recipient is given tokens only for a purpose that it serves.
pub(crate) fn serves(recipient: &RecipientRule, purpose: Option<&str>) -> Result<(), Error> {
    if purpose.is_some_and(|purpose| recipient.purposes.iter().any(|served| served == purpose)) {
        return Ok(());
    }
    let needs = vec![Need::Purpose { allowed: recipient.purposes.clone() }];
    Err(Error::Refused(Refusal { needs, policies: vec!["charter:recipients/purposes".to_owned()] }))
}

/// A recipient is given tokens only of fields that the charter shares with it.
pub(crate) fn shared(recipient: &RecipientRule, rules: &Rules, place: usize) -> Result<(), Error> {
    if recipient.fields.contains(&place) {
        return Ok(());
    }
    let field = rules.field(place)?.name.clone();
    let needs = vec![Need::Field { field, purposes: Vec::new() }];
    Err(Error::Refused(Refusal { needs, policies: vec!["charter:recipients/fields".to_owned()] }))
}

/// The number of a value; `None` when it is not there.
fn slot_of(
    cx: &Cx<'_>,
    permit: &Permit,
    record: &Record,
    ring: &mut Ring,
    place: usize,
    value: Option<usize>,
) -> Result<Option<u16>, Error> {
    let Some(at) = value else {
        return Ok(record.values(cx, permit, ring, place)?.and_then(|values| {
            // A list that was emptied is no value.
            values.iter().next().map(|_| WHOLE_FIELD)
        }));
    };
    Ok(match record.values(cx, permit, ring, place)? {
        Some(Values::Many { values, .. }) => values.get(at).map(|(slot, _)| *slot),
        Some(Values::One(_)) if at == 0 => Some(WHOLE_FIELD),
        _ => None,
    })
}

/// Makes the token that the charter gives this recipient.
pub(crate) fn make(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    recipient: &RecipientRule,
    subject: SubjectId,
    place: usize,
    slot: u16,
) -> Result<Token, Error> {
    let target = PointerTarget { subject: *subject.bytes(), field: cx.rules.rule(place)?.number, slot };
    if !recipient.random.contains(&place) {
        return Ok(recipient.keys.pointer(&target));
    }
    let token = recipient.keys.random(&cx.app.rng)?;
    let lookup = recipient.keys.lookup(&token)?;
    let namespace = recipient.keys.namespace().as_str();
    let place = avouch_seal::pae::pae(&[namespace.as_bytes(), &lookup]);
    let sealed = cx.app.keys.seal_row("token", &place, &encode(&target), &cx.app.rng)?;
    tx.put(&PUT_TOKEN, params![namespace, &lookup, subject.bytes(), &sealed])?;
    Ok(token)
}

/// What a token points to; `None` for every kind of token that this namespace cannot open.
pub(crate) fn target(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    recipient: &RecipientRule,
    token: &Token,
) -> Result<Option<PointerTarget>, Error> {
    if matches!(token, Token::Pointer { .. }) {
        return Ok(recipient.keys.open_pointer(token).ok());
    }
    let Ok(lookup) = recipient.keys.lookup(token) else { return Ok(None) };
    let namespace = recipient.keys.namespace().as_str();
    let row = tx
        .first(&TOKEN, params![namespace, &lookup], |row| Ok((row.bytes::<16>(0)?, row.blob(1)?.to_vec())))?;
    let Some((subject, sealed)) = row else { return Ok(None) };
    let place = avouch_seal::pae::pae(&[namespace.as_bytes(), &lookup]);
    let plain = cx.app.keys.open_row("token", &place, &sealed)?;
    let target = decode(&plain).ok_or(Error::Tampered)?;
    // The column is there for erasure; what counts is what was sealed.
    if target.subject == subject { Ok(Some(target)) } else { Err(Error::Tampered) }
}

/// The number of the field that a stored token points into; nothing when it does not open.
pub(crate) fn field_of(cx: &Cx<'_>, namespace: &str, lookup: &[u8], sealed: &[u8]) -> Option<u32> {
    let place = avouch_seal::pae::pae(&[namespace.as_bytes(), lookup]);
    let plain = cx.app.keys.open_row("token", &place, sealed).ok()?;
    decode(&plain).map(|target| target.field)
}

fn encode(target: &PointerTarget) -> Vec<u8> {
    let mut bytes = target.subject.to_vec();
    bytes.extend_from_slice(&target.field.to_le_bytes());
    bytes.extend_from_slice(&target.slot.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<PointerTarget> {
    let (subject, rest) = bytes.split_first_chunk::<16>()?;
    let (field, rest) = rest.split_first_chunk::<4>()?;
    let slot = u16::from_le_bytes(rest.try_into().ok()?);
    Some(PointerTarget { subject: *subject, field: u32::from_le_bytes(*field), slot })
}

/// Adds a person and a field to the note, each once.
pub(crate) fn remember(cx: &Cx<'_>, note: &mut Note, ring: &mut Ring, place: usize) -> Result<(), Error> {
    let pseudonym = ring.pseudonym(cx)?;
    if !note.subjects.contains(&pseudonym) && !note.made.contains(&pseudonym) {
        note.subjects.push(pseudonym);
    }
    let number = cx.rules.rule(place)?.number;
    if !note.fields.iter().any(|(known, _)| *known == number) {
        note.fields.push((number, Some(avouch_policy::View::Token)));
    }
    Ok(())
}
