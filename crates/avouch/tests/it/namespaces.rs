//! Networks of their own on this machine, for as long as a test runs: name spaces with cables between them. What is tested in them is what
//! the kernel does with packets, so it takes root, `ip` and `nft`; a machine without them fails the test and is not passed over.

use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A network with nobody in it but those who are moved there.
pub(crate) struct Space {
    name: String,
}

impl Space {
    pub(crate) fn new(role: &str) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("avouch-{}-{number}-{role}", std::process::id());
        ip(&["netns", "add", &name]);
        let space = Self { name };
        space.run(&["ip", "link", "set", "lo", "up"]);
        space
    }

    /// A cable to another one: each end has the address, with its network, of its side.
    pub(crate) fn join(&self, addresses: &[&str], other: &Self, others: &[&str]) {
        let port = |space: &Self| format!("to-{}", space.name.rsplit('-').next().unwrap_or_default());
        let (here, there) = (port(other), port(self));
        ip(&[
            "link",
            "add",
            &here,
            "netns",
            &self.name,
            "type",
            "veth",
            "peer",
            "name",
            &there,
            "netns",
            &other.name,
        ]);
        for (space, port, addresses) in [(self, &here, addresses), (other, &there, others)] {
            for address in addresses {
                let mut add = vec!["ip", "address", "add", address, "dev", port];
                // Nobody else has it: without the wait in which that is asked.
                add.extend(address.contains(':').then_some("nodad"));
                space.run(&add);
            }
            space.run(&["ip", "link", "set", port, "up"]);
        }
    }

    /// What comes before a command that is run in here.
    pub(crate) fn wrapper(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    /// A command in here, which has to go well; what it writes.
    pub(crate) fn run(&self, words: &[&str]) -> String {
        self.fed(words, "")
    }

    /// The same, with this on stdin.
    pub(crate) fn fed(&self, words: &[&str], input: &str) -> String {
        done(&[&self.wrapper()[..], words].concat(), input)
    }

    /// Does something in here.
    pub(crate) fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let space = File::open(format!("/run/netns/{}", self.name)).expect("the name space is there");
        // A thread of its own is moved, and ends there.
        std::thread::scope(|scope| {
            let moved = scope.spawn(|| {
                move_into_link_name_space(std::os::fd::AsFd::as_fd(&space), Some(LinkNameSpaceType::Network))
                    .expect("root may enter it");
                work()
            });
            moved.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Space {
    /// Cables and rules go with it, once what runs in it has ended.
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).output();
    }
}

fn ip(arguments: &[&str]) {
    done(&[&["ip"], arguments].concat(), "");
}

#[track_caller]
fn done(words: &[&str], input: &str) -> String {
    let (program, arguments) = words.split_first().expect("a program");
    let started = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = started.unwrap_or_else(|error| {
        panic!("this test makes networks, for which `{program}` has to be installed (iproute2, nftables): {error}")
    });
    child.stdin.take().expect("stdin is piped").write_all(input.as_bytes()).expect("it reads");
    let Output { status, stdout, stderr } = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        status.success(),
        "this test makes networks, for which it has to be root in a kernel that has name spaces, veth and nftables; \
         `{}` failed:\n{}{}",
        words.join(" "),
        text(&stdout),
        text(&stderr)
    );
    text(&stdout)
}

#[test]
fn what_was_made_goes_when_a_test_stops() {
    let told = std::sync::Mutex::new(String::new());
    let stopped = std::panic::catch_unwind(|| {
        let space = Space::new("stops");
        told.lock().unwrap().clone_from(&space.name);
        panic!("as a test does that fails");
    });
    assert!(stopped.is_err());
    let name = told.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    assert!(name.starts_with("avouch-") && !done(&["ip", "netns", "list"], "").contains(&name));
}

/// How long a packet is waited for that will not come.
pub(crate) const SILENCE: Duration = Duration::from_secs(3);
