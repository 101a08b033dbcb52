//! The header of the PROXY protocol (haproxy.org, versions 1 and 2): who has connected to the proxy, said before the first byte of
//! theirs.
//!
//! It is read here strictly and whole, or refused; whether whoever sent it may say so is asked before. What it says of certificates,
//! names and destinations is passed over. Sizes are bounded before anything is read, so there is no buffer to fill.
//!
//! `fuzz` compiles this file by itself: it knows nothing of the crate around it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What version 2 begins with.
pub(crate) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// What version 1 begins with.
pub(crate) const WORD: &[u8] = b"PROXY ";
/// The longest line of version 1, with its end.
pub(crate) const LINE_BYTES: usize = 107;
/// The most that version 2 may say behind its first 16 bytes: addresses, and what we pass over.
pub(crate) const BODY_BYTES: usize = 2048;

/// For whom a connection is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    /// For a client at this address.
    Client(IpAddr),
    /// For the proxy itself, or for somebody that it cannot name.
    Proxy,
}

/// It is no header, or none that can be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads a line of version 1, its end (CR LF) included.
pub(crate) fn line(line: &[u8]) -> Result<Sender, Malformed> {
    if line.len() > LINE_BYTES {
        return Err(Malformed);
    }
    let text = std::str::from_utf8(line).map_err(|_| Malformed)?;
    let text = text.strip_suffix("\r\n").and_then(|text| text.strip_prefix("PROXY ")).ok_or(Malformed)?;
    if text.contains(['\r', '\n', '\0']) {
        return Err(Malformed);
    }
    // What stands behind this word is to be passed over.
    if text == "UNKNOWN" || text.starts_with("UNKNOWN ") {
        return Ok(Sender::Proxy);
    }
    let mut words = text.split(' ');
    let mut word = || words.next().ok_or(Malformed);
    let (family, from, to, ports) = (word()?, word()?, word()?, [word()?, word()?]);
    if words.next().is_some() || !ports.into_iter().all(is_port) {
        return Err(Malformed);
    }
    match family {
        "TCP4" => both::<Ipv4Addr>(from, to).map(IpAddr::V4),
        "TCP6" => both::<Ipv6Addr>(from, to).map(IpAddr::V6),
        _ => Err(Malformed),
    }
    .map(Sender::Client)
}

/// The first of two addresses of one family.
fn both<T: std::str::FromStr>(from: &str, to: &str) -> Result<T, Malformed> {
    match (from.parse(), to.parse::<T>()) {
        (Ok(from), Ok(_)) => Ok(from),
        _ => Err(Malformed),
    }
}

/// A number of a port in its one spelling.
fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port.to_string() == text)
}

/// What the first 16 bytes of version 2 announce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Announced {
    local: bool,
    family: u8,
    /// How many bytes follow.
    pub(crate) bytes: usize,
}

/// Reads the first 16 bytes of version 2.
pub(crate) fn announced(head: [u8; 16]) -> Result<Announced, Malformed> {
    let [signature @ .., command, family, high, low] = head;
    let bytes = usize::from(u16::from_be_bytes([high, low]));
    let local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(Malformed),
    };
    if signature != SIGNATURE || bytes > BODY_BYTES {
        return Err(Malformed);
    }
    Ok(Announced { local, family, bytes })
}

/// Reads what follows them.
pub(crate) fn body(announced: Announced, body: &[u8]) -> Result<Sender, Malformed> {
    if body.len() != announced.bytes {
        return Err(Malformed);
    }
    // A check of its own health. What stands behind it is to be passed over.
    if announced.local {
        return Ok(Sender::Proxy);
    }
    let (sender, rest) = match announced.family {
        0x00 => (Sender::Proxy, body),
        0x11 => {
            let (addresses, rest) = body.split_first_chunk::<12>().ok_or(Malformed)?;
            let from = addresses.first_chunk::<4>().ok_or(Malformed)?;
            (Sender::Client(IpAddr::V4(Ipv4Addr::from(*from))), rest)
        }
        0x21 => {
            let (addresses, rest) = body.split_first_chunk::<36>().ok_or(Malformed)?;
            let from = addresses.first_chunk::<16>().ok_or(Malformed)?;
            (Sender::Client(IpAddr::V6(Ipv6Addr::from(*from))), rest)
        }
        // Datagrams and sockets of a file system do not lead here.
        _ => return Err(Malformed),
    };
    extensions(rest)?;
    Ok(sender)
}

