//! Where a request comes from, as the proxies on its way have written it down: `Forwarded` (RFC 7239) or `X-Forwarded-For`.
//!
//! Each proxy writes behind what was there before, so only the right end is known to be written by one of ours. It is read from there
//! over addresses that are trusted; the first that is not is the client. Whatever stands to the left of it was written by strangers: it
//! is not even parsed, so nothing there, not an open quotation mark either, changes what is found.
//!
//! `fuzz` compiles this file by itself: it knows nothing of the crate around it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which header the proxies write. The other one is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// `Forwarded`, RFC 7239.
    Forwarded,
    /// `X-Forwarded-For`: addresses with commas between.
    XForwardedFor,
}

/// What a chain tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Where the client is.
    Client(IpAddr),
    /// Nothing, or only addresses of proxies: it comes from the proxy itself.
    Proxy,
    /// A proxy has written that it does not say.
    Hidden,
    /// What a proxy has written is none of the forms that there are.
    Malformed,
    /// There are more proxies than there may be.
    TooLong,
}

/// Longer is no element of a chain.
const ELEMENT_BYTES: usize = 512;

/// Reads the lines of the header, first to last as they came, from their end. `hops` is how many proxies there may be in a row,
/// the one that has connected included.
pub(crate) fn told<'h>(
    chain: Chain,
    lines: impl DoubleEndedIterator<Item = &'h [u8]>,
    hops: usize,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Told {
    let mut proxies = 1;
    // Several lines are one list (RFC 9110, 5.3): some proxies add one of their own.
    for element in lines.rev().flat_map(|line| FromRight { chain, rest: Some(line) }) {
        let node = match chain {
            _ if element.len() > ELEMENT_BYTES => None,
            Chain::XForwardedFor => plain(element),
            Chain::Forwarded => forwarded(element),
        };
        match node {
            None => return Told::Malformed,
            Some(Node::Hidden) => return Told::Hidden,
            Some(Node::Address(address)) => {
                let address = address.to_canonical();
                if !is_trusted(address) {
                    return Told::Client(address);
                }
                proxies += 1;
                if proxies > hops {
                    return Told::TooLong;
                }
            }
        }
    }
    Told::Proxy
}

/// The elements of a list, last first.
struct FromRight<'h> {
    chain: Chain,
    rest: Option<&'h [u8]>,
}

impl<'h> Iterator for FromRight<'h> {
    type Item = &'h [u8];

    fn next(&mut self) -> Option<&'h [u8]> {
        let rest = self.rest.take()?;
        let mut quoted = false;
        let comma = rest.iter().enumerate().rposition(|(at, byte)| {
            if *byte == b'"' && self.chain == Chain::Forwarded && !is_escaped(rest, at) {
                quoted = !quoted;
            }
            *byte == b',' && !quoted
        });
        let (before, element) = match comma {
            Some(comma) => (rest.get(..comma), rest.get(comma + 1..).unwrap_or_default()),
            None => (None, rest),
        };
        self.rest = before;
        Some(element.trim_ascii())
    }
}

/// Whether an odd number of backslashes stands before it.
fn is_escaped(text: &[u8], at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Somebody on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Address(IpAddr),
    /// `unknown`, or a name that only the proxy understands.
    Hidden,
}

/// An element of `X-Forwarded-For`: no standard says what it is. Besides what RFC 7239 has, IPv6 comes without brackets.
fn plain(element: &[u8]) -> Option<Node> {
    let text = std::str::from_utf8(element).ok()?;
    let bare = text.parse::<Ipv6Addr>().ok().map(|address| Node::Address(address.into()));
    bare.or_else(|| node(text))
}

/// An element of `Forwarded`: pairs with semicolons between, one of them `for`.
fn forwarded(element: &[u8]) -> Option<Node> {
    let mut rest = std::str::from_utf8(element).ok()?;
    let mut found = None;
    loop {
        let (name, behind) = rest.split_once('=')?;
        let name = name.trim_start();
        if name.is_empty() || !name.bytes().all(is_token) {
            return None;
        }
        let (value, behind) = value(behind)?;
        if name.eq_ignore_ascii_case("for") && found.replace(node(&value)?).is_some() {
            return None;
        }
        rest = behind.trim_start();
        if rest.is_empty() {
            // A proxy that does not say whom it acts for.
            return Some(found.unwrap_or(Node::Hidden));
        }
        rest = rest.strip_prefix(';')?;
    }
}

