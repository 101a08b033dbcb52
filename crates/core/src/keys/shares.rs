//! Recovery shares for custodians: a fresh key split among them, each share sealed to its custodian's age key, so that no share
//! is ever readable on the server's disk or on the network.

use std::io::Write as _;
use std::sync::Arc;

use age::armor::{ArmoredWriter, Format};
use avouch_seal::SystemRandom;
use avouch_seal::root::SharesSeal;
use zeroize::Zeroizing;

use super::{Recovery, SealingError};
use crate::Error;
use crate::app::App;
use crate::gate::Caller;

/// The slot of a seal by shares.
pub const SHARES: &str = "shares";

/// New shares, one for each custodian in their order.
#[derive(Debug, Clone)]
pub struct SealedShares {
    /// Names the set, as the first line of each share does.
    pub set: [u8; 8],
    /// How many are needed.
    pub threshold: u8,
    /// Armoured age files, each for one custodian.
    pub shares: Vec<String>,
}

impl SealedShares {
    /// Splits a fresh key among custodians, who are given by their age recipients (`age1…`).
    ///
    /// # Errors
    /// [`Error::Invalid`] for a recipient that is none, one that is there twice, or numbers out of range.
    pub fn generate(
        threshold: u8,
        custodians: &[String],
        rng: &SystemRandom,
    ) -> Result<(SharesSeal, Self), Error> {
        let recipients = recipients(custodians)?;
        let count = u8::try_from(recipients.len()).unwrap_or(u8::MAX);
        let (seal, shares) = SharesSeal::generate(threshold, count, rng).map_err(|error| match error {
            avouch_seal::Error::Parameters(detail) => Error::invalid("/threshold", detail),
            error => error.into(),
        })?;
        let shares = recipients
            .iter()
            .zip(&shares)
            .map(|(recipient, share)| sealed_to(recipient, &share.to_text()))
            .collect::<Result<_, _>>()?;
        let set = Self { set: seal.set(), threshold, shares };
        Ok((seal, set))
    }
}

impl App {
    /// Replaces all seals for recovery by new shares; see [`App::replace_recovery`].
    ///
    /// # Errors
    /// [`SealingError`]; then nothing has changed, and the new shares open nothing.
    pub fn replace_recovery_by_shares(
        self: &Arc<Self>,
        caller: &Caller,
        threshold: u8,
        custodians: &[String],
    ) -> Result<SealedShares, SealingError> {
        let (seal, shares) = SealedShares::generate(threshold, custodians, &self.rng)?;
        self.replace_recovery(caller, &[Recovery { slot: SHARES.to_owned(), seal: &seal }])?;
        Ok(shares)
    }
}

fn recipients(custodians: &[String]) -> Result<Vec<age::x25519::Recipient>, Error> {
    let mut recipients = Vec::with_capacity(custodians.len());
    for (at, text) in custodians.iter().enumerate() {
        let pointer = format!("/custodians/{at}");
        let recipient = text
            .parse::<age::x25519::Recipient>()
            .map_err(|_| Error::invalid(&*pointer, "expected an age recipient: `age1…`"))?;
        if custodians.iter().take(at).any(|other| other == text) {
            return Err(Error::invalid(&*pointer, "this custodian is named twice: each has one share"));
        }
        recipients.push(recipient);
    }
    Ok(recipients)
}

/// A share as an armoured age file.
fn sealed_to(recipient: &age::x25519::Recipient, text: &Zeroizing<String>) -> Result<String, Error> {
    let failed = |_| Error::Internal("a share could not be sealed");
    let encryptor = age::Encryptor::with_recipients(core::iter::once(recipient as &dyn age::Recipient))
        .map_err(|_| Error::Internal("no recipient to seal to"))?;
    let armour = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor).map_err(failed)?;
    let mut out = encryptor.wrap_output(armour).map_err(failed)?;
    out.write_all(text.as_bytes()).map_err(failed)?;
    let armoured = out.finish().and_then(ArmoredWriter::finish).map_err(failed)?;
    String::from_utf8(armoured).map_err(|_| Error::Internal("armour is text"))
}
