//! The root seal that is an AES key in a device with a PKCS#11 module (OASIS PKCS #11 v2.40 and later): an
//! HSM, a card, or a token in software.
//!
//! The key is made in the device and cannot be read out of it; each wrap and each unwrap is a call to the
//! device. A key that could be read out, or that may wrap other keys, is refused whenever it is used.
//! Whoever has the PIN and reaches the device can open the keyring; whoever can change the module's file, or
//! what it loads and reads, can make us run what they like, with every key in reach.
//!
//! ```text
//! blob   = header || iv[12] || AES-256-GCM(K, iv, PAE(label, header, vault, purpose, generation), plaintext)
//! header = 0x04 || id[8]                  id = SHA-256(PAE(label of ids, CKA_ID of K))
//! ```
//! Of the digest the first eight bytes; K's label stands for a `CKA_ID` that is empty. The token's serial
//! number is not in it, so that a key cloned to a spare device opens what the first one sealed.

use core::fmt;
use std::path::PathBuf;

use avouch_seal::{
    Error, SecureRandom, labels,
    root::{FORMAT_PKCS11, RootResult, RootSeal, SealContext, SealInfo, SealKind},
};
use cryptoki::{
    mechanism::{Mechanism, aead::GcmParams},
    object::ObjectHandle,
    session::Session,
};
use zeroize::Zeroizing;

use crate::{blob, trial};

mod fault;
mod key;
mod module;
mod pin;
mod token;

use fault::Fault;
use token::Token;

/// Length of the initialisation vector, in bytes.
const IV_LEN: usize = 12;
/// Length of the tag behind a ciphertext, in bytes.
const TAG_LEN: usize = 16;

/// Which key of which token, and how to get at it.
#[derive(Clone)]
pub struct Pkcs11Settings {
    /// The module: a whole path, as the loader would otherwise look for the name in places of its own.
    pub module: PathBuf,
    /// The token's label. There is no way to name a slot: the numbers change when tokens come and go.
    pub token: String,
    /// The key in the token.
    pub key: KeyName,
    /// The PIN of the token's user.
    pub pin: Zeroizing<String>,
}

impl Pkcs11Settings {
    fn check(&self) -> Result<(), Error> {
        if !self.module.is_absolute() {
            return Err(Error::Parameters("the PKCS#11 module is named by its whole path"));
        }
        if !(1..=32).contains(&self.token.len()) {
            return Err(Error::Parameters("the label of a token has 1 to 32 bytes"));
        }
        if self.pin.is_empty() {
            return Err(Error::Parameters("the PIN is empty"));
        }
        match &self.key {
            KeyName::Label(label) if label.is_empty() => {
                Err(Error::Parameters("the label of the key is empty"))
            }
            KeyName::Id(id) if id.is_empty() => Err(Error::Parameters("the CKA_ID of the key is empty")),
            KeyName::Label(_) | KeyName::Id(_) => Ok(()),
        }
    }
}

impl Pkcs11Settings {
    fn new_label(&self) -> Result<&str, Error> {
        match &self.key {
            KeyName::Label(label) => Ok(label),
            KeyName::Id(_) => Err(Error::Parameters("a new key is named by its label; its CKA_ID is drawn")),
        }
    }
}

impl fmt::Debug for Pkcs11Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs11Settings")
            .field("module", &self.module)
            .field("token", &self.token)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// By what a key is found in its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyName {
    /// Its `CKA_LABEL`.
    Label(String),
    /// Its `CKA_ID`.
    Id(Vec<u8>),
}

/// A root seal by a key that stays in its device.
///
/// Logged in once; logged in again when the session was lost. A lock for each module lets one call through at
/// a time: modules are not trusted with more.
pub struct Pkcs11Seal {
    token: Token,
    key: KeyName,
    hardware: bool,
}

