//! Looking at one person: as the caller's role shows it, or deliberately, field by field.

use avouch_policy::{Action, View};
use avouch_store::{Ahead, Tx};

use super::keys::Ring;
use super::record::{Record, ShownSubject};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit, Reason, Shows};
use crate::ids::SubjectId;
use crate::rules::Rules;
use crate::watch::Look;

/// Shows a person as far as the caller's role reads.
#[derive(Debug, Clone)]
pub struct ReadSubject {
    /// Who.
    pub id: SubjectId,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
}

impl Operation for ReadSubject {
    const ACTION: Action = Action::SubjectRead;
    type Output = ShownSubject;
    type Facts = Record;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        let (purpose, reason) = (self.purpose.clone(), self.reason.clone());
        Ok(Intent { shows: Shows::Whatever, ..Intent::about(purpose, reason, 1).of(self.id) })
    }

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        wants.extend(super::person_ahead(self.id));
    }

    fn looks_at(&self) -> Option<SubjectId> {
        Some(self.id)
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Record, Error> {
        Record::load(tx, cx, self.id)
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        record: Record,
    ) -> Result<Outcome<ShownSubject>, Error> {
        look(tx, cx, permit, &record)
    }
}

/// Opens fields of a person beyond what reading shows.
#[derive(Debug, Clone)]
pub struct RevealSubject {
    /// Who.
    pub id: SubjectId,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
    /// Which fields, by name.
    pub fields: Vec<String>,
    /// The view below which the caller would rather be refused.
    pub least: Option<View>,
}

impl Operation for RevealSubject {
    const ACTION: Action = Action::SubjectReveal;
    type Output = ShownSubject;
    type Facts = Record;

    fn intent(&self, rules: &Rules) -> Result<Intent, Error> {
        if self.fields.is_empty() {
            return Err(Error::invalid("/fields", "expected the names of the fields to reveal"));
        }
        let places = super::places(rules, &self.fields, "/fields")?;
        let (purpose, reason) = (self.purpose.clone(), self.reason.clone());
        let shows = Shows::These { places, least: self.least };
        Ok(Intent { shows, ..Intent::about(purpose, reason, 1).of(self.id) })
    }

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        wants.extend(super::person_ahead(self.id));
    }

    fn looks_at(&self) -> Option<SubjectId> {
        Some(self.id)
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Record, Error> {
        Record::load(tx, cx, self.id)
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        record: Record,
    ) -> Result<Outcome<ShownSubject>, Error> {
        let outcome = look(tx, cx, permit, &record)?;
        Ok(outcome.map(|mut shown| {
            shown.views.retain(|(name, _)| self.fields.contains(name));
            shown
        }))
    }
}

fn look(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    permit: &Permit,
    record: &Record,
) -> Result<Outcome<ShownSubject>, Error> {
    let mut ring = Ring::load(tx, record.subject)?;
    let shown = record.show(cx, permit, &mut ring)?;
    let pseudonym = ring.pseudonym(cx)?;
    let looks = vec![Look::at(&shown, pseudonym)];
    let note = Note { subjects: vec![pseudonym], fields: fields_of(cx, &shown), looks, ..Note::count(1) };
    Ok(Outcome::new(shown, note))
}

/// The name under which events know somebody who is stored.
pub(crate) fn pseudonym_of(tx: &mut Tx<'_>, cx: &Cx<'_>, id: SubjectId) -> Result<[u8; 16], Error> {
    let record = Record::load(tx, cx, id)?;
    Ring::load(tx, record.subject)?.pseudonym(cx)
}

/// The fields a record was shown with, for the event: those of which anything was seen.
pub(crate) fn fields_of(cx: &Cx<'_>, shown: &ShownSubject) -> Vec<(u32, Option<View>)> {
    let number = |name: &str| {
        cx.rules.place(name).and_then(|place| cx.rules.fields.get(place)).map(|rule| rule.number)
    };
    shown
        .views
        .iter()
        .filter(|(_, view)| *view != View::Nothing)
        .filter_map(|(name, view)| Some((number(name)?, Some(*view))))
        .collect()
}

/// The fields several records were shown with, each once, as its highest view.
pub(crate) fn fields_of_all(cx: &Cx<'_>, shown: &[ShownSubject]) -> Vec<(u32, Option<View>)> {
    let mut all: Vec<(u32, Option<View>)> = Vec::new();
    for (number, view) in shown.iter().flat_map(|shown| fields_of(cx, shown)) {
        match all.iter_mut().find(|(known, _)| *known == number) {
            Some((_, highest)) => *highest = (*highest).max(view),
            None => all.push((number, view)),
        }
    }
    all
}
