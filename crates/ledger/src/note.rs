//! Signed notes (c2sp.org/signed-note): a short text, and beneath it who vouches for it.
//!
//! ```text
//! key id        = first 4 bytes of SHA-256(name || 0a || 01 || public key)
//! verifier key  = name+hex(key id)+base64(01 || public key)
//! note          = text || 0a || signature line…          the text ends with a newline
//! line          = "— " || name || " " || base64(key id || Ed25519(seed, text)) || 0a
//! ```
//! Lines of keys that are not known are passed over; one of the known key that does not fit refuses the note,
//! however many others do. Reading is strict: the whole note must have the form before any signature is
//! looked at. Must never hand out text that no known key has signed.

use core::fmt;

use aws_lc_rs::digest;
use data_encoding::{BASE64, HEXLOWER};

use crate::ed25519::{PUBLIC_LEN, SEED_LEN, SigningKey, VerifyingKey};
use crate::text::read_base64;
use crate::{Error, Result};

/// Bytes that a note may have.
pub const MAX_NOTE: usize = 1 << 20;

/// Signature lines that a note may have. The specification wants 16 at least.
pub const MAX_SIGNATURES: usize = 100;

/// The signature type of Ed25519.
const ED25519: u8 = 0x01;
const ID_LEN: usize = 4;
const DASH: &str = "— ";
const MALFORMED_KEY: Error = Error::Malformed("verifier key of a note");
const MALFORMED: Error = Error::Malformed("note");

/// Signs notes under one name.
pub struct NoteSigner {
    signer: Signer,
    key: SigningKey,
}

impl NoteSigner {
    /// The key that the seed is. `name` is best an address without its scheme, `example.com/log`: not empty,
    /// no space of any kind, no `+`.
    pub fn from_seed(name: &str, seed: &[u8; SEED_LEN]) -> Result<Self> {
        let key = SigningKey::from_seed(seed)?;
        let signer = Signer::new(name, key.public().bytes()).ok_or(Error::Parameters(
            "the name of a note's key is not empty and has neither spaces nor plus signs",
        ))?;
        Ok(Self { signer, key })
    }

    /// The note: `text` with a signature line. The text ends with a newline and has no other control
    /// character.
    pub fn sign(&self, text: &str) -> Result<String> {
        if !text.ends_with('\n') || has_control(text) {
            return Err(Error::Malformed(
                "text of a note: it ends with a newline and has no other control character",
            ));
        }
        let mut signature = self.signer.id.to_vec();
        signature.extend_from_slice(&self.key.sign(text.as_bytes())?);
        let note = format!("{text}\n{DASH}{} {}\n", self.signer.name, BASE64.encode(&signature));
        if note.len() > MAX_NOTE { Err(Error::Parameters("a note over a mebibyte")) } else { Ok(note) }
    }

    /// What [`NoteVerifier::parse`] reads: to be handed to whoever verifies.
    pub fn verifier_key(&self) -> String {
        self.signer.verifier_key(self.key.public())
    }

    /// The name that it signs under.
    pub fn name(&self) -> &str {
        &self.signer.name
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({}, ..)", self.signer.name)
    }
}

/// Verifies the notes of one key.
pub struct NoteVerifier {
    signer: Signer,
    key: VerifyingKey,
}

impl NoteVerifier {
    /// Reads a verifier key. Only of Ed25519; a key id that does not fit is refused, as is a public key under
    /// which anybody could sign.
    pub fn parse(verifier_key: &str) -> Result<Self> {
        let (name, id, key) = read_verifier_key(verifier_key).ok_or(MALFORMED_KEY)?;
        let signer = Signer::new(name, &key).filter(|signer| signer.id == id).ok_or(MALFORMED_KEY)?;
        Ok(Self { signer, key: VerifyingKey::parse(key)? })
    }

    /// The text of a note, signed by this key. [`Error::Unsigned`] if it has no line of this key,
    /// [`Error::Forged`] if it has one that is not right, [`Error::Malformed`] if it is no note.
    pub fn verify<'a>(&self, note: &'a str) -> Result<&'a str> {
        let (text, lines) = read(note).ok_or(MALFORMED)?;
        let mut ours =
            lines.iter().filter(|line| line.name == &*self.signer.name && line.id == self.signer.id);
        let first = ours.next().ok_or(Error::Unsigned)?;
        for line in core::iter::once(first).chain(ours) {
            self.key.verify(text.as_bytes(), &line.signature)?;
        }
        Ok(text)
    }

    /// What [`parse`](Self::parse) read.
    pub fn verifier_key(&self) -> String {
        self.signer.verifier_key(&self.key)
    }

    /// The name of the key.
    pub fn name(&self) -> &str {
        &self.signer.name
    }
}

impl fmt::Debug for NoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteVerifier({})", self.verifier_key())
    }
}

/// By what a key is found among the lines of a note.
struct Signer {
    name: Box<str>,
    id: [u8; ID_LEN],
}

impl Signer {
    fn new(name: &str, key: &[u8; PUBLIC_LEN]) -> Option<Self> {
        let mut hash = digest::Context::new(&digest::SHA256);
        [name.as_bytes(), b"\n", &[ED25519], key].into_iter().for_each(|part| hash.update(part));
        let id = *hash.finish().as_ref().first_chunk()?;
        is_name(name).then(|| Self { name: name.into(), id })
    }

    fn verifier_key(&self, key: &VerifyingKey) -> String {
        let key = [&[ED25519], key.bytes().as_slice()].concat();
        format!("{}+{}+{}", self.name, HEXLOWER.encode(&self.id), BASE64.encode(&key))
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !has_control(text) && !text.contains(|c: char| c.is_whitespace() || c == '+')
}

/// Whether there is a control character of ASCII that is no newline.
fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte < b' ' && byte != b'\n')
}

fn read_verifier_key(text: &str) -> Option<(&str, [u8; ID_LEN], [u8; PUBLIC_LEN])> {
    let (name, rest) = text.split_once('+')?;
    let (id, key) = rest.split_once('+')?;
    let id = HEXLOWER.decode(id.as_bytes()).ok()?.try_into().ok()?;
    let key = read_base64(key)?;
    let (kind, key) = key.split_first()?;
    (*kind == ED25519).then_some((name, id, key.try_into().ok()?))
}

/// One line beneath a text.
struct Line<'a> {
    name: &'a str,
    id: [u8; ID_LEN],
    signature: Vec<u8>,
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (name, signature) = line.strip_prefix(DASH)?.split_once(' ')?;
        let bytes = read_base64(signature)?;
        let (id, signature) = bytes.split_first_chunk()?;
        (is_name(name) && !signature.is_empty()).then(|| Self {
            name,
            id: *id,
            signature: signature.to_vec(),
        })
    }
}

/// Text and lines, if every one of them has its form.
fn read(note: &str) -> Option<(&str, Vec<Line<'_>>)> {
    if note.len() > MAX_NOTE || has_control(note) {
        return None;
    }
    // The last empty line: an earlier one belongs to the text.
    let (text, lines) = note.split_at_checked(note.rfind("\n\n")? + 1)?;
    let lines = lines.strip_prefix('\n')?.strip_suffix('\n')?;
    if lines.matches('\n').count() >= MAX_SIGNATURES {
        return None;
    }
    Some((text, lines.split('\n').map(Line::read).collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests;
