//! Where events are sent to: `[[siem]]`, once for each place. Secrets stand in files of their own, never here.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::PathBuf;

use avouch_wire::EventFormat;
use serde::{Deserialize, Serialize};

/// One place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Siem {
    /// How far it is is kept under this name.
    pub(crate) name: String,
    pub(crate) kind: SiemKind,
    /// `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// `syslog`: `host:port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    #[serde(default = "ocsf")]
    pub(crate) format: EventFormat,
    /// The only authorities to trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
    /// `https`: what stands in `Authorization`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_file: Option<PathBuf>,
    /// What is shown to the receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<PathBuf>,
    /// `syslog`: whether by TLS.
    #[serde(default = "yes")]
    pub(crate) tls: bool,
    #[serde(default = "batch")]
    pub(crate) batch: u64,
    /// Not encrypted to another machine.
    #[serde(default)]
    pub(crate) allow_plain: bool,
}

/// How it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SiemKind {
    /// JSON Lines in a POST.
    Https,
    /// RFC 5424, by TLS (RFC 5425).
    Syslog,
}

const fn ocsf() -> EventFormat {
    EventFormat::Ocsf
}

const fn yes() -> bool {
    true
}

const fn batch() -> u64 {
    500
}

impl Siem {
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.ca, &mut self.token_file, &mut self.certificate, &mut self.key].into_iter().flatten()
    }

    /// What no setting of the machine could mend.
    pub(super) fn faults(all: &[Self], faults: &mut Vec<String>) {
        let mut names = HashSet::new();
        for siem in all {
            siem.own_faults(faults);
            if !names.insert(&siem.name) {
                faults.push("[[siem]] name: two places have the same name".to_owned());
            }
        }
    }

    fn own_faults(&self, faults: &mut Vec<String>) {
        let mut check = |wrong: bool, text: &str| {
            if wrong {
                faults.push(format!("[[siem]] {text}"));
            }
        };
        let simple =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        check(
            !(1..=60).contains(&self.name.len()) || !self.name.bytes().all(simple),
            "name is 1 to 60 of a-z, 0-9, - and _",
        );
        check(!(1..=5_000).contains(&self.batch), "batch is 1 to 5000");
        check(self.certificate.is_some() != self.key.is_some(), "certificate and key go together");
        match self.kind {
            SiemKind::Https => {
                check(self.url.is_none(), "kind = \"https\" wants a url");
                check(self.address.is_some(), "address goes with kind = \"syslog\"");
                check(!self.tls, "tls goes with kind = \"syslog\": a url says it by itself");
            }
            SiemKind::Syslog => {
                check(self.url.is_some(), "url goes with kind = \"https\"");
                check(self.token_file.is_some(), "token_file goes with kind = \"https\"");
                check(self.parts().is_none(), "kind = \"syslog\" wants an address: host:port");
                let own = self.parts().is_none_or(|(host, _)| loopback(host));
                check(
                    !self.tls && !own && !self.allow_plain,
                    "tls = false: events would be sent in clear to another machine; say allow_plain = true if so they \
                     should",
                );
                let encrypted = self.ca.is_some() || self.certificate.is_some();
                check(!self.tls && encrypted, "ca, certificate and key go with tls = true");
            }
        }
    }

    /// Host and port of the address.
    pub(crate) fn parts(&self) -> Option<(&str, u16)> {
        let (host, port) = self.address.as_ref()?.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some((host, port.parse().ok()?)).filter(|(host, port)| !host.is_empty() && *port > 0)
    }
}

pub(super) fn loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
