//! Imports into a real server that are sent twice, or broken off.

use std::fmt::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Place, Running};

const IMPORT: [&str; 9] = [
    "import",
    "customers.csv",
    "--map",
    "Name=name",
    "--map",
    "Mail=email",
    "--purpose",
    "administration",
    "--chunk",
];

/// A server, and who works with it.
struct Shop {
    place: Place,
    server: Running,
    admin: String,
    dpo: String,
}

impl Shop {
    fn new() -> Self {
        let place = Place::new();
        let admin = place.init();
        let server = place.serve();
        let dpo = place.hire(&server.url, &admin, "staff", "dpo");
        let security = place.hire(&server.url, &admin, "staff", "security");
        let shop = Self { place, server, admin, dpo };
        shop.agree_to_exports(&security);
        shop
    }

    /// Two others agree that the privacy officer counts customers.
    fn agree_to_exports(&self, security: &str) {
        let remote = |key: &str, words: &[&str]| {
            let arguments = [&["approval"], words, &["--json"]].concat();
            let told = self.place.remote(&self.server.url, key, &arguments).success().out;
            serde_json::from_str::<Value>(&told).unwrap()
        };
        let what = ["ask", "export", "--action", "subject.export", "--everybody", "--fields", "email"];
        let why = ["--purpose", "data_rights", "--reason", "to count them", "--customers", "10000"];
        let id = remote(&self.dpo, &[&what[..], &why].concat())["id"].as_str().unwrap().to_owned();
        assert_eq!(remote(security, &["agree", &id])["state"], "asked");
        assert_eq!(remote(&self.admin, &["agree", &id])["state"], "granted");
    }

    /// Rows with a number each, and then these.
    fn file(&self, rows: usize, rest: &str) {
        let mut text = "Name,Mail\n".to_owned();
        for number in 1..=rows {
            writeln!(text, "Ada {number},ada.{number}@example.org").unwrap();
        }
        self.place.write("customers.csv", &(text + rest));
    }

    /// The command's exit code and what it counted.
    fn import(&self, chunk: &str) -> (i32, Value) {
        let arguments: Vec<_> = IMPORT.into_iter().chain([chunk, "--json"]).collect();
        let ended = self.place.remote(&self.server.url, &self.admin, &arguments);
        let counts = serde_json::from_str(&ended.out);
        (ended.code, counts.unwrap_or_else(|_| panic!("{}{}", ended.out, ended.err)))
    }

    /// How many customers there are, counted over an export.
    fn customers(&self) -> usize {
        let export = ["export", "--fields", "email", "--format", "jsonl", "--plain", "-o", "-"];
        let why = ["--purpose", "data_rights", "--reason", "to count them"];
        let arguments: Vec<_> = export.into_iter().chain(why).collect();
        self.place.remote(&self.server.url, &self.dpo, &arguments).success().out.lines().count()
    }

    /// Whether anybody is there.
    fn inhabited(&self) -> bool {
        let list = ["subject", "list", "--limit", "1", "--purpose", "data_rights", "--json"];
        let ended = self.place.remote(&self.server.url, &self.dpo, &list).success();
        let page: Value = serde_json::from_str(&ended.out).unwrap();
        !page["items"].as_array().unwrap().is_empty()
    }
}

#[test]
fn the_same_file_again_adds_nobody() {
    let shop = Shop::new();
    shop.file(25, "");
    let (code, counts) = shop.import("10");
    assert_eq!((code, &counts["accepted"], &counts["earlier"]), (0, &25.into(), &0.into()));
    let (code, counts) = shop.import("10");
    assert_eq!((code, &counts["accepted"], &counts["earlier"]), (0, &0.into(), &25.into()));
    assert_eq!(shop.customers(), 25);
}

#[test]
fn the_same_file_again_tells_its_rejected_rows_again() {
    let shop = Shop::new();
    shop.file(25, "Zoë,no address\n");
    let (code, counts) = shop.import("10");
    assert_eq!((code, &counts["accepted"], &counts["rejected"]), (5, &25.into(), &1.into()));
    let first = shop.place.read("customers.errors.csv");
    assert!(first.contains("Zoë,no address"), "{first}");
    std::fs::remove_file(shop.place.path("customers.errors.csv")).unwrap();
    let (code, counts) = shop.import("10");
    assert_eq!((code, &counts["rejected"]), (5, &1.into()));
    assert_eq!(shop.place.read("customers.errors.csv"), first);
    assert_eq!(shop.customers(), 25);
}

#[test]
fn an_import_that_was_interrupted_goes_on_where_it_was() {
    const ROWS: usize = 1000;
    let shop = Shop::new();
    shop.file(ROWS, "");
    // A row at a time, so that it is still under way when it is interrupted.
    let arguments: Vec<_> = IMPORT.into_iter().chain(["1"]).collect();
    let mut command = shop.place.command(&arguments);
    command.env("AVOUCH_SERVER", &shop.server.url).env("AVOUCH_KEY", &shop.admin);
    let importing = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while !shop.inhabited() {
        assert!(Instant::now() < until, "nothing is imported");
    }
    let id = i32::try_from(importing.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let ended = importing.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("interrupted; the same command again goes on from here"), "{said}");
    let before = shop.customers();
    assert!((1..ROWS).contains(&before), "{before}");

    let (code, counts) = shop.import("1");
    assert_eq!((code, &counts["earlier"], &counts["accepted"]), (0, &before.into(), &(ROWS - before).into()));
    assert_eq!(shop.customers(), ROWS);
}
