//! The drill: whoever keeps a seal for recovery proves that it still opens, without opening anything and without showing it to
//! the server. The server hands out the wrapped keyring key with a challenge; its keeper unwraps it, wherever that is, and
//! answers. A seal that nobody has drilled for a year is a hope, not a seal.
//!
//! The challenge is not stored: it carries its end and a digest of ours. An answer that is sent twice says the same twice.

use avouch_policy::Action;
use avouch_seal::SecureRandom as _;
use avouch_store::{Tx, params, statements};
use subtle::ConstantTimeEq as _;

use super::seals::{self, Slot};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit};
use crate::rules::Rules;

statements! {
    keys DRILLED = "update seal set drilled = ?2 where slot = ?1 and generation = ?3";
}

/// How long a challenge can be answered: time enough to bring custodians together.
const VALID_MICROS: i64 = 8 * 3600 * 1_000_000;

/// Asks for a drill of a seal.
#[derive(Debug, Clone)]
pub struct BeginDrill {
    /// Which.
    pub slot: String,
}

/// What its keeper needs.
#[derive(Debug, Clone)]
pub struct Drill {
    /// The vault's id.
    pub vault: [u8; 16],
    /// The seal, with the wrapped key.
    pub slot: Slot,
    /// To be answered.
    pub challenge: [u8; 32],
}

impl Operation for BeginDrill {
    const ACTION: Action = Action::KeyDrill;
    type Output = Drill;
    type Facts = Slot;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<Slot, Error> {
        find(tx, &self.slot)
    }

    fn run(&self, _tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, slot: Slot) -> Result<Outcome<Drill>, Error> {
        let mut challenge = [0; 32];
        let (body, mac) = challenge.split_at_mut(16);
        let (random, end) = body.split_at_mut(8);
        cx.app.rng.fill(random).map_err(|_| Error::Internal("no randomness"))?;
        end.copy_from_slice(&(cx.now + VALID_MICROS).to_be_bytes());
        mac.copy_from_slice(&digest(cx, &slot, body));
        Ok(Outcome::new(Drill { vault: cx.app.keys.vault().0, slot, challenge }, Note::count(0)))
    }
}

/// The answer to a challenge.
#[derive(Clone)]
pub struct FinishDrill {
    /// Which seal.
    pub slot: String,
    /// As it was given.
    pub challenge: [u8; 32],
    /// See [`ProofKey::answer`](avouch_seal::keyring::ProofKey::answer).
    pub answer: [u8; 32],
}

impl core::fmt::Debug for FinishDrill {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FinishDrill").field("slot", &self.slot).finish_non_exhaustive()
    }
}

impl Operation for FinishDrill {
    const ACTION: Action = Action::KeyDrill;
    /// When it was proved; microseconds UTC.
    type Output = i64;
    type Facts = Slot;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<Slot, Error> {
        find(tx, &self.slot)
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, slot: Slot) -> Result<Outcome<i64>, Error> {
        let (body, mac) = self.challenge.split_at(16);
        let end = body.last_chunk().map_or(0, |end| i64::from_be_bytes(*end));
        let ours = bool::from(digest(cx, &slot, body).ct_eq(mac));
        if !ours || end < cx.now {
            return Err(Error::invalid("/challenge", "this challenge is not ours, or too old: begin again"));
        }
        if !cx.app.seals.proof().verify(&self.slot, &self.challenge, &self.answer) {
            let detail =
                "this answer does not prove that the seal opens: the wrong shares, passphrase or key";
            return Ok(Outcome::failed(Error::invalid("/answer", detail), Note::count(0)));
        }
        tx.put(&DRILLED, params![&self.slot, cx.now, slot.generation])?;
        Ok(Outcome::new(cx.now, Note::count(1)))
    }
}

fn find(tx: &mut Tx<'_>, name: &str) -> Result<Slot, Error> {
    seals::slots(tx)?.into_iter().find(|slot| slot.slot == name).ok_or(Error::NotFound)
}

fn digest(cx: &Cx<'_>, slot: &Slot, body: &[u8]) -> [u8; 16] {
    let parts: [&[u8]; 3] = [slot.slot.as_bytes(), &slot.wrapped, body];
    let digest = cx.app.keys.row_digest("drill-challenge", &parts);
    core::array::from_fn(|at| digest.get(at).copied().unwrap_or_default())
}
