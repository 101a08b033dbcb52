//! Secrets that whoever calls shows: `<prefix>_<environment>_<id, 26 characters>_<secret, 52 characters>_<check, 6 characters>`.
//!
//! An API key begins with `avk`, a session with `avs`, a one-time link with `avl`, an access token with `ava`; each has a label of its
//! own in its hash, so that none passes for another. The id finds the row, the secret proves the right to it; only a hash of both is kept. The secret has
//! 256 random bits, so a plain hash is enough and no slow one is needed. The prefix and the check let a scanner find leaked ones
//! without false alarms. Must never be logged or stored as text: it is shown once, by [`Credential::reveal`].

use core::fmt;
use core::marker::PhantomData;

use aws_lc_rs::digest;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    Error, Result, SecureRandom, labels,
    pae::length,
    text::{check_6, is_name, push_base32, read_base32, split_checked},
};

const MAX_ENVIRONMENT: usize = 16;
/// Room for the longest one as text.
const MAX_TEXT: usize = 3 + MAX_ENVIRONMENT + 26 + 52 + 6 + 4;

/// What a secret is for.
pub trait Kind: sealed::Sealed {
    /// Its first three letters.
    const PREFIX: &'static str;
    /// Its label in the hash.
    const LABEL: &'static str;
    /// What it is called in errors.
    const NAME: &'static str;
}

mod sealed {
    /// Nobody adds a kind elsewhere: two with one label would pass for each other.
    pub trait Sealed {}
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident, $alias:ident: $prefix:literal, $label:expr, $name:literal;)*) => {
        $(
            #[doc = concat!("The kind `", $prefix, "`: ", $name, ".")]
            #[derive(Debug)]
            pub enum $kind {}
            impl sealed::Sealed for $kind {}
            impl Kind for $kind {
                const PREFIX: &'static str = $prefix;
                const LABEL: &'static str = $label;
                const NAME: &'static str = $name;
            }
            $(#[$doc])*
            pub type $alias = Credential<$kind>;
        )*
    };
}

kinds! {
    /// What a program shows with each request.
    Api, ApiKey: "avk", labels::API_KEY, "api key";
    /// What somebody who has logged in shows with each request.
    Session, SessionToken: "avs", labels::SESSION, "session";
    /// What lets somebody in once, to enrol.
    Link, OneTimeLink: "avl", labels::ONE_TIME_LINK, "one-time link";
    /// What a service shows for some minutes, together with a proof that it is the one who was given it.
    Access, AccessToken: "ava", labels::ACCESS_TOKEN, "access token";
}

/// See the module.
pub struct Credential<K> {
    environment: Box<str>,
    id: [u8; 16],
    secret: Zeroizing<[u8; 32]>,
    kind: PhantomData<K>,
}

impl<K: Kind> Credential<K> {
    /// A fresh one. `environment` is shown in it (`live`, `test`, `demo`): a lower-case letter, then up to 15
    /// lower-case letters or digits.
    pub fn generate(environment: &str, id: [u8; 16], rng: &dyn SecureRandom) -> Result<Self> {
        if !is_name(environment, MAX_ENVIRONMENT) {
            return Err(Error::Parameters("the environment of an api key is 2 to 16 of a-z and 0-9"));
        }
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill(secret.as_mut_slice())?;
        Ok(Self { environment: environment.into(), id, secret, kind: PhantomData })
    }

    /// Reads one as a caller sent it. Any departure from the form is [`Error::Malformed`].
    pub fn parse(text: &str) -> Result<Self> {
        Self::read(text).ok_or(Error::Malformed(K::NAME))
    }

    /// Finds its row. Not secret.
    pub const fn id(&self) -> [u8; 16] {
        self.id
    }

    /// The environment named in it.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// The whole as text, to be shown once.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(MAX_TEXT));
        text.push_str(K::PREFIX);
        text.push('_');
        text.push_str(&self.environment);
        text.push('_');
        push_base32(&mut text, &self.id);
        text.push('_');
        push_base32(&mut text, self.secret.as_slice());
        let check = check_6(&text);
        text.push('_');
        text.extend(check);
        text
    }

    /// What is stored: `SHA-256(PAE(label, environment, id, secret))`.
    pub fn hash(&self) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        let parts: [&[u8]; 4] =
            [K::LABEL.as_bytes(), self.environment.as_bytes(), &self.id, self.secret.as_slice()];
        for part in parts {
            context.update(&length(part));
            context.update(part);
        }
        *context.finish().as_ref().first_chunk().expect("SHA-256 yields 32 bytes")
    }

    /// Whether this is the one whose hash was stored, in constant time.
    pub fn verify(&self, hash: &[u8; 32]) -> bool {
        self.hash().ct_eq(hash).into()
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = split_checked(text, check_6)?.split('_');
        let (prefix, environment, id, secret) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if prefix != K::PREFIX || !is_name(environment, MAX_ENVIRONMENT) || parts.next().is_some() {
            return None;
        }
        let (id, secret) = (*read_base32(id)?, read_base32(secret)?);
        Some(Self { environment: environment.into(), id, secret, kind: PhantomData })
    }
}

