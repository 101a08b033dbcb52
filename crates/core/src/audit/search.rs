//! The events about one person, for whoever looks into what happened to them. A look at a person like any other: it is recorded
//! with their pseudonym, under a permission of its own.

use avouch_policy::Action;
use avouch_store::{Tx, params, statements};

use super::Note;
use super::read::{Events, Filter, Row, look_through, row};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::gate::{Intent, Permit, Reason};
use crate::ids::{EventId, SubjectId};
use crate::rules::Rules;
use crate::vault::keys::Ring;
use crate::vault::record::Record;

statements! {
    data LINKED_BEFORE = "select e.id, e.body, l.log, l.idx from event_subject s join event e on e.id = s.event left join leaf l on l.event = e.id where s.pseudonym = ?1 and s.event < ?2 and s.event >= ?3 order by s.event desc limit ?4";
    data ONE_LISTED = "select e.id, e.body, l.log, l.idx from event e left join leaf l on l.event = e.id where e.id = ?1";
}

/// See the module.
#[derive(Debug, Clone)]
pub struct SearchEvents {
    /// Whom they are about.
    pub subject: SubjectId,
    /// For which purpose it is asked; kept with the event, not demanded.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
    /// Go on below this one.
    pub before: Option<EventId>,
    /// Which of them.
    pub filter: Filter,
    /// At most so many.
    pub limit: usize,
}

impl Operation for SearchEvents {
    const ACTION: Action = Action::EventSearch;
    type Output = Events;
    type Facts = Record;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::about(self.purpose.clone(), self.reason.clone(), 1))
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Record, Error> {
        Record::load(tx, cx, self.subject)
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        _: &Permit,
        record: Record,
    ) -> Result<Outcome<Events>, Error> {
        let pseudonym = Ring::load(tx, self.subject)?.pseudonym(cx)?;
        let made = Record::earlier(tx, cx, &record, 2, 1)?.pop().unwrap_or(record).event.int();
        let first = self.filter.first();
        let events = look_through(&self.filter, self.before, self.limit, |at, bound| {
            let mut rows: Vec<Row> = tx.query(&LINKED_BEFORE, params![&pseudonym, at, first, bound], row)?;
            // The event that made the record is named by its row instead of a link, and is older than all of these.
            let last = i64::try_from(rows.len()).is_ok_and(|count| count < bound);
            if last && made < at && !rows.iter().any(|(id, ..)| *id == made) {
                rows.extend(tx.first(&ONE_LISTED, params![made], row)?);
            }
            Ok(rows)
        })?;
        let note = Note { subjects: vec![pseudonym], ..Note::count(events.items.len()) };
        Ok(Outcome::new(events, note))
    }
}
