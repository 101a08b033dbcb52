//! Signing checkpoints: a log its own, with two kinds of key, and a cosigner those of others.
//!
//! A signer signs what it is handed. INVARIANT of its callers: a log never signs two checkpoints of which neither is the
//! beginning of the other, and a cosigner has stored a checkpoint before its signature leaves. Neither can be taken back.

use core::fmt;

use super::key::{KeyType, VerifierKey};
use super::{NoteSigner, message, write_line};
use crate::checkpoint::Checkpoint;
use crate::ed25519::{self, SEED_LEN};
use crate::hash::Hash;
use crate::{Error, Result, mldsa};

/// Signs the checkpoints of one log: with Ed25519, which everybody reads, and with ML-DSA-44, which will hold longer.
pub struct LogSigner {
    ed25519: NoteSigner,
    ml_dsa: Cosigner,
}

impl LogSigner {
    /// The keys that the seeds are. The origin is the name of both, for good: 255 bytes at most, no space of any kind, no
    /// `+`.
    ///
    /// # Errors
    /// [`Error::Parameters`] for an origin that is none.
    pub fn from_seeds(
        origin: &str,
        ed25519_seed: &[u8; SEED_LEN],
        mldsa_seed: &[u8; mldsa::SEED_LEN],
    ) -> Result<Self> {
        let ml_dsa = Cosigner::ml_dsa(origin, mldsa_seed)?;
        Ok(Self { ed25519: NoteSigner::from_seed(origin, ed25519_seed)?, ml_dsa })
    }

    /// The note of a checkpoint of this log, signed by both keys at this time, in seconds since 1970.
    ///
    /// # Errors
    /// [`Error::Parameters`] for the checkpoint of another log, one that cannot be, or such a time.
    pub fn sign(&self, checkpoint: &Checkpoint, time: u64) -> Result<String> {
        if checkpoint.origin != self.origin() {
            return Err(Error::Parameters("a checkpoint of another log"));
        }
        let second = self.ml_dsa.cosign(checkpoint, time)?;
        Ok(self.ed25519.sign(&checkpoint.to_string())? + &second)
    }

    /// Which log.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.ed25519.verifier_key().name()
    }

    /// What its checkpoints are verified with: first Ed25519, then ML-DSA-44. Either suffices.
    #[must_use]
    pub const fn verifier_keys(&self) -> [&VerifierKey; 2] {
        [self.ed25519.verifier_key(), self.ml_dsa.verifier_key()]
    }
}

impl fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogSigner({}, ..)", self.origin())
    }
}

/// Signs checkpoints, with the time at which it does.
pub struct Cosigner {
    secret: Secret,
    public: VerifierKey,
}

enum Secret {
    Ed25519(ed25519::SigningKey),
    MlDsa44(mldsa::SigningKey),
}

impl Cosigner {
    /// The Ed25519 key that the seed is. What it signs does not say its name: a seed is for one name.
    ///
    /// # Errors
    /// [`Error::Parameters`] for a name that is none.
    pub fn ed25519(name: &str, seed: &[u8; SEED_LEN]) -> Result<Self> {
        let key = ed25519::SigningKey::from_seed(seed)?;
        let public = VerifierKey::new(name, KeyType::Cosignature, key.public().bytes())?;
        Ok(Self { secret: Secret::Ed25519(key), public })
    }

    /// The ML-DSA-44 key that the seed is.
    ///
    /// # Errors
    /// [`Error::Parameters`] for a name that is none.
    pub fn ml_dsa(name: &str, seed: &[u8; mldsa::SEED_LEN]) -> Result<Self> {
        let key = mldsa::SigningKey::from_seed(seed)?;
        let public = VerifierKey::new(name, KeyType::MlDsa44, key.public())?;
        Ok(Self { secret: Secret::MlDsa44(key), public })
    }

    /// The signature line, with its newline, at this time in seconds since 1970. With ML-DSA-44 it is another one each
    /// time.
    ///
    /// # Errors
    /// [`Error::Parameters`] for a checkpoint that cannot be, or such a time.
    pub fn cosign(&self, checkpoint: &Checkpoint, time: u64) -> Result<String> {
        if time == 0 || time > message::MAX_TIME {
            return Err(Error::Parameters("a cosignature has a time after 1970, in seconds"));
        }
        let text = checkpoint.to_string();
        let genuine = Checkpoint::parse(&text).as_ref() == Ok(checkpoint) && !super::has_control(&text);
        if !genuine || (checkpoint.size == 0 && checkpoint.root != Hash::empty()) {
            return Err(Error::Parameters("a checkpoint that no tree has"));
        }
        let signature = match &self.secret {
            Secret::Ed25519(key) => key.sign(message::of_text(time, &text)?.as_bytes())?.to_vec(),
            Secret::MlDsa44(key) => key.sign(&message::subtree(self.public.name(), time, checkpoint)?)?,
        };
        Ok(write_line(self.public.name(), self.public.id(), &message::join_time(time, &signature)))
    }

    /// What verifies its signatures: to be handed to whoever does.
    #[must_use]
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.public
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({}, ..)", self.public.name())
    }
}
