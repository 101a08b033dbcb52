//! Card numbers (ISO/IEC 7812): the last four digits stay, and the Luhn sum tells tokens from cards.
//!
//! ```text
//! value   hidden… v k k k k        Luhn sum ≡ 0 (mod 10): the only thing that v is free for
//! token   sealed… w k k k k        Luhn sum ≡ 5, or 0 where a valid one is asked for
//! sealed = FF1(hidden), tweak = k k k k
//! ```
//! The check digit proper is the last of the four and has to stay, so the sum is set by the digit before
//! them. It stands fifth from the right, where Luhn takes a digit as it is: for any other digits exactly one
//! `w` gives the sum, and exactly one `v` gives the card back. Sealing is therefore a permutation of the
//! valid numbers of one length and ending, onto the numbers of the same length and ending with sum 5, none of
//! which any scheme issues. A card with a wrong sum is refused; it would come out as somebody's card.

use super::{Direction, Error, Ff1, Result, digits::Digits, permute};

const KEPT: usize = 4;
/// Of 13 digits, nine: a hundred million numbers to each ending.
const MIN_TOKENISED: usize = 9;

/// What the Luhn sum of a card token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Luhn {
    /// Five off: a token is never taken for a card, and a scanner can tell them apart.
    #[default]
    Invalid,
    /// As a card's, for systems that check. Such a token may be the number of a card in use.
    Valid,
}

impl Luhn {
    pub(super) const fn residue(self) -> u8 {
        match self {
            Self::Invalid => 5,
            Self::Valid => 0,
        }
    }
}

pub(super) fn apply(ff1: &Ff1, luhn: Luhn, text: &str, direction: Direction) -> Result<String> {
    let (from, to, malformed) = match direction {
        Direction::Seal => (0, luhn.residue(), Error::Malformed("card number")),
        Direction::Open => (luhn.residue(), 0, Error::Malformed("card token")),
    };
    let mut digits = Digits::read(text, |byte| matches!(byte, b' ' | b'-'), malformed)?;
    if !(12..=19).contains(&digits.as_ref().len()) {
        return Err(malformed);
    }
    let (rest, kept) = digits.as_mut().split_last_chunk_mut::<KEPT>().ok_or(malformed)?;
    if rest.len() < MIN_TOKENISED {
        return Err(Error::Parameters("fewer than 9 digits of a card number to tokenise"));
    }
    let (balance, hidden) = rest.split_last_mut().ok_or(malformed)?;
    if (sum(hidden, kept) + *balance) % 10 != from {
        return Err(malformed);
    }
    permute(ff1, kept, hidden, direction)?;
    *balance = (10 + to - sum(hidden, kept)) % 10;
    Ok(digits.write_over(text))
}

/// The Luhn sum without the balancing digit, modulo 10.
fn sum(hidden: &[u8], kept: &[u8; KEPT]) -> u8 {
    // From the right, every second digit is doubled and its digits added; the balancing digit is the fifth.
    let doubled = |digit: u8| if digit < 5 { 2 * digit } else { 2 * digit - 9 };
    let weigh = |(index, digit): (usize, &u8)| if index % 2 == 0 { doubled(*digit) } else { *digit };
    let [a, b, c, d] = *kept;
    let kept = doubled(a) + b + doubled(c) + d;
    // Fifteen digits of at most 9 and four more stay within a byte.
    (kept + hidden.iter().rev().enumerate().map(weigh).sum::<u8>()) % 10
}
