//! The address of a service: a scheme, a host, perhaps a port and a path before its own.

use core::fmt;
use std::net::IpAddr;

use avouch_seal::{Error, Result};
use ureq::http::Uri;

/// An address that a secret may be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    text: String,
    authority: String,
    bare: bool,
    https: bool,
    loopback: bool,
}

impl Address {
    /// [`Error::Parameters`], which repeats nothing: what stands before an `@` may be a password.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let refused = |text| Err(Error::Parameters(text));
        let Ok(uri) = text.parse::<Uri>() else { return refused("the address is not a URL") };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return refused("the address is written https://host:port");
        };
        if authority.host().is_empty() || authority.as_str().contains('@') || uri.query().is_some() {
            return refused("the address has a host, and neither a user nor a query");
        }
        let loopback = is_loopback(authority.host());
        let https = match scheme {
            "https" => true,
            "http" if loopback => false,
            "http" => return refused("the address is not on this machine, so it needs https"),
            _ => return refused("the address is written https://host:port"),
        };
        let path = uri.path().trim_end_matches('/');
        if path.contains("//") || path.split('/').any(|part| matches!(part, "." | "..")) {
            return refused("the path in the address has empty parts, or dots");
        }
        let text = format!("{scheme}://{authority}{path}");
        Ok(Self { text, authority: authority.to_string(), bare: path.is_empty(), https, loopback })
    }

    /// Whether it is a host alone, without a path.
    pub(crate) const fn is_bare(&self) -> bool {
        self.bare
    }

    /// Host and port, as the `host` header has them.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) const fn is_https(&self) -> bool {
        self.https
    }

    /// Whether it is this machine.
    pub(crate) const fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_the_loopback() {
        for (text, shown) in [
            ("http://127.0.0.1:8200", "http://127.0.0.1:8200"),
            ("http://localhost/", "http://localhost"),
            ("http://[::1]:80", "http://[::1]:80"),
            ("https://bao.example.org:8200/behind/", "https://bao.example.org:8200/behind"),
        ] {
            assert_eq!(Address::read(text).unwrap().to_string(), shown);
        }
        for text in
            ["http://bao.example.org", "http://127.0.0.1.example.org", "http://10.0.0.1", "http://0.0.0.0"]
        {
            assert_eq!(
                Address::read(text),
                Err(Error::Parameters("the address is not on this machine, so it needs https"))
            );
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "bao.example.org",
            "bao.example.org:8200",
            "/v1",
            "ftp://bao.example.org",
            "https://",
            "https://ada:geheim@bao.example.org",
            "http://127.0.0.1@bao.example.org",
            "https://bao.example.org?x=1",
            "https://bao.example.org/a//b",
            "https://bao.example.org/../b",
        ] {
            let refused = Address::read(text).unwrap_err();
            assert!(matches!(refused, Error::Parameters(_)), "{text}: {refused:?}");
        }
    }

    #[test]
    fn a_path_is_seen() {
        let bare = |text| Address::read(text).unwrap().is_bare();
        assert!(bare("https://kms.example.org") && bare("https://kms.example.org:443/"));
        assert!(!bare("https://kms.example.org/kms.example.org"));
    }
}
