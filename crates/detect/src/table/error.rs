//! What can be wrong: with the whole input ([`Error`]), with one row ([`RowError`]), with the source half-way
//! ([`Fault::Input`]).
//!
//! These texts reach logs and screens. They name lines, columns and counts; a header name only where it is
//! shaped like a name; never a cell's content. [`RowError::raw`] is personal data: it is for the error file,
//! and `Debug` leaves it out.

use std::{fmt, io};

/// Why an input cannot be read as a table. All but `Input` are for whoever supplies the file, and say what to
/// do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The source itself failed.
    #[error("the input cannot be read")]
    Input(#[from] io::Error),
    /// Nothing in it, or only blank lines.
    #[error("the file is empty")]
    Empty,
    /// A known format that is not text.
    #[error("this is {found}, not CSV or JSON Lines; {remedy}")]
    NotText {
        /// What it is, with its article.
        found: &'static str,
        /// What to do instead.
        remedy: &'static str,
    },
    /// NUL bytes in a pattern that no text encoding has.
    #[error("this is a binary file (a NUL byte at offset {offset}); export it as CSV or JSON Lines in UTF-8")]
    Binary {
        /// Offset of the first NUL byte from the start of the input.
        offset: usize,
    },
    /// A byte order mark says one thing and the caller another.
    #[error("the file begins with the mark of {found}, but {wanted} was asked for; leave the encoding out")]
    EncodingContradicted {
        /// What the byte order mark says.
        found: &'static str,
        /// What the caller said.
        wanted: &'static str,
    },
    /// Neither UTF-8 nor plausible as Windows-1252.
    #[error(
        "the text is not UTF-8, and read as Windows-1252 it makes no sense; name the encoding (such as `windows-1250`) \
         or save the file as UTF-8"
    )]
    EncodingUnclear,
    /// A delimiter that cannot separate cells.
    #[error("a delimiter must be a tab or one printable ASCII character, and no letter, digit or quote")]
    Delimiter,
    /// One JSON array, not one object per line.
    #[error(
        "this is one JSON array; JSON Lines has one object on each line (`jq -c '.[]'` turns one into the other)"
    )]
    JsonArray,
    /// None of the first rows is an object.
    #[error(
        "none of the first {lines} lines is a JSON object; each line must be one whole object (`jq -c .` makes it so)"
    )]
    NoJsonObject {
        /// How many lines were looked at.
        lines: usize,
    },
    /// The header row is damaged.
    #[error("line {line}: the header cannot be read: {why}")]
    Header {
        /// Where the header starts.
        line: u64,
        /// What is wrong with it.
        why: Complaint,
    },
    /// Columns without a name.
    #[error("the header has no name for {}; give each column a name", columns(.0))]
    HeaderEmpty(Vec<usize>),
    /// The same name more than once.
    #[error("the header has one name for {}; give each column its own name", columns(.0))]
    HeaderTwice(Vec<usize>),
    /// The first line holds values.
    #[error("the first line looks like data, not like a header ({}); put a line of column names first", columns(.0))]
    HeaderMissing(Vec<usize>),
    /// More columns than allowed.
    #[error("the header has more than {most} columns")]
    HeaderTooWide {
        /// The limit of [`Options::max_columns`](super::Options::max_columns).
        most: usize,
    },
}

/// What the iterator gives instead of a record.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// This row is bad; the next one may be good.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The source failed: the rest of the table is unknown, and the iterator ends here.
    #[error("the input broke off")]
    Input(#[from] io::Error),
}

/// One bad row.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} (row {row}): {why}")]
pub struct RowError {
    /// Line of the file on which the row starts, from 1.
    pub line: u64,
    /// Number among the data rows, from 1; good and bad rows count alike.
    pub row: u64,
    /// What is wrong with it.
    pub why: Complaint,
    /// The row as it stands in the file, as UTF-8 and without line end; cut at the record limit. Bytes that
    /// are not text in the file's encoding are kept as they were in UTF-8 files, and are `0xff` in others.
    pub raw: Vec<u8>,
}

