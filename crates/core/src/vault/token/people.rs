//! The people of one operation, each opened once.

use std::collections::HashMap;

use avouch_store::Tx;

use crate::Error;
use crate::app::Cx;
use crate::ids::SubjectId;
use crate::vault::keys::Ring;
use crate::vault::record::Record;

/// See the module. Keys are wiped when the operation ends.
#[derive(Default)]
pub(crate) struct People(HashMap<SubjectId, Option<(Record, Ring)>>);

impl People {
    /// The record of a person and what opens it; nothing of somebody who is not there.
    pub(crate) fn open(
        &mut self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        subject: SubjectId,
    ) -> Result<Option<(&Record, &mut Ring)>, Error> {
        let person = match self.0.entry(subject) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(unknown) => {
                let person = match Record::find(tx, cx, subject)? {
                    Some(record) => Some((record, Ring::load(tx, subject)?)),
                    None => None,
                };
                unknown.insert(person)
            }
        };
        Ok(person.as_mut().map(|(record, ring)| (&*record, ring)))
    }
}
