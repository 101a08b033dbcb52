//! The use of a key: an operation that decides and records, and the work that it lets be done, once.

use std::sync::Arc;

use avouch_policy::Action;
use avouch_seal::transit::TransitKey;
use avouch_seal::{DrawnAhead, SecureRandom, SystemRandom};
use avouch_store::{Ahead, Tx};

use super::KeyName;
use super::kind::Ability;
use super::open::OpenKeys;
use super::row::{Found, Held};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit};
use crate::rules::Rules;

/// Items of one request.
pub const MAX_ITEMS: usize = 1000;
/// Bytes of all items of one request together: what is to be encrypted, signed or opened, contexts and associated data.
pub const MAX_BYTES: usize = 1 << 20;

/// An item as it was given: it may have been none.
pub type Given<T> = Result<T, Unfit>;

/// What a key is used for, with all items of a request. Implemented here alone: it is given a key.
pub trait Work: sealed::Use + Send + Sync + 'static {
    /// What policy is asked about.
    const ACTION: Action;
}

pub(super) mod sealed {
    use super::*;

    /// What only this room needs to know of a [`Work`](super::Work).
    pub trait Use {
        /// What the key must be able to do.
        const ABILITY: Ability;
        /// One item.
        type Item: Send + Sync;
        /// What comes of it.
        type Made: Send + 'static;

        /// All of them.
        fn items(&self) -> &[Given<Self::Item>];

        /// Bytes of an item.
        fn weight(item: &Self::Item) -> usize;

        /// Does it.
        ///
        /// # Errors
        /// What the key says to this item.
        fn one(
            &self,
            key: &TransitKey,
            item: &Self::Item,
            rng: &dyn SecureRandom,
        ) -> avouch_seal::Result<Self::Made>;
    }
}

/// Why an item came to nothing. Says what to do and repeats nothing that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It has not the form of what it has to be.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// It is well formed, and this key does not do it.
    #[error("{0}")]
    Refused(&'static str),
    /// Made by a version that is not to be used any more.
    #[error(
        "made by version {0} of the key, which is below the lowest that still opens: lower that, or ask for it anew"
    )]
    Retired(u32),
    /// Not made by this key for this, or altered since; which of them is not said.
    #[error("does not open: it was altered, belongs to another key, or was bound to something else")]
    Foreign,
    /// A fault of ours.
    #[error("the server failed")]
    Failed,
}

impl From<avouch_seal::Error> for Unfit {
    fn from(error: avouch_seal::Error) -> Self {
        use avouch_seal::Error as E;
        match error {
            E::Malformed(what) => Self::Malformed(what),
            E::Parameters(what) => Self::Refused(what),
            E::RetiredVersion(version) => Self::Retired(version),
            E::Tampered => Self::Foreign,
            _ => Self::Failed,
        }
    }
}

/// Uses a key; see the room.
pub struct UseKey<W> {
    name: KeyName,
    work: Arc<W>,
}

impl<W: Work> UseKey<W> {
    /// With the key of this name.
    ///
    /// # Errors
    /// No items, or more than [`MAX_ITEMS`], or more than [`MAX_BYTES`] in them.
    pub fn new(name: KeyName, work: W) -> Result<Self, Error> {
        let items = work.items();
        if items.is_empty() || items.len() > MAX_ITEMS {
            return Err(Error::invalid("/items", format!("expected 1 to {MAX_ITEMS} items")));
        }
        if items.iter().flatten().map(W::weight).sum::<usize>() > MAX_BYTES {
            let detail =
                format!("expected at most {MAX_BYTES} bytes in all items together: send them in parts");
            return Err(Error::invalid("/items", detail));
        }
        Ok(Self { name, work: Arc::new(work) })
    }
}

impl<W> core::fmt::Debug for UseKey<W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("UseKey").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<W: Work> Operation for UseKey<W> {
    const ACTION: Action = W::ACTION;
    type Output = Ready<W>;
    type Facts = Found;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::with_key(&self.name))
    }

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        wants.push(Found::ahead(&self.name));
    }

    fn facts(&self, tx: &mut Tx<'_>, _: &Cx<'_>) -> Result<Found, Error> {
        Found::look(tx, &self.name)
    }

    fn key(found: &Found) -> Option<&KeyName> {
        Some(found.name())
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        _: &Permit,
        found: Found,
    ) -> Result<Outcome<Ready<W>>, Error> {
        let held = found.load(tx, cx)?;
        held.check(W::ABILITY)?;
        let note = Note::count(self.work.items().len());
        let (keys, rng) = (Arc::clone(&cx.app.open_keys), cx.app.rng.clone());
        Ok(Outcome::new(Ready { held, work: Arc::clone(&self.work), keys, rng }, note))
    }
}

/// Work that is allowed and on record. The key in it does this and nothing else, and once.
pub struct Ready<W> {
    held: Held,
    work: Arc<W>,
    keys: Arc<OpenKeys>,
    rng: SystemRandom,
}

impl<W: Work> Ready<W> {
    /// Does the work; what comes of each item, in their order. May take a second, for signatures: on a thread where nobody
    /// else waits, unless it [`is_light`](Self::is_light).
    ///
    /// # Errors
    /// A defect: what the key was kept as cannot be read.
    pub fn run(self) -> Result<Vec<Given<W::Made>>, Error> {
        let open = self.held.open(&self.keys)?;
        let rng = DrawnAhead::new(&self.rng);
        let one = |item: &Given<W::Item>| {
            let item = item.as_ref().map_err(|unfit| *unfit)?;
            self.work.one(&open.key, item, &rng).map_err(Unfit::from)
        };
        Ok(self.work.items().iter().map(one).collect())
    }

    /// Whether it is done faster than it is handed to another thread.
    #[must_use]
    pub fn is_light(&self) -> bool {
        let items = self.work.items();
        let weight: usize = items.iter().flatten().map(W::weight).sum();
        self.held.is_open() && items.len() <= LIGHT_ITEMS && weight <= LIGHT_BYTES
    }
}

const LIGHT_ITEMS: usize = 4;
const LIGHT_BYTES: usize = 16 * 1024;

impl<W> core::fmt::Debug for Ready<W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Ready").field("held", &self.held).finish_non_exhaustive()
    }
}
