//! What the values of a column look like, counted over all samples.

use std::collections::HashSet;

use super::country::{is_country, is_language, is_region};
use super::{Kind, national};
use crate::shape::{self, Phone};

/// How well the values go with a kind. The text says what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fit {
    /// They speak for it even if the header says nothing; the number is the confidence then.
    Proof(u8, String),
    /// They go with it, as they would with others.
    Fits(String),
    /// They say nothing.
    Silent,
    /// They speak against it.
    Against(String),
}

/// Counts of shapes. All shares are per cent of the values that are not blank.
#[derive(Debug, Default)]
pub(super) struct Content {
    values: usize,
    distinct: usize,
    longest: usize,
    words: usize,
    email: usize,
    phone_international: usize,
    phone_grouped: usize,
    phone_bare: usize,
    date: usize,
    years: Option<(u16, u16)>,
    card: usize,
    number: usize,
    fraction: usize,
    uuid: usize,
    country: usize,
    region: usize,
    language: usize,
    postal: usize,
    postal_lettered: usize,
    letters: usize,
    digits: usize,
    single: usize,
    two_to_four: usize,
    capital: usize,
    street: usize,
    company: usize,
    national: Option<(usize, &'static str)>,
}

impl Content {
    pub(super) fn of(samples: &[&str]) -> Self {
        let values: Vec<&str> =
            samples.iter().map(|sample| sample.trim()).filter(|sample| !is_blank(sample)).collect();
        let mut content = Self { values: values.len(), ..Self::default() };
        content.distinct = values.iter().collect::<HashSet<_>>().len();
        for value in &values {
            content.count(value);
        }
        content.national = national::SCHEMES
            .iter()
            .map(|scheme| (values.iter().filter(|value| (scheme.holds)(value)).count(), scheme.name))
            .max_by_key(|&(count, _)| count)
            .map(|(count, name)| (content.share(count), name));
        content
    }

    fn count(&mut self, value: &str) {
        let words = value.split_whitespace().count();
        self.longest = self.longest.max(value.chars().count());
        self.words += words;
        self.email += usize::from(shape::is_email(value));
        match shape::phone(value) {
            Some(Phone::International) => self.phone_international += 1,
            Some(Phone::Grouped) => self.phone_grouped += 1,
            Some(Phone::Bare) => self.phone_bare += 1,
            None => {}
        }
        if let Some(year) = shape::year(value) {
            self.date += 1;
            let (first, last) = self.years.unwrap_or((year, year));
            self.years = Some((first.min(year), last.max(year)));
        }
        let number = shape::is_number(value);
        let digits = value.chars().any(|c| c.is_ascii_digit());
        let letters = value.chars().any(char::is_alphabetic);
        self.card += usize::from(shape::is_card(value));
        self.number += usize::from(number);
        self.fraction += usize::from(number && value.contains(['.', ',']));
        self.uuid += usize::from(is_uuid(value));
        self.country += usize::from(is_country(value));
        self.region += usize::from(is_region(value));
        self.language += usize::from(is_language(value));
        self.postal += usize::from(is_postal(value));
        self.postal_lettered += usize::from(is_postal(value) && letters);
        self.letters += usize::from(letters && !digits);
        self.digits += usize::from(digits);
        self.single += usize::from(words == 1);
        self.two_to_four += usize::from((2..=4).contains(&words));
        self.capital +=
            usize::from(value.split_whitespace().all(|word| word.starts_with(char::is_uppercase)));
        self.street += usize::from(is_street(value));
        self.company += usize::from(is_company(value));
    }

    /// No value at all.
    pub(super) fn is_empty(&self) -> bool {
        self.values == 0
    }

    /// Share of values that are one word.
    pub(super) fn single_words(&self) -> usize {
        self.share(self.single)
    }

    fn share(&self, count: usize) -> usize {
        count * 100 / self.values.max(1)
    }

