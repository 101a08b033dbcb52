//! Keys as they are stored: a row each, sealed and bound to its name, its kind and its state.
//!
//! ```text
//! row     transit_key(name, kind, state, seal_row(PAE(name, kind, state), content))     state is drawn at each change
//! content 0x01 || deletion allowed u8 || the key, as `avouch_seal::transit` writes it
//! ```
//! Whoever can write the table can take a key away or put it back as it once was, with versions that were trimmed and without
//! those that came later; but cannot make one, change one, or put it in the place of another.

use std::sync::Arc;

use avouch_seal::SecureRandom as _;
use avouch_seal::pae::pae;
use avouch_seal::transit::TransitKey;
use avouch_store::{Ahead, Tx, params, statements};
use zeroize::Zeroizing;

use super::kind::{Ability, kind_name};
use super::open::{OpenKey, OpenKeys, State};
use super::{KeyName, ListedKey};
use crate::Error;
use crate::app::Cx;

statements! {
    data STATE of transit_key / 1 = "select state from transit_key where name = ?1";
    data ROW of transit_key / 1 = "select kind, sealed from transit_key where name = ?1";
    data PUT of transit_key / 1 = "insert into transit_key (name, kind, state, sealed) values (?1, ?2, ?3, ?4)";
    data CHANGE of transit_key / 1 = "update transit_key set state = ?2, sealed = ?3 where name = ?1";
    data DROP of transit_key / 1 = "delete from transit_key where name = ?1";
    data LISTED = "select name, kind from transit_key where name > ?1 order by name limit ?2";
    data COUNT = "select count(*) from transit_key";
}

const FORMAT: u8 = 0x01;

/// That there is a key of this name. No more is looked at before policy has decided, so that whoever may not use it is answered the
/// same, and as soon, whether there is one or not, and whether it is whole.
pub struct Found {
    name: KeyName,
    /// As it stands there; of whatever length.
    state: Vec<u8>,
}

impl Found {
    /// What [`Found::look`] will ask.
    pub(super) fn ahead(name: &KeyName) -> Ahead {
        Ahead::new(&STATE, params![name.as_str()])
    }

    /// Whether there is one.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub(super) fn look(tx: &mut Tx<'_>, name: &KeyName) -> Result<Self, Error> {
        let state = tx.first(&STATE, params![name.as_str()], |row| Ok(row.blob(0)?.to_vec()))?;
        Ok(Self { name: name.clone(), state: state.ok_or(Error::NotFound)? })
    }

    pub(super) fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key itself, for a caller that may use it.
    ///
    /// # Errors
    /// [`Error::Tampered`] for a row that is not as it was written.
    pub(super) fn load(self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Held, Error> {
        let Self { name, state } = self;
        let state = State::try_from(state).map_err(|_| Error::Tampered)?;
        if let Some(open) = cx.app.open_keys.find(&name, &state) {
            return Ok(Held { name, state, content: Content::Open(open) });
        }
        let row = tx.first(&ROW, params![name.as_str()], |row| {
            Ok((row.text(0)?.to_owned(), row.blob(1)?.to_vec()))
        })?;
        let (kind, sealed) = row.ok_or(Error::NotFound)?;
        let plain = cx.app.keys.open_row("transit_key", &place(&name, &kind, &state), &sealed)?;
        Ok(Held { name, state, content: Content::Kept { kind, plain } })
    }
}

/// A key as a transaction finds it: ready to work, or as it was kept.
pub(super) struct Held {
    name: KeyName,
    state: State,
    content: Content,
}

enum Content {
    Open(Arc<OpenKey>),
    /// Unsealed, so it is what was written under this name.
    Kept {
        kind: String,
        plain: Zeroizing<Vec<u8>>,
    },
}

impl Held {
    pub(super) fn name(&self) -> &KeyName {
        &self.name
    }

    /// Refuses a key that cannot do it.
    pub(super) fn check(&self, ability: Ability) -> Result<(), Error> {
        match &self.content {
            Content::Open(open) => ability.check(kind_name(open.key.kind())),
            Content::Kept { kind, .. } => ability.check(kind),
        }
    }

