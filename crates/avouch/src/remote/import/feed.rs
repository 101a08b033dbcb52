//! The stream: one thread reads rows and writes chunks as JSON, several send them, this one counts, shows progress and writes the error file.
//! Channels between them hold one chunk each, so memory is a handful of chunks whatever the file's size.
//!
//! INVARIANT: chunk numbers and their rows follow from the file, the mapping and the chunk size alone. A resumed import cuts the same
//! chunks; that is what makes "sent already" mean anything.

use std::{
    collections::BTreeMap,
    panic::resume_unwind,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use avouch_client::{Client, Stated};
use avouch_detect::table::{Fault, Record, Table};
use avouch_wire::{ChunkResult, import::RejectedRow};
use uuid::Uuid;

use super::{error_file::ErrorFile, mapping::Mapping, progress::Progress};
use crate::remote::CliError;

/// Requests under way at once, each on its own connection: some are being sealed, some written, some wait for the disk.
const SENDERS: usize = 8;

/// A chunk ends here even if it has fewer rows than asked for: half of the largest body.
const CHUNK_BYTES: usize = avouch_wire::limits::BULK_BODY_BYTES / 2;

/// Where chunks go.
pub(super) struct Feed<'a> {
    pub(super) client: &'a Client,
    pub(super) import: Uuid,
    pub(super) stated: &'a Stated,
    pub(super) stop: Arc<AtomicBool>,
}

/// What became of the rows.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Data rows read.
    pub(super) rows: u64,
    /// Rows sent now.
    pub(super) sent: u64,
    /// Of these, stored.
    pub(super) accepted: u64,
    /// Of these, left out as duplicates.
    pub(super) skipped: u64,
    /// Of these, not stored.
    pub(super) rejected: u64,
    /// Rows that could not be read or had nothing in them.
    pub(super) unreadable: u64,
    /// Rows of chunks that the server had already.
    pub(super) earlier: u64,
    /// Where rejected rows are.
    pub(super) error_file: Option<PathBuf>,
    /// Whether rows were left because of Ctrl-C.
    pub(super) interrupted: bool,
}

impl Feed<'_> {
    /// Sends all chunks.
    ///
    /// The first error ends it after the requests under way; what was stored stays stored and is known to the server.
    pub(super) fn run(
        &self,
        chunks: Chunks,
        mut errors: ErrorFile,
        mut progress: Progress,
    ) -> Result<Counts, CliError> {
        let (to_send, queue) = sync_channel::<Result<Chunk, CliError>>(1);
        let (to_count, results) = sync_channel(SENDERS);
        // Owned by the senders alone: when they have gone, the reader's next chunk has nowhere to go, and it ends too.
        let queue = Arc::new(Mutex::new(queue));
        let mut counts = Counts::default();
        let failed = AtomicBool::new(false);
        let outcome = thread::scope(|scope| {
            let reader = scope.spawn(|| read(chunks, to_send, &self.stop));
            for _ in 0..SENDERS {
                let (queue, to_count) = (Arc::clone(&queue), to_count.clone());
                let failed = &failed;
                scope.spawn(move || self.send(&queue, &to_count, failed));
            }
            drop((queue, to_count));
            let outcome = count(&results, &mut counts, &mut errors, &mut progress);
            drop(results);
            counts.interrupted = reader.join().unwrap_or_else(|panic| resume_unwind(panic));
            outcome
        });
        progress.end();
        counts.error_file = errors.finish()?;
        outcome?;
        Ok(counts)
    }

    fn send(
        &self,
        queue: &Mutex<Receiver<Result<Chunk, CliError>>>,
        to_count: &SyncSender<Sent>,
        failed: &AtomicBool,
    ) {
        loop {
            // Looked at before a chunk is taken: one that is taken is sent, so those before the failed one all are.
            if failed.load(Ordering::Relaxed) {
                return;
            }
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(next) = next else { return };
            let sent = next.and_then(|mut chunk| {
                let body = std::mem::take(&mut chunk.body);
                let result = match chunk.state {
                    State::New => {
                        Some(self.client.import_chunk_json(self.import, chunk.number, &body, self.stated)?)
                    }
                    State::Empty | State::Earlier => None,
                };
                Ok((chunk, result))
            });
            failed.fetch_or(sent.is_err(), Ordering::Relaxed);
            if to_count.send(sent).is_err() {
                return;
            }
        }
    }
}

