//! Search by the beginnings of words: `gonç sil` finds Inês Gonçalves da Silva.
//!
//! A value has an index term for every beginning of every word; a question looks up one of them, that of its longest word,
//! and the rest is compared after opening. Of an e-mail address the words before the @ have terms; the domain is compared
//! only, because most people have one of few and a list of half of all customers helps nobody.

use std::collections::BTreeSet;
use std::fmt;

use zeroize::Zeroizing;

use super::words::{self, Word};
use super::{FieldType, Invalid, Normal, Value, line, name};

impl FieldType {
    /// What an index by beginnings holds of a value: of each word its first `from` to `to` characters, each beginning once;
    /// a word shorter than `from` whole. Nothing for types that are not searched so.
    pub fn prefix_terms(&self, value: &Value, from: u8, to: u8) -> Vec<Normal> {
        let Some(text) = self.beginnings_of(value) else { return Vec::new() };
        // In order, so that a set of terms does not tell the order of the words.
        let mut terms = BTreeSet::new();
        let words = words::stored(text);
        for word in &words {
            let length = word.chars().count();
            let shortest = usize::from(from).min(length);
            for n in shortest..=usize::from(to).min(length).max(shortest) {
                terms.insert(words::beginning(word, n));
            }
        }
        terms.into_iter().map(Normal::from).collect()
    }

    /// Reads what somebody typed to find values by the beginnings of their words.
    ///
    /// # Errors
    /// [`Invalid`] if there is no word in it, or if this type is not searched so.
    pub fn prefix_query(&self, typed: &str, from: u8, to: u8) -> Result<PrefixQuery, Invalid> {
        if !matches!(self, Self::Name | Self::Text { .. } | Self::Email) {
            return Err("a field of this type cannot be searched by beginnings".into());
        }
        let (typed, domain) = match (self, typed.split_once('@')) {
            (Self::Email, Some((local, domain))) => (local, Some(name::fold(&line::nfc(domain.trim())))),
            _ => (typed, None),
        };
        let words = words::asked(typed)?;
        let Some(longest) = words.iter().max_by_key(|word| word.chars().count()) else {
            return Err(match domain {
                Some(_) => "expected the beginning of what stands before the @",
                None => "expected the beginning of at least one word",
            }
            .into());
        };
        let lookup = Normal::from(words::beginning(longest, to.into()));
        let short = longest.chars().count() < usize::from(from);
        let whole = short.then(|| longest.clone());
        Ok(PrefixQuery { of: self.clone(), lookup, words, whole, domain })
    }

    fn beginnings_of<'v>(&self, value: &'v Value) -> Option<&'v str> {
        match self {
            Self::Name | Self::Text { .. } => value.str(),
            Self::Email => value.str().map(|email| email.split_once('@').map_or(email, |(local, _)| local)),
            _ => None,
        }
    }
}

/// A question by beginnings.
pub struct PrefixQuery {
    of: FieldType,
    lookup: Normal,
    words: Vec<Word>,
    /// The longest word if it is shorter than any beginning in the index: such words are indexed whole, so it is one.
    whole: Option<Word>,
    /// Beginning of the domain, of an e-mail address.
    domain: Option<Zeroizing<String>>,
}

impl PrefixQuery {
    /// What to look up: whatever [matches](Self::matches) has this term.
    pub fn term(&self) -> &Normal {
        &self.lookup
    }

    /// Whether every word of the question begins a word of the value. To be asked after opening: a term is shortened, and
    /// only one word of the question was looked up.
    pub fn matches(&self, value: &Value) -> bool {
        let Some(text) = self.of.beginnings_of(value) else { return false };
        let stored = words::stored(text);
        let begun = |word: &Word| stored.iter().any(|other| other.starts_with(word.as_str()));
        let whole = self.whole.iter().all(|word| stored.contains(word));
        whole && self.words.iter().all(begun) && self.domain_matches(value)
    }

    fn domain_matches(&self, value: &Value) -> bool {
        let Some(sought) = &self.domain else { return true };
        let domain = value.str().and_then(|email| email.split_once('@'));
        domain.is_some_and(|(_, domain)| name::fold(domain).starts_with(sought.as_str()))
    }
}

