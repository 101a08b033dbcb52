//! A real PostgreSQL for one run: own temporary directory, own loopback port, own random password, durable as in
//! production (`fsync` on).
//!
//! It must never outlive this process. A destructor does not run when the process is killed, so the duty lies with a
//! small shell that waits on a pipe whose other end only we hold: however we end, the pipe closes, and the shell stops
//! the server by its pid file and removes the directory. The orderly way out closes the same pipe and waits.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::error::{Error, Result};
use crate::machine::{self, Account};

/// A running server. Dropping it stops the server and removes its data.
#[derive(Debug)]
pub(crate) struct Postgres {
    url: String,
    programs: PathBuf,
    keeper: Keeper,
}

impl Postgres {
    /// Creates a cluster and starts it; returns when it answers.
    pub(crate) fn start() -> Result<Self> {
        let programs = machine::postgres_programs()?;
        let place = Place::create(machine::database_account()?)?;
        let keeper = Keeper::start(&programs, &place)?;
        let password = random_hex::<16>()?;
        initialise(&programs, &place, &password)?;
        let port = serve(&programs, &place)?;
        let url = format!("postgres://{USER}:{password}@127.0.0.1:{port}/postgres");
        Ok(Self { url, programs, keeper })
    }

    /// `postgres://user:password@127.0.0.1:port/postgres`; the user is the superuser of this cluster.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The directory of `psql` and `pgbench` of the same version.
    pub(crate) fn programs(&self) -> &Path {
        &self.programs
    }

    /// Keeps the server up until this process is interrupted.
    pub(crate) fn hold(mut self) -> Result<()> {
        self.keeper.shell.wait().map(drop).map_err(Error::io("waiting for the keeper of PostgreSQL"))
    }
}

const USER: &str = "avouch";

const CONFIGURATION: &str = "
listen_addresses = '127.0.0.1'
max_connections = 200
fsync = on
synchronous_commit = on
";

/// The directory of one cluster, and the account that owns it.
#[derive(Debug)]
struct Place {
    directory: PathBuf,
    account: Option<Account>,
}

impl Place {
    fn create(account: Option<Account>) -> Result<Self> {
        // Root's TMPDIR may be closed to other accounts; /tmp is open to all by its meaning.
        let parent = if account.is_some() { PathBuf::from("/tmp") } else { std::env::temp_dir() };
        let directory = parent.join(format!("avouch-postgres-{}", random_hex::<4>()?));
        let doing = || Error::io(format!("creating `{}`", directory.display()));
        DirBuilder::new().mode(0o700).create(&directory).map_err(doing())?;
        let place = Self { directory, account };
        place.give(&place.directory)?;
        Ok(place)
    }

    /// A program that runs as the owner of the directory, in it. `uid` also drops root's supplementary groups.
    fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.directory).env("LC_ALL", "C");
        if let Some(account) = self.account {
            command.uid(account.user).gid(account.group);
        }
        command
    }

    fn give(&self, path: &Path) -> Result<()> {
        let Some(Account { user, group }) = self.account else { return Ok(()) };
        chown(path, Some(user), Some(group)).map_err(Error::io(format!("giving `{}` away", path.display())))
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn log(&self) -> PathBuf {
        self.directory.join("log")
    }
}

/// The shell that ends the server when the pipe to it closes.
#[derive(Debug)]
struct Keeper {
    shell: Child,
    tether: Option<ChildStdin>,
}

/// `$1` the programs, `$2` the directory. There may be no server yet, or no cluster: the directory goes in any case.
const KEEPER: &str =
    r#"cat >/dev/null; "$1"/pg_ctl stop -D "$2"/data -m fast -w >/dev/null 2>&1; cd /; rm -rf "$2""#;

impl Keeper {
    /// Starts before the server does. Its own process group keeps a Ctrl-C at the terminal from reaching it.
    fn start(programs: &Path, place: &Place) -> Result<Self> {
        let mut shell = place
            .program("/bin/sh")
            .args(["-c", KEEPER, "avouch-postgres-keeper"])
            .args([programs, &place.directory])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::io("starting the keeper of PostgreSQL"))?;
        let tether = shell.stdin.take();
        Ok(Self { shell, tether })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.tether.take());
        if let Err(error) = self.shell.wait() {
            eprintln!("the keeper of PostgreSQL could not be waited for: {error}");
        }
    }
}

fn initialise(programs: &Path, place: &Place, password: &str) -> Result<()> {
    let secret = place.directory.join("password");
    let doing = || Error::io(format!("writing `{}`", secret.display()));
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&secret).map_err(doing())?;
    writeln!(file, "{password}").map_err(doing())?;
    place.give(&secret)?;
    machine::ask(
        place
            .program(programs.join("initdb"))
            .args(["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--no-sync"])
            .arg(format!("--username={USER}"))
            .arg(format!("--pwfile={}", secret.display()))
            .arg(format!("--pgdata={}", place.data().display())),
    )?;
    fs::remove_file(&secret).map_err(doing())?;
    let path = place.data().join("postgresql.conf");
    let sockets = format!("unix_socket_directories = '{}'\n", place.directory.display());
    let doing = || Error::io(format!("writing `{}`", path.display()));
    let mut settings = OpenOptions::new().append(true).open(&path).map_err(doing())?;
    settings.write_all((CONFIGURATION.to_owned() + &sockets).as_bytes()).map_err(doing())
}

/// Starts the server on a free port and returns the port. Another process may take the port between our look and the
/// server's, hence the attempts; the server's own log tells why the last one failed.
fn serve(programs: &Path, place: &Place) -> Result<u16> {
    const ATTEMPTS: usize = 3;
    let mut failure = None;
    for _ in 0..ATTEMPTS {
        let port = free_port()?;
        let started = machine::ask(
            place
                .program(programs.join("pg_ctl"))
                .args(["start", "-w"])
                .arg("-D")
                .arg(place.data())
                .arg("-l")
                .arg(place.log())
                .args(["-o", &format!("-p {port}")]),
        );
        match started {
            Ok(_) => return Ok(port),
            Err(error) => failure = Some(error),
        }
    }
    let log = fs::read_to_string(place.log()).unwrap_or_default();
    Err(match failure {
        Some(Error::Failed { command, said }) => Error::Failed { command, said: said + &log },
        Some(other) => other,
        None => Error::Failed { command: "pg_ctl start".to_owned(), said: log },
    })
}

fn free_port() -> Result<u16> {
    let doing = || Error::io("looking for a free port");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(doing())?;
    Ok(listener.local_addr().map_err(doing())?.port())
}

/// `2 × BYTES` hex digits from the operating system's generator.
fn random_hex<const BYTES: usize>() -> Result<String> {
    let mut bytes = [0; BYTES];
    let doing = || Error::io("reading `/dev/urandom`");
    File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes)).map_err(doing())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
