//! Policies (c2sp.org/tlog-policy): which logs are believed, and how many of which witnesses have to have signed.
//!
//! ```text
//! log <verifier key> [<url>]
//! witness <name> <verifier key> [<url>]
//! group <name> all|any|<number> <name>…      of witnesses and groups that were named above
//! quorum <name>|none
//! ```
//! Words between spaces and tabs; empty lines and those that begin with `#` are passed over. A policy is refused with
//! everything that is wrong with it. Whoever can change a policy can make whoever reads it believe any log.

use crate::note::{Opened, VerifierKey, open_checkpoint};
use crate::{Error, Result};

mod parse;

pub use parse::{MAX_POLICY, Problem};

/// A log that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Its key, which goes by its origin.
    pub key: VerifierKey,
    /// Where it is, if that is said.
    pub url: Option<String>,
}

/// A witness that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// What it is called within the policy, and nowhere else.
    pub name: String,
    /// Its key.
    pub key: VerifierKey,
    /// Where it takes checkpoints, if that is said.
    pub url: Option<String>,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    quorum: Rule,
}

/// Who has to have signed. Each witness is in it once at most.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Nobody,
    /// One, by its place in the list.
    Witness(usize),
    /// So many of these.
    Group(usize, Vec<Self>),
}

impl Rule {
    fn is_met(&self, signed: &[bool]) -> bool {
        match self {
            Self::Nobody => true,
            Self::Witness(at) => signed.get(*at).copied().unwrap_or_default(),
            Self::Group(least, members) => {
                members.iter().filter(|member| member.is_met(signed)).count() >= *least
            }
        }
    }

    /// The witnesses that would help, in their order.
    fn missing(&self, signed: &[bool], missing: &mut Vec<usize>) {
        match self {
            Self::Witness(at) if !self.is_met(signed) => missing.push(*at),
            Self::Group(_, members) if !self.is_met(signed) => {
                members.iter().for_each(|member| member.missing(signed, missing));
            }
            _ => {}
        }
    }
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// Everything that is wrong with it, by lines.
    pub fn parse(text: &str) -> core::result::Result<Self, Vec<Problem>> {
        parse::parse(text)
    }

    /// The logs, in their order.
    #[must_use]
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The witnesses, in their order.
    #[must_use]
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// Whether nobody but the log has to sign: then a checkpoint is what the log says, and no more.
    #[must_use]
    pub fn wants_no_witness(&self) -> bool {
        self.quorum == Rule::Nobody
    }

    /// Verifies a checkpoint, and says where it stands.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is none, [`Error::Forged`] if a line of a log or a witness is not right,
    /// [`Error::Unsigned`] if no log has signed it as its own.
    pub fn open(&self, note: &str) -> Result<Standing<'_>> {
        let witnesses = self.witnesses.iter().map(|witness| &witness.key);
        let opened = open_checkpoint(note, self.logs.iter().map(|log| &log.key).chain(witnesses))?;
        let has_signed = |key: &VerifierKey| opened.signatures().iter().any(|signature| signature.key == key);
        let origin = &opened.checkpoint().origin;
        let log = self.logs.iter().find(|log| log.key.name() == origin && has_signed(&log.key));
        let log = log.ok_or(Error::Unsigned)?;
        // Without a time a cosignature does not say that its tree was the newest.
        let signed: Vec<bool> = self
            .witnesses
            .iter()
            .map(|witness| {
                let mut signatures = opened.signatures().iter();
                signatures.any(|signature| *signature.key == witness.key && signature.time.is_some())
            })
            .collect();
        let mut missing = Vec::new();
        self.quorum.missing(&signed, &mut missing);
        let named = |at: usize| self.witnesses.get(at);
        let met = self.quorum.is_met(&signed);
        let signed = self.witnesses.iter().zip(&signed).filter(|(_, signed)| **signed);
        let witnesses = signed.map(|(witness, _)| witness).collect();
        let missing = missing.into_iter().filter_map(named).collect();
        Ok(Standing { log, witnesses, missing, met, opened })
    }
}

/// A checkpoint that a log of the policy has signed, and who else has.
#[derive(Debug, Clone)]
#[must_use = "that the log has signed does not mean that enough witnesses have"]
pub struct Standing<'p> {
    opened: Opened<'p>,
    log: &'p Log,
    witnesses: Vec<&'p Witness>,
    missing: Vec<&'p Witness>,
    met: bool,
}

impl<'p> Standing<'p> {
    /// The checkpoint, whoever has or has not witnessed it.
    pub const fn opened(&self) -> &Opened<'p> {
        &self.opened
    }

    /// The first log of the policy that has signed it as its own.
    #[must_use]
    pub const fn log(&self) -> &'p Log {
        self.log
    }

    /// The witnesses that have signed it, also those beyond what is wanted.
    #[must_use]
    pub fn witnesses(&self) -> &[&'p Witness] {
        &self.witnesses
    }

    /// The witnesses whose signatures would help: none where the quorum is met.
    #[must_use]
    pub fn missing(&self) -> &[&'p Witness] {
        &self.missing
    }

    /// Whether as many have signed as the policy wants, which may be nobody.
    #[must_use]
    pub const fn is_witnessed(&self) -> bool {
        self.met
    }

    /// The checkpoint, if it is witnessed as the policy wants.
    ///
    /// # Errors
    /// [`Error::Unwitnessed`].
    pub fn witnessed(self) -> Result<Opened<'p>> {
        if self.met { Ok(self.opened) } else { Err(Error::Unwitnessed) }
    }
}

#[cfg(test)]
mod tests;
