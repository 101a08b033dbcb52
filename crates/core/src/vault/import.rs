//! Carrying people in. A file is cut into numbered chunks by whoever reads it; a chunk is one operation, one event, and is
//! remembered, so that sending it again adds nobody twice. Rows that do not fit are given back with the reason. A row that
//! is given back because somebody has its unique value says something about that person, in a dry run too: the event names
//! them.

mod mapping;

use std::sync::Arc;

use avouch_policy::Action;
use avouch_store::{Ahead, Tx, params, statements};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::create::{Obstacle, Returning, Sealed, same_charter};
use crate::app::{App, Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit, Reason};
use crate::ids::ImportId;
use crate::rules::Rules;
use crate::{Error, Fault};
pub use mapping::{ColumnGuess, ColumnSample, Proposal, ProposeMapping, propose};

statements! {
    data PUT_IMPORT = "insert into import (id, created, dry_run, on_duplicate, on_erased) values (?1, ?2, ?3, ?4, ?5) on conflict (id) do nothing";
    data IMPORT = "select dry_run, on_duplicate, on_erased from import where id = ?1";
    data CHUNK = "select sealed from import_chunk where import = ?1 and chunk = ?2";
    data CHUNKS = "select chunk, accepted, skipped, rejected from import_chunk where import = ?1 order by chunk";
    data PUT_CHUNK = "insert into import_chunk (import, chunk, accepted, skipped, rejected, sealed) values (?1, ?2, ?3, ?4, ?5, ?6)";
}

/// What happens to a row whose unique value somebody already has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDuplicate {
    /// It is given back as an error.
    Reject,
    /// It is left out and counted.
    Skip,
}

/// What happens to a row of somebody who was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnErased {
    /// It is given back as an error.
    Ask,
    /// It is left out and counted.
    Skip,
    /// It is taken in like any other.
    Create,
}

impl OnErased {
    const ALL: [Self; 3] = [Self::Ask, Self::Skip, Self::Create];
}

/// Begins an import, or finds one begun before: the same file with the same mapping is the same import.
#[derive(Debug, Clone)]
pub struct StartImport {
    /// Digest of the file.
    pub source: Vec<u8>,
    /// Digest of the mapping.
    pub mapping: Vec<u8>,
    /// Check only.
    pub dry_run: bool,
    /// See [`OnDuplicate`].
    pub on_duplicate: OnDuplicate,
    /// See [`OnErased`].
    pub on_erased: OnErased,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
}

/// An import's state.
#[derive(Debug, Clone)]
pub struct ImportState {
    /// Its id.
    pub id: ImportId,
    /// Chunks done, as ranges from–to, both included.
    pub chunks_done: Vec<(u64, u64)>,
    /// Rows taken in.
    pub accepted: u64,
    /// Rows left out.
    pub skipped: u64,
    /// Rows given back.
    pub rejected: u64,
}

/// Chunks are numbered below this: every JSON reader takes such a number exactly (RFC 8259, section 6).
const MAX_CHUNK: u64 = 1 << 53;

impl Operation for StartImport {
    const ACTION: Action = Action::SubjectImport;
    type Output = ImportState;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::about(self.purpose.clone(), self.reason.clone(), 0))
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<ImportState>, Error> {
        let skip = self.on_duplicate == OnDuplicate::Skip;
        let mode = [u8::from(self.dry_run), u8::from(skip), self.on_erased as u8];
        let parts: [&[u8]; 4] = [&self.source, &self.mapping, &mode, cx.caller.id.bytes()];
        let digest = cx.app.keys.row_digest("import", &parts);
        let (id, _) = digest.split_first_chunk::<16>().ok_or(Error::Internal("a digest is too short"))?;
        let id = ImportId::from_bytes(*id);
        let (dry_run, skip, erased) = (i64::from(self.dry_run), i64::from(skip), self.on_erased as i64);
        tx.put(&PUT_IMPORT, params![id.bytes(), cx.now, dry_run, skip, erased])?;
        let state = state(tx, id)?;
        Ok(Outcome::new(state, Note { objects: vec![*id.bytes()], ..Note::count(0) }))
    }
}

fn state(tx: &mut Tx<'_>, id: ImportId) -> Result<ImportState, Error> {
    let chunks = tx.query(&CHUNKS, params![id.bytes()], |row| {
        Ok((row.int(0)?.cast_unsigned(), row.int(1)?, row.int(2)?, row.int(3)?))
    })?;
    let mut state = ImportState { id, chunks_done: Vec::new(), accepted: 0, skipped: 0, rejected: 0 };
    for (chunk, accepted, skipped, rejected) in chunks {
        match state.chunks_done.last_mut() {
            Some((_, to)) if to.checked_add(1) == Some(chunk) => *to = chunk,
            _ => state.chunks_done.push((chunk, chunk)),
        }
        state.accepted = state.accepted.saturating_add(accepted.cast_unsigned());
        state.skipped = state.skipped.saturating_add(skipped.cast_unsigned());
        state.rejected = state.rejected.saturating_add(rejected.cast_unsigned());
    }
    Ok(state)
}

