//! Where a caller comes from, and everything that is tried to seem to come from elsewhere. The partner may come from 192.0.2.0/24 only;
//! all connections here are made on this machine, so whoever is let in as the partner has been believed.
#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on stops")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use avouch_http::{Chain, ClientAddress, ListenerSettings};
use rustls::pki_types::ServerName;
use serde_json::json;

use crate::house::{Answer, House, Request, certificate};

const PARTNERS: &str = "192.0.2.0/24";
/// Where all our connections come from.
const HERE: &str = "127.0.0.0/8";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// A server with one listener, and the partner's key.
struct Gate {
    house: House,
    partner: String,
    /// Where the partner connects.
    at: SocketAddr,
}

impl Gate {
    fn new(client: ClientAddress) -> Self {
        Self::with(|listener| listener.client = client)
    }

    /// The second listener is this one; by the first one it is administered.
    fn with(change: impl FnOnce(&mut ListenerSettings)) -> Self {
        let house = House::with(|settings| {
            let mut listener = ListenerSettings::plain("127.0.0.1:0".parse().expect("an address"));
            change(&mut listener);
            settings.listeners.push(listener);
        });
        let partner = json!({"kind": "staff", "name": "Partner", "roles": ["admin"], "networks": [PARTNERS]});
        let partner = house.key_with(partner);
        let mut at = house.addresses[1];
        if at.ip().is_unspecified() {
            at.set_ip([127, 0, 0, 1].into());
        }
        Self { house, partner, at }
    }

    fn request(&self) -> Request {
        Request::new(self.at, "GET", "/v1/principals").key(&self.partner)
    }

    /// Whether the partner is let in, with these headers.
    fn lets_in(&self, headers: &[(&str, &str)]) -> bool {
        let request =
            headers.iter().fold(self.request(), |request, (name, value)| request.header(name, value));
        is_let_in(&request.send())
    }

    /// What comes back to these bytes, until the end of the connection.
    fn says(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.at).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
        // It may be closed before all of it is sent.
        drop(stream.write_all(bytes));
        let mut said = Vec::new();
        drop(stream.read_to_end(&mut said));
        String::from_utf8(said).expect("text")
    }

    /// Whether the partner is let in behind this header of the PROXY protocol; nothing when the connection is dropped unanswered.
    fn lets_in_behind(&self, header: &[u8]) -> Option<bool> {
        let request = format!(
            "GET /v1/principals HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\r\n",
            self.partner
        );
        let said = self.says(&[header, request.as_bytes()].concat());
        (!said.is_empty()).then(|| is_let_in(&Answer::read(said.as_bytes())))
    }

    fn faults(&self, fault: &str) -> u64 {
        let page = Request::new(self.house.metrics, "GET", "/metrics").key(crate::house::SCRAPER).send();
        let page = String::from_utf8(page.expect(200).body).expect("text");
        let name = format!("avouch_client_address_faults_total{{fault=\"{fault}\"}} ");
        page.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
    }
}

fn is_let_in(answer: &Answer) -> bool {
    match answer.status {
        200 => true,
        403 => {
            assert_eq!(answer.json()["needs"][0]["need"], "network");
            false
        }
        other => panic!("{other}: {}", String::from_utf8_lossy(&answer.body)),
    }
}

fn forwarded(chain: Chain, peers: &str) -> ClientAddress {
    ClientAddress::Forwarded { chain, peers: vec![peers.parse().expect("a network")], hops: 4 }
}

fn proxied(peers: &str) -> ClientAddress {
    ClientAddress::ProxyProtocol { peers: vec![peers.parse().expect("a network")] }
}

#[test]
fn by_default_no_header_is_believed() {
    let gate = Gate::new(ClientAddress::Direct);
    for name in ["x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip", "client-ip", "via"] {
        assert!(!gate.lets_in(&[(name, "192.0.2.1")]) && !gate.lets_in(&[(name, "for=192.0.2.1")]), "{name}");
    }
}

#[test]
fn the_left_end_of_a_chain_is_never_believed() {
    let gate = Gate::new(forwarded(Chain::XForwardedFor, HERE));
    assert!(gate.lets_in(&[("x-forwarded-for", "192.0.2.1")]), "what the proxy itself has written");
    assert!(gate.lets_in(&[("x-forwarded-for", "198.51.100.7, 192.0.2.1")]));
    assert!(
        gate.lets_in(&[("x-forwarded-for", "198.51.100.7, 192.0.2.1, 127.0.0.2")]),
        "over a proxy of ours"
    );
    for spoofed in [
        "192.0.2.1, 198.51.100.7",
        "192.0.2.1, 127.0.0.2, 198.51.100.7",
        "192.0.2.1, 198.51.100.7, 127.0.0.2",
        "192.0.2.1,192.0.2.1,192.0.2.1,198.51.100.7",
    ] {
        assert!(!gate.lets_in(&[("x-forwarded-for", spoofed)]), "{spoofed}");
    }
    assert!(!gate.lets_in(&[]), "the proxy itself is no partner");
    assert_eq!(gate.faults("malformed"), 0);
}

