//! The root seal that is a file with a random key.
//!
//! Two lines of text: a header that says what it is, and the key in base32 with a check, so that a wrong or
//! damaged file is recognised before it is tried. The caller reads and writes the file and refuses one that
//! others can read. A demo key says so in its header and derives another wrapping key: its mark cannot be
//! edited away.
//!
//! ```text
//! blob   = header || XAES(K, PAE(label, header, vault, purpose, generation), plaintext)
//! header = 0x01 || id[8]         K, id = HKDF[label, PAE(their label)](key)
//! ```

use core::fmt;

use zeroize::Zeroizing;

use super::{FORMAT_KEY_FILE, ID_LEN, RootResult, RootSeal, SealContext, SealInfo, SealKind};
use crate::{
    Error, Key, Result, SecureRandom,
    derive::derive,
    labels,
    text::{check_6, push_base32, read_base32, split_checked},
    xaes::Xaes,
};

const HEADER: &str = "avouch root key v1 (whoever can read this file can open the vault)";
const HEADER_DEMO: &str = "avouch demo root key v1 (demo keys protect nothing)";

/// Room for the text, so that it is written in one place only: header, line ends, 52 + 1 + 6 characters.
const MAX_TEXT: usize = HEADER.len() + 1 + 52 + 1 + 6 + 1;

/// A root seal by a random key of 32 bytes.
pub struct KeyFileSeal {
    wrap: Xaes,
    id: [u8; ID_LEN],
    demo: bool,
}

impl KeyFileSeal {
    /// A fresh key, and the text to write into its file. There is no other way to get the text again.
    pub fn generate(rng: &dyn SecureRandom) -> Result<(Self, Zeroizing<String>)> {
        Self::generate_as(false, rng)
    }

    /// A fresh key that says of itself that it protects nothing.
    pub fn generate_demo(rng: &dyn SecureRandom) -> Result<(Self, Zeroizing<String>)> {
        Self::generate_as(true, rng)
    }

    /// Reads the text of a key file. [`Error::Malformed`] for any other file.
    pub fn from_text(text: &str) -> Result<Self> {
        let (key, demo) = read(text).ok_or(Error::Malformed("root key file"))?;
        Self::new(&key, demo)
    }

    /// Names the key without revealing it; equal for equal keys.
    pub const fn id(&self) -> [u8; ID_LEN] {
        self.id
    }

    fn generate_as(demo: bool, rng: &dyn SecureRandom) -> Result<(Self, Zeroizing<String>)> {
        let key = Key::generate(rng)?;
        let text = write(&key, demo);
        Ok((Self::new(&key, demo)?, text))
    }

    fn new(key: &Key, demo: bool) -> Result<Self> {
        let label = wrap_label(demo);
        let id = derive(key, label.as_bytes(), labels::ROOT_KEY_FILE_ID, &[]);
        Ok(Self {
            wrap: Xaes::new(derive(key, label.as_bytes(), label, &[]).bytes())?,
            id: *id.bytes().first_chunk().ok_or(Error::Provider)?,
            demo,
        })
    }

    fn header(&self) -> [u8; 1 + ID_LEN] {
        let mut header = [FORMAT_KEY_FILE; 1 + ID_LEN];
        header.split_at_mut(1).1.copy_from_slice(&self.id);
        header
    }
}

impl RootSeal for KeyFileSeal {
    fn info(&self) -> SealInfo {
        SealInfo { kind: SealKind::KeyFile, key_beside_data_possible: true, demo: self.demo }
    }

    fn wrap(&self, plaintext: &[u8], context: &SealContext, rng: &dyn SecureRandom) -> RootResult<Vec<u8>> {
        let header = self.header();
        let sealed = self.wrap.seal(context.aad(wrap_label(self.demo), &header).as_ref(), plaintext, rng)?;
        Ok([header.as_slice(), &sealed].concat())
    }

    fn unwrap(&self, blob: &[u8], context: &SealContext) -> RootResult<Zeroizing<Vec<u8>>> {
        let header = self.header();
        let (found, sealed) = blob.split_first_chunk().ok_or(Error::Malformed("wrapped keyring"))?;
        if *found != header {
            return Err(Error::WrongRoot.into());
        }
        Ok(self.wrap.open(context.aad(wrap_label(self.demo), &header).as_ref(), sealed)?)
    }

