//! CSV rows, one at a time, strictly.
//!
//! `csv-core` splits a row into cells; this module decides whether the row may be believed. INVARIANT: what
//! stands inside a closed quoted cell never becomes a row, however long the cell is or however it is damaged;
//! whoever can write one cell of an export cannot add customers to it. Only a quote without partner up to the
//! end of the file lets reading go on with the line after it.

mod header;

use std::{fmt, io};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::error::{Complaint, Error, Fault, RowError};
use super::quotes::{Quotes, Verdict};
use super::record::{Cells, Record};
use super::window::Window;
use super::{Dialect, Options};

pub(super) struct Rows {
    window: Window,
    parser: Reader,
    dialect: Dialect,
    max_bytes: usize,
    max_columns: usize,
    headers: Vec<String>,
    raw_header: Box<[u8]>,
    row: u64,
    /// The cells of the current record, one after another, and where each of them ends.
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// What the parser makes of the bytes from the window's place on.
enum Scan {
    End,
    Whole(Span),
    /// More bytes or more columns than allowed, after `length` bytes; `ended` says whether the record ends
    /// there.
    Beyond {
        length: usize,
        ended: bool,
    },
}

#[derive(Clone, Copy)]
struct Span {
    /// Bytes in the window, with the line end.
    length: usize,
    /// Bytes in `text`.
    text: usize,
    /// Entries in `ends`.
    cells: usize,
}

impl Rows {
    /// Reads the header.
    pub(super) fn open(window: Window, dialect: &Dialect, options: &Options) -> Result<Self, Error> {
        let parser = ReaderBuilder::new().delimiter(dialect.delimiter()).quote(dialect.quote()).build();
        let mut rows = Self {
            window,
            parser,
            dialect: dialect.clone(),
            max_bytes: options.max_record_bytes,
            max_columns: options.max_columns,
            headers: Vec::new(),
            raw_header: Box::default(),
            row: 0,
            text: vec![0; 1024],
            ends: vec![0; 64],
        };
        match rows.next_row() {
            None => return Err(Error::Empty),
            Some(Err(Fault::Input(error))) => return Err(Error::Input(error)),
            Some(Err(Fault::Row(RowError { why: Complaint::TooManyColumns { most, .. }, .. }))) => {
                return Err(Error::HeaderTooWide { most });
            }
            Some(Err(Fault::Row(RowError { line, why, .. }))) => return Err(Error::Header { line, why }),
            Some(Ok(record)) => {
                rows.headers = header::names(&record)?;
                rows.raw_header = record.raw;
                rows.row = 0;
            }
        }
        Ok(rows)
    }

    pub(super) fn headers(&self) -> &[String] {
        &self.headers
    }

    pub(super) fn raw_header(&self) -> &[u8] {
        &self.raw_header
    }

    pub(super) fn position(&self) -> u64 {
        self.window.position()
    }

    /// The next row that is not blank. Spreadsheets leave rows of nothing but delimiters behind: these are
    /// blank too.
    pub(super) fn next_row(&mut self) -> Option<Result<Record, Fault>> {
        loop {
            match self.step() {
                Ok(Step::Blank) => {}
                Ok(Step::End) => return None,
                Ok(Step::Row(row)) => return Some(row.map_err(Fault::Row)),
                Err(error) => return Some(Err(Fault::Input(error))),
            }
        }
    }

    fn step(&mut self) -> io::Result<Step> {
        self.skip_line_ends()?;
        let line = self.window.line();
        let span = match self.scan()? {
            Scan::End => return Ok(Step::End),
            Scan::Beyond { length, ended } => {
                self.row += 1;
                return self.pass_over(line, length, ended).map(|bad| Step::Row(Err(bad)));
            }
            Scan::Whole(span) => span,
        };
        let raw = without_line_end(self.window.bytes().get(..span.length).unwrap_or_default());
        let cells = self.judge(raw, span);
        let delimiters_only = raw.iter().all(|&byte| byte == self.dialect.delimiter());
        if delimiters_only || (span.text == 0 && cells.is_ok()) {
            self.window.advance(span.length);
            return Ok(Step::Blank);
        }
        self.row += 1;
        let row = self.row;
        let (length, outcome) = match cells {
            Ok(cells) => (span.length, Ok(Record { line, row, raw: raw.into(), cells })),
            Err(why @ Complaint::QuoteOpen { .. }) => {
                // The quote swallowed the rest of the input. The parser has seen its end, and must forget it.
                self.parser.reset();
                let length = self.window.next_line(0).unwrap_or(span.length);
                let first = without_line_end(self.window.bytes().get(..length).unwrap_or_default());
                (length, Err(RowError { line, row, why, raw: first.to_vec() }))
            }
            Err(why) => (span.length, Err(RowError { line, row, why, raw: raw.to_vec() })),
        };
        self.window.advance(length);
        Ok(Step::Row(outcome))
    }

    fn skip_line_ends(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.window.bytes();
            let ends = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let all = ends == bytes.len();
            self.window.advance(ends);
            if !all || self.window.drained() || !self.window.more()? {
                return Ok(());
            }
        }
    }

