//! Numbers of list values outlive an erasure of their class: a token for the first of somebody's telephone numbers must not open
//! the first of those that come when the class is begun anew.

use avouch_store::Tx;

use super::ending;
use crate::Error;
use crate::app::Cx;
use crate::gate::Permit;
use crate::ids::SubjectId;
use crate::vault::keys::Ring;
use crate::vault::record::{Record, Values};

/// Of each list in these classes its field, and the number that its next value would have got.
pub(super) fn next_numbers(
    cx: &Cx<'_>,
    permit: &Permit,
    record: &Record,
    ring: &mut Ring,
    classes: &[u32],
) -> Result<Vec<(u32, u16)>, Error> {
    let mut numbers = Vec::new();
    for (place, rule) in cx.rules.fields.iter().enumerate().filter(|(_, rule)| classes.contains(&rule.class))
    {
        if !cx.rules.field(place)?.list {
            continue;
        }
        if let Some(Values::Many { next, .. }) = record.values(cx, permit, ring, place)? {
            numbers.push((rule.number, next));
        }
    }
    Ok(numbers)
}

/// The lists of a person that were erased: field, and the first number that is free.
pub(crate) fn erased_lists(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    subject: SubjectId,
) -> Result<Vec<(u32, u16)>, Error> {
    if !cx.app.erasures.any() {
        return Ok(Vec::new());
    }
    let mut lists = Vec::new();
    for ending in ending::of_subject(tx, subject)? {
        lists.extend(ending.facts(&cx.app.keys)?.numbers);
    }
    Ok(lists)
}
