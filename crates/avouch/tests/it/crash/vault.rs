//! A vault on either engine, its server, and the people who may call it.

use std::collections::BTreeMap;
use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use avouch_client::{Client, Options};
use avouch_wire::{KeyCreate, PrincipalCreate, PrincipalKind, Secret};
use rustix::process::{Pid, Resource, Rlimit, Signal};

use super::stores::Stores;
use crate::program::{Place, set_mode};

/// The name of the member of staff with the role `support`; personal data like any other.
pub(crate) const STAFF_NAME: &str = "Wilhelmina Ratzenberger";

const ROLES: [(&str, PrincipalKind, Option<&str>); 8] = [
    ("support", PrincipalKind::Staff, None),
    ("dpo", PrincipalKind::Staff, None),
    ("security", PrincipalKind::Staff, None),
    ("accountant", PrincipalKind::Staff, None),
    ("shop", PrincipalKind::Service, None),
    ("importer", PrincipalKind::Service, None),
    ("parcels_api", PrincipalKind::Service, Some("parcels")),
    ("auditor", PrincipalKind::Auditor, None),
];

/// See the module.
pub(crate) struct Vault<'p> {
    pub(crate) place: Place,
    databases: &'p avouch_testkit::Place,
    keys: BTreeMap<&'static str, Secret>,
}

impl<'p> Vault<'p> {
    /// Makes it, and a principal with a key for each of the roles.
    pub(crate) fn new(databases: &'p avouch_testkit::Place, log_level: &str) -> Self {
        let place = Place::new();
        let store = databases.urls().map_or_else(String::new, |(data, keys)| {
            format!("[store]\nengine = \"postgresql\"\nworkers = 4\ndata_url = \"{data}\"\nkeys_url = \"{keys}\"\n")
        });
        let log = format!("[log]\nlevel = \"{log_level}\"\n");
        std::fs::create_dir(place.path("erased")).unwrap();
        let apart = "[backup]\ndata_dir = \"backups/data\"\nkeys_dir = \"backups/keys\"\n[erasure]\ncopy = \"erased/list\"\n";
        place.write("avouch.toml", &format!("{}{store}{log}{apart}", crate::program::CONFIG));
        set_mode(&place.path("avouch.toml"), 0o600);
        let made = place.run(&["init", "--json"]).success();
        let made: serde_json::Value = serde_json::from_str(&made.out).unwrap();
        let admin = Secret(made["admin_key"].as_str().unwrap().into());
        let mut vault = Self { place, databases, keys: BTreeMap::from([("admin", admin)]) };
        let server = vault.serve();
        let admin = vault.client(&server, "admin");
        for (role, kind, recipient) in ROLES {
            let name = if role == "support" { STAFF_NAME } else { role };
            let principal = PrincipalCreate {
                kind,
                name: name.to_owned(),
                login: None,
                manager: None,
                person: None,
                contact: None,
                roles: vec![role.to_owned()],
                recipient: recipient.map(str::to_owned),
                networks: Vec::new(),
                days: None,
            };
            let id = admin.principal_create(&principal).unwrap().id;
            let key = KeyCreate {
                label: "test".to_owned(),
                expires_in_days: 1,
                networks: Vec::new(),
                honey: false,
            };
            vault.keys.insert(role, admin.key_create(id, &key).unwrap().key);
        }
        assert!(server.stop().0.success());
        vault
    }

    /// `avouch serve`.
    pub(crate) fn command(&self) -> Command {
        self.place.command(&["serve"])
    }

    /// `avouch serve`, once it listens.
    pub(crate) fn serve(&self) -> Server {
        Server::start(self.command())
    }

