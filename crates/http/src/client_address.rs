//! Where a caller comes from: the one place that decides it, for networks of principals, for limits, and for the record.
//!
//! It is the address at the other end of the socket, unless the listener has named proxies that may say something else. Nobody else is
//! believed: a header of a stranger changes nothing, and a proxy that is not named is a caller like any other. An IPv4 address
//! that is written as IPv6 (`::ffff:192.0.2.1`) is that IPv4 address, wherever it comes from.

pub(crate) mod forwarded;
pub(crate) mod proxy;

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use avouch_core::gate::unmapped;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::face::Face;
use crate::metrics::AddressFaults;
use crate::settings::{ClientAddress, ListenerSettings};
use forwarded::{Chain, Told};
use proxy::{LINE_BYTES, Malformed, SIGNATURE, Sender, WORD};

/// The address that a request comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// A listener as its connections and requests know it.
#[derive(Debug)]
pub(crate) struct Door {
    faces: Vec<Face>,
    client: ClientAddress,
    /// Whether it speaks TLS.
    pub(crate) encrypted: bool,
    faults: AddressFaults,
}

/// How long a proxy may take to say for whom it has connected. It is the first thing it sends, and short.
const HEADER_TIME: Duration = Duration::from_secs(5);
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

impl Door {
    /// One that has all faces and believes nobody: of what is no listener of the API.
    pub(crate) fn plain() -> Self {
        Self {
            faces: Face::ALL.to_vec(),
            client: ClientAddress::Direct,
            encrypted: false,
            faults: AddressFaults::default(),
        }
    }

    pub(crate) fn new(settings: &ListenerSettings, faults: AddressFaults) -> Self {
        let mut client = settings.client.clone();
        match &mut client {
            ClientAddress::Direct => {}
            ClientAddress::ProxyProtocol { peers } | ClientAddress::Forwarded { peers, .. } => {
                peers.iter_mut().for_each(|network| *network = unmapped(*network));
            }
        }
        Self { faces: settings.faces.clone(), client, encrypted: settings.tls.is_some(), faults }
    }

    /// Whether what has one of these faces is answered here.
    pub(crate) fn serves(&self, faces: &[Face]) -> bool {
        faces.iter().any(|face| self.faces.contains(face))
    }

    /// Whom a new connection is from, before anything else is read of it; nothing when it is to be dropped.
    pub(crate) async fn connected<S>(&self, stream: &mut S, peer: IpAddr) -> Option<IpAddr>
    where
        S: AsyncRead + Unpin,
    {
        let peer = peer.to_canonical();
        let ClientAddress::ProxyProtocol { peers } = &self.client else { return Some(peer) };
        if !within(peers, peer) {
            self.faults.count("stranger");
            return None;
        }
        match tokio::time::timeout(HEADER_TIME, header_of(stream)).await {
            Ok(Ok(Ok(Sender::Client(client)))) => Some(client.to_canonical()),
            Ok(Ok(Ok(Sender::Proxy))) => Some(peer),
            Ok(Ok(Err(Malformed))) => {
                self.faults.count("malformed");
                None
            }
            // It has hung up.
            Ok(Err(_)) => None,
            Err(_) => {
                self.faults.count("late");
                None
            }
        }
    }

    /// Whom a request is from, that came on a connection from there.
    pub(crate) fn requested(&self, connected: IpAddr, headers: &HeaderMap) -> Peer {
        let ClientAddress::Forwarded { chain, peers, hops } = &self.client else { return Peer(connected) };
        if !within(peers, connected) {
            return Peer(connected);
        }
        let name = match chain {
            Chain::Forwarded => header::FORWARDED,
            Chain::XForwardedFor => X_FORWARDED_FOR,
        };
        let lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
        let fault = match forwarded::told(*chain, lines, *hops, |address| within(peers, address)) {
            Told::Client(client) => return Peer(client),
            Told::Proxy => return Peer(connected),
            Told::Hidden => "hidden",
            Told::Malformed => "malformed",
            Told::TooLong => "too_long",
        };
        self.faults.count(fault);
        Peer(connected)
    }
}

