//! What is wrong with the witnesses of a configuration: with their keys, for their addresses are tried when the vault is opened.

use avouch_ledger::note::{KeyType, VerifierKey};

use super::{Ledger, Witness};

/// More would be a mistake rather than more trust.
const MOST: usize = 16;

impl Ledger {
    /// What no setting of the machine could mend.
    pub(super) fn faults(&self, faults: &mut Vec<String>) {
        let mut check = |wrong: bool, text: &str| {
            if wrong {
                faults.push(format!("[ledger] {text}"));
            }
        };
        let count = self.witnesses.len();
        check(count > MOST, "witnesses are 16 at most");
        check(
            !(1..=count.max(1)).contains(&self.witness_quorum),
            "witness_quorum is 1 to the number of witnesses",
        );
        check(
            !(1..=10_080).contains(&self.unwitnessed_alarm_minutes),
            "unwitnessed_alarm_minutes is 1 to 10080",
        );
        let mut known: Vec<VerifierKey> = Vec::new();
        for (at, witness) in self.witnesses.iter().enumerate() {
            match keys(witness) {
                Err(what) => check(true, &format!("witnesses: number {} {what}", at + 1)),
                Ok(keys) => {
                    // One that counts twice would make a quorum of itself.
                    let twice = |key: &VerifierKey| {
                        known.iter().any(|other| other.name() == key.name() || other.public() == key.public())
                    };
                    check(
                        keys.iter().any(twice),
                        &format!("witnesses: number {} is there already, by its name or a key", at + 1),
                    );
                    known.extend(keys);
                }
            }
        }
    }
}

/// The keys of one witness.
fn keys(witness: &Witness) -> Result<Vec<VerifierKey>, &'static str> {
    let keys: Vec<VerifierKey> = witness
        .verifier_keys
        .iter()
        .map(|key| VerifierKey::parse(key).map_err(|_| "has a verifier key that is none"))
        .collect::<Result<_, _>>()?;
    match keys.as_slice() {
        [] => Err("has no verifier key"),
        keys if keys.iter().any(|key| key.kind() == KeyType::Ed25519) => {
            Err("has the key of a log: its signatures name no time")
        }
        [first, rest @ ..] if rest.iter().any(|key| key.name() != first.name()) => {
            Err("has keys of two names: each witness has a table of its own")
        }
        [_] | [_, _] => Ok(keys),
        _ => Err("has more than two verifier keys"),
    }
}