/// A token or a quoted string, and what stands behind it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.bytes().position(|byte| !is_token(byte)).unwrap_or(text.len());
        let (token, behind) = text.split_at_checked(end)?;
        return (!token.is_empty()).then(|| (token.to_owned(), behind));
    };
    let mut value = String::new();
    let mut letters = quoted.chars();
    loop {
        match letters.next()? {
            '"' => return Some((value, letters.as_str())),
            '\\' => value.push(letters.next()?),
            letter if letter.is_control() => return None,
            letter => value.push(letter),
        }
    }
}

/// RFC 9110, 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 7239, 6: an address, `unknown`, or a name with `_` before it; perhaps a port.
fn node(text: &str) -> Option<Node> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, behind) = bracketed.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        let sound = behind.is_empty() || behind.strip_prefix(':').is_some_and(is_port);
        return sound.then(|| Node::Address(address.into()));
    }
    let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
    if !port.is_none_or(is_port) {
        return None;
    }
    let hidden = name.eq_ignore_ascii_case("unknown") || is_obscured(name);
    let address = || name.parse::<Ipv4Addr>().ok().map(|address| Node::Address(address.into()));
    if hidden { Some(Node::Hidden) } else { address() }
}

fn is_port(text: &str) -> bool {
    let number = !text.is_empty() && text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    number || is_obscured(text)
}

