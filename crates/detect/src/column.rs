//! What personal data a column holds, guessed from its header and some of its values.
//!
//! Two kinds of evidence: the words of the header in eight languages (`header`), and the shapes of the
//! values, counted over all samples (`content`, `national`). A header alone is believed unless the values
//! speak against it; values alone are believed only where their shape leaves little doubt. A guess proposes a
//! mapping for a human to confirm and decides nothing; its reason counts and names shapes, and never repeats
//! a value or the header itself.

mod content;
mod country;
mod header;
mod national;

use content::{Content, Fit};

/// What a column may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// E-mail address.
    Email,
    /// Telephone, mobile or fax number.
    Phone,
    /// Given and family name in one.
    FullName,
    /// Given name.
    GivenName,
    /// Family name.
    FamilyName,
    /// Name of a company or other organisation.
    Company,
    /// Street and house number, or the lines of an address before the town.
    Street,
    /// Town.
    City,
    /// State, province, region.
    Region,
    /// Postal code.
    PostalCode,
    /// Country, by code or name.
    Country,
    /// Date of birth.
    BirthDate,
    /// Another date or time.
    Date,
    /// National identification, social security or personal tax number.
    NationalId,
    /// Payment card number.
    Card,
    /// A key given by some system: customer number, user name, UUID.
    Identifier,
    /// One of a few values.
    Choice,
    /// A quantity or an amount.
    Number,
    /// Text without a recognisable shape.
    FreeText,
    /// Language, by code or name.
    Language,
    /// No value among the samples.
    Empty,
}

impl Kind {
    const ALL: [Self; 21] = [
        Self::Email,
        Self::Phone,
        Self::FullName,
        Self::GivenName,
        Self::FamilyName,
        Self::Company,
        Self::Street,
        Self::City,
        Self::Region,
        Self::PostalCode,
        Self::Country,
        Self::BirthDate,
        Self::Date,
        Self::NationalId,
        Self::Card,
        Self::Identifier,
        Self::Choice,
        Self::Number,
        Self::FreeText,
        Self::Language,
        Self::Empty,
    ];
}

/// One reading of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    /// What it may hold.
    pub kind: Kind,
    /// 0 to 100; from 80 on it is fit for being proposed without a question mark.
    pub confidence: u8,
    /// Why, in plain words.
    pub because: String,
}

/// All readings of a column, the best first; never empty. `samples` are cells as they stand in the file,
/// blank ones included; a hundred are plenty, and they should not all come from the top of the file.
#[must_use]
pub fn classify(header: &str, samples: &[&str]) -> Vec<Guess> {
    let words = header::read(header);
    let content = Content::of(samples);
    let mut guesses: Vec<Guess> = Kind::ALL
        .into_iter()
        .filter_map(|kind| {
            let word = words.iter().find(|word| word.kind == kind);
            weigh(kind, word, &content)
        })
        .collect();
    lone_name(&mut guesses, &words, &content);
    guesses.sort_by_key(|guess| std::cmp::Reverse(guess.confidence));
    guesses
}

fn weigh(kind: Kind, word: Option<&header::Word>, content: &Content) -> Option<Guess> {
    let said = word.map(|word| format!("the header says `{}`", word.term));
    let guess = |confidence, because| Some(Guess { kind, confidence, because });
    let Some((word, said)) = word.zip(said) else {
        return match content.fit(kind) {
            Fit::Proof(confidence, seen) => guess(confidence, seen),
            Fit::Fits(_) | Fit::Silent | Fit::Against(_) => None,
        };
    };
    if content.is_empty() {
        // It may still have values further down.
        return guess(word.strength.min(60), format!("{said}; there is no value among the samples"));
    }
    match content.fit(kind) {
        Fit::Proof(alone, seen) => guess((word.strength.max(alone) + 4).min(99), format!("{said}; {seen}")),
        Fit::Fits(seen) => guess(word.strength, format!("{said}; {seen}")),
        Fit::Silent => guess(word.strength.saturating_sub(5), said),
        Fit::Against(seen) => guess(word.strength / 8, format!("{said}, but {seen}")),
    }
}

/// A column called just `Name` with single words in it is more likely to stand beside one for the given name.
fn lone_name(guesses: &mut Vec<Guess>, words: &[header::Word], content: &Content) {
    let lone =
        words.iter().any(|word| word.kind == Kind::FullName && header::NAME_ALONE.contains(&word.term));
    let Some(full) = guesses.iter_mut().find(|guess| guess.kind == Kind::FullName && guess.confidence > 50)
    else {
        return;
    };
    if lone && content.single_words() >= 80 {
        let because = format!("{}; most values are single words", full.because);
        full.confidence = 50;
        guesses.push(Guess { kind: Kind::FamilyName, confidence: 60, because });
    }
}
