//! Passwords: which are good enough, and what is kept of them.
//!
//! A password has 15 to 128 characters, any of them; none are asked for, and it never expires. It is refused when it is easy to guess
//! (zxcvbn below 3), when little of it is left without the words that everybody here knows, and when it is on a list of passwords
//! that were lost elsewhere, which whoever calls looks up. It is hashed exactly as it came (SP 800-63B-4, ASVS 6.2).

use core::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::Error;

/// The fewest characters.
pub const SHORTEST: usize = 15;
/// The most characters.
pub const LONGEST: usize = 128;

/// What is kept of a password: `argon2id(password, salt)` with the costs it was made with.
#[derive(Clone, Serialize, Deserialize)]
pub struct Hashed {
    memory: u32,
    passes: u32,
    lanes: u32,
    salt: [u8; 16],
    hash: [u8; 32],
}

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weak {
    /// Fewer than [`SHORTEST`] characters.
    Short,
    /// More than [`LONGEST`] characters.
    Long,
    /// Easy to guess.
    Guessable,
    /// Little is left of it without words that everybody here knows.
    Familiar,
    /// Known to have been lost elsewhere.
    Breached,
}

impl Weak {
    /// What to tell its owner.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Short => {
                "use 15 characters or more: four or five words that do not belong together are easy to remember"
            }
            Self::Long => "use 128 characters at most",
            Self::Guessable => "this is easy to guess: use words that do not belong together",
            Self::Familiar => "most of this is words that everybody here knows: use others",
            Self::Breached => {
                "this password was stolen somewhere and is on the lists that thieves try: use another"
            }
        }
    }
}

/// Whether a password is good enough. `known` are words that everybody here knows, in lower case: the company, the product, the
/// person's own names. `breached` looks it up among those that were lost.
///
/// # Errors
/// The first reason against it.
pub fn judge(password: &str, known: &[&str], breached: impl Fn(&str) -> bool) -> Result<(), Weak> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Err(Weak::Short);
    }
    if length > LONGEST {
        return Err(Weak::Long);
    }
    if zxcvbn::zxcvbn(password, known).score() < zxcvbn::Score::Three {
        return Err(Weak::Guessable);
    }
    // The estimate takes such words for a few bits of many, and lets a year and a mark make up for them.
    let rest = without(password, known);
    let left = rest.chars().filter(|character| character.is_alphabetic()).count();
    if rest.chars().count() < length
        && (left < LEFT || zxcvbn::zxcvbn(&rest, known).score() < zxcvbn::Score::Three)
    {
        return Err(Weak::Familiar);
    }
    if breached(password) { Err(Weak::Breached) } else { Ok(()) }
}

/// Letters that have to be left of a password without the words that everybody knows.
const LEFT: usize = 8;

/// A password in lower case without these words.
fn without(password: &str, known: &[&str]) -> Zeroizing<String> {
    let mut rest = Zeroizing::new(password.to_lowercase());
    for word in known.iter().filter(|word| word.chars().count() >= 3) {
        *rest = rest.replace(word, "");
    }
    rest
}

impl Hashed {
    /// Hashes a password. Takes some 25 ms and 19 MiB: to be done on a thread where nobody waits, and not many at once.
    ///
    /// # Errors
    /// [`Error::Internal`] when there is no memory.
    pub fn new(password: &str, salt: [u8; 16]) -> Result<Self, Error> {
        let [memory, passes, lanes] = COSTS;
        let mut hashed = Self { memory, passes, lanes, salt, hash: [0; 32] };
        hashed.hash = *hashed.digest(password)?;
        Ok(hashed)
    }

    /// What nobody's password opens, and takes as long to find out: for people who do not exist.
    #[must_use]
    pub const fn nobodys() -> Self {
        let [memory, passes, lanes] = COSTS;
        Self { memory, passes, lanes, salt: [0; 16], hash: [0; 32] }
    }

    /// Whether this is the password. As slow as [`Hashed::new`].
    ///
    /// # Errors
    /// [`Error::Internal`] when there is no memory.
    pub fn verify(&self, password: &str) -> Result<bool, Error> {
        // Nobody has set a longer one, and hashing it would be work for nothing.
        let fits = password.chars().count() <= LONGEST;
        let digest = self.digest(if fits { password } else { "" })?;
        Ok(fits & bool::from(digest.ct_eq(&self.hash)))
    }

