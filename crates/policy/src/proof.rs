//! How a caller has proved who it is, as far as policy can tell callers apart by it.
//!
//! Times and scores are coarse and rounded against the caller, so that the same question is recognised as the same and no
//! policy is ever met by rounding.

use serde::{Deserialize, Serialize};

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
    settled: u32,
    key: KeyClass,
    sent_code: bool,
}

/// How sure it is that the key which was shown is in one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyClass {
    /// No key was shown, or one that may be copied to other devices of its owner.
    #[default]
    Any,
    /// It says of itself that it cannot be copied.
    DeviceBound,
    /// The maker of its device says so as well, and which device it is.
    Attested,
}

impl KeyClass {
    /// Its word in charters and in advice.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::DeviceBound => "device-bound",
            Self::Attested => "attested",
        }
    }
}

impl Proof {
    /// The ages that policy tells apart, in minutes. What is older than the last is [`Proof::OLDEST`].
    const AGES: &[u32] = &[1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 240, 480, 720, 1_440];
    /// Older than any that a policy would ask for: a year.
    const OLDEST: u32 = 525_600;
    /// The most that is new about where a caller is.
    const NEWEST: u8 = 100;

    /// The hours since what somebody logs in with was changed are told apart up to this, by days afterwards, and up to [`Proof::SETTLED`].
    const HOURS: u32 = 72;
    /// Longer ago than any policy would ask for, or never: a year.
    const SETTLED: u32 = 8_760;

    const NOBODY: Self = Self {
        means: Means::Session,
        aal: 0,
        phishing_resistant: false,
        age: 0,
        novelty: 0,
        settled: Self::SETTLED,
        key: KeyClass::Any,
        sent_code: false,
    };

    /// An API key. It has one factor and no age: nobody was there.
    pub const KEY: Self =
        Self { means: Means::Key, aal: 1, phishing_resistant: false, age: Self::OLDEST, ..Self::NOBODY };

    /// The strongest proof that there is, made just now.
    pub const BEST: Self = Self {
        means: Means::Session,
        aal: 3,
        phishing_resistant: true,
        key: KeyClass::Attested,
        ..Self::NOBODY
    };

    /// A sender-constrained token of a program.
    pub const TOKEN: Self =
        Self { means: Means::Token, aal: 2, phishing_resistant: true, age: Self::OLDEST, ..Self::NOBODY };

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
            ..Self::NOBODY
        }
    }

    /// As it was, by what was kept of it; `settled` in hours.
    pub const fn kept(
        means: Means,
        aal: u8,
        phishing_resistant: bool,
        (age, settled): (u32, u32),
        novelty: u8,
    ) -> Self {
        Self { means, aal, phishing_resistant, age, novelty, settled, ..Self::NOBODY }
    }

    /// The same by a key of this class.
    #[must_use]
    pub fn by_key(self, key: KeyClass) -> Self {
        Self { key, ..self }
    }

    /// The same with a code that was sent.
    #[must_use]
    pub fn by_sent_code(self, sent_code: bool) -> Self {
        Self { sent_code, ..self }
    }

    /// The same, worth no more than this assurance level.
    #[must_use]
    pub fn at_most(self, aal: u8) -> Self {
        Self { aal: self.aal.min(aal), ..self }
    }

    /// The same of somebody who logs in with the same things for so many seconds.
    #[must_use]
    pub fn settled_for(self, seconds: u64) -> Self {
        let hours = u32::try_from(seconds / 3_600).unwrap_or(Self::SETTLED);
        let hours = if hours > Self::HOURS { hours / 24 * 24 } else { hours };
        Self { settled: hours.min(Self::SETTLED), ..self }
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

    /// Hours since what the caller logs in with was changed, rounded down; a year at most.
    pub const fn settled(self) -> u32 {
        self.settled
    }

    /// How sure it is that the key which was shown is in one device.
    pub const fn key(self) -> KeyClass {
        self.key
    }

    /// Whether it rests on a code that was sent somewhere.
    pub const fn sent_code(self) -> bool {
        self.sent_code
    }
}

/// What a proof has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ProofNeed {
    /// At most so many minutes old.
    pub within: Option<u32>,
    /// One that cannot be phished.
    pub phishing_resistant: bool,
    /// By a key of this class at least.
    pub key: KeyClass,
}

impl ProofNeed {
    /// Two factors, whenever that was.
    pub const TWO_FACTORS: Self = Self { within: None, phishing_resistant: false, key: KeyClass::Any };

    /// The word after `proof` in an advice: nothing, `:15m`, one of `:phishing-resistant`, `:device-bound` and `:attested`, of which each
    /// is more than the one before, or both in this order.
    pub(crate) fn parse(words: &str) -> Option<Self> {
        let mut need = Self::TWO_FACTORS;
        let mut rest = words.strip_prefix(':').map(|words| words.split(':')).into_iter().flatten().peekable();
        if let Some(minutes) = rest.next_if(|word| word.ends_with('m')) {
            let digits = minutes.strip_suffix('m')?;
            let plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
            need.within = Some(digits.parse().ok().filter(|minutes| plain && *minutes <= Proof::OLDEST)?);
        }
        match rest.next() {
            None => {}
            Some("phishing-resistant") => need.phishing_resistant = true,
            Some(word) => {
                let key =
                    [KeyClass::DeviceBound, KeyClass::Attested].into_iter().find(|key| key.as_str() == word);
                (need.phishing_resistant, need.key) = (true, key?);
            }
        }
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
        Self {
            within,
            phishing_resistant: self.phishing_resistant || other.phishing_resistant,
            key: self.key.max(other.key),
        }
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
        for (seconds, hours) in [
            (0, 0),
            (3_599, 0),
            (86_399, 23),
            (86_400, 24),
            (73 * 3_600, 72),
            (119 * 3_600, 96),
            (u64::MAX, 8_760),
        ] {
            assert_eq!(Proof::session(2, false, 0, 0).settled_for(seconds).settled(), hours, "{seconds}");
        }
        for (novelty, tens) in [(0, 0), (1, 10), (59, 60), (60, 60), (61, 70), (100, 100), (255, 100)] {
            assert_eq!(Proof::session(2, false, 0, novelty).novelty(), tens, "{novelty}");
        }
    }

    #[test]
    fn advice_has_one_spelling() {
        let keyed = |within, phishing_resistant, key| Some(ProofNeed { within, phishing_resistant, key });
        let need = |within, phishing_resistant| keyed(within, phishing_resistant, KeyClass::Any);
        for (words, parsed) in [
            ("", need(None, false)),
            (":15m", need(Some(15), false)),
            (":phishing-resistant", need(None, true)),
            (":5m:phishing-resistant", need(Some(5), true)),
            (":device-bound", keyed(None, true, KeyClass::DeviceBound)),
            (":2m:attested", keyed(Some(2), true, KeyClass::Attested)),
            (":any", None),
            (":attested:phishing-resistant", None),
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
        let both = ProofNeed { within: Some(15), ..ProofNeed::TWO_FACTORS }.and(ProofNeed {
            phishing_resistant: true,
            key: KeyClass::Attested,
            ..ProofNeed::TWO_FACTORS
        });
        assert_eq!(Some(both), keyed(Some(15), true, KeyClass::Attested));
    }
}
