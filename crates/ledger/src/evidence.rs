//! Evidence that a log has said two things that cannot both be: two of its checkpoints, and what shows it.
//!
//! ```text
//! evidence   = "avouch split view v1" || 0a || (base64(prefix) || 0a || (base64(hash) || 0a)*)? || 0a
//!              || checkpoint || 0a || checkpoint                                the smaller one first
//! ```
//! Of the same size, two roots suffice. Of two sizes, a proof that does not fit shows nothing: anybody can make one. What
//! shows it is a proof that fits, from another beginning than the one that was signed: the prefix is the root over the first
//! leaves of the larger tree, which the proof ties to the larger root. Without a prefix, and of two sizes, it is the times
//! that count: a log that says of a smaller tree that it is its newest, after a larger one, was led back. Its clock may have
//! been; what it signed is untrue all the same.
//!
//! Whoever verifies it needs the keys of the log and nothing else. Must never accuse a log of what it has not signed.

use core::fmt;

use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::note::{MAX_NOTE, Opened, VerifierKey, open_checkpoint};
use crate::proof::{MAX_PROOF, verify_consistency};
use crate::{Error, Result};

const HEADER: &str = "avouch split view v1";
const MALFORMED: Error = Error::Malformed("evidence of a split view");
const NOTHING: Error = Error::Forged("the evidence of a split view");

/// Bytes that such a text may have.
pub const MAX_EVIDENCE: usize = 2 * MAX_NOTE + 4_096;

/// Two checkpoints of one log, as notes, and what ties them together. Nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The checkpoint of fewer leaves; of as many, either.
    pub smaller: String,
    /// The other.
    pub larger: String,
    /// What the larger tree begins with, where the sizes differ.
    pub prefix: Option<Prefix>,
}

/// What a larger tree begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    /// The root over its first leaves, as many as the smaller tree has.
    pub root: Hash,
    /// The proof of consistency from there to the larger root.
    pub proof: Vec<Hash>,
}

/// What the log has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It has two histories: these cannot be of one tree.
    Fork(Checkpoint, Checkpoint),
    /// It went back: the second was signed as its newest after the first, which is larger.
    RolledBack(Checkpoint, Checkpoint),
}

impl Evidence {
    /// Reads what [`Display`](fmt::Display) wrote.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(text: &str) -> Result<Self> {
        Self::read(text).ok_or(MALFORMED)
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_EVIDENCE {
            return None;
        }
        // A checkpoint has one empty line, between its text and its signatures.
        let blocks: Vec<&str> = text.splitn(6, "\n\n").collect();
        let [head, first, signed, second, also] = blocks.as_slice() else { return None };
        let mut lines = head.split('\n');
        let header = lines.next()?;
        let hashes = lines.take(MAX_PROOF + 2).map(Hash::read).collect::<Option<Vec<Hash>>>()?;
        let prefix = hashes.split_first().map(|(root, proof)| Prefix { root: *root, proof: proof.to_vec() });
        let fits = header == HEADER && prefix.as_ref().is_none_or(|prefix| prefix.proof.len() <= MAX_PROOF);
        fits.then(|| Self {
            smaller: format!("{first}\n\n{signed}\n"),
            larger: format!("{second}\n\n{also}"),
            prefix,
        })
    }

    /// What the log of these keys has done, if the evidence shows it.
    ///
    /// # Errors
    /// [`Error::Forged`] if it shows nothing, and whatever is wrong with one of the notes.
    pub fn verify<'k>(&self, keys: impl IntoIterator<Item = &'k VerifierKey>) -> Result<Finding> {
        let keys: Vec<&VerifierKey> = keys.into_iter().collect();
        let open = |note| {
            let opened = open_checkpoint(note, keys.iter().copied())?;
            if opened.of_log().next().is_none() { Err(Error::Unsigned) } else { Ok(opened) }
        };
        let (smaller, larger) = (open(&self.smaller)?, open(&self.larger)?);
        let (small, large) = (smaller.checkpoint(), larger.checkpoint());
        if small.origin != large.origin || small.size > large.size {
            return Err(NOTHING);
        }
        let forked = match &self.prefix {
            None => small.size == large.size && small.root != large.root,
            Some(prefix) => small.size < large.size && differs(small, large, prefix),
        };
        if forked {
            return Ok(Finding::Fork(small.clone(), large.clone()));
        }
        if self.prefix.is_none() && small.size < large.size && went_back(&larger, &smaller) {
            return Ok(Finding::RolledBack(large.clone(), small.clone()));
        }
        Err(NOTHING)
    }
}

/// Whether the larger tree begins with another root than the one that was signed.
fn differs(small: &Checkpoint, large: &Checkpoint, prefix: &Prefix) -> bool {
    let tied =
        verify_consistency((small.size, &prefix.root), (large.size, &large.root), &prefix.proof).is_ok();
    tied && prefix.root != small.root
}

/// Whether one key of the log has signed the smaller tree as the newest after the larger one.
fn went_back(larger: &Opened<'_>, smaller: &Opened<'_>) -> bool {
    larger.of_log().any(|before| {
        smaller
            .of_log()
            .any(|after| before.key == after.key && before.time.is_some() && before.time < after.time)
    })
}

/// The text that [`Evidence::parse`] reads.
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(prefix) = &self.prefix {
            core::iter::once(&prefix.root).chain(&prefix.proof).try_for_each(|hash| writeln!(f, "{hash}"))?;
        }
        write!(f, "\n{}\n{}", self.smaller, self.larger)
    }
}

#[cfg(test)]
mod tests;
