//! The keys of one person: one per retention class, from the key store, opened when first needed and wiped when the
//! operation ends. There is no cache: what is erased cannot linger here.

use std::borrow::Cow;

use avouch_seal::vault::{SubjectKey, WrappedSubjectKey};
use avouch_store::{Ahead, Row, Tx, params, statements};

use crate::Error;
use crate::app::Cx;
use crate::ids::SubjectId;

statements! {
    keys SUBJECT_KEYS of subject_key / 1 = "select class, key_id, epoch, wrapped, check_value from subject_key where subject = ?1 order by class";
    keys PUT_SUBJECT_KEY of subject_key / 2 = "insert into subject_key (subject, class, key_id, epoch, wrapped, check_value) values (?1, ?2, ?3, ?4, ?5, ?6) on conflict (subject, class) do nothing";
    keys ONE_KEY_ID of subject_key / 2 = "select key_id from subject_key where subject = ?1 and class = ?2";
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Ring {
    subject: SubjectId,
    keys: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    class: u32,
    wrapped: WrappedSubjectKey,
    open: Option<SubjectKey>,
}

impl Ring {
    /// What [`Ring::load`] will ask.
    pub(crate) fn ahead(subject: SubjectId) -> Ahead {
        Ahead::new(&SUBJECT_KEYS, params![subject.bytes()])
    }

    /// The wrapped keys as stored.
    pub(crate) fn load(tx: &mut Tx<'_>, subject: SubjectId) -> Result<Self, Error> {
        let rows =
            tx.query(&SUBJECT_KEYS, params![subject.bytes()], |row| Ok((row.int(0)?, from_row(row, 1)?)))?;
        let mut keys = Vec::with_capacity(rows.len());
        for (class, wrapped) in rows {
            let class = u32::try_from(class).map_err(|_| Error::Tampered)?;
            keys.push(Held { class, wrapped, open: None });
        }
        Ok(Self { subject, keys })
    }

    /// The key of a class; a class without one has nothing to open, so its absence is damage.
    pub(crate) fn class(&mut self, cx: &Cx<'_>, class: u32) -> Result<&SubjectKey, Error> {
        let subject = self.subject;
        let held = self.keys.iter_mut().find(|held| held.class == class).ok_or(Error::Tampered)?;
        match &mut held.open {
            Some(key) => Ok(key),
            slot @ None => {
                let name = cx.rules.class_name(class)?;
                let key = cx.app.keys.open_subject_key(*subject.bytes(), name, &held.wrapped)?;
                Ok(slot.insert(key))
            }
        }
    }

    /// The key of a class, made when the person has none yet.
    pub(crate) fn class_or_new(
        &mut self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        class: u32,
    ) -> Result<&SubjectKey, Error> {
        if !self.keys.iter().any(|held| held.class == class) {
            let first = self.keys.first().map(|held| held.class).ok_or(Error::Tampered)?;
            let name = cx.rules.class_name(class)?;
            let subject = self.subject;
            let sibling = self.class(cx, first)?;
            let (open, wrapped) = cx.app.keys.new_class_key(sibling, *subject.bytes(), name, &cx.app.rng)?;
            put(tx, cx, subject, class, &wrapped)?;
            self.keys.push(Held { class, wrapped, open: Some(open) });
        }
        self.class(cx, class)
    }

    /// The name under which events know the person.
    pub(crate) fn pseudonym(&mut self, cx: &Cx<'_>) -> Result<[u8; 16], Error> {
        if let Some(open) = self.keys.iter().find_map(|held| held.open.as_ref()) {
            return Ok(open.pseudonym());
        }
        let first = self.keys.first().map(|held| held.class).ok_or(Error::Tampered)?;
        Ok(self.class(cx, first)?.pseudonym())
    }

    /// The same from whichever key still opens, for an erasure that damage must not stop.
    pub(crate) fn pseudonym_if_any(&mut self, cx: &Cx<'_>) -> Option<[u8; 16]> {
        let classes: Vec<u32> = self.keys.iter().map(|held| held.class).collect();
        classes.into_iter().find_map(|class| self.class(cx, class).ok().map(SubjectKey::pseudonym))
    }
}

/// Stores a wrapped key. An earlier attempt of the same operation may have stored it already; a different key in its place
/// means that somebody else was faster, and the operation runs again.
pub(crate) fn put(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    subject: SubjectId,
    class: u32,
    wrapped: &WrappedSubjectKey,
) -> Result<(), Error> {
    let wrapped = up_to_date(cx, subject, class, wrapped)?;
    let WrappedSubjectKey { key_id, epoch, wrapped, check } = &*wrapped;
    let added =
        tx.execute(&PUT_SUBJECT_KEY, params![subject.bytes(), class, key_id, *epoch, wrapped, check])?;
    if added == 0 {
        let there = tx.first(&ONE_KEY_ID, params![subject.bytes(), class], |row| row.bytes::<16>(0))?;
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
    Ok(tx.put(&PUT_SUBJECT_KEY, params![subject.bytes(), class, key_id, *epoch, wrapped, check])?)
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
pub(super) fn from_row(row: &Row<'_>, at: usize) -> avouch_store::Result<WrappedSubjectKey> {
    Ok(WrappedSubjectKey {
        key_id: row.bytes(at).unwrap_or_default(),
        epoch: u32::try_from(row.int(at + 1)?).unwrap_or_default(),
        wrapped: row.blob(at + 2)?.to_vec(),
        check: row.bytes(at + 3).unwrap_or_default(),
    })
}