/// Shows an import's state.
#[derive(Debug, Clone)]
pub struct ReadImport {
    /// Which.
    pub id: ImportId,
    /// For which purpose.
    pub purpose: Option<String>,
}

impl Operation for ReadImport {
    const ACTION: Action = Action::SubjectImport;
    type Output = ImportState;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::about(self.purpose.clone(), None, 0))
    }

    fn facts(&self, tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        tx.first(&IMPORT, params![self.id.bytes()], |row| row.int(0))?.map(drop).ok_or(Error::NotFound)
    }

    fn run(&self, tx: &mut Tx<'_>, _cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<ImportState>, Error> {
        Ok(Outcome::new(state(tx, self.id)?, Note { objects: vec![*self.id.bytes()], ..Note::count(0) }))
    }
}

/// One row, as the caller numbers it.
pub struct ImportRow {
    /// Its number in the file.
    pub row: u64,
    /// Its values by field name.
    pub fields: Map<String, Json>,
}

impl core::fmt::Debug for ImportRow {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ImportRow").field("row", &self.row).finish_non_exhaustive()
    }
}

/// A row that was given back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RejectedRow {
    /// Its number in the file.
    pub row: u64,
    /// Field (when it is one field's fault) and what is expected.
    pub errors: Vec<(Option<String>, String)>,
}

/// Takes in a chunk.
#[derive(Debug)]
pub struct ImportChunk {
    rules: Arc<Rules>,
    id: ImportId,
    chunk: u64,
    rows: Vec<(u64, Sealed)>,
    rejected: Vec<RejectedRow>,
    /// Of all rows as they were sent.
    digest: [u8; 32],
    purpose: Option<String>,
    reason: Option<Reason>,
}

/// What is kept of a chunk.
#[derive(Debug, Serialize, Deserialize)]
pub struct Remembered {
    digest: [u8; 32],
    done: ChunkDone,
}

/// What came of a chunk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChunkDone {
    /// Rows taken in.
    pub accepted: u64,
    /// Rows left out.
    pub skipped: u64,
    /// Rows given back.
    pub rejected: Vec<RejectedRow>,
}

