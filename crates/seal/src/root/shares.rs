//! The recovery root seal: a random key that is split among custodians (A. Shamir, "How to share a secret",
//! CACM 22, 1979).
//!
//! Any `threshold` of the `count` shares give the key back; fewer say nothing about it. The scheme itself
//! notices no mistake: from too few or altered shares it computes another key. So every share carries a check
//! of the key, and there must never be a way to a seal that goes past it. Whoever holds `threshold` shares
//! and a copy of the data can read everything.
//!
//! ```text
//! blob     = header || XAES(W, PAE(label, header, vault, purpose, generation), plaintext)
//! header   = 0x03 || set[8] || threshold || count            set, K random
//! W, check = HKDF[header, PAE(their label)](K)               of the check the first 15 bytes
//! share    = number || f(number)                             for each byte of K apart, in GF(2^8) of 0x11b:
//! f(x)     = K + a[1]·x + … + a[threshold-1]·x^(threshold-1) the a random, zero as likely as the others
//! ```

use core::{convert::Infallible, fmt};

use rand_core::{TryCryptoRng, TryRng};
use subtle::{Choice, ConstantTimeEq as _};
use vsss_rs::Gf256;
use zeroize::Zeroizing;

use super::{FORMAT_SHARES, ID_LEN, RootResult, RootSeal, SealContext, SealInfo, SealKind};
use crate::{Error, Key, Result, SecureRandom, derive::derive, key::KEY_LEN, labels, xaes::Xaes};

mod share;

pub use share::Share;

/// More custodians than anybody gathers; the field itself would have room for 255.
const MAX_SHARES: u8 = 16;
/// 24 characters on paper, and 2^120 tries to meet by chance.
const CHECK_LEN: usize = 15;
const HEADER_LEN: usize = 1 + ID_LEN + 2;

const OTHER_SET: Error =
    Error::Parameters("the shares are of different sets; the first line of each names its set");
const REPEATED: Error = Error::Parameters("one share was given twice; each has its own number");
const TOO_FEW: Error = Error::Parameters("too few shares; the first line of each says how many are needed");
const ALTERED: Error =
    Error::Parameters("the shares do not fit together; at least one was altered after it was made");

/// A root seal by a random key of 32 bytes that nobody keeps: it is there while `threshold` custodians put
/// their shares together.
pub struct SharesSeal {
    wrap: Xaes,
    set: Set,
}

impl SharesSeal {
    /// A fresh key and its `count` shares, of which any `threshold` give it back. There is no other way to
    /// get the shares again.
    ///
    /// # Errors
    /// [`Error::Parameters`] unless `2 <= threshold <= count <= 16`.
    pub fn generate(threshold: u8, count: u8, rng: &dyn SecureRandom) -> Result<(Self, Vec<Share>)> {
        let mut id = [0; ID_LEN];
        rng.fill(&mut id)?;
        let set = Set::new(id, threshold, count)
            .ok_or(Error::Parameters("at most 16 shares, and a threshold from 2 up to their number"))?;
        let shares = split(&Key::generate(rng)?, set, rng)?;
        // INVARIANT: nothing is ever wrapped under a key that the shares do not give back.
        Ok((Self::combine(&shares)?, shares))
    }

    /// The seal that these shares belong to. More than `threshold` may be given; all of them have to fit.
    ///
    /// # Errors
    /// [`Error::Parameters`], with a text for the custodians: shares of different sets, one given twice, too
    /// few, or altered ones.
    pub fn combine(shares: &[Share]) -> Result<Self> {
        let set = common_set(shares)?;
        let key = interpolate(shares)?;
        let expected = key_check(&key, set)?;
        let fits = shares.iter().fold(Choice::from(1), |fits, share| fits & share.check.ct_eq(&expected));
        if !bool::from(fits) {
            return Err(ALTERED);
        }
        Self::new(&key, set)
    }

    /// Names the set of shares: eight random bytes, on every share and every blob.
    pub const fn set(&self) -> [u8; ID_LEN] {
        self.set.id
    }

    /// How many shares are needed.
    pub const fn threshold(&self) -> u8 {
        self.set.threshold
    }

    /// How many shares were made.
    pub const fn count(&self) -> u8 {
        self.set.count
    }

    fn new(key: &Key, set: Set) -> Result<Self> {
        let wrap = Xaes::new(derive(key, &set.header(), labels::ROOT_SHARES, &[]).bytes())?;
        Ok(Self { wrap, set })
    }
}

impl RootSeal for SharesSeal {
    fn info(&self) -> SealInfo {
        SealInfo { kind: SealKind::Shares, key_beside_data_possible: false, demo: false }
    }

    fn wrap(&self, plaintext: &[u8], context: &SealContext, rng: &dyn SecureRandom) -> RootResult<Vec<u8>> {
        let header = self.set.header();
        let sealed = self.wrap.seal(context.aad(labels::ROOT_SHARES, &header).as_ref(), plaintext, rng)?;
        Ok([header.as_slice(), &sealed].concat())
    }

