//! What a device says, in words that tell the operator where to look.
//!
//! The codes of PKCS#11 are told apart by what follows from them: the session is lost and a new one may do,
//! the blob is not genuine, the device is gone, or it says no. Their long texts, written for programmers, are
//! not repeated; a code is named as the standard names it, without its prefix.

use avouch_seal::{
    Error,
    root::{RootError, RootResult},
};
use cryptoki::error::{Error as DeviceError, RvError};

/// Not in the list of codes that the library knows: `CKR_AEAD_DECRYPT_FAILED` of PKCS #11 v3.0.
const AEAD_DECRYPT_FAILED: u64 = 0x42;

/// Why a piece of work in a session failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// The device said so.
    Device(DeviceError),
    /// We say so, and it is for whoever called.
    Final(RootError),
}

impl From<DeviceError> for Fault {
    fn from(error: DeviceError) -> Self {
        Self::Device(error)
    }
}

impl From<RootError> for Fault {
    fn from(error: RootError) -> Self {
        Self::Final(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Final(error.into())
    }
}

impl Fault {
    /// Whether the session is of no more use, so that the work may be tried in a new one.
    pub(super) const fn is_a_lost_session(&self) -> bool {
        use RvError as R;
        matches!(
            self,
            Self::Device(DeviceError::Pkcs11(
                R::SessionClosed
                    | R::SessionHandleInvalid
                    | R::UserNotLoggedIn
                    | R::OperationActive
                    | R::OperationNotInitialized
                    | R::KeyHandleInvalid
                    | R::ObjectHandleInvalid
                    | R::DeviceRemoved
                    | R::TokenNotPresent
                    | R::SlotIdInvalid,
                _
            ))
        )
    }

    /// For whoever called.
    pub(super) fn told(self) -> RootError {
        match self {
            Self::Final(error) => error,
            Self::Device(error) => device(&error),
        }
    }
}

/// The device does something that the standard does not allow.
pub(super) fn odd(what: &str) -> Fault {
    Fault::Final(RootError::Unreachable(format!(
        "the PKCS#11 module does not behave as one, it gave {what}; try another version of it"
    )))
}

/// Whether the device says that what it was given to open is not genuine.
pub(super) const fn is_the_blob(error: &DeviceError) -> bool {
    use RvError as R;
    matches!(
        error,
        DeviceError::Pkcs11(
            R::EncryptedDataInvalid
                | R::EncryptedDataLenRange
                | R::SignatureInvalid
                | R::UnknownErrorCode(AEAD_DECRYPT_FAILED),
            _
        )
    )
}

/// Whether the device gives no reason.
pub(super) const fn is_anything(error: &DeviceError) -> bool {
    use RvError as R;
    matches!(
        error,
        DeviceError::Pkcs11(R::GeneralError | R::FunctionFailed | R::DataInvalid | R::DataLenRange, _)
    )
}

/// Of work outside a session.
pub(super) fn told<T>(result: Result<T, DeviceError>) -> RootResult<T> {
    result.map_err(|error| device(&error))
}

fn device(error: &DeviceError) -> RootError {
    use RvError as R;
    match error {
        DeviceError::Pkcs11(R::DeviceRemoved | R::TokenNotPresent | R::SlotIdInvalid, _) => {
            RootError::Unreachable("the token was taken away; is the device connected".to_owned())
        }
        DeviceError::Pkcs11(R::SessionCount, _) => RootError::Unreachable(
            "the token has no session free; see who else uses it, and how many it allows".to_owned(),
        ),
        DeviceError::Pkcs11(
            code @ (R::KeyFunctionNotPermitted
            | R::MechanismInvalid
            | R::MechanismParamInvalid
            | R::TemplateInconsistent
            | R::AttributeTypeInvalid
            | R::AttributeValueInvalid
            | R::TokenWriteProtected
            | R::ActionProhibited
            | R::FunctionNotSupported),
            call,
        ) => RootError::Refused(format!(
            "it answers {call:?} with `{code:?}`; see what it and its policy allow"
        )),
        DeviceError::Pkcs11(R::VendorDefined(code) | R::UnknownErrorCode(code), call) => {
            RootError::Unreachable(format!(
                "it answers {call:?} with the code {code:#x}; see what its maker says of that"
            ))
        }
        DeviceError::Pkcs11(code, call) => {
            RootError::Unreachable(format!("it answers {call:?} with `{code:?}`; see its own log"))
        }
        DeviceError::NullFunctionPointer | DeviceError::NotSupported => RootError::Unreachable(
            "the PKCS#11 module lacks a function; try another version of it".to_owned(),
        ),
        _ => odd("a value that does not fit").told(),
    }
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;

    use super::*;

    fn said(code: RvError, call: Function) -> String {
        Fault::from(DeviceError::Pkcs11(code, call)).told().to_string()
    }

    #[test]
    fn a_code_becomes_a_text_that_says_where_to_look() {
        let texts = [
            said(RvError::DeviceRemoved, Function::Encrypt),
            said(RvError::SessionCount, Function::OpenSession),
            said(RvError::KeyFunctionNotPermitted, Function::DecryptInit),
            said(RvError::VendorDefined(0x8000_0001), Function::Login),
            Fault::from(DeviceError::NullFunctionPointer).told().to_string(),
            Fault::from(DeviceError::InvalidValue).told().to_string(),
        ];
        insta::assert_snapshot!(texts.join("\n"), @"
        cannot be reached: the token was taken away; is the device connected
        cannot be reached: the token has no session free; see who else uses it, and how many it allows
        refuses: it answers DecryptInit with `KeyFunctionNotPermitted`; see what it and its policy allow
        cannot be reached: it answers Login with the code 0x80000001; see what its maker says of that
        cannot be reached: the PKCS#11 module lacks a function; try another version of it
        cannot be reached: the PKCS#11 module does not behave as one, it gave a value that does not fit; try another version of it
        ");
    }

    #[test]
    fn a_wrong_tag_is_known_by_any_of_its_codes() {
        for code in [RvError::EncryptedDataInvalid, RvError::UnknownErrorCode(0x42)] {
            assert!(is_the_blob(&DeviceError::Pkcs11(code, Function::Decrypt)), "{code:?}");
        }
        for code in [RvError::GeneralError, RvError::DeviceError, RvError::PinIncorrect] {
            assert!(!is_the_blob(&DeviceError::Pkcs11(code, Function::Decrypt)), "{code:?}");
        }
    }
}
