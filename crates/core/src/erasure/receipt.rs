//! Receipts: what an erasure was, for whoever has to prove it, signed so that it can be checked without the vault. The same
//! erasure gives the same receipt, letter by letter, as often as it is asked for.

use avouch_ledger::note::NoteSigner;
use avouch_policy::Action;
use avouch_store::{Tx, params, statements};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ending::{self, Counts, Ending, Facts};
use super::holds::class_of;
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit};
use crate::ids::{EventId, PrincipalId, SubjectId};
use crate::rules::Rules;

statements! {
    data BEFORE = "select seq from ending where seq < ?1 order by seq desc limit ?2";
}

/// What was left of a person, because it is under a legal hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The retention class; nothing: all of them.
    pub class: Option<String>,
    /// Since when it is held, in microseconds UTC.
    pub since: i64,
}

/// See the module. Times are microseconds UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The erasure's number; one of several classes has as many numbers from this one on.
    pub number: u64,
    /// Who was erased.
    pub subject: SubjectId,
    /// Which retention classes; none: the whole person.
    pub classes: Vec<String>,
    /// When.
    pub at: i64,
    /// Who ordered it.
    pub by: PrincipalId,
    /// The event of the order.
    pub event: EventId,
    /// How much of what.
    pub counts: Counts,
    /// What was left.
    pub kept: Vec<Kept>,
    /// Until when backups and disks may hold remains that nobody can read; nothing when that is not known.
    pub horizon: Option<i64>,
    /// Backups that were known and hold such remains.
    pub backups: Vec<String>,
    /// All of this as a signed note (c2sp.org/signed-note).
    pub note: String,
}

/// The receipt of the order that an ending belongs to.
pub(super) fn of(cx: &Cx<'_>, ending: &Ending) -> Result<Receipt, Error> {
    let facts = ending.facts(&cx.app.keys)?;
    let classes = facts.classes.iter().map(|class| cx.rules.class_name(*class).map(str::to_owned));
    let kept = facts
        .kept
        .iter()
        .map(|(class, since)| Ok::<_, Error>(Kept { class: class_of(cx.rules, *class)?, since: *since }));
    let mut receipt = Receipt {
        number: facts.first.cast_unsigned(),
        subject: ending.subject,
        classes: classes.collect::<Result<_, _>>()?,
        at: ending.at,
        by: PrincipalId::from_bytes(*facts.by),
        event: EventId::from_int(facts.event),
        counts: facts.counts,
        kept: kept.collect::<Result<_, _>>()?,
        horizon: facts.horizon,
        backups: facts.backups,
        note: String::new(),
    };
    receipt.note = signer(cx)?.sign(&receipt.text(cx)).map_err(unsigned)?;
    Ok(receipt)
}

impl Receipt {
    /// What is signed: one statement a line.
    fn text(&self, cx: &Cx<'_>) -> String {
        let Counts { fields, versions, terms, tokens, keys } = self.counts;
        let erased = match self.classes.as_slice() {
            [] => "the whole person".to_owned(),
            classes => format!("classes {}", classes.join(", ")),
        };
        let mut lines = vec![
            "avouch erasure receipt 1".to_owned(),
            format!("vault {}", Uuid::from_bytes(cx.app.keys.vault().0)),
            format!("erasure {}", self.number),
            format!("subject {}", self.subject),
            format!("erased {erased}"),
            format!("at {}", time(self.at)),
            format!("by {}", self.by),
            format!("event {}", self.event.uuid()),
            format!(
                "removed {fields} fields, {versions} versions, {terms} index terms, {tokens} tokens, {keys} keys"
            ),
        ];
        lines.extend(self.kept.iter().map(|kept| {
            let class = kept.class.as_ref().map_or_else(|| "all".to_owned(), |name| format!("class {name}"));
            format!("kept {class}, under a legal hold since {}", time(kept.since))
        }));
        lines.push(match self.horizon {
            Some(horizon) => format!("unreadable remains end by {}", time(horizon)),
            None => "unreadable remains end with the key-encryption key, at a date not known".to_owned(),
        });
        lines.extend(self.backups.iter().map(|name| format!("backup {name}")));
        lines.push(String::new());
        lines.join("\n")
    }
}