    /// Weighs the values for one kind.
    pub(super) fn fit(&self, kind: Kind) -> Fit {
        if self.is_empty() {
            return match kind {
                Kind::Empty => Fit::Proof(55, "there is no value among the samples".to_owned()),
                _ => Fit::Silent,
            };
        }
        let emails = self.share(self.email);
        if kind != Kind::Email && kind != Kind::FreeText && emails >= 80 {
            return Fit::Against(format!("{emails} % of the values are shaped like e-mail addresses"));
        }
        match kind {
            Kind::Email => self.shaped(self.email, 97, "shaped like e-mail addresses"),
            Kind::Phone => self.phone(),
            Kind::FullName => self.full_name(),
            Kind::GivenName | Kind::FamilyName | Kind::City | Kind::Region => self.name(kind),
            Kind::Company => self.company(),
            Kind::Street => self.street(),
            Kind::PostalCode => self.postal_code(),
            Kind::Country => self.country(),
            Kind::BirthDate => self.birth_date(),
            Kind::Date => self.shaped(self.date, 75, "dates"),
            Kind::NationalId => self.national_id(),
            Kind::Card => self.shaped(self.card, 92, "card numbers with a right check digit"),
            Kind::Identifier => self.identifier(),
            Kind::Choice => self.choice(),
            Kind::Number => {
                self.shaped(self.number, if self.share(self.fraction) >= 30 { 62 } else { 48 }, "numbers")
            }
            Kind::FreeText => self.free_text(),
            Kind::Language => self.language(),
            Kind::Empty => Fit::Silent,
        }
    }

    /// For kinds that a value's shape decides.
    fn shaped(&self, count: usize, alone: u8, shape: &str) -> Fit {
        let share = self.share(count);
        let seen = format!("{share} % of the values are {shape}");
        match share {
            90.. => Fit::Proof(alone, seen),
            // A few rows may be damaged; the fewer, the better.
            60.. => Fit::Proof(alone - alone / 5, seen),
            20.. => Fit::Silent,
            _ if count == 0 => Fit::Against(format!("no values are {shape}")),
            _ => Fit::Against(format!("only {seen}")),
        }
    }

    fn phone(&self) -> Fit {
        let grouped = self.phone_international + self.phone_grouped;
        let share = self.share(grouped + self.phone_bare);
        let seen = format!("{share} % of the values are shaped like telephone numbers");
        if self.national.is_some_and(|(votes, _)| votes >= 60) || self.share(self.card) >= 60 {
            return Fit::Against("the check digits are those of other numbers".to_owned());
        }
        match share {
            80.. if self.share(self.phone_international) >= 40 => Fit::Proof(88, seen),
            80.. if self.share(grouped) >= 60 => Fit::Proof(62, seen),
            30.. => Fit::Fits(seen),
            _ => Fit::Against(format!("only {seen}")),
        }
    }

    fn full_name(&self) -> Fit {
        let (letters, several) = (self.share(self.letters), self.share(self.two_to_four));
        let seen = format!("{several} % of the values are two to four words");
        if self.share(self.digits) >= 40 {
            return self.against_digits();
        }
        let varied = self.values >= 5 && self.share(self.distinct) >= 80;
        if letters >= 95 && several >= 90 && self.share(self.capital) >= 80 && varied && self.longest <= 50 {
            return Fit::Proof(35, format!("{seen} with capitals"));
        }
        if letters >= 80 && several >= 60 { Fit::Fits(seen) } else { Fit::Silent }
    }

    fn name(&self, kind: Kind) -> Fit {
        if self.share(self.digits) >= 40 {
            return self.against_digits();
        }
        let regions = self.share(self.region);
        if kind == Kind::Region && regions >= 90 {
            return Fit::Proof(50, format!("{regions} % of the values are codes of states or provinces"));
        }
        match self.share(self.letters) {
            letters @ 80.. => Fit::Fits(format!("{letters} % of the values are words without digits")),
            _ => Fit::Silent,
        }
    }

