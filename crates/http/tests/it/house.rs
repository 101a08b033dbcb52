//! A server on a free port with a vault of its own, and somebody to send raw requests. Ids, times and keys are made plain in what is
//! compared.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use avouch_charter::SourceFile;
use avouch_core::MIGRATIONS;
use avouch_core::app::App;
use avouch_core::app::opening::Parts;
use avouch_core::clock::ManualClock;
use avouch_core::gate::people::PeopleSettings;
use avouch_core::keys::{Primary, Recovery};
use avouch_http::{MetricsSettings, Settings, Tls, bind};
use avouch_seal::SystemRandom;
use avouch_seal::root::KeyFileSeal;
use avouch_testkit::{Kind, Place};
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// 2026-03-01T09:30:00Z.
pub(crate) const NOW: i64 = 1_772_357_400_000_000;
/// The metrics' token.
pub(crate) const SCRAPER: &str = "scraper-token-of-the-test";

macro_rules! charter {
    ($($name:literal)*) => {
        [$((concat!($name, ".yaml"), include_str!(concat!("../../../../charter/", $name, ".yaml")))),*]
    };
}

/// The charter that we ship.
pub(crate) fn charter() -> Vec<SourceFile> {
    let policies = [
        ("policies/approvals.cedar", include_str!("../../../../charter/policies/approvals.cedar")),
        ("policies/step_up.cedar", include_str!("../../../../charter/policies/step_up.cedar")),
    ];
    charter!("charter" "data" "purposes" "recipients" "retention" "roles" "approvals")
        .into_iter()
        .chain(policies)
        .map(|(path, text)| SourceFile { path: path.to_owned(), text: text.to_owned() })
        .collect()
}

/// A running server. Stops when it is dropped.
pub(crate) struct House {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) address: SocketAddr,
    /// Of every listener.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) metrics: SocketAddr,
    /// The administrator's key.
    pub(crate) admin: String,
    /// What opens the vault when its root is lost.
    pub(crate) recovery: KeyFileSeal,
    /// The vault itself.
    pub(crate) app: Arc<App>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    place: Place,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::with_people(crate::login::people(), change)
    }

    /// One where people log in like this.
    pub(crate) fn with_people(people: PeopleSettings, change: impl FnOnce(&mut Settings)) -> Self {
        let place = Place::new(Kind::Sqlite);
        let clock = Arc::new(ManualClock::at(NOW));
        let key = || KeyFileSeal::generate(&SystemRandom::new()).expect("a root key").0;
        let recovery = key();
        let parts = Parts {
            store: place.open(MIGRATIONS).expect("a store"),
            primary: Primary { seal: Arc::new(key()), beside_data: true },
            clock: clock.clone(),
            environment: "test".to_owned(),
            erasure: Default::default(),
            witnesses: Default::default(),
            people,
            outbox: Default::default(),
        };
        let seals = [Recovery { slot: "key-file".to_owned(), seal: &recovery }];
        let made = App::init(parts, &seals, &charter(), "admin", 30).expect("a vault");
        let mut settings = Settings::plain("127.0.0.1:0".parse().expect("an address"));
        settings.metrics = Some(MetricsSettings {
            listen: "127.0.0.1:0".parse().expect("an address"),
            tls: None,
            token: SCRAPER.to_owned().into(),
        });
        change(&mut settings);
        let (stop, stopped) = oneshot::channel::<()>();
        let (bound, addresses) = std::sync::mpsc::channel();
        let app = Arc::clone(&made.app);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let server = bind(app, settings).await.expect("free ports");
                let metrics = server.metrics_addr().expect("metrics");
                bound.send((server.addresses(), metrics)).expect("the test waits");
                let stopped = async { drop(stopped.await) };
                server.run(stopped).await.expect("it ends in order");
            });
        });
        let (addresses, metrics) = addresses.recv_timeout(Duration::from_secs(20)).expect("it starts");
        Self {
            clock,
            address: *addresses.first().expect("one at least"),
            addresses,
            metrics,
            admin: made.key.to_string(),
            recovery,
            app: made.app,
            stop: Some(stop),
            thread: Some(thread),
            place,
        }
    }

    /// Gives events their place in the log, and signs it: the program does that every half second.
    pub(crate) fn publish(&self) {
        self.app.sequence().expect("sequenced");
        self.app.publish().expect("published");
    }

    /// Changes the data store behind the server's back.
    pub(crate) fn meddle(&self, sql: &str) {
        self.place.meddle(false, sql, sql);
    }

    /// Tells it to stop and does not wait.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// A key for somebody with this role.
    pub(crate) fn key(&self, kind: &str, role: &str) -> String {
        self.key_with(json!({"kind": kind, "name": format!("Test {role}"), "roles": [role]}))
    }

    /// A key for a principal made of this request.
    pub(crate) fn key_with(&self, principal: Value) -> String {
        let made = self.post(&self.admin, "/v1/principals", principal).expect(201);
        let path = format!("/v1/principals/{}/keys", made.text("id"));
        let key = self.post(&self.admin, &path, json!({"label": "test", "expires_in_days": 7})).expect(201);
        key.text("key")
    }

    pub(crate) fn get(&self, key: &str, path: &str) -> Answer {
        self.request("GET", path).key(key).send()
    }

    pub(crate) fn post(&self, key: &str, path: &str, body: Value) -> Answer {
        self.request("POST", path).key(key).json(&body).send()
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.address, method, path)
    }

    /// A customer with what an order needs; returns its id.
    pub(crate) fn ada(&self, shop: &str) -> String {
        let fields = json!({
            "external_id": "C-1001", "name": "Ada Beispiel", "email": "Ada.Beispiel@example.org",
            "phones": ["+49 30 5550100"],
            "address": {"street": "Lindenweg 3", "postal_code": "10115", "city": "Berlin", "country": "DE"},
        });
        let made = self
            .request("POST", "/v1/subjects")
            .key(shop)
            .header("Avouch-Purpose", "order_fulfilment")
            .json(&json!({"fields": fields}))
            .send();
        made.expect(201).text("id")
    }
}

