//! The side of the log: what it makes of the answer of a witness.

use crate::note::{KeyType, MAX_NOTE, Note, VerifierKey, open_checkpoint, read_lines};
use crate::text::read_number;
use crate::{Error, Result};

pub(super) const ANSWER: Error = Error::Malformed("answer of a witness");

/// What a log makes of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Lines of the witness that were verified, to be put beneath the checkpoint by
    /// [`append`](crate::note::append).
    Cosigned(String),
    /// The witness has seen so many leaves: ask again with a proof from there. More than the log has: it was rolled back,
    /// and must not go on.
    Conflict(u64),
    /// Another status, with which nothing can be done here.
    Refused(u16),
}

/// Reads the answer to a request for a cosignature on `note`, by the keys of this witness. Lines of others are passed over.
///
/// # Errors
/// [`Error::Malformed`] if it does not have its form, [`Error::Forged`] if a line of the witness is not right,
/// [`Error::Unsigned`] if there is none.
pub fn read_answer<'k>(
    status: u16,
    body: &str,
    note: &str,
    keys: impl IntoIterator<Item = &'k VerifierKey>,
) -> Result<Reply> {
    match status {
        200 => cosigned(body, note, keys).map(Reply::Cosigned),
        409 => body.strip_suffix('\n').and_then(read_number).map(Reply::Conflict).ok_or(ANSWER),
        other => Ok(Reply::Refused(other)),
    }
}

fn cosigned<'k>(body: &str, note: &str, keys: impl IntoIterator<Item = &'k VerifierKey>) -> Result<String> {
    let lines = if body.len() > MAX_NOTE { None } else { read_lines(body) }.ok_or(ANSWER)?;
    let note = format!("{}\n{body}", Note::parse(note)?.text());
    let keys = keys.into_iter().filter(|key| key.kind() != KeyType::Ed25519);
    let opened = open_checkpoint(&note, keys)?;
    // Without a time it does not say that this is the newest that the witness has seen.
    if opened.signatures().iter().any(|signature| signature.time.is_none()) {
        return Err(ANSWER);
    }
    Ok(opened.verified(&lines))
}
