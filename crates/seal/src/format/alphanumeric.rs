//! Text in which each character keeps its class.
//!
//! The text is its own template: a digit is one of 10, a letter one of 26 of its case, everything else
//! stays. FF1 has one radix, so the value is ranked among all texts of its template, in mixed radix, and the
//! rank permuted by cycle walking ([`rank`]). The classes are the tweak, so that two templates that happen to
//! have equally many texts have nothing in common. Letters outside ASCII are refused rather than kept: what
//! stays is in clear.

use zeroize::Zeroizing;

use super::{Direction, Error, Ff1, Result, rank};
use crate::ff1::MAX_TWEAK;

const MALFORMED: Error = Error::Malformed("alphanumeric text");

/// Domains are at most this, which leaves every product of ranks within 128 bits.
const MAX_DOMAIN: u128 = 1 << 127;

pub(super) fn apply(ff1: &Ff1, text: &str, direction: Direction) -> Result<String> {
    let (mut size, mut value) = (1_u128, 0_u128);
    let mut template = [0; MAX_TWEAK];
    let mut slots = template.iter_mut();
    for byte in text.bytes() {
        let Some(class) = Class::of(byte)? else { continue };
        size = size.checked_mul(class.radix().into()).filter(|size| *size <= MAX_DOMAIN).ok_or(TOO_LONG)?;
        value = value * u128::from(class.radix()) + u128::from(byte - class.first());
        *slots.next().ok_or(TOO_LONG)? = class.first();
    }
    let unused = slots.len();
    let (template, _) = template.split_at(MAX_TWEAK - unused);
    let mut value = rank::permute(ff1, template, size, value, direction)?;

    let mut written = Zeroizing::new(text.as_bytes().to_vec());
    for byte in written.iter_mut().rev() {
        let Some(class) = Class::of(*byte)? else { continue };
        let radix = u128::from(class.radix());
        *byte = class.first() + u8::try_from(value % radix).map_err(|_| MALFORMED)?;
        value /= radix;
    }
    String::from_utf8(core::mem::take(&mut *written)).map_err(|_| MALFORMED)
}

const TOO_LONG: Error = Error::Parameters("text over 127 bits, about 38 digits or 27 letters");

#[derive(Clone, Copy)]
enum Class {
    Digit,
    Upper,
    Lower,
}

impl Class {
    /// The class of a character, or none for one that stays.
    const fn of(byte: u8) -> Result<Option<Self>> {
        match byte {
            b'0'..=b'9' => Ok(Some(Self::Digit)),
            b'A'..=b'Z' => Ok(Some(Self::Upper)),
            b'a'..=b'z' => Ok(Some(Self::Lower)),
            b' '..=b'~' => Ok(None),
            _ => Err(MALFORMED),
        }
    }

    /// The first of its characters, which also stands for the class.
    const fn first(self) -> u8 {
        match self {
            Self::Digit => b'0',
            Self::Upper => b'A',
            Self::Lower => b'a',
        }
    }

    const fn radix(self) -> u8 {
        match self {
            Self::Digit => 10,
            Self::Upper | Self::Lower => 26,
        }
    }
}
