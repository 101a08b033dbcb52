//! What a real browser does with the pages of a real server: see `e2e/README.md`.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::program::Place;

const HOW: &str = "needs a browser: run `cargo xtask test`, or `cargo xtask browser` and set what it prints";

/// What `cargo xtask test` says of the machine.
#[expect(clippy::disallowed_methods, reason = "a test is told where the browser is")]
fn place(name: &str) -> std::ffi::OsString {
    std::env::var_os(name).expect(HOW)
}

/// Runs a program of `e2e/` against a server, with what it is to know besides.
fn run(program: &str, url: &str, known: &[(&str, &str)]) {
    let chromium = place("AVOUCH_TEST_CHROMIUM");
    let modules = place("AVOUCH_TEST_E2E_MODULES");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e");
    let mut node = Command::new("node");
    node.arg(folder.join(program)).env("AVOUCH_TEST_CHROMIUM", chromium).env("AVOUCH_E2E_MODULES", modules);
    node.env("AVOUCH_E2E_URL", url).envs(known.iter().copied());
    let output = node.output().expect("node starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.ends_with("done\n"), "{said}{wrong}");
}

/// A free port; somebody else may take it before the server does, which then says so.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").port()
}

#[test]
fn somebody_is_hired_and_logs_in() {
    let place = Place::new();
    let port = free_port();
    place.write("avouch.toml", &format!("[http]\nlisten = \"127.0.0.1:{port}\"\n"));
    let made = place.run(&["init", "--json"]).success();
    let made: serde_json::Value = serde_json::from_str(&made.out).expect("JSON");
    let admin = made["admin_key"].as_str().expect("a key");
    let server = place.serve();
    let remote = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&place.remote(&server.url, admin, arguments).success().out).expect("JSON")
    };
    let ida = remote(&[
        "principal",
        "create",
        "--kind",
        "staff",
        "--name",
        "Ida Sommer",
        "--login",
        "ida@lindenhof.example",
        "--roles",
        "support",
        "--json",
    ]);
    let link = remote(&["principal", "link", ida["id"].as_str().expect("an id"), "--json"]);
    let link = link["url"].as_str().expect("the server knows where people reach it");
    run("login.mjs", &format!("http://localhost:{port}"), &[("AVOUCH_E2E_LINK", link)]);
}
