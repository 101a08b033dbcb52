//! Whatever the bytes are.

use std::io::Cursor;

use avouch_detect::column;
use avouch_detect::table::{self, Fault, Options};
use proptest::prelude::*;

/// Bytes that are likely to mean something to a reader of tables.
fn tableish() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => Just(b"\"".to_vec()),
        6 => Just(b",".to_vec()),
        3 => Just(b";".to_vec()),
        6 => Just(b"\n".to_vec()),
        2 => Just(b"\r".to_vec()),
        1 => Just(b"{\"a\":".to_vec()),
        1 => Just(b"}".to_vec()),
        1 => Just(b"\0".to_vec()),
        1 => Just(b"\xff\xfe".to_vec()),
        1 => Just("ö".as_bytes().to_vec()),
        6 => "[a-zA-Z@. ]{1,4}".prop_map(String::into_bytes),
        1 => any::<[u8; 2]>().prop_map(Vec::from),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Cells that no other test or message has.
const SECRET: &str = "Zyxwvut";

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_ends_and_rows_fit(bytes in tableish(), limit in 1_usize..200) {
        let options = Options { max_record_bytes: limit, max_columns: 8, ..Options::default() };
        let Ok(table) = table::open(Cursor::new(bytes.clone()), &options) else { return Ok(()) };
        let columns = table.headers().len();
        let mut line = 0;
        for (index, row) in table.enumerate() {
            prop_assert!(index <= bytes.len());
            let (at, number) = match &row {
                Ok(record) => (record.line, record.row),
                Err(Fault::Row(bad)) => (bad.line, bad.row),
                Err(Fault::Input(_)) => return Err(TestCaseError::fail("a cursor does not fail")),
            };
            prop_assert_eq!(number, index as u64 + 1);
            prop_assert!(at > line || line == 0);
            line = at;
            if let Ok(record) = row {
                prop_assert_eq!(record.width(), columns);
            }
        }
    }

    #[test]
    fn what_is_written_is_read(rows in proptest::collection::vec(["[^\0]{0,12}", "[a-z\"';,\r\n ]{0,12}"], 1..20)) {
        let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
        let mut file = "\u{feff}first,second,third\n".to_owned();
        for [one, two] in &rows {
            file += &format!("{},{},x\r\n", quoted(one), quoted(two));
        }
        let table = table::open(Cursor::new(file), &Options::default()).expect("a table");
        let read: Vec<[String; 2]> = table
            .map(|row| row.expect("a good row"))
            .map(|record| [0, 1].map(|index| record.cell(index).text().unwrap_or_default().to_owned()))
            .collect();
        prop_assert_eq!(read, rows);
    }

    #[test]
    fn no_message_repeats_a_cell(before in tableish(), after in tableish()) {
        let file = [b"id,name\n1,".as_slice(), &before, SECRET.as_bytes(), &after].concat();
        let mut said = String::new();
        match table::open(Cursor::new(file), &Options::default()) {
            Err(error) => said += &format!("{error} {error:?}"),
            Ok(table) => {
                for row in table {
                    said += &format!("{row:?}");
                    if let Err(fault) = row {
                        said += &fault.to_string();
                    }
                }
            }
        }
        prop_assert!(!said.contains(SECRET));
    }

    #[test]
    fn guessing_never_fails_or_tells(header in ".{0,20}", sample in ".{0,30}") {
        let secret = format!("{sample}{SECRET}");
        let guesses = column::classify(&header, &[&sample, &secret]);
        prop_assert!(!guesses.is_empty());
        prop_assert!(guesses.iter().all(|guess| guess.confidence <= 100 && !guess.because.contains(SECRET)));
        prop_assert!(guesses.is_sorted_by(|one, two| one.confidence >= two.confidence));
    }
}
