//! A charter that is not in force yet: kept as it was checked, for others to look at and agree to, and put in force as it is or not at
//! all.
//!
//! A draft never changes. Another text is another draft, with requests of its own for others' word, so that nothing which was agreed
//! to can become something else. It is about one version: when another comes into force, it is over and is drafted again, because what
//! it changes, who loses by it and who has to agree was all looked at against that version.

use std::sync::{Arc, Mutex, PoisonError};

use avouch_charter::{Change, Charter, SourceFile};
use avouch_policy::Action;
use avouch_store::{Row, Tx, params, statements};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::change::{examine, invalid, put_in_force};
use super::{MAX_SOURCES, StoredFile, digest};
use crate::app::{Cx, Operation, Outcome, Refresh, about_nobody};
use crate::audit::Note;
use crate::error::Error;
use crate::gate::approvals::{self, ApprovalState};
use crate::gate::{Intent, Permit, Reason};
use crate::ids::{ApprovalId, DraftId, PrincipalId};
use crate::rules::{Problems, Rules};

statements! {
    data PUT_DRAFT = "insert into charter_draft (id, base, created, author, about, files) values (?1, ?2, ?3, ?4, ?5, ?6)";
    data ONE_DRAFT = "select id, base, created, author, about, files from charter_draft where id = ?1";
    data DRAFTS = "select id, base, created, author, about from charter_draft order by id desc";
    data DROP_DRAFT = "delete from charter_draft where id = ?1";
    data COUNT_DRAFTS = "select count(*) from charter_draft";
    data SWEEP_DRAFTS = "delete from charter_draft where created < ?1";
}

/// The most drafts that are kept at once.
const MOST: i64 = 50;
/// For how long one is kept: others have three days to agree, and somebody may want to read it after that.
const KEPT_MICROS: i64 = 30 * 24 * 3600 * 1_000_000;

/// What is sealed of a draft, besides its files.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    digest: String,
    why: String,
    changes: usize,
    dangers: usize,
    asked: Vec<ApprovalId>,
}

/// A draft, for people.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Which.
    pub id: DraftId,
    /// The version that it was checked against, and would follow.
    pub base_version: u32,
    /// Whether another version has come into force since.
    pub stale: bool,
    /// Microseconds UTC.
    pub created: i64,
    /// Who drafted it; nobody else puts it in force.
    pub author: PrincipalId,
    /// By name.
    pub author_name: String,
    /// A digest of its files: the version that it becomes has the same.
    pub digest: String,
    /// Why, as the author has it.
    pub why: String,
    /// How much it changes.
    pub changes: usize,
    /// How much of that is to be thought about twice.
    pub dangers: usize,
    /// Who was asked to agree. Nobody: policy wants no word of others, or nobody is there to give it.
    pub asked: Vec<DraftAsked>,
}

/// A request for others' word on a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DraftAsked {
    /// The request.
    pub id: ApprovalId,
    /// How far it is; nothing when it is forgotten.
    pub state: Option<ApprovalState>,
    /// Until when it can be agreed to or, once it is, until when it holds.
    pub until: i64,
}

/// A draft with all that is to be known of it.
#[derive(Debug, Clone)]
pub struct DraftShown {
    /// The draft.
    pub draft: Draft,
    /// Its files.
    pub files: Vec<SourceFile>,
    /// What it changes of the charter in force.
    pub changes: Vec<Change>,
    /// What keeps it from being put in force now; nothing but what the vault holds by now can.
    pub problems: Problems,
    /// What is allowed and worth knowing.
    pub warnings: Problems,
    /// People in the vault.
    pub subjects: u64,
}

/// A row: id, base, created, author, about.
type DraftRow = ([u8; 16], i64, i64, [u8; 16], Vec<u8>);

fn row(row: &Row<'_>) -> avouch_store::Result<DraftRow> {
    Ok((row.bytes(0)?, row.int(1)?, row.int(2)?, row.bytes(3)?, row.blob(4)?.to_vec()))
}

/// What a draft is bound to: all its open columns.
fn place(id: DraftId, base: u32, created: i64, author: PrincipalId) -> Vec<u8> {
    avouch_seal::pae::pae(&[id.bytes(), &base.to_le_bytes(), &created.to_le_bytes(), author.bytes()])
}

/// A draft without its files.
fn open(tx: &mut Tx<'_>, cx: &Cx<'_>, (id, base, created, author, about): DraftRow) -> Result<Draft, Error> {
    let (id, author) = (DraftId::from_bytes(id), PrincipalId::from_bytes(author));
    let base_version = u32::try_from(base).map_err(|_| Error::Tampered)?;
    let place = place(id, base_version, created, author);
    let plain = cx.app.keys.open_row("charter_draft", &place, &about)?;
    let about: About = serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?;
    let mut asked = Vec::new();
    for id in about.asked {
        let state = approvals::state_of(tx, cx.app, id)?;
        let until = state.map_or(0, |(_, until)| until);
        asked.push(DraftAsked { id, state: state.map(|(state, _)| state), until });
    }
    let access = cx.app.access();
    let name = access.principal(author).map(|record| record.name.clone());
    Ok(Draft {
        id,
        base_version,
        stale: base_version != cx.rules.version,
        created,
        author,
        author_name: name.unwrap_or_else(|| "somebody who is gone".to_owned()),
        digest: about.digest,
        why: about.why,
        changes: about.changes,
        dangers: about.dangers,
        asked,
    })
}