    fn company(&self) -> Fit {
        match self.share(self.company) {
            share @ 30.. => Fit::Proof(76, format!("{share} % of the values end in a company's legal form")),
            _ if self.share(self.number) >= 50 => self.against_digits(),
            _ => Fit::Silent,
        }
    }

    fn street(&self) -> Fit {
        let share = self.share(self.street);
        let seen = format!("{share} % of the values are shaped like street addresses");
        match share {
            60.. => Fit::Proof(70, seen),
            25.. => Fit::Fits(seen),
            _ if self.share(self.number) >= 80 => self.against_digits(),
            _ => Fit::Silent,
        }
    }

    fn postal_code(&self) -> Fit {
        let share = self.share(self.postal);
        let seen = format!("{share} % of the values are shaped like postal codes");
        match share {
            90.. if self.share(self.postal_lettered) >= 60 => Fit::Proof(65, seen),
            60.. => Fit::Fits(seen),
            20.. => Fit::Silent,
            _ => Fit::Against(format!("only {seen}")),
        }
    }

    fn country(&self) -> Fit {
        let share = self.share(self.country);
        let seen = format!("{share} % of the values are countries");
        match share {
            90.. if self.share(self.region) >= 90 => Fit::Fits(seen),
            90.. => Fit::Proof(82, seen),
            40.. => Fit::Fits(seen),
            _ if self.share(self.digits) >= 40 => self.against_digits(),
            _ => Fit::Silent,
        }
    }

    fn birth_date(&self) -> Fit {
        let fit = self.shaped(self.date, 55, "dates");
        // Dates of birth lie a generation apart; dates of business do not.
        let apart = self.years.is_some_and(|(first, last)| first >= 1900 && last - first >= 20);
        match fit {
            Fit::Proof(alone, seen) if apart && self.values >= 5 => {
                Fit::Proof(alone, format!("{seen}, decades apart"))
            }
            Fit::Proof(_, seen) => Fit::Fits(seen),
            other => other,
        }
    }

    fn national_id(&self) -> Fit {
        match self.national {
            Some((votes @ 60.., name)) if self.values >= 3 => Fit::Proof(
                if votes >= 90 { 90 } else { 75 },
                format!("{votes} % of the values have the form of {name}"),
            ),
            _ if self.share(self.digits) < 20 => Fit::Against("most values have no digit".to_owned()),
            _ => Fit::Silent,
        }
    }

    fn identifier(&self) -> Fit {
        let uuids = self.share(self.uuid);
        if uuids >= 90 {
            return Fit::Proof(85, format!("{uuids} % of the values are UUIDs"));
        }
        if self.words > self.values * 3 {
            return Fit::Against("the values are whole sentences".to_owned());
        }
        let unique = self.distinct == self.values && self.values >= 5;
        match (unique, self.share(self.number)) {
            (true, 95..) if self.fraction == 0 => {
                Fit::Proof(50, "every value is another whole number".to_owned())
            }
            (true, _) => Fit::Fits("no value stands twice".to_owned()),
            _ => Fit::Silent,
        }
    }

    fn choice(&self) -> Fit {
        let seen = format!("there are {} different values among {}", self.distinct, self.values);
        let few = self.distinct <= 20 && self.distinct * 4 <= self.values;
        match (few, self.values) {
            (true, 10..) if self.longest <= 40 => Fit::Proof(52, seen),
            (false, 20..) if self.share(self.distinct) >= 80 => Fit::Against(seen),
            _ => Fit::Silent,
        }
    }

    fn free_text(&self) -> Fit {
        if self.words >= self.values * 6 || self.longest >= 120 {
            return Fit::Proof(66, "the values are long or have many words".to_owned());
        }
        Fit::Proof(15, "nothing speaks against text of any kind".to_owned())
    }

