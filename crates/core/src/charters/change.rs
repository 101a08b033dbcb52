//! From one charter to another: what would change, what keeps it from changing, and the change itself. All of it goes by one way,
//! whether files are applied, a draft is put in force, or the version before is put back.

use avouch_charter::{Change, ChangeKind, Charter, Plan, SourceFile};
use avouch_policy::{Action, Engine, Source};
use avouch_seal::vault::VaultKeys;
use avouch_store::{Tx, params, statements};

use super::continuity::{self, Returning};
use super::{ANY_RECORD, ONE_VERSION, Stored, extend, newest, open, put_version, version_row};
use crate::app::{Cx, Operation, Outcome, Refresh, about_nobody};
use crate::audit::Note;
use crate::gate::Permit;
use crate::indexes::{self, Rows};
use crate::rules::{Numbers, Problems, Rules, compile_engine, problem};
use crate::{Error, Fault};

statements! {
    data COUNT_RECORDS = "select count(*) from record";
}

/// What a new charter would do.
#[derive(Debug)]
pub struct Planned {
    /// The version it would replace.
    pub base_version: u32,
    /// The changes; empty when there are problems.
    pub changes: Vec<Change>,
    /// Why it cannot be applied.
    pub problems: Problems,
    /// What is allowed and worth knowing.
    pub warnings: Problems,
    /// People in the vault.
    pub subjects: u64,
}

/// Compares files with the charter in force: everything that is wrong with them at once, or everything that they change.
pub(super) fn examine(tx: &mut Tx<'_>, cx: &Cx<'_>, files: &[SourceFile]) -> Result<Planned, Error> {
    let subjects = tx.first(&COUNT_RECORDS, &[], |row| row.int(0))?.unwrap_or(0).cast_unsigned();
    let mut planned = Planned {
        base_version: cx.rules.version,
        changes: Vec::new(),
        problems: Vec::new(),
        warnings: Vec::new(),
        subjects,
    };
    let new = match Charter::parse(files) {
        Ok(new) => new,
        Err(mut problems) => {
            problems.extend(misread(files));
            return Ok(Planned { problems, ..planned });
        }
    };
    planned.problems = compile_engine(&new).err().unwrap_or_default();
    let (_, mut numbers) = open(&cx.app.keys, newest(tx)?)?;
    extend(&mut numbers, &new);
    if subjects > 0 {
        let returning = returning(tx, &cx.app.keys, &numbers, &new)?;
        planned.problems.extend(continuity::problems(&cx.rules.charter, &returning, &new));
    }
    if planned.problems.is_empty() {
        planned.changes = plan(cx.rules, &new).changes;
        planned.warnings = new.warnings().to_vec();
        if subjects > 0 {
            let rows = Rows::load(tx, &cx.app.keys)?;
            let changes = rows.changes(&indexes::wanted(&new, &numbers));
            planned.changes.extend(changes.into_iter().map(|change| index_change(change, subjects)));
        }
    }
    Ok(planned)
}

/// What of the policies cannot be read, whatever the other files say: what they refer to is looked up when those are whole.
fn misread(files: &[SourceFile]) -> Problems {
    let policies = files.iter().filter(|file| Charter::is_policy(&file.path));
    let sources: Vec<Source> =
        policies.map(|file| Source { name: file.path.clone(), text: file.text.clone() }).collect();
    Engine::misread(&sources).into_iter().map(problem).collect()
}

/// Compares a charter with the one in force, without changing anything.
#[derive(Debug)]
pub struct PlanCharter {
    /// The new files.
    pub files: Vec<SourceFile>,
}

impl Operation for PlanCharter {
    const ACTION: Action = Action::CharterRead;
    type Output = Planned;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Planned>, Error> {
        Ok(Outcome::new(examine(tx, cx, &self.files)?, Note::count(0)))
    }
}

