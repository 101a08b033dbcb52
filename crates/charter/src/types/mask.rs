//! Masks: how much of a value a view shows.
//!
//! Each type has its own few masks; a charter names one for `partial` and one for `masked`. Two rules hold
//! for all of them but `full`. What is hidden is always the same three dots, so that its length never shows.
//! And no mask shows more than half of the characters it cuts from: a short value becomes the three dots,
//! never itself.

use std::{cmp::Ordering, fmt};

/// What stands for everything hidden, whatever its length.
pub const HIDDEN: &str = "•••";

/// How much of a value is shown. `Display` gives the text by which a charter names it.
///
/// Masks are partly ordered by how much they show: `keep_last(2) < keep_last(4) < full`, while `initials` and
/// `keep_first(1)` do not compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mask {
    /// `hide`: nothing.
    Hide,
    /// `keep_first(n)`: the first n characters.
    KeepFirst(u8),
    /// `keep_last(n)`: the last n characters.
    KeepLast(u8),
    /// `initials`: the first letters of a name, as in `L. G.`
    Initials,
    /// `email_partial`: the first letter and the domain, as in `l•••@example.org`.
    EmailPartial,
    /// `domain`: the domain of an e-mail address.
    Domain,
    /// `year`: the year of a date.
    Year,
    /// `year_month`: the year and month of a date.
    YearMonth,
    /// `country`: the country of an address, the country calling code of a phone number.
    Country,
    /// `city`: the city of an address.
    City,
    /// `city_country`: the city and country of an address.
    CityCountry,
    /// `last4`: the last four digits of a card number.
    Last4,
    /// `first6_last4`: issuer and last four digits of a card number, the most that PCI DSS 3.4.1 lets be
    /// displayed.
    First6Last4,
    /// `full`: everything.
    Full,
}

/// The masks of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Masks {
    /// What a reader with the view `partial` sees.
    pub partial: Mask,
    /// What a reader with the view `masked` sees.
    pub masked: Mask,
}

impl Mask {
    /// The word of this mask, without its count.
    fn word(self) -> &'static str {
        match self {
            Self::Hide => "hide",
            Self::KeepFirst(_) => "keep_first",
            Self::KeepLast(_) => "keep_last",
            Self::Initials => "initials",
            Self::EmailPartial => "email_partial",
            Self::Domain => "domain",
            Self::Year => "year",
            Self::YearMonth => "year_month",
            Self::Country => "country",
            Self::City => "city",
            Self::CityCountry => "city_country",
            Self::Last4 => "last4",
            Self::First6Last4 => "first6_last4",
            Self::Full => "full",
        }
    }

    /// What `keep_first` or `keep_last` shows of a text; `None` for another mask or if too little would be
    /// hidden.
    pub(super) fn keep(self, text: &str) -> Option<String> {
        let total = text.chars().count();
        match self {
            Self::KeepFirst(n) if at_most_half(n.into(), total) => {
                let end = text.char_indices().nth(n.into())?.0;
                Some(format!("{}{HIDDEN}", text.get(..end)?))
            }
            Self::KeepLast(n) if at_most_half(n.into(), total) => {
                let start = text.char_indices().nth(total - usize::from(n))?.0;
                Some(format!("{HIDDEN}{}", text.get(start..)?))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeepFirst(n) | Self::KeepLast(n) => write!(f, "{}({n})", self.word()),
            _ => f.write_str(self.word()),
        }
    }
}

impl PartialOrd for Mask {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::KeepFirst(a), Self::KeepFirst(b)) | (Self::KeepLast(a), Self::KeepLast(b)) => {
                a.partial_cmp(b)
            }
            (a, b) if a == b => Some(Ordering::Equal),
            (Self::Hide, _)
            | (_, Self::Full)
            | (Self::Domain, Self::EmailPartial)
            | (Self::Year, Self::YearMonth)
            | (Self::Country | Self::City, Self::CityCountry)
            | (Self::Last4, Self::First6Last4) => Some(Ordering::Less),
            (_, Self::Hide)
            | (Self::Full, _)
            | (Self::EmailPartial, Self::Domain)
            | (Self::YearMonth, Self::Year)
            | (Self::CityCountry, Self::Country | Self::City)
            | (Self::First6Last4, Self::Last4) => Some(Ordering::Greater),
            _ => None,
        }
    }
}

