//! What is good once: the second time, its digest is there already. Kept until it would be refused for its age anyway.

use avouch_store::{Tx, params, statements};

use crate::Error;

statements! {
    data SPEND = "insert into spent (digest, until) values (?1, ?2) on conflict (digest) do nothing";
    data SWEEP = "delete from spent where until <= ?1";
}

/// Something that is good once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Single {
    /// Of a label and of what makes it the one that it is.
    pub(crate) digest: [u8; 32],
    /// From when on it is refused for its age, in microseconds UTC.
    pub(crate) until: i64,
}

/// Spends it.
///
/// # Errors
/// [`Error::LogInFailed`] when that was done before.
pub(crate) fn spend(tx: &mut Tx<'_>, single: &Single) -> Result<(), Error> {
    match tx.execute(&SPEND, params![&single.digest, single.until])? {
        0 => Err(Error::LogInFailed),
        _ => Ok(()),
    }
}

/// Forgets what is refused for its age.
pub(crate) fn sweep(tx: &mut Tx<'_>, now: i64) -> Result<u64, Error> {
    Ok(tx.execute(&SWEEP, params![now])?)
}