    /// The same by way of a shell that ignores SIGXFSZ: a file that may not grow is then an error, not the end.
    pub(crate) fn serve_with_limits(&self) -> Server {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" serve", env!("CARGO_BIN_EXE_avouch")]);
        let plain = self.command();
        shell.current_dir(plain.get_current_dir().unwrap()).env_clear().stdin(Stdio::null());
        Server::start(shell)
    }

    /// Starts a server and kills it before or while it gets ready.
    pub(crate) fn stillborn(&self, after: Duration) {
        let mut command = self.command();
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait(after);
        child.kill().unwrap();
        child.wait().unwrap();
        self.stores().wait_until_alone();
    }

    /// A client that tries once.
    pub(crate) fn client(&self, server: &Server, role: &str) -> Client {
        let mut options = Options::new(&server.url, self.keys[role].clone());
        options.patience = Duration::ZERO;
        Client::new(options).unwrap()
    }

    pub(crate) fn key(&self, role: &str) -> &str {
        &self.keys[role].0
    }

    /// All that was ever done is in the log, as it was signed, and the records are as their events wrote them.
    pub(crate) fn assert_ledger_holds(&self, server: &Server) {
        let verify = ["ledger", "verify", "--deep", "--remember", "ledger.json"];
        let verified = self.place.remote(&server.url, self.key("admin"), &verify);
        assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    }

    /// What lies underneath.
    pub(crate) fn stores(&self) -> Stores {
        match self.databases.urls() {
            Some((data, keys)) => Stores::Postgres { data: data.clone(), keys: keys.clone() },
            None => Stores::Sqlite {
                data: self.place.path("avouch-data/data.db"),
                keys: self.place.path("avouch-data/keys/keys.db"),
            },
        }
    }
}

/// Waits on a channel that stays silent.
pub(crate) fn wait(time: Duration) {
    let (_sender, silent) = mpsc::channel::<()>();
    let _ = silent.recv_timeout(time);
}

/// Waits until something has come to pass, and not for ever.
pub(crate) fn wait_for(mut happened: impl FnMut() -> bool) {
    for _ in 0..600 {
        if happened() {
            return;
        }
        wait(Duration::from_millis(100));
    }
    panic!("it does not come to pass");
}

/// A server that is killed when dropped. What it writes is read as it comes, so that it never waits for us.
pub(crate) struct Server {
    child: Child,
    readers: Vec<std::thread::JoinHandle<()>>,
    written: Arc<Mutex<String>>,
    pub(crate) url: String,
}

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);

impl Server {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let written = Arc::new(Mutex::new(String::new()));
        let (sender, lines) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        let error = BufReader::new(child.stderr.take().unwrap());
        let readers = vec![keep(out, &written, Some(sender)), keep(error, &written, None)];
        let mut server = Self { child, readers, written, url: String::new() };
        while server.url.is_empty() {
            let Ok(line) = lines.recv_timeout(PATIENCE) else {
                panic!("it does not listen: {}", server.stop().1)
            };
            if let Some((_, url)) = line.split_once("listening on ") {
                server.url = url.split_whitespace().next().unwrap().to_owned();
            }
        }
        server
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; the exit status and all it wrote.
    pub(crate) fn stop(mut self) -> (ExitStatus, String) {
        let _ = rustix::process::kill_process(self.pid(), Signal::TERM);
        let status = self.child.wait().unwrap();
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        (status, self.written())
    }

    /// All it wrote so far.
    pub(crate) fn written(&self) -> String {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on no file of this server may be longer than that.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let limit = Rlimit { current: bytes, maximum: None };
        rustix::process::prlimit(Some(self.pid()), Resource::Fsize, limit).unwrap();
    }

    /// One request, byte for byte; the whole answer.
    pub(crate) fn ask(&self, key: &str, ask: &Ask) -> Answer {
        let address = self.url.split_once("://").unwrap().1;
        let length = ask.body.len();
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n",
            ask.method, ask.path
        );
        let json = if ask.method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        for (name, value) in [("Content-Type", json), ("Content-Length", &length.to_string())]
            .into_iter()
            .chain(ask.headers.clone())
        {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(format!("{head}\r\n{}", ask.body).as_bytes()).unwrap();
        let mut whole = Vec::new();
        stream.read_to_end(&mut whole).unwrap();
        let whole = String::from_utf8_lossy(&whole).into_owned();
        let status = whole.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        Answer { status, whole }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request as it goes over the wire.
#[derive(Clone, Default)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    pub(crate) body: String,
}

/// Status, and everything that came: head and body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) whole: String,
}

impl Answer {
    /// What follows the head.
    pub(crate) fn body(&self) -> &str {
        self.whole.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }
}

fn keep(
    from: impl std::io::BufRead + Send + 'static,
    to: &Arc<Mutex<String>>,
    lines: Option<Sender<String>>,
) -> std::thread::JoinHandle<()> {
    let to = Arc::clone(to);
    std::thread::spawn(move || {
        for line in from.lines().map_while(Result::ok) {
            let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
            to.push_str(&line);
            to.push('\n');
            // Nobody listens any more once the address is known.
            let _ = lines.as_ref().map(|lines| lines.send(line));
        }
    })
}