#[test]
fn of_two_kinds_of_headers_only_the_configured_one_is_read() {
    let both = |right: &'static str, other: &'static str| {
        [("x-forwarded-for", right), ("forwarded", other), ("x-forwarded-for", right)]
    };
    let gate = Gate::new(forwarded(Chain::XForwardedFor, HERE));
    assert!(gate.lets_in(&both("192.0.2.1", "for=198.51.100.7")));
    assert!(!gate.lets_in(&both("198.51.100.7", "for=192.0.2.1")));
    assert!(!gate.lets_in(&[("forwarded", "for=192.0.2.1")]), "alone neither");
    let gate = Gate::new(forwarded(Chain::Forwarded, HERE));
    assert!(gate.lets_in(&both("198.51.100.7", "for=192.0.2.1")));
    assert!(!gate.lets_in(&both("192.0.2.1", "for=198.51.100.7")));
    assert!(!gate.lets_in(&[("x-forwarded-for", "192.0.2.1")]), "alone neither");
}

#[test]
fn of_two_lines_the_last_is_the_proxys() {
    let gate = Gate::new(forwarded(Chain::XForwardedFor, HERE));
    let lines = |first, second| [("x-forwarded-for", first), ("X-Forwarded-For", second)];
    assert!(!gate.lets_in(&lines("192.0.2.1", "198.51.100.7")), "the first is the caller's own");
    assert!(gate.lets_in(&lines("198.51.100.7", "192.0.2.1")));
    assert!(!gate.lets_in(&lines("192.0.2.1, 198.51.100.7", "127.0.0.2")));
}

#[test]
fn commas_quotes_and_line_ends_inject_nothing() {
    // What a caller may have sent to a proxy that writes its part behind it.
    let gate = Gate::new(forwarded(Chain::Forwarded, HERE));
    for theirs in [
        "for=192.0.2.1,",
        "for=\"192.0.2.1",
        "for=\"192.0.2.1, ",
        "\"",
        "for=192.0.2.1;by=\"\\",
        "for=192.0.2.1;",
    ] {
        assert!(!gate.lets_in(&[("forwarded", &format!("{theirs}, for=198.51.100.7"))]), "{theirs}");
        assert!(
            !gate.lets_in(&[("forwarded", theirs), ("forwarded", "for=\"198.51.100.7:1\";by=\"_x,y\"")]),
            "{theirs}"
        );
    }
    let gate = Gate::new(forwarded(Chain::XForwardedFor, HERE));
    for value in
        ["192.0.2.1,", "192.0.2.1,,", ",192.0.2.1,198.51.100.7", "192.0.2.1 198.51.100.7", "192.0.2.1\t,x"]
    {
        assert!(!gate.lets_in(&[("x-forwarded-for", value)]), "{value}");
    }
    // Line ends make another header or no request at all, and never a longer value.
    for (value, refused) in
        [("198.51.100.7\r\n 192.0.2.1", true), ("198.51.100.7\r192.0.2.1", true), ("198.51.100.7\0", true)]
    {
        let answer = gate.request().header("x-forwarded-for", value).send();
        assert_eq!(answer.status == 400, refused, "{value:?}");
    }
    assert!(!gate.lets_in(&[("x-forwarded-for", "198.51.100.7\r\nforwarded: for=192.0.2.1")]));
}

#[test]
fn a_header_of_a_peer_that_is_not_named_changes_nothing() {
    for peers in ["10.0.0.0/8", "127.0.0.2/32", "::1/128"] {
        let gate = Gate::new(forwarded(Chain::XForwardedFor, peers));
        assert!(!gate.lets_in(&[("x-forwarded-for", "192.0.2.1")]), "{peers}");
        assert!(
            !gate.lets_in(&[("x-forwarded-for", "x")]) && gate.faults("malformed") == 0,
            "it is not even read"
        );
    }
}

#[test]
fn what_a_proxy_writes_and_cannot_be_read_leaves_the_proxy() {
    let gate = Gate::new(forwarded(Chain::XForwardedFor, HERE));
    for (value, fault) in [
        ("nonsense", "malformed"),
        ("unknown", "hidden"),
        ("127.0.0.1,127.0.0.1,127.0.0.1,127.0.0.1", "too_long"),
    ] {
        assert!(!gate.lets_in(&[("x-forwarded-for", &format!("192.0.2.1, {value}"))]), "{value}");
        assert_eq!(gate.faults(fault), 1);
    }
}