    fn language(&self) -> Fit {
        let share = self.share(self.language);
        let seen = format!("{share} % of the values are language codes");
        match share {
            95.. => Fit::Proof(64, seen),
            60.. => Fit::Fits(seen),
            _ if self.share(self.digits) >= 40 => self.against_digits(),
            _ => Fit::Silent,
        }
    }

    fn against_digits(&self) -> Fit {
        Fit::Against(format!("{} % of the values have digits", self.share(self.digits)))
    }
}

/// Nothing, or what databases and people write for nothing.
fn is_blank(text: &str) -> bool {
    ["", "-", "n/a", "null", "\\n"].contains(&text.to_ascii_lowercase().as_str())
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Three to ten letters and digits, perhaps in two parts: `10115`, `12227-000`, `H2G 1A7`, `00-950`, `EC1V
/// 2NX`.
fn is_postal(text: &str) -> bool {
    let signs = text.bytes().filter(|byte| matches!(byte, b' ' | b'-')).count();
    (3..=10).contains(&text.len())
        && signs <= 1
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase() || matches!(byte, b' ' | b'-'))
        && !text.starts_with('-')
}

/// A word for a street, or a word beside a house number.
fn is_street(text: &str) -> bool {
    const WORDS: [&str; 44] = [
        "street",
        "st",
        "st.",
        "road",
        "rd",
        "rd.",
        "avenue",
        "ave",
        "ave.",
        "lane",
        "ln",
        "drive",
        "dr",
        "boulevard",
        "blvd",
        "court",
        "ct",
        "way",
        "parkway",
        "pkwy",
        "place",
        "square",
        "rue",
        "chemin",
        "allee",
        "calle",
        "c/",
        "avenida",
        "av.",
        "plaza",
        "paseo",
        "rua",
        "travessa",
        "praca",
        "via",
        "viale",
        "piazza",
        "corso",
        "ul.",
        "ulica",
        "aleja",
        "al.",
        "plac",
        "p.o.",
    ];
    const ENDINGS: [&str; 10] =
        ["strasse", "str.", "gasse", "platz", "allee", "straat", "laan", "gracht", "veien", "gatan"];
    if text.chars().count() < 5 || !text.chars().any(char::is_alphabetic) {
        return false;
    }
    let folded = super::header::fold(text);
    let words: Vec<&str> = folded.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.len() <= 7;
    let named =
        words.iter().any(|word| WORDS.contains(word) || ENDINGS.iter().any(|ending| word.ends_with(ending)));
    let numbered = words.len() > 1 && (words.first().is_some_and(number) || words.last().is_some_and(number));
    let wordy = words.iter().any(|word| word.chars().filter(|c| c.is_alphabetic()).count() >= 3);
    wordy && (numbered || (named && words.len() > 1))
}

/// The last word is a legal form.
fn is_company(text: &str) -> bool {
    const FORMS: [&str; 42] = [
        "inc",
        "llc",
        "ltd",
        "limited",
        "corp",
        "corporation",
        "co",
        "plc",
        "llp",
        "gmbh",
        "ag",
        "kg",
        "ohg",
        "ug",
        "ev",
        "gbr",
        "se",
        "sa",
        "sarl",
        "sas",
        "sasu",
        "eurl",
        "sl",
        "slu",
        "ltda",
        "eireli",
        "me",
        "lda",
        "srl",
        "spa",
        "snc",
        "bv",
        "nv",
        "vof",
        "zoo",
        "ab",
        "as",
        "oy",
        "aps",
        "sro",
        "kft",
        "pty",
    ];
    let folded: String = super::header::fold(text).chars().filter(|&c| c != '.').collect();
    let mut words = folded.split([' ', ',']).filter(|word| !word.is_empty());
    let last = words.next_back();
    // `sp. z o.o.` is three words.
    let form = last.is_some_and(|last| FORMS.contains(&last)) || folded.ends_with(" z oo");
    form && (words.next().is_some())
}
