//! Customers about whom it matters who looks: those who are well known, and those who work here. Few, so they are held in memory with the
//! principals, and no look has to ask the store.

use std::collections::HashMap;

use avouch_policy::{Action, SubjectClass};
use avouch_seal::vault::VaultKeys;
use avouch_store::{Tx, params, statements};
use serde::{Deserialize, Serialize};

use super::{Intent, Permit};
use crate::Error;
use crate::app::{Cx, Operation, Outcome, Refresh};
use crate::audit::Note;
use crate::ids::{PrincipalId, SubjectId};
use crate::rules::Rules;

statements! {
    data ALL = "select subject, sealed from subject_mark";
    data PUT = "insert into subject_mark (subject, sealed) values (?1, ?2) on conflict (subject) do update set sealed = ?2";
    data DROP = "delete from subject_mark where subject = ?1";
}

/// The most customers that are marked.
const MOST: usize = 100_000;
/// The highest tier.
pub const MAX_TIER: u8 = 3;

/// What is special about a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mark {
    /// How delicate it is that somebody looks at them at all, 0 to [`MAX_TIER`].
    pub tier: u8,
    /// Who they are as a colleague.
    pub colleague: Option<PrincipalId>,
    /// They are nobody: a record that no work leads to, so that whoever looks at it is looking around.
    #[serde(default)]
    pub honey: bool,
}

/// Rows as stored, still sealed.
pub(super) type Rows = Vec<([u8; 16], Vec<u8>)>;

/// See the module.
#[derive(Debug, Default)]
pub struct Marks(HashMap<SubjectId, Mark>);

impl Marks {
    pub(super) fn rows(tx: &mut Tx<'_>) -> Result<Rows, Error> {
        Ok(tx.query(&ALL, &[], |row| Ok((row.bytes(0)?, row.blob(1)?.to_vec())))?)
    }

    pub(super) fn open(rows: Rows, keys: &VaultKeys) -> Result<Self, Error> {
        let open = |(subject, sealed): ([u8; 16], Vec<u8>)| {
            let plain = keys.open_row("subject_mark", &subject, &sealed)?;
            let mark = serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?;
            Ok((SubjectId::from_bytes(subject), mark))
        };
        rows.into_iter().map(open).collect::<Result<_, Error>>().map(Self)
    }

    /// What policy sees of a customer when this caller looks.
    pub(crate) fn class(&self, subject: SubjectId, caller: PrincipalId) -> SubjectClass {
        match self.0.get(&subject) {
            None => SubjectClass::default(),
            Some(Mark { tier, colleague, .. }) => SubjectClass {
                tier: *tier,
                own: *colleague == Some(caller),
                colleague: colleague.is_some_and(|colleague| colleague != caller),
            },
        }
    }

    /// What is special about a customer.
    #[must_use]
    pub fn of(&self, subject: SubjectId) -> Mark {
        self.0.get(&subject).copied().unwrap_or_default()
    }
}

/// Says what is special about a customer; nothing special takes the mark away.
#[derive(Debug, Clone)]
pub struct MarkSubject {
    /// Who.
    pub id: SubjectId,
    /// What.
    pub mark: Mark,
    /// For which purpose.
    pub purpose: Option<String>,
}

impl Operation for MarkSubject {
    const ACTION: Action = Action::SubjectMark;
    const REFRESH: Refresh = Refresh::Access;
    type Output = Mark;
    /// The name under which events know them.
    type Facts = [u8; 16];

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::about(self.purpose.clone(), None, 1))
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<[u8; 16], Error> {
        crate::vault::pseudonym_of(tx, cx, self.id)
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, who: [u8; 16]) -> Result<Outcome<Mark>, Error> {
        if self.mark.tier > MAX_TIER {
            return Err(Error::invalid("/tier", format!("expected 0 to {MAX_TIER}")));
        }
        let access = cx.app.access();
        if let Some(colleague) = self.mark.colleague
            && access.principal(colleague).is_none_or(|record| record.kind != "staff")
        {
            return Err(Error::invalid("/colleague", "nobody who works here has this id"));
        }
        if self.mark == Mark::default() {
            tx.put(&DROP, params![self.id.bytes()])?;
        } else {
            if access.marks().0.len() >= MOST {
                return Err(Error::Conflict("100,000 customers are marked: take some marks away first"));
            }
            let plain = serde_json::to_vec(&self.mark).map_err(|_| Error::Internal("no JSON form"))?;
            let sealed = cx.app.keys.seal_row("subject_mark", self.id.bytes(), &plain, &cx.app.rng)?;
            tx.put(&PUT, params![self.id.bytes(), &sealed])?;
        }
        Ok(Outcome::new(self.mark, Note { subjects: vec![who], ..Note::count(1) }))
    }
}

/// An erased customer leaves no mark.
pub(crate) fn forget(tx: &mut Tx<'_>, subject: SubjectId) -> Result<(), Error> {
    tx.put(&DROP, params![subject.bytes()])?;
    Ok(())
}
