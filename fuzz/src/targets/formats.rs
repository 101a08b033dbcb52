//! A format-preserving token has the shape of its value: as long, with separators, kept digits and classes of
//! letters where they were, with the Luhn sum that was asked for. It opens to the value, and what a format
//! does not take is refused, with a reason, in both directions.

use arbitrary::{Result, Unstructured};
use avouch_seal::{
    Error, Key, VaultId,
    format::{CountryCode, Format, FormatKey, FormatScope, Luhn, YearSpan},
    token::Namespace,
};
use zeroize::Zeroizing;

pub(super) fn check(mut input: Unstructured<'_>) -> Result<()> {
    let seed: u8 = input.arbitrary()?;
    let (format, start) = format(&mut input)?;
    let Ok(text) = std::str::from_utf8(input.take_rest()) else { return Ok(()) };
    let key = key(seed, format);
    if let Some(token) = refused_or(key.seal(text)) {
        assert_shape(format, text, &token, residue(format));
        assert!(text.starts_with(&start) && token.starts_with(&start), "{start}: {text} {token}");
        assert_eq!(key.open(&token).as_deref(), Ok(text), "{format:?}");
    }
    if let Some(value) = refused_or(key.open(text)) {
        assert_shape(format, text, &value, 0);
        assert!(text.starts_with(&start) && value.starts_with(&start), "{start}: {text} {value}");
        assert_eq!(key.seal(&value).as_deref(), Ok(text), "{format:?}");
    }
    Ok(())
}

/// Any format with any parameters that it takes, and how all its texts begin.
fn format(input: &mut Unstructured<'_>) -> Result<(Format, String)> {
    let format = match input.int_in_range(0..=5)? {
        0 => Format::Digits,
        1 => Format::Alphanumeric,
        2 => Format::Card(Luhn::Invalid),
        3 => Format::Card(Luhn::Valid),
        4 => {
            let code: u16 = input.int_in_range(1..=999)?;
            let country = CountryCode::parse(&code.to_string()).expect("one to three digits");
            return Ok((Format::Phone(country), format!("+{code}")));
        }
        _ => {
            let (first, last) = (input.int_in_range(0..=10_100)?, input.int_in_range(0..=10_100)?);
            let span = YearSpan::new(first, last);
            // 2738 years of a calendar are a million days, and 2737 are not.
            let long = i32::from(last) - i32::from(first) >= 2737;
            assert_eq!(span.is_ok(), first > 0 && last <= 9999 && long, "{first} to {last}");
            Format::Date(span.unwrap_or(YearSpan::WHOLE))
        }
    };
    Ok((format, String::new()))
}

fn key(seed: u8, format: Format) -> FormatKey {
    let (root, namespace) = (Key::from_bytes(Zeroizing::new([seed; 32])), Namespace::parse("mailer"));
    let scope = FormatScope { namespace: &namespace.expect("a name"), field: 1, epoch: 1 };
    FormatKey::derive(&root, VaultId([1; 16]), &scope, format).expect("a format that is offered")
}

fn refused_or(made: avouch_seal::Result<String>) -> Option<String> {
    let refused = made.as_ref().err();
    assert!(
        refused.is_none_or(|error| matches!(error, Error::Malformed(_) | Error::Parameters(_))),
        "{refused:?}"
    );
    made.ok()
}

/// What stays of a text when it is sealed or opened. `residue` is the Luhn sum that a card comes out with.
fn assert_shape(format: Format, from: &str, to: &str, residue: u32) {
    let class = |c: char| match c {
        '0'..='9' => '0',
        'A'..='Z' => 'A',
        'a'..='z' => 'a',
        other => other,
    };
    let kept_end = if matches!(format, Format::Card(_)) { 4 } else { 0 };
    let digits = |text: &str| text.chars().filter_map(|c| c.to_digit(10)).collect::<Vec<_>>();
    match format {
        Format::Date(_) => assert!(from.len() == 10 && to.len() == 10, "{from} {to}"),
        _ => assert!(from.chars().map(class).eq(to.chars().map(class)), "{format:?} {from} {to}"),
    }
    let (before, after) = (digits(from), digits(to));
    let end = before.len().saturating_sub(kept_end);
    assert_eq!(before.get(end..), after.get(end..), "{format:?}");
    if let Format::Card(_) = format {
        assert_eq!(luhn(&after), residue, "{to}");
    }
}

const fn residue(format: Format) -> u32 {
    match format {
        Format::Card(Luhn::Invalid) => 5,
        _ => 0,
    }
}

/// The sum of ISO/IEC 7812-1, annex B, modulo 10.
fn luhn(digits: &[u32]) -> u32 {
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let weighed = digits.iter().rev().enumerate();
    weighed.map(|(at, digit)| if at % 2 == 1 { doubled(*digit) } else { *digit }).sum::<u32>() % 10
}
