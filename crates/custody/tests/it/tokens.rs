//! SoftHSM, a PKCS#11 module in software, with tokens of a test's own.
//!
//! The module reads one environment variable when it is initialised, once in a process. So each test runs
//! itself again, in a child process with a folder of its own, and answers for how the child ended.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use avouch_custody::{KeyName, Pkcs11Settings};
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    mechanism::Mechanism,
    object::{Attribute, KeyType, ObjectClass},
    session::{Session, UserType},
    slot::{Slot, TokenInfo},
    types::AuthPin,
};
use zeroize::Zeroizing;

pub(crate) const PIN: &str = "geheime-pin";
const OFFICER: &str = "officer-pin";
const CONFIG: &str = "SOFTHSM2_CONF";
const CHILD: &str = "AVOUCH_TEST_CHILD";

const USUAL_PLACES: &[&str] = &[
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib64/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

/// Runs the rest of a test in a process of its own.
macro_rules! alone {
    ($body:expr) => {{
        fn here() {}
        $crate::tokens::run_alone(std::any::type_name_of_val(&here), $body)
    }};
}
pub(crate) use alone;

/// What `alone!` does: `here` is a function within the test, and names it.
#[expect(clippy::disallowed_methods, reason = "a child learns here that it is one")]
pub(crate) fn run_alone(here: &str, body: fn(&Tokens)) {
    if let Some(folder) = std::env::var_os(CHILD) {
        return body(&Tokens { folder: folder.into() });
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let tokens = folder.path().join("tokens");
    fs::create_dir(&tokens).expect("it is empty");
    let config = folder.path().join("softhsm2.conf");
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        tokens.display()
    );
    fs::write(&config, text).expect("it is writable");
    let (_, name) = here.trim_end_matches("::here").split_once("::").expect("a path within the crate");
    let child = Command::new(std::env::current_exe().expect("we are a program"))
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CONFIG, config)
        .env(CHILD, folder.path())
        .output()
        .expect("we can be run again");
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{said}\n{}", String::from_utf8_lossy(&child.stderr));
    assert!(said.contains("1 passed"), "the child ran something else: {said}");
}

/// Where SoftHSM is.
pub(crate) fn module() -> &'static Path {
    let found = USUAL_PLACES.iter().map(Path::new).find(|path| path.is_file());
    found.expect("SoftHSM is needed: install the package softhsm2, or add its place to the usual ones here")
}

/// The folder of a test, and the module behind the seal's back.
pub(crate) struct Tokens {
    folder: PathBuf,
}

impl Tokens {
    /// The module as anybody of this process may use it.
    pub(crate) fn module(&self) -> Pkcs11 {
        let module = Pkcs11::new(module()).expect("SoftHSM loads");
        // The first of seal and test does it; the other is told that it is done.
        let _ = module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
        module
    }

    /// A token with a label and the usual PIN.
    pub(crate) fn make(&self, label: &str) {
        let module = self.module();
        let empty = self.find(|token| !token.token_initialized());
        module.init_token(empty, &AuthPin::from(OFFICER), label).expect("it is initialised");
        // It has another slot now, and may share its label.
        let fresh = self.find(|token| token.token_initialized() && !token.user_pin_initialized());
        let session = module.open_rw_session(fresh).expect("a session");
        session.login(UserType::So, Some(&AuthPin::from(OFFICER))).expect("the officer's PIN is right");
        session.init_pin(&AuthPin::from(PIN)).expect("the PIN is set");
    }

    /// Where a token is that is as asked.
    fn find(&self, is: impl Fn(&TokenInfo) -> bool) -> Slot {
        let module = self.module();
        let mut slots = module.get_all_slots().expect("slots").into_iter();
        slots.find(|slot| is(&module.get_token_info(*slot).expect("a token"))).expect("there is one")
    }

    /// A session of somebody else who has the PIN.
    pub(crate) fn session(&self, label: &str) -> Session {
        let session =
            self.module().open_rw_session(self.find(|token| token.label() == label)).expect("a session");
        // Somebody of this process may be logged in already.
        let _ = session.login(UserType::User, Some(&AuthPin::from(PIN)));
        session
    }

    /// Resets the module behind the seal's back: every session is lost.
    pub(crate) fn reset(&self) {
        self.module().finalize().expect("it was initialised");
        self.module();
    }

    /// Takes all tokens away, as if the device were pulled out: that ends the sessions, too.
    pub(crate) fn pull_out(&self) {
        fs::remove_dir_all(self.folder.join("tokens")).expect("they are ours");
        fs::create_dir(self.folder.join("tokens")).expect("it was removed");
        self.reset();
    }

    /// A place for a file of the test's own.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// An AES key as somebody careless makes it, but for what `change` says.
pub(crate) fn careless_key(session: &Session, label: &str, change: &[Attribute]) {
    let mut template = vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::ValueLen(32.into()),
        Attribute::Label(label.into()),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
    ];
    for changed in change {
        template.retain(|usual| usual.attribute_type() != changed.attribute_type());
        template.push(changed.clone());
    }
    session.generate_key(&Mechanism::AesKeyGen, &template).expect("SoftHSM makes any key");
}

/// The settings for a key in a token.
pub(crate) fn settings(token: &str, key: &str) -> Pkcs11Settings {
    Pkcs11Settings {
        module: module().to_owned(),
        token: token.to_owned(),
        key: KeyName::Label(key.to_owned()),
        pin: Zeroizing::new(PIN.to_owned()),
    }
}
