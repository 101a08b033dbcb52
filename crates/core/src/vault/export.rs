//! Carrying people out. An export goes chunk by chunk, each an operation whose event is durable before its rows leave; the
//! file is sealed to its receiver unless the caller insists otherwise.

use std::io::Write;
use std::sync::Arc;

use avouch_policy::Action;
use avouch_store::Tx;
use serde_json::Value as Json;

use super::keys::Ring;
use super::list::{self, SubjectPlace};
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::approvals::left;
use crate::gate::{Caller, Intent, Permit, Reach, Reason, Shows};
use crate::ids::SubjectId;
use crate::rules::Rules;
use crate::watch::Look;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated, UTF-8, a header, CRLF (RFC 4180).
    Csv,
    /// One JSON object per line.
    JsonLines,
}

/// Rows per chunk.
const CHUNK: usize = 500;

/// An export as asked for.
#[derive(Debug, Clone)]
pub struct Export {
    /// Fields by name, in the order of the columns.
    pub fields: Vec<String>,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
    /// How rows are written.
    pub format: ExportFormat,
    /// Whom the file is sealed to: an age recipient. `None`: nobody, in clear.
    pub seal_to: Option<String>,
}

/// One chunk of an export.
#[derive(Debug, Clone)]
struct ExportSome {
    export: Export,
    after: Option<SubjectPlace>,
}

/// A chunk's rows.
struct ExportedChunk {
    rows: Vec<(SubjectId, Vec<Json>)>,
    next: Option<SubjectPlace>,
}

impl core::fmt::Debug for ExportedChunk {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ExportedChunk").field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}

impl Operation for ExportSome {
    const ACTION: Action = Action::SubjectExport;
    type Output = ExportedChunk;
    type Facts = ();

    fn intent(&self, rules: &Rules) -> Result<Intent, Error> {
        if self.export.fields.is_empty() {
            return Err(Error::invalid("/fields", "expected the names of the fields to export"));
        }
        let places = super::places(rules, &self.export.fields, "/fields")?;
        let shows = Shows::These { places, least: None };
        let (purpose, reason) = (self.export.purpose.clone(), self.export.reason.clone());
        // Every chunk counts as many: a policy on big exports is not to be passed by small steps.
        Ok(Intent { shows, reach: Some(Reach::Everybody), ..Intent::about(purpose, reason, usize::MAX) })
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        (): (),
    ) -> Result<Outcome<ExportedChunk>, Error> {
        let places = super::places(cx.rules, &self.export.fields, "/fields")?;
        // A file that others have agreed to is whole or is not begun.
        if let (None, Some(refusal)) = (self.after, &permit.otherwise) {
            for approval in &permit.approvals {
                let left = left(tx, *approval, cx.now)?;
                if list::count(tx, left.saturating_add(1))? > left {
                    return Err(Error::Refused(refusal.clone()));
                }
            }
        }
        let records = list::page(tx, cx, self.after, CHUNK)?;
        let next = records.last().filter(|_| records.len() == CHUNK).map(SubjectPlace::of);
        let mut note = Note::count(records.len());
        for place in &places {
            note.fields.push((cx.rules.rule(*place)?.number, Some(permit.view(*place))));
        }
        let mut rows = Vec::with_capacity(records.len());
        tx.read_ahead(|| records.iter().map(|record| Ring::ahead(record.subject)).collect())?;
        for record in &records {
            let mut ring = Ring::load(tx, record.subject)?;
            let mut cells = Vec::with_capacity(places.len());
            let pseudonym = ring.pseudonym(cx)?;
            let mut look = Look::new(record.subject, pseudonym);
            for place in &places {
                let entry = record.entry(cx.rules.rule(*place)?.number)?;
                cells.push(match entry {
                    Some(entry) => {
                        look.add(permit.view_of(cx, record.subject, *place));
                        record.show_entry(cx, permit, &mut ring, *place, &entry, None)?.unwrap_or_default()
                    }
                    None => Json::Null,
                });
            }
            note.looks.push(look);
            note.subjects.push(pseudonym);
            rows.push((record.subject, cells));
        }
        Ok(Outcome::new(ExportedChunk { rows, next }, note))
    }
}

/// How an export ended.
#[derive(Debug)]
pub enum ExportError {
    /// The operation.
    Operation(Error),
    /// The receiver is gone or cannot take more.
    Output(std::io::Error),
}

impl Export {
    /// Runs the export on this thread and writes it to `out`, chunk after chunk; says how many people it carried. The
    /// first chunk is performed before `begin` is called, so that a refusal is an answer and not a broken file.
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn run<W: Write>(
        &self,
        app: &Arc<App>,
        caller: &Caller,
        begin: impl FnOnce() -> W,
    ) -> Result<u64, ExportError> {
        let recipient = match &self.seal_to {
            Some(text) => Some(text.parse::<age::x25519::Recipient>().map_err(|_| {
                ExportError::Operation(Error::invalid("/seal_to", "expected an age recipient: `age1…`"))
            })?),
            None => None,
        };
        let mut chunk = self.chunk(app, caller, None)?;
        let mut sink = Sink::new(begin(), recipient.as_ref())?;
        let mut count = 0;
        if self.format == ExportFormat::Csv {
            let header = core::iter::once("subject").chain(self.fields.iter().map(String::as_str));
            csv_line(&mut sink, header)?;
        }
        loop {
            for (subject, cells) in &chunk.rows {
                match self.format {
                    ExportFormat::Csv => {
                        let subject = subject.to_string();
                        let cells: Vec<String> = cells.iter().map(csv_cell).collect();
                        csv_line(
                            &mut sink,
                            core::iter::once(subject.as_str()).chain(cells.iter().map(String::as_str)),
                        )?;
                    }
                    ExportFormat::JsonLines => {
                        let mut object = serde_json::Map::new();
                        object.insert("subject".to_owned(), Json::String(subject.to_string()));
                        object.extend(self.fields.iter().cloned().zip(cells.iter().cloned()));
                        serde_json::to_writer(&mut sink, &object)
                            .map_err(|error| ExportError::Output(error.into()))?;
                        sink.write_all(b"\n").map_err(ExportError::Output)?;
                    }
                }
                count += 1;
            }
            match chunk.next {
                Some(after) => chunk = self.chunk(app, caller, Some(after))?,
                None => break,
            }
        }
        sink.finish()?;
        Ok(count)
    }

