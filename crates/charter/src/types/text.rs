//! Free text: notes, company names, numbers that another system gave out.
//!
//! Kept as typed in NFC, lines and all. Equal means equal to the letter, white space at the ends aside,
//! because one does not know what the text is: `a1` and `A1` may be two customers of another system.

use super::{Invalid, Mask, Normal, Value, free_text, line};

pub(super) const EXPECTED: &str = "expected text";

pub(super) const MASKS: &[Mask] = &[Mask::Hide, Mask::KeepFirst(8), Mask::KeepLast(8), Mask::Full];

/// The longest text a charter may ask for, in characters: a record is read whole, so it must stay small.
const LIMIT: usize = 65_536;

pub(super) fn problem(max: usize) -> Option<String> {
    (!(1..=LIMIT).contains(&max)).then(|| format!("the greatest length of a text is between 1 and {LIMIT}"))
}

pub(super) fn parse(input: &str, max: usize) -> Result<Value, Invalid> {
    if input.trim().is_empty() {
        return Err("expected text that is not empty: leave the field out instead".into());
    }
    if input.contains('\0') {
        return Err("expected text without the character NUL".into());
    }
    let text = line::nfc(input);
    if text.chars().count() > max {
        return Err(Invalid(format!("expected text of at most {max} characters").into()));
    }
    free_text::check(&text)?;
    Ok(Value::text(text))
}

pub(super) fn normal(text: &str) -> Normal {
    Normal::from(text.trim())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{FieldType, HIDDEN};
    use super::*;

    const TEN: FieldType = FieldType::Text { max: 10 };

    #[test]
    fn text_is_kept_lines_and_all() {
        for (typed, kept) in [(" a\n\tb ", " a\n\tb "), ("e\u{301}", "é"), ("éééééééééé", "éééééééééé")]
        {
            assert_eq!(TEN.parse(&json!(typed)).expect(typed).to_json(), json!(kept));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for typed in [json!(""), json!(" \n"), json!("a\u{0}b"), json!("12345678901"), json!(1), json!(["a"])]
        {
            assert!(TEN.parse(&typed).is_err(), "{typed}");
        }
        insta::assert_snapshot!(TEN.parse(&json!("12345678901")).unwrap_err(), @"expected text of at most 10 characters");
    }

    #[test]
    fn equal_to_the_letter_but_for_the_ends() {
        assert_eq!(normal(" a1\n"), normal("a1"));
        assert_ne!(normal("a1"), normal("A1"));
    }

    #[test]
    fn masks() {
        let shown = |typed: &str, mask| TEN.view(&TEN.parse(&json!(typed)).unwrap(), &mask);
        assert_eq!(shown("C-2071-88", Mask::KeepLast(2)), json!("•••88"));
        assert_eq!(shown("C-2071-88", Mask::KeepFirst(4)), json!("C-20•••"));
        assert_eq!(shown("abcd", Mask::KeepLast(4)), json!(HIDDEN));
        assert_eq!(shown("abcd", Mask::KeepLast(3)), json!(HIDDEN));
    }

    #[test]
    fn settings() {
        assert_eq!(TEN.problem(), None);
        assert!(FieldType::Text { max: 0 }.problem().is_some());
        assert!(FieldType::Text { max: LIMIT + 1 }.problem().is_some());
    }
}