impl Pkcs11Seal {
    /// Logs in and looks at the key.
    ///
    /// # Errors
    /// [`Unreachable`]: no module, or no token of that label. [`Refused`]: the PIN is
    /// wrong, or the key is missing or unsafe.
    ///
    /// [`Unreachable`]: avouch_seal::root::RootError::Unreachable
    /// [`Refused`]: avouch_seal::root::RootError::Refused
    pub fn open(settings: &Pkcs11Settings) -> RootResult<Self> {
        let seal = Self::log_in(settings)?;
        seal.health()?;
        Ok(seal)
    }

    /// Makes the key, in the device, and opens it.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`Refused`] also when there is a key of that label, or when the
    /// device makes another key than the one it was asked for.
    ///
    /// [`Refused`]: avouch_seal::root::RootError::Refused
    pub fn generate(settings: &Pkcs11Settings, rng: &dyn SecureRandom) -> RootResult<Self> {
        let label = settings.new_label()?;
        let seal = Self::log_in(settings)?;
        seal.make(label, rng)?;
        Ok(seal)
    }

    /// Opens the key, or makes it when the token has none of that label. The PIN is tried once: a device locks itself
    /// after a few wrong ones.
    ///
    /// # Errors
    /// As [`generate`](Self::generate), but for a key that is there already.
    pub fn open_or_generate(settings: &Pkcs11Settings, rng: &dyn SecureRandom) -> RootResult<Self> {
        let label = settings.new_label()?;
        let seal = Self::log_in(settings)?;
        match seal.token.read(|session| key::is_there(session, &seal.key))? {
            true => seal.health()?,
            false => seal.make(label, rng)?,
        }
        Ok(seal)
    }

    fn make(&self, label: &str, rng: &dyn SecureRandom) -> RootResult<()> {
        let mut id = [0; 16];
        rng.fill(&mut id)?;
        self.token.write(|session| key::generate(session, label, &id))?;
        self.health()
    }

    fn log_in(settings: &Pkcs11Settings) -> RootResult<Self> {
        settings.check()?;
        let token = Token::open(&settings.module, &settings.token, &settings.pin)?;
        let hardware = token.is_hardware()?;
        Ok(Self { token, key: settings.key.clone(), hardware })
    }
}

impl RootSeal for Pkcs11Seal {
    fn info(&self) -> SealInfo {
        SealInfo { kind: SealKind::Pkcs11, key_beside_data_possible: !self.hardware, demo: false }
    }

    fn wrap(&self, plaintext: &[u8], context: &SealContext, rng: &dyn SecureRandom) -> RootResult<Vec<u8>> {
        blob::is_short(plaintext)?;
        let mut drawn = [0; IV_LEN];
        rng.fill(&mut drawn)?;
        let blob = self.token.read(|session| {
            let key = key::find(session, &self.key)?;
            let aad = context.aad(labels::ROOT_PKCS11, key.header.as_ref());
            // A device may put an IV of its own in the place of ours: what is kept is what it used.
            let mut iv = drawn;
            let sealed = encrypt(session, key.handle, &mut iv, aad.as_ref(), plaintext)?;
            if sealed.len() != plaintext.len() + TAG_LEN {
                return Err(fault::odd("a ciphertext of the wrong length"));
            }
            Ok(key.header.before(&[&iv, &sealed]))
        })?;
        trial::opens_again(self, &blob, context, plaintext)?;
        trial::opens_nowhere_else(self, &blob, context)?;
        Ok(blob)
    }

    fn unwrap(&self, blob: &[u8], context: &SealContext) -> RootResult<Zeroizing<Vec<u8>>> {
        blob::is_of(FORMAT_PKCS11, blob)?;
        self.token.read(|session| {
            let key = key::find(session, &self.key)?;
            let sealed = key.header.after(blob)?;
            let Some((iv, sealed)) = sealed.split_first_chunk().filter(|(_, sealed)| sealed.len() > TAG_LEN)
            else {
                return Err(Error::Malformed("wrapped keyring").into());
            };
            let aad = context.aad(labels::ROOT_PKCS11, key.header.as_ref());
            decrypt(session, key.handle, *iv, aad.as_ref(), sealed)
        })
    }

