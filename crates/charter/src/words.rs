//! Closed vocabularies of the charter: small enums that are written as one word in a file.
//!
//! One macro gives each of them its list, its spelling and its reading, so that the word in the file, the word
//! in an error and the word in a plan cannot differ.
//!
//! Never put a free-text value here: a vocabulary is closed, and a new word in it changes what avouch does.

/// What the reader of the files needs of a vocabulary.
pub(crate) trait Word: Copy + 'static {
    /// What one word of this vocabulary is called, for errors: `legal basis`.
    const WHAT: &'static str;
    /// Every word, in order.
    const WORDS: &'static [&'static str];
    /// Reads one word, exactly as spelled.
    fn read(word: &str) -> Option<Self>;
}

macro_rules! words {
    (
        $what:literal
        $(#[$outer:meta])*
        $name:ident { $( $(#[$inner:meta])* $variant:ident = $word:literal, )+ }
    ) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $( $(#[$inner])* $variant, )+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// The word the charter uses for it.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// Reads the word, exactly as spelled.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$variant), )+ _ => None }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl $crate::words::Word for $name {
            const WHAT: &'static str = $what;
            const WORDS: &'static [&'static str] = &[$( $word, )+];
            fn read(word: &str) -> Option<Self> { Self::parse(word) }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::Word;
    use crate::{LegalBasis, Sensitivity, View};

    #[test]
    fn every_word_reads_back_as_itself() {
        for basis in LegalBasis::ALL {
            assert_eq!(LegalBasis::parse(basis.as_str()), Some(*basis));
        }
        assert_eq!(LegalBasis::WORDS.len(), LegalBasis::ALL.len());
        assert_eq!(LegalBasis::parse("Consent"), None);
    }

    #[test]
    fn order_is_the_order_of_meaning() {
        assert!(
            Sensitivity::Ordinary < Sensitivity::Delicate && Sensitivity::Delicate < Sensitivity::Special
        );
        assert!(View::ALL.is_sorted());
        assert_eq!(View::ALL.first(), Some(&View::Nothing));
        assert_eq!(View::ALL.last(), Some(&View::Clear));
    }
}