impl ImportChunk {
    /// Parses and seals the rows; those that do not fit are set aside.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the chunk's number; a row's faults are its own.
    pub fn new(
        app: &App,
        id: ImportId,
        chunk: u64,
        rows: &[ImportRow],
        purpose: Option<String>,
        reason: Option<Reason>,
    ) -> Result<Self, Error> {
        if chunk >= MAX_CHUNK {
            return Err(Error::invalid("", "expected a chunk number below 2^53"));
        }
        let rules = app.rules();
        let digest = digest(app, rows)?;
        let mut sealed = Vec::with_capacity(rows.len());
        let mut rejected = Vec::new();
        let rng = avouch_seal::DrawnAhead::new(&app.rng);
        for row in rows {
            match Sealed::new(app, &rules, &row.fields, &rng) {
                Ok(new) => sealed.push((row.row, new)),
                Err(Error::Invalid(faults)) => {
                    rejected.push(RejectedRow {
                        row: row.row,
                        errors: faults.into_iter().map(row_error).collect(),
                    });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Self { rules, id, chunk, rows: sealed, rejected, digest, purpose, reason })
    }
}

/// A keyed digest of rows as they were sent; the order of a row's columns does not matter.
fn digest(app: &App, rows: &[ImportRow]) -> Result<[u8; 32], Error> {
    let mut texts = Vec::with_capacity(rows.len());
    for row in rows {
        let columns: std::collections::BTreeMap<&String, &Json> = row.fields.iter().collect();
        let text = serde_json::to_vec(&(row.row, columns));
        texts.push(zeroize::Zeroizing::new(text.map_err(|_| Error::Internal("a row has no JSON form"))?));
    }
    let parts: Vec<&[u8]> = texts.iter().map(|text| text.as_slice()).collect();
    Ok(app.keys.row_digest("import_rows", &parts))
}

fn row_error(fault: Fault) -> (Option<String>, String) {
    let field = fault.pointer.strip_prefix("/fields/").map(|rest| {
        let name = rest.split('/').next().unwrap_or(rest);
        name.replace("~1", "/").replace("~0", "~")
    });
    (field, fault.detail)
}

impl Operation for ImportChunk {
    const ACTION: Action = Action::SubjectImport;
    type Output = ChunkDone;
    /// How the import was begun, and the outcome when the chunk was done before.
    type Facts = (Begun, Option<Remembered>);

    fn intent(&self, rules: &Rules) -> Result<Intent, Error> {
        same_charter(rules, &self.rules)?;
        let mut writes: Vec<usize> = self.rows.iter().flat_map(|(_, new)| new.places(rules)).collect();
        writes.sort_unstable();
        writes.dedup();
        Ok(Intent { writes, ..Intent::about(self.purpose.clone(), self.reason.clone(), self.rows.len()) })
    }

    fn writes(&self) -> bool {
        true
    }

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        self.rows.iter().for_each(|(_, new)| new.ahead(wants));
    }

    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Self::Facts, Error> {
        let begun = tx
            .first(&IMPORT, params![self.id.bytes()], |row| {
                let on_erased = row.int(2)?;
                let on_erased = OnErased::ALL.into_iter().find(|known| *known as i64 == on_erased);
                // What is none of ours is the most careful one.
                let on_erased = on_erased.unwrap_or(OnErased::Ask);
                Ok(Begun { dry_run: row.int(0)? != 0, skip: row.int(1)? != 0, on_erased })
            })?
            .ok_or(Error::NotFound)?;
        let chunk = self.chunk.cast_signed();
        let sealed = tx.first(&CHUNK, params![self.id.bytes(), chunk], |row| Ok(row.blob(0)?.to_vec()))?;
        let before = match sealed {
            None => None,
            Some(sealed) => {
                let plain = cx.app.keys.open_row("import_chunk", &self.place(), &sealed)?;
                Some(serde_json::from_slice(&plain).map_err(|_| Error::Tampered)?)
            }
        };
        Ok((begun, before))
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        (begun, before): Self::Facts,
    ) -> Result<Outcome<ChunkDone>, Error> {
        let mut note = Note { objects: vec![*self.id.bytes()], ..Note::count(0) };
        if let Some(Remembered { digest, done }) = before {
            if digest != self.digest {
                return Err(Error::Conflict(
                    "this chunk was sent before with other rows: begin a new import",
                ));
            }
            return Ok(Outcome::new(done, note));
        }
        let mut done = ChunkDone { accepted: 0, skipped: 0, rejected: self.rejected.clone() };
        for (row, new) in &self.rows {
            let returning = match begun.on_erased {
                OnErased::Create => Returning::Welcome,
                OnErased::Ask | OnErased::Skip => Returning::Ask,
            };
            let obstacle = if begun.dry_run {
                new.obstacle(tx, cx, permit, returning, &mut note)?
            } else {
                new.write(tx, cx, permit, returning, &mut note)?
            };
            match obstacle {
                None => done.accepted += 1,
                Some(Obstacle::Taken(taken)) => {
                    taken.remember(&mut note);
                    let detail = "another subject already has this value";
                    done.leave_out(*row, begun.skip, [taken.field], detail);
                }
                Some(Obstacle::Erased(recognised)) => {
                    note.erasure = Some(recognised.erasure);
                    let number = recognised.erasure;
                    let detail = format!(
                        "somebody with this value was erased (erasure {number}): begin the import with `on_erased`"
                    );
                    done.leave_out(*row, begun.on_erased == OnErased::Skip, recognised.fields, &detail);
                }
            }
        }
        done.rejected.sort_by_key(|rejected| rejected.row);
        let kept = Remembered { digest: self.digest, done };
        let plain = serde_json::to_vec(&kept).map_err(|_| Error::Internal("a chunk has no JSON form"))?;
        let sealed = cx.app.keys.seal_row("import_chunk", &self.place(), &plain, &cx.app.rng)?;
        let done = kept.done;
        let rejected = i64::try_from(done.rejected.len()).unwrap_or(i64::MAX);
        let (accepted, skipped) = (done.accepted.cast_signed(), done.skipped.cast_signed());
        let chunk = self.chunk.cast_signed();
        tx.put(&PUT_CHUNK, params![self.id.bytes(), chunk, accepted, skipped, rejected, &sealed])?;
        Ok(Outcome::new(done, note))
    }

    fn objects(&self) -> Vec<minicbor::bytes::ByteArray<16>> {
        vec![(*self.id.bytes()).into()]
    }
}

/// How an import was begun.
#[derive(Debug, Clone, Copy)]
pub struct Begun {
    dry_run: bool,
    /// Whether duplicates are left out.
    skip: bool,
    on_erased: OnErased,
}

impl ChunkDone {
    fn leave_out(&mut self, row: u64, skip: bool, fields: impl IntoIterator<Item = String>, detail: &str) {
        if skip {
            self.skipped += 1;
        } else {
            let errors = fields.into_iter().map(|field| (Some(field), detail.to_owned())).collect();
            self.rejected.push(RejectedRow { row, errors });
        }
    }
}

impl ImportChunk {
    fn place(&self) -> Vec<u8> {
        avouch_seal::pae::pae(&[self.id.bytes(), &self.chunk.to_le_bytes()])
    }
}
