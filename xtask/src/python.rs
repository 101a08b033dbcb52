//! Pythons of their own beside the build products, each with what one test needs and nothing of the machine's.
//!
//! What goes in is listed in the repository, by digest, and made anew when the list has changed. It must never be
//! shipped, nor be needed to build or run what is.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::error::{Error, Result};
use crate::machine::{ask, can_install, install, repository, run, target_directory};

/// A Python of its own with hvac, beside the build products: made once, and anew when the list of what is in it has changed.
pub(crate) fn python_with_hvac() -> Result<PathBuf> {
    let listed = repository().join("crates/avouch/tests/it/hvac/requirements.txt");
    let wanted = fs::read(&listed).map_err(Error::io(format!("reading `{}`", listed.display())))?;
    let home = target_directory().join("hvac");
    let (python, installed) = (home.join("bin").join("python"), home.join("installed.txt"));
    let works = || ask(Command::new(&python).args(["-c", "import hvac"])).is_ok();
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) && works() {
        return Ok(python);
    }
    python_programs()?;
    println!("installing hvac into `{}`", home.display());
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
