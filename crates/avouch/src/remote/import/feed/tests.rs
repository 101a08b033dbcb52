use avouch_detect::table::{Options, open};
use avouch_wire::import::RowFault;

use super::{super::mapping::Rule, *};

fn chunks(text: &str, size: usize, done: &[(u64, u64)]) -> Chunks {
    let table = open(std::io::Cursor::new(text.to_owned()), &Options::default()).unwrap();
    let headers = table.headers().to_vec();
    let rules = [Rule::parse("name=name", &headers).unwrap()];
    let mapping = Arc::new(Mapping::new(&rules, &headers, None).unwrap());
    Chunks::new(table, mapping, size, Done::new(done))
}

fn shown(chunks: Chunks) -> String {
    let line = |chunk: Result<Chunk, CliError>| {
        let chunk = chunk.unwrap();
        let bad: Vec<_> = chunk.bad.iter().map(|bad| format!(" {}: {}", bad.row, bad.why)).collect();
        let body = String::from_utf8(chunk.body).unwrap();
        format!("{} {:?} {} rows {body}{}\n", chunk.number, chunk.state, chunk.records.len(), bad.concat())
    };
    chunks.map(line).collect()
}

const CSV: &str = "name,mail\nAda,a\nBen,b\nCleo,c,c\n,d\nEve,e\n";

#[test]
fn every_row_is_in_one_chunk_good_or_bad() {
    insta::assert_snapshot!(shown(chunks(CSV, 2, &[])), @r#"
    0 New 2 rows {"rows":[{"row":1,"fields":{"name":"Ada"}},{"row":2,"fields":{"name":"Ben"}}]}
    1 Empty 0 rows  3: 1 column too many (3 instead of 2) 4: every column that is imported is empty
    2 New 1 rows {"rows":[{"row":5,"fields":{"name":"Eve"}}]}
    "#);
}

#[test]
fn chunks_that_the_server_has_are_cut_the_same_and_not_sent() {
    insta::assert_snapshot!(shown(chunks(CSV, 2, &[(0, 1)])), @r#"
    0 Earlier 2 rows 
    1 Empty 0 rows  3: 1 column too many (3 instead of 2) 4: every column that is imported is empty
    2 New 1 rows {"rows":[{"row":5,"fields":{"name":"Eve"}}]}
    "#);
}

#[test]
fn long_rows_make_short_chunks() {
    let row = "x".repeat(900_000);
    let text = format!("name,mail\n{}", format!("{row},\n").repeat(9));
    let sizes: Vec<_> =
        chunks(&text, 1000, &[]).map(|chunk| chunk.unwrap()).map(|chunk| chunk.records.len()).collect();
    assert_eq!(sizes, [5, 4]);
}

#[test]
fn notes_of_an_error_file_are_no_rows() {
    let text =
        "{\"avouch_row\":3,\"avouch_error\":\"not a JSON object\",\"name\":\"\"}\n{\"name\":\"Ada\"}\n";
    insta::assert_snapshot!(shown(chunks(text, 10, &[])), @r#"0 New 1 rows {"rows":[{"row":2,"fields":{"name":"Ada"}}]}"#);
}

#[test]
fn an_answer_must_account_for_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(CSV.as_bytes(), &Options::default()).unwrap();
    let mut errors = ErrorFile::new(&table, &folder.path().join("c.csv"), None).unwrap();
    let chunk = chunks(CSV, 2, &[]).next().unwrap().unwrap();
    let rejected = |row| RejectedRow { row, errors: vec![RowFault { field: None, detail: "no".into() }] };
    let mut take = |accepted, rejected: Vec<RejectedRow>| {
        let result = ChunkResult { accepted, skipped: 0, rejected };
        Counts::default().take(&chunk, Some(result), &mut errors).is_ok()
    };
    assert!(take(2, Vec::new()));
    assert!(take(1, vec![rejected(2)]));
    assert!(!take(1, Vec::new()));
    assert!(!take(1, vec![rejected(7)]));
}
