//! A PostgreSQL connection string, which may hold a password: it is shown without it, and wiped after use.

use core::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

/// `postgresql://user:password@host:port/database?options`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(crate) struct DatabaseUrl(Zeroizing<String>);

impl From<String> for DatabaseUrl {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

/// How far the server of a connection string is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// On this machine: a socket or a loopback address.
    Here,
    /// Somewhere else, or at least not provably here.
    Elsewhere,
    /// Not a connection string of the form above.
    Unclear,
}

impl DatabaseUrl {
    /// The whole text, for the driver only.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether the text holds a password.
    pub(crate) fn has_password(&self) -> bool {
        self.parts().is_none_or(|parts| parts.password || parts.options.contains("password="))
    }

    /// Every host is looked at: the driver tries them all.
    pub(crate) fn reach(&self) -> Reach {
        let Some(parts) = self.parts() else { return Reach::Unclear };
        let options = parts.options.split('&').filter_map(|option| option.split_once('='));
        let more = options.filter(|(name, _)| matches!(*name, "host" | "hostaddr")).map(|(_, hosts)| hosts);
        let hosts = std::iter::once(parts.hosts).chain(more);
        let here = hosts.flat_map(|hosts| hosts.split(',')).all(is_here);
        if here { Reach::Here } else { Reach::Elsewhere }
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let rest = self.0.strip_prefix("postgresql://").or_else(|| self.0.strip_prefix("postgres://"))?;
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        Some(Parts { password: user.contains(':'), hosts, options })
    }
}

struct Parts<'a> {
    password: bool,
    hosts: &'a str,
    options: &'a str,
}

/// One host with or without a port; an empty one and a path are sockets.
fn is_here(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']').map_or(bracketed, |(name, _)| name),
        // An address of version 6 in an option has no brackets and no port.
        None if host.matches(':').count() > 1 => host,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let socket =
        name.is_empty() || name.starts_with('/') || name.starts_with("%2F") || name.starts_with("%2f");
    socket || name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Without user, password and options.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            Some(parts) => write!(f, "postgresql://{}/…", parts.hosts),
            None => f.write_str("…"),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> DatabaseUrl {
        text.to_owned().into()
    }

    #[test]
    fn only_this_machine_is_here() {
        for here in [
            "postgresql://avouch@localhost/data",
            "postgres://127.0.0.1:5432/data",
            "postgresql://avouch@[::1]:5432/data",
            "postgresql://avouch@%2Frun%2Fpostgresql/data",
            "postgresql:///data?host=/run/postgresql",
            "postgresql:///data?hostaddr=::1",
            "postgresql://a:p@ss@127.0.0.2/data",
        ] {
            assert_eq!(url(here).reach(), Reach::Here, "{here}");
        }
        for elsewhere in [
            "postgresql://db.example/data",
            "postgresql://127.0.0.1,db.example/data",
            "postgresql://localhost/data?host=db.example",
            "postgresql://localhost.example/data",
            "postgresql://localhost@192.0.2.1/data",
            "postgresql://[2001:db8::1]/data",
        ] {
            assert_eq!(url(elsewhere).reach(), Reach::Elsewhere, "{elsewhere}");
        }
        assert_eq!(url("host=db.example dbname=data").reach(), Reach::Unclear);
    }

    #[test]
    fn a_password_is_never_shown() {
        for text in ["postgresql://u:hunter2@localhost/data", "postgresql://localhost/d?password=hunter2"] {
            let url = url(text);
            assert!(url.has_password());
            let shown = format!("{url} {url:?} {}", serde_json::to_string(&url).unwrap());
            assert!(!shown.contains("hunter2") && shown.contains("localhost"), "{shown}");
        }
        assert!(!url("postgresql://u@localhost/data").has_password());
    }
}