/// A draft and its files.
pub(super) fn load(tx: &mut Tx<'_>, cx: &Cx<'_>, id: DraftId) -> Result<(Draft, Vec<SourceFile>), Error> {
    let found =
        tx.first(&ONE_DRAFT, params![id.bytes()], |found| Ok((row(found)?, found.blob(5)?.to_vec())))?;
    let (row, files) = found.ok_or(Error::NotFound)?;
    let draft = open(tx, cx, row)?;
    let place = place(draft.id, draft.base_version, draft.created, draft.author);
    let plain = cx.app.keys.open_row("charter_draft_files", &place, &files)?;
    let files: Vec<StoredFile> = serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?;
    let files: Vec<_> =
        files.into_iter().map(|file| SourceFile { path: file.path, text: file.text }).collect();
    if digest(&cx.app.keys, &files) != draft.digest {
        return Err(Error::Tampered);
    }
    Ok((draft, files))
}

/// Forgets drafts that nobody has put in force.
pub(crate) fn sweep(tx: &mut Tx<'_>, now: i64) -> Result<u64, Error> {
    Ok(tx.execute(&SWEEP_DRAFTS, params![now.saturating_sub(KEPT_MICROS)])?)
}

/// Keeps a charter as a draft, when nothing is wrong with it, and asks those who have to agree.
#[derive(Debug, Clone)]
pub struct DraftCharter {
    /// The new files.
    pub files: Vec<SourceFile>,
    /// Why: those who are to agree read it.
    pub why: Reason,
}

impl Operation for DraftCharter {
    const ACTION: Action = Action::CharterDraft;
    type Output = DraftShown;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<DraftShown>, Error> {
        if self.files.iter().map(|file| file.path.len() + file.text.len()).sum::<usize>() > MAX_SOURCES {
            return Err(Error::invalid("/files", "expected at most 4 MiB altogether"));
        }
        if super::newest_number(tx)? != cx.rules.version {
            return Err(super::just_changed());
        }
        if tx.first(&COUNT_DRAFTS, &[], |row| row.int(0))?.unwrap_or(0) >= MOST {
            return Err(Error::Conflict("there are 50 drafts already: some have to be withdrawn"));
        }
        let planned = examine(tx, cx, &self.files)?;
        if !planned.problems.is_empty() {
            return Err(invalid(planned.problems));
        }
        let id = DraftId::from_bytes(cx.new_id()?);
        let (base, author) = (cx.rules.version, cx.caller.id());
        let asked = approvals::ask_for_draft(tx, cx, id, &self.why)?;
        let about = About {
            digest: digest(&cx.app.keys, &self.files),
            why: self.why.as_str().to_owned(),
            changes: planned.changes.len(),
            dangers: planned.changes.iter().filter(|change| change.danger).count(),
            asked,
        };
        let files: Vec<StoredFile> = self.files.iter().map(StoredFile::of).collect();
        let place = place(id, base, cx.now, author);
        let sealed = |table, plain: Result<Vec<u8>, _>| {
            let plain = plain.map_err(|_: serde_json::Error| Error::Internal("a draft has no JSON form"))?;
            Ok::<_, Error>(cx.app.keys.seal_row(table, &place, &Zeroizing::new(plain), &cx.app.rng)?)
        };
        let (sealed_about, sealed_files) = (
            sealed("charter_draft", serde_json::to_vec(&about))?,
            sealed("charter_draft_files", serde_json::to_vec(&files))?,
        );
        tx.put(&PUT_DRAFT, params![id.bytes(), base, cx.now, author.bytes(), &sealed_about, &sealed_files])?;
        let (draft, files) = load(tx, cx, id)?;
        let objects = core::iter::once(*id.bytes()).chain(draft.asked.iter().map(|asked| *asked.id.bytes()));
        let note = Note { objects: objects.collect(), ..Note::count(draft.changes) };
        let shown = DraftShown {
            draft,
            files,
            changes: planned.changes,
            problems: Vec::new(),
            warnings: planned.warnings,
            subjects: planned.subjects,
        };
        Ok(Outcome::new(shown, note))
    }
}

/// The drafts that there are, newest first.
#[derive(Debug, Clone, Copy)]
pub struct ReadDrafts;

