//! What tokens stand for and what ends them; never their values, and never their texts, which are kept nowhere.

use avouch_charter::TokenKind;
use avouch_policy::Action;
use avouch_seal::token::{Namespace, WHOLE_FIELD};
use avouch_store::{Ahead, Tx};
use serde_json::{Map, Value as Json};

use super::kept::{self, Behind, KeptAt};
use super::people::People;
use super::resolve::{Meaning, Presented, Sought};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit, Reason};
use crate::ids::SubjectId;
use crate::rules::{OWN_NAMESPACE, RecipientRule, Rules};
use crate::vault::person_ahead;
use crate::vault::record::Record;

/// A token, for whoever looks after tokens.
#[derive(Debug, Clone)]
pub struct TokenView {
    /// By what it is revoked without its text; nothing of a pointer, of which nothing is kept.
    pub id: Option<[u8; 16]>,
    /// Whose token it is.
    pub recipient: String,
    /// How it was made.
    pub kind: TokenKind,
    /// Whether another system made it.
    pub foreign: bool,
    /// Of whom.
    pub subject: SubjectId,
    /// Of which field; nothing when the charter does not have it any more.
    pub field: Option<String>,
    /// Whether it is of one value of a list.
    pub of_one: bool,
    /// Whether it can be turned back now, by whoever may.
    pub usable: bool,
    /// Microseconds UTC.
    pub made: Option<i64>,
    /// Microseconds UTC.
    pub expires: Option<i64>,
    /// How often it may still be turned back.
    pub uses_left: Option<u32>,
    /// Microseconds UTC.
    pub revoked: Option<i64>,
    /// What is kept with it.
    pub metadata: Option<Map<String, Json>>,
    /// By what it is found again.
    pub tags: Vec<String>,
}

/// What tokens are, each given by its text.
#[derive(Debug, Clone)]
pub struct InspectTokens {
    /// The tokens.
    pub tokens: Vec<Presented>,
    /// Whose, where a token does not say it.
    pub recipient: Option<String>,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
}

impl Operation for InspectTokens {
    const ACTION: Action = Action::TokenRead;
    /// For each token what it stands for: several people when they share the value, nobody when it is unknown.
    type Output = Vec<Vec<TokenView>>;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::about(self.purpose.clone(), self.reason.clone(), self.tokens.len()))
    }

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
        let (mut people, mut note) = (People::default(), Note::count(self.tokens.len()));
        note.recipient.clone_from(&self.recipient);
        let mut all = Vec::with_capacity(self.tokens.len());
        for presented in &self.tokens {
            let Some(sought) = Sought::new(cx, self.recipient.as_deref(), presented) else {
                all.push(Vec::new());
                continue;
            };
            let rows = sought.rows(tx, cx)?;
            let mut views = Vec::new();
            if let (Some(target), true) = (&sought.pointer, rows.is_empty()) {
                let subject = SubjectId::from_bytes(target.subject);
                // Of somebody who is gone nothing is said, not even that there was somebody.
                if people.open(tx, cx, subject)?.is_some() {
                    let usable = sought.find(tx, cx, permit, &rows, &mut people)?.is_some();
                    let name = sought.recipient.keys.namespace().as_str();
                    views.push(of_pointer(cx, name, target.field, (subject, target.slot), usable));
                }
            }
            for row in rows.iter().filter(|row| !row.is_nobodys()) {
                views.push(view(tx, cx, permit, Some(&sought.recipient), row, &mut people)?);
            }
            for view in &views {
                remember(tx, cx, view.subject, &mut people, &mut note)?;
            }
            all.push(views);
        }
        Ok(Outcome::new(all, note))
    }
}

/// Of whom, or of which recipient, tokens are listed.
#[derive(Debug, Clone)]
pub enum Of {
    /// A person's, with whomever they are.
    Subject(SubjectId),
    /// A recipient's, of whomever they are.
    Recipient(String),
}

/// The tokens of which something is kept. Pointers are not among them, unless they were revoked.
#[derive(Debug, Clone)]
pub struct ListTokens {
    /// Which.
    pub of: Of,
    /// Only those with this tag.
    pub tag: Option<String>,
    /// Where to go on.
    pub after: Option<TokenPlace>,
    /// At most so many.
    pub limit: usize,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
}

/// Where a page of tokens ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPlace(Behind);

/// A page of tokens.
#[derive(Debug, Clone)]
pub struct TokenPage {
    /// The tokens.
    pub items: Vec<TokenView>,
    /// Where to go on.
    pub next: Option<TokenPlace>,
}

/// So many rows are looked through for one page with a tag.
const MOST_LOOKED_AT: usize = 10_000;

impl Operation for ListTokens {
    const ACTION: Action = Action::TokenRead;
    type Output = TokenPage;
    type Facts = Option<Record>;

