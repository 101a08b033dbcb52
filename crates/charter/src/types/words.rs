//! The words of a text, as an approximate search sees them.
//!
//! Folded like a name (case, accents, typography), cut at everything that is neither letter nor digit. An apostrophe is
//! inside a word and not of it: `O'Reilly` is `oreilly`, and a value with that word also has the word `reilly`, because
//! people look for either. So is the dot of `Col·lell`.

use unicode_normalization::char::is_combining_mark;
use zeroize::Zeroizing;

use super::{Invalid, line, name};

/// One folded word, never empty.
pub(super) type Word = Zeroizing<String>;

/// The longest question, in characters, and its most words.
const MAX: usize = 200;
const MAX_WORDS: usize = 10;

/// The words of a question, in their order; there may be none.
pub(super) fn asked(question: &str) -> Result<Vec<Word>, Invalid> {
    if question.chars().count() > MAX {
        return Err(Invalid(format!("expected at most {MAX} characters to search for").into()));
    }
    let words = typed(question);
    if words.len() > MAX_WORDS {
        return Err(Invalid(format!("expected at most {MAX_WORDS} words to search for").into()));
    }
    Ok(words)
}

/// The words of what somebody types, in their order.
fn typed(text: &str) -> Vec<Word> {
    // Composed first, as stored values are: folding expects it.
    words(&name::fold(&line::nfc(text))).map(joined).filter(|word| !word.is_empty()).collect()
}

/// The words of a stored value: as typed, and of a word with an apostrophe also what follows the last one.
pub(super) fn stored(text: &str) -> Vec<Word> {
    let folded = name::fold(text);
    let mut found = Vec::new();
    for word in words(&folded) {
        let tail = word.rsplit_once('\'').map(|(_, tail)| joined(tail));
        let all = joined(word);
        found.extend(tail.filter(|tail| !tail.is_empty() && **tail != *all));
        found.push(all);
    }
    found.retain(|word| !word.is_empty());
    found
}

fn words(folded: &str) -> impl Iterator<Item = &str> {
    folded.split(|c: char| !belongs(c)).filter(|word| !word.is_empty())
}

/// Letters, digits, the marks that hang on letters, and what joins letters.
fn belongs(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c) || joins(c)
}

fn joins(c: char) -> bool {
    matches!(c, '\'' | '·')
}

fn joined(word: &str) -> Word {
    line::collect(word.chars().filter(|c| !joins(*c)), word.len())
}

/// The first `n` characters.
pub(super) fn beginning(word: &str, n: usize) -> &str {
    let end = word.char_indices().nth(n).map_or(word.len(), |(at, _)| at);
    word.get(..end).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(words: &[Word]) -> String {
        words.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_are_cut_at_what_is_neither_letter_nor_digit() {
        for (text, words) in [
            ("Inês Gonçalves", "ines goncalves"),
            ("Müller-Lüdenscheidt, Anna", "muller ludenscheidt anna"),
            ("Exemplo S.A. (24h)", "exemplo s a 24h"),
            ("王伟 ガク राम क्या", "王伟 ガク राम क्या"),
            ("Петров", "петров"),
            ("Núria Col·lell", "nuria collell"),
            ("'' - ’", ""),
        ] {
            assert_eq!(shown(&typed(text)), words, "{text}");
        }
        assert_eq!(shown(&typed("O\u{1ffd}Reilly")), "oreilly", "an apostrophe that only composing shows");
    }

    #[test]
    fn an_apostrophe_joins_and_what_follows_it_is_a_word_of_the_value_too() {
        assert_eq!(shown(&typed("O’Reilly")), "oreilly");
        assert_eq!(shown(&stored("O’Reilly")), "reilly oreilly");
        assert_eq!(shown(&stored("Rock 'n' Roll")), "rock n roll");
        assert_eq!(shown(&stored("'Ana")), "ana");
    }

    #[test]
    fn a_beginning_is_counted_in_characters() {
        assert_eq!(beginning("ñandú", 2), "ña");
        assert_eq!(beginning("ña", 5), "ña");
        assert_eq!(beginning("", 1), "");
    }

    proptest! {
        #[test]
        fn what_is_typed_is_among_what_is_stored(text in any::<String>()) {
            let stored = stored(&line::nfc(&text));
            for word in typed(&text) {
                prop_assert!(!word.is_empty() && stored.contains(&word), "{}", *word);
            }
        }

        #[test]
        fn the_words_of_a_word_are_itself(text in "[A-Za-zÀ-žΆ-ώА-я'’ -]{0,20}") {
            for word in typed(&text) {
                prop_assert_eq!(typed(&word), vec![word]);
            }
        }
    }
}