#[test]
fn a_huge_chain_ends_soon() {
    let gate = Gate::new(forwarded(Chain::XForwardedFor, HERE));
    let huge = |address: &str| format!("{address}, ").repeat(6000 / (address.len() + 2));
    assert!(!gate.lets_in(&[("x-forwarded-for", &format!("192.0.2.1, {}127.0.0.1", huge("127.0.0.1")))]));
    assert_eq!(gate.faults("too_long"), 1);
    assert!(!gate.lets_in(&[("x-forwarded-for", &format!("{}198.51.100.7", huge("192.0.2.1")))]));
    assert!(gate.lets_in(&[("x-forwarded-for", &format!("{}192.0.2.1", huge("198.51.100.7")))]));
    let status = gate.request().header("x-forwarded-for", &"192.0.2.1,".repeat(2000)).send().status;
    assert_eq!(status, 431, "longer than any head may be");
}

#[test]
fn ipv4_is_ipv4_when_it_comes_by_a_socket_of_ipv6() {
    for (peers, partner) in [(HERE, "192.0.2.1"), ("::ffff:127.0.0.0/104", "::ffff:192.0.2.1")] {
        let gate = Gate::with(|listener| {
            listener.listen = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
            listener.client = forwarded(Chain::XForwardedFor, peers);
        });
        assert!(gate.house.addresses[1].is_ipv6() && gate.at.is_ipv4(), "so the peer is ::ffff:127.0.0.1");
        assert!(gate.lets_in(&[("x-forwarded-for", partner)]));
        assert!(gate.lets_in(&[("x-forwarded-for", &format!("{partner}, ::ffff:127.0.0.2"))]));
        assert!(!gate.lets_in(&[("x-forwarded-for", &format!("{partner}, ::ffff:198.51.100.7"))]));
    }
    // A network of a principal that is written as IPv6.
    let gate = Gate::new(ClientAddress::Direct);
    let here =
        json!({"kind": "staff", "name": "Here", "roles": ["admin"], "networks": ["::ffff:127.0.0.0/104"]});
    let here = gate.house.key_with(here);
    Request::new(gate.at, "GET", "/v1/principals").key(&here).send().expect(200);
}

#[test]
fn the_proxy_protocol_names_the_client_before_the_request() {
    let gate = Gate::new(proxied(HERE));
    assert_eq!(gate.lets_in_behind(b"PROXY TCP4 192.0.2.1 127.0.0.1 40000 443\r\n"), Some(true));
    assert_eq!(gate.lets_in_behind(b"PROXY TCP4 198.51.100.7 127.0.0.1 40000 443\r\n"), Some(false));
    assert_eq!(gate.lets_in_behind(b"PROXY TCP6 ::ffff:192.0.2.1 ::1 40000 443\r\n"), Some(true));
    assert_eq!(gate.lets_in_behind(b"PROXY UNKNOWN\r\n"), Some(false), "the proxy itself");
    let v2 = |command: u8, address: [u8; 4], more: &[u8]| {
        let bytes = u8::try_from(12 + more.len()).expect("short");
        let head = [command, 0x11, 0, bytes];
        gate.lets_in_behind(&[SIGNATURE, &head, &address, &[127, 0, 0, 1, 0, 80, 0, 80], more].concat())
    };
    assert_eq!(v2(0x21, [192, 0, 2, 1], &[]), Some(true));
    assert_eq!(v2(0x21, [192, 0, 2, 1], &[4, 0, 3, 0, 0, 0]), Some(true), "with an extension");
    assert_eq!(v2(0x21, [198, 51, 100, 7], &[]), Some(false));
    assert_eq!(v2(0x20, [192, 0, 2, 1], &[]), Some(false), "a check of the proxy's own");
    // No header of the request has a say.
    let request = format!(
        "PROXY TCP4 198.51.100.7 127.0.0.1 1 2\r\nGET /v1/principals HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         x-forwarded-for: 192.0.2.1\r\nforwarded: for=192.0.2.1\r\nauthorization: Bearer {}\r\n\r\n",
        gate.partner
    );
    assert!(!is_let_in(&Answer::read(gate.says(request.as_bytes()).as_bytes())));
}

