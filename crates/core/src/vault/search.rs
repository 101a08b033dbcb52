//! Finding people by the exact value of indexed fields. One search is one event that names how many were found and whom
//! it showed, also when it found nobody: whoever may search learns something from an empty answer too. For the same reason
//! nobody searches by a field of which they would be shown nothing.

use std::sync::Arc;

use avouch_policy::Action;
use avouch_store::{Ahead, Tx};
use serde_json::{Map, Value as Json};

use super::index::{self, Term};
use super::input;
use super::keys::Ring;
use super::list::{Page, show_all};
use super::record::{Record, ShownSubject};
use crate::app::{App, Cx, Operation, Outcome};
use crate::gate::{Intent, Permit, Reason, Shows};
use crate::ids::SubjectId;
use crate::rules::Rules;
use crate::{Error, Fault};

/// The most fields one search may combine.
const MAX_FIELDS: usize = 4;
/// The most candidates one search opens; more come with the next page.
const MAX_CANDIDATES: usize = 2_000;

/// See the module.
#[derive(Debug)]
pub struct SearchSubjects {
    rules: Arc<Rules>,
    terms: Vec<Term>,
    purpose: Option<String>,
    reason: Option<Reason>,
    after: Option<SubjectId>,
    limit: usize,
}

impl SearchSubjects {
    /// Parses what is searched for: one to four indexed fields, all of which must match.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn new(
        app: &App,
        by: &Map<String, Json>,
        purpose: Option<String>,
        reason: Option<Reason>,
        after: Option<SubjectId>,
        limit: usize,
    ) -> Result<Self, Error> {
        let rules = app.rules();
        if by.is_empty() || by.len() > MAX_FIELDS {
            return Err(Error::invalid("/by", format!("expected 1 to {MAX_FIELDS} indexed fields")));
        }
        let mut terms = Vec::new();
        let mut faults = Vec::new();
        for (name, json) in by {
            match search_term(&rules, name, json) {
                Ok(term) => terms.push(term),
                Err(detail) => faults.push(Fault::new(format!("/by/{}", input::escape(name)), detail)),
            }
        }
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        // The most selective first: a unique field leads to one person at most.
        terms.sort_by_key(|term| !term.unique);
        Ok(Self { rules, terms, purpose, reason, after, limit })
    }
}

/// The term of a value given for a search.
pub(crate) fn search_term(rules: &Rules, name: &str, json: &Json) -> Result<Term, String> {
    let place = rules.place(name).ok_or("the charter has no such field")?;
    let field = rules.field(place).map_err(|error| error.to_string())?;
    let value = field.of.parse(json).map_err(|invalid| invalid.to_string())?;
    let term = index::term(rules, place, &value).map_err(|error| error.to_string())?;
    term.ok_or_else(|| {
        let indexed: Vec<_> =
            rules.charter.fields().iter().filter(|f| f.index.is_some()).map(|f| f.name.as_str()).collect();
        format!("this field has no index; these have one: {}", indexed.join(", "))
    })
}

impl Operation for SearchSubjects {
    const ACTION: Action = Action::SubjectSearch;
    type Output = Page<ShownSubject>;
    type Facts = ();

    fn intent(&self, rules: &Rules) -> Result<Intent, Error> {
        super::create::same_charter(rules, &self.rules)?;
        let (purpose, reason) = (self.purpose.clone(), self.reason.clone());
        let compares = self.terms.iter().map(|term| term.place).collect();
        Ok(Intent { shows: Shows::Whatever, compares, ..Intent::about(purpose, reason, self.limit) })
    }

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        wants.extend(self.terms.first().map(|term| index::ahead(term, self.after)));
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
        let (records, next) = find(tx, cx, permit, &self.terms, self.after, self.limit)?;
        let (items, mut note) = show_all(tx, cx, permit, &records)?;
        for term in &self.terms {
            if !note.fields.iter().any(|(number, _)| *number == term.field) {
                note.fields.push((term.field, Some(permit.view(term.place))));
            }
        }
        Ok(Outcome::new(Page { items, next }, note))
    }
}

/// People who have all these values, and where to go on when there may be more.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    permit: &Permit,
    terms: &[Term],
    after: Option<SubjectId>,
    limit: usize,
) -> Result<(Vec<Record>, Option<SubjectId>), Error> {
    let Some(first) = terms.first() else { return Ok((Vec::new(), None)) };
    let mut found = Vec::new();
    let mut last = after;
    let mut looked_at = 0;
    loop {
        let candidates = index::candidates(tx, first, last)?;
        tx.read_ahead(|| candidates.iter().take(limit).flat_map(|id| super::person_ahead(*id)).collect())?;
        for candidate in &candidates {
            last = Some(*candidate);
            looked_at += 1;
            let Some(record) = Record::find(tx, cx, *candidate)? else { continue };
            let mut ring = Ring::load(tx, *candidate)?;
            let mut all = true;
            for term in terms {
                all = all && record.has(cx, permit, &mut ring, term.place, &term.normal)?;
            }
            if all {
                found.push(record);
            }
            if found.len() == limit {
                return Ok((found, last));
            }
        }
        if candidates.len() < index::PAGE {
            return Ok((found, None));
        }
        if looked_at >= MAX_CANDIDATES {
            return Ok((found, last));
        }
    }
}
