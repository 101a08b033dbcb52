//! The list of tables is the schema's: whatever is added to the one is decided about in the other.

use std::collections::BTreeSet;

use avouch_core::MIGRATIONS;
use avouch_core::backup::{left_out, tables};
use avouch_store::Side;
use rusqlite::Connection;

/// Table and column names of a store, as SQLite has them.
fn schema(side: Side) -> Vec<(String, Vec<String>)> {
    let connection = Connection::open_in_memory().expect("memory");
    for migration in MIGRATIONS {
        let sql = if side == Side::Data { migration.data } else { migration.keys };
        connection.execute_batch(sql).expect("a migration works");
    }
    let mut tables =
        connection.prepare("select name from sqlite_master where type = 'table' order by name").expect("sql");
    let names: Vec<String> =
        tables.query_map([], |row| row.get(0)).expect("rows").map(|name| name.expect("text")).collect();
    let columns = |table: &String| -> Vec<String> {
        let mut columns =
            connection.prepare("select name from pragma_table_info(?1) order by cid").expect("sql");
        columns.query_map([table], |row| row.get(0)).expect("rows").map(|name| name.expect("text")).collect()
    };
    names.iter().map(|table| (table.clone(), columns(table))).collect()
}

#[test]
fn every_table_is_backed_up_with_every_column_or_left_out_by_name() {
    let (held, left_out) = (tables(), left_out());
    for side in [Side::Data, Side::Keys] {
        let known: BTreeSet<(String, Vec<String>)> = held
            .iter()
            .filter(|(of, ..)| *of == side)
            .map(|(_, name, columns)| {
                ((*name).to_owned(), columns.iter().map(|name| (*name).to_owned()).collect())
            })
            .collect();
        let expected: BTreeSet<_> =
            schema(side).into_iter().filter(|(name, _)| !left_out.contains(&name.as_str())).collect();
        assert_eq!(
            known, expected,
            "{side:?}: a table of the schema is neither backed up nor left out, or differs"
        );
    }
}
