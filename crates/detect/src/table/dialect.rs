//! The dialect of a file: format, delimiter, quote. All of it is found in the first bytes, and all of it is
//! told to the user.

use std::fmt;

use super::encoding::{Encoding, Found, Grounds};
use super::window::Window;
use super::{Error, Options};

/// The two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Cells between delimiters, after RFC 4180, with a header row.
    Csv,
    /// One JSON object on each line.
    JsonLines,
}

/// What was found out about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    format: Format,
    encoding: Found,
    delimiter: u8,
    quote: u8,
}

impl Dialect {
    /// Settles what `sep` and `options` leave open by the text at hand.
    pub(super) fn sniff(
        format: Format,
        encoding: Found,
        sep: Option<Sep>,
        window: &Window,
        options: &Options,
    ) -> Result<Self, Error> {
        let given = options.delimiter.or_else(|| sep.map(|sep| sep.delimiter));
        if given.is_some_and(|byte| !separates(byte)) {
            return Err(Error::Delimiter);
        }
        let bytes = window.bytes();
        let sample = bytes.get(..SAMPLE).unwrap_or(bytes);
        let quote = quote(sample, given);
        let delimiter = given.unwrap_or_else(|| match format {
            Format::Csv => delimiter(sample, quote),
            Format::JsonLines => b',',
        });
        Ok(Self { format, encoding, delimiter, quote })
    }

    /// CSV or JSON Lines.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// How characters are written.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding.encoding
    }

    /// Whether the encoding is an assumption that the user should confirm.
    #[must_use]
    pub fn encoding_assumed(&self) -> bool {
        self.encoding.grounds == Grounds::Assumed
    }

    /// The byte between two cells of CSV.
    #[must_use]
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The byte around cells of CSV that hold delimiters or line ends.
    #[must_use]
    pub fn quote(&self) -> u8 {
        self.quote
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format {
            Format::JsonLines => f.write_str("JSON Lines")?,
            Format::Csv => match self.delimiter {
                b',' => f.write_str("CSV, commas")?,
                b';' => f.write_str("CSV, semicolons")?,
                b'\t' => f.write_str("CSV, tabs")?,
                b'|' => f.write_str("CSV, pipes")?,
                other => write!(f, "CSV, delimiter `{}`", char::from(other))?,
            },
        }
        if self.format == Format::Csv && self.quote == b'\'' {
            f.write_str(", single quotes")?;
        }
        write!(f, ", {}", self.encoding())?;
        match self.encoding.grounds {
            Grounds::Mark => f.write_str(" with BOM"),
            Grounds::Assumed => f.write_str(" (assumed: it is not UTF-8)"),
            Grounds::Seen if self.encoding() != Encoding::UTF_8 => f.write_str(" without BOM"),
            Grounds::Seen | Grounds::Asked => Ok(()),
        }
    }
}

/// Excel's first line `sep=;`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sep {
    delimiter: u8,
    /// Bytes of the line with its end.
    pub(super) length: usize,
}

/// Tells CSV from JSON Lines, and finds Excel's `sep=` line.
pub(super) fn format(text: &[u8], options: &Options) -> Result<(Format, Option<Sep>), Error> {
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace()).ok_or(Error::Empty)?;
    let found = match first {
        b'{' => Format::JsonLines,
        // A CSV header may begin with a bracket, but not with a bracket and a brace.
        b'[' if options.format != Some(Format::Csv) && begins_array(text) => return Err(Error::JsonArray),
        _ => Format::Csv,
    };
    let format = options.format.unwrap_or(found);
    Ok((format, if format == Format::Csv { sep_line(text) } else { None }))
}

fn begins_array(text: &[u8]) -> bool {
    let mut signs = text.iter().filter(|byte| !byte.is_ascii_whitespace());
    signs.next() == Some(&b'[') && matches!(signs.next(), Some(b'{' | b']'))
}

fn sep_line(text: &[u8]) -> Option<Sep> {
    let end = text.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let line = text.get(..end)?;
    let line = line.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(line);
    let (name, value) = line.split_at_checked(4)?;
    let &[delimiter] = value else { return None };
    let length = if text.get(end..)?.starts_with(b"\r\n") { end + 2 } else { end + 1 };
    name.eq_ignore_ascii_case(b"sep=").then_some(Sep { delimiter, length })
}

const SAMPLE: usize = 64 * 1024;
/// The one least used inside text first: it wins where two do equally well.
const DELIMITERS: [u8; 4] = *b"\t|;,";

