//! `avouch network`: what the server's firewall can know, so that strangers are turned away before they reach the server.
//!
//! The listeners stand in the configuration, the networks of principals in the vault. Whoever writes the rules needs no more of the
//! principals than where they come from, so that is all that leaves the server (`callers`), without a name; the machine
//! that has the firewall may make its rules from that, and needs no key. The rules are a second fence: the server asks for networks
//! itself, whatever the firewall does.

mod callers;
mod rules;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ipnet::IpNet;
use serde_json::json;

use crate::cli::ConnectionArgs;
use crate::config::Config;
use crate::error::Error;
use crate::remote;

pub(crate) use callers::{Caller, Callers};
use rules::{Rules, Where};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum NetworkCommand {
    /// A firewall's rules for this server, for `nft -f`: who can be no caller is dropped
    Rules(RulesArgs),
    /// Where callers come from, without their names, in JSON: to make the rules on another machine
    Callers,
}

/// See [`NetworkCommand::Rules`].
#[derive(Debug, clap::Args)]
pub(crate) struct RulesArgs {
    /// What `avouch network callers` has written, `-` for stdin; without it the server is asked
    #[arg(long, value_name = "FILE")]
    callers: Option<PathBuf>,
    /// Networks that may come besides: who watches the server, witnesses, auditors' tools
    #[arg(long, value_delimiter = ',', value_name = "CIDR")]
    also: Vec<IpNet>,
}

/// Carries out one command.
///
/// # Errors
/// When the server does not say who its callers are, or there is nothing to write rules for.
pub(crate) fn run(
    command: NetworkCommand,
    load: impl FnOnce() -> Result<Config, Error>,
    (connection, json): (ConnectionArgs, bool),
) -> Result<ExitCode, Error> {
    match command {
        NetworkCommand::Callers => Ok(remote::show_callers(&connection.open(json)?)?),
        NetworkCommand::Rules(RulesArgs { callers, also }) => {
            let config = load()?;
            let callers = match callers {
                Some(path) => read(&path)?,
                None => remote::callers(&connection.open(json)?)?,
            };
            let rules = Rules::of(&config, &callers, &also).map_err(Error::Usage)?;
            let listeners: Vec<_> = rules
                .listeners
                .iter()
                .map(|listener| {
                    let (open, networks) = match &listener.from {
                        Where::Anywhere { .. } => (true, Vec::new()),
                        Where::Here => (false, Vec::new()),
                        Where::Networks(networks) => (false, networks.clone()),
                    };
                    json!({
                        "address": listener.address,
                        "serves": listener.serves,
                        "open": open,
                        "local": listener.from == Where::Here,
                        "networks": networks,
                    })
                })
                .collect();
            let text = rules.to_string();
            let answer = json!({ "ruleset": text, "listeners": listeners });
            Ok(remote::answer(json, &answer, || text)?)
        }
    }
}

/// More is no list of callers.
const MOST_BYTES: u64 = 16 << 20;

fn read(path: &Path) -> Result<Callers, Error> {
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().take(MOST_BYTES).read_to_string(&mut text)
    } else {
        fs::File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text))
    };
    read.map_err(Error::file(path))?;
    serde_json::from_str(&text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Error::Usage(format!("`{}` is not what `avouch network callers` writes: {place}", path.display()))
    })
}
