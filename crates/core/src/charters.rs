//! The charter in force and every version before it. Numbers for fields and classes are given here, once and for ever.
//!
//! A version is sealed as a whole when it is applied, its files together with the numbers of every name up to then: whoever
//! can write the database can hide the newest version, not invent one, and not give a field's values to another name.

pub mod change;
mod continuity;
pub mod drafts;
pub mod replay;

use std::collections::BTreeMap;
use std::sync::Arc;

use avouch_charter::{Charter, SourceFile};
use avouch_policy::Action;
use avouch_seal::vault::VaultKeys;
use avouch_store::{Ahead, Store, Tx, params, statements};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::app::{App, Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit};
use crate::ids::PrincipalId;
use crate::indexes::{self, Rows};
use crate::rules::{Live, Numbers, Problems, Rules, StoredLive};

pub use change::{ApplyCharter, PlanCharter, Planned, RevertCharter};
pub use drafts::{ActivateDraft, Draft, DraftAsked, DraftCharter, ReadDraft, ReadDrafts, WithdrawDraft};
pub use replay::{Becomes, LeftOut, ReplayChange, ReplayDraft, Replayed};

statements! {
    data NEWEST_NUMBER = "select version from charter_version order by version desc limit 1";
    data NEWEST = "select version, applied, applied_by, sealed from charter_version order by version desc limit 1";
    data VERSIONS = "select version, applied, applied_by, sealed from charter_version order by version desc";
    data ONE_VERSION = "select version, applied, applied_by, sealed from charter_version where version = ?1";
    data PUT_VERSION = "insert into charter_version (version, applied, applied_by, sealed) values (?1, ?2, ?3, ?4)";
    data ANY_RECORD = "select version from record limit 1";
}

/// Every statement of the room.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    [STATEMENTS, change::STATEMENTS, drafts::STATEMENTS, replay::STATEMENTS].concat()
}

/// The most that all files of a charter may hold together, in bytes.
pub const MAX_SOURCES: usize = 4 << 20;

/// What is sealed of a version.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    files: Vec<StoredFile>,
    summary: String,
    numbers: Numbers,
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

/// What [`in_force`] will ask.
pub(crate) fn ahead() -> Ahead {
    Rows::ahead()
}

/// The charter and its indexes as this transaction sees them. What is in memory follows a commit, so a write that waited in
/// the same group, or on another worker, must ask the store.
///
/// # Errors
/// [`Error::Conflict`] under another charter than the one in memory: what was read by the one is not written under the other.
pub(crate) fn in_force(tx: &mut Tx<'_>, app: &App) -> Result<Arc<Rules>, Error> {
    let rules = app.rules();
    if Rows::generation_in(tx)? == rules.generation {
        return Ok(rules);
    }
    if newest_number(tx)? != rules.version {
        return Err(just_changed());
    }
    Ok(Arc::new(rules.as_of(&Live::load(tx, &app.keys)?, &app.keys)?))
}

/// What was prepared under one charter is not done under another.
pub(crate) fn just_changed() -> Error {
    Error::Conflict("the charter has just changed: send the request again")
}

pub(crate) fn first_numbers(charter: &Charter) -> Numbers {
    let mut numbers = Numbers::default();
    extend(&mut numbers, charter);
    numbers
}

/// Numbers for names that have none yet.
fn extend(numbers: &mut Numbers, charter: &Charter) {
    for class in charter.classes() {
        give(&mut numbers.classes, &class.name);
    }
    for field in charter.fields() {
        give(&mut numbers.fields, &field.name);
    }
}

fn give(known: &mut BTreeMap<String, u32>, name: &str) {
    if !known.contains_key(name) {
        let number = known.values().copied().max().unwrap_or(0) + 1;
        known.insert(name.to_owned(), number);
    }
}

pub(crate) fn store_first(
    tx: &mut Tx<'_>,
    app: &App,
    sources: &[SourceFile],
    numbers: &Numbers,
    now: i64,
) -> Result<(), Error> {
    let stored = Stored::new(sources, "first version".to_owned(), numbers.clone());
    put_version(tx, app, 1, &stored, now, PrincipalId::SYSTEM)?;
    let mut indexes = Rows::load(tx, &app.keys)?;
    indexes.settle(&indexes::wanted(&app.rules().charter, numbers), false, &app.keys)?;
    indexes.store(tx, &app.keys, &app.rng)
}

