//! Format-preserving encryption as callers meet it: FF1 against another implementation, and the formats.

use std::collections::HashSet;

use aes::Aes256;
use avouch_seal::{
    Error, Key, VaultId,
    ff1::{Ff1, MAX_TWEAK, MIN_DOMAIN},
    format::{CountryCode, Format, FormatKey, FormatScope, Luhn, YearSpan},
    token::Namespace,
};
use fpe::ff1::{FF1, FlexibleNumeralString};
use proptest::{collection::vec, prelude::*};

fn ff1(key: [u8; 32], radix: u8) -> Ff1 {
    Ff1::new(&Key::from_bytes(key.into()), radix).expect("a radix")
}

/// The lengths that a radix has here: from a million strings to a longer half of 96 bits.
fn lengths(radix: u8) -> core::ops::RangeInclusive<usize> {
    let power = |len| u128::from(radix).checked_pow(len);
    let shortest =
        (1..).find(|len| power(*len).expect("within bounds") >= MIN_DOMAIN).expect("within bounds");
    let longest =
        (1..=96).rfind(|len| power(*len).is_some_and(|power| power <= 1 << 96)).expect("within bounds");
    shortest as usize..=2 * longest as usize
}

/// What `fpe` makes of it, and whether it comes back.
fn by_oracle(key: [u8; 32], radix: u8, tweak: &[u8], numerals: &[u8]) -> Vec<u8> {
    let wide: Vec<u16> = numerals.iter().map(|numeral| u16::from(*numeral)).collect();
    let oracle = FF1::<Aes256>::new(&key, radix.into()).expect("within bounds");
    let sealed: Vec<u16> =
        oracle.encrypt(tweak, &FlexibleNumeralString::from(wide)).expect("within bounds").into();
    sealed.into_iter().map(|numeral| u8::try_from(numeral).expect("within bounds")).collect()
}

fn agrees(key: [u8; 32], radix: u8, tweak: &[u8], numerals: &[u8]) {
    let ff1 = ff1(key, radix);
    let permutation = ff1.permutation(numerals.len(), tweak).expect("within bounds");
    let mut ours = numerals.to_vec();
    permutation.encrypt(&mut ours).expect("within bounds");
    let case = format!("radix {radix}, {} numerals, {} bytes of tweak", numerals.len(), tweak.len());
    assert_eq!(ours, by_oracle(key, radix, tweak, numerals), "{case}");
    permutation.decrypt(&mut ours).expect("within bounds");
    assert_eq!(ours, numerals, "{case}");
}

/// Where bit lengths computed in floating point go wrong: whole powers, all-highest halves, the longest and
/// the shortest string of every radix.
#[test]
fn agrees_with_fpe_at_the_edges_of_every_radix() {
    for radix in 2..=64 {
        for len in [*lengths(radix).start(), lengths(radix).end() - 1, *lengths(radix).end()] {
            for numeral in [0, radix - 1] {
                agrees([radix; 32], radix, b"edge", &vec![numeral; len]);
            }
        }
    }
}

#[test]
fn agrees_with_fpe_for_every_length_of_tweak() {
    for len in 0..=MAX_TWEAK {
        agrees([7; 32], 10, &vec![0xa5; len], &[1, 2, 3, 4, 5, 6, 7]);
        agrees([7; 32], 64, &vec![0xa5; len], &[63; 32]);
    }
}

prop_compose! {
    fn strings()(radix in 2_u8..=64)(
        radix in Just(radix),
        numerals in vec(0..radix, lengths(radix)),
    ) -> (u8, Vec<u8>) {
        (radix, numerals)
    }
}

proptest! {
    #[test]
    fn agrees_with_fpe(
        key: [u8; 32],
        (radix, numerals) in strings(),
        tweak in vec(any::<u8>(), 0..=MAX_TWEAK),
    ) {
        agrees(key, radix, &tweak, &numerals);
    }
}

