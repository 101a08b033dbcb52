//! Where the server listens, what for, and whom it believes about where a caller comes from: `[[listener]]`, or `[http]` alone.
//!
//! Nobody is believed unless named. A listener that has no tables beside it serves everything, as one address always did; where there
//! are several, administration is where it is named.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use avouch_core::gate::unmapped;
use avouch_http::{Chain, ClientAddress, Face};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Config;

/// One address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    pub(crate) serves: Vec<Serves>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tls_certificate: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tls_key: Option<PathBuf>,
    #[serde(default)]
    pub(crate) client: Client,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) peers: Vec<IpNet>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hops: Option<usize>,
}

/// What is answered at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Serves {
    Api,
    Admin,
    Console,
}

impl Serves {
    pub(crate) const fn face(self) -> Face {
        match self {
            Self::Api => Face::Api,
            Self::Admin => Face::Admin,
            Self::Console => Face::Console,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        self.face().name()
    }
}

/// Who says where a caller comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Client {
    #[default]
    Direct,
    ProxyProtocol,
    Forwarded,
    XForwardedFor,
}

/// Where it listens when nobody says.
pub(super) const DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8420);
/// Proxies in a row, when nobody says.
const HOPS: usize = 4;
const MOST_HOPS: usize = 32;
const MOST_LISTENERS: usize = 16;
const MOST_PEERS: usize = 256;

impl Listener {
    pub(crate) fn serves(&self, what: Serves) -> bool {
        self.serves.contains(&what)
    }

    /// The names of what it serves.
    pub(crate) fn names(&self) -> String {
        self.serves.iter().map(|serves| serves.name()).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.tls_certificate, &mut self.tls_key].into_iter().flatten()
    }

    /// Where it is found from this machine, if it listens on this port.
    pub(crate) fn url(&self, port: u16) -> String {
        let scheme = if self.tls_certificate.is_some() { "https" } else { "http" };
        let mut address = SocketAddr::new(self.address.ip(), port);
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        format!("{scheme}://{address}")
    }

    /// Whom it believes.
    pub(crate) fn client(&self) -> ClientAddress {
        let (peers, hops) = (self.peers.clone(), self.hops.unwrap_or(HOPS));
        match self.client {
            Client::Direct => ClientAddress::Direct,
            Client::ProxyProtocol => ClientAddress::ProxyProtocol { peers },
            Client::Forwarded => ClientAddress::Forwarded { chain: Chain::Forwarded, peers, hops },
            Client::XForwardedFor => ClientAddress::Forwarded { chain: Chain::XForwardedFor, peers, hops },
        }
    }

    /// Those of its peers that are so many that hardly anybody knows them all.
    pub(crate) fn wide_peers(&self) -> impl Iterator<Item = IpNet> {
        self.peers.iter().map(|network| unmapped(*network)).filter(|network| match network {
            IpNet::V4(network) => network.prefix_len() < 8,
            IpNet::V6(network) => network.prefix_len() < 16,
        })
    }

    fn faults(&self, faults: &mut Vec<String>) {
        let mut check = |wrong: bool, text: &str| {
            if wrong {
                faults.push(format!("[[listener]] {}: {text}", self.address));
            }
        };
        let distinct: HashSet<_> = self.serves.iter().collect();
        check(
            self.serves.is_empty() || distinct.len() < self.serves.len(),
            "serves names `api`, `admin` or `console`, each once",
        );
        check(
            self.tls_certificate.is_some() != self.tls_key.is_some(),
            "tls_certificate and tls_key go together",
        );
        let direct = self.client == Client::Direct;
        check(
            !direct && self.peers.is_empty(),
            "without peers nobody is a proxy: name them, or leave client out",
        );
        check(
            direct && !self.peers.is_empty(),
            "peers go with a client that is not `direct`: nobody is believed there",
        );
        check(self.peers.len() > MOST_PEERS, "peers are 256 at most");
        let everybody = |network: &IpNet| unmapped(*network).prefix_len() == 0;
        check(
            self.peers.iter().any(everybody),
            "peers that are everybody let anybody claim to come from anywhere: name your proxies",
        );
        let by_header = matches!(self.client, Client::Forwarded | Client::XForwardedFor);
        check(
            self.hops.is_some() && !by_header,
            "hops go with client = \"forwarded\" or \"x-forwarded-for\"",
        );
        check(self.hops.is_some_and(|hops| !(1..=MOST_HOPS).contains(&hops)), "hops is 1 to 32");
    }
}