/// The rule of every mask that cuts: something is shown, and at least as much is hidden.
pub(super) fn at_most_half(shown: usize, total: usize) -> bool {
    shown > 0 && shown * 2 <= total
}

/// Reads the text of a mask out of a type's vocabulary.
pub(super) fn parse(text: &str, of: &str, vocabulary: &[Mask]) -> Result<Mask, String> {
    let text = text.trim();
    let (word, count) = match text.strip_suffix(')').and_then(|open| open.split_once('(')) {
        Some((word, count)) => (word, count.trim().parse::<u8>().ok()),
        None => (text, None),
    };
    let found = vocabulary.iter().find(|mask| mask.word() == word).and_then(|mask| match (*mask, count) {
        (Mask::KeepFirst(max), Some(n)) if (1..=max).contains(&n) => Some(Mask::KeepFirst(n)),
        (Mask::KeepLast(max), Some(n)) if (1..=max).contains(&n) => Some(Mask::KeepLast(n)),
        (Mask::KeepFirst(_) | Mask::KeepLast(_), _) => None,
        // `word` is the whole text only if no count was written.
        (mask, _) => (word == text).then_some(mask),
    });
    found.ok_or_else(|| {
        let mut allowed = String::new();
        for mask in vocabulary {
            allowed.push_str(if allowed.is_empty() { "" } else { ", " });
            allowed.push_str(&match mask {
                Mask::KeepFirst(max) | Mask::KeepLast(max) => {
                    format!("`{word}(1)` to `{word}({max})`", word = mask.word())
                }
                mask => format!("`{mask}`"),
            });
        }
        format!("a field of type `{of}` has no mask `{text}`: use one of {allowed}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[Mask] = &[
        Mask::Hide,
        Mask::KeepFirst(3),
        Mask::KeepLast(3),
        Mask::Initials,
        Mask::EmailPartial,
        Mask::Domain,
        Mask::Year,
        Mask::YearMonth,
        Mask::Country,
        Mask::City,
        Mask::CityCountry,
        Mask::Last4,
        Mask::First6Last4,
        Mask::Full,
    ];

    #[test]
    fn the_text_of_a_mask_reads_as_the_mask() {
        for mask in ALL {
            assert_eq!(parse(&mask.to_string(), "test", ALL), Ok(*mask));
        }
    }

    #[test]
    fn a_count_is_from_one_to_the_types_greatest() {
        let vocabulary = &[Mask::Hide, Mask::KeepLast(4), Mask::Full];
        assert_eq!(parse("keep_last(1)", "phone", vocabulary), Ok(Mask::KeepLast(1)));
        assert_eq!(parse(" keep_last( 4 ) ", "phone", vocabulary), Ok(Mask::KeepLast(4)));
        for text in [
            "keep_last",
            "keep_last()",
            "keep_last(0)",
            "keep_last(5)",
            "keep_last(999)",
            "keep_last(-1)",
            "hide(1)",
            "(1)",
            "",
            "Full",
        ] {
            assert!(parse(text, "phone", vocabulary).is_err(), "{text}");
        }
        insta::assert_snapshot!(parse("keep_last(9)", "phone", vocabulary).unwrap_err(), @"a field of type `phone` has no mask `keep_last(9)`: use one of `hide`, `keep_last(1)` to `keep_last(4)`, `full`");
    }

    #[test]
    fn masks_are_ordered_by_what_they_show() {
        assert!(Mask::Hide < Mask::Year && Mask::Year < Mask::YearMonth && Mask::YearMonth < Mask::Full);
        assert!(Mask::KeepLast(2) < Mask::KeepLast(4));
        assert!(Mask::Hide < Mask::Full);
        assert_eq!(Mask::Initials.partial_cmp(&Mask::KeepFirst(1)), None);
        for a in ALL {
            for b in ALL {
                assert_eq!(a.partial_cmp(b), b.partial_cmp(a).map(Ordering::reverse), "{a} and {b}");
            }
        }
    }
}
