//! The process as the kernel sees it: what of its memory could get onto a disk, and who may look at it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::crash::vault::wait;
use crate::program::{CONFIG, Ended, Place, Running, are_root, through};

/// Runs a command where 64 KiB may be locked, as the kernel has it without anybody's doing; it begins with a soft limit of 4.
fn limited(command: &Command) -> Command {
    let limited = through(command, &["/usr/bin/prlimit", "--memlock=4096:65536"]);
    if !are_root() {
        return limited;
    }
    through(&limited, &["/usr/bin/setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock"])
}

/// Runs a command on a machine with swap on a disk. The machine is this one, but for what `/proc/swaps` says.
fn beside_swap(place: &Place, command: &Command) -> Command {
    let header = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
    place.write(
        "swaps",
        &format!("{header}/dev/sda2                               partition\t8388604\t\t0\t\t-2\n"),
    );
    let swaps = place.path("swaps").display().to_string();
    let script = "mount --bind \"$0\" /proc/swaps && exec \"$@\"";
    let mut wrapper = vec!["/usr/bin/unshare", "--mount"];
    if !are_root() {
        wrapper.extend(["--user", "--map-root-user"]);
    }
    wrapper.extend(["/bin/sh", "-c", script, &swaps]);
    through(command, &wrapper)
}

/// A line of a file about a process.
fn line(id: u32, file: &str, begins: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{id}/{file}")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(begins)).unwrap_or_default();
    line.split_whitespace().map(str::to_owned).collect()
}

fn kibibytes(id: u32, name: &str) -> u64 {
    line(id, "status", name)[0].parse().unwrap()
}

fn status(place: &Place, url: &str, key: &str) -> Value {
    serde_json::from_str(&place.remote(url, key, &["status", "--json"]).success().out).unwrap()
}

