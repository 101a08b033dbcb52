//! Who else signs checkpoints: witnesses on other hosts, of other people (c2sp.org/tlog-witness). What they are asked and what they
//! answer goes by way of a [`WitnessLine`], which the binary has; what it is worth is judged here, by their verifier keys.
//!
//! Must never believe a witness about this log more than this log's own signature proves: a witness that errs, or lies, makes a
//! checkpoint unwitnessed and nothing worse.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use avouch_ledger::checkpoint::Checkpoint;
use avouch_ledger::note::{Line, Note, VerifierKey, open_checkpoint};

/// The way to a witness. Both calls end within seconds, whatever the other side does.
pub trait WitnessLine: fmt::Debug + Send + Sync {
    /// `add-checkpoint`: the status and the body of the answer, whatever it is.
    ///
    /// # Errors
    /// In plain words, when there is no answer.
    fn add_checkpoint(&self, request: &str) -> Result<(u16, String), String>;

    /// The newest checkpoint that it has signed of the log with this id ([`log_id`](avouch_ledger::witness::log_id)).
    ///
    /// # Errors
    /// In plain words, when there is no answer.
    fn checkpoint(&self, log: &str) -> Result<Option<String>, String>;
}

/// A witness.
#[derive(Debug, Clone)]
pub struct Witness {
    /// What verifies its signatures; all go by its name.
    pub keys: Vec<VerifierKey>,
    /// How it is asked.
    pub line: Arc<dyn WitnessLine>,
}

impl Witness {
    /// What it is called beneath everything that it signs.
    #[must_use]
    pub fn name(&self) -> &str {
        self.keys.first().map_or("", VerifierKey::name)
    }

    /// Whether a line says that it is this witness's.
    fn says(&self, line: &Line<'_>) -> bool {
        self.keys.iter().any(|key| line.is_of(key))
    }
}

/// All of them, and what is wanted of them.
#[derive(Debug, Clone)]
pub struct Witnesses {
    /// Each by its own name.
    pub list: Vec<Witness>,
    /// How many have to have signed.
    pub quorum: usize,
    /// How long it may take until they have, before that is an alarm.
    pub patience: Duration,
}

impl Default for Witnesses {
    fn default() -> Self {
        Self { list: Vec::new(), quorum: 1, patience: Duration::from_secs(600) }
    }
}

impl Witnesses {
    /// Whether a checkpoint that these have signed counts as witnessed.
    pub(super) fn suffice(&self, signed: &[String]) -> bool {
        !self.list.is_empty() && signed.len() >= self.quorum.max(1)
    }

    /// Who of them has signed a note, and the note: without their lines where one of these is not right. It was right when it was
    /// stored, so somebody has changed it since; left there it would make everybody refuse the whole note.
    pub(super) fn of(&self, checkpoint: &Checkpoint, note: &str) -> (String, Vec<String>) {
        let (mut note, mut signed) = (note.to_owned(), Vec::new());
        for witness in &self.list {
            match open_checkpoint(&note, &witness.keys) {
                Ok(opened) if opened.signatures().iter().all(|signature| signature.time.is_some()) => {
                    signed.push(witness.name().to_owned());
                }
                Err(avouch_ledger::Error::Unsigned) => {}
                _ => {
                    tracing::error!(
                        witness = witness.name(),
                        "a stored signature of this witness is none of its own"
                    );
                    note = with_lines(checkpoint, &note, |line| !witness.says(line));
                }
            }
        }
        (note, signed)
    }

    /// The note with those lines of a witness beneath it that are not there yet. They have been verified.
    pub(super) fn merged(witness: &Witness, checkpoint: &Checkpoint, note: &str, lines: &str) -> String {
        let there = |key: &VerifierKey| {
            Note::parse(note).is_ok_and(|note| note.lines().iter().any(|line| line.is_of(key)))
        };
        let lines = with_lines(checkpoint, &format!("{checkpoint}\n{lines}"), |line| {
            witness.keys.iter().any(|key| line.is_of(key) && !there(key))
        });
        let lines = lines.strip_prefix(&format!("{checkpoint}\n")).unwrap_or_default();
        if lines.is_empty() {
            return note.to_owned();
        }
        // Without room for more the note stays as it is.
        avouch_ledger::note::append(note, lines).unwrap_or_else(|_| note.to_owned())
    }
}

/// A checkpoint, and of a note's lines some.
fn with_lines(checkpoint: &Checkpoint, note: &str, keep: impl Fn(&Line<'_>) -> bool) -> String {
    let parsed = Note::parse(note).ok();
    let lines = parsed.iter().flat_map(Note::lines).filter(|line| keep(line));
    let lines: String = lines.map(ToString::to_string).collect();
    format!("{checkpoint}\n{lines}")
}
