//! The rules as text for nftables: one table of our own, replaced whole in one step, and nothing else is touched.
//!
//! For each listener a set of IPv4 and one of IPv6 networks: of whoever may use what it serves, of its proxies, and of whoever the
//! operator names besides. Others are dropped, and some of them logged. A principal that is bound to no network may come from anywhere, so
//! a listener that one of those may use stays open, and the text says so. Nothing of it is state: whoever loses a network is cut off in the
//! middle of a connection.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;

use avouch_core::gate::unmapped;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{Caller, Callers};
use crate::config::{Client, Config, Listener, Serves};

/// See the module; [`fmt::Display`] is the text.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) listeners: Vec<Allowed>,
}

/// Who may connect to a listener.
#[derive(Debug)]
pub(super) struct Allowed {
    pub(super) address: SocketAddr,
    pub(super) serves: String,
    pub(super) from: Where,
    /// Whether only proxies connect.
    proxied: bool,
}

/// From where.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// From this machine only: it has a loopback address.
    Here,
    /// From anywhere, because so many callers are bound to no network.
    Anywhere {
        unbound: usize,
    },
    Networks(Vec<IpNet>),
}

impl Rules {
    /// For the listeners of this configuration.
    ///
    /// # Errors
    /// When a listener takes any port that is free.
    pub(super) fn of(config: &Config, callers: &Callers, also: &[IpNet]) -> Result<Self, String> {
        let listeners = config.listeners();
        if let Some(listener) = listeners.iter().find(|listener| listener.address.port() == 0) {
            return Err(format!(
                "{} takes a port that nobody knows before: give it one",
                config.named(listener)
            ));
        }
        let listeners = listeners.iter().map(|listener| Allowed {
            address: listener.address,
            serves: listener.names(),
            from: allowed(listener, callers, also),
            proxied: listener.client == Client::ProxyProtocol,
        });
        Ok(Self { listeners: listeners.collect() })
    }
}

fn allowed(listener: &Listener, callers: &Callers, also: &[IpNet]) -> Where {
    if listener.address.ip().is_loopback() {
        return Where::Here;
    }
    let mut networks: Vec<IpNet> = listener.peers.iter().chain(also).copied().map(unmapped).collect();
    // Behind the proxy protocol nobody else is answered, so nobody else need come.
    if listener.client != Client::ProxyProtocol {
        let uses: Vec<&Caller> = callers.callers.iter().filter(|caller| may_use(caller, listener)).collect();
        let unbound = uses.iter().filter(|caller| caller.networks.is_empty()).count();
        if unbound > 0 {
            return Where::Anywhere { unbound };
        }
        networks.extend(uses.iter().flat_map(|caller| &caller.networks).copied().map(unmapped));
    }
    Where::Networks(IpNet::aggregate(&networks))
}

/// Whether a caller has anything to do there.
fn may_use(caller: &Caller, listener: &Listener) -> bool {
    let face = |serves: &Serves| match serves {
        Serves::Api => true,
        Serves::Admin => caller.administers,
        Serves::Console => caller.logs_in,
    };
    listener.serves.iter().any(face)
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        let fenced: Vec<(usize, &Allowed, &Vec<IpNet>)> = self
            .listeners
            .iter()
            .enumerate()
            .filter_map(|(at, listener)| match &listener.from {
                Where::Networks(networks) => Some((at + 1, listener, networks)),
                Where::Here | Where::Anywhere { .. } => None,
            })
            .collect();
        for (at, listener) in self.listeners.iter().enumerate() {
            let Allowed { address, serves, from, proxied } = listener;
            writeln!(f, "\t# Listener {}: {address}, serves {serves}.", at + 1)?;
            match from {
                Where::Here => writeln!(f, "\t# Only this machine reaches it: no rule.\n")?,
                Where::Anywhere { unbound } => writeln!(
                    f,
                    "\t# OPEN: {unbound} who may use it are bound to no network, so anybody may connect. Bind them \
                     (`avouch principal update`),\n\t# or name administration and API on listeners of their own.\n"
                )?,
                Where::Networks(networks) => {
                    let who = if *proxied { "its proxies" } else { "whoever may use it" };
                    writeln!(f, "\t# Let in: {who}. Networks: {}. Others are dropped.", networks.len())?;
                    let (v4, v6) = split(networks);
                    set(f, &format!("listener_{}_v4", at + 1), "ipv4_addr", &v4)?;
                    set(f, &format!("listener_{}_v6", at + 1), "ipv6_addr", &v6)?;
                }
            }
        }
        f.write_str("\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n")?;
        f.write_str("\t\t# This machine itself: the server judges it.\n\t\tiifname \"lo\" accept\n")?;
        for (number, listener, _) in &fenced {
            writeln!(f, "\t\t{} jump listener_{number}", reached(listener.address))?;
        }
        f.write_str("\t}\n")?;
        for (number, listener, networks) in fenced {
            writeln!(f, "\n\tchain listener_{number} {{")?;
            writeln!(f, "\t\t{} accept", from("ip", "v4", number, &split(networks).0))?;
            writeln!(f, "\t\t{} accept", from("ip6", "v6", number, &split(networks).1))?;
            writeln!(
                f,
                "\t\tlimit rate 10/minute burst 5 packets log prefix \"avouch {} dropped: \" level info",
                listener.address.port()
            )?;
            f.write_str("\t\tcounter drop\n\t}\n")?;
        }
        f.write_str("}\n")
    }
}

