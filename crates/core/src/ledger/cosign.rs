//! Asking a witness for its signature on the newest checkpoint, and putting that beneath it, in both stores.
//!
//! A witness signs only what goes on from what it has signed before. When it says that this log does not, it is asked for what it
//! has signed: if that is signed by this log too, and is not part of it, the log was led back or has two histories. Then nothing
//! more is signed under its name; the checkpoint is kept in the key store, so that the next opening begins another log which
//! names it; and the two checkpoints are evidence, for whoever has the keys.
//!
//! Crash between the witness's signature and its being stored: it is asked for again.

use std::sync::Arc;

use avouch_ledger::evidence::{Evidence, Prefix};
use avouch_ledger::hash::Hash;
use avouch_ledger::prove::{prove_consistency, root};
use avouch_ledger::witness::{AddCheckpoint, Reply, log_id, read_answer};
use avouch_store::{Tx, params, statements};

use super::publish::{Published, signer};
use super::tiles::Tiles;
use super::witnesses::{Witness, Witnesses};
use crate::Error;
use crate::app::App;

statements! {
    data NOTE = "select at, note from checkpoint where log = ?1 and size = ?2";
    data PUT_NOTE = "update checkpoint set note = ?3 where log = ?1 and size = ?2";
    keys PUT_NOTE_KEPT = "update published set note = ?3 where log = ?1 and size = ?2";
    keys KEEP_CONFLICT = "insert into published (log, size, note) values (?1, ?2, ?3) on conflict (log) do update set size = excluded.size, note = excluded.note";
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// There is nothing that it has not signed.
    Nothing,
    /// It has signed a checkpoint over so many leaves.
    Cosigned(u64),
    /// It has proven that this log was led back or has two histories. Nothing is signed any more.
    Broken,
}

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There was no answer.
    #[error("it cannot be asked: {0}")]
    Line(String),
    /// It does not sign for this log.
    #[error("it does not know this log: its operator has to add the log's verifier keys")]
    UnknownLog,
    /// It answered with another status.
    #[error("it answers with status {0}")]
    Refused(u16),
    /// What it says is of no use.
    #[error("{0}")]
    Useless(&'static str),
    /// It could not be stored, or not be proven, here.
    #[error(transparent)]
    Here(#[from] Error),
}

/// What is remembered of a witness from one time to the next.
#[derive(Debug, Default)]
pub struct LastSigned {
    log: i64,
    size: u64,
}

impl App {
    /// The witnesses' names, in the order in which they are asked for.
    pub fn witness_names(&self) -> impl Iterator<Item = &str> {
        self.ledger.witnesses.list.iter().map(Witness::name)
    }

    /// Asks one witness, by its place in the list, for its signature on the newest checkpoint. To be called on a thread of its own.
    ///
    /// # Errors
    /// [`AskError`]; it is asked again later.
    pub fn ask_witness(self: &Arc<Self>, at: usize, last: &mut LastSigned) -> Result<Asked, AskError> {
        let (Some(witness), Some(newest)) = (self.ledger.witnesses.list.get(at), self.ledger.newest()) else {
            return Ok(Asked::Nothing);
        };
        let signed = newest.witnesses.iter().any(|name| name == witness.name());
        if signed || self.ledger.fault().is_some() {
            return Ok(Asked::Nothing);
        }
        let size = newest.checkpoint.size;
        let mut old = if last.log == newest.log { last.size.min(size) } else { 0 };
        // What it has signed last may not be known, after a start; its first answer tells.
        for _ in 0..2 {
            let proof = self.consistency(newest.log, old, size)?;
            let request = AddCheckpoint::new(old, proof, newest.note.clone()).map_err(Error::from)?;
            let (status, body) = witness.line.add_checkpoint(&request.to_string()).map_err(AskError::Line)?;
            let reply = read_answer(status, &body, &newest.note, &witness.keys);
            let reply =
                reply.map_err(|_| AskError::Useless("its answer is none, or is not signed by its keys"))?;
            match reply {
                Reply::Cosigned(lines) => {
                    self.cosigned(witness, &newest, lines)?;
                    *last = LastSigned { log: newest.log, size };
                    return Ok(Asked::Cosigned(size));
                }
                Reply::Conflict(seen) if seen > size => return self.contradicted(witness, &newest),
                Reply::Conflict(seen) => {
                    if last.log == newest.log && seen < last.size {
                        tracing::error!(
                            witness = witness.name(),
                            "this witness has forgotten what it had signed: do not rely on it"
                        );
                    }
                    old = seen;
                }
                Reply::Refused(422) => return self.contradicted(witness, &newest),
                Reply::Refused(404) => return Err(AskError::UnknownLog),
                Reply::Refused(status) => return Err(AskError::Refused(status)),
            }
        }
        Err(AskError::Useless("it says twice that it has signed something else"))
    }

    /// Proves that the newest goes on from an older one.
    fn consistency(self: &Arc<Self>, log: i64, old: u64, new: u64) -> Result<Vec<Hash>, Error> {
        if old == 0 || old == new {
            return Ok(Vec::new());
        }
        self.store.read_wait(move |tx| prove_consistency(&mut Tiles { tx, log }, old, new))
    }

    fn cosigned(self: &Arc<Self>, witness: &Witness, newest: &Published, lines: String) -> Result<(), Error> {
        let (app, witness) = (Arc::clone(self), witness.clone());
        let (log, size) = (newest.log, newest.checkpoint.size);
        let stored = self.store.write_wait(move |tx| put_lines(tx, &app, (log, size), &witness, &lines))?;
        // Somebody has taken the checkpoint away; the next publication notices what there is to notice.
        stored.map(|stored| self.ledger.cosigned(stored)).ok_or(Error::Tampered)
    }

    /// What the witness has signed, if this log has signed it too and it is not part of it: then the log is broken.
    fn contradicted(self: &Arc<Self>, witness: &Witness, asked: &Published) -> Result<Asked, AskError> {
        let shown = witness.line.checkpoint(&log_id(&asked.checkpoint.origin)).map_err(AskError::Line)?;
        let shown = shown.ok_or(AskError::Useless("it refuses this log, and shows nothing of it"))?;
        let theirs = match Published::read(self, asked.log, 0, &shown) {
            Ok(theirs) => theirs,
            Err(Error::Tampered) => {
                return Err(AskError::Useless("it refuses this log, and shows what this log has not signed"));
            }
            Err(error) => return Err(error.into()),
        };
        let Some(ours) = self.ledger.newest().filter(|ours| ours.log == theirs.log) else {
            return Ok(Asked::Nothing);
        };
        let (app, told) = (Arc::clone(self), theirs.clone());
        let compared = self.store.read_wait(move |tx| compare(tx, &app, &ours, &told))?;
        let Compared::Apart(evidence) = compared else {
            return Err(AskError::Useless("it refuses what goes on from what it has signed"));
        };
        let what = "a witness has signed what this log does not go on from: these data are older, or the log has two histories";
        tracing::error!(witness = witness.name(), size = theirs.checkpoint.size, "{what}");
        self.ledger.broken(what.to_owned());
        self.ledger.accuse(evidence);
        self.store.write_wait(move |tx| keep_conflict(tx, &theirs))?;
        Ok(Asked::Broken)
    }

    /// Evidence that was found since this was last asked: pairs of checkpoints of which not both can be, to be kept where somebody
    /// finds them. Nothing of it is secret.
    pub fn take_evidence(&self) -> Vec<String> {
        self.ledger.take_evidence()
    }
}

/// Puts a witness's lines beneath a checkpoint, where it is still stored.
fn put_lines(
    tx: &mut Tx<'_>,
    app: &App,
    (log, size): (i64, u64),
    witness: &Witness,
    lines: &str,
) -> Result<Option<Published>, Error> {
    let place = params![log, size.cast_signed()];
    let row = tx.first(&NOTE, place, |row| Ok((row.int(0)?, row.text(1)?.to_owned())))?;
    let Some((at, note)) = row else { return Ok(None) };
    let before = Published::read(app, log, at, &note)?;
    let note = Witnesses::merged(witness, &before.checkpoint, &before.note, lines);
    let after = Published::read(app, log, at, &note)?;
    for statement in [&PUT_NOTE, &PUT_NOTE_KEPT] {
        tx.put(statement, params![log, size.cast_signed(), &*after.note])?;
    }
    Ok(Some(after))
}

/// What a checkpoint that a witness has signed is to a log.
pub(super) enum Compared {
    /// A part of it.
    Within,
    /// Not a part of it, with evidence if what this log has signed shows it to others too.
    Apart(Option<String>),
}

/// Compares by the tiles that are stored.
pub(super) fn compare(
    tx: &mut Tx<'_>,
    app: &App,
    ours: &Published,
    theirs: &Published,
) -> Result<Compared, Error> {
    let (small, large) = (theirs.checkpoint.size, ours.checkpoint.size);
    let mut tiles = Tiles { tx, log: ours.log };
    let evidence = if small > large {
        Evidence { smaller: ours.note.clone(), larger: theirs.note.clone(), prefix: None }
    } else {
        let before = root(&mut tiles, small)?;
        if before == theirs.checkpoint.root {
            return Ok(Compared::Within);
        }
        let prefix = if small < large {
            Some(Prefix { root: before, proof: prove_consistency(&mut tiles, small, large)? })
        } else {
            None
        };
        Evidence { smaller: theirs.note.clone(), larger: ours.note.clone(), prefix }
    };
    let shows = evidence.verify(signer(app, &ours.checkpoint.origin)?.verifier_keys()).is_ok();
    Ok(Compared::Apart(shows.then(|| evidence.to_string())))
}

/// In the place of what this log has signed since: the next opening finds that the log does not go on from it.
fn keep_conflict(tx: &mut Tx<'_>, theirs: &Published) -> Result<(), Error> {
    let size = theirs.checkpoint.size.cast_signed();
    Ok(tx.put(&KEEP_CONFLICT, params![theirs.log, size, &*theirs.note])?)
}
