//! Runs the program in a folder of its own, with an environment that names no server and no key.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use tempfile::TempDir;

/// A folder where one test works.
pub(crate) struct Place {
    folder: TempDir,
}

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("the file is there")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("the folder is writable");
    }

    /// The program with these arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_avouch"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.ended(&mut self.command(arguments))
    }

    /// Runs it against a server, with a key.
    pub(crate) fn remote(&self, url: &str, key: &str, arguments: &[&str]) -> Ended {
        self.ended(self.command(arguments).env("AVOUCH_SERVER", url).env("AVOUCH_KEY", key))
    }

    /// Runs a command to its end; the folder's path is shown as DIR.
    pub(crate) fn ended(&self, command: &mut Command) -> Ended {
        let output = command.output().expect("the program starts");
        let text = |bytes: Vec<u8>| self.shown(&String::from_utf8(bytes).expect("output is UTF-8"));
        Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    pub(crate) fn shown(&self, text: &str) -> String {
        text.replace(&self.folder.path().display().to_string(), "DIR")
    }

    /// A configuration on free ports, and a vault; gives the administrator's key.
    pub(crate) fn init(&self) -> String {
        self.write("avouch.toml", CONFIG);
        let ended = self.run(&["init", "--json"]).success();
        let made: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
        made["admin_key"].as_str().expect("a key").to_owned()
    }

    /// A new principal with this role, by an administrator's key; gives its own.
    pub(crate) fn hire(&self, url: &str, admin: &str, kind: &str, role: &str) -> String {
        let made = |arguments: &[&str], member: &str| {
            let ended = self.remote(url, admin, arguments).success();
            let made: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
            made[member].as_str().expect("a text").to_owned()
        };
        let create = ["principal", "create", "--kind", kind, "--name", role, "--roles", role, "--json"];
        let id = made(&create, "id");
        made(&["apikey", "create", &id, "--label", "test", "--days", "1", "--json"], "key")
    }

    /// `avouch serve`, until dropped.
    pub(crate) fn serve(&self) -> Running {
        Running::start(self.command(&["serve"]))
    }
}

/// The same command by way of a program that runs it and changes what it meets.
pub(crate) fn through(command: &Command, wrapper: &[&str]) -> Command {
    let (program, arguments) = wrapper.split_first().expect("a program");
    let mut wrapped = Command::new(program);
    wrapped.args(arguments).arg(command.get_program()).args(command.get_args());
    wrapped.current_dir(command.get_current_dir().expect("a place")).env_clear().stdin(Stdio::null());
    wrapped
}

/// Whether the tests are run by root, or by what a user name space takes for root.
pub(crate) fn are_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Free ports, and metrics on.
pub(crate) const CONFIG: &str = "\
[http]
listen = \"127.0.0.1:0\"

[metrics]
listen = \"127.0.0.1:0\"
token_file = \"metrics-token\"
";

impl Ended {
    /// Fails the test with what the program said, unless it went well.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self
    }

    /// Exit code and stderr, for snapshots.
    pub(crate) fn refusal(&self) -> String {
        assert_eq!(self.out, "");
        format!("exit code {}\n{}", self.code, self.err)
    }
}

/// A server that is killed when dropped.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    pub(crate) url: String,
    /// What it wrote to stdout until it listened, this line included.
    pub(crate) said: String,
}

/// How long a server may take to listen, or to end.
const PATIENCE: Duration = Duration::from_secs(60);

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let (sender, lines) = mpsc::channel();
        let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let mut running = Self { child, lines, url: String::new(), said: String::new() };
        while running.url.is_empty() {
            let Ok(line) = running.lines.recv_timeout(PATIENCE) else {
                let error = running.stop().1;
                panic!("it does not listen: {error}");
            };
            if let Some((_, url)) = line.split_once("listening on ") {
                running.url = url.split_whitespace().next().expect("an address").to_owned();
            }
            running.said.push_str(&line);
            running.said.push('\n');
        }
        running
    }

    pub(crate) fn address(&self) -> SocketAddr {
        let (_, address) = self.url.split_once("://").expect("a URL");
        address.parse().expect("an address")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The lines that follow, up to and with the one that holds `last`.
    pub(crate) fn hear_until(&mut self, last: &str) {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("it goes on speaking");
            self.said.push_str(&line);
            self.said.push('\n');
            if line.contains(last) {
                return;
            }
        }
    }

    /// Asks it to end, as an operator would; its exit status and its log.
    pub(crate) fn stop(&mut self) -> (ExitStatus, String) {
        let id = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let _ = rustix::process::kill_process(id.expect("a process id"), rustix::process::Signal::TERM);
        let mut log = String::new();
        if let Some(mut error) = self.child.stderr.take() {
            std::io::Read::read_to_string(&mut error, &mut log).expect("the log is UTF-8");
        }
        (self.child.wait().expect("it ends"), log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Permission bits.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

/// `chmod`.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}
