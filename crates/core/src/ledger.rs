//! The log: every event becomes a leaf of a Merkle tree (RFC 6962, c2sp.org/tlog-tiles), in an order that never changes
//! again, and signed checkpoints say how far the tree goes and what its root is.
//!
//! An event is written in the transaction of what it records. The sequencer gives those that have no place theirs (`sequence`),
//! signs what the tree has come to (`publish`), and everybody may read tiles and checkpoints (`read`). That the two are apart
//! lets operations run side by side on PostgreSQL: only one row says how large the tree is, and only the sequencer writes it.
//!
//! Must never sign a checkpoint that an earlier one is not the beginning of. When data are older than what was published, by a
//! restore or by somebody's hand, the log ends and another one begins, under a name of its own (`begin`); it says what the one
//! before had come to.
//!
//! Trust: whoever can write `leaf`, `tile`, `log` or `event` can spoil the log and cannot alter it unseen: checkpoints are signed
//! with keys from the keyring, were handed out, and are in the key store too.

mod accesses;
pub(crate) mod begin;
mod cosign;
pub mod follow;
mod prove;
mod prune;
mod publish;
mod read;
mod records;
pub(crate) mod sequence;
mod tiles;
mod witnesses;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use avouch_ledger::hash::Hash;
use avouch_store::{Tx, statements};

pub use accesses::{MAX_PROVEN, ProveAccesses, ProvenAccesses, ProvenInLog, ProvenLeaf};
pub use cosign::{AskError, Asked, LastSigned};
pub use prove::{Proof, Prove};
pub use publish::Published;
pub use read::{LogState, OneLog, ReadEntries};
pub use records::{ReadRecords, RecordState, RecordStates, VersionDigest};
pub use witnesses::{Witness, WitnessLine, Witnesses};

use crate::Error;

statements! {
    data CURRENT = "select id, origin, size, root, reached from log order by id desc limit 1";
}

/// Every statement of the room.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    [
        STATEMENTS,
        accesses::STATEMENTS,
        begin::STATEMENTS,
        follow::STATEMENTS,
        cosign::STATEMENTS,
        prove::STATEMENTS,
        prune::STATEMENTS,
        publish::STATEMENTS,
        read::STATEMENTS,
        sequence::STATEMENTS,
        tiles::STATEMENTS,
    ]
    .concat()
}

/// A log as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    /// 1, 2, 3, …: the newest goes on, those before have ended.
    pub(crate) id: i64,
    /// Its name, for ever.
    pub(crate) origin: String,
    /// How many leaves.
    pub(crate) size: u64,
    /// Over them.
    pub(crate) root: Hash,
    /// Events up to this one have their places, here or in a log before.
    pub(crate) reached: i64,
}

impl Log {
    /// The one that goes on.
    pub(crate) fn current(tx: &mut Tx<'_>) -> Result<Option<Self>, Error> {
        Ok(tx.first(&CURRENT, &[], |row| {
            Ok(Self {
                id: row.int(0)?,
                origin: row.text(1)?.to_owned(),
                size: row.int(2)?.cast_unsigned(),
                root: Hash(row.bytes(3)?),
                reached: row.int(4)?,
            })
        })?)
    }
}

/// What is kept in memory of the log.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// Who holds the lease: drawn at each opening.
    pub(crate) node: [u8; 16],
    pub(crate) witnesses: Witnesses,
    late: sequence::Late,
    /// Verifier keys by origin.
    keys: Mutex<BTreeMap<String, Vec<String>>>,
    newest: RwLock<Newest>,
    fault: Mutex<Option<String>>,
    evidence: Mutex<Vec<String>>,
}

/// What was signed last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Newest {
    pub(crate) published: Option<Arc<Published>>,
    /// The newest that as many witnesses have signed as are wanted. Of the same log.
    pub(crate) witnessed: Option<Arc<Published>>,
    /// Since when there is one that they have not signed.
    pub(crate) unwitnessed_since: Option<i64>,
}

impl Ledger {
    pub(crate) fn new(node: [u8; 16], witnesses: Witnesses) -> Self {
        let (newest, fault, evidence) = (RwLock::default(), Mutex::default(), Mutex::default());
        Self {
            node,
            witnesses,
            late: sequence::Late::default(),
            keys: Mutex::default(),
            newest,
            fault,
            evidence,
        }
    }

    /// The newest checkpoint.
    pub(crate) fn newest(&self) -> Option<Arc<Published>> {
        self.standing().published
    }

    /// The newest checkpoint, and how far the witnesses are.
    pub(crate) fn standing(&self) -> Newest {
        self.newest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest checkpoint of a log that as many have signed as are wanted.
    fn witnessed(&self, log: i64) -> Option<Arc<Published>> {
        self.standing().witnessed.filter(|witnessed| witnessed.log == log)
    }

    /// What is known at opening.
    fn resume(&self, newest: Option<Published>, witnessed: Option<Published>) {
        witnessed.into_iter().for_each(|witnessed| self.cosigned(witnessed));
        newest.into_iter().for_each(|newest| self.publish(newest));
    }

    fn publish(&self, published: Published) {
        let witnessed = self.witnesses.suffice(&published.witnesses);
        let mut newest = self.newest.write().unwrap_or_else(PoisonError::into_inner);
        if !witnessed && newest.unwitnessed_since.is_none() {
            newest.unwitnessed_since = Some(published.at);
        }
        newest.published = Some(Arc::new(published));
    }

    /// A checkpoint with the signature of one more.
    fn cosigned(&self, cosigned: Published) {
        let suffices = self.witnesses.suffice(&cosigned.witnesses);
        let cosigned = Arc::new(cosigned);
        let place = |published: &Published| (published.log, published.checkpoint.size);
        let mut newest = self.newest.write().unwrap_or_else(PoisonError::into_inner);
        let is_newest = newest.published.as_ref().is_none_or(|known| place(known) <= place(&cosigned));
        if is_newest {
            newest.published = Some(Arc::clone(&cosigned));
        }
        if suffices && newest.witnessed.as_ref().is_none_or(|known| place(known) <= place(&cosigned)) {
            // What has come since has not waited for longer than that.
            newest.unwitnessed_since = (!is_newest).then_some(cosigned.at);
            newest.witnessed = Some(cosigned);
        }
    }

    /// Keeps evidence until somebody takes it away.
    fn accuse(&self, evidence: Option<String>) {
        self.evidence.lock().unwrap_or_else(PoisonError::into_inner).extend(evidence);
    }

    fn take_evidence(&self) -> Vec<String> {
        core::mem::take(&mut *self.evidence.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why nothing is signed any more.
    pub(crate) fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Nothing is signed until the next start, when the log is looked at as a whole.
    fn broken(&self, fault: String) {
        let mut known = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            tracing::error!(%fault, "the log is damaged: nothing of it is signed any more");
            *known = Some(fault);
        }
    }
}
