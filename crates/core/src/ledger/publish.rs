//! Signed checkpoints. What is signed has been committed, and the checkpoint before it is its beginning: that is proven from the
//! tiles each time, for tiles may have been altered since.
//!
//! Crash before the note is stored: the next one is over the same tree or a larger one. Crash after: it is handed out at the
//! next start.

use std::sync::Arc;

use avouch_ledger::checkpoint::Checkpoint;
use avouch_ledger::hash::Hash;
use avouch_ledger::note::{LogSigner, Note, open_checkpoint};
use avouch_ledger::proof::verify_consistency;
use avouch_ledger::prove::prove_consistency;
use avouch_seal::SecureRandom as _;
use avouch_store::{Tx, params, statements};
use uuid::Uuid;

use super::Log;
use super::tiles::Tiles;
use crate::Error;
use crate::app::App;

statements! {
    data NEWEST_CHECKPOINT = "select size, at, note from checkpoint where log = ?1 order by size desc limit 1";
    data NEWEST_CHECKPOINTS = "select at, note from checkpoint where log = ?1 order by size desc limit 100";
    data PUT_CHECKPOINT = "insert into checkpoint (log, size, at, note) values (?1, ?2, ?3, ?4) on conflict (log, size) do nothing";
    data THIN = "delete from checkpoint where at < ?1 and exists (select 1 from checkpoint later where later.log = checkpoint.log and later.size > checkpoint.size and later.at / ?2 = checkpoint.at / ?2 and length(later.note) >= length(checkpoint.note))";
    keys PUBLISHED = "select log, size, note from published order by log desc limit 1";
    keys PUT_PUBLISHED = "insert into published (log, size, note) values (?1, ?2, ?3) on conflict (log) do update set size = excluded.size, note = excluded.note where published.size < excluded.size";
}

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// A checkpoint that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The number of its log.
    pub log: i64,
    /// When, in microseconds UTC.
    pub at: i64,
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The signed note.
    pub note: String,
    /// The names of the witnesses that have signed it too, of those that the configuration names.
    pub witnesses: Vec<String>,
}

impl Published {
    /// Of what is stored; it has to be signed by the log.
    pub(super) fn read(app: &App, log: i64, at: i64, note: &str) -> Result<Self, Error> {
        let origin =
            note.split('\n').next().filter(|origin| is_of(app, log, origin)).ok_or(Error::Tampered)?;
        // Whatever is written there: only what this vault has signed under that name opens.
        let signer = signer(app, origin)?;
        let opened = open_checkpoint(note, signer.verifier_keys())?;
        if opened.of_log().next().is_none() {
            return Err(Error::Tampered);
        }
        let checkpoint = opened.checkpoint().clone();
        let (note, witnesses) = app.ledger.witnesses.of(&checkpoint, note);
        Ok(Self { log, at, checkpoint, note, witnesses })
    }

    /// The newest one of a log that as many witnesses have signed as are wanted, of those that are not older than a while.
    pub(super) fn witnessed(tx: &mut Tx<'_>, app: &App, log: i64) -> Result<Option<Self>, Error> {
        if app.ledger.witnesses.list.is_empty() {
            return Ok(None);
        }
        let rows =
            tx.query(&NEWEST_CHECKPOINTS, params![log], |row| Ok((row.int(0)?, row.text(1)?.to_owned())))?;
        for (at, note) in rows {
            // The log itself signs twice.
            if Note::parse(&note).is_ok_and(|note| note.lines().len() > 2) {
                let published = Self::read(app, log, at, &note)?;
                if app.ledger.witnesses.suffice(&published.witnesses) {
                    return Ok(Some(published));
                }
            }
        }
        Ok(None)
    }

    /// The newest one of a log, as the data store has it.
    pub(super) fn newest(tx: &mut Tx<'_>, app: &App, log: i64) -> Result<Option<Self>, Error> {
        let row =
            tx.first(&NEWEST_CHECKPOINT, params![log], |row| Ok((row.int(1)?, row.text(2)?.to_owned())))?;
        row.map(|(at, note)| Self::read(app, log, at, &note)).transpose()
    }

    /// The newest one of all, as the key store has it.
    pub(super) fn kept(tx: &mut Tx<'_>, app: &App) -> Result<Option<Self>, Error> {
        let row = tx.first(&PUBLISHED, &[], |row| Ok((row.int(0)?, row.text(2)?.to_owned())))?;
        row.map(|(log, note)| Self::read(app, log, 0, &note)).transpose()
    }

    pub(super) fn put(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let size = self.checkpoint.size.cast_signed();
        tx.put(&PUT_CHECKPOINT, params![self.log, size, self.at, &*self.note])?;
        self.keep(tx)
    }