type Sent = Result<(Chunk, Option<ChunkResult>), CliError>;

/// Reads to the end; true if it was stopped before.
fn read(mut chunks: Chunks, to_send: SyncSender<Result<Chunk, CliError>>, stop: &AtomicBool) -> bool {
    loop {
        let Some(chunk) = chunks.next() else { return false };
        // A closed queue means that the senders have gone, and that the error is known.
        if stop.load(Ordering::Relaxed) || to_send.send(chunk).is_err() {
            return true;
        }
    }
}

/// Takes results as they come and handles them in the order of the file. After an error too: the chunks before it may come later, and their
/// rejected rows belong into the error file.
fn count(
    results: &Receiver<Sent>,
    counts: &mut Counts,
    errors: &mut ErrorFile,
    progress: &mut Progress,
) -> Result<(), CliError> {
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    let mut position = 0;
    let mut error = None;
    loop {
        match results.recv_timeout(Duration::from_millis(200)) {
            Ok(Ok((chunk, result))) => {
                waiting.insert(chunk.number, (chunk, result));
            }
            Ok(Err(first)) => {
                error.get_or_insert(first);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return error.map_or(Ok(()), Err),
        }
        while let Some((chunk, result)) = waiting.remove(&next) {
            next += 1;
            position = chunk.position;
            counts.take(&chunk, result, errors)?;
        }
        progress.show(position, counts.rows);
    }
}

impl Counts {
    fn take(
        &mut self,
        chunk: &Chunk,
        result: Option<ChunkResult>,
        errors: &mut ErrorFile,
    ) -> Result<(), CliError> {
        let good = chunk.records.len() as u64;
        self.rows += good + chunk.bad.len() as u64;
        self.unreadable += chunk.bad.len() as u64;
        let mut lines: BTreeMap<u64, (String, &[u8])> =
            chunk.bad.iter().map(|bad| (bad.row, (bad.why.clone(), bad.raw.as_slice()))).collect();
        match &result {
            None => self.earlier += good,
            Some(result) => {
                self.sent += good;
                self.accepted += result.accepted;
                self.skipped += result.skipped;
                self.rejected += result.rejected.len() as u64;
                for rejected in &result.rejected {
                    let record = chunk.records.binary_search_by_key(&rejected.row, |record| record.row);
                    let record = record.ok().and_then(|at| chunk.records.get(at));
                    let Some(record) = record else {
                        let text = "a row was rejected that was not sent".to_owned();
                        return Err(avouch_client::Error::Protocol(text).into());
                    };
                    lines.insert(rejected.row, (why(rejected), record.raw()));
                }
                // Law of the house: no row disappears silently.
                if result.accepted + result.skipped + result.rejected.len() as u64 != good {
                    let text = "it does not account for every row of the chunk".to_owned();
                    return Err(avouch_client::Error::Protocol(text).into());
                }
            }
        }
        for (row, (why, raw)) in lines {
            errors.add(row, &why, raw)?;
        }
        Ok(())
    }
}

fn why(rejected: &RejectedRow) -> String {
    let fault = |fault: &avouch_wire::import::RowFault| match &fault.field {
        Some(field) => format!("{field}: {}", fault.detail),
        None => fault.detail.clone(),
    };
    rejected.errors.iter().map(fault).collect::<Vec<_>>().join("; ")
}

/// Some rows on their way.
#[derive(Debug)]
pub(super) struct Chunk {
    number: u64,
    state: State,
    /// `{"rows":[…]}`.
    body: Vec<u8>,
    /// The rows in it, ascending.
    records: Vec<Record>,
    /// Rows between them that cannot be sent.
    bad: Vec<Bad>,
    /// How far the file was read.
    position: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// It has no row that can be sent.
    Empty,
    /// The server has it.
    Earlier,
}

struct Bad {
    row: u64,
    why: String,
    raw: Vec<u8>,
}

impl std::fmt::Debug for Bad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bad").field("row", &self.row).field("why", &self.why).finish_non_exhaustive()
    }
}

