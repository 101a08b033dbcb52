//! The list of tables is the schema's: whatever is added to the one is decided about in the other.

use std::collections::BTreeSet;

use avouch_core::MIGRATIONS;
use avouch_core::backup::{left_out, tables};
use avouch_store::Side;
use rusqlite::Connection;

/// The tables of a store with the columns of each, and with those of its key, as SQLite has them.
fn schema(side: Side) -> Vec<(String, Vec<String>, Vec<String>)> {
    let connection = Connection::open_in_memory().expect("memory");
    for migration in MIGRATIONS {
        let sql = if side == Side::Data { migration.data } else { migration.keys };
        connection.execute_batch(sql).expect("a migration works");
    }
    let mut tables =
        connection.prepare("select name from sqlite_master where type = 'table' order by name").expect("sql");
    let names: Vec<String> =
        tables.query_map([], |row| row.get(0)).expect("rows").map(|name| name.expect("text")).collect();
    let columns = |table: &String, sql: &str| -> Vec<String> {
        let mut columns = connection.prepare(sql).expect("sql");
        columns.query_map([table], |row| row.get(0)).expect("rows").map(|name| name.expect("text")).collect()
    };
    let all = "select name from pragma_table_info(?1) order by cid";
    let key = "select name from pragma_table_info(?1) where pk > 0 order by pk";
    names.iter().map(|table| (table.clone(), columns(table, all), columns(table, key))).collect()
}

#[test]
fn every_table_is_backed_up_with_every_column_by_its_key_or_left_out_by_name() {
    let (held, left_out) = (tables(), left_out());
    for side in [Side::Data, Side::Keys] {
        // Rows are read, compared and laid over one another in the order of these.
        let strings = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let known: BTreeSet<_> = held
            .iter()
            .filter(|(of, ..)| *of == side)
            .map(|(_, name, columns, key)| ((*name).to_owned(), strings(columns), strings(&columns[..*key])))
            .collect();
        let expected: BTreeSet<_> =
            schema(side).into_iter().filter(|(name, ..)| !left_out.contains(&name.as_str())).collect();
        assert_eq!(
            known, expected,
            "{side:?}: a table of the schema is neither backed up nor left out, or differs"
        );
    }
}
