//! Search by what sounds alike: `Gonsalves` finds Gonçalves, `Mueller` and `Miller` find Müller.
//!
//! A value has an index term for the sound of each word, by the Daitch-Mokotoff soundex: made for names that crossed from
//! one language and alphabet into another, it hears German, Slavic, Romance and English spellings as one. Where a spelling
//! can be read in several ways it has several codes. What cannot be coded, other scripts and words with digits, is its own
//! term. Sounds alone find too much, so each candidate is compared letter by letter after opening.
//!
//! What must never happen here: another code for a word without another [`SEARCH_VERSION`](super::SEARCH_VERSION).

use std::fmt;
use std::sync::LazyLock;

use rphonetic::DaitchMokotoffSoundex;
use zeroize::Zeroizing;

use super::words::{self, Word};
use super::{FieldType, Invalid, Normal, Value};

/// From which [similarity](FuzzyQuery::similarity) on a value counts as found. Of the pairs in the tests below it lies
/// between the least alike that are one name, and the most alike that are two and do not sound as one.
pub const SIMILAR: f64 = 0.875;

/// Letters of a word that are listened to. Six sounds make a code; what follows would only cost time.
const MAX_LETTERS: usize = 32;

/// Readings of one spelling that count, the likeliest first: eight are what the worst of real names have.
const MAX_CODES: usize = 8;

/// How much of what two words are apart in their letters is forgiven when they sound alike, and how much they are apart in
/// addition when they do not: a slip of the finger is forgiven even so, `Martinez` for `Martin` is not.
const FORGIVEN: f64 = 0.6;
const ANOTHER_SOUND: f64 = 0.08;

/// How alike an initial and a word that begins with it are.
const INITIAL: f64 = 0.9;

impl FieldType {
    /// What an index by sound holds of a value: the codes of its words, each once. Words of one letter count only if there
    /// are no others. Nothing for types that are not searched so.
    pub fn fuzzy_terms(&self, value: &Value) -> Vec<Normal> {
        match (self, value.str()) {
            (Self::Name | Self::Text { .. }, Some(text)) => terms(&words::stored(text)),
            _ => Vec::new(),
        }
    }

    /// Reads what somebody typed to find values that sound like it.
    ///
    /// # Errors
    /// [`Invalid`] if there is no word in it, or if this type is not searched so.
    pub fn fuzzy_query(&self, typed: &str) -> Result<FuzzyQuery, Invalid> {
        if !matches!(self, Self::Name | Self::Text { .. }) {
            return Err("a field of this type cannot be searched by sound".into());
        }
        let words = words::asked(typed)?;
        if words.is_empty() {
            return Err("expected at least one word to search for".into());
        }
        Ok(FuzzyQuery { terms: terms(&words), words })
    }
}

/// A question by sound.
pub struct FuzzyQuery {
    terms: Vec<Normal>,
    words: Vec<Word>,
}

impl FuzzyQuery {
    /// What to look up: a value that has any of these terms is a candidate.
    pub fn terms(&self) -> &[Normal] {
        &self.terms
    }

    /// Whether a value is similar enough to count as found.
    pub fn matches(&self, value: &Value) -> bool {
        self.similarity(value) >= SIMILAR
    }

    /// How alike question and value are, 0 to 1: as alike as the word of the question that has the worst counterpart in
    /// the value. The order of words does not count, nor what the value has beyond the question.
    pub fn similarity(&self, value: &Value) -> f64 {
        let stored = value.str().map(words::stored).unwrap_or_default();
        let stored: Vec<Spoken<'_>> = stored.iter().map(Spoken::of).collect();
        let best = |word: &Word| {
            let word = Spoken::of(word);
            stored.iter().map(|other| alike(&word, other)).fold(0.0, f64::max)
        };
        self.words.iter().map(best).fold(1.0, f64::min)
    }
}

impl fmt::Debug for FuzzyQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FuzzyQuery(…)")
    }
}

