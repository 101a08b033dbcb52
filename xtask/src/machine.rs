//! The machine this runs on: where build products go, who we are, what is installed and how to get what is not.
//!
//! The one place of this tool that reads the environment. It must never install anything without saying so first, nor
//! change how the machine behaves afterwards: PostgreSQL is installed for its programs, no server of the system starts.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// The repository's root directory.
pub(crate) fn repository() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Where every step builds: `CARGO_TARGET_DIR`, else `avouch/target` in the user's cache directory, which outlives the
/// clone, else `target` in the clone.
pub(crate) fn target_directory() -> PathBuf {
    let cache = || {
        let named = variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache")))
    };
    match (variable("CARGO_TARGET_DIR"), cache()) {
        (Some(given), _) => repository().join(given),
        (None, Some(cache)) => cache.join("avouch").join("target"),
        (None, None) => repository().join("target"),
    }
}

/// `PATH` with `first` in front.
pub(crate) fn path_with(first: &Path) -> OsString {
    let rest = variable("PATH").unwrap_or_default();
    let all = std::iter::once(first.to_owned()).chain(env::split_paths(&rest));
    env::join_paths(all).unwrap_or(rest)
}

/// A cargo command in the repository with the shared target directory.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(variable("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(repository()).env("CARGO_TARGET_DIR", target_directory()).stdin(Stdio::null());
    command
}

/// Runs a command whose output the reader should see as it comes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let said = String::new();
    match command.status().map_err(Error::io(name(command)))?.success() {
        true => Ok(()),
        false => Err(Error::Failed { command: name(command), said }),
    }
}

/// Runs a command whose output matters only to us, and returns what it wrote to standard output.
pub(crate) fn ask(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().map_err(Error::io(name(command)))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout).trim().to_owned()),
        false => {
            Err(Error::Failed { command: name(command), said: text(&output.stdout) + &text(&output.stderr) })
        }
    }
}

/// An account to run the database under.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

/// The account for PostgreSQL, which refuses to run as root: `postgres` when we are root, else `None` for ourselves.
pub(crate) fn database_account() -> Result<Option<Account>> {
    if !is_root()? {
        return Ok(None);
    }
    let id = |flag| {
        let answer = ask(Command::new("id").args([flag, "postgres"]))?;
        answer.parse().map_err(|_| Error::Failed { command: format!("id {flag} postgres"), said: answer })
    };
    Ok(Some(Account { user: id("-u")?, group: id("-g")? }))
}

/// Installs what the steps need and the machine lacks.
pub(crate) fn prepare() -> Result<()> {
    rust_components()?;
    println!("rust: {}", ask(cargo().arg("--version"))?);
    let programs = postgres_programs()?;
    println!("postgresql: {}", ask(Command::new(programs.join("postgres")).arg("--version"))?);
    device_programs()?;
    println!("softhsm: {}", ask(Command::new("softhsm2-util").arg("--version"))?);
    network_programs()?;
    println!("nftables: {}", ask(Command::new("nft").arg("--version"))?);
    let (free, needed) = (free_gib()?, if target_directory().join("debug").is_dir() { 3 } else { 12 });
    println!("build products: {}, with {free} GiB free", target_directory().display());
    if free < needed { Err(Error::Full { free, needed }) } else { Ok(()) }
}

/// How much room there is where things are built, in GiB. A linker that runs out of it says nothing that helps.
fn free_gib() -> Result<u64> {
    fs::create_dir_all(target_directory()).map_err(Error::io("making the folder for build products"))?;
    let said = ask(Command::new("df").arg("-Pk").arg(target_directory()))?;
    let kib = said.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    kib.map(|kib| kib >> 20).ok_or_else(|| Error::Failed { command: "df -Pk".to_owned(), said })
}

/// The directory of `initdb`, `pg_ctl`, `postgres` and `pgbench`: the newest of Debian's versions, else the one that
/// `pg_config` names, else freshly installed.
pub(crate) fn postgres_programs() -> Result<PathBuf> {
    if let Some(found) = installed_postgres() {
        return Ok(found);
    }
    install_postgres()?;
    installed_postgres().ok_or(Error::Missing { what: "PostgreSQL's server", mend: INSTALL_POSTGRES })
}

