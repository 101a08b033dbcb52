//! Tokens: what a recipient gets instead of a value. A pointer needs no row; of every other kind a row is kept, sealed to its
//! place, that says what it stands for and what ends it. Each opens only in its own recipient's namespace, and dies with the
//! person.
//!
//! A token ends by itself (expired, used up), or is ended: alone, by a row that stays; with all others of a person, by the
//! record's generation of tokens; with all others of a recipient, by the recipient's epoch. What was ended never comes back.

mod create;
mod detokenize;
mod document;
mod import;
mod kept;
mod make;
mod people;
mod read;
mod resolve;
mod revoke;
mod rotate;
mod standing;
mod terms;

use avouch_policy::Need;

use super::keys::Ring;
use crate::app::Cx;
use crate::audit::Note;
use crate::gate::{Intent, Reason, Shows};
use crate::rules::{OWN_NAMESPACE, RecipientRule, Rules};
use crate::{Error, Refusal};

pub use create::{CreateTokens, TokenItem};
pub use detokenize::{Detokenize, Detokenized, MAX_TOKENS};
pub use document::{MAX_SUBJECTS, Reading, Tokenize, Tokenized, Unmapped};
pub use import::{FOREIGN_LENGTHS, ForeignToken, ImportTokens, MAX_FOREIGN};
pub(crate) use kept::{drop_of_fields, drop_of_subject, sweep};
pub use make::NoToken;
pub use read::{InspectTokens, ListTokens, Of as TokensOf, TokenPage, TokenPlace, TokenView};
pub use resolve::{Damaged, Presented};
pub use revoke::{RevokeTokens, Revoked, Which as RevokeWhich};
pub use rotate::RotateTokens;
pub(crate) use standing::{Standing, Standings, Stored as StoredStandings};
pub use terms::{MAX_METADATA, MAX_TAG, MAX_TAGS, MAX_USES, Terms};

/// Every statement of the room, for the test that prepares them all.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    [kept::STATEMENTS, standing::STATEMENTS].concat()
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

/// Adds a person to the note, once.
pub(crate) fn remember_person(cx: &Cx<'_>, note: &mut Note, ring: &mut Ring) -> Result<(), Error> {
    let pseudonym = ring.pseudonym(cx)?;
    if note.subjects.last() != Some(&pseudonym)
        && !note.subjects.contains(&pseudonym)
        && !note.made.contains(&pseudonym)
    {
        note.subjects.push(pseudonym);
    }
    Ok(())
}

/// Adds a person and a field to the note, each once.
pub(crate) fn remember(cx: &Cx<'_>, note: &mut Note, ring: &mut Ring, place: usize) -> Result<(), Error> {
    remember_person(cx, note, ring)?;
    let number = cx.rules.rule(place)?.number;
    if !note.fields.iter().any(|(known, _)| *known == number) {
        note.fields.push((number, Some(avouch_policy::View::Token)));
    }
    Ok(())
}
