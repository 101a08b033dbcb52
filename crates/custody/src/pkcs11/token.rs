//! A token found by its label, and a session in which its user is logged in.
//!
//! Sessions end without our doing: the device is pulled out and put back, the module is reset, another seal
//! of this process logs in to the same token. Each piece of work makes sure of its session first and is tried
//! a second time in a new one when it was lost in between; never a third time, for each may cost a try at the
//! PIN.

use core::fmt;
use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use avouch_seal::root::{RootError, RootResult};
use cryptoki::{
    error::{Error as DeviceError, RvError},
    mechanism::MechanismType,
    session::{Session, SessionState, UserType},
    slot::{Slot, TokenInfo},
    types::AuthPin,
};

use super::{
    fault::{self, Fault},
    module::Module,
    pin::{self, Tries},
};

/// More names than these do not help whoever reads them.
const NAMES: usize = 8;

/// A token, and how to be let in.
pub(super) struct Token {
    module: Arc<Module>,
    label: String,
    pin: AuthPin,
    session: Mutex<Option<Session>>,
}

/// A session is closed in turn as well: not while the module is finalised.
impl Drop for Token {
    fn drop(&mut self) {
        let _turn = self.module.turn();
        drop(self.kept().take());
    }
}

impl Token {
    /// Finds the token and logs in, in a way that tries the PIN even where somebody of this process is logged
    /// in.
    pub(super) fn open(module: &Path, label: &str, pin: &str) -> RootResult<Self> {
        let module = Module::load(module)?;
        let token =
            Self { module, label: label.to_owned(), pin: AuthPin::from(pin), session: Mutex::new(None) };
        let session = {
            let _turn = token.module.turn();
            token.log_in(true).map_err(Fault::told)?
        };
        *token.kept() = Some(session);
        Ok(token)
    }

    /// Does `work` in a session in which the user is logged in.
    pub(super) fn read<T>(&self, work: impl Fn(&Session) -> Result<T, Fault>) -> RootResult<T> {
        let _turn = self.module.turn();
        let mut kept = self.kept();
        twice(|| self.once(&mut kept, &work)).map_err(Fault::told)
    }

    /// Does `work` in a session that may make and destroy keys. Not tried twice: it may have been done.
    pub(super) fn write<T>(&self, work: impl Fn(&Session) -> Result<T, Fault>) -> RootResult<T> {
        let _turn = self.module.turn();
        // Logged in is the process, not the session: another one beside ours is, too.
        self.once(&mut self.kept(), &|session| {
            let slot = session.get_session_info()?.slot_id();
            work(&self.module.calls().open_rw_session(slot)?)
        })
        .map_err(Fault::told)
    }

    /// Whether the token says that it is a piece of hardware, not a file of this machine.
    pub(super) fn is_hardware(&self) -> RootResult<bool> {
        self.read(|session| {
            let slot = session.get_session_info()?.slot_id();
            Ok(self.module.calls().get_slot_info(slot)?.hardware_slot())
        })
    }

