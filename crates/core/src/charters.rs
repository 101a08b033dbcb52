//! The charter in force and every version before it. A version is sealed as a whole when it is applied: whoever can write
//! the database can hide the newest, not invent one. Numbers for fields and classes are given here, once and for ever.

use std::collections::HashMap;
use std::sync::Arc;

use avouch_charter::{Change, Charter, Plan, SourceFile};
use avouch_policy::Action;
use avouch_seal::vault::VaultKeys;
use avouch_store::{Store, Tx, params, statements};
use serde::{Deserialize, Serialize};

use crate::app::{App, Cx, Operation, Outcome, Refresh};
use crate::audit::Note;
use crate::gate::{Intent, Permit};
use crate::ids::PrincipalId;
use crate::rules::{Numbers, Problems, Rules, compile_engine};
use crate::{Error, Fault};

statements! {
    data NEWEST = "select version, applied, applied_by, sealed from charter_version order by version desc limit 1";
    data VERSIONS = "select version, applied, applied_by, sealed from charter_version order by version desc";
    data ONE_VERSION = "select version, applied, applied_by, sealed from charter_version where version = ?1";
    data PUT_VERSION = "insert into charter_version (version, applied, applied_by, sealed) values (?1, ?2, ?3, ?4)";
    data NAMES = "select kind, name, id from charter_name";
    data PUT_NAME = "insert into charter_name (kind, name, id) values (?1, ?2, ?3)";
    data DROP_INDEX = "delete from blind_index where field = ?1";
    data ANY_RECORD = "select version from record limit 1";
    data COUNT_RECORDS = "select count(*) from record";
}

const FIELD: i64 = 1;
const CLASS: i64 = 2;
/// The most that all files of a charter may hold together, in bytes.
pub const MAX_SOURCES: usize = 4 << 20;

/// What is sealed of a version.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    files: Vec<StoredFile>,
    summary: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredFile {
    path: String,
    text: String,
}

/// A version, for people.
#[derive(Debug, Clone)]
pub struct Version {
    /// 1, 2, 3, …
    pub version: u32,
    /// Microseconds UTC.
    pub applied: i64,
    /// By whom.
    pub applied_by: PrincipalId,
    /// What it changed, in a line.
    pub summary: String,
    /// A digest of its files.
    pub digest: String,
    /// The files themselves.
    pub files: Vec<SourceFile>,
}

pub(crate) fn first_numbers(charter: &Charter) -> Numbers {
    let mut numbers = Numbers::default();
    extend(&mut numbers, charter);
    numbers
}

/// Numbers for names that have none yet; returns what is new.
fn extend(numbers: &mut Numbers, charter: &Charter) -> Vec<(i64, String, u32)> {
    let mut new = Vec::new();
    let mut give = |kind: i64, known: &mut HashMap<String, u32>, name: &str| {
        if !known.contains_key(name) {
            let number = known.values().copied().max().unwrap_or(0) + 1;
            known.insert(name.to_owned(), number);
            new.push((kind, name.to_owned(), number));
        }
    };
    for class in charter.classes() {
        give(CLASS, &mut numbers.classes, &class.name);
    }
    for field in charter.fields() {
        give(FIELD, &mut numbers.fields, &field.name);
    }
    new
}

pub(crate) fn store_first(
    tx: &mut Tx<'_>,
    app: &App,
    sources: &[SourceFile],
    numbers: &Numbers,
    now: i64,
) -> Result<(), Error> {
    for (kind, known) in [(CLASS, &numbers.classes), (FIELD, &numbers.fields)] {
        for (name, number) in known {
            tx.put(&PUT_NAME, params![kind, name, *number])?;
        }
    }
    put_version(tx, app, 1, sources, "first version".to_owned(), now, PrincipalId::SYSTEM)
}

fn put_version(
    tx: &mut Tx<'_>,
    app: &App,
    version: u32,
    sources: &[SourceFile],
    summary: String,
    now: i64,
    by: PrincipalId,
) -> Result<(), Error> {
    let files =
        sources.iter().map(|file| StoredFile { path: file.path.clone(), text: file.text.clone() }).collect();
    let plain = serde_json::to_vec(&Stored { files, summary })
        .map_err(|_| Error::Internal("a charter has no JSON form"))?;
    let place = place(version, now, by);
    let sealed = app.keys.seal_row("charter_version", &place, &plain, &app.rng)?;
    Ok(tx.put(&PUT_VERSION, params![version, now, by.bytes(), &sealed])?)
}

