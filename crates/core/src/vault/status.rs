//! How the vault is: numbers for operators, never a name.

use std::collections::BTreeMap;

use avouch_policy::Action;
use avouch_store::{Tx, statements};

use crate::Error;
use crate::app::{App, Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit};
use crate::keys::SealState;
use crate::rules::Rules;

statements! {
    data COUNT_SUBJECTS = "select count(*) from record";
    data COUNT_ERASURES = "select count(*) from erasure";
    keys KEK_EPOCHS = "select epoch from kek order by epoch";
    keys COUNT_BY_EPOCH = "select epoch, count(*) from subject_key group by epoch";
    keys GENERATION = "select generation from keyring where id = 1";
}

/// Which keys exist and how old they are.
#[derive(Debug, Clone, Copy)]
pub struct ReadKeys;

/// See [`ReadKeys`].
#[derive(Debug, Clone)]
pub struct KeyStatus {
    /// The seals around the keyring.
    pub seals: Vec<SealState>,
    /// Generation of the keyring: it has one more after each change.
    pub generation: u64,
    /// Key-encryption keys, by epoch; the last one wraps new keys.
    pub kek_epochs: Vec<u64>,
    /// Erasures whose keys are not destroyed yet.
    pub pending_erasures: u64,
}

impl App {
    /// How many keys of people each epoch wraps, by epoch. Looks at all of them, beside the writers: for whoever was permitted
    /// to read the keys' state.
    pub fn count_keys(&self, answer: impl FnOnce(Result<BTreeMap<u64, u64>, Error>) + Send + 'static) {
        let counts = |tx: &mut Tx<'_>| {
            let rows = tx.query(&COUNT_BY_EPOCH, &[], |row| {
                Ok((row.int(0)?.cast_unsigned(), row.int(1)?.cast_unsigned()))
            })?;
            Ok(rows.into_iter().collect())
        };
        self.store.read(counts, answer);
    }
}

fn count(tx: &mut Tx<'_>, statement: &'static avouch_store::Statement) -> Result<u64, Error> {
    Ok(tx.first(statement, &[], |row| row.int(0))?.unwrap_or(0).cast_unsigned())
}

impl Operation for ReadKeys {
    const ACTION: Action = Action::KeyRead;
    type Output = KeyStatus;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<KeyStatus>, Error> {
        let generation = tx.first(&GENERATION, &[], |row| row.int(0))?.unwrap_or(0);
        let status = KeyStatus {
            seals: cx.app.seal_states(tx)?,
            generation: generation.cast_unsigned(),
            kek_epochs: tx.query(&KEK_EPOCHS, &[], |row| Ok(row.int(0)?.cast_unsigned()))?,
            pending_erasures: count(tx, &COUNT_ERASURES)?,
        };
        Ok(Outcome::new(status, Note::count(0)))
    }
}

/// Whether the vault works, and how full it is.
#[derive(Debug, Clone, Copy)]
pub struct ReadStatus;

/// See [`ReadStatus`].
#[derive(Debug, Clone)]
pub struct Status {
    /// People in the vault.
    pub subjects: u64,
    /// The version of the charter in force.
    pub charter_version: u32,
    /// The vault's id, in hexadecimal.
    pub vault: String,
}

impl Operation for ReadStatus {
    const ACTION: Action = Action::SystemStatus;
    type Output = Status;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Status>, Error> {
        let vault = cx.app.keys.vault().0.iter().map(|byte| format!("{byte:02x}")).collect();
        let status =
            Status { subjects: count(tx, &COUNT_SUBJECTS)?, charter_version: cx.rules.version, vault };
        Ok(Outcome::new(status, Note::count(0)))
    }
}
