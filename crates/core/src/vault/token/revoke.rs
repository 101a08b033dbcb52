//! Ending tokens before their time: some, all of a person, or all of a recipient. Safe to repeat.

use avouch_charter::TokenKind;
use avouch_policy::Action;
use avouch_store::Tx;

use super::kept::{self, Behind, Kept, KeptAt, Lookup, kind_number};
use super::people::People;
use super::remember_person;
use super::resolve::{Presented, Sought};
use super::standing::{Standing, Standings};
use crate::Error;
use crate::app::{Cx, Operation, Outcome, Refresh};
use crate::audit::Note;
use crate::gate::{Intent, Permit, Reason};
use crate::ids::SubjectId;
use crate::indexes::Rows;
use crate::rules::{OWN_NAMESPACE, Rules};

/// See the module.
#[derive(Debug, Clone)]
pub struct RevokeTokens {
    /// Which.
    pub which: Which,
    /// For which purpose; kept with the event, not demanded.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
}

/// Which tokens end.
#[derive(Debug, Clone)]
pub enum Which {
    /// These, given by their texts; with whose they are, where a token does not say it.
    These(Vec<Presented>, Option<String>),
    /// These of a recipient, given by the ids that were listed.
    Ids(Vec<[u8; 16]>, String),
    /// All of a person, with whomever they are.
    Subject(SubjectId),
    /// All of a recipient, of whomever they are.
    Recipient(String),
}

/// How many ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revoked {
    /// Tokens that were kept; `None` when it is all of somebody, pointers included, which nobody counts.
    pub tokens: Option<u64>,
}

/// Most ids that an event names.
const MOST_NAMED: usize = 100;
/// Rows that are ended at a time.
const PAGE: i64 = 500;

impl Operation for RevokeTokens {
    const ACTION: Action = Action::TokenRevoke;
    const REFRESH: Refresh = Refresh::Rules;
    type Output = Revoked;
    type Facts = ();

    fn intent(&self, rules: &Rules) -> Result<Intent, Error> {
        let rows = match &self.which {
            Which::These(tokens, _) => tokens.len(),
            Which::Ids(ids, name) => {
                super::recipient(rules, name)?;
                ids.len()
            }
            Which::Subject(_) => 1,
            Which::Recipient(name) => {
                super::recipient(rules, name)?;
                0
            }
        };
        Ok(Intent::about(self.purpose.clone(), self.reason.clone(), rows))
    }

