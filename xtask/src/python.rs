//! Pythons of their own beside the build products, each with what one test needs and nothing of the machine's.
//!
//! What goes in is listed in the repository, by digest, and made anew when the list has changed. It must never be
//! shipped, nor be needed to build or run what is.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::error::{Error, Result};
use crate::machine::{ask, can_install, install, repository, run, target_directory};

/// A Python that has hvac.
pub(crate) fn python_with_hvac() -> Result<PathBuf> {
    environment("hvac", "crates/avouch/tests/it/hvac/requirements.txt")
}

/// A Python that has scim2-tester.
pub(crate) fn python_with_scim2_tester() -> Result<PathBuf> {
    environment("scim2_tester", "crates/avouch/tests/it/scim/requirements.txt")
}

/// A Python that has aiosmtpd.
pub(crate) fn python_with_aiosmtpd() -> Result<PathBuf> {
    environment("aiosmtpd", "crates/avouch/tests/it/alarms/requirements.txt")
}

/// The solver cvc5, as a program that is started like the one of its makers. What is installed is its library, which
/// needs no more than a Python; the page of ours beside it reads and answers.
pub(crate) fn solver() -> Result<PathBuf> {
    let python = environment("cvc5", "crates/policy/tests/proofs/requirements.txt")?;
    let (program, page) = (python.with_file_name("cvc5"), python.with_file_name("solver.py"));
    for (path, text) in [(&page, SOLVER), (&program, START)] {
        let doing = || Error::io(format!("writing `{}`", path.display()));
        if !fs::read(path).is_ok_and(|written| written == text.as_bytes()) {
            fs::write(path, text).map_err(doing())?;
        }
        fs::set_permissions(path, Permissions::from_mode(0o755)).map_err(doing())?;
    }
    // It ends at once where nothing is asked, and not well where the library does not load.
    ask(&mut Command::new(&program)).map(|_| program)
}

const SOLVER: &str = include_str!("solver.py");
const START: &str = "#!/bin/sh\nexec \"${0%/*}/python\" -I \"${0%/*}/solver.py\" \"$@\"\n";

/// A Python of its own with one package: made once, and anew when the list of what is in it has changed.
fn environment(package: &str, listed: &str) -> Result<PathBuf> {
    let listed = repository().join(listed);
    let wanted = fs::read(&listed).map_err(Error::io(format!("reading `{}`", listed.display())))?;
    let home = target_directory().join(package);
    let (python, installed) = (home.join("bin").join("python"), home.join("installed.txt"));
    let works = || ask(Command::new(&python).args(["-c", &format!("import {package}")])).is_ok();
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) && works() {
        return Ok(python);
    }
    python_programs()?;
    println!("installing {package} into `{}`", home.display());
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))?;
    run(Command::new(&python)
        .args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install"])
        .args(["--require-hashes", "--only-binary", ":all:", "--requirement"])
        .arg(&listed))?;
    // Last, so that what was broken off is made anew.
    fs::write(&installed, wanted).map_err(Error::io(format!("writing `{}`", installed.display())))?;
    Ok(python)
}

/// Python, with what makes environments of their own: of the distribution.
fn python_programs() -> Result<()> {
    if ask(Command::new("python3").args(["-c", "import ensurepip, venv"])).is_ok() {
        return Ok(());
    }
    if !can_install()? {
        let mend = "apt-get install python3-venv (as root), or your system's package of Python 3 with venv";
        return Err(Error::Missing { what: "Python 3 with venv", mend });
    }
    println!("installing Python's venv from the distribution");
    install(&["python3-venv"])
}
