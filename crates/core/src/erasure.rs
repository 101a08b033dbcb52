//! Erasure that can be proven. Every erasure, of a whole person or of one retention class of a person, is one numbered *ending*.
//! It is an order first, in the data store, in the transaction that deletes the rows; it is done when it stands in the key
//! store too, written in the transaction that destroys the keys. Both hold the same list, so the older copy of either that
//! somebody puts back is noticed at opening, and what was erased since is erased again before anybody is served.
//!
//! Each ending carries a link to the one before, under a key that is not in the stores: none can be invented, changed or cut
//! out of the middle. The newest can be cut off both lists at once, by putting back old copies of both stores; a third copy
//! of the list, kept elsewhere, is for that.
//!
//! An ending names the person by the id, which leads to nobody any more, and keeps no value of theirs: digests of their
//! identifiers, under a key of the vault, by which they are recognised when somebody brings them in again.

mod copy;
mod ending;
mod holds;
mod lists;
mod order;
mod orphans;
mod receipt;
mod recognise;
mod reconcile;
mod shred;
mod strip;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use copy::EndingsCopy;
pub use ending::{Counts, EndingsFault, ListPlace};
pub use holds::{Hold, LiftHold, ListHolds, PlaceHold};
pub use order::{Erase, erase};
pub use receipt::{Kept, ListErasures, ReadErasure, ReadReceiptKey, Receipt, ReceiptKey};
pub use reconcile::{Absorbed, EndingsError};

pub(crate) use ending::guard;
pub(crate) use lists::erased_lists;
pub(crate) use order::horizon;
pub(crate) use recognise::{Recognised, recognise};
pub(crate) use reconcile::{is_older, reconcile, resume};

use crate::ids::SubjectId;
use copy::Keeper;

/// Microseconds of a day.
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;

/// How erasures are kept, and how long their remains may lie about.
#[derive(Debug, Clone)]
pub struct ErasureSettings {
    /// How many days a backup of the key store is kept.
    pub backup_days: u32,
    /// After how many days the key-encryption key is replaced by itself; 0: never.
    pub kek_days: u32,
    /// The third copy of the list.
    pub copy: Option<Arc<dyn EndingsCopy>>,
}

impl Default for ErasureSettings {
    fn default() -> Self {
        Self { backup_days: 7, kek_days: 30, copy: None }
    }
}

impl ErasureSettings {
    /// How long a key-encryption key is used, in microseconds; nothing: until somebody rotates it.
    pub(crate) fn kek_period(&self) -> Option<i64> {
        (self.kek_days > 0).then(|| i64::from(self.kek_days) * DAY_MICROS)
    }
}

/// Tells an order from others about the same person.
type Ticket = u64;

/// What is kept in memory of erasures.
#[derive(Debug)]
pub(crate) struct Erasures {
    pub(crate) settings: ErasureSettings,
    keeper: Option<Keeper>,
    /// The number of the newest ending; 0: nobody was erased yet, and nobody has to be looked for.
    newest: AtomicI64,
    /// Orders under way, by whom they are about: two may be about one person.
    closing: Mutex<BTreeSet<(SubjectId, Ticket)>>,
    tickets: AtomicU64,
    /// Those of them that failed half-way, or may have: housekeeping looks at the lists and does what is not done.
    late: Mutex<BTreeSet<(SubjectId, Ticket)>>,
}

impl Erasures {
    pub(crate) fn new(settings: ErasureSettings) -> Result<Self, crate::Error> {
        let keeper = settings.copy.clone().map(Keeper::start).transpose()?;
        Ok(Self {
            settings,
            keeper,
            newest: AtomicI64::new(0),
            closing: Mutex::default(),
            tickets: AtomicU64::new(0),
            late: Mutex::default(),
        })
    }

    /// Whether there was any erasure.
    pub(crate) fn any(&self) -> bool {
        self.newest.load(Ordering::Acquire) > 0
    }

    fn note_newest(&self, seq: i64) {
        self.newest.fetch_max(seq, Ordering::AcqRel);
    }

    /// Whether keys of this person are about to be destroyed: nothing may be sealed under any of them until that is done.
    pub(crate) fn is_closing(&self, subject: SubjectId) -> bool {
        self.closing().range((subject, 0)..=(subject, Ticket::MAX)).next().is_some()
    }

    fn ticket(&self) -> Ticket {
        self.tickets.fetch_add(1, Ordering::Relaxed)
    }

    fn tried_in_vain(&self, ticket: (SubjectId, Ticket)) {
        self.late().insert(ticket);
    }

    fn late(&self) -> MutexGuard<'_, BTreeSet<(SubjectId, Ticket)>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn closing(&self) -> MutexGuard<'_, BTreeSet<(SubjectId, Ticket)>> {
        self.closing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every statement of the room.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    [
        ending::STATEMENTS,
        holds::STATEMENTS,
        orphans::STATEMENTS,
        recognise::STATEMENTS,
        reconcile::STATEMENTS,
        shred::STATEMENTS,
        strip::STATEMENTS,
    ]
    .concat()
}