/// A word and how it may sound.
struct Spoken<'w> {
    word: &'w str,
    codes: Vec<Word>,
}

impl<'w> Spoken<'w> {
    fn of(word: &'w Word) -> Self {
        Self { word, codes: codes(word) }
    }
}

fn alike(one: &Spoken<'_>, other: &Spoken<'_>) -> f64 {
    let initial = |short: &str, long: &str| short.chars().count() == 1 && long.starts_with(short);
    if one.word == other.word {
        return 1.0;
    }
    if initial(one.word, other.word) || initial(other.word, one.word) {
        return INITIAL;
    }
    let letters = strsim::jaro_winkler(one.word, other.word);
    let sounds = one.codes.iter().any(|code| other.codes.contains(code));
    if sounds { letters + (1.0 - letters) * FORGIVEN } else { (letters - ANOTHER_SOUND).max(0.0) }
}

/// The index terms of some words. A code is marked, because a word of digits is a term by itself.
fn terms(words: &[Word]) -> Vec<Normal> {
    let long = |word: &&Word| word.chars().nth(1).is_some();
    let counted: Vec<&Word> = if words.iter().any(|word| long(&word)) {
        words.iter().filter(long).collect()
    } else {
        words.iter().collect()
    };
    let mut terms: Vec<Word> = Vec::new();
    for word in counted {
        let codes = codes(word);
        if codes.is_empty() {
            terms.push(word.clone());
        }
        terms.extend(codes.iter().map(|code| Zeroizing::new(format!("#{}", code.as_str()))));
    }
    // In order, so that a set of terms does not tell the order of the words.
    terms.sort_unstable_by(|one, other| one.as_str().cmp(other));
    terms.dedup();
    terms.into_iter().map(Normal::from).collect()
}