/// State and detail of one of the doctor's checks.
fn check(ended: &Ended, name: &str) -> (String, String) {
    let answer: Value = serde_json::from_str(&ended.out).unwrap();
    let check = answer["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap();
    let text = |member: &str| check[member].as_str().unwrap().to_owned();
    (text("state"), text("detail"))
}

#[test]
fn where_no_limit_counts_all_memory_is_locked_and_the_server_says_so() {
    let place = Place::new();
    let admin = place.init();
    let mut server = place.serve();
    let (locked, size) = (kibibytes(server.id(), "VmLck:"), kibibytes(server.id(), "VmSize:"));
    assert!(
        locked > size - 1024,
        "{locked} of {size} KiB are locked: run this test as root with CAP_IPC_LOCK, or with `ulimit -l unlimited`"
    );
    assert_eq!(status(&place, &server.url, &admin)["memory"]["locked"], true);
    // The doctor has another limit here, and speaks of the server.
    let doctor = place.ended(&mut limited(&place.command(&["doctor", "--json"]))).success();
    assert_eq!(check(&doctor, "memory"), ("ok".to_owned(), "all memory is locked".to_owned()));
    let (_, log) = server.stop();
    assert!(log.contains("INFO") && log.contains("all memory is locked"), "{log}");
}

#[test]
fn under_a_limit_nothing_is_locked_and_the_server_neither_dies_nor_lies() {
    let place = Place::new();
    let admin = place.init();
    let mut server = Running::start(limited(&place.command(&["serve"])));
    assert_eq!(kibibytes(server.id(), "VmLck:"), 0);
    assert_eq!(
        line(server.id(), "limits", "Max locked memory")[..2],
        ["65536", "65536"],
        "the soft limit was raised"
    );
    // Some dozens of mebibytes in one request, and as much for what is made of it.
    let importer = place.hire(&server.url, &admin, "service", "importer");
    let rows = (0..4000).map(|row| format!("Ada {row},ada.{row}@example.org,{}\n", "note ".repeat(400)));
    place.write("many.csv", &format!("name,email,notes\n{}", rows.collect::<String>()));
    let import = ["import", "many.csv", "--yes", "--chunk", "1000", "--purpose", "administration"];
    place.remote(&server.url, &importer, &import).success();
    assert!(kibibytes(server.id(), "VmPeak:") > 64, "more is mapped than may be locked");

    let memory = &status(&place, &server.url, &admin)["memory"];
    assert_eq!(memory["locked"], false);
    insta::assert_snapshot!(memory["detail"].as_str().unwrap(), @"no memory is locked, because this process may lock 64 KiB only: set `LimitMEMLOCK=infinity` for the service, or give it the capability CAP_IPC_LOCK");
    let doctor = place.run(&["doctor", "--json"]).success();
    assert_eq!(check(&doctor, "memory").0, "warn");
    let (ended, log) = server.stop();
    assert!(ended.success() && log.contains("no memory is locked"), "{log}");
}

#[test]
fn swap_beside_memory_that_is_not_locked_is_refused() {
    let place = Place::new();
    place.init();
    let in_danger =
        |arguments: &[&str]| place.ended(&mut beside_swap(&place, &limited(&place.command(arguments))));
    let refusal = in_danger(&["serve"]).refusal();
    insta::assert_snapshot!(refusal, @"
    exit code 1
    error: refusing to go on with unsafe settings
      - no memory is locked, because this process may lock 64 KiB only; swap is on (/dev/sda2): keys and customers' data could be written to it
        set `LimitMEMLOCK=infinity` for the service, or give it the capability CAP_IPC_LOCK; or bar swap for it (`MemorySwapMax=0`), or switch swap off; if it is encrypted, set [process] allow_swap = true
    ");
    assert_eq!(in_danger(&["config", "check"]).refusal(), refusal);
    assert_eq!(check(&in_danger(&["doctor", "--json"]), "settings").0, "fail");
    // A vault is made, opened and left again: keys are not in memory for long.
    let other = Place::new();
    other.ended(&mut beside_swap(&other, &limited(&other.command(&["init"])))).success();
}

#[test]
fn whoever_says_that_swap_may_be_is_believed_and_reminded() {
    let place = Place::new();
    place.init();
    place.write("avouch.toml", &format!("{CONFIG}[process]\nallow_swap = true\n"));
    let in_danger = |arguments: &[&str]| beside_swap(&place, &limited(&place.command(arguments)));
    place.ended(&mut in_danger(&["config", "check"])).success();
    let doctor = place.ended(&mut in_danger(&["doctor", "--json"])).success();
    assert_eq!((check(&doctor, "settings").0.as_str(), check(&doctor, "swap").0.as_str()), ("ok", "warn"));
    let (ended, log) = Running::start(in_danger(&["serve"])).stop();
    assert!(ended.success() && log.contains("WARN") && log.contains("swap is on (/dev/sda2)"), "{log}");
}

#[test]
fn beside_locked_memory_swap_does_no_harm() {
    let place = Place::new();
    place.init();
    place.ended(&mut beside_swap(&place, &place.command(&["config", "check"]))).success();
    let (ended, log) = Running::start(beside_swap(&place, &place.command(&["serve"]))).stop();
    assert!(ended.success() && !log.contains("swap"), "{log}");
}

#[test]
fn a_demo_goes_on_with_a_warning() {
    let place = Place::new();
    let demo = place.command(&["demo", "--customers", "5", "--port", "0"]);
    let mut running = Running::start(beside_swap(&place, &limited(&demo)));
    running.hear_until("Ctrl-C");
    let (ended, log) = running.stop();
    assert!(ended.success() && log.contains("WARN") && log.contains("swap is on (/dev/sda2)"), "{log}");
}

/// Nobody: a user without a name, for whom the tests of root run the program.
const NOBODY: u32 = 65534;

/// A vault of an ordinary user, and the program where that user finds it.
fn of_an_ordinary_user() -> (Place, impl Fn(&Place, &[&str]) -> Command) {
    let place = Place::new();
    place.init();
    let program = place.path("avouch");
    let built = Path::new(env!("CARGO_BIN_EXE_avouch"));
    fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop)).unwrap();
    let command = |place: &Place, arguments: &[&str]| {
        let mut command = Command::new(place.path("avouch"));
        command.args(arguments).current_dir(place.path(""));
        as_ordinary_user(&command)
    };
    (place, command)
}

