//! Recovery codes: ten, each good once, for somebody who has lost everything else. One lets its owner in to enrol and to nothing
//! else; what that means is up to whoever calls.
//!
//! A code is 125 random bits, so that a plain hash is enough (ASVS 6.5.2 asks for 112). It is shown once, in five groups of five
//! letters and digits that nobody takes for each other.

use core::fmt;

use aws_lc_rs::digest;
use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// How many there are.
pub const COUNT: usize = 10;
/// Random bytes that one is made of.
const BYTES: usize = 16;
/// Characters of one.
const LENGTH: usize = 25;

/// What is kept: hashes of those that are left.
#[derive(Clone, Serialize, Deserialize)]
pub struct Codes(Vec<[u8; 32]>);

/// Ten new ones out of random bytes: what is kept, and what is shown.
#[must_use]
pub fn generate(random: &Zeroizing<[[u8; BYTES]; COUNT]>) -> (Codes, Vec<Zeroizing<String>>) {
    let codes: Vec<Zeroizing<String>> = random.iter().map(code).collect();
    (Codes(codes.iter().map(|code| digest(code)).collect()), codes.iter().map(|code| grouped(code)).collect())
}

impl Codes {
    /// Takes a code out, if it is one of those that are left. Blanks, dashes and case are people's; nothing else is.
    ///
    /// Looks at all of them, whichever it is.
    pub fn take(&mut self, typed: &str) -> bool {
        let Some(code) = plain(typed) else { return false };
        let digest = digest(&code);
        let mut found = None;
        for (at, kept) in self.0.iter().enumerate() {
            if bool::from(kept.ct_eq(&digest)) {
                found = Some(at);
            }
        }
        found.map(|at| self.0.swap_remove(at)).is_some()
    }

    /// How many are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Codes({} left)", self.0.len())
    }
}

fn code(random: &[u8; BYTES]) -> Zeroizing<String> {
    let mut code = Zeroizing::new(BASE32_NOPAD.encode(random));
    // 16 bytes are 26 characters, of which the last has three bits.
    code.truncate(LENGTH);
    code
}

fn grouped(code: &str) -> Zeroizing<String> {
    let mut grouped = Zeroizing::new(String::with_capacity(LENGTH + LENGTH / 5));
    for (at, character) in code.chars().enumerate() {
        if at > 0 && at % 5 == 0 {
            grouped.push('-');
        }
        grouped.push(character);
    }
    grouped
}

fn plain(typed: &str) -> Option<Zeroizing<String>> {
    if typed.len() > 4 * LENGTH {
        return None;
    }
    let characters = typed.chars().filter(|character| !matches!(character, ' ' | '-'));
    let code: Zeroizing<String> = Zeroizing::new(characters.map(|c| c.to_ascii_uppercase()).collect());
    (code.len() == LENGTH).then_some(code)
}

fn digest(code: &str) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"avouch/recovery-code/v1\0");
    context.update(code.as_bytes());
    *context.finish().as_ref().first_chunk().expect("SHA-256 yields 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ten() -> (Codes, Vec<Zeroizing<String>>) {
        let random = core::array::from_fn(|at| [u8::try_from(at).unwrap() * 17 + 3; BYTES]);
        generate(&Zeroizing::new(random))
    }

    #[test]
    fn each_is_good_once() {
        let (mut codes, shown) = ten();
        assert_eq!(shown[0].as_str(), "AMBQG-AYDAM-BQGAY-DAMBQ-GAYDA");
        for (used, code) in shown.iter().enumerate() {
            assert_eq!(codes.left(), COUNT - used);
            assert!(codes.take(code) && !codes.take(code), "{used}");
        }
        assert_eq!(codes.left(), 0);
    }

    #[test]
    fn a_plain_hash_is_enough_for_so_many_bits() {
        let (_, shown) = ten();
        let characters = shown[0].chars().filter(|character| *character != '-').count();
        // Five bits each; ASVS 6.5.2 and SP 800-63B ask for 112.
        assert_eq!(characters * 5, 125);
        assert!(shown.iter().all(|code| code.len() == shown[0].len()));
    }

    #[test]
    fn how_it_is_typed_does_not_matter_and_what_does() {
        let (codes, shown) = ten();
        let code = shown[3].as_str();
        for typed in [code.to_lowercase(), code.replace('-', ""), code.replace('-', " "), format!(" {code} ")]
        {
            assert!(codes.clone().take(&typed), "{typed}");
        }
        for typed in ["", "-", &code[1..], &format!("{code}A"), &code.replace('-', "_"), &"A".repeat(25)] {
            assert!(!codes.clone().take(typed), "{typed}");
        }
        assert_eq!(format!("{codes:?}"), "Codes(10 left)");
    }
}