/// How a word may sound; nothing if it is not written in the letters a to z alone, or has no sound that counts.
fn codes(word: &str) -> Vec<Word> {
    const SILENT: &str = "000000";
    static SOUNDEX: LazyLock<DaitchMokotoffSoundex> = LazyLock::new(DaitchMokotoffSoundex::default);
    if !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Vec::new();
    }
    let mut codes = SOUNDEX.inner_soundex(words::beginning(word, MAX_LETTERS), true);
    codes.retain(|code| code != SILENT);
    codes.truncate(MAX_CODES);
    codes.into_iter().map(Zeroizing::new).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn similarity(question: &str, stored: &str) -> f64 {
        let value = FieldType::Name.parse(&json!(stored)).expect(stored);
        FieldType::Name.fuzzy_query(question).expect(question).similarity(&value)
    }

    /// Whether the index leads from the question to the value.
    fn candidate(question: &str, stored: &str) -> bool {
        let value = FieldType::Name.parse(&json!(stored)).expect(stored);
        let terms = FieldType::Name.fuzzy_terms(&value);
        FieldType::Name.fuzzy_query(question).expect(question).terms().iter().any(|term| terms.contains(term))
    }

    /// Names as they were heard on the telephone, carried over a border, or typed in a hurry.
    const ONE_NAME: &[(&str, &str)] = &[
        ("Gonçalves", "Gonsalves"),
        ("Müller", "Mueller"),
        ("Müller", "Muller"),
        ("Müller", "Miller"),
        ("Schmidt", "Schmitt"),
        ("Schmidt", "Smith"),
        ("Schmid", "Schmidt"),
        ("Meyer", "Maier"),
        ("Mayer", "Meier"),
        ("Hofmann", "Hoffmann"),
        ("Fischer", "Fisher"),
        ("Jensen", "Jenson"),
        ("Hansen", "Hanson"),
        ("Nielsen", "Nilsen"),
        ("Andersson", "Anderson"),
        ("Bjørn", "Bjoern"),
        ("Nowak", "Novák"),
        ("Kowalski", "Kovalsky"),
        ("Wójcik", "Voycik"),
        ("Szymański", "Shimanski"),
        ("Szabó", "Sabo"),
        ("Tchaikovsky", "Chaikovskij"),
        ("Catherine", "Katharina"),
        ("Catherine", "Katherine"),
        ("Stephan", "Stefan"),
        ("Philipp", "Filip"),
        ("Josef", "Jozef"),
        ("Mohammed", "Muhamad"),
        ("Yousef", "Jusuf"),
        ("Lefèvre", "Lefebvre"),
        ("Dupont", "Dupond"),
        ("Rodríguez", "Rodrigues"),
        ("Vásquez", "Vazquez"),
        ("Núñez", "Nunes"),
        ("Sousa", "Souza"),
        ("Luís", "Luiz"),
        ("Bianchi", "Bianki"),
        ("Papadopoulos", "Papadopulos"),
        ("Özdemir", "Oezdemir"),
        ("O’Reilly", "Oreily"),
        ("Wagner", "Vagner"),
    ];

    /// Names that begin alike, end alike or sound a little alike, and are two.
    const TWO_NAMES: &[(&str, &str)] = &[
        ("Петров", "Petrov"),
        ("Petrov", "Петров"),
        ("Jensen", "Hansen"),
        ("Gonçalves", "González"),
        ("Schmidt", "Schneider"),
        ("Meyer", "Müller"),
        ("Weber", "Wagner"),
        ("Koch", "Krause"),
        ("Novák", "Nowicki"),
        ("Silva", "Salas"),
        ("Fernández", "Hernández"),
        ("Dupont", "Dumont"),
        ("Martin", "Martinez"),
        ("Johansson", "Johnson"),
        ("Lee", "Li"),
        ("王伟", "王芳"),
        ("Firma 24", "Firma 25"),
    ];

    #[test]
    fn one_name_is_found_however_it_is_written() {
        for (one, other) in ONE_NAME {
            let alike = (similarity(one, other), similarity(other, one));
            assert!(candidate(one, other) && candidate(other, one), "{one} {other}: no common code");
            assert!(alike.0 >= SIMILAR && alike.1 >= SIMILAR, "{one} {other}: {alike:?}");
        }
    }

    #[test]
    fn two_names_are_not_taken_for_one() {
        for (one, other) in TWO_NAMES {
            let found = candidate(one, other) && similarity(one, other) >= SIMILAR;
            assert!(!found, "{one} {other}: {}", similarity(one, other));
        }
    }
    /// The price of listening: two names that sound as one. They are found, and ranked below the name itself.
    const SOUND_AS_ONE: &[(&str, &str)] =
        &[("Müller", "Möhler"), ("Kowalski", "Kowalczyk"), ("Rossi", "Russo"), ("Anna", "Ina")];

    #[test]
    fn names_that_sound_as_one_rank_below_the_name_itself() {
        for (one, other) in SOUND_AS_ONE {
            let alike = similarity(one, other);
            assert!(candidate(one, other) && (SIMILAR..0.96).contains(&alike), "{one} {other}: {alike}");
        }
    }

    #[test]
    fn whole_names_in_any_order_with_less_than_there_is() {
        for (question, stored, found) in [
            ("Gonsalves Ines", "Inês Maria Gonçalves", true),
            ("Mueller-Luedenscheid", "Anna Müller-Lüdenscheidt", true),
            ("I. Gonçalves", "Inês Gonçalves", true),
            ("Inês Gonçalves", "I. Gonçalves", true),
            ("Peter Thomson", "Peter Thompson", true),
            ("Inês Gonclaves", "Inês Gonçalves", true),
            ("Иванова Анна", "Анна Иванов", true),
            ("Inês Maria Gonçalves", "Inês Gonçalves", false),
            ("Ana Fernández", "Ana Hernández", false),
            ("Ana González", "Ana Gonçalves", false),
            ("Peter Martin", "Peter Martinez", false),
            ("Filiale 2024", "Filiale 2025", false),
        ] {
            let alike = similarity(question, stored);
            assert_eq!(
                candidate(question, stored) && alike >= SIMILAR,
                found,
                "{question} {stored}: {alike}"
            );
        }
    }

    fn terms_of(text: &str) -> String {
        let value = FieldType::Text { max: 200 }.parse(&json!(text)).expect(text);
        let terms = FieldType::Text { max: 200 }.fuzzy_terms(&value);
        let terms: Vec<_> = terms.iter().map(|term| std::str::from_utf8(term.as_bytes()).unwrap()).collect();
        terms.join(" ")
    }

    /// These codes are in every index. If an update of the library changes one, raise `SEARCH_VERSION`.
    #[test]
    fn codes_are_for_ever() {
        for (text, codes) in [
            // Avotaynu's own examples of the soundex.
            ("Auerbach", "#097400 #097500"),
            ("Ohrbach", "#097400 #097500"),
            ("Lipshitz", "#874400"),
            ("Lippszyc", "#874400 #874500"),
            ("Lewinsky", "#876450"),
            ("Levinski", "#876450"),
            ("Szlamawicz", "#486740"),
            ("Shlamovitz", "#486740"),
            ("Moskowitz", "#645740"),
            ("Moskovitz", "#645740"),
            ("Peters", "#734000 #739400"),
            ("Gonçalves", "#564874 #565874"),
        ] {
            assert_eq!(terms_of(text), codes, "{text}");
        }
    }

    #[test]
    fn what_has_no_sound_is_its_own_term() {
        assert_eq!(terms_of("Петров 24h eau 3M"), "24h 3m eau петров");
        assert_eq!(terms_of("J. Silva"), "#487000", "an initial says nothing beside a name");
        assert_eq!(terms_of("J. R."), "#100000 #400000 #900000");
        assert!(FieldType::Email.fuzzy_terms(&FieldType::Name.parse(&json!("Ana")).unwrap()).is_empty());
    }

    #[test]
    fn questions_that_ask_nothing() {
        let refused = |of: &FieldType, question: &str| of.fuzzy_query(question).unwrap_err().to_string();
        insta::assert_snapshot!(refused(&FieldType::Name, " - "), @"expected at least one word to search for");
        insta::assert_snapshot!(refused(&FieldType::Name, &"x ".repeat(11)), @"expected at most 10 words to search for");
        insta::assert_snapshot!(refused(&FieldType::Name, &"x".repeat(201)), @"expected at most 200 characters to search for");
        insta::assert_snapshot!(refused(&FieldType::Email, "ana"), @"a field of this type cannot be searched by sound");
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_found_by_itself(text in prop_oneof!["\\PC{1,40}", "[a-zß-ž' -]{1,40}", any::<String>()]) {
            let Ok(value) = FieldType::Name.parse(&json!(text)) else { return Ok(()) };
            let terms = FieldType::Name.fuzzy_terms(&value);
            let Ok(query) = FieldType::Name.fuzzy_query(&text) else { return Ok(()) };
            prop_assert_eq!(query.similarity(&value), 1.0);
            prop_assert!(query.terms().iter().any(|term| terms.contains(term)));
        }

        #[test]
        fn order_does_not_count(mut words in prop::collection::vec("[a-z]{1,8}", 1..6), stored in "[a-z]{1,8}( [a-z]{1,8}){0,4}") {
            let value = FieldType::Name.parse(&json!(stored)).unwrap();
            let alike = |words: &[String]| FieldType::Name.fuzzy_query(&words.join(" ")).unwrap().similarity(&value);
            let before = alike(&words);
            words.reverse();
            prop_assert_eq!(alike(&words), before);
            prop_assert!((0.0..=1.0).contains(&before));
        }

        #[test]
        fn no_word_has_more_codes_than_agreed(word in "[cjrszhckt]{1,60}") {
            let codes = codes(&word);
            prop_assert!(codes.len() <= MAX_CODES);
            prop_assert!(codes.iter().all(|code| code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())));
        }
    }
}