const HEAD: &str = "\
# Written by `avouch network rules`, from the configuration and from where principals may come.
# `nft -c -f` checks it, `nft -f` puts it in force: the table `inet avouch` is replaced in one step, nothing else is touched.
# Write it anew when listeners or networks of principals change. `nft delete table inet avouch` takes it away.
table inet avouch
delete table inet avouch

table inet avouch {
";

/// IPv4 and IPv6 apart.
fn split(networks: &[IpNet]) -> (Vec<Ipv4Net>, Vec<Ipv6Net>) {
    let mut split = (Vec::new(), Vec::new());
    for network in networks {
        match network {
            IpNet::V4(network) => split.0.push(network.trunc()),
            IpNet::V6(network) => split.1.push(network.trunc()),
        }
    }
    split
}

fn set<T: fmt::Display + IsEverything>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    kind: &str,
    networks: &[T],
) -> fmt::Result {
    writeln!(f, "\tset {name} {{\n\t\ttype {kind}\n\t\tflags interval\n\t\tauto-merge")?;
    let mut elements = String::new();
    for network in networks.iter().filter(|network| !network.is_everything()) {
        let before = if elements.is_empty() { "" } else { "," };
        write!(elements, "{before}\n\t\t\t{network}")?;
    }
    if !elements.is_empty() {
        writeln!(f, "\t\telements = {{{elements}\n\t\t}}")?;
    }
    f.write_str("\t}\n\n")
}

/// What is sent to this address.
fn reached(address: SocketAddr) -> String {
    let port = address.port();
    match address {
        // A socket of IPv6 for all addresses takes IPv4 too.
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => format!("tcp dport {port}"),
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => format!("meta nfproto ipv4 tcp dport {port}"),
        SocketAddr::V4(v4) => format!("ip daddr {} tcp dport {port}", v4.ip()),
        SocketAddr::V6(v6) => format!("ip6 daddr {} tcp dport {port}", v6.ip()),
    }
}

/// What comes from this set.
fn from<T: IsEverything>(family: &str, suffix: &str, number: usize, networks: &[T]) -> String {
    match networks.iter().any(T::is_everything) {
        // All addresses are no interval that a set could hold on every kernel.
        true => format!("meta nfproto ip{suffix}"),
        false => format!("{family} saddr @listener_{number}_{suffix}"),
    }
}

trait IsEverything {
    fn is_everything(&self) -> bool;
}

impl IsEverything for Ipv4Net {
    fn is_everything(&self) -> bool {
        self.prefix_len() == 0
    }
}