impl Config {
    /// Where it listens, with all that holds: there is at least one. Only `[http]` makes one for everything; a single table that serves
    /// the API administers too, as nobody else could.
    pub(crate) fn listeners(&self) -> Vec<Listener> {
        let (certificate, key) = (&self.http.tls_certificate, &self.http.tls_key);
        if self.listener.is_empty() {
            return vec![Listener {
                address: self.http.listen.unwrap_or(DEFAULT),
                serves: vec![Serves::Api, Serves::Admin, Serves::Console],
                tls_certificate: certificate.clone(),
                tls_key: key.clone(),
                client: Client::Direct,
                peers: Vec::new(),
                hops: None,
            }];
        }
        let mut listeners = self.listener.clone();
        for listener in &mut listeners {
            if listener.tls_certificate.is_none() && listener.tls_key.is_none() {
                listener.tls_certificate.clone_from(certificate);
                listener.tls_key.clone_from(key);
            }
        }
        if let [only] = listeners.as_mut_slice()
            && only.serves(Serves::Api)
            && !only.serves(Serves::Admin)
        {
            only.serves.push(Serves::Admin);
        }
        listeners
    }

    /// How an address is written in the file, for those who have to mend it.
    pub(crate) fn named(&self, listener: &Listener) -> String {
        let key = if self.listener.is_empty() { "[http] listen" } else { "[[listener]] address" };
        format!("{key} = \"{}\"", listener.address)
    }