/// An identifier that was made up.
fn is_obscured(text: &str) -> bool {
    let rest = text.strip_prefix('_').unwrap_or_default();
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10.0.0.0/8 and fd00::/8.
    fn is_ours(address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => address.octets()[0] == 10,
            IpAddr::V6(address) => address.octets()[0] == 0xfd,
        }
    }

    fn read(chain: Chain, lines: &[&str]) -> Told {
        told(chain, lines.iter().map(|line| line.as_bytes()), 4, is_ours)
    }

    fn client(address: &str) -> Told {
        Told::Client(address.parse().unwrap())
    }

    #[test]
    fn the_client_is_the_first_from_the_right_that_is_not_ours() {
        for (lines, found) in [
            (&["192.0.2.1"][..], client("192.0.2.1")),
            (&["192.0.2.1, 10.0.0.1"], client("192.0.2.1")),
            (&["192.0.2.1,10.0.0.1 ,\t10.0.0.2"], client("192.0.2.1")),
            (&["192.0.2.9, 198.51.100.7, 10.0.0.1"], client("198.51.100.7")),
            (&["10.0.0.1"], Told::Proxy),
            (&[], Told::Proxy),
            (&["2001:db8::1"], client("2001:db8::1")),
            (&["[2001:db8::1]"], client("2001:db8::1")),
            (&["[2001:db8::1]:443"], client("2001:db8::1")),
            (&["192.0.2.1:443"], client("192.0.2.1")),
            (&["::ffff:192.0.2.1"], client("192.0.2.1")),
            (&["192.0.2.1, ::ffff:10.0.0.1"], client("192.0.2.1")),
            (&["192.0.2.1, fd00::1"], client("192.0.2.1")),
            (&["unknown"], Told::Hidden),
            (&["192.0.2.1, unknown, 10.0.0.1"], Told::Hidden),
            // What our own proxies cannot have written.
            (&[""], Told::Malformed),
            (&["192.0.2.1,"], Told::Malformed),
            (&["192.0.2.1,,10.0.0.1"], Told::Malformed),
            (&["192.0.2.1 10.0.0.1"], Told::Malformed),
            (&["192.0.2.256"], Told::Malformed),
            (&["010.0.0.1"], Told::Malformed),
            (&["0x0a000001"], Told::Malformed),
            (&["fe80::1%eth0"], Told::Malformed),
            (&["2001:db8::1:"], Told::Malformed),
            (&["[192.0.2.1]"], Told::Malformed),
            (&["192.0.2.1:"], Told::Malformed),
            (&["192.0.2.1:http"], Told::Malformed),
            (&["\"192.0.2.1\""], Told::Malformed),
            (&["for=192.0.2.1"], Told::Malformed),
            (&["localhost"], Told::Malformed),
        ] {
            assert_eq!(read(Chain::XForwardedFor, lines), found, "{lines:?}");
        }
    }

    /// RFC 7239, sections 4 to 7, and what is almost that.
    #[test]
    fn the_standard_header_is_read_as_the_standard_says() {
        for (lines, found) in [
            (&["for=192.0.2.43"][..], client("192.0.2.43")),
            (&["For=\"192.0.2.43:47011\""], client("192.0.2.43")),
            (&["For=\"[2001:db8:cafe::17]:4711\""], client("2001:db8:cafe::17")),
            (&["for=192.0.2.60;proto=http;by=203.0.113.43"], client("192.0.2.60")),
            (&["proto=http; FOR = 192.0.2.60"], Told::Malformed),
            (&["proto=http; for=192.0.2.60"], client("192.0.2.60")),
            (&["for=192.0.2.43, for=10.1.1.1"], client("192.0.2.43")),
            (&["for=192.0.2.43, for=198.51.100.17"], client("198.51.100.17")),
            (&["for=\"[::ffff:192.0.2.1]\""], client("192.0.2.1")),
            (&["for=\"192.0.2.\\43\""], client("192.0.2.43")),
            (&["for=\"_gazonk\""], Told::Hidden),
            (&["for=_SEVKISEK"], Told::Hidden),
            (&["for=\"_hidden:_port\""], Told::Hidden),
            (&["for=unknown"], Told::Hidden),
            (&["proto=https"], Told::Hidden),
            (&["for=[2001:db8::1]"], Told::Malformed),
            (&["for=\"2001:db8::1\""], Told::Malformed),
            (&["for=2001:db8::1"], Told::Malformed),
            (&["for=192.0.2.1:80"], Told::Malformed),
            (&["for=192.0.2.1;for=192.0.2.2"], Told::Malformed),
            (&["for=\"192.0.2.1"], Told::Malformed),
            (&["for=\"192.0.2.1\"x"], Told::Malformed),
            (&["for="], Told::Malformed),
            (&["for"], Told::Malformed),
            (&["for=_"], Told::Malformed),
            (&["for=192.0.2.1;"], Told::Malformed),
            (&["192.0.2.1"], Told::Malformed),
        ] {
            assert_eq!(read(Chain::Forwarded, lines), found, "{lines:?}");
        }
    }

    #[test]
    fn whatever_strangers_have_written_to_the_left_changes_nothing() {
        let long = "x".repeat(7000);
        for left in [
            "10.0.0.9",
            "192.0.2.9",
            "unknown",
            "garbage",
            "\"",
            "\\",
            "\\\"",
            ",",
            ",,,",
            "for=\"",
            "for=\"10.0.0.9",
            "for=10.0.0.9;by=\"",
            "\u{fc}",
            &long,
        ] {
            let plain = read(Chain::XForwardedFor, &[&format!("{left}, 198.51.100.7, 10.0.0.1")]);
            assert_eq!(plain, client("198.51.100.7"), "{left}");
            for ours in
                ["for=198.51.100.7, for=10.0.0.1", "for=\"198.51.100.7:80\";by=\"a,b\", for=\"10.0.0.1\""]
            {
                let one = read(Chain::Forwarded, &[&format!("{left}, {ours}")]);
                assert_eq!(one, client("198.51.100.7"), "{left} {ours}");
                assert_eq!(read(Chain::Forwarded, &[left, ours]), client("198.51.100.7"), "{left} / {ours}");
            }
        }
    }

    #[test]
    fn of_two_lines_the_last_one_counts() {
        assert_eq!(read(Chain::XForwardedFor, &["192.0.2.9", "198.51.100.7"]), client("198.51.100.7"));
        assert_eq!(read(Chain::XForwardedFor, &["198.51.100.7", "10.0.0.1"]), client("198.51.100.7"));
    }

    #[test]
    fn a_row_of_proxies_has_an_end() {
        assert_eq!(
            read(Chain::XForwardedFor, &["192.0.2.1, 10.0.0.3, 10.0.0.2, 10.0.0.1"]),
            client("192.0.2.1")
        );
        let four = "192.0.2.1, 10.0.0.4, 10.0.0.3, 10.0.0.2, 10.0.0.1";
        assert_eq!(read(Chain::XForwardedFor, &[four]), Told::TooLong);
        let huge = "10.0.0.1,".repeat(100_000);
        assert_eq!(read(Chain::XForwardedFor, &[&format!("{huge}10.0.0.1")]), Told::TooLong);
        let element = format!("for={}", "x".repeat(ELEMENT_BYTES));
        assert_eq!(read(Chain::Forwarded, &[&element]), Told::Malformed);
    }
}
