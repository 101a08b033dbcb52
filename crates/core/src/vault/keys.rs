//! The keys of one person: one per retention class, or two while they are exchanged, from the key store, opened when first
//! needed and wiped when the operation ends. There is no cache: what is erased cannot linger here.

use std::borrow::Cow;

use avouch_seal::vault::{FieldAt, SubjectKey, WrappedSubjectKey};
use avouch_store::{Ahead, Row, Tx, params, statements};
use zeroize::Zeroizing;

use crate::Error;
use crate::app::Cx;
use crate::erasure;
use crate::ids::SubjectId;

statements! {
    keys SUBJECT_KEYS of subject_key / 1 = "select class, generation, key_id, epoch, wrapped, check_value from subject_key where subject = ?1 order by class, generation desc";
    keys PUT_SUBJECT_KEY of subject_key / 2 = "insert into subject_key (subject, class, generation, key_id, epoch, wrapped, check_value) values (?1, ?2, ?3, ?4, ?5, ?6, ?7) on conflict (subject, class, generation) do nothing";
    keys ONE_KEY_ID of subject_key / 2 = "select key_id from subject_key where subject = ?1 and class = ?2 and generation = ?3";
}

/// What is answered when something is to be sealed under keys of which some are about to be destroyed: in a moment they are.
const BEING_ERASED: Error = Error::Store(avouch_store::Error::Busy);

/// See the module.
#[derive(Debug)]
pub(crate) struct Ring {
    subject: SubjectId,
    /// By class, the newest of a class first.
    keys: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    class: u32,
    generation: u32,
    wrapped: WrappedSubjectKey,
    open: Option<SubjectKey>,
}

impl Held {
    fn open(&mut self, cx: &Cx<'_>, subject: SubjectId) -> Result<&SubjectKey, Error> {
        match &mut self.open {
            Some(key) => Ok(key),
            slot @ None => {
                let name = cx.rules.class_name(self.class)?;
                let key = cx.app.keys.open_subject_key(*subject.bytes(), name, &self.wrapped)?;
                Ok(slot.insert(key))
            }
        }
    }
}

impl Ring {
    /// What [`Ring::load`] will ask.
    pub(crate) fn ahead(subject: SubjectId) -> Ahead {
        Ahead::new(&SUBJECT_KEYS, params![subject.bytes()])
    }

    /// The wrapped keys as stored.
    pub(crate) fn load(tx: &mut Tx<'_>, subject: SubjectId) -> Result<Self, Error> {
        let rows = tx.query(&SUBJECT_KEYS, params![subject.bytes()], |row| {
            Ok((row.int(0)?, row.int(1)?, from_row(row, 2)?))
        })?;
        let mut keys = Vec::with_capacity(rows.len());
        for (class, generation, wrapped) in rows {
            let class = u32::try_from(class).map_err(|_| Error::Tampered)?;
            let generation = u32::try_from(generation).map_err(|_| Error::Tampered)?;
            keys.push(Held { class, generation, wrapped, open: None });
        }
        Ok(Self { subject, keys })
    }

    /// Opens a field where it was sealed, and says under which generation of the class's keys. A class without a key has
    /// nothing to open, so its absence is damage.
    pub(crate) fn open(
        &mut self,
        cx: &Cx<'_>,
        class: u32,
        at: &FieldAt,
        sealed: &[u8],
    ) -> Result<(Zeroizing<Vec<u8>>, u32), Error> {
        let subject = self.subject;
        for held in self.keys.iter_mut().filter(|held| held.class == class) {
            // While keys are exchanged there are two; which of them it was is not written anywhere, it just opens.
            if let Ok(plain) = held.open(cx, subject)?.open_field(at, sealed) {
                return Ok((plain, held.generation));
            }
        }
        Err(Error::Tampered)
    }

    /// The key under which a class is sealed from now on: the newest, made when the person has none or it is outdated.
    /// `reached` is the generation that the record has reached.
    pub(crate) fn sealing(
        &mut self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        class: u32,
        reached: u32,
    ) -> Result<&SubjectKey, Error> {
        if cx.app.erasures.is_closing(self.subject) {
            return Err(BEING_ERASED);
        }
        let current = cx.generation;
        let newest = self.keys.iter().position(|held| held.class == class);
        let generation = newest.and_then(|at| self.keys.get(at)).map(|held| held.generation);
        if generation.is_some_and(|generation| generation < reached) {
            // Our keys were read before the record was sealed anew: they are not all there is.
            return Err(Error::Store(avouch_store::Error::Serialization));
        }
        if generation.is_none_or(|generation| generation < current) {
            self.make(tx, cx, class, current)?;
        }
        let subject = self.subject;
        let held = self.keys.iter_mut().find(|held| held.class == class).ok_or(Error::Tampered)?;
        held.open(cx, subject)
    }

