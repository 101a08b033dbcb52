//! Sealing one person anew: the record and its earlier versions, under keys of a newer generation. `keys::data` says when, and
//! why this is done in two transactions.

use avouch_store::{Tx, params, statements};

use super::keys::Ring;
use super::record::Record;
use crate::Error;
use crate::app::Cx;
use crate::audit::Wrote;
use crate::ids::SubjectId;

statements! {
    keys DROP_OLDER of subject_key / 1 = "delete from subject_key where subject = ?1 and generation < ?2";
    keys DROP_ADDED of subject_key / 1 = "delete from subject_key where subject = ?1 and key_id = ?2";
    data RESEALED of record / 1 = "update record set keys = ?2, entries = ?3, manifest = ?4 where subject = ?1 and version = ?5";
    data RESEALED_VERSION of record_version / 2 = "update record_version set keys = ?3, entries = ?4, manifest = ?5 where subject = ?1 and version = ?2";
}

/// Keys that an attempt has added. The key store is committed first, so when the other half failed they are there, and
/// the next attempt takes them back: nothing was ever stored under them.
#[derive(Debug, Default)]
pub(crate) struct Again(Vec<(SubjectId, [u8; 16])>);

impl Again {
    pub(crate) fn take_back(&mut self, tx: &mut Tx<'_>) -> Result<(), Error> {
        for (subject, key) in self.0.drain(..) {
            tx.put(&DROP_ADDED, params![subject.bytes(), &key])?;
        }
        Ok(())
    }
}

/// What became of one person.
#[derive(Debug, Default)]
pub(crate) struct Person {
    /// Manifests of what was sealed anew.
    pub(crate) written: Vec<Wrote>,
    /// The name under which events know the person, when something was.
    pub(crate) pseudonym: Option<[u8; 16]>,
    /// Old keys that were destroyed.
    pub(crate) destroyed: u64,
}

/// Seals a person under keys of generation `newest`; or, when that was done in an earlier transaction, destroys the old keys.
/// Keys of nobody are left: see the map.
pub(crate) fn reseal(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    subject: SubjectId,
    newest: u32,
    again: &mut Again,
) -> Result<Person, Error> {
    let Some(record) = Record::find(tx, cx, subject)? else { return Ok(Person::default()) };
    let mut ring = Ring::load(tx, subject)?;
    // Asked of the keys too: what has no newer key must not lose its old one, whatever the record says.
    if record.keys >= newest && ring.has_reached(newest) {
        let destroyed = tx.execute(&DROP_OLDER, params![subject.bytes(), newest])?;
        return Ok(Person { destroyed, ..Person::default() });
    }
    for class in ring.classes() {
        let before = ring.newest_id(class);
        // Nobody else begins a generation meanwhile, so these keys are all there are.
        ring.sealing(tx, cx, class, 0)?;
        again.0.extend(ring.newest_id(class).filter(|id| before != Some(*id)).map(|id| (subject, id)));
    }
    let versions = Record::earlier(tx, cx, &record, record.version, usize::MAX)?;
    let mut person = Person { pseudonym: Some(ring.pseudonym(cx)?), ..Person::default() };
    let current = record.version;
    for old in core::iter::once(record).chain(versions) {
        let entries = old.entries_anew(tx, cx, &mut ring, newest)?;
        let new = old.resealed(cx, newest, entries);
        let version = new.version.cast_signed();
        let changed = if new.version == current {
            tx.execute(&RESEALED, params![subject.bytes(), newest, &new.entries, &new.manifest, version])?
        } else {
            tx.execute(
                &RESEALED_VERSION,
                params![subject.bytes(), version, newest, &new.entries, &new.manifest],
            )?
        };
        if changed == 0 {
            // Somebody else was faster; what they wrote is for the next attempt.
            return Err(Error::Store(avouch_store::Error::Serialization));
        }
        person.written.push(new.wrote(person.pseudonym));
    }
    Ok(person)
}
