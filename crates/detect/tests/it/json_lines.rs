//! JSON Lines.

use std::io::Cursor;

use avouch_detect::table::{self, Options};

use crate::{bad_rows, open, refusal, show, utf_16};

#[test]
fn columns_are_the_keys_of_the_first_rows() {
    let table = open(
        "{\"id\":1,\"name\":\"Anna\",\"address\":{\"city\":\"Ulm\",\"geo\":{\"lat\":48.4}}}\r\n\n\
         {\"id\":2,\"tags\":[\"a\"],\"name\":null,\"address\":{}}\n{\"name\":\"\"}",
    );
    assert_eq!(table.dialect().to_string(), "JSON Lines, UTF-8");
    assert_eq!(table.headers(), ["id", "name", "address.city", "address.geo", "tags", "address"]);
    insta::assert_snapshot!(show(table), @r#"
    line 1 (row 1): 1|Anna|Ulm|{"lat":48.4}||
    line 3 (row 2): 2||||["a"]|
    line 4 (row 3): |||||
    "#);
}

#[test]
fn bad_lines_are_rows() {
    let table =
        open("{\"id\":1}\n{\"id\":\n[1]\n{\"id\":1,\"id\":2}\n{\"a\":{\"b\":1},\"a.b\":2}\n{\"id\":3}\n");
    insta::assert_snapshot!(show(table), @r#"
    line 1 (row 1): 1
    line 2 (row 2): not valid JSON (character 6 of the line) -> "{\"id\":"
    line 3 (row 3): not a JSON object -> "[1]"
    line 4 (row 4): a key stands twice in one object -> "{\"id\":1,\"id\":2}"
    line 5 (row 5): a key stands twice in one object -> "{\"a\":{\"b\":1},\"a.b\":2}"
    line 6 (row 6): 3
    "#);
}

#[test]
fn a_new_key_after_the_first_rows_is_told() {
    let file = "{\"id\":1}\n".repeat(1000)
        + "{\"id\":1,\"nick_name\":\"x\"}\n{\"anna@example.com\":1}\n{\"id\":2}\n";
    let said: Vec<String> = bad_rows(open(file)).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    line 1001 (row 1001): the key `nick_name` is not among the columns of the first rows
    line 1002 (row 1002): a key is not among the columns of the first rows
    ");
}

#[test]
fn long_lines_do_not_fill_the_memory() {
    let options = Options { max_record_bytes: 100, ..Options::default() };
    let file = format!("{{\"id\":1}}\n{{\"id\":\"{}\"}}\n{{\"id\":2}}", "x".repeat(500_000));
    let table = table::open(Cursor::new(file), &options).expect("a table");
    let bad = bad_rows(table);
    insta::assert_snapshot!(bad[0], @"line 2 (row 2): the row is longer than 100 bytes");
    assert_eq!((bad.len(), bad[0].raw.len()), (1, 100));
}

#[test]
fn other_json_is_refused_with_the_way_out() {
    insta::assert_snapshot!(refusal("[\n {\"id\":1}\n]"), @"this is one JSON array; JSON Lines has one object on each line (`jq -c '.[]'` turns one into the other)");
    insta::assert_snapshot!(refusal("{\n \"id\": 1\n}\n"), @"none of the first 3 lines is a JSON object; each line must be one whole object (`jq -c .` makes it so)");
}

#[test]
fn utf_16_too() {
    let table = open(utf_16("{\"name\":\"Łukasz\"}\r\n"));
    assert_eq!(table.dialect().to_string(), "JSON Lines, UTF-16 LE with BOM");
    assert_eq!(show(table), "line 1 (row 1): Łukasz");
}
