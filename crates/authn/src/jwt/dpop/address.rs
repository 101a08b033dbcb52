//! Whether two addresses are one, as RFC 9449, section 4.3, wants it: without query and fragment, and in the
//! normal form of RFC 3986, sections 6.2.2 and 6.2.3.

use url::Url;

/// Bytes of an address.
pub const MOST_ADDRESS: usize = 2_048;

/// Whether both are addresses, and the same one. What is no plain `http` or `https` address is the same as
/// nothing.
#[must_use]
pub fn same_address(one: &str, other: &str) -> bool {
    normal(one).is_some_and(|one| normal(other) == Some(one))
}

/// The normal form. What browsers forgive, a backslash, a blank, a missing slash, is not forgiven here.
fn normal(address: &str) -> Option<String> {
    if address.len() > MOST_ADDRESS || !address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return None;
    }
    let address = address.split(['#', '?']).next()?;
    let (scheme, rest) = address.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_web = ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
    if !is_web || host.is_empty() || host.contains(['@', '%']) {
        return None;
    }
    // Scheme and host in lower case, the default port and dot segments away: that is the library's.
    Url::parse(&format!("{scheme}://{host}{}", escapes(path)?)).ok().map(String::from)
}

/// Every escape in upper case, and none of what needs none.
fn escapes(path: &str) -> Option<String> {
    let mut pieces = path.split('%');
    let mut written = pieces.next()?.to_owned();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            written.push(char::from(byte));
        } else {
            written.push_str(&format!("%{byte:02X}"));
        }
        written.push_str(rest);
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_one_address() {
        let address = "https://server.example.com/a/token~1";
        for other in [
            address,
            "HTTPS://SERVER.example.com/a/token~1",
            "https://server.example.com:443/a/token~1",
            "https://server.example.com/a/token~1?x=/y#z",
            "https://server.example.com/a/token~1#?",
            "https://server.example.com/a/%74oken%7e1",
            "https://server.example.com/b/../a/./token~1",
            "https://server.example.com/b/%2e%2E/a/token~1",
        ] {
            assert!(same_address(address, other) && same_address(other, address), "{other}");
        }
        assert!(same_address("https://a.example", "https://a.example/"));
        assert!(same_address("http://a.example:80/%c3%a9", "http://a.example/%C3%A9"));
    }

    #[test]
    fn other_addresses_and_what_is_none() {
        let address = "https://server.example.com/a/token";
        for other in [
            "http://server.example.com/a/token",
            "https://server.example.com:8443/a/token",
            "https://server.example.com.evil.example/a/token",
            "https://evil.example/a/token",
            "https://server.example.com/A/token",
            "https://server.example.com/a/token/",
            "https://server.example.com/a%2Ftoken",
            "https://server.example.com/a/token%00",
            "https://server.example.com//a/token",
            "https://x@server.example.com/a/token",
            "https://@server.example.com/a/token",
            "https:\\\\server.example.com\\a\\token",
            "https://server.example.com\\a\\token",
            "https:/server.example.com/a/token",
            "https:///server.example.com/a/token",
            "https:server.example.com/a/token",
            " https://server.example.com/a/token",
            "https://server.example.com/a/to\tken",
            "https://server.example.com/a/toke%6",
            "https://server.example.com/a/toke%+e",
            "https://server%2eexample.com/a/token",
            "//server.example.com/a/token",
            "/a/token",
            "",
        ] {
            assert!(!same_address(address, other) && !same_address(other, address), "{other}");
            assert!(!same_address(address, &format!("{other}?{address}")), "{other}");
        }
        assert!(!same_address("https://a.example/%+F", "https://a.example/%0F"), "a sign is no digit");
        assert!(!same_address("", "") && !same_address("mailto:a@b", "mailto:a@b"));
        let long = format!("https://a.example/{}", "a".repeat(MOST_ADDRESS));
        assert!(!same_address(&long, &long));
    }
}
