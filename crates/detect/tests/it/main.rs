//! The crate through its public door: files as people write them, and what is made of them.

mod arbitrary;
mod column;
mod csv;
mod json_lines;
mod source;

use std::io::Cursor;

use avouch_detect::table::{self, Error, Fault, Options, Record, RowError, Table};

/// Opens bytes as a table with nothing said about them.
fn open(bytes: impl Into<Vec<u8>>) -> Table {
    table::open(Cursor::new(bytes.into()), &Options::default()).expect("a readable table")
}

/// The refusal of bytes that are no table.
fn refusal(bytes: impl Into<Vec<u8>>) -> Error {
    table::open(Cursor::new(bytes.into()), &Options::default()).expect_err("no table")
}

/// Rows as text, for snapshots: cells between bars, or what is wrong.
fn show(table: Table) -> String {
    let rows = table.map(|row| match row {
        Ok(record) => format!("line {} (row {}): {}", record.line, record.row, cells(&record).join("|")),
        Err(Fault::Row(bad)) => format!("{bad} -> {:?}", String::from_utf8_lossy(&bad.raw)),
        Err(Fault::Input(error)) => format!("input: {error}"),
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn cells(record: &Record) -> Vec<String> {
    let cell = |cell| match cell {
        table::Cell::Empty => String::new(),
        table::Cell::Text(text) => text.to_owned(),
        table::Cell::Json(value) => value.to_string(),
    };
    record.cells().map(cell).collect()
}

fn bad_rows(table: Table) -> Vec<RowError> {
    let bad = |row| match row {
        Err(Fault::Row(bad)) => Some(bad),
        _ => None,
    };
    table.filter_map(bad).collect()
}

/// Text in UTF-16, low byte first, with its mark.
fn utf_16(text: &str) -> Vec<u8> {
    [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// Text in Latin-1.
fn latin_1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("a Latin-1 character")).collect()
}
