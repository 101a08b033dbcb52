//! The seals around the vault, as an operator meets them: a drill, a lost root, another root.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::program::{CONFIG, Ended, Place, Running, set_mode};

/// The shares that `init` has written, in order.
fn shares(place: &Place) -> Vec<String> {
    let set = fs::read_dir(place.path("avouch-data-recovery")).unwrap().next().unwrap().unwrap().path();
    (1..=3).map(|number| set.join(format!("share-{number}-of-3.txt")).display().to_string()).collect()
}

/// A seal's member in `avouch keys --json`.
fn seal(place: &Place, url: &str, admin: &str, slot: &str) -> Value {
    let keys: Value =
        serde_json::from_str(&place.remote(url, admin, &["keys", "--json"]).success().out).unwrap();
    keys["seals"].as_array().unwrap().iter().find(|seal| seal["slot"] == slot).unwrap().clone()
}

#[test]
fn shares_are_drilled_and_open_a_vault_whose_root_is_lost() {
    let place = Place::new();
    let admin = place.init();
    let shares = shares(&place);
    let mut server = place.serve();
    assert_eq!(seal(&place, &server.url, &admin, "shares")["drilled"], Value::Null);
    let drill = |shares: &[&str]| {
        let arguments: Vec<_> =
            ["keys", "drill"].into_iter().chain(shares.iter().flat_map(|path| ["--share", *path])).collect();
        place.remote(&server.url, &admin, &arguments)
    };
    let one = drill(&[&shares[0]]);
    assert_eq!((one.code, one.err.contains("too few shares")), (5, true), "{}", one.err);
    let twice = drill(&[&shares[0], &shares[0]]);
    assert!(twice.err.contains("given twice"), "{}", twice.err);
    let drilled = drill(&[&shares[2], &shares[0]]).success();
    assert!(drilled.out.starts_with("seal `shares` opens"), "{}", drilled.out);
    assert!(seal(&place, &server.url, &admin, "shares")["drilled"].is_string());
    assert!(server.stop().0.success());

    fs::remove_file(place.path("avouch-data-root.key")).unwrap();
    let refused = place.run(&["serve"]);
    assert_eq!(
        refused.refusal(),
        "exit code 1\nerror: `DIR/avouch-data-root.key`: there is no such file or folder\n"
    );
    let arguments = ["recover", "--share", &shares[1], "--share", &shares[2]];
    insta::assert_snapshot!(place.run(&arguments).success().out, @"
    The vault opens again, by the root that `avouch.toml` names, which is new: copy it to a place apart from this machine, now.
    Whoever opened it by the old root cannot any more. Start it with `avouch serve`.
    ");
    let server = place.serve();
    assert_eq!(place.remote(&server.url, &admin, &["status"]).code, 0);
}

#[test]
fn another_root_is_put_in_its_place_while_the_server_is_at_work() {
    let place = Place::new();
    let admin = place.init();
    let mut server = place.serve();
    let reseal = || place.remote(&server.url, &admin, &["keys", "reseal", "--yes"]);
    let none = reseal();
    assert_eq!((none.code, none.err.contains("has no `[root.next]`")), (5, true), "{}", none.err);
    place.write("phrase", "correct horse battery staple\n");
    set_mode(&place.path("phrase"), 0o600);
    let next = "[root.next]\nseal = \"passphrase\"\npath = \"phrase\"\n";
    place.write("avouch.toml", &format!("{CONFIG}{next}"));
    insta::assert_snapshot!(reseal().success().out, @"the vault is sealed by the passphrase that `[root.next]` names; move those lines up to `[root]` now");
    assert_eq!(seal(&place, &server.url, &admin, "primary")["kind"], "passphrase");
    assert!(server.stop().0.success());
    // With the configuration as it is, and tidied up; not with the old root.
    assert!(place.serve().stop().0.success());
    place.write("avouch.toml", &format!("{CONFIG}{}", next.replace(".next", "")));
    assert!(place.serve().stop().0.success());
    place.write("avouch.toml", CONFIG);
    assert_eq!(
        place.run(&["serve"]).refusal(),
        "exit code 1\nerror: the root key does not open this vault\n"
    );
}

#[test]
fn new_shares_leave_the_server_sealed_to_their_custodians() {
    let place = Place::new();
    let admin = place.init();
    let old = shares(&place);
    let server = place.serve();
    let custodians: Vec<_> = (0..3).map(|_| age::x25519::Identity::generate()).collect();
    let names: Vec<String> = custodians.iter().map(|custodian| custodian.to_public().to_string()).collect();
    let mut arguments = vec!["keys", "recovery", "--threshold", "2", "--output", "new", "--json"];
    arguments.extend(names.iter().flat_map(|name| ["--custodian", name.as_str()]));
    let made: Value =
        serde_json::from_str(&place.remote(&server.url, &admin, &arguments).success().out).unwrap();
    let opened: Vec<String> = made["shares"]
        .as_array()
        .unwrap()
        .iter()
        .zip(&custodians)
        .map(|(share, custodian)| {
            let armoured = age::armor::ArmoredReader::new(share.as_str().unwrap().as_bytes());
            let mut text = String::new();
            let mut reader = age::Decryptor::new(armoured)
                .unwrap()
                .decrypt(std::iter::once(custodian as &dyn age::Identity))
                .unwrap();
            std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
            text
        })
        .collect();
    for (number, text) in opened.iter().enumerate().take(2) {
        place.write(&format!("opened-{number}"), text);
    }
    let drill = |one: &str, other: &str| {
        place.remote(&server.url, &admin, &["keys", "drill", "--share", one, "--share", other])
    };
    drill("opened-0", "opened-1").success();
    let ended = drill(&old[0], &old[1]);
    assert_eq!((ended.code, ended.err.contains("does not open")), (5, true), "{}", ended.err);
    assert_eq!(fs::read_dir(place.path("new")).unwrap().count(), 3);
}

/// A token of SoftHSM that only programs of this place know.
struct Device {
    place: Place,
    module: &'static str,
}

const PIN: &str = "geheime-pin";

impl Device {
    fn new() -> Self {
        let module = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/libsofthsm2.so"];
        let module = module.into_iter().find(|path| fs::exists(path).is_ok_and(|there| there));
        let module = module.expect("SoftHSM is needed: install the package softhsm2");
        let device = Self { place: Place::new(), module };
        let place = &device.place;
        fs::create_dir(place.path("tokens")).unwrap();
        let tokens = place.path("tokens");
        place.write("softhsm2.conf", &format!("directories.tokendir = {}\n", tokens.display()));
        let officer = ["--init-token", "--free", "--label", "avouch", "--so-pin", "officer", "--pin", PIN];
        assert!(
            device.with(&mut Command::new("softhsm2-util")).args(officer).output().unwrap().status.success()
        );
        device.pin(PIN);
        device.configure("", module);
        device
    }

    fn pin(&self, pin: &str) {
        self.place.write("pin", pin);
        set_mode(&self.place.path("pin"), 0o600);
    }

    /// The configuration, with lines of `[root]` before the device's.
    fn configure(&self, next: &str, module: &str) {
        let root = "seal = \"pkcs11\"\n[root.pkcs11]\ntoken = \"avouch\"\nkey = \"root\"\npin_file = \"pin\"";
        self.place.write("avouch.toml", &format!("{CONFIG}[root]\n{root}\nmodule = \"{module}\"\n{next}"));
    }

    fn with<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("SOFTHSM2_CONF", self.place.path("softhsm2.conf"))
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.place.ended(self.with(&mut self.place.command(arguments)))
    }

    fn serve(&self) -> Running {
        let mut command = self.place.command(&["serve"]);
        self.with(&mut command);
        Running::start(command)
    }

    /// What a tool says of the keys in the token, which has the PIN.
    fn keys(&self) -> String {
        let mut tool = Command::new("pkcs11-tool");
        let arguments =
            ["--module", self.module, "--login", "--pin", PIN, "--list-objects", "--type", "secrkey"];
        let output = self.with(&mut tool).args(arguments).output().expect("install the package opensc");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn a_vault_whose_root_is_in_a_device_is_made_and_opened_again_and_rotated() {
    let device = Device::new();
    let place = &device.place;
    let made = device.run(&["init", "--json"]).success();
    let made: Value = serde_json::from_str(&made.out).unwrap();
    let admin = made["admin_key"].as_str().unwrap();
    // The key was made there, for this alone; its value is nobody's to read.
    let keys = device.keys();
    assert!(
        keys.contains("root") && keys.contains("sensitive, always sensitive, never extractable"),
        "{keys}"
    );
    assert!(!keys.contains("VALUE:"), "{keys}");

    let mut server = device.serve();
    assert_eq!(seal(place, &server.url, admin, "primary")["kind"], "pkcs11");
    let key = place.hire(&server.url, admin, "staff", "support");
    let create = [
        "subject",
        "create",
        "name=Inés",
        "email=ines.moreau@post.example",
        "--purpose",
        "support",
        "--json",
    ];
    let created = place.remote(&server.url, &key, &create).success();
    let created: Value = serde_json::from_str(&created.out).unwrap();
    for what in ["kek", "data"] {
        place.remote(&server.url, admin, &["keys", "rotate", what]).success();
    }
    // Another key of the same device takes over while the server is at work.
    let next = "[root.next]\nseal = \"pkcs11\"\n[root.next.pkcs11]\ntoken = \"avouch\"\nkey = \"second\"\npin_file = \"pin\"\n";
    let next = format!("{next}module = \"{}\"\n", device.module);
    device.configure(&next, device.module);
    place.remote(&server.url, admin, &["keys", "reseal", "--yes"]).success();
    assert!(device.keys().contains("second"));
    assert!(server.stop().0.success());
    let server = device.serve();
    let id = created["id"].as_str().unwrap();
    let reveal = ["reveal", id, "--fields", "email", "--purpose", "support", "--reason", "she called"];
    let revealed = place.remote(&server.url, &key, &reveal).success();
    assert!(revealed.out.contains("ines.moreau@post.example"), "{}", revealed.out);
}

#[test]
fn a_device_that_refuses_or_is_not_there_lets_no_server_start() {
    let device = Device::new();
    device.run(&["init"]).success();
    let refusal = || device.run(&["serve"]).refusal();

    device.pin("another-pin");
    insta::assert_snapshot!(refusal(), @"
    exit code 1
    error: the PKCS#11 key refuses: the PIN is wrong, and the token says that few tries are left
    ");
    device.pin(PIN);
    device.configure("", "/usr/lib/no-such-module.so");
    insta::assert_snapshot!(refusal(), @"
    exit code 1
    error: the PKCS#11 key cannot be reached: there is no PKCS#11 module at `/usr/lib/no-such-module.so`; is the device's software installed
    ");
    device.configure("", device.module);
    fs::remove_dir_all(device.place.path("tokens")).unwrap();
    fs::create_dir(device.place.path("tokens")).unwrap();
    insta::assert_snapshot!(refusal(), @"
    exit code 1
    error: the PKCS#11 key cannot be reached: there is no token labelled `avouch`; the module shows none at all: is the device connected, the token initialised
    ");
}
