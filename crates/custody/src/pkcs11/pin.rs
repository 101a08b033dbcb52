//! What a token says of its PIN, before it is tried and after it was wrong.
//!
//! Tokens lock themselves after a few wrong PINs, and a service that is started again and again tries one
//! each time. So the last try is never ours.

use avouch_seal::root::{RootError, RootResult};
use cryptoki::{
    error::{Error as DeviceError, RvError},
    slot::TokenInfo,
};

use super::fault::Fault;

/// How many tries the token says are left. Some tokens never say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tries {
    /// As many as there ever are, or not said.
    Unsaid,
    /// Fewer than there were: somebody tried a wrong one.
    Few,
    /// One.
    Last,
    /// None: the PIN is locked.
    Locked,
}

impl From<&TokenInfo> for Tries {
    fn from(token: &TokenInfo) -> Self {
        match (token.user_pin_locked(), token.user_pin_final_try(), token.user_pin_count_low()) {
            (true, ..) => Self::Locked,
            (_, true, _) => Self::Last,
            (.., true) => Self::Few,
            _ => Self::Unsaid,
        }
    }
}

impl Tries {
    /// Refuses where a try would be in vain, or could be the last.
    pub(super) fn before(self) -> RootResult<()> {
        match self {
            Self::Unsaid | Self::Few => Ok(()),
            Self::Last => refuse(
                "one more wrong PIN locks the token, so ours is not tried; make sure of it with the tool \
                 of the device's maker, where a right one resets the count",
            ),
            Self::Locked => refuse(LOCKED),
        }
    }

    /// What to say of a PIN that was wrong.
    pub(super) fn after(self) -> RootError {
        RootError::Refused(
            match self {
                Self::Unsaid => "the PIN is wrong",
                Self::Few => "the PIN is wrong, and the token says that few tries are left",
                Self::Last => "the PIN is wrong, and the token says that the next wrong one locks it",
                Self::Locked => LOCKED,
            }
            .to_owned(),
        )
    }
}

const LOCKED: &str =
    "the PIN is locked after too many wrong ones; the token's security officer has to set a new one";

/// Why the token did not let us in, when it is not a wrong PIN.
pub(super) fn login(error: DeviceError) -> Fault {
    use RvError as R;
    let DeviceError::Pkcs11(code, _) = error else { return error.into() };
    let text = match code {
        R::PinLocked => LOCKED,
        R::PinExpired => "the PIN has expired; set a new one with the tool of the device's maker",
        R::PinLenRange | R::PinInvalid => "no PIN of this token has this length or these characters",
        R::UserPinNotInitialized => "the token has no user PIN yet; its security officer has to set one",
        R::UserAnotherAlreadyLoggedIn | R::UserTooManyTypes => {
            "somebody else is logged in to the token, as security officer perhaps; log them out"
        }
        _ => return error.into(),
    };
    RootError::Refused(text.to_owned()).into()
}

fn refuse<T>(text: &str) -> RootResult<T> {
    Err(RootError::Refused(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;

    use super::*;

    #[test]
    fn the_last_try_is_never_ours() {
        assert_eq!((Tries::Unsaid.before(), Tries::Few.before()), (Ok(()), Ok(())));
        for tries in [Tries::Last, Tries::Locked] {
            assert!(matches!(tries.before(), Err(RootError::Refused(_))), "{tries:?}");
        }
    }

    #[test]
    fn each_way_of_being_kept_out_has_its_text() {
        let mut texts: Vec<_> = [Tries::Unsaid, Tries::Few, Tries::Last, Tries::Locked]
            .map(|tries| tries.after().to_string())
            .into();
        for code in [
            RvError::PinLocked,
            RvError::PinExpired,
            RvError::PinLenRange,
            RvError::UserPinNotInitialized,
            RvError::UserTooManyTypes,
            RvError::FunctionFailed,
        ] {
            texts.push(login(DeviceError::Pkcs11(code, Function::Login)).told().to_string());
        }
        insta::assert_snapshot!(texts.join("\n"), @"
        refuses: the PIN is wrong
        refuses: the PIN is wrong, and the token says that few tries are left
        refuses: the PIN is wrong, and the token says that the next wrong one locks it
        refuses: the PIN is locked after too many wrong ones; the token's security officer has to set a new one
        refuses: the PIN is locked after too many wrong ones; the token's security officer has to set a new one
        refuses: the PIN has expired; set a new one with the tool of the device's maker
        refuses: no PIN of this token has this length or these characters
        refuses: the token has no user PIN yet; its security officer has to set one
        refuses: somebody else is logged in to the token, as security officer perhaps; log them out
        cannot be reached: it answers Login with `FunctionFailed`; see its own log
        ");
    }
}
