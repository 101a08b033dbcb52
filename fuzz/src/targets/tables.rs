//! The rows of a table are numbered without gaps, fit the header, and are no longer than allowed, good or
//! bad. What was read of a CSV file, written with every cell in quotes, is read as the same. Whatever else
//! the bytes are, the whole input is refused, or single rows, and the reading ends.

use std::io::Cursor;

use arbitrary::{Result, Unstructured};
use avouch_detect::table::{self, Encoding, Fault, Format, Options, Record, RowError, Table};

pub(super) fn check(mut input: Unstructured<'_>) -> Result<()> {
    let options = options(&mut input)?;
    let bytes = input.take_rest();
    let Ok(mut table) = table::open(Cursor::new(bytes.to_vec()), &options) else { return Ok(()) };
    let rows: Vec<Row> = sound(&mut table, &options).collect();
    assert!(rows.len() <= bytes.len());
    assert_eq!(table.position(), bytes.len() as u64);
    assert!(table.next().is_none());
    if table.dialect().format() == Format::Csv {
        written_again(table.headers(), &rows);
    }
    Ok(())
}

/// A row as it was read.
pub(super) type Row = std::result::Result<Record, RowError>;

/// How to read, with narrow limits.
pub(super) fn options(input: &mut Unstructured<'_>) -> Result<Options> {
    let labels = ["utf-8", "utf-16le", "utf-16be", "windows-1252", "windows-1250", "shift_jis", "gb18030"];
    let label: u8 = input.arbitrary()?;
    Ok(Options {
        format: *input.choose(&[None, None, Some(Format::Csv), Some(Format::JsonLines)])?,
        delimiter: *input.choose(&[None, None, None, Some(b';'), Some(b'|'), Some(b'x'), Some(0)])?,
        encoding: labels.get(usize::from(label)).and_then(|label| Encoding::named(label)),
        max_record_bytes: input.int_in_range(1..=255)?,
        max_columns: input.int_in_range(1..=16)?,
    })
}

/// The rows, each held against what is true of every row.
pub(super) fn sound<'a>(table: &'a mut Table, options: &'a Options) -> impl Iterator<Item = Row> + 'a {
    let columns = table.headers().len();
    let (mut count, mut last) = (0, 0);
    table.map(move |row| {
        let row = row.map_err(|fault| match fault {
            Fault::Row(bad) => bad,
            Fault::Input(error) => unreachable!("the reader does not fail: {error}"),
        });
        let (line, number, raw) = match &row {
            Ok(record) => (record.line, record.row, record.raw()),
            Err(bad) => (bad.line, bad.row, bad.raw.as_slice()),
        };
        assert_eq!(number, count + 1, "rows are numbered without gaps");
        assert!(line > last, "line {line} follows line {last}");
        assert!(raw.len() <= options.max_record_bytes, "{} bytes of a row", raw.len());
        if let Ok(record) = &row {
            assert_eq!(record.cells().len(), columns);
        }
        (count, last) = (number, line);
        row
    })
}

/// The good rows once more, from a file without anything doubtful in it.
fn written_again(headers: &[String], rows: &[Row]) {
    let cells = |record: &Record| -> Vec<String> {
        record.cells().map(|cell| cell.text().unwrap_or_default().to_owned()).collect()
    };
    let good: Vec<Vec<String>> = rows.iter().flatten().map(cells).collect();
    // Excel's first line, which says what separates the cells, cannot be told from the header of one such
    // column.
    let is_sep = |name: &String| name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sep="));
    if headers.len() == 1 && headers.iter().any(is_sep) {
        return;
    }
    let line = |cells: &[String]| {
        let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
        cells.iter().map(quoted).collect::<Vec<_>>().join(",") + "\r\n"
    };
    let file: String = std::iter::once(line(headers)).chain(good.iter().map(|row| line(row))).collect();
    let options = Options {
        format: Some(Format::Csv),
        delimiter: Some(b','),
        encoding: Some(Encoding::UTF_8),
        ..Options::default()
    };
    let table = table::open(Cursor::new(file), &options).expect("the header was read before");
    assert_eq!(table.headers(), headers);
    let again: Vec<Vec<String>> = table.map(|row| cells(&row.expect("a good row"))).collect();
    assert!(again == good, "other rows than were written");
}
