//! Encrypting and decrypting, and keys to encrypt with elsewhere.

use avouch_policy::Action;
use avouch_seal::transit::{Binding, DataKey, DataKeyLength, TransitKey};
use avouch_seal::{Result, SecureRandom};

use super::Hidden;
use super::kind::Ability;
use super::work::sealed::Use;
use super::work::{Given, Work};

/// What a ciphertext is bound to; to be said again when it is opened.
#[derive(Debug, Clone)]
pub struct Bound {
    /// Which of the keys under a derived key; empty for a key that is not derived.
    pub context: Hidden<Vec<u8>>,
    /// Whatever else must be the same. Empty if nothing is.
    pub associated_data: Hidden<Vec<u8>>,
}

impl Bound {
    /// To nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self { context: Vec::new().into(), associated_data: Vec::new().into() }
    }

    fn binding(&self) -> Binding<'_> {
        Binding { context: &self.context, associated_data: &self.associated_data }
    }

    fn len(&self) -> usize {
        self.context.len() + self.associated_data.len()
    }
}

/// Text that a key made, and the version that did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    /// `vault:v<version>:…`
    pub text: Hidden<String>,
    /// From 1.
    pub version: u32,
}

impl Stamped {
    pub(super) fn new(text: String, version: Option<u32>, key: &TransitKey) -> Self {
        Self { text: text.into(), version: version.unwrap_or_else(|| key.latest()) }
    }
}

/// Encrypts.
#[derive(Debug, Clone)]
pub struct Encrypt(pub Vec<Given<EncryptItem>>);

/// What is encrypted.
#[derive(Debug, Clone)]
pub struct EncryptItem {
    /// The plaintext.
    pub plaintext: Hidden<Vec<u8>>,
    /// What it is bound to.
    pub bound: Bound,
    /// With which version; the latest when absent.
    pub version: Option<u32>,
}

impl Work for Encrypt {
    const ACTION: Action = Action::TransitEncrypt;
}

impl Use for Encrypt {
    const ABILITY: Ability = Ability::Encrypts;
    type Item = EncryptItem;
    type Made = Stamped;

    fn items(&self) -> &[Given<EncryptItem>] {
        &self.0
    }

    fn weight(item: &EncryptItem) -> usize {
        item.plaintext.len() + item.bound.len()
    }

    fn one(&self, key: &TransitKey, item: &EncryptItem, rng: &dyn SecureRandom) -> Result<Stamped> {
        let text = key.encrypt(item.version, &item.plaintext, &item.bound.binding(), rng)?;
        Ok(Stamped::new(text, item.version, key))
    }
}

/// Decrypts.
#[derive(Debug, Clone)]
pub struct Decrypt(pub Vec<Given<DecryptItem>>);

/// What is decrypted.
#[derive(Debug, Clone)]
pub struct DecryptItem {
    /// As it was made.
    pub ciphertext: Hidden<String>,
    /// What it was bound to.
    pub bound: Bound,
}

impl Work for Decrypt {
    const ACTION: Action = Action::TransitDecrypt;
}

impl Use for Decrypt {
    const ABILITY: Ability = Ability::Encrypts;
    type Item = DecryptItem;
    type Made = Hidden<Vec<u8>>;

    fn items(&self) -> &[Given<DecryptItem>] {
        &self.0
    }

    fn weight(item: &DecryptItem) -> usize {
        item.ciphertext.len() + item.bound.len()
    }

    fn one(&self, key: &TransitKey, item: &DecryptItem, _: &dyn SecureRandom) -> Result<Hidden<Vec<u8>>> {
        key.decrypt(&item.ciphertext, &item.bound.binding()).map(Hidden::from)
    }
}

/// Encrypts anew what was encrypted, with a newer version. The plaintext does not leave, so it takes no permission to decrypt.
#[derive(Debug, Clone)]
pub struct Rewrap(pub Vec<Given<RewrapItem>>);

/// What is encrypted anew.
#[derive(Debug, Clone)]
pub struct RewrapItem {
    /// As it was made.
    pub ciphertext: Hidden<String>,
    /// What it was, and will be, bound to.
    pub bound: Bound,
    /// With which version; the latest when absent.
    pub version: Option<u32>,
}

impl Work for Rewrap {
    const ACTION: Action = Action::TransitEncrypt;
}

impl Use for Rewrap {
    const ABILITY: Ability = Ability::Encrypts;
    type Item = RewrapItem;
    type Made = Stamped;

    fn items(&self) -> &[Given<RewrapItem>] {
        &self.0
    }

    fn weight(item: &RewrapItem) -> usize {
        item.ciphertext.len() + item.bound.len()
    }

    fn one(&self, key: &TransitKey, item: &RewrapItem, rng: &dyn SecureRandom) -> Result<Stamped> {
        let text = key.rewrap(&item.ciphertext, item.version, &item.bound.binding(), rng)?;
        Ok(Stamped::new(text, item.version, key))
    }
}

/// Makes a random key to encrypt with elsewhere, and gives it in both forms.
#[derive(Debug, Clone)]
pub struct MakeDataKey([Given<WantedDataKey>; 1]);

/// Makes one and gives it encrypted only: for whoever keeps it for others.
#[derive(Debug, Clone)]
pub struct WrapDataKey([Given<WantedDataKey>; 1]);

#[derive(Debug, Clone)]
pub struct WantedDataKey {
    length: DataKeyLength,
    bound: Bound,
    version: Option<u32>,
}

macro_rules! data_key {
    ($work:ident, $action:ident, $made:ty, $make:expr) => {
        impl $work {
            /// Of this length, encrypted as anything else is.
            #[must_use]
            pub fn new(length: DataKeyLength, bound: Bound, version: Option<u32>) -> Self {
                Self([Ok(WantedDataKey { length, bound, version })])
            }
        }

        impl Work for $work {
            const ACTION: Action = Action::$action;
        }

        impl Use for $work {
            const ABILITY: Ability = Ability::Encrypts;
            type Item = WantedDataKey;
            type Made = $made;

            fn items(&self) -> &[Given<WantedDataKey>] {
                &self.0
            }

            fn weight(item: &WantedDataKey) -> usize {
                item.bound.len()
            }

            fn one(&self, key: &TransitKey, item: &WantedDataKey, rng: &dyn SecureRandom) -> Result<$made> {
                let made = key.data_key(item.length, item.version, &item.bound.binding(), rng)?;
                let make: fn(DataKey, Stamped) -> $made = $make;
                let stamped = Stamped::new(made.ciphertext.clone(), item.version, key);
                Ok(make(made, stamped))
            }
        }
    };
}

data_key!(WrapDataKey, TransitEncrypt, Stamped, |_, stamped| stamped);
data_key!(MakeDataKey, TransitDecrypt, (Hidden<Vec<u8>>, Stamped), |made, stamped| (
    made.plaintext.into(),
    stamped
));
