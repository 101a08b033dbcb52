//! What a country gives its people: names, streets, towns, and the shapes of numbers.
//!
//! Patterns are filled by [`fill`]: `#` is a digit, everything else stands for itself. A pattern in this folder
//! must never be able to make a number that belongs to somebody: where the regulator keeps a block for
//! films and documentation (Britain, France, Germany, Sweden, United States) it is used; elsewhere the
//! leading digits are ones the numbering plan does not hand out.

use serde_json::{Map, Value, json};

use super::rng::Rng;

/// Everything needed to invent one customer of one country.
#[derive(Debug)]
pub(super) struct Locale {
    /// ISO 3166-1 alpha-2.
    pub(super) country: &'static str,
    /// ISO 639-1: in which of the default charter's languages the shop writes to the customer.
    pub(super) language: &'static str,
    pub(super) women: Names,
    pub(super) men: Names,
    pub(super) order: Order,
    pub(super) streets: &'static [&'static str],
    /// Street and house number as written there: `~` is the street, `#` a digit, `%` a number up to 120.
    pub(super) street_line: &'static str,
    pub(super) cities: &'static [&'static City],
    /// Patterns in international form.
    pub(super) phones: &'static [&'static str],
    /// Pattern with a part that the tax office never issues.
    pub(super) tax_number: &'static str,
    /// Names reserved by RFC 2606 only.
    pub(super) mail_domains: &'static [&'static str],
    pub(super) companies: &'static [&'static str],
    /// What a clerk would have written, in the customer's language.
    pub(super) notes: &'static [&'static str],
}

/// Given and family names of one gender; where family names do not bend, both genders share the list.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) given: &'static [&'static str],
    pub(super) family: &'static [&'static str],
}

/// How a full name is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Given name, family name.
    Western,
    /// Given name, two family names.
    TwoFamilies,
}

/// A real place; people live there, nobody at these addresses.
#[derive(Debug)]
pub(super) struct City {
    pub(super) name: &'static str,
    /// State, province or county where the post wants one.
    pub(super) region: Option<&'static str>,
    /// Pattern.
    pub(super) postal_code: &'static str,
}

/// A place whose post needs no region.
pub(super) const fn town(name: &'static str, postal_code: &'static str) -> City {
    City { name, region: None, postal_code }
}

/// A place with its region.
pub(super) const fn town_in(name: &'static str, region: &'static str, postal_code: &'static str) -> City {
    City { name, region: Some(region), postal_code }
}

impl Locale {
    /// A given and a family name that go together.
    pub(super) fn name(&self, rng: &mut Rng) -> (&'static str, String) {
        let names = if rng.percent(52) { &self.women } else { &self.men };
        let given = rng.pick(names.given);
        let first = rng.pick(names.family);
        match self.order {
            Order::Western => (given, first.to_owned()),
            Order::TwoFamilies => (given, format!("{first} {}", rng.pick(names.family))),
        }
    }

    /// `{street, city, region?, postal_code, country}`.
    pub(super) fn address(&self, rng: &mut Rng) -> Value {
        let street = rng.pick(self.streets);
        let city = rng.pick(self.cities);
        let mut address = Map::new();
        address.insert("street".to_owned(), json!(self.street_line(rng, street)));
        address.insert("city".to_owned(), json!(city.name));
        if let Some(region) = city.region {
            address.insert("region".to_owned(), json!(region));
        }
        address.insert("postal_code".to_owned(), json!(fill(rng, city.postal_code)));
        address.insert("country".to_owned(), json!(self.country));
        Value::Object(address)
    }

    fn street_line(&self, rng: &mut Rng, street: &str) -> String {
        let number = (1 + rng.below(120)).to_string();
        fill(rng, self.street_line).replace('%', &number).replace('~', street)
    }
}

/// `pattern` with every `#` replaced by a drawn digit.
pub(super) fn fill(rng: &mut Rng, pattern: &str) -> String {
    let digit = |c| if c == '#' { char::from_digit(rng.below(10), 10).unwrap_or('0') } else { c };
    pattern.chars().map(digit).collect()
}

/// A name as people write it in a mailbox: lower-case ASCII letters; Germans write `ae` where Swedes write `a`.
pub(super) fn folded(name: &str, language: &str) -> String {
    let first = name.split(' ').next().unwrap_or(name);
    let mut mailbox = String::with_capacity(first.len());
    for letter in first.chars().flat_map(char::to_lowercase) {
        match letter {
            'ä' | 'ö' | 'ü' if language == "de" => mailbox.push_str(match letter {
                'ä' => "ae",
                'ö' => "oe",
                _ => "ue",
            }),
            'a'..='z' => mailbox.push(letter),
            'ß' => mailbox.push_str("ss"),
            'æ' => mailbox.push_str("ae"),
            'á' | 'à' | 'â' | 'ã' | 'ä' | 'å' | 'ą' => mailbox.push('a'),
            'ç' | 'ć' | 'č' => mailbox.push('c'),
            'ď' => mailbox.push('d'),
            'é' | 'è' | 'ê' | 'ë' | 'ě' | 'ę' => mailbox.push('e'),
            'ğ' => mailbox.push('g'),
            'í' | 'ì' | 'î' | 'ï' | 'ı' => mailbox.push('i'),
            'ł' => mailbox.push('l'),
            'ñ' | 'ń' | 'ň' => mailbox.push('n'),
            'ó' | 'ò' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' => mailbox.push('o'),
            'ř' => mailbox.push('r'),
            'ś' | 'š' | 'ş' => mailbox.push('s'),
            'ť' => mailbox.push('t'),
            'ú' | 'ù' | 'û' | 'ü' | 'ů' | 'ū' => mailbox.push('u'),
            'ý' => mailbox.push('y'),
            'ź' | 'ż' | 'ž' => mailbox.push('z'),
            // A hyphen, an apostrophe, or a combining dot that lower-casing `İ` leaves behind.
            _ => {}
        }
    }
    mailbox
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_mailboxes_the_way_people_write_them() {
        assert_eq!(folded("Jürgen", "de"), "juergen");
        assert_eq!(folded("Åström", "sv"), "astrom");
        assert_eq!(folded("Łukasz", "pl"), "lukasz");
        assert_eq!(folded("İpek", "en"), "ipek");
        assert_eq!(folded("O'Neill", "en"), "oneill");
        assert_eq!(folded("Navarro Ruiz", "es"), "navarro");
    }
}