fn separates(byte: u8) -> bool {
    byte == b'\t' || (byte.is_ascii_punctuation() && !matches!(byte, b'"' | b'\''))
}

/// The delimiter that gives the header the most columns of those that give the most rows as many columns as
/// the header.
fn delimiter(sample: &[u8], quote: u8) -> u8 {
    let score = |delimiter: u8| {
        let rows = widths(sample, delimiter, quote);
        let header = rows.first().copied().unwrap_or_default();
        let alike = rows.iter().filter(|&&width| width == header).count();
        // In twentieths, so that a few bad rows do not outweigh many columns.
        (header > 1).then(|| (alike * 20 / rows.len().max(1), header))
    };
    let mut best = (b',', None);
    for delimiter in DELIMITERS {
        let found = score(delimiter);
        if found > best.1 {
            best = (delimiter, found);
        }
    }
    best.0
}

/// How many cells each of the first records has. The last one may be cut, and counts only if it is the only
/// one.
fn widths(sample: &[u8], delimiter: u8, quote: u8) -> Vec<usize> {
    const ROWS: usize = 100;
    let mut parser = csv_core::ReaderBuilder::new().delimiter(delimiter).quote(quote).build();
    let mut rest = sample;
    let (mut cell, mut widths, mut width) = ([0; 1024], Vec::new(), 0);
    while widths.len() < ROWS {
        let (result, read, _) = parser.read_field(rest, &mut cell);
        rest = rest.get(read..).unwrap_or_default();
        match result {
            csv_core::ReadFieldResult::InputEmpty | csv_core::ReadFieldResult::OutputFull => {}
            csv_core::ReadFieldResult::Field { record_end } => {
                width += 1;
                if record_end {
                    widths.push(std::mem::take(&mut width));
                }
            }
            csv_core::ReadFieldResult::End => break,
        }
    }
    if rest.is_empty() && widths.len() > 1 {
        widths.pop();
    }
    widths
}

/// The single quote, if cells are seen to begin and end with it and none with the double quote.
fn quote(sample: &[u8], delimiter: Option<u8>) -> u8 {
    let edge = |byte: Option<&u8>| match (byte, delimiter) {
        (None | Some(b'\r' | b'\n'), _) => true,
        (Some(byte), Some(delimiter)) => *byte == delimiter,
        (Some(byte), None) => DELIMITERS.contains(byte),
    };
    let count = |quote: u8| {
        let (mut opening, mut closing) = (0_usize, 0_usize);
        for (at, _) in sample.iter().enumerate().filter(|&(_, &byte)| byte == quote) {
            opening += usize::from(edge(at.checked_sub(1).and_then(|before| sample.get(before))));
            closing += usize::from(edge(sample.get(at + 1)));
        }
        (opening, closing)
    };
    let (opening, closing) = count(b'\'');
    if opening > 1 && opening == closing && count(b'"') == (0, 0) { b'\'' } else { b'"' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_delimiter_of_everyday_files() {
        let of = |sample: &str| char::from(delimiter(sample.as_bytes(), b'"'));
        assert_eq!(of("id,name\n1,a\n"), ',');
        assert_eq!(of("Name;Betrag\nA;1,0\nB;2,5\n"), ';');
        assert_eq!(of("name\taddress, city\nA\tB, C\n"), '\t');
        assert_eq!(of("a|b|c\n1|2|3\n"), '|');
        assert_eq!(of("\"a;b\",c\n\"d;e\",f\n"), ',');
        assert_eq!(of("email\na@example.com\n"), ',');
        assert_eq!(of("a;b;c"), ';');
    }

    #[test]
    fn single_quotes_only_when_they_frame_cells() {
        assert_eq!(quote(b"'id','name'\n'1','O''Neil'\n", None), b'\'');
        assert_eq!(quote(b"id,name\n1,'t Hooft\n", None), b'"');
        assert_eq!(quote(b"\"id\",'name'\n", None), b'"');
    }

    #[test]
    fn takes_the_sep_line_in_its_variants() {
        let of = |text: &str| sep_line(text.as_bytes()).map(|sep| (char::from(sep.delimiter), sep.length));
        assert_eq!(of("sep=;\r\na;b"), Some((';', 7)));
        assert_eq!(of("\"sep=|\"\na|b"), Some(('|', 8)));
        assert_eq!(of("SEP=\t\na\tb"), Some(('\t', 6)));
        assert_eq!(of("sep=;;\na;b"), None);
        assert_eq!(of("separator\n"), None);
    }
}
