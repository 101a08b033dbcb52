//! E-mail addresses.
//!
//! Kept as typed. Validity is practical, not RFC 5322 to the letter: what a mail provider would hand out,
//! including internationalised names (RFC 6531) and domains (UTS #46), without quoted local parts, comments
//! and address literals. Whether the mailbox exists is not for a parser to know.

use std::borrow::Cow;

use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::{Invalid, Mask, Normal, Value, line, mask};

pub(super) const EXPECTED: &str = "expected an e-mail address such as name@example.org";

pub(super) const MASKS: &[Mask] = &[Mask::Hide, Mask::Domain, Mask::EmailPartial, Mask::Full];

/// The greatest length of an address in a mail transaction (RFC 5321 4.5.3.1.3, less the angle brackets), in
/// bytes.
const MAX: usize = 254;

/// The greatest length of a local part (RFC 5321 4.5.3.1.1), in bytes.
const MAX_LOCAL: usize = 64;

pub(super) fn parse(input: &str) -> Result<Value, Invalid> {
    let email = line::clean(input, MAX).map_err(|fault| match fault {
        line::Fault::TooLong => "an e-mail address has at most 254 bytes",
        line::Fault::Empty | line::Fault::Unprintable => EXPECTED,
    })?;
    if email.len() > MAX {
        return Err("an e-mail address has at most 254 bytes".into());
    }
    let (local, domain) = split(&email).ok_or(EXPECTED)?;
    if local.is_empty() || local.chars().any(special) {
        return Err(EXPECTED.into());
    }
    if local.len() > MAX_LOCAL {
        return Err("the part of an e-mail address before the @ has at most 64 bytes".into());
    }
    if ascii_domain(domain).is_none() {
        return Err("expected an e-mail address whose domain is a name such as example.org".into());
    }
    Ok(Value::text(email))
}

/// NFC, lower case, domain in ASCII: `Ana@MÜLLER.example` and `ana@xn--mller-kva.example` are one mailbox. By
/// the letter of RFC 5321 a local part may differ in case; no provider lets two customers do so.
pub(super) fn normal(email: &str) -> Normal {
    let Some((local, domain)) = split(email) else { return Normal::from(email) };
    let domain = ascii_domain(domain).unwrap_or(Cow::Borrowed(domain));
    let mut normal = Zeroizing::new(String::with_capacity(email.len() + domain.len() + 16));
    if local.is_ascii() {
        local.chars().for_each(|c| normal.push(c.to_ascii_lowercase()));
    } else {
        let lower = Zeroizing::new(local.to_lowercase());
        line::nfc(&lower).chars().for_each(|c| line::push(&mut normal, c));
    }
    line::push(&mut normal, '@');
    domain.chars().for_each(|c| line::push(&mut normal, c.to_ascii_lowercase()));
    Normal::from(normal)
}

/// The domain of the normal form.
pub(super) fn normal_domain(email: &str) -> Option<Zeroizing<String>> {
    let (_, domain) = split(email)?;
    let ascii = ascii_domain(domain).unwrap_or(Cow::Borrowed(domain));
    Some(line::collect(ascii.chars().map(|c| c.to_ascii_lowercase()), ascii.len()))
}

pub(super) fn view(email: &str, mask: Mask) -> Option<Json> {
    let (local, domain) = split(email)?;
    let first = local.chars().next()?;
    match mask {
        Mask::EmailPartial if mask::at_most_half(1, local.chars().count()) => {
            Some(format!("{first}{}@{domain}", mask::HIDDEN).into())
        }
        Mask::EmailPartial | Mask::Domain => Some(format!("{}@{domain}", mask::HIDDEN).into()),
        _ => None,
    }
}

/// Local part and domain, if there is exactly one @.
fn split(email: &str) -> Option<(&str, &str)> {
    email.split_once('@').filter(|(_, domain)| !domain.contains('@'))
}

/// Characters that in a local part need quoting (RFC 5322 3.2.3) or cannot be seen.
fn special(c: char) -> bool {
    c.is_whitespace() || "()<>[]:;,\\\"".contains(c) || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}')
}

