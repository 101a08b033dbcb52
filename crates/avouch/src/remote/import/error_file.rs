//! The error file: rows that were not stored, as they stand in the source, each with its number and the reason in front. Mended, it can
//! be imported itself; the two columns in front are ignored then. They stand in front because a row with too many or too few cells would
//! shift them anywhere else.
//!
//! It holds personal data: it is made with mode 0600, never over a file that is not one of ours, and only when there is something to write.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use avouch_detect::table::{Format, Table};
use serde_json::Value;

use super::beside;
use crate::remote::CliError;

const ROW: &str = "avouch_row";
const ERROR: &str = "avouch_error";

/// Whether a column is one that an error file adds.
pub(super) fn is_ours(header: &str) -> bool {
    header == ROW || header == ERROR
}

/// The error file of one import.
pub(super) struct ErrorFile {
    path: PathBuf,
    layout: Layout,
    open: Option<BufWriter<File>>,
}

/// How the source is written, and so the error file.
enum Layout {
    Csv {
        header: Vec<u8>,
        delimiter: u8,
        quote: u8,
        /// How many columns in front of the source are those of an error file that is fed back.
        ours: usize,
    },
    JsonLines,
}

impl ErrorFile {
    /// Decides where and how; makes nothing yet.
    pub(super) fn new(table: &Table, source: &Path, asked: Option<&Path>) -> Result<Self, CliError> {
        let dialect = table.dialect();
        let (layout, extension) = match dialect.format() {
            Format::Csv => {
                let ours = table.headers().iter().take_while(|header| is_ours(header)).count();
                let header = table.raw_header().to_vec();
                (Layout::Csv { header, delimiter: dialect.delimiter(), quote: dialect.quote(), ours }, "csv")
            }
            Format::JsonLines => (Layout::JsonLines, "jsonl"),
        };
        let path = asked.map_or_else(|| beside(source, extension), Path::to_owned);
        if let (Ok(a), Ok(b)) = (path.canonicalize(), source.canonicalize())
            && a == b
        {
            return Err(CliError::usage("the error file cannot be the file that is imported"));
        }
        if path.exists() && !ours_already(&path) {
            let path = path.display();
            return Err(CliError::usage(format!(
                "`{path}` is there already and is no error file; name another with --errors"
            )));
        }
        Ok(Self { path, layout, open: None })
    }

    /// Adds a row: its bytes as they stand in the source, and why it was not stored.
    pub(super) fn add(&mut self, row: u64, why: &str, raw: &[u8]) -> Result<(), CliError> {
        let mut line = Vec::with_capacity(raw.len() + why.len() + 48);
        self.layout.write(row, why, raw, &mut line);
        let result = match &mut self.open {
            Some(file) => file.write_all(&line),
            None => create(&self.path).and_then(|file| {
                let mut file = BufWriter::new(file);
                file.write_all(&self.layout.head())?;
                file.write_all(&line)?;
                self.open = Some(file);
                Ok(())
            }),
        };
        result.map_err(|error| CliError::file(&self.path, &error))
    }

    /// Ends it. The path, if there is a file.
    pub(super) fn finish(mut self) -> Result<Option<PathBuf>, CliError> {
        let Some(mut file) = self.open.take() else { return Ok(None) };
        let written = file.flush().and_then(|()| file.get_ref().sync_all());
        written.map_err(|error| CliError::file(&self.path, &error))?;
        Ok(Some(self.path))
    }
}

fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // An earlier one may have been given wider rights since.
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Whether the file begins as an error file does, or is empty.
fn ours_already(path: &Path) -> bool {
    let mut line = Vec::new();
    let Ok(file) = File::open(path) else { return false };
    let read = io::Read::take(BufReader::new(file), 64).read_until(b'\n', &mut line);
    let begin = line.strip_prefix(BOM).unwrap_or(&line);
    read.is_ok()
        && (begin.is_empty()
            || begin.starts_with(ROW.as_bytes())
            || begin.starts_with(format!("{{\"{ROW}\":").as_bytes()))
}

/// So that spreadsheets read the accents right.
const BOM: &[u8] = "\u{feff}".as_bytes();

impl Layout {
    fn head(&self) -> Vec<u8> {
        let Self::Csv { header, delimiter, quote, ours } = self else { return Vec::new() };
        let mut head = BOM.to_vec();
        for name in [ROW, ERROR] {
            head.extend_from_slice(name.as_bytes());
            head.push(*delimiter);
        }
        head.extend_from_slice(after(header, *ours, *delimiter, *quote));
        head.push(b'\n');
        head
    }

    fn write(&self, row: u64, why: &str, raw: &[u8], line: &mut Vec<u8>) {
        match self {
            Self::Csv { delimiter, quote, ours, .. } => {
                line.extend_from_slice(row.to_string().as_bytes());
                line.push(*delimiter);
                // One physical line: an unclosed quote further on must not reach back to it.
                let text = why.replace(['\r', '\n'], " ");
                line.push(*quote);
                for byte in text.bytes() {
                    if byte == *quote {
                        line.push(*quote);
                    }
                    line.push(byte);
                }
                line.push(*quote);
                line.push(*delimiter);
                line.extend_from_slice(after(raw, *ours, *delimiter, *quote));
            }
            Self::JsonLines => {
                line.extend_from_slice(
                    format!("{{\"{ROW}\":{row},\"{ERROR}\":{}", Value::from(why)).as_bytes(),
                );
                match raw.trim_ascii().strip_prefix(b"{") {
                    // By bytes: the rest may be no JSON, and is to be mended as it is.
                    Some(rest) => {
                        let rest = after_ours(rest);
                        if !rest.trim_ascii_start().starts_with(b"}") {
                            line.push(b',');
                        }
                        line.extend_from_slice(rest);
                    }
                    None => {
                        line.extend_from_slice(b"}\n");
                        line.extend_from_slice(raw);
                    }
                }
            }
        }
        line.push(b'\n');
    }
}

