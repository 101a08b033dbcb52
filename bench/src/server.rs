//! Sets an avouch server up and starts it: the only place that knows its configuration file and command line.
//!
//! The server is the program as it is shipped, with its own configuration, durable, audit on, over HTTP on loopback.
//! Nothing here may switch anything off to make a figure better.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::customer::CSV_MAP;
use crate::error::{Error, Result};
use crate::program::{run, tail};

/// Where a server keeps its data.
#[derive(Clone, Debug)]
pub(crate) enum Engine {
    Sqlite,
    /// Two databases of its own on the cluster of the run.
    Postgres {
        data: String,
        keys: String,
    },
}

impl Engine {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres { .. } => "postgres",
        }
    }
}

/// A server that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    program: PathBuf,
    pub(crate) address: SocketAddr,
    /// The key of the first administrator, who may do nothing but set others up.
    pub(crate) admin_key: String,
}

impl Server {
    /// `avouch init` and `avouch serve` in `directory`, which must be empty and outlive the server.
    pub(crate) fn start(program: &Path, directory: &Path, engine: &Engine) -> Result<Self> {
        let config = write_config(directory, engine)?;
        let said = run(Command::new(program).arg("init").arg("--config").arg(&config).arg("--json"), "")?;
        let admin_key = admin_key(&said)?;

        let log = directory.join("serve.log");
        let log_file = File::create(&log).map_err(Error::io("creating the server's log"))?;
        let mut child = Command::new(program)
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .spawn()
            .map_err(Error::io("starting `avouch serve`"))?;
        match address(&mut child) {
            Some(address) => Ok(Self { child, program: program.to_owned(), address, admin_key }),
            None => {
                stop(&mut child);
                let said = tail(&fs::read_to_string(log).unwrap_or_default());
                Err(Error::Program { program: "avouch serve".to_owned(), said })
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The command that imports `file` through this server with `key`. The mapping is given, so nobody is asked. It
    /// writes a summary in JSON with the number of rows `accepted`.
    pub(crate) fn import(&self, file: &Path, key: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.env("AVOUCH_SERVER", format!("http://{}", self.address)).env("AVOUCH_KEY", key);
        command
            .arg("import")
            .arg(file)
            .args(["--purpose", "support", "--on-duplicate", "reject", "--json", "--errors"])
            .arg(file.with_extension("errors.csv"));
        CSV_MAP.iter().for_each(|map| {
            command.args(["--map", map]);
        });
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// The charter of a run; see its files for why it is as it is.
const CHARTER: &[(&str, &str)] = &[
    ("charter.yaml", include_str!("../charter/charter.yaml")),
    ("data.yaml", include_str!("../charter/data.yaml")),
    ("purposes.yaml", include_str!("../charter/purposes.yaml")),
    ("recipients.yaml", include_str!("../charter/recipients.yaml")),
    ("retention.yaml", include_str!("../charter/retention.yaml")),
    ("roles.yaml", include_str!("../charter/roles.yaml")),
];

/// Writes the charter and the configuration; gives the path of the latter.
fn write_config(directory: &Path, engine: &Engine) -> Result<PathBuf> {
    let charter = directory.join("charter");
    fs::create_dir_all(&charter).map_err(Error::io("creating the charter's directory"))?;
    for (name, text) in CHARTER {
        fs::write(charter.join(name), text).map_err(Error::io("writing the charter"))?;
    }
    let config = directory.join("avouch.toml");
    // There may be a password in it: the server does not start with what others can read.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&config);
    file.and_then(|mut file| file.write_all(config_text(directory, engine).as_bytes()))
        .map_err(Error::io("writing the configuration"))?;
    Ok(config)
}

fn config_text(directory: &Path, engine: &Engine) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let path = |name: &str| quoted(&directory.join(name).to_string_lossy());
    let store = match engine {
        Engine::Sqlite => "engine = \"sqlite\"".to_owned(),
        Engine::Postgres { data, keys } => {
            format!("engine = \"postgresql\"\ndata_url = {}\nkeys_url = {}", quoted(data), quoted(keys))
        }
    };
    format!(
        "[vault]\ndata_dir = {data}\nenvironment = \"bench\"\n\n[store]\n{store}\n\n[root]\nseal = \"key-file\"\n\
         path = {root}\n\n[http]\nlisten = \"127.0.0.1:0\"\n\n[log]\nlevel = \"warn\"\n\n[charter]\ndir = {charter}\n",
        data = path("data"),
        root = path("root.key"),
        charter = path("charter"),
    )
}

/// `{"admin_key":"avk_…"}`
fn admin_key(said: &str) -> Result<String> {
    let json: Option<serde_json::Value> = serde_json::from_str(said).ok();
    let key = json.as_ref().and_then(|json| json.get("admin_key")?.as_str());
    key.map(str::to_owned).ok_or_else(|| Error::Program {
        program: "avouch init".to_owned(),
        said: "no `admin_key` in what it wrote".to_owned(),
    })
}

/// How long a server may take to listen.
const START: Duration = Duration::from_secs(30);

/// Waits for `listening on http://ADDRESS`, then keeps emptying the server's output, lest it block.
fn address(child: &mut Child) -> Option<SocketAddr> {
    let output = BufReader::new(child.stdout.take()?);
    let (found, address) = mpsc::channel();
    thread::spawn(move || {
        for line in output.lines().map_while(std::io::Result::ok) {
            if let Some(address) = listening(&line) {
                let _ = found.send(address);
            }
        }
    });
    address.recv_timeout(START).ok()
}

fn listening(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listening on http://")?;
    rest.split(|c: char| c.is_whitespace() || c == '/').next()?.parse().ok()
}

/// How long a server may take to end by itself.
const STOP: Duration = Duration::from_secs(15);

/// Asks to end, as an operator would, and insists after a while.
fn stop(child: &mut Child) {
    let asked = Command::new("kill").arg(child.id().to_string()).stderr(Stdio::null()).status();
    let until = Instant::now() + STOP;
    // A channel on which nothing is ever sent: waiting without sleeping.
    let (_keep, never) = mpsc::channel::<()>();
    while asked.is_ok() && Instant::now() < until {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        let _ = never.recv_timeout(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_the_line_that_tells_it() {
        let address = Some("127.0.0.1:4711".parse().unwrap());
        assert_eq!(listening("listening on http://127.0.0.1:4711"), address);
        assert_eq!(listening("12:00 INFO listening on http://127.0.0.1:4711/ (sqlite)"), address);
        assert_eq!(listening("listening on https://example.org"), None);
    }

    #[test]
    fn the_key_is_taken_from_json_only() {
        assert_eq!(admin_key(r#"{"admin_key":"avk_1"}"#).unwrap(), "avk_1");
        assert!(admin_key("avk_1").is_err());
    }

    #[test]
    fn a_program_that_does_not_listen_is_reported_with_its_words() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("avouch");
        fs::write(
            &program,
            "#!/bin/sh\n[ $1 = init ] && echo '{\"admin_key\":\"k\"}' && exit\necho no luck >&2\n",
        )
        .unwrap();
        run(Command::new("chmod").arg("+x").arg(&program), "").unwrap();
        let error = Server::start(&program, directory.path(), &Engine::Sqlite).unwrap_err();
        assert_eq!(error.to_string(), "avouch serve failed: no luck");
    }
}
