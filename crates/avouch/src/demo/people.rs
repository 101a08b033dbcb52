//! The customers of the demo shop: believable, in fourteen languages, and nobody.
//!
//! The same seed gives the same people on every machine, and the first hundred of a thousand are the hundred of
//! a hundred, so that a transcript in the documentation stays true. Every value is invented from the lists in
//! [`locale`]: e-mail addresses live under names reserved by RFC 2606, telephone numbers in blocks that reach
//! nobody, card numbers are Luhn-valid test numbers, and tax numbers have a part that is never issued.
//!
//! This module must never read a real customer list, a clock or the machine's randomness, and its generator must
//! never be used for anything that has to be unpredictable.

mod americas;
mod central;
mod east;
mod far;
mod isles;
mod locale;
mod north;
mod rng;
mod south;

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use locale::{Locale, fill, folded};
use rng::Rng;

/// One invented customer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Person {
    /// Field name of the default charter → value, in the JSON form that `POST /v1/subjects` takes.
    pub(crate) fields: Map<String, Value>,
}

/// `count` customers, always the same ones for one `seed`; no two share an e-mail address.
pub(crate) fn people(seed: u64, count: usize) -> impl Iterator<Item = Person> {
    let mut addresses = HashSet::with_capacity(count);
    (0u64..).take(count).map(move |index| person(index, &mut Rng::fork(seed, index), &mut addresses))
}

/// The countries customers come from and how many of 100 come from each. The shop is in Germany.
const SHARES: &[(u32, &Locale)] = &[
    (30, &central::GERMANY),
    (9, &south::FRANCE),
    (7, &south::ITALY),
    (7, &south::SPAIN),
    (7, &central::NETHERLANDS),
    (7, &east::POLAND),
    (6, &isles::BRITAIN),
    (5, &east::CZECHIA),
    (5, &north::SWEDEN),
    (4, &north::DENMARK),
    (5, &americas::UNITED_STATES),
    (4, &americas::BRAZIL),
    (3, &far::TURKEY),
    (1, &far::JAPAN),
];

/// Test ranges of the card schemes: no issuer gives these numbers to a person.
const CARD_PREFIXES: &[&str] = &["424242", "555555"];

/// The shop numbers its customers from here.
const FIRST_NUMBER: u64 = 100_001;

/// Staff of the shop, as invented as its customers.
const ACCOUNT_MANAGERS: &[&str] = &["Henrike Sandkuhl", "Tomasz Bednarz", "Inés Villalba", "Oke Martensen"];

fn person(index: u64, rng: &mut Rng, addresses: &mut HashSet<String>) -> Person {
    let locale = home(rng);
    let (given, family) = locale.name(rng);
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);

    put("external_id", json!(format!("L-{}", FIRST_NUMBER + index)));
    put("name", json!(format!("{given} {family}")));
    put("email", json!(email(rng, locale, given, &family, addresses)));
    put("phones", json!(phones(rng, locale)));
    put("address", locale.address(rng));
    put("birth_date", json!(birth_date(rng)));
    put("language", json!(locale.language));
    put("loyalty_points", json!(loyalty_points(rng)));
    if rng.percent(22) {
        put("company", json!(rng.pick(locale.companies)));
    }
    if rng.percent(35) {
        put("national_id", json!(fill(rng, locale.tax_number)));
    }
    if rng.percent(60) {
        put("card_number", json!(card_number(rng)));
    }
    if rng.percent(25) {
        put("account_manager", json!(rng.pick(ACCOUNT_MANAGERS)));
    }
    if rng.percent(40) {
        let note = rng.pick(locale.notes);
        put("notes", json!(fill(rng, note)));
    }
    Person { fields }
}

fn home(rng: &mut Rng) -> &'static Locale {
    let total = SHARES.iter().map(|(share, _)| share).sum();
    let mut drawn = rng.below(total);
    for (share, locale) in SHARES {
        match drawn.checked_sub(*share) {
            Some(rest) => drawn = rest,
            None => return locale,
        }
    }
    &central::GERMANY
}

/// `given.family@…` in one of the shapes people choose, with a number when somebody was there first.
fn email(rng: &mut Rng, locale: &Locale, given: &str, family: &str, taken: &mut HashSet<String>) -> String {
    let (given, family) = (folded(given, locale.language), folded(family, locale.language));
    let initial: String = given.chars().take(1).collect();
    let mailbox = match rng.below(10) {
        0..=4 => format!("{given}.{family}"),
        5..=6 => format!("{initial}.{family}"),
        7 => format!("{given}{family}"),
        8 => format!("{family}.{given}"),
        _ => format!("{given}.{family}{:02}", rng.below(100)),
    };
    let domain = rng.pick(locale.mail_domains);
    let mut address = format!("{mailbox}@{domain}");
    let mut number = 2u32;
    while !taken.insert(address.clone()) {
        address = format!("{mailbox}.{number}@{domain}");
        number += 1;
    }
    address
}

fn phones(rng: &mut Rng, locale: &Locale) -> Vec<String> {
    let count = if rng.percent(15) { 2 } else { 1 };
    let mut phones = Vec::with_capacity(count);
    for _ in 0..count {
        let block = rng.pick(locale.phones);
        phones.push(fill(rng, block));
    }
    phones.dedup();
    phones
}

