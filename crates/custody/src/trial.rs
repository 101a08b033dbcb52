//! What a root has to show before a blob of its is kept.
//!
//! Nothing is as useless as a keyring wrapped by something that will not unwrap it, and the next start is
//! when one would find out: a policy that allows to encrypt and not to decrypt, a device whose cipher is
//! broken, an engine too old to know associated data, which it then ignores without a word.

use avouch_seal::{
    Error,
    root::{RootError, RootResult, RootSeal, SealContext},
};
use subtle::ConstantTimeEq as _;

/// Whether the root gives back what it was given.
pub(crate) fn opens_again(
    root: &dyn RootSeal,
    blob: &[u8],
    context: &SealContext,
    plaintext: &[u8],
) -> RootResult<()> {
    match root.unwrap(blob, context) {
        Ok(opened) if bool::from(opened.as_slice().ct_eq(plaintext)) => Ok(()),
        Ok(_) => Err(RootError::Refused("what it opened is not what it was given to seal".to_owned())),
        Err(RootError::Seal(Error::Tampered | Error::WrongRoot)) => {
            Err(RootError::Refused("it does not open what it sealed a moment ago".to_owned()))
        }
        Err(other) => Err(other),
    }
}

/// Whether the root heeds the context: the next generation's must not open this one's.
pub(crate) fn opens_nowhere_else(root: &dyn RootSeal, blob: &[u8], context: &SealContext) -> RootResult<()> {
    let elsewhere = SealContext { generation: context.generation.wrapping_add(1), ..*context };
    match root.unwrap(blob, &elsewhere) {
        Err(RootError::Seal(Error::Tampered)) => Ok(()),
        Ok(_) => Err(RootError::Refused(
            "it opens what was sealed for another purpose: it ignores associated data and is too old for this"
                .to_owned(),
        )),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use avouch_seal::{SecureRandom, VaultId, labels, root::SealInfo};
    use zeroize::Zeroizing;

    use super::*;

    const CONTEXT: SealContext =
        SealContext { vault: VaultId([1; 16]), purpose: labels::KEYRING_KEY, generation: u32::MAX };

    /// Answers every unwrap alike, whatever the context.
    struct Always(RootResult<&'static [u8]>);

    impl RootSeal for Always {
        fn info(&self) -> SealInfo {
            unreachable!("nobody asks")
        }

        fn wrap(&self, _: &[u8], _: &SealContext, _: &dyn SecureRandom) -> RootResult<Vec<u8>> {
            unreachable!("nobody asks")
        }

        fn unwrap(&self, _: &[u8], _: &SealContext) -> RootResult<Zeroizing<Vec<u8>>> {
            self.0.clone().map(|opened| Zeroizing::new(opened.to_vec()))
        }

        fn health(&self) -> RootResult<()> {
            unreachable!("nobody asks")
        }
    }

    #[test]
    fn a_root_that_gives_back_something_else_is_refused() {
        assert_eq!(opens_again(&Always(Ok(b"key")), b"", &CONTEXT, b"key"), Ok(()));
        for root in [Always(Ok(b"kez")), Always(Ok(b"ke")), Always(Err(Error::Tampered.into()))] {
            let refused = opens_again(&root, b"", &CONTEXT, b"key");
            assert!(matches!(refused, Err(RootError::Refused(_))), "{refused:?}");
        }
        let gone = RootError::Unreachable("gone".to_owned());
        assert_eq!(opens_again(&Always(Err(gone.clone())), b"", &CONTEXT, b"key"), Err(gone));
    }

    #[test]
    fn a_root_that_ignores_the_context_is_refused() {
        assert_eq!(opens_nowhere_else(&Always(Err(Error::Tampered.into())), b"", &CONTEXT), Ok(()));
        assert!(matches!(opens_nowhere_else(&Always(Ok(b"key")), b"", &CONTEXT), Err(RootError::Refused(_))));
    }
}
