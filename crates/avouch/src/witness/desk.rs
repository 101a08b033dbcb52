//! Where requests are judged: one at a time for each log, from looking up what was stored until the new is stored and signed. Of
//! two that come at once the second finds what the first has stored.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use avouch_core::clock::Clock;
use avouch_http::witness::{Unable, Verdict, Witness};
use avouch_ledger::note::{Cosigner, Opened, VerifierKey, open_checkpoint};
use avouch_ledger::witness::{Accepted, AddCheckpoint, Answer, Cosigned, Seen, judge, log_id};

use super::WitnessError;
use super::keys::Keys;
use super::shelf::Shelf;
use crate::error::Error;

/// See the module.
pub(super) struct Desk {
    cosigners: [Cosigner; 2],
    shelf: Shelf,
    clock: Arc<dyn Clock>,
    logs: BTreeMap<String, Log>,
}

/// A log that this witness signs for.
struct Log {
    /// The SHA-256 of its origin, in hex.
    id: String,
    keys: Vec<VerifierKey>,
    kept: Mutex<Option<Kept>>,
}

/// What is stored of a log.
struct Kept {
    seen: Seen,
    note: String,
    /// What was answered last, and when, in seconds.
    answered: Option<(u64, String)>,
}

/// For how long, in seconds, who asks for the same again is given the same again: a checkpoint is public, so anybody can ask, and
/// each signature is a few syncs of the disk.
const SAME: u64 = 30;

impl Desk {
    /// Looks at all that is stored before anything is signed.
    ///
    /// # Errors
    /// [`WitnessError::State`] when it is not what this witness has stored.
    pub(super) fn open(
        keys: &Keys,
        logs: Vec<VerifierKey>,
        shelf: Shelf,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let mut desk = Self { cosigners: keys.cosigners()?, shelf, clock, logs: BTreeMap::new() };
        for key in logs {
            let log = desk.logs.entry(key.name().to_owned()).or_insert_with_key(|origin| Log {
                id: log_id(origin),
                keys: Vec::new(),
                kept: Mutex::default(),
            });
            log.keys.push(key);
        }
        for (file, note) in desk.shelf.read()? {
            match desk.logs.values().find(|log| log.id == file) {
                Some(log) => desk.resume(log, note)?,
                None => desk.leave(&file, &note)?,
            }
        }
        Ok(desk)
    }

    /// Goes on from what is stored of a log. It may have been stored and not signed yet.
    fn resume(&self, log: &Log, note: String) -> Result<(), Error> {
        let fault = |reason| self.shelf.fault(&log.id, reason);
        let opened = self.opened(&log.keys, &note);
        let opened = opened.map_err(|_| fault("is not signed by the keys that logs have in witness.toml"))?;
        let checkpoint = opened.checkpoint();
        if opened.of_log().next().is_none() || log_id(&checkpoint.origin) != log.id {
            return Err(fault("is not signed by the keys that logs have in witness.toml").into());
        }
        let seen = Seen { size: checkpoint.size, root: checkpoint.root };
        let ours = |cosigner: &Cosigner| {
            opened.signatures().iter().any(|signature| signature.key == cosigner.verifier_key())
        };
        let signed = self.cosigners.iter().all(ours);
        *lock(&log.kept) = Some(Kept { seen, note: note.clone(), answered: None });
        if !signed {
            let request = AddCheckpoint::new(seen.size, Vec::new(), note).map_err(WitnessError::from)?;
            self.judged(log, &request)?;
        }
        tracing::info!(log = log.id, size = seen.size, "goes on from what was stored");
        Ok(())
    }

    /// What is stored of a log that is not signed for any more stays: should it come back, it goes on from there.
    fn leave(&self, file: &str, note: &str) -> Result<(), WitnessError> {
        let opened = self.opened(&[], note);
        match opened.is_ok_and(|opened| log_id(&opened.checkpoint().origin) == file) {
            true => {
                tracing::warn!(log = file, "is stored, and witness.toml does not name it any more");
                Ok(())
            }
            false => Err(self
                .shelf
                .fault(file, "is not signed by this witness, and of a log that it does not know")),
        }
    }

    fn opened<'k>(&'k self, keys: &'k [VerifierKey], note: &str) -> avouch_ledger::Result<Opened<'k>> {
        open_checkpoint(note, keys.iter().chain(self.cosigners.iter().map(Cosigner::verifier_key)))
    }

    fn judged(&self, log: &Log, request: &AddCheckpoint) -> Result<Verdict, Error> {
        let mut kept = lock(&log.kept);
        let seen = kept.as_ref().map(|kept| kept.seen);
        let accepted = match judge(seen, &log.keys, request).map_err(WitnessError::from)? {
            Answer::Accepted(accepted) => accepted,
            refused => return Ok(Verdict::Refused(refused)),
        };
        let seen = accepted.seen();
        let now = u64::try_from(self.clock.now() / 1_000_000).unwrap_or_default();
        if let Some(Kept { seen: same, answered: Some((then, lines)), .. }) = kept.as_ref()
            && *same == seen
            && (*then..then.saturating_add(SAME)).contains(&now)
        {
            return Ok(Verdict::Cosigned(lines.clone()));
        }
        let stored = accepted
            .store(|accepted: &Accepted| self.keep(log, &mut kept, seen, accepted.note()))
            .map_err(|error| Error::Process("what is to be signed cannot be stored", error))?;
        let Cosigned { lines, note } = stored.cosign(&self.cosigners, now).map_err(WitnessError::from)?;
        // What counts is on the disk; our own lines are there for those who ask what we have signed.
        if let Err(error) = self.keep(log, &mut kept, seen, &note) {
            tracing::warn!(%error, log = log.id, "stored without the signature of this witness");
        }
        kept.iter_mut().for_each(|kept| kept.answered = Some((now, lines.clone())));
        Ok(Verdict::Cosigned(lines))
    }

    fn keep(&self, log: &Log, kept: &mut Option<Kept>, seen: Seen, note: &str) -> io::Result<()> {
        self.shelf.write(&log.id, note)?;
        self.shelf.put_in_place(&log.id)?;
        // Whether or not it stays there: it is not signed unless it does, and going on from it is safe either way.
        *kept = Some(Kept { seen, note: note.to_owned(), answered: None });
        self.shelf.sync()
    }
}

impl Witness for Desk {
    fn add_checkpoint(&self, request: &AddCheckpoint) -> Result<Verdict, Unable> {
        let Some(log) = self.logs.get(request.origin()) else {
            return Ok(Verdict::Refused(Answer::UnknownLog));
        };
        let judged = self.judged(log, request);
        match &judged {
            Ok(Verdict::Refused(Answer::Unprocessable(reason))) => {
                tracing::error!(
                    log = log.id,
                    ?reason,
                    "signed by the log, and no continuation of what was seen: refused"
                );
            }
            Ok(Verdict::Refused(answer)) => {
                tracing::debug!(log = log.id, status = answer.status(), "refused");
            }
            Ok(Verdict::Cosigned(_)) => tracing::debug!(log = log.id, "cosigned"),
            Err(error) => tracing::error!(log = log.id, error = error.whole(), "nothing was signed"),
        }
        judged.map_err(|_| Unable)
    }

    fn checkpoint(&self, log: &str) -> Option<String> {
        let log = self.logs.values().find(|known| known.id == log)?;
        lock(&log.kept).as_ref().map(|kept| kept.note.clone())
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("shelf", &self.shelf).finish_non_exhaustive()
    }
}

/// Nothing is half done under it: it is put in its place whole.
fn lock(kept: &Mutex<Option<Kept>>) -> MutexGuard<'_, Option<Kept>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
