//! How the vault is: numbers for operators, never a name.

use avouch_policy::Action;
use avouch_store::{Tx, params, statements};

use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit};
use crate::rules::Rules;

statements! {
    data COUNT_SUBJECTS = "select count(*) from record";
    data COUNT_ERASURES = "select count(*) from erasure";
    keys KEK_EPOCHS = "select kek.epoch, count(subject_key.subject) from kek left join subject_key on subject_key.epoch = kek.epoch group by kek.epoch order by kek.epoch";
    keys GENERATION = "select generation from keyring where seal = ?1";
}

/// Which keys exist and how old they are.
#[derive(Debug, Clone, Copy)]
pub struct ReadKeys;

/// See [`ReadKeys`].
#[derive(Debug, Clone)]
pub struct KeyStatus {
    /// Generation of the keyring under its primary root seal.
    pub generation: u64,
    /// Key-encryption keys, by epoch, and how many keys of people each wraps; the last one wraps new keys.
    pub kek_epochs: Vec<(u64, u64)>,
    /// Erasures whose keys are not destroyed yet.
    pub pending_erasures: u64,
}

impl KeyStatus {
    /// Keys of people.
    #[must_use]
    pub fn subject_keys(&self) -> u64 {
        self.kek_epochs.iter().map(|(_, subject_keys)| subject_keys).sum()
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

    fn run(&self, tx: &mut Tx<'_>, _cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<KeyStatus>, Error> {
        let generation = tx.first(&GENERATION, params!["primary"], |row| row.int(0))?.unwrap_or(0);
        let status = KeyStatus {
            generation: generation.cast_unsigned(),
            kek_epochs: tx.query(&KEK_EPOCHS, &[], |row| {
                Ok((row.int(0)?.cast_unsigned(), row.int(1)?.cast_unsigned()))
            })?,
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
