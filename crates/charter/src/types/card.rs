//! Payment card numbers.
//!
//! Twelve to nineteen digits that pass the check digit of ISO/IEC 7812-1 (Luhn), kept as digits alone.
//! Whatever the mask, no more than the first six and last four are shown, unless it is `full`.

use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::{HIDDEN, Invalid, Mask, Value};

pub(super) const EXPECTED: &str = "expected a card number of 12 to 19 digits, written as text";

pub(super) const MASKS: &[Mask] = &[Mask::Hide, Mask::Last4, Mask::First6Last4, Mask::Full];

const MAX: usize = 19;

/// Digits in a canonical card number of the shortest kind that may show ten of them.
const MIN_FOR_TEN: usize = 14;

pub(super) fn parse(input: &str) -> Result<Value, Invalid> {
    let mut digits = Zeroizing::new(String::with_capacity(MAX));
    for c in input.trim().chars() {
        match c {
            '0'..='9' if digits.len() < MAX => digits.push(c),
            ' ' | '-' => {}
            _ => return Err(EXPECTED.into()),
        }
    }
    if digits.len() < 12 {
        return Err(EXPECTED.into());
    }
    if !luhn(digits.bytes().map(|digit| digit - b'0')) {
        return Err("expected a card number whose check digit is right: one digit may be mistyped".into());
    }
    Ok(Value::text(digits))
}

/// The check of ISO/IEC 7812-1 annex B: from the right, every second digit doubled, the digits of all sum to
/// a multiple of ten.
pub(super) fn luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let sum: u32 = digits
        .rev()
        .zip([1, 2].into_iter().cycle())
        .map(|(digit, factor)| {
            let product = u32::from(digit) * factor;
            product / 10 + product % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

pub(super) fn view(digits: &str, mask: Mask) -> Option<Json> {
    let last4 = digits.get(digits.len().checked_sub(4)?..)?;
    match mask {
        Mask::First6Last4 if digits.len() >= MIN_FOR_TEN => {
            Some(format!("{}{HIDDEN}{last4}", digits.get(..6)?).into())
        }
        Mask::First6Last4 | Mask::Last4 if digits.len() >= 8 => Some(format!("{HIDDEN}{last4}").into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::FieldType;
    use super::*;

    /// Test numbers that the card networks publish.
    const PUBLISHED: &[&str] = &[
        "4111111111111111",
        "4012888888881881",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "6011111111111117",
        "30569309025904",
        "3530111333300000",
        "6759649826438453",
        "6304000000000000",
    ];

    #[test]
    fn published_test_numbers() {
        for number in PUBLISHED {
            assert_eq!(parse(number).expect(number).to_json(), json!(number));
        }
        assert_eq!(parse(" 4111 1111-1111 1111 ").unwrap().to_json(), json!("4111111111111111"));
    }

    #[test]
    fn what_is_no_card_is_refused() {
        for typed in [
            "",
            "4111111111111112",
            "41111111111",
            "41111111111111111111",
            "4111.1111.1111.1111",
            "4111a11111111111",
            "４111111111111111",
        ] {
            assert!(parse(typed).is_err(), "{typed}");
        }
        assert!(FieldType::Card.parse(&json!(4_111_111_111_111_111_u64)).is_err());
    }

    #[test]
    fn masks() {
        assert_eq!(view("4111111111111111", Mask::Last4), Some(json!("•••1111")));
        assert_eq!(view("4012888888881881", Mask::First6Last4), Some(json!("401288•••1881")));
        assert_eq!(
            view("676770000006", Mask::First6Last4),
            Some(json!("•••0006")),
            "ten of twelve are too many"
        );
        assert_eq!(view("4012888888881881", Mask::KeepLast(12)), None);
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_always_noticed(card in 0..PUBLISHED.len(), at in 0_usize..14, by in 1_u8..10) {
            let mut digits = PUBLISHED[card].as_bytes().to_vec();
            digits[at] = b'0' + (digits[at] - b'0' + by) % 10;
            prop_assert!(parse(std::str::from_utf8(&digits).unwrap()).is_err());
        }
    }
}
