//! Finding people: by exact values, by parts of values, by beginnings, by sound, from one value to another. One index leads to
//! candidates; every condition is checked on what is opened. One search is one event that names how many were found and whom
//! it showed, also when it found nobody: whoever may search learns something from an empty answer too. For the same reason
//! nobody searches by a field of which they would be shown nothing.

mod plan;

use std::sync::Arc;

use avouch_policy::Action;
use avouch_store::{Ahead, Tx};

use super::keys::Ring;
use super::list::{Page, show_all};
use super::record::{Record, ShownSubject};
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome};
use crate::gate::{Intent, Permit, Reach, Reason, Shows};
use crate::ids::SubjectId;
use crate::indexes;
use crate::rules::Rules;

pub use plan::Asked;
use plan::Plan;

/// The most candidates one search opens; more come with the next page.
const MAX_CANDIDATES: usize = 2_000;

/// See the module.
#[derive(Debug)]
pub struct SearchSubjects {
    rules: Arc<Rules>,
    asked: Asked,
    plan: Plan,
    /// What it asks for, as others may have agreed to it.
    digest: [u8; 32],
    purpose: Option<String>,
    reason: Option<Reason>,
    after: Option<SubjectId>,
    limit: usize,
}

impl SearchSubjects {
    /// Reads what is asked for: one to four conditions, all of which must hold.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::Conflict`] while an index that it needs is being built.
    pub fn new(
        app: &App,
        asked: Asked,
        purpose: Option<String>,
        reason: Option<Reason>,
        after: Option<SubjectId>,
        limit: usize,
    ) -> Result<Self, Error> {
        let rules = app.rules();
        let plan = Plan::new(&rules, &asked)?;
        let digest = asked.digest(app);
        Ok(Self { rules, asked, plan, digest, purpose, reason, after, limit })
    }
}

impl Operation for SearchSubjects {
    const ACTION: Action = Action::SubjectSearch;
    type Output = Page<ShownSubject, SubjectId>;
    type Facts = ();

    fn intent(&self, rules: &Rules) -> Result<Intent, Error> {
        super::create::same_charter(rules, &self.rules)?;
        let (purpose, reason) = (self.purpose.clone(), self.reason.clone());
        let compares = self.plan.places();
        let reach = Some(Reach::Search(self.digest));
        Ok(Intent { shows: Shows::Whatever, compares, reach, ..Intent::about(purpose, reason, self.limit) })
    }

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        wants.extend(indexes::ahead(self.plan.terms(), self.after));
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
        // An index may have come or gone while the request waited.
        let moved = self.rules.generation != cx.rules.generation;
        let anew = moved.then(|| Plan::new(cx.rules, &self.asked)).transpose()?;
        let plan = anew.as_ref().unwrap_or(&self.plan);
        let (records, next) = self.find(tx, cx, permit, plan)?;
        let (items, mut note) = show_all(tx, cx, permit, &records)?;
        for place in plan.places() {
            let number = cx.rules.rule(place)?.number;
            if !note.fields.iter().any(|(known, _)| *known == number) {
                note.fields.push((number, Some(permit.view(place))));
            }
        }
        Ok(Outcome::new(Page { items, next }, note))
    }
}

impl SearchSubjects {
    /// People who meet all conditions, and where to go on when there may be more.
    fn find(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        plan: &Plan,
    ) -> Result<(Vec<Record>, Option<SubjectId>), Error> {
        let mut found = Vec::new();
        let mut last = self.after;
        let mut looked_at = 0;
        loop {
            let candidates = indexes::candidates(tx, plan.terms(), last)?;
            let first = candidates.people.iter().take(self.limit);
            tx.read_ahead(|| first.flat_map(|id| super::person_ahead(*id)).collect())?;
            for candidate in &candidates.people {
                last = Some(*candidate);
                looked_at += 1;
                let Some(record) = Record::find(tx, cx, *candidate)? else { continue };
                let mut ring = Ring::load(tx, *candidate)?;
                if plan.holds(cx, permit, &record, &mut ring)? {
                    found.push(record);
                }
                if found.len() == self.limit || looked_at >= MAX_CANDIDATES {
                    return Ok((found, last));
                }
            }
            if !candidates.more {
                return Ok((found, None));
            }
        }
    }
}

/// How many customers a search finds at most, by what its index leads to; nobody is opened. Of very many it says how many were counted.
pub(crate) fn predicted(tx: &mut Tx<'_>, cx: &Cx<'_>, asked: &Asked) -> Result<u64, Error> {
    let plan = Plan::new(cx.rules, asked)?;
    let (mut count, mut last) = (0, None);
    loop {
        let candidates = indexes::candidates(tx, plan.terms(), last)?;
        count += candidates.people.len();
        last = candidates.people.last().copied().or(last);
        if !candidates.more || candidates.people.is_empty() || count >= COUNTED {
            return Ok(u64::try_from(count).unwrap_or(u64::MAX));
        }
    }
}

/// So many are counted.
const COUNTED: usize = 20_000;
