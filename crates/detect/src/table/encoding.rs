//! How the file's characters are written.
//!
//! A byte order mark settles it. Without one: NUL bytes in every second place are UTF-16; sound UTF-8 is
//! UTF-8; what is left is assumed to be Windows-1252 (which holds Latin-1), and the dialect says so. Text
//! that reads as nonsense in Windows-1252, such as Polish in Windows-1250, Cyrillic or Japanese, is refused
//! with the request to name the encoding: a wrong guess would store wrong names.

use std::fmt;

use encoding_rs::{CoderResult, Decoder};

use super::Error;

/// A character encoding of the WHATWG Encoding Standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Encoding {
    /// UTF-8, with or without byte order mark.
    pub const UTF_8: Self = Self(encoding_rs::UTF_8);
    /// UTF-16, low byte first: Excel's "Unicode text".
    pub const UTF_16_LE: Self = Self(encoding_rs::UTF_16LE);
    /// UTF-16, high byte first.
    pub const UTF_16_BE: Self = Self(encoding_rs::UTF_16BE);
    /// Western European Windows; a superset of Latin-1's printable characters.
    pub const WINDOWS_1252: Self = Self(encoding_rs::WINDOWS_1252);

    /// The encoding of this label (`utf-8`, `latin1`, `windows-1250`, `shift_jis`), in any case. `None` for
    /// labels that the standard does not have, and for encodings whose delimiters are not found by their
    /// ASCII bytes.
    #[must_use]
    pub fn named(label: &str) -> Option<Self> {
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes())?;
        let stateful = [encoding_rs::ISO_2022_JP, encoding_rs::REPLACEMENT, encoding_rs::X_USER_DEFINED];
        (!stateful.contains(&encoding)).then_some(Self(encoding))
    }

    /// The name as a user knows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0.name() {
            "UTF-16LE" => "UTF-16 LE",
            "UTF-16BE" => "UTF-16 BE",
            "windows-1252" => "Windows-1252",
            other => other,
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An encoding, and on what grounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) encoding: Encoding,
    pub(super) grounds: Grounds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grounds {
    Mark,
    Asked,
    Seen,
    Assumed,
}

impl Found {
    /// Bytes of the mark at the start of the input.
    pub(super) fn bom_length(&self) -> usize {
        match self.grounds {
            Grounds::Mark if self.encoding == Encoding::UTF_8 => 3,
            Grounds::Mark => 2,
            _ => 0,
        }
    }

    /// What turns the input into UTF-8; `None` if it is that already.
    pub(super) fn decoder(&self) -> Option<Decoder> {
        (self.encoding != Encoding::UTF_8).then(|| self.encoding.0.new_decoder_without_bom_handling())
    }
}

/// Settles the encoding by the first bytes of the input.
pub(super) fn detect(head: &[u8], asked: Option<Encoding>) -> Result<Found, Error> {
    if let Some((marked, _)) = encoding_rs::Encoding::for_bom(head) {
        let encoding = Encoding(marked);
        return match asked {
            Some(wanted) if wanted != encoding => {
                Err(Error::EncodingContradicted { found: encoding.name(), wanted: wanted.name() })
            }
            _ => Ok(Found { encoding, grounds: Grounds::Mark }),
        };
    }
    if let Some(encoding) = asked {
        return Ok(Found { encoding, grounds: Grounds::Asked });
    }
    if let Some(offset) = head.iter().position(|&byte| byte == 0) {
        if let Some(encoding) = utf_16(head) {
            return Ok(Found { encoding, grounds: Grounds::Seen });
        }
        if is_binary(head) {
            return Err(Error::Binary { offset });
        }
    }
    if mostly_utf_8(head) {
        return Ok(Found { encoding: Encoding::UTF_8, grounds: Grounds::Seen });
    }
    if western(head) {
        return Ok(Found { encoding: Encoding::WINDOWS_1252, grounds: Grounds::Assumed });
    }
    Err(Error::EncodingUnclear)
}

/// NUL bytes on the first line, or many of them. A few further down spoil their rows and not the file.
fn is_binary(head: &[u8]) -> bool {
    let first_line = head.split(|byte| matches!(byte, b'\r' | b'\n')).find(|line| !line.is_empty());
    let zeros = head.iter().filter(|&&byte| byte == 0).count();
    first_line.is_some_and(|line| line.contains(&0)) || zeros * 50 > head.len()
}

/// UTF-16 without mark: delimiters, line ends and Latin letters have a NUL as their high byte, and nothing
/// has one as its low byte.
fn utf_16(head: &[u8]) -> Option<Encoding> {
    let (mut high, mut low, mut pairs) = (0_usize, 0_usize, 0_usize);
    for pair in head.chunks_exact(2) {
        pairs += 1;
        high += usize::from(pair.first() == Some(&0));
        low += usize::from(pair.last() == Some(&0));
    }
    let encoding = match (high, low) {
        (0, zeros) if zeros * 10 >= pairs => Encoding::UTF_16_LE,
        (zeros, 0) if zeros * 10 >= pairs => Encoding::UTF_16_BE,
        _ => return None,
    };
    let whole = head.get(..pairs * 2)?;
    let mut text = String::with_capacity(head.len() * 2);
    let (result, _, replaced) =
        encoding.0.new_decoder_without_bom_handling().decode_to_string(whole, &mut text, false);
    (result == CoderResult::InputEmpty && !replaced).then_some(encoding)
}

