//! A typed reason: why somebody opens data. It may hold personal data, so it is sealed beside the event and only a
//! commitment to it enters the event.

use zeroize::Zeroizing;

use crate::Error;

/// 3 to 500 characters of plain text.
#[derive(Clone)]
pub struct Reason(Zeroizing<String>);

impl Reason {
    /// Reads a reason.
    ///
    /// # Errors
    /// Too short, too long, or with control characters.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let length = text.chars().count();
        if !(3..=500).contains(&length) || text.chars().any(char::is_control) {
            return Err(Error::invalid("/reason", "expected 3 to 500 characters of plain text on one line"));
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// One that was accepted when it was typed.
    pub(crate) fn kept(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text, for whoever may know it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl core::fmt::Debug for Reason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Reason(..)")
    }
}
