//! CSV as it comes out of spreadsheets and databases.

use std::io::Cursor;

use avouch_detect::table::{self, Complaint, Encoding, Error, Options};

use crate::{bad_rows, latin_1, open, refusal, show, utf_16};

#[test]
fn plain_file() {
    let table = open("id,name,email\n1,Luís,luis@example.com\n2,,\n");
    assert_eq!(table.dialect().to_string(), "CSV, commas, UTF-8");
    assert_eq!(table.headers(), ["id", "name", "email"]);
    assert_eq!(table.raw_header(), b"id,name,email");
    insta::assert_snapshot!(show(table), @r"
    line 2 (row 1): 1|Luís|luis@example.com
    line 3 (row 2): 2||
    ");
}

#[test]
fn german_excel_export() {
    let table = open(latin_1(
        "Kunden-Nr;Nachname;Straße;Umsatz\r\n1;Köhler;Theodor-Heuss-Straße 34;1.234,56\r\n;;;;;\r\n2;Groß;\"Am Markt 1; Hinterhaus\";0,99\r\n",
    ));
    assert_eq!(table.dialect().to_string(), "CSV, semicolons, Windows-1252 (assumed: it is not UTF-8)");
    assert!(table.dialect().encoding_assumed());
    assert_eq!(table.headers(), ["Kunden-Nr", "Nachname", "Straße", "Umsatz"]);
    insta::assert_snapshot!(show(table), @r"
    line 2 (row 1): 1|Köhler|Theodor-Heuss-Straße 34|1.234,56
    line 4 (row 2): 2|Groß|Am Markt 1; Hinterhaus|0,99
    ");
}

#[test]
fn excel_unicode_text() {
    let table = open(utf_16("Name\tOrt\r\nŁukasz\tŁódź\r\n李\t北京\r\n😀\tx\r\n"));
    assert_eq!(table.dialect().to_string(), "CSV, tabs, UTF-16 LE with BOM");
    insta::assert_snapshot!(show(table), @r"
    line 2 (row 1): Łukasz|Łódź
    line 3 (row 2): 李|北京
    line 4 (row 3): 😀|x
    ");
}

#[test]
fn mark_and_sep_line() {
    let table = open("\u{feff}sep=;\r\nName;Ort\r\nAnna;Köln, Deutz\r\n");
    assert_eq!(table.dialect().to_string(), "CSV, semicolons, UTF-8 with BOM");
    assert_eq!(table.headers(), ["Name", "Ort"]);
    insta::assert_snapshot!(show(table), @"line 3 (row 1): Anna|Köln, Deutz");
}

#[test]
fn delimiters_at_line_ends() {
    let table = open("a;b;\n1;2;\n3;4\n5;6;;\n7;8;9\n");
    assert_eq!(table.headers(), ["a", "b"]);
    insta::assert_snapshot!(show(table), @r#"
    line 2 (row 1): 1|2
    line 3 (row 2): 3|4
    line 4 (row 3): 2 columns too many (4 instead of 2) -> "5;6;;"
    line 5 (row 4): 1 column too many (3 instead of 2) -> "7;8;9"
    "#);
}

#[test]
fn line_ends_in_quotes_and_between_rows() {
    let table = open("id,note\r\n\r\n1,\"one\r\ntwo\"\r\n\r\n2,\"say \"\"hi\"\"\"\r\n3,last");
    insta::assert_snapshot!(show(table).replace('\r', "\\r"), @r#"
    line 3 (row 1): 1|one\r
    two
    line 6 (row 2): 2|say "hi"
    line 7 (row 3): 3|last
    "#);
    let table = open("id,name\r1,Anna\r2,Bob\r");
    insta::assert_snapshot!(show(table), @r"
    line 2 (row 1): 1|Anna
    line 3 (row 2): 2|Bob
    ");
}

#[test]
fn too_many_columns_on_line_seven() {
    let header = (1..=13).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",");
    let row = |cells: usize| vec!["x"; cells].join(",");
    let file = [&header, &row(13), &row(13), &row(13), &row(13), &row(13), &row(16), &row(12), &row(13)]
        .map(String::as_str)
        .join("\n");
    insta::assert_snapshot!(show(open(file)), @r#"
    line 2 (row 1): x|x|x|x|x|x|x|x|x|x|x|x|x
    line 3 (row 2): x|x|x|x|x|x|x|x|x|x|x|x|x
    line 4 (row 3): x|x|x|x|x|x|x|x|x|x|x|x|x
    line 5 (row 4): x|x|x|x|x|x|x|x|x|x|x|x|x
    line 6 (row 5): x|x|x|x|x|x|x|x|x|x|x|x|x
    line 7 (row 6): 3 columns too many (16 instead of 13) -> "x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x"
    line 8 (row 7): 1 column too few (12 instead of 13) -> "x,x,x,x,x,x,x,x,x,x,x,x"
    line 9 (row 8): x|x|x|x|x|x|x|x|x|x|x|x|x
    "#);
}

#[test]
fn broken_quotes() {
    let table = open("id,note\n1,\"Tip\" Top\n2,5\" pipe\n3,\"never closed\n4,fine\n5,fine\n");
    insta::assert_snapshot!(show(table), @r#"
    line 2 (row 1): a quote inside column 2 is not doubled -> "1,\"Tip\" Top"
    line 3 (row 2): 2|5" pipe
    line 4 (row 3): the quote that opens column 2 is never closed -> "3,\"never closed"
    line 5 (row 4): 4|fine
    line 6 (row 5): 5|fine
    "#);
}

#[test]
fn a_quote_that_swallows_more_than_the_limit_is_told() {
    let options = Options { max_record_bytes: 1000, ..Options::default() };
    let rows = "4,fine\n".repeat(60_000);
    let file = format!("id,note\n1,fine\n2,\"never closed\n{rows}");
    let table = table::open(Cursor::new(file), &options).expect("a table");
    let bad = bad_rows(table);
    insta::assert_snapshot!(bad[0], @"line 3 (row 2): the quote that opens column 2 is never closed, and everything up to line 60003 is lost in it; close it and read again, or allow records of more than 1000 bytes");
    assert_eq!((bad.len(), bad[0].raw.len()), (1, 1000));
}

#[test]
fn a_long_cell_never_becomes_rows() {
    let options = Options { max_record_bytes: 1000, ..Options::default() };
    let planted = "9,planted\n".repeat(60_000);
    let file = format!("id,note\n1,\"{planted}\"\n2,fine\n3,{}\n4,fine\n", "x".repeat(300_000));
    let table = table::open(Cursor::new(file), &options).expect("a table");
    let rows: Vec<String> = table
        .map(|row| match row {
            Ok(record) => record.cell(0).text().unwrap_or_default().to_owned(),
            Err(fault) => fault.to_string(),
        })
        .collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
    line 2 (row 1): the row is longer than 1000 bytes
    2
    line 60004 (row 3): the row is longer than 1000 bytes
    4
    ");
}

#[test]
fn the_row_after_a_long_one_is_read() {
    let options = Options { max_record_bytes: 20, max_columns: 3, ..Options::default() };
    let file = format!("id,note\n1,{0}\n2,fine\n3,a,b,c,d,e\n4,fine\n5,\"{0}\n{0}\"\n6,fine", "x".repeat(30));
    let table = table::open(Cursor::new(file), &options).expect("a table");
    insta::assert_snapshot!(show(table), @r#"
    line 2 (row 1): the row is longer than 20 bytes -> "1,xxxxxxxxxxxxxxxxxx"
    line 3 (row 2): 2|fine
    line 4 (row 3): more than 3 columns (2 expected) -> "3,a,b,c,d,e"
    line 5 (row 4): 4|fine
    line 6 (row 5): the row is longer than 20 bytes -> "5,\"xxxxxxxxxxxxxxxxx"
    line 8 (row 6): 6|fine
    "#);
}

#[test]
fn more_columns_than_any_header_may_have() {
    let options = Options { max_columns: 100, ..Options::default() };
    let file = format!("id,note\n1{}\n2,fine\n", ",x".repeat(5000));
    let table = table::open(Cursor::new(file), &options).expect("a table");
    let bad = bad_rows(table);
    assert_eq!(bad[0].why, Complaint::TooManyColumns { most: 100, expected: 2 });
    let wide = format!("id{}", (0..200).map(|n| format!(",c{n}")).collect::<String>());
    let refused = table::open(Cursor::new(wide), &options).expect_err("too wide");
    insta::assert_snapshot!(refused, @"the header has more than 100 columns");
}

#[test]
fn rows_that_are_not_text() {
    let mut file = "id;name;city\n1;Müller;Köln\n2;Groß;Fürth\n".as_bytes().to_vec();
    file.extend(b"3;M\xfcller;Bonn\n4;\xc3;\xa9\n5;a\0b;Ulm\n6;Anna;Ulm\n");
    insta::assert_snapshot!(show(open(file)), @r#"
    line 2 (row 1): 1|Müller|Köln
    line 3 (row 2): 2|Groß|Fürth
    line 4 (row 3): column 2 holds bytes that are not UTF-8 -> "3;M�ller;Bonn"
    line 5 (row 4): column 2 holds bytes that are not UTF-8 -> "4;�;�"
    line 6 (row 5): the row holds a NUL character -> "5;a\0b;Ulm"
    line 7 (row 6): 6|Anna|Ulm
    "#);
    let mut file = utf_16("name\tcity\nAnna\tUlm\nB");
    file.extend([0x00, 0xd8, b'\t', 0, b'x', 0, b'\n', 0, b'C', 0, b'\t', 0, b'y', 0]);
    insta::assert_snapshot!(show(open(file)), @r#"
    line 2 (row 1): Anna|Ulm
    line 3 (row 2): column 1 holds bytes that are not UTF-16 LE -> "B�\tx"
    line 4 (row 3): C|y
    "#);
}

#[test]
fn what_the_caller_says_goes_first() {
    let polish = b"imi\xea;miasto\nStanis\xb3aw;\xa3\xf3d\x9f\n".to_vec();
    assert!(matches!(refusal(polish.clone()), Error::EncodingUnclear));
    let options =
        Options { encoding: Encoding::named("windows-1250"), delimiter: Some(b';'), ..Options::default() };
    let table = table::open(Cursor::new(polish), &options).expect("a table");
    assert_eq!(table.dialect().to_string(), "CSV, semicolons, windows-1250");
    assert_eq!(show(table), "line 2 (row 1): Stanisław|Łódź");
    let options = Options { delimiter: Some(b'"'), ..Options::default() };
    assert!(matches!(table::open(Cursor::new("a"), &options), Err(Error::Delimiter)));
}

#[test]
fn headers_that_are_none() {
    insta::assert_snapshot!(refusal(""), @"the file is empty");
    insta::assert_snapshot!(refusal("\r\n \r\n"), @"the file is empty");
    insta::assert_snapshot!(refusal(";;\n"), @"the file is empty");
    insta::assert_snapshot!(refusal("name,email,name,Name\n"), @"the header has one name for columns 1, 3; give each column its own name");
    insta::assert_snapshot!(refusal("name,,email, \n"), @"the header has no name for column 2; give each column a name");
    insta::assert_snapshot!(refusal("1,Anna,anna@example.com,1980-01-31\n"), @"the first line looks like data, not like a header (columns 1, 3, 4); put a line of column names first");
    insta::assert_snapshot!(refusal("name,\"city\nAnna,Ulm\n"), @"line 1: the header cannot be read: the quote that opens column 2 is never closed");
    let table = open("\"E-\n Mail\", 2024 ,Name\n");
    assert_eq!(table.headers(), ["E- Mail", "2024", "Name"]);
}

#[test]
fn a_bad_row_can_be_mended_and_read_again() {
    let mut file = "id;name\r\n1;Anna\r\n2;Bob;x\r\n".to_owned();
    let table = open(file.clone());
    let header = String::from_utf8(table.raw_header().to_vec()).expect("text");
    let errors = String::from_utf8(bad_rows(table).remove(0).raw).expect("text");
    file = format!("{header}\n{errors}\n").replace(";x", "");
    assert_eq!(show(open(file)), "line 2 (row 1): 2|Bob");
}

#[test]
fn errors_and_debug_output_keep_the_secret() {
    let table = open("id,name\n1,Confidential\n2,Confidential,x\n3,\"Confidential\" x\n4,\"Confidential\n");
    let mut said = format!("{table:?}");
    for row in table {
        said += &format!("{row:?}");
        match row {
            Ok(record) => said += &format!("{:?}", record.cells().collect::<Vec<_>>()),
            Err(fault) => said += &fault.to_string(),
        }
    }
    said += &format!("{:?}", refusal("Confidential,Confidential\n1,2\n"));
    said += &refusal("Confidential,anna@example.com\n").to_string();
    assert!(!said.contains("Confidential") && !said.contains("anna"), "{said}");
}