/// ISO 8601 day of an adult; the 29th to 31st are left out so that every month will do.
fn birth_date(rng: &mut Rng) -> String {
    format!("{:04}-{:02}-{:02}", 1938 + rng.below(68), 1 + rng.below(12), 1 + rng.below(28))
}

/// Many have few points and few have many.
fn loyalty_points(rng: &mut Rng) -> u32 {
    let ceiling = 1 + rng.below(4000);
    rng.below(ceiling)
}

/// Sixteen digits: a test prefix, nine drawn digits and the check digit of ISO/IEC 7812-1.
fn card_number(rng: &mut Rng) -> String {
    let payload = format!("{}{:09}", rng.pick(CARD_PREFIXES), rng.below(1_000_000_000));
    let check = (10 - luhn_sum(&format!("{payload}0")) % 10) % 10;
    format!("{payload}{check}")
}

fn luhn_sum(digits: &str) -> u32 {
    let digits = digits.chars().rev().filter_map(|digit| digit.to_digit(10));
    digits
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { digit } else { digit / 5 + digit * 2 % 10 })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<'a>(person: &'a Person, field: &str) -> &'a str {
        person.fields[field].as_str().expect("a text field")
    }

    #[test]
    fn the_same_seed_gives_the_same_people_and_another_seed_others() {
        let of = |seed, count| people(seed, count).collect::<Vec<_>>();
        assert_eq!(of(7, 300), of(7, 300));
        assert_eq!(of(7, 300), of(7, 900)[..300]);
        assert_ne!(of(7, 300), of(8, 300));
    }

    #[test]
    fn mail_reaches_nobody_and_no_two_share_an_address() {
        let mut seen = HashSet::new();
        for person in people(1, 20_000) {
            let address = text(&person, "email");
            let (mailbox, domain) = address.split_once('@').expect("an address has one @");
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.';
            assert!(mailbox.chars().all(plain), "{mailbox} needs a letter folded");
            let reserved = ["example.com", "example.net", "example.org"].contains(&domain);
            assert!(reserved || domain.ends_with(".example"), "{domain} is not reserved");
            assert!(seen.insert(address.to_owned()), "{address} twice");
        }
    }

    #[test]
    fn cards_are_test_numbers_with_a_right_check_digit() {
        let people = people(2, 2_000).collect::<Vec<_>>();
        let cards = people.iter().filter_map(|person| person.fields.get("card_number")?.as_str());
        let cards = cards.collect::<Vec<_>>();
        assert!(cards.len() > 1_000);
        for card in cards {
            assert_eq!(card.len(), 16);
            assert_eq!(luhn_sum(card) % 10, 0, "{card}");
            assert!(CARD_PREFIXES.iter().any(|prefix| card.starts_with(prefix)), "{card}");
        }
        assert_eq!(luhn_sum("4242424242424242") % 10, 0);
        assert_eq!(luhn_sum("5555555555554444") % 10, 0);
        assert_ne!(luhn_sum("4242424242424241") % 10, 0);
    }

    #[test]
    fn every_country_is_met_and_no_placeholder_is_left() {
        let mut countries = HashSet::new();
        for person in people(3, 5_000) {
            countries.insert(person.fields["address"]["country"].as_str().expect("a country").to_owned());
            let all = serde_json::to_string(&person.fields).expect("a map is JSON");
            assert!(!all.contains(['#', '~', '%']), "{all}");
        }
        assert_eq!(countries.len(), SHARES.len());
        assert_eq!(SHARES.iter().map(|(share, _)| share).sum::<u32>(), 100);
    }

    #[test]
    fn telephone_numbers_have_the_length_of_their_country_and_lie_in_its_unused_blocks() {
        for person in people(4, 5_000) {
            for phone in person.fields["phones"].as_array().expect("a list") {
                let phone = phone.as_str().expect("text");
                let digits = phone.chars().filter(char::is_ascii_digit).collect::<String>();
                assert!(phone.starts_with('+') && (10..=13).contains(&digits.len()), "{phone}");
                match (&digits[..1], &digits[..2]) {
                    ("1", _) => assert!(digits.len() == 11 && digits[4..].starts_with("55501"), "{phone}"),
                    (_, "44") => {
                        assert!(
                            digits[4..].contains("7946")
                                || digits.contains("496")
                                || digits.contains("00900")
                        );
                    }
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn tax_numbers_carry_the_part_that_is_never_issued() {
        for (_, locale) in SHARES {
            let never = ["0", "QQ", "ZZZZZZ"].iter().any(|mark| locale.tax_number.starts_with(mark));
            assert!(never, "{}", locale.tax_number);
        }
    }

    #[test]
    fn the_lists_of_every_country_are_long_enough_to_look_alive() {
        for (_, locale) in SHARES {
            let of = locale.country;
            for names in [&locale.women, &locale.men] {
                assert!(names.given.len() >= 16 && names.family.len() >= 24, "{of}");
            }
            assert!(locale.streets.len() >= 10 && locale.cities.len() >= 6, "{of}");
            assert!(locale.companies.len() >= 4 && locale.notes.len() >= 4, "{of}");
        }
    }
}