/// What a sealed version is bound to: all its open columns.
fn place(version: u32, applied: i64, by: PrincipalId) -> Vec<u8> {
    avouch_seal::pae::pae(&[&version.to_le_bytes(), &applied.to_le_bytes(), by.bytes()])
}

/// Loads the charter in force.
pub(crate) fn load(store: &Store, keys: &VaultKeys) -> Result<Rules, Error> {
    compile(keys, store.read_wait(in_force)?)
}

/// The same within a transaction, as a change made in it leaves the charter.
pub(crate) fn load_in(tx: &mut Tx<'_>, keys: &VaultKeys) -> Result<Rules, Error> {
    let rows = in_force(tx)?;
    compile(keys, rows)
}

fn in_force(tx: &mut Tx<'_>) -> Result<(VersionRow, Numbers), Error> {
    let row = tx.first(&NEWEST, &[], version_row)?.ok_or(Error::Tampered)?;
    Ok((row, numbers(tx)?))
}

fn compile(keys: &VaultKeys, (row, numbers): (VersionRow, Numbers)) -> Result<Rules, Error> {
    let version = open(keys, row)?;
    // A version in force was checked when it was applied; a later program that no longer takes it must say why.
    let charter = Charter::parse(&version.files).map_err(unloadable)?;
    Rules::compile(version.version, charter, &numbers, keys).map_err(unloadable)
}

fn unloadable(problems: Problems) -> Error {
    for problem in &problems {
        tracing::error!(%problem, "the charter in force is no longer accepted");
    }
    Error::Internal("the charter in force is no longer accepted by this version of avouch")
}

fn numbers(tx: &mut Tx<'_>) -> Result<Numbers, Error> {
    let mut numbers = Numbers::default();
    let rows = tx.query(&NAMES, &[], |row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.int(2)?)))?;
    for (kind, name, number) in rows {
        let number = u32::try_from(number).map_err(|_| Error::Tampered)?;
        match kind {
            FIELD => numbers.fields.insert(name, number),
            _ => numbers.classes.insert(name, number),
        };
    }
    Ok(numbers)
}

type VersionRow = (i64, i64, [u8; 16], Vec<u8>);

fn version_row(row: &avouch_store::Row<'_>) -> avouch_store::Result<VersionRow> {
    Ok((row.int(0)?, row.int(1)?, row.bytes(2)?, row.blob(3)?.to_vec()))
}

fn open(keys: &VaultKeys, (version, applied, by, sealed): VersionRow) -> Result<Version, Error> {
    let version = u32::try_from(version).map_err(|_| Error::Tampered)?;
    let by = PrincipalId::from_bytes(by);
    let plain = keys.open_row("charter_version", &place(version, applied, by), &sealed)?;
    let Stored { files, summary } = serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?;
    let files: Vec<SourceFile> =
        files.into_iter().map(|file| SourceFile { path: file.path, text: file.text }).collect();
    Ok(Version { version, applied, applied_by: by, summary, digest: digest(keys, &files), files })
}