/// Cuts a table into chunks.
pub(super) struct Chunks {
    table: Table,
    mapping: Arc<Mapping>,
    /// Columns that an error file added.
    ours: Vec<usize>,
    size: usize,
    done: Done,
    next: u64,
    ended: bool,
    /// Bytes that the chunk before had.
    roughly: usize,
}

impl Chunks {
    pub(super) fn new(table: Table, mapping: Arc<Mapping>, size: usize, done: Done) -> Self {
        let headers = table.headers().iter().enumerate();
        let ours =
            headers.filter(|(_, header)| super::error_file::is_ours(header)).map(|(at, _)| at).collect();
        Self { table, mapping, ours, size, done, next: 0, ended: false, roughly: 0 }
    }

    /// A line of an error file that only says what is wrong with the line after it (JSON Lines).
    fn is_note(&self, record: &Record) -> bool {
        let mut filled =
            record.cells().enumerate().filter(|(_, cell)| !cell.is_empty()).map(|(at, _)| at).peekable();
        filled.peek().is_some() && filled.all(|at| self.ours.contains(&at))
    }
}

impl Iterator for Chunks {
    type Item = Result<Chunk, CliError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let mut body = Vec::with_capacity(self.roughly);
        body.extend_from_slice(b"{\"rows\":[");
        let (mut records, mut bad) = (Vec::with_capacity(self.size), Vec::new());
        while records.len() + bad.len() < self.size && body.len() < CHUNK_BYTES {
            match self.table.next() {
                Some(Ok(record)) => {
                    let before = body.len();
                    if !records.is_empty() {
                        body.push(b',');
                    }
                    if self.mapping.write(&record, &mut body) {
                        records.push(record);
                        continue;
                    }
                    body.truncate(before);
                    if !self.is_note(&record) {
                        let why = "every column that is imported is empty".to_owned();
                        bad.push(Bad { row: record.row, why, raw: record.raw().to_vec() });
                    }
                }
                Some(Err(Fault::Row(error))) => {
                    bad.push(Bad { row: error.row, why: error.why.to_string(), raw: error.raw });
                }
                Some(Err(Fault::Input(error))) => {
                    self.ended = true;
                    return Some(Err(error.into()));
                }
                None => {
                    self.ended = true;
                    break;
                }
            }
        }
        if records.is_empty() && bad.is_empty() {
            return None;
        }
        body.extend_from_slice(b"]}");
        self.roughly = body.len() + body.len() / 8;
        let number = self.next;
        self.next += 1;
        let state = match (records.is_empty(), self.done.has(number)) {
            (true, _) => State::Empty,
            (false, true) => State::Earlier,
            (false, false) => State::New,
        };
        if state != State::New {
            body = Vec::new();
        }
        Some(Ok(Chunk { number, state, body, records, bad, position: self.table.position() }))
    }
}

/// Chunks that the server has: ranges, both ends included.
#[derive(Debug, Default)]
pub(super) struct Done(Vec<(u64, u64)>);

impl Done {
    pub(super) fn new(ranges: &[(u64, u64)]) -> Self {
        Self(ranges.to_vec())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn has(&self, number: u64) -> bool {
        self.0.iter().any(|&(from, to)| (from..=to).contains(&number))
    }
}

#[cfg(test)]
mod tests;
