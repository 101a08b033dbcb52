//! Where callers come from, with real packets: four networks, the program in one of them, and its firewall's rules in force or not.
//!
//! ```text
//! partner 192.0.2.2, 2001:db8:1::2 ──┐
//! outside 198.51.100.2 ──────────────┤ server 192.0.2.1, 198.51.100.1, 203.0.113.1, 2001:db8:1::1
//! proxy   203.0.113.2 ───────────────┘
//! ```

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;

use crate::namespaces::{SILENCE, Space};
use crate::program::{CONFIG, Ended, Place, Running, set_mode, through};

const API: u16 = 8443;
const BY_PROTOCOL: u16 = 8444;
const BY_HEADER: u16 = 8445;

/// The first is for who sits at the host.
const LISTENERS: &str = "
[[listener]]
address = \"127.0.0.1:8440\"
serves = [\"api\", \"admin\"]

[[listener]]
address = \"[::]:8443\"
serves = [\"api\"]
tls_certificate = \"certificate.pem\"
tls_key = \"key.pem\"

[[listener]]
address = \"0.0.0.0:8444\"
serves = [\"api\"]
tls_certificate = \"certificate.pem\"
tls_key = \"key.pem\"
client = \"proxy-protocol\"
peers = [\"203.0.113.2/32\"]

[[listener]]
address = \"0.0.0.0:8445\"
serves = [\"api\"]
tls_certificate = \"certificate.pem\"
tls_key = \"key.pem\"
client = \"x-forwarded-for\"
peers = [\"203.0.113.2/32\"]
";

struct World {
    // In the order in which they end: the program before its network.
    running: Running,
    place: Place,
    server: Space,
    partner: Space,
    outside: Space,
    proxy: Space,
    /// Of an administrator, who comes from the host only.
    admin: String,
    /// Of the partner, who comes from the partner's network only.
    key: String,
    trusted: CertificateDer<'static>,
}

impl World {
    fn new() -> Self {
        let [server, partner, outside, proxy] = ["server", "partner", "outside", "proxy"].map(Space::new);
        server.join(&["192.0.2.1/24", "2001:db8:1::1/64"], &partner, &["192.0.2.2/24", "2001:db8:1::2/64"]);
        server.join(&["198.51.100.1/24"], &outside, &["198.51.100.2/24"]);
        server.join(&["203.0.113.1/24"], &proxy, &["203.0.113.2/24"]);

        let place = Place::new();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        place.write("certificate.pem", &made.cert.pem());
        place.write("key.pem", &made.signing_key.serialize_pem());
        set_mode(&place.path("key.pem"), 0o600);
        let admin = place.init();
        place.write("avouch.toml", &CONFIG.replacen("[http]\nlisten = \"127.0.0.1:0\"\n", LISTENERS, 1));
        let running = Running::start(through(&place.command(&["serve"]), &server.wrapper()));
        let trusted = made.cert.der().clone();
        let mut world =
            Self { running, place, server, partner, outside, proxy, admin, key: String::new(), trusted };
        let partner = "principal create --kind staff --name Partner --roles support --networks 192.0.2.0/24,2001:db8:1::/64";
        let partner = world.answer(partner)["id"].as_str().unwrap().to_owned();
        let key = world.answer(&format!("apikey create {partner} --label test --days 1"));
        key["key"].as_str().unwrap().clone_into(&mut world.key);
        let all = world.answer("principal list");
        let administrator = all["items"][0]["id"].as_str().unwrap().to_owned();
        world.answer(&format!("principal update {administrator} --networks 127.0.0.1/32"));
        world
    }

    /// A command at the host, as an administrator.
    fn at_host(&self, arguments: &str) -> Ended {
        let words: Vec<_> = arguments.split(' ').collect();
        let mut command = through(&self.place.command(&words), &self.server.wrapper());
        command.env("AVOUCH_SERVER", &self.running.url).env("AVOUCH_KEY", &self.admin);
        self.place.ended(&mut command)
    }

    fn answer(&self, arguments: &str) -> Value {
        let ended = self.at_host(&format!("{arguments} --json")).success();
        serde_json::from_str(&ended.out).unwrap()
    }

    /// What the partner's key gets from there: with this before TLS, and these lines in the request. Nothing when the connection is
    /// closed without an answer.
    fn asks(
        &self,
        space: &Space,
        to: &str,
        before: &[u8],
        headers: &str,
    ) -> io::Result<Option<(u16, Value)>> {
        let to: SocketAddr = to.parse().unwrap();
        let (key, trusted) = (&self.key, &self.trusted);
        space.within(|| {
            let mut stream = TcpStream::connect_timeout(&to, SILENCE)?;
            stream.set_read_timeout(Some(SILENCE * 5))?;
            stream.write_all(before)?;
            let mut roots = rustls::RootCertStore::empty();
            roots.add(trusted.clone()).unwrap();
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = rustls::ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
            let name = ServerName::try_from("localhost").unwrap();
            let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            let request = format!(
                "GET /v1/subjects?limit=1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\navouch-purpose: support\r\n\
                 authorization: Bearer {key}\r\n{headers}\r\n"
            );
            let mut answer = Vec::new();
            // A connection that is dropped ends in one error or another.
            if stream.write_all(request.as_bytes()).is_ok() {
                let _ = stream.read_to_end(&mut answer);
            }
            let answer = String::from_utf8(answer).unwrap();
            let Some((head, body)) = answer.split_once("\r\n\r\n") else { return Ok(None) };
            let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
            Ok(Some((status, serde_json::from_str(body).unwrap())))
        })
    }

    #[track_caller]
    fn is_let_in(&self, space: &Space, to: &str, before: &[u8], headers: &str) {
        let (status, body) = self.asks(space, to, before, headers).unwrap().expect("an answer");
        assert_eq!(status, 200, "{body}");
    }

    /// Refused by the server, because of where it comes from.
    #[track_caller]
    fn is_refused(&self, space: &Space, to: &str, before: &[u8], headers: &str) {
        let (status, body) = self.asks(space, to, before, headers).unwrap().expect("an answer");
        assert_eq!((status, &body["needs"][0]["need"]), (403, &Value::from("network")), "{body}");
    }

    /// Nobody answers at all, not even to say no.
    #[track_caller]
    fn meets_silence(&self, space: &Space, to: &str) {
        let begun = Instant::now();
        let error = self.asks(space, to, b"", "").expect_err("no connection");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
        assert!(begun.elapsed() < SILENCE * 2);
    }

    /// How many packets the rules of a listener have dropped.
    fn dropped(&self, listener: usize) -> u64 {
        let name = format!("listener_{listener}");
        let chain = self.server.run(&["nft", "list", "chain", "inet", "avouch", &name]);
        let (_, counted) = chain.split_once("counter packets ").expect("a counter");
        counted.split(' ').next().unwrap().parse().unwrap()
    }
}

#[test]
fn strangers_are_turned_away_by_the_kernel_and_without_it_by_the_server() {
    let world = World::new();
    let World { server, partner, outside, proxy, .. } = &world;
    let v1 = |from: &str| format!("PROXY TCP4 {from} 203.0.113.1 40000 443\r\n").into_bytes();

    // Another table, which is not ours to touch.
    server.fed(&["nft", "-f", "-"], "table inet other {\n\tchain input {\n\t}\n}\n");
    let rules = world.at_host("network rules").success().out;
    assert!(!rules.contains("OPEN") && rules.contains("192.0.2.0/24"), "{rules}");
    server.fed(&["nft", "-c", "-f", "-"], &rules);
    // Twice: it replaces itself.
    for _ in 0..2 {
        server.fed(&["nft", "-f", "-"], &rules);
    }
    let tables = server.run(&["nft", "list", "tables"]);
    assert_eq!(tables, "table inet other\ntable inet avouch\n");

    // With the rules: whoever may come comes, others meet silence, and it is not ours.
    world.is_let_in(partner, "192.0.2.1:8443", b"", "");
    world.is_let_in(partner, "[2001:db8:1::1]:8443", b"", "");
    assert_eq!(world.dropped(2), 0);
    world.meets_silence(outside, &format!("198.51.100.1:{API}"));
    assert!(world.dropped(2) > 0, "the kernel has counted what it dropped");
    world.meets_silence(outside, &format!("198.51.100.1:{BY_PROTOCOL}"));
    world.meets_silence(outside, &format!("198.51.100.1:{BY_HEADER}"));
    world.meets_silence(partner, &format!("192.0.2.1:{BY_PROTOCOL}"));
    world.is_let_in(proxy, "203.0.113.1:8444", &v1("192.0.2.2"), "");
    world.is_let_in(proxy, "203.0.113.1:8445", b"", "x-forwarded-for: 192.0.2.2\r\n");
    world.meets_silence(proxy, &format!("203.0.113.1:{API}"));

    // Made from what an administrator handed over, without a key, they are the same.
    let callers = world.at_host("network callers").success().out;
    assert!(!callers.contains("Partner") && !callers.contains("id"), "{callers}");
    world.place.write("callers.json", &callers);
    let again = world.place.run(&["network", "rules", "--callers", "callers.json"]).success();
    assert_eq!(again.out, rules);

    // Without them the server itself asks where a key is used.
    server.run(&["nft", "delete", "table", "inet", "avouch"]);
    world.is_let_in(partner, "192.0.2.1:8443", b"", "");
    for headers in ["", "x-forwarded-for: 192.0.2.2\r\n", "forwarded: for=192.0.2.2\r\n"] {
        world.is_refused(outside, "198.51.100.1:8443", b"", headers);
        // To the listener that believes a header, from somebody who is no proxy.
        world.is_refused(outside, "198.51.100.1:8445", b"", headers);
    }
    world.is_refused(proxy, "203.0.113.1:8443", b"", "x-forwarded-for: 192.0.2.2\r\n");

    // Behind the proxy that is named, the right end of a chain counts, and what it says of others.
    world.is_let_in(proxy, "203.0.113.1:8445", b"", "x-forwarded-for: 198.51.100.2, 192.0.2.2\r\n");
    world.is_refused(proxy, "203.0.113.1:8445", b"", "x-forwarded-for: 192.0.2.2, 198.51.100.2\r\n");
    world.is_refused(proxy, "203.0.113.1:8445", b"", "forwarded: for=192.0.2.2\r\n");
    world.is_refused(proxy, "203.0.113.1:8445", b"", "");

    // By the protocol: from the proxy, and from nobody else.
    world.is_let_in(proxy, "203.0.113.1:8444", &v1("192.0.2.2"), "");
    world.is_refused(proxy, "203.0.113.1:8444", &v1("198.51.100.2"), "x-forwarded-for: 192.0.2.2\r\n");
    let v2 = [
        b"\r\n\r\n\0\r\nQUIT\n".as_slice(),
        &[0x21, 0x11, 0, 12],
        &[192, 0, 2, 2, 203, 0, 113, 1, 0, 9, 1, 187],
    ];
    world.is_let_in(proxy, "203.0.113.1:8444", &v2.concat(), "");
    assert!(matches!(world.asks(outside, "198.51.100.1:8444", &v1("192.0.2.2"), ""), Ok(None) | Err(_)));
    assert!(matches!(world.asks(partner, "192.0.2.1:8444", b"", ""), Ok(None) | Err(_)), "without a header");
    assert!(
        matches!(world.asks(partner, "192.0.2.1:8443", &v1("192.0.2.2"), ""), Ok(None) | Err(_)),
        "it is direct"
    );

    // Administration is at the host.
    let admin = "192.0.2.1:8440".parse().unwrap();
    partner.within(|| TcpStream::connect_timeout(&admin, SILENCE)).expect_err("nobody listens there");
}

#[test]
fn rules_are_open_where_somebody_is_bound_nowhere() {
    let place = Place::new();
    place.write("avouch.toml", &CONFIG.replacen("127.0.0.1:0", "0.0.0.0:8420", 1));
    let rules = |callers: &str, more: &[&str]| {
        place.write("callers.json", callers);
        let words = [&["network", "rules", "--callers", "callers.json"], more].concat();
        place.run(&words)
    };
    let open =
        rules(r#"{"callers": [{"logs_in": true, "administers": true, "networks": []}]}"#, &[]).success().out;
    assert!(
        open.contains("# OPEN: 1 who may use it are bound to no network") && !open.contains("drop\n"),
        "{open}"
    );
    let bound = r#"{"callers": [{"logs_in": true, "administers": true, "networks": ["192.0.2.0/24"]}]}"#;
    let json = rules(bound, &["--json", "--also", "198.51.100.7/32"]).success().out;
    let json: Value = serde_json::from_str(&json).unwrap();
    insta::assert_snapshot!(json["listeners"], @r#"[{"address":"0.0.0.0:8420","serves":"api, admin, console","open":false,"local":false,"networks":["192.0.2.0/24","198.51.100.7/32"]}]"#);
    assert!(json["ruleset"].as_str().unwrap().contains("198.51.100.7/32"));
    for unfit in ["", "[]", r#"{"callers": [{"networks": []}]}"#, r#"{"callers": [], "more": 1}"#] {
        assert_eq!(rules(unfit, &[]).code, 2, "{unfit}");
    }
}