#[test]
fn domains_and_tweaks_out_of_range_are_refused() {
    for radix in 2..=64 {
        let ff1 = ff1([1; 32], radix);
        let (short, long) = (*lengths(radix).start(), *lengths(radix).end());
        let too_small = Error::Parameters("fewer than a million possible values");
        let too_long = Error::Parameters("value too long: half of it exceeds 96 bits");
        for len in [0, 1, short - 1] {
            assert_eq!(ff1.permutation(len, b"").err(), Some(too_small), "radix {radix}");
        }
        for len in [long + 1, 200, usize::MAX] {
            assert_eq!(ff1.permutation(len, b"").err(), Some(too_long), "radix {radix}");
        }
        assert!(ff1.permutation(short, &[0; MAX_TWEAK]).is_ok());
        assert!(ff1.permutation(short, &[0; MAX_TWEAK + 1]).is_err());
    }
    for radix in [0, 1, 65, 255] {
        assert!(matches!(Ff1::new(&Key::from_bytes([1; 32].into()), radix), Err(Error::Parameters(_))));
    }
}

#[test]
fn strings_that_are_none_are_refused_and_left_alone() {
    let ff1 = ff1([1; 32], 10);
    let permutation = ff1.permutation(7, b"").unwrap();
    for mut wrong in [vec![1; 6], vec![1; 8], vec![1, 2, 3, 4, 5, 6, 10], vec![255, 0, 0, 0, 0, 0, 0]] {
        let before = wrong.clone();
        assert_eq!(permutation.encrypt(&mut wrong), Err(Error::Malformed("numeral string")));
        assert_eq!(permutation.decrypt(&mut wrong), Err(Error::Malformed("numeral string")));
        assert_eq!(wrong, before);
    }
}

/// A tenth of the smallest domain: of a function that is no permutation, some five thousand would collide.
#[test]
fn the_smallest_domain_is_permuted() {
    let ff1 = ff1([9; 32], 10);
    let permutation = ff1.permutation(6, b"all").unwrap();
    let sealed: HashSet<u128> =
        (0..100_000).map(|number| permutation.encrypt_number(number).unwrap()).collect();
    assert_eq!(sealed.len(), 100_000);
    assert!(sealed.iter().all(|number| *number < 1_000_000));
}

const VAULT: VaultId = VaultId([2; 16]);

fn namespace(name: &str) -> Namespace {
    Namespace::parse(name).expect("a namespace")
}

fn key(format: Format) -> FormatKey {
    key_of(1, VAULT, "courier", 3, 4, format)
}

fn key_of(root: u8, vault: VaultId, name: &str, field: u32, epoch: u32, format: Format) -> FormatKey {
    let scope = FormatScope { namespace: &namespace(name), field, epoch };
    FormatKey::derive(&Key::from_bytes([root; 32].into()), vault, &scope, format).expect("a format")
}

#[test]
fn a_number_says_its_country() {
    for (number, code) in [
        ("+12125550100", "1"),
        ("+74951234567", "7"),
        ("+4930901820", "49"),
        ("+989121234567", "98"),
        ("+351211234567", "351"),
        ("+8801712345678", "880"),
        ("+971501234567", "971"),
        ("+21612345678", "216"),
        ("+3545812345", "354"),
        ("+88212345678", "882"),
    ] {
        assert_eq!(CountryCode::of(number), Ok(country(code)), "{number}");
    }
    for none in ["", "+", "+3", "+35", "4930901820", "+0301234567", "+é1"] {
        assert!(CountryCode::of(none).is_err(), "{none}");
    }
}

fn country(code: &str) -> CountryCode {
    CountryCode::parse(code).expect("a country code")
}

const CARD: Format = Format::Card(Luhn::Invalid);
const DATE: Format = Format::Date(YearSpan::WHOLE);

/// Computed apart, from the formulas in the module pages, in Python on OpenSSL's AES. A change means that
/// tokens handed out no longer open: it is a new label beside the old one.
#[test]
fn tokens_are_stable() {
    for (format, value, token) in [
        (Format::Digits, "078-05-1120", "269-69-0742"),
        (Format::Alphanumeric, "DE-Kfz B-AV 1234/x", "HQ-Ojt E-HS 1741/i"),
        (CARD, "4111 1111 1111 1111", "1910 2758 7688 1111"),
        (Format::Card(Luhn::Valid), "4111 1111 1111 1111", "0261 8069 9737 1111"),
        (Format::Phone(country("49")), "+4930901820", "+4985912637"),
        (DATE, "1815-12-10", "9964-04-09"),
    ] {
        assert_eq!(key(format).seal(value).unwrap(), token, "{format:?}");
        assert_eq!(key(format).open(token).unwrap(), value, "{format:?}");
    }
}

