//! One of a closed list, to the letter.
//!
//! The list is the charter's, not the customer's, so a refusal may and does repeat it.

use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::{Invalid, Value};

const MAX_OPTIONS: usize = 500;
const MAX_LEN: usize = 100;

/// How many options a refusal names.
const NAMED: usize = 20;

pub(super) fn problem(options: &[String]) -> Option<String> {
    if options.is_empty() {
        return Some("a choice needs at least one option".to_owned());
    }
    if options.len() > MAX_OPTIONS {
        return Some(format!("a choice has at most {MAX_OPTIONS} options"));
    }
    options.iter().enumerate().find_map(|(i, option)| {
        let clean = super::line::clean(option, MAX_LEN).is_ok_and(|line| *line == *option);
        if !clean {
            return Some(format!("option {} is not one line of 1 to {MAX_LEN} characters", i + 1));
        }
        options
            .iter()
            .take(i)
            .any(|earlier| earlier == option)
            .then(|| format!("option `{option}` stands twice"))
    })
}

pub(super) fn parse(input: &Json, options: &[String]) -> Result<Value, Invalid> {
    match options.iter().find(|option| input.as_str() == Some(option.as_str())) {
        Some(option) => Ok(Value::text(Zeroizing::new(option.clone()))),
        None => Err(refusal(options)),
    }
}

fn refusal(options: &[String]) -> Invalid {
    let named: Vec<String> = options.iter().take(NAMED).map(|option| format!("`{option}`")).collect();
    let more = match options.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" or {more} more"),
    };
    Invalid(format!("expected one of {}{more}", named.join(", ")).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::FieldType;
    use super::*;

    fn choice(options: &[&str]) -> FieldType {
        FieldType::Choice { options: options.iter().map(|option| (*option).to_owned()).collect() }
    }

    #[test]
    fn only_an_option_to_the_letter() {
        let language = choice(&["de", "en", "pt-BR"]);
        assert_eq!(language.parse(&json!("pt-BR")).unwrap().to_json(), json!("pt-BR"));
        for typed in ["DE", "de ", "", "fr"] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(language.parse(&json!(typed)).unwrap_err(), @"expected one of `de`, `en`, `pt-BR`");
            }
        }
        insta::assert_snapshot!(language.parse(&json!(true)).unwrap_err(), @"expected one of `de`, `en`, `pt-BR`");
    }

    #[test]
    fn a_long_list_is_cut_in_a_refusal() {
        let options: Vec<String> = (0..30).map(|i| format!("o{i}")).collect();
        let refused = parse(&json!("x"), &options).unwrap_err().to_string();
        assert!(refused.ends_with("`o19` or 10 more"), "{refused}");
    }

    #[test]
    fn settings() {
        assert_eq!(choice(&["yes", "no"]).problem(), None);
        for options in [&[][..], &["a", "b", "a"], &["a", ""], &["a", " b"], &["a\nb"]] {
            assert!(choice(options).problem().is_some(), "{options:?}");
        }
    }
}
