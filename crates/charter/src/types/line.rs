//! One line of text: the form that names, e-mail addresses, numbers and the parts of an address share.
//!
//! Unicode NFC, no white space at the ends and single blanks inside, no control characters, and none of the
//! invisible characters that reorder what a person reads. The buffers here never grow in place: a buffer that
//! the allocator moves leaves a copy of personal data behind that nobody wipes.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use zeroize::Zeroizing;

/// Why a text is not a line. The type that asked knows what to say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Empty,
    TooLong,
    Unprintable,
}

/// Brings `input` into line form; `max` is in characters.
pub(super) fn clean(input: &str, max: usize) -> Result<Zeroizing<String>, Fault> {
    let input = input.trim();
    if input.is_empty() {
        return Err(Fault::Empty);
    }
    // Bounds the work; the exact check is below.
    if input.len() > max.saturating_mul(MAX_BYTES_PER_CHAR) {
        return Err(Fault::TooLong);
    }
    if input.is_ascii() {
        return clean_ascii(input, max);
    }
    let mut line = Zeroizing::new(String::with_capacity(input.len()));
    let mut blank = false;
    let mut len = 0;
    for c in nfc(input).chars() {
        if c.is_whitespace() {
            blank = true;
            continue;
        }
        if unprintable(c) {
            return Err(Fault::Unprintable);
        }
        if std::mem::take(&mut blank) {
            push(&mut line, ' ');
            len += 1;
        }
        push(&mut line, c);
        len += 1;
    }
    if len > max { Err(Fault::TooLong) } else { Ok(line) }
}

/// A character in NFC comes from at most four code points of at most four bytes.
const MAX_BYTES_PER_CHAR: usize = 16;

/// The same for the common case, in which every byte is a character and already in NFC.
fn clean_ascii(input: &str, max: usize) -> Result<Zeroizing<String>, Fault> {
    let mut line = Zeroizing::new(String::with_capacity(input.len()));
    for (i, word) in input.split_ascii_whitespace().enumerate() {
        if word.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(Fault::Unprintable);
        }
        if i > 0 {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.len() > max { Err(Fault::TooLong) } else { Ok(line) }
}

/// `input` in Unicode normalization form C.
pub(super) fn nfc(input: &str) -> Zeroizing<String> {
    if input.is_ascii() || is_nfc_quick(input.chars()) == IsNormalized::Yes {
        return Zeroizing::new(input.to_owned());
    }
    collect(input.nfc(), input.len())
}

/// Collects characters into a buffer that is wiped, also where it had to be replaced by a larger one.
pub(super) fn collect(chars: impl Iterator<Item = char>, capacity: usize) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(capacity));
    chars.for_each(|c| push(&mut text, c));
    text
}

/// Appends a character; where there is no room for it, moves to a larger buffer and wipes the old one.
pub(super) fn push(text: &mut Zeroizing<String>, c: char) {
    if text.len() + c.len_utf8() > text.capacity() {
        let mut larger = Zeroizing::new(String::with_capacity(text.capacity() * 2 + 8));
        larger.push_str(text);
        *text = larger;
    }
    text.push(c);
}

/// Control characters, and the invisible ones that turn the reading direction around or pretend to be
/// nothing.
fn unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn white_space_is_one_blank_between_words() {
        for (given, line) in
            [("a", "a"), (" a \t\r\n b ", "a b"), ("\u{2003}é\u{a0}\u{2028}e\u{301} ", "é é")]
        {
            assert_eq!(clean(given, 10).as_deref().map(String::as_str), Ok(line));
        }
    }

    #[test]
    fn faults() {
        for (given, fault) in [
            ("", Fault::Empty),
            (" \u{a0}\n", Fault::Empty),
            ("abcd", Fault::TooLong),
            ("éééé", Fault::TooLong),
            ("a\u{0}", Fault::Unprintable),
            ("é\u{85}x\u{9f}", Fault::Unprintable),
            ("a\u{202e}b", Fault::Unprintable),
            ("a\u{200b}", Fault::Unprintable),
        ] {
            assert_eq!(clean(given, 3).err(), Some(fault), "{given:?}");
        }
        let apart = "e\u{301}".repeat(3);
        assert_eq!(clean(&apart, 3).unwrap().as_str(), "ééé", "counted after composing");
    }

    proptest! {
        #[test]
        fn the_ascii_way_agrees_with_the_long_way(text in "[ -~\\t\\n\\x00]{0,12}") {
            let long = clean(&format!("{text} é"), 12);
            let long = long.map(|line| line.trim_end_matches('é').trim_end().to_owned());
            let short = clean(&text, 10).map(|line| line.to_string());
            prop_assert_eq!(short, if text.trim().is_empty() { Err(Fault::Empty) } else { long });
        }

        #[test]
        fn a_growing_buffer_loses_nothing(text in any::<String>()) {
            prop_assert_eq!(&*collect(text.chars(), 0), &text);
        }
    }
}
