//! How the vault is: numbers for operators, never a name.

use avouch_policy::Action;
use avouch_store::{Tx, statements};

use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::backup;
use crate::gate::{Intent, Permit};
use crate::rules::Rules;

statements! {
    data COUNT_SUBJECTS = "select count(*) from record";
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
    /// When both stores were last restored although nobody knew who had been erased since; microseconds UTC.
    pub endings_stated: Option<i64>,
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
        let subjects = tx.first(&COUNT_SUBJECTS, &[], |row| row.int(0))?.unwrap_or(0).cast_unsigned();
        let endings_stated = backup::endings_stated(tx, &cx.app.keys)?;
        let status = Status { subjects, charter_version: cx.rules.version, vault, endings_stated };
        Ok(Outcome::new(status, Note::count(0)))
    }
}
