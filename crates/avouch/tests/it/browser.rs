//! What a real browser does with the pages of a real server: see `e2e/README.md`.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::program::{Place, Running};

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

/// Of the gateway for codes, in base64.
const GATEWAY_SECRET: &str = "YSBzZWNyZXQgb2YgdGhlIHRlc3QsIGxvbmcgZW5vdWdo";

/// A server with an administrator's key, reached at a name that passkeys are made for.
struct Shop {
    place: Place,
    admin: String,
    server: Running,
    url: String,
}

impl Shop {
    fn new() -> Self {
        Self::with("")
    }

    /// One whose configuration says this besides.
    fn with(settings: &str) -> Self {
        let place = Place::new();
        let port = free_port();
        place.write("sign-on-secret", "a secret of the test that is long enough\n");
        place.write("gateway-secret", &format!("whsec_{GATEWAY_SECRET}\n"));
        place.write("avouch.toml", &format!("[http]\nlisten = \"127.0.0.1:{port}\"\n{settings}"));
        let made: serde_json::Value =
            serde_json::from_str(&place.run(&["init", "--json"]).success().out).expect("JSON");
        let admin = made["admin_key"].as_str().expect("a key").to_owned();
        let server = place.serve();
        Self { place, admin, server, url: format!("http://localhost:{port}") }
    }

    fn as_admin(&self, arguments: &[&str]) -> serde_json::Value {
        let ended = self.place.remote(&self.server.url, &self.admin, arguments).success();
        serde_json::from_str(&ended.out).expect("JSON")
    }

    /// Somebody with this role; gives their one-time link.
    fn hired(&self, name: &str, login: &str, role: &str) -> String {
        self.hired_as(name, login, role).1
    }

    /// The same, and their id.
    fn hired_as(&self, name: &str, login: &str, role: &str) -> (String, String) {
        let create = ["principal", "create", "--kind", "staff", "--name", name, "--login", login];
        let who = self.as_admin(&[&create[..], &["--roles", role, "--json"]].concat());
        let id = who["id"].as_str().expect("an id");
        let link = self.as_admin(&["principal", "link", id, "--json"]);
        let link = link["url"].as_str().expect("the server knows where people reach it");
        (id.to_owned(), link.to_owned())
    }
}

#[test]
fn somebody_is_hired_and_logs_in() {
    let shop = Shop::new();
    let link = shop.hired("Ida Sommer", "ida@lindenhof.example", "support");
    run("login.mjs", &shop.url, &[("AVOUCH_E2E_LINK", &link)]);
}

#[test]
fn others_agree_to_a_look_at_somebody_well_known() {
    let shop = Shop::new();
    let ida = shop.hired("Ida Sommer", "ida@lindenhof.example", "support");
    let dora = shop.hired("Dora Winter", "dora@lindenhof.example", "dpo");
    run("approvals.mjs", &shop.url, &[("AVOUCH_E2E_SUPPORT", &ida), ("AVOUCH_E2E_DPO", &dora)]);
}

#[test]
fn people_log_in_by_an_identity_provider() {
    let issuer = format!("http://localhost:{}", free_port());
    let shop = Shop::with(&format!(
        r#"
[[sign_on]]
name = "house"
label = "Lindenhof account"
issuer = "{issuer}"
client_id = "avouch"
client_secret_file = "sign-on-secret"
two_factors_acr = ["mfa", "phr"]
phishing_resistant_acr = ["phr"]
"#
    ));
    let (ida, _) = shop.hired_as("Ida Sommer", "ida@lindenhof.example", "support");
    let dora = shop.hired("Dora Winter", "dora@lindenhof.example", "dpo");
    let link = ["principal", "identity", "link", &ida, "--provider", "house", "--subject", "ida-7", "--json"];
    assert_eq!(shop.as_admin(&link)["subject"], "ida-7");
    run("sign-on.mjs", &shop.url, &[("AVOUCH_E2E_ISSUER", &issuer), ("AVOUCH_E2E_DPO", &dora)]);
    let listed = shop.as_admin(&["principal", "identity", "list", &ida, "--json"]);
    assert!(listed["items"][0]["used"].is_string(), "{listed}");
}

#[test]
fn people_log_in_by_a_code_that_is_sent_and_an_answer() {
    let gateway = free_port().to_string();
    let shop = Shop::with(&format!(
        r#"
[people.codes]
by = "webhook"
url = "http://127.0.0.1:{gateway}/codes"
secret_file = "gateway-secret"
"#
    ));
    let says = shop.place.read("charter/charter.yaml") + "\nsent_codes: second-factor\n";
    shop.place.write("charter/charter.yaml", &says);
    shop.place.remote(&shop.server.url, &shop.admin, &["charter", "apply", "--yes"]).success();
    let ida = shop.hired("Ida Sommer", "ida@lindenhof.example", "support");
    let secret = ("AVOUCH_E2E_GATEWAY_SECRET", GATEWAY_SECRET);
    run("sent_codes.mjs", &shop.url, &[("AVOUCH_E2E_LINK", &ida), ("AVOUCH_E2E_GATEWAY", &gateway), secret]);
}

#[test]
fn somebody_breaks_the_glass_and_another_reviews_it() {
    let shop = Shop::new();
    let ida = shop.hired("Ida Sommer", "ida@lindenhof.example", "support,emergency");
    let dora = shop.hired("Dora Winter", "dora@lindenhof.example", "dpo");
    run("break_glass.mjs", &shop.url, &[("AVOUCH_E2E_EMERGENCY", &ida), ("AVOUCH_E2E_DPO", &dora)]);
}