    fn health(&self) -> RootResult<()> {
        Ok(())
    }
}

impl fmt::Debug for KeyFileSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFileSeal").field("demo", &self.demo).finish_non_exhaustive()
    }
}

const fn wrap_label(demo: bool) -> &'static str {
    if demo { labels::ROOT_KEY_FILE_DEMO } else { labels::ROOT_KEY_FILE }
}

fn write(key: &Key, demo: bool) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(MAX_TEXT));
    text.push_str(if demo { HEADER_DEMO } else { HEADER });
    text.push('\n');
    push_base32(&mut text, key.bytes());
    let check = check_6(&text);
    text.push('_');
    text.extend(check);
    text.push('\n');
    text
}

/// The key and whether it is a demo key. Line ends may be of either kind; nothing else may differ.
fn read(text: &str) -> Option<(Key, bool)> {
    let mut lines = text.lines();
    let (header, key_line) = (lines.next()?, lines.next()?);
    if lines.next().is_some() {
        return None;
    }
    let demo = match header {
        HEADER => false,
        HEADER_DEMO => true,
        _ => return None,
    };
    let mut normal = Zeroizing::new(String::with_capacity(header.len() + 1 + key_line.len()));
    normal.push_str(header);
    normal.push('\n');
    normal.push_str(key_line);
    let (_, key) = split_checked(&normal, check_6)?.split_once('\n')?;
    Some((Key::from_bytes(read_base32(key)?), demo))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::test::rand::FixedByteRandom;

    use super::*;
    use crate::SystemRandom;

    #[test]
    fn the_file_is_pinned() {
        let (_, text) = KeyFileSeal::generate(&FixedByteRandom { byte: 0x42 }).unwrap();
        assert_eq!(
            *text,
            "avouch root key v1 (whoever can read this file can open the vault)\n\
             ijbeeqscijbeeqscijbeeqscijbeeqscijbeeqscijbeeqscijba_gp2njo\n"
        );
        let (_, text) = KeyFileSeal::generate_demo(&FixedByteRandom { byte: 0x42 }).unwrap();
        assert_eq!(
            *text,
            "avouch demo root key v1 (demo keys protect nothing)\n\
             ijbeeqscijbeeqscijbeeqscijbeeqscijbeeqscijbeeqscijba_k6v6fr\n"
        );
    }

    #[test]
    fn the_text_reads_back_as_the_same_key() {
        for demo in [false, true] {
            let (made, text) = KeyFileSeal::generate_as(demo, &SystemRandom::new()).unwrap();
            assert!(text.len() <= MAX_TEXT && text.capacity() == MAX_TEXT, "the secret was moved");
            for text in [String::clone(&text), text.replace('\n', "\r\n"), text.trim_end().to_owned()] {
                let read = KeyFileSeal::from_text(&text).unwrap();
                assert_eq!((read.id(), read.info().demo), (made.id(), demo));
            }
        }
    }

    #[test]
    fn any_changed_character_is_refused() {
        let (_, text) = KeyFileSeal::generate(&SystemRandom::new()).unwrap();
        for at in 0..text.len() - 1 {
            for to in ["a", "A", "7", " ", "\n", "é"] {
                let mut altered = String::clone(&text);
                altered.replace_range(at..=at, to);
                assert!(altered == *text || KeyFileSeal::from_text(&altered).is_err(), "{at} {to:?}");
            }
        }
    }

    #[test]
    fn other_files_are_refused() {
        let (_, text) = KeyFileSeal::generate(&SystemRandom::new()).unwrap();
        for other in ["", "\n", "-----BEGIN PRIVATE KEY-----\n", HEADER, &format!("{}more\n", *text)] {
            assert!(matches!(KeyFileSeal::from_text(other), Err(Error::Malformed("root key file"))));
        }
    }

    #[test]
    fn a_demo_mark_cannot_be_edited_away() {
        let (demo, text) = KeyFileSeal::generate_demo(&SystemRandom::new()).unwrap();
        let (key, _) = read(&text).unwrap();
        let passed_off = KeyFileSeal::from_text(&write(&key, false)).unwrap();
        assert!(!passed_off.info().demo);
        assert_ne!(passed_off.id(), demo.id());
    }
}
