//! Names of keys.

use core::fmt;
use core::str::FromStr;

use crate::Error;

/// `[a-z0-9][a-z0-9_-]{0,59}`, as the charter names keys. Chosen by whoever makes a key, and free of personal data: it may stand
/// in URLs, events and logs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// Characters in a name.
const LONGEST: usize = 60;

impl KeyName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
        let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(allowed);
        if fits && !text.starts_with(['_', '-']) {
            return Ok(Self(text.to_owned()));
        }
        let expected =
            "expected small letters, digits, `_` and `-`, 60 at most, beginning with a letter or digit";
        Err(Error::invalid("/name", expected))
    }
}

impl From<KeyName> for String {
    fn from(name: KeyName) -> Self {
        name.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_the_charter_can_name() {
        for fits in ["a", "0", "orders", "billing-2026", "a_b-c", &"a".repeat(60)] {
            assert_eq!(fits.parse::<KeyName>().expect(fits).as_str(), fits);
        }
        for wrong in ["", "Orders", "-a", "_a", "a.b", "a/b", "a b", "a*", "é", &"a".repeat(61)] {
            assert!(wrong.parse::<KeyName>().is_err(), "{wrong}");
        }
    }
}