    /// Adds a key of this generation to a class, in front of those it has.
    fn make(&mut self, tx: &mut Tx<'_>, cx: &Cx<'_>, class: u32, generation: u32) -> Result<(), Error> {
        let subject = self.subject;
        let name = cx.rules.class_name(class)?;
        let sibling = self.keys.first_mut().ok_or(Error::Tampered)?.open(cx, subject)?;
        let (open, wrapped) = cx.app.keys.new_class_key(sibling, *subject.bytes(), name, &cx.app.rng)?;
        put(tx, cx, subject, (class, generation), &wrapped)?;
        let before = self.keys.iter().position(|held| held.class >= class).unwrap_or(self.keys.len());
        self.keys.insert(before, Held { class, generation, wrapped, open: Some(open) });
        Ok(())
    }

    /// The name under which events know the person.
    pub(crate) fn pseudonym(&mut self, cx: &Cx<'_>) -> Result<[u8; 16], Error> {
        if let Some(open) = self.keys.iter().find_map(|held| held.open.as_ref()) {
            return Ok(open.pseudonym());
        }
        let subject = self.subject;
        Ok(self.keys.first_mut().ok_or(Error::Tampered)?.open(cx, subject)?.pseudonym())
    }

    /// The same from whichever key still opens, for an erasure that damage must not stop.
    pub(crate) fn pseudonym_if_any(&mut self, cx: &Cx<'_>) -> Option<[u8; 16]> {
        let subject = self.subject;
        self.keys.iter_mut().find_map(|held| held.open(cx, subject).ok().map(SubjectKey::pseudonym))
    }

    /// Whether there is a key of this generation, or of a newer one, for every class.
    pub(crate) fn has_reached(&self, generation: u32) -> bool {
        let newest = |class: u32| self.keys.iter().find(|held| held.class == class);
        self.classes()
            .into_iter()
            .all(|class| newest(class).is_some_and(|held| held.generation >= generation))
    }

    /// The id of the newest key of a class.
    pub(crate) fn newest_id(&self, class: u32) -> Option<[u8; 16]> {
        self.keys.iter().find(|held| held.class == class).map(|held| held.wrapped.key_id)
    }

    /// The classes there is a key of.
    pub(crate) fn classes(&self) -> Vec<u32> {
        let mut classes: Vec<u32> = self.keys.iter().map(|held| held.class).collect();
        classes.dedup();
        classes
    }
}

/// Stores a wrapped key of one class and generation. An earlier attempt of the same operation may have stored it already; a different key in its place
/// means that somebody else was faster, and the operation runs again.
fn put(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    subject: SubjectId,
    (class, generation): (u32, u32),
    wrapped: &WrappedSubjectKey,
) -> Result<(), Error> {
    erasure::guard(tx, cx, subject)?;
    let wrapped = up_to_date(cx, subject, class, wrapped)?;
    let WrappedSubjectKey { key_id, epoch, wrapped, check } = &*wrapped;
    let added = tx.execute(
        &PUT_SUBJECT_KEY,
        params![subject.bytes(), class, generation, key_id, *epoch, wrapped, check],
    )?;
    if added == 0 {
        let place = params![subject.bytes(), class, generation];
        let there = tx.first(&ONE_KEY_ID, place, |row| row.bytes::<16>(0))?;
        if there != Some(*key_id) {
            return Err(Error::Store(avouch_store::Error::Serialization));
        }
    }
    Ok(())
}

/// Stores a key of a person who is new: nobody else can know the id, so nothing has to be looked up.
pub(crate) fn put_first(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    subject: SubjectId,
    class: u32,
    wrapped: &WrappedSubjectKey,
) -> Result<(), Error> {
    let wrapped = up_to_date(cx, subject, class, wrapped)?;
    let WrappedSubjectKey { key_id, epoch, wrapped, check } = &*wrapped;
    let generation = cx.generation;
    Ok(tx
        .put(&PUT_SUBJECT_KEY, params![subject.bytes(), class, generation, key_id, *epoch, wrapped, check])?)
}

/// A key that was wrapped before a rotation began, and comes to be stored after it, is wrapped again.
fn up_to_date<'w>(
    cx: &Cx<'_>,
    subject: SubjectId,
    class: u32,
    wrapped: &'w WrappedSubjectKey,
) -> Result<Cow<'w, WrappedSubjectKey>, Error> {
    if wrapped.epoch == cx.app.keys.kek_epoch() {
        return Ok(Cow::Borrowed(wrapped));
    }
    let name = cx.rules.class_name(class)?;
    match cx.app.keys.rewrap_subject_key(*subject.bytes(), name, wrapped, &cx.app.rng) {
        Ok(again) => Ok(Cow::Owned(again)),
        Err(avouch_seal::Error::UnknownEpoch(_)) => {
            Err(Error::Conflict("the keys have just been rotated: send the request again"))
        }
        Err(error) => Err(error.into()),
    }
}

/// A wrapped key from a row whose columns from `at` are key_id, epoch, wrapped, check_value. What has not the form of ours is
/// damage like any other: it opens nothing.
pub(crate) fn from_row(row: &Row<'_>, at: usize) -> avouch_store::Result<WrappedSubjectKey> {
    Ok(WrappedSubjectKey {
        key_id: row.bytes(at).unwrap_or_default(),
        epoch: u32::try_from(row.int(at + 1)?).unwrap_or_default(),
        wrapped: row.blob(at + 2)?.to_vec(),
        check: row.bytes(at + 3).unwrap_or_default(),
    })
}