/// Passes over what else is said, which must fill its place.
fn extensions(mut rest: &[u8]) -> Result<(), Malformed> {
    while let Some(([_kind, high, low], behind)) = rest.split_first_chunk::<3>() {
        let bytes = usize::from(u16::from_be_bytes([*high, *low]));
        rest = behind.get(bytes..).ok_or(Malformed)?;
    }
    if rest.is_empty() { Ok(()) } else { Err(Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the specification, section 2.1, and what is almost one.
    #[test]
    fn a_line_is_read_in_its_one_spelling() {
        let client = |address: &str| Ok(Sender::Client(address.parse().unwrap()));
        for (text, sender) in [
            ("PROXY TCP4 192.0.2.1 198.51.100.1 65535 443\r\n", client("192.0.2.1")),
            ("PROXY TCP6 2001:db8::1 2001:db8::2 1 0\r\n", client("2001:db8::1")),
            ("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", client("::ffff:192.0.2.1")),
            ("PROXY UNKNOWN\r\n", Ok(Sender::Proxy)),
            ("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", Ok(Sender::Proxy)),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n", Err(Malformed)),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 1 2", Err(Malformed)),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n", Err(Malformed)),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n", Err(Malformed)),
            ("PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n", Err(Malformed)),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n", Err(Malformed)),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 01 2\r\n", Err(Malformed)),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 65536 2\r\n", Err(Malformed)),
            ("PROXY TCP4 192.0.2.01 198.51.100.1 1 2\r\n", Err(Malformed)),
            ("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", Err(Malformed)),
            ("PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n", Err(Malformed)),
            ("PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", Err(Malformed)),
            ("PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n", Err(Malformed)),
            ("PROXY UNKNOWNS\r\n", Err(Malformed)),
            ("PROXYxUNKNOWN\r\n", Err(Malformed)),
            ("proxy UNKNOWN\r\n", Err(Malformed)),
            ("PROXY UNKNOWN\rPROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\n", Err(Malformed)),
            ("\r\n", Err(Malformed)),
            ("", Err(Malformed)),
        ] {
            assert_eq!(line(text.as_bytes()), sender, "{text:?}");
        }
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LINE_BYTES));
        assert_eq!(line(long.as_bytes()), Err(Malformed));
    }

    fn v2(command: u8, family: u8, bytes: u16, rest: &[u8]) -> Result<Sender, Malformed> {
        let [high, low] = bytes.to_be_bytes();
        let mut head = [0; 16];
        head[..12].copy_from_slice(&SIGNATURE);
        head[12..].copy_from_slice(&[command, family, high, low]);
        body(announced(head)?, rest)
    }

    const V4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 1, 0, 1, 1, 187];

    #[test]
    fn bytes_are_read_whole_or_not_at_all() {
        let client = Ok(Sender::Client("192.0.2.1".parse().unwrap()));
        assert_eq!(v2(0x21, 0x11, 12, &V4), client);
        // PP2_TYPE_NOOP, and one without a value.
        let with = [&V4[..], &[4, 0, 2, 9, 9], &[5, 0, 0]].concat();
        assert_eq!(v2(0x21, 0x11, 20, &with), client);
        let mut v6 = [0; 36];
        v6[..16].copy_from_slice(&"2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
        assert_eq!(v2(0x21, 0x21, 36, &v6), Ok(Sender::Client("2001:db8::1".parse().unwrap())));
        // A health check, whatever else it says; and somebody whom the proxy cannot name.
        assert_eq!(v2(0x20, 0x11, 12, &V4), Ok(Sender::Proxy));
        assert_eq!(v2(0x20, 0xff, 3, &[1, 2, 3]), Ok(Sender::Proxy));
        assert_eq!(v2(0x21, 0x00, 0, &[]), Ok(Sender::Proxy));
    }

    #[test]
    fn lengths_that_are_not_so_are_refused() {
        for (why, family, bytes, rest) in [
            ("less than addresses", 0x11, 11, &V4[..11]),
            ("nothing", 0x11, 0, &[][..]),
            ("addresses of the other family", 0x21, 12, &V4[..]),
            ("more announced than there is", 0x11, 13, &V4[..]),
            ("less announced than there is", 0x11, 11, &V4[..]),
            ("more than anybody needs", 0x11, 2049, &[0; 2049][..]),
            ("half of an extension's head", 0x11, 14, &[&V4[..], &[4, 0]].concat()),
            ("an extension that goes on behind the end", 0x11, 16, &[&V4[..], &[4, 0, 2, 9]].concat()),
            ("a datagram", 0x12, 12, &V4[..]),
            ("a file system's socket", 0x31, 216, &[0; 216][..]),
            ("no family", 0x41, 12, &V4[..]),
        ] {
            assert_eq!(v2(0x21, family, bytes, rest), Err(Malformed), "{why}");
        }
        for command in [0x00, 0x10, 0x11, 0x22, 0x2f, 0x31] {
            assert_eq!(v2(command, 0x11, 12, &V4), Err(Malformed), "{command:#x}");
        }
        let mut other = [0; 16];
        other[..12].copy_from_slice(&SIGNATURE);
        other[11] = b'\r';
        other[12..].copy_from_slice(&[0x21, 0x11, 0, 12]);
        assert_eq!(announced(other), Err(Malformed));
    }
}