impl fmt::Debug for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowError")
            .field("line", &self.line)
            .field("row", &self.row)
            .field("why", &self.why)
            .field("raw", &format_args!("<{} bytes>", self.raw.len()))
            .finish()
    }
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Complaint {
    /// More or fewer cells than the header has names.
    #[error("{} ({found} instead of {expected})", off_by(*found, *expected))]
    Columns {
        /// Cells in this row.
        found: usize,
        /// Columns in the header.
        expected: usize,
    },
    /// More cells than any header may have.
    #[error("more than {most} columns ({expected} expected)")]
    TooManyColumns {
        /// The limit of [`Options::max_columns`](super::Options::max_columns).
        most: usize,
        /// Columns in the header.
        expected: usize,
    },
    /// Longer than the limit, though its quotes are closed.
    #[error("the row is longer than {limit} bytes")]
    TooLong {
        /// The limit of [`Options::max_record_bytes`](super::Options::max_record_bytes).
        limit: usize,
    },
    /// A quote that opens a cell and has no partner; reading went on with the next line.
    #[error("the quote that opens column {column} is never closed")]
    QuoteOpen {
        /// Column of the cell, from 1.
        column: usize,
    },
    /// The same in a record over the limit: what the quote swallowed cannot be read again.
    #[error(
        "the quote that opens column {column} is never closed, and everything up to line {until} is lost in it; \
         close it and read again, or allow records of more than {limit} bytes"
    )]
    Swallowed {
        /// Column of the cell, from 1.
        column: usize,
        /// The last line of the file.
        until: u64,
        /// The limit of [`Options::max_record_bytes`](super::Options::max_record_bytes).
        limit: usize,
    },
    /// A quote inside a quoted cell that is not written twice.
    #[error("a quote inside column {column} is not doubled")]
    QuoteStray {
        /// Column of the cell, from 1.
        column: usize,
    },
    /// Not text in the file's encoding.
    #[error("column {column} holds bytes that are not {encoding}")]
    NotText {
        /// Column of the first such cell, from 1.
        column: usize,
        /// The encoding that the file is read in.
        encoding: &'static str,
    },
    /// A NUL character.
    #[error("the row holds a NUL character")]
    Nul,
    /// Not JSON; the line as a whole is not text, or breaks off.
    #[error("not valid JSON (character {at} of the line)")]
    NotJson {
        /// Where reading stopped, in bytes from 1.
        at: usize,
    },
    /// JSON, but not an object.
    #[error("not a JSON object")]
    NotObject,
    /// The same key twice in one object.
    #[error("a key stands twice in one object")]
    KeyTwice,
    /// A number that JSON readers would round.
    #[error("a number is too large to be kept exactly; write it as text")]
    NumberTooLarge,
    /// A key that the first rows did not have. It is named only if it is shaped like a name.
    #[error("{} is not among the columns of the first rows", key(.0.as_deref()))]
    UnknownKey(Option<String>),
}

fn off_by(found: usize, expected: usize) -> String {
    let (by, way) =
        if found > expected { (found - expected, "many") } else { (expected.saturating_sub(found), "few") };
    format!("{by} {} too {way}", if by == 1 { "column" } else { "columns" })
}

fn columns(numbers: &[usize]) -> String {
    const SHOWN: usize = 8;
    let listed = numbers.iter().take(SHOWN).map(usize::to_string).collect::<Vec<_>>().join(", ");
    let noun = if numbers.len() == 1 { "column" } else { "columns" };
    match numbers.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{noun} {listed} and {more} more"),
        _ => format!("{noun} {listed}"),
    }
}

fn key(name: Option<&str>) -> String {
    name.map_or_else(|| "a key".to_owned(), |name| format!("the key `{name}`"))
}