impl fmt::Debug for PrefixQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrefixQuery(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const TEXT: FieldType = FieldType::Text { max: 200 };

    fn terms(of: &FieldType, typed: &str) -> String {
        let value = of.parse(&json!(typed)).expect(typed);
        let terms = of.prefix_terms(&value, 3, 5);
        let terms: Vec<_> = terms.iter().map(|term| std::str::from_utf8(term.as_bytes()).unwrap()).collect();
        terms.join(" ")
    }

    fn finds(of: &FieldType, question: &str, stored: &str) -> bool {
        let value = of.parse(&json!(stored)).expect(stored);
        of.prefix_query(question, 3, 8).expect(question).matches(&value)
    }

    #[test]
    fn a_word_has_its_beginnings_and_a_short_one_itself() {
        assert_eq!(terms(&FieldType::Name, "Li Gonçalves"), "gon gonc gonca li");
        assert_eq!(terms(&FieldType::Name, "Ana Anaïs Ana"), "ana anai anais");
        assert_eq!(terms(&FieldType::Email, "ana.silva+shop@gmail.com"), "ana sho shop sil silv silva");
        assert_eq!(terms(&TEXT, "Exemplo S.A."), "a exe exem exemp s");
        assert!(FieldType::Card.prefix_terms(&FieldType::Name.parse(&json!("x")).unwrap(), 3, 8).is_empty());
    }

    #[test]
    fn every_word_of_the_question_begins_a_word_of_the_value() {
        for (question, stored, found) in [
            ("gonç", "Inês Gonçalves da Silva", true),
            ("SILV ine", "Inês Gonçalves da Silva", true),
            ("ines goncalves da silva", "Inês Gonçalves da Silva", true),
            ("reil", "Seán O’Reilly", true),
            ("o'rei", "Seán O´Reilly", true),
            ("lüden", "Anna Müller-Lüdenscheidt", true),
            ("silva x", "Inês Gonçalves da Silva", false),
            ("onçalves", "Inês Gonçalves", false),
            ("goncalvez", "Inês Gonçalves", false),
            ("Li", "Li Wei", true),
            ("We", "Li Wei", false),
            ("петр", "Иван Петров", true),
            ("王伟", "王伟", true),
        ] {
            assert_eq!(finds(&FieldType::Name, question, stored), found, "{question} in {stored}");
        }
    }

    #[test]
    fn the_domain_of_an_address_is_compared_and_not_looked_up() {
        assert!(finds(&FieldType::Email, "ana.sil", "Ana.Silva@Example.org"));
        assert!(finds(&FieldType::Email, "silva@exa", "Ana.Silva@Example.org"));
        assert!(!finds(&FieldType::Email, "silva@gmail", "Ana.Silva@Example.org"));
        assert!(!finds(&FieldType::Email, "example", "Ana.Silva@Example.org"));
    }

    #[test]
    fn the_longest_word_is_looked_up() {
        let term = |question| FieldType::Name.prefix_query(question, 3, 8).unwrap().term().clone();
        assert_eq!(term("da Gonçalves"), Normal::from("goncalve"));
        assert_eq!(term("ab"), Normal::from("ab"));
    }

    #[test]
    fn questions_that_ask_nothing() {
        let refused =
            |of: &FieldType, question: &str| of.prefix_query(question, 3, 8).unwrap_err().to_string();
        insta::assert_snapshot!(refused(&FieldType::Name, " - "), @"expected the beginning of at least one word");
        insta::assert_snapshot!(refused(&FieldType::Email, "@example.org"), @"expected the beginning of what stands before the @");
        insta::assert_snapshot!(refused(&FieldType::Name, &"x ".repeat(11)), @"expected at most 10 words to search for");
        insta::assert_snapshot!(refused(&FieldType::Name, &"x".repeat(201)), @"expected at most 200 characters to search for");
        insta::assert_snapshot!(refused(&FieldType::Date, "1962"), @"a field of this type cannot be searched by beginnings");
    }

    /// A value, and a question that is made of beginnings of its words or of anything.
    fn asked() -> impl Strategy<Value = (String, String)> {
        let name = prop_oneof!["([A-ZÀ-ž'’][a-zß-ž'’]{0,9}[ -]){1,4}[a-z]", "\\PC{1,30}"];
        (name, any::<bool>(), 1_usize..9, "\\PC{0,12}").prop_map(|(name, of_it, n, other)| {
            let words: Vec<String> =
                name.split([' ', '-']).rev().map(|word| word.chars().take(n).collect()).collect();
            let question = if of_it { words.join(" ") } else { other };
            (name, question)
        })
    }

    proptest! {
        #[test]
        fn whatever_matches_is_found_by_its_term((stored, question) in asked(), from in 2_u8..=16, more in 0_u8..=14) {
            let to = (from + more).min(16);
            for of in [FieldType::Name, FieldType::Email, TEXT] {
                let address = format!("{stored}@example.org");
                let given = if of == FieldType::Email { &address } else { &stored };
                let Ok(value) = of.parse(&json!(given)) else { continue };
                let Ok(query) = of.prefix_query(&question, from, to) else { continue };
                if query.matches(&value) {
                    prop_assert!(of.prefix_terms(&value, from, to).contains(query.term()));
                }
            }
        }

        #[test]
        fn a_value_is_found_by_itself_and_by_the_beginning_of_a_word(stored in "[A-Z][a-zà-öø-ž]{2,9} [A-Z][a-z]{2,9}", n in 3_usize..12) {
            let value = FieldType::Name.parse(&json!(stored)).unwrap();
            let word: String = stored.chars().take(n).take_while(|c| *c != ' ').collect();
            for question in [&stored, &word] {
                prop_assert!(FieldType::Name.prefix_query(question, 3, 8).unwrap().matches(&value), "{}", question);
            }
        }

        #[test]
        fn each_beginning_stands_once_and_is_no_longer_than_asked(stored in "\\PC{1,60}", from in 2_u8..=16) {
            let Ok(value) = FieldType::Name.parse(&json!(stored)) else { return Ok(()) };
            let terms = FieldType::Name.prefix_terms(&value, from, 16);
            for (at, term) in terms.iter().enumerate() {
                let length = std::str::from_utf8(term.as_bytes()).unwrap().chars().count();
                prop_assert!((1..=16).contains(&length));
                prop_assert!(!terms[..at].contains(term));
            }
        }
    }
}