    /// A second time, where a copy of the data that was put back does not reach.
    pub(super) fn keep(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let size = self.checkpoint.size.cast_signed();
        Ok(tx.put(&PUT_PUBLISHED, params![self.log, size, &*self.note])?)
    }
}

impl App {
    /// Signs what the tree has come to, and keeps it; nothing when that was done already.
    ///
    /// # Errors
    /// What the store reports. [`Error::Tampered`] when what was signed before is not the beginning of it: then nothing is signed.
    pub fn publish(self: &Arc<Self>) -> Result<Option<Arc<Published>>, Error> {
        if self.ledger.fault().is_some() {
            return Ok(None);
        }
        let grown = {
            let app = Arc::clone(self);
            self.store.read_wait(move |tx| grown(tx, &app))
        };
        let grown = grown.inspect_err(|error| {
            if matches!(error, Error::Tampered) {
                self.ledger
                    .broken("what was signed before is not the beginning of what there is now".to_owned());
            }
        })?;
        let Some(log) = grown else { return Ok(None) };
        let published = self.signed(&log)?;
        let kept = published.clone();
        self.store.write_wait(move |tx| kept.put(tx))?;
        self.ledger.publish(published);
        Ok(self.ledger.newest())
    }

    /// Signs whatever it is given: who calls this has proven that it goes on from what was signed before.
    fn signed(&self, log: &Log) -> Result<Published, Error> {
        let at = self.now();
        let checkpoint = Checkpoint { origin: log.origin.clone(), size: log.size, root: log.root };
        let seconds = u64::try_from(at / 1_000_000).unwrap_or_default();
        let note = signer(self, &log.origin)?.sign(&checkpoint, seconds)?;
        Ok(Published { log: log.id, at, checkpoint, note, witnesses: Vec::new() })
    }

    /// Of checkpoints older than a day one an hour is kept, and the last that more have signed than that one: a note is the longer
    /// the more have signed it.
    pub(crate) fn thin_checkpoints(&self) -> Result<u64, Error> {
        let before = self.now().saturating_sub(DAY);
        self.store.write_wait(move |tx| Ok(tx.execute(&THIN, params![before, HOUR])?))
    }
}

/// The keys of a log, under its name.
pub(super) fn signer(app: &App, origin: &str) -> Result<LogSigner, Error> {
    let [ed25519, ml_dsa] = app.keys.log_seeds(origin);
    Ok(LogSigner::from_seeds(origin, &ed25519, &ml_dsa)?)
}

/// Nobody else's, and never another's of ours: a log after the first has a random part in its name, because a backup that is put
/// back twice begins its number twice.
pub(super) fn origin(app: &App, log: i64) -> Result<String, Error> {
    let first = stem(app, log);
    if log == 1 {
        return Ok(first);
    }
    let mut random = [0; 8];
    app.rng.fill(&mut random).map_err(|_| Error::Internal("no randomness"))?;
    Ok(format!("{first}-{:016x}", u64::from_be_bytes(random)))
}

/// Whether a log of this number may have this name.
fn is_of(app: &App, log: i64, origin: &str) -> bool {
    let rest = origin.strip_prefix(&stem(app, log));
    rest.is_some_and(|rest| rest.is_empty() == (log == 1) && (log == 1 || rest.starts_with('-')))
}

fn stem(app: &App, log: i64) -> String {
    format!("avouch/{}/log/{log}", Uuid::from_bytes(app.keys.vault().0))
}

/// The log, when it has grown since it was signed, and goes on from all that is known to have been signed: in the data, which
/// somebody may have set back, in the key store, and in memory.
fn grown(tx: &mut Tx<'_>, app: &App) -> Result<Option<Log>, Error> {
    let Some(log) = Log::current(tx)? else { return Ok(None) };
    let stored = Published::newest(tx, app, log.id)?;
    let signed = stored.as_ref().map_or(0, |stored| stored.checkpoint.size);
    let known = [stored, Published::kept(tx, app)?, app.ledger.newest().map(|newest| (*newest).clone())];
    for published in known.into_iter().flatten().filter(|published| published.log >= log.id) {
        let Checkpoint { origin, size, root } = &published.checkpoint;
        if *origin != log.origin {
            return Err(Error::Tampered);
        }
        goes_on(tx, log.id, (*size, root), (log.size, &log.root))?;
    }
    Ok((signed != log.size).then_some(log))
}

/// Whether one tree is the beginning of another, by the tiles that are stored.
pub(super) fn goes_on(tx: &mut Tx<'_>, log: i64, old: (u64, &Hash), new: (u64, &Hash)) -> Result<(), Error> {
    if old.0 > new.0 {
        return Err(Error::Tampered);
    }
    let path = prove_consistency(&mut Tiles { tx, log }, old.0, new.0)?;
    verify_consistency(old, new, &path).map_err(|_| Error::Tampered)
}
