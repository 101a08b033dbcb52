//! Signed notes (c2sp.org/signed-note): a short text, and beneath it who vouches for it.
//!
//! ```text
//! note   = text || 0a || signature line…          the text ends with a newline
//! line   = "— " || name || " " || base64(key id || signature) || 0a
//! ```
//! Lines of keys that are not known are passed over; one of a known key that does not fit refuses the note, however many
//! others do. Reading is strict: the whole note must have the form before any signature is looked at. What is signed
//! beneath checkpoints is in [`checkpoint`](crate::checkpoint). Must never hand out text that no known key has signed.

use core::fmt;

use data_encoding::BASE64;

use crate::ed25519::{SEED_LEN, SigningKey};
use crate::text::read_base64;
use crate::{Error, Result};

mod key;
mod log;
mod message;
mod opened;

pub use key::{KeyType, VerifierKey};
pub use log::{Cosigner, LogSigner};
pub use opened::{Opened, Signature, open_checkpoint, open_text};

use key::{ID_LEN, is_name};

/// Bytes that a note may have.
pub const MAX_NOTE: usize = 1 << 20;

/// Signature lines that a note may have. The specification wants 16 at least.
pub const MAX_SIGNATURES: usize = 100;

const DASH: &str = "— ";
const MALFORMED: Error = Error::Malformed("note");
const TOO_LONG: Error = Error::Parameters("a note over a mebibyte");

/// A note that has its form. Whether anybody has signed it is another question.
#[derive(Debug)]
pub struct Note<'a> {
    text: &'a str,
    lines: Vec<Line<'a>>,
}

impl<'a> Note<'a> {
    /// Takes a note apart.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(note: &'a str) -> Result<Self> {
        Self::read(note).ok_or(MALFORMED)
    }

    fn read(note: &'a str) -> Option<Self> {
        if note.len() > MAX_NOTE || has_control(note) {
            return None;
        }
        // The last empty line: an earlier one belongs to the text.
        let (text, lines) = note.split_at_checked(note.rfind("\n\n")? + 1)?;
        Some(Self { text, lines: read_lines(lines.strip_prefix('\n')?)? })
    }

    /// The lines beneath the text, in their order.
    #[must_use]
    pub fn lines(&self) -> &[Line<'a>] {
        &self.lines
    }

    /// The text, which is nobody's until a signature was verified.
    pub(crate) const fn text(&self) -> &'a str {
        self.text
    }
}

/// One line beneath a text, or one more of the lines that somebody sends to be put there.
#[derive(Debug)]
pub struct Line<'a> {
    written: &'a str,
    name: &'a str,
    id: [u8; ID_LEN],
    signature: Vec<u8>,
}

impl<'a> Line<'a> {
    fn read(written: &'a str) -> Option<Self> {
        let (name, signature) = written.strip_prefix(DASH)?.split_once(' ')?;
        let bytes = read_base64(signature)?;
        let (id, signature) = bytes.split_first_chunk()?;
        (is_name(name) && !signature.is_empty()).then(|| Self {
            written,
            name,
            id: *id,
            signature: signature.to_vec(),
        })
    }

    /// Whose it says it is.
    #[must_use]
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// Whether it is to be verified by this key.
    #[must_use]
    pub fn is_of(&self, key: &VerifierKey) -> bool {
        self.name == key.name() && self.id == key.id()
    }
}

/// As it was read, with its newline.
impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.written)
    }
}

/// Signature lines that stand alone, as a witness answers.
pub(crate) fn read_lines(text: &str) -> Option<Vec<Line<'_>>> {
    let lines = text.strip_suffix('\n')?;
    if has_control(text) || lines.matches('\n').count() >= MAX_SIGNATURES {
        return None;
    }
    lines.split('\n').map(Line::read).collect()
}

/// The line of a key, with its newline.
fn write_line(name: &str, id: [u8; ID_LEN], signature: &[u8]) -> String {
    format!("{DASH}{name} {}\n", BASE64.encode(&[&id, signature].concat()))
}

/// The note with more lines beneath its text.
///
/// # Errors
/// [`Error::Malformed`] if either is not what it should be, [`Error::Parameters`] if it would be too much together.
pub fn append(note: &str, lines: &str) -> Result<String> {
    let before = Note::parse(note)?;
    let more = read_lines(lines).ok_or(Error::Malformed("signature lines"))?;
    if before.lines.len() + more.len() > MAX_SIGNATURES {
        return Err(Error::Parameters("more signatures than a note may have"));
    }
    let note = [note, lines].concat();
    if note.len() > MAX_NOTE { Err(TOO_LONG) } else { Ok(note) }
}

/// Signs texts with Ed25519 under one name.
pub struct NoteSigner {
    key: SigningKey,
    public: VerifierKey,
}

impl NoteSigner {
    /// The key that the seed is. `name` is best an address without its scheme, `example.com/log`: not empty, no space of
    /// any kind, no `+`.
    ///
    /// # Errors
    /// [`Error::Parameters`] for a name that is none.
    pub fn from_seed(name: &str, seed: &[u8; SEED_LEN]) -> Result<Self> {
        let key = SigningKey::from_seed(seed)?;
        let public = VerifierKey::new(name, KeyType::Ed25519, key.public().bytes())?;
        Ok(Self { key, public })
    }

    /// The note: `text` with a signature line. The text ends with a newline and has no other control character.
    ///
    /// # Errors
    /// [`Error::Malformed`] for another text, [`Error::Parameters`] for one that is too long.
    pub fn sign(&self, text: &str) -> Result<String> {
        let note = format!("{text}\n{}", self.line(text)?);
        if note.len() > MAX_NOTE { Err(TOO_LONG) } else { Ok(note) }
    }

    /// The line alone.
    fn line(&self, text: &str) -> Result<String> {
        // Whoever holds a key for notes and cosigns with it must not be led to do the one by asking for the other.
        if !text.ends_with('\n') || has_control(text) || text.starts_with(message::COSIGNATURE) {
            return Err(Error::Malformed(
                "text of a note: it ends with a newline and has no other control character",
            ));
        }
        let signature = self.key.sign(text.as_bytes())?;
        Ok(write_line(self.public.name(), self.public.id(), &signature))
    }

    /// What verifies its notes: to be handed to whoever does.
    #[must_use]
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.public
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({}, ..)", self.public.name())
    }
}

/// Whether there is a control character of ASCII that is no newline.
fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte < b' ' && byte != b'\n')
}

#[cfg(test)]
mod tests;
