//! Recognising the erased when somebody brings them in again: a new person, or a new value, whose identifier is one of somebody
//! who was erased. What is compared are digests, so the vault knows it without having kept anybody.
//!
//! An identifier is the value of a field with an index of its own, if the charter does not say that many share such values.

use avouch_store::{Ahead, Tx, params, statements};

use crate::Error;
use crate::app::Cx;
use crate::rules::Rules;
use crate::vault::record::Values;

statements! {
    keys FIND of ended_identifier / 1 = "select seq from ended_identifier where digest = ?1 order by seq desc limit 1";
    keys ENDED_AT = "select at from ending where seq = ?1";
}

/// Somebody was erased who had one of these values.
#[derive(Debug)]
pub(crate) struct Recognised {
    /// Names of the fields in which they had it.
    pub(crate) fields: Vec<String>,
    /// The number of the newest such erasure.
    pub(crate) erasure: u64,
    /// When that was, in microseconds UTC.
    at: i64,
}

impl Recognised {
    /// What whoever did not know it is told.
    pub(crate) fn refusal(self) -> Error {
        Error::Erased { fields: self.fields, erasure: self.erasure, at: self.at }
    }
}

/// The digests of somebody's identifiers, each with the place of its field.
pub(super) fn identifiers<'v>(
    cx: &Cx<'_>,
    values: impl Iterator<Item = (usize, &'v Values)>,
) -> Result<Vec<(usize, [u8; 16])>, Error> {
    let mut found = Vec::new();
    for (place, values) in values.filter(|(place, _)| identifies(cx.rules, *place)) {
        let (field, rule) = (cx.rules.field(place)?, cx.rules.rule(place)?);
        for value in values.iter() {
            let normal = field.of.normal(value);
            found.push((place, cx.app.keys.erased_identifier(rule.number, normal.as_bytes())));
        }
    }
    Ok(found)
}

fn identifies(rules: &Rules, place: usize) -> bool {
    rules.field(place).is_ok_and(|field| field.index.is_some_and(|index| !index.allow_frequency_leak))
}

/// Whether one of these values was somebody's who was erased. Costs nothing as long as nobody was.
pub(crate) fn recognise<'v>(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    values: impl Iterator<Item = (usize, &'v Values)>,
) -> Result<Option<Recognised>, Error> {
    if !cx.app.erasures.any() {
        return Ok(None);
    }
    let identifiers = identifiers(cx, values)?;
    tx.read_ahead(|| identifiers.iter().map(|(_, digest)| Ahead::new(&FIND, params![digest])).collect())?;
    let (mut fields, mut newest): (Vec<String>, _) = (Vec::new(), None);
    for (place, digest) in &identifiers {
        let Some(seq) = tx.first(&FIND, params![digest], |row| row.int(0))? else { continue };
        let name = &cx.rules.field(*place)?.name;
        if !fields.contains(name) {
            fields.push(name.clone());
        }
        newest = newest.max(Some(seq));
    }
    let Some(seq) = newest else { return Ok(None) };
    let at = tx.first(&ENDED_AT, params![seq], |row| row.int(0))?.ok_or(Error::Tampered)?;
    Ok(Some(Recognised { fields, erasure: seq.cast_unsigned(), at }))
}
