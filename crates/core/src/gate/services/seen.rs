//! Which DPoP proofs were shown with requests. A proof is good for one request; its mark is kept until it is
//! too old anyway, two minutes at most, in memory that all requests share: to write down each would make a
//! change of every look.
//!
//! What a start forgets: for as long as a proof from before it could still be good, proofs have to carry a
//! nonce that was drawn at this start (RFC 9449, section 8), so none from before is taken. Afterwards none is
//! asked for.
//!
//! A mark is never pushed out. When there is no room, nothing more is taken for a moment.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use avouch_authn::jwt::Spend;
use avouch_authn::jwt::dpop::WINDOW_SECONDS;
use data_encoding::BASE64URL_NOPAD;

/// Marks that are kept: 40 MB of them, or 8,000 requests a second.
const MOST: usize = 1 << 20;

/// See the module.
#[derive(Debug)]
pub(super) struct Seen {
    nonce: String,
    /// When it began to look, in seconds.
    begun: u64,
    marks: Mutex<Marks>,
}

/// Half of a mark tells proofs apart.
type Mark = [u8; 16];

#[derive(Debug, Default)]
struct Marks {
    all: HashSet<Mark>,
    by_end: BTreeMap<u64, Vec<Mark>>,
}

/// What came of spending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spent {
    /// It was not shown before.
    First,
    /// It was.
    Again,
    /// Nobody can say: there is no room.
    Full,
}

impl Seen {
    pub(super) fn new(random: &[u8; 16], begun: u64) -> Self {
        Self { nonce: BASE64URL_NOPAD.encode(random), begun, marks: Mutex::default() }
    }

    /// The nonce that proofs have to carry now, if they have to.
    pub(super) fn nonce(&self, now: u64) -> Option<&str> {
        // A proof may have been made so far ahead of the start, and is good for so long after it was made.
        (now <= self.begun.saturating_add(2 * WINDOW_SECONDS)).then_some(&self.nonce)
    }

    /// Notes that a proof was shown.
    pub(super) fn spend(&self, spend: &Spend, now: u64) -> Spent {
        self.note(spend.digest(), spend.until(), now)
    }

    fn note(&self, digest: &[u8; 32], until: u64, now: u64) -> Spent {
        let mark = *digest.first_chunk().unwrap_or(&[0; 16]);
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(end) = marks.by_end.first_entry()
            && *end.key() <= now
        {
            for over in end.remove() {
                marks.all.remove(&over);
            }
        }
        if marks.all.contains(&mark) {
            return Spent::Again;
        }
        if marks.all.len() >= MOST {
            return Spent::Full;
        }
        marks.all.insert(mark);
        marks.by_end.entry(until).or_default().push(mark);
        Spent::First
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: u32) -> [u8; 32] {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&n.to_be_bytes());
        digest
    }

    #[test]
    fn once_until_its_end() {
        let seen = Seen::new(&[7; 16], 1_000);
        assert_eq!(seen.note(&digest(1), 1_061, 1_000), Spent::First);
        assert_eq!(seen.note(&digest(1), 1_061, 1_060), Spent::Again);
        assert_eq!(seen.note(&digest(2), 1_061, 1_060), Spent::First);
        assert_eq!(seen.note(&digest(3), 1_200, 1_061), Spent::First);
        assert_eq!(seen.marks.lock().unwrap().all.len(), 1, "what is too old is forgotten");
    }

    #[test]
    fn nothing_is_pushed_out() {
        let seen = Seen::new(&[7; 16], 0);
        for n in 0..u32::try_from(MOST).unwrap() {
            assert_eq!(seen.note(&digest(n), 100, 0), Spent::First);
        }
        assert_eq!(seen.note(&digest(u32::MAX), 100, 0), Spent::Full);
        assert_eq!(seen.note(&digest(0), 100, 99), Spent::Again);
        assert_eq!(seen.note(&digest(u32::MAX), 200, 100), Spent::First);
    }

    #[test]
    fn for_two_windows_after_a_start_a_nonce_of_it_is_needed() {
        let seen = Seen::new(&[7; 16], 1_000);
        assert!(seen.nonce(1_000).is_some() && seen.nonce(1_120).is_some());
        assert_eq!(seen.nonce(1_121), None);
    }
}