impl<K: Kind> fmt::Debug for Credential<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}_{}_..)", K::PREFIX, self.environment)
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::test::rand::FixedByteRandom;
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    use super::*;
    use crate::SystemRandom;

    #[test]
    fn the_form_is_pinned() {
        let key = ApiKey::generate("live", [0; 16], &FixedByteRandom { byte: 0xff }).unwrap();
        assert_eq!(
            *key.reveal(),
            "avk_live_aaaaaaaaaaaaaaaaaaaaaaaaaa_777777777777777777777777777777777777777777777777777q_dx3jtd"
        );
        assert!(key.reveal().len() <= MAX_TEXT);
        assert_eq!(
            HEXLOWER.encode(&key.hash()),
            "a46590c66cc08a0987ae037895d07cb8c3e2ed60e4b1685cff18d7d335412801"
        );
    }

    #[test]
    fn the_longest_key_fits_without_moving() {
        let key = ApiKey::generate("production123456", [7; 16], &SystemRandom::new()).unwrap();
        assert_eq!(key.reveal().len(), MAX_TEXT);
        assert_eq!(key.reveal().capacity(), MAX_TEXT);
    }

    #[test]
    fn environments_are_names() {
        for bad in ["", "l", "Live", "li_ve", "1live", "waytoolongtobeone", "lïve"] {
            assert!(ApiKey::generate(bad, [0; 16], &SystemRandom::new()).is_err(), "{bad}");
        }
    }

    fn key_of<K>(environment: &str, key: &ApiKey) -> Credential<K> {
        let secret = key.secret.clone();
        Credential { environment: environment.into(), id: key.id, secret, kind: PhantomData }
    }

    #[test]
    fn one_kind_passes_for_no_other() {
        let key = ApiKey::generate("live", [7; 16], &SystemRandom::new()).unwrap();
        assert!(SessionToken::parse(&key.reveal()).is_err() && OneTimeLink::parse(&key.reveal()).is_err());
        assert!(AccessToken::parse(&key.reveal()).is_err());
        let same_bytes: AccessToken = key_of("live", &key);
        assert!(!same_bytes.verify(&key.hash()));
        let same_bytes: SessionToken = key_of("live", &key);
        assert!(!same_bytes.verify(&key.hash()));
        let same_bytes: OneTimeLink = key_of("live", &key);
        assert!(!same_bytes.verify(&key.hash()));
    }

    #[test]
    fn debug_shows_neither_id_nor_secret() {
        let key = ApiKey::generate("live", [0x11; 16], &SystemRandom::new()).unwrap();
        assert_eq!(format!("{key:?}"), "Credential(avk_live_..)");
    }

    proptest! {
        #[test]
        fn round_trip(id: [u8; 16], environment in "[a-z][a-z0-9]{1,15}") {
            let key = ApiKey::generate(&environment, id, &SystemRandom::new()).unwrap();
            let read = ApiKey::parse(&key.reveal()).unwrap();
            prop_assert_eq!(read.id(), id);
            prop_assert_eq!(read.environment(), environment);
            prop_assert!(read.verify(&key.hash()));
        }

        #[test]
        fn any_changed_character_is_refused(id: [u8; 16], at in 0_usize..95, to in "[ -~]") {
            let key = ApiKey::generate("live", id, &SystemRandom::new()).unwrap();
            let mut text = String::clone(&key.reveal());
            prop_assert_eq!(text.len(), 95);
            prop_assume!(text[at..=at] != to);
            text.replace_range(at..=at, &to);
            prop_assert!(matches!(ApiKey::parse(&text), Err(Error::Malformed("api key"))));
        }

        #[test]
        fn another_key_does_not_verify(id: [u8; 16], other_id: [u8; 16]) {
            let rng = SystemRandom::new();
            let key = ApiKey::generate("live", id, &rng).unwrap();
            let same_id = ApiKey::generate("live", id, &rng).unwrap();
            prop_assert!(!same_id.verify(&key.hash()));
            let moved: ApiKey = Credential { id: other_id, ..key_of("live", &key) };
            prop_assert_eq!(moved.verify(&key.hash()), id == other_id);
            let elsewhere: ApiKey = key_of("test", &key);
            prop_assert!(!elsewhere.verify(&key.hash()));
        }

        #[test]
        fn any_text_is_refused_without_a_panic(text in ".{0,120}") {
            prop_assert!(ApiKey::parse(&text).is_err());
        }
    }
}
