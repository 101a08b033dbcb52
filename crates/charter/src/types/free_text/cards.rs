//! Card numbers among the digits of a text.
//!
//! A number counts as one if it is written as cards are (together, or in groups of four digits and more with blanks or
//! hyphens between), begins like the numbers of some network, has a length that network uses, and passes the check digit.
//! Of random numbers of sixteen digits that leaves about three in a hundred.

use std::ops::RangeInclusive;

use zeroize::Zeroizing;

use super::super::card;
use super::{Kind, Run, digit, iban};

const LENGTHS: RangeInclusive<usize> = 13..=19;

/// Digits of a group that is not the last. Cards of all networks are embossed in groups of four and six; dates, times and
/// phone numbers have smaller ones.
const GROUP: usize = 4;

/// Characters between two groups.
const GAP: usize = 3;

/// Issuer numbers by their first six digits (ISO/IEC 7812-1, as the networks publish them), and the lengths in use. Visa
/// no longer issues thirteen digits; they would only be taken for article numbers.
const ISSUERS: &[(RangeInclusive<u32>, &[usize])] = &[
    (220_000..=220_499, &[16, 17, 18, 19]), // Mir
    (222_100..=272_099, &[16]),             // Mastercard
    (300_000..=305_999, &[14, 16]),         // Diners Club
    (309_500..=309_599, &[14, 16]),
    (340_000..=349_999, &[15]),                         // American Express
    (352_800..=358_999, &[16, 17, 18, 19]),             // JCB
    (360_000..=369_999, &[14, 16]),                     // Diners Club
    (370_000..=379_999, &[15]),                         // American Express
    (380_000..=399_999, &[14, 16]),                     // Diners Club, Hipercard
    (400_000..=499_999, &[16, 19]),                     // Visa
    (501_800..=501_899, &[13, 14, 15, 16, 17, 18, 19]), // Maestro
    (502_000..=502_099, &[13, 14, 15, 16, 17, 18, 19]),
    (503_800..=503_899, &[13, 14, 15, 16, 17, 18, 19]),
    (506_099..=506_198, &[16, 18, 19]),                 // Verve
    (506_699..=506_778, &[16]),                         // Elo
    (507_865..=507_964, &[16, 18, 19]),                 // Verve
    (508_500..=508_999, &[16]),                         // RuPay
    (509_000..=509_999, &[16]),                         // Elo
    (510_000..=559_999, &[16]),                         // Mastercard
    (589_300..=589_399, &[13, 14, 15, 16, 17, 18, 19]), // Maestro
    (589_562..=589_562, &[16]),                         // Naranja
    (589_657..=589_657, &[16]),                         // Cabal
    (601_100..=601_199, &[16, 19]),                     // Discover
    (604_201..=604_219, &[16]),                         // Cabal
    (606_282..=606_282, &[16]),                         // Hipercard
    (606_985..=608_499, &[16]),                         // RuPay
    (620_000..=629_999, &[16, 17, 18, 19]),             // UnionPay
    (630_400..=630_499, &[13, 14, 15, 16, 17, 18, 19]), // Maestro
    (636_297..=636_297, &[16]),                         // Elo
    (636_368..=636_368, &[16]),
    (644_000..=659_999, &[16, 19]),                     // Discover, RuPay, Elo
    (675_900..=675_999, &[13, 14, 15, 16, 17, 18, 19]), // Maestro
    (676_100..=676_399, &[13, 14, 15, 16, 17, 18, 19]),
    (676_770..=676_774, &[13, 14, 15, 16, 17, 18, 19]),
];

pub(super) fn is_in(folded: &str, runs: &[Run<'_>]) -> bool {
    let mut account = 0..0;
    for (first, run) in runs.iter().enumerate() {
        if run.at >= account.end
            && let Some(end) = iban::end(folded, runs, first)
        {
            account = run.at..end;
        }
        if !account.contains(&run.at) && may_begin(runs, first) && begins_here(runs, first) {
            return true;
        }
    }
    false
}

/// Digits that are not the rest of something else: of an identifier with letters, a phone number, a decimal number.
fn may_begin(runs: &[Run<'_>], first: usize) -> bool {
    let Some(run) = runs.get(first).filter(|run| run.is(Kind::Digits)) else { return false };
    let before = first.checked_sub(1).and_then(|at| runs.get(at));
    let phone = run.gap.trim_end().ends_with('+');
    let glued = before.is_some_and(|before| run.gap.is_empty() && latin(before));
    let decimal = before.is_some_and(|before| before.is(Kind::Digits) && matches!(run.gap, "." | ","));
    !phone && !glued && !decimal
}

/// Whether the runs from this one on are the groups of a card number.
fn begins_here(runs: &[Run<'_>], first: usize) -> bool {
    let mut number = Zeroizing::new(Vec::with_capacity(*LENGTHS.end()));
    for (at, run) in runs.iter().enumerate().skip(first) {
        let joined = at == first || joins(run.gap);
        let Some(digits) = run.digits().filter(|more| joined && number.len() + more <= *LENGTHS.end()) else {
            return false;
        };
        number.extend(run.text.chars().filter_map(digit));
        let glued = runs.get(at + 1).is_some_and(|next| next.gap.is_empty() && latin(next));
        if !glued && is_card(&number) {
            return true;
        }
        if digits < GROUP {
            return false;
        }
    }
    false
}

/// What may stand between two groups: a few blanks and hyphens.
fn joins(gap: &str) -> bool {
    (1..=GAP).contains(&gap.chars().count()) && gap.chars().all(|c| c.is_whitespace() || c == '-')
}

/// Scripts that are written with blanks between words: digits that touch them are part of the word.
fn latin(run: &Run<'_>) -> bool {
    run.text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_card(number: &[u8]) -> bool {
    let Some(issuer) = number.get(..6) else { return false };
    let issuer = issuer.iter().fold(0, |sum, digit| sum * 10 + u32::from(*digit));
    let known =
        ISSUERS.iter().any(|(range, lengths)| range.contains(&issuer) && lengths.contains(&number.len()));
    known && LENGTHS.contains(&number.len()) && card::luhn(number.iter().copied())
}