    fn chunk(
        &self,
        app: &Arc<App>,
        caller: &Caller,
        after: Option<SubjectPlace>,
    ) -> Result<ExportedChunk, ExportError> {
        app.perform_wait(caller, ExportSome { export: self.clone(), after })
            .map(|done| done.output)
            .map_err(ExportError::Operation)
    }
}

/// Where rows go: sealed or plain.
enum Sink<W: Write> {
    Plain(W),
    Sealed(Box<age::stream::StreamWriter<W>>),
}

impl<W: Write> Sink<W> {
    fn new(out: W, recipient: Option<&age::x25519::Recipient>) -> Result<Self, ExportError> {
        let Some(recipient) = recipient else { return Ok(Self::Plain(out)) };
        let recipients = core::iter::once(recipient as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients)
            .map_err(|_| ExportError::Operation(Error::Internal("no recipient to seal to")))?;
        Ok(Self::Sealed(Box::new(encryptor.wrap_output(out).map_err(ExportError::Output)?)))
    }

    fn finish(self) -> Result<(), ExportError> {
        match self {
            Self::Plain(mut out) => out.flush(),
            Self::Sealed(out) => out.finish().and_then(|mut out| out.flush()),
        }
        .map_err(ExportError::Output)
    }
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Sealed(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Sealed(out) => out.flush(),
        }
    }
}

fn csv_line<'a>(out: &mut impl Write, cells: impl Iterator<Item = &'a str>) -> Result<(), ExportError> {
    let mut line = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    line.write_record(cells).map_err(|error| ExportError::Output(std::io::Error::other(error)))?;
    let line = line.into_inner().map_err(|error| ExportError::Output(error.into_error()))?;
    out.write_all(&line).map_err(ExportError::Output)
}

/// A cell's text. A leading `=`, `+`, `-` or `@` would be a formula to a spreadsheet, so it gets an apostrophe, except for
/// phone numbers and negative numbers, which are no formulas.
fn csv_cell(json: &Json) -> String {
    match json {
        Json::Null => String::new(),
        Json::String(text) => {
            let formula = text.starts_with(['=', '@', '\t', '\r'])
                || (text.starts_with(['+', '-'])
                    && !text.bytes().skip(1).all(|b| b.is_ascii_digit() || b == b'.'));
            if formula { format!("'{text}") } else { text.clone() }
        }
        other => other.to_string(),
    }
}
