//! Tables out of bytes.
//!
//! A table is a header and rows. [`open`] looks at the first bytes to learn the dialect (format, encoding,
//! delimiter, quote), refuses what it cannot read right, and gives a [`Table`]: an iterator over records that
//! needs the same memory for a small and a huge file.
//!
//! A bad row is an item of the iterator and never its end; what is wrong with the whole input is an [`Error`]
//! of `open`, or [`Fault::Input`] when the source breaks half-way. No error repeats a cell's content: the
//! row's bytes travel beside the message, for the caller's error file. Nothing is guessed at the cost of a
//! value: where two readings are possible, the row is refused.

mod csv;
mod dialect;
mod encoding;
mod error;
mod json;
mod json_lines;
mod quotes;
mod record;
mod signature;
mod source;
mod window;

use std::io::Read;

pub use dialect::{Dialect, Format};
pub use encoding::Encoding;
pub use error::{Complaint, Error, Fault, RowError};
pub use record::{Cell, Record};

use source::Source;
use window::Window;

/// How to read; what is `None` is found out from the first bytes.
#[derive(Debug, Clone)]
pub struct Options {
    /// CSV or JSON Lines.
    pub format: Option<Format>,
    /// The byte between two CSV cells; printable ASCII or a tab.
    pub delimiter: Option<u8>,
    /// How characters are written.
    pub encoding: Option<Encoding>,
    /// Bytes that one record may take (as UTF-8). A longer one is a bad row; this bounds the memory that a
    /// table needs.
    pub max_record_bytes: usize,
    /// Columns that a header may have.
    pub max_columns: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { format: None, delimiter: None, encoding: None, max_record_bytes: 1 << 20, max_columns: 512 }
    }
}

/// Reads the beginning of `reader`, settles the dialect and the columns, and gives the table.
///
/// # Errors
/// Everything that makes the whole input unreadable: see [`Error`].
pub fn open(reader: impl Read + Send + 'static, options: &Options) -> Result<Table, Error> {
    let mut source = Source::open(Box::new(reader))?;
    signature::refuse(source.head())?;
    let text = encoding::detect(source.head(), options.encoding)?;
    source.decode(&text);
    let mut window = Window::open(source)?;
    let (format, sep) = dialect::format(window.bytes(), options)?;
    if let Some(sep) = &sep {
        window.advance(sep.length);
    }
    let dialect = Dialect::sniff(format, text, sep, &window, options)?;
    let rows = match format {
        Format::Csv => Rows::Csv(Box::new(csv::Rows::open(window, &dialect, options)?)),
        Format::JsonLines => Rows::JsonLines(Box::new(json_lines::Rows::open(window, options)?)),
    };
    Ok(Table { dialect, rows, ended: false })
}

/// A table that is being read: its dialect, its columns, and an iterator over its records.
#[derive(Debug)]
pub struct Table {
    dialect: Dialect,
    rows: Rows,
    ended: bool,
}

impl Table {
    /// What was found out about the file; its `Display` is fit for showing to a user.
    #[must_use]
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The names of the columns, trimmed, each different from the others. For JSON Lines they are the keys of
    /// the first 1,000 objects in order of appearance, an inner object's keys written `outer.inner`.
    #[must_use]
    pub fn headers(&self) -> &[String] {
        match &self.rows {
            Rows::Csv(rows) => rows.headers(),
            Rows::JsonLines(rows) => rows.headers(),
        }
    }

    /// The header row as it stands in the file, as UTF-8 and without line end: an error file that begins with
    /// it and goes on with the `raw` bytes of bad rows can be mended and read again. Empty for JSON Lines.
    #[must_use]
    pub fn raw_header(&self) -> &[u8] {
        match &self.rows {
            Rows::Csv(rows) => rows.raw_header(),
            Rows::JsonLines(_) => &[],
        }
    }

    /// Bytes of the underlying input taken so far; for progress, it runs ahead of the records by what is
    /// buffered.
    #[must_use]
    pub fn position(&self) -> u64 {
        match &self.rows {
            Rows::Csv(rows) => rows.position(),
            Rows::JsonLines(rows) => rows.position(),
        }
    }
}

impl Iterator for Table {
    type Item = Result<Record, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = match &mut self.rows {
            Rows::Csv(rows) => rows.next_row(),
            Rows::JsonLines(rows) => rows.next_row(),
        };
        self.ended = matches!(item, None | Some(Err(Fault::Input(_))));
        item
    }
}

#[derive(Debug)]
enum Rows {
    Csv(Box<csv::Rows>),
    JsonLines(Box<json_lines::Rows>),
}