    /// What no setting of the machine could mend.
    pub(super) fn listener_faults(&self, faults: &mut Vec<String>) {
        if self.listener.is_empty() {
            return;
        }
        if self.http.listen.is_some() {
            faults.push(
                "[http] listen: beside [[listener]] it would not be used; make it one of them".to_owned(),
            );
        }
        if self.listener.len() > MOST_LISTENERS {
            faults.push(format!("[[listener]]: {MOST_LISTENERS} at most"));
        }
        let mut known = HashSet::new();
        for listener in &self.listener {
            listener.faults(faults);
            if listener.address.port() != 0 && !known.insert(listener.address) {
                faults.push(format!("[[listener]] {}: is there twice", listener.address));
            }
        }
        if !self.listeners().iter().any(|listener| listener.serves(Serves::Admin)) {
            faults
                .push("[[listener]]: none serves `admin`, so nobody could administer this vault".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    fn faults(text: &str) -> String {
        let mut faults = Vec::new();
        config(text).listener_faults(&mut faults);
        faults.join("\n")
    }

    #[test]
    fn one_address_is_for_everything_and_several_are_for_what_they_say() {
        let served = |text: &str| -> Vec<_> {
            config(text)
                .listeners()
                .iter()
                .map(|listener| (listener.address.port(), listener.names()))
                .collect()
        };
        let names = |port: u16, names: &str| (port, names.to_owned());
        assert_eq!(served(""), [names(8420, "api, admin, console")]);
        assert_eq!(served("[http]\nlisten = '127.0.0.1:1'"), [names(1, "api, admin, console")]);
        let api = "[[listener]]\naddress = '127.0.0.1:1'\nserves = ['api']\n";
        assert_eq!(served(api), [names(1, "api, admin")]);
        let admin = "[[listener]]\naddress = '127.0.0.1:2'\nserves = ['admin', 'console']\n";
        assert_eq!(served(&format!("{api}{admin}")), [names(1, "api"), names(2, "admin, console")]);
    }

    #[test]
    fn a_certificate_of_all_is_of_those_that_have_none() {
        let text = "[http]\ntls_certificate = 'a'\ntls_key = 'b'\n\
                    [[listener]]\naddress = '0.0.0.0:1'\nserves = ['api']\n\
                    [[listener]]\naddress = '0.0.0.0:2'\nserves = ['admin']\ntls_certificate = 'c'\ntls_key = 'd'\n";
        let of = |listener: &Listener| listener.tls_certificate.clone().unwrap();
        let certificates: Vec<_> = config(text).listeners().iter().map(of).collect();
        assert_eq!(certificates, [PathBuf::from("a"), PathBuf::from("c")]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let both =
            "[http]\nlisten = '127.0.0.1:1'\n[[listener]]\naddress = '127.0.0.1:1'\nserves = ['api']\n";
        let twice =
            "[[listener]]\naddress = '127.0.0.1:1'\nserves = ['api', 'admin', 'api']\ntls_key = 'k'\n"
                .repeat(2);
        let none = "[[listener]]\naddress = '127.0.0.1:1'\nserves = ['console']\n[[listener]]\naddress = '127.0.0.1:2'\nserves = ['api']\n";
        let with = |keys: &str| format!("[[listener]]\naddress = '127.0.0.1:1'\nserves = ['api']\n{keys}\n");
        let all = [
            faults(both),
            faults(&twice),
            faults(none),
            faults(&with("client = 'forwarded'")),
            faults(&with("client = 'proxy-protocol'\npeers = []\nhops = 2")),
            faults(&with("peers = ['10.0.0.1/32']")),
            faults(&with("client = 'x-forwarded-for'\npeers = ['10.0.0.1/32', '::/0']\nhops = 0")),
            faults(&with("client = 'forwarded'\npeers = ['::ffff:0.0.0.0/96']")),
            faults(&with("client = 'forwarded'\npeers = ['10.0.0.0/8', 'fd00::/16']\nhops = 32")),
        ];
        insta::assert_snapshot!(all.join("\n--\n"), @r#"
        [http] listen: beside [[listener]] it would not be used; make it one of them
        --
        [[listener]] 127.0.0.1:1: serves names `api`, `admin` or `console`, each once
        [[listener]] 127.0.0.1:1: tls_certificate and tls_key go together
        [[listener]] 127.0.0.1:1: serves names `api`, `admin` or `console`, each once
        [[listener]] 127.0.0.1:1: tls_certificate and tls_key go together
        [[listener]] 127.0.0.1:1: is there twice
        --
        [[listener]]: none serves `admin`, so nobody could administer this vault
        --
        [[listener]] 127.0.0.1:1: without peers nobody is a proxy: name them, or leave client out
        --
        [[listener]] 127.0.0.1:1: without peers nobody is a proxy: name them, or leave client out
        [[listener]] 127.0.0.1:1: hops go with client = "forwarded" or "x-forwarded-for"
        --
        [[listener]] 127.0.0.1:1: peers go with a client that is not `direct`: nobody is believed there
        --
        [[listener]] 127.0.0.1:1: peers that are everybody let anybody claim to come from anywhere: name your proxies
        [[listener]] 127.0.0.1:1: hops is 1 to 32
        --
        [[listener]] 127.0.0.1:1: peers that are everybody let anybody claim to come from anywhere: name your proxies
        --
        "#);
    }

    #[test]
    fn networks_that_are_too_wide_to_know_are_found() {
        let text = "[[listener]]\naddress = '127.0.0.1:1'\nserves = ['api']\nclient = 'forwarded'\n\
                    peers = ['10.0.0.0/8', '8.0.0.0/7', 'fd00::/16', 'fc00::/7', '::ffff:0.0.0.0/100']\n";
        let wide: Vec<_> = config(text).listener[0].wide_peers().map(|network| network.to_string()).collect();
        assert_eq!(wide, ["8.0.0.0/7", "fc00::/7", "0.0.0.0/4"]);
    }
}
