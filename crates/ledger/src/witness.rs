//! What a log asks of a witness, and what a witness answers (c2sp.org/tlog-witness, `add-checkpoint`).
//!
//! ```text
//! request    = "old " || size || 0a || (base64(hash) || 0a)* || 0a || checkpoint       63 hashes at most
//! answer     = signature lines                    200
//!            | size of what it has seen || 0a     409
//! ```
//! Both sides, without the network and without the store. INVARIANT: a witness stores what it has judged before its
//! signature leaves, and between looking up what it had stored and storing the new nobody else stores: otherwise it can be
//! led back, and signs two histories. [`Accepted`] cannot be cosigned before it was stored.

use core::fmt;

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;

use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::note::{Cosigner, KeyType, MAX_NOTE, Note, Opened, VerifierKey, append, open_checkpoint};
use crate::proof::{MAX_PROOF, verify_consistency};
use crate::text::read_number;
use crate::{Error, Result};

mod reply;

pub use reply::{Reply, read_answer};

/// Bytes that a request may have.
pub const MAX_REQUEST: usize = MAX_NOTE + 4_096;

/// What an answer with status 409 is, as HTTP says it.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

const MALFORMED: Error = Error::Malformed("request to a witness");

/// How a witness names a log where it shows what it has signed: the SHA-256 of its origin, in hex.
#[must_use]
pub fn log_id(origin: &str) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, origin.as_bytes()).as_ref())
}

/// A request, as it was read: nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    old: u64,
    proof: Vec<Hash>,
    note: String,
    checkpoint: Checkpoint,
}

impl AddCheckpoint {
    /// Asks for a cosignature on `note`, a checkpoint, from a witness that has seen `old` leaves.
    ///
    /// # Errors
    /// [`Error::Malformed`] if `note` is no checkpoint or the proof is longer than proofs are.
    pub fn new(old: u64, proof: Vec<Hash>, note: String) -> Result<Self> {
        let checkpoint = Checkpoint::parse(Note::parse(&note)?.text())?;
        if proof.len() > MAX_PROOF { Err(MALFORMED) } else { Ok(Self { old, proof, note, checkpoint }) }
    }

    /// Reads the body of a request. Refused, it is to be answered with 400.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(body: &str) -> Result<Self> {
        if body.len() > MAX_REQUEST {
            return Err(MALFORMED);
        }
        let (head, note) = body.split_once("\n\n").ok_or(MALFORMED)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(read_number);
        // One more than there may be: what is refused anyway is not read to its end.
        let proof = lines.take(MAX_PROOF + 1).map(|line| Hash::read(line).ok_or(MALFORMED));
        Self::new(old.ok_or(MALFORMED)?, proof.collect::<Result<_>>()?, note.to_owned())
    }

    /// Which log it says it is of: what to look up before it is judged.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.checkpoint.origin
    }

    /// The checkpoint that it asks a signature for, as a note.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// The body that [`AddCheckpoint::parse`] reads.
impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}

/// The newest that a witness has seen of a log.
///
/// Whoever can change what is stored of it can make the witness sign a second history of that log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// How many leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Answer {
    /// 200, once it is stored and signed.
    Accepted(Accepted),
    /// 400: it contradicts itself.
    BadRequest,
    /// 403: no key of the log has signed it, or not as it is.
    Forbidden,
    /// 404: no key of such a log is known.
    UnknownLog,
    /// 409: the witness has seen so many leaves, not as many as the log thinks.
    Conflict(u64),
    /// 422: signed by the log, and no continuation of what was seen. Worth keeping: it may show that the log has two
    /// histories.
    Unprocessable(Unprocessable),
}

/// Why a checkpoint is no continuation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unprocessable {
    /// The root of the empty tree is another one.
    Empty,
    /// A proof where there is nothing to prove.
    NeedlessProof,
    /// Of the same size, with another root: the log has two histories.
    OtherRoot,
    /// The proof does not show it.
    Proof,
}

impl Answer {
    /// The status of HTTP.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Accepted(_) => 200,
            Self::BadRequest => 400,
            Self::Forbidden => 403,
            Self::UnknownLog => 404,
            Self::Conflict(_) => 409,
            Self::Unprocessable(_) => 422,
        }
    }

    /// The body for [`Answer::Conflict`]. That of [`Answer::Accepted`] comes from [`Stored::cosign`]; all others have none.
    #[must_use]
    pub fn body(&self) -> String {
        match self {
            Self::Conflict(size) => format!("{size}\n"),
            _ => String::new(),
        }
    }
}

