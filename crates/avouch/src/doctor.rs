//! `avouch doctor`: what is wrong, or soon will be, with the server on this machine. One line a check; exit code 1 when
//! one fails.
//!
//! With the server stopped it opens the vault itself, which is on record like any opening. With the server at work it
//! leaves the vault alone, looks at what lies outside, and asks the server whether it is ready.

mod checks;
mod ledger;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use crate::config::Config;
use crate::error::Error;
use crate::files::Lock;
use crate::memory::{Locked, Memory};
use crate::vault::Vault;
use crate::{host, remote};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Ok,
    Warn,
    Fail,
}

/// One check.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    name: &'static str,
    state: State,
    detail: String,
}

/// The checks so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Check>);

impl Findings {
    fn add(&mut self, state: State, name: &'static str, detail: impl Into<String>) {
        self.0.push(Check { name, state, detail: detail.into() });
    }

    fn ok(&mut self, name: &'static str, detail: impl Into<String>) {
        self.add(State::Ok, name, detail);
    }

    fn warn(&mut self, name: &'static str, detail: impl Into<String>) {
        self.add(State::Warn, name, detail);
    }

    fn fail(&mut self, name: &'static str, detail: impl Into<String>) {
        self.add(State::Fail, name, detail);
    }
}

/// `avouch doctor`.
///
/// # Errors
/// When stdout is closed; what is found wrong is no error but an answer.
pub(crate) fn run(config_path: &Path, json: bool, memory: &Memory) -> Result<ExitCode, Error> {
    let mut findings = Findings::default();
    match Config::load(config_path, host::credentials_directory().as_deref()) {
        Ok(config) => {
            findings.ok("config", config_path.display().to_string());
            examine(&config, config_path, memory, &mut findings);
        }
        Err(error) => findings.fail("config", error.to_string()),
    }
    let failed = findings.0.iter().any(|check| check.state == State::Fail);
    let text = if json { as_json(&findings, failed) } else { as_text(&findings) };
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(remote::CliError::from)?;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn examine(config: &Config, config_path: &Path, memory: &Memory, findings: &mut Findings) {
    let memory = &of_server(config, memory);
    checks::settings(config, config_path, memory, findings);
    checks::process(findings);
    checks::memory(memory, findings);
    checks::clock(config, findings);
    checks::disk(config, findings);
    checks::root(config, findings);
    checks::recovery(config, findings);
    checks::listeners(config, findings);
    checks::tls(config, findings);
    checks::metrics(config, findings);
    ledger::witnesses(config, findings);
    if !config.vault.data_dir.is_dir() {
        findings.fail("vault", "there is none: run `avouch init`");
        return;
    }
    match Lock::take(&config.lock_path()) {
        Ok(None) => {
            findings.ok("lock", "a server is at work; the vault itself is not examined while it is");
            checks::server(config, findings);
        }
        Ok(Some(lock)) => {
            findings.ok("lock", "no server is at work");
            drop(lock);
            match Vault::open(config) {
                Ok(vault) => {
                    findings.ok("vault", "opens: both stores, their migrations, the root and the keyring");
                    checks::vault(config, &vault.app, findings);
                    ledger::vault(config, &vault.app, findings);
                    if let Err(error) = vault.close() {
                        findings
                            .fail("events", format!("the end of this visit could not be recorded: {error}"));
                    }
                }
                Err(error) => findings.fail("vault", error.whole()),
            }
        }
        Err(error) => findings.fail("lock", error.to_string()),
    }
}

/// What a server at work has locked, which may have other limits than we; ours, when none is.
fn of_server(config: &Config, ours: &Memory) -> Memory {
    let server = Lock::holder(&config.lock_path()).and_then(|id| Locked::of(Path::new(host::PROC), id));
    Memory { lock: server.unwrap_or(ours.lock), swap: ours.swap.clone() }
}

fn as_text(findings: &Findings) -> String {
    let mut text = String::new();
    for Check { name, state, detail } in &findings.0 {
        let state = match state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "FAIL",
        };
        text.push_str(&format!("{state:<5} {name:<12} {}\n", detail.replace('\n', "\n                   ")));
    }
    text
}

fn as_json(findings: &Findings, failed: bool) -> String {
    let value = serde_json::json!({ "ok": !failed, "checks": findings.0 });
    format!("{value:#}\n")
}