    fn intent(&self, rules: &Rules) -> Result<Intent, Error> {
        let rows = match &self.of {
            Of::Subject(_) => 1,
            Of::Recipient(name) => {
                recipient(rules, name)?;
                self.limit
            }
        };
        Ok(Intent::about(self.purpose.clone(), self.reason.clone(), rows))
    }

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        if let Of::Subject(subject) = self.of {
            wants.extend(person_ahead(subject));
        }
    }

    fn writes(&self) -> bool {
        true
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Option<Record>, Error> {
        match self.of {
            Of::Subject(subject) => Record::load(tx, cx, subject).map(Some),
            Of::Recipient(_) => Ok(None),
        }
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        _: Option<Record>,
    ) -> Result<Outcome<TokenPage>, Error> {
        let (mut people, mut note) = (People::default(), Note::count(0));
        let mut behind = self.after.clone().map(|place| place.0).unwrap_or_default();
        let (mut items, mut looked_at) = (Vec::new(), 0);
        let more = loop {
            let rows = self.rows(tx, cx, &behind)?;
            if rows.is_empty() {
                break false;
            }
            for row in &rows {
                if items.len() == self.limit {
                    break;
                }
                behind = Behind::of(row);
                looked_at += 1;
                if row.is_nobodys() || self.tag.as_ref().is_some_and(|tag| !row.kept.tags.contains(tag)) {
                    continue;
                }
                // Of one that the charter does not have any more nothing opens; until it has it again.
                let recipient = cx.rules.recipients.get(&row.namespace).map(|recipient| &**recipient);
                items.push(view(tx, cx, permit, recipient, row, &mut people)?);
                remember(tx, cx, row.subject, &mut people, &mut note)?;
            }
            if items.len() == self.limit || looked_at >= MOST_LOOKED_AT {
                break true;
            }
        };
        if let Of::Recipient(name) = &self.of {
            note.recipient = Some(name.clone());
        }
        note.count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        Ok(Outcome::new(TokenPage { items, next: more.then_some(TokenPlace(behind)) }, note))
    }
}

impl ListTokens {
    fn rows(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, behind: &Behind) -> Result<Vec<KeptAt>, Error> {
        let limit = i64::try_from(self.limit.max(100)).unwrap_or(i64::MAX);
        match &self.of {
            Of::Subject(subject) => kept::of_subject(tx, cx, *subject, behind, limit),
            Of::Recipient(name) => kept::of_recipient(tx, cx, name, behind, limit),
        }
    }
}

impl TokenPlace {
    /// Reads what [`TokenPlace::to_bytes`] wrote.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (lookup, rest) = bytes.split_first_chunk()?;
        let (subject, namespace) = rest.split_first_chunk()?;
        let namespace = Namespace::parse(core::str::from_utf8(namespace).ok()?).ok()?.as_str().to_owned();
        Some(Self(Behind { namespace, lookup: *lookup, subject: *subject }))
    }

    /// As it is given back.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Behind { namespace, lookup, subject } = &self.0;
        [lookup.as_slice(), subject, namespace.as_bytes()].concat()
    }
}

/// A recipient of the charter, or the vault's own namespace.
fn recipient<'r>(rules: &'r Rules, name: &str) -> Result<&'r RecipientRule, Error> {
    if name == OWN_NAMESPACE {
        return Err(Error::invalid(
            "/recipient",
            "the vault's own tokens are pointers, of which nothing is kept",
        ));
    }
    super::recipient(rules, name)
}

fn of_pointer(
    cx: &Cx<'_>,
    recipient: &str,
    field: u32,
    (subject, slot): (SubjectId, u16),
    usable: bool,
) -> TokenView {
    TokenView {
        id: None,
        recipient: recipient.to_owned(),
        kind: TokenKind::Pointer,
        foreign: false,
        subject,
        field: cx.rules.field_name(field).map(str::to_owned),
        of_one: slot != WHOLE_FIELD,
        usable,
        made: None,
        expires: None,
        uses_left: None,
        revoked: None,
        metadata: None,
        tags: Vec::new(),
    }
}

fn view(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    permit: &Permit,
    recipient: Option<&RecipientRule>,
    row: &KeptAt,
    people: &mut People,
) -> Result<TokenView, Error> {
    let kept = &row.kept;
    // What holds for all who share it stands in the token's own row.
    let own = kept::one(tx, cx, &row.namespace, row.lookup, None)?;
    let uses_left = own.as_ref().and_then(|own| own.kept.uses).or(kept.uses);
    let revoked = kept.revoked.or_else(|| own.and_then(|own| own.kept.revoked));
    let living = kept.kind()? != TokenKind::Pointer && revoked.is_none() && uses_left != Some(0);
    let usable = match recipient.filter(|recipient| living && row.lives(recipient, cx)) {
        Some(recipient) => Meaning::of_row(row).find(tx, cx, permit, recipient, people)?.is_some(),
        None => false,
    };
    let metadata = kept.metadata.as_deref().map(serde_json::from_str).transpose();
    Ok(TokenView {
        id: Some(row.lookup),
        kind: kept.kind()?,
        foreign: kept.foreign,
        made: Some(kept.made),
        expires: (row.expires > 0).then_some(row.expires),
        uses_left,
        revoked,
        metadata: metadata.map_err(|_| Error::Tampered)?,
        tags: kept.tags.clone(),
        ..of_pointer(cx, &row.namespace, kept.field, (row.subject, kept.slot), usable)
    })
}

fn remember(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    subject: SubjectId,
    people: &mut People,
    note: &mut Note,
) -> Result<(), Error> {
    if let Some((_, ring)) = people.open(tx, cx, subject)? {
        super::remember_person(cx, note, ring)?;
    }
    Ok(())
}