fn digest(keys: &VaultKeys, files: &[SourceFile]) -> String {
    let parts: Vec<&[u8]> =
        files.iter().flat_map(|file| [file.path.as_bytes(), file.text.as_bytes()]).collect();
    keys.row_digest("charter", &parts).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The versions of the charter, newest first; or one of them.
#[derive(Debug)]
pub struct Versions {
    /// Only this one.
    pub only: Option<u32>,
}

impl Operation for Versions {
    const ACTION: Action = Action::CharterRead;
    type Output = Vec<Version>;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Vec<Version>>, Error> {
        let rows = match self.only {
            Some(version) => tx.query(&ONE_VERSION, params![version], version_row)?,
            None => tx.query(&VERSIONS, &[], version_row)?,
        };
        let versions: Vec<Version> =
            rows.into_iter().map(|row| open(&cx.app.keys, row)).collect::<Result<_, _>>()?;
        if self.only.is_some() && versions.is_empty() {
            return Err(Error::NotFound);
        }
        let note = Note::count(versions.len());
        Ok(Outcome::new(versions, note))
    }
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

/// Compares a charter with the one in force, without changing anything.
#[derive(Debug)]
pub struct PlanCharter {
    /// The new files.
    pub files: Vec<SourceFile>,
}

impl Operation for PlanCharter {
    const ACTION: Action = Action::CharterRead;
    type Output = Planned;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Planned>, Error> {
        let subjects = tx.first(&COUNT_RECORDS, &[], |row| row.int(0))?.unwrap_or(0).cast_unsigned();
        let mut planned = Planned {
            base_version: cx.rules.version,
            changes: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            subjects,
        };
        match Charter::parse(&self.files).and_then(|new| compile_engine(&new).map(|_| new)) {
            Ok(new) => {
                planned.changes = plan(cx.rules, &new).changes;
                planned.warnings = new.warnings().to_vec();
                if subjects > 0 {
                    planned.problems = needs_rebuild(cx.rules, &new);
                }
            }
            Err(problems) => planned.problems = problems,
        }
        Ok(Outcome::new(planned, Note::count(0)))
    }
}

fn plan(rules: &Rules, new: &Charter) -> Plan {
    avouch_charter::plan(Some(&rules.charter), new)
}

/// Changes that would leave existing records without the index terms, or the type, that the new charter promises.
fn needs_rebuild(rules: &Rules, new: &Charter) -> Problems {
    let mut problems = Vec::new();
    let mut report = |message: String, help: &str| {
        problems.push(avouch_charter::Problem {
            file: "data.yaml".to_owned(),
            line: 1,
            column: 1,
            message,
            help: Some(help.to_owned()),
        });
    };
    if new.planned_subjects() != rules.charter.planned_subjects()
        && new.fields().iter().any(|field| field.index.as_ref().is_some_and(|index| index.bits.is_none()))
    {
        report(
            "`planned_subjects` sets the length of index terms, and the vault already holds indexed subjects"
                .into(),
            "keep the number, or give each indexed field its `bits`",
        );
    }
    for field in new.fields() {
        let Some(old) = rules.charter.field(&field.name) else {
            continue;
        };
        let name = &field.name;
        if old.of != field.of || old.list != field.list {
            report(
                format!("field `{name}` changes its type, and the vault already holds values of the old one"),
                "add a field with a new name and move the values over",
            );
        }
        let bits = |field: &avouch_charter::Field| field.index.as_ref().map(|index| index.bits);
        let unique = |field: &avouch_charter::Field| field.index.as_ref().is_some_and(|index| index.unique);
        if field.index.is_some() && (bits(old) != bits(field) || (unique(field) && !unique(old))) {
            report(
                format!("field `{name}` gets another index, and the vault already holds values without it"),
                "export, apply the charter to an empty vault, and import again",
            );
        }
    }
    problems
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
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<u32>, Error> {
        let current = tx.first(&NEWEST, &[], version_row)?.ok_or(Error::Tampered)?.0;
        if current != i64::from(self.base_version) || cx.rules.version != self.base_version {
            return Err(Error::Conflict("another charter was applied in between: plan again"));
        }
        let charter = Charter::parse(&self.files).map_err(invalid)?;
        let mut numbers = numbers(tx)?;
        let new = extend(&mut numbers, &charter);
        let version = self.base_version + 1;
        let rules = Rules::compile(version, charter, &numbers, &cx.app.keys).map_err(invalid)?;
        if tx.first(&ANY_RECORD, &[], |row| row.int(0))?.is_some() {
            let problems = needs_rebuild(cx.rules, &rules.charter);
            if !problems.is_empty() {
                return Err(invalid(problems));
            }
        }
        for (kind, name, number) in &new {
            tx.put(&PUT_NAME, params![*kind, name, *number])?;
        }
        for (field, old) in cx.rules.charter.fields().iter().zip(&cx.rules.fields) {
            let still = rules.charter.field(&field.name).is_some_and(|field| field.index.is_some());
            if old.index.is_some() && !still {
                tx.execute(&DROP_INDEX, params![old.number])?;
            }
        }
        let changes = plan(cx.rules, &rules.charter).changes.len();
        let summary = format!("{changes} change{}", if changes == 1 { "" } else { "s" });
        put_version(tx, cx.app, version, &self.files, summary, cx.now, cx.caller.id)?;
        Ok(Outcome::new(version, Note::count(changes)))
    }
}

fn invalid(problems: Problems) -> Error {
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

/// The charter in force, for whoever may read it.
#[derive(Debug)]
pub struct CurrentCharter;

impl Operation for CurrentCharter {
    const ACTION: Action = Action::CharterRead;
    type Output = (Arc<Rules>, Version);
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Self::Output>, Error> {
        let row = tx.first(&NEWEST, &[], version_row)?.ok_or(Error::Tampered)?;
        let version = open(&cx.app.keys, row)?;
        Ok(Outcome::new((cx.app.rules(), version), Note::count(1)))
    }
}
