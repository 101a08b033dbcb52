//! Checkpoints (c2sp.org/tlog-checkpoint): how large the tree is and what its root is, as the text of a note.
//!
//! ```text
//! <origin>\n<size>\n<base64 of the root>\n
//! ```
//! Lines after these are allowed by the format; this log has none, and refuses them: no other signature than its own
//! would cover them.

use core::fmt;

use crate::hash::Hash;
use crate::text::read_number;
use crate::{Error, Result};

const MALFORMED: Error = Error::Malformed("checkpoint");

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: its address without a scheme, or whatever else nobody else would call theirs.
    pub origin: String,
    /// How many leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// Reads the text of a checkpoint, without its signatures.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root), Some(""), None) =
            (lines.next(), lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(MALFORMED);
        };
        let size = read_number(size).ok_or(MALFORMED)?;
        let root = Hash::read(root).ok_or(MALFORMED)?;
        if origin.is_empty() { Err(MALFORMED) } else { Ok(Self { origin: origin.to_owned(), size, root }) }
    }
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else_is() {
        let checkpoint = Checkpoint { origin: "example.com/log".to_owned(), size: 20, root: Hash([7; 32]) };
        let text = checkpoint.to_string();
        assert_eq!(text, "example.com/log\n20\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n");
        assert_eq!(Checkpoint::parse(&text), Ok(checkpoint));
        let changes: [(&str, &str); 8] = [
            ("20", "020"),
            ("20", ""),
            ("20", "-20"),
            ("wc=\n", "wc="),
            ("wc=\n", "wc=\n\n"),
            ("wc=\n", "wc=\nmore\n"),
            ("wc=\n", "wd=\n"),
            ("example.com/log", ""),
        ];
        for (from, to) in changes {
            assert_eq!(Checkpoint::parse(&text.replacen(from, to, 1)), Err(MALFORMED), "{from:?} to {to:?}");
        }
    }
}