const INSTALL_POSTGRES: &str =
    "apt-get install postgresql (as root), or your system's package of the PostgreSQL server";

fn installed_postgres() -> Option<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path().join("bin")))
    });
    let has_server =
        |directory: &PathBuf| directory.join("initdb").is_file() && directory.join("pg_ctl").is_file();
    let newest = debian.filter(|(_, bin)| has_server(bin)).max_by_key(|(version, _)| *version);
    newest.map(|(_, bin)| bin).or_else(|| {
        let named = ask(Command::new("pg_config").arg("--bindir")).ok()?;
        Some(PathBuf::from(named)).filter(has_server)
    })
}

fn install_postgres() -> Result<()> {
    if !can_install()? {
        return Err(Error::Missing { what: "PostgreSQL's server", mend: INSTALL_POSTGRES });
    }
    println!(
        "installing PostgreSQL's server from the distribution (no system database is created or started)"
    );
    let _quiet = NoSystemCluster::hold()?;
    install(&["postgresql"])
}

/// SoftHSM, a PKCS#11 device in software, and a tool that looks into any device: of the distribution.
fn device_programs() -> Result<()> {
    let present = |program: &str| Command::new(program).arg("--help").output().is_ok();
    if ["softhsm2-util", "pkcs11-tool"].into_iter().all(present) {
        return Ok(());
    }
    if !can_install()? {
        let mend = "apt-get install softhsm2 opensc (as root), or your system's packages of them";
        return Err(Error::Missing { what: "SoftHSM or OpenSC's pkcs11-tool", mend });
    }
    println!("installing SoftHSM and OpenSC from the distribution");
    install(&["softhsm2", "opensc"])
}

/// What makes networks on this machine, and rules for them: of the distribution. Nothing of the machine's own network is changed: the
/// tests work in name spaces.
fn network_programs() -> Result<()> {
    let present = |program: &str, version: &str| Command::new(program).arg(version).output().is_ok();
    if present("nft", "--version") && present("ip", "-Version") {
        return Ok(());
    }
    if !can_install()? {
        let mend = "apt-get install nftables iproute2 (as root), or your system's packages of them";
        return Err(Error::Missing { what: "nftables' nft or iproute2's ip", mend });
    }
    println!("installing nftables and iproute2 from the distribution (no rule is loaded)");
    install(&["nftables", "iproute2"])
}

pub(crate) fn can_install() -> Result<bool> {
    Ok(is_root()? && Path::new("/usr/bin/apt-get").is_file())
}

/// Packages of the distribution.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let apt = || {
        let mut command = Command::new("apt-get");
        command.arg("--quiet").env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        command
    };
    run(apt().arg("update"))?;
    run(apt().args(["install", "--yes", "--no-install-recommends"]).args(packages))
}

/// While held, Debian's package does not make its own `main` cluster on installation. The drop-in file is removed again,
/// for whether later installations make one is for the machine's owner to say.
struct NoSystemCluster(PathBuf);

impl NoSystemCluster {
    fn hold() -> Result<Self> {
        let directory = Path::new("/etc/postgresql-common/createcluster.d");
        let file = directory.join("avouch-xtask.conf");
        let doing = || Error::io(format!("writing `{}`", file.display()));
        fs::create_dir_all(directory).map_err(doing())?;
        fs::write(&file, "create_main_cluster = false\n").map_err(doing())?;
        Ok(Self(file))
    }
}

impl Drop for NoSystemCluster {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            eprintln!("`{}` could not be removed: {error}", self.0.display());
        }
    }
}

fn rust_components() -> Result<()> {
    let present = |tool| ask(cargo().args([tool, "--version"])).is_ok();
    if present("fmt") && present("clippy") {
        return Ok(());
    }
    println!("installing rustfmt and clippy");
    run(Command::new("rustup").args(["component", "add", "rustfmt", "clippy"])).map_err(|_| Error::Missing {
        what: "rustfmt or clippy",
        mend: "rustup component add rustfmt clippy",
    })
}

fn is_root() -> Result<bool> {
    Ok(ask(Command::new("id").arg("-u"))? == "0")
}

/// The program and its arguments, as one would type them. No argument of this tool is a secret.
fn name(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[expect(
    clippy::disallowed_methods,
    reason = "this tool is a binary: here is where it reads its environment"
)]
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}