#[test]
fn without_a_sound_header_such_a_listener_answers_nothing() {
    let gate = Gate::new(proxied(HERE));
    let v2 = |family: u8, bytes: u16, rest: &[u8]| {
        [SIGNATURE, &[0x21, family], &bytes.to_be_bytes(), rest].concat()
    };
    let addresses = [192, 0, 2, 1, 127, 0, 0, 1, 0, 80, 0, 80];
    for (why, header) in [
        ("none", vec![]),
        ("a bare line feed", b"PROXY TCP4 192.0.2.1 127.0.0.1 1 2\n".to_vec()),
        ("too long", [b"PROXY UNKNOWN ", &b"x".repeat(200)[..], b"\r\n"].concat()),
        ("fewer bytes than addresses have", v2(0x11, 11, &addresses)),
        ("IPv4 as IPv6", v2(0x21, 12, &addresses)),
        ("more than anybody says", v2(0x11, u16::MAX, &addresses)),
        ("an extension without an end", v2(0x11, 16, &[&addresses[..], &[4, 0, 9, 0]].concat())),
        ("half of an extension", v2(0x11, 14, &[&addresses[..], &[4, 0]].concat())),
        ("no family", v2(0x41, 12, &addresses)),
    ] {
        let answer = gate.lets_in_behind(&header);
        assert_eq!(answer, None, "{why}");
        assert!(gate.faults("malformed") > 0, "{why}");
    }
    // A second line is the beginning of a request that is none.
    let twice = b"PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\n".repeat(2);
    assert!(gate.says(&twice).starts_with("HTTP/1.1 400 "));
    // And from a peer that is not named, a sound one neither.
    let gate = Gate::new(proxied("10.0.0.0/8"));
    assert_eq!(gate.lets_in_behind(b"PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\n"), None);
    assert_eq!(gate.lets_in_behind(b""), None);
    assert_eq!(gate.faults("stranger"), 2);
}

#[test]
fn a_slow_header_holds_a_connection_and_nobody_else() {
    let gate = Gate::new(proxied(HERE));
    let begun = std::time::Instant::now();
    let mut slow: Vec<_> = (0..50)
        .map(|_| {
            let mut stream = TcpStream::connect(gate.at).expect("it listens");
            stream.write_all(b"PROXY TCP4 192.0.2.1").expect("sent");
            stream
        })
        .collect();
    assert_eq!(
        gate.lets_in_behind(b"PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\n"),
        Some(true),
        "others are served"
    );
    for stream in &mut slow {
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
        assert_eq!(stream.read(&mut [0]).expect("closed, not forgotten"), 0);
    }
    assert!(begun.elapsed() < Duration::from_secs(15));
    assert_eq!(gate.faults("late"), 50);
}

#[test]
fn a_direct_listener_takes_no_header_of_the_proxy_protocol() {
    let gate = Gate::new(ClientAddress::Direct);
    let v2 = [SIGNATURE, &[0x21, 0x11, 0, 12, 192, 0, 2, 1, 127, 0, 0, 1, 0, 80, 0, 80]].concat();
    for header in [&b"PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\n"[..], b"PROXY UNKNOWN\r\n", &v2] {
        let said = gate.says(&[header, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"].concat());
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400 "), "{said}");
    }
    let (tls, _) = certificate();
    let gate = Gate::with(|listener| listener.tls = Some(tls));
    let said = gate.says(b"PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\n");
    assert!(!said.contains("HTTP"), "{said}");
}

#[test]
fn the_header_stands_before_tls() {
    let (tls, trusted) = certificate();
    let gate = Gate::with(|listener| {
        listener.tls = Some(tls);
        listener.client = proxied(HERE);
    });
    let mut stream = TcpStream::connect(gate.at).expect("it listens");
    stream.write_all(b"PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\n").expect("sent");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted).expect("a root");
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = rustls::ClientConnection::new(std::sync::Arc::new(config), name).expect("a connection");
    let mut stream = rustls::StreamOwned::new(connection, stream);
    let request =
        format!("GET /v1/principals HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", gate.partner);
    stream.write_all(request.as_bytes()).expect("sent");
    let answer = Answer::read(stream);
    assert!(is_let_in(&answer));
    assert!(answer.header("strict-transport-security").is_some());
}

/// Failures are counted by /24: who is behind a proxy that is believed has a count of their own, who is behind another has the proxy's.
#[test]
fn a_proxy_makes_nobody_one_with_the_others() {
    let fails = |gate: &Gate, from: &str| {
        let body = json!({"login": "nobody@lindenhof.example", "password": "wrong horse battery staple"});
        let request = Request::new(gate.at, "POST", "/v1/login").header("x-forwarded-for", from);
        request.json(&body).send().status
    };
    let gate = Gate::new(forwarded(Chain::XForwardedFor, HERE));
    for turn in 0..5 {
        assert_eq!(fails(&gate, &format!("203.0.113.{turn}")), 401);
    }
    assert_eq!(fails(&gate, "203.0.113.77"), 429, "the same network");
    assert_eq!(fails(&gate, "192.0.2.1, 203.0.113.77"), 429, "whatever it says of itself");
    assert_eq!(fails(&gate, "198.51.100.7"), 401, "another network is not held to account for it");
    let gate = Gate::new(forwarded(Chain::XForwardedFor, "10.0.0.0/8"));
    for turn in 0..5 {
        assert_eq!(fails(&gate, &format!("203.0.{turn}.1")), 401);
    }
    assert_eq!(fails(&gate, "198.51.100.7"), 429, "behind a proxy that is not named all are the proxy");
}
