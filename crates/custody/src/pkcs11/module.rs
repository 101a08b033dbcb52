//! The module: somebody else's shared library, loaded into our process and initialised once.
//!
//! PKCS#11 allows one `C_Initialize` for a process, and a module that is unloaded under its own threads
//! brings the process down. So a module stays loaded once it was, and is finalised only when the program ends:
//! at exit the libraries that a module uses may clean up before the module does, and take it down with them. Whoever can change
//! the file, or what it loads and reads, runs code in this process; a file that everybody can write is
//! refused.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use avouch_seal::root::{RootError, RootResult};
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error as DeviceError, RvError},
};

use super::fault;

static LOADED: Mutex<BTreeMap<PathBuf, Arc<Module>>> = Mutex::new(BTreeMap::new());

/// A module that is initialised.
pub(super) struct Module {
    calls: Pkcs11,
    turn: Mutex<()>,
}

impl Module {
    /// Loads the module, or finds it loaded.
    pub(super) fn load(path: &Path) -> RootResult<Arc<Self>> {
        // One library has one turn, by whichever of its names it is called.
        let known_by = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = loaded.get(&known_by) {
            return Ok(Arc::clone(found));
        }
        let module = Arc::new(Self { calls: start(path)?, turn: Mutex::new(()) });
        loaded.insert(known_by, Arc::clone(&module));
        Ok(module)
    }

    /// The functions of the module.
    pub(super) const fn calls(&self) -> &Pkcs11 {
        &self.calls
    }

    /// Waits until nobody else of this process uses the module. Who is logged in holds for the whole process,
    /// so that without it one seal could log another one out between two of its calls.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`close_modules`](super::close_modules).
pub(super) fn close_all() {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    for module in std::mem::take(&mut *loaded).into_values() {
        // Nobody else gets a turn any more: threads that still hold a session wait here until the process is gone.
        std::mem::forget(module.turn());
        // What the module has to say about it changes nothing any more.
        drop(module.calls.clone().finalize());
    }
}

fn start(path: &Path) -> RootResult<Pkcs11> {
    let shown = path.display();
    let file = fs::metadata(path).map_err(|_| {
        RootError::Unreachable(format!(
            "there is no PKCS#11 module at `{shown}`; is the device's software installed"
        ))
    })?;
    if file.permissions().mode() & 0o002 != 0 {
        return Err(RootError::Refused(format!(
            "everybody can write the PKCS#11 module `{shown}`, and it runs in this process; chmod o-w it"
        )));
    }
    let module = Pkcs11::new(path).map_err(|error| match error {
        DeviceError::MissingSymbol(_) => {
            RootError::Unreachable(format!("`{shown}` is a library, and not a PKCS#11 module"))
        }
        DeviceError::LibraryLoading(error) => {
            RootError::Unreachable(format!("the PKCS#11 module `{shown}` does not load: {error}"))
        }
        error => fault::Fault::from(error).told(),
    })?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(DeviceError::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(module),
        Err(DeviceError::Pkcs11(code, _)) => Err(RootError::Unreachable(format!(
            "the PKCS#11 module `{shown}` does not start, it says `{code:?}`; see its own configuration and log"
        ))),
        Err(error) => Err(fault::Fault::from(error).told()),
    }
}
