//! What transit engines do without a key: random bytes and digests. There is nothing secret in it; but it is asked of the server,
//! so it is allowed by policy and on record like everything else.

use avouch_policy::Action;
use avouch_seal::transit::HashAlgorithm;
use avouch_seal::{SecureRandom as _, SystemRandom};
use avouch_store::Tx;
use zeroize::Zeroizing;

use super::{Hidden, MAX_BYTES};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit};
use crate::rules::Rules;

/// Random bytes of one request.
pub const MAX_RANDOM: usize = 128 * 1024;

/// Something that takes no key. Like the use of a key it is done after it is on record, by [`ReadyPlain`].
#[derive(Debug, Clone)]
pub struct Plain<W>(pub W);

/// What takes no key.
pub trait PlainWork: Clone + Send + Sync + 'static {
    /// What comes of it.
    type Made;

    /// Whether it is too much.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    fn check(&self) -> Result<(), Error>;

    /// Does it.
    ///
    /// # Errors
    /// The generator failed.
    fn make(self, rng: &SystemRandom) -> Result<Self::Made, Error>;
}

/// Work that is allowed and on record.
#[derive(Debug)]
pub struct ReadyPlain<W> {
    work: W,
    rng: SystemRandom,
}

impl<W: PlainWork> ReadyPlain<W> {
    /// Does the work.
    ///
    /// # Errors
    /// The generator failed.
    pub fn run(self) -> Result<W::Made, Error> {
        self.work.make(&self.rng)
    }
}

impl<W: PlainWork> Operation for Plain<W> {
    const ACTION: Action = Action::TransitEncrypt;
    type Output = ReadyPlain<W>;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, _: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<ReadyPlain<W>>, Error> {
        self.0.check()?;
        let ready = ReadyPlain { work: self.0.clone(), rng: cx.app.rng.clone() };
        Ok(Outcome::new(ready, Note::count(1)))
    }
}

/// Draws so many random bytes.
#[derive(Debug, Clone, Copy)]
pub struct Random(pub usize);

impl PlainWork for Random {
    type Made = Hidden<Vec<u8>>;

    fn check(&self) -> Result<(), Error> {
        if (1..=MAX_RANDOM).contains(&self.0) {
            return Ok(());
        }
        Err(Error::invalid("/bytes", format!("expected 1 to {MAX_RANDOM}")))
    }

    fn make(self, rng: &SystemRandom) -> Result<Self::Made, Error> {
        let mut bytes = Zeroizing::new(vec![0; self.0]);
        rng.fill(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// Takes the digest of an input.
#[derive(Debug, Clone)]
pub struct Hash {
    /// With this algorithm.
    pub algorithm: HashAlgorithm,
    /// Of this.
    pub input: Hidden<Vec<u8>>,
}

impl PlainWork for Hash {
    type Made = Vec<u8>;

    fn check(&self) -> Result<(), Error> {
        if self.input.len() <= MAX_BYTES {
            return Ok(());
        }
        Err(Error::invalid("/input", format!("expected at most {MAX_BYTES} bytes")))
    }

    fn make(self, _: &SystemRandom) -> Result<Vec<u8>, Error> {
        Ok(self.algorithm.hash(&self.input))
    }
}
