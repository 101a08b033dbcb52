//! Notes whose signatures were verified: what they say, and who says so.
//!
//! The only way to an [`Opened`] checkpoint is through the keys that one trusts.

use super::{KeyType, Line, Note, VerifierKey};
use crate::checkpoint::Checkpoint;
use crate::{Error, Result};

/// A signature that is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature<'k> {
    /// Whose.
    pub key: &'k VerifierKey,
    /// When it was made, in seconds since 1970, by the signer's own word. Nothing where that is not said, as with
    /// [`KeyType::Ed25519`].
    pub time: Option<u64>,
}

/// A checkpoint that known keys have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened<'k> {
    checkpoint: Checkpoint,
    signatures: Vec<Signature<'k>>,
}

impl<'k> Opened<'k> {
    /// What it says.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Who signed it, of the keys that are known, in the order of the lines.
    #[must_use]
    pub fn signatures(&self) -> &[Signature<'k>] {
        &self.signatures
    }

    /// The signatures of the log itself: of keys that go by its origin. Those of others are worth nothing without one,
    /// and a cosigner's key does not become a log's by its name.
    pub fn of_log(&self) -> impl Iterator<Item = &Signature<'k>> {
        let log =
            |key: &VerifierKey| key.kind() != KeyType::Cosignature && key.name() == self.checkpoint.origin;
        self.signatures.iter().filter(move |signature| log(signature.key))
    }

    /// Of some lines of its note those that were verified, as they were written.
    pub(crate) fn verified(&self, lines: &[Line<'_>]) -> String {
        let known = |line: &&Line<'_>| self.signatures.iter().any(|signature| line.is_of(signature.key));
        lines.iter().filter(known).map(ToString::to_string).collect()
    }
}

/// Verifies a note that is a checkpoint.
///
/// # Errors
/// [`Error::Malformed`] if it is none, [`Error::Forged`] if a line of a known key is not right, [`Error::Unsigned`] if no
/// known key has signed it.
pub fn open_checkpoint<'k>(
    note: &str,
    keys: impl IntoIterator<Item = &'k VerifierKey>,
) -> Result<Opened<'k>> {
    let note = Note::parse(note)?;
    let checkpoint = Checkpoint::parse(note.text())?;
    let signatures = verify(&note, keys)?;
    Ok(Opened { checkpoint, signatures })
}

/// Verifies a note of any kind: its text, and who signed it.
///
/// # Errors
/// As [`open_checkpoint`].
pub fn open_text<'n, 'k>(
    note: &'n str,
    keys: impl IntoIterator<Item = &'k VerifierKey>,
) -> Result<(&'n str, Vec<Signature<'k>>)> {
    let note = Note::parse(note)?;
    let signatures = verify(&note, keys)?;
    Ok((note.text(), signatures))
}

fn verify<'k>(
    note: &Note<'_>,
    keys: impl IntoIterator<Item = &'k VerifierKey>,
) -> Result<Vec<Signature<'k>>> {
    let keys: Vec<&VerifierKey> = keys.into_iter().collect();
    let mut signatures = Vec::new();
    for line in note.lines() {
        // Should two keys have one name and id, the line has to be of both, which it is not.
        for key in keys.iter().copied().filter(|key| line.is_of(key)) {
            signatures.push(Signature { key, time: key.verify(note.text(), line)? });
        }
    }
    if signatures.is_empty() { Err(Error::Unsigned) } else { Ok(signatures) }
}

#[cfg(test)]
mod tests;