/// What happens to an index when a charter is applied to a vault with people in it.
fn index_change((name, how, change): (String, &'static str, indexes::Change), subjects: u64) -> Change {
    let (kind, effect) = match change {
        indexes::Change::New => (
            ChangeKind::Added,
            format!("is built over {subjects} subjects in the background; searches use it when it is whole"),
        ),
        indexes::Change::Anew => (
            ChangeKind::Changed,
            format!(
                "is built anew over {subjects} subjects in the background, and then takes the old one's place"
            ),
        ),
        indexes::Change::Gone => (ChangeKind::Removed, "its terms are deleted in the background".to_owned()),
    };
    Change { kind, what: format!("index `{name}` ({how})"), effect, danger: false }
}

fn plan(rules: &Rules, new: &Charter) -> Plan {
    avouch_charter::plan(Some(&rules.charter), new)
}

/// The fields of `new` that went while subjects may have had values of them, as they last were.
fn returning(
    tx: &mut Tx<'_>,
    keys: &VaultKeys,
    numbers: &Numbers,
    new: &Charter,
) -> Result<Vec<Returning>, Error> {
    let mut returning = Vec::new();
    for field in new.fields() {
        let Some(last) = numbers.retired.get(&field.name) else { continue };
        let row = tx.first(&ONE_VERSION, params![*last], version_row)?.ok_or(Error::Tampered)?;
        let (version, _) = open(keys, row)?;
        let charter = Charter::parse(&version.files).ok();
        let last = charter.and_then(|charter| charter.field(&field.name).cloned());
        returning.push(Returning { name: field.name.clone(), last });
    }
    Ok(returning)
}

/// Puts a charter in force.
#[derive(Debug)]
pub struct ApplyCharter {
    /// The new files.
    pub files: Vec<SourceFile>,
    /// The version it was planned against.
    pub base_version: u32,
}

impl Operation for ApplyCharter {
    const ACTION: Action = Action::CharterApply;
    const REFRESH: Refresh = Refresh::Rules;
    type Output = u32;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<u32>, Error> {
        let (version, changes) = put_in_force(tx, cx, &self.files, self.base_version, None)?;
        Ok(Outcome::new(version, Note::count(changes)))
    }
}

/// Puts the version before the one in force back in its place, as a new version with the files of then. At once: whoever finds that a
/// charter keeps people from their work does not wait for anybody.
#[derive(Debug)]
pub struct RevertCharter {
    /// The version in force that is to go.
    pub base_version: u32,
}

impl Operation for RevertCharter {
    const ACTION: Action = Action::CharterRevert;
    const REFRESH: Refresh = Refresh::Rules;
    type Output = u32;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<u32>, Error> {
        let before = self.base_version.saturating_sub(1);
        let Some(row) = tx.first(&ONE_VERSION, params![before], version_row)? else {
            return Err(Error::Conflict("there is no version before this one"));
        };
        let (before, _) = open(&cx.app.keys, row)?;
        let summary = format!("back to version {}", before.version);
        let (version, changes) = put_in_force(tx, cx, &before.files, self.base_version, Some(summary))?;
        Ok(Outcome::new(version, Note::count(changes)))
    }
}

/// Makes files the next version, if `base_version` is in force: the version's number, and how much it changes.
pub(super) fn put_in_force(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    files: &[SourceFile],
    base_version: u32,
    summary: Option<String>,
) -> Result<(u32, usize), Error> {
    let (current, mut numbers) = open(&cx.app.keys, newest(tx)?)?;
    if current.version != base_version || cx.rules.version != base_version {
        return Err(Error::Conflict("another charter was applied in between: plan again"));
    }
    let planned = examine(tx, cx, files)?;
    if !planned.problems.is_empty() {
        return Err(invalid(planned.problems));
    }
    let charter = Charter::parse(files).map_err(invalid)?;
    let people = tx.first(&ANY_RECORD, &[], |row| row.int(0))?.is_some();
    if people {
        retire(&mut numbers, &cx.rules.charter, current.version, &charter);
    } else {
        // Without subjects there are no values that could come back.
        numbers.retired.clear();
    }
    extend(&mut numbers, &charter);
    let version = base_version + 1;
    let mut rows = Rows::load(tx, &cx.app.keys)?;
    rows.settle(&indexes::wanted(&charter, &numbers), people, &cx.app.keys)?;
    rows.store(tx, &cx.app.keys, &cx.app.rng)?;
    let changes = plan(cx.rules, &charter).changes.len();
    let summary =
        summary.unwrap_or_else(|| format!("{changes} change{}", if changes == 1 { "" } else { "s" }));
    let stored = Stored::new(files, summary, numbers);
    put_version(tx, cx.app, version, &stored, cx.now, cx.caller.id)?;
    Ok((version, changes))
}

/// Remembers which version was the last to have a field, and forgets it of those that are back.
fn retire(numbers: &mut Numbers, old: &Charter, version: u32, new: &Charter) {
    for field in old.fields().iter().filter(|field| new.field(&field.name).is_none()) {
        numbers.retired.insert(field.name.clone(), version);
    }
    numbers.retired.retain(|name, _| new.field(name).is_none());
}

pub(super) fn invalid(problems: Problems) -> Error {
    Error::Invalid(
        problems
            .into_iter()
            .map(|problem| {
                let help = problem.help.map(|help| format!("; {help}")).unwrap_or_default();
                Fault::new(
                    format!("/files/{}:{}:{}", problem.file, problem.line, problem.column),
                    format!("{}{help}", problem.message),
                )
            })
            .collect(),
    )
}