    fn unwrap(&self, blob: &[u8], context: &SealContext) -> RootResult<Zeroizing<Vec<u8>>> {
        let (found, sealed) =
            blob.split_first_chunk::<HEADER_LEN>().ok_or(Error::Malformed("wrapped keyring"))?;
        let [format, id @ .., _, _] = found;
        if *format != FORMAT_SHARES || *id != self.set.id {
            return Err(Error::WrongRoot.into());
        }
        // The numbers after the name need no comparison: another one is another AAD.
        Ok(self.wrap.open(context.aad(labels::ROOT_SHARES, found).as_ref(), sealed)?)
    }

    fn health(&self) -> RootResult<()> {
        Ok(())
    }
}

impl fmt::Debug for SharesSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharesSeal")
            .field("threshold", &self.set.threshold)
            .field("count", &self.set.count)
            .finish_non_exhaustive()
    }
}

/// What the shares of a set have in common. Not secret.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Set {
    id: [u8; ID_LEN],
    threshold: u8,
    count: u8,
}

impl Set {
    fn new(id: [u8; ID_LEN], threshold: u8, count: u8) -> Option<Self> {
        let sound = 2 <= threshold && threshold <= count && count <= MAX_SHARES;
        sound.then_some(Self { id, threshold, count })
    }

    fn header(self) -> [u8; HEADER_LEN] {
        let mut header = [FORMAT_SHARES; HEADER_LEN];
        let [_, id @ .., threshold, count] = &mut header;
        id.copy_from_slice(&self.id);
        *threshold = self.threshold;
        *count = self.count;
        header
    }
}

/// The set that all of them say they are of, when there are enough of it.
fn common_set(shares: &[Share]) -> Result<Set> {
    let set = shares.first().ok_or(TOO_FEW)?.set;
    let mut seen = [false; MAX_SHARES as usize + 1];
    for share in shares {
        if share.set.id != set.id {
            return Err(OTHER_SET);
        }
        if share.set != set {
            return Err(ALTERED);
        }
        let seen = seen.get_mut(usize::from(share.number)).ok_or(ALTERED)?;
        if core::mem::replace(seen, true) {
            return Err(REPEATED);
        }
    }
    if shares.len() < usize::from(set.threshold) {
        return Err(TOO_FEW);
    }
    Ok(set)
}

/// By which the right key is known. It gives nothing away: it is derived, and the key is random.
fn key_check(key: &Key, set: Set) -> Result<[u8; CHECK_LEN]> {
    let check = derive(key, &set.header(), labels::ROOT_SHARES_CHECK, &[]);
    check.bytes().first_chunk().copied().ok_or(Error::Provider)
}

fn split(key: &Key, set: Set, rng: &dyn SecureRandom) -> Result<Vec<Share>> {
    let check = key_check(key, set)?;
    let mut coefficients = Coefficients { rng, failed: None };
    let points = Gf256::split_bytes(set.threshold.into(), set.count.into(), key.bytes(), &mut coefficients)
        .map(Zeroizing::new)
        .map_err(|_| Error::Provider)?;
    // The library leaves the polynomial of the last byte in freed memory: one byte of the key, of 32.
    if let Some(error) = coefficients.failed {
        return Err(error);
    }
    points.iter().map(|point| Share::from_point(set, check, point)).collect()
}

/// Whatever key the shares give, right or not: for [`SharesSeal::combine`] alone.
fn interpolate(shares: &[Share]) -> Result<Key> {
    let points: Zeroizing<Vec<Vec<u8>>> = Zeroizing::new(shares.iter().map(Share::point).collect());
    let secret = Gf256::combine_bytes(&points).map(Zeroizing::new).map_err(|_| Error::Provider)?;
    let secret: &[u8; KEY_LEN] = secret.first_chunk().ok_or(Error::Provider)?;
    Key::fill_with(|key| {
        key.copy_from_slice(secret);
        Ok(())
    })
}

/// Our randomness, as the library wants it.
///
/// There a draw cannot fail. Here it can: after a failure this yields zeros and remembers, and what was made
/// of them must not be used.
struct Coefficients<'a> {
    rng: &'a dyn SecureRandom,
    failed: Option<Error>,
}

impl Coefficients<'_> {
    fn draw<const N: usize>(&mut self) -> Zeroizing<[u8; N]> {
        let mut bytes = Zeroizing::new([0; N]);
        let Ok(()) = self.try_fill_bytes(bytes.as_mut_slice());
        bytes
    }
}

impl TryRng for Coefficients<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> core::result::Result<u32, Infallible> {
        Ok(u32::from_le_bytes(*self.draw()))
    }

    fn try_next_u64(&mut self) -> core::result::Result<u64, Infallible> {
        Ok(u64::from_le_bytes(*self.draw()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> core::result::Result<(), Infallible> {
        if self.failed.is_none() {
            self.failed = self.rng.fill(bytes).err();
        }
        if self.failed.is_some() {
            bytes.fill(0);
        }
        Ok(())
    }
}

impl TryCryptoRng for Coefficients<'_> {}

#[cfg(test)]
mod tests;