    fn scan(&mut self) -> io::Result<Scan> {
        let (mut length, mut text, mut cells) = (0, 0, 0);
        loop {
            let input = self.window.bytes().get(length..).unwrap_or_default();
            if input.is_empty() && !self.window.drained() {
                if length > self.max_bytes {
                    return Ok(Scan::Beyond { length, ended: false });
                }
                self.window.more()?;
                continue;
            }
            let (result, read, written, ended) = self.parser.read_record(
                input,
                self.text.get_mut(text..).unwrap_or_default(),
                self.ends.get_mut(cells..).unwrap_or_default(),
            );
            length += read;
            text += written;
            cells += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                // One more than allowed may be a delimiter at the end of the row.
                ReadRecordResult::OutputEndsFull if cells > self.max_columns + 1 => {
                    return Ok(Scan::Beyond { length, ended: false });
                }
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record if length > self.max_bytes || cells > self.max_columns + 1 => {
                    return Ok(Scan::Beyond { length, ended: true });
                }
                ReadRecordResult::Record => return Ok(Scan::Whole(Span { length, text, cells })),
                ReadRecordResult::End => return Ok(Scan::End),
            }
        }
    }

    /// The cells of a record, if it may be believed.
    fn judge(&self, raw: &[u8], span: Span) -> Result<Cells, Complaint> {
        if raw.contains(&self.dialect.quote()) {
            let mut quotes = Quotes::new(self.dialect.delimiter(), self.dialect.quote());
            quotes.walk(raw);
            match quotes.verdict() {
                Verdict::Sound => {}
                Verdict::Open(column) => return Err(Complaint::QuoteOpen { column }),
                Verdict::Stray(column) => return Err(Complaint::QuoteStray { column }),
            }
        }
        if raw.contains(&0) {
            return Err(Complaint::Nul);
        }
        let bytes = self.text.get(..span.text).unwrap_or_default();
        let ends = self.ends.get(..span.cells).unwrap_or_default();
        let ends = self.fit(ends)?;
        let text = std::str::from_utf8(bytes).ok();
        // Two broken cells may join to sound text: each cell must end where a character ends.
        match text.filter(|text| ends.iter().all(|&end| text.is_char_boundary(end))) {
            Some(text) => Ok(Cells::Text { text: text.into(), ends: ends.into() }),
            None => Err(Complaint::NotText {
                column: first_broken(bytes, ends),
                encoding: self.dialect.encoding().name(),
            }),
        }
    }

    /// Holds the number of cells against the header. One empty cell too many is a delimiter at the end of the
    /// row, and is dropped.
    fn fit<'a>(&self, ends: &'a [usize]) -> Result<&'a [usize], Complaint> {
        let (found, expected) = (ends.len(), self.headers.len());
        match ends {
            _ if found == expected || expected == 0 => Ok(ends),
            [rest @ .., before, last] if found == expected + 1 && before == last => {
                Ok(ends.get(..=rest.len()).unwrap_or(ends))
            }
            _ => Err(Complaint::Columns { found, expected }),
        }
    }

    /// Reads on to the end of a record that is too long or too wide, forgetting what it passes.
    fn pass_over(&mut self, line: u64, mut length: usize, mut ended: bool) -> io::Result<RowError> {
        let seen = self.window.bytes().get(..length).unwrap_or_default();
        let raw = without_line_end(seen.get(..self.max_bytes).unwrap_or(seen)).to_vec();
        let wide = length <= self.max_bytes;
        let mut quotes = Quotes::new(self.dialect.delimiter(), self.dialect.quote());
        let (mut text, mut ends) = ([0; 1024], [0; 64]);
        loop {
            quotes.walk(self.window.bytes().get(..length).unwrap_or_default());
            self.window.advance(length);
            if ended {
                break;
            }
            length = 0;
            if self.window.bytes().is_empty() && !self.window.drained() {
                self.window.more()?;
                continue;
            }
            let (result, read, ..) = self.parser.read_record(self.window.bytes(), &mut text, &mut ends);
            length = read;
            ended = matches!(result, ReadRecordResult::Record | ReadRecordResult::End);
        }
        let why = match quotes.verdict() {
            Verdict::Open(column) => {
                Complaint::Swallowed { column, until: self.window.last_line(), limit: self.max_bytes }
            }
            _ if wide => Complaint::TooManyColumns { most: self.max_columns, expected: self.headers.len() },
            _ => Complaint::TooLong { limit: self.max_bytes },
        };
        Ok(RowError { line, row: self.row, why, raw })
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("window", &self.window).field("row", &self.row).finish_non_exhaustive()
    }
}

enum Step {
    End,
    Blank,
    Row(Result<Record, RowError>),
}

fn without_line_end(raw: &[u8]) -> &[u8] {
    let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
    raw.strip_suffix(b"\r").unwrap_or(raw)
}

/// Column, from 1, of the first cell that is not UTF-8.
fn first_broken(bytes: &[u8], ends: &[usize]) -> usize {
    let mut start = 0;
    let broken = ends.iter().position(|&end| {
        let cell = bytes.get(start..end).unwrap_or_default();
        start = end;
        std::str::from_utf8(cell).is_err()
    });
    broken.map_or(ends.len(), |index| index + 1)
}