/// The domain as it stands in the DNS, lower case not guaranteed; `None` unless it is two or more labels of
/// letters, digits and hyphens with a top level that is not a number.
fn ascii_domain(domain: &str) -> Option<Cow<'_, str>> {
    let ascii = if domain.is_ascii() && !has_punycode(domain) {
        Cow::Borrowed(domain)
    } else {
        idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::STD3).ok()?
    };
    let mut last = None;
    let mut labels = 0;
    for label in ascii.split('.') {
        let fits = (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
        if !fits || !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return None;
        }
        labels += 1;
        last = Some(label);
    }
    let top_is_a_name = last.is_some_and(|label| label.bytes().any(|byte| byte.is_ascii_alphabetic()));
    (labels >= 2 && ascii.len() <= 253 && top_is_a_name).then_some(ascii)
}

fn has_punycode(domain: &str) -> bool {
    domain.split('.').any(|label| label.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("xn--")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{FieldType, HIDDEN};
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        let normal = |typed: &str| {
            let value = FieldType::Email.parse(&json!(typed)).expect(typed);
            FieldType::Email.normal(&value)
        };
        normal(one) == normal(other)
    }

    #[test]
    fn an_address_is_kept_as_typed() {
        for (typed, kept) in [
            (" Ana.Silva+shop@Example.ORG ", "Ana.Silva+shop@Example.ORG"),
            ("daan_p@sub.example.co.uk", "daan_p@sub.example.co.uk"),
            ("o'neil@example.ie", "o'neil@example.ie"),
            ("stanisław.wójcik@example.pl", "stanisław.wójcik@example.pl"),
            ("wo\u{301}jcik@mu\u{308}ller.example", "wójcik@müller.example"),
            ("用户@例子.中国", "用户@例子.中国"),
            ("a..b.@example.jp", "a..b.@example.jp"),
            ("x@xn--mller-kva.example", "x@xn--mller-kva.example"),
        ] {
            let value = FieldType::Email.parse(&json!(typed)).expect(typed);
            assert_eq!(value.to_json(), json!(kept));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long_local = format!("{}@example.org", "a".repeat(65));
        let long = format!("a@{}org", "example.".repeat(32));
        for typed in [
            "",
            "ana",
            "ana@",
            "@example.org",
            "ana@example",
            "ana@@example.org",
            "a@b@example.org",
            "ana silva@example.org",
            "Ana <ana@example.org>",
            "ana@exam ple.org",
            "ana@-example.org",
            "ana@example-.org",
            "ana@exa_mple.org",
            "ana@example..org",
            "ana@.org",
            "ana@127.0.0.1",
            "ana@[127.0.0.1]",
            "\"ana\"@example.org",
            "ana@example.org.",
            "a\u{0}na@example.org",
            "a\u{200b}na@example.org",
            "ana@xn--a.example",
            "ana@example.org,bo@example.org",
            &long_local,
            &long,
        ] {
            assert!(FieldType::Email.parse(&json!(typed)).is_err(), "{typed}");
        }
    }

    #[test]
    fn spellings_of_one_mailbox_are_equal() {
        assert!(same("Ana@Example.ORG", "ana@example.org"));
        assert!(same("ana@MÜLLER.example", "ana@xn--mller-kva.example"));
        assert!(same("ana@例子。中国", "ana@xn--fsqu00a.xn--fiqs8s"));
        assert!(same("WÓJCIK@example.pl", "wo\u{301}jcik@example.pl"));
        assert!(!same("ana@example.org", "ana+shop@example.org"));
        assert!(!same("wojcik@example.pl", "wójcik@example.pl"));
        assert!(!same("ana@straße.example", "ana@strasse.example"));
    }

    #[test]
    fn masks() {
        assert_eq!(view("luis@example.org", Mask::EmailPartial), Some(json!("l•••@example.org")));
        assert_eq!(view("óscar@example.org", Mask::EmailPartial), Some(json!("ó•••@example.org")));
        assert_eq!(view("l@example.org", Mask::EmailPartial), Some(json!("•••@example.org")));
        assert_eq!(view("luis@example.org", Mask::Domain), Some(json!("•••@example.org")));
        let value = FieldType::Email.parse(&json!("luis@example.org")).unwrap();
        assert_eq!(FieldType::Email.view(&value, &Mask::KeepLast(4)), json!(HIDDEN));
    }
}
