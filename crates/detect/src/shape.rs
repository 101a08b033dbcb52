//! The shapes of single values: what a string looks like, whatever it is called.
//!
//! These are quick looks for guessing, not validation: the charter's field types decide what is stored.

/// An e-mail address by RFC 5321's lengths: a dotted local part, a domain of at least two labels, an
/// alphabetic or punycode last label.
pub(crate) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let atom = |c: char| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    text.len() <= 254
        && local.len() <= 64
        && local.split('.').all(|part| !part.is_empty() && part.chars().all(atom))
        && domain.contains('.')
        && domain.split('.').all(label)
        && last.len() >= 2
        && (last.starts_with("xn--") || last.chars().all(char::is_alphabetic))
}

/// A telephone number as people write it: 7 to 15 digits in groups, perhaps `+` or `00` before and an
/// extension behind. Says how it is written, for the caller to weigh; `None` if it is something else.
pub(crate) fn phone(text: &str) -> Option<Phone> {
    let text = text.trim();
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let number = ["ext", "x", "#", "Durchwahl"]
        .iter()
        .find_map(|mark| text.split_once(mark))
        .filter(|(_, extension)| is_extension(extension))
        .map_or(text, |(number, _)| number)
        .trim_end();
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let (body, plus) = number.strip_prefix('+').map_or((number, false), |body| (body, true));
    let plain = body.chars().all(|c| c.is_ascii_digit() || " -./()\u{a0}\u{2011}\u{2013}".contains(c));
    if !plain || !(7..=15).contains(&digits) || is_date(number) || is_ipv4(number) {
        return None;
    }
    if plus || (number.starts_with("00") && digits >= 10) {
        return Some(Phone::International);
    }
    let grouped = body.chars().any(|c| !c.is_ascii_digit());
    Some(if grouped { Phone::Grouped } else { Phone::Bare })
}

fn is_extension(text: &str) -> bool {
    let digits = text.trim_start_matches(['.', ':', ' ']);
    (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_ipv4(text: &str) -> bool {
    text.parse::<std::net::Ipv4Addr>().is_ok()
}

/// How a telephone number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phone {
    /// With country code.
    International,
    /// Digits in groups.
    Grouped,
    /// Digits only: it may be any number.
    Bare,
}

/// A calendar date, perhaps with a time behind it.
pub(crate) fn is_date(text: &str) -> bool {
    year(text).is_some()
}

/// The year of a date written `2024-12-31`, `20241231`, `31.12.2024`, `31/12/24` or `12/31/2024`, a time
/// perhaps behind it.
pub(crate) fn year(text: &str) -> Option<u16> {
    let text = text.trim();
    let date = text.split(['T', ' ']).next().unwrap_or_default();
    if let Some(time) = text.get(date.len() + 1..)
        && !is_time(time)
    {
        return None;
    }
    if date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()) {
        let (year, month, day) = (number(date.get(..4)?)?, number(date.get(4..6)?)?, number(date.get(6..)?)?);
        return ((1900..2100).contains(&year) && is_day(year, month, day)).then_some(year);
    }
    let separator = ['-', '.', '/'].into_iter().find(|&separator| date.contains(separator))?;
    let mut parts = date.split(separator);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || a.len() > 4 || b.len() > 2 || c.len() > 4 {
        return None;
    }
    let (first, second, third) = (number(a)?, number(b)?, number(c)?);
    if a.len() == 4 {
        return (c.len() <= 2 && is_day(first, second, third)).then_some(first);
    }
    let year = match c.len() {
        4 => third,
        2 if third < 30 => 2000 + third,
        2 => 1900 + third,
        _ => return None,
    };
    (a.len() <= 2 && (is_day(year, second, first) || is_day(year, first, second))).then_some(year)
}

fn number(digits: &str) -> Option<u16> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

fn is_day(year: u16, month: u16, day: u16) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u16::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1000..=2200).contains(&year) && (1..=days).contains(&day)
}

fn is_time(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.contains(':')
        && text.chars().all(|c| c.is_ascii_digit() || ":.+-Z APMapm".contains(c))
}

