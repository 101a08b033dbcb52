//! Who is told of what, and by which way: `[mail]` and `[alarms]`. Secrets stand in files of their own, never here.

use std::collections::HashSet;
use std::path::PathBuf;

use avouch_core::outbox::{Channel, OutboxSettings};
use serde::{Deserialize, Serialize};

use super::siem::loopback;

/// How mail leaves the house.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Mail {
    /// `host:port` of the server that takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<String>,
    /// Whom it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    pub(crate) tls: MailTls,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password_file: Option<PathBuf>,
    /// The only authorities to trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
}

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MailTls {
    /// From the second word on (RFC 3207); without it nothing is sent.
    #[default]
    Starttls,
    /// From the first byte on (RFC 8314).
    Implicit,
    /// Not at all: only to this machine.
    None,
}

/// Who is told of alarms.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Alarms {
    /// By mail.
    pub(crate) mail: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) webhook: Vec<Webhook>,
}

/// A program that is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Webhook {
    pub(crate) name: String,
    pub(crate) url: String,
    /// What it knows our messages by: `whsec_…`, as Standard Webhooks has it.
    pub(crate) secret_file: PathBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
}

/// The most that are told of one alarm.
const MOST: usize = 20;

impl Mail {
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.password_file, &mut self.ca].into_iter().flatten()
    }

    /// Host and port of the server.
    pub(crate) fn parts(&self) -> Option<(&str, u16)> {
        let (host, port) = self.server.as_ref()?.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some((host, port.parse().ok()?)).filter(|(host, port)| !host.is_empty() && *port > 0)
    }

    fn faults(&self, faults: &mut Vec<String>) {
        let mut check = |wrong: bool, text: &str| {
            if wrong {
                faults.push(format!("[mail] {text}"));
            }
        };
        check(self.server.is_some() && self.parts().is_none(), "server is host:port");
        check(self.server.is_some() != self.from.is_some(), "server and from go together");
        check(self.user.is_some() != self.password_file.is_some(), "user and password_file go together");
        let here = self.parts().is_none_or(|(host, _)| loopback(host));
        check(
            self.tls == MailTls::None && !here,
            "tls = \"none\" is for a server on this machine: on the way to another everybody could read along",
        );
        check(self.tls == MailTls::None && self.ca.is_some(), "ca goes with tls");
    }
}

impl Alarms {
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.webhook.iter_mut().flat_map(|hook| std::iter::once(&mut hook.secret_file).chain(&mut hook.ca))
    }

    pub(super) fn faults(&self, mail: &Mail, faults: &mut Vec<String>) {
        mail.faults(faults);
        let mut check = |wrong: bool, text: &str| {
            if wrong {
                faults.push(format!("[alarms] {text}"));
            }
        };
        check(!self.mail.is_empty() && mail.server.is_none(), "mail goes with server in [mail]");
        check(self.mail.len() + self.webhook.len() > MOST, "at most 20 are told of one alarm");
        let mut names = HashSet::new();
        let twice = self.webhook.iter().any(|hook| !names.insert(&hook.name));
        check(twice, "webhook: two have the same name");
    }

    /// Who is told.
    pub(crate) fn settings(&self, mail: &Mail) -> OutboxSettings {
        let mails = self.mail.iter().cloned().map(Channel::Mail);
        let hooks = self.webhook.iter().map(|hook| Channel::Hook(hook.name.clone()));
        OutboxSettings { alarms: mails.chain(hooks).collect(), mail: mail.server.is_some() }
    }
}
