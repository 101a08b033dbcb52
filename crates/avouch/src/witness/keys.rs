//! The keys of a witness: a file with its name and two seeds. They stand together because an Ed25519 cosignature does not say
//! whose it is: one seed must never serve two names.
//!
//! Whoever has this file can sign as the witness. What is freed of it is wiped, as everything is in this program.

use std::path::Path;

use avouch_ledger::note::Cosigner;
use avouch_seal::{SecureRandom as _, SystemRandom};
use data_encoding::BASE64;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::WitnessError;
use crate::error::Error;
use crate::files;

const HEAD: &str = "\
# The keys of a witness. Whoever has this file can sign as it. There is no copy to make of it: a witness whose folder is
# lost is another one, with other keys.
";

/// See the module.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    name: String,
    ed25519: String,
    ml_dsa_44: String,
}

impl Keys {
    /// New ones under this name.
    ///
    /// # Errors
    /// [`WitnessError::Name`].
    pub(super) fn generate(name: &str) -> Result<Self, Error> {
        let seed = || {
            let mut seed = Zeroizing::new([0; 32]);
            SystemRandom::new()
                .fill(&mut *seed)
                .map_err(|_| Error::Operation(avouch_core::Error::Internal("no randomness")))?;
            Ok::<_, Error>(BASE64.encode(&*seed))
        };
        let keys = Self { name: name.to_owned(), ed25519: seed()?, ml_dsa_44: seed()? };
        keys.cosigners().map_err(|_| WitnessError::Name(name.to_owned()))?;
        Ok(keys)
    }

    /// Of a file.
    ///
    /// # Errors
    /// [`WitnessError::Keys`], without what stands in it.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let text = files::read_secret(path)?;
        let keys = toml::from_str::<Self>(&text).ok().filter(|keys| keys.cosigners().is_ok());
        keys.ok_or_else(|| WitnessError::Keys(path.to_owned()).into())
    }

    /// What is written into the file.
    pub(super) fn text(&self) -> Zeroizing<String> {
        let Self { name, ed25519, ml_dsa_44 } = self;
        let name = toml::Value::from(name.as_str());
        Zeroizing::new(format!("{HEAD}name = {name}\ned25519 = \"{ed25519}\"\nml_dsa_44 = \"{ml_dsa_44}\"\n"))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What signs with them: Ed25519, which everybody reads, and ML-DSA-44, which will hold longer.
    ///
    /// # Errors
    /// When name or seeds are none.
    pub(super) fn cosigners(&self) -> Result<[Cosigner; 2], WitnessError> {
        let seed = |text: &str| -> Option<Zeroizing<[u8; 32]>> {
            let bytes = Zeroizing::new(BASE64.decode(text.as_bytes()).ok()?);
            bytes.as_slice().try_into().ok().map(Zeroizing::new)
        };
        let (Some(ed25519), Some(ml_dsa)) = (seed(&self.ed25519), seed(&self.ml_dsa_44)) else {
            return Err(avouch_ledger::Error::Malformed("seed of a witness").into());
        };
        Ok([Cosigner::ed25519(&self.name, &ed25519)?, Cosigner::ml_dsa(&self.name, &ml_dsa)?])
    }

    /// As they are handed about.
    ///
    /// # Errors
    /// As [`Self::cosigners`].
    pub(super) fn verifier_keys(&self) -> Result<Vec<String>, WitnessError> {
        Ok(self.cosigners()?.iter().map(|key| key.verifier_key().to_string()).collect())
    }
}
