//! What an index gives away, and when the charter may not have one.
//!
//! A blind index hides values but not that two are equal. Where values are distinct, as with e-mail addresses, that
//! says little. Where some are far more common than others, as with names and cities, a thief of the database counts,
//! compares with public statistics, and reads the common ones off. Shortening the index hardly helps; several fields
//! together do, because what they say at once is rare.
//!
//! Never make this a setting with a default: somebody has to write down that they accept it.

use crate::model::{CompoundPart, Field, Search};
use crate::types::{Bucket, FieldType, Part};

/// Whether values of this type are so unevenly distributed that an index that is not unique shows them by their
/// frequency. Of free text nothing is known, so the worst is assumed.
pub(crate) fn skewed(of: &FieldType) -> bool {
    of.skewed() || matches!(of, FieldType::Text { .. })
}

/// What a thief of the database learns from an exact index that is skewed, in plain words.
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

pub(crate) const BY_BEGINNINGS: &str = "by beginnings";
pub(crate) const BY_SOUND: &str = "by sound";
pub(crate) const BY_RANGE: &str = "by range";

/// The thief of the following sentences.
pub(crate) const WHOEVER: &str = "whoever copies the database";

/// Each way in which a field can be searched beside its exact value, as it is spoken of, and what [`WHOEVER`] sees by it.
pub(crate) fn seen_by_search(search: &Search, of: &FieldType) -> Vec<(&'static str, String)> {
    let prefix = search.prefix.map(|_| (BY_BEGINNINGS, seen_by_beginnings(of).to_owned()));
    let fuzzy = search.fuzzy.map(|_| (BY_SOUND, seen_by_sound(of).to_owned()));
    let range = search.range.map(|range| (BY_RANGE, seen_by_range(range.by)));
    [prefix, fuzzy, range].into_iter().flatten().collect()
}

fn seen_by_beginnings(of: &FieldType) -> &'static str {
    match of {
        FieldType::Email => {
            "sees which customers' addresses begin alike and how long their words are, and can read common first names off"
        }
        FieldType::Name => {
            "sees which customers' names begin alike and how long they are, and can read common names off letter by letter"
        }
        _ => {
            "sees which customers' words begin alike and how long they are, and can read common words off letter by letter"
        }
    }
}

fn seen_by_sound(of: &FieldType) -> &'static str {
    match of {
        FieldType::Name => {
            "sees which customers have names that sound alike and, with public name statistics, can tell the common ones"
        }
        _ => "sees which customers have words that sound alike and can tell the common ones",
    }
}

fn seen_by_range(by: Bucket) -> String {
    match by {
        Bucket::Day => {
            "sees which customers share a date and can guess the common ones, such as the first of January"
                .into()
        }
        Bucket::Month => {
            "sees which customers' dates are in the same month and, by counting them, roughly which one"
                .into()
        }
        Bucket::Year => {
            "sees which customers' dates are in the same year and, by counting them, which one for most"
                .into()
        }
        Bucket::Decade => {
            "can read the decade of almost every date off its frequency, as if it were not encrypted".into()
        }
        Bucket::Step(1) => "sees which customers share a number and can guess the common ones".into(),
        Bucket::Step(step) => format!(
            "sees which customers' numbers are in the same step of {step} and, by counting them, which one where it is common"
        ),
    }
}

/// What a thief learns from an exact index that is not skewed: only who shares a value. `None`: nobody shares one.
pub(crate) fn told_of_equals(field: &Field) -> Option<&'static str> {
    let index = field.index.filter(|index| !index.unique && !skewed(&field.of));
    index.map(|_| match field.of {
        FieldType::Phone { .. } => {
            "whoever copies the database sees which customers share a number, and so who may live or work together, but no number"
        }
        FieldType::Email => {
            "whoever copies the database sees which customers share an address, and so who may live or work together, but no address"
        }
        _ => "whoever copies the database sees which customers share a number, but no number",
    })
}

/// Whether what these parts say at once is so rare that counting it tells nothing: their [`plausible`] values multiply to
/// 100,000. The commonest combination is then ten people of a million, and no public statistics name those.
///
/// Multiplying takes the parts for independent, which they are not quite: names follow years and places. The estimates
/// leave room for that.
pub(crate) fn rare(parts: &[(CompoundPart, &Field)]) -> bool {
    let values = parts.iter().map(|(part, field)| plausible(field, part.part));
    values.fold(1, u64::saturating_mul) >= 100_000
}

/// How many values a part may have, as far as a thief who counts is concerned: one over the share of the commonest. With
/// the commonest name one in 2,000 people, an index on names counts like one with 2,000 values, however many names there
/// are. Rounded down from public statistics of Europe and the Americas; the worst country counts.
fn plausible(field: &Field, part: Part) -> u64 {
    // As many values as people: nothing to count.
    const DISTINCT: u64 = 1_000_000;
    if part == Part::Whole && field.index.is_some_and(|index| index.unique) {
        return DISTINCT;
    }
    match (&field.of, part) {
        (
            FieldType::Email | FieldType::Phone { .. } | FieldType::NationalId { .. } | FieldType::Card,
            Part::Whole,
        ) => DISTINCT,
        (FieldType::Name, Part::Whole) => 2_000, // Maria Silva, Thomas Müller
        (FieldType::Address, Part::Whole) => 20_000, // a home with many rooms
        (FieldType::Date, Part::Whole) => 5_000, // the first of January, where the day is not known
        (_, Part::First) => 30,                  // Maria
        (_, Part::Last) => 20,                   // Silva, Hansen
        (_, Part::Initial) => 7,                 // M
        (_, Part::Year) => 50,
        (_, Part::Month) => 500,
        (_, Part::PostalCode) => 500, // 1 in 500 has the commonest; where codes are coarse
        (_, Part::City) => 5,         // a capital
        (_, Part::Country) => 1,      // the company's own
        (_, Part::Domain) => 2,       // the largest provider
        (_, Part::Last4) => 10_000,
        // Of free text, numbers and choices nothing is known: half of all may have one value, or all.
        _ => 1,
    }
}

/// What a thief of the database learns from a compound index.
pub(crate) fn told_of_compound(parts: &[CompoundPart]) -> String {
    let of: Vec<String> = parts.iter().map(|part| format!("`{part}`")).collect();
    let (last, first) = of.split_last().map_or(("", &[][..]), |(last, first)| (last.as_str(), first));
    format!(
        "whoever copies the database sees which customers are alike in {} and {last} at once, but not in what",
        first.join(", ")
    )
}