impl Operation for ReadDrafts {
    const ACTION: Action = Action::CharterRead;
    type Output = Vec<Draft>;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Vec<Draft>>, Error> {
        let rows = tx.query(&DRAFTS, &[], row)?;
        let drafts = rows.into_iter().map(|row| open(tx, cx, row)).collect::<Result<Vec<_>, _>>()?;
        let note = Note::count(drafts.len());
        Ok(Outcome::new(drafts, note))
    }
}

/// One draft, with its files and what it would change now.
#[derive(Debug, Clone, Copy)]
pub struct ReadDraft {
    /// Which.
    pub id: DraftId,
}

impl Operation for ReadDraft {
    const ACTION: Action = Action::CharterRead;
    type Output = DraftShown;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<DraftShown>, Error> {
        let (draft, files) = load(tx, cx, self.id)?;
        let planned = examine(tx, cx, &files)?;
        let note = Note { objects: vec![*self.id.bytes()], ..Note::count(1) };
        let shown = DraftShown {
            draft,
            files,
            changes: planned.changes,
            problems: planned.problems,
            warnings: planned.warnings,
            subjects: planned.subjects,
        };
        Ok(Outcome::new(shown, note))
    }
}

/// Takes a draft back, and what was asked for it.
#[derive(Debug, Clone, Copy)]
pub struct WithdrawDraft {
    /// Which, of one's own.
    pub id: DraftId,
}

impl Operation for WithdrawDraft {
    const ACTION: Action = Action::CharterDraft;
    type Output = ();
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<()>, Error> {
        let (draft, _) = load(tx, cx, self.id)?;
        own(&draft, cx)?;
        let asked: Vec<_> = draft.asked.iter().map(|asked| asked.id).collect();
        let ends = approvals::cancel_these(tx, cx.app, &asked)?;
        tx.execute(&DROP_DRAFT, params![self.id.bytes()])?;
        let note = Note { objects: vec![*self.id.bytes()], ..Note::count(0) };
        Ok(Outcome::new((), note).with_approvals(ends))
    }

    fn objects(&self) -> Vec<minicbor::bytes::ByteArray<16>> {
        vec![(*self.id.bytes()).into()]
    }
}

/// Puts a draft in force, exactly as it was drafted and agreed to.
#[derive(Debug, Clone, Copy)]
pub struct ActivateDraft {
    /// Which, of one's own.
    pub id: DraftId,
}

impl Operation for ActivateDraft {
    const ACTION: Action = Action::CharterApply;
    const REFRESH: Refresh = Refresh::Rules;
    type Output = u32;
    type Facts = (Draft, Vec<SourceFile>);

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent { draft: Some(self.id), ..Intent::plain() })
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Self::Facts, Error> {
        load(tx, cx, self.id)
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        (draft, files): Self::Facts,
    ) -> Result<Outcome<u32>, Error> {
        own(&draft, cx)?;
        if draft.stale {
            return Err(Error::Conflict(
                "another charter has come into force since: it has to be drafted again",
            ));
        }
        let (version, changes) = put_in_force(tx, cx, &files, draft.base_version, None)?;
        tx.execute(&DROP_DRAFT, params![self.id.bytes()])?;
        let objects = core::iter::once(*self.id.bytes()).chain(permit.approvals.iter().map(|id| *id.bytes()));
        let note = Note { objects: objects.collect(), ..Note::count(changes) };
        Ok(Outcome::new(version, note))
    }

    fn objects(&self) -> Vec<minicbor::bytes::ByteArray<16>> {
        vec![(*self.id.bytes()).into()]
    }
}

fn own(draft: &Draft, cx: &Cx<'_>) -> Result<(), Error> {
    match draft.author == cx.caller.id() {
        true => Ok(()),
        false => Err(Error::Conflict("only whoever has drafted it can do that")),
    }
}

/// The draft that was last replayed, compiled: a replay asks many times.
#[derive(Debug, Default)]
pub(crate) struct Compiled(Mutex<Option<(DraftId, Arc<Rules>)>>);

impl Compiled {
    /// The rules of a draft. Nothing of it can be seen through them: they answer what would be decided.
    pub(super) fn rules(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        id: DraftId,
    ) -> Result<(Draft, Arc<Rules>), Error> {
        let (draft, files) = load(tx, cx, id)?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, rules)) = kept.as_ref().filter(|(known, _)| *known == id) {
            return Ok((draft, Arc::clone(rules)));
        }
        let charter = Charter::parse(&files).map_err(invalid)?;
        let (_, mut numbers) = super::open(&cx.app.keys, super::newest(tx)?)?;
        super::extend(&mut numbers, &charter);
        let version = draft.base_version.saturating_add(1);
        let rules = Arc::new(Rules::compile(version, charter, &numbers, &cx.app.keys).map_err(invalid)?);
        *kept = Some((id, Arc::clone(&rules)));
        Ok((draft, rules))
    }
}