    fn writes(&self) -> bool {
        true
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Revoked>, Error> {
        let (mut people, mut note) = (People::default(), Note::count(0));
        let tokens = match &self.which {
            Which::These(tokens, recipient) => {
                note.recipient.clone_from(recipient);
                Some(these(tx, cx, tokens, recipient.as_deref(), &mut people, &mut note)?)
            }
            Which::Ids(ids, name) => {
                note.recipient = Some(name.clone());
                let mut ended = 0;
                for (at, id) in ids.iter().enumerate() {
                    let rows = kept::find(tx, cx, name, *id)?;
                    if rows.is_empty() {
                        return Err(Error::TokenUnusable { pointers: vec![format!("/ids/{at}")] });
                    }
                    ended += end(tx, cx, rows, &mut people, &mut note)?;
                }
                Some(ended)
            }
            Which::Subject(subject) => {
                all_of_subject(tx, cx, *subject, &mut people, &mut note)?;
                None
            }
            Which::Recipient(name) => {
                note.recipient = Some(name.clone());
                let standing = Standings::load(tx, &cx.app.keys)?.of(name);
                let epoch = standing.epoch.checked_add(1);
                let epoch = epoch.ok_or(Error::Internal("there is no epoch after this one"))?;
                // Not the number of one that was begun in a time which a restore has taken back.
                let epoch = epoch.max(u32::try_from(cx.now / 1_000_000).unwrap_or_default());
                restand(tx, cx, name, Standing { epoch, revokes: false })?;
                None
            }
        };
        note.count = tokens.map_or(1, |tokens| u32::try_from(tokens).unwrap_or(u32::MAX));
        Ok(Outcome::new(Revoked { tokens }, note))
    }
}

/// Ends tokens that a caller presents.
pub(super) fn these(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    tokens: &[Presented],
    recipient: Option<&str>,
    people: &mut People,
    note: &mut Note,
) -> Result<u64, Error> {
    let mut ended = 0;
    let mut unusable = Vec::new();
    for (at, presented) in tokens.iter().enumerate() {
        let Some(sought) = Sought::new(cx, recipient, presented) else {
            unusable.push(format!("/tokens/{at}"));
            continue;
        };
        if sought.recipient.keys.namespace().as_str() == OWN_NAMESPACE {
            let detail =
                "the vault's own tokens end with all others of a customer: revoke those of the `subject`";
            return Err(Error::invalid(format!("/tokens/{at}"), detail));
        }
        let mut rows = sought.rows(tx, cx)?;
        if let (Some(target), true) = (&sought.pointer, rows.is_empty()) {
            let name = sought.recipient.keys.namespace().as_str();
            let subject = SubjectId::from_bytes(target.subject);
            if people.open(tx, cx, subject)?.is_some() {
                let kept = Kept {
                    kind: kind_number(TokenKind::Pointer),
                    field: target.field,
                    slot: target.slot,
                    generation: target.generation,
                    epoch: sought.recipient.standing.epoch,
                    made: cx.now,
                    ..Kept::nothing()
                };
                let (namespace, lookup) = (name.to_owned(), sought.lookup_of(cx, presented));
                rows.push(KeptAt { namespace, lookup, subject, expires: 0, kept });
                let standing = Standings::load(tx, &cx.app.keys)?.of(name);
                if !standing.revokes {
                    restand(tx, cx, name, Standing { revokes: true, ..standing })?;
                }
            }
        }
        if rows.is_empty() {
            unusable.push(format!("/tokens/{at}"));
        }
        ended += end(tx, cx, rows, people, note)?;
    }
    // Nothing of it is done then: what the caller takes for ended would live on.
    if unusable.is_empty() { Ok(ended) } else { Err(Error::TokenUnusable { pointers: unusable }) }
}

/// Ends a token for all who have it, by a row of its own that outlives them; the first of their rows say so, too. One that
/// had ended before is not counted again.
fn end(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    rows: Vec<KeptAt>,
    people: &mut People,
    note: &mut Note,
) -> Result<u64, Error> {
    let Some(first) = rows.first() else { return Ok(0) };
    let over = rows.iter().any(|row| row.is_nobodys() && row.kept.revoked.is_some());
    if !over {
        KeptAt::own_of(first, Kept { revoked: Some(cx.now), ..first.kept.clone() }).put(tx, cx)?;
    }
    name(note, first.lookup);
    for row in rows.into_iter().filter(|row| !row.is_nobodys()) {
        end_row(tx, cx, row, people, note)?;
    }
    Ok(u64::from(!over))
}

/// Ends a person's part in a token.
fn end_row(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    mut row: KeptAt,
    people: &mut People,
    note: &mut Note,
) -> Result<(), Error> {
    if let Some((_, ring)) = people.open(tx, cx, row.subject)? {
        remember_person(cx, note, ring)?;
    }
    if row.kept.revoked.is_none() {
        row.kept.revoked = Some(cx.now);
        // It must stay for as long as its text could be given out again.
        row.expires = 0;
        row.put(tx, cx)?;
    }
    Ok(())
}

fn name(note: &mut Note, lookup: Lookup) {
    if note.objects.len() < MOST_NAMED && !note.objects.contains(&lookup) {
        note.objects.push(lookup);
    }
}

/// Ends the pointers of a person by the record's generation of tokens, and the rest one by one: a token that equal values
/// share may be given out again, and must not be for this person.
fn all_of_subject(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    subject: SubjectId,
    people: &mut People,
    note: &mut Note,
) -> Result<(), Error> {
    let (record, ring) = people.open(tx, cx, subject)?.ok_or(Error::NotFound)?;
    remember_person(cx, note, ring)?;
    let pseudonym = ring.pseudonym(cx)?;
    note.written.push(record.clone().end_tokens(tx, cx)?.wrote(Some(pseudonym)));
    let mut behind = Behind::default();
    loop {
        let rows = kept::of_subject(tx, cx, subject, &behind, PAGE)?;
        let Some(last) = rows.last() else { return Ok(()) };
        behind = Behind::of(last);
        for row in rows {
            // What nobody can share ends for good, also after the person.
            if !row.kept.kind()?.shows_equality() {
                KeptAt::own_of(&row, Kept { revoked: Some(cx.now), ..row.kept.clone() }).put(tx, cx)?;
            }
            end_row(tx, cx, row, people, note)?;
        }
    }
}

/// Puts a recipient in another standing, and says that the rules in memory are of before.
fn restand(tx: &mut Tx<'_>, cx: &Cx<'_>, name: &str, standing: Standing) -> Result<(), Error> {
    Standings::put(tx, &cx.app.keys, &cx.app.rng, (name, standing))?;
    Rows::load(tx, &cx.app.keys)?.store(tx, &cx.app.keys, &cx.app.rng)
}