fn as_ordinary_user(command: &Command) -> Command {
    let to = NOBODY.to_string();
    let become_nobody = ["/usr/bin/setpriv", "--reuid", &to, "--regid", &to, "--clear-groups"];
    through(command, if are_root() { &become_nobody } else { &["/usr/bin/env"] })
}

fn give(path: &Path) {
    if are_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    for entry in fs::read_dir(path).into_iter().flatten() {
        let path = entry.unwrap().path();
        if !path.ends_with("avouch") {
            give(&path);
        }
    }
}

/// Neither a crash nor another process of the same user gets anything out of it.
#[track_caller]
fn assert_closed(id: u32, what: &str) {
    assert_eq!(line(id, "limits", "Max core file size")[..2], ["0", "0"], "{what}");
    let memory = format!("/proc/{id}/mem");
    assert_eq!(fs::metadata(&memory).unwrap().uid(), 0, "{what}: its memory is its user's to read");
    if !are_root() {
        assert!(fs::File::open(&memory).is_err(), "{what}");
    }
}

#[test]
fn a_command_that_meets_a_secret_is_closed_to_its_own_user_before_it_does() {
    let (place, command) = of_an_ordinary_user();
    fs::remove_dir_all(place.path("avouch-data-recovery")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, place.path("secret"), rustix::fs::Mode::from_raw_mode(0o600))
        .unwrap();
    give(&place.path(""));
    let url = "http://127.0.0.1:9";
    let remote =
        |arguments: &[&'static str]| [arguments, &["--server", url, "--key-file", "secret"]].concat();
    for arguments in [
        vec!["init", "--config", "new.toml", "--data-dir", "new", "--passphrase-file", "secret"],
        vec!["recover", "--share", "secret"],
        vec!["keys", "drill", "--share", "secret", "--server", url, "--key", "avk"],
        remote(&[
            "reveal",
            "018bcfe5-687b-71c8-8000-000000000005",
            "--fields",
            "email",
            "--purpose",
            "support",
        ]),
        remote(&["import", "people.csv", "--yes", "--purpose", "administration"]),
        remote(&["status"]),
    ] {
        let what = arguments.join(" ");
        let mut child =
            command(&place, &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Somebody who writes can only open what somebody reads: until then the secret is not asked for.
        let waits = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let asked = (0..1000).any(|_| {
            let open = fs::OpenOptions::new().write(true).custom_flags(waits).open(place.path("secret"));
            open.inspect(|_| assert_closed(child.id(), &what))
                .inspect_err(|_| wait(Duration::from_millis(10)))
                .is_ok()
        });
        let _ = child.kill();
        child.wait().unwrap();
        assert!(asked, "`{what}` never read its secret");
    }
}

#[test]
fn a_server_is_closed_to_its_own_user() {
    let (place, command) = of_an_ordinary_user();
    fs::remove_dir_all(place.path("avouch-data-recovery")).unwrap();
    give(&place.path(""));
    let server = Running::start(command(&place, &["serve"]));
    assert_closed(server.id(), "serve");

    // A program that does not close itself is its user's to look into, so this would have been seen.
    let mut plain = Command::new("/bin/sleep");
    plain.arg("60").current_dir("/");
    let mut open = as_ordinary_user(&plain).spawn().unwrap();
    let owner = || fs::metadata(format!("/proc/{}/mem", open.id())).unwrap().uid();
    let ours = if are_root() { NOBODY } else { rustix::process::getuid().as_raw() };
    let seen = (0..1000).any(|_| {
        owner() == ours || {
            wait(Duration::from_millis(10));
            false
        }
    });
    open.kill().unwrap();
    open.wait().unwrap();
    assert!(seen);
}
