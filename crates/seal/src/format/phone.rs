//! Telephone numbers in E.164: `+`, the country code, the national number.

use super::{Direction, Error, Ff1, Result, digits::Digits, permute};

/// ITU-T E.164, section 6.
const MAX_DIGITS: usize = 15;
const MALFORMED: Error = Error::Malformed("telephone number");

/// A country code: one to three digits, the first not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CountryCode(u16);

impl CountryCode {
    /// Reads a code without its `+`.
    pub fn parse(text: &str) -> Result<Self> {
        let formed = (1..=3).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && !text.starts_with('0');
        let number = formed.then(|| text.parse().ok()).flatten();
        number.map(Self).ok_or(Error::Malformed("country code"))
    }

    /// The code as a number, 1 to 999.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The code that a number in E.164 begins with (ITU-T E.164, annex A): of one digit in zones 1 and 7, of
    /// two where a country has one of them for itself, of three everywhere else.
    pub fn of(number: &str) -> Result<Self> {
        const TWO: [&str; 43] = [
            "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47",
            "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65",
            "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95",
        ];
        let digits = number.strip_prefix('+').ok_or(MALFORMED)?;
        let len = match digits.get(..2) {
            Some(first) if first.starts_with(['1', '7']) => 1,
            Some(first) if TWO.contains(&first) || first == "98" => 2,
            _ => 3,
        };
        digits.get(..len).map_or(Err(MALFORMED), Self::parse)
    }

    fn strip_from(self, text: &str) -> Option<(&str, &str)> {
        let len = 1 + 1 + self.0.ilog10() as usize;
        let (code, national) = text.split_at_checked(len)?;
        (code.strip_prefix('+')?.parse() == Ok(self.0)).then_some((code, national))
    }
}

/// The code is in the key, so that the tweak has nothing to add.
pub(super) fn apply(ff1: &Ff1, country: CountryCode, text: &str, direction: Direction) -> Result<String> {
    let (code, national) = country.strip_from(text).ok_or(MALFORMED)?;
    if text.len() > 1 + MAX_DIGITS {
        return Err(MALFORMED);
    }
    let mut digits = Digits::read(national, |_| false, MALFORMED)?;
    permute(ff1, &[], digits.as_mut(), direction)?;
    let mut written = String::with_capacity(text.len());
    written.push_str(code);
    written.push_str(&digits.write_over(national));
    Ok(written)
}