impl IsEverything for Ipv6Net {
    fn is_everything(&self) -> bool {
        self.prefix_len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(logs_in: bool, administers: bool, networks: &[&str]) -> Caller {
        let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        Caller { logs_in, administers, networks }
    }

    fn rules(config: &str, callers: Vec<Caller>, also: &[&str]) -> Result<Rules, String> {
        let also: Vec<IpNet> = also.iter().map(|network| network.parse().unwrap()).collect();
        Rules::of(&toml::from_str(config).unwrap(), &Callers { callers }, &also)
    }

    const LISTENERS: &str = "
        [[listener]]
        address = '[::]:8443'
        serves = ['api']
        [[listener]]
        address = '10.0.0.1:8444'
        serves = ['admin']
        [[listener]]
        address = '0.0.0.0:8445'
        serves = ['api', 'console']
        client = 'proxy-protocol'
        peers = ['10.9.0.0/16', 'fd00::9']
        [[listener]]
        address = '127.0.0.1:8446'
        serves = ['api', 'admin']
    ";

    fn from(rules: &Rules) -> Vec<String> {
        let text = |listener: &Allowed| match &listener.from {
            Where::Here => "here".to_owned(),
            Where::Anywhere { unbound } => format!("anywhere: {unbound}"),
            Where::Networks(networks) => {
                networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            }
        };
        rules.listeners.iter().map(text).collect()
    }

    #[test]
    fn who_may_come_to_a_listener_is_who_may_use_it() {
        let config = LISTENERS.replace("fd00::9", "fd00::9/128");
        let shop = caller(false, false, &["192.0.2.0/25", "192.0.2.128/25", "2001:db8::/32"]);
        let admin = caller(true, true, &["10.1.0.0/16"]);
        let bound = rules(&config, vec![shop.clone(), admin.clone()], &["::ffff:198.51.100.9/128"]).unwrap();
        assert_eq!(
            from(&bound),
            [
                "10.1.0.0/16 192.0.2.0/24 198.51.100.9/32 2001:db8::/32",
                "10.1.0.0/16 198.51.100.9/32",
                "10.9.0.0/16 198.51.100.9/32 fd00::9/128",
                "here",
            ]
        );
        let roaming = caller(false, false, &[]);
        let open = rules(&config, vec![shop, admin, roaming.clone(), roaming], &[]).unwrap();
        assert_eq!(from(&open)[..2], ["anywhere: 2".to_owned(), "10.1.0.0/16".to_owned()]);
        assert_eq!(from(&open)[2], "10.9.0.0/16 fd00::9/128", "only proxies speak there");
    }

    #[test]
    fn the_text_is_whole_and_touches_one_table() {
        let config = LISTENERS.replace("fd00::9", "fd00::9/128");
        let callers =
            vec![caller(false, false, &["192.0.2.0/24", "::/0"]), caller(true, true, &["10.1.0.0/16"])];
        insta::assert_snapshot!(rules(&config, callers, &[]).unwrap(), @r#"
        # Written by `avouch network rules`, from the configuration and from where principals may come.
        # `nft -c -f` checks it, `nft -f` puts it in force: the table `inet avouch` is replaced in one step, nothing else is touched.
        # Write it anew when listeners or networks of principals change. `nft delete table inet avouch` takes it away.
        table inet avouch
        delete table inet avouch

        table inet avouch {
        	# Listener 1: [::]:8443, serves api.
        	# Let in: whoever may use it. Networks: 3. Others are dropped.
        	set listener_1_v4 {
        		type ipv4_addr
        		flags interval
        		auto-merge
        		elements = {
        			10.1.0.0/16,
        			192.0.2.0/24
        		}
        	}

        	set listener_1_v6 {
        		type ipv6_addr
        		flags interval
        		auto-merge
        	}

        	# Listener 2: 10.0.0.1:8444, serves admin.
        	# Let in: whoever may use it. Networks: 1. Others are dropped.
        	set listener_2_v4 {
        		type ipv4_addr
        		flags interval
        		auto-merge
        		elements = {
        			10.1.0.0/16
        		}
        	}

        	set listener_2_v6 {
        		type ipv6_addr
        		flags interval
        		auto-merge
        	}

        	# Listener 3: 0.0.0.0:8445, serves api, console.
        	# Let in: its proxies. Networks: 2. Others are dropped.
        	set listener_3_v4 {
        		type ipv4_addr
        		flags interval
        		auto-merge
        		elements = {
        			10.9.0.0/16
        		}
        	}

        	set listener_3_v6 {
        		type ipv6_addr
        		flags interval
        		auto-merge
        		elements = {
        			fd00::9/128
        		}
        	}

        	# Listener 4: 127.0.0.1:8446, serves api, admin.
        	# Only this machine reaches it: no rule.

        	chain input {
        		type filter hook input priority filter; policy accept;
        		# This machine itself: the server judges it.
        		iifname "lo" accept
        		tcp dport 8443 jump listener_1
        		ip daddr 10.0.0.1 tcp dport 8444 jump listener_2
        		meta nfproto ipv4 tcp dport 8445 jump listener_3
        	}

        	chain listener_1 {
        		ip saddr @listener_1_v4 accept
        		meta nfproto ipv6 accept
        		limit rate 10/minute burst 5 packets log prefix "avouch 8443 dropped: " level info
        		counter drop
        	}

        	chain listener_2 {
        		ip saddr @listener_2_v4 accept
        		ip6 saddr @listener_2_v6 accept
        		limit rate 10/minute burst 5 packets log prefix "avouch 8444 dropped: " level info
        		counter drop
        	}

        	chain listener_3 {
        		ip saddr @listener_3_v4 accept
        		ip6 saddr @listener_3_v6 accept
        		limit rate 10/minute burst 5 packets log prefix "avouch 8445 dropped: " level info
        		counter drop
        	}
        }
        "#);
    }

    #[test]
    fn without_networks_it_is_open_and_says_so() {
        let config = "[http]\nlisten = '0.0.0.0:8420'\n";
        let text = rules(config, vec![caller(true, true, &[])], &[]).unwrap().to_string();
        assert!(text.contains("# OPEN: 1 who may use it") && !text.contains("drop\n"), "{text}");
        let nobody = rules(config, Vec::new(), &[]).unwrap().to_string();
        assert!(nobody.contains("counter drop"), "nobody may call, so nobody may come: {nobody}");
        let error = rules("[http]\nlisten = '0.0.0.0:0'\n", Vec::new(), &[]).unwrap_err();
        assert!(error.contains("give it one"), "{error}");
    }
}