/// Whether the head is UTF-8, perhaps with a few broken rows: then multi-byte characters outnumber broken
/// bytes. Text in an 8-bit code page has hardly a sequence that is sound by chance.
fn mostly_utf_8(head: &[u8]) -> bool {
    let (mut sound, mut broken) = (0_usize, 0_usize);
    let mut chunks = head.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        sound += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        // The head may end in the middle of a character.
        let cut = chunks.peek().is_none()
            && std::str::from_utf8(chunk.invalid()).is_err_and(|e| e.error_len().is_none());
        broken += usize::from(!chunk.invalid().is_empty() && !cut);
    }
    broken == 0 || sound > broken
}

/// Whether the head makes sense as Windows-1252. Western words have lone accented letters between plain ones.
/// Signs such as `³` or `£` between two letters, and words of accented letters only, come from other code
/// pages.
fn western(head: &[u8]) -> bool {
    let (mut high, mut odd) = (0_usize, 0_usize);
    for window in head.windows(3) {
        let &[before, byte, after] = window else { continue };
        if byte < 0x80 {
            continue;
        }
        high += 1;
        let letters = before.is_ascii_alphabetic() && after.is_ascii_alphabetic();
        odd += usize::from((letters && is_sign(byte)) || (before >= 0x80 && after >= 0x80));
    }
    odd * 10 <= high
}

/// Windows-1252 characters that do not stand inside words: all of the upper half that are no letters, but for
/// apostrophes, hyphens and the like.
fn is_sign(byte: u8) -> bool {
    match byte {
        0x8a | 0x8c | 0x8e | 0x9a | 0x9c | 0x9e | 0x9f | 0xaa | 0xba => false, // Š Œ Ž š œ ž Ÿ ª º
        0x91 | 0x92 | 0x96 | 0x97 | 0xa0 | 0xad | 0xb4 | 0xb7 => false, // ‘ ’ – — space, soft hyphen, ´ ·
        0x80..=0xbf | 0xd7 | 0xf7 => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(head: &[u8]) -> (&'static str, Grounds) {
        let found = detect(head, None).expect("text");
        (found.encoding.name(), found.grounds)
    }

    fn written(text: &str, label: &str) -> Vec<u8> {
        Encoding::named(label).expect("a label").0.encode(text).0.into_owned()
    }

    fn utf_16_bytes(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    #[test]
    fn settles_by_mark_or_by_sight() {
        assert_eq!(found(b"\xef\xbb\xbfname"), ("UTF-8", Grounds::Mark));
        assert_eq!(found(b"\xff\xfen\0"), ("UTF-16 LE", Grounds::Mark));
        assert_eq!(found(b"\xfe\xff\0n"), ("UTF-16 BE", Grounds::Mark));
        assert_eq!(found("plz;ort\n10115;Köln\n".as_bytes()), ("UTF-8", Grounds::Seen));
        assert_eq!(
            found(&utf_16_bytes("имя;город\nАнна;Москва\n", u16::to_le_bytes)),
            ("UTF-16 LE", Grounds::Seen)
        );
        assert_eq!(found(&utf_16_bytes("name\nAnna\n", u16::to_be_bytes)), ("UTF-16 BE", Grounds::Seen));
        assert_eq!(
            found(&written("Köhler;Gonçalves;d’Arc\n", "windows-1252")),
            ("Windows-1252", Grounds::Assumed)
        );
    }

    #[test]
    fn one_broken_row_does_not_make_a_file_western() {
        assert_eq!(found(b"K\xc3\xb6hler\nM\xc3\xbcller\nM\xfcller\n"), ("UTF-8", Grounds::Seen));
        assert_eq!(found(b"K\xc3\xb6hler\nM\xc3"), ("UTF-8", Grounds::Seen));
    }

    #[test]
    fn refuses_what_it_would_misread() {
        let polish =
            written("imię;miasto\nStanisław;Wąchock\nPaweł;Białystok\nMałgorzata;Piła\n", "windows-1250");
        assert!(matches!(detect(&polish, None), Err(Error::EncodingUnclear)));
        let russian = written("имя;город\nАнна;Москва\n", "windows-1251");
        assert!(matches!(detect(&russian, None), Err(Error::EncodingUnclear)));
        let japanese = written("名前;都市\n山田;東京\n", "shift_jis");
        assert!(matches!(detect(&japanese, None), Err(Error::EncodingUnclear)));
        assert!(matches!(detect(b"a\0\0\0b", None), Err(Error::Binary { offset: 1 })));
        let asked = detect(b"\xef\xbb\xbfname", Some(Encoding::WINDOWS_1252));
        assert!(matches!(asked, Err(Error::EncodingContradicted { .. })));
    }

    #[test]
    fn labels_are_those_of_the_standard() {
        assert_eq!(Encoding::named("Latin1"), Some(Encoding::WINDOWS_1252));
        assert_eq!(Encoding::named("UTF-16LE"), Some(Encoding::UTF_16_LE));
        assert_eq!(Encoding::named("iso-2022-jp"), None);
        assert_eq!(Encoding::named("klingon"), None);
    }
}