    fn health(&self) -> RootResult<()> {
        self.token.read(|session| {
            self.token.has_aes_gcm(session)?;
            key::find(session, &self.key).map(|_| ())
        })
    }
}

impl fmt::Debug for Pkcs11Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs11Seal")
            .field("token", &self.token)
            .field("key", &self.key)
            .field("hardware", &self.hardware)
            .finish_non_exhaustive()
    }
}

fn encrypt(
    session: &Session,
    key: ObjectHandle,
    iv: &mut [u8; IV_LEN],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, Fault> {
    let gcm = Mechanism::AesGcm(GcmParams::new(iv, aad, 128.into())?);
    Ok(session.encrypt(&gcm, key, plaintext)?)
}

fn decrypt(
    session: &Session,
    key: ObjectHandle,
    mut iv: [u8; IV_LEN],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let gcm = Mechanism::AesGcm(GcmParams::new(&mut iv, aad, 128.into())?);
    match session.decrypt(&gcm, key, sealed) {
        Ok(opened) => Ok(Zeroizing::new(opened)),
        Err(error) if fault::is_the_blob(&error) => Err(Error::Tampered.into()),
        // Some say no more than that it failed. When they are well, it is the blob that is not.
        Err(error) if fault::is_anything(&error) && token::is_well(session) => Err(Error::Tampered.into()),
        Err(error) => Err(error.into()),
    }
}

/// To be called when the program is about to end and asks no device any more: lets go of the modules that were loaded.
pub fn close_modules() {
    module::close_all();
}

#[cfg(test)]
mod tests {
    use avouch_seal::root::RootError;

    use super::*;

    fn settings() -> Pkcs11Settings {
        Pkcs11Settings {
            module: "/usr/lib/module.so".into(),
            token: "avouch".to_owned(),
            key: KeyName::Label("root".to_owned()),
            pin: Zeroizing::new("geheim".to_owned()),
        }
    }

    fn refused(change: impl FnOnce(&mut Pkcs11Settings)) -> String {
        let mut changed = settings();
        change(&mut changed);
        let error = Pkcs11Seal::open(&changed).unwrap_err();
        assert!(matches!(error, RootError::Seal(Error::Parameters(_))), "{error:?}");
        error.to_string()
    }

    #[test]
    fn settings_that_cannot_be_meant_are_refused() {
        let texts = [
            refused(|settings| settings.module = "module.so".into()),
            refused(|settings| settings.token = String::new()),
            refused(|settings| settings.token = "t".repeat(33)),
            refused(|settings| settings.pin = Zeroizing::default()),
            refused(|settings| settings.key = KeyName::Label(String::new())),
            refused(|settings| settings.key = KeyName::Id(Vec::new())),
        ];
        insta::assert_snapshot!(texts.join("\n"), @"
        refused parameters: the PKCS#11 module is named by its whole path
        refused parameters: the label of a token has 1 to 32 bytes
        refused parameters: the label of a token has 1 to 32 bytes
        refused parameters: the PIN is empty
        refused parameters: the label of the key is empty
        refused parameters: the CKA_ID of the key is empty
        ");
    }

    #[test]
    fn a_new_key_needs_a_label() {
        let settings = Pkcs11Settings { key: KeyName::Id(vec![1]), ..settings() };
        let refused = Pkcs11Seal::generate(&settings, &avouch_seal::SystemRandom::new()).unwrap_err();
        assert!(matches!(refused, RootError::Seal(Error::Parameters(_))), "{refused:?}");
    }

    #[test]
    fn debug_shows_no_pin() {
        assert!(!format!("{:?}", settings()).contains("geheim"));
    }
}
