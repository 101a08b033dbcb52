//! How a caller has proved who it is, as far as policy can tell callers apart by it.
//!
//! Times and scores are coarse and rounded against the caller, so that the same question is recognised as the same and no
//! policy is ever met by rounding.

use serde::Serialize;

/// By what a caller came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// An API key: whoever has it is let in.
    Key,
    /// A short-lived access token that only its owner can use: bound to a certificate or to a key of the client.
    Token,
    /// The session of a person who has logged in.
    Session,
}

impl Means {
    /// Every means.
    pub const ALL: &[Self] = &[Self::Key, Self::Token, Self::Session];

    /// Its word in Cedar.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Token => "token",
            Self::Session => "session",
        }
    }
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Proof {
    means: Means,
    aal: u8,
    phishing_resistant: bool,
    age: u32,
    novelty: u8,
}

impl Proof {
    /// The ages that policy tells apart, in minutes. What is older than the last is [`Proof::OLDEST`].
    const AGES: &[u32] = &[1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 240, 480, 720, 1_440];
    /// Older than any that a policy would ask for: a year.
    const OLDEST: u32 = 525_600;
    /// The most that is new about where a caller is.
    const NEWEST: u8 = 100;

    /// An API key. It has one factor and no age: nobody was there.
    pub const KEY: Self =
        Self { means: Means::Key, aal: 1, phishing_resistant: false, age: Self::OLDEST, novelty: 0 };

    /// The strongest proof that there is, made just now.
    pub const BEST: Self =
        Self { means: Means::Session, aal: 3, phishing_resistant: true, age: 0, novelty: 0 };

    /// A sender-constrained token of a program.
    pub const TOKEN: Self =
        Self { means: Means::Token, aal: 2, phishing_resistant: true, age: Self::OLDEST, novelty: 0 };

    /// The session of a person: the assurance level of SP 800-63B (0 when nothing but a link or a recovery code was shown), so
    /// many seconds old, with `novelty` of 0 to 100 about the place it comes from.
    pub fn session(aal: u8, phishing_resistant: bool, seconds: u64, novelty: u8) -> Self {
        let whole = u32::try_from(seconds.div_ceil(60)).unwrap_or(Self::OLDEST);
        let age = if whole == 0 { Some(0) } else { Self::AGES.iter().copied().find(|age| whole <= *age) };
        let novelty = novelty.div_ceil(10).saturating_mul(10).min(Self::NEWEST);
        Self {
            means: Means::Session,
            aal: aal.min(3),
            phishing_resistant,
            age: age.unwrap_or(Self::OLDEST),
            novelty,
        }
    }

    /// As it was, by what was kept of it.
    pub const fn kept(means: Means, aal: u8, phishing_resistant: bool, age: u32, novelty: u8) -> Self {
        Self { means, aal, phishing_resistant, age, novelty }
    }

    /// By what the caller came.
    pub const fn means(self) -> Means {
        self.means
    }

    /// The assurance level, 0 to 3.
    pub const fn aal(self) -> u8 {
        self.aal
    }

    /// Whether it cannot have been given to somebody else's page.
    pub const fn phishing_resistant(self) -> bool {
        self.phishing_resistant
    }

    /// Minutes since, rounded up.
    pub const fn age(self) -> u32 {
        self.age
    }

    /// How much is new about the place it comes from, in tens, rounded up.
    pub const fn novelty(self) -> u8 {
        self.novelty
    }
}

/// What a proof has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ProofNeed {
    /// At most so many minutes old.
    pub within: Option<u32>,
    /// One that cannot be phished.
    pub phishing_resistant: bool,
}

impl ProofNeed {
    /// Two factors, whenever that was.
    pub const TWO_FACTORS: Self = Self { within: None, phishing_resistant: false };

    /// The word after `proof` in an advice: nothing, `:15m`, `:phishing-resistant`, or both in this order.
    pub(crate) fn parse(words: &str) -> Option<Self> {
        let mut need = Self::TWO_FACTORS;
        let mut rest = words.strip_prefix(':').map(|words| words.split(':')).into_iter().flatten().peekable();
        if let Some(minutes) = rest.next_if(|word| word.ends_with('m')) {
            let digits = minutes.strip_suffix('m')?;
            let plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
            need.within = Some(digits.parse().ok().filter(|minutes| plain && *minutes <= Proof::OLDEST)?);
        }
        need.phishing_resistant = rest.next_if(|word| *word == "phishing-resistant").is_some();
        let whole = rest.next().is_none() && (words.is_empty() || words.starts_with(':') && words.len() > 1);
        whole.then_some(need)
    }

    /// What meets both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let within = match (self.within, other.within) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Self { within, phishing_resistant: self.phishing_resistant || other.phishing_resistant }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_against_the_caller() {
        for (seconds, age) in [
            (0, 0),
            (1, 1),
            (60, 1),
            (61, 2),
            (300, 5),
            (301, 10),
            (900, 15),
            (901, 20),
            (86_400, 1_440),
            (86_401, Proof::OLDEST),
            (u64::MAX, Proof::OLDEST),
        ] {
            assert_eq!(Proof::session(2, false, seconds, 0).age(), age, "{seconds}");
        }
        for (novelty, tens) in [(0, 0), (1, 10), (59, 60), (60, 60), (61, 70), (100, 100), (255, 100)] {
            assert_eq!(Proof::session(2, false, 0, novelty).novelty(), tens, "{novelty}");
        }
    }

    #[test]
    fn advice_has_one_spelling() {
        let need = |within, phishing_resistant| Some(ProofNeed { within, phishing_resistant });
        for (words, parsed) in [
            ("", need(None, false)),
            (":15m", need(Some(15), false)),
            (":phishing-resistant", need(None, true)),
            (":5m:phishing-resistant", need(Some(5), true)),
            (":", None),
            ("15m", None),
            (":m", None),
            (":0m", None),
            (":+5m", None),
            (":5", None),
            (":999999999999m", None),
            (":phishing-resistant:5m", None),
            (":5m:5m", None),
            (":5m:", None),
        ] {
            assert_eq!(ProofNeed::parse(words), parsed, "{words}");
        }
        let both = ProofNeed { within: Some(15), phishing_resistant: false }
            .and(ProofNeed { within: None, phishing_resistant: true });
        assert_eq!(Some(both), need(Some(15), true));
    }
}
