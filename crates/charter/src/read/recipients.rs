//! `recipients.yaml`: who outside the company is given personal data, or tokens of it.

use ipnet::IpNet;
use jiff::civil::Date;

use super::tokens::{self, DraftRule, DraftTokens};
use super::{Draft, Keys, Names, declared, list, namespace_rule, text};
use crate::contract::{Contract, network};
use crate::model::RecipientKind;
use crate::problem::{Placed, Sink, shown};
use crate::yaml::Node;

/// A recipient as written; `None` where the part was wrong.
#[derive(Debug)]
pub(crate) struct DraftRecipient {
    pub(crate) name: Placed<String>,
    pub(crate) title: Option<String>,
    pub(crate) kind: Option<RecipientKind>,
    pub(crate) country: Option<String>,
    pub(crate) purposes: Names,
    pub(crate) fields: Names,
    pub(crate) tokens: DraftTokens,
    /// Outer `None`: it is there and wrong.
    pub(crate) contract: Option<Option<Contract>>,
    /// `None`: they are there and wrong.
    pub(crate) networks: Option<Vec<Placed<IpNet>>>,
}

const KEYS: &[&str] = &["title", "kind", "country", "purposes", "fields", "tokens", "contract", "networks"];

pub(super) fn read(tree: &Node, draft: &mut Draft, sink: &mut Sink<'_>) {
    declared(tree, "recipients", 1000, namespace_rule, sink, |name, at, node, sink| {
        let name = Placed { value: name.to_owned(), at };
        let mut recipient = DraftRecipient {
            name,
            title: None,
            kind: None,
            country: None,
            purposes: Names::default(),
            fields: Names::default(),
            tokens: DraftTokens { default: DraftRule::unsaid(at), fields: Vec::new() },
            contract: Some(None),
            networks: Some(Vec::new()),
        };
        let what = format!("recipient `{}`", recipient.name.value);
        if let Some(keys) = Keys::open(node, what, at, KEYS, sink) {
            recipient.title = keys.title("title", "...", sink);
            recipient.kind = keys.word("kind", sink);
            recipient.country = keys.country("country", sink);
            recipient.purposes = keys.names("purposes", sink);
            recipient.fields = keys.names("fields", sink);
            if let Some(node) = keys.get("tokens") {
                recipient.tokens = tokens::read(node, &recipient.name.value, sink);
            }
            if let Some(node) = keys.get("contract") {
                recipient.contract = contract(node, &recipient.name.value, sink).map(Some);
            }
            if let Some(node) = keys.get("networks") {
                recipient.networks = networks(node, sink);
            }
        }
        draft.recipients.push(recipient);
    });
}

/// `{from: 2026-01-01, until: 2027-12-31}`.
fn contract(node: &Node, recipient: &str, sink: &mut Sink<'_>) -> Option<Contract> {
    let what = format!("the contract of `{recipient}`");
    let keys = Keys::open(node, what, node.at, &["from", "until"], sink)?;
    let from = day(keys.need("from", "2026-01-01", sink)?, "from", sink);
    let until = match keys.get("until") {
        Some(node) => day(node, "until", sink).map(Some),
        None => Some(None),
    };
    let (from, until) = (from?, until?);
    if until.is_some_and(|until| until < from) {
        sink.help(
            node.at,
            format!("the contract of `{recipient}` ends before it begins"),
            "swap the two days",
        );
        return None;
    }
    Some(Contract { from, until })
}

fn day(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<Date> {
    let text = text(node, key, sink)?;
    let day = Contract::day(text);
    day.map_err(|help| sink.help(node.at, format!("`{key}` cannot be {}", shown(text)), help)).ok()
}

/// At most this many: they are looked through with every request.
const NETWORKS: usize = 64;

fn networks(node: &Node, sink: &mut Sink<'_>) -> Option<Vec<Placed<IpNet>>> {
    let items = list(node, "networks", sink)?;
    if items.len() > NETWORKS {
        sink.help(node.at, format!("`networks` has more than {NETWORKS}"), "name the networks around them");
        return None;
    }
    let mut networks: Vec<Placed<IpNet>> = Vec::new();
    let mut all = true;
    for item in items {
        let Some(text) = text(item, "networks", sink) else {
            all = false;
            continue;
        };
        match network(text) {
            Ok(value) if networks.iter().any(|known| known.value == value) => {
                sink.help(item.at, format!("{} is in the list twice", shown(text)), "keep one of them");
            }
            Ok(value) => networks.push(Placed { value, at: item.at }),
            Err(help) => {
                sink.help(item.at, format!("`networks` cannot have {}", shown(text)), help);
                all = false;
            }
        }
    }
    all.then_some(networks)
}