    /// Refuses a token that cannot do what we need.
    pub(super) fn has_aes_gcm(&self, session: &Session) -> Result<(), Fault> {
        let slot = session.get_session_info()?.slot_id();
        match self.module.calls().get_mechanism_info(slot, MechanismType::AES_GCM) {
            Ok(info) if info.encrypt() && info.decrypt() => Ok(()),
            Ok(_) | Err(DeviceError::Pkcs11(RvError::MechanismInvalid, _)) => {
                let text = format!("the token `{}` does not encrypt by AES-GCM; take another", self.label);
                Err(RootError::Refused(text).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Option<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session in which the device failed is not kept: it may be stuck in the middle of an operation.
    fn once<T>(
        &self,
        kept: &mut Option<Session>,
        work: &impl Fn(&Session) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let session = match kept.take().filter(is_logged_in) {
            Some(session) => session,
            None => self.log_in(false)?,
        };
        let done = work(&session);
        if !matches!(done, Err(Fault::Device(_))) {
            *kept = Some(session);
        }
        done
    }

    fn log_in(&self, anew: bool) -> Result<Session, Fault> {
        let (slot, token) = self.find()?;
        Tries::from(&token).before()?;
        let session = self.module.calls().open_ro_session(slot)?;
        let user = |session: &Session| session.login(UserType::User, Some(&self.pin));
        let said = match user(&session) {
            Err(DeviceError::Pkcs11(RvError::UserAlreadyLoggedIn, _)) if anew => {
                // By another seal of ours. It would hide a wrong PIN until the next start; that seal logs in
                // again.
                session.logout()?;
                user(&session)
            }
            Err(DeviceError::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            other => other,
        };
        match said {
            Ok(()) => Ok(session),
            Err(DeviceError::Pkcs11(RvError::PinIncorrect, _)) => {
                let token = self.module.calls().get_token_info(slot)?;
                Err(Tries::from(&token).after().into())
            }
            Err(error) => Err(pin::login(error)),
        }
    }

    fn find(&self) -> RootResult<(Slot, TokenInfo)> {
        let mut found = Vec::new();
        let mut others = Vec::new();
        for slot in fault::told(self.module.calls().get_slots_with_token())? {
            // One that is pulled out while we look is not there.
            let Ok(token) = self.module.calls().get_token_info(slot) else { continue };
            if token.token_initialized() && token.label() == self.label {
                found.push((slot, token));
            } else if token.token_initialized() {
                others.push(token.label().escape_debug().to_string());
            }
        }
        match (found.pop(), found.len()) {
            (Some(token), 0) => Ok(token),
            (Some(_), _) => Err(RootError::Refused(format!(
                "several tokens are labelled `{}`; give each its own label, or take one away",
                self.label
            ))),
            (None, _) => {
                others.sort_unstable();
                Err(RootError::Unreachable(format!(
                    "there is no token labelled `{}`; {}",
                    self.label,
                    listed(&others)
                )))
            }
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("label", &self.label).finish_non_exhaustive()
    }
}

/// Again, once, where the session was lost on the way.
fn twice<T>(mut work: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    match work() {
        Err(fault) if fault.is_a_lost_session() => work(),
        done => done,
    }
}

/// Whether the device itself does something for us: some answers come from the module alone.
pub(super) fn is_well(session: &Session) -> bool {
    is_logged_in(session) && session.generate_random_slice(&mut [0]).is_ok()
}

fn is_logged_in(session: &Session) -> bool {
    matches!(
        session.get_session_info().map(|info| info.session_state()),
        Ok(SessionState::RoUser | SessionState::RwUser)
    )
}

fn listed(labels: &[String]) -> String {
    match labels {
        [] => "the module shows none at all: is the device connected, the token initialised".to_owned(),
        _ => {
            let shown: Vec<_> = labels.iter().take(NAMES).map(|label| format!("`{label}`")).collect();
            let more = if labels.len() > NAMES { " and others" } else { "" };
            format!("the module shows {}{more}", shown.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;

    use super::*;

    #[test]
    fn a_session_lost_on_the_way_is_tried_again_once() {
        let tries = |code| {
            let mut tries = 0;
            let done: Result<(), _> = twice(|| {
                tries += 1;
                Err(DeviceError::Pkcs11(code, Function::Decrypt).into())
            });
            done.unwrap_err();
            tries
        };
        for code in [RvError::SessionHandleInvalid, RvError::UserNotLoggedIn, RvError::DeviceRemoved] {
            assert_eq!(tries(code), 2, "{code:?}");
        }
        for code in [RvError::PinIncorrect, RvError::EncryptedDataInvalid, RvError::DeviceError] {
            assert_eq!(tries(code), 1, "{code:?}");
        }
    }

    #[test]
    fn the_tokens_that_are_there_are_named_up_to_a_number() {
        let labels: Vec<_> = (1..=9).map(|number| format!("token {number}")).collect();
        insta::assert_snapshot!(listed(&labels[..2]), @"the module shows `token 1`, `token 2`");
        assert!(listed(&labels).ends_with("`token 8` and others"));
        assert!(listed(&[]).contains("none at all"));
    }
}
