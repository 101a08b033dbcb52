//! The log of events: whether others sign it too, and whether they can be reached.

use std::sync::Arc;

use avouch_core::app::App;
use avouch_core::ledger::LogState;
use avouch_ledger::witness::log_id;
use avouch_wire::Ledger;

use super::Findings;
use crate::config::Config;
use crate::witnesses;

const NOBODY: &str = "witnessed by nobody: the log proves only what its own operator says; see \"Witnesses\" in docs/operations.md";

/// Without an open vault: whether anybody is named.
pub(super) fn witnesses(config: &Config, findings: &mut Findings) {
    if config.ledger.witnesses.is_empty() {
        findings.warn("ledger", NOBODY);
    }
}

/// With the vault open, which has asked them already.
pub(super) fn vault(config: &Config, app: &Arc<App>, findings: &mut Findings) {
    let (sender, answer) = std::sync::mpsc::sync_channel(1);
    app.log_state(move |state| drop(sender.send(state)));
    let state = match answer.recv() {
        Ok(Ok(state)) => state,
        _ => return findings.fail("ledger", "its state cannot be read"),
    };
    if let Some(fault) = &state.fault {
        findings.fail("ledger", fault.as_str());
    }
    match witnesses::configured(config) {
        Ok(configured) => {
            for witness in &configured.list {
                reach(witness, &state, findings);
            }
        }
        Err(error) => findings.fail("ledger", error.to_string()),
    }
}

/// What one of them has signed of the log that goes on.
fn reach(witness: &avouch_core::ledger::Witness, state: &LogState, findings: &mut Findings) {
    let (Some(log), name) = (state.logs.first(), witness.name()) else { return };
    let signed = state.published.as_ref().map_or(0, |newest| newest.checkpoint.size);
    match witness.line.checkpoint(&log_id(&log.origin)) {
        Ok(Some(_)) => findings.ok("ledger", format!("witness `{name}` signs this log, which has signed {signed} leaves")),
        Ok(None) => findings.warn(
            "ledger",
            format!("witness `{name}` has signed nothing of this log: hand its operator what `avouch ledger verifier-keys` prints"),
        ),
        Err(error) => findings.warn("ledger", format!("witness `{name}` cannot be asked: {error}")),
    }
}

/// What a server at work says of its log.
pub(super) fn server(ledger: &Ledger, findings: &mut Findings) {
    if let Some(fault) = &ledger.fault {
        findings.fail("ledger", fault.as_str());
    }
    match &ledger.warning {
        // That there is none is said already.
        Some(warning) if !ledger.witnesses.is_empty() => findings.fail("ledger", warning.as_str()),
        Some(_) => {}
        None => findings.ok("ledger", format!("witnessed by {}", ledger.witnesses.join(", "))),
    }
}
