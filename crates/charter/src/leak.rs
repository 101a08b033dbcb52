//! What an exact index gives away, and when the charter may not have one.
//!
//! A blind index hides values but not that two are equal. Where values are distinct, as with e-mail addresses, that
//! says nothing. Where some are far more common than others, as with names and cities, a thief of the database counts,
//! compares with public statistics, and reads the common ones off. Shortening the index hardly helps.
//!
//! Never make this a setting with a default: somebody has to write down that they accept it.

use crate::types::FieldType;

/// Whether values of this type are so unevenly distributed that an index that is not unique shows them by their
/// frequency. Of free text nothing is known, so the worst is assumed.
pub(crate) fn skewed(of: &FieldType) -> bool {
    of.skewed() || matches!(of, FieldType::Text { .. })
}

/// What a thief of the database learns from such an index, in plain words.
pub(crate) fn told(of: &FieldType) -> &'static str {
    match of {
        // Surnames by public statistics, 10^6 rows, Zipf 0.9: 25 % of rows named at full length, 20 % at 12 bits.
        FieldType::Name => {
            "whoever copies the database sees which customers share a name and, with public name statistics, can name up to one row in four"
        }
        // Cities, Zipf 0.7: 19 % at full length, 11 % at 12 bits.
        FieldType::Address => {
            "whoever copies the database sees which customers live together and can place up to one row in five"
        }
        FieldType::Choice { .. } => {
            "whoever copies the database can read almost every value off its frequency, as if it were not encrypted"
        }
        FieldType::Date => {
            "whoever copies the database sees which customers share a date and can guess the common ones"
        }
        _ => "whoever copies the database sees which customers share a value and can guess the common ones",
    }
}