/// Whether an address is in one of the networks. There being none, it is not.
fn within(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// Reads the header of the PROXY protocol, and not a byte more.
async fn header_of<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Result<Sender, Malformed>> {
    // Both versions are longer than this.
    let mut head = [0; SIGNATURE.len()];
    stream.read_exact(&mut head).await?;
    if head == SIGNATURE {
        let mut rest = [0; 4];
        stream.read_exact(&mut rest).await?;
        let mut whole = [0; 16];
        for (place, byte) in whole.iter_mut().zip(head.into_iter().chain(rest)) {
            *place = byte;
        }
        let announced = match proxy::announced(whole) {
            Ok(announced) => announced,
            Err(malformed) => return Ok(Err(malformed)),
        };
        let mut body = vec![0; announced.bytes];
        stream.read_exact(&mut body).await?;
        return Ok(proxy::body(announced, &body));
    }
    if !head.starts_with(WORD) {
        return Ok(Err(Malformed));
    }
    let mut line = head.to_vec();
    // One by one: what follows the line is somebody else's.
    while line.last() != Some(&b'\n') {
        if line.len() == LINE_BYTES {
            return Ok(Err(Malformed));
        }
        line.push(stream.read_u8().await?);
    }
    Ok(proxy::line(&line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(client: ClientAddress) -> Door {
        Door { client, ..Door::plain() }
    }

    fn networks(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn by_header(peers: &[&str]) -> Door {
        let settings = ListenerSettings {
            client: ClientAddress::Forwarded { chain: Chain::XForwardedFor, peers: networks(peers), hops: 4 },
            ..ListenerSettings::plain("127.0.0.1:0".parse().unwrap())
        };
        Door::new(&settings, AddressFaults::default())
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn only_named_peers_are_believed() {
        let claims = headers(&[("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.2")]);
        for (door, connected, client) in [
            (door(ClientAddress::Direct), "10.0.0.1", "10.0.0.1"),
            (by_header(&["10.0.0.0/8"]), "10.0.0.1", "192.0.2.1"),
            (by_header(&["10.0.0.0/8"]), "11.0.0.1", "11.0.0.1"),
            (by_header(&[]), "10.0.0.1", "10.0.0.1"),
        ] {
            assert_eq!(door.requested(address(connected), &claims).0, address(client), "{door:?}");
        }
    }

    #[test]
    fn a_fault_is_counted_and_leaves_the_proxy() {
        let door = by_header(&["10.0.0.0/8"]);
        for (chain, counted) in
            [("x", "malformed"), ("unknown", "hidden"), (&"10.0.0.1,".repeat(9), "malformed")]
        {
            let before = door.faults.counted(counted);
            assert_eq!(
                door.requested(address("10.0.0.1"), &headers(&[("x-forwarded-for", chain)])).0,
                address("10.0.0.1")
            );
            assert_eq!(door.faults.counted(counted), before + 1, "{chain}");
        }
    }

    #[tokio::test]
    async fn ipv4_in_ipv6_is_ipv4_everywhere() {
        let claims = headers(&[("x-forwarded-for", "::ffff:192.0.2.1, ::ffff:10.0.0.2")]);
        for peers in ["10.0.0.0/8", "::ffff:10.0.0.0/104"] {
            let door = by_header(&[peers]);
            let connected = door.connected(&mut &b""[..], address("::ffff:10.0.0.1")).await.unwrap();
            assert_eq!(connected, address("10.0.0.1"));
            assert_eq!(door.requested(connected, &claims).0, address("192.0.2.1"), "{peers}");
        }
        let door = door(ClientAddress::ProxyProtocol { peers: networks(&["10.0.0.0/8"]) });
        let mut said = &b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"[..];
        assert_eq!(door.connected(&mut said, address("::ffff:10.0.0.1")).await, Some(address("192.0.2.1")));
    }

    #[tokio::test]
    async fn not_a_byte_behind_the_header_is_taken() {
        let door = door(ClientAddress::ProxyProtocol { peers: networks(&["10.0.0.0/8"]) });
        let v2 = [&SIGNATURE[..], &[0x21, 0x11, 0, 12, 192, 0, 2, 1, 10, 0, 0, 1, 0, 1, 0, 2]].concat();
        for header in [&b"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\r\n"[..], &v2] {
            let mut said = &[header, b"GET / HTTP/1.1\r\n"].concat()[..];
            assert_eq!(door.connected(&mut said, address("10.0.0.1")).await, Some(address("192.0.2.1")));
            assert_eq!(said, b"GET / HTTP/1.1\r\n");
        }
        let mut own = &b"PROXY UNKNOWN\r\n"[..];
        assert_eq!(door.connected(&mut own, address("10.0.0.1")).await, Some(address("10.0.0.1")));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_header_or_comes_late_is_dropped() {
        let door = door(ClientAddress::ProxyProtocol { peers: networks(&["10.0.0.0/8"]) });
        let endless = [b"PROXY UNKNOWN ", &b"x".repeat(1000)[..]].concat();
        for said in [
            &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00",
            &endless,
        ] {
            let before = door.faults.counted("malformed");
            let mut rest = said;
            assert_eq!(door.connected(&mut rest, address("10.0.0.1")).await, None);
            assert!(said.len() - rest.len() <= LINE_BYTES, "no more is read than a header has");
            assert_eq!(door.faults.counted("malformed"), before + 1);
        }
        // A header, but not from whom it may come: nothing is read at all.
        let mut said = &b"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\r\n"[..];
        assert_eq!(door.connected(&mut said, address("192.0.2.1")).await, None);
        assert!(said.starts_with(b"PROXY") && door.faults.counted("stranger") == 1);
        // One that never ends. The clock stands still but for what is waited for.
        let (mut ours, mut theirs) = tokio::io::duplex(64);
        tokio::io::AsyncWriteExt::write_all(&mut theirs, b"PROXY TCP4 192.").await.unwrap();
        let begun = tokio::time::Instant::now();
        assert_eq!(door.connected(&mut ours, address("10.0.0.1")).await, None);
        assert_eq!(begun.elapsed(), HEADER_TIME);
        assert_eq!(door.faults.counted("late"), 1);
    }
}
