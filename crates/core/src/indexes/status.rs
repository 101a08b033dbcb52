//! Which indexes there are, how far each is, and whether a field that is to be unique is.

use avouch_policy::Action;
use avouch_store::{Tx, statements};

use super::rows::{Row, Rows, Stage};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit};
use crate::ids::SubjectId;
use crate::rules::Rules;

statements! {
    data COUNT_RECORDS = "select count(*) from record";
}

/// All indexes.
#[derive(Debug, Clone, Copy)]
pub struct ReadIndexes;

/// One of them.
#[derive(Debug, Clone)]
pub struct IndexState {
    /// Its number, given once.
    pub number: u32,
    /// The field or compound that it is of.
    pub name: String,
    /// `exact`, `prefix`, `fuzzy`, `range` or `compound`.
    pub how: &'static str,
    /// `building`, `ready` or `going`.
    pub stage: &'static str,
    /// How long its terms are.
    pub bits: u8,
    /// Whether no two people may share a value.
    pub unique: bool,
    /// The epoch of the root that its key is derived from.
    pub epoch: u32,
    /// People that the building has looked at.
    pub done: u64,
    /// People there are.
    pub people: u64,
    /// People that the building could not open.
    pub damaged: u64,
    /// People found with a value that somebody else has too, although the field is unique.
    pub shared: u64,
    /// The first of those.
    pub sharers: Vec<SubjectId>,
}

impl Operation for ReadIndexes {
    const ACTION: Action = Action::CharterRead;
    type Output = Vec<IndexState>;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        _: &Permit,
        (): (),
    ) -> Result<Outcome<Vec<IndexState>>, Error> {
        let people = tx.first(&COUNT_RECORDS, &[], |row| row.int(0))?.unwrap_or(0).cast_unsigned();
        let rows = Rows::load(tx, &cx.app.keys)?;
        let states: Vec<_> = rows.all.into_iter().map(|row| state(row, people)).collect();
        let note = Note::count(states.len());
        Ok(Outcome::new(states, note))
    }
}

fn state(row: Row, people: u64) -> IndexState {
    let Row { number, name, shape, epoch, stage, progress, .. } = row;
    IndexState {
        number,
        name,
        how: shape.how.name(),
        stage: match stage {
            Stage::Building => "building",
            Stage::Ready => "ready",
            Stage::Going => "going",
        },
        bits: shape.bits,
        unique: shape.unique,
        epoch,
        done: progress.done,
        people,
        damaged: progress.damaged,
        shared: progress.shared,
        sharers: progress.sharers.into_iter().map(SubjectId::from_bytes).collect(),
    }
}