    /// Whether it was made with less cost than today's.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        [self.memory, self.passes, self.lanes] != COSTS
    }

    fn digest(&self, password: &str) -> Result<Zeroizing<[u8; 32]>, Error> {
        let failed = |_| Error::Internal("a password could not be hashed");
        let params = Params::new(self.memory, self.passes, self.lanes, Some(32)).map_err(failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut digest = Zeroizing::new([0; 32]);
        argon2.hash_password_into(password.as_bytes(), &self.salt, &mut *digest).map_err(failed)?;
        Ok(digest)
    }
}

/// KiB of memory, passes and lanes (OWASP's first choice for argon2id).
const COSTS: [u32; 3] = [19_456, 2, 1];

impl fmt::Debug for Hashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hashed(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["lindenhof", "avouch", "gonçalves"];

    fn judged(password: &str) -> Result<(), Weak> {
        judge(password, KNOWN, |password| password == "orchid walnut ferry stone")
    }

    #[test]
    fn each_reason_is_given() {
        for (password, verdict) in [
            ("correct horse", Err(Weak::Short)),
            ("passwordpassword", Err(Weak::Guessable)),
            ("aaaaaaaaaaaaaaaaaaaa", Err(Weak::Guessable)),
            ("123456789012345678", Err(Weak::Guessable)),
            ("Lindenhof-2026!xq", Err(Weak::Familiar)),
            ("Avouch Lindenhof Gonçalves 7", Err(Weak::Familiar)),
            ("orchid walnut ferry stone", Err(Weak::Breached)),
            ("orchid walnut ferry cloud", Ok(())),
            ("ein Käse, drei Segel, kein Mond", Ok(())),
            ("lindenhof orchid walnut ferry cloud", Ok(())),
            ("雨降って地固まる。石の上にも三年", Ok(())),
        ] {
            assert_eq!(judged(password), verdict, "{password}");
        }
        assert_eq!(judged(&"orchid walnut ".repeat(10)), Err(Weak::Long));
    }

    /// The longest and most common of what zxcvbn knows; ASVS 6.2.4 asks for the 3,000 most common that are long enough at all.
    #[test]
    fn common_passwords_that_are_long_enough_are_easy_to_guess() {
        for password in [
            "123456789987654321",
            "1qaz2wsx3edc4rfv",
            "qazwsxedcrfvtgb",
            "123456789qwerty",
            "12345678900987654321",
            "qwerty123456789",
            "polniypizdec0211",
            "mailcreated5240",
            "momsanaladventure",
            "23176djivanfros",
            "qwertyuiopasdfghjkl",
            "1q2w3e4r5t6y7u8i",
            "PasswordPassword1!",
        ] {
            assert_eq!(judged(password), Err(Weak::Guessable), "{password}");
        }
    }

    #[test]
    fn one_of_64_to_128_characters_is_taken_and_all_of_it_counts() {
        let long = "orchid walnut ferry cloud, seven kettles and a very slow tram to the harbour; 1 Segel, drei Käse, kein Mond";
        for length in [64, 100] {
            let password: String = long.chars().take(length).collect();
            assert_eq!(judged(&password), Ok(()), "{length}");
        }
        let most: String = long.chars().cycle().take(LONGEST).collect();
        assert_eq!(judged(&most), Ok(()));
        let hashed = Hashed::new(&most, [7; 16]).unwrap();
        let shorter: String = most.chars().take(LONGEST - 1).collect();
        assert!(hashed.verify(&most).unwrap() && !hashed.verify(&shorter).unwrap());
    }

    #[test]
    fn it_is_hashed_exactly_as_it_came() {
        let hashed = Hashed::new(" orchid Walnut\u{e9} ", [7; 16]).unwrap();
        for (password, same) in [
            (" orchid Walnut\u{e9} ", true),
            ("orchid Walnut\u{e9}", false),
            (" orchid walnut\u{e9} ", false),
            (" orchid Walnute\u{301} ", false),
            ("", false),
        ] {
            assert_eq!(hashed.verify(password).unwrap(), same, "{password:?}");
        }
        assert!(!hashed.is_outdated());
    }

    #[test]
    fn nobody_has_a_password() {
        for password in ["", "\0", "orchid walnut ferry cloud"] {
            assert!(!Hashed::nobodys().verify(password).unwrap());
        }
        assert!(
            !Hashed::new("", [0; 16]).unwrap().verify(&"x".repeat(200)).unwrap(),
            "not the empty one either"
        );
    }
}