    /// Whether it can work at once.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.content, Content::Open(_))
    }

    /// Makes it ready to work, and keeps it so. That takes a while: not on the store's thread.
    pub(super) fn open(self, keys: &OpenKeys) -> Result<Arc<OpenKey>, Error> {
        match self.content {
            Content::Open(open) => Ok(open),
            Content::Kept { plain, .. } => {
                let open = Arc::new(read(&plain)?);
                keys.keep(self.name, self.state, &open);
                Ok(open)
            }
        }
    }

    /// A copy of the key, to be changed, on the store's thread: see [`MAX_VERSIONS`](avouch_seal::transit::MAX_VERSIONS) for
    /// what that can cost. From here on nobody finds it open as it was.
    pub(super) fn change(self, cx: &Cx<'_>) -> Result<OpenKey, Error> {
        cx.app.open_keys.forget(&self.name);
        match self.content {
            Content::Open(open) => read(&write(&open)),
            Content::Kept { plain, .. } => read(&plain),
        }
    }
}

impl core::fmt::Debug for Found {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Found").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Names only: contents are secret, and a state says when a key was changed.
impl core::fmt::Debug for Held {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Held").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Stores a new key.
pub(super) fn put(tx: &mut Tx<'_>, cx: &Cx<'_>, name: &KeyName, key: &OpenKey) -> Result<(), Error> {
    let (state, sealed) = seal(cx, name, key)?;
    let kind = kind_name(key.key.kind());
    Ok(tx.put(&PUT, params![name.as_str(), kind, &state, &sealed])?)
}

/// Stores a key in the place of what it was before.
pub(super) fn replace(tx: &mut Tx<'_>, cx: &Cx<'_>, name: &KeyName, key: &OpenKey) -> Result<(), Error> {
    let (state, sealed) = seal(cx, name, key)?;
    Ok(tx.put(&CHANGE, params![name.as_str(), &state, &sealed])?)
}

pub(super) fn remove(tx: &mut Tx<'_>, cx: &Cx<'_>, name: &KeyName) -> Result<(), Error> {
    cx.app.open_keys.forget(name);
    Ok(tx.put(&DROP, params![name.as_str()])?)
}

pub(super) fn count(tx: &mut Tx<'_>) -> Result<u64, Error> {
    Ok(tx.first(&COUNT, &[], |row| row.int(0))?.unwrap_or(0).cast_unsigned())
}

/// Names and kinds, in the order of names, from the one after `after` on.
pub(super) fn listed(tx: &mut Tx<'_>, after: &str, limit: i64) -> Result<Vec<ListedKey>, Error> {
    let key = |row: &avouch_store::Row<'_>| {
        Ok(ListedKey { name: row.text(0)?.to_owned(), kind: row.text(1)?.to_owned() })
    };
    Ok(tx.query(&LISTED, params![after, limit], key)?)
}

fn seal(cx: &Cx<'_>, name: &KeyName, key: &OpenKey) -> Result<(State, Vec<u8>), Error> {
    let mut state = State::default();
    cx.app.rng.fill(&mut state)?;
    let place = place(name, kind_name(key.key.kind()), &state);
    Ok((state, cx.app.keys.seal_row("transit_key", &place, &write(key), &cx.app.rng)?))
}

/// What a sealed key is bound to: all its open columns.
fn place(name: &KeyName, kind: &str, state: &State) -> Vec<u8> {
    pae(&[name.as_str().as_bytes(), kind.as_bytes(), state])
}

fn write(open: &OpenKey) -> Zeroizing<Vec<u8>> {
    let key = open.key.encode();
    let mut plain = Zeroizing::new(Vec::with_capacity(2 + key.len()));
    plain.extend_from_slice(&[FORMAT, u8::from(open.deletion_allowed)]);
    plain.extend_from_slice(&key);
    plain
}

fn read(plain: &[u8]) -> Result<OpenKey, Error> {
    let (deletion_allowed, key) = match plain {
        [FORMAT, 0, key @ ..] => (false, key),
        [FORMAT, 1, key @ ..] => (true, key),
        _ => return Err(Error::Tampered),
    };
    Ok(OpenKey { key: TransitKey::decode(key)?, deletion_allowed })
}
