//! Receipts (c2sp.org/tlog-proof): that something is in a log, for whoever keeps the file and the keys.
//!
//! ```text
//! receipt = "c2sp.org/tlog-proof@v1" || 0a || ("extra " || base64 || 0a)? || "index " || index || 0a
//!           || (base64(hash) || 0a)* || 0a || checkpoint               hashes from the leaf's sibling to the root
//! ```
//! A receipt holds no leaf: whoever verifies it knows what it should be of, and hands that in. Must never lead from
//! [`extra`](Receipt::extra), which nobody has signed, to something that is believed.

use core::fmt;

use data_encoding::BASE64;

use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::note::{MAX_NOTE, Note, Opened, VerifierKey, open_checkpoint};
use crate::policy::{Policy, Standing};
use crate::proof::{MAX_PROOF, verify_inclusion};
use crate::text::{read_base64, read_number};
use crate::{Error, Result};

const HEADER: &str = "c2sp.org/tlog-proof@v1";
const MALFORMED: Error = Error::Malformed("receipt");

/// Bytes that `extra` may have: as many as a leaf.
pub const MAX_EXTRA: usize = 65_535;

/// Bytes that a receipt may have.
pub const MAX_RECEIPT: usize = MAX_NOTE + 2 * MAX_EXTRA;

/// A receipt, as it was read: nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    extra: Vec<u8>,
    index: u64,
    path: Vec<Hash>,
    note: String,
}

impl Receipt {
    /// For the leaf at `index`, with its path to the root of `note`, a checkpoint. `extra` goes along for whoever wants it.
    ///
    /// # Errors
    /// [`Error::Malformed`] if `note` is no checkpoint, or something is larger than it can be.
    pub fn new(index: u64, path: Vec<Hash>, note: String, extra: Vec<u8>) -> Result<Self> {
        Checkpoint::parse(Note::parse(&note)?.text())?;
        let fits = index <= i64::MAX.unsigned_abs() && path.len() <= MAX_PROOF && extra.len() <= MAX_EXTRA;
        if fits { Ok(Self { extra, index, path, note }) } else { Err(MALFORMED) }
    }

    /// Reads a receipt.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_RECEIPT {
            return Err(MALFORMED);
        }
        let (head, note) = text.split_once("\n\n").ok_or(MALFORMED)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(MALFORMED);
        }
        let extra = lines.next_if(|line| line.starts_with("extra ")).map_or(Some(Vec::new()), |line| {
            line.strip_prefix("extra ").and_then(read_base64).filter(|extra| !extra.is_empty())
        });
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(read_number);
        // One more than there may be: what is refused anyway is not read to its end.
        let path = lines.take(MAX_PROOF + 1).map(|line| Hash::read(line).ok_or(MALFORMED));
        let path = path.collect::<Result<_>>()?;
        Self::new(index.ok_or(MALFORMED)?, path, note.to_owned(), extra.ok_or(MALFORMED)?)
    }

    /// Which leaf it says it is of.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The checkpoint, as a note.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// What goes along, which anybody may have put there. What is made of it is only as good as the leaf that it leads to,
    /// once that has been verified.
    #[must_use]
    pub fn extra(&self) -> &[u8] {
        &self.extra
    }

    /// Whether this leaf is in a log of these keys, at the index, by a signature of the log alone: without witnesses that
    /// is what the log says, perhaps to nobody else.
    ///
    /// # Errors
    /// [`Error::Forged`] if the leaf is not there or a signature is not right, [`Error::Unsigned`] if the log has not
    /// signed.
    pub fn verify_by_log<'k>(
        &self,
        entry: &[u8],
        keys: impl IntoIterator<Item = &'k VerifierKey>,
    ) -> Result<Opened<'k>> {
        let opened = open_checkpoint(&self.note, keys)?;
        if opened.of_log().next().is_none() {
            return Err(Error::Unsigned);
        }
        self.includes(entry, opened.checkpoint())?;
        Ok(opened)
    }

    /// Whether this leaf is in a log of the policy, at the index. Whether enough witnesses have signed is in what is
    /// returned: [`Standing::witnessed`].
    ///
    /// # Errors
    /// As [`verify_by_log`](Self::verify_by_log).
    pub fn verify<'p>(&self, entry: &[u8], policy: &'p Policy) -> Result<Standing<'p>> {
        let standing = policy.open(&self.note)?;
        self.includes(entry, standing.opened().checkpoint())?;
        Ok(standing)
    }

    fn includes(&self, entry: &[u8], checkpoint: &Checkpoint) -> Result<()> {
        verify_inclusion(Hash::leaf(entry), self.index, checkpoint.size, &self.path, &checkpoint.root)
    }
}

/// The text that [`Receipt::parse`] reads.
impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if !self.extra.is_empty() {
            writeln!(f, "extra {}", BASE64.encode(&self.extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}

#[cfg(test)]
mod tests;