/// Not a second spelling of time: the API writes it so.
fn time(micros: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{at:.6}")
}

fn signer(cx: &Cx<'_>) -> Result<NoteSigner, Error> {
    let vault = Uuid::from_bytes(cx.app.keys.vault().0);
    NoteSigner::from_seed(&format!("avouch/{vault}/erasures"), cx.app.keys.receipt_seed()).map_err(unsigned)
}

/// The name and the text are written here: nobody else can have made a mistake in them.
fn unsigned(_: avouch_ledger::Error) -> Error {
    Error::Internal("a receipt could not be signed")
}

/// Whether an ending is the first of its order, which its receipt is named after.
fn leads(ending: &Ending, facts: &Facts) -> bool {
    ending.seq == facts.first
}

/// Shows one receipt.
#[derive(Debug, Clone, Copy)]
pub struct ReadErasure {
    /// Its number, or another one of the same order.
    pub number: u64,
}

impl Operation for ReadErasure {
    const ACTION: Action = Action::ErasureRead;
    type Output = Receipt;
    type Facts = Receipt;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Receipt, Error> {
        let ending = ending::one(tx, self.number.cast_signed())?.ok_or(Error::NotFound)?;
        of(cx, &ending)
    }

    fn run(
        &self,
        _: &mut Tx<'_>,
        _: &Cx<'_>,
        _: &Permit,
        receipt: Receipt,
    ) -> Result<Outcome<Receipt>, Error> {
        let note = Note { erasure: Some(receipt.number), ..Note::count(1) };
        Ok(Outcome::new(receipt, note))
    }
}

/// Pages through receipts, newest first.
#[derive(Debug, Clone, Copy)]
pub struct ListErasures {
    /// Only of this person.
    pub subject: Option<SubjectId>,
    /// Go on below this number.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

impl Operation for ListErasures {
    const ACTION: Action = Action::ErasureRead;
    /// Receipts, and where to go on.
    type Output = (Vec<Receipt>, Option<u64>);
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Self::Output>, Error> {
        let before = self.before.map_or(i64::MAX, u64::cast_signed);
        let mut last = None;
        let mut receipts = Vec::new();
        for ending in self.endings(tx, before)? {
            last = Some(ending.seq.cast_unsigned());
            if leads(&ending, &ending.facts(&cx.app.keys)?) {
                receipts.push(of(cx, &ending)?);
            }
            if receipts.len() == self.limit {
                break;
            }
        }
        let next = last.filter(|_| receipts.len() == self.limit);
        let note = Note::count(receipts.len());
        Ok(Outcome::new((receipts, next), note))
    }
}

impl ListErasures {
    /// Those that may be shown, newest first: more than asked for, since an order may have several.
    fn endings(&self, tx: &mut Tx<'_>, before: i64) -> Result<Vec<Ending>, Error> {
        let mut endings = match self.subject {
            Some(subject) => ending::of_subject(tx, subject)?,
            None => {
                let looked_at = i64::try_from(self.limit).unwrap_or(i64::MAX).saturating_mul(SEVERAL);
                let numbers = tx.query(&BEFORE, params![before, looked_at], |row| row.int(0))?;
                let from = numbers.last().map_or(0, |last| last - 1);
                ending::range(tx, from, numbers.first().copied().unwrap_or_default())?.0
            }
        };
        endings.retain(|ending| ending.seq < before);
        endings.reverse();
        Ok(endings)
    }
}

/// No charter has so many retention classes that an order would have more endings than this.
const SEVERAL: i64 = 64;

/// Shows the key that receipts are verified with.
#[derive(Debug, Clone, Copy)]
pub struct ReadReceiptKey;

/// See [`ReadReceiptKey`].
#[derive(Debug, Clone)]
pub struct ReceiptKey {
    /// As signed notes write it: name, id, key.
    pub verifier_key: String,
}

impl Operation for ReadReceiptKey {
    const ACTION: Action = Action::ErasureRead;
    type Output = ReceiptKey;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, _tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<ReceiptKey>, Error> {
        Ok(Outcome::new(ReceiptKey { verifier_key: signer(cx)?.verifier_key().to_string() }, Note::count(0)))
    }
}