impl Drop for House {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server panicked");
        }
    }
}

/// Settings with a certificate for `localhost`, made now; and the certificate to trust.
pub(crate) fn certificate() -> (Tls, rustls::pki_types::CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let tls = Tls {
        certificate_chain_pem: made.cert.pem().into_bytes(),
        private_key_pem: made.signing_key.serialize_pem().into_bytes().into(),
    };
    (tls, made.cert.der().clone())
}

/// A request in the making, sent byte for byte.
pub(crate) struct Request {
    address: SocketAddr,
    head: String,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(address: SocketAddr, method: &str, path: &str) -> Self {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        Self { address, head, body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the head and then these bytes as they are.
    pub(crate) fn raw(self, bytes: &[u8]) -> Answer {
        let mut stream = connect(self.address);
        stream.write_all(format!("{}\r\n", self.head).as_bytes()).expect("the head is sent");
        drop(stream.write_all(bytes));
        Answer::read(stream)
    }

    /// Sends bytes that are no request and waits for the end of the connection.
    pub(crate) fn garbage(address: SocketAddr, bytes: &[u8]) {
        let mut stream = connect(address);
        stream.write_all(bytes).expect("sent");
        stream.shutdown(std::net::Shutdown::Write).expect("shut");
        drop(stream.read_to_end(&mut Vec::new()));
    }

    pub(crate) fn send(self) -> Answer {
        let mut stream = connect(self.address);
        let head = if self.body.is_empty() {
            format!("{}\r\n", self.head)
        } else {
            format!("{}content-length: {}\r\n\r\n", self.head, self.body.len())
        };
        stream.write_all(head.as_bytes()).expect("the head is sent");
        // A server may answer before it has read everything.
        drop(stream.write_all(&self.body));
        Answer::read(stream)
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    let limit = Some(Duration::from_secs(30));
    stream.set_read_timeout(limit).and_then(|()| stream.set_write_timeout(limit)).expect("limits");
    stream
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body ended as HTTP says it should.
    pub(crate) whole: bool,
}

impl Answer {
    pub(crate) fn read(stream: impl std::io::Read) -> Self {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).expect("a status line");
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        let mut headers = Vec::new();
        loop {
            line.clear();
            reader.read_line(&mut line).expect("a header");
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut answer = Self { status, headers, body: Vec::new(), whole: true };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.whole = read_chunks(&mut reader, &mut answer.body);
        } else {
            let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            answer.body.resize(length, 0);
            reader.read_exact(&mut answer.body).expect("the body");
        }
        answer
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body, when the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// A member of the body; null when there is none.
    pub(crate) fn member(&self, member: &str) -> Value {
        self.json().get(member).cloned().unwrap_or_default()
    }

    pub(crate) fn text(&self, member: &str) -> String {
        self.member(member).as_str().expect("a text member").to_owned()
    }

    /// Status and body with everything that differs from run to run made plain.
    pub(crate) fn plain(&self) -> String {
        let mut json = self.json();
        plain(&mut json);
        format!("{} {}", self.status, serde_json::to_string_pretty(&json).expect("JSON"))
    }
}

fn read_chunks(reader: &mut impl std::io::BufRead, body: &mut Vec<u8>) -> bool {
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() {
            return false;
        }
        let Ok(length) = usize::from_str_radix(line.trim_end(), 16) else { return false };
        let mut chunk = vec![0; length + 2];
        if reader.read_exact(&mut chunk).is_err() {
            return false;
        }
        if length == 0 {
            return true;
        }
        chunk.truncate(length);
        body.append(&mut chunk);
    }
}

/// Ids become `id`, times `time`, keys and tokens `secret`.
pub(crate) fn plain(json: &mut Value) {
    match json {
        Value::String(text) => {
            let is_time = text.len() == 27 && text.ends_with('Z') && text.starts_with("20");
            let is_id = text.len() == 36 && text.matches('-').count() == 4 && !text.contains(' ');
            if is_id {
                *text = "id".to_owned();
            } else if is_time {
                *text = "time".to_owned();
            } else if text.starts_with("req_") {
                *text = "request".to_owned();
            } else if text.starts_with("avk_") || text.starts_with("tok_") {
                *text = "secret".to_owned();
            } else if text.starts_with("avouch/") {
                // The name of a log has the vault's id in it, and so have its verifier keys.
                *text = if text.contains('+') { "verifier key" } else { "origin" }.to_owned();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        Value::Object(members) => members.values_mut().for_each(plain),
        _ => {}
    }
}
