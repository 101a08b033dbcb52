//! Whoever is to be told of an alarm is told: by a real mail server and by a webhook.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use data_encoding::BASE64;
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use crate::program::{CONFIG, Place};

const SECRET: &[u8] = b"a secret of thirty-two bytes, yes";
const PASSWORD: &str = "of the mailbox, and nobody else's";

#[test]
fn a_partner_that_asks_for_too_much_is_told_by_mail_and_webhook() {
    let place = Place::new();
    let admin = place.init();
    let mail = MailServer::start(&place);
    let (hook_port, heard) = webhook();
    place.write("mail-password", &format!("{PASSWORD}\n"));
    place.write("desk-secret", &format!("whsec_{}\n", BASE64.encode(SECRET)));
    place.write(
        "avouch.toml",
        &format!(
            "{CONFIG}\n[mail]\nserver = \"localhost:{}\"\nfrom = \"avouch@shop.example\"\nuser = \"avouch\"\n\
             password_file = \"mail-password\"\nca = \"mail.pem\"\n\n[alarms]\nmail = [\"security@shop.example\"]\n\
             [[alarms.webhook]]\nname = \"desk\"\nurl = \"http://127.0.0.1:{hook_port}/alarms\"\n\
             secret_file = \"desk-secret\"\n",
            mail.port
        ),
    );
    let mut server = place.serve();
    let json = |key: &str, arguments: &[&str]| -> Value {
        let ended = place.remote(&server.url, key, arguments).success();
        serde_json::from_str(&ended.out).expect("JSON")
    };
    let create =
        "principal create --kind service --name Parcels --roles parcels_api --recipient parcels --json";
    let partner = json(&admin, &create.split(' ').collect::<Vec<_>>());
    let id = partner["id"].as_str().unwrap();
    let key = json(&admin, &["apikey", "create", id, "--label", "test", "--days", "1", "--json"]);
    let ended = place.remote(
        &server.url,
        key["key"].as_str().unwrap(),
        &["subject", "create", "name=Ada Lovelace", "--purpose", "order_fulfilment"],
    );
    assert!(ended.code != 0 && ended.err.contains("recipient"), "{}", ended.err);

    let security = place.hire(&server.url, &admin, "staff", "security");
    let alarm = json(&security, &["alarm", "list", "--json"])["items"][0].clone();
    assert_eq!((alarm["kind"].as_str(), alarm["principal"].as_str()), (Some("partner-scope"), Some(id)));
    let alarm = alarm["id"].as_str().unwrap();

    let told = mail.takes();
    for line in [
        "FROM avouch@shop.example",
        "TO security@shop.example",
        "|Subject: avouch: alarm (partner-scope)",
        "|Auto-Submitted: auto-generated",
    ] {
        assert!(told.lines().any(|found| found == line), "{line}: {told}");
    }
    assert!(
        told.lines().any(|line| line.starts_with("|Message-ID: <") && line.ends_with("@shop.example>")),
        "{told}"
    );
    assert!(told.contains(alarm) && told.contains(id) && !told.contains("Parcels"), "{told}");
    let (head, body) = heard.join().expect("it was told");
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
    mac.update(format!("{}.{}.{body}", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes())));
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["type"], &body["data"]["id"]), (&"alarm.raised".into(), &alarm.into()));

    place
        .remote(
            &server.url,
            &security,
            &["alarm", "close", alarm, "--as", "handled", "--why", "they were told"],
        )
        .success();
    assert!(json(&security, &["alarm", "list", "--json"])["items"].as_array().unwrap().is_empty());
    let (status, log) = server.stop();
    assert!(status.success());
    assert!(
        !log.contains("security@shop.example") && !log.contains(PASSWORD) && !log.contains("Ada"),
        "{log}"
    );
}

/// Answers one request; its head and its body come back.
fn webhook() -> (u16, JoinHandle<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let listen = move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while reader.read_line(&mut head).unwrap() > 2 {}
        let head = lower_names(&head);
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").unwrap();
        (head, String::from_utf8(body).unwrap())
    };
    (port, std::thread::spawn(listen))
}

/// Names of headers in lower case, values as they are.
fn lower_names(head: &str) -> String {
    let line = |line: &str| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}\n", name.to_lowercase()),
        None => format!("{line}\n"),
    };
    head.lines().map(line).collect()
}

/// aiosmtpd, until dropped.
struct MailServer {
    child: Child,
    lines: std::cell::RefCell<std::io::Lines<BufReader<std::process::ChildStdout>>>,
    port: u16,
}

impl MailServer {
    fn start(place: &Place) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        place.write("mail.pem", &made.cert.pem());
        place.write("mail.key", &made.signing_key.serialize_pem());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/alarms/mail_server.py");
        let mut command = Command::new(python());
        command.arg("-B").arg(script).args([place.path("mail.pem"), place.path("mail.key")]);
        command.args(["avouch", PASSWORD]).env_clear().stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().expect("it says where it listens").unwrap();
        let port = first.strip_prefix("PORT ").unwrap().parse().unwrap();
        Self { child, lines: lines.into(), port }
    }

    /// The next mail that it takes.
    fn takes(&self) -> String {
        let mut lines = self.lines.borrow_mut();
        let mail = lines.by_ref().map(Result::unwrap).take_while(|line| line != "END");
        mail.map(|line| line + "\n").collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "where this test reads the environment")]
fn python() -> String {
    std::env::var("AVOUCH_TEST_SMTP").expect(
        "AVOUCH_TEST_SMTP names a Python that has aiosmtpd; `cargo xtask test` makes one, and so does \
         `python3 -m venv DIR && DIR/bin/pip install --require-hashes -r crates/avouch/tests/it/alarms/requirements.txt`",
    )
}
