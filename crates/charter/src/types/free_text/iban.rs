//! Account numbers of banks, whose digits look like those of cards. An IBAN (ISO 13616) carries its own check, which tells
//! it from a card number with two letters before it.

use super::{Kind, Run};

/// Characters of the shortest and the longest IBAN.
const LENGTHS: std::ops::RangeInclusive<usize> = 15..=34;

/// Where the IBAN ends that begins with this run, in bytes; `None` if none does.
pub(super) fn end(folded: &str, runs: &[Run<'_>], first: usize) -> Option<usize> {
    let country = runs.get(first).filter(|run| run.is(Kind::Letters) && run.text.len() == 2)?;
    let (head, rest) = folded.get(country.at..)?.split_at_checked(4)?;
    if first > 0 && country.gap.is_empty() || !head.bytes().skip(2).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (mut remainder, mut length, mut blank) = (0, head.len(), false);
    for (at, c) in rest.char_indices() {
        if std::mem::replace(&mut blank, matches!(c, ' ' | '-')) && blank {
            return None;
        }
        if blank {
            continue;
        }
        remainder = append(remainder, c)?;
        length += 1;
        let end = at + c.len_utf8();
        let ended = !rest.get(end..)?.starts_with(|next: char| next.is_ascii_alphanumeric());
        // What stands in front counts as if it stood behind.
        let right = ended && head.chars().try_fold(remainder, append) == Some(1);
        if right && LENGTHS.contains(&length) {
            return Some(country.at + head.len() + end);
        }
        if length == *LENGTHS.end() {
            return None;
        }
    }
    None
}

/// ISO 7064 mod 97-10 with one character more, a letter as two digits: `a` is 10. `None` for another character.
fn append(remainder: u32, c: char) -> Option<u32> {
    let value = c.to_digit(36)?;
    Some((remainder * if value > 9 { 100 } else { 10 } + value) % 97)
}
