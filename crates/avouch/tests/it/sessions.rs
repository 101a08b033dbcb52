//! People at a terminal: a session in the place of a key.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;

use avouch_client::{Client, Options};
use avouch_wire::{LogInRequest, LoggedIn, PasswordEnrol, Secret};
use serde_json::Value;

use crate::program::{Ended, Place};

const LOGIN: &str = "ida@lindenhof.example";
const PASSWORD: &str = "orchid walnut ferry cloud";

fn secret(text: &str) -> Option<Secret> {
    Some(Secret(text.to_owned()))
}

/// Somebody at the terminal of this place.
struct Terminal<'p> {
    place: &'p Place,
    url: &'p str,
}

impl Terminal<'_> {
    /// Runs a command without any key, with these lines typed.
    fn run(&self, arguments: &[&str], typed: &str) -> Ended {
        self.place.write("typed", typed);
        let typed = File::open(self.place.path("typed")).expect("written");
        let mut command = self.place.command(arguments);
        command.env("AVOUCH_SERVER", self.url).env("HOME", self.place.path("")).stdin(typed);
        self.place.ended(&mut command)
    }
}

fn begun(url: &str, request: &LogInRequest) -> LoggedIn {
    Client::new(Options::nobody(url)).expect("a client").log_in(request).expect("logged in")
}

/// Somebody of the support desk, with a password.
fn hire(place: &Place, url: &str, admin: &str) {
    let made = |arguments: &[&str]| -> Value {
        serde_json::from_str(&place.remote(url, admin, arguments).success().out).expect("JSON")
    };
    let create = [
        "principal",
        "create",
        "--kind",
        "staff",
        "--name",
        "Ida",
        "--login",
        LOGIN,
        "--roles",
        "support",
        "--json",
    ];
    let id = made(&create)["id"].as_str().expect("an id").to_owned();
    let link = made(&["principal", "link", &id, "--json"])["secret"].as_str().expect("a link").to_owned();
    let by_link = LogInRequest { link: secret(&link), token: true, ..LogInRequest::default() };
    let own = Client::new(Options::new(url, begun(url, &by_link).token.expect("a token"))).expect("a client");
    let password = PasswordEnrol { current: None, password: Secret(PASSWORD.to_owned()) };
    own.password_set(&password).expect("set");
}

#[test]
fn whoever_has_no_key_logs_in_and_out() {
    let place = Place::new();
    let admin = place.init();
    let server = place.serve();
    hire(&place, &server.url, &admin);
    let ida = Terminal { place: &place, url: &server.url };
    let looks = ["account", "accesses"];
    let ended = ida.run(&looks, "");
    assert!(ended.code == 2 && ended.err.contains("avouch login"), "{}", ended.err);

    let login = ["login", "--name", LOGIN];
    let ended = ida.run(&login, "wrong horse battery staple\n\n");
    assert!(ended.code == 3 && ended.err.contains("log-in-failed"), "{}", ended.err);
    let ended = ida.run(&login, &format!("{PASSWORD}\n\n")).success();
    let kept = ".local/state/avouch/sessions.json";
    assert!(ended.out.contains(&format!("DIR/{kept}")), "{}", ended.out);
    assert!(!ended.out.contains("avs_") && !ended.err.contains(PASSWORD));
    let mode = fs::metadata(place.path(kept)).expect("kept").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "for its owner's eyes only");
    ida.run(&looks, "").success();
    // A key that is said goes before.
    let ended = place.ended(
        place
            .command(&["status"])
            .env("AVOUCH_SERVER", &server.url)
            .env("HOME", place.path(""))
            .env("AVOUCH_KEY", &admin),
    );
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(ida.run(&["logout"], "").success().out, "logged out\n");
    assert_eq!(ida.run(&looks, "").code, 2);
    assert_eq!(ida.run(&["logout"], "").code, 2, "nobody is logged in");

    // What was begun elsewhere is pasted; what is none is not kept.
    let by_password = LogInRequest {
        login: Some(LOGIN.to_owned()),
        password: secret(PASSWORD),
        token: true,
        ..LogInRequest::default()
    };
    let session = begun(&server.url, &by_password);
    let token = session.token.clone().expect("a token").0;
    for other in [admin.as_str(), "avs_test_nothing"] {
        let ended = ida.run(&["login"], other);
        assert!(ended.code == 2 || ended.code == 3, "{}", ended.err);
        assert!(!ended.err.contains(other));
    }
    assert!(
        !place.path(kept).exists() || !fs::read_to_string(place.path(kept)).expect("read").contains("avk_")
    );
    ida.run(&["login"], &format!("{token}\n")).success();
    ida.run(&looks, "").success();
    Client::new(Options::new(&server.url, Secret(token)))
        .expect("a client")
        .session_end(session.id)
        .expect("ended elsewhere");
    assert_eq!(ida.run(&looks, "").code, 3);
    assert_eq!(ida.run(&["logout"], "").success().out, "the session had ended already\n");
}