/// Judges a request by what was stored of its log, and by the keys that logs are known by. Only those that go by the
/// origin count.
///
/// # Errors
/// None but [`Error::Provider`]: whatever is wrong with the request is an answer.
pub fn judge<'k>(
    seen: Option<Seen>,
    keys: impl IntoIterator<Item = &'k VerifierKey>,
    request: &AddCheckpoint,
) -> Result<Answer> {
    let of_log = |key: &&VerifierKey| key.name() == request.origin() && key.kind() != KeyType::Cosignature;
    let keys: Vec<&VerifierKey> = keys.into_iter().filter(of_log).collect();
    if keys.is_empty() {
        return Ok(Answer::UnknownLog);
    }
    let opened = match open_checkpoint(&request.note, keys.iter().copied()) {
        Ok(opened) => opened,
        Err(Error::Forged(_) | Error::Unsigned) => return Ok(Answer::Forbidden),
        Err(Error::Malformed(_)) => return Ok(Answer::BadRequest),
        Err(other) => return Err(other),
    };
    let checkpoint = opened.checkpoint();
    let seen = seen.unwrap_or_else(|| Seen { size: 0, root: Hash::empty() });
    Ok(if request.old > checkpoint.size {
        Answer::BadRequest
    } else if request.old != seen.size {
        Answer::Conflict(seen.size)
    } else if let Err(reason) = continues(&seen, checkpoint, &request.proof) {
        Answer::Unprocessable(reason)
    } else {
        Answer::Accepted(Accepted(verified(request, &opened)?))
    })
}

fn continues(
    seen: &Seen,
    checkpoint: &Checkpoint,
    proof: &[Hash],
) -> core::result::Result<(), Unprocessable> {
    if checkpoint.size == 0 && checkpoint.root != Hash::empty() {
        return Err(Unprocessable::Empty);
    }
    if seen.size == checkpoint.size && seen.root != checkpoint.root {
        return Err(Unprocessable::OtherRoot);
    }
    if (seen.size == 0 || seen.size == checkpoint.size) && !proof.is_empty() {
        return Err(Unprocessable::NeedlessProof);
    }
    verify_consistency((seen.size, &seen.root), (checkpoint.size, &checkpoint.root), proof)
        .map_err(|_| Unprocessable::Proof)
}

/// The checkpoint with those lines that were verified, and no others: what a witness shows to everybody.
fn verified(request: &AddCheckpoint, opened: &Opened<'_>) -> Result<Judged> {
    let note = Note::parse(&request.note)?;
    let lines = opened.verified(note.lines());
    Ok(Judged { checkpoint: opened.checkpoint().clone(), note: format!("{}\n{lines}", note.text()) })
}

#[derive(Debug, Clone)]
struct Judged {
    checkpoint: Checkpoint,
    note: String,
}

/// A checkpoint that may be cosigned, as soon as it is stored.
#[derive(Debug)]
#[must_use = "the log waits for its signature"]
pub struct Accepted(Judged);

impl Accepted {
    /// What is to be stored in place of what was looked up.
    #[must_use]
    pub const fn seen(&self) -> Seen {
        Seen { size: self.0.checkpoint.size, root: self.0.checkpoint.root }
    }

    /// The checkpoint, with the signatures of the log that were verified: to be stored beside it.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.0.note
    }

    /// Stores it by what is handed in, which returns once nothing can take it away again.
    ///
    /// # Errors
    /// What `store` says; then nothing is signed.
    pub fn store<E>(
        self,
        store: impl FnOnce(&Self) -> core::result::Result<(), E>,
    ) -> core::result::Result<Stored, E> {
        store(&self).map(|()| Stored(self.0))
    }
}

/// A checkpoint that is stored, and may be cosigned.
#[derive(Debug)]
pub struct Stored(Judged);

/// What a witness has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// The body of the answer.
    pub lines: String,
    /// The checkpoint with the signatures of the log and of the witness, for `GET <prefix>/<hash of origin>/checkpoint`.
    pub note: String,
}

impl Stored {
    /// Signs it with every key of the witness, at this time in seconds since 1970.
    ///
    /// # Errors
    /// [`Error::Parameters`] without a key, or at a time that cannot be.
    pub fn cosign<'c>(&self, keys: impl IntoIterator<Item = &'c Cosigner>, time: u64) -> Result<Cosigned> {
        let lines: Result<String> =
            keys.into_iter().map(|key| key.cosign(&self.0.checkpoint, time)).collect();
        let lines = lines?;
        if lines.is_empty() {
            return Err(Error::Parameters("a witness without a key"));
        }
        let note = append(&self.0.note, &lines)?;
        Ok(Cosigned { lines, note })
    }
}

#[cfg(test)]
mod tests;
