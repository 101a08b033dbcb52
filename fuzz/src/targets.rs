//! The targets. Each takes any bytes, makes of them what its subject is fed with, and asserts what must hold.
//!
//! Bytes that are too few for what a target wants of them are an input with nothing to check, never a
//! finding. A target draws no randomness but the nonces that sealing draws: an input that is kept fails
//! again.

use arbitrary::Unstructured;

mod callers;
mod charter;
mod ff1;
mod formats;
mod formulas;
mod json;
mod jwks;
mod ledger;
mod logins;
mod notes;
mod policies;
mod proofs;
mod receipts;
mod scim;
mod seal;
mod search;
mod streams;
mod tables;
mod texts;
mod tokens;
mod transit;
mod values;
mod witness;

/// One property, or a few that belong together, and its name on the command line.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of its module, and of its directories for seeds and artifacts.
    pub name: &'static str,
    check: fn(Unstructured<'_>) -> arbitrary::Result<()>,
}

impl Target {
    /// The target of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Holds the property against one input.
    ///
    /// # Panics
    /// It does not hold.
    pub fn check(&self, data: &[u8]) {
        let _too_few_bytes = (self.check)(Unstructured::new(data));
    }
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "callers", check: callers::check },
    Target { name: "charter", check: charter::check },
    Target { name: "ff1", check: ff1::check },
    Target { name: "formats", check: formats::check },
    Target { name: "formulas", check: formulas::check },
    Target { name: "json", check: json::check },
    Target { name: "jwks", check: jwks::check },
    Target { name: "ledger", check: ledger::check },
    Target { name: "logins", check: logins::check },
    Target { name: "notes", check: notes::check },
    Target { name: "policies", check: policies::check },
    Target { name: "proofs", check: proofs::check },
    Target { name: "receipts", check: receipts::check },
    Target { name: "scim", check: scim::check },
    Target { name: "seal", check: seal::check },
    Target { name: "search", check: search::check },
    Target { name: "streams", check: streams::check },
    Target { name: "tables", check: tables::check },
    Target { name: "texts", check: texts::check },
    Target { name: "tokens", check: tokens::check },
    Target { name: "transit", check: transit::check },
    Target { name: "values", check: values::check },
    Target { name: "witness", check: witness::check },
];