/// Each character as its class.
fn shape(text: &str) -> String {
    let class = |character: char| match character {
        '0'..='9' => '9',
        'A'..='Z' => 'A',
        'a'..='z' => 'a',
        other => other,
    };
    text.chars().map(class).collect()
}

fn luhn_sum(text: &str) -> u32 {
    let digits = text.chars().rev().filter_map(|character| character.to_digit(10));
    let weighed = digits.enumerate().map(|(place, digit)| match (place % 2, digit * 2) {
        (0, _) => digit,
        (_, doubled) => doubled / 10 + doubled % 10,
    });
    weighed.sum::<u32>() % 10
}

/// A card number of some length, its check digit computed.
fn cards() -> impl Strategy<Value = String> {
    "[0-9]{12,18}".prop_map(|front| {
        let check = (10 - luhn_sum(&format!("{front}0"))) % 10;
        format!("{front}{check}")
    })
}

/// A date of any year, by the days that every month has.
fn dates() -> impl Strategy<Value = String> {
    (1..=9999, 1..=12, 1..=28).prop_map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02}"))
}

fn samples() -> impl Strategy<Value = (Format, String)> {
    prop_oneof![
        "[0-9][ -.]?([0-9][ /]?){5,54}[0-9]".prop_map(|text| (Format::Digits, text)),
        "[0-9A-Za-z .,/-]{8,26}"
            .prop_filter("a domain", |text| text.bytes().filter(u8::is_ascii_alphanumeric).count() >= 6)
            .prop_map(|text| (Format::Alphanumeric, text)),
        cards().prop_map(|text| (CARD, text)),
        cards().prop_map(|text| (Format::Card(Luhn::Valid), text)),
        r"\+1[0-9]{6,14}".prop_map(|text| (Format::Phone(country("1")), text)),
        r"\+49[0-9]{6,13}".prop_map(|text| (Format::Phone(country("49")), text)),
        r"\+351[0-9]{6,12}".prop_map(|text| (Format::Phone(country("351")), text)),
        dates().prop_map(|text| (DATE, text)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_token_opens_and_keeps_the_shape((format, value) in samples(), root in any::<u8>()) {
        let key = key_of(root, VAULT, "courier", 3, 4, format);
        let token = key.seal(&value).unwrap();
        prop_assert_eq!(shape(&token), shape(&value));
        prop_assert_eq!(&key.open(&token).unwrap(), &value);
        prop_assert_eq!(&key.seal(&value).unwrap(), &token);
        match format {
            Format::Card(luhn) => {
                prop_assert_eq!(&token[token.len() - 4..], &value[value.len() - 4..]);
                prop_assert_eq!(luhn_sum(&token), if luhn == Luhn::Invalid { 5 } else { 0 });
            }
            Format::Phone(_) => {
                let code = if value.starts_with("+1") { 2 } else if value.starts_with("+49") { 3 } else { 4 };
                prop_assert_eq!(&token[..code], &value[..code]);
            }
            Format::Digits | Format::Alphanumeric | Format::Date(_) => {}
        }
    }

    /// `Malformed` and `Parameters` hold constant texts only: nothing of what came in.
    #[test]
    fn any_text_is_taken_or_refused_without_a_panic(text in ".{0,80}") {
        for format in [Format::Digits, Format::Alphanumeric, CARD, Format::Phone(country("49")), DATE] {
            let key = key(format);
            for result in [key.seal(&text), key.open(&text)] {
                prop_assert!(
                    matches!(result, Ok(_) | Err(Error::Malformed(_) | Error::Parameters(_))),
                    "{:?}", format,
                );
            }
        }
    }
}

#[test]
fn every_part_of_the_scope_separates() {
    let other_vault = VaultId([3; 16]);
    let values = [
        (Format::Digits, "4111111111111111"),
        (Format::Alphanumeric, "4111111111111111"),
        (CARD, "4111111111111111"),
        (Format::Phone(country("49")), "+4930901820000"),
        (DATE, "1815-12-10"),
    ];
    for (format, value) in values {
        let tokens: HashSet<String> = [
            key_of(1, VAULT, "courier", 3, 4, format),
            key_of(2, VAULT, "courier", 3, 4, format),
            key_of(1, other_vault, "courier", 3, 4, format),
            key_of(1, VAULT, "courier2", 3, 4, format),
            key_of(1, VAULT, "courier", 4, 4, format),
            key_of(1, VAULT, "courier", 4, 3, format),
            key_of(1, VAULT, "courier", 3, 5, format),
        ]
        .iter()
        .map(|key| key.seal(value).unwrap())
        .collect();
        assert_eq!(tokens.len(), 7, "{format:?}");
    }
}

#[test]
fn formats_and_their_parameters_separate() {
    let card = "4111111111111111";
    let tokens = [Format::Digits, Format::Alphanumeric, CARD, Format::Card(Luhn::Valid)];
    let tokens: HashSet<String> = tokens.iter().map(|format| key(*format).seal(card).unwrap()).collect();
    assert_eq!(tokens.len(), 4);
    // The digits before the balancing one as well: the two kinds of card token have different keys.
    let hidden: HashSet<&str> = tokens.iter().map(|token| &token[..11]).collect();
    assert_eq!(hidden.len(), 4);

    let national = |code: &str| {
        let token = key(Format::Phone(country(code))).seal(&format!("+{code}30901820")).unwrap();
        token[1 + code.len()..].to_owned()
    };
    assert_ne!(national("49"), national("43"));

    let late = Format::Date(YearSpan::new(1000, 9999).unwrap());
    assert_ne!(key(DATE).seal("1815-12-10"), key(late).seal("1815-12-10"));
}

/// The value of a format that bears a number.
type Numbered = fn(u32) -> String;

/// Neighbours of each format, in its smallest domain where that is a choice, give as many tokens.
#[test]
fn no_two_values_collide() {
    let all: [(Format, Numbered); 5] = [
        (Format::Digits, |number| format!("{number:06}")),
        (Format::Alphanumeric, |number| format!("A{number:05}")),
        (CARD, |number| {
            // One ending for all, or they would differ in what is kept: the fifth from the right balances.
            let card = |balance| format!("4000{number:05}00{balance}1234");
            (0..10).map(card).find(|card| luhn_sum(card) == 0).expect("one of ten")
        }),
        (Format::Phone(country("49")), |number| format!("+49{number:06}")),
        (DATE, |number| {
            let (year, month, day) = (1 + number / 336 % 9999, 1 + number / 28 % 12, 1 + number % 28);
            format!("{year:04}-{month:02}-{day:02}")
        }),
    ];
    for (format, value) in all {
        let key = key(format);
        let tokens: HashSet<String> = (0..20_000).map(|number| key.seal(&value(number)).unwrap()).collect();
        assert_eq!(tokens.len(), 20_000, "{format:?}");
    }
}

#[test]
fn separators_do_not_change_the_digits() {
    let strip = |token: String| token.replace([' ', '-', '.'], "");
    let digits = key(Format::Digits);
    let plain = digits.seal("078051120").unwrap();
    assert_eq!(strip(digits.seal("078-05-1120").unwrap()), plain);
    assert_eq!(strip(digits.seal("078 05.1120").unwrap()), plain);
    let card = key(CARD);
    assert_eq!(strip(card.seal("4111 1111-1111 1111").unwrap()), card.seal("4111111111111111").unwrap());
}

/// Twenty-six times ten to the fifth, twice: same size, other template. Permuted alike, one would be a
/// dictionary of the other.
#[test]
fn templates_of_one_size_have_nothing_in_common() {
    let key = key(Format::Alphanumeric);
    let rank = |text: &str| {
        text.bytes().fold(0, |rank, byte| match byte {
            b'0'..=b'9' => rank * 10 + u32::from(byte - b'0'),
            b'A'..=b'Z' => rank * 26 + u32::from(byte - b'A'),
            _ => rank * 26 + u32::from(byte - b'a'),
        })
    };
    let (capital, small) = (key.seal("B12345").unwrap(), key.seal("b12345").unwrap());
    assert_ne!(rank(&capital), rank(&small));
}

#[test]
fn cards_that_are_none_or_too_short_are_refused() {
    let key = key(CARD);
    // Twelve digits and a right sum, but only eight to tokenise.
    assert_eq!(luhn_sum("400000000002"), 0);
    let few = Error::Parameters("fewer than 9 digits of a card number to tokenise");
    assert_eq!(key.seal("400000000002"), Err(few));
    for text in ["4111111111111112", "41111111116", "40000000000000000000", "4111.1111.1111.1111", ""] {
        assert_eq!(key.seal(text), Err(Error::Malformed("card number")), "{text}");
    }
    // A card is no token, and a token that is taken for a valid one is none of this key.
    assert_eq!(key.open("4111111111111111"), Err(Error::Malformed("card token")));
    assert_eq!(key.seal(&key.seal("4111111111111111").unwrap()), Err(Error::Malformed("card number")));
}

#[test]
fn telephone_numbers_keep_to_e_164() {
    let key = key(Format::Phone(country("49")));
    let few = Error::Parameters("fewer than a million possible values");
    assert_eq!(key.seal("+4912345"), Err(few));
    assert!(key.seal("+49123456").is_ok());
    assert!(key.seal("+491234567890123").is_ok());
    for text in
        ["+4912345678901234", "+43123456", "49123456", "+49 123456", "++9123456", "+4", "", "+4９12345"]
    {
        assert_eq!(key.seal(text), Err(Error::Malformed("telephone number")), "{text}");
    }
    for text in ["", "0", "049", "+49", "1234", "4x"] {
        assert_eq!(CountryCode::parse(text), Err(Error::Malformed("country code")), "{text}");
    }
}

#[test]
fn dates_stay_within_their_span() {
    let small = Error::Parameters("a span of fewer than a million days, which is 2738 years");
    assert_eq!(YearSpan::new(1900, 2030), Err(small));
    assert_eq!(YearSpan::new(1, 2737), Err(small));
    assert!(YearSpan::new(1, 2738).is_ok());
    for (first, last) in [(0, 9999), (1, 10_000), (9999, 1)] {
        assert!(matches!(YearSpan::new(first, last), Err(Error::Parameters(_))), "{first} to {last}");
    }

    let key = key(Format::Date(YearSpan::new(1800, 4600).unwrap()));
    for text in ["1799-12-31", "4601-01-01", "1900-02-29", "1900-1-1", "01.01.1900", ""] {
        assert_eq!(key.seal(text), Err(Error::Malformed("date within the span")), "{text}");
    }
    for year in 1800..1900 {
        for text in [format!("{year}-01-01"), format!("{year}-12-31")] {
            let token = key.seal(&text).unwrap();
            assert!(("1800".."4601").contains(&token.as_str()), "outside the span");
            assert_eq!(key.open(&token).unwrap(), text);
        }
    }
}

#[test]
fn text_that_would_stay_in_clear_is_refused() {
    assert_eq!(key(Format::Digits).seal("123456a"), Err(Error::Malformed("digits")));
    assert_eq!(key(Format::Digits).seal("١٢٣٤٥٦٧"), Err(Error::Malformed("digits")));
    let text = key(Format::Alphanumeric);
    assert_eq!(text.seal("Zoë12345"), Err(Error::Malformed("alphanumeric text")));
    assert_eq!(text.seal("abcdef\n12"), Err(Error::Malformed("alphanumeric text")));
    assert!(matches!(text.seal("ab-12"), Err(Error::Parameters(_))));
    assert!(text.seal(&"9".repeat(38)).is_ok());
    assert!(matches!(text.seal(&"9".repeat(39)), Err(Error::Parameters(_))));
    assert!(text.seal(&"z".repeat(27)).is_ok());
    assert!(matches!(text.seal(&"z".repeat(28)), Err(Error::Parameters(_))));
    assert!(key(Format::Digits).seal(&"9".repeat(56)).is_ok());
    for len in [0, 5, 57, 58] {
        assert!(matches!(key(Format::Digits).seal(&"9".repeat(len)), Err(Error::Parameters(_))), "{len}");
    }
}

#[test]
fn debug_shows_the_format_and_no_key() {
    assert_eq!(format!("{:?}", key(CARD)), "FormatKey(Card(Invalid), ..)");
}