/// The row without its first `count` cells.
fn after(raw: &[u8], count: usize, delimiter: u8, quote: u8) -> &[u8] {
    let mut rest = raw;
    for _ in 0..count {
        let mut quoted = false;
        let end = rest.iter().position(|&byte| {
            quoted ^= byte == quote;
            byte == delimiter && !quoted
        });
        let Some(tail) = end.and_then(|end| rest.get(end + 1..)) else { return raw };
        rest = tail;
    }
    rest
}

/// The members of an object, without those that an error file put in front.
fn after_ours(rest: &[u8]) -> &[u8] {
    let begin = format!("\"{ROW}\":");
    if !rest.starts_with(begin.as_bytes()) {
        return rest;
    }
    // `"avouch_row":N,"avouch_error":"…"` as written above: N has no comma, and the text ends at the first quote that is not escaped.
    let marker = format!(",\"{ERROR}\":\"");
    let Some(text) = find(rest, marker.as_bytes()).and_then(|at| rest.get(at + marker.len()..)) else {
        return rest;
    };
    let mut escaped = false;
    let end = text.iter().position(|&byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    let Some(tail) = end.and_then(|end| text.get(end + 1..)) else { return rest };
    tail.strip_prefix(b",").unwrap_or(tail)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use avouch_detect::table::{Options, open};

    use super::*;

    /// Writes an error file for rows of `source` and gives its text.
    fn written(source: &str, name: &str, rows: &[(u64, &str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let table = open(io::Cursor::new(source.to_owned()), &Options::default()).unwrap();
        let mut file = ErrorFile::new(&table, &folder.path().join(name), None).unwrap();
        for (row, why, raw) in rows {
            file.add(*row, why, raw.as_bytes()).unwrap();
        }
        let path = file.finish().unwrap().unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::read_to_string(path).unwrap()
    }

    fn headers_and_row(text: String) -> (Vec<String>, Vec<Option<String>>) {
        let mut table = open(io::Cursor::new(text), &Options::default()).unwrap();
        let headers = table.headers().to_vec();
        let record = table.next().unwrap().unwrap();
        (headers, record.cells().map(|cell| cell.text().map(str::to_owned)).collect())
    }

    #[test]
    fn a_rejected_row_keeps_its_bytes_and_reads_back() {
        let source = "name;note\n\"Ada; B\";x\n";
        let text = written(source, "c.csv", &[(1, "email: say \"what\"; not\nhow", "\"Ada; B\";x")]);
        insta::assert_snapshot!(text.trim_start_matches('\u{feff}'), @r#"
        avouch_row;avouch_error;name;note
        1;"email: say ""what""; not how";"Ada; B";x
        "#);
        let (headers, cells) = headers_and_row(text);
        assert_eq!(headers, ["avouch_row", "avouch_error", "name", "note"]);
        assert_eq!(cells[2].as_deref(), Some("Ada; B"));
    }

    #[test]
    fn an_error_file_of_an_error_file_has_the_columns_once() {
        let source = "avouch_row,avouch_error,name\n7,\"a, \"\"b\"\"\",Ada\n";
        let text = written(source, "c.csv", &[(1, "again", "7,\"a, \"\"b\"\"\",Ada")]);
        insta::assert_snapshot!(text.trim_start_matches('\u{feff}'), @r#"
        avouch_row,avouch_error,name
        1,"again",Ada
        "#);
    }

    #[test]
    fn json_lines_get_two_members_in_front_even_if_broken() {
        let rows = [
            (1, "email: \"no\"", r#"{"name":"Ada"}"#),
            (2, "not valid JSON", r#"{"name":"Ada"#),
            (3, "not a JSON object", "12"),
            (4, "nothing in it", "{ }"),
            (5, "again", r#"{"avouch_row":9,"avouch_error":"a \"b\\","name":"Ada"}"#),
        ];
        insta::assert_snapshot!(written("{\"name\":\"x\"}\n", "c.jsonl", &rows), @r#"
        {"avouch_row":1,"avouch_error":"email: \"no\"","name":"Ada"}
        {"avouch_row":2,"avouch_error":"not valid JSON","name":"Ada
        {"avouch_row":3,"avouch_error":"not a JSON object"}
        12
        {"avouch_row":4,"avouch_error":"nothing in it" }
        {"avouch_row":5,"avouch_error":"again","name":"Ada"}
        "#);
    }

    #[test]
    fn no_other_file_is_overwritten_and_none_is_made_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("c.csv");
        std::fs::write(&source, "name\nAda\n").unwrap();
        let table = open(&b"name\nAda\n"[..], &Options::default()).unwrap();
        assert!(ErrorFile::new(&table, &source, Some(&source)).is_err());
        let precious = folder.path().join("precious.csv");
        std::fs::write(&precious, "name\nBen\n").unwrap();
        assert!(ErrorFile::new(&table, &source, Some(&precious)).is_err());
        let file = ErrorFile::new(&table, &source, None).unwrap();
        assert_eq!(file.finish().unwrap(), None);
        assert!(!folder.path().join("c.errors.csv").exists());
    }
}
