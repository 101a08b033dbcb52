//! The demo does what its screen promises.

use std::net::TcpListener;
use std::process::Command;

use crate::program::{CONFIG, Place, Running, mode};

fn demo(place: &Place, rest: &[&str]) -> Running {
    let arguments: Vec<_> = ["demo", "--customers", "50"].into_iter().chain(rest.iter().copied()).collect();
    let mut running = Running::start(place.command(&arguments));
    running.hear_until("Ctrl-C");
    running
}

fn commands(screen: &str) -> Vec<&str> {
    screen.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| line.starts_with('/')).collect()
}

#[test]
fn every_command_on_the_screen_works_when_pasted() {
    let place = Place::new();
    let mut running = demo(&place, &["--port", "0"]);
    assert!(running.said.contains("Demo keys protect nothing"));
    assert!(running.said.lines().count() <= 26, "more than a screenful:\n{}", running.said);
    let found = commands(&running.said);
    assert_eq!(found.len(), 6, "{}", running.said);
    let answers: Vec<String> = found
        .iter()
        .map(|command| {
            // A shell somewhere else, as somebody else's terminal would be.
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", command]).current_dir("/").env_clear();
            place.ended(&mut shell).success().out
        })
        .collect();
    let [search, masked, clear, tokens, saw, verified] = answers.as_slice() else { panic!("six answers") };
    assert!(verified.contains("Nothing is wrong."), "{verified}");
    let email = found[0].split("email=").nth(1).unwrap().split(' ').next().unwrap().to_lowercase();
    assert!(!search.contains(&email) && !masked.contains(&email) && search.contains('@'), "{search}{masked}");
    assert!(clear.contains(&email), "{clear}");
    assert_eq!(tokens.matches("tok_parcels_").count(), 2, "{tokens}");
    for action in ["subject.search", "subject.read", "subject.reveal", "token.create"] {
        assert!(saw.contains(action), "{action} is missing:\n{saw}");
    }
    let (status, log) = running.stop();
    assert!(status.success() && log.is_empty(), "{log}");
}

#[test]
fn a_second_start_finds_everything_again() {
    let place = Place::new();
    let mut first = demo(&place, &["--port", "0"]);
    let said = first.said.replace(&first.url, "URL");
    assert!(first.stop().0.success());
    let second = demo(&place, &["--port", "0"]);
    assert_eq!(second.said.replace(&second.url, "URL"), said);
    let id = commands(&second.said)[1].split(' ').nth(3).unwrap();
    let key = place.read("avouch-demo/keys/dpo");
    let listed = place.remote(
        &second.url,
        key.trim(),
        &["subject", "list", "--limit", "50", "--purpose", "data_rights", "--reason", "count them", "--json"],
    );
    let listed: serde_json::Value = serde_json::from_str(&listed.success().out).unwrap();
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 50);
    assert!(items.iter().any(|item| item["id"] == id));
}

#[test]
fn a_taken_port_is_no_obstacle() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let running = demo(&place, &["--port", &port.to_string()]);
    assert_ne!(running.address().port(), port);
    assert!(running.said.contains(&format!("(port {port} was taken)")), "{}", running.said);
}

#[test]
fn its_files_are_private_and_its_keys_good_for_nothing_else() {
    let place = Place::new();
    demo(&place, &["--port", "0"]).stop();
    for (name, expected) in [
        ("avouch-demo", 0o700),
        ("avouch-demo/root.key", 0o600),
        ("avouch-demo/vault", 0o700),
        ("avouch-demo/keys", 0o700),
        ("avouch-demo/keys/shop", 0o600),
        ("avouch-demo/shop", 0o700),
    ] {
        assert_eq!(mode(&place.path(name)), expected, "{name}");
    }
    insta::assert_snapshot!(place.run(&["serve", "--config", "avouch-demo/avouch.toml"]).refusal(), @r#"
    exit code 1
    error: refusing to go on with unsafe settings
      - [vault] environment = "demo": demo keys protect nothing
        start a demo with `avouch demo`, and make a vault of your own with `avouch init`
    "#);
    place.write(
        "avouch.toml",
        &format!(
            "{CONFIG}[vault]\ndata_dir = \"avouch-demo/vault\"\n[root]\npath = \"avouch-demo/root.key\"\n"
        ),
    );
    let refused = place.run(&["serve"]);
    let told: Vec<_> = refused.err.lines().filter(|line| !line.contains("INFO")).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    error: refusing to go on with unsafe settings
      - [root] path `DIR/avouch-demo/root.key` is a demo key, and demo keys protect nothing
        make a vault of your own with `avouch init`
    ");
}

#[test]
fn a_folder_with_something_else_in_it_is_left_alone() {
    let place = Place::new();
    std::fs::create_dir(place.path("avouch-demo")).unwrap();
    place.write("avouch-demo/thesis.txt", "do not touch");
    insta::assert_snapshot!(place.run(&["demo"]).refusal(), @"
    exit code 2
    error: `DIR/avouch-demo` is not a demo's folder, and not empty
    ");
}
