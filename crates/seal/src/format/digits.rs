//! Digits, and what stands between them: taken out of a text, and put back where they were.

use zeroize::Zeroize;

use super::{Direction, Error, Ff1, Result, permute};

/// One more than FF1 takes in halves of 96 bits, so that it is FF1 that refuses.
const MAX_DIGITS: usize = 57;

pub(super) fn apply(ff1: &Ff1, text: &str, direction: Direction) -> Result<String> {
    let between = |byte: u8| byte == b' ' || byte.is_ascii_punctuation();
    let mut digits = Digits::read(text, between, Error::Malformed("digits"))?;
    permute(ff1, &[], digits.as_mut(), direction)?;
    Ok(digits.write_over(text))
}

/// The digits of a text, each as its value. Overwritten when dropped.
pub(super) struct Digits {
    values: [u8; MAX_DIGITS],
    len: usize,
}

impl Digits {
    /// Takes the digits out. Any other character must be a separator, or `refused` is the answer.
    pub(super) fn read(text: &str, separator: fn(u8) -> bool, refused: Error) -> Result<Self> {
        let mut digits = Self { values: [0; MAX_DIGITS], len: 0 };
        for byte in text.bytes() {
            if byte.is_ascii_digit() {
                let slot = digits.values.get_mut(digits.len).ok_or(Error::Parameters("too many digits"))?;
                *slot = byte - b'0';
                digits.len += 1;
            } else if !separator(byte) {
                return Err(refused);
            }
        }
        Ok(digits)
    }

    /// The text that was read, with these digits for its own.
    pub(super) fn write_over(&self, text: &str) -> String {
        let mut written = String::with_capacity(text.len());
        let mut digits = self.as_ref().iter();
        for character in text.chars() {
            let digit = character.is_ascii_digit().then(|| digits.next()).flatten();
            written.push(digit.map_or(character, |digit| char::from(b'0' + digit)));
        }
        written
    }
}

impl AsRef<[u8]> for Digits {
    fn as_ref(&self) -> &[u8] {
        self.values.split_at(self.len).0
    }
}

impl AsMut<[u8]> for Digits {
    fn as_mut(&mut self) -> &mut [u8] {
        self.values.split_at_mut(self.len).0
    }
}

impl Drop for Digits {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}