/// Has the indexes built that this program makes in another way than the one that worked here before.
pub(crate) fn keep_up(tx: &mut Tx<'_>, app: &App) -> Result<(), Error> {
    let (version, numbers) = open(&app.keys, newest(tx)?)?;
    let charter = Charter::parse(&version.files).map_err(unloadable)?;
    let (mut rows, wanted) = (Rows::load(tx, &app.keys)?, indexes::wanted(&charter, &numbers));
    if !rows.changes(&wanted).is_empty() {
        let people = tx.first(&ANY_RECORD, &[], |row| row.int(0))?.is_some();
        rows.settle(&wanted, people, &app.keys)?;
        rows.store(tx, &app.keys, &app.rng)?;
    }
    Ok(())
}

impl Stored {
    fn new(sources: &[SourceFile], summary: String, numbers: Numbers) -> Self {
        Self { files: sources.iter().map(StoredFile::of).collect(), summary, numbers }
    }
}

impl StoredFile {
    fn of(file: &SourceFile) -> Self {
        Self { path: file.path.clone(), text: file.text.clone() }
    }
}

fn put_version(
    tx: &mut Tx<'_>,
    app: &App,
    version: u32,
    stored: &Stored,
    now: i64,
    by: PrincipalId,
) -> Result<(), Error> {
    let plain = serde_json::to_vec(stored).map_err(|_| Error::Internal("a charter has no JSON form"))?;
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
    let (row, live) = store.read_wait(|tx| Ok::<_, Error>((newest(tx)?, StoredLive::read(tx)?)))?;
    compile(keys, row, &live.open(keys)?)
}

/// The same within a transaction, as a change made in it leaves the charter.
pub(crate) fn load_in(tx: &mut Tx<'_>, keys: &VaultKeys) -> Result<Rules, Error> {
    let (row, live) = (newest(tx)?, Live::load(tx, keys)?);
    compile(keys, row, &live)
}

/// The version in force.
pub(crate) fn newest_number(tx: &mut Tx<'_>) -> Result<u32, Error> {
    let version = tx.first(&NEWEST_NUMBER, &[], |row| row.int(0))?.ok_or(Error::Tampered)?;
    u32::try_from(version).map_err(|_| Error::Tampered)
}

fn newest(tx: &mut Tx<'_>) -> Result<VersionRow, Error> {
    tx.first(&NEWEST, &[], version_row)?.ok_or(Error::Tampered)
}

fn compile(keys: &VaultKeys, row: VersionRow, live: &Live) -> Result<Rules, Error> {
    let (version, numbers) = open(keys, row)?;
    // A version in force was checked when it was applied; a later program that no longer takes it must say why.
    let charter = Charter::parse(&version.files).map_err(unloadable)?;
    Rules::compile(version.version, charter, &numbers, keys).map_err(unloadable)?.as_of(live, keys)
}

fn unloadable(problems: Problems) -> Error {
    for problem in &problems {
        tracing::error!(%problem, "the charter in force is no longer accepted");
    }
    Error::Internal("the charter in force is no longer accepted by this version of avouch")
}

type VersionRow = (i64, i64, [u8; 16], Vec<u8>);

fn version_row(row: &avouch_store::Row<'_>) -> avouch_store::Result<VersionRow> {
    Ok((row.int(0)?, row.int(1)?, row.bytes(2)?, row.blob(3)?.to_vec()))
}

/// A version and the numbers that held with it.
fn open(keys: &VaultKeys, (version, applied, by, sealed): VersionRow) -> Result<(Version, Numbers), Error> {
    let version = u32::try_from(version).map_err(|_| Error::Tampered)?;
    let by = PrincipalId::from_bytes(by);
    let plain = keys.open_row("charter_version", &place(version, applied, by), &sealed)?;
    let Stored { files, summary, numbers } = serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?;
    let files: Vec<SourceFile> =
        files.into_iter().map(|file| SourceFile { path: file.path, text: file.text }).collect();
    let digest = digest(keys, &files);
    Ok((Version { version, applied, applied_by: by, summary, digest, files }, numbers))
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
        let versions: Vec<Version> = rows
            .into_iter()
            .map(|row| open(&cx.app.keys, row).map(|(version, _)| version))
            .collect::<Result<_, _>>()?;
        if self.only.is_some() && versions.is_empty() {
            return Err(Error::NotFound);
        }
        let note = Note::count(versions.len());
        Ok(Outcome::new(versions, note))
    }
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
        let (version, _) = open(&cx.app.keys, newest(tx)?)?;
        Ok(Outcome::new((cx.app.rules(), version), Note::count(1)))
    }
}
