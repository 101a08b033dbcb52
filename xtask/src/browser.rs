//! A browser and what drives it: Debian's Chromium, and beside the build products what `e2e/package.json` lists, by digest. It must
//! never be shipped, nor be needed to build or run what is.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::error::{Error, Result};
use crate::machine::{ask, can_install, install, repository, run, target_directory};

/// What tests in a browser need.
#[derive(Debug)]
pub(crate) struct Browser {
    /// The browser's program.
    pub(crate) program: PathBuf,
    /// The folder in which the modules of `e2e/` are.
    pub(crate) modules: PathBuf,
}

impl Browser {
    /// Finds them, or installs them.
    pub(crate) fn find() -> Result<Self> {
        Ok(Self { program: program()?, modules: modules()? })
    }
}

fn program() -> Result<PathBuf> {
    let found = || ask(Command::new("which").arg("chromium")).ok().map(PathBuf::from);
    if let Some(program) = found() {
        return Ok(program);
    }
    let mend = "apt-get install chromium (as root), or your system's package of Chromium";
    if can_install()? {
        println!("installing Chromium from the distribution");
        install(&["chromium"])?;
    }
    found().ok_or(Error::Missing { what: "Chromium", mend })
}

/// Made once, and anew when the list of what is in it has changed.
fn modules() -> Result<PathBuf> {
    let (listed, home) = (repository().join("e2e"), target_directory().join("e2e"));
    let read = |path: PathBuf| fs::read(&path).map_err(Error::io(format!("reading `{}`", path.display())));
    let wanted = read(listed.join("package-lock.json"))?;
    let installed = home.join("installed.json");
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(home);
    }
    if ask(Command::new("npm").arg("--version")).is_err() {
        return Err(Error::Missing { what: "npm", mend: "install Node.js 20 with npm" });
    }
    println!("installing what drives the browser into `{}`", home.display());
    fs::create_dir_all(&home).map_err(Error::io(format!("making `{}`", home.display())))?;
    for file in ["package.json", "package-lock.json"] {
        let text = read(listed.join(file))?;
        fs::write(home.join(file), text).map_err(Error::io(format!("writing `{file}`")))?;
    }
    run(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&home))?;
    // Last, so that what was broken off is made anew.
    fs::write(&installed, wanted).map_err(Error::io(format!("writing `{}`", installed.display())))?;
    Ok(home)
}