/// A payment card number: 12 to 19 digits, perhaps in groups, of a known issuer range, with Luhn's check
/// digit (ISO/IEC 7812-1).
pub(crate) fn is_card(text: &str) -> bool {
    let text = text.trim();
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b' ' || byte == b'-') {
        return false;
    }
    let digits = digits(text);
    let Some(prefix) = digits.get(..4) else { return false };
    let prefix = prefix.iter().fold(0_u32, |sum, &digit| sum * 10 + u32::from(digit));
    let issuer = match prefix {
        4000..=4999 => [13, 16, 19].contains(&digits.len()),
        5100..=5599 | 2221..=2720 => digits.len() == 16,
        3400..=3499 | 3700..=3799 => digits.len() == 15,
        3000..=3059 | 3600..=3699 | 3800..=3999 => (14..=19).contains(&digits.len()),
        3528..=3589 => (16..=19).contains(&digits.len()),
        2131 | 1800 => digits.len() == 15,
        6011 | 6440..=6599 | 6200..=6299 => (16..=19).contains(&digits.len()),
        5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763 => (12..=19).contains(&digits.len()),
        _ => false,
    };
    issuer && luhn(&digits)
}

/// Luhn's check over digits with the check digit at the end (ISO/IEC 7812-1, annex B).
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (place % 2, u32::from(digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The digits of a text as numbers.
pub(crate) fn digits(text: &str) -> Vec<u8> {
    text.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect()
}

/// A number: sign, digits, thousands separators, decimal point or comma, perhaps a currency or percent sign.
pub(crate) fn is_number(text: &str) -> bool {
    let text = text.trim().trim_matches(|c: char| "€$£%¥ \u{a0}".contains(c));
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let places = text.bytes().filter(|byte| b".,".contains(byte)).count();
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || b".,' ".contains(&byte))
        && places <= 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails() {
        for text in ["luisg@embraer.com.br", "o'neil+x@example.co.uk", "müller@köln.example", "a@b.xn--p1ai"]
        {
            assert!(is_email(text), "{text}");
        }
        for text in
            ["", "@", "a@b", "a@b.c", "a..b@example.com", ".a@example.com", "a@-b.com", "a@b.c0m", "a b@c.de"]
        {
            assert!(!is_email(text), "{text}");
        }
    }

    #[test]
    fn phones() {
        assert_eq!(phone("+55 (12) 3923-5555"), Some(Phone::International));
        assert_eq!(phone("0049 711 2842222"), Some(Phone::International));
        assert_eq!(phone("(425) 555-0182 x123"), Some(Phone::Grouped));
        assert_eq!(phone("467 3395"), Some(Phone::Grouped));
        assert_eq!(phone("07112842222"), Some(Phone::Bare));
        for text in [
            "2024-12-31",
            "31.12.2024",
            "12-3",
            "192.168.100.1",
            "+49 711 2842222 xyz",
            "H2G 1A7",
            "1234567890123456",
        ] {
            assert_eq!(phone(text), None, "{text}");
        }
    }

    #[test]
    fn dates() {
        assert_eq!(year("1962-02-18T00:00:00"), Some(1962));
        assert_eq!(year("31.12.1999"), Some(1999));
        assert_eq!(year("12/31/2024"), Some(2024));
        assert_eq!(year("31/12/24 08:15"), Some(2024));
        assert_eq!(year("19991231"), Some(1999));
        assert_eq!(year("29.02.2024"), Some(2024));
        for text in ["29.02.2023", "2024-13-01", "1.2", "10.1.2.3", "12345678", "2024-12-31 Anna", "é-1-2024"]
        {
            assert_eq!(year(text), None, "{text}");
        }
    }

    #[test]
    fn cards() {
        // The networks' published test numbers.
        for text in [
            "4111 1111 1111 1111",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "30569309025904",
        ] {
            assert!(is_card(text), "{text}");
        }
        for text in ["4111111111111112", "1234567812345670", "411111", "4111.1111.1111.1111"] {
            assert!(!is_card(text), "{text}");
        }
    }

    #[test]
    fn numbers() {
        for text in ["0", "-1.5", "1.234,56", "12,5 %", "€ 9.99", "1'000'000"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "-", "1a", "1.", "abc"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
